//! A prover takes up what it won, and keeps it alive.

use crate::secrets::InputKey;
use crate::tasks::{Decision, TaskRecord, decode};
use crate::{Coordinator, Error, TraceId, layout};
use prooflane_market::{
    AttemptNo, Credits, Lease, ProverId, Refusal, Status, Task, TaskId, Timestamp,
};
use prooflane_store::{Index, Query};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// What a prover asks for.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Who.
    pub prover: ProverId,
    /// At most this many.
    pub max: usize,
    /// Tasks it is working on. An attempt that is in progress by the table but missing here was
    /// lost in a restart of the prover: it gets it again. None for a prover that keeps no count.
    pub holding: Option<BTreeSet<TaskId>>,
    /// How long to wait for the first.
    pub wait: Duration,
}

/// A task to prove. Its inputs may be private: no `Debug`.
pub struct Assignment {
    /// Which task.
    pub task_id: TaskId,
    /// The fencing token: every message about this assignment names it.
    pub attempt: AttemptNo,
    /// What everything that is done for the task is logged under.
    pub trace: TraceId,
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
    /// What a verified proof pays.
    pub price: Credits,
    /// When the lease runs out without a heartbeat.
    pub lease_expires_at: Timestamp,
}

/// The longest wait for a message before the table is read again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

impl Coordinator {
    /// Hands a prover what it won, waiting for it if need be.
    ///
    /// # Errors
    /// [`Error::UnknownProver`], the store's.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Assignment>, Error> {
        self.seen(&request.prover).await?;
        let until = Instant::now() + request.wait;
        let queue = layout::prover_queue(&request.prover);
        loop {
            let assignments = self.claim_held(request).await?;
            let left = until.saturating_duration_since(Instant::now());
            if !assignments.is_empty() || left.is_zero() {
                return Ok(assignments);
            }
            // The message only says that it is worth looking; what is true is read above, now and
            // then even without a message, since another call may have taken it.
            let visibility = Duration::from_secs(30);
            let wait = left.min(LOOK_AGAIN);
            for hint in self
                .ports
                .queue
                .receive(&queue, 10, visibility, wait)
                .await?
            {
                self.ports.queue.delete(&hint.receipt).await?;
            }
        }
    }

    async fn claim_held(&self, request: &ClaimRequest) -> Result<Vec<Assignment>, Error> {
        let mut assignments = Vec::new();
        let mut query = Query::new(Index::Listing, layout::held_by(&request.prover)).limit(50);
        if request.holding.is_none() {
            // Nothing that it has started can be wanted.
            query = query.to(layout::HELD_IN_PROGRESS);
        }
        while assignments.len() < request.max {
            let page = self.ports.table.query(&query).await?;
            for item in page.items {
                let record: TaskRecord = decode(&item, "task")?;
                if !wanted(request, &record.task) {
                    continue;
                }
                let claimed = match self.claim_one(request, &record).await {
                    Ok(Some(assignment)) => assignment,
                    Ok(None) => continue,
                    // What was claimed already must reach the prover.
                    Err(_) if !assignments.is_empty() => return Ok(assignments),
                    Err(error) => return Err(error),
                };
                assignments.push(claimed);
                // An answer has its limits: nothing follows on large inputs.
                if assignments.len() == request.max || record.input.blob.is_some() {
                    return Ok(assignments);
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        Ok(assignments)
    }

    /// None if it is no longer this prover's, or another call of this prover's was faster.
    async fn claim_one(
        &self,
        request: &ClaimRequest,
        listed: &TaskRecord,
    ) -> Result<Option<Assignment>, Error> {
        self.claim_if(listed, &request.prover, |task| wanted(request, task))
            .await
    }

    /// Claims a task's running attempt where it is this prover's and still `wanted`.
    pub(crate) async fn claim_if(
        &self,
        listed: &TaskRecord,
        prover: &ProverId,
        wanted: impl Fn(&Task) -> bool,
    ) -> Result<Option<Assignment>, Error> {
        let id = listed.task.id();
        // Read before the claim: a prover is not to lose its stake over inputs it never got.
        let inputs = match self.inputs(listed).await {
            Ok(inputs) => inputs,
            // It has ended meanwhile, and its key with it.
            Err(Error::Corrupt { .. }) if self.load(id).await?.value.task.lease().is_none() => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let claimed = self
            .change(id, |task| {
                if !wanted(task) {
                    return Ok(Decision::Keep(None));
                }
                let attempt = task.attempt();
                // Its own moment for each try: what was read long ago must not shorten the lease.
                task.claim(prover, attempt, self.now(), &self.rules)?;
                Ok(Decision::Change(Vec::new(), Some(attempt)))
            })
            .await;
        let (record, attempt) = match claimed {
            Ok((record, Some(attempt))) => (record, attempt),
            Ok((_, None)) | Err(Error::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        metrics::counter!("prooflane_tasks_claimed_total").increment(1);
        let task = &record.task;
        let trace = record.trace();
        tracing::debug!(task = %id, %trace, %prover, attempt, "claimed");
        Ok(Some(Assignment {
            task_id: id,
            attempt,
            trace,
            circuit: task.spec.circuit.clone(),
            key_id: record.key_id.clone(),
            inputs,
            input_blob: record.input.readable().map(str::to_owned),
            public_inputs: record.public_inputs.clone(),
            price: task.attempts.last().map_or(Credits(0), |a| a.price),
            lease_expires_at: task
                .lease()
                .map_or_else(|| self.now(), |lease| lease.expires_at),
        }))
    }

    /// The blob with the witness that a task's inputs name, for a prover that holds the lease or has joined.
    ///
    /// # Errors
    /// [`Error::Refused`] for any other prover; [`Error::NoWitness`] if its inputs name none, or it has ended;
    /// [`Error::UnknownTask`], the store's.
    pub async fn witness_blob(&self, prover: &ProverId, id: TaskId) -> Result<String, Error> {
        let record = self.load(id).await?.value;
        let task = &record.task;
        let holds = task.lease().is_some_and(|lease| lease.prover == *prover);
        if !holds && task.fulfilments.iter().all(|f| f.prover != *prover) {
            return Err(Refusal::NotAssigned {
                prover: prover.clone(),
                attempt: task.attempt(),
            }
            .into());
        }
        let ended = task.status().is_terminal();
        let blob = record.input.witness.filter(|_| !ended);
        blob.ok_or(Error::NoWitness(id))
    }

    /// The witness itself, encrypted under a key in the inputs.
    ///
    /// # Errors
    /// As [`Self::witness_blob`].
    pub async fn witness(&self, prover: &ProverId, id: TaskId) -> Result<Vec<u8>, Error> {
        let blob = self.witness_blob(prover, id).await?;
        let bytes = self.ports.blobs.get(&blob).await?;
        bytes.ok_or(Error::NoWitness(id))
    }

    /// A task's inputs, decrypted. For a prover that holds the lease or has joined,
    /// and nobody else.
    pub(crate) async fn inputs(&self, record: &TaskRecord) -> Result<Value, Error> {
        let id = record.task.id();
        let missing = Error::Corrupt { what: "input" };
        let stored = if let Some(blob) = &record.input.blob {
            self.ports.blobs.get(blob).await?.ok_or(missing)?
        } else {
            self.ports
                .table
                .get(&layout::input(id))
                .await?
                .ok_or(missing)?
                .body
        };
        let plain = if record.input.encrypted {
            let missing = Error::Corrupt { what: "input key" };
            let key = self
                .ports
                .table
                .get(&layout::input_secret(id))
                .await?
                .ok_or(missing)?;
            InputKey::from_bytes(&key.body)?.decrypt(id, &stored)?
        } else {
            zeroize::Zeroizing::new(stored)
        };
        serde_json::from_slice(&plain).map_err(|_| Error::Corrupt { what: "input" })
    }

    /// The prover is alive and at it; returns the extended lease.
    ///
    /// # Errors
    /// [`Error::Refused`] if the attempt is not the running one: the prover should stop.
    pub async fn heartbeat(
        &self,
        prover: &ProverId,
        id: TaskId,
        attempt: AttemptNo,
    ) -> Result<Lease, Error> {
        self.seen(prover).await?;
        let (record, ()) = self
            .change(id, |task| {
                task.heartbeat(prover, attempt, self.now(), &self.rules)?;
                Ok(Decision::Change(Vec::new(), ()))
            })
            .await?;
        record
            .task
            .lease()
            .cloned()
            .ok_or(Error::Corrupt { what: "lease" })
    }
}

/// Whether the prover is to get this task: it has not started it, or has lost it in a restart.
fn wanted(request: &ClaimRequest, task: &Task) -> bool {
    let lost = |held: &BTreeSet<TaskId>| !held.contains(&task.id());
    match task.status() {
        Status::Assigned => true,
        Status::InProgress => request.holding.as_ref().is_some_and(lost),
        _ => false,
    }
}
