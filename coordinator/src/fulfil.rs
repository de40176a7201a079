//! Once an attempt's exclusive time is over, any eligible prover may prove the task: it joins and
//! gets the inputs, commits to its proof, and reveals it a moment later.

use crate::result::{REJECTED, quality_of};
use crate::tasks::{Committed, Decision, TRIES, TaskRecord, decode};
use crate::{Coordinator, Error, Verdict, layout};
use prooflane_market::{CommitmentDigest, Credits, ProverId, State, Task, TaskId, Timestamp};
use prooflane_store::{Expect, Index, PutMode, Query, Write};
use serde_json::Value;

/// A task to prove without an assignment. Its inputs may be private: no `Debug`.
pub struct OpenTask {
    /// Which task.
    pub task_id: TaskId,
    /// `name@version`.
    pub circuit: String,
    /// The verifying key that decides, in hex; of a statement the proof system.
    pub key_id: String,
    /// As the circuit wants them.
    pub inputs: Value,
    /// The blob that holds the inputs as JSON; none where they are small, or encrypted there.
    pub input_blob: Option<String>,
    /// The public inputs that the proof must have.
    pub public_inputs: Vec<String>,
    /// What the first verified proof is paid, unless the task is assigned anew meanwhile.
    pub price: Credits,
}

/// A task that has been open to anyone since its assigned prover's exclusive time was over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateTask {
    /// Which task.
    pub task_id: TaskId,
    /// `name@version`.
    pub circuit: String,
    /// Since when.
    pub open_from: Timestamp,
    /// What the first verified proof is paid, unless the task is assigned anew meanwhile.
    pub price: Credits,
}

/// Late tasks in one answer, and the most that are looked at in one listing.
const LATE: usize = 100;

impl Coordinator {
    /// Tasks that this prover could [`join`](Self::join) now, at most 100: those that others hold and
    /// those that wait for another auction.
    ///
    /// # Errors
    /// [`Error::UnknownProver`], the store's.
    pub async fn late(&self, prover: &ProverId) -> Result<Vec<LateTask>, Error> {
        let candidate = self.load_prover(prover).await?.value;
        let now = self.now();
        let shards = 0..self.rules.market_shards.max(1);
        let mut listings: Vec<String> = shards.map(layout::open).collect();
        for holder in self.provers().await? {
            if holder.prover_id != *prover && !holder.active.is_empty() {
                listings.push(layout::held_by(&holder.prover_id));
            }
        }
        let mut late = Vec::new();
        for listing in listings {
            let query = Query::new(Index::Listing, listing).limit(LATE);
            for item in self.ports.table.query(&query).await?.items {
                let task = decode::<TaskRecord>(&item, "task")?.task;
                let Some(open_from) = task.open_from.filter(|at| *at <= now) else {
                    continue;
                };
                if task.clone().join(&candidate, now, &self.rules).is_ok() {
                    late.push(LateTask {
                        task_id: task.id(),
                        open_from,
                        price: task.attempts.last().map_or(Credits(0), |a| a.price),
                        circuit: task.spec.circuit,
                    });
                }
            }
            if late.len() >= LATE {
                break;
            }
        }
        late.truncate(LATE);
        Ok(late)
    }

    /// Lets a prover work on a task that is open to anyone, and hands it the inputs. Joining again
    /// hands them out again.
    ///
    /// # Errors
    /// [`Error::Refused`] if the task has ended or is its assigned prover's alone, the prover may
    /// not fulfil it, or enough others are at it; [`Error::UnknownTask`], [`Error::UnknownProver`],
    /// the store's.
    pub async fn join(&self, prover: &ProverId, id: TaskId) -> Result<OpenTask, Error> {
        self.seen(prover).await?;
        for _ in 0..TRIES {
            let candidate = self.load_prover(prover).await?;
            let mut record = self.load(id).await?;
            let before = record.value.task.clone();
            let now = self.now();
            let task = &mut record.value.task;
            task.join(&candidate.value, now, &self.rules)?;
            if self.key_replaced(&record.value) {
                return Err(self.retire(id).await?);
            }
            let inputs = match self.inputs(&record.value).await {
                Ok(inputs) => inputs,
                // It has ended meanwhile, and its key with it: the next try says so.
                Err(Error::Corrupt { .. })
                    if self.load(id).await?.value.task.status().is_terminal() =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            if record.value.task != before {
                let writes = [
                    record
                        .value
                        .put(Expect::Version(record.version), &self.rules),
                    Write::Check {
                        key: layout::prover(prover),
                        expect: Expect::Version(candidate.version),
                    },
                ];
                if !matches!(self.commit(&writes).await?, Committed::Yes) {
                    continue;
                }
                self.watch.call(id);
            }
            let TaskRecord {
                task,
                public_inputs,
                key_id,
                input,
                ..
            } = record.value;
            return Ok(OpenTask {
                task_id: id,
                price: task.attempts.last().map_or(Credits(0), |a| a.price),
                circuit: task.spec.circuit,
                key_id,
                inputs,
                input_blob: input.readable().map(str::to_owned),
                public_inputs,
            });
        }
        Err(Error::Contention(TRIES))
    }

    /// A prover that has joined commits to a proof; returns from when it may be revealed.
    ///
    /// # Errors
    /// [`Error::Refused`] if the task has ended or is its assigned prover's alone, or the prover has
    /// not joined it; [`Error::UnknownTask`], the store's.
    pub async fn commit_to(
        &self,
        prover: &ProverId,
        id: TaskId,
        digest: CommitmentDigest,
    ) -> Result<Timestamp, Error> {
        let now = self.now();
        let (record, ()) = self
            .change(id, |task| {
                let before = task.fulfilments.clone();
                task.commit(prover, digest, now, &self.rules)?;
                Ok(if task.fulfilments == before {
                    Decision::Keep(())
                } else {
                    Decision::Change(Vec::new(), ())
                })
            })
            .await?;
        let mut fulfilments = record.task.fulfilments.iter();
        let own = fulfilments.find(|f| f.prover == *prover);
        let at = own
            .and_then(|f| f.commitment.as_ref())
            .map_or(now, |c| c.at);
        Ok(at + self.rules.reveal_after)
    }

    /// The verdict on a reveal of this prover's, if it has completed the task.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], the store's.
    pub async fn revealed(&self, prover: &ProverId, id: TaskId) -> Result<Option<Verdict>, Error> {
        Ok(already(&self.load(id).await?.value.task, prover))
    }

    /// Verifies the proof that a prover had committed to, and settles: pays for a valid one and lets
    /// a running attempt go without a mark; an invalid one voids the commitment. The same call again
    /// after a valid one gets the same answer.
    ///
    /// # Errors
    /// [`Error::Refused`] if the task has ended otherwise, or this prover has not committed to this
    /// proof with this salt, or only just now, or too long ago; [`Error::UnknownTask`], the store's.
    pub async fn reveal(
        &self,
        prover: &ProverId,
        id: TaskId,
        proof: &[u8],
        salt: &[u8; 32],
    ) -> Result<Verdict, Error> {
        let digest = CommitmentDigest::of(id, prover, proof, salt);
        let record = self.load(id).await?.value;
        if let Some(verdict) = already(&record.task, prover) {
            return Ok(verdict);
        }
        let now = self.now();
        record.task.may_reveal(prover, &digest, now, &self.rules)?;
        if self.key_replaced(&record) {
            return Err(self.retire(id).await?);
        }
        if !self.demand_proof(&record, proof).await? {
            self.change(id, |task| {
                let effects = task.void(prover, &digest, now, &self.rules)?;
                Ok(Decision::Change(effects, ()))
            })
            .await?;
            return Ok(REJECTED);
        }
        // Before the task says that there is a proof, there is one.
        let blob = layout::revealed_blob(id, prover);
        let blobs = &self.ports.blobs;
        blobs.put(&blob, proof, PutMode::IfAbsent).await?;
        let (record, verdict) = self
            .change(id, |task| {
                if let Some(verdict) = already(task, prover) {
                    return Ok(Decision::Keep(verdict));
                }
                let effects = task.fulfil(prover, &digest, now, &self.rules)?;
                let quality = quality_of(task);
                Ok(Decision::Change(
                    effects,
                    Verdict {
                        accepted: true,
                        quality,
                    },
                ))
            })
            .await?;
        self.completed(&record).await;
        Ok(verdict)
    }
}

/// The verdict on a reveal of this prover's that has completed the task.
fn already(task: &Task, prover: &ProverId) -> Option<Verdict> {
    match &task.state {
        State::Completed {
            prover: by,
            quality,
            fulfilled: true,
            ..
        } if by == prover => Some(Verdict {
            accepted: true,
            quality: *quality,
        }),
        _ => None,
    }
}
