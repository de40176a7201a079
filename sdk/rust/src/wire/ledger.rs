//! The dataset ledger's. Datasets' ids, digests and hashes are 64 hexadecimal digits.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

wire! {
    /// `GET /v1/ledger`.
    pub struct LedgerView {
        /// What the log is called in checkpoints and receipts.
        pub origin: String,
        /// The log's verifying keys (c2sp.org/signed-note), the oldest first. The last one signs.
        pub log_keys: Vec<String>,
        /// How many operations there are.
        pub size: u64,
        /// The verifying key of the network's own witness, if it is one.
        pub witness_key: Option<String>,
    }

    /// `POST /v1/ledger/operations`.
    #[serde(deny_unknown_fields)]
    pub struct RecordOperation {
        /// Drawn by you, a UUIDv7 at best: the same again returns the same operation.
        pub id: Uuid,
        /// The upload that holds the evidence (`POST /v1/uploads`).
        pub upload: String,
    }

    /// An entry of the log. Its JSON without spaces, with the fields in this order, is the leaf.
    pub struct EntryView {
        /// The version of this form, 1.
        pub ledger: u32,
        /// Drawn by whoever recorded it.
        pub id: Uuid,
        /// When the ledger took it, RFC 3339.
        pub time: String,
        /// Whose API key it was.
        pub by: Option<String>,
        /// What kind of statement: `notarize`, `filter`, `statistics`, ...
        pub operation: String,
        /// The datasets that it is about.
        pub inputs: Vec<String>,
        /// The datasets that it made.
        pub outputs: Vec<String>,
        /// BLAKE3 of the evidence.
        pub evidence: String,
    }

    /// An operation.
    pub struct OperationView {
        /// Its number.
        pub index: u64,
        /// What the log has of it.
        pub entry: EntryView,
        /// In words, if you may read all of its datasets; otherwise the kind of statement.
        pub words: String,
    }

    /// A page of operations.
    pub struct OperationList {
        /// In their order.
        pub operations: Vec<OperationView>,
        /// What `after` is for the next page; none at the end.
        pub next: Option<String>,
    }

    /// A dataset.
    pub struct DatasetView {
        /// The operation that it came with.
        pub made_by: u64,
        /// Who recorded it.
        pub owner: Option<String>,
        /// What everybody may know of it: its name, its columns' names and types, the number of rows, and commitments that
        /// hide the rest.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub commitment: Value,
    }

    /// The datasets that one is connected to by transformations, and all operations on them.
    pub struct LineageView {
        /// Which was asked for.
        pub dataset: String,
        /// The datasets, by their ids.
        pub datasets: BTreeMap<String, DatasetView>,
        /// The operations, by their numbers.
        pub operations: BTreeMap<u64, OperationView>,
    }

    /// What an account may do with a dataset. To `PUT` it takes away whatever is not in it.
    #[serde(deny_unknown_fields)]
    pub struct Grant {
        /// Any of `read` (see evidence), `write` (record datasets made of it), `prove` (record statements about it),
        /// `administer` (give others permissions, record roots of rows).
        pub permissions: Vec<String>,
    }

    /// Who may do what with a dataset, besides its owner, who may do everything.
    pub struct GrantList {
        /// By account.
        pub grants: BTreeMap<String, Grant>,
    }
}
