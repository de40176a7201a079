//! The table of all numbers of up to 16 bits, with how many bits they may have.

use crate::field::F;
use crate::table::{At, Cell, Fixed, Linear, Table, next, set};
use crate::taken::Taken;
use p3_matrix::dense::RowMajorMatrix;

/// Message: a number, and how many bits it has at most.
pub(crate) const RANGE: u32 = 8;
/// How many entries: 2^bits for 0 to 16 bits.
pub(crate) const COUNT: usize = (1 << 17) - 1;

/// Where a number and its bits are.
pub(crate) fn entry(number: u64, bits: u64) -> usize {
    number as usize + (1 << bits) - 1
}

/// The table, and where its columns are.
pub(crate) struct Ranges {
    pub(crate) table: Table,
    number: Cell,
    bits: Cell,
    within: Cell,
    times: Cell,
}

impl Ranges {
    pub(crate) fn new() -> Self {
        let mut table = Table::of_rows(COUNT as u64 + 1);
        let [number, bits, within, times] = table.columns();
        // Where the numbers of so many bits end: 1 at rows 0, 2, 6, 14, ...
        let mut end = Linear::zero();
        for bits in 0..16 {
            end += table.fixed(Fixed::Row((2 << bits) - 2)).into();
        }
        let last = table.fixed(Fixed::Row(COUNT as u64 - 1));
        for cell in [number, bits] {
            table.demand(At::Row(0), Linear::from(cell));
        }
        table.demand(
            At::Transition,
            (Linear::from(number) + Linear::one()) * (Linear::one() - end.clone()) - next(number),
        );
        table.demand(At::Transition, Linear::from(bits) + end - next(bits));
        table.demand(At::Row(0), Linear::from(within) - Linear::one());
        table.demand(
            At::Transition,
            Linear::from(within) - Linear::from(last) - next(within),
        );
        table.demand(
            At::All,
            Linear::from(times) * (Linear::one() - Linear::from(within)),
        );
        table.receive(RANGE, vec![number.into(), bits.into()], times);
        Self {
            table,
            number,
            bits,
            within,
            times,
        }
    }

    /// Writes the columns, from how often each entry is looked up.
    pub(crate) fn fill(&self, own: &mut RowMajorMatrix<F>, looked_up: &Taken) {
        let width = own.width;
        for row in 0..self.table.rows as usize {
            let cells = &mut own.values[row * width..(row + 1) * width];
            let bits = (row + 1).ilog2().min(16);
            set(cells, self.number, (row + 1 - (1 << bits)) as u64);
            set(cells, self.bits, u64::from(bits));
            set(cells, self.within, u64::from(row < COUNT));
            if row < COUNT {
                set(cells, self.times, looked_up.get(row));
            }
        }
    }
}
