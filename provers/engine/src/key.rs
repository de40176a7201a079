//! What proving a circuit takes.

use crate::setup::{ToxicWaste, set_up};
use crate::{ProveError, ProvingKey};
use prooflane_circuits::{Circuit, CircuitError, R1cs};
use prooflane_formats::{FormatError, KeyProblem, Zkey};
use prooflane_verifier::{KeyId, PreparedKey, VerifyingKey};
use std::path::PathBuf;

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Made on one machine, whose owner could forge proofs: for development only.
    Development,
    /// Made in a ceremony: sound if one of its contributors was honest.
    Ceremony,
}

impl Provenance {
    /// As it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Ceremony => "ceremony",
        }
    }
}

/// Everything that stays the same from proof to proof of one circuit.
pub struct CircuitKey {
    pub(crate) circuit: String,
    pub(crate) provenance: Provenance,
    pub(crate) proving: ProvingKey,
    pub(crate) r1cs: R1cs,
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
    #[error("set-up of {0}: its constraint system is too large")]
    TooLarge(String),
    /// A `.zkey` cannot be read.
    #[error("the .zkey offered for {circuit}: {source}")]
    Format {
        /// Which circuit.
        circuit: String,
        /// What is wrong.
        source: FormatError,
    },
    /// A `.zkey` is not a key for the circuit, or no sound one.
    #[error("the .zkey offered for {circuit}: {source}")]
    Problem {
        /// Which circuit.
        circuit: String,
        /// What is wrong.
        source: KeyProblem,
    },
    /// The circuit's example cannot be proved with a `.zkey`.
    #[error("the .zkey offered for {circuit} proves nothing: {source}")]
    Useless {
        /// Which circuit.
        circuit: String,
        /// What came of trying.
        source: ProveError,
    },
    /// A key from a ceremony is there already.
    #[error("{path}: expected no key from a ceremony, got one ({key_id}); move it away first")]
    Kept {
        /// Which file.
        path: PathBuf,
        /// The id of the key there.
        key_id: String,
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
        key: Zkey,
        r1cs: R1cs,
    ) -> Self {
        let proving = ProvingKey::from(key);
        Self {
            circuit: circuit.id().to_owned(),
            provenance,
            prepared: PreparedKey::new(&proving.verifying),
            key_id: proving.verifying.id(),
            proving,
            r1cs,
        }
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
        &self.proving.verifying
    }

    /// The key that its proofs are made with.
    #[must_use]
    pub fn proving_key(&self) -> &ProvingKey {
        &self.proving
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

/// Makes a development key with fresh randomness that is wiped at once.
pub(crate) fn development(circuit: &dyn Circuit, r1cs: &R1cs) -> Result<Zkey, KeyError> {
    set_up(r1cs, &ToxicWaste::random()).ok_or_else(|| KeyError::TooLarge(circuit.id().to_owned()))
}
