//! A network of a test's own: embedded adapters, a clock that stands still, seeded randomness.

use prooflane_circuits::find;
use prooflane_coordinator::{
    Account, Assignment, Auctioneer, Catalogue, ClaimRequest, Coordinator, Entropy, Entry, Error,
    Ports, Provenance, Registration, Submission, TaskFilter, TaskRecord,
};
use prooflane_engine::{CircuitKey, Keys, prove};
use prooflane_market::{
    Ask, AskId, Credits, JournalEntry, Millis, PrivacyLevel, ProverId, Ratio, Rules, Status,
    TaskId, Timestamp,
};
use prooflane_store::{
    Blobs, Clock, DirBlobs, Index, Item, Key, ManualClock, Query, SqliteQueue, SqliteTable, Table,
};
use prooflane_verifier::Proof;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The `currentTime` of the payment circuit's example, in milliseconds.
pub(crate) const START: u64 = 1_700_000_000_000;
pub(crate) const REWARD: Credits = Credits(100);

static KEYS: LazyLock<(TempDir, Keys)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path()).unwrap();
    (dir, keys)
});

pub(crate) fn key(circuit: &str) -> Arc<CircuitKey> {
    KEYS.1.get(find(circuit).unwrap()).unwrap()
}

/// A proof as provers hand it in.
pub(crate) fn proof_of(circuit: &str, inputs: &Value) -> Vec<u8> {
    groth16_of(circuit, inputs).to_compact().to_vec()
}

pub(crate) fn groth16_of(circuit: &str, inputs: &Value) -> Proof {
    let witness = find(circuit).unwrap().witness(inputs).unwrap();
    prove(&key(circuit), &witness).unwrap()
}

pub(crate) fn range_inputs() -> Value {
    find("range@1").unwrap().example()
}

/// A valid proof for [`range_inputs`].
pub(crate) static PROOF: LazyLock<Vec<u8>> = LazyLock::new(|| proof_of("range@1", &range_inputs()));
/// A valid proof of the same circuit for other public inputs.
pub(crate) static OTHER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut inputs = range_inputs();
    inputs["min"] = json!("999999");
    proof_of("range@1", &inputs)
});

fn entry(circuit: &str, key: &CircuitKey) -> Entry {
    Entry::new(
        find(circuit).unwrap(),
        key.constraints(),
        key.verifying_key().clone(),
        Provenance::Development,
    )
}

/// `range@1` with its key, and `merkle@1`, which no test proves, with the same one.
pub(crate) fn range_only() -> Catalogue {
    let key = key("range@1");
    Catalogue::from_iter(["range@1", "merkle@1"].map(|circuit| entry(circuit, &key)))
}

pub(crate) fn range_entry() -> Entry {
    entry("range@1", &key("range@1"))
}

/// `range@1` under a key that is not its own any more.
pub(crate) fn other_key() -> Catalogue {
    Catalogue::from_iter([entry("range@1", &key("payment@1"))])
}

pub(crate) fn payment_only() -> Catalogue {
    Catalogue::from_iter([entry("payment@1", &key("payment@1"))])
}

/// Bytes that look random and are the same in every run.
struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            // SplitMix64 (Steele, Lea, Flood 2014).
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z >> 56) as u8;
        }
    }
}

pub(crate) struct Net {
    pub(crate) c: Coordinator,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) table: Arc<dyn Table>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) auctioneer: Mutex<Auctioneer>,
    dir: Option<TempDir>,
}

impl std::ops::Deref for Net {
    type Target = Coordinator;
    fn deref(&self) -> &Coordinator {
        &self.c
    }
}

impl Net {
    /// An open network in memory.
    pub(crate) fn open() -> Self {
        Self::with(Rules::open(), range_only(), |table| table)
    }

    pub(crate) fn with(
        rules: Rules,
        catalogue: Catalogue,
        wrap: impl FnOnce(Arc<dyn Table>) -> Arc<dyn Table>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let table: Arc<dyn Table> = Arc::new(SqliteTable::memory().unwrap());
        let mut net = Self::over(wrap(table), dir.path(), clock, rules, catalogue);
        net.dir = Some(dir);
        net
    }

    /// An open network that keeps everything but its queue in `dir`.
    pub(crate) fn on_disk(dir: &Path, clock: Arc<ManualClock>) -> Self {
        Self::on_disk_with(dir, clock, range_only())
    }

    pub(crate) fn on_disk_with(dir: &Path, clock: Arc<ManualClock>, circuits: Catalogue) -> Self {
        let table = Arc::new(SqliteTable::open(dir.join("table.db")).unwrap());
        Self::over(table, dir, clock, Rules::open(), circuits)
    }

    fn over(
        table: Arc<dyn Table>,
        dir: &Path,
        clock: Arc<ManualClock>,
        rules: Rules,
        catalogue: Catalogue,
    ) -> Self {
        let seed = clock.now_millis();
        eprintln!("seed {seed}");
        let blobs: Arc<dyn Blobs> = Arc::new(DirBlobs::open(dir.join("blobs")).unwrap());
        let ports = Ports {
            table: table.clone(),
            queue: Arc::new(SqliteQueue::memory(clock.clone()).unwrap()),
            blobs: blobs.clone(),
            clock: clock.clone(),
            entropy: Arc::new(Seeded(AtomicU64::new(seed))),
        };
        Self {
            c: Coordinator::new(ports, rules, catalogue),
            table,
            blobs,
            auctioneer: Mutex::new(auctioneer("a1", &clock)),
            clock,
            dir: None,
        }
    }

    /// Registers a prover with one ask.
    pub(crate) async fn prover(&self, name: &str, price: u64) -> ProverId {
        let id = self.register(name, false, false).await;
        self.place_ask(&id, ask(price)).await.unwrap();
        id
    }

    pub(crate) async fn register(&self, name: &str, fleet: bool, trusted: bool) -> ProverId {
        let prover_id = ProverId::new(name).unwrap();
        let registration = Registration {
            prover_id: prover_id.clone(),
            owner: None,
            capacity: 4,
            fleet,
            trusted,
        };
        self.c.register(registration).await.unwrap();
        prover_id
    }

    pub(crate) async fn submitted(&self) -> TaskId {
        self.submit(submission()).await.unwrap().record.task.id()
    }

    pub(crate) async fn auction_once(&self, wait: Duration) -> Result<usize, Error> {
        let mut auctioneer = self.auctioneer.lock().await;
        self.c.auction_once(&mut auctioneer, wait).await
    }

    /// Holds auctions until there is no hint left; how many tasks were assigned.
    pub(crate) async fn auction(&self) -> usize {
        let mut assigned = 0;
        for _ in 0..5 {
            assigned += self.auction_once(Duration::ZERO).await.unwrap();
        }
        assigned
    }

    pub(crate) async fn claimed(&self, prover: &ProverId) -> Vec<Assignment> {
        self.claim(&claim(prover, None)).await.unwrap()
    }

    /// A task that `prover` is proving.
    pub(crate) async fn running(&self, prover: &ProverId) -> TaskId {
        let id = self.submitted().await;
        assert_eq!(self.auction().await, 1);
        assert_eq!(self.claimed(prover).await[0].task_id, id);
        id
    }

    pub(crate) async fn status(&self, id: TaskId) -> Status {
        self.task(id).await.unwrap().task.status()
    }

    pub(crate) async fn balance(&self, account: &str) -> i64 {
        self.account(account).await.unwrap().balance
    }

    /// What `alice` has spent or has in escrow.
    pub(crate) async fn spent(&self) -> i64 {
        let grant = Rules::open().requester_grant.0.cast_signed();
        grant - self.balance("requester:alice").await
    }

    /// Lets time pass, in which the sweeper comes often enough for the network to be there all the
    /// time.
    pub(crate) async fn pass(&self, by: Millis) {
        self.sweep().await.unwrap();
        for left in (0..by.0).step_by(5_000) {
            let step = (by.0 - left).min(5_000);
            self.clock.advance(Duration::from_millis(step));
            self.sweep().await.unwrap();
        }
    }

    /// Lets time pass; an auction follows.
    pub(crate) async fn later(&self, by: Millis) -> usize {
        self.pass(by).await;
        self.auction().await
    }

    /// Every item of a partition.
    pub(crate) async fn items(&self, partition: String) -> Vec<Item> {
        let query = Query::new(Index::Primary, partition).limit(1_000);
        self.table.query(&query).await.unwrap().items
    }

    /// The journal, of these accounts and tasks.
    pub(crate) async fn journal(
        &self,
        accounts: &[Account],
        tasks: &[TaskRecord],
    ) -> Vec<JournalEntry> {
        let of_accounts = accounts.iter().map(|a| format!("account#{}", a.name));
        let of_tasks = tasks.iter().map(|r| format!("task#{}", r.task.id()));
        let mut entries = Vec::new();
        for partition in of_accounts.chain(of_tasks) {
            for item in self.items(partition).await {
                if item.key.sort.starts_with("entry#") {
                    entries.push(serde_json::from_slice(&item.body).unwrap());
                }
            }
        }
        entries
    }

    /// The journal explains every counter and every escrow.
    async fn explained(&self, accounts: &[Account], tasks: &[TaskRecord]) {
        let mut sums = BTreeMap::new();
        for entry in self.journal(accounts, tasks).await {
            assert!(entry.balances(), "{entry:?}");
            for posting in entry.postings {
                *sums.entry(posting.account.to_string()).or_insert(0) += posting.amount;
            }
        }
        sums.retain(|_, sum| *sum != 0);
        let escrows = tasks.iter().map(|record| {
            let escrow = format!("escrow:{}", record.task.id());
            (escrow, record.task.escrow().0.cast_signed())
        });
        let balances = accounts.iter().map(|a| (a.name.clone(), a.balance));
        let stakes = accounts
            .iter()
            .map(|a| (a.name.replace("prover:", "stake:"), a.stake))
            .filter(|(name, _)| name.starts_with("stake:"));
        let mut held: BTreeMap<String, i64> = escrows.chain(balances).chain(stakes).collect();
        held.retain(|_, amount| *amount != 0);
        assert_eq!(sums, held);
    }

    pub(crate) async fn has_input_key(&self, id: TaskId) -> bool {
        let key = Key::new(format!("task#{id}"), "secret");
        self.table.get(&key).await.unwrap().is_some()
    }

    /// No credit has appeared or vanished, and every record agrees with every other.
    pub(crate) async fn conserved(&self) {
        let accounts = self.accounts().await.unwrap();
        let all = TaskFilter {
            limit: 1_000,
            ..TaskFilter::default()
        };
        let tasks = self.tasks(&all).await.unwrap().tasks;
        let held = accounts.iter().map(|a| a.balance + a.stake).sum::<i64>();
        let escrow = tasks.iter().map(|r| r.task.escrow().0.cast_signed());
        assert_eq!(held + escrow.sum::<i64>(), 0, "{accounts:?}");
        for account in &accounts {
            let mint = account.name == "network:mint";
            assert!(account.stake >= 0 && (mint || account.balance >= 0));
        }
        self.explained(&accounts, &tasks).await;
        for prover in self.provers().await.unwrap() {
            let holds = |task: &prooflane_market::Task| {
                let lease = task.lease().filter(|l| l.prover == prover.prover_id)?;
                Some((task.id(), lease.attempt))
            };
            let leased = tasks.iter().filter_map(|r| holds(&r.task));
            let active = prover.active.iter().map(|(id, a)| (*id, a.attempt));
            let sorted = |pairs: &mut dyn Iterator<Item = _>| {
                let mut pairs: Vec<_> = pairs.collect();
                pairs.sort();
                pairs
            };
            assert_eq!(sorted(&mut { leased }), sorted(&mut { active }));
        }
        for record in &tasks {
            let (id, ended) = (record.task.id(), record.task.status().is_terminal());
            let open_and_private = record.input.encrypted && !ended;
            assert_eq!(self.has_input_key(id).await, open_and_private);
            let key = Key::new(format!("task#{id}"), "task");
            let item = self.table.get(&key).await.unwrap().unwrap();
            assert_eq!(item.wake.is_none(), ended, "an open task has a wake-up");
            for attempt in &record.task.attempts {
                let transcript = self.transcript(id, attempt.number).await.unwrap();
                let winner = transcript.unwrap().winner().unwrap();
                assert_eq!(
                    (winner.prover, winner.price),
                    (attempt.prover.clone(), attempt.price)
                );
            }
        }
    }
}

pub(crate) fn auctioneer(name: &str, clock: &Arc<ManualClock>) -> Auctioneer {
    let clock = clock.clone();
    Auctioneer::new(name, 0, move || Millis(clock.now_millis()))
}

pub(crate) fn ask(price: u64) -> Ask {
    Ask {
        ask_id: AskId(Uuid::from_u128(1)),
        circuits: Vec::new(),
        price: Credits(price),
        capacity: 4,
        levels: vec![
            PrivacyLevel::OPEN,
            PrivacyLevel::ALLOWED,
            PrivacyLevel::FLEET,
        ],
        promised: Millis(10_000),
        placed_at: Timestamp(START),
        expires_at: None,
    }
}

pub(crate) fn claim(prover: &ProverId, holding: Option<BTreeSet<TaskId>>) -> ClaimRequest {
    ClaimRequest {
        prover: prover.clone(),
        max: 4,
        holding,
        wait: Duration::ZERO,
    }
}

pub(crate) fn submission() -> Submission {
    Submission {
        task_id: None,
        circuit: "range@1".into(),
        inputs: range_inputs().into(),
        privacy_level: PrivacyLevel::OPEN,
        reward_amount: REWARD,
        priority: 50,
        requester: "alice".into(),
        deadline: None,
        min_reputation: Ratio::ZERO,
        max_attempts: None,
        allowed_provers: Vec::new(),
    }
}

/// A submission under an id of the requester's own.
pub(crate) fn named(n: u128) -> Submission {
    Submission {
        task_id: Some(TaskId(Uuid::from_u128(n))),
        ..submission()
    }
}

/// The stable code of a failure.
pub(crate) fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().map_or("ok", |error| error.code())
}
