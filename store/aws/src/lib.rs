#![doc = include_str!("../README.md")]

mod config;
mod dynamo;
mod patience;
mod s3;
mod secrets;
mod sqs;

pub use config::loader;
pub use dynamo::DynamoTable;
pub use s3::S3Blobs;
pub use secrets::{create_secret, secret};
pub use sqs::SqsQueue;
