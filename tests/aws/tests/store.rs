//! The AWS adapters on emulators, held to what every adapter must do.

use prooflane_store_aws::{DynamoTable, S3Blobs, SqsQueue};
use prooflane_tests::conformance::{self, blobs, linear, queue, table};
use prooflane_tests_aws::Emulator;
use std::sync::Arc;

/// Another one can be tried with `PROOFLANE_SEED=<decimal>`.
const SEED: u64 = 0x11ea_a51e;

async fn table_of(emulator: &Emulator) -> Arc<DynamoTable> {
    let table = Arc::new(DynamoTable::new(&emulator.config().await, "prooflane"));
    table.create().await.expect("the table is made");
    table
}

async fn conforms(emulator: &Emulator) {
    let adapter = table_of(emulator).await;
    conformance::run(table::CHECKS, || adapter.clone() as table::Subject).await;
}

/// Histories that `PROOFLANE_SEED` repeats, as far as real threads repeat anything.
async fn linearisable(emulator: &Emulator) {
    let seed = std::env::var("PROOFLANE_SEED").map_or(SEED, |seed| seed.parse().expect("a seed"));
    println!("seed {seed}");
    let seen = linear::check(table_of(emulator).await, seed, 40).await;
    let seen = seen.unwrap_or_else(|found| panic!("{found}"));
    println!("{seen:?}");
    assert!(seen.committed > 100 && seen.refused > 100 && seen.overlaps > 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_in_ministack_conforms() {
    if let Some(emulator) = Emulator::ministack() {
        conforms(&emulator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_in_dynamodb_local_conforms() {
    if let Some(emulator) = Emulator::dynamodb_local() {
        conforms(&emulator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_a_table_in_ministack_are_linearisable() {
    if let Some(emulator) = Emulator::ministack() {
        linearisable(&emulator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_a_table_in_dynamodb_local_are_linearisable() {
    if let Some(emulator) = Emulator::dynamodb_local() {
        linearisable(&emulator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_in_ministack_conforms() {
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let adapter = queue::Subject {
        queue: Arc::new(SqsQueue::new(&emulator.config().await, "prooflane-").creating()),
        clock: None,
    };
    conformance::run(queue::CHECKS, || adapter.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_in_ministack_conform() {
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let adapter = Arc::new(S3Blobs::new(&emulator.config().await, "prooflane"));
    adapter.create().await.expect("the bucket is made");
    conformance::run(blobs::CHECKS, || adapter.clone() as blobs::Subject).await;
}
