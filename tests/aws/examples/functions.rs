//! `cargo xtask bench functions`: how large each function is, and how long it takes from its start
//! until it asks for its first event. The store is an emulator on this machine.

use prooflane_coordinator::Catalogue;
use prooflane_engine::Keys;
use prooflane_store::PutMode;
use prooflane_tests_aws::{Emulator, Function, ports};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

const STARTS: usize = 11;

#[tokio::main]
async fn main() {
    let built = std::env::args()
        .nth(1)
        .expect("the folder with the functions");
    let built = PathBuf::from(built);
    let Some(emulator) = Emulator::ministack() else {
        std::process::exit(1);
    };
    let config = emulator.config().await;
    let ports = ports(&config, &config).await;
    let folder = tempfile::tempdir().expect("a folder");
    let keys = Arc::new(Keys::open(folder.path()).expect("keys"));
    let catalogue = prooflane::node::catalogue(keys).await.expect("a catalogue");
    let json = catalogue.to_json();
    let put = ports
        .blobs
        .put(Catalogue::BLOB, json.as_bytes(), PutMode::Overwrite);
    put.await.expect("it is stored");
    let keys = format!(r#"{{"1":"{}"}}"#, "k".repeat(64));
    let made = prooflane_store_aws::create_secret(&config, "ledger-keys", &keys);
    made.await.expect("a secret");
    println!("function   size, MB   start to first event, ms (median of {STARTS}; least; most)");
    for name in ["api", "auction", "verify", "sweep"] {
        let program = built.join(name).join("bootstrap");
        let bytes = program.metadata().expect("it is built").len();
        let mut millis = Vec::new();
        for _ in 0..STARTS {
            let mut command = Command::new(&program);
            command
                .env_clear()
                .env("AWS_ENDPOINT_URL", &emulator.url)
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .env("PROOFLANE_TABLE", "prooflane")
                .env("PROOFLANE_BUCKET", "prooflane")
                .env("PROOFLANE_QUEUES", "prooflane-")
                .env("PROOFLANE_STAGE", "bench")
                .env("PROOFLANE_LEDGER_ORIGIN", "example.com/ledger")
                .env("PROOFLANE_LEDGER_SECRET", "ledger-keys")
                .stdout(Stdio::null());
            let mut function = Function::start(command).await;
            millis.push(function.initialised().await.as_secs_f64() * 1_000.0);
        }
        millis.sort_by(f64::total_cmp);
        println!(
            "{name:10} {:8.1}   {:.0} ({:.0}; {:.0})",
            f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6,
            millis[STARTS / 2],
            millis[0],
            millis[STARTS - 1]
        );
    }
}
