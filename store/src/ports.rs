use crate::{CommitError, StoreError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Names one item: all items of a `partition` are ordered by `sort`, bytewise on UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Which group, 1 to 2,048 bytes.
    pub partition: String,
    /// Which item of the group, 1 to 1,024 bytes.
    pub sort: String,
}

impl Key {
    /// The item `sort` of `partition`.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self {
            partition: partition.into(),
            sort: sort.into(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.sort)
    }
}

/// A place in a sparse index. Several items may share one place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexKey {
    /// Which group of the index, 1 to 2,048 bytes.
    pub partition: String,
    /// Where in the group, 1 to 1,024 bytes.
    pub sort: String,
}

impl IndexKey {
    /// The place `sort` of `partition`.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self {
            partition: partition.into(),
            sort: sort.into(),
        }
    }
}

/// What a table holds under a key: a document (a body) or a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub key: Key,
    /// Grows by one with every write to it; 1 when it was created. An item that is deleted and made again starts at 1 again.
    pub version: u64,
    /// The document; empty for a counter.
    pub body: Vec<u8>,
    /// The counter; 0 for a document.
    pub counter: i64,
    /// Where it stands in [`Index::Wake`], if it does.
    pub wake: Option<IndexKey>,
    /// Where it stands in [`Index::Listing`], if it does.
    pub listing: Option<IndexKey>,
}

/// What must hold of an item for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expect {
    /// There is no such item.
    Absent,
    /// It is there, at exactly this version.
    Version(u64),
    /// It is there, at any version.
    Exists,
}

impl Expect {
    /// Whether it holds of an item at version `got` (`None`: no item).
    pub fn holds(self, got: Option<u64>) -> bool {
        match self {
            Expect::Absent => got.is_none(),
            Expect::Version(v) => got == Some(v),
            Expect::Exists => got.is_some(),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expect::Absent => f.write_str("no item"),
            Expect::Version(v) => write!(f, "version {v}"),
            Expect::Exists => f.write_str("an item"),
        }
    }
}

/// One part of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes a document whole; its version becomes 1 after `Absent`, otherwise one more than it was.
    Put {
        /// The item.
        key: Key,
        /// What must hold.
        expect: Expect,
        /// The document, at most [`crate::limits::BODY_BYTES`].
        body: Vec<u8>,
        /// Its place in [`Index::Wake`]; `None` takes it out.
        wake: Option<IndexKey>,
        /// Its place in [`Index::Listing`]; `None` takes it out.
        listing: Option<IndexKey>,
    },
    /// Adds to a counter; one that is absent counts as 0. Two of these never conflict, in whatever order they come.
    Add {
        /// The counter.
        key: Key,
        /// How much, positive or negative.
        delta: i64,
        /// Refused when the result would be below this; `i64::MIN` for no floor.
        at_least: i64,
    },
    /// Removes an item.
    Delete {
        /// The item.
        key: Key,
        /// What must hold; `Absent` makes no sense and is refused.
        expect: Expect,
    },
    /// Changes nothing, but the commit happens only if this holds.
    Check {
        /// The item.
        key: Key,
        /// What must hold.
        expect: Expect,
    },
}

impl Write {
    /// The item it is about.
    pub fn key(&self) -> &Key {
        match self {
            Write::Put { key, .. }
            | Write::Add { key, .. }
            | Write::Delete { key, .. }
            | Write::Check { key, .. } => key,
        }
    }
}

/// What a write finds under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The item's version.
    pub version: u64,
    /// The counter; none for a document.
    pub counter: Option<i64>,
}

impl Write {
    /// Whether this write, number `index` of its commit, may happen where the item is as `found`
    /// (`None`: no item). The one rule for all adapters.
    ///
    /// # Errors
    /// [`CommitError::Conflict`], [`CommitError::Insufficient`], or [`StoreError::Invalid`] where a
    /// document is taken for a counter or the other way round, or a counter leaves 64 bits.
    pub fn decide(&self, index: usize, found: Option<Found>) -> Result<(), CommitError> {
        let invalid = |why: String| Err(StoreError::Invalid(why).into());
        let got = found.map(|found| found.version);
        let counter = found.and_then(|found| found.counter);
        match self {
            Write::Put { key, expect, .. }
            | Write::Delete { key, expect }
            | Write::Check { key, expect }
                if !expect.holds(got) =>
            {
                Err(CommitError::Conflict {
                    index,
                    key: key.clone(),
                    expected: *expect,
                    got,
                })
            }
            Write::Put { key, .. } if counter.is_some() => invalid(format!(
                "write {index} puts a document where {key} is a counter"
            )),
            Write::Add { key, .. } if got.is_some() && counter.is_none() => {
                invalid(format!("write {index} adds to {key}, which is a document"))
            }
            Write::Add {
                key,
                delta,
                at_least,
            } => match counter.unwrap_or(0).checked_add(*delta) {
                None => invalid(format!(
                    "write {index} would carry the counter {key} past 64 bits"
                )),
                Some(would_be) if would_be < *at_least => Err(CommitError::Insufficient {
                    index,
                    key: key.clone(),
                    at_least: *at_least,
                    would_be,
                }),
                Some(_) => Ok(()),
            },
            Write::Put { .. } | Write::Delete { .. } | Write::Check { .. } => Ok(()),
        }
    }
}

/// What a query walks along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// The items of a partition, by `key.sort`.
    Primary,
    /// Items that have a `wake`, by its sort.
    Wake,
    /// Items that have a `listing`, by its sort.
    Listing,
}

/// Which items, in which order: `Query::new(Index::Wake, "3").to("2026").limit(10)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What to walk along.
    pub index: Index,
    /// The partition of that index.
    pub partition: String,
    /// First sort that is in, inclusive.
    pub from: Option<String>,
    /// First sort that is out, exclusive.
    pub to: Option<String>,
    /// Largest sort first.
    pub descending: bool,
    /// Most items in a page, 1 to [`crate::limits::PAGE_ITEMS`].
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

impl Query {
    /// Everything in a partition, ascending, 100 to a page.
    pub fn new(index: Index, partition: impl Into<String>) -> Self {
        Self {
            index,
            partition: partition.into(),
            from: None,
            to: None,
            descending: false,
            limit: 100,
            after: None,
        }
    }

    /// Only sorts from this one on.
    pub fn from(mut self, sort: impl Into<String>) -> Self {
        self.from = Some(sort.into());
        self
    }

    /// Only sorts before this one.
    pub fn to(mut self, sort: impl Into<String>) -> Self {
        self.to = Some(sort.into());
        self
    }

    /// Largest sort first.
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// At most this many items in a page.
    pub fn limit(mut self, items: usize) -> Self {
        self.limit = items;
        self
    }

    /// The page after the one that ended with this cursor.
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }
}

/// One page of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The items, in order. Possibly fewer than the limit although more follow: ask `next`, not the length.
    pub items: Vec<Item>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// Where a page ended. Opaque, safe in a URL; one of another query's index or partition is refused as invalid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// Versioned items with conditional, atomic writes.
#[async_trait]
pub trait Table: Send + Sync {
    /// The item, as of a moment after every commit that was acknowledged before the call.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;

    /// One page of items. [`Index::Primary`] is as fresh as [`Table::get`]; the other two may lag a moment behind.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// All of these writes or none, each key at most once. An error names the first write that was refused.
    /// Dropping the future does not take a commit back.
    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError>;
}

/// Proof of a delivery, good until its visibility ends or the message is delivered again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The queue it came from.
    pub queue: String,
    /// Opaque.
    pub handle: String,
}

/// A message, hidden from others until its visibility ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What to extend or delete it with.
    pub receipt: Receipt,
    /// What was sent.
    pub body: String,
    /// How often it has been delivered, this time included.
    pub receives: u32,
}

/// Hints that something may be worth doing: at least once, in no order, possibly late. The table is the truth.
/// Adapters may round durations up to whole seconds.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends a message that nobody sees before `delay` is over. A queue comes into being with its first message.
    async fn send(&self, queue: &str, body: &str, delay: Duration) -> Result<(), StoreError>;

    /// Takes up to `max` messages (never more than 10) and hides them for `visibility`. With none there, waits up
    /// to `wait` for the first.
    async fn receive(
        &self,
        queue: &str,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Hides it for `visibility` from now on; zero gives it back at once. A stale receipt is ignored.
    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<(), StoreError>;

    /// Removes it for good. A stale receipt is ignored.
    async fn delete(&self, receipt: &Receipt) -> Result<(), StoreError>;
}

/// What to do when the blob is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PutMode {
    /// Leave it as it is.
    IfAbsent,
    /// Replace it.
    Overwrite,
}

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PutOutcome {
    /// These bytes are stored.
    Written,
    /// Others were there before and stay (only with [`PutMode::IfAbsent`]).
    AlreadyThere,
}

/// Bytes under names such as `proofs/<task>/1`: 1 to 1,024 of `[A-Za-z0-9._/-]`, in segments of 1 to 200 bytes
/// that are not `.` or `..`.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores the bytes, whole or not at all. Of several [`PutMode::IfAbsent`] at once exactly one is `Written`.
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError>;

    /// The bytes, if there are any under this name.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes the blob; well if there is none.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// Names that begin with `prefix` (any text, possibly half a segment), bytewise ascending, those greater than
    /// `after`, up to `limit` (1 to [`crate::limits::PAGE_ITEMS`]).
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;
}
