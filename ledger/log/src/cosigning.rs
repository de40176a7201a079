//! Witnesses: one that cosigns other logs, and how this log collects cosignatures.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::{LogError, settled};
use crate::layout::put;
use crate::log::{ATTEMPTS, Log};
use crate::merkle::Hash;
use crate::note::{Kind, NoteError, Signature, SigningKey, VerifyingKey};
use crate::witness::{AddCheckpoint, Refusal, decide};
use prooflane_store::{Clock, CommitError, Expect, Key, StoreError, Table};
use std::sync::{Arc, atomic::Ordering};
use thiserror::Error;

/// Why a witness gave no cosignature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WitnessError {
    /// It may not cosign this.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its memory failed it; nothing was signed. Trying again may help.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<StoreError> for WitnessError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// A witness of other logs (c2sp.org/tlog-witness): cosigns a checkpoint if its tree extends the one it cosigned before, which
/// it remembers in a [`Table`]. Any number of processes may be one witness.
pub struct Witness {
    table: Arc<dyn Table>,
    clock: Arc<dyn Clock>,
    signer: SigningKey,
    logs: Vec<VerifyingKey>,
}

impl Witness {
    /// A witness that signs with `signer`, a key of type 0x04 and of no other use, for the logs of these keys.
    ///
    /// # Errors
    /// [`LogError::KeyType`].
    pub fn new(
        table: Arc<dyn Table>,
        clock: Arc<dyn Clock>,
        signer: SigningKey,
        logs: Vec<VerifyingKey>,
    ) -> Result<Self, LogError> {
        if signer.verifying().kind() != Kind::Cosignature {
            return Err(LogError::KeyType);
        }
        Ok(Self {
            table,
            clock,
            signer,
            logs,
        })
    }

    /// The key that checks its cosignatures.
    pub fn key(&self) -> &VerifyingKey {
        self.signer.verifying()
    }

    /// Answers the body of `POST add-checkpoint`: the cosignature, which becomes a line of its own in the response. It is made
    /// only once the checkpoint is remembered.
    ///
    /// # Errors
    /// [`WitnessError::Refused`] with the status and the body to answer; [`WitnessError::Log`].
    pub async fn add_checkpoint(&self, body: &str) -> Result<Signature, WitnessError> {
        let request: AddCheckpoint = body.parse()?;
        let asked = request.checkpoint.checkpoint();
        let item = self.item(&asked.origin);
        // Whether an earlier attempt may have been remembered although it seemed to fail.
        let mut unknown = false;
        for _ in 0..ATTEMPTS {
            let (known, expect) = self.known(&item).await?;
            if unknown && known.as_ref() == Some(asked) {
                return Ok(self.cosign(asked));
            }
            let new = decide(&request, &self.logs, known.as_ref())?;
            if known.as_ref() == Some(new) {
                return Ok(self.cosign(new));
            }
            let write = put(item.clone(), expect, new.to_string());
            match self.table.commit(&[write]).await {
                Ok(()) => return Ok(self.cosign(new)),
                Err(CommitError::Unknown(_)) => unknown = true,
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(settled(error).into()),
            }
        }
        Err(StoreError::Unavailable(format!("{ATTEMPTS} attempts to remember failed")).into())
    }

    /// Where it remembers a log. The origin comes from outside and may be long, so its hash names the item.
    fn item(&self, origin: &str) -> Key {
        let hash = Hash::of_leaf(origin.as_bytes());
        let hex = hash.0.iter().map(|byte| format!("{byte:02x}"));
        let partition = format!("witness/{}", self.signer.verifying().name());
        Key::new(partition, hex.collect::<String>())
    }

    /// What it cosigned last, and what a write must expect.
    async fn known(&self, item: &Key) -> Result<(Option<Checkpoint>, Expect), LogError> {
        let Some(item) = self.table.get(item).await? else {
            return Ok((None, Expect::Absent));
        };
        let known = std::str::from_utf8(&item.body)
            .ok()
            .and_then(|text| text.parse().ok());
        let damaged = || LogError::Damaged(format!("what the witness remembers in {}", item.key));
        let known = known.ok_or_else(damaged)?;
        Ok((Some(known), Expect::Version(item.version)))
    }

    /// Only for what the table holds.
    fn cosign(&self, checkpoint: &Checkpoint) -> Signature {
        let seconds = self.clock.now_millis() / 1000;
        self.signer.sign(&checkpoint.to_string(), seconds)
    }
}

impl Log {
    /// What to send a witness that cosigned this log at size `old` last (0 for never; a refusal says which) to have it cosign
    /// `checkpoint`.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] where `old` is above the checkpoint's size, and those of [`crate::Reader::tile`].
    pub async fn witness_request(
        &self,
        checkpoint: SignedCheckpoint,
        old: u64,
    ) -> Result<AddCheckpoint, LogError> {
        let size = checkpoint.checkpoint().size;
        let proof = self.reader().consistency(old, size).await?;
        Ok(AddCheckpoint {
            old,
            proof,
            checkpoint,
        })
    }

    /// The largest checkpoint that has cosignatures, with all that were collected for it.
    ///
    /// # Errors
    /// [`LogError::Store`], [`LogError::Damaged`].
    pub async fn cosigned(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        Ok(self.read_cosigned().await?.0)
    }

    async fn read_cosigned(&self) -> Result<(Option<SignedCheckpoint>, Expect), LogError> {
        let Some(item) = self.table.get(&self.layout.cosigned()).await? else {
            return Ok((None, Expect::Absent));
        };
        let cosigned = std::str::from_utf8(&item.body)
            .ok()
            .and_then(|text| text.parse().ok());
        let damaged = || LogError::Damaged("the cosigned checkpoint".into());
        let cosigned = cosigned.ok_or_else(damaged)?;
        Ok((Some(cosigned), Expect::Version(item.version)))
    }

    /// Adds what a witness answered, signature lines, to `checkpoint`, and returns it with them. Lines of keys other than
    /// `witnesses` are ignored. Remembered, and published if it is the latest, unless a larger one is cosigned already.
    ///
    /// # Errors
    /// [`LogError::Cosignature`] where a line is malformed or forged or none counts, [`LogError::Damaged`] where the
    /// checkpoint is not this log's, [`LogError::Store`].
    pub async fn add_cosignatures(
        &self,
        checkpoint: &SignedCheckpoint,
        response: &str,
        witnesses: &[VerifyingKey],
    ) -> Result<SignedCheckpoint, LogError> {
        checkpoint
            .verify(self.key())
            .map_err(|e| LogError::Damaged(format!("the checkpoint to be cosigned: {e}")))?;
        let mut valid = Vec::new();
        for line in Signature::parse_lines(response)? {
            match checkpoint.note().with_only(line.clone()).verify(witnesses) {
                Ok(_) => valid.push(line),
                Err(NoteError::Unknown) => {}
                Err(forged) => return Err(forged.into()),
            }
        }
        if valid.is_empty() {
            return Err(NoteError::Unknown.into());
        }
        for _ in 0..ATTEMPTS {
            let (stored, expect) = self.read_cosigned().await?;
            let mut merged = checkpoint.clone();
            if let Some(stored) = &stored {
                if stored.checkpoint() == checkpoint.checkpoint() {
                    merged = stored.clone();
                }
                if stored.checkpoint().size > checkpoint.checkpoint().size {
                    merged.add(valid);
                    return Ok(merged);
                }
            }
            merged.add(valid.iter().cloned());
            if stored.as_ref() != Some(&merged) {
                let write = put(self.layout.cosigned(), expect, merged.to_string());
                match self.table.commit(&[write]).await {
                    Ok(()) => {}
                    Err(CommitError::Conflict { .. } | CommitError::Unknown(_)) => continue,
                    Err(error) => return Err(settled(error).into()),
                }
            }
            self.published.store(0, Ordering::SeqCst);
            self.publish().await?;
            return Ok(merged);
        }
        Err(StoreError::Unavailable(format!("{ATTEMPTS} attempts to remember failed")).into())
    }
}
