//! Many proofs at once.

use crate::{Bn254, Fr, G1Affine, PreparedKey, Proof, field};
use alloc::vec;
use alloc::vec::Vec;
use ark_ec::pairing::Pairing;
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::AdditiveGroup;
use sha2::{Digest, Sha256};

/// A proof and the public inputs it is said to be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The proof.
    pub proof: Proof,
    /// The public inputs.
    pub public_inputs: Vec<Fr>,
}

/// Why a batch was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected every proof of the batch to verify, got {} that do not: {bad:?}", bad.len())]
pub struct BatchError {
    /// Indices of the bad statements, ascending.
    pub bad: Vec<usize>,
}

impl PreparedKey {
    /// Verifies many proofs together; an empty batch passes. `seed` is 32 bytes of fresh randomness.
    /// The points of the proofs must be in their groups, as all that this crate decodes are.
    ///
    /// # Errors
    /// [`BatchError`] with the bad ones: those that [`PreparedKey::verify`] refuses.
    pub fn verify_batch(
        &self,
        statements: &[Statement],
        seed: &[u8; 32],
    ) -> Result<(), BatchError> {
        let bad = self.find_bad(statements, seed);
        if bad.is_empty() {
            Ok(())
        } else {
            Err(BatchError { bad })
        }
    }

    /// The indices of the statements that do not verify, ascending; as [`PreparedKey::verify_batch`].
    #[must_use]
    pub fn find_bad(&self, statements: &[Statement], seed: &[u8; 32]) -> Vec<usize> {
        let mut bad = Vec::new();
        let mut readable = Vec::with_capacity(statements.len());
        for (index, statement) in statements.iter().enumerate() {
            match self.expect_inputs(&statement.public_inputs) {
                Ok(()) => readable.push(index),
                Err(_) => bad.push(index),
            }
        }
        let powers = powers(statements, seed);
        self.search(statements, &powers, &readable, false, &mut bad);
        bad.sort_unstable();
        bad
    }

    /// Adds the bad ones of `part` to `bad`; `some_bad` says that there is one.
    fn search(
        &self,
        statements: &[Statement],
        powers: &[Fr],
        part: &[usize],
        some_bad: bool,
        bad: &mut Vec<usize>,
    ) {
        match *part {
            [] => {}
            // Nobody is accused on the strength of a product alone.
            [one] => {
                let Statement {
                    proof,
                    public_inputs,
                } = &statements[one];
                if self.verify(proof, public_inputs).is_err() {
                    bad.push(one);
                }
            }
            // Where many are bad, products cost more than they save.
            [.., last] if bad.len() * 16 > last => {
                for one in part.chunks(1) {
                    self.search(statements, powers, one, false, bad);
                }
            }
            _ if !some_bad && self.all_verify(statements, powers, part) => {}
            _ => {
                let (left, right) = part.split_at(part.len() / 2);
                let before = bad.len();
                self.search(statements, powers, left, false, bad);
                let left_is_good = bad.len() == before;
                self.search(statements, powers, right, left_is_good, bad);
            }
        }
    }

    /// The product of the equations of `part`, each raised to its power.
    fn all_verify(&self, statements: &[Statement], powers: &[Fr], part: &[usize]) -> bool {
        let mut inputs = vec![Fr::ZERO; self.ic.len()];
        let mut cs: Vec<G1Affine> = Vec::with_capacity(part.len());
        let mut chosen: Vec<Fr> = Vec::with_capacity(part.len());
        for index in part {
            let Statement {
                proof,
                public_inputs,
            } = &statements[*index];
            let power = powers[*index];
            inputs[0] += power;
            for (sum, input) in inputs[1..].iter_mut().zip(public_inputs) {
                *sum += power * input;
            }
            cs.push(proof.c);
            chosen.push(power);
        }
        let of_b = |index: &usize| -> (<Bn254 as Pairing>::G1, <Bn254 as Pairing>::G2Prepared) {
            let proof = &statements[*index].proof;
            (proof.a * powers[*index], proof.b.into())
        };
        let (a, mut g2): (Vec<_>, Vec<_>) = map(part, of_b).into_iter().unzip();
        let a = <Bn254 as Pairing>::G1::normalize_batch(&a);
        let mut g1: Vec<<Bn254 as Pairing>::G1Prepared> = a.into_iter().map(Into::into).collect();
        // Equal lengths by construction, so neither sum can be cut short.
        let msm = <<Bn254 as Pairing>::G1 as VariableBaseMSM>::msm_unchecked;
        g1.push(msm(&self.ic, &inputs).into_affine().into());
        g2.push(self.minus_gamma.clone());
        g1.push(msm(&cs, &chosen).into_affine().into());
        g2.push(self.minus_delta.clone());
        Bn254::multi_pairing(g1, g2) == self.alpha_beta_to(&inputs[0])
    }
}

/// Applies a function to each item, on all threads at hand.
#[cfg(feature = "parallel")]
fn map<T: Sync, R: Send>(items: &[T], function: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    items.par_iter().map(function).collect()
}

/// Applies a function to each item.
#[cfg(not(feature = "parallel"))]
fn map<T, R>(items: &[T], function: impl Fn(&T) -> R) -> Vec<R> {
    items.iter().map(function).collect()
}

/// One 128-bit power for each statement, from the seed and all statements.
pub(crate) fn powers(statements: &[Statement], seed: &[u8; 32]) -> Vec<Fr> {
    let mut all = Sha256::new();
    all.update(b"prooflane batch v1");
    all.update(seed);
    for statement in statements {
        all.update(statement.proof.to_compact());
        all.update((statement.public_inputs.len() as u64).to_le_bytes());
        for input in &statement.public_inputs {
            all.update(field::to_bytes_be(input));
        }
    }
    let all: [u8; 32] = all.finalize().into();
    (0..statements.len() as u64)
        .map(|index| {
            let one = Sha256::new()
                .chain_update(all)
                .chain_update(index.to_le_bytes())
                .finalize();
            let low = one[..16]
                .iter()
                .fold(0_u128, |acc, byte| acc << 8 | u128::from(*byte));
            Fr::from(low)
        })
        .collect()
}
