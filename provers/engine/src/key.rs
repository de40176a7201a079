//! What proving a circuit takes.

use ark_bn254::Bn254;
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_std::rand::rngs::OsRng;
use prooflane_circuits::{Circuit, CircuitError, R1cs, Row};
use prooflane_verifier::{Fr, KeyId, PreparedKey, VerifyingKey};
use std::path::PathBuf;

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Made on one machine, whose owner could forge proofs: for development only.
    Development,
}

/// Everything that stays the same from proof to proof of one circuit.
pub struct CircuitKey {
    pub(crate) circuit: String,
    pub(crate) provenance: Provenance,
    pub(crate) proving: ProvingKey<Bn254>,
    pub(crate) matrices: Vec<Vec<Row>>,
    pub(crate) r1cs: R1cs,
    pub(crate) r1cs_digest: [u8; 32],
    verifying: VerifyingKey,
    prepared: PreparedKey,
    key_id: KeyId,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is damaged or no key file.
    #[error("{path}: {problem}; delete the file to have a new development key made")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The key is for another version of the circuit.
    #[error(
        "{path}: made for another shape of {circuit} (its constraints have changed since); delete \
         the file to have a new development key made"
    )]
    Stale {
        /// Which file.
        path: PathBuf,
        /// Which circuit.
        circuit: String,
    },
    /// Somebody else's key file cannot be used.
    #[error("the key file offered for {circuit}: {problem}")]
    Offered {
        /// Which circuit.
        circuit: String,
        /// What is wrong.
        problem: String,
    },
    /// The key is not the one expected.
    #[error("expected the verifying key {expected}, got {got}; fetch the key again")]
    WrongKey {
        /// Its id.
        expected: String,
        /// The id found.
        got: String,
    },
    /// The circuit cannot be built.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The set-up did not succeed.
    #[error("set-up of {circuit}: {source}")]
    SetUp {
        /// Which circuit.
        circuit: String,
        /// Why.
        source: SynthesisError,
    },
}

impl KeyError {
    /// The same of a file that is not one's own, for which deleting a file is no remedy.
    pub(crate) fn of_an_offered_file(self, circuit: &str) -> Self {
        let problem = match self {
            Self::Damaged { problem, .. } => problem,
            Self::Stale { .. } => {
                "made for another shape of the circuit; both sides must run the same version".into()
            }
            other => return other,
        };
        let circuit = circuit.to_owned();
        Self::Offered { circuit, problem }
    }
}

impl CircuitKey {
    pub(crate) fn new(
        circuit: &dyn Circuit,
        provenance: Provenance,
        proving: ProvingKey<Bn254>,
        r1cs: R1cs,
        r1cs_digest: [u8; 32],
    ) -> Self {
        let vk = &proving.vk;
        let verifying = VerifyingKey {
            alpha: vk.alpha_g1,
            beta: vk.beta_g2,
            gamma: vk.gamma_g2,
            delta: vk.delta_g2,
            ic: vk.gamma_abc_g1.clone(),
        };
        Self {
            circuit: circuit.id().to_owned(),
            provenance,
            matrices: vec![r1cs.a.clone(), r1cs.b.clone(), r1cs.c.clone()],
            prepared: PreparedKey::new(&verifying),
            key_id: verifying.id(),
            verifying,
            proving,
            r1cs,
            r1cs_digest,
        }
    }

    /// Makes a development key: set-up with fresh randomness that is dropped at once
    /// (eprint 2016/260, section 3.2, Setup).
    pub(crate) fn development(circuit: &dyn Circuit) -> Result<Self, KeyError> {
        let r1cs = circuit.r1cs()?;
        let digest = r1cs.digest();
        let set_up = Groth16::<Bn254>::generate_random_parameters_with_reduction;
        let proving = set_up(Replay(&r1cs), &mut OsRng).map_err(|source| KeyError::SetUp {
            circuit: circuit.id().to_owned(),
            source,
        })?;
        Ok(Self::new(
            circuit,
            Provenance::Development,
            proving,
            r1cs,
            digest,
        ))
    }

    /// `name@version` of the circuit.
    #[must_use]
    pub fn circuit(&self) -> &str {
        &self.circuit
    }

    /// Where it comes from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The key that its proofs are verified with.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The same, ready for use.
    #[must_use]
    pub fn prepared(&self) -> &PreparedKey {
        &self.prepared
    }

    /// Names the verifying key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Constraints of the circuit.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.r1cs.constraints()
    }
}

/// Replays matrices to arkworks' set-up, so that any R1CS can be set up, whoever made it.
struct Replay<'a>(&'a R1cs);

impl ConstraintSynthesizer<Fr> for Replay<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let R1cs {
            num_public,
            num_private,
            a,
            b,
            c,
        } = self.0;
        let unknown = || Err(SynthesisError::AssignmentMissing);
        let mut columns = vec![Variable::One];
        for _ in 0..*num_public {
            columns.push(cs.new_input_variable(unknown)?);
        }
        for _ in 0..*num_private {
            columns.push(cs.new_witness_variable(unknown)?);
        }
        let sum = |row: &Row| {
            let mut sum = LinearCombination::zero();
            for (coefficient, column) in row {
                sum += (*coefficient, columns[*column]);
            }
            sum
        };
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            cs.enforce_r1cs_constraint(|| sum(a), || sum(b), || sum(c))?;
        }
        Ok(())
    }
}
