//! How many values of a column lie in each of several intervals: a histogram over public edges, or the count of values that
//! satisfy a range predicate.
//!
//! The intervals cover all numbers of the column's limbs. Each is the union of two boxes of 2^k numbers, where `2^k <= size < 2^(k+1)`:
//! one at its beginning and one at its end. A small table holds the boxes; each value that is there takes one from it and
//! shows that it exceeds the box's base by a number of k bits. How often the boxes of one interval are taken, together, is
//! what is claimed; how often each of them is stays private.

use crate::column::{Column, Layout, Live, VALUES};
use crate::field::F;
use crate::proof::{Commitment, Proof, Statement};
use crate::prove::ProveError;
use crate::ranges::{RANGE, Ranges, Taken};
use crate::table::{At, Cell, Linear, Table};
use crate::verify::VerifyError;
use crate::words::{next, set};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Message: a box, as the words of its base and the bits of each word of what exceeds it.
const BOX: u32 = 7;
/// The most intervals of one statement.
pub const MAX_INTERVALS: usize = 1 << 12;

/// What is claimed of a column, of values as their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervals {
    /// Where intervals after the first begin, in ascending order: `n` edges make `n + 1` intervals.
    pub edges: Vec<u64>,
    /// How many values lie in each.
    pub counts: Vec<u64>,
}

impl Intervals {
    /// Counts a column's values between edges.
    pub fn of(column: &Column, edges: Vec<u64>) -> Self {
        let zero = || vec![0; edges.len() + 1];
        let counts = (0..column.layout().rows)
            .into_par_iter()
            .filter_map(|row| column.get(row))
            .fold(zero, |mut counts, value| {
                counts[edges.partition_point(|edge| *edge <= value)] += 1;
                counts
            })
            .reduce(zero, |mut counts, others| {
                for (count, other) in counts.iter_mut().zip(others) {
                    *count += other;
                }
                counts
            });
        Self { edges, counts }
    }

    /// Proves the claim of a column.
    ///
    /// # Errors
    /// [`ProveError`], if the claim is false among others.
    pub fn prove(&self, column: &Column) -> Result<Proof, ProveError> {
        let plan = Plan::new(self, column.layout(), column.commitment().clone());
        let plan = plan.ok_or(ProveError::Unsatisfied { table: 0 })?;
        plan.statement.prove(plan.fill(column), &[column.opened()])
    }

    /// Verifies a proof of the claim of a column of which this is public.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        layout: Layout,
        commitment: &Commitment,
        proof: &Proof,
    ) -> Result<(), VerifyError> {
        let plan = Plan::new(self, layout, commitment.clone()).ok_or(VerifyError::Claim)?;
        plan.statement.verify(proof)
    }
}

/// Numbers from `base` on, 2^`bits` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Box {
    base: u64,
    bits: u32,
}

impl Box {
    /// The two that cover an interval, both ends included.
    fn covering(first: u64, last: u64) -> [Self; 2] {
        let size = u128::from(last - first) + 1;
        let bits = size.ilog2();
        let second = last - ((1_u128 << bits) - 1) as u64;
        [first, second].map(|base| Self { base, bits })
    }

    fn base_word(&self, number: usize) -> u64 {
        self.base >> (16 * number) & 0xffff
    }

    /// Bits of a word of what exceeds the base.
    fn word_bits(&self, number: usize) -> u64 {
        u64::from(self.bits.saturating_sub(16 * number as u32).min(16))
    }

    fn holds(&self, value: u64) -> bool {
        value >= self.base && u128::from(value - self.base) < 1 << self.bits
    }
}

/// Cells of one of the eight values of a row.
struct Place {
    base: Vec<Cell>,
    bits: Vec<Cell>,
    carries: Vec<Cell>,
}

/// The tables and where their columns are.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    layout: Layout,
    edges: Vec<u64>,
    boxes: Vec<Box>,
    full: Cell,
    places: Vec<Place>,
    ranges: Ranges,
    /// In the table of boxes, how often each is taken, and how often those before it.
    taken: [Cell; 2],
}

const MAIN: usize = 0;
const BOXES: usize = 1;
const RANGES: usize = 2;

impl Plan {
    /// Nothing, if the claim cannot be true of any column.
    pub(crate) fn new(claim: &Intervals, layout: Layout, commitment: Commitment) -> Option<Self> {
        layout.check().ok()?;
        let limbs = layout.limbs as usize;
        let greatest = u64::MAX >> (64 - 16 * limbs);
        let ascending = claim.edges.windows(2).all(|pair| pair[0] < pair[1]);
        let within = claim.edges.iter().all(|edge| (1..=greatest).contains(edge));
        let mut present = 0_u64;
        for count in &claim.counts {
            present = present.checked_add(*count)?;
        }
        let possible = ascending
            && within
            && claim.counts.len() == claim.edges.len() + 1
            && claim.counts.len() <= MAX_INTERVALS
            && present <= layout.rows
            && (layout.nullable || present == layout.rows);
        if !possible {
            return None;
        }
        let firsts = [0].into_iter().chain(claim.edges.iter().copied());
        let lasts = claim.edges.iter().map(|edge| edge - 1).chain([greatest]);
        let boxes: Vec<Box> = firsts
            .zip(lasts)
            .flat_map(|(first, last)| Box::covering(first, last))
            .collect();

        let mut table = layout.table();
        let source = table.source(0, layout.width());
        let live = Live::new(&mut table, &layout);
        let mut places = Vec::new();
        for place in 0..VALUES {
            let there = live.demand_presence(&mut table, &layout, source, place);
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
            let fields = fields.map(|cell| Linear::from(*cell)).collect();
            table.send(BOX, fields, there.clone());
            for limb in 0..limbs {
                // base + u + carry in = a + 2^16 carry out
                let mut u = layout.limb(source, place, limb) - Linear::from(cells.base[limb]);
                if let Some(below) = limb.checked_sub(1) {
                    u -= Linear::from(cells.carries[below]);
                }
                if let Some(carry) = cells.carries.get(limb) {
                    u += Linear::from(*carry) * F::from_u32(1 << 16);
                }
                let bits = Linear::from(cells.bits[limb]);
                table.send(RANGE, vec![u, bits], there.clone());
            }
            places.push(cells);
        }

        let (of_boxes, taken) = table_of_boxes(&boxes, limbs, &claim.counts);
        let ranges = Ranges::new();
        Some(Self {
            statement: Statement {
                tables: vec![table, of_boxes, ranges.table.clone()],
                commitments: vec![commitment],
                public: Vec::new(),
            },
            layout,
            edges: claim.edges.clone(),
            boxes,
            full: live.full(),
            places,
            ranges,
            taken,
        })
    }

    /// The tables' own columns.
    pub(crate) fn fill(&self, column: &Column) -> Vec<RowMajorMatrix<F>> {
        let mut own: Vec<_> = (0..self.statement.tables.len())
            .map(|table| self.statement.blank(table))
            .collect();
        let looked_up = Taken::new(crate::ranges::COUNT);
        let taken = Taken::new(self.boxes.len());
        let width = own[MAIN].width;
        let counting = self.layout.counting() as usize;
        let full_rows = self.layout.rows as usize / VALUES;
        let filled = self.layout.filled() as usize;
        own[MAIN].values[..filled * width]
            .par_chunks_mut(width)
            .enumerate()
            .for_each(|(row, cells)| {
                set(cells, self.full, u64::from(row < full_rows));
                for (place, of) in self.places.iter().enumerate() {
                    let row = (row * VALUES + place) as u64;
                    let value = (row < self.layout.rows).then(|| column.get(row)).flatten();
                    if let Some(value) = value {
                        self.fill_place(of, value, cells, &taken, &looked_up);
                    }
                }
            });
        debug_assert!(filled <= counting);
        let width = own[BOXES].width;
        let mut before = 0;
        for row in 0..self.statement.tables[BOXES].rows as usize {
            let cells = &mut own[BOXES].values[row * width..(row + 1) * width];
            let times = if row < self.boxes.len() {
                taken.get(row)
            } else {
                0
            };
            set(cells, self.taken[0], times);
            set(cells, self.taken[1], before);
            before += times;
        }
        self.ranges.fill(&mut own[RANGES], &looked_up);
        own
    }

    fn fill_place(
        &self,
        place: &Place,
        value: u64,
        cells: &mut [F],
        taken: &Taken,
        looked_up: &Taken,
    ) {
        let interval = self.edges.partition_point(|edge| *edge <= value);
        let second = !self.boxes[2 * interval].holds(value);
        let number = 2 * interval + usize::from(second);
        let of = self.boxes[number];
        taken.count(number);
        let u = value - of.base;
        let mut carry = 0;
        for limb in 0..place.base.len() {
            let word = u >> (16 * limb) & 0xffff;
            set(cells, place.base[limb], of.base_word(limb));
            set(cells, place.bits[limb], of.word_bits(limb));
            looked_up.count(crate::ranges::entry(word, of.word_bits(limb)));
            if let Some(cell) = place.carries.get(limb) {
                carry = (of.base_word(limb) + word + carry) >> 16;
                set(cells, *cell, carry);
            }
        }
    }
}

/// The table of boxes, which are public, and of how often each is taken, which is private but for what is claimed of pairs.
fn table_of_boxes(boxes: &[Box], limbs: usize, counts: &[u64]) -> (Table, [Cell; 2]) {
    use crate::table::Fixed;
    let mut table = Table::of_rows(boxes.len() as u64 + 1);
    let [taken, before] = table.columns();
    let values = |of: &dyn Fn(&Box) -> u64| {
        Fixed::Values(boxes.iter().map(|of_box| F::from_u64(of(of_box))).collect())
    };
    let mut fields = Vec::new();
    for limb in 0..limbs {
        fields.push(table.fixed(values(&|of| of.base_word(limb))).into());
    }
    for limb in 0..limbs {
        fields.push(table.fixed(values(&|of| of.word_bits(limb))).into());
    }
    table.receive(BOX, fields, taken);
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
    (table, [taken, before])
}
