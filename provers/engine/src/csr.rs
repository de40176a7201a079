//! Matrices of a constraint system.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
use prooflane_circuits::Row;
use prooflane_formats::{Coefficient, Matrix};
use rayon::prelude::*;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// A sparse matrix, its entries row by row (compressed sparse rows). Rows past the last that has an entry are left out.
///
/// Most entries of real systems are one or minus one, so these are not kept as field elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    /// Where each row begins among the entries, and at last where the last row ends.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// The values of entries that are neither one nor minus one, each once.
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
        let mut rows = Rows::default();
        for entry in entries {
            rows.up_to(entry.row as usize);
            rows.push(entry.value, entry.column as usize);
        }
        rows.finish()
    }

    /// A matrix from its rows.
    pub(crate) fn from_rows<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut all = Rows::default();
        for (index, row) in rows.enumerate() {
            all.up_to(index);
            row.iter()
                .for_each(|(value, column)| all.push(*value, *column));
        }
        all.finish()
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

    /// As words: how many starts, entries and values, then these.
    pub(crate) fn write(&self, words: &mut Vec<u64>) {
        let counts = [self.starts.len(), self.entries.len(), self.values.len()];
        words.extend(counts.map(|count| count as u64));
        words.extend(self.starts.iter().map(|start| u64::from(*start)));
        let packed = |entry: &Entry| u64::from(entry.value) << 32 | u64::from(entry.column);
        words.extend(self.entries.iter().map(packed));
        words.extend(self.values.iter().flat_map(|value| value.0.0));
    }

    /// What [`Csr::write`] wrote, of a system with so many columns. Words that mean nothing are refused.
    pub(crate) fn read(words: &mut &[u64], columns: usize) -> Option<Self> {
        let (counts, mut rest) = words.split_first_chunk::<3>()?;
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at_checked(count)?;
            rest = left;
            Some(taken)
        };
        let [starts, entries, values] = counts.map(usize::try_from);
        let (starts, entries) = (take(starts.ok()?)?, take(entries.ok()?)?);
        let values = take(values.ok()?.checked_mul(4)?)?;
        *words = rest;
        let (values, _) = values.as_chunks::<4>();
        let element = |limbs: &[u64; 4]| {
            let reduced = BigInt(*limbs) < Fr::MODULUS;
            reduced.then_some(Fr::new_unchecked(BigInt(*limbs)))
        };
        let entry = |word: &u64| {
            let (column, value) = (*word as u32, (word >> 32) as u32);
            let known = (value as usize) < values.len() + FIRST_VALUE as usize;
            ((column as usize) < columns && known).then_some(Entry { column, value })
        };
        let ascend = starts.is_sorted() && starts.last() == Some(&(entries.len() as u64));
        ascend.then_some(())?;
        Some(Self {
            starts: starts
                .iter()
                .map(|start| u32::try_from(*start).ok())
                .collect::<Option<_>>()?,
            entries: entries.iter().map(entry).collect::<Option<_>>()?,
            values: values.iter().map(element).collect::<Option<_>>()?,
        })
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        4 * self.starts.len() + size_of_val(&self.entries[..]) + size_of_val(&self.values[..])
    }
}

/// A matrix in the making.
#[derive(Default)]
struct Rows {
    starts: Vec<u32>,
    entries: Vec<Entry>,
    values: Vec<Fr>,
    /// Where each value is among the values.
    known: HashMap<Fr, u32>,
}

impl Rows {
    /// Begins rows until this one is begun.
    fn up_to(&mut self, row: usize) {
        let start = u32_of(self.entries.len());
        self.starts.resize(self.starts.len().max(row + 1), start);
    }

    fn push(&mut self, value: Fr, column: usize) {
        let value = if value == Fr::ONE {
            ONE
        } else if value == -Fr::ONE {
            MINUS_ONE
        } else {
            FIRST_VALUE
                + *self.known.entry(value).or_insert_with(|| {
                    self.values.push(value);
                    u32_of(self.values.len() - 1)
                })
        };
        let column = u32_of(column);
        self.entries.push(Entry { column, value });
    }

    fn finish(mut self) -> Csr {
        self.starts.push(u32_of(self.entries.len()));
        let Self {
            starts,
            entries,
            values,
            ..
        } = self;
        Csr {
            starts,
            entries,
            values,
        }
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
    /// C.
    pub(crate) c: Csr,
}

impl System {
    pub(crate) fn constraints(&self) -> usize {
        self.c.rows()
    }

    /// The first constraint that does not hold, given A and B times the assignment.
    pub(crate) fn first_unsatisfied(&self, a: &[Fr], b: &[Fr], assignment: &[Fr]) -> Option<usize> {
        let at = |values: &[Fr], row: usize| values.get(row).copied().unwrap_or(Fr::ZERO);
        (0..self.c.rows())
            .into_par_iter()
            .with_min_len(GRAIN)
            .find_first(|row| at(a, *row) * at(b, *row) != self.c.row_times(*row, assignment))
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.a.bytes() + self.b.bytes() + self.c.bytes()
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
            c: Csr::from_rows(r1cs.c.iter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
    use proptest::prelude::*;

    const COLUMNS: usize = 9;

    /// Rows of any length, none among them, with few values that come often.
    fn rows(rng: &mut StdRng, count: usize) -> Vec<Row> {
        let values = [Fr::ONE, -Fr::ONE, Fr::ZERO, Fr::rand(rng), Fr::rand(rng)];
        let mut entry = || (values[rng.gen_range(0..5)], rng.gen_range(0..COLUMNS));
        (0..count)
            .map(|row| (0..row % 4).map(|_| entry()).collect())
            .collect()
    }

    proptest! {
        #[test]
        fn multiplies_and_is_read_back(seed: u64, count in 0usize..20) {
            let mut rng = StdRng::seed_from_u64(seed);
            let rows = rows(&mut rng, count);
            let matrix = Csr::from_rows(rows.iter());
            prop_assert!(matrix.values.len() <= 3);
            let vector: Vec<Fr> = (0..COLUMNS).map(|_| Fr::rand(&mut rng)).collect();
            let product = |row: &Row| -> Fr { row.iter().map(|(value, column)| *value * vector[*column]).sum() };
            let products: Vec<Fr> = rows.iter().map(product).collect();
            prop_assert_eq!(&*matrix.times(&vector), &products);

            let mut words = vec![];
            matrix.write(&mut words);
            let whole = words.len();
            words.push(7);
            let mut rest = &words[..];
            prop_assert_eq!(Csr::read(&mut rest, COLUMNS), Some(matrix.clone()));
            prop_assert_eq!(rest, &[7][..]);
            // Cut, or of a system with fewer columns.
            prop_assert_eq!(Csr::read(&mut &words[..rng.gen_range(0..whole)], COLUMNS), None);
            if let Some(last) = matrix.entries.iter().map(|entry| entry.column).max() {
                prop_assert_eq!(Csr::read(&mut &words[..], last as usize), None);
            }
        }

        /// Whatever the words are, what is read can be multiplied by.
        #[test]
        fn words_that_mean_nothing_are_refused(seed: u64, at in 0usize..64, word in prop_oneof![0u64..40, any::<u64>()]) {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut words = vec![];
            Csr::from_rows(rows(&mut rng, 12).iter()).write(&mut words);
            let at = at % words.len();
            words[at] = word;
            if let Some(matrix) = Csr::read(&mut &words[..], COLUMNS) {
                prop_assert_eq!(matrix.times(&[Fr::ONE; COLUMNS]).len(), matrix.rows());
            }
        }
    }

    #[test]
    fn values_are_field_elements() {
        let mut words = vec![];
        Csr::from_rows([vec![(Fr::from(2), 0)]].iter()).write(&mut words);
        assert!(Csr::read(&mut &words[..], 1).is_some());
        let limbs = words.len() - 4;
        words[limbs..].copy_from_slice(&Fr::MODULUS.0);
        assert_eq!(Csr::read(&mut &words[..], 1), None);
    }
}
