//! The stock x402 SDKs against the component: as facilitator of a stock server, and as gate.

#![allow(clippy::unwrap_used)]

use prooflane_tests::node::Scripts;
use prooflane_tests_edge::Street;
use std::process::Stdio;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn stock_clients_and_servers_speak_with_the_component() {
    let Some(package) = Scripts::of("sdk/typescript") else {
        return;
    };
    let street = Street::start(|_| {}).await;
    // target/<profile>/deps/<test>-<hash>
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("prooflane");
    assert!(
        program.is_file(),
        "{} has not been built",
        program.display()
    );
    let status = Command::new("npm")
        .args(["test"])
        .current_dir(package.folder())
        .env("CI", "true")
        .env("PROOFLANE_BIN", program)
        .env("PROOFLANE_NETWORK_URL", street.node.url())
        .env("PROOFLANE_ATTESTOR_FILE", &street.node.attestor)
        .env("PROOFLANE_FACILITATOR_URL", street.host.url())
        .env("PROOFLANE_GATE_URL", street.host.url())
        .env("PROOFLANE_ORIGIN_URL", &street.origin.url)
        .stdin(Stdio::null())
        .status()
        .await
        .unwrap();
    assert!(
        status.success(),
        "the SDK's tests failed; their output stands above"
    );
    street.stop().await;
}
