//! A network over the AWS adapters while calls fail: none of its invariants breaks, and every task
//! ends with a proof.

use prooflane::node::catalogue;
use prooflane_coordinator::{
    Assignment, Auctioneer, Coordinator, Error, FleetClass, Ports, ResultMessage, Severity,
    Submission,
};
use prooflane_engine::Keys;
use prooflane_market::{Credits, Millis, PrivacyLevel, ProverId, Ratio, Rules, Status, TaskId};
use prooflane_store::Queue;
use prooflane_tests::conformance::Random;
use prooflane_tests::net::copy_keys;
use prooflane_tests_aws::{Emulator, Fault, Plan, Proxy, config, ports};
use prooflane_verifier::Proof;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

/// Another one can be tried with `PROOFLANE_SEED=<decimal>`.
const SEED: u64 = 0xa3_5eed;
const CIRCUIT: &str = "range@1";
const CLASS: &str = "fleet-cpu";
/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Times in which a test can see leases run out.
fn rules() -> Rules {
    Rules {
        lease: Millis(3_000),
        max_skew: Millis(200),
        reveal_after: Millis(300),
        first_pause: Millis(100),
        longest_pause: Millis(500),
        leader_lease: Millis(1_000),
        breaker_failures: 1_000,
        max_attempts: 50,
        ..Rules::open()
    }
}

/// A network over an emulator, reached directly and through a proxy.
struct Net {
    _emulator: Emulator,
    keys: Arc<Keys>,
    _folder: TempDir,
    /// Directly.
    coordinator: Coordinator,
    ports: Ports,
    /// Through the proxy.
    faulty: Coordinator,
    faulty_queue: Arc<dyn Queue>,
    proxy: Proxy,
}

impl Net {
    async fn start(emulator: Emulator) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        copy_keys(folder.path());
        let keys = Arc::new(Keys::open(folder.path().join("keys")).expect("keys"));
        let proxy = Proxy::start(&emulator.url).await;
        let direct = emulator.config().await;
        let ports = ports(&direct, &direct).await;
        let through = config(&proxy.url).await;
        let through = prooflane_tests_aws::ports(&through, &through).await;
        let known = || catalogue(keys.clone());
        let coordinator = Coordinator::new(ports.clone(), rules(), known().await.expect("keys"));
        let faulty_queue = through.queue.clone();
        let faulty = Coordinator::new(through, rules(), known().await.expect("keys"));
        let class = FleetClass {
            prover_id: prover(),
            circuits: Vec::new(),
            price: Credits(10),
            capacity: 64,
            levels: vec![PrivacyLevel::OPEN],
            promised_ms: Millis(10_000),
        };
        coordinator.sweep().await.expect("a first sign of life");
        coordinator.enlist(&class).await.expect("a class");
        Self {
            _emulator: emulator,
            keys,
            _folder: folder,
            coordinator,
            ports,
            faulty,
            faulty_queue,
            proxy,
        }
    }

    /// Every invariant, once nothing runs any more.
    async fn check(&self) {
        let findings = self.coordinator.fsck().await.expect("the store answers");
        let broken: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Broken)
            .collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }

    async fn status(&self, task: TaskId) -> Status {
        let record = self.coordinator.task(task).await.expect("the task");
        record.task.status()
    }
}

fn prover() -> ProverId {
    ProverId::new(CLASS).expect("a name")
}

fn submission(id: TaskId) -> Submission {
    Submission {
        task_id: Some(id),
        circuit: CIRCUIT.into(),
        inputs: prooflane_circuits::find(CIRCUIT)
            .expect("a circuit")
            .example()
            .into(),
        privacy_level: PrivacyLevel::OPEN,
        reward_amount: Credits(100),
        priority: 50,
        requester: "alice".into(),
        deadline: None,
        min_reputation: Ratio::ZERO,
        max_attempts: None,
        allowed_provers: Vec::new(),
    }
}

fn prove(keys: &Keys, assignment: &Assignment) -> Proof {
    let circuit = prooflane_circuits::find(&assignment.circuit).expect("a circuit");
    let key = keys.get(circuit).expect("a key");
    let witness = circuit.witness(&assignment.inputs).expect("a witness");
    prooflane_engine::prove(&key, &witness).expect("a proof")
}

fn auctioneer(name: &str) -> Auctioneer {
    let started = Instant::now();
    let elapsed = move || {
        let millis = started.elapsed().as_millis();
        Millis(u64::try_from(millis).unwrap_or(u64::MAX))
    };
    Auctioneer::new(name, 0, elapsed)
}

/// Takes up what there is, proves it, hands it in.
async fn work_once(coordinator: &Coordinator, keys: &Arc<Keys>) -> Result<(), Error> {
    let wait = Duration::from_secs(1);
    for pulled in coordinator.pull(&prover(), 4, wait).await? {
        let (id, attempt) = (pulled.assignment.task_id, pulled.assignment.attempt);
        let keys = keys.clone();
        let proving = tokio::task::spawn_blocking(move || prove(&keys, &pulled.assignment));
        let proof = proving.await.expect("it does not panic");
        let proof = proof.to_compact();
        coordinator.hand_in(&prover(), id, attempt, &proof).await?;
        if let Some(receipt) = pulled.receipt {
            coordinator.drop_message(&receipt).await?;
        }
    }
    Ok(())
}

/// What `functions/verify` does with one batch.
async fn verify_once(coordinator: &Coordinator, queue: &dyn Queue) -> Result<(), Error> {
    let seconds = Duration::from_secs;
    let messages = queue.receive(ResultMessage::QUEUE, 10, seconds(2), seconds(1));
    for message in messages.await? {
        let result: ResultMessage = serde_json::from_str(&message.body).expect("a result");
        match coordinator.accept_handed_in(&result).await {
            Ok(_) | Err(Error::Refused(_)) => queue.delete(&message.receipt).await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_fail_in_every_way_break_nothing() {
    const TASKS: u128 = 24;
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let seed = std::env::var("PROOFLANE_SEED").map_or(SEED, |seed| seed.parse().expect("a seed"));
    println!("seed {seed}");
    let net = Arc::new(Net::start(emulator).await);
    net.proxy.plan(Plan::Faults {
        random: Random(seed),
        percent: 10,
    });
    let mut running = Vec::new();
    // Two of each, as there may be on AWS. What fails is tried again, as whoever calls would.
    for n in 0..2 {
        let of = net.clone();
        running.push(tokio::spawn(async move {
            loop {
                let _ = work_once(&of.faulty, &of.keys).await;
            }
        }));
        let of = net.clone();
        running.push(tokio::spawn(async move {
            loop {
                let _ = verify_once(&of.faulty, &*of.faulty_queue).await;
            }
        }));
        let of = net.clone();
        running.push(tokio::spawn(async move {
            let mut auctioneer = auctioneer(&format!("auctioneer-{n}"));
            loop {
                let wait = Duration::from_secs(1);
                let _ = of.faulty.auction_once(&mut auctioneer, wait).await;
            }
        }));
    }
    let of = net.clone();
    running.push(tokio::spawn(async move {
        loop {
            let _ = of.faulty.sweep().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }));
    let tasks: Vec<TaskId> = (1..=TASKS).map(|n| TaskId(Uuid::from_u128(n))).collect();
    let until = Instant::now() + PATIENCE;
    for id in &tasks {
        // The same again is the same task.
        while let Err(error) = net.faulty.submit(submission(*id)).await {
            assert!(Instant::now() < until, "{error}");
        }
    }
    for id in &tasks {
        loop {
            let status = net.status(*id).await;
            if status.is_terminal() {
                assert_eq!(status, Status::Completed, "{id}");
                break;
            }
            assert!(Instant::now() < until, "{id} is {status}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    for task in running {
        task.abort();
        let _ = task.await;
    }
    let mut faults: BTreeMap<Fault, usize> = BTreeMap::new();
    for fault in net.proxy.faults() {
        *faults.entry(fault).or_default() += 1;
    }
    println!("{TASKS} tasks proved; {faults:?}");
    assert_eq!(faults.len(), 5, "every kind: {faults:?}");
    net.check().await;
}

/// What one function does with the task `id`.
type Function = fn(net: Arc<Net>, id: TaskId) -> futures::future::BoxFuture<'static, ()>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_killed_between_any_two_calls_breaks_nothing() {
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let net = Arc::new(Net::start(emulator).await);
    let submit: Function =
        |net, id| Box::pin(async move { drop(net.faulty.submit(submission(id)).await) });
    let auction: Function = |net, id| {
        Box::pin(async move {
            let mut auctioneer = auctioneer("one");
            let hint = id.to_string();
            let hints = [&*hint];
            let batch = net.faulty.auction_batch(&mut auctioneer, &hints, PATIENCE);
            drop(batch.await);
        })
    };
    let work: Function =
        |net, _| Box::pin(async move { drop(work_once(&net.faulty, &net.keys).await) });
    let verify: Function = |net, id| {
        Box::pin(async move {
            let result = ResultMessage {
                prover: prover(),
                task: id,
                attempt: 1,
            };
            drop(net.faulty.accept_handed_in(&result).await);
        })
    };
    let sweep: Function = |net, _| Box::pin(async move { drop(net.faulty.sweep().await) });
    let mut healing = auctioneer("one");
    let mut next = 0;
    for (name, steps_before, function) in [
        ("submit", 0, submit),
        ("auction", 1, auction),
        ("work", 2, work),
        ("verify", 3, verify),
        ("sweep", 1, sweep),
    ] {
        for killed_after in 0.. {
            next += 1;
            let id = TaskId(Uuid::from_u128(next));
            // What comes before it in a task's way.
            let until = Instant::now() + PATIENCE;
            if steps_before > 0 {
                let submitted = net.coordinator.submit(submission(id)).await;
                submitted.expect("it is submitted");
            }
            let reached = [
                Status::Pending,
                Status::Pending,
                Status::Assigned,
                Status::InProgress,
            ];
            while steps_before > 1 && net.status(id).await != Status::Assigned {
                assert!(Instant::now() < until, "{name}: nobody won {id}");
                let coordinator = &net.coordinator;
                let batch = coordinator.auction_batch(&mut healing, &[], PATIENCE);
                batch.await.expect("the store answers");
            }
            while steps_before > 2 && net.status(id).await != Status::InProgress {
                assert!(Instant::now() < until, "{name}: nobody took {id}");
                let worked = work_once(&net.coordinator, &net.keys).await;
                worked.expect("the store answers");
            }
            if steps_before > 0 {
                assert_eq!(net.status(id).await, reached[steps_before]);
            }
            net.proxy.plan(Plan::KilledAfter(killed_after));
            let ran = net.proxy.killing(function(net.clone(), id)).await;
            net.proxy.plan(Plan::Through);
            // Whoever submits hears nothing, and says it again.
            let submitted = net.coordinator.submit(submission(id)).await;
            submitted.expect("it is submitted");
            while net.status(id).await != Status::Completed {
                assert!(
                    Instant::now() < until,
                    "{name} killed after {killed_after} calls: {id} is {}",
                    net.status(id).await
                );
                let coordinator = &net.coordinator;
                coordinator.sweep().await.expect("the store answers");
                let batch = coordinator.auction_batch(&mut healing, &[], PATIENCE).await;
                batch.expect("the store answers");
                work_once(coordinator, &net.keys)
                    .await
                    .expect("the store answers");
                let verified = verify_once(coordinator, &*net.ports.queue).await;
                verified.expect("the store answers");
            }
            if ran.is_some() {
                println!("{name}: killed at each of its {killed_after} calls");
                assert!(killed_after > 1, "{name} does something");
                break;
            }
        }
    }
    net.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_two_workers_get_at_once_is_work_for_one() {
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let net = Net::start(emulator).await;
    let mut auctioneer = auctioneer("one");
    for n in 1..=8 {
        let id = TaskId(Uuid::from_u128(n));
        let submitted = net.coordinator.submit(submission(id)).await;
        submitted.expect("it is submitted");
        let batch = net
            .coordinator
            .auction_batch(&mut auctioneer, &[], PATIENCE);
        batch.await.expect("the store answers");
        let queue = format!("prover-{CLASS}");
        let hint = id.to_string();
        let again = net.ports.queue.send(&queue, &hint, Duration::ZERO);
        again.await.expect("it is sent again");
        let prover = prover();
        let pull = || net.coordinator.pull(&prover, 1, Duration::from_secs(2));
        let (one, other) = tokio::join!(pull(), pull());
        let took = [one, other].map(|pulled| pulled.expect("the store answers").len());
        assert_eq!(took.iter().sum::<usize>(), 1, "{took:?}");
    }
}
