//! What a network proves: circuits with their keys, and statements of the dataset ledger. The circuits are also the blob
//! `keys/catalogue.json`, from which processes without proving keys read which verifying key decides.

use crate::{Error, UploadId};
use prooflane_circuits::Circuit;
use prooflane_ledger::{Bytes32, Evidence, task};
use prooflane_store::{Blobs, StoreError};
use prooflane_verifier::snarkjs::SnarkjsVerifyingKey;
use prooflane_verifier::{
    DecodeError, Fr, KeyId, PreparedKey, Proof, Provenance, VerifyingKey, field,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Something that a network proves.
pub enum Entry {
    /// A circuit, by Groth16.
    Groth16(Box<Groth16>),
    /// Statements of the dataset ledger: their proofs are evidence.
    Statements,
}

/// A circuit with the key that its proofs are verified with.
pub struct Groth16 {
    /// The circuit.
    pub circuit: &'static dyn Circuit,
    /// Its constraints.
    pub constraints: usize,
    /// The verifying key.
    pub verifying_key: VerifyingKey,
    /// The same, ready for use.
    pub prepared: PreparedKey,
    /// Names the key.
    pub key_id: KeyId,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Entry {
    /// An entry from a circuit and its verifying key.
    #[must_use]
    pub fn new(
        circuit: &'static dyn Circuit,
        constraints: usize,
        verifying_key: VerifyingKey,
        provenance: Provenance,
    ) -> Self {
        Self::Groth16(Box::new(Groth16 {
            circuit,
            constraints,
            prepared: PreparedKey::new(&verifying_key),
            key_id: verifying_key.id(),
            verifying_key,
            provenance,
        }))
    }

    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Groth16(entry) => entry.circuit.id(),
            Self::Statements => task::CIRCUIT,
        }
    }

    /// What a proof says, in one line.
    #[must_use]
    pub fn about(&self) -> &'static str {
        match self {
            Self::Groth16(entry) => entry.circuit.about(),
            Self::Statements => task::ABOUT,
        }
    }

    /// Names of the public inputs, in their order.
    #[must_use]
    pub fn public_names(&self) -> &'static [&'static str] {
        match self {
            Self::Groth16(entry) => entry.circuit.public_names(),
            Self::Statements => task::PUBLIC_INPUTS,
        }
    }

    /// Valid inputs, always the same.
    #[must_use]
    pub fn example(&self) -> Value {
        match self {
            Self::Groth16(entry) => entry.circuit.example(),
            Self::Statements => task::Inputs::example(),
        }
    }

    /// Names what decides whether a proof is valid: the verifying key, or where there is none the proof system.
    #[must_use]
    pub fn key_id(&self) -> String {
        match self {
            Self::Groth16(entry) => entry.key_id.to_string(),
            Self::Statements => task::VERIFIER.to_owned(),
        }
    }

    /// Where the key comes from; none where there is no key that anybody had to make.
    #[must_use]
    pub fn provenance(&self) -> Option<Provenance> {
        self.groth16().ok().map(|entry| entry.provenance)
    }

    /// The circuit and its key.
    ///
    /// # Errors
    /// [`Error::NotGroth16`].
    pub fn groth16(&self) -> Result<&Groth16, Error> {
        match self {
            Self::Groth16(entry) => Ok(entry),
            Self::Statements => Err(Error::NotGroth16(self.id())),
        }
    }

    /// The upload that inputs name as the place of their witness.
    pub(crate) fn sealed(&self, inputs: &Value) -> Result<Option<UploadId>, Error> {
        match self {
            Self::Groth16(_) => Ok(None),
            Self::Statements => {
                let inputs = statement(inputs)?;
                inputs.upload().map(str::parse).transpose()
            }
        }
    }

    /// What checks that there is a proof of inputs, `uploaded` being their witness where they name one, and returns the public
    /// inputs that it has.
    pub(crate) fn check(
        &self,
    ) -> impl FnOnce(&Value, Option<&[u8]>) -> Result<Vec<String>, Error> + Send + 'static {
        let circuit = self.groth16().map(|entry| entry.circuit).ok();
        move |inputs, uploaded| match circuit {
            Some(circuit) => {
                let public = circuit.public_inputs(inputs);
                let public = public.map_err(|error| Error::InvalidInputs(error.to_string()))?;
                Ok(public.iter().map(field::to_decimal).collect())
            }
            None => {
                let digest = statement(inputs)?.check(uploaded);
                let digest = digest.map_err(|error| Error::InvalidInputs(error.to_string()))?;
                Ok(vec![digest.to_string()])
            }
        }
    }

    /// Looks at a proof that should have these public inputs.
    pub(crate) async fn judge(&self, public: &[String], proof: &[u8]) -> Result<Judgement, Error> {
        let what = "public input";
        match self {
            Self::Groth16(entry) => {
                let public: Result<Vec<Fr>, _> = public.iter().map(|t| field::parse(t)).collect();
                let public = public.map_err(|_| Error::Corrupt { what })?;
                Ok(match Proof::from_compact(proof) {
                    Ok(proof) => entry.prepared.verify(&proof, &public).is_ok().into(),
                    Err(error) => Judgement::Malformed(error.to_string()),
                })
            }
            Self::Statements => {
                let digest = public.first().and_then(|text| text.parse().ok());
                let digest: Bytes32 = digest.ok_or(Error::Corrupt { what })?;
                let bytes = proof.to_vec();
                // Milliseconds for each proof in it, of which there may be many.
                let judged =
                    tokio::task::spawn_blocking(move || match Evidence::from_bytes(&bytes) {
                        Ok(evidence) => evidence.proves(&digest).into(),
                        Err(error) => Judgement::Malformed(error.to_string()),
                    });
                match judged.await {
                    Ok(judgement) => Ok(judgement),
                    // This process ends: nobody is to blame.
                    Err(error) if error.is_cancelled() => {
                        let ending = StoreError::Unavailable("this process ends".into());
                        Err(Error::Unavailable(ending))
                    }
                    Err(_) => Ok(Judgement::Invalid),
                }
            }
        }
    }
}

/// What a proof is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    Valid,
    Invalid,
    /// No proof of this kind at all, and why.
    Malformed(String),
}

impl From<bool> for Judgement {
    fn from(valid: bool) -> Self {
        if valid { Self::Valid } else { Self::Invalid }
    }
}

/// Inputs of a statement.
fn statement(inputs: &Value) -> Result<task::Inputs, Error> {
    // Its own message could quote a secret: it says where, and nothing of what is there.
    task::Inputs::deserialize(inputs).map_err(|_| {
        let problem = "expected a statement, the commitments of its inputs and outputs, and a witness; \
            `prooflane ledger prove` makes them";
        Error::InvalidInputs(problem.into())
    })
}

/// A circuit as it stands in the JSON.
#[derive(Serialize, Deserialize)]
struct EntryJson {
    circuit: String,
    key_id: String,
    constraints: usize,
    provenance: Provenance,
    verifying_key: SnarkjsVerifyingKey,
    /// For readers elsewhere: it follows from the circuit and the key.
    #[serde(default)]
    proving_key: String,
}

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Nobody has put one there.
    #[error("there is no {}; `prooflane-fleet setup` makes it", Catalogue::BLOB)]
    Missing,
    /// It is not the JSON of a catalogue.
    #[error("{file} cannot be read: {0}", file = Catalogue::BLOB)]
    Json(serde_json::Error),
    /// A verifying key in it is none.
    #[error("the verifying key of {circuit}: {problem}")]
    Key {
        /// Whose.
        circuit: String,
        /// Why.
        problem: DecodeError,
    },
    /// A verifying key in it belongs elsewhere.
    #[error("the verifying key of {circuit}: expected {expected}, got {got}")]
    WrongKey {
        /// Whose.
        circuit: String,
        /// What the entry or the circuit says.
        expected: String,
        /// What the key is.
        got: String,
    },
    /// A circuit has two keys in it.
    #[error("{0} stands there twice: which of its keys decides?")]
    Twice(String),
    /// The blobs do not answer.
    #[error("{file} cannot be fetched: {0}", file = Catalogue::BLOB)]
    Store(StoreError),
}

/// All that a network proves, by `name@version`.
#[derive(Default)]
pub struct Catalogue {
    entries: BTreeMap<&'static str, Entry>,
}

impl FromIterator<Entry> for Catalogue {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().map(|e| (e.id(), e)).collect(),
        }
    }
}

impl Catalogue {
    /// The entry of a circuit.
    ///
    /// # Errors
    /// [`Error::UnknownCircuit`] naming those there are.
    pub fn find(&self, id: &str) -> Result<&Entry, Error> {
        self.entries.get(id).ok_or_else(|| Error::UnknownCircuit {
            got: id.chars().take(80).collect(),
            known: self.entries.keys().copied().collect::<Vec<_>>().join(", "),
        })
    }

    /// Every entry.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The circuit and its key.
    ///
    /// # Errors
    /// As [`Self::find`], and [`Error::NotGroth16`].
    pub fn groth16(&self, id: &str) -> Result<&Groth16, Error> {
        self.find(id)?.groth16()
    }

    /// Every circuit with its key.
    pub fn circuits(&self) -> impl Iterator<Item = &Groth16> {
        self.entries().filter_map(|entry| entry.groth16().ok())
    }

    /// The name of each circuit and of its key, for provers.
    #[must_use]
    pub fn names(&self) -> Vec<(String, String)> {
        let entries = self.circuits();
        entries
            .map(|entry| (entry.circuit.id().to_owned(), entry.key_id.to_string()))
            .collect()
    }

    /// Where a network whose parts share blobs keeps its catalogue.
    pub const BLOB: &str = "keys/catalogue.json";

    /// The blob that holds the proving key of a circuit; it names the key, so that one that replaces it
    /// lies beside it.
    #[must_use]
    pub fn proving_key_blob(circuit: &str, key_id: &str) -> String {
        format!("keys/{}/{key_id}", circuit.replace('@', "-"))
    }

    /// As [`Catalogue::from_json`] reads it: one object per circuit, the verifying key as snarkjs
    /// writes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let entries: Vec<EntryJson> = self
            .circuits()
            .map(|entry| EntryJson {
                circuit: entry.circuit.id().to_owned(),
                key_id: entry.key_id.to_string(),
                constraints: entry.constraints,
                provenance: entry.provenance,
                verifying_key: (&entry.verifying_key).into(),
                proving_key: Self::proving_key_blob(entry.circuit.id(), &entry.key_id.to_string()),
            })
            .collect();
        serde_json::to_string_pretty(&entries).expect("strings and numbers always serialize")
    }

    /// Reads what [`Catalogue::to_json`] wrote; every key is checked against its name and its circuit.
    /// A circuit that this build does not know is left out with a warning, so that an older build
    /// goes on with the others. Statements, which have no keys, are always in it.
    ///
    /// # Errors
    /// [`CatalogueError`] saying what is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::from_iter([Entry::Statements]);
        let entries: Vec<EntryJson> = serde_json::from_slice(json).map_err(CatalogueError::Json)?;
        for entry in entries {
            let Some(circuit) = prooflane_circuits::find(&entry.circuit) else {
                tracing::warn!(
                    circuit = entry.circuit,
                    "left out: a newer version may know it"
                );
                continue;
            };
            let key = VerifyingKey::try_from(&entry.verifying_key).map_err(|problem| {
                let circuit = entry.circuit.clone();
                CatalogueError::Key { circuit, problem }
            })?;
            let wrong = |expected: String, got: String| CatalogueError::WrongKey {
                circuit: entry.circuit.clone(),
                expected,
                got,
            };
            let (inputs, takes) = (circuit.public_names().len(), key.public_inputs());
            if inputs != takes {
                let inputs = format!("one for {inputs} public inputs");
                return Err(wrong(inputs, takes.to_string()));
            }
            let read = Entry::new(circuit, entry.constraints, key, entry.provenance);
            if entry.key_id != read.key_id() {
                return Err(wrong(entry.key_id.clone(), read.key_id()));
            }
            if catalogue.entries.insert(circuit.id(), read).is_some() {
                return Err(CatalogueError::Twice(entry.circuit));
            }
        }
        Ok(catalogue)
    }

    /// Reads the catalogue that these blobs hold.
    ///
    /// # Errors
    /// [`CatalogueError`]; [`CatalogueError::Missing`] where there is none yet.
    pub async fn load(blobs: &dyn Blobs) -> Result<Self, CatalogueError> {
        let json = blobs.get(Self::BLOB).await.map_err(CatalogueError::Store)?;
        Self::from_json(&json.ok_or(CatalogueError::Missing)?)
    }
}
