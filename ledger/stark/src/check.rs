//! Whether cells satisfy tables, row by row and without a proof: what a lie has to break.

use crate::field::F;
use crate::program::Program;
use crate::proof::Statement;
use crate::prove::{Opened, cells};
use crate::table::At;
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_matrix::dense::RowMajorMatrix;
use std::collections::HashMap;

/// What is not received as often as it is sent, by kind and fields.
type Unbalanced = HashMap<(u32, Vec<u32>), F>;

impl Statement {
    /// The first constraint that does not hold, as table, constraint and row.
    pub(crate) fn violated(
        &self,
        own: &[RowMajorMatrix<F>],
        data: &[Opened<'_>],
    ) -> Option<(usize, usize, u64)> {
        (0..self.tables.len()).find_map(|table| {
            let rows = 0..self.tables[table].rows;
            self.violated_in(table, &own[table], data, rows)
                .map(|(constraint, row)| (table, constraint, row))
        })
    }

    /// The same among some rows of a table.
    pub(crate) fn violated_in(
        &self,
        number: usize,
        own: &RowMajorMatrix<F>,
        data: &[Opened<'_>],
        rows: impl IntoIterator<Item = u64>,
    ) -> Option<(usize, u64)> {
        let table = &self.tables[number];
        let program = Program::new(table, own.width);
        let mut seen = Vec::new();
        for row in rows {
            cells(table, own, data, row as usize, &mut seen);
            for (index, (at, form)) in program.constraints.iter().enumerate() {
                let counts = match at {
                    At::All => true,
                    At::Transition => row + 1 < table.rows,
                    At::Row(only) => *only == row,
                };
                if counts && form.eval(&seen) != F::ZERO {
                    return Some((index, row));
                }
            }
        }
        None
    }

    /// Takes up the messages of some rows of a table.
    pub(crate) fn send(
        &self,
        number: usize,
        own: &RowMajorMatrix<F>,
        data: &[Opened<'_>],
        rows: impl IntoIterator<Item = u64>,
        sent: &mut Unbalanced,
        sign: F,
    ) {
        let table = &self.tables[number];
        let program = Program::new(table, own.width);
        let mut seen = Vec::new();
        for row in rows {
            cells(table, own, data, row as usize, &mut seen);
            for message in &program.messages {
                let fields = message.fields.iter();
                let fields = fields.map(|field| field.eval(&seen).as_canonical_u32());
                let times = message.times.eval(&seen) * sign;
                *sent.entry((message.kind, fields.collect())).or_default() += times;
            }
        }
        sent.retain(|_, times| *times != F::ZERO);
    }

    /// A message that is not received as often as it is sent.
    pub(crate) fn unbalanced(
        &self,
        own: &[RowMajorMatrix<F>],
        data: &[Opened<'_>],
    ) -> Option<(u32, Vec<u32>)> {
        let mut sent = Unbalanced::new();
        for (number, own) in own.iter().enumerate() {
            let rows = 0..self.tables[number].rows;
            self.send(number, own, data, rows, &mut sent, F::ONE);
        }
        for public in &self.public {
            let fields = public.fields.iter().map(|field| field.as_canonical_u32());
            *sent.entry((public.kind, fields.collect())).or_default() += public.times;
        }
        let mut left = sent.into_iter().filter(|(_, times)| *times != F::ZERO);
        left.next().map(|(message, _)| message)
    }

    /// Whether a cell of the table's own can be another without anybody's notice.
    pub(crate) fn is_free(
        &self,
        table: usize,
        column: usize,
        row: u64,
        own: &mut RowMajorMatrix<F>,
        data: &[Opened<'_>],
    ) -> bool {
        let rows = || row.saturating_sub(1)..=row;
        let mut sent = Unbalanced::new();
        self.send(table, own, data, rows(), &mut sent, F::ONE);
        let at = row as usize * own.width + column;
        own.values[at] += F::ONE;
        self.send(table, own, data, rows(), &mut sent, -F::ONE);
        let held = self.violated_in(table, own, data, rows()).is_none();
        own.values[at] -= F::ONE;
        held && sent.is_empty()
    }
}
