//! The command at a network's ledger.

#![allow(clippy::unwrap_used, reason = "tests")]

use prooflane_client::Client;
use prooflane_market::{Credits, TaskId};
use prooflane_tests::net::Network;
use prooflane_worker::Offer;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use uuid::Uuid;

/// Somebody with an account and a folder.
struct Person<'a> {
    network: &'a str,
    api_key: String,
    folder: &'a Path,
}

impl Person<'_> {
    fn try_to(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_prooflane-ledger"))
            .args(args)
            .args(["--json", "--network", self.network])
            .env("PROOFLANE_API_KEY", &self.api_key)
            .env("PROOFLANE_CONFIG", "/dev/null")
            .env("PROOFLANE_PASSPHRASE", "correct horse")
            .current_dir(self.folder)
            .output()
            .unwrap()
    }

    #[track_caller]
    fn does(&self, args: &[&str]) -> Value {
        let output = self.try_to(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What it says on standard error.
    #[track_caller]
    fn is_refused(&self, args: &[&str], code: i32) -> String {
        let output = self.try_to(args);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

async fn account(network: &Network, name: &str) -> String {
    let file = network.node.operator_key.as_ref().unwrap();
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let operator = file["api_key"].as_str().unwrap().to_owned();
    let operator = Client::new(&network.node.url(), Some(operator)).unwrap();
    let request = serde_json::from_value(json!({"name": name, "roles": ["requester"]}));
    let made = operator.create_key(&request.unwrap()).await.unwrap();
    made.api_key
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_may_be_named_before_and_after() {
    let network = Network::start(Vec::new()).await;
    let url = network.node.url();
    let empty = tempfile::tempdir().unwrap();
    // It becomes the ledger's program, which is beside it.
    let run = move |args: &[&str], named: Option<&str>| {
        let mut command = prooflane_tests::binary::command(args);
        command.current_dir(empty.path());
        command.envs(named.map(|url| ("PROOFLANE_NETWORK", url)));
        let output = command.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), output.stdout, errors)
    };
    let done = tokio::task::spawn_blocking(move || {
        let network = ["--network", &*url];
        let listed = (Some(0), b"[]\n".to_vec(), String::new());
        for args in [
            [&network[..], &["--json", "ledger", "list"]].concat(),
            [&["ledger"], &network[..], &["--json", "list"]].concat(),
            [&["ledger", "list", "--json"], &network[..]].concat(),
        ] {
            assert_eq!(run(&args, None), listed, "{args:?}");
        }
        // Nobody records at a network by having used one.
        let (code, _, errors) = run(&["ledger", "list"], Some(&url));
        assert_eq!(code, Some(5));
        assert!(errors.contains("prooflane-ledger is no ledger"), "{errors}");
    });
    done.await.unwrap();
}

/// Runs what blocks beside the network.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_folder_does_a_network_does() {
    let network = Network::with(|config| config.open = Some(false)).await;
    let keys = [
        account(&network, "alice").await,
        account(&network, "bob").await,
    ];
    let url = network.node.url();
    let log_key = network.node.log_key.clone();
    let done = tokio::task::spawn_blocking(move || two_accounts(&url, keys, &log_key));
    done.await.unwrap();
}

/// `prooflane ledger ARGS` in a folder: its exit code, standard output and standard error.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_prooflane-ledger"))
        .args(args)
        .env_remove("PROOFLANE_LEDGER_NETWORK")
        .env("PROOFLANE_CONFIG", "/dev/null")
        .env("PROOFLANE_PASSPHRASE", "correct horse")
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_cosigns_the_log_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let (code, _, errors) = run(&path, &["init", "--origin", "example.com/ours"]);
    assert_eq!(code, Some(0), "{errors}");
    let public = std::fs::read_to_string(path.join("prooflane-ledger/log.pub")).unwrap();
    let log_key = public.trim().to_owned();
    let network = Network::with(|config| config.witness_of = vec![log_key.parse().unwrap()]).await;
    let witness = network.client.ledger().await.unwrap().witness_key.unwrap();
    let url = network.at("/v1/ledger/witness");
    let elsewhere = network.at("/v1/nothing");
    let done = tokio::task::spawn_blocking(move || {
        let cosign = |url: &str| run(&path, &["cosign", url, "--witness", &witness]);
        let (code, _, errors) = cosign(&url);
        assert_eq!(code, Some(5), "{errors}");
        assert!(errors.contains("no operation yet"), "{errors}");
        let verify = |receipt: &str| {
            let trust = ["--log-key", &log_key, "--witness", &witness];
            run(&path, &[&["verify", receipt], &trust[..]].concat()).0
        };
        for number in ["0", "1"] {
            let file = format!("{number}.csv");
            std::fs::write(path.join(&file), format!("n\n{number}\n")).unwrap();
            assert_eq!(run(&path, &["notarize", &file]).0, Some(0));
            let [alone, cosigned] = ["alone", "cosigned"].map(|of| format!("{of}{number}"));
            assert_eq!(run(&path, &["receipt", number, "--out", &alone]).0, Some(0));
            assert_eq!(verify(&alone), Some(1));
            let (code, said, errors) = cosign(&url);
            assert_eq!(code, Some(0), "{errors}");
            assert!(said.contains("localhost/ledger/witness"), "{said}");
            assert_eq!(
                run(&path, &["receipt", number, "--out", &cosigned]).0,
                Some(0)
            );
            assert_eq!(verify(&cosigned), Some(0));
        }
        let (code, _, errors) = cosign(&elsewhere);
        assert_eq!(code, Some(5));
        assert!(errors.contains("answered 404"), "{errors}");
    });
    done.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_networks_provers_prove_what_an_account_asks() {
    let network = Network::with(|config| {
        config.open = Some(false);
        let mut fleet = Offer::new("fleet", 40, 1);
        fleet.fleet = true;
        config.provers = vec![fleet];
    })
    .await;
    let url = network.node.url();
    let alice = account(&network, "alice").await;
    let coordinator = network.node.coordinator.clone();
    let account = "requester:alice".parse().unwrap();
    let grant = coordinator.deposit(&account, Credits(1_000), "first");
    grant.await.unwrap();
    let proved = tokio::task::spawn_blocking(move || proved_at(&url, alice));
    let tasks = proved.await.unwrap();
    // Nothing of it stays but the proofs.
    let blobs = &coordinator.ports().blobs;
    for folder in ["uploads/", "inputs/"] {
        assert_eq!(blobs.list(folder, None, 10).await.unwrap(), [""; 0]);
    }
    for task in tasks {
        let record = coordinator.task(TaskId(task)).await.unwrap();
        assert_eq!(u8::from(record.task.spec.privacy_level), 3);
    }
}

/// The tasks that were proved.
fn proved_at(network: &str, api_key: String) -> Vec<Uuid> {
    let folder = tempfile::tempdir().unwrap();
    let alice = Person {
        network,
        api_key,
        folder: folder.path(),
    };
    let write = |name: &str, rows: u32| {
        let rows: String = (0..rows).map(|n| format!("{n},{}\n", n % 7)).collect();
        std::fs::write(folder.path().join(name), format!("salary,team\n{rows}")).unwrap();
    };
    write("staff.csv", 50);
    // More than goes into a request.
    write("many.csv", 100_000);
    alice.does(&["notarize", "staff.csv"]);
    alice.does(&["notarize", "many.csv"]);
    let left = |file: &str| {
        let opening = std::fs::read(folder.path().join(format!("{file}.opening"))).unwrap();
        serde_json::from_slice::<Value>(&opening).unwrap()["left"][0].clone()
    };
    let before = left("staff.csv").as_u64().unwrap();
    let mut tasks: Vec<Uuid> = Vec::new();
    let mut proves = |args: &[&str]| {
        let output = alice.try_to(&[&["prove"], args].concat());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{errors}");
        let mut lines = errors.lines();
        let task = lines.next().and_then(|line| line.strip_prefix("task "));
        tasks.push(task.unwrap().parse().unwrap());
        assert_eq!(lines.next(), Some("proved by fleet for 100 credits"));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let sums = proves(&["statistics", "staff.csv", "--column", "salary"]);
    let figures = sums["figures"].as_array().unwrap().iter();
    let sum = figures.clone().find(|figure| figure["name"] == "sum");
    assert_eq!(sum.unwrap()["value"], "1225");
    assert_eq!(left("staff.csv"), before - 1);
    let sums = proves(&["statistics", "many.csv", "--column", "salary"]);
    assert_eq!(sums["statement"], "statistics");
    let split = ["--weights", "80,20", "--out", "train.csv,test.csv"];
    let split = proves(&[&["split", "staff.csv"], &split[..]].concat());
    assert_eq!(split["outputs"].as_array().unwrap().len(), 2);
    // What was made there is proved about here.
    let counted = alice.does(&["count", "train.csv", "--column", "team", "--to", "2"]);
    assert_eq!(counted["statement"], "count");

    // It was recorded under the task's id: whoever is not sure records it again.
    let task = tasks[2].to_string();
    let again = alice.does(&["record", "--task", &task]);
    assert_eq!(again["operation"], split["operation"]);
    alice.does(&["receipt", "4", "--out", "split.tlog-proof"]);

    // Nobody proves it at that price: what was to be made is not there, and can be made again.
    let cheap = ["sort", "staff.csv", "--column", "team", "--out", "s.csv"];
    let dear = [&["prove", "--reward", "2000"], &cheap[..]].concat();
    let error = alice.is_refused(&dear, 4);
    assert!(error.contains("2000 are needed"), "{error}");
    assert!(!folder.path().join("s.csv").exists());
    alice.does(&cheap);
    // A projection has nothing to be proved, and proving elsewhere needs a network.
    let project = [
        "project",
        "staff.csv",
        "--columns",
        "team",
        "--out",
        "t.csv",
    ];
    let error = alice.is_refused(&[&["prove"], &project[..]].concat(), 5);
    assert!(error.contains("record this one as it is"), "{error}");
    let at_home = ["prove", "count", "staff.csv", "--column", "team"];
    assert_eq!(run(folder.path(), &["init"]).0, Some(0));
    let (code, _, error) = run(folder.path(), &at_home);
    assert_eq!(code, Some(5));
    assert!(error.contains("expected --network URL"), "{error}");
    tasks
}

fn two_accounts(network: &str, [alice, bob]: [String; 2], log_key: &str) {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let person = |api_key| Person {
        network,
        api_key,
        folder: folder.path(),
    };
    let (alice, bob) = (person(alice), person(bob));
    let rows: String = (0..50).map(|n| format!("{n},{}\n", n % 7)).collect();
    std::fs::write(
        folder.path().join("staff.csv"),
        format!("salary,team\n{rows}"),
    )
    .unwrap();

    let notarized = alice.does(&["notarize", "staff.csv"]);
    let dataset = notarized["outputs"][0].as_str().unwrap();
    let filtered = alice.does(&[
        "filter",
        "staff.csv",
        "--column",
        "salary",
        "--from",
        "10",
        "--out",
        "paid.csv",
    ]);
    assert_eq!(filtered["operation"], 1);
    let counted = alice.does(&["count", "paid.csv", "--column", "team", "--to", "2"]);
    assert_eq!(counted["statement"], "count");
    let listed = alice.does(&["list", "--last", "2"]);
    assert_eq!(listed[1]["words"], "count of rows with team at most 2");
    let lineage = alice.does(&["lineage", "paid.csv"]);
    assert_eq!(lineage["datasets"].as_object().unwrap().len(), 2);

    // Offline, with the log's key.
    let written = alice.does(&["receipt", "2", "--out", "count.tlog-proof"]);
    assert_eq!(written["log_key"], log_key);
    let verified = alice.does(&["verify", "count.tlog-proof", "--log-key", log_key]);
    assert_eq!(verified["operation"], 2);

    // Another account sees that there was something, and no more.
    let seen = bob.does(&["list"]);
    assert_eq!(seen[2]["words"], "count");
    let error = bob.is_refused(&["receipt", "2", "--out", "bob.tlog-proof"], 4);
    assert!(error.contains("bob may not read"), "{error}");

    // What could not be recorded is kept, and recorded once that is allowed.
    let claim = ["count", "staff.csv", "--column", "team", "--to", "0"];
    let error = bob.is_refused(&claim, 4);
    let kept = error
        .split('`')
        .find_map(|part| part.strip_prefix("prooflane ledger record "));
    let (kept, at) = kept.unwrap().split_once(' ').unwrap();
    assert_eq!(at, format!("--network {network}"));
    bob.is_refused(&["record", kept], 4);
    alice.does(&["grant", "staff.csv", "bob", "prove,read"]);
    let grants = alice.does(&["grants", dataset]);
    assert_eq!(grants["grants"], json!({"bob": ["read", "prove"]}));
    let recorded = bob.does(&["record", kept]);
    assert_eq!(recorded["figures"][0]["value"], "8");
    let again = bob.does(&["record", kept]);
    assert_eq!(again["operation"], recorded["operation"]);
    alice.does(&["grant", "staff.csv", "bob"]);
    bob.is_refused(&["record", kept], 4);

    // The log's keys are for everybody; its folder is its operator's.
    assert_eq!(bob.does(&["keys", "list"])["log_keys"], json!([log_key]));
    for command in [
        &["keys", "rotate"][..],
        &["backup", "x"],
        &["restore", "x"],
        &["fsck"],
    ] {
        let error = bob.is_refused(command, 5);
        assert!(error.contains("expected --ledger"), "{error}");
    }
    let nowhere = Person {
        network: "http://127.0.0.1:9",
        ..person(String::new())
    };
    nowhere.is_refused(&["list"], 3);
}
