//! How many values of a column lie in each of several intervals, a histogram over public edges, or in one, a range predicate, and
//! then nothing is told of the others.
//!
//! The intervals cover all numbers of the column's limbs. Each is covered by two boxes (`boxes.rs`), and each value that is
//! there takes one. How often the boxes of one interval are taken, together, is what is claimed.

use crate::boxes::{BOX, Boxes, Interval, Place, greatest};
use crate::claim::{Claim, Prepared, Tables};
use crate::column::{Column, Layout, Live, VALUES};
use crate::field::F;
use crate::proof::{Commitment, Statement};
use crate::ranges::Ranges;
use crate::table::Linear;
use crate::taken::Taken;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

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
}

impl Claim for Intervals {
    fn tables(&self, layout: Layout, commitment: &Commitment) -> Option<Tables> {
        Plan::new(self, layout, commitment.clone()).map(Tables::from)
    }

    fn holds(&self, column: &Column) -> bool {
        // There are no tables for edges that are in no order or lie beyond the limbs.
        let tables = self.tables(column.layout(), column.commitment());
        tables.is_some() && *self == Self::of(column, self.edges.clone())
    }
}

/// What is claimed of a column, of values as their keys: how many satisfy a range predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Within {
    /// The least key that satisfies it.
    pub first: u64,
    /// The greatest.
    pub last: u64,
    /// How many values do.
    pub count: u64,
}

impl Within {
    /// Counts a column's values between two keys, both included.
    pub fn of(column: &Column, first: u64, last: u64) -> Self {
        let rows = (0..column.layout().rows).into_par_iter();
        let values = rows.filter_map(|row| column.get(row));
        let count = values
            .filter(|value| (first..=last).contains(value))
            .count();
        Self {
            first,
            last,
            count: count as u64,
        }
    }

    /// Nothing, if the claim cannot be true of any column.
    pub(crate) fn plan(&self, layout: Layout, commitment: Commitment) -> Option<Plan> {
        layout.check().ok()?;
        let greatest = greatest(layout.limbs);
        let Self { first, last, count } = *self;
        if first > last || last > greatest || count > layout.rows {
            return None;
        }
        let interval = |first, last| Interval {
            first,
            last,
            class: 0,
        };
        let below = first.checked_sub(1).map(|end| interval(0, end));
        let above = (last < greatest).then(|| interval(last + 1, greatest));
        let others = below.into_iter().chain(above);
        let intervals: Vec<_> = [interval(first, last)].into_iter().chain(others).collect();
        Some(Plan::counting(&intervals, &[count], layout, commitment))
    }
}

impl Claim for Within {
    fn tables(&self, layout: Layout, commitment: &Commitment) -> Option<Tables> {
        self.plan(layout, commitment.clone()).map(Tables::from)
    }

    fn holds(&self, column: &Column) -> bool {
        let tables = self.tables(column.layout(), column.commitment());
        tables.is_some() && *self == Self::of(column, self.first, self.last)
    }
}

/// The tables and where their columns are.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    layout: Layout,
    live: Live,
    places: Vec<Place>,
    boxes: Boxes,
    ranges: Ranges,
}

const MAIN: usize = 0;
const BOXES: usize = 1;
const RANGES: usize = 2;

impl Plan {
    /// Nothing, if the claim cannot be true of any column.
    pub(crate) fn new(claim: &Intervals, layout: Layout, commitment: Commitment) -> Option<Self> {
        layout.check().ok()?;
        let greatest = greatest(layout.limbs);
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
        let intervals = firsts.zip(lasts).map(|(first, last)| Interval {
            first,
            last,
            class: 0,
        });
        let intervals: Vec<_> = intervals.collect();
        Some(Self::counting(
            &intervals,
            &claim.counts,
            layout,
            commitment,
        ))
    }

    /// So many values lie in the first of these intervals.
    fn counting(
        intervals: &[Interval],
        counts: &[u64],
        layout: Layout,
        commitment: Commitment,
    ) -> Self {
        let boxes = Boxes::new(BOX, intervals, layout.limbs, counts);
        let mut table = layout.table();
        let source = table.source(0, layout.width());
        let live = Live::new(&mut table, &layout);
        let places = (0..VALUES).map(|place| {
            let there = live.demand_presence(&mut table, &layout, source, place);
            let value = layout.value(source, place);
            boxes.place(&mut table, &value, &there, Linear::zero())
        });
        let places = places.collect();
        let ranges = Ranges::new();
        Self {
            statement: Statement {
                tables: vec![table, boxes.table.clone(), ranges.table.clone()],
                commitments: vec![commitment],
                public: Vec::new(),
            },
            layout,
            live,
            places,
            boxes,
            ranges,
        }
    }
}

impl Prepared for Plan {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn fill(&self, column: &Column) -> Vec<RowMajorMatrix<F>> {
        let mut own = self.statement.blanks();
        let looked_up = Taken::new(crate::ranges::COUNT);
        let taken = self.boxes.none_taken();
        let width = own[MAIN].width;
        let filled = self.layout.filled() as usize;
        own[MAIN].values[..filled * width]
            .par_chunks_mut(width)
            .enumerate()
            .for_each(|(row, cells)| {
                self.live.fill(cells, row as u64);
                for (place, of) in self.places.iter().enumerate() {
                    let row = (row * VALUES + place) as u64;
                    let value = column.get(row);
                    if let Some(value) = value {
                        self.boxes.fill_place(of, value, cells, &taken, &looked_up);
                    }
                }
            });
        self.boxes.fill(&mut own[BOXES], &taken);
        self.ranges.fill(&mut own[RANGES], &looked_up);
        own
    }
}
