//! What can be told about a key without the powers of tau that it was made from.

use super::Zkey;
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::PrimeField;
use prooflane_circuits::{R1cs, Row};

/// What is wrong with a key whose file is in order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// One of alpha, beta, gamma and delta is zero: anybody could prove anything.
    #[error("expected alpha, beta, gamma and delta other than zero, got a key whose {0} is zero")]
    Zero(&'static str),
    /// Two sections that hold the same numbers in the two groups differ.
    #[error("expected {0} to be the same in both groups, got a key where it is not")]
    Groups(&'static str),
    /// The last contribution is to another key.
    #[error("expected the delta that the ceremony's last contribution led to, got another")]
    Delta,
    /// Another number of columns, public inputs or constraints than the circuit has.
    #[error(
        "{what}: expected {expected} as the circuit has, got {got}; the key is for another circuit, or \
         for another version of it"
    )]
    Count {
        /// Of what.
        what: &'static str,
        /// As the circuit has it.
        expected: usize,
        /// As the key has it.
        got: usize,
    },
    /// A row of the key's matrices is not that of the circuit.
    #[error(
        "matrix {matrix}, row {row} (0 is the first): expected the circuit's, got another; the key is \
         for another circuit, or for another version of it"
    )]
    Row {
        /// A or B.
        matrix: char,
        /// Which row.
        row: usize,
    },
}

impl Zkey {
    /// Checks what the key says of itself: nothing is zero that must not be; beta, delta and B are the
    /// same in both groups; delta is where the ceremony's last contribution left it.
    ///
    /// What takes the powers of tau is **not** checked: whether the points of A, B, L and H and those
    /// of the public inputs are what the matrices and the powers give, and whether the contributions
    /// are well made. `snarkjs zkey verify` checks these.
    ///
    /// # Errors
    /// [`KeyProblem`].
    ///
    /// # Panics
    /// If the operating system has no randomness.
    pub fn check(&self) -> Result<(), KeyProblem> {
        let vk = &self.verifying;
        let zeros = [
            ("alpha", vk.alpha.is_zero()),
            ("beta", vk.beta.is_zero()),
            ("gamma", vk.gamma.is_zero()),
            ("delta", vk.delta.is_zero()),
        ];
        if let Some((name, _)) = zeros.iter().find(|(_, zero)| *zero) {
            return Err(KeyProblem::Zero(name));
        }
        let (b_g1, b_g2) = self.combined_b();
        for (name, g1, g2) in [
            ("beta", self.beta_g1, vk.beta),
            ("delta", self.delta_g1, vk.delta),
            ("B", b_g1, b_g2),
        ] {
            let (one_g1, one_g2) = (G1Affine::generator(), G2Affine::generator());
            if Bn254::pairing(g1, one_g2) != Bn254::pairing(one_g1, g2) {
                return Err(KeyProblem::Groups(name));
            }
        }
        match self.ceremony.contributions.last() {
            Some(last) if last.delta_after != self.delta_g1 => Err(KeyProblem::Delta),
            _ => Ok(()),
        }
    }

    /// One random combination of B in both groups: if it is the same, so is B, but for a chance of
    /// 2^-128.
    fn combined_b(&self) -> (G1Affine, G2Affine) {
        let mut bytes = vec![0; 16 * self.b_g1.len()];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        let scalars: Vec<_> = bytes
            .chunks_exact(16)
            .map(|chunk| Fr::from_le_bytes_mod_order(chunk).into_bigint())
            .collect();
        let g1 = G1Projective::msm_bigint(&self.b_g1, &scalars);
        let g2 = G2Projective::msm_bigint(&self.b_g2, &scalars);
        (g1.into_affine(), g2.into_affine())
    }

    /// Whether the key is one for a constraint system: as many columns, public inputs and constraints,
    /// and the same matrices A and B. C is not in a key.
    ///
    /// # Errors
    /// [`KeyProblem::Count`], [`KeyProblem::Row`].
    pub fn check_system(&self, system: &R1cs) -> Result<(), KeyProblem> {
        let counts = [
            ("number of columns", system.columns(), self.columns()),
            (
                "number of public inputs",
                system.num_public,
                self.num_public(),
            ),
            (
                "number of constraints",
                system.constraints(),
                self.constraints(),
            ),
        ];
        for (what, expected, got) in counts {
            if expected != got {
                return Err(KeyProblem::Count {
                    what,
                    expected,
                    got,
                });
            }
        }
        let [a, b] = self.matrices();
        for (matrix, expected, got) in [('A', &system.a, a), ('B', &system.b, b)] {
            let differ = |(expected, got): (&Row, &Row)| expected != got;
            if let Some(row) = expected.iter().zip(&got).position(differ) {
                return Err(KeyProblem::Row { matrix, row });
            }
        }
        Ok(())
    }
}
