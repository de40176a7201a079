//! What everybody may know of a dataset, and how its columns become numbers that proofs are about.

use crate::{Bytes32, DatasetId, Error};
use prooflane_dataset::{Column, Kind, Schema, Values};
use prooflane_stark::{self as stark, Layout, NoiseCommitment};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Range;

/// Proofs that a dataset's columns are for at the least; mostly there is room for more.
pub const LEAST_PROOFS: u32 = 32;

/// Roots of a dataset at most, so that evidence stays below [`crate::MAX_BYTES`] and is verified in bounded time.
pub(crate) const MOST_ROOTS: usize = 1_024;

/// A dataset as everybody may know it: its columns' names and types, how many rows there are, and commitments that hide the rest.
///
/// Its form is JSON without spaces and with the fields in this order; its hash is the dataset's name in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// What its owner calls it.
    pub name: String,
    /// The columns.
    pub schema: Schema,
    /// How many rows.
    pub rows: u64,
    /// The digest of the canonical form, as text, hashed by BLAKE3 with a secret salt for a key.
    pub digest: Bytes32,
    /// How many proofs the noise in each column is for.
    pub proofs: u32,
    /// The roots of the columns' commitments; of a column in [`parts`] as many.
    pub roots: Vec<Bytes32>,
    /// To the seed that noise in answers is derived from ([`crate::Statement::Noisy`]).
    pub noise: NoiseCommitment,
}

/// The numbers that stand for a value of a kind: limbs of 16 bits of each. Keys are one number. A wide decimal's key is two, the low
/// half first. Of texts and bytes it is the BLAKE3 hash, as four: they can be told apart, and have no order.
#[must_use]
pub fn parts(kind: Kind) -> Vec<u32> {
    match kind.bits() {
        Some(bits) => vec![bits.div_ceil(16)],
        None if matches!(kind, Kind::Decimal128(_)) => vec![4; 2],
        None => vec![4; 4],
    }
}

/// The numbers of a column, a list for each part.
pub(crate) fn numbers(column: &Column) -> Vec<Cow<'_, [u64]>> {
    match column.values() {
        Values::Keys(keys) => vec![Cow::Borrowed(keys)],
        Values::Wide(keys) => [0, 64]
            .map(|shift| keys.iter().map(|key| (key >> shift) as u64).collect())
            .map(Cow::Owned)
            .to_vec(),
        Values::Strings(_) => {
            let digests = column.value_digests();
            let part = |part: usize| {
                let word = |digest: &[u8; 32]| digest.as_chunks::<8>().0[part];
                let words = digests
                    .iter()
                    .map(|digest| u64::from_le_bytes(word(digest)));
                Cow::Owned(words.collect())
            };
            (0..4).map(part).collect()
        }
    }
}

impl Commitment {
    /// Its name in the ledger.
    #[must_use]
    pub fn id(&self) -> DatasetId {
        let mut hash = blake3::Hasher::new_derive_key("prooflane 2026-11 ledger dataset");
        // A struct of texts and numbers is JSON.
        let written = serde_json::to_writer(&mut hash, self);
        debug_assert!(written.is_ok());
        DatasetId(Bytes32(*hash.finalize().as_bytes()))
    }

    /// That there can be such a dataset.
    ///
    /// # Errors
    /// [`Error::Commitment`].
    pub fn check(&self) -> Result<(), Error> {
        let problem = |problem: String| Error::Commitment { problem };
        let names = self.schema.columns().iter().map(|field| &field.name);
        // They are printed.
        if names
            .chain([&self.name])
            .any(|name| name.contains(char::is_control))
        {
            let why = "expected names without line ends and other control characters; rename the dataset or its columns";
            return Err(problem(why.into()));
        }
        let layouts: Vec<_> = self.layouts().collect();
        let (expected, got) = (layouts.len(), self.roots.len());
        if got != expected {
            return Err(problem(format!("expected {expected} roots, got {got}")));
        }
        if got > MOST_ROOTS {
            let why = format!(
                "expected at most {MOST_ROOTS} roots, got {got}: project the dataset first"
            );
            return Err(problem(why));
        }
        let checked = layouts.iter().try_for_each(Layout::check);
        checked.map_err(|error| problem(error.to_string()))
    }

    /// How each part is laid out.
    pub(crate) fn layouts(&self) -> impl Iterator<Item = Layout> {
        let fields = self.schema.columns().iter();
        fields.flat_map(|field| {
            let layout = |limbs| Layout {
                rows: self.rows,
                limbs,
                nullable: field.kind.nullable,
                proofs: self.proofs,
            };
            parts(field.kind.kind).into_iter().map(layout)
        })
    }

    /// The parts of the column at an index of the schema.
    #[must_use]
    pub fn parts(&self, column: usize) -> Range<usize> {
        let count = |field: &prooflane_dataset::Field| parts(field.kind.kind).len();
        let fields = self.schema.columns();
        let start = fields.iter().take(column).map(count).sum();
        start..start + fields.get(column).map_or(0, count)
    }

    /// A part's layout and commitment.
    ///
    /// # Errors
    /// [`Error::Commitment`] if there is no such part.
    pub(crate) fn part(&self, part: usize) -> Result<(Layout, stark::Commitment), Error> {
        let mut one = self.dataset([part])?.columns;
        Ok(one.remove(0))
    }

    /// Some parts, for statements about rows.
    ///
    /// # Errors
    /// As [`Self::part`].
    pub(crate) fn dataset(
        &self,
        parts: impl IntoIterator<Item = usize>,
    ) -> Result<stark::Dataset, Error> {
        let layouts: Vec<_> = self.layouts().collect();
        // Columns are read as this dataset's: with its names, types and digest.
        let label = self.id().0.0;
        let columns = parts.into_iter().map(|part| {
            let found = layouts.get(part).zip(self.roots.get(part));
            let made = found.and_then(|(layout, root)| {
                let commitment = stark::Commitment::new(layout, root.0).ok()?;
                Some((*layout, commitment.labelled(label)))
            });
            made.ok_or_else(|| Error::Commitment {
                problem: format!("there is no column commitment {part}"),
            })
        });
        Ok(stark::Dataset {
            columns: columns.collect::<Result<_, _>>()?,
        })
    }

    /// All parts.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.roots.len()
    }

    /// The kind and only part of a column that has keys.
    ///
    /// # Errors
    /// [`Error::Dataset`] if there is no such column, or it has no keys.
    pub(crate) fn keyed(&self, column: &str) -> Result<Keyed, Error> {
        let index = self.schema.index(column)?;
        let kind = self.schema.columns()[index].kind.kind;
        if kind.keys().is_none() {
            return Err(Error::Dataset(prooflane_dataset::Error::Column {
                column: column.into(),
                expected: "numbers, booleans, dates or times, whose order can be proved",
            }));
        }
        Ok(Keyed {
            kind,
            part: self.parts(index).start,
        })
    }
}

/// A column whose values are one number each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed {
    /// What it holds.
    pub(crate) kind: Kind,
    /// Where it is among the parts.
    pub(crate) part: usize,
}

impl Keyed {
    /// Texts in the column's notation as keys.
    pub(crate) fn edges(&self, column: &str, texts: &[String]) -> Result<Vec<u64>, Error> {
        let edge = |text: &String| {
            let stated = |problem| prooflane_dataset::Error::Stated {
                column: column.into(),
                expected: self.kind,
                problem,
            };
            Ok(self.kind.key(text).map_err(stated)?)
        };
        texts.iter().map(edge).collect()
    }
}
