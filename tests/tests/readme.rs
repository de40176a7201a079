//! The README's commands do what it says, in its order.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_tests::binary::prooflane;
use prooflane_tests::net::copy_keys;
use std::net::TcpListener;
use std::process::Command;

#[test]
fn the_readmes_commands_run_as_they_stand() {
    let readme = include_str!("../../README.md");
    // The ledger's section is run by ledger/cli.
    let (before, section) = readme.split_once("\n## For data teams\n").unwrap();
    let (_, after) = section.split_once("\n## ").unwrap();
    let readme = format!("{before}{after}");
    let blocks = readme.split("```sh\n").skip(1);
    let mut script: String = blocks.map(|b| b.split("```").next().unwrap()).collect();
    assert!(script.lines().count() > 20, "where are the commands?");

    // Somebody else may listen at the port that the README names.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let up = "prooflane up --data network &";
    assert!(script.contains(up), "the README starts a network");
    let wait = format!(
        "prooflane up --listen {address} --data network &\n\
         up=$!\ntrap 'kill $(jobs -p); wait' EXIT\n\
         until curl --fail --silent http://{address}/health; do kill -0 $up; done\n"
    );
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let gate = free.local_addr().unwrap().to_string();
    drop(free);
    let start = "prooflane gate gate.json --attestor network/attestor.json &";
    assert!(script.contains(start), "the README starts a gate");
    let started = format!(
        "prooflane gate gate.json --listen {gate} --attestor network/attestor.json &\n\
         gate=$!\nuntil curl --fail --silent http://{gate}/health; do kill -0 $gate; done\n"
    );
    script = script
        .replace(up, &wait)
        .replace(start, &started)
        .replace("127.0.0.1:8402", &gate)
        .replace("127.0.0.1:8080", &address);
    println!("{script}");

    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("network");
    std::fs::create_dir(&network).unwrap();
    copy_keys(&network);
    let path = std::env::var("PATH").unwrap();
    let bin = prooflane().parent().unwrap().display();
    let output = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", &script])
        .env("PATH", format!("{bin}:{path}"))
        .env("PROOFLANE_NETWORK", format!("http://{address}"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    assert!(
        errors.contains("the receipt is spent"),
        "{printed}\n{errors}"
    );
    for said in [
        "Verified under key",
        "\"status\":\"pending\"",
        "\"event\":\"completed\"",
        "\"provenance\":\"development\"",
        "Admitted: paid for, to you, once.",
    ] {
        assert!(
            printed.contains(said),
            "{said} is not in\n{printed}\n{errors}"
        );
    }
}
