//! Columns of a dataset, and commitments to them.
//!
//! Eight values lie side by side in each row of a matrix, as limbs of 16 bits, the lowest first; after them, where values may
//! be missing, eight flags that say which are there. What a committed cell means is an integer: the value of a column at a
//! place is the sum of its limbs times powers of 2^16, whoever committed to it and however large he made a limb.

use crate::field::{Challenger, DEGREE, E, F, QUERIES, REVEALED, Scheme, Tree, scheme};
use crate::proof::Commitment;
use crate::prove::{Opened, fill};
use crate::table::{At, Cell, Fixed, Linear, Table, next, set, word};
use p3_commit::Pcs;
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_matrix::dense::RowMajorMatrix;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Values in a row of a matrix.
pub const VALUES: usize = 8;
/// Bits of a limb.
pub(crate) const LIMB_BITS: u32 = 16;
/// Values that a proof reveals of each column of a committed matrix, blinded as long as there is noise for it.
const REVEALED_OF_DATA: usize = QUERIES + DEGREE;
/// Rows between two looks at sums that would grow too large ([`crate::statistics`]).
pub(crate) const BLOCK: u64 = 128;
/// Rows in which nothing is summed up: those after the last block, and some to tell the sums in.
pub(crate) const TELLING: u64 = 32;
/// The most values a column has: sums of that many bytes are below the field's order.
pub const MAX_VALUES: u64 = 1 << 22;

/// The most proofs that a column's noise is for.
pub const MAX_PROOFS: u32 = 10_000;

/// What is public of a committed column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How many values, missing ones included.
    pub rows: u64,
    /// Limbs of a value, 1 to 4.
    pub limbs: u32,
    /// Whether values may be missing.
    pub nullable: bool,
    /// How many proofs the noise is enough for.
    pub proofs: u32,
}

/// A layout that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// Too many values.
    #[error("a column has {got} values, expected at most {MAX_VALUES}: split the dataset")]
    Rows {
        /// How many there are.
        got: u64,
    },
    /// Values of no known size.
    #[error("a column's values have {got} limbs, expected 1 to 4")]
    Limbs {
        /// How many.
        got: u32,
    },
    /// No proof could be made, or too many.
    #[error("expected a column to be for 1 to {MAX_PROOFS} proofs, got {got}")]
    Proofs {
        /// How many.
        got: u32,
    },
    /// The values are not those of the layout.
    #[error("expected {expected} values of the column, got {got}")]
    Values {
        /// How many there should be.
        expected: u64,
        /// How many there are.
        got: u64,
    },
    /// A value is too large for its limbs.
    #[error("the value in row {row} needs more than {limbs} limbs")]
    TooLarge {
        /// Which.
        row: u64,
        /// How many limbs there are.
        limbs: u32,
    },
    /// The commitment scheme refuses.
    #[error("the commitment scheme refuses: {0}")]
    Scheme(String),
}

impl Layout {
    /// A layout for at least `proofs` proofs, and for as many more as fit into a matrix of the same size.
    ///
    /// # Errors
    /// If a number is out of its range.
    pub fn roomy(rows: u64, limbs: u32, nullable: bool, proofs: u32) -> Result<Self, ColumnError> {
        let least = Self {
            rows,
            limbs,
            nullable,
            proofs,
        };
        least.check()?;
        let noise = (1 << least.log_rows()) - least.used();
        let most = u32::try_from(noise / REVEALED_OF_DATA as u64).unwrap_or(MAX_PROOFS);
        Ok(Self {
            proofs: most.clamp(proofs, MAX_PROOFS),
            ..least
        })
    }

    /// # Errors
    /// If a number is out of its range.
    pub fn check(&self) -> Result<(), ColumnError> {
        if self.rows > MAX_VALUES {
            return Err(ColumnError::Rows { got: self.rows });
        }
        if !(1..=4).contains(&self.limbs) {
            return Err(ColumnError::Limbs { got: self.limbs });
        }
        if !(1..=MAX_PROOFS).contains(&self.proofs) {
            return Err(ColumnError::Proofs { got: self.proofs });
        }
        Ok(())
    }

    /// Rows of noise at the end of the matrix.
    pub(crate) fn noise(&self) -> u64 {
        (u64::from(self.proofs) * REVEALED_OF_DATA as u64).max(REVEALED as u64)
    }

    /// Rows that hold values.
    pub(crate) fn filled(&self) -> u64 {
        self.rows.div_ceil(VALUES as u64)
    }

    /// Rows that values and the tables' sums need.
    fn used(&self) -> u64 {
        let sums = self.filled().next_multiple_of(BLOCK) + BLOCK + TELLING;
        sums.max(REVEALED as u64)
    }

    /// Rows of the matrix, as a power of two.
    pub(crate) fn log_rows(&self) -> usize {
        let needed = self.used() + self.noise();
        needed.next_power_of_two().ilog2() as usize
    }

    /// Rows that count in a table that reads the column.
    pub(crate) fn counting(&self) -> u64 {
        (1 << self.log_rows()) - self.noise()
    }

    /// Columns of the matrix.
    pub(crate) fn width(&self) -> u32 {
        VALUES as u32 * (self.limbs + u32::from(self.nullable))
    }

    /// Cells of the matrix, with padding and noise.
    pub(crate) fn cells(&self) -> u64 {
        u64::from(self.width()) << self.log_rows()
    }

    /// Bytes of memory that a committed column takes, at the most: a matrix and its codeword, and of each row of that a salt and
    /// hashes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (12 * u64::from(self.width()) + 160) << self.log_rows()
    }

    /// A table over such columns.
    pub(crate) fn table(&self) -> Table {
        Table::new(self.log_rows(), self.counting())
    }

    /// Where a limb of the value in a place of the row is.
    pub(crate) fn limb(&self, source: u32, place: usize, limb: usize) -> Linear {
        Linear::from(Cell::Data(
            source,
            (place * self.limbs as usize + limb) as u32,
        ))
    }

    /// All limbs of the value in a place of the row.
    pub(crate) fn value(&self, source: u32, place: usize) -> Vec<Linear> {
        let limbs = 0..self.limbs as usize;
        limbs.map(|limb| self.limb(source, place, limb)).collect()
    }

    /// Whether a value is there, as a cell, if values may be missing.
    pub(crate) fn flag(&self, source: u32, place: usize) -> Option<Cell> {
        let flags = VALUES * self.limbs as usize;
        self.nullable
            .then(|| Cell::Data(source, (flags + place) as u32))
    }
}

/// Which of a row's eight places are rows of the dataset.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    full: Cell,
    full_rows: u64,
    last: Option<Cell>,
    rest: usize,
}

impl Live {
    /// A column of the table that is 1 in rows whose places are all in use.
    pub(crate) fn new(table: &mut Table, layout: &Layout) -> Self {
        let full = table.column();
        let full_rows = layout.rows / VALUES as u64;
        let rest = (layout.rows % VALUES as u64) as usize;
        table.demand(
            At::Row(0),
            Linear::from(full) - Linear::number(u64::from(full_rows > 0)),
        );
        let mut step = next(full) - Linear::from(full);
        if full_rows > 0 {
            step += Linear::from(table.fixed(Fixed::Row(full_rows - 1)));
        }
        table.demand(At::Transition, step);
        let last = (rest > 0).then(|| table.fixed(Fixed::Row(full_rows)));
        Self {
            full,
            full_rows,
            last,
            rest,
        }
    }

    /// Writes its cell of a row.
    pub(crate) fn fill(&self, cells: &mut [F], row: u64) {
        set(cells, self.full, u64::from(row < self.full_rows));
    }

    /// 1 if the place is a row of the dataset.
    pub(crate) fn place(&self, place: usize) -> Linear {
        let mut live = Linear::from(self.full);
        if let Some(last) = self.last.filter(|_| place < self.rest) {
            live += Linear::from(last);
        }
        live
    }

    /// 1 if a value is there, for which the column's own word is checked: 1 for each row of the dataset, if none may be missing.
    pub(crate) fn demand_presence(
        &self,
        table: &mut Table,
        layout: &Layout,
        source: u32,
        place: usize,
    ) -> Linear {
        let Some(flag) = layout.flag(source, place) else {
            return self.place(place);
        };
        table.demand_bit(flag);
        let not_live = Linear::one() - self.place(place);
        table.demand(At::All, Linear::from(flag) * not_live);
        flag.into()
    }
}

/// A column's values. They are private: no `Debug`.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// A number for each row; 0 where there is none.
    pub keys: &'a [u64],
    /// Which are there; nothing if all are.
    pub present: Option<&'a [bool]>,
}

/// A column, its commitment and what opens it.
pub struct Column {
    layout: Layout,
    rows: RowMajorMatrix<F>,
    tree: Tree,
    commitment: Commitment,
}

impl Column {
    /// Commits to values. The same seed, which nobody else may know, gives the same commitment; another column must have
    /// another seed.
    ///
    /// # Errors
    /// [`ColumnError`].
    pub fn commit(
        layout: Layout,
        values: Values<'_>,
        seed: &[u8; 32],
    ) -> Result<Self, ColumnError> {
        layout.check()?;
        let got = values.keys.len() as u64;
        let flags = values.present.map_or(got, |present| present.len() as u64);
        if got != layout.rows || flags != layout.rows {
            let got = if got == layout.rows { flags } else { got };
            return Err(ColumnError::Values {
                expected: layout.rows,
                got,
            });
        }
        let bits = layout.limbs * LIMB_BITS;
        let too_large = values
            .keys
            .iter()
            .position(|key| bits < 64 && key >> bits != 0);
        if let Some(row) = too_large {
            return Err(ColumnError::TooLarge {
                row: row as u64,
                limbs: layout.limbs,
            });
        }
        let width = layout.width() as usize;
        let limbs = layout.limbs as usize;
        let mut rows = RowMajorMatrix::new(F::zero_vec(width << layout.log_rows()), width);
        let filled = layout.filled() as usize * width;
        (rows.values[..filled].par_chunks_mut(width).enumerate()).for_each(|(row, cells)| {
            let first = row * VALUES;
            let places = VALUES.min(values.keys.len() - first);
            for place in 0..places {
                let key = values.keys[first + place];
                for limb in 0..limbs {
                    cells[place * limbs + limb] = F::from_u64(word(key, limb));
                }
                if layout.nullable {
                    let there = values.present.is_none_or(|present| present[first + place]);
                    cells[VALUES * limbs + place] = F::from_bool(there);
                }
            }
        });
        Self::of_cells(layout, rows, seed)
    }

    /// Commits to cells, whose last rows become noise.
    pub(crate) fn of_cells(
        layout: Layout,
        mut rows: RowMajorMatrix<F>,
        seed: &[u8; 32],
    ) -> Result<Self, ColumnError> {
        let width = layout.width() as usize;
        let noise = derive("prooflane 2026-11 stark noise of a column", seed);
        let mut noise = ChaCha20Rng::from_seed(noise);
        fill(
            &mut rows.values[layout.counting() as usize * width..],
            &mut noise,
        );
        let pcs = scheme(derive("prooflane 2026-11 stark salts of a column", seed));
        let domain =
            <Scheme as Pcs<E, Challenger>>::natural_domain_for_degree(&pcs, 1 << layout.log_rows());
        let (root, tree) = <Scheme as Pcs<E, Challenger>>::commit(&pcs, [(domain, rows.clone())])
            .map_err(|error| ColumnError::Scheme(format!("{error:?}")))?;
        Ok(Self {
            layout,
            rows,
            tree,
            commitment: Commitment::of(&layout, root),
        })
    }

    /// A column whose codewords are those of no polynomials: the values on the coset are noise.
    #[cfg(test)]
    pub(crate) fn without_polynomials(layout: Layout) -> Self {
        let (width, size) = (layout.width() as usize, 1 << layout.log_rows());
        let noise = |rows| {
            let mut cells = F::zero_vec(rows * width);
            fill(&mut cells, &mut ChaCha20Rng::from_seed([1; 32]));
            RowMajorMatrix::new(cells, width)
        };
        let codewords = vec![noise(size << crate::field::LOG_BLOWUP)];
        let (root, tree) = <Scheme as p3_commit::UnivariateStarkPcs<E, Challenger>>::commit_ldes(
            &scheme([0; 32]),
            codewords,
        )
        .unwrap();
        Self {
            layout,
            rows: noise(size),
            tree,
            commitment: Commitment::of(&layout, root),
        }
    }

    /// The same column, whose commitment has a label ([`Commitment::labelled`]).
    #[must_use]
    pub fn labelled(self, label: [u8; 32]) -> Self {
        Self {
            commitment: self.commitment.labelled(label),
            ..self
        }
    }

    /// What is public of it.
    pub fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// How it is laid out.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn opened(&self) -> Opened<'_> {
        Opened {
            rows: &self.rows,
            tree: &self.tree,
        }
    }

    /// Whether flags are flags ([`Live::demand_presence`]), as those of values that were committed to are.
    pub(crate) fn is_flagged(&self) -> bool {
        if !self.layout.nullable {
            return true;
        }
        let width = self.layout.width() as usize;
        let counting = self.layout.counting() as usize * width;
        let rows = self.rows.values[..counting].par_chunks(width).enumerate();
        rows.all(|(row, cells)| {
            let mut flags = (row * VALUES..).zip(&cells[width - VALUES..]);
            let live = self.layout.rows as usize;
            flags.all(|(row, flag)| *flag == F::ZERO || *flag == F::ONE && row < live)
        })
    }

    /// The cells of a row's value: its limbs and its flag.
    pub(crate) fn cells(&self, row: u64, into: &mut Vec<F>) {
        let (limbs, flag) = self.at(row);
        into.extend_from_slice(limbs);
        into.extend(flag);
    }

    /// The limbs of a row's value, and its flag.
    pub(crate) fn at(&self, row: u64) -> (&[F], Option<F>) {
        let width = self.layout.width() as usize;
        let limbs = self.layout.limbs as usize;
        let place = row as usize % VALUES;
        let cells = &self.rows.values[row as usize / VALUES * width..][..width];
        let flag = (self.layout.nullable).then(|| cells[VALUES * limbs + place]);
        (&cells[place * limbs..(place + 1) * limbs], flag)
    }

    /// The value in a row, if there is such a row and one is there.
    pub(crate) fn get(&self, row: u64) -> Option<u64> {
        if row >= self.layout.rows {
            return None;
        }
        let (limbs, flag) = self.at(row);
        if flag == Some(F::ZERO) {
            return None;
        }
        Some(limbs.iter().rev().fold(0, |value, limb| {
            value << LIMB_BITS | u64::from(limb.as_canonical_u32())
        }))
    }
}

fn derive(context: &str, seed: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key(context, seed)
}
