//! That some datasets are others transformed: rows are shuffled, divided, put together or picked by a range predicate, and none is
//! changed, added or lost.
//!
//! Each dataset has a table that reads its columns. Every row of an input is sent over the bus, all its limbs and flags in one
//! message, and every row of an output receives one. Where the order matters, the message begins with the number of the
//! row in the output.

use crate::boxes::greatest;
use crate::column::{Column, Live, VALUES};
use crate::field::F;
use crate::picks::Picks;
use crate::proof::{Proof, Statement};
use crate::prove::ProveError;
use crate::ranges::Ranges;
use crate::rows::{Dataset, Row, Rows};
use crate::table::{Cell, Linear, set};
use crate::taken::Taken;
use crate::verify::{Verified, VerifyError};
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Message: a row, and before it, if the order matters, its number.
const ROW: u32 = 9;

/// What becomes of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transformation {
    /// One input, one output: the same rows in any order.
    Permutation,
    /// One input, several outputs: each row is in exactly one of them, in any order.
    Split,
    /// Several inputs, one output: their rows in order.
    Concatenation,
    /// One input, one output: those rows, in order, whose value in a column is there and lies between two keys, both included.
    Filter {
        /// The column's number.
        column: usize,
        /// The least key that is picked.
        first: u64,
        /// The greatest.
        last: u64,
    },
}

impl Transformation {
    /// Cells of its tables ([`crate::Tables::cells`]); nothing, if it cannot be true of any such datasets.
    pub fn cells(&self, inputs: &[Dataset], outputs: &[Dataset]) -> Option<u64> {
        Some(Plan::new(self, inputs, outputs)?.statement.cells())
    }

    /// Whether outputs are the inputs transformed, found out without a proof: exactly then it can be proved.
    pub fn holds(&self, inputs: &[&[Column]], outputs: &[&[Column]]) -> bool {
        if self.plan(inputs, outputs).is_none() {
            return false;
        }
        let [mut before, after] = [inputs, outputs].map(|datasets| -> Vec<Row<'_>> {
            let datasets = datasets.iter();
            datasets.flat_map(|columns| Row::all(columns)).collect()
        });
        if let Self::Filter {
            column,
            first,
            last,
        } = *self
        {
            let picked = |key| (first..=last).contains(&key);
            before.retain(|row| row.get(column).is_some_and(picked));
        }
        if self.is_ordered() {
            return before.par_iter().eq(&after);
        }
        let [before, after] = [before, after].map(|rows| {
            let mut prints = Row::prints(&rows);
            prints.par_sort_unstable();
            prints
        });
        before == after
    }

    /// Proves that outputs are the inputs transformed.
    ///
    /// # Errors
    /// [`ProveError`], if they are not among others.
    pub fn prove(&self, inputs: &[&[Column]], outputs: &[&[Column]]) -> Result<Proof, ProveError> {
        let plan = self.plan(inputs, outputs);
        let plan = plan.ok_or(ProveError::Unsatisfied { table: 0 })?;
        let columns = inputs.iter().chain(outputs).copied().flatten();
        let opened: Vec<_> = columns.map(Column::opened).collect();
        plan.statement.prove(plan.fill(inputs), &opened)
    }

    /// Verifies a proof that outputs are the inputs transformed.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        inputs: &[Dataset],
        outputs: &[Dataset],
        proof: &Proof,
    ) -> Result<Verified, VerifyError> {
        let plan = Plan::new(self, inputs, outputs).ok_or(VerifyError::Claim)?;
        plan.statement.verify(proof)
    }

    fn plan(&self, inputs: &[&[Column]], outputs: &[&[Column]]) -> Option<Plan> {
        let [inputs, outputs] = [inputs, outputs].map(|datasets| -> Vec<Dataset> {
            let datasets = datasets.iter();
            datasets.map(|columns| Dataset::of(columns)).collect()
        });
        Plan::new(self, &inputs, &outputs)
    }

    /// Whether it says in which order rows are.
    fn is_ordered(&self) -> bool {
        matches!(self, Self::Concatenation | Self::Filter { .. })
    }

    /// Whether so many rows can become so many.
    fn possible(&self, inputs: &[Dataset], outputs: &[Dataset]) -> bool {
        let rows = |of: &[Dataset]| of.iter().filter_map(Dataset::rows).sum::<u64>();
        let (before, after) = (rows(inputs), rows(outputs));
        match *self {
            Self::Permutation => inputs.len() == 1 && outputs.len() == 1 && before == after,
            Self::Split => inputs.len() == 1 && !outputs.is_empty() && before == after,
            Self::Concatenation => !inputs.is_empty() && outputs.len() == 1 && before == after,
            Self::Filter {
                column,
                first,
                last,
            } => {
                let column = inputs.first().and_then(|input| input.columns.get(column));
                inputs.len() == 1
                    && outputs.len() == 1
                    && after <= before
                    && first <= last
                    && column.is_some_and(|(layout, _)| last <= greatest(layout.limbs))
            }
        }
    }
}

/// What a filter adds to its input's table.
struct Picking {
    column: usize,
    picks: Picks,
    ranges: Ranges,
}

/// The tables and where their columns are: one for each dataset, inputs first, and what a filter needs.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    /// For each dataset's table, its first row's number and where it is counted.
    numbers: Vec<Option<(u64, Cell)>>,
    live: Vec<Live>,
    picking: Option<Picking>,
}

impl Plan {
    /// Nothing, if no such datasets are transformed so.
    pub(crate) fn new(
        transformation: &Transformation,
        inputs: &[Dataset],
        outputs: &[Dataset],
    ) -> Option<Self> {
        let like = inputs.first()?;
        let mut all = inputs.iter().chain(outputs);
        if !all.all(|dataset| dataset.fits(like)) || !transformation.possible(inputs, outputs) {
            return None;
        }
        let ordered = transformation.is_ordered();
        let mut tables = Vec::new();
        let mut commitments = Vec::new();
        let (mut numbers, mut live) = (Vec::new(), Vec::new());
        let mut picking = None;
        let mut start = 0;
        for (index, dataset) in inputs.iter().chain(outputs).enumerate() {
            let mut rows = Rows::new(dataset, commitments.len())?;
            let output = index >= inputs.len();
            let picks = match *transformation {
                Transformation::Filter {
                    column,
                    first,
                    last,
                } if !output => Some((column, [first, last])),
                _ => None,
            };
            if let Some((column, range)) = picks {
                picking = Some(rows.pick(column, range));
                numbers.push(None);
            } else {
                let first = if output { 0 } else { start };
                let number = ordered.then(|| (first, rows.number(first)));
                rows.exchange(number.map(|(_, cell)| cell), output);
                numbers.push(number);
            }
            start += dataset.rows()?;
            live.push(rows.live);
            tables.push(rows.table);
            commitments.extend(
                dataset
                    .columns
                    .iter()
                    .map(|(_, commitment)| commitment.clone()),
            );
        }
        if let Some(picking) = &picking {
            tables.push(picking.picks.boxes.table.clone());
            tables.push(picking.ranges.table.clone());
        }
        Some(Self {
            statement: Statement {
                tables,
                commitments,
                public: Vec::new(),
            },
            numbers,
            live,
            picking,
        })
    }

    /// The tables' own columns.
    pub(crate) fn fill(&self, inputs: &[&[Column]]) -> Vec<RowMajorMatrix<F>> {
        let mut own = self.statement.blanks();
        for (table, (live, number)) in self.live.iter().zip(&self.numbers).enumerate() {
            let width = own[table].width;
            let rows = self.statement.tables[table].rows;
            let cells = own[table].values.chunks_mut(width).zip(0..rows);
            for (cells, row) in cells {
                live.fill(cells, row);
                if let Some((first, number)) = number {
                    set(cells, *number, first + row * VALUES as u64);
                }
            }
        }
        if let (Some(picking), Some(input)) = (&self.picking, inputs.first()) {
            let looked_up = Taken::new(crate::ranges::COUNT);
            let boxes = own.len() - 2;
            if let (Some(column), Ok([rows, boxes])) =
                (input.get(picking.column), own.get_disjoint_mut([0, boxes]))
            {
                let counting = self.statement.tables[0].rows;
                (picking.picks).fill([rows, boxes], counting, column, &looked_up);
            }
            picking.ranges.fill(&mut own[boxes + 1], &looked_up);
        }
        own
    }
}

impl Rows {
    /// Sends or receives all rows, numbered if there is a number.
    fn exchange(&mut self, number: Option<Cell>, receive: bool) {
        for place in 0..VALUES {
            let index = number.map(|number| Linear::from(number) + Linear::number(place as u64));
            let fields = index.into_iter().chain(self.fields(place)).collect();
            let live = self.live.place(place);
            if receive {
                self.table.receive(ROW, fields, live);
            } else {
                self.table.send(ROW, fields, live);
            }
        }
    }

    /// Sends those rows only whose value in a column is there and within a range, numbered by their rank among them.
    fn pick(&mut self, column: usize, range: [u64; 2]) -> Picking {
        let there: Vec<Linear> = (self.there.iter())
            .map(|of_place| of_place[column].clone())
            .collect();
        let layout = self.layouts[column];
        let picks = Picks::new(&mut self.table, &layout, column as u32, &there, range);
        for place in 0..VALUES {
            let fields = [picks.before(place)].into_iter().chain(self.fields(place));
            let fields = fields.collect();
            self.table.send(ROW, fields, picks.selected[place]);
        }
        Picking {
            column,
            picks,
            ranges: Ranges::new(),
        }
    }
}
