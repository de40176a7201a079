//! The AWS adapters on an emulator, held to what every adapter must do.

use prooflane_store_aws::{DynamoTable, S3Blobs, SqsQueue};
use prooflane_tests::conformance::{self, blobs, queue, table};
use prooflane_tests_aws::Ministack;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamo_table_conforms() {
    let Some(aws) = Ministack::start() else {
        return;
    };
    let adapter = Arc::new(DynamoTable::new(&aws.config().await, "prooflane"));
    adapter.create().await.expect("the table is made");
    conformance::run(table::CHECKS, || adapter.clone() as table::Subject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs_queue_conforms() {
    let Some(aws) = Ministack::start() else {
        return;
    };
    let adapter = queue::Subject {
        queue: Arc::new(SqsQueue::new(&aws.config().await, "prooflane-", None)),
        clock: None,
    };
    conformance::run(queue::CHECKS, || adapter.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_blobs_conform() {
    let Some(aws) = Ministack::start() else {
        return;
    };
    let adapter = Arc::new(S3Blobs::new(&aws.config().await, "prooflane"));
    adapter.create().await.expect("the bucket is made");
    conformance::run(blobs::CHECKS, || adapter.clone() as blobs::Subject).await;
}
