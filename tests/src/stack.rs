//! A whole network under a clock that the test moves, over a table that the test can take away. What
//! waits for messages waits in real time; leases, deadlines and pauses pass in the clock's.

use async_trait::async_trait;
use prooflane::node::catalogue;
use prooflane_api::{Api, Limits, OwnLedger, prometheus, router};
use prooflane_client::wire::{
    AssignmentView, Claim, PlaceAsk, ProofForm, RegisterProver, ReportFailure, SubmitResult,
    SubmitTask, TaskView, VerdictView,
};
use prooflane_client::{Client, ClientError};
use prooflane_coordinator::{Auctioneer, Coordinator, Groth16, OsEntropy, Ports};
use prooflane_engine::Keys;
use prooflane_log::{Kind, SigningKey};
use prooflane_market::{Millis, Rules, Status};
use prooflane_store::{
    CommitError, DirBlobs, Item, Key, ManualClock, Page, Query, SqliteQueue, SqliteTable,
    StoreError, SystemClock, Table, Write,
};
use prooflane_verifier::Proof;
use prooflane_worker::{Drain, Offer, Remote, Summary};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// The time at which a network starts: that of the payment circuit's example.
const START_MS: u64 = 1_700_000_000_000;
/// How often the sweeper looks; less than an outage.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// A table that can be away.
pub struct Switch {
    table: SqliteTable,
    away: AtomicBool,
}

impl Switch {
    /// From now on nothing answers, or everything again.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn answers(&self) -> Result<&SqliteTable, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            Err(StoreError::Unavailable("the test took it away".into()))
        } else {
            Ok(&self.table)
        }
    }
}

#[async_trait]
impl Table for Switch {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.answers()?.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.answers()?.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        self.answers()?.commit(writes).await
    }
}

/// The network. Its provers are the test's own, by hand or as workers over HTTP.
pub struct Stack {
    /// The use-cases.
    pub coordinator: Coordinator,
    /// Calls it over HTTP.
    pub client: Client,
    /// The table.
    pub table: Arc<Switch>,
    clock: Arc<ManualClock>,
    keys: Arc<Keys>,
    running: Vec<JoinHandle<()>>,
    data: TempDir,
}

/// A ledger with a key of its own.
async fn ledger(ports: &Ports) -> OwnLedger {
    let key = SigningKey::from_seed("example.com/ledger", Kind::Ed25519, &[1; 32]).unwrap();
    OwnLedger::open(ports, vec![key]).await.unwrap()
}

/// A worker over HTTP.
pub struct Worker {
    drain: Drain,
    running: JoinHandle<Result<Summary, prooflane_worker::NetworkError>>,
}

impl Worker {
    /// Drains it; what it did.
    ///
    /// # Panics
    /// If the network refused it.
    pub async fn stop(self) -> Summary {
        self.drain.start();
        self.running.await.unwrap().unwrap()
    }
}

impl Stack {
    /// An open network with the usual rules.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        crate::net::copy_keys(data.path());
        let keys = Arc::new(Keys::open(data.path().join("keys")).unwrap());
        let clock = Arc::new(ManualClock::new(START_MS));
        let table = Arc::new(Switch {
            table: SqliteTable::open(data.path().join("table.sqlite")).unwrap(),
            away: AtomicBool::new(false),
        });
        let ports = Ports {
            table: table.clone(),
            queue: Arc::new(SqliteQueue::memory(Arc::new(SystemClock)).unwrap()),
            blobs: Arc::new(DirBlobs::open(data.path().join("blobs")).unwrap()),
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy),
        };
        let circuits = catalogue(keys.clone()).await.unwrap();
        let coordinator = Coordinator::new(ports, Rules::open(), circuits);
        // The first sweep: the network is up.
        coordinator.sweep().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let files = keys.clone();
        let app = router(Api {
            coordinator: coordinator.clone(),
            open: true,
            limits: Limits::new(None),
            attestor: None,
            ledger: ledger(coordinator.ports()).await,
            files: Arc::new(move |entry: &Groth16| std::fs::read(files.path(entry.circuit.id()))),
            longest_stream: PATIENCE,
            buffered: false,
            metrics: prometheus(),
        });
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let server = async move { axum::serve(listener, app).await.unwrap() };
        let running = vec![
            tokio::spawn(server),
            tokio::spawn(auctions(coordinator.clone())),
        ];
        Self {
            coordinator,
            client: Client::new(&url, None).unwrap(),
            table,
            clock,
            keys,
            running,
            data,
        }
    }

    /// Time passes, and the sweeper looks every now and then.
    ///
    /// # Panics
    /// If a sweep fails.
    pub async fn later(&self, by: Duration) {
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(SWEEP_EVERY);
            self.clock.advance(step);
            self.coordinator.sweep().await.unwrap();
            left -= step;
        }
    }

    /// Time passes without anyone noticing.
    pub fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Long enough for a lease to run out on any clock.
    #[must_use]
    pub fn a_lease(&self) -> Duration {
        let rules = self.coordinator.rules();
        Duration::from_millis(rules.lease.0 + rules.max_skew.0)
    }

    /// The moment `by` from now, as a deadline.
    #[must_use]
    pub fn deadline(&self, by: Duration) -> u64 {
        let now = self.coordinator.now();
        (now + Millis(u64::try_from(by.as_millis()).unwrap())).0
    }

    /// A worker that proves for 10 credits.
    #[must_use]
    pub fn worker(&self, name: &str) -> Worker {
        let keys = Keys::open(self.data.path().join("keys")).unwrap();
        let network = Arc::new(Remote::new(self.client.clone(), keys));
        let drain = Drain::default();
        let offer = Offer::new(name, 10, 1);
        let running = tokio::spawn(prooflane_worker::run(network, offer, drain.clone()));
        Worker { drain, running }
    }

    /// A prover by hand, with room for one task, that asks 10 credits.
    ///
    /// # Panics
    /// If the network refuses it.
    pub async fn prover(&self, name: &str) {
        let register = RegisterProver {
            prover_id: Some(name.into()),
            capacity: 1,
            fleet: false,
            trusted: false,
        };
        self.client.register(&register).await.unwrap();
        self.ask(name, None).await;
    }

    /// It takes nothing more.
    ///
    /// # Panics
    /// If the network refuses that.
    pub async fn withdraw(&self, name: &str) {
        self.ask(name, Some(0)).await;
    }

    async fn ask(&self, name: &str, expires_at: Option<u64>) {
        let ask = PlaceAsk {
            ask_id: Some(Uuid::from_u128(1)),
            circuits: Vec::new(),
            price: 10,
            capacity: 1,
            levels: vec![1],
            promised_ms: 10_000,
            expires_at,
        };
        self.client.place_ask(name, &ask).await.unwrap();
    }

    /// Submits a task of `range@1`.
    pub async fn submit(&self, change: impl FnOnce(&mut SubmitTask)) -> Uuid {
        let inputs = prooflane_circuits::find("range@1").unwrap().example();
        let mut task = SubmitTask::new("range@1", inputs);
        change(&mut task);
        self.client.submit(&task).await.unwrap().task_id
    }

    /// What a prover by hand is given, as soon as there is something; `holding` as in a claim.
    ///
    /// # Panics
    /// If there is nothing for too long.
    pub async fn claim(&self, prover: &str, holding: Option<Vec<Uuid>>) -> AssignmentView {
        let claim = Claim {
            max: 1,
            wait_ms: 25_000,
            holding,
        };
        let claimed = self.client.claim(prover, &claim).await.unwrap();
        let mut assignments = claimed.assignments.into_iter();
        assignments.next().unwrap()
    }

    /// Hands in a proof.
    ///
    /// # Errors
    /// The network's.
    pub async fn result(
        &self,
        prover: &str,
        (task, attempt): (Uuid, u32),
        proof: &Proof,
    ) -> Result<VerdictView, ClientError> {
        let compact = format!("0x{}", hex::encode(proof.to_compact()));
        let result = SubmitResult {
            prover_id: prover.into(),
            proof: ProofForm::Compact(compact),
        };
        self.client.result(task, attempt, &result).await
    }

    /// Gives an attempt up.
    ///
    /// # Errors
    /// The network's.
    pub async fn failure(
        &self,
        prover: &str,
        (task, attempt): (Uuid, u32),
    ) -> Result<TaskView, ClientError> {
        let failure = ReportFailure {
            prover_id: prover.into(),
            message: "out of memory".into(),
        };
        self.client.failure(task, attempt, &failure).await
    }

    /// A proof for what [`Stack::submit`] submits.
    #[must_use]
    pub fn proof(&self) -> Proof {
        let circuit = prooflane_circuits::find("range@1").unwrap();
        let witness = circuit.witness(&circuit.example()).unwrap();
        prooflane_engine::prove(&self.keys.get(circuit).unwrap(), &witness).unwrap()
    }

    /// The task, as soon as it is in this state.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn task_is(&self, task: Uuid, status: Status) -> TaskView {
        let until = Instant::now() + PATIENCE;
        loop {
            let seen = self.client.task(task).await.unwrap();
            if seen.status == status {
                return seen;
            }
            assert!(
                Instant::now() < until,
                "expected {status}, got {}: {}",
                seen.status,
                seen.explanation.why
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What an account holds, its stake included.
    pub async fn held(&self, account: &str) -> i64 {
        let account = self.coordinator.account(account).await.unwrap();
        account.balance + account.stake
    }

    /// The store keeps every promise that `fsck` knows of.
    ///
    /// # Panics
    /// If not.
    pub async fn is_sound(&self) {
        let findings = self.coordinator.fsck().await.unwrap();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for running in &self.running {
            running.abort();
        }
    }
}

/// As a node does it.
async fn auctions(coordinator: Coordinator) {
    let started = Instant::now();
    let elapsed = move || Millis(u64::try_from(started.elapsed().as_millis()).unwrap());
    let mut auctioneer = Auctioneer::new("the only one", 0, elapsed);
    loop {
        let once = coordinator.auction_once(&mut auctioneer, Duration::from_secs(1));
        if once.await.is_err() {
            // The table is away.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
