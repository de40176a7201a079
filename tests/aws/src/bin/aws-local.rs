//! `cargo xtask aws-local`: the whole network on emulators, until it is stopped.

use prooflane_tests_aws::{Emulator, Network};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("Building, and deploying the stacks to an emulator ...");
    let Some(emulator) = Emulator::ministack() else {
        std::process::exit(1);
    };
    let mut network = Network::deploy(emulator);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("worker.log");
    network.start_worker(&log);
    println!(
        "The network is up: functions as processes, one worker of the fleet.

  export PROOFLANE_NETWORK='{}'
  export PROOFLANE_API_KEY='{}'
  prooflane demo

The worker's log is {}. Ctrl-C stops everything and keeps nothing.",
        network.url,
        network.operator_key,
        log.display()
    );
    // Nothing can be done about a signal that cannot be waited for but to stop.
    let _ = tokio::signal::ctrl_c().await;
}
