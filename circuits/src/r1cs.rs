//! Constraint matrices and assignments, the form in which a circuit is handed to a prover.

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField, Zero};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// One row of a matrix: pairs (coefficient, column), columns ascending and distinct, no coefficient zero.
pub type Row = Vec<(Fr, usize)>;

/// A rank-1 constraint system: an assignment `z` satisfies it when `(A z) * (B z) = C z` row by row.
///
/// Column 0 is the constant one, then come `num_public` public inputs, then `num_private` private variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct R1cs {
    /// Number of public inputs, the constant one not counted.
    pub num_public: usize,
    /// Number of private variables.
    pub num_private: usize,
    /// Rows of A, one a constraint.
    pub a: Vec<Row>,
    /// Rows of B, as many as of A.
    pub b: Vec<Row>,
    /// Rows of C, as many as of A.
    pub c: Vec<Row>,
}

impl R1cs {
    /// Number of constraints.
    pub fn constraints(&self) -> usize {
        self.a.len()
    }

    /// Length of an assignment: the constant one, the public inputs and the private variables.
    pub fn columns(&self) -> usize {
        1 + self.num_public + self.num_private
    }

    /// Whether constraint `row` holds for `assignment`; a column past its end counts as zero.
    pub fn holds(&self, row: usize, assignment: &[Fr]) -> bool {
        let eval = |m: &[Row]| -> Fr {
            m[row]
                .iter()
                .map(|(k, i)| assignment.get(*i).map_or(Fr::zero(), |z| *k * z))
                .sum()
        };
        eval(&self.a) * eval(&self.b) == eval(&self.c)
    }

    /// The first constraint that `assignment` (`[1, public.., private..]`) does not satisfy; `None` if it satisfies all.
    pub fn first_unsatisfied(&self, assignment: &[Fr]) -> Option<usize> {
        (0..self.constraints()).find(|row| !self.holds(*row, assignment))
    }

    /// SHA-256 of the system, by which a key is tied to the circuit it was made for: `num_public`, `num_private` and the number
    /// of constraints, then of each row of A, B and C in turn its length and its (column, coefficient) pairs; integers as
    /// 8 bytes, coefficients as 32 bytes, little-endian.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let number = |n: usize| (n as u64).to_le_bytes();
        for n in [self.num_public, self.num_private, self.constraints()] {
            hash.update(number(n));
        }
        for row in [&self.a, &self.b, &self.c].into_iter().flatten() {
            hash.update(number(row.len()));
            for (coefficient, column) in row {
                hash.update(number(*column));
                hash.update(coefficient.into_bigint().to_bytes_le());
            }
        }
        hash.finalize().into()
    }
}

/// A full assignment of a circuit's variables. It holds private values: it is wiped on drop and `Debug` shows only its size.
#[derive(Clone)]
pub struct Witness {
    assignment: Vec<Fr>,
    num_public: usize,
}

impl Witness {
    /// Wraps `assignment` = `[1, public.., private..]`, of which `num_public` values are public.
    ///
    /// # Panics
    /// If the assignment is shorter than `1 + num_public`.
    pub fn new(assignment: Vec<Fr>, num_public: usize) -> Self {
        assert!(
            assignment.len() > num_public,
            "expected at least {} values, got {}",
            num_public + 1,
            assignment.len()
        );
        Self {
            assignment,
            num_public,
        }
    }

    /// All values: `[1, public.., private..]`.
    pub fn assignment(&self) -> &[Fr] {
        &self.assignment
    }

    /// The public inputs in the circuit's order, without the constant one.
    pub fn public_inputs(&self) -> &[Fr] {
        &self.assignment[1..=self.num_public]
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Witness({} public, {} private)",
            self.num_public,
            self.assignment.len() - 1 - self.num_public
        )
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.assignment.zeroize();
    }
}
