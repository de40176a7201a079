//! A proof comes back, or the news that none will.

use crate::catalogue::Judgement;
use crate::tasks::{Decision, TaskRecord};
use crate::{Coordinator, Error, layout};
use prooflane_market::{
    AttemptEnd, AttemptNo, ProverId, Ratio, Refusal, State, Status, Task, TaskId,
};
use prooflane_store::PutMode;

/// What the network says to a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It verifies, and the task is completed with it.
    pub accepted: bool,
    /// Its quality, 0 for an invalid one.
    pub quality: Ratio,
}

impl Coordinator {
    /// Verifies a proof and settles: pays for a valid one, gives the task back to the market for an
    /// invalid one. The same call again gets the same answer. Nothing is verified or stored for a
    /// prover that was not assigned the attempt. A proof of a circuit is the 128 bytes of
    /// [`Proof::to_compact`](prooflane_verifier::Proof::to_compact), one of a statement is evidence.
    ///
    /// # Errors
    /// [`Error::Refused`] if the attempt is not this prover's or the task has ended otherwise;
    /// [`Error::MalformedProof`] for what is no proof of that kind at all.
    pub async fn accept(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
        proof: &[u8],
    ) -> Result<Verdict, Error> {
        let record = match self.to_verify(prover, id, attempt).await? {
            Ok(record) => record,
            Err(verdict) => return Ok(verdict),
        };
        if !self.demand_proof(&record, proof).await? {
            return self.reject(prover, id, attempt).await;
        }
        // Before the task says that there is a proof, there is one.
        let blob = layout::proof_blob(id, attempt);
        let blobs = &self.ports.blobs;
        blobs.put(&blob, proof, PutMode::IfAbsent).await?;
        self.settle(prover, id, attempt).await
    }

    /// The task whose proof is worth verifying, or the verdict that was given before.
    pub(crate) async fn to_verify(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
    ) -> Result<Result<TaskRecord, Verdict>, Error> {
        let record = self.load(id).await?.value;
        if let Some(verdict) = already(&record.task, prover, attempt) {
            return Ok(Err(verdict));
        }
        record.task.may_complete(prover, attempt)?;
        if self.key_replaced(&record) {
            return Err(self.retire(id).await?);
        }
        Ok(Ok(record))
    }

    /// A proof does not verify.
    pub(crate) async fn reject(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
    ) -> Result<Verdict, Error> {
        let now = self.now();
        self.change(id, |task| {
            if was_rejected(task, prover, attempt) {
                return Ok(Decision::Keep(()));
            }
            let effects = task.reject(prover, attempt, now, &self.rules)?;
            Ok(Decision::Change(effects, ()))
        })
        .await?;
        self.reopened(id).await;
        Ok(REJECTED)
    }

    /// A proof verified and is stored.
    pub(crate) async fn settle(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
    ) -> Result<Verdict, Error> {
        let now = self.now();
        let (record, verdict) = self
            .change(id, |task| {
                if let Some(verdict) = already(task, prover, attempt) {
                    return Ok(Decision::Keep(verdict));
                }
                let effects = task.complete(prover, attempt, now)?;
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

    /// The prover gives an attempt up; the task goes back to the market.
    ///
    /// # Errors
    /// [`Error::Refused`] if the attempt is not the running one or not this prover's.
    pub async fn fail(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
        message: &str,
    ) -> Result<Status, Error> {
        let now = self.now();
        let (record, ()) = self
            .change(id, |task| {
                Ok(Decision::Change(
                    task.fail(prover, attempt, message, now, &self.rules)?,
                    (),
                ))
            })
            .await?;
        metrics::counter!("prooflane_attempts_failed_total").increment(1);
        self.reopened(id).await;
        Ok(record.task.status())
    }

    /// A task may be open again: whoever clears looks at it.
    pub(crate) async fn reopened(&self, id: TaskId) {
        self.hint_task(id).await;
        self.hint_open().await;
    }

    /// The newest attempt that a prover was assigned for a task, for those that do not name it.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is none.
    pub async fn newest_attempt(&self, prover: &ProverId, id: TaskId) -> Result<AttemptNo, Error> {
        let task = self.load(id).await?.value.task;
        let newest = task.attempts.iter().rev().find(|a| a.prover == *prover);
        newest.map(|a| a.number).ok_or_else(|| {
            Refusal::NotAssigned {
                prover: prover.clone(),
                attempt: 0,
            }
            .into()
        })
    }

    /// Whether the network has another key now for the circuit of this task: nothing can be proved
    /// for it any more, and whoever tries is not to blame.
    pub(crate) fn key_replaced(&self, record: &TaskRecord) -> bool {
        let entry = self.catalogue.find(&record.task.spec.circuit);
        entry.is_ok_and(|entry| entry.key_id() != record.key_id)
    }

    /// Ends a task whose circuit has another key now; says so.
    pub(crate) async fn retire(&self, id: TaskId) -> Result<Error, Error> {
        let now = self.now();
        let (record, ()) = self
            .change(id, |task| {
                if task.status().is_terminal() {
                    return Ok(Decision::Keep(()));
                }
                Ok(Decision::Change(task.key_replaced(now)?, ()))
            })
            .await?;
        tracing::warn!(task = %id, "ended: the circuit's key was replaced");
        let status = record.task.status();
        Ok(Refusal::Ended { status }.into())
    }

    /// Whether a proof is valid. What is no proof of that kind at all is refused.
    pub(crate) async fn demand_proof(
        &self,
        record: &TaskRecord,
        proof: &[u8],
    ) -> Result<bool, Error> {
        match self.judge(record, proof).await? {
            Judgement::Malformed(problem) => Err(Error::MalformedProof(problem)),
            judgement => Ok(judgement == Judgement::Valid),
        }
    }

    /// Whether what is stored or was handed in is a valid proof.
    pub(crate) async fn verifies(&self, record: &TaskRecord, proof: &[u8]) -> Result<bool, Error> {
        Ok(self.judge(record, proof).await? == Judgement::Valid)
    }

    async fn judge(&self, record: &TaskRecord, proof: &[u8]) -> Result<Judgement, Error> {
        let entry = self.catalogue.find(&record.task.spec.circuit)?;
        let judgement = entry.judge(&record.public_inputs, proof).await?;
        let valid = judgement == Judgement::Valid;
        metrics::counter!("prooflane_proofs_verified_total", "valid" => if valid { "true" } else { "false" })
            .increment(1);
        Ok(judgement)
    }

    /// Whether a proof of what is called `circuit` is valid, for whoever is shown one.
    ///
    /// # Errors
    /// [`Error::UnknownCircuit`]; [`Error::Corrupt`] for public inputs that no proof has.
    pub async fn verifies_for(
        &self,
        circuit: &str,
        public_inputs: &[String],
        proof: &[u8],
    ) -> Result<bool, Error> {
        let entry = self.catalogue.find(circuit)?;
        let judgement = entry.judge(public_inputs, proof).await?;
        Ok(judgement == Judgement::Valid)
    }

    /// What goes with a task's completion besides its commit.
    pub(crate) async fn completed(&self, record: &TaskRecord) {
        let task = &record.task;
        metrics::counter!("prooflane_tasks_completed_total").increment(1);
        let taken = task.updated_at.since(task.created_at);
        #[allow(clippy::cast_precision_loss)]
        metrics::histogram!("prooflane_task_seconds").record(taken.0 as f64 / 1_000.0);
        tracing::debug!(task = %task.id(), trace = %record.trace(), millis = taken.0, "completed");
        // Whoever has room now may take what waits.
        self.hint_open().await;
    }
}

pub(crate) fn quality_of(task: &Task) -> Ratio {
    match task.state {
        State::Completed { quality, .. } => quality,
        _ => Ratio::ZERO,
    }
}

pub(crate) const REJECTED: Verdict = Verdict {
    accepted: false,
    quality: Ratio::ZERO,
};

/// Whether a proof of this very attempt was found invalid before.
fn was_rejected(task: &Task, prover: &ProverId, attempt: AttemptNo) -> bool {
    let mut attempts = task.attempts.iter();
    attempts
        .any(|a| a.number == attempt && a.prover == *prover && a.end == Some(AttemptEnd::Invalid))
}

/// The verdict on this very attempt, if it was given before.
fn already(task: &Task, prover: &ProverId, attempt: AttemptNo) -> Option<Verdict> {
    match &task.state {
        State::Completed {
            prover: by,
            attempt: in_attempt,
            quality,
            fulfilled: false,
            ..
        } if by == prover && *in_attempt == attempt => Some(Verdict {
            accepted: true,
            quality: *quality,
        }),
        _ if task.status().is_terminal() && was_rejected(task, prover, attempt) => Some(REJECTED),
        _ => None,
    }
}

/// The verdict on this very attempt, whatever became of the task since.
pub(crate) fn verdict_on(task: &Task, prover: &ProverId, attempt: AttemptNo) -> Option<Verdict> {
    already(task, prover, attempt)
        .or_else(|| was_rejected(task, prover, attempt).then_some(REJECTED))
}
