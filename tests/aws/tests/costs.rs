//! What each use-case asks of AWS, counted from the calls that it really makes; DynamoDB Local says
//! how many capacity units each costs. The table in `docs/operations.md` is held to it.

use prooflane::node::catalogue;
use prooflane_coordinator::{
    Auctioneer, ClaimRequest, Coordinator, FleetClass, Registration, ResultMessage, Submission,
};
use prooflane_engine::Keys;
use prooflane_market::{Ask, AskId, Credits, Millis, PrivacyLevel, ProverId, Ratio, Rules, TaskId};
use prooflane_tests::net::copy_keys;
use prooflane_tests_aws::{Call, Emulator, Proxy, config, ports};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const CIRCUIT: &str = "payment@1";
const NO_WAIT: Duration = Duration::ZERO;

/// Counts of one use-case.
#[derive(Default)]
struct Count {
    table: usize,
    read_units: f64,
    write_units: f64,
    queue: usize,
    blob_writes: usize,
    blob_reads: usize,
}

impl Count {
    fn of(calls: &[Call]) -> Self {
        let mut count = Self::default();
        for call in calls {
            match (call.service, call.operation.as_str()) {
                ("DynamoDB", "GetItem" | "Query") => {
                    count.table += 1;
                    count.read_units += call.capacity_units;
                }
                ("DynamoDB", _) => {
                    count.table += 1;
                    count.write_units += call.capacity_units;
                }
                // Known from then on.
                ("SQS", "GetQueueUrl" | "CreateQueue") => {}
                ("SQS", _) => count.queue += 1,
                (_, "GET" | "HEAD") => count.blob_reads += 1,
                _ => count.blob_writes += 1,
            }
        }
        count
    }
}

struct Meter {
    proxies: [Proxy; 2],
    table: String,
}

impl Meter {
    /// Adds a line with what was called since the last one.
    fn line(&mut self, use_case: &str) {
        let calls = self.proxies.iter().flat_map(Proxy::calls);
        let count = Count::of(&calls.collect::<Vec<_>>());
        let Count {
            table,
            read_units,
            write_units,
            queue,
            blob_writes,
            blob_reads,
        } = count;
        writeln!(
            self.table,
            "| {use_case} | {table} | {read_units:.1} | {write_units:.0} | {queue} | {blob_writes} | {blob_reads} |"
        )
        .expect("text can be written to");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manual_says_what_each_use_case_asks_of_aws() {
    let (Some(dynamodb), Some(others)) = (Emulator::dynamodb_local(), Emulator::ministack()) else {
        return;
    };
    let table_proxy = Proxy::start(&dynamodb.url).await;
    let other_proxy = Proxy::start(&others.url).await;
    let ports = ports(
        &config(&table_proxy.url).await,
        &config(&other_proxy.url).await,
    )
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    copy_keys(folder.path());
    let keys = Arc::new(Keys::open(folder.path().join("keys")).expect("keys"));
    let catalogue = catalogue(keys.clone()).await.expect("a catalogue");
    let coordinator = Coordinator::new(ports.clone(), Rules::open(), catalogue);
    let fleet = ProverId::new("fleet-cpu").expect("a name");
    let class = FleetClass {
        prover_id: fleet.clone(),
        circuits: Vec::new(),
        price: Credits(10),
        capacity: 64,
        levels: vec![PrivacyLevel::OPEN],
        promised_ms: Millis(10_000),
    };
    coordinator.enlist(&class).await.expect("a class");
    coordinator.sweep().await.expect("a sweep");
    let started = Instant::now();
    let elapsed = move || Millis(u64::try_from(started.elapsed().as_millis()).unwrap_or(0));
    let mut auctioneer = Auctioneer::new("one", 0, elapsed);
    let circuit = prooflane_circuits::find(CIRCUIT).expect("a circuit");
    let submission = |n| Submission {
        task_id: Some(TaskId(Uuid::from_u128(n))),
        circuit: CIRCUIT.into(),
        inputs: circuit.example().into(),
        privacy_level: PrivacyLevel::OPEN,
        reward_amount: Credits(100),
        priority: 50,
        requester: "alice".into(),
        deadline: None,
        min_reputation: Ratio::ZERO,
        max_attempts: None,
        allowed_provers: Vec::new(),
    };
    // A first one, whose requester gets an account and whose auctioneer a shard.
    coordinator.submit(submission(1)).await.expect("a task");
    let first = coordinator.auction_batch(&mut auctioneer, &[], NO_WAIT);
    assert_eq!(first.await.expect("an auction").assigned, 1);
    coordinator
        .pull(&fleet, 1, Duration::from_secs(1))
        .await
        .expect("the task");
    let mut meter = Meter {
        proxies: [table_proxy, other_proxy],
        table: String::new(),
    };
    for proxy in &meter.proxies {
        drop(proxy.calls());
    }

    coordinator.submit(submission(2)).await.expect("a task");
    meter.line("submit a task");
    let id = TaskId(Uuid::from_u128(2));
    let hint = id.to_string();
    let hints = [&*hint];
    let assigned = coordinator.auction_batch(&mut auctioneer, &hints, NO_WAIT);
    assert_eq!(assigned.await.expect("an auction").assigned, 1);
    meter.line("auction it (by a hint; SQS feeds the function)");
    let pulled = coordinator.pull(&fleet, 1, Duration::from_secs(1)).await;
    let pulled = pulled.expect("the task").pop().expect("the task");
    meter.line("claim it (fleet)");
    let receipt = pulled.receipt.expect("a message");
    let kept = coordinator.keep(&fleet, id, 1, Some(&receipt)).await;
    kept.expect("a lease");
    meter.line("one heartbeat (fleet)");
    let key = keys.get(circuit).expect("a key");
    let witness = circuit
        .witness(&pulled.assignment.inputs)
        .expect("a witness");
    let proof = prooflane_engine::prove(&key, &witness).expect("a proof");
    let proof = proof.to_compact();
    let handed = coordinator.hand_in(&fleet, id, 1, &proof).await;
    handed.expect("it is handed in");
    meter.line("hand its proof in (fleet)");
    let result = ResultMessage {
        prover: fleet.clone(),
        task: id,
        attempt: 1,
    };
    let verdict = coordinator.accept_handed_in(&result).await;
    assert!(verdict.expect("a verdict").accepted);
    meter.line("verify and settle it (SQS feeds the function)");
    let verdict = coordinator.verdict(&fleet, id, 1, NO_WAIT).await;
    assert!(verdict.expect("a verdict").is_some());
    coordinator
        .drop_message(&receipt)
        .await
        .expect("it is gone");
    meter.line("hear the verdict, forget the message (fleet)");
    coordinator.task(id).await.expect("the task");
    meter.line("show a task");
    coordinator.proof(id).await.expect("the proof");
    meter.line("fetch a proof");

    // The same by a prover over HTTP.
    let outsider = ProverId::new("outsider").expect("a name");
    let registration = Registration {
        prover_id: outsider.clone(),
        owner: None,
        capacity: 4,
        fleet: false,
        trusted: false,
    };
    coordinator.register(registration).await.expect("a prover");
    let ask = Ask {
        ask_id: AskId(Uuid::from_u128(9)),
        circuits: Vec::new(),
        price: Credits(1),
        capacity: 4,
        levels: vec![PrivacyLevel::OPEN],
        promised: Millis(10_000),
        placed_at: coordinator.now(),
        expires_at: None,
    };
    coordinator.place_ask(&outsider, ask).await.expect("an ask");
    coordinator.submit(submission(3)).await.expect("a task");
    let assigned = coordinator.auction_batch(&mut auctioneer, &[], NO_WAIT);
    assert_eq!(assigned.await.expect("an auction").assigned, 1);
    for proxy in &meter.proxies {
        drop(proxy.calls());
    }
    let claim = ClaimRequest {
        prover: outsider.clone(),
        max: 1,
        holding: None,
        wait: NO_WAIT,
    };
    let claimed = coordinator.claim(&claim).await.expect("the task");
    assert_eq!(claimed.len(), 1);
    meter.line("claim a task (HTTP)");
    let id = TaskId(Uuid::from_u128(3));
    coordinator
        .heartbeat(&outsider, id, 1)
        .await
        .expect("a lease");
    meter.line("one heartbeat (HTTP)");
    let verdict = coordinator.accept(&outsider, id, 1, &proof).await;
    assert!(verdict.expect("a verdict").accepted);
    meter.line("verify and settle a proof (HTTP)");

    // What happens without any task.
    assert!(coordinator.claim(&claim).await.expect("nothing").is_empty());
    meter.line("claim in vain, one look (HTTP)");
    assert!(
        coordinator
            .pull(&fleet, 1, NO_WAIT)
            .await
            .expect("nothing")
            .is_empty()
    );
    meter.line("pull in vain (fleet, every 20 s)");
    coordinator.enlist(&class).await.expect("a class");
    coordinator.sweep().await.expect("a sweep");
    meter.line("sweep with nothing due (every minute, one class)");
    let nothing = coordinator.auction_batch(&mut auctioneer, &[], NO_WAIT);
    assert_eq!(nothing.await.expect("an auction").assigned, 0);
    meter.line("auction with nothing open (every minute)");

    held_to(&meter.table);
}

/// The manual has this table between its marks; with UPDATE_DOCS=1 it is put there.
fn held_to(lines: &str) {
    const FROM: &str = "<!-- requests: cargo xtask costs -->\n";
    const TO: &str = "<!-- end of requests -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let manual = std::fs::read_to_string(&path).expect("the manual");
    let (before, rest) = manual.split_once(FROM).expect("a mark");
    let (is, after) = rest.split_once(TO).expect("a mark");
    let should = format!(
        "\n| use-case | DynamoDB requests | read units | write units | SQS requests | S3 writes | S3 reads |\n|---|--:|--:|--:|--:|--:|--:|\n{lines}\n"
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let manual = format!("{before}{FROM}{should}{TO}{after}");
        std::fs::write(path, manual).expect("the manual is written");
        return;
    }
    assert_eq!(is, should, "`cargo xtask costs` writes it anew");
}
