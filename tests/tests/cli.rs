//! Every command of the binary: what it prints, what it exits with.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_ledger::{Evidence, task};
use prooflane_tests::binary::{Running, command};
use prooflane_tests::net::copy_keys;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing listens here.
const NOWHERE: &str = "http://127.0.0.1:9";
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// A folder to run commands in, with keys in `keys`, and the network they talk to.
struct Shell {
    folder: TempDir,
    network: String,
    /// Ended when the test ends.
    up: Option<Running>,
}

/// What a command did.
struct Did {
    code: i32,
    out: String,
    err: String,
}

impl Did {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let did = Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        assert!(
            !did.out.contains('\u{1b}') && !did.err.contains('\u{1b}'),
            "escape codes into a pipe"
        );
        did
    }

    /// The only line of standard output, which is JSON.
    fn json(&self) -> Value {
        let lines: Vec<&str> = self.out.lines().collect();
        assert_eq!(
            lines.len(),
            1,
            "expected one line, got {:?} ({})",
            self.out,
            self.err
        );
        serde_json::from_str(lines[0]).unwrap()
    }
}

impl Shell {
    fn offline() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_keys(folder.path());
        Self {
            folder,
            network: NOWHERE.into(),
            up: None,
        }
    }

    /// Where no network is named.
    fn alone() -> Self {
        Self {
            network: String::new(),
            ..Self::offline()
        }
    }

    fn with_network(more: &[&str]) -> Self {
        let mut shell = Self::offline();
        let (up, url) = Running::up(shell.folder.path(), more);
        (shell.up, shell.network) = (Some(up), url);
        shell
    }

    fn at(&self, file: &str) -> std::path::PathBuf {
        self.folder.path().join(file)
    }

    fn run(&self, args: &[&str]) -> Did {
        let mut command = command(args);
        command.current_dir(self.folder.path());
        if !self.network.is_empty() {
            command.env("PROOFLANE_NETWORK", &self.network);
        }
        Did::of(command.output().unwrap())
    }

    /// Runs it, expecting success.
    fn ok(&self, args: &[&str]) -> Did {
        let did = self.run(args);
        assert_eq!(did.code, 0, "{args:?}: {}{}", did.out, did.err);
        did
    }

    fn json(&self, args: &[&str]) -> Value {
        self.ok(&[args, &["--json"]].concat()).json()
    }

    /// Runs it, expecting this exit code and a reason that holds these words; with `--json` too.
    fn fails(&self, args: &[&str], code: i32, words: &str) {
        let did = self.run(args);
        assert_eq!(did.code, code, "{args:?}: {}{}", did.out, did.err);
        assert!(
            did.err.contains(words),
            "{args:?}: expected {words:?} in {:?}",
            did.err
        );
        let did = self.run(&[args, &["--json"]].concat());
        assert_eq!(did.code, code);
        if code != 2 {
            let error: Value = serde_json::from_str(&did.err).unwrap();
            assert!(error["error"].as_str().unwrap().contains(words), "{error}");
        }
    }

    /// The example inputs of a circuit as a file.
    fn inputs(&self, circuit: &str) -> String {
        let file = format!("{circuit}.json");
        let example = prooflane_circuits::find(circuit).unwrap().example();
        std::fs::write(self.at(&file), example.to_string()).unwrap();
        file
    }

    fn submit(&self, more: &[&str]) -> String {
        let inputs = self.inputs("range@1");
        let task = self.json(&[&["submit", "range@1", "--inputs", &inputs], more].concat());
        task["task_id"].as_str().unwrap().to_owned()
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn every_command_has_help() {
    let shell = Shell::offline();
    let mut commands = vec![String::new()];
    let mut seen = 0;
    while let Some(path) = commands.pop() {
        let mut args: Vec<&str> = path.split_whitespace().collect();
        args.push("--help");
        let help = shell.ok(&args).out;
        seen += 1;
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in listed.take_while(|line| line.starts_with("  ")) {
            let name = line.split_whitespace().next().unwrap();
            if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
                commands.push(format!("{path} {name}"));
            }
        }
    }
    assert!(
        seen >= 34,
        "only {seen} commands and subcommands were found"
    );
}

#[test]
fn the_demo_prints_one_object_with_exactly_the_promised_fields() {
    let shown = Shell::alone().json(&["demo"]);
    let mut expected = [
        "task_id",
        "circuit",
        "constraints",
        "prove_ms",
        "verify_ms",
        "total_ms",
        "winner",
        "price",
        "verified",
        "tampered_rejected",
        "replay_rejected",
        "unpaid_status",
        "paid_status",
        "second_use_status",
    ];
    expected.sort_unstable();
    assert_eq!(keys(&shown), expected);
    for field in ["verified", "tampered_rejected", "replay_rejected"] {
        assert_eq!(shown[field], json!(true), "{field}");
    }
    for (field, status) in [
        ("unpaid_status", 402),
        ("paid_status", 200),
        ("second_use_status", 402),
    ] {
        assert_eq!(shown[field], json!(status), "{field}");
    }
    assert_eq!(shown["circuit"], "payment@1");
    assert_eq!(shown["winner"], "thrifty");
    assert_eq!(
        shown["price"], 60,
        "the winner is paid what the runner-up's score allows"
    );
    for field in ["prove_ms", "verify_ms", "total_ms", "constraints"] {
        assert!(shown[field].as_f64().unwrap() > 0.0, "{field}");
    }
}

#[test]
fn the_demo_tells_people_every_step() {
    let told = Shell::alone().ok(&["demo"]).out;
    for step in [
        "auctioned: thrifty wins",
        "starts proving",
        "verified",
        "refused (already_spent)",
        "GET /report: 402",
        "200, the report says 42",
        "402, duplicate_settlement",
        "Done.",
    ] {
        assert!(told.contains(step), "{step:?} is missing in {told}");
    }
}

#[test]
fn the_demo_goes_to_a_network_that_is_named() {
    Shell::offline().fails(&["demo"], 3, NOWHERE);
    let shell = Shell::with_network(&["--provers", "1"]);
    let shown = shell.json(&["demo"]);
    assert_eq!(shown["replay_rejected"], json!(true));
    let task = shown["task_id"].as_str().unwrap();
    assert_eq!(shell.json(&["status", task])["status"], "completed");
}

#[test]
fn up_says_where_it_listens_and_drains_on_sigterm() {
    let shell = Shell::offline();
    let (up, url) = Running::up(shell.folder.path(), &["--provers", "1"]);
    let shell = Shell {
        network: url,
        ..shell
    };
    let inputs = shell.inputs("payment@1");
    let tasks: Vec<String> = (0..4)
        .map(|_| {
            let task = shell.json(&["submit", "payment@1", "--inputs", &inputs]);
            task["task_id"].as_str().unwrap().to_owned()
        })
        .collect();
    let ended = up.terminate();
    assert!(ended.status.success());
    assert_eq!(
        ended.lines,
        Vec::<String>::new(),
        "with --json, nothing but JSON"
    );
    // What it had not started goes on at the next start; what it had was not done twice.
    let (up, url) = Running::up(shell.folder.path(), &["--provers", "1"]);
    let shell = Shell {
        network: url,
        up: Some(up),
        ..shell
    };
    let until = Instant::now() + Duration::from_secs(20);
    for task in tasks {
        loop {
            let status = shell.json(&["status", &task]);
            if status["status"] == "completed" {
                assert_eq!(status["attempts"].as_array().unwrap().len(), 1);
                break;
            }
            assert!(Instant::now() < until, "{status}");
        }
    }
}

#[test]
fn up_tells_people_where_everything_is() {
    let shell = Shell::offline();
    let data = shell.folder.path().to_str().unwrap();
    let mut up = Running::start(&["up", "--listen", "127.0.0.1:0", "--data", data]);
    let mut told = String::new();
    while !told.contains("Ctrl-C") {
        told += &up.line();
    }
    for word in [
        "http://127.0.0.1:",
        "/docs",
        data,
        "attestor.json",
        "development",
    ] {
        assert!(told.contains(word), "{word:?} is missing in {told}");
    }
    let ended = up.terminate();
    assert!(ended.status.success());
    assert!(
        ended.lines.last().unwrap().starts_with("Stopped."),
        "{:?}",
        ended.lines
    );
}

#[test]
fn a_second_network_on_the_same_data_or_address_is_refused() {
    let shell = Shell::with_network(&[]);
    let data = shell.folder.path().to_str().unwrap();
    let address = shell.network.strip_prefix("http://").unwrap();
    shell.fails(
        &["up", "--listen", "127.0.0.1:0", "--data", data],
        5,
        "another process",
    );
    shell.fails(
        &["up", "--listen", address, "--data", "other"],
        5,
        "cannot listen",
    );
}

#[test]
fn a_network_that_others_reach_asks_for_keys_and_a_word_about_development() {
    let shell = Shell::offline();
    shell.fails(&["up", "--listen", "0.0.0.0:0", "--open"], 5, "--closed");
    shell.fails(
        &["up", "--listen", "0.0.0.0:0"],
        5,
        "--allow-development-keys",
    );
}

#[test]
fn a_task_can_be_submitted_followed_looked_at_and_fetched() {
    let shell = Shell::with_network(&["--provers", "2"]);
    let inputs = shell.inputs("range@1");
    let submit = ["submit", "range@1", "--inputs", &inputs, "--wait"];
    let told = shell
        .ok(&[
            &submit[..],
            &["--out", "proof.json", "--public", "public.json"],
        ]
        .concat())
        .out;
    for word in [
        "Task ",
        "submitted",
        "auctioned",
        "starts proving",
        "is paid",
        "proof.json",
    ] {
        assert!(told.contains(word), "{word:?} is missing in {told}");
    }
    let proof = shell.json(&submit);
    let task = proof["task_id"].as_str().unwrap();
    assert_eq!(proof["provenance"], "development");
    assert_eq!(shell.json(&["proof", task]), proof);
    assert_eq!(shell.json(&["status", task])["status"], "completed");
    assert!(shell.ok(&["status", task]).out.contains("completed"));
    let why = shell.json(&["explain", task]);
    assert_eq!(keys(&why), ["next", "why"]);
    assert!(
        shell
            .ok(&["explain", task])
            .out
            .contains("Why:  Prover local-")
    );
    let listed = shell.json(&["tasks", "--status", "completed", "--limit", "1"]);
    assert_eq!(listed["tasks"][0]["task_id"], proof["task_id"]);
    assert_eq!(
        shell.ok(&["tasks"]).out.lines().count(),
        3,
        "a head and two tasks"
    );
    assert_eq!(
        shell.json(&["provers"])["provers"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(shell.ok(&["provers"]).out.lines().count(), 3);
    assert_eq!(shell.json(&["quote", "range@1"])["available"], json!(true));
    assert!(shell.ok(&["quote", "range@1"]).out.contains("credits"));

    // The proof verifies here too, under the key that the network's own directory holds.
    shell.ok(&[
        "proof",
        task,
        "--out",
        "again.json",
        "--public",
        "public.json",
    ]);
    let key = shell
        .ok(&["circuits", "verifying-key", "range@1", "--keys", "keys"])
        .out;
    std::fs::write(shell.at("verification_key.json"), key).unwrap();
    shell.ok(&["verify", "--proof", "again.json"]);
    // Printed for people, it is snarkjs's proof.json and nothing else.
    let printed: Value = serde_json::from_str(&shell.ok(&["proof", task]).out).unwrap();
    assert_eq!(printed, proof["proof"]);
}

#[test]
fn a_statement_is_submitted_and_its_evidence_fetched() {
    let shell = Shell::with_network(&[]);
    let inputs = task::Inputs::example().to_string();
    std::fs::write(shell.at("inputs.json"), inputs).unwrap();
    let submit = ["submit", task::CIRCUIT, "--inputs", "inputs.json", "--wait"];
    let told = shell.ok(&[&submit[..], &["--out", "a.evidence"]].concat());
    assert!(
        told.out.contains("The proof is in a.evidence."),
        "{}",
        told.out
    );
    let written = std::fs::read(shell.at("a.evidence")).unwrap();
    let evidence = Evidence::from_bytes(&written).unwrap();
    assert!(evidence.verify().unwrap().security_bits > Some(90.0));
    let shown = shell.json(&submit);
    assert_eq!(keys(&shown), ["circuit", "evidence_bytes", "task_id"]);
    let task = shown["task_id"].as_str().unwrap();
    shell.ok(&["proof", task, "--out", "b.evidence"]);
    let fetched = std::fs::read(shell.at("b.evidence")).unwrap();
    assert_eq!(
        Evidence::from_bytes(&fetched).unwrap().instance(),
        evidence.instance()
    );
    // What a circuit's proof has besides, it has not.
    let more = ["proof", task, "--out", "c", "--public", "d"];
    shell.fails(&more, 5, "no --public");
    let more = ["proof", task, "--out", "c", "--verifying-key", "d"];
    shell.fails(&more, 5, "no --verifying-key");
}

#[test]
fn a_repeated_submission_is_the_same_task_and_its_end_is_final() {
    let shell = Shell::with_network(&["--provers", "0"]);
    let id = "11111111-2222-4333-8444-555555555555";
    assert_eq!(shell.submit(&["--task-id", id]), id);
    assert_eq!(shell.submit(&["--task-id", id]), id);
    let inputs = shell.inputs("range@1");
    let other = [
        "submit",
        "range@1",
        "--inputs",
        &inputs,
        "--task-id",
        id,
        "--priority",
        "51",
    ];
    shell.fails(&other, 4, "task_id_reused");
    assert!(
        shell
            .ok(&["explain", id])
            .out
            .contains("No prover is registered")
    );
    shell.fails(&["proof", id], 4, "no_proof");
    assert_eq!(shell.json(&["cancel", id])["status"], "cancelled");
    assert!(
        shell
            .ok(&["cancel", id])
            .out
            .contains("the reward went back")
    );
    shell.fails(
        &[&other[..6], &["--wait"]].concat(),
        1,
        "ended as cancelled",
    );
    shell.fails(&["quote", "range@1"], 1, "No prover");
}

#[test]
fn api_keys_are_made_by_the_operator_and_asked_for_on_a_closed_network() {
    let shell = Shell::with_network(&["--closed"]);
    shell.fails(&["tasks"], 4, "unauthorized");
    let operator = std::fs::read_to_string(shell.at("operator.key.json")).unwrap();
    assert_eq!(mode(&shell.at("operator.key.json")), 0o600);
    let operator: Value = serde_json::from_str(&operator).unwrap();
    let operator = operator["api_key"].as_str().unwrap();
    let create = [
        "keys",
        "create",
        "--name",
        "alice",
        "--role",
        "requester",
        "--api-key",
        operator,
    ];
    let made = shell.json(&create);
    let key = made["api_key"].as_str().unwrap();
    assert_eq!(made["roles"], json!(["requester"]));
    assert!(shell.ok(&create).out.starts_with("plk_"));
    shell.ok(&["tasks", "--api-key", key]);
    shell.fails(&["prover", "--name", "p"], 4, "unauthorized");
    shell.fails(
        &["prover", "--name", "p", "--api-key", key],
        4,
        "role prover",
    );
    let again = [
        "keys",
        "create",
        "--name",
        "bob",
        "--role",
        "operator",
        "--api-key",
        key,
    ];
    shell.fails(&again, 4, "forbidden");

    let keys = shell.json(&["keys", "list", "--api-key", operator]);
    let keys = keys["keys"].as_array().unwrap();
    let ids = |name: &str| {
        let named = keys.iter().filter(|key| key["name"] == name);
        named
            .map(|key| key["key_id"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!((keys.len(), ids("alice").len()), (3, 2));
    for id in ids("alice") {
        shell.ok(&["keys", "revoke", id, "--api-key", operator]);
    }
    shell.fails(&["tasks", "--api-key", key], 4, "unauthorized");
    let last = ids("operator")[0];
    shell.fails(
        &["keys", "revoke", last, "--api-key", operator],
        4,
        "only operator",
    );
    let list = shell.ok(&["keys", "list", "--api-key", operator]).out;
    assert_eq!(list.trim(), format!("{last}  operator (operator)"));
}

#[test]
fn secrets_are_made_for_their_owner_alone_and_never_replaced() {
    let shell = Shell::offline();
    for kind in ["wallet", "attestor"] {
        let file = format!("{kind}.json");
        let made = shell.json(&[kind, "new"]);
        assert_eq!(made["file"], file);
        assert_eq!(mode(&shell.at(&file)), 0o600);
        let before = std::fs::read(shell.at(&file)).unwrap();
        shell.fails(&[kind, "new"], 5, "never replaced");
        assert_eq!(std::fs::read(shell.at(&file)).unwrap(), before);
        let told = shell.ok(&[kind, "new", "--out", "other.json"]).out;
        assert!(told.contains("secret"));
        std::fs::remove_file(shell.at("other.json")).unwrap();
    }
}

#[test]
fn a_payment_is_attested_proved_and_verified_with_files_alone() {
    let shell = Shell::offline();
    shell.ok(&["attestor", "new"]);
    let payer = shell.json(&["wallet", "new"])["commitment"]
        .as_str()
        .unwrap()
        .to_owned();
    let attest = [
        "attest",
        "--payer",
        &payer,
        "--recipient",
        "merchant-1",
        "--asset",
        "eip155:1/slip44:60",
        "--amount",
        "1500",
        "--tx-hash",
        "tx-1",
    ];
    shell.ok(&[&attest[..], &["--out", "receipt.json"]].concat());
    assert_eq!(shell.json(&attest)["actualAmount"], "1500");
    let prove = [
        "prove",
        "payment@1",
        "--receipt",
        "receipt.json",
        "--wallet",
        "wallet.json",
        "--keys",
        "keys",
        "--verifying-key",
        "verification_key.json",
        "--min-amount",
    ];
    let proved = shell.json(&[&prove[..], &["1000"]].concat());
    assert_eq!(proved["circuit"], "payment@1");
    assert_eq!(shell.json(&["verify"])["verified"], json!(true));
    assert!(shell.ok(&["verify"]).out.starts_with("Verified"));
    shell.fails(&[&prove[..], &["1501"]].concat(), 5, "actualAmount");

    let public = std::fs::read_to_string(shell.at("public.json")).unwrap();
    std::fs::write(
        shell.at("tampered.json"),
        public.replacen("1000", "1001", 1),
    )
    .unwrap();
    let tampered = ["verify", "--public", "tampered.json"];
    assert_eq!(shell.run(&tampered).code, 1);
    let did = shell.run(&[&tampered[..], &["--json"]].concat());
    assert_eq!(
        (did.code, did.json()["verified"].clone()),
        (1, json!(false))
    );
}

#[test]
fn circuits_are_listed_with_inputs_that_can_be_proved() {
    let shell = Shell::offline();
    let listed = shell.json(&["circuits", "list"]);
    let ids: Vec<&str> = listed["circuits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["id"].as_str().unwrap())
        .collect();
    let (statements, circuits) = ids.split_last().unwrap();
    assert_eq!(
        circuits,
        ["payment@1", "merkle@1", "range@1", "dataset-row@1"]
    );
    assert_eq!(*statements, task::CIRCUIT);
    let told = shell.ok(&["circuits", "list"]).out;
    assert!(told.contains("plonky3/statement@1"), "{told}");
    assert_eq!(shell.json(&["circuits"]), listed);
    let example = shell.json(&["circuits", "example", statements]);
    assert_eq!(example, task::Inputs::example());
    for id in circuits {
        let example = shell.json(&["circuits", "example", id]);
        assert_eq!(example, prooflane_circuits::find(id).unwrap().example());
        let key = shell.json(&["circuits", "verifying-key", id, "--keys", "keys"]);
        assert_eq!(key["protocol"], "groth16");
    }
}

/// Files that circom and snarkjs made.
fn fixture(file: &str) -> String {
    format!(
        "{}/../provers/formats/fixtures/{file}",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn any_circuit_is_proved_and_verified_from_snarkjs_files() {
    let shell = Shell::offline();
    let [zkey, wtns, vkey] =
        ["final.zkey", "multiplier.wtns", "verification_key.json"].map(fixture);
    let proved = shell.json(&["prove", "--zkey", &zkey, "--wtns", &wtns]);
    assert_eq!(
        keys(&proved),
        ["constraints", "key_id", "proof", "prove_ms", "public"]
    );
    let public: Value =
        serde_json::from_slice(&std::fs::read(shell.at("public.json")).unwrap()).unwrap();
    assert_eq!(public, json!(["213", "3"]));
    shell.ok(&["verify", "--vkey", &vkey]);
    let trusted = [
        "prove",
        "--zkey",
        &zkey,
        "--wtns",
        &wtns,
        "--trust-key",
        "--out-proof",
        "p.json",
    ];
    shell.ok(&trusted);
    shell.ok(&["verify", "--vkey", &vkey, "--proof", "p.json"]);
    std::fs::write(shell.at("lie.json"), r#"["214", "3"]"#).unwrap();
    shell.fails(
        &["verify", "--vkey", &vkey, "--public", "lie.json"],
        1,
        "does not verify",
    );

    shell.fails(&["prove"], 2, "required");
    shell.fails(&["prove", "--zkey", &zkey], 2, "--wtns");
    shell.fails(
        &["prove", "range@1", "--zkey", &zkey, "--wtns", &wtns],
        2,
        "cannot be used with",
    );
    shell.fails(
        &["prove", "--zkey", &wtns, "--wtns", &wtns],
        5,
        "is no key to prove with",
    );
    shell.fails(
        &["prove", "--zkey", &zkey, "--wtns", &zkey],
        5,
        "is no witness for this key",
    );
    shell.fails(
        &["prove", "--zkey", "nothing", "--wtns", &wtns],
        5,
        "nothing cannot be read",
    );
}

#[test]
fn keys_are_inspected_checked_imported_and_exported() {
    let shell = Shell::offline();
    let [zkey, r1cs] = ["final.zkey", "multiplier.r1cs"].map(fixture);
    let inspected = shell.json(&["key", "inspect", &zkey]);
    // As snarkjs 0.7.6 prints it.
    let hash = "8862422f60c54c2847f5e3721830a7e3cc285a0a069fe72f0d798b41b4aea8c2\
                959309dc0b3b4cbd809197868fe83956f089bebc463ffc496d5cdc177655dcde";
    assert_eq!(
        inspected["contributions"][0],
        json!({"name": "a contributor", "hash": hash, "beacon": null})
    );
    let told = shell.ok(&["key", "inspect", &zkey]).out;
    assert!(
        told.contains("a contributor") && told.contains(hash) && told.contains("2^3"),
        "{told}"
    );
    let told = shell.ok(&["key", "check", &zkey, "--r1cs", &r1cs]).out;
    assert!(
        told.contains("Nothing wrong was found") && told.contains("Not checked: "),
        "{told}"
    );
    assert!(
        shell
            .ok(&["key", "check", &zkey])
            .out
            .contains("compared with nothing")
    );

    let check = |args: &[&str], words: &str| {
        let did = shell.run(&[&["key", "check"], args].concat());
        assert_eq!(did.code, 1, "{}{}", did.out, did.err);
        assert!(did.err.contains(words), "{}", did.err);
    };
    check(
        &[&zkey, "--circuit", "range@1"],
        "the key is for another circuit",
    );
    check(&[&r1cs], "expected a .zkey file");
    let whole = std::fs::read(&zkey).unwrap();
    std::fs::write(shell.at("half.zkey"), &whole[..2_000]).unwrap();
    check(&["half.zkey"], "is the file whole?");

    // A development key goes out, but not in as one of a ceremony.
    shell.ok(&[
        "key",
        "export",
        "range@1",
        "--keys",
        "keys",
        "--zkey",
        "range.zkey",
    ]);
    let vkey = shell.json(&["key", "export", "range@1", "--keys", "keys", "--vkey", "-"]);
    assert_eq!(
        vkey,
        shell.json(&["circuits", "verifying-key", "range@1", "--keys", "keys"])
    );
    let told = shell
        .ok(&["key", "check", "range.zkey", "--circuit", "range@1"])
        .out;
    assert!(told.contains("Nobody has contributed"), "{told}");
    shell.fails(&["key", "export", "range@1"], 2, "--zkey");
    let import = |circuit, zkey| ["key", "import", circuit, "--keys", "others", "--zkey", zkey];
    shell.fails(
        &import("range@1", "range.zkey"),
        5,
        "contributions of a ceremony, got none",
    );
    shell.fails(&import("range@1", "half.zkey"), 5, "is the file whole?");
    shell.fails(&import("range@1", &zkey), 5, "for another circuit");
    assert!(!shell.at("others/range@1.key").exists());
}

#[test]
fn witnesses_and_constraint_systems_are_written_for_snarkjs() {
    let shell = Shell::offline();
    let inputs = shell.inputs("range@1");
    for _ in 0..2 {
        let written = shell.json(&["witness", "range@1", "--inputs", &inputs]);
        assert_eq!(
            (&written["values"], &written["wtns"]),
            (&json!(482), &json!("witness.wtns"))
        );
        assert_eq!(mode(&shell.at("witness.wtns")), 0o600);
    }
    let exported = shell.json(&["circuit", "export", "range@1", "--r1cs", "range.r1cs"]);
    assert_eq!(
        (&exported["wires"], &exported["powers_of_tau"]),
        (&json!(482), &json!(9))
    );
    let zkey = [
        "key",
        "export",
        "range@1",
        "--keys",
        "keys",
        "--zkey",
        "range.zkey",
    ];
    shell.ok(&zkey);
    shell.ok(&["key", "check", "range.zkey", "--r1cs", "range.r1cs"]);
    shell.ok(&["prove", "--zkey", "range.zkey", "--wtns", "witness.wtns"]);
    shell.fails(&["witness", "range@1"], 2, "--inputs");
    shell.fails(&["circuit", "export", "range@1"], 2, "--r1cs");
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Shell::offline().ok(&["completions", shell]).out;
        assert!(
            script.contains("prooflane") && script.contains("verifying-key"),
            "{shell}"
        );
    }
}

#[test]
fn the_bench_reports_latency_and_throughput() {
    let did = Shell::offline().ok(&[
        "bench", "network", "--proofs", "2", "--tasks", "50", "--json",
    ]);
    let rows: Vec<Value> = did
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let cases: Vec<&str> = rows
        .iter()
        .map(|row| row["case"].as_str().unwrap())
        .collect();
    assert_eq!(cases, ["latency", "submit", "claim"]);
    // How fast is for a quiet machine to say.
    assert!(rows[0]["within"].is_boolean());
    assert_eq!([&rows[1]["count"], &rows[2]["count"]], [50, 50]);
    println!("{}", did.out);
}

#[test]
fn each_exit_code_means_what_the_help_says() {
    let shell = Shell::with_network(&["--provers", "0"]);
    let help = shell.ok(&["--help"]).out;
    assert_eq!(
        help.lines()
            .skip_while(|line| *line != "Exit codes:")
            .count(),
        7
    );
    shell.ok(&["tasks"]);
    shell.fails(&["quote", "range@1"], 1, "No prover");
    shell.fails(&["submit"], 2, "Usage");
    shell.fails(&["status", "no-uuid"], 2, "invalid value");
    shell.fails(
        &["prove", "nothing@1", "--inputs", "-"],
        2,
        "expected one of payment@1",
    );
    shell.fails(&["tasks", "--network", "no url"], 2, "expected the URL");
    shell.fails(&["tasks", "--network", NOWHERE], 3, NOWHERE);
    shell.fails(&["status", UNKNOWN], 4, "unknown_task");
    shell.fails(&["verify"], 5, "verification_key.json");
}

#[test]
fn credits_are_paid_in_and_every_auction_is_recomputed() {
    let shell = Shell::with_network(&[]);
    let deposit = [
        "deposit",
        "requester:carol",
        "500",
        "--deposit-id",
        "bank-1",
    ];
    for _ in 0..2 {
        let carol = shell.json(&deposit);
        let expected = json!({"name": "requester:carol", "balance": 500, "stake": 0});
        assert_eq!(carol, expected);
    }
    let out = shell.ok(&["deposit", "requester:carol", "1"]).out;
    assert!(out.contains("requester:carol holds 501 credits"), "{out}");
    shell.fails(&["deposit", "carol", "1"], 4, "expected an account");
    let reused = [
        "deposit",
        "requester:carol",
        "501",
        "--deposit-id",
        "bank-1",
    ];
    shell.fails(&reused, 4, "exists already");

    let task = shell.submit(&["--wait"]);
    let accounts = shell.json(&["accounts"]);
    let names = accounts["accounts"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|a| a["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"requester:carol") && names.contains(&"network:mint"));
    let lines = shell.ok(&["accounts"]).out;
    assert!(
        lines
            .lines()
            .any(|l| l.starts_with("requester:carol") && l.contains("501"))
    );

    let audit = shell.json(&["audit"]);
    assert_eq!(
        audit,
        json!({"tasks": 1, "transcripts": 1, "differences": []})
    );
    let one = shell.ok(&["audit", &task]).out;
    assert!(
        one.contains("the same winner and price: 1 of 1 tasks"),
        "{one}"
    );
    shell.fails(&["audit", UNKNOWN], 4, "no task");
}

#[test]
fn the_data_of_a_killed_network_are_checked_and_damage_is_named() {
    let mut shell = Shell::with_network(&[]);
    shell.submit(&["--wait"]);
    let data = shell.folder.path().to_str().unwrap().to_owned();
    let fsck = ["fsck", "--data", &data];
    shell.fails(&fsck, 5, "another process");
    shell.up.take().unwrap().kill();
    let broken = |report: &Value| {
        let findings = report["findings"].as_array().unwrap().iter();
        findings.filter(|f| f["severity"] == "broken").count()
    };
    let report = shell.json(&fsck);
    assert_eq!(broken(&report), 0, "{report}");
    assert!(shell.ok(&fsck).out.contains("No invariant is broken."));
    shell.fails(
        &["fsck", "--data", "nowhere"],
        5,
        "expected the data directory",
    );

    std::fs::remove_dir_all(shell.at("blobs")).unwrap();
    let did = shell.run(&[&fsck[..], &["--json"]].concat());
    assert_eq!(did.code, 1, "{}", did.err);
    assert!(broken(&did.json()) > 0);
}
