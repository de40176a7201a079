//! The circuits a network proves, and the same as the blob `keys/catalogue.json`, from which
//! processes without proving keys read which verifying key decides.

use crate::Error;
use prooflane_circuits::Circuit;
use prooflane_store::{Blobs, StoreError};
use prooflane_verifier::snarkjs::SnarkjsVerifyingKey;
use prooflane_verifier::{DecodeError, KeyId, PreparedKey, Provenance, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A circuit with the key that its proofs are verified with.
pub struct Entry {
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
        Self {
            circuit,
            constraints,
            prepared: PreparedKey::new(&verifying_key),
            key_id: verifying_key.id(),
            verifying_key,
            provenance,
        }
    }
}

/// An [`Entry`] as it stands in the JSON.
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

/// Every circuit of a network, by `name@version`.
#[derive(Default)]
pub struct Catalogue {
    entries: BTreeMap<&'static str, Entry>,
}

impl FromIterator<Entry> for Catalogue {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().map(|e| (e.circuit.id(), e)).collect(),
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

    /// The name of each circuit and of its key, for provers.
    #[must_use]
    pub fn names(&self) -> Vec<(String, String)> {
        let entries = self.entries();
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
            .entries()
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
    /// goes on with the others.
    ///
    /// # Errors
    /// [`CatalogueError`] saying what is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::default();
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
            if entry.key_id != read.key_id.to_string() {
                return Err(wrong(entry.key_id.clone(), read.key_id.to_string()));
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
