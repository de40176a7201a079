//! The circuits a network proves.

use crate::Error;
use prooflane_circuits::Circuit;
use prooflane_verifier::{KeyId, PreparedKey, VerifyingKey};
use std::collections::BTreeMap;

/// Where a circuit's keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Made on one machine, whose owner could forge proofs: for development only.
    Development,
}

impl Provenance {
    /// As it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
        }
    }
}

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
}
