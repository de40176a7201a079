//! Matrices of a constraint system.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use prooflane_circuits::Row;
use prooflane_formats::{Coefficient, Matrix};
use rayon::prelude::*;
use zeroize::Zeroizing;

/// A sparse matrix, its entries row by row (compressed sparse rows). Rows past the last that has an entry are left out.
///
/// Most entries of real systems are one or minus one, so these are not kept as field elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    /// Where each row begins among the entries, and at last where the last row ends.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// The values of entries that are neither one nor minus one.
    values: Vec<Fr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    column: u32,
    /// [`ONE`], [`MINUS_ONE`], or two more than an index into the values.
    value: u32,
}

const ONE: u32 = 0;
const MINUS_ONE: u32 = 1;
const FIRST_VALUE: u32 = 2;

/// Fewest rows for a thread at a time.
const GRAIN: usize = 256;

impl Csr {
    /// A matrix of a key, whose entries may come in any order.
    pub(crate) fn of(matrix: Matrix, entries: &[Coefficient]) -> Self {
        let mut entries: Vec<_> = entries
            .iter()
            .filter(|entry| entry.matrix == matrix)
            .collect();
        // They come in this order already from snarkjs and from our own set-up.
        entries.sort_by_key(|entry| entry.row);
        let mut csr = Self::empty();
        for entry in entries {
            csr.rows_up_to(entry.row as usize);
            csr.push(entry.value, entry.column as usize);
        }
        csr.finish()
    }

    /// A matrix from its rows.
    pub(crate) fn from_rows<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut csr = Self::empty();
        for (index, row) in rows.enumerate() {
            csr.rows_up_to(index);
            row.iter()
                .for_each(|(value, column)| csr.push(*value, *column));
        }
        csr.finish()
    }

    fn empty() -> Self {
        Self {
            starts: vec![],
            entries: vec![],
            values: vec![],
        }
    }

    /// Begins rows until this one is begun.
    fn rows_up_to(&mut self, row: usize) {
        let start = u32_of(self.entries.len());
        self.starts.resize(self.starts.len().max(row + 1), start);
    }

    fn push(&mut self, value: Fr, column: usize) {
        let value = if value == Fr::ONE {
            ONE
        } else if value == -Fr::ONE {
            MINUS_ONE
        } else {
            self.values.push(value);
            u32_of(self.values.len() - 1) + FIRST_VALUE
        };
        let column = u32_of(column);
        self.entries.push(Entry { column, value });
    }

    fn finish(mut self) -> Self {
        self.starts.push(u32_of(self.entries.len()));
        self
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    fn row(&self, row: usize) -> &[Entry] {
        &self.entries[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// A row times a vector.
    ///
    /// # Panics
    /// If there is no such row, or the vector is shorter than the row.
    #[must_use]
    pub fn row_times(&self, row: usize, vector: &[Fr]) -> Fr {
        let mut sum = Fr::ZERO;
        for Entry { column, value } in self.row(row) {
            let element = &vector[*column as usize];
            match *value {
                ONE => sum += element,
                MINUS_ONE => sum -= element,
                value => sum += self.values[(value - FIRST_VALUE) as usize] * element,
            }
        }
        sum
    }

    /// The matrix times a vector, which must have as many values as the matrix has columns. On all threads of the
    /// current pool.
    #[must_use]
    pub fn times(&self, vector: &[Fr]) -> Zeroizing<Vec<Fr>> {
        let mut product = Zeroizing::new(vec![Fr::ZERO; self.rows()]);
        let rows = product.par_iter_mut().enumerate().with_min_len(GRAIN);
        rows.for_each(|(row, value)| *value = self.row_times(row, vector));
        product
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        4 * self.starts.len() + size_of_val(&self.entries[..]) + size_of_val(&self.values[..])
    }
}

/// Columns, rows and entries are counted in four bytes, as in a `.zkey`.
fn u32_of(number: usize) -> u32 {
    u32::try_from(number).expect("constraint systems have fewer than 2^32 entries")
}

/// A constraint system as proving needs it.
pub(crate) struct System {
    pub(crate) num_public: usize,
    pub(crate) columns: usize,
    /// A, with a row for the constant and each public input after those of the constraints.
    pub(crate) a: Csr,
    /// B.
    pub(crate) b: Csr,
    /// C; a key alone does not tell it.
    pub(crate) c: Option<Csr>,
}

impl System {
    pub(crate) fn constraints(&self) -> Option<usize> {
        self.c.as_ref().map(Csr::rows)
    }

    /// The first constraint that does not hold, given A and B times the assignment; none, if C is not known.
    pub(crate) fn first_unsatisfied(&self, a: &[Fr], b: &[Fr], assignment: &[Fr]) -> Option<usize> {
        let c = self.c.as_ref()?;
        let at = |values: &[Fr], row: usize| values.get(row).copied().unwrap_or(Fr::ZERO);
        (0..c.rows())
            .into_par_iter()
            .with_min_len(GRAIN)
            .find_first(|row| at(a, *row) * at(b, *row) != c.row_times(*row, assignment))
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.a.bytes() + self.b.bytes() + self.c.as_ref().map_or(0, Csr::bytes)
    }
}

impl From<&prooflane_circuits::R1cs> for System {
    fn from(r1cs: &prooflane_circuits::R1cs) -> Self {
        let public_rows: Vec<Row> = (0..=r1cs.num_public)
            .map(|column| vec![(Fr::ONE, column)])
            .collect();
        Self {
            num_public: r1cs.num_public,
            columns: r1cs.columns(),
            a: Csr::from_rows(r1cs.a.iter().chain(&public_rows)),
            b: Csr::from_rows(r1cs.b.iter()),
            c: Some(Csr::from_rows(r1cs.c.iter())),
        }
    }
}
