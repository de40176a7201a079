//! The prover's loop.

use crate::prove::{is_statement, statement};
use crate::{InProcess, Network, NetworkError, Prover};
use prooflane_client::wire::AssignmentView;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// Who the prover is and what it asks.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its name.
    pub prover_id: String,
    /// The name of its ask: placing it again replaces it.
    pub ask_id: Uuid,
    /// Circuits it proves; empty for all.
    pub circuits: Vec<String>,
    /// Credits a proof.
    pub price: u64,
    /// Proofs at once.
    pub slots: u32,
    /// Privacy levels it offers.
    pub levels: Vec<u8>,
    /// Time within which it promises a proof.
    pub promised: Duration,
    /// The network operator's own.
    pub fleet: bool,
    /// Makes ready what its circuits' proofs take before it offers anything, so that the first proof is as fast as the
    /// next. What cannot be made ready is with the first task.
    pub warm: bool,
    /// How often it shows that it is alive; a third of the network's lease or less.
    pub heartbeat: Duration,
}

impl Offer {
    /// An offer for every circuit and level at this price, proofs promised within 10 s.
    #[must_use]
    pub fn new(prover_id: impl Into<String>, price: u64, slots: u32) -> Self {
        let prover_id = prover_id.into();
        Self {
            // One ask a prover, so that a restarted one replaces its own.
            ask_id: Uuid::from_u128(1),
            prover_id,
            circuits: Vec::new(),
            price,
            slots,
            levels: vec![1, 2, 3],
            promised: Duration::from_secs(10),
            fleet: false,
            warm: false,
            heartbeat: Duration::from_secs(5),
        }
    }
}

/// Tells provers to drain: withdraw, finish, return.
#[derive(Clone, Debug)]
pub struct Drain(watch::Sender<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Drain {
    /// Starts draining; there is no way back.
    pub fn start(&self) {
        self.0.send_replace(true);
    }

    /// Returns once draining has started.
    pub async fn started(&self) {
        // The sender lives in self, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|started| *started).await;
    }
}

/// What a prover did until it returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Proofs that the network accepted.
    pub proved: u64,
    /// Attempts that ended otherwise.
    pub failed: u64,
}

/// One long poll.
const POLL: Duration = Duration::from_secs(20);
/// Between two tries of a call that was not answered.
const PAUSE: Duration = Duration::from_millis(500);
/// A network that does not answer is asked again for this long.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Default)]
struct Held {
    assignments: Mutex<BTreeMap<Uuid, u32>>,
    changed: Notify,
    summary: Mutex<Summary>,
}

impl Held {
    fn tasks(&self) -> Vec<(Uuid, u32)> {
        let held = self
            .assignments
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        held.iter()
            .map(|(task, attempt)| (*task, *attempt))
            .collect()
    }

    fn add(&self, task: Uuid, attempt: u32) {
        let mut held = self
            .assignments
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        held.insert(task, attempt);
    }

    fn done(&self, task: Uuid, proved: bool) {
        self.assignments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&task);
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        if proved {
            summary.proved += 1
        } else {
            summary.failed += 1
        }
        drop(summary);
        self.changed.notify_one();
    }
}

/// Proves for a network in this process until told to drain.
///
/// # Errors
/// [`NetworkError::Refused`] if the network does not take the prover at all. A network that does
/// not answer is asked again.
pub async fn run(
    network: Arc<dyn Network>,
    offer: Offer,
    drain: Drain,
) -> Result<Summary, NetworkError> {
    run_with(network, Arc::new(InProcess), offer, drain).await
}

/// The same with proofs made elsewhere.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    network: Arc<dyn Network>,
    prover: Arc<dyn Prover>,
    offer: Offer,
    drain: Drain,
) -> Result<Summary, NetworkError> {
    let offer = Arc::new(offer);
    if offer.warm {
        tokio::select! {
            ready = warm(&*network, &offer) => ready?,
            () = drain.started() => return Ok(Summary::default()),
        }
    }
    while let Err(error) = network.offer(&offer).await {
        if matches!(error, NetworkError::Refused { .. }) {
            return Err(error);
        }
        tracing::warn!(%error, "not registered yet");
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = drain.started() => return Ok(Summary::default()),
        }
    }
    let held = Arc::new(Held::default());
    let _heartbeats = Heartbeats::start(network.clone(), offer.clone(), held.clone());
    let slots = usize::try_from(offer.slots).unwrap_or(usize::MAX);
    let mut draining = false;
    loop {
        let holding: Vec<Uuid> = held.tasks().into_iter().map(|(task, _)| task).collect();
        let free = slots.saturating_sub(holding.len());
        if free == 0 {
            held.changed.notified().await;
            continue;
        }
        let wait = if draining { Duration::ZERO } else { POLL };
        let claimed = tokio::select! {
            // Before another claim is begun.
            biased;
            () = drain.started(), if !draining => {
                draining = true;
                if let Err(error) = network.withdraw(&offer).await {
                    tracing::warn!(%error, "the ask was not withdrawn; it stands until it is seen to be silent");
                }
                continue;
            }
            claimed = network.claim(&offer, free, &holding, wait) => claimed,
        };
        match claimed {
            Ok(assignments) if assignments.is_empty() && draining => {
                if holding.is_empty() {
                    return Ok(*held.summary.lock().unwrap_or_else(PoisonError::into_inner));
                }
                held.changed.notified().await;
            }
            Ok(assignments) => {
                for assignment in assignments {
                    held.add(assignment.task_id, assignment.attempt);
                    tokio::spawn(work(
                        network.clone(),
                        prover.clone(),
                        offer.clone(),
                        held.clone(),
                        assignment,
                    ));
                }
            }
            Err(error) if draining => {
                tracing::warn!(%error, "drained without the network's answer");
                while !held.tasks().is_empty() {
                    held.changed.notified().await;
                }
                return Ok(*held.summary.lock().unwrap_or_else(PoisonError::into_inner));
            }
            Err(error) => {
                tracing::warn!(%error, "no claim");
                tokio::time::sleep(PAUSE).await;
                // A network that lost its memory must hear of the offer again.
                if matches!(&error, NetworkError::Refused { code, .. } if code == "unknown_prover")
                {
                    network.offer(&offer).await?;
                }
            }
        }
    }
}

/// Fetches the keys of the offer's circuits and makes their tables, in this process, or where other processes of this
/// machine find them. Only a network that does not take the prover is an error.
async fn warm(network: &dyn Network, offer: &Offer) -> Result<(), NetworkError> {
    let started = Instant::now();
    let names = async {
        patiently(|| network.register(offer)).await?;
        patiently(|| network.keys()).await
    };
    let names = match names.await {
        Err(NetworkError::Unavailable(error)) => {
            tracing::warn!(error, "keys are fetched with the first task");
            return Ok(());
        }
        names => names?,
    };
    let wanted = |circuit: &String| offer.circuits.is_empty() || offer.circuits.contains(circuit);
    let mut warmed = Vec::new();
    for (circuit, key_id) in names.into_iter().filter(|(circuit, _)| wanted(circuit)) {
        let Some(known) = prooflane_circuits::find(&circuit) else {
            continue;
        };
        let ready = async {
            let key = network
                .key(&circuit, &key_id)
                .await
                .map_err(|error| error.to_string())?;
            let making = tokio::task::spawn_blocking(move || {
                let example = known
                    .witness(&known.example())
                    .map_err(|error| error.to_string())?;
                key.warm(&example).map_err(|error| error.to_string())
            });
            making.await.map_err(|error| error.to_string())?
        };
        match ready.await {
            Ok(()) => warmed.push(circuit),
            Err(error) => tracing::warn!(circuit, error, "its tables are made with the first task"),
        }
    }
    let (prover, circuits) = (&offer.prover_id, warmed.join(", "));
    let millis = started.elapsed().as_millis();
    tracing::info!(prover, circuits, millis, "ready to prove");
    Ok(())
}

async fn work(
    network: Arc<dyn Network>,
    prover: Arc<dyn Prover>,
    offer: Arc<Offer>,
    held: Arc<Held>,
    assignment: AssignmentView,
) {
    let (task, attempt) = (assignment.task_id, assignment.attempt);
    let proved = match prove(&*network, &*prover, &offer, assignment).await {
        Ok(proof) => hand_in(&*network, &offer, task, attempt, &proof).await,
        Err(message) => {
            tracing::warn!(%task, attempt, message, "not proved");
            give_up(&*network, &offer, task, attempt, &message).await;
            false
        }
    };
    held.done(task, proved);
}

/// The proof, or what to tell the network; never anything about the inputs.
async fn prove(
    network: &dyn Network,
    prover: &dyn Prover,
    offer: &Offer,
    mut assignment: AssignmentView,
) -> Result<Vec<u8>, String> {
    let key = if is_statement(&assignment) {
        bring_witness(network, offer, &mut assignment).await?;
        None
    } else {
        let fetch = || network.key(&assignment.circuit, &assignment.key_id);
        Some(patiently(fetch).await.map_err(|error| error.to_string())?)
    };
    let started = Instant::now();
    let (task, attempt) = (assignment.task_id, assignment.attempt);
    let trace = assignment.trace.clone();
    let proof = prover.prove(key, assignment).await?;
    let seconds = started.elapsed().as_secs_f64();
    metrics::histogram!("prooflane_prove_seconds").record(seconds);
    tracing::debug!(%task, trace, attempt, seconds, "proved");
    Ok(proof)
}

/// Puts the witness that a statement's inputs name into them.
async fn bring_witness(
    network: &dyn Network,
    offer: &Offer,
    assignment: &mut AssignmentView,
) -> Result<(), String> {
    let inputs = statement(assignment)?;
    if inputs.upload().is_none() {
        return Ok(());
    }
    let fetch = || network.witness(offer, assignment.task_id);
    let sealed = patiently(fetch).await.map_err(|error| error.to_string())?;
    let opened = tokio::task::spawn_blocking(move || {
        let inputs = inputs.with_witness(&sealed).map_err(|e| e.to_string())?;
        serde_json::to_value(inputs).map_err(|_| "the inputs are not JSON".to_owned())
    });
    let opened = opened.await;
    assignment.inputs = opened.map_err(|_| "the prover crashed on these inputs".to_owned())??;
    Ok(())
}

/// Whether a refusal says that nobody waits for the proof.
fn is_over(code: &str) -> bool {
    matches!(code, "task_ended" | "attempt_superseded" | "not_assigned")
}

async fn give_up(network: &dyn Network, offer: &Offer, task: Uuid, attempt: u32, message: &str) {
    let report = || network.failure(offer, task, attempt, message);
    if let Err(error) = patiently(report).await {
        tracing::warn!(%task, attempt, %error, "the failure was not reported; the lease will run out");
    }
}

/// Whether the network accepted it.
async fn hand_in(
    network: &dyn Network,
    offer: &Offer,
    task: Uuid,
    attempt: u32,
    proof: &[u8],
) -> bool {
    match patiently(|| network.result(offer, task, attempt, proof)).await {
        Ok(accepted) => accepted,
        // Another attempt was faster, or the task is over: an ordinary event.
        Err(error) if error.code().is_none_or(is_over) => {
            tracing::info!(%task, attempt, %error, "the proof is not wanted");
            false
        }
        // The network will never take it: better to say so than to let the lease run out.
        Err(error) => {
            tracing::warn!(%task, attempt, %error, "the proof cannot be handed in");
            give_up(network, offer, task, attempt, &error.to_string()).await;
            false
        }
    }
}

/// Asks a network that does not answer again, for a while: its faults are not the prover's.
async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, NetworkError>
where
    F: Future<Output = Result<T, NetworkError>>,
{
    let started = Instant::now();
    loop {
        match call().await {
            Err(NetworkError::Unavailable(error)) if started.elapsed() < PATIENCE => {
                tracing::warn!(error, "the network does not answer; it is asked again");
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// Heartbeats come from a thread of their own: proving may use every core and every thread of the
/// runtime, and must not make the prover look dead.
struct Heartbeats(Arc<(Mutex<bool>, std::sync::Condvar)>);

impl Heartbeats {
    fn start(network: Arc<dyn Network>, offer: Arc<Offer>, held: Arc<Held>) -> Self {
        let stop = Arc::new((Mutex::new(false), std::sync::Condvar::new()));
        let stopped = stop.clone();
        let runtime = tokio::runtime::Handle::current();
        let beat = move || {
            let (flag, called) = &*stopped;
            let mut guard = flag.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let waited = called.wait_timeout(guard, offer.heartbeat);
                guard = waited.unwrap_or_else(PoisonError::into_inner).0;
                if *guard {
                    return;
                }
                drop(guard);
                for (task, attempt) in held.tasks() {
                    // One call that hangs must not cost the other tasks their leases.
                    let beat = async {
                        let call = network.heartbeat(&offer, task, attempt);
                        tokio::time::timeout(offer.heartbeat, call).await
                    };
                    match runtime.block_on(beat) {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::info!(%task, attempt, %error, "no heartbeat"),
                        Err(_) => tracing::info!(%task, attempt, "a heartbeat was not answered"),
                    }
                }
                guard = flag.lock().unwrap_or_else(PoisonError::into_inner);
            }
        };
        if let Err(error) = std::thread::Builder::new()
            .name("heartbeat".into())
            .spawn(beat)
        {
            tracing::error!(%error, "no thread for heartbeats: leases will run out");
        }
        Self(stop)
    }
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}
