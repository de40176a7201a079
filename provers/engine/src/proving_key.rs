//! The key that proofs are made with, whoever made it.

use crate::Csr;
use ark_bn254::{G1Affine, G2Affine};
use prooflane_formats::{Matrix, Zkey};
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
