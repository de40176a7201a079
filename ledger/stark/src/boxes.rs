//! Boxes: intervals of 2^k numbers, in which a value is shown to lie.
//!
//! An interval is the union of two of them, where `2^k <= size < 2^(k+1)`: one at its beginning and one at its end. A small table
//! holds the boxes of several intervals; a value takes one from it and shows that it exceeds the box's base by a number of
//! k bits. Which one it takes stays private, but for the interval's class, if that is part of the message.

use crate::field::F;
use crate::ranges::{RANGE, entry};
use crate::table::{At, Cell, Fixed, Linear, Table, carried, next, set, word};
use crate::taken::Taken;
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

/// Message: a box of a column's values, as the words of its base, the bits of each word of what exceeds it, and its interval's
/// class.
pub(crate) const BOX: u32 = 7;

/// Numbers from `base` on, 2^`bits` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Box {
    base: u64,
    bits: u32,
    class: u64,
}

impl Box {
    /// The two that cover an interval, both ends included.
    fn covering(interval: &Interval) -> [Self; 2] {
        let Interval { first, last, class } = *interval;
        let size = u128::from(last - first) + 1;
        let bits = size.ilog2();
        let second = last - ((1_u128 << bits) - 1) as u64;
        [first, second].map(|base| Self { base, bits, class })
    }

    fn base_word(&self, number: usize) -> u64 {
        word(self.base, number)
    }

    /// Bits of a word of what exceeds the base.
    fn word_bits(&self, number: usize) -> u64 {
        u64::from(self.bits.saturating_sub(16 * number as u32).min(16))
    }

    fn holds(&self, value: u64) -> bool {
        value >= self.base && u128::from(value - self.base) < 1 << self.bits
    }
}

/// All numbers from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// What tells it from others whose boxes a value might take instead.
    pub(crate) class: u64,
}

/// The greatest number of so many limbs.
pub(crate) fn greatest(limbs: u32) -> u64 {
    u64::MAX >> (64 - 16 * limbs)
}

/// Cells of a value that takes a box.
pub(crate) struct Place {
    base: Vec<Cell>,
    bits: Vec<Cell>,
    carries: Vec<Cell>,
}

/// The table of boxes, which are public, and of how often each is taken, which is private.
pub(crate) struct Boxes {
    pub(crate) table: Table,
    /// Of the message by which a box is taken.
    kind: u32,
    /// Where intervals begin, in ascending order, and their numbers.
    firsts: Vec<(u64, usize)>,
    boxes: Vec<Box>,
    taken: Cell,
    before: Cell,
}

impl Boxes {
    /// Boxes for values of so many limbs, of intervals that together cover all of them. How many values lie in each of the first
    /// intervals is demanded to be as claimed; of the others it stays private. Another table's boxes are of another kind of
    /// message.
    pub(crate) fn new(kind: u32, intervals: &[Interval], limbs: u32, counts: &[u64]) -> Self {
        let boxes: Vec<Box> = intervals.iter().flat_map(Box::covering).collect();
        let mut table = Table::of_rows(boxes.len() as u64 + 1);
        let [taken, before] = table.columns();
        let values = |of: &dyn Fn(&Box) -> u64| {
            Fixed::Values(boxes.iter().map(|of_box| F::from_u64(of(of_box))).collect())
        };
        let mut fields = Vec::new();
        for limb in 0..limbs as usize {
            fields.push(table.fixed(values(&|of| of.base_word(limb))).into());
        }
        for limb in 0..limbs as usize {
            fields.push(table.fixed(values(&|of| of.word_bits(limb))).into());
        }
        fields.push(table.fixed(values(&|of| of.class)).into());
        table.receive(kind, fields, taken);
        // Behind the boxes there is nothing to take.
        let is_box = table.fixed(values(&|_| 1));
        table.demand(
            At::All,
            Linear::from(taken) * (Linear::one() - Linear::from(is_box)),
        );
        table.demand(At::Row(0), Linear::from(before));
        table.demand(
            At::Transition,
            Linear::from(before) + Linear::from(taken) - next(before),
        );
        let mut sum = 0;
        for (number, count) in counts.iter().enumerate() {
            sum += count;
            let row = 2 * number as u64 + 2;
            table.demand(At::Row(row), Linear::from(before) - Linear::number(sum));
        }
        let firsts = intervals.iter().enumerate();
        let mut firsts: Vec<_> = firsts
            .map(|(number, interval)| (interval.first, number))
            .collect();
        firsts.sort_unstable();
        Self {
            table,
            kind,
            firsts,
            boxes,
            taken,
            before,
        }
    }

    /// Demands that a value, if it is there, lies in a box of this class.
    pub(crate) fn place(
        &self,
        table: &mut Table,
        value: &[Linear],
        there: &Linear,
        class: Linear,
    ) -> Place {
        let limbs = value.len();
        let mut columns =
            |count: usize| -> Vec<Cell> { (0..count).map(|_| table.column()).collect() };
        let cells = Place {
            base: columns(limbs),
            bits: columns(limbs),
            carries: columns(limbs - 1),
        };
        for carry in &cells.carries {
            table.demand_bit(*carry);
        }
        let fields = cells.base.iter().chain(&cells.bits);
        let fields = fields.map(|cell| Linear::from(*cell)).chain([class]);
        table.send(self.kind, fields.collect(), there.clone());
        for (limb, a) in value.iter().enumerate() {
            // base + u + carry in = a + 2^16 carry out
            let u = a.clone() - Linear::from(cells.base[limb]) + carried(&cells.carries, limb);
            let bits = Linear::from(cells.bits[limb]);
            table.send(RANGE, vec![u, bits], there.clone());
        }
        cells
    }

    /// For [`Boxes::fill_place`].
    pub(crate) fn none_taken(&self) -> Taken {
        Taken::new(self.boxes.len())
    }

    /// Writes a place's cells for a value that is there.
    pub(crate) fn fill_place(
        &self,
        place: &Place,
        value: u64,
        cells: &mut [F],
        taken: &Taken,
        looked_up: &Taken,
    ) {
        let after = self.firsts.partition_point(|(first, _)| *first <= value);
        let (_, interval) = self.firsts[after - 1];
        let second = !self.boxes[2 * interval].holds(value);
        let number = 2 * interval + usize::from(second);
        let of = self.boxes[number];
        taken.count(number);
        let u = value - of.base;
        let mut carry = 0;
        for limb in 0..place.base.len() {
            let of_u = word(u, limb);
            set(cells, place.base[limb], of.base_word(limb));
            set(cells, place.bits[limb], of.word_bits(limb));
            looked_up.count(entry(of_u, of.word_bits(limb)));
            if let Some(cell) = place.carries.get(limb) {
                carry = (of.base_word(limb) + of_u + carry) >> 16;
                set(cells, *cell, carry);
            }
        }
    }

    /// Writes the columns.
    pub(crate) fn fill(&self, own: &mut RowMajorMatrix<F>, taken: &Taken) {
        let width = own.width;
        let mut before = 0;
        for row in 0..self.table.rows as usize {
            let cells = &mut own.values[row * width..(row + 1) * width];
            let times = if row < self.boxes.len() {
                taken.get(row)
            } else {
                0
            };
            set(cells, self.taken, times);
            set(cells, self.before, before);
            before += times;
        }
    }
}
