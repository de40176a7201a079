//! Proving.

use crate::bases::{Bases, Parts, Stopped, TablesError};
use crate::{Cancel, CircuitKey, ProvingKey};
use ark_ff::{Field, UniformRand};
use ark_std::rand::rngs::OsRng;
use prooflane_circuits::Witness;
use prooflane_kernels::Backend;
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
    /// Somebody cancelled the proof.
    #[error("{0}: the proof was cancelled")]
    Cancelled(String),
    /// The proof would take more memory than it may.
    #[error(
        "{circuit}: expected to prove within {limit_bytes} bytes, got a need of about {needed_bytes}; \
         raise the limit, or make tables within a smaller budget"
    )]
    Memory {
        /// Which circuit.
        circuit: String,
        /// What it may take.
        limit_bytes: usize,
        /// What it would.
        needed_bytes: usize,
    },
    /// There are no tables to prove with.
    #[error(transparent)]
    Tables(#[from] TablesError),
}

/// What a proof may take.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Stops the proof at the end of a stage.
    pub cancel: Cancel,
    /// The most bytes that proving may take by [`CircuitKey::memory_bytes`]; no proof is begun that would take more.
    pub memory_bytes: Option<usize>,
}

/// Proves that the witness satisfies the circuit (eprint 2016/260, section 3.2, Prove), with fresh
/// randomness from the operating system; the proof is verified before it is returned.
///
/// It computes on the threads of rayon's global pool, which all proofs share: one alone uses all of them.
///
/// # Errors
/// [`ProveError`].
pub fn prove(key: &CircuitKey, witness: &Witness) -> Result<Proof, ProveError> {
    prove_within(key, witness, &Limits::default())
}

/// As [`prove`], within limits.
///
/// # Errors
/// [`ProveError`].
pub fn prove_within(
    key: &CircuitKey,
    witness: &Witness,
    limits: &Limits,
) -> Result<Proof, ProveError> {
    prove_with(key, witness, [&random(), &random()], limits)
}

/// As [`prove`] with a key of any circuit, and without naming the constraint that does not hold: C is not in a key.
/// Nothing is kept for a next proof.
///
/// # Errors
/// [`ProveError`].
pub fn prove_with_key(key: &ProvingKey, witness: &Witness) -> Result<Proof, ProveError> {
    let circuit = "the key";
    expect_shape(circuit, key.columns(), key.num_public(), witness)?;
    let assignment = witness.assignment();
    let proof = in_the_pool(|| {
        let backend = Backend::from_environment().map_err(TablesError::from)?;
        // No more than the bases themselves, in the kernels' form.
        let bases = Bases::in_memory(Parts::new(key, 0, assignment), backend, &|_| ())?;
        let (a, b) = (
            key.matrix_a.times(assignment),
            key.matrix_b.times(assignment),
        );
        let cancel = Cancel::new();
        let made = bases.prove(
            &key.verifying,
            assignment,
            [&a, &b],
            [&random(), &random()],
            &cancel,
        );
        made.map_err(|stopped| ProveError::of(stopped, circuit))
    })?;
    let prepared = PreparedKey::new(&key.verifying);
    let verified = prepared.verify(&proof, witness.public_inputs());
    verified.map(|()| proof).map_err(|_| ProveError::Unsound)
}

/// As [`prove_within`], with given randomness.
pub(crate) fn prove_with(
    key: &CircuitKey,
    witness: &Witness,
    randomness: [&Fr; 2],
    limits: &Limits,
) -> Result<Proof, ProveError> {
    let circuit = || key.circuit.clone();
    let system = &key.system;
    expect_shape(&key.circuit, system.columns, system.num_public, witness)?;
    let needed_bytes = key.memory_bytes();
    if let Some(limit_bytes) = limits.memory_bytes.filter(|limit| *limit < needed_bytes) {
        return Err(ProveError::Memory {
            circuit: circuit(),
            limit_bytes,
            needed_bytes,
        });
    }
    let assignment = witness.assignment();
    let stop = |stopped| ProveError::of(stopped, &key.circuit);
    let (a, b) = in_the_pool(|| {
        limits
            .cancel
            .check()
            .map_err(|stopped| stop(stopped.into()))?;
        let (a, b) = rayon::join(|| system.a.times(assignment), || system.b.times(assignment));
        match system.first_unsatisfied(&a, &b, assignment) {
            None => Ok((a, b)),
            Some(constraint) => Err(ProveError::Unsatisfied {
                circuit: circuit(),
                constraint,
            }),
        }
    })?;
    let bases = key.bases(assignment)?;
    in_the_pool(|| {
        let values = [&a[..], &b[..]];
        let proof = bases
            .prove(
                key.verifying_key(),
                assignment,
                values,
                randomness,
                &limits.cancel,
            )
            .map_err(stop)?;
        match key.prepared().verify(&proof, witness.public_inputs()) {
            Ok(()) => Ok(proof),
            Err(_) => Err(bases.blame(circuit())),
        }
    })
}

/// Runs work on a thread of rayon's pool, so that however many proofs are made, no more threads compute than it has.
fn in_the_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

impl Bases {
    /// Why a proof does not verify. Tables that somebody has damaged are removed, so that they are made anew.
    fn blame(&self, circuit: String) -> ProveError {
        match &self.file {
            Some(file) if !file.is_intact() => {
                if let Err(error) = std::fs::remove_file(&file.path) {
                    tracing::warn!(path = %file.path.display(), %error, "damaged tables stay; remove them");
                }
                ProveError::Tables(TablesError::Damaged(file.path.clone()))
            }
            _ => ProveError::SelfCheck(circuit),
        }
    }
}

impl ProveError {
    fn of(stopped: Stopped, circuit: &str) -> Self {
        match stopped {
            Stopped::Cancelled => Self::Cancelled(circuit.to_owned()),
            Stopped::Table(error) => Self::Tables(error.into()),
        }
    }
}

fn random() -> Zeroizing<Fr> {
    Zeroizing::new(Fr::rand(&mut OsRng))
}

/// That a witness has one value a column, the first of them one, and the public inputs that the key takes.
fn expect_shape(
    circuit: &str,
    expected: usize,
    num_public: usize,
    witness: &Witness,
) -> Result<(), ProveError> {
    let got = witness.assignment().len();
    if expected != got || witness.public_inputs().len() != num_public {
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
