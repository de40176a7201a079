//! The README's section for data teams does what it says.

#![allow(clippy::unwrap_used, reason = "tests")]

use prooflane_tests::net::Network;
use prooflane_worker::Offer;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_commands_run_as_they_stand() {
    // As `prooflane up` starts one.
    let mut own = Offer::new("local-1", 10, 1);
    own.fleet = true;
    let network = Network::start(vec![own]).await;
    let url = network.node.url();
    let done = tokio::task::spawn_blocking(move || commands(&url));
    done.await.unwrap();
}

fn commands(network: &str) {
    let readme = include_str!("../../../README.md");
    let section = readme.split("\n## For data teams\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let script: String = blocks
        .map(|block| block.split("```").next().unwrap())
        .collect();
    assert!(script.lines().count() > 8, "where are the commands?");
    let script = script.replace("http://127.0.0.1:8080", network);
    println!("{script}");

    let folder = tempfile::tempdir().unwrap();
    // `prooflane ledger` becomes this program.
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let program = env!("CARGO_BIN_EXE_prooflane-ledger");
    let shim = format!("#!/bin/sh\ntest \"$1\" = ledger\nshift\nexec {program} \"$@\"\n");
    std::fs::write(bin.join("prooflane"), shim).unwrap();
    let executable = Command::new("chmod")
        .arg("+x")
        .arg(bin.join("prooflane"))
        .status();
    assert!(executable.unwrap().success());
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    // The README's commands run in the repository.
    symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap(),
        work.join("ledger"),
    )
    .unwrap();

    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", &script])
        .env("PATH", path)
        .env_remove("PROOFLANE_PASSPHRASE")
        .env("PROOFLANE_CONFIG", "/dev/null")
        .current_dir(&work)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    println!("{printed}");
    for said in [
        "10,000 rows, 7 columns of orders.parquet",
        "statistics of amount, 1",
        "sum      ",
        "in its signed tree of 3 ✓",
        "not about whether they are true",
        "operation 1 of localhost/ledger",
    ] {
        assert!(
            printed.contains(said),
            "{said} is not in\n{printed}\n{errors}"
        );
    }

    // A lie is refused, offline.
    let receipt = std::fs::read_to_string(work.join("auditor/statistics.tlog-proof")).unwrap();
    let evidence = std::fs::read(work.join("auditor/statistics.evidence")).unwrap();
    let verify = |receipt: &str, evidence: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.tlog-proof"), receipt).unwrap();
        std::fs::write(folder.path().join("a.evidence"), evidence).unwrap();
        let key = work.join("auditor/log.pub");
        let output = Command::new(program)
            .args(["verify", "a.tlog-proof", "--json", "--log-key"])
            .arg(key)
            .current_dir(folder.path())
            .output();
        output.unwrap().status.code()
    };
    assert_eq!(verify(&receipt, &evidence), Some(0));
    let mut damaged = evidence.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert_eq!(verify(&receipt, &damaged), Some(1));
    let other = receipt.replacen("index 2", "index 1", 1);
    assert_eq!(verify(&other, &evidence), Some(1));
}
