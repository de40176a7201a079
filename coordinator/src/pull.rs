//! Work by messages, for a fleet that reaches the store itself: many machines that are one prover
//! share its queue. A message is the shadow of a lease: it is hidden for as long, extended with it,
//! and comes again when its machine has gone silent. What is true, as ever, the table says.

use crate::tasks::TaskRecord;
use crate::{Assignment, Coordinator, Error, layout};
use prooflane_market::{AttemptNo, Lease, Millis, ProverId, Refusal, State, TaskId};
use prooflane_store::{Delivery, Index, PutMode, Query, Receipt};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An assignment and the message that brought it.
pub struct Pulled {
    /// What to prove.
    pub assignment: Assignment,
    /// The message; none where it was lost and the table told.
    pub receipt: Option<Receipt>,
}

/// That a proof lies in the blob store, to be verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultMessage {
    /// Whose.
    pub prover: ProverId,
    /// Of which task.
    pub task: TaskId,
    /// In which attempt.
    pub attempt: AttemptNo,
}

impl ResultMessage {
    /// The queue of these messages.
    pub const QUEUE: &str = "results";
}

/// A message that has not come this long after its assignment counts as lost.
const LOST_AFTER: Millis = Millis(10_000);

impl Coordinator {
    /// Waits for up to `max` assignments of this prover and claims each.
    ///
    /// # Errors
    /// The store's, unless something was claimed already.
    pub async fn pull(
        &self,
        prover: &ProverId,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Pulled>, Error> {
        let queue = layout::prover_queue(prover);
        let deliveries = self.ports.queue.receive(&queue, max, self.lease(), wait);
        let deliveries = deliveries.await?;
        if deliveries.is_empty() {
            return self.pull_lost(prover, max).await;
        }
        let mut pulled = Vec::new();
        for Delivery { receipt, body, .. } in deliveries {
            let task = body.parse().map(TaskId);
            let taken = match task {
                Ok(id) => self.take_up(prover, id, &receipt).await,
                Err(_) => self.drop_message(&receipt).await.map(|()| None),
            };
            match taken {
                Ok(assignment) => pulled.extend(assignment.map(|assignment| Pulled {
                    assignment,
                    receipt: Some(receipt),
                })),
                // Hidden for a while, it comes again.
                Err(error) => {
                    tracing::warn!(task = body, %error, "a message could not be acted on");
                }
            }
        }
        Ok(pulled)
    }

    /// Claims the task of a message; none where there is nothing to do.
    async fn take_up(
        &self,
        prover: &ProverId,
        id: TaskId,
        receipt: &Receipt,
    ) -> Result<Option<Assignment>, Error> {
        let record = match self.load(id).await {
            Ok(record) => record.value,
            Err(Error::UnknownTask(_)) => {
                self.drop_message(receipt).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match record.task.lease().filter(|lease| lease.prover == *prover) {
            None => self.drop_message(receipt).await?,
            Some(lease) => {
                let silent = self.now().since(lease.renewed_at);
                let third = self.rules.lease.0 / 3;
                let working = matches!(record.task.state, State::InProgress { .. });
                // Another machine of this prover is at it: it extends the lease every third of it.
                // Look again when it would have run out.
                if working && silent.0 < 2 * third {
                    let left = Duration::from_millis(self.rules.lease.0 - silent.0);
                    self.ports.queue.extend(receipt, left).await?;
                    return Ok(None);
                }
                let claimed = self.claim_running(&record, prover, lease).await?;
                if claimed.is_some() {
                    return Ok(claimed);
                }
                // Somebody was faster; that message is theirs.
            }
        }
        Ok(None)
    }

    /// Claims exactly what was read: of two who read the same, one is told that it was too slow. The
    /// lease alone would not tell: it stays as it is where the clock of the first is behind.
    async fn claim_running(
        &self,
        record: &TaskRecord,
        prover: &ProverId,
        seen: &Lease,
    ) -> Result<Option<Assignment>, Error> {
        let status = record.task.status();
        self.claim_if(record, prover, |task| {
            task.status() == status && task.lease() == Some(seen)
        })
        .await
    }

    /// What waits by the table although no message brings it.
    async fn pull_lost(&self, prover: &ProverId, max: usize) -> Result<Vec<Pulled>, Error> {
        let query = Query::new(Index::Listing, layout::held_by(prover))
            .to(layout::HELD_IN_PROGRESS)
            .limit(50);
        let mut pulled = Vec::new();
        for item in self.ports.table.query(&query).await?.items {
            let record: TaskRecord = crate::tasks::decode(&item, "task")?;
            let Some(lease) = record.task.lease() else {
                continue;
            };
            if pulled.len() == max || self.now().since(lease.renewed_at) < LOST_AFTER {
                continue;
            }
            let claimed = self.claim_running(&record, prover, lease).await?;
            pulled.extend(claimed.map(|assignment| Pulled {
                assignment,
                receipt: None,
            }));
        }
        Ok(pulled)
    }

    /// A heartbeat: extends the lease, and with it the message's visibility.
    ///
    /// # Errors
    /// As [`Coordinator::heartbeat`].
    pub async fn keep(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
        receipt: Option<&Receipt>,
    ) -> Result<Lease, Error> {
        let lease = self.heartbeat(prover, id, attempt).await?;
        if let Some(receipt) = receipt {
            // The lease is what counts.
            if let Err(error) = self.ports.queue.extend(receipt, self.lease()).await {
                tracing::info!(task = %id, %error, "a message was not extended");
            }
        }
        Ok(lease)
    }

    /// A message is done with.
    ///
    /// # Errors
    /// The store's.
    pub async fn drop_message(&self, receipt: &Receipt) -> Result<(), Error> {
        Ok(self.ports.queue.delete(receipt).await?)
    }

    /// Puts a proof where the network verifies it from, and says so. Can be done again.
    ///
    /// # Errors
    /// The store's.
    pub async fn hand_in(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
        proof: &[u8],
    ) -> Result<(), Error> {
        let blob = layout::proof_blob(id, attempt);
        let blobs = &self.ports.blobs;
        blobs.put(&blob, proof, PutMode::IfAbsent).await?;
        let message = ResultMessage {
            prover: prover.clone(),
            task: id,
            attempt,
        };
        let body = String::from_utf8_lossy(&crate::tasks::encode(&message)).into_owned();
        let queue = &self.ports.queue;
        Ok(queue
            .send(ResultMessage::QUEUE, &body, Duration::ZERO)
            .await?)
    }

    /// Verifies a proof that was handed in, and settles; the same again gets the same answer.
    ///
    /// # Errors
    /// [`Error::Refused`] as [`Coordinator::accept`]; [`Error::Corrupt`] where there is no proof.
    pub async fn accept_handed_in(&self, message: &ResultMessage) -> Result<crate::Verdict, Error> {
        let ResultMessage {
            prover,
            task,
            attempt,
        } = message;
        let record = match self.to_verify(prover, *task, *attempt).await? {
            Ok(record) => record,
            Err(verdict) => return Ok(verdict),
        };
        let blob = layout::proof_blob(*task, *attempt);
        let bytes = self.ports.blobs.get(&blob).await?;
        let bytes = bytes.ok_or(Error::Corrupt { what: "proof" })?;
        if !self.verifies(&record, &bytes).await? {
            let verdict = self.reject(prover, *task, *attempt).await?;
            self.ports.blobs.delete(&blob).await?;
            return Ok(verdict);
        }
        self.settle(prover, *task, *attempt).await
    }

    /// What the network said to this attempt's proof, waiting for it; none if it has not yet.
    ///
    /// # Errors
    /// [`Error::Refused`] if the attempt is over without a verdict: the proof is not wanted.
    pub async fn verdict(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
        wait: Duration,
    ) -> Result<Option<crate::Verdict>, Error> {
        let over = |task: &prooflane_market::Task| {
            task.status().is_terminal() || task.lease().is_none_or(|l| l.attempt != attempt)
        };
        let task = self.wait(id, wait, over).await?.task;
        if let Some(verdict) = crate::result::verdict_on(&task, prover, attempt) {
            return Ok(Some(verdict));
        }
        let status = task.status();
        if status.is_terminal() {
            return Err(Refusal::Ended { status }.into());
        }
        if over(&task) {
            let current = task.attempt();
            return Err(Refusal::Superseded {
                current,
                got: attempt,
            }
            .into());
        }
        Ok(None)
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(self.rules.lease.0)
    }
}
