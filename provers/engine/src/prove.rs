//! Proving.

use crate::{CircuitKey, ProvingKey, reference};
use ark_ff::{Field, UniformRand};
use ark_std::rand::rngs::OsRng;
use prooflane_circuits::Witness;
use prooflane_verifier::{Fr, PreparedKey, Proof};
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
    /// The proof that was made does not verify: faulty hardware, or a key that does not belong.
    #[error(
        "{0}: the proof that was made does not verify; is the hardware sound, and the key the circuit's?"
    )]
    SelfCheck(String),
    /// The proof made with a key that nothing is known about does not verify.
    #[error(
        "the proof that was made does not verify; the witness does not satisfy the circuit that the key \
         is for, or the key is no sound one"
    )]
    Unsound,
}

/// Proves that the witness satisfies the circuit (eprint 2016/260, section 3.2, Prove), with fresh
/// randomness from the operating system; the proof is verified before it is returned.
///
/// # Errors
/// [`ProveError`].
pub fn prove(key: &CircuitKey, witness: &Witness) -> Result<Proof, ProveError> {
    prove_with(key, witness, &random(), &random())
}

/// As [`prove`] with a key of any circuit, and without naming the constraint that does not hold: C is not in a key.
///
/// # Errors
/// [`ProveError`].
pub fn prove_with_key(key: &ProvingKey, witness: &Witness) -> Result<Proof, ProveError> {
    expect_shape("the key", key, witness)?;
    let proof = reference::prove(key, witness.assignment(), &random(), &random());
    let prepared = PreparedKey::new(&key.verifying);
    let verified = prepared.verify(&proof, witness.public_inputs());
    verified.map(|()| proof).map_err(|_| ProveError::Unsound)
}

/// As [`prove`], with given randomness.
pub(crate) fn prove_with(
    key: &CircuitKey,
    witness: &Witness,
    r: &Fr,
    s: &Fr,
) -> Result<Proof, ProveError> {
    let circuit = || key.circuit.clone();
    expect_shape(&key.circuit, &key.proving, witness)?;
    let assignment = witness.assignment();
    if let Some(constraint) = key.r1cs.first_unsatisfied(assignment) {
        return Err(ProveError::Unsatisfied {
            circuit: circuit(),
            constraint,
        });
    }
    let proof = reference::prove(&key.proving, assignment, r, s);
    let verified = key.prepared().verify(&proof, witness.public_inputs());
    verified
        .map(|()| proof)
        .map_err(|_| ProveError::SelfCheck(circuit()))
}

fn random() -> Zeroizing<Fr> {
    Zeroizing::new(Fr::rand(&mut OsRng))
}

/// That a witness has one value a column, the first of them one, and the public inputs that the key takes.
fn expect_shape(circuit: &str, key: &ProvingKey, witness: &Witness) -> Result<(), ProveError> {
    let (expected, got) = (key.columns(), witness.assignment().len());
    if expected != got || witness.public_inputs().len() != key.num_public() {
        return Err(ProveError::Shape {
            circuit: circuit.to_owned(),
            expected,
            got,
        });
    }
    if witness.assignment().first() != Some(&Fr::ONE) {
        return Err(ProveError::NotOne(circuit.to_owned()));
    }
    Ok(())
}
