//! Many proofs at once.

use crate::key::is_one;
use crate::pairing::{Evaluation, Fq12, G1, Multiples, miller};
use crate::{Fr, PreparedKey, Proof, field};
use alloc::vec;
use alloc::vec::Vec;
use ark_bn254::G1Projective;
use ark_ff::{AdditiveGroup, Field, PrimeField};
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
        for index in part {
            let power = powers[*index];
            inputs[0] += power;
            let public_inputs = &statements[*index].public_inputs;
            for (sum, input) in inputs[1..].iter_mut().zip(public_inputs) {
                *sum += power * input;
            }
        }
        // The pairs of A and B, and the sum of C.
        let of_proofs = |part: &[usize]| -> (Fq12, G1Projective) {
            let proofs = || {
                part.iter().map(|index| {
                    let [low, high, ..] = powers[*index].into_bigint().0;
                    let power = u128::from(high) << 64 | u128::from(low);
                    (&statements[*index].proof, power)
                })
            };
            let a: Vec<G1> = proofs().map(|(proof, _)| (-proof.a).into()).collect();
            let c: Vec<G1> = proofs().map(|(proof, _)| proof.c.into()).collect();
            let a = Multiples::<WINDOW>::of(&a).into_iter().zip(proofs());
            let a: Vec<G1> = a
                .map(|(a, (_, power))| Multiples::sum([(&a, power)]))
                .collect();
            let pairs = Evaluation::of(&a).into_iter().zip(proofs());
            let pairs: Vec<_> = pairs.map(|(a, (proof, _))| (a, &proof.b)).collect();
            let c = Multiples::<WINDOW>::of(&c);
            let c = Multiples::sum(c.iter().zip(proofs().map(|(_, power)| power)));
            (miller(&[], &pairs), c.into())
        };
        let parts = map_chunks(part, of_proofs);
        let (mut product, mut c) = (Fq12::one(), G1Projective::ZERO);
        for (pairs, part_of_c) in parts {
            (product, c) = (product.times(&pairs), c + part_of_c);
        }
        let alpha = self.alpha * inputs[0];
        // One ic_0 is in what is combined.
        let inputs = self.ic[0] * (inputs[0] - Fr::ONE) + self.combine(&inputs[1..]);
        let g1 = Evaluation::of(&[alpha.into(), inputs.into(), c.into()]);
        let lines = [&self.beta, &self.gamma, &self.delta];
        let fixed: Vec<_> = g1.into_iter().zip(lines).collect();
        is_one(&product.times(&miller(&fixed, &[])))
    }
}

/// Powers are written in digits 0, 1, -1, 3 .. -7.
const WINDOW: usize = 4;

/// Proofs that share the squarings of one Miller loop, and a thread: enough to make those cheap.
const CHUNK: usize = 32;

/// Applies a function to each chunk of a slice, on all threads at hand.
#[cfg(feature = "parallel")]
fn map_chunks<T: Sync, R: Send>(items: &[T], function: impl Fn(&[T]) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    items.par_chunks(CHUNK).map(function).collect()
}

/// Applies a function to each chunk of a slice.
#[cfg(not(feature = "parallel"))]
fn map_chunks<T, R>(items: &[T], function: impl Fn(&[T]) -> R) -> Vec<R> {
    items.chunks(CHUNK).map(function).collect()
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
