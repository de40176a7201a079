//! A tree head as text (c2sp.org/tlog-checkpoint), unsigned and signed.

use crate::merkle::Hash;
use crate::note::{Note, NoteError, SigningKey, VerifyingKey};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Which log, how many leaves, and their root. Printed and parsed as the three lines that are signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// The log's name, which is the name of its key.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root of the tree of these leaves.
    pub root: Hash,
}

/// Why some text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Not origin, size and root on a line each. This log's kind has no extension lines, which nobody audits.
    #[error("not a checkpoint: expected the lines origin, size and Base64 of the root, got {0:?}")]
    Format(String),
    /// Not a signed note, or not signed by the key that is asked for.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Another log's.
    #[error("this is a checkpoint of {got}, expected one of {expected}")]
    Origin {
        /// The log that is asked for.
        expected: String,
        /// The log that it is of.
        got: String,
    },
}

/// A decimal number as the specifications write it: no sign, no leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|n: &u64| n.to_string() == text)
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let parse = || {
            let mut lines = text.strip_suffix('\n')?.split('\n');
            let origin = lines.next().filter(|origin| !origin.is_empty())?;
            let (size, root) = (decimal(lines.next()?)?, lines.next()?.parse().ok()?);
            lines.next().is_none().then(|| Self {
                origin: origin.into(),
                size,
                root,
            })
        };
        parse().ok_or_else(|| CheckpointError::Format(text.into()))
    }
}

/// A checkpoint and the signatures on it. Printed and parsed as a signed note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Signs it. Whoever calls this promises that no inconsistent one was or will be signed; the log does it in one place.
    pub fn sign(checkpoint: Checkpoint, key: &SigningKey) -> Self {
        let note = Note::sign(checkpoint.to_string(), key);
        Self { checkpoint, note }
    }

    /// What it says, to be believed once [`SignedCheckpoint::verify`] accepts.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The text and its signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Adds signatures, unchecked.
    pub fn add(&mut self, signatures: impl IntoIterator<Item = crate::note::Signature>) {
        self.note.add(signatures);
    }

    /// That it is of the log that `key` belongs to, and signed by it.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] or [`CheckpointError::Note`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<&Checkpoint, CheckpointError> {
        if self.checkpoint.origin != key.name() {
            return Err(CheckpointError::Origin {
                expected: key.name().into(),
                got: self.checkpoint.origin.clone(),
            });
        }
        self.note.verify(std::slice::from_ref(key))?;
        Ok(&self.checkpoint)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.note, f)
    }
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let note: Note = text.parse()?;
        let checkpoint = note.text().parse()?;
        Ok(Self { checkpoint, note })
    }
}
