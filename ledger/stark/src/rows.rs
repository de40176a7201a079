//! Whole rows of a dataset, as tables see them.

use crate::column::{Column, Layout, Live, VALUES};
use crate::field::F;
use crate::proof::Commitment;
use crate::table::{At, Cell, Linear, Table, next};
use p3_field::PrimeField32;
use rayon::prelude::*;
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

/// A row of a dataset that is here, as far as tables see it: all limbs and flags, also the limbs of a value that is missing.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    columns: &'a [Column],
    number: u64,
}

impl<'a> Row<'a> {
    /// All rows of columns, which have equally many.
    pub(crate) fn all(columns: &'a [Column]) -> impl Iterator<Item = Self> {
        let rows = columns.first().map_or(0, |column| column.layout().rows);
        (0..rows).map(move |number| Self { columns, number })
    }

    /// The key in a column, if one is there.
    pub(crate) fn get(&self, column: usize) -> Option<u64> {
        self.columns[column].get(self.number)
    }

    /// Of each row what tells it from others, in this dataset and in those that are like it: its limbs and flags, or, if there are
    /// too many, their hash.
    pub(crate) fn prints(rows: &[Self]) -> Vec<[u64; 4]> {
        let print = |(cells, bytes): &mut (Vec<F>, Vec<u8>), row: &Self| {
            cells.clear();
            for column in row.columns {
                column.cells(row.number, cells);
            }
            bytes.clear();
            // What is committed to is cut into limbs of 16 bits.
            let limbs = cells.iter().map(|cell| cell.as_canonical_u32() as u16);
            bytes.extend(limbs.flat_map(u16::to_le_bytes));
            let mut print = [0; 32];
            match print.get_mut(..bytes.len()) {
                Some(room) => room.copy_from_slice(bytes),
                None => print = *blake3::hash(bytes).as_bytes(),
            }
            // Words are sorted in less than half the time that bytes take.
            let (words, _) = print.as_chunks();
            std::array::from_fn(|word| u64::from_le_bytes(words[word]))
        };
        rows.par_iter().map_init(Default::default, print).collect()
    }
}

impl PartialEq for Row<'_> {
    fn eq(&self, other: &Self) -> bool {
        let mut columns = self.columns.iter().zip(other.columns);
        columns.all(|(column, of_other)| column.at(self.number) == of_other.at(other.number))
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
