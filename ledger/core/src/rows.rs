//! A dataset's rows under a root of Poseidon hashes, over which `dataset-row@1` of `prooflane-circuits` proves things about one row.
//!
//! It is a second commitment to the dataset. Nothing proves that it is to the same rows as the first: that would take Poseidon over
//! BN254 within the proof system of columns, whose field has 31 bits. Who may see the data can check it.

use crate::commitment::numbers;
use crate::{Error, Opening, Source, Statement};
use prooflane_circuits::{Fr, ROW_LEVELS, ROW_PARTS, row_leaf, row_node, rows_root};
use prooflane_dataset::{Column, Range, Table};
use prooflane_verifier::field;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::borrow::Cow;
use zeroize::Zeroize;

/// Children of a node.
const ARITY: usize = 4;

/// A part of a column: its numbers, and where there are none.
struct Part<'a> {
    numbers: Cow<'a, [u64]>,
    column: &'a Column,
}

/// Rows as numbers, each with a salt that follows from the opening.
struct Rows<'a> {
    parts: Vec<Part<'a>>,
    salts: [u8; 32],
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        self.salts.zeroize();
    }
}

impl<'a> Rows<'a> {
    fn of(opening: &Opening, table: &'a Table) -> Result<Self, Error> {
        let parts = opening.commitment().roots.len();
        check_parts(parts)?;
        opening.check(table)?;
        let columns = table.rows().columns().iter();
        let parts = columns.flat_map(|column| {
            let of_column = numbers(column).into_iter();
            of_column.map(move |numbers| Part { numbers, column })
        });
        Ok(Self {
            parts: parts.collect(),
            salts: opening.row_salts(),
        })
    }

    fn row(&self, row: usize) -> Vec<Option<u64>> {
        let number = |part: &Part<'_>| part.column.is_present(row).then(|| part.numbers[row]);
        self.parts.iter().map(number).collect()
    }

    fn salt(&self, row: usize) -> [u8; 31] {
        let hash = blake3::keyed_hash(&self.salts, &(row as u64).to_le_bytes());
        std::array::from_fn(|byte| hash.as_bytes()[byte])
    }

    fn tree(&self, rows: usize) -> Tree {
        let leaves = (0..rows).into_par_iter();
        let leaves = leaves.map(|row| row_leaf(&self.row(row), &self.salt(row)));
        Tree::over(leaves.collect(), self.parts.len())
    }
}

/// Nodes, and what stands for those that there are not.
struct Tree {
    /// Leaves first, each level without the empty nodes on its right.
    levels: Vec<Vec<Fr>>,
    empty: Vec<Fr>,
    parts: usize,
}

impl Tree {
    fn over(leaves: Vec<Fr>, parts: usize) -> Self {
        let (mut levels, mut empty) = (vec![leaves], vec![Fr::default()]);
        for level in 0..ROW_LEVELS {
            let none = empty[level];
            let parent = |nodes: &[Fr]| {
                row_node(std::array::from_fn(|i| {
                    nodes.get(i).copied().unwrap_or(none)
                }))
            };
            let parents = levels[level].par_chunks(ARITY).map(parent).collect();
            levels.push(parents);
            empty.push(row_node([none; ARITY]));
        }
        Self {
            levels,
            empty,
            parts,
        }
    }

    fn node(&self, level: usize, index: usize) -> Fr {
        let node = self.levels[level].get(index).copied();
        node.unwrap_or(self.empty[level])
    }

    fn root(&self) -> Fr {
        rows_root(self.node(ROW_LEVELS, 0), self.parts)
    }

    /// The siblings of a row's leaf and of the nodes above it.
    fn path(&self, row: usize) -> Vec<Vec<String>> {
        let siblings = |level: usize| {
            let own = row >> (2 * level);
            let family = own - own % ARITY;
            let others = (family..family + ARITY).filter(|index| *index != own);
            others
                .map(|index| field::to_decimal(&self.node(level, index)))
                .collect()
        };
        (0..ROW_LEVELS).map(siblings).collect()
    }
}

pub(crate) fn check_parts(parts: usize) -> Result<(), Error> {
    if (1..=ROW_PARTS).contains(&parts) {
        return Ok(());
    }
    Err(Error::Misfit(format!(
        "expected rows of 1 to {ROW_PARTS} numbers, got {parts} (a wide decimal is 2, a text or bytes are 4): project the dataset to \
         fewer columns"
    )))
}

/// That it can be a root: a field element in decimal.
pub(crate) fn check_root(root: &str) -> Result<(), Error> {
    let read = field::parse(root).map(|root| field::to_decimal(&root));
    if read.is_ok_and(|read| read == root) {
        return Ok(());
    }
    Err(Error::Misfit(
        "expected a root as an element of BN254's scalar field, in decimal".into(),
    ))
}

impl Statement {
    /// The root of the dataset's rows. It follows from the opening and the data: whoever has both gets the same again.
    ///
    /// # Errors
    /// [`Error::OtherData`], and [`Error::Misfit`] if rows are too long.
    pub fn rows(opening: &Opening, table: &Table) -> Result<Self, Error> {
        let tree = Rows::of(opening, table)?.tree(table.rows().rows());
        Ok(Self::Rows {
            root: field::to_decimal(&tree.root()),
        })
    }
}

/// Inputs for `dataset-row@1`: that a row, the first being 0, lies in a range. The proof is for `binding` alone, a field element in
/// decimal or as 0x and hexadecimal digits. The inputs hold the row, so they are as secret as it is.
///
/// # Errors
/// [`Error::Row`] if its value does not lie in the range, [`Error::Misfit`] if there is no such row; as [`Statement::rows`].
pub fn row_inputs(
    source: Source<'_>,
    row: usize,
    range: &Range,
    binding: &str,
) -> Result<Value, Error> {
    let Source { opening, table } = source;
    let keyed = opening.commitment().keyed(&range.column)?;
    let binding =
        field::parse(binding).map_err(|error| Error::Misfit(format!("the binding: {error}")))?;
    let rows = Rows::of(opening, table)?;
    let count = table.rows().rows();
    if row >= count {
        return Err(Error::Misfit(format!(
            "expected a row below {count}, got {row}; the first is 0"
        )));
    }
    let parts = rows.row(row);
    let got = match parts[keyed.part] {
        None => Some("none"),
        Some(key) if key < range.low => Some("a smaller one"),
        Some(key) if key > range.high => Some("a greater one"),
        Some(_) => None,
    };
    if let Some(got) = got {
        return Err(Error::Row {
            row,
            column: range.column.clone(),
            got,
        });
    }
    let tree = rows.tree(count);
    let keys = parts.iter().map(|key| key.map(|key| key.to_string()));
    Ok(json!({
        "root": field::to_decimal(&tree.root()),
        "column": keyed.part.to_string(),
        "low": range.low.to_string(),
        "high": range.high.to_string(),
        "binding": field::to_decimal(&binding),
        "row": keys.collect::<Vec<_>>(),
        "salt": format!("0x{}", hex::encode(rows.salt(row))),
        "path": tree.path(row),
        "index": row.to_string(),
    }))
}
