//! Reading a task, deciding, and writing the decision: the one way a task changes.

use crate::{Coordinator, Error, TraceId, layout};
use prooflane_market::{
    Credits, Effect, JournalEntry, LedgerAccount, Prover, ProverId, Refusal, Rules, Task, TaskId,
};
use prooflane_store::{CommitError, Expect, Item, Key, Write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A decision is taken anew this often when others change what it was taken from.
pub(crate) const TRIES: u32 = 64;

/// A task as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskRecord {
    /// What the market knows of it.
    pub task: Task,
    /// The public inputs a proof must have, as decimal strings; of a statement the digest of its instance, in hex.
    pub public_inputs: Vec<String>,
    /// The verifying key that decides, in hex; of a statement the proof system.
    pub key_id: String,
    /// Digest of everything the submitter sent; a repeat must have the same.
    pub content: String,
    /// Where the inputs are.
    pub input: InputPlace,
    /// The trace of the request that brought it, if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
}

/// Where a task's inputs are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputPlace {
    /// The blob that holds them; none where they are in the table.
    pub blob: Option<String>,
    /// Under a key of the task's own, which is gone once the task has ended.
    pub encrypted: bool,
    /// The blob that holds the witness that the inputs name, encrypted under a key in them; gone once the task has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
}

impl InputPlace {
    /// The blob that holds them as they are.
    pub(crate) fn readable(&self) -> Option<&str> {
        self.blob.as_deref().filter(|_| !self.encrypted)
    }
}

/// A stored value and the version it was read at.
#[derive(Clone)]
pub(crate) struct Versioned<T> {
    pub(crate) value: T,
    pub(crate) version: u64,
}

pub(crate) fn decode<T: DeserializeOwned>(item: &Item, what: &'static str) -> Result<T, Error> {
    serde_json::from_slice(&item.body).map_err(|_| Error::Corrupt { what })
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("records have string keys and no failing serializers")
}

impl TaskRecord {
    /// What everything that is done for this task is logged under.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        let given = self.trace.clone();
        given.unwrap_or_else(|| TraceId::of_task(self.task.id()))
    }

    pub(crate) fn put(&self, expect: Expect, rules: &Rules) -> Write {
        Write::Put {
            key: layout::task(self.task.id()),
            expect,
            body: encode(self),
            wake: layout::wake(&self.task, rules),
            listing: layout::listing(&self.task, rules),
        }
    }
}

pub(crate) fn put_prover(prover: &Prover, expect: Expect) -> Write {
    Write::Put {
        key: layout::prover(&prover.prover_id),
        expect,
        body: encode(prover),
        wake: None,
        listing: Some(layout::prover_listing(&prover.prover_id)),
    }
}

/// What a decision wants written, besides the task itself.
pub(crate) enum Decision<T> {
    /// Nothing.
    Keep(T),
    /// The changed task and these effects.
    Change(Vec<Effect>, T),
}

/// How a commit went, with unknown outcomes already read back.
pub(crate) enum Committed {
    Yes,
    Conflict,
}

impl Coordinator {
    pub(crate) async fn load(&self, id: TaskId) -> Result<Versioned<TaskRecord>, Error> {
        let item = self.ports.table.get(&layout::task(id)).await?;
        let item = item.ok_or(Error::UnknownTask(id))?;
        Ok(Versioned {
            value: decode(&item, "task")?,
            version: item.version,
        })
    }

    pub(crate) async fn load_prover(&self, id: &ProverId) -> Result<Versioned<Prover>, Error> {
        let item = self.ports.table.get(&layout::prover(id)).await?;
        let item = item.ok_or_else(|| Error::UnknownProver(id.to_string()))?;
        Ok(Versioned {
            value: decode(&item, "prover")?,
            version: item.version,
        })
    }

    /// Reads the task, decides, commits; decides anew when somebody else was faster.
    pub(crate) async fn change<T>(
        &self,
        id: TaskId,
        decide: impl Fn(&mut Task) -> Result<Decision<T>, Refusal>,
    ) -> Result<(TaskRecord, T), Error> {
        for _ in 0..TRIES {
            let mut record = self.load(id).await?;
            let (effects, value) = match decide(&mut record.value.task)? {
                Decision::Keep(value) => return Ok((record.value, value)),
                Decision::Change(effects, value) => (effects, value),
            };
            let writes = self.writes(&record, effects).await?;
            if matches!(self.commit(&writes).await?, Committed::Yes) {
                self.watch.call(id);
                self.drop_witness(&record.value).await;
                return Ok((record.value, value));
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// Nobody needs the witness of a task that has ended. One that stays costs space, and `fsck` names it.
    pub(crate) async fn drop_witness(&self, record: &TaskRecord) {
        let ended = record.task.status().is_terminal();
        let Some(blob) = record.input.witness.as_ref().filter(|_| ended) else {
            return;
        };
        if let Err(error) = self.ports.blobs.delete(blob).await {
            tracing::warn!(blob, %error, "the witness of a task that has ended is not deleted");
        }
    }

    /// Reads a prover, changes it, commits; likewise.
    pub(crate) async fn change_prover(
        &self,
        id: &ProverId,
        change: impl Fn(&mut Prover) -> Result<bool, Error>,
    ) -> Result<Prover, Error> {
        for _ in 0..TRIES {
            let mut prover = self.load_prover(id).await?;
            if !change(&mut prover.value)? {
                return Ok(prover.value);
            }
            let write = put_prover(&prover.value, Expect::Version(prover.version));
            if matches!(self.commit(&[write]).await?, Committed::Yes) {
                return Ok(prover.value);
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// The writes of a changed task with its effects: provers, accounts, the input's key.
    async fn writes(
        &self,
        record: &Versioned<TaskRecord>,
        effects: Vec<Effect>,
    ) -> Result<Vec<Write>, Error> {
        let task = &record.value.task;
        let id = task.id();
        let mut writes = vec![
            record
                .value
                .put(Expect::Version(record.version), &self.rules),
        ];
        let mut provers: BTreeMap<ProverId, Versioned<Prover>> = BTreeMap::new();
        let mut stakes = BTreeMap::new();
        for effect in &effects {
            match effect {
                Effect::Pay { .. } | Effect::Refund { .. } => {}
                Effect::Slash { prover, .. } => {
                    let stake = LedgerAccount::Stake(prover.clone());
                    let held = self.counter(&stake).await?;
                    stakes.insert(prover.clone(), Credits(u64::try_from(held).unwrap_or(0)));
                }
                Effect::Take {
                    prover,
                    ask_id,
                    attempt,
                } => {
                    self.held(&mut provers, prover)
                        .await?
                        .take(id, *ask_id, *attempt);
                }
                Effect::Release { prover, attempt } => {
                    self.held(&mut provers, prover).await?.release(id, *attempt);
                }
                Effect::Note { prover, outcome } => {
                    let held = self.held(&mut provers, prover).await?;
                    held.note(*outcome, task.updated_at, &self.rules);
                }
            }
        }
        for prover in provers.values() {
            writes.push(put_prover(&prover.value, Expect::Version(prover.version)));
        }
        let held = |prover: &ProverId| stakes.get(prover).copied().unwrap_or_default();
        let entry = JournalEntry::of_effects(task, &effects, held);
        writes.extend(journal(layout::task_entry(id, record.version + 1), &entry));
        if task.status().is_terminal() && record.value.input.encrypted {
            let key = layout::input_secret(id);
            writes.push(Write::Delete {
                key,
                expect: Expect::Exists,
            });
        }
        Ok(writes)
    }

    async fn held<'a>(
        &self,
        provers: &'a mut BTreeMap<ProverId, Versioned<Prover>>,
        id: &ProverId,
    ) -> Result<&'a mut Prover, Error> {
        if !provers.contains_key(id) {
            provers.insert(id.clone(), self.load_prover(id).await?);
        }
        provers
            .get_mut(id)
            .map(|p| &mut p.value)
            .ok_or(Error::Corrupt { what: "prover" })
    }

    /// Commits, and reads back what a time-out left open: the first `Put` is ours exactly when the
    /// whole commit happened.
    pub(crate) async fn commit(&self, writes: &[Write]) -> Result<Committed, Error> {
        match self.ports.table.commit(writes).await {
            Ok(()) => Ok(Committed::Yes),
            // A balance that moved below what was read is decided anew, like any other conflict.
            Err(CommitError::Conflict { .. } | CommitError::Insufficient { .. }) => {
                metrics::counter!("prooflane_commit_conflicts_total").increment(1);
                Ok(Committed::Conflict)
            }
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Unknown(_)) => self.read_back(writes).await,
        }
    }

    async fn read_back(&self, writes: &[Write]) -> Result<Committed, Error> {
        for write in writes {
            if let Write::Put {
                key, expect, body, ..
            } = write
            {
                let item = self.ports.table.get(key).await?;
                let landed = item.is_some_and(|item| {
                    item.body == *body
                        && match expect {
                            Expect::Absent => item.version == 1,
                            Expect::Version(v) => item.version == v + 1,
                            Expect::Exists => true,
                        }
                });
                return Ok(if landed {
                    Committed::Yes
                } else {
                    Committed::Conflict
                });
            }
        }
        Ok(Committed::Conflict)
    }
}

/// The writes of a journal entry: the entry itself, and the counters that it moves. None where it
/// moves nothing. No account but the mint may go below zero.
pub(crate) fn journal(key: Key, entry: &JournalEntry) -> Vec<Write> {
    if entry.postings.is_empty() {
        return Vec::new();
    }
    let put = Write::Put {
        key,
        expect: Expect::Absent,
        body: encode(entry),
        wake: None,
        listing: None,
    };
    let adds = entry.postings.iter().filter_map(|posting| {
        Some(Write::Add {
            key: layout::counter(&posting.account)?,
            delta: posting.amount,
            at_least: if posting.account == LedgerAccount::Mint {
                i64::MIN
            } else {
                0
            },
        })
    });
    std::iter::once(put).chain(adds).collect()
}
