//! The network as a machine of the fleet sees it.

use async_trait::async_trait;
use prooflane_client::wire::AssignmentView;
use prooflane_coordinator::{Assignment, Catalogue, Coordinator, Error, Pulled};
use prooflane_engine::{CircuitKey, KeyError, Keys};
use prooflane_market::{ProverId, TaskId};
use prooflane_store::{Blobs, Receipt};
use prooflane_worker::{Network, NetworkError, Offer};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The use-cases, called directly over the store, with the prover's queue as the source of work.
pub struct Fleet {
    coordinator: Coordinator,
    blobs: Arc<dyn Blobs>,
    keys: Arc<Keys>,
    waits: Waits,
    /// The message that brought each attempt held here; none where it was lost.
    held: Mutex<BTreeMap<(Uuid, u32), Option<Receipt>>>,
    pulling: tokio::sync::Mutex<Option<Pulling>>,
    fetching: tokio::sync::Mutex<()>,
    withdrawn: AtomicBool,
    busy: watch::Sender<bool>,
}

/// A long poll goes on when whoever asked for it does not wait any more: what it claims must not be
/// lost.
type Pulling = JoinHandle<Result<Vec<Pulled>, Error>>;

/// How long a machine of the fleet waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// The longest that one poll waits for a message.
    pub poll: Duration,
    /// A result on which there is no verdict yet is sent again this often.
    pub resend: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            // As long as an idle machine takes to drain.
            poll: Duration::from_secs(10),
            resend: Duration::from_secs(30),
        }
    }
}

impl Fleet {
    /// The network of this coordinator. Proving keys are fetched from `blobs` once and kept in
    /// `keys`.
    #[must_use]
    pub fn new(coordinator: Coordinator, blobs: Arc<dyn Blobs>, keys: Keys, waits: Waits) -> Self {
        Self {
            coordinator,
            blobs,
            keys: Arc::new(keys),
            waits,
            held: Mutex::default(),
            pulling: tokio::sync::Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
            withdrawn: AtomicBool::new(false),
            busy: watch::Sender::new(false),
        }
    }

    /// Whether a lease is held here: true with the first, false again once there is none and a poll
    /// has found nothing new.
    #[must_use]
    pub fn busy(&self) -> watch::Receiver<bool> {
        self.busy.subscribe()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<(Uuid, u32), Option<Receipt>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_busy(&self, busy: bool) {
        self.busy
            .send_if_modified(|was| std::mem::replace(was, busy) != busy);
    }

    /// What became of the attempt is known: its message is not needed any more.
    async fn done(&self, task: Uuid, attempt: u32) {
        let receipt = self.held().remove(&(task, attempt)).flatten();
        let Some(receipt) = receipt else { return };
        if let Err(error) = self.coordinator.drop_message(&receipt).await {
            tracing::info!(%task, attempt, %error, "a message stays; whoever gets it drops it");
        }
    }

    /// Hands a proof in and waits for the verdict. The message that asks for it may be lost.
    async fn settled(
        &self,
        prover: &ProverId,
        task: Uuid,
        attempt: u32,
        proof: &[u8],
    ) -> Result<bool, Error> {
        let id = TaskId(task);
        loop {
            self.coordinator.hand_in(prover, id, attempt, proof).await?;
            let wait = self.waits.resend;
            let verdict = self.coordinator.verdict(prover, id, attempt, wait).await?;
            match verdict {
                Some(verdict) => return Ok(verdict.accepted),
                None => tracing::warn!(%task, attempt, "no verdict yet: the result is sent again"),
            }
        }
    }

    /// Fetches a proving key; it is what its name says or it is not used.
    async fn fetch(&self, circuit: &str, key_id: &str) -> Result<Vec<u8>, NetworkError> {
        let name = Catalogue::proving_key_blob(circuit, key_id);
        tracing::info!(circuit, key_id, "fetching the proving key");
        let found = self.blobs.get(&name).await;
        found
            .map_err(|error| NetworkError::Unavailable(error.to_string()))?
            .ok_or_else(|| bad_key(format!("there is no proving key {key_id} of {circuit}")))
    }

    async fn with_keys<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keys) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, NetworkError> {
        let keys = self.keys.clone();
        let done = tokio::task::spawn_blocking(move || work(&keys)).await;
        let done = done.map_err(|_| bad_key("reading a proving key crashed"))?;
        done.map_err(|error| {
            tracing::error!(%error, "no proving key");
            match error {
                // Where this machine keeps its files is nobody else's business.
                KeyError::Io { .. } => bad_key("this prover cannot keep its keys"),
                other => bad_key(other.to_string()),
            }
        })
    }
}

fn bad_key(message: impl Into<String>) -> NetworkError {
    NetworkError::Refused {
        code: "bad_key".into(),
        message: message.into(),
    }
}

fn failed(error: Error) -> NetworkError {
    match error {
        Error::Unavailable(_) | Error::Contention(_) => {
            NetworkError::Unavailable(error.to_string())
        }
        error => NetworkError::Refused {
            code: error.code().to_owned(),
            message: error.to_string(),
        },
    }
}

fn id(offer: &Offer) -> Result<ProverId, NetworkError> {
    ProverId::new(&offer.prover_id).map_err(|error| NetworkError::Refused {
        code: "invalid_request".into(),
        message: error.to_string(),
    })
}

fn view(assignment: Assignment) -> AssignmentView {
    AssignmentView {
        task_id: assignment.task_id.0,
        attempt: assignment.attempt,
        trace: assignment.trace.to_string(),
        circuit: assignment.circuit,
        key_id: assignment.key_id,
        inputs: assignment.inputs,
        inputs_at: None,
        public_inputs: assignment.public_inputs,
        price: assignment.price.0,
        lease_expires_at: assignment.lease_expires_at.0,
    }
}

#[async_trait]
impl Network for Fleet {
    /// Nothing to do: the sweeper sees to it that the class is in the market, machines or not.
    async fn offer(&self, _: &Offer) -> Result<(), NetworkError> {
        Ok(())
    }

    /// This machine takes nothing more. The ask is that of its class and stands.
    async fn withdraw(&self, _: &Offer) -> Result<(), NetworkError> {
        self.withdrawn.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn claim(
        &self,
        offer: &Offer,
        max: usize,
        holding: &[Uuid],
        wait: Duration,
    ) -> Result<Vec<AssignmentView>, NetworkError> {
        // What the worker has given up on is not held.
        self.held().retain(|(task, _), _| holding.contains(task));
        let mut pulling = self.pulling.lock().await;
        let pulled = if let Some(pulling) = &mut *pulling {
            pulling.await
        } else if self.withdrawn.load(Ordering::SeqCst) {
            Ok(Ok(Vec::new()))
        } else {
            let (coordinator, prover) = (self.coordinator.clone(), id(offer)?);
            let wait = wait.min(self.waits.poll);
            let pull = async move { coordinator.pull(&prover, max, wait).await };
            pulling.insert(tokio::spawn(pull)).await
        };
        *pulling = None;
        let pulled = pulled
            .map_err(|_| NetworkError::Unavailable("a poll crashed".into()))?
            .map_err(failed)?;
        let mut held = self.held();
        let mut assignments = Vec::new();
        for Pulled {
            assignment,
            receipt,
        } in pulled
        {
            held.insert((assignment.task_id.0, assignment.attempt), receipt);
            assignments.push(view(assignment));
        }
        // One poll without work may follow on the last proof: a busy machine would change its mind
        // with every task.
        self.is_busy(!held.is_empty());
        Ok(assignments)
    }

    async fn heartbeat(&self, offer: &Offer, task: Uuid, attempt: u32) -> Result<(), NetworkError> {
        let receipt = self.held().get(&(task, attempt)).cloned().flatten();
        self.coordinator
            .keep(&id(offer)?, TaskId(task), attempt, receipt.as_ref())
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn result(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        proof: &[u8],
    ) -> Result<bool, NetworkError> {
        let prover = id(offer)?;
        let settled = self.settled(&prover, task, attempt, proof).await;
        let settled = settled.map_err(failed);
        if !matches!(settled, Err(NetworkError::Unavailable(_))) {
            self.done(task, attempt).await;
        }
        settled
    }

    async fn failure(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        message: &str,
    ) -> Result<(), NetworkError> {
        let failure = self
            .coordinator
            .fail(&id(offer)?, TaskId(task), attempt, message)
            .await
            .map_err(failed);
        if !matches!(failure, Err(NetworkError::Unavailable(_))) {
            self.done(task, attempt).await;
        }
        failure.map(drop)
    }

    async fn witness(&self, offer: &Offer, task: Uuid) -> Result<Vec<u8>, NetworkError> {
        let witness = self.coordinator.witness(&id(offer)?, TaskId(task)).await;
        witness.map_err(failed)
    }

    async fn keys(&self) -> Result<Vec<(String, String)>, NetworkError> {
        Ok(self.coordinator.catalogue().names())
    }

    async fn key(&self, circuit: &str, key_id: &str) -> Result<Arc<CircuitKey>, NetworkError> {
        let known = prooflane_circuits::find(circuit)
            .ok_or_else(|| bad_key(format!("this prover does not know {circuit}")))?;
        // Several tasks of one circuit begin at the same time: one fetch is enough.
        let _fetching = self.fetching.lock().await;
        let wanted = key_id.to_owned();
        let here = self
            .with_keys(move |keys| keys.find(known, &wanted))
            .await?;
        if let Some(key) = here {
            return Ok(key);
        }
        let bytes = self.fetch(circuit, key_id).await?;
        let wanted = key_id.to_owned();
        self.with_keys(move |keys| keys.install(known, &bytes, &wanted))
            .await
    }
}
