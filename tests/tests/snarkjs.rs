//! JavaScript libraries as independent judges: snarkjs of proofs and verifying keys, wallets'
//! libraries of hashes and signatures.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_client::wire::SubmitTask;
use prooflane_tests::binary::command;
use prooflane_tests::net::{Network, copy_keys, one_prover};
use prooflane_tests::node::Scripts;
use serde_json::{Value, json};
use std::path::Path;

/// Lets snarkjs judge the folder of each circuit.
fn judge(scripts: &Scripts, exported: &Path) {
    let mut args = vec!["verify.mjs".to_owned()];
    for circuit in prooflane_circuits::registry() {
        args.push(exported.join(circuit.id()).display().to_string());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let printed = scripts.run(&args);
    let verdicts: Vec<Value> = printed
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(verdicts.len(), prooflane_circuits::registry().len());
    for (circuit, verdict) in prooflane_circuits::registry().iter().zip(verdicts) {
        println!("{}: {verdict}", circuit.id());
        assert_eq!(verdict["accepted"], json!(true), "{}", circuit.id());
        assert_eq!(verdict["inputs"], json!(circuit.public_names().len()));
        assert_eq!(verdict["refused"], verdict["changes"], "{}", circuit.id());
    }
}

#[test]
fn snarkjs_accepts_what_the_command_line_exports_and_refuses_changes() {
    let Some(scripts) = Scripts::of("tests/snarkjs") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    copy_keys(folder.path());
    for circuit in prooflane_circuits::registry() {
        let to = folder.path().join(circuit.id());
        std::fs::create_dir(&to).unwrap();
        std::fs::write(to.join("inputs.json"), circuit.example().to_string()).unwrap();
        let mut prove = command(&["prove", circuit.id(), "--inputs", "inputs.json"]);
        prove.args([
            "--keys",
            "../keys",
            "--out",
            "proof.json",
            "--public",
            "public.json",
        ]);
        prove
            .args(["--verifying-key", "verification_key.json"])
            .current_dir(&to);
        assert!(prove.status().unwrap().success());
    }
    judge(&scripts, folder.path());
}

#[tokio::test]
async fn snarkjs_accepts_what_the_network_serves_and_refuses_changes() {
    let Some(scripts) = Scripts::of("tests/snarkjs") else {
        return;
    };
    let network = Network::start(one_prover()).await;
    let exported = tempfile::tempdir().unwrap();
    for circuit in prooflane_circuits::registry() {
        let task = SubmitTask::new(circuit.id(), circuit.example());
        let id = network.client.submit(&task).await.unwrap().task_id;
        network.client.wait_for_proof(id).await.unwrap();
        let get = async |path: String| {
            let answer = network.http.get(network.at(&path)).send().await.unwrap();
            answer.json::<Value>().await.unwrap()
        };
        let proof = get(format!("/v1/tasks/{id}/proof")).await;
        let key = get(format!("/v1/circuits/{}/verifying-key", circuit.id())).await;
        let to = exported.path().join(circuit.id());
        std::fs::create_dir(&to).unwrap();
        let write = |name, value: &Value| std::fs::write(to.join(name), value.to_string()).unwrap();
        write("proof.json", &proof["proof"]);
        write("public.json", &proof["public_inputs"]);
        write("verification_key.json", &key);
    }
    judge(&scripts, exported.path());
    network.node.stop().await.unwrap();
}

#[test]
fn the_circuits_vectors_are_what_wallets_libraries_compute() {
    let Some(scripts) = Scripts::of("circuits/vectors") else {
        return;
    };
    print!("{}", scripts.run(&["generate.mjs", "--check"]));
}
