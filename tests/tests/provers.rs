//! Provers over HTTP, as processes and as a library.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use async_trait::async_trait;
use futures::StreamExt;
use prooflane_client::Client;
use prooflane_client::wire::{
    AssignmentView, PlaceAsk, ProverView, QuoteRequest, RegisterProver, SubmitTask, TaskView,
};
use prooflane_engine::{CircuitKey, Keys};
use prooflane_market::{Millis, Rules, Status};
use prooflane_tests::binary::Running;
use prooflane_tests::net::Network;
use prooflane_worker::{Drain, Network as _, NetworkError, Offer, Remote};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

/// Sooner than any lease runs out (30 s), so that nothing here is done by waiting for one.
const SOON: Duration = Duration::from_secs(20);

fn prover(network: &Network, keys: &Path, more: &[&str]) -> Running {
    let (url, keys) = (network.node.url(), keys.to_str().unwrap());
    let mut args = vec![
        "prover",
        "--json",
        "--network",
        &url,
        "--name",
        "p",
        "--keys",
        keys,
    ];
    args.extend(more);
    Running::start(&args)
}

async fn submit(client: &Client, circuit: &str) -> Uuid {
    let inputs = prooflane_circuits::find(circuit).unwrap().example();
    client
        .submit(&SubmitTask::new(circuit, inputs))
        .await
        .unwrap()
        .task_id
}

async fn done(client: &Client, task: Uuid) -> TaskView {
    tokio::time::timeout(SOON, client.wait_for_proof(task))
        .await
        .unwrap()
        .unwrap();
    client.task(task).await.unwrap()
}

/// Waits until somebody proves one of the tasks.
async fn somebody_proves(client: &Client, tasks: &[Uuid]) {
    let until = Instant::now() + SOON;
    while Instant::now() < until {
        for task in tasks {
            if client.task(*task).await.unwrap().status == Status::InProgress {
                return;
            }
        }
    }
    panic!("nobody proves");
}

async fn the_prover(client: &Client, name: &str) -> ProverView {
    let provers = client.provers().await.unwrap().provers;
    provers
        .into_iter()
        .find(|prover| prover.prover_id == name)
        .unwrap()
}

async fn earned(network: &Network, prover: &str) -> u64 {
    let account = network
        .node
        .coordinator
        .account(&format!("prover:{prover}"))
        .await
        .unwrap();
    account.balance.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_prover_fetches_its_keys_proves_and_earns() {
    let network = Network::start(Vec::new()).await;
    let keys = tempfile::tempdir().unwrap();
    let running = prover(
        &network,
        keys.path(),
        &["--price", "7", "--circuit", "range@1"],
    );
    let task = submit(&network.client, "range@1").await;
    let task = done(&network.client, task).await;
    assert_eq!(
        (task.assigned_prover.as_deref(), task.price),
        (Some("p"), Some(100))
    );
    // The only bidder is paid the ceiling: no other bid allows less.
    assert_eq!(earned(&network, "p").await, 100);
    assert_eq!(
        std::fs::read(keys.path().join("range@1.key")).unwrap(),
        std::fs::read(network.data.path().join("keys/range@1.key")).unwrap(),
    );
    assert!(
        !keys.path().join("merkle@1.key").exists(),
        "only what it offers to prove"
    );

    let ended = tokio::task::spawn_blocking(|| running.terminate())
        .await
        .unwrap();
    assert!(ended.status.success());
    assert_eq!(ended.lines.last().unwrap(), r#"{"failed":0,"proved":1}"#);
    let asks = the_prover(&network.client, "p").await.asks;
    assert!(
        asks.iter().all(|ask| ask.expires_at == Some(0)),
        "the ask is withdrawn"
    );
    network.node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prover_killed_while_proving_goes_on_when_it_is_back() {
    let network = Network::start(Vec::new()).await;
    let keys = tempfile::tempdir().unwrap();
    let running = prover(&network, keys.path(), &["--slots", "2"]);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        tasks.push(submit(&network.client, "payment@1").await);
    }
    somebody_proves(&network.client, &tasks).await;
    running.kill();
    let mut held = 0;
    for task in &tasks {
        held += usize::from(network.client.task(*task).await.unwrap().status == Status::InProgress);
    }
    assert!(held > 0, "it was killed too late to say anything");
    let _running = prover(&network, keys.path(), &["--slots", "2"]);
    for task in tasks {
        let task = done(&network.client, task).await;
        assert_eq!(task.attempts.len(), 1, "the same attempt went on");
    }
    let prover = the_prover(&network.client, "p").await;
    assert_eq!((prover.proved, prover.failed, prover.active), (4, 0, 0));
    network.node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prover_told_to_stop_finishes_what_it_holds_and_takes_nothing_more() {
    let network = Network::start(Vec::new()).await;
    let keys = tempfile::tempdir().unwrap();
    let running = prover(&network, keys.path(), &["--slots", "2"]);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        tasks.push(submit(&network.client, "merkle@1").await);
    }
    somebody_proves(&network.client, &tasks).await;
    let ended = tokio::task::spawn_blocking(|| running.terminate())
        .await
        .unwrap();
    assert!(ended.status.success());
    let summary: serde_json::Value = serde_json::from_str(ended.lines.last().unwrap()).unwrap();
    assert_eq!(summary["failed"], 0);
    let mut completed = 0;
    let mut waiting = 0;
    for task in &tasks {
        match network.client.task(*task).await.unwrap().status {
            Status::Completed => completed += 1,
            Status::Pending => waiting += 1,
            status => panic!("left behind {status}"),
        }
    }
    assert_eq!(summary["proved"], completed);
    assert!(
        completed > 0 && waiting > 0,
        "{completed} proved, {waiting} left"
    );
    assert_eq!(the_prover(&network.client, "p").await.active, 0);
    network.node.stop().await.unwrap();
}

async fn place(client: &Client, prover: &str, price: u64) {
    let register = RegisterProver {
        prover_id: Some(prover.into()),
        capacity: 4,
        fleet: false,
        trusted: false,
    };
    client.register(&register).await.unwrap();
    let ask = PlaceAsk {
        ask_id: Some(Uuid::from_u128(1)),
        circuits: Vec::new(),
        price,
        capacity: 4,
        levels: vec![1],
        promised_ms: 10_000,
        expires_at: None,
    };
    client.place_ask(prover, &ask).await.unwrap();
}

async fn winner(client: &Client) -> String {
    let quote = QuoteRequest {
        circuit: "range@1".into(),
        reward_amount: 100,
        privacy_level: 1,
        min_reputation: None,
        allowed_provers: Vec::new(),
    };
    client.quote(&quote).await.unwrap().prover.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cheaper_prover_wins_and_at_equal_prices_the_better_one() {
    let network = Network::start(vec![Offer::new("veteran", 10, 2)]).await;
    let client = &network.client;
    let task = submit(client, "range@1").await;
    done(client, task).await;
    assert!(the_prover(client, "veteran").await.reputation > 0.5);
    place(client, "newcomer", 20).await;
    assert_eq!(winner(client).await, "veteran", "cheaper");
    // The veteran's ask is now the later one, so that only its reputation speaks for it.
    place(client, "veteran", 20).await;
    assert_eq!(winner(client).await, "veteran", "as cheap, and better");
    place(client, "veteran", 60).await;
    assert_eq!(
        winner(client).await,
        "newcomer",
        "so much cheaper that reputation does not help"
    );
    let task = submit(client, "range@1").await;
    let mut events = client.events(task, 0).await.unwrap();
    while client.task(task).await.unwrap().assigned_prover.is_none() {
        events.next().await.unwrap().unwrap();
    }
    assert_eq!(
        client.task(task).await.unwrap().assigned_prover.as_deref(),
        Some("newcomer")
    );
    network.node.stop().await.unwrap();
}

fn remote(network: &Network) -> (Remote, TempDir) {
    let keys = tempfile::tempdir().unwrap();
    (
        Remote::new(network.client.clone(), Keys::open(keys.path()).unwrap()),
        keys,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proving_key_that_does_not_fit_the_task_is_refused_with_what_to_do() {
    let network = Network::start(Vec::new()).await;
    let (remote, keys) = remote(&network);
    let refused = |error| match error {
        NetworkError::Refused { code, message } => (code, message),
        error => panic!("{error}"),
    };
    let other = "00".repeat(32);
    let (code, message) = refused(remote.key("range@1", &other).await.err().unwrap());
    assert_eq!(code, "bad_key");
    assert!(message.contains("submit the task again"), "{message}");
    assert!(
        !keys.path().join("range@1.key").exists(),
        "what does not fit is not kept"
    );
    let (code, message) = refused(remote.key("range@9", "00").await.err().unwrap());
    assert_eq!(code, "unknown_circuit");
    assert!(message.contains("newer version"), "{message}");

    // A file of its own that is damaged or of another key is replaced by the network's.
    let circuits = network.client.circuits().await.unwrap().circuits;
    let expected = &circuits
        .iter()
        .find(|circuit| circuit.id == "range@1")
        .unwrap()
        .key_id;
    std::fs::write(keys.path().join("range@1.key"), "damaged").unwrap();
    let got = remote.key("range@1", expected).await.unwrap();
    assert_eq!(got.key_id().to_string(), *expected);
    network.node.stop().await.unwrap();
}

/// The files of tables in a folder of keys.
fn tables(keys: &Path) -> Vec<String> {
    let files = std::fs::read_dir(keys).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".tables")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_prover_offers_nothing_before_its_tables_are_there() {
    let warm = |name: &str, circuit: &str| {
        let mut offer = Offer::new(name, 10, 1);
        (offer.circuits, offer.warm) = (vec![circuit.to_owned()], true);
        offer
    };
    let offered = async |client: &Client, name: &str| {
        let until = Instant::now() + SOON;
        while Instant::now() < until {
            let provers = client.provers().await.unwrap().provers;
            if provers
                .iter()
                .any(|p| p.prover_id == name && !p.asks.is_empty())
            {
                return;
            }
        }
        panic!("{name} offers nothing");
    };
    // In the network's process, with its keys.
    let network = Network::start(vec![warm("here", "range@1")]).await;
    offered(&network.client, "here").await;
    let own = tables(&network.data.path().join("keys"));
    assert!(
        matches!(&own[..], [one] if one.starts_with("range@1.")),
        "{own:?}"
    );
    // Elsewhere: the key is fetched first.
    let keys = tempfile::tempdir().unwrap();
    let client = Client::new(&network.node.url(), None).unwrap();
    let remote = Arc::new(Remote::new(client, Keys::open(keys.path()).unwrap()));
    let drain = Drain::default();
    let proving = tokio::spawn(prooflane_worker::run(
        remote,
        warm("there", "range@1"),
        drain.clone(),
    ));
    offered(&network.client, "there").await;
    assert_eq!(tables(keys.path()).len(), 1);
    drain.start();
    proving.await.unwrap().unwrap();
    // Where tables cannot be written, they are kept in memory.
    let readonly = tempfile::tempdir().unwrap();
    prooflane_tests::net::copy_keys(readonly.path());
    let folder = readonly.path().join("keys");
    std::fs::create_dir(folder.join(&own[0])).unwrap();
    let client = Client::new(&network.node.url(), None).unwrap();
    let remote = Arc::new(Remote::new(client, Keys::open(&folder).unwrap()));
    let drain = Drain::default();
    let proving = tokio::spawn(prooflane_worker::run(
        remote,
        warm("stubborn", "range@1"),
        drain.clone(),
    ));
    offered(&network.client, "stubborn").await;
    assert!(folder.join(&own[0]).is_dir());
    drain.start();
    proving.await.unwrap().unwrap();
    network.node.stop().await.unwrap();
}

/// A prover that takes long, with every core busy meanwhile.
struct Busy {
    network: Remote,
    takes: Duration,
}

#[async_trait]
impl prooflane_worker::Network for Busy {
    async fn offer(&self, offer: &Offer) -> Result<(), NetworkError> {
        self.network.offer(offer).await
    }

    async fn withdraw(&self, offer: &Offer) -> Result<(), NetworkError> {
        self.network.withdraw(offer).await
    }

    async fn claim(
        &self,
        offer: &Offer,
        max: usize,
        holding: &[Uuid],
        wait: Duration,
    ) -> Result<Vec<AssignmentView>, NetworkError> {
        self.network.claim(offer, max, holding, wait).await
    }

    async fn heartbeat(&self, offer: &Offer, task: Uuid, attempt: u32) -> Result<(), NetworkError> {
        self.network.heartbeat(offer, task, attempt).await
    }

    async fn result(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        proof: &[u8],
    ) -> Result<bool, NetworkError> {
        self.network.result(offer, task, attempt, proof).await
    }

    async fn failure(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        message: &str,
    ) -> Result<(), NetworkError> {
        self.network.failure(offer, task, attempt, message).await
    }

    async fn key(&self, circuit: &str, key_id: &str) -> Result<Arc<CircuitKey>, NetworkError> {
        let until = Instant::now() + self.takes;
        let burn = move || {
            while Instant::now() < until {
                std::hint::spin_loop()
            }
        };
        let cores = std::thread::available_parallelism().unwrap().get();
        let burning: Vec<_> = (0..2 * cores)
            .map(|_| tokio::task::spawn_blocking(burn))
            .collect();
        for thread in burning {
            thread.await.unwrap();
        }
        self.network.key(circuit, key_id).await
    }
}

/// What becomes of a task whose prover takes three times as long as a lease lasts.
async fn taken_by_a_slow_prover(heartbeat: Duration) -> TaskView {
    let lease = Millis(1_000);
    let network = Network::with(|config| {
        config.rules = Some(Rules {
            lease,
            // One node, one clock.
            max_skew: Millis(0),
            ..Rules::open()
        })
    })
    .await;
    let (remote, _keys) = remote(&network);
    let slow = Arc::new(Busy {
        network: remote,
        takes: Duration::from_secs(3),
    });
    let mut offer = Offer::new("slow", 10, 1);
    offer.heartbeat = heartbeat;
    let drain = Drain::default();
    let running = tokio::spawn(prooflane_worker::run(slow, offer, drain.clone()));
    let task = submit(&network.client, "range@1").await;
    let task = done(&network.client, task).await;
    drain.start();
    running.await.unwrap().unwrap();
    network.node.stop().await.unwrap();
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_keep_a_lease_alive_while_every_core_is_busy() {
    let task = taken_by_a_slow_prover(Duration::from_millis(250)).await;
    assert_eq!(task.attempts.len(), 1, "{:?}", task.explanation.why);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_heartbeats_the_lease_runs_out_and_the_late_proof_still_counts() {
    let task = taken_by_a_slow_prover(Duration::from_secs(3600)).await;
    assert_eq!(
        task.attempts[0].end.as_deref(),
        Some("proved"),
        "{}",
        task.explanation.why
    );
    assert!(task.attempts.len() > 1);
}
