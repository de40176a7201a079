//! The whole network as it is deployed: functions as processes behind the emulator's gateway, queues
//! and schedules, workers that pull from SQS, real proofs.

use prooflane_tests::binary::command;
use prooflane_tests_aws::{Emulator, Network};
use serde_json::Value;

#[test]
fn the_demo_passes_at_a_deployed_network() {
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut network = Network::deploy(emulator);
    network.start_worker(&folder.path().join("worker.log"));
    let demo = command(&["demo", "--json"])
        .args([
            "--network",
            &network.url,
            "--api-key",
            &network.operator_key,
        ])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{said}");
    let shown: Value = serde_json::from_slice(&demo.stdout).expect("one object");
    for field in ["verified", "tampered_rejected", "replay_rejected"] {
        assert_eq!(shown[field], Value::Bool(true), "{shown}");
    }
    assert_eq!(shown["winner"], "fleet-cpu");
    println!("{shown}");
    let findings = network.fsck();
    assert_eq!(findings["findings"], Value::Array(Vec::new()));
}
