//! The table of all words of 16 bits, in which others look up what they hold.

use crate::field::F;
use crate::table::{At, Cell, Fixed, Linear, Table, next, set};
use crate::taken::Taken;
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

/// Messages: a word.
pub(crate) const WORD: u32 = 1;
/// A low byte and a high byte.
pub(crate) const BYTES: u32 = 2;
/// The same, of a word that is at most the table's bound.
pub(crate) const BOUNDED: u32 = 3;

const COUNT: usize = 1 << 16;

/// A table of words, and where its columns are.
pub(crate) struct Words {
    pub(crate) table: Table,
    low: Cell,
    high: Cell,
    times: [Cell; 3],
    within: Cell,
    bound: u64,
}

impl Words {
    /// Words that are bounded go up to `bound`.
    pub(crate) fn new(bound: u64) -> Self {
        assert!(bound < COUNT as u64);
        let mut table = Table::of_rows(COUNT as u64);
        let [low, high, within] = table.columns();
        let times: [Cell; 3] = table.columns();
        let end = table.fixed(Fixed::Ends(256));
        // After the last word the bytes begin anew: what stands there stands above too.
        let wrap = table.fixed(Fixed::Row(COUNT as u64 - 1));
        for cell in [low, high] {
            table.demand(At::Row(0), Linear::from(cell));
        }
        // low' = (low + 1)(1 - end)
        table.demand(
            At::Transition,
            (Linear::from(low) + Linear::one()) * (Linear::one() - Linear::from(end)) - next(low),
        );
        table.demand(
            At::Transition,
            Linear::from(high) + Linear::from(end)
                - Linear::from(wrap) * F::from_u32(256)
                - next(high),
        );
        let last = table.fixed(Fixed::Row(bound));
        table.demand(At::Row(0), Linear::from(within) - Linear::one());
        table.demand(
            At::Transition,
            Linear::from(within) - Linear::from(last) - next(within),
        );
        let [words, bytes, bounded] = times;
        table.demand(
            At::All,
            Linear::from(bounded) * (Linear::one() - Linear::from(within)),
        );
        let word = Linear::from(low) + Linear::from(high) * F::from_u32(256);
        let pair = || vec![Linear::from(low), Linear::from(high)];
        table.receive(WORD, vec![word], words);
        table.receive(BYTES, pair(), bytes);
        table.receive(BOUNDED, pair(), bounded);
        Self {
            table,
            low,
            high,
            times,
            within,
            bound,
        }
    }

    /// Writes the columns, from how often each word is looked up.
    pub(crate) fn fill(&self, own: &mut RowMajorMatrix<F>, looked_up: &Lookups) {
        let width = own.width;
        for row in 0..self.table.rows as usize {
            let word = row % COUNT;
            let cells = &mut own.values[row * width..(row + 1) * width];
            set(cells, self.low, word as u64 & 255);
            set(cells, self.high, word as u64 >> 8);
            set(cells, self.within, u64::from(row as u64 <= self.bound));
            if row < COUNT {
                for (cell, taken) in self.times.into_iter().zip(&looked_up.0) {
                    set(cells, cell, taken.get(word));
                }
            }
        }
    }
}

/// How often each word is looked up, as each kind of message.
pub(crate) struct Lookups([Taken; 3]);

impl Lookups {
    pub(crate) fn new() -> Self {
        Self([(); 3].map(|()| Taken::new(COUNT)))
    }

    /// Counts one message of this kind.
    pub(crate) fn count(&self, kind: u32, word: u64) {
        self.count_times(kind, word, 1);
    }

    /// Counts so many messages at once.
    pub(crate) fn count_times(&self, kind: u32, word: u64, times: u32) {
        self.0[kind as usize - 1].count_times(word as usize, times);
    }
}
