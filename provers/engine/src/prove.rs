//! Proving.

use crate::CircuitKey;
use ark_bn254::Bn254;
use ark_ff::{Field, UniformRand};
use ark_groth16::Groth16;
use ark_std::rand::rngs::OsRng;
use prooflane_circuits::Witness;
use prooflane_verifier::{Fr, Proof};
use zeroize::Zeroizing;

/// Why there is no proof. Nothing here tells anything about the witness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// The witness has the wrong shape.
    #[error("{circuit}: expected a witness of {expected} values, got {got}")]
    Shape {
        /// Which circuit.
        circuit: String,
        /// Values the circuit has.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// The first value of the witness is not the constant one.
    #[error("{0}: expected a witness whose first value is one, got another")]
    NotOne(String),
    /// The witness does not satisfy the circuit.
    #[error("{circuit}: the witness does not satisfy constraint {constraint} (0 is the first)")]
    Unsatisfied {
        /// Which circuit.
        circuit: String,
        /// The first constraint that does not hold.
        constraint: usize,
    },
    /// The arithmetic failed.
    #[error("{circuit}: {problem}")]
    Arithmetic {
        /// Which circuit.
        circuit: String,
        /// How.
        problem: String,
    },
    /// The proof that was made does not verify: faulty hardware, or a key that does not belong.
    #[error(
        "{0}: the proof that was made does not verify; is the hardware sound, and the key the circuit's?"
    )]
    SelfCheck(String),
}

/// Proves that the witness satisfies the circuit (eprint 2016/260, section 3.2, Prove), with fresh
/// randomness from the operating system; the proof is verified before it is returned.
///
/// # Errors
/// [`ProveError`].
pub fn prove(key: &CircuitKey, witness: &Witness) -> Result<Proof, ProveError> {
    let random = || Zeroizing::new(Fr::rand(&mut OsRng));
    prove_with(key, witness, &random(), &random())
}

/// As [`prove`], with given randomness.
pub(crate) fn prove_with(
    key: &CircuitKey,
    witness: &Witness,
    r: &Fr,
    s: &Fr,
) -> Result<Proof, ProveError> {
    let circuit = || key.circuit.clone();
    let assignment = witness.assignment();
    let (expected, got) = (key.r1cs.columns(), assignment.len());
    if expected != got || witness.public_inputs().len() != key.r1cs.num_public {
        return Err(ProveError::Shape {
            circuit: circuit(),
            expected,
            got,
        });
    }
    if assignment.first() != Some(&Fr::ONE) {
        return Err(ProveError::NotOne(circuit()));
    }
    if let Some(constraint) = key.r1cs.first_unsatisfied(assignment) {
        return Err(ProveError::Unsatisfied {
            circuit: circuit(),
            constraint,
        });
    }
    let proof = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
        &key.proving,
        *r,
        *s,
        &key.matrices,
        key.r1cs.num_public + 1,
        key.r1cs.constraints(),
        assignment,
    )
    .map_err(|error| ProveError::Arithmetic {
        circuit: circuit(),
        problem: error.to_string(),
    })?;
    let proof = Proof {
        a: proof.a,
        b: proof.b,
        c: proof.c,
    };
    match key.prepared().verify(&proof, witness.public_inputs()) {
        Ok(()) => Ok(proof),
        Err(_) => Err(ProveError::SelfCheck(circuit())),
    }
}
