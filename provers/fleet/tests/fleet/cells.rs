//! Proofs in processes of their own, and their limits.

use crate::harness::*;
use prooflane_client::wire::AssignmentView;
use prooflane_fleet::{Cells, Limits};
use prooflane_ledger::{Evidence, task};
use prooflane_market::{AttemptEnd, Status};
use prooflane_verifier::{Proof, field};
use prooflane_worker::{Drain, Prover, run_with};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_prooflane-fleet");
const GENEROUS: Limits = Limits {
    time: PATIENCE,
    memory_mb: 4096,
};

fn cells(keys: &TempDir, limits: Limits) -> Cells {
    let (dir, memory) = (keys.path().to_str().unwrap(), limits.memory_mb.to_string());
    let args = [
        "cell",
        "--keys",
        dir,
        "--threads",
        "1",
        "--memory-mb",
        &memory,
    ];
    Cells::new(BINARY, args.map(str::to_owned).into(), limits)
}

/// Processes that do what a script does; `$0` and so on are `args`.
fn scripted(script: &str, args: &[&str], limits: Limits) -> Cells {
    let args = [&["-c", script], args].concat();
    let args = args.into_iter().map(str::to_owned).collect();
    Cells::new("/bin/sh", args, limits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_makes_one_proof_after_the_other() {
    let keys = tempfile::tempdir().unwrap();
    let assignment = assignment(&keys);
    let cells = cells(&keys, GENEROUS);
    let mut public = Vec::new();
    for text in &assignment.public_inputs {
        public.push(field::parse(text).unwrap());
    }
    for _ in 0..3 {
        let proof = cells.prove(Some(key()), assignment.clone()).await.unwrap();
        let proof = Proof::from_compact(&proof).unwrap();
        key().prepared().verify(&proof, &public).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proved_is_said_and_the_process_goes_on() {
    let keys = tempfile::tempdir().unwrap();
    let good = assignment(&keys);
    let cells = cells(&keys, GENEROUS);
    let mut bad = good.clone();
    bad.public_inputs[0] = "1".into();
    let said = cells.prove(Some(key()), bad).await.unwrap_err();
    assert!(said.contains("public inputs of the task"), "{said}");
    let mut other_key = good.clone();
    other_key.key_id = "00".into();
    let said = cells.prove(Some(key()), other_key).await.unwrap_err();
    assert!(said.contains("no key 00"), "{said}");
    cells.prove(Some(key()), good).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_of_the_ledger_is_proved_without_a_key() {
    let keys = tempfile::tempdir().unwrap();
    let inputs = task::Inputs::example();
    let read: task::Inputs = serde_json::from_value(inputs.clone()).unwrap();
    let digest = read.instance().digest();
    let assignment = AssignmentView {
        circuit: task::CIRCUIT.into(),
        key_id: task::VERIFIER.into(),
        inputs,
        public_inputs: vec![digest.to_string()],
        ..assignment(&keys)
    };
    let cells = cells(&keys, GENEROUS);
    let evidence = cells.prove(None, assignment.clone()).await.unwrap();
    let evidence = Evidence::from_bytes(&evidence).unwrap();
    assert!(evidence.proves(&digest));
    let mut other = assignment.clone();
    other.public_inputs[0] = "00".repeat(32);
    let said = cells.prove(None, other).await.unwrap_err();
    assert!(said.contains("public inputs of the task"), "{said}");
    let mut cut = assignment;
    cut.inputs["witness"]["here"] = "".into();
    let said = cells.prove(None, cut).await.unwrap_err();
    assert!(said.contains("no witness"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_takes_too_long_is_ended() {
    let keys = tempfile::tempdir().unwrap();
    let limits = Limits {
        time: Duration::from_millis(200),
        memory_mb: 0,
    };
    let cells = scripted("read line; exec sleep 1000", &[], limits);
    let started = Instant::now();
    let said = cells
        .prove(Some(key()), assignment(&keys))
        .await
        .unwrap_err();
    assert_eq!(
        said,
        "no proof within 0.2 s, which is the limit of this prover"
    );
    assert!(started.elapsed() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_takes_too_much_memory_is_ended() {
    let keys = tempfile::tempdir().unwrap();
    let limits = Limits {
        memory_mb: 1,
        ..GENEROUS
    };
    let said = cells(&keys, limits)
        .prove(Some(key()), assignment(&keys))
        .await;
    assert_eq!(
        said.unwrap_err(),
        "the proof takes more than 1 MB of memory, which is the limit of this prover"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_crashes_says_nothing_of_the_inputs() {
    let keys = tempfile::tempdir().unwrap();
    // It throws everything back before it ends.
    let cells = scripted("read line; echo \"$line\" >&2; kill -9 $$", &[], GENEROUS);
    let said = cells
        .prove(Some(key()), assignment(&keys))
        .await
        .unwrap_err();
    assert!(
        said.starts_with("the prover crashed on these inputs (signal: 9"),
        "{said}"
    );
    let nonsense = scripted("read line; echo \"$line\"; exec sleep 1000", &[], GENEROUS);
    let said = nonsense
        .prove(Some(key()), assignment(&keys))
        .await
        .unwrap_err();
    assert!(said.starts_with("the prover crashed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_ended_while_idle_costs_nothing() {
    let keys = tempfile::tempdir().unwrap();
    let assignment = assignment(&keys);
    let pid = keys.path().join("pid");
    let script = "echo $$ > \"$0\"; exec \"$1\" cell --keys \"$2\" --threads 1 --memory-mb 0";
    let args = [pid.to_str().unwrap(), BINARY, keys.path().to_str().unwrap()];
    let cells = scripted(script, &args, GENEROUS);
    for _ in 0..3 {
        cells.prove(Some(key()), assignment.clone()).await.unwrap();
        let pid = std::fs::read_to_string(&pid).unwrap();
        let pid = pid.trim();
        let kill = Command::new("kill").args(["-9", pid]).status().unwrap();
        assert!(kill.success());
        // Until it can be waited for: gone, or a zombie whose other threads are gone.
        let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat"));
        while threads() > 1 || stat().is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_fails_its_attempt_and_nothing_else() {
    let mut net = Net::start().await;
    net.verify();
    let tasks = [net.won().await, net.won().await];
    let keys = tempfile::tempdir().unwrap();
    let first = keys.path().join("first");
    // The first of all crashes.
    let script = "mkdir \"$0\" 2>/dev/null && read line && kill -9 $$
        exec \"$1\" cell --keys \"$2\" --threads 1 --memory-mb 0";
    let args = [
        first.to_str().unwrap(),
        BINARY,
        keys.path().to_str().unwrap(),
    ];
    let cells = Arc::new(scripted(script, &args, GENEROUS));
    let drain = Draining(Drain::default());
    let running = run_with(net.machine(&keys), cells, offer(2), drain.0.clone());
    let running = tokio::spawn(running);
    let until = Instant::now() + PATIENCE;
    let hit = loop {
        let mut hit = None;
        for task in tasks {
            let ended = endings(&net.coordinator.task(task).await.unwrap());
            if ended
                .first()
                .is_some_and(|(end, _)| *end == AttemptEnd::Failed)
            {
                hit = Some((task, ended));
            }
        }
        if let Some(hit) = hit {
            break hit;
        }
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let (hit, ended) = hit;
    let said = ended[0].1.as_ref().unwrap();
    assert!(said.starts_with("the prover crashed"), "{said}");
    for task in tasks.into_iter().filter(|task| *task != hit) {
        net.is(task, Status::Completed).await;
    }
    net.later(Duration::from_secs(2)).await;
    let record = net.is(hit, Status::Completed).await;
    assert_eq!(endings(&record).len(), 2);
    drain.0.start();
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.proved, summary.failed), (2, 1));
    net.is_sound().await;
}
