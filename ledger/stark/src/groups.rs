//! That rows which agree in some columns are many: each group of them has at least `k`, so that nobody is alone in his (k-anonymity,
//! Sweeney 2002).
//!
//! Every row sends what it has in those columns. A private table receives it as often as it says of each group, and what it says
//! is `k` at least or nothing. Where it holds a group twice, each part has `k` rows, and the whole so much the more: all counts
//! are shown to add up to the number of rows over the integers, so none of them can be a larger number that only is the right
//! one modulo the field's order. The table has room for as many groups as there could be, so not even their number is told.

use crate::column::{Column, Live, MAX_VALUES, VALUES};
use crate::field::F;
use crate::proof::{Proof, Statement};
use crate::prove::ProveError;
use crate::ranges::{COUNT, RANGE, Ranges, entry};
use crate::rows::{Dataset, Row, Rows};
use crate::table::{At, Cell, Linear, Table, next, put, set};
use crate::taken::Taken;
use crate::verify::{Verified, VerifyError};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Message: what a row has in the columns.
const GROUP: u32 = 10;

/// Bits of the two parts of what a count is beyond `k`, and of how many rows come before a group.
const BEYOND_BITS: [u64; 2] = [16, 6];
const BEFORE_BITS: [u64; 2] = [16, 7];

/// The claim that each group has at least so many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// So many.
    pub at_least: u64,
}

impl Groups {
    /// Cells of its tables ([`crate::Tables::cells`]); nothing, if it cannot be true of any such columns.
    pub fn cells(&self, columns: &Dataset) -> Option<u64> {
        Some(Plan::new(self, columns)?.statement.cells())
    }

    /// Whether it is true of a dataset's columns, found out without a proof: exactly then it can be proved.
    pub fn holds(&self, columns: &[Column]) -> bool {
        if Plan::new(self, &Dataset::of(columns)).is_none() {
            return false;
        }
        let mut prints = Row::prints(&Row::all(columns).collect::<Vec<_>>());
        prints.par_sort_unstable();
        let mut groups = prints.chunk_by(|a, b| a == b);
        groups.all(|group| group.len() as u64 >= self.at_least)
    }

    /// Proves it of a dataset's columns: those that rows are grouped by.
    ///
    /// # Errors
    /// [`ProveError`], if it is false among others.
    pub fn prove(&self, columns: &[Column]) -> Result<Proof, ProveError> {
        let plan = Plan::new(self, &Dataset::of(columns));
        let plan = plan.ok_or(ProveError::Unsatisfied { table: 0 })?;
        let own = plan.fill(columns);
        let own = own.ok_or(ProveError::Unsatisfied { table: GROUPS })?;
        let opened: Vec<_> = columns.iter().map(Column::opened).collect();
        plan.statement.prove(own, &opened)
    }

    /// Verifies a proof about columns of which this is public.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, columns: &Dataset, proof: &Proof) -> Result<Verified, VerifyError> {
        let plan = Plan::new(self, columns).ok_or(VerifyError::Claim)?;
        plan.statement.verify(proof)
    }
}

const MAIN: usize = 0;
const GROUPS: usize = 1;
const RANGES: usize = 2;

/// The tables and where their columns are.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    at_least: u64,
    rows: u64,
    live: Live,
    /// Of the table of groups: what its rows have, whether it is one, how many rows, and by how many more than needed.
    key: Vec<Cell>,
    used: Cell,
    count: Cell,
    beyond: [Cell; 2],
    /// Rows in the groups before this one.
    before: [Cell; 2],
    ranges: Ranges,
}

impl Plan {
    /// Nothing, if the claim cannot be about such columns.
    pub(crate) fn new(claim: &Groups, dataset: &Dataset) -> Option<Self> {
        // More than any column has is no element of the field that would stand for it alone.
        if !dataset.fits(dataset) || !(1..=MAX_VALUES).contains(&claim.at_least) {
            return None;
        }
        let rows = dataset.rows()?;
        let mut main = Rows::new(dataset, 0)?;
        let mut width = 0;
        for place in 0..VALUES {
            let fields = main.fields(place);
            width = fields.len();
            let live = main.live.place(place);
            main.table.send(GROUP, fields, live);
        }
        let most = rows / claim.at_least;
        let mut table = Table::of_rows(most + 1);
        let key: Vec<Cell> = (0..width).map(|_| table.column()).collect();
        let [used, count, low, high] = table.columns();
        table.demand_bit(used);
        // What is beyond k is nothing unless there is a group.
        let beyond = Linear::from(low) + Linear::from(high) * F::from_u32(1 << 16);
        table.demand(
            At::All,
            Linear::from(count) - Linear::from(used) * F::from_u64(claim.at_least) - beyond.clone(),
        );
        table.demand(At::All, beyond * (Linear::one() - Linear::from(used)));
        // A count is below 2^23, and so are all before it together: no sum reaches the field's order.
        let before: [Cell; 2] = table.columns();
        let parts = [low, high].into_iter().zip(BEYOND_BITS);
        for (part, bits) in parts.chain(before.into_iter().zip(BEFORE_BITS)) {
            let fields = vec![part.into(), Linear::number(bits)];
            table.send(RANGE, fields, Linear::one());
        }
        let sum =
            |of: &dyn Fn(Cell) -> Linear| of(before[0]) + of(before[1]) * F::from_u32(1 << 16);
        let here = sum(&|cell| cell.into());
        let after = here.clone() + Linear::from(count);
        table.demand(At::Row(0), here);
        table.demand(At::Transition, after.clone() - sum(&|cell| next(cell)));
        table.demand(At::Row(table.rows - 1), after - Linear::number(rows));
        let fields = key.iter().map(|cell| Linear::from(*cell)).collect();
        table.receive(GROUP, fields, count);
        let ranges = Ranges::new();
        let commitments = dataset
            .columns
            .iter()
            .map(|(_, commitment)| commitment.clone());
        Some(Self {
            live: main.live,
            statement: Statement {
                tables: vec![main.table, table, ranges.table.clone()],
                commitments: commitments.collect(),
                public: Vec::new(),
            },
            at_least: claim.at_least,
            rows,
            key,
            used,
            count,
            beyond: [low, high],
            before,
            ranges,
        })
    }

    /// The tables' own columns; nothing, if there are more groups than there could be.
    pub(crate) fn fill(&self, columns: &[Column]) -> Option<Vec<RowMajorMatrix<F>>> {
        let mut groups: HashMap<Vec<F>, u64> = HashMap::new();
        for row in 0..self.rows {
            let mut key = Vec::with_capacity(self.key.len());
            for column in columns {
                column.cells(row, &mut key);
            }
            *groups.entry(key).or_default() += 1;
        }
        self.fill_with(groups.into_iter().collect())
    }

    /// The tables' own columns, with these as the groups and the rows of each.
    pub(crate) fn fill_with(&self, groups: Vec<(Vec<F>, u64)>) -> Option<Vec<RowMajorMatrix<F>>> {
        let mut own = self.statement.blanks();
        let width = own[MAIN].width;
        let rows = self.statement.tables[MAIN].rows;
        for (cells, row) in own[MAIN].values.chunks_mut(width).zip(0..rows) {
            self.live.fill(cells, row);
        }
        let table = &self.statement.tables[GROUPS];
        if groups.len() as u64 > table.rows {
            return None;
        }
        let looked_up = Taken::new(COUNT);
        let width = own[GROUPS].width;
        let mut groups = groups.into_iter();
        let mut before = 0;
        for cells in own[GROUPS]
            .values
            .chunks_mut(width)
            .take(table.rows as usize)
        {
            let write = |cells: &mut [F], of: [Cell; 2], number: u64, bits: [u64; 2]| {
                let parts = [number & 0xffff, number >> 16];
                for ((part, bits), cell) in parts.into_iter().zip(bits).zip(of) {
                    set(cells, cell, part);
                    looked_up.count(entry(part, bits));
                }
            };
            write(cells, self.before, before, BEFORE_BITS);
            let mut beyond = 0;
            if let Some((key, count)) = groups.next() {
                for (cell, value) in self.key.iter().zip(key) {
                    put(cells, *cell, value);
                }
                beyond = count.checked_sub(self.at_least)?;
                set(cells, self.used, 1);
                set(cells, self.count, count);
                before += count;
            }
            write(cells, self.beyond, beyond, BEYOND_BITS);
        }
        self.ranges.fill(&mut own[RANGES], &looked_up);
        Some(own)
    }
}
