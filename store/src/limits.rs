//! What every adapter refuses, checked in one place so that all refuse alike. The numbers are those of DynamoDB, SQS
//! and S3, or smaller.

/// Most writes in one commit (`TransactWriteItems`).
pub const WRITES: usize = 100;
/// Longest body of an item; DynamoDB's 400 KB less room for keys and attributes.
pub const BODY_BYTES: usize = 350 * 1024;
/// Most items in a page, and most names in a listing.
pub const PAGE_ITEMS: usize = 1000;
