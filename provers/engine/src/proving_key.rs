//! The key that proofs are made with, whoever made it.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ff::AdditiveGroup;
use prooflane_formats::{Coefficient, Matrix, Zkey};
use prooflane_verifier::VerifyingKey;

/// A Groth16 proving key in snarkjs's form (the notation is that of [`Zkey`]): what the engine proves from. Unlike
/// arkworks' form, H is over a coset of the domain, so that a proof takes six transforms and no division by `Z`.
pub struct ProvingKey {
    /// alpha, beta, gamma, delta, and the points of the constant and the public inputs.
    pub verifying: VerifyingKey,
    /// `[beta]_1`.
    pub beta_g1: G1Affine,
    /// `[delta]_1`.
    pub delta_g1: G1Affine,
    /// `[u_i(tau)]_1`, one a column.
    pub a: Vec<G1Affine>,
    /// `[v_i(tau)]_1`, one a column.
    pub b_g1: Vec<G1Affine>,
    /// `[v_i(tau)]_2`, one a column.
    pub b_g2: Vec<G2Affine>,
    /// `[(beta u_i + alpha v_i + w_i) / delta]_1`, one a private column.
    pub l: Vec<G1Affine>,
    /// `[L_(2j+1)(tau) / delta]_1`, one a point of the domain.
    pub h: Vec<G1Affine>,
    /// A, with a row for the constant and each public input after those of the constraints.
    pub matrix_a: Csr,
    /// B.
    pub matrix_b: Csr,
}

impl ProvingKey {
    /// Columns of the constraint system: values of a witness.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.a.len()
    }

    /// Public inputs, the constant one not counted.
    #[must_use]
    pub fn num_public(&self) -> usize {
        self.verifying.public_inputs()
    }

    /// Points of the domain, a power of two.
    #[must_use]
    pub fn domain(&self) -> usize {
        self.h.len()
    }
}

impl From<Zkey> for ProvingKey {
    fn from(key: Zkey) -> Self {
        Self {
            matrix_a: Csr::of(Matrix::A, &key.coefficients),
            matrix_b: Csr::of(Matrix::B, &key.coefficients),
            verifying: key.verifying,
            beta_g1: key.beta_g1,
            delta_g1: key.delta_g1,
            a: key.a,
            b_g1: key.b_g1,
            b_g2: key.b_g2,
            l: key.l,
            h: key.h,
        }
    }
}

/// A sparse matrix, its entries row by row (compressed sparse rows). Rows past the last that has an entry are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    /// Where each row begins among the entries, and at last where the last row ends.
    starts: Vec<u32>,
    /// The column of each entry.
    columns: Vec<u32>,
    /// The value of each entry.
    values: Vec<Fr>,
}

impl Csr {
    fn of(matrix: Matrix, entries: &[Coefficient]) -> Self {
        let mut entries: Vec<_> = entries
            .iter()
            .filter(|entry| entry.matrix == matrix)
            .collect();
        // They come in this order already from snarkjs and from our own set-up.
        entries.sort_by_key(|entry| entry.row);
        let rows = entries.last().map_or(0, |last| last.row as usize + 1);
        let mut starts = Vec::with_capacity(rows + 1);
        for (index, entry) in (0..).zip(&entries) {
            starts.resize(starts.len().max(entry.row as usize + 1), index);
        }
        starts.push(u32::try_from(entries.len()).expect("a .zkey counts its entries in 4 bytes"));
        Self {
            starts,
            columns: entries.iter().map(|entry| entry.column).collect(),
            values: entries.iter().map(|entry| entry.value).collect(),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The entries of a row: values and their columns.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (&Fr, usize)> {
        let span = self.starts[row] as usize..self.starts[row + 1] as usize;
        let columns = self.columns[span.clone()]
            .iter()
            .map(|column| *column as usize);
        self.values[span].iter().zip(columns)
    }

    /// The matrix times a vector, which must have as many values as the matrix has columns.
    pub fn times<'a>(&'a self, vector: &'a [Fr]) -> impl Iterator<Item = Fr> + 'a {
        (0..self.rows()).map(|row| {
            self.row(row).fold(Fr::ZERO, |sum, (value, column)| {
                sum + *value * vector[column]
            })
        })
    }
}
