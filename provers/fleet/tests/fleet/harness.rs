//! A network in one process, and what a class of the fleet needs of it.

use prooflane_client::wire::AssignmentView;
use prooflane_coordinator::{
    Auctioneer, Catalogue, Coordinator, Entry, Error, FleetClass, OsEntropy, Ports, Provenance,
    ResultMessage, Submission, TaskRecord,
};
use prooflane_engine::Keys;
use prooflane_fleet::{Fleet, Waits};
use prooflane_market::{
    AttemptEnd, Credits, EventKind, Millis, PrivacyLevel, ProverId, Ratio, Rules, Status, TaskId,
};
use prooflane_store::{DirBlobs, ManualClock, PutMode, SqliteQueue, SqliteTable};
use prooflane_worker::{Drain, Offer};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub(crate) const CLASS: &str = "fleet-cpu";
/// The longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const START_MS: u64 = 1_700_000_000_000;
pub(crate) const REWARD: u64 = 100;

/// Keys take a while to make.
static KEYS: LazyLock<(TempDir, Keys)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path()).unwrap();
    keys.get(prooflane_circuits::find("range@1").unwrap())
        .unwrap();
    (dir, keys)
});

pub(crate) struct Net {
    pub(crate) coordinator: Coordinator,
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
    running: Vec<JoinHandle<()>>,
    _dir: TempDir,
}

pub(crate) fn ports(dir: &TempDir, clock: Arc<ManualClock>) -> Ports {
    Ports {
        table: Arc::new(SqliteTable::memory().unwrap()),
        queue: Arc::new(SqliteQueue::memory(clock.clone()).unwrap()),
        blobs: Arc::new(DirBlobs::open(dir.path().join("blobs")).unwrap()),
        clock,
        entropy: Arc::new(OsEntropy),
    }
}

pub(crate) fn prover() -> ProverId {
    ProverId::new(CLASS).unwrap()
}

impl Net {
    /// An open network that proves `range@1`, with one class of the fleet and its proving key in the
    /// blob store. Nobody verifies yet.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START_MS));
        let ports = ports(&dir, clock.clone());
        let circuit = prooflane_circuits::find("range@1").unwrap();
        let key = KEYS.1.get(circuit).unwrap();
        let entry = Entry::new(
            circuit,
            key.constraints(),
            key.verifying_key().clone(),
            Provenance::Development,
        );
        let name = Catalogue::proving_key_blob("range@1", &entry.key_id());
        let file = std::fs::read(KEYS.1.path("range@1")).unwrap();
        ports
            .blobs
            .put(&name, &file, PutMode::IfAbsent)
            .await
            .unwrap();
        let coordinator =
            Coordinator::new(ports.clone(), Rules::open(), Catalogue::from_iter([entry]));
        coordinator.sweep().await.unwrap();
        let class = FleetClass {
            prover_id: prover(),
            circuits: Vec::new(),
            price: Credits(10),
            capacity: 8,
            levels: vec![PrivacyLevel::OPEN],
            promised_ms: Millis(30_000),
        };
        coordinator.enlist(&class).await.unwrap();
        Self {
            running: vec![tokio::spawn(auctions(coordinator.clone()))],
            coordinator,
            ports,
            clock,
            _dir: dir,
        }
    }

    /// From now on results are verified.
    pub(crate) fn verify(&mut self) {
        let (coordinator, ports) = (self.coordinator.clone(), self.ports.clone());
        self.running.push(tokio::spawn(async move {
            loop {
                verify_some(&coordinator, &ports).await;
            }
        }));
    }

    /// A machine of the fleet, with its keys in `keys`.
    pub(crate) fn machine(&self, keys: &TempDir) -> Arc<Fleet> {
        self.machine_that(
            keys,
            Waits {
                poll: Duration::from_millis(50),
                ..Waits::default()
            },
        )
    }

    pub(crate) fn machine_that(&self, keys: &TempDir, waits: Waits) -> Arc<Fleet> {
        let keys = Keys::open(keys.path()).unwrap();
        let (coordinator, blobs) = (self.coordinator.clone(), self.ports.blobs.clone());
        Arc::new(Fleet::new(coordinator, blobs, keys, waits))
    }

    pub(crate) async fn submit(&self) -> TaskId {
        let submission = Submission {
            task_id: None,
            circuit: "range@1".into(),
            inputs: prooflane_circuits::find("range@1")
                .unwrap()
                .example()
                .into(),
            privacy_level: PrivacyLevel::OPEN,
            reward_amount: Credits(REWARD),
            priority: 50,
            requester: "alice".into(),
            deadline: None,
            min_reputation: Ratio::ZERO,
            max_attempts: None,
            allowed_provers: Vec::new(),
        };
        let submitted = self.coordinator.submit(submission).await.unwrap();
        submitted.record.task.id()
    }

    /// A task that the class has won.
    pub(crate) async fn won(&self) -> TaskId {
        let task = self.submit().await;
        self.is(task, Status::Assigned).await;
        task
    }

    /// Its message comes once more.
    pub(crate) async fn again(&self, task: TaskId) {
        let queue = format!("prover-{CLASS}");
        let (task, now) = (task.to_string(), Duration::ZERO);
        self.ports.queue.send(&queue, &task, now).await.unwrap();
    }

    /// The task, as soon as it is in this state.
    pub(crate) async fn is(&self, task: TaskId, status: Status) -> TaskRecord {
        let until = Instant::now() + PATIENCE;
        loop {
            let record = self.coordinator.task(task).await.unwrap();
            let got = record.task.status();
            if got == status {
                return record;
            }
            assert!(Instant::now() < until, "expected {status}, got {got}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Time passes, and the sweeper looks every now and then.
    pub(crate) async fn later(&self, by: Duration) {
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(Duration::from_secs(2));
            self.clock.advance(step);
            self.coordinator.sweep().await.unwrap();
            left -= step;
        }
    }

    pub(crate) async fn held_by_class(&self) -> i64 {
        let account = format!("prover:{CLASS}");
        let account = self.coordinator.account(&account).await.unwrap();
        account.balance + account.stake
    }

    /// Takes every message of a queue away.
    pub(crate) async fn empty(&self, queue: &str) -> usize {
        let mut taken = 0;
        loop {
            let hidden = Duration::from_secs(30);
            let received = self.ports.queue.receive(queue, 10, hidden, Duration::ZERO);
            let received = received.await.unwrap();
            if received.is_empty() {
                return taken;
            }
            for delivery in received {
                self.ports.queue.delete(&delivery.receipt).await.unwrap();
                taken += 1;
            }
        }
    }

    /// The store keeps every promise that `fsck` knows of.
    pub(crate) async fn is_sound(&self) {
        let findings = self.coordinator.fsck().await.unwrap();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for running in &self.running {
            running.abort();
        }
    }
}

pub(crate) fn offer(slots: u32) -> Offer {
    let mut offer = Offer::new(CLASS, 0, slots);
    offer.heartbeat = Duration::from_millis(50);
    offer
}

/// How each attempt of a task ended, and what was said of it.
pub(crate) fn endings(record: &TaskRecord) -> Vec<(AttemptEnd, Option<String>)> {
    let said = |number| {
        let events = record.task.events.iter();
        let mut said = events.filter_map(|event| match &event.kind {
            EventKind::AttemptEnded {
                attempt, message, ..
            } if *attempt == number => message.clone(),
            _ => None,
        });
        said.next()
    };
    let attempts = record.task.attempts.iter();
    attempts
        .filter_map(|attempt| Some((attempt.end.clone()?, said(attempt.number))))
        .collect()
}

/// Drains when dropped, so that a test that fails ends.
pub(crate) struct Draining(pub(crate) Drain);

impl Drop for Draining {
    fn drop(&mut self) {
        self.0.start();
    }
}

/// An assignment of `range@1` that can be proved with the key in `keys`.
pub(crate) fn assignment(keys: &TempDir) -> AssignmentView {
    let file = std::fs::read(KEYS.1.path("range@1")).unwrap();
    std::fs::write(keys.path().join("range@1.key"), file).unwrap();
    let circuit = prooflane_circuits::find("range@1").unwrap();
    let public = circuit.public_inputs(&circuit.example()).unwrap();
    AssignmentView {
        task_id: uuid::Uuid::from_u128(1),
        attempt: 1,
        trace: String::new(),
        circuit: "range@1".into(),
        key_id: key().key_id().to_string(),
        inputs: circuit.example(),
        inputs_at: None,
        public_inputs: public
            .iter()
            .map(prooflane_verifier::field::to_decimal)
            .collect(),
        price: 1,
        lease_expires_at: 0,
    }
}

pub(crate) fn key() -> Arc<prooflane_engine::CircuitKey> {
    KEYS.1
        .get(prooflane_circuits::find("range@1").unwrap())
        .unwrap()
}

async fn auctions(coordinator: Coordinator) {
    let started = Instant::now();
    let elapsed = move || Millis(u64::try_from(started.elapsed().as_millis()).unwrap());
    let mut auctioneer = Auctioneer::new("the only one", 0, elapsed);
    loop {
        let once = coordinator.auction_once(&mut auctioneer, Duration::from_secs(1));
        once.await.unwrap();
    }
}

/// As the verifying function does it.
async fn verify_some(coordinator: &Coordinator, ports: &Ports) {
    let (hidden, wait) = (Duration::from_secs(30), Duration::from_secs(1));
    let received = ports.queue.receive(ResultMessage::QUEUE, 10, hidden, wait);
    for delivery in received.await.unwrap() {
        let message: ResultMessage = serde_json::from_str(&delivery.body).unwrap();
        match coordinator.accept_handed_in(&message).await {
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(error) => panic!("{error}"),
        }
        ports.queue.delete(&delivery.receipt).await.unwrap();
    }
}
