//! Whole rows of a dataset, as tables see them.

use crate::column::{Column, Layout, Live, VALUES};
use crate::proof::Commitment;
use crate::table::{At, Cell, Linear, Table, next};
use serde::{Deserialize, Serialize};

/// What is public of a dataset's columns. All are for the same number of proofs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Of each column.
    pub columns: Vec<(Layout, Commitment)>,
}

impl Dataset {
    /// Of committed columns.
    pub fn of(columns: &[Column]) -> Self {
        let columns = columns.iter();
        Self {
            columns: columns
                .map(|column| (column.layout(), column.commitment().clone()))
                .collect(),
        }
    }

    pub(crate) fn rows(&self) -> Option<u64> {
        self.columns.first().map(|(layout, _)| layout.rows)
    }

    /// Whether its columns are those of one dataset, and like another's.
    pub(crate) fn fits(&self, like: &Self) -> bool {
        let first = self.columns.first().map(|(layout, _)| *layout);
        self.columns.len() == like.columns.len()
            && self
                .columns
                .iter()
                .zip(&like.columns)
                .all(|((layout, commitment), (other, _))| {
                    let same = |of: Layout| (of.rows, of.proofs);
                    layout.check().is_ok()
                        && commitment.is_of(layout)
                        && first.map(same) == Some(same(*layout))
                        && (layout.limbs, layout.nullable) == (other.limbs, other.nullable)
                })
    }
}

/// A dataset's table.
pub(crate) struct Rows {
    pub(crate) table: Table,
    pub(crate) live: Live,
    pub(crate) layouts: Vec<Layout>,
    /// In each place, whether a value is there, by columns.
    pub(crate) there: Vec<Vec<Linear>>,
}

impl Rows {
    pub(crate) fn new(dataset: &Dataset, first_commitment: usize) -> Option<Self> {
        let layouts: Vec<Layout> = dataset.columns.iter().map(|(layout, _)| *layout).collect();
        let mut table = layouts.first()?.table();
        for (number, layout) in layouts.iter().enumerate() {
            table.source(first_commitment + number, layout.width());
        }
        let live = Live::new(&mut table, &layouts[0]);
        let there = (0..VALUES).map(|place| {
            let columns = layouts.iter().enumerate();
            let there = columns.map(|(number, layout)| {
                live.demand_presence(&mut table, layout, number as u32, place)
            });
            there.collect()
        });
        Some(Self {
            there: there.collect(),
            table,
            live,
            layouts,
        })
    }

    /// All that a row has in a place.
    pub(crate) fn fields(&self, place: usize) -> Vec<Linear> {
        let mut fields = Vec::new();
        for (number, layout) in self.layouts.iter().enumerate() {
            let source = number as u32;
            fields.extend(layout.value(source, place));
            fields.extend(layout.flag(source, place).map(Linear::from));
        }
        fields
    }

    /// A column that counts rows: those of the dataset before this row of the table, plus `start`.
    pub(crate) fn number(&mut self, start: u64) -> Cell {
        let number = self.table.column();
        let step = Linear::from(number) + Linear::number(VALUES as u64) - next(number);
        self.table
            .demand(At::Row(0), Linear::from(number) - Linear::number(start));
        self.table.demand(At::Transition, step);
        number
    }
}
