//! Statements as tasks of a network, whose provers make the proofs.

use crate::{Bytes32, Commitment, Error, Evidence, Instance, Statement, Witness, WitnessKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What such tasks are called where circuits have names.
pub const CIRCUIT: &str = "plonky3/statement@1";

/// What their proofs say, in a line.
pub const ABOUT: &str = "A statement of the dataset ledger is true of the datasets that it names; \
    the proof is evidence that a ledger records.";

/// The public input: [`Instance::digest`] in hexadecimal.
pub const PUBLIC_INPUTS: &[&str] = &["instance"];

/// Names what decides whether evidence holds, where circuits have the hash of a verifying key: there is no set-up, and so no key.
pub const VERIFIER: &str = "prooflane-stark/1";

/// A task's inputs. They hold secrets: no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// What is said.
    pub statement: Statement,
    /// Of these.
    pub inputs: Vec<Commitment>,
    /// And of what was made of them.
    #[serde(default)]
    pub outputs: Vec<Commitment>,
    /// What it is proved from.
    pub witness: Place,
}

/// Where a witness is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    /// Here, in base64, where it is small.
    Here(Zeroizing<String>),
    /// In an upload, encrypted.
    Sealed(Sealed),
}

/// A witness that was uploaded.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The upload's name.
    pub upload: String,
    /// The key that opens it ([`Witness::open`]), in hexadecimal.
    pub key: Zeroizing<String>,
}

impl Sealed {
    /// A witness in this upload, sealed with this key.
    #[must_use]
    pub fn new(upload: String, key: &WitnessKey) -> Self {
        Self {
            upload,
            key: Zeroizing::new(hex::encode(**key)),
        }
    }
}

impl Inputs {
    /// Inputs that hold the witness.
    #[must_use]
    pub fn new(instance: Instance, witness: &Witness) -> Self {
        let here = Zeroizing::new(STANDARD.encode(witness.as_bytes()));
        Self::of(instance, Place::Here(here))
    }

    /// Inputs with a witness that is elsewhere.
    #[must_use]
    pub fn of(instance: Instance, witness: Place) -> Self {
        let Instance {
            statement,
            inputs,
            outputs,
        } = instance;
        Self {
            statement,
            inputs,
            outputs,
            witness,
        }
    }

    /// What everybody may know of it.
    #[must_use]
    pub fn instance(&self) -> Instance {
        Instance {
            statement: self.statement.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
        }
    }

    /// The upload that the witness is in, if it is in one.
    #[must_use]
    pub const fn upload(&self) -> Option<&str> {
        match &self.witness {
            Place::Here(_) => None,
            Place::Sealed(Sealed { upload, .. }) => Some(upload.as_str()),
        }
    }

    /// The witness; `uploaded` is what is in its upload, if it is in one.
    ///
    /// # Errors
    /// [`Error::Witness`].
    pub fn witness(&self, uploaded: Option<&[u8]>) -> Result<Witness, Error> {
        let problem = |problem: &str| Error::Witness(problem.into());
        match &self.witness {
            Place::Here(text) => {
                let bytes = STANDARD.decode(text.as_bytes());
                let bytes = bytes.map_err(|_| problem("expected base64"))?;
                Ok(Witness::from_bytes(Zeroizing::new(bytes)))
            }
            Place::Sealed(Sealed { key: digits, .. }) => {
                let mut key = Zeroizing::new([0; 32]);
                hex::decode_to_slice(digits.as_bytes(), key.as_mut())
                    .map_err(|_| problem("key: expected 64 hexadecimal digits"))?;
                let sealed = uploaded.ok_or_else(|| problem("its upload is not here"))?;
                Witness::open(&self.instance(), &key, sealed)
            }
        }
    }

    /// The same with the witness here, of what is in its upload.
    ///
    /// # Errors
    /// [`Error::Witness`].
    pub fn with_witness(&self, uploaded: &[u8]) -> Result<Self, Error> {
        let witness = self.witness(Some(uploaded))?;
        Ok(Self::new(self.instance(), &witness))
    }

    /// The digest of an instance that is true of its witness.
    ///
    /// # Errors
    /// [`Error`]: it is false, its data are others, it is too large for a network, or there is nothing to prove.
    pub fn check(&self, uploaded: Option<&[u8]>) -> Result<Bytes32, Error> {
        let instance = self.instance();
        instance.demand_size()?;
        instance.check(&self.witness(uploaded)?)?;
        Ok(instance.digest())
    }

    /// Proves it.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn prove(&self, uploaded: Option<&[u8]>) -> Result<Evidence, Error> {
        self.instance().prove(&self.witness(uploaded)?)
    }

    /// A small one, always the same, for documentation and tests.
    #[must_use]
    pub fn example() -> serde_json::Value {
        serde_json::from_str(include_str!("task/example.json")).unwrap_or_default()
    }
}

impl Evidence {
    /// Whether it is of the instance with this digest, and holds.
    #[must_use]
    pub fn proves(&self, digest: &Bytes32) -> bool {
        let verify = || self.verify().map(|verified| verified.security_bits);
        self.instance().digest() == *digest && verify().is_ok_and(|bits| bits.is_some())
    }
}
