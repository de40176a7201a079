//! That a column's values ascend or descend from row to row, and missing ones, if any, come last. With a permutation
//! ([`crate::transformations`]) this says that a dataset is another one sorted.
//!
//! For neighbours `a` and `b` it is shown that `b - a`, or `a - b`, is a number of the column's limbs. The neighbour of a row's last
//! place is the next row's first, of which the table keeps a copy, since committed columns are opened in one row only.

use crate::claim::{Claim, Prepared, Tables};
use crate::column::{Column, Layout, Live, VALUES};
use crate::field::F;
use crate::proof::{Commitment, Statement};
use crate::ranges::{COUNT, RANGE, Ranges, entry};
use crate::table::{At, Cell, Linear, carried, next, put, set, word};
use crate::taken::Taken;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The claim that a column is sorted, by its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// No value is less than the one before it.
    Ascending,
    /// No value is greater than the one before it.
    Descending,
}

impl Claim for Order {
    fn tables(&self, layout: Layout, commitment: &Commitment) -> Option<Tables> {
        Plan::new(*self, layout, commitment.clone()).map(Tables::from)
    }

    fn holds(&self, column: &Column) -> bool {
        let after_first = (1..column.layout().rows).into_par_iter();
        after_first.all(|row| match (column.get(row - 1), column.get(row)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(a), Some(b)) => match self {
                Self::Ascending => a <= b,
                Self::Descending => a >= b,
            },
        })
    }
}

/// The tables and where their columns are.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    order: Order,
    layout: Layout,
    live: Live,
    /// Copies of the first place's limbs, and of whether a value is there.
    head: Vec<Cell>,
    head_there: Cell,
    /// Whether a value is there in the next row's first place.
    follows: Cell,
    /// For each place, between it and the next one.
    carries: Vec<Vec<Cell>>,
    ranges: Ranges,
}

impl Plan {
    /// Nothing, if there is no such column.
    pub(crate) fn new(order: Order, layout: Layout, commitment: Commitment) -> Option<Self> {
        layout.check().ok()?;
        let limbs = layout.limbs as usize;
        let mut table = layout.table();
        let source = table.source(0, layout.width());
        let live = Live::new(&mut table, &layout);
        let there: Vec<Linear> = (0..VALUES)
            .map(|place| live.demand_presence(&mut table, &layout, source, place))
            .collect();
        let head: Vec<Cell> = (0..limbs).map(|_| table.column()).collect();
        let [head_there, follows] = table.columns();
        for (limb, cell) in head.iter().enumerate() {
            let copied = layout.limb(source, 0, limb) - Linear::from(*cell);
            table.demand(At::All, copied);
        }
        table.demand(At::All, there[0].clone() - Linear::from(head_there));
        table.demand(At::Transition, Linear::from(follows) - next(head_there));
        table.demand(At::Row(layout.counting() - 1), Linear::from(follows));
        let mut carries = Vec::new();
        for place in 0..VALUES {
            for limb in 0..limbs {
                let fields = vec![layout.limb(source, place, limb), Linear::number(16)];
                table.send(RANGE, fields, there[place].clone());
            }
            let of_place: Vec<Cell> = (1..limbs).map(|_| table.column()).collect();
            for carry in &of_place {
                table.demand_bit(*carry);
            }
            let after = there.get(place + 1).cloned();
            let after = after.unwrap_or_else(|| Linear::from(follows));
            // What is missing comes last.
            let gap = Linear::one() - there[place].clone();
            table.demand(At::All, after.clone() * gap);
            for (limb, head) in head.iter().enumerate() {
                let a = layout.limb(source, place, limb);
                let b = if place + 1 < VALUES {
                    layout.limb(source, place + 1, limb)
                } else {
                    next(*head)
                };
                let difference = match order {
                    Order::Ascending => b - a,
                    Order::Descending => a - b,
                } + carried(&of_place, limb);
                table.send(RANGE, vec![difference, Linear::number(16)], after.clone());
            }
            carries.push(of_place);
        }
        let ranges = Ranges::new();
        Some(Self {
            statement: Statement {
                tables: vec![table, ranges.table.clone()],
                commitments: vec![commitment],
                public: Vec::new(),
            },
            order,
            layout,
            live,
            head,
            head_there,
            follows,
            carries,
            ranges,
        })
    }
}

impl Prepared for Plan {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn fill(&self, column: &Column) -> Vec<RowMajorMatrix<F>> {
        let mut own = self.statement.blanks();
        let looked_up = Taken::new(COUNT);
        let width = own[0].width;
        let filled = own[0].values.chunks_mut(width).zip(0..self.layout.filled());
        for (cells, row) in filled {
            let first = row * VALUES as u64;
            self.live.fill(cells, row);
            // What a missing value's limbs are, nobody sees but the copy.
            let mut of_first = Vec::new();
            column.cells(first, &mut of_first);
            for (cell, limb) in self.head.iter().zip(of_first) {
                put(cells, *cell, limb);
            }
            set(
                cells,
                self.head_there,
                u64::from(column.get(first).is_some()),
            );
            let following = column.get(first + VALUES as u64).is_some();
            set(cells, self.follows, u64::from(following));
            for (place, carries) in self.carries.iter().enumerate() {
                let row = first + place as u64;
                let Some(a) = column.get(row) else { continue };
                let limbs = 0..self.layout.limbs as usize;
                for limb in limbs.clone() {
                    looked_up.count(entry(word(a, limb), 16));
                }
                let Some(b) = column.get(row + 1) else {
                    continue;
                };
                let (less, more) = match self.order {
                    Order::Ascending => (a, b),
                    Order::Descending => (b, a),
                };
                let mut carry = 0;
                for limb in limbs {
                    let below = carry;
                    let taken = word(less, limb) + below;
                    carry = u64::from(taken > word(more, limb));
                    // If the order is wrong, the highest limb has nothing to take from, and this is missed.
                    let difference = word(more, limb) + (carry << 16) - taken;
                    looked_up.count(entry(difference, 16));
                    if let Some(cell) = carries.get(limb) {
                        set(cells, *cell, carry);
                    }
                }
            }
        }
        self.ranges.fill(&mut own[1], &looked_up);
        own
    }
}
