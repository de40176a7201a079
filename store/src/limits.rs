//! What every adapter refuses, checked in one place so that all refuse alike. The numbers are those of DynamoDB, SQS
//! and S3, or smaller.

use crate::{Cursor, Expect, Index, IndexKey, Key, Query, StoreError, Write};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{collections::HashSet, time::Duration};

/// Most writes in one commit (`TransactWriteItems`).
pub const WRITES: usize = 100;
/// Longest body of an item; DynamoDB's 400 KB less room for keys and attributes.
pub const BODY_BYTES: usize = 350 * 1024;
/// Most bytes of bodies in one commit; DynamoDB counts 4 MB with keys and attributes.
pub const COMMIT_BYTES: usize = 3_500_000;
/// Most bytes of bodies in one page of a query; the page ends early and says where to go on.
pub const PAGE_BYTES: usize = 1_000_000;
/// Most items in a page, and most names in a listing.
pub const PAGE_ITEMS: usize = 1000;
/// Longest partition, bytes.
pub const PARTITION_BYTES: usize = 2048;
/// Longest sort, bytes.
pub const SORT_BYTES: usize = 1024;
/// Longest message, bytes.
pub const MESSAGE_BYTES: usize = 256 * 1024;
/// Most messages in one delivery.
pub const DELIVERIES: usize = 10;
/// Longest delay of a message.
pub const DELAY: Duration = Duration::from_secs(15 * 60);
/// Longest visibility of a delivery.
pub const VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);
/// Longest wait for a message.
pub const WAIT: Duration = Duration::from_secs(20);
/// Longest blob, bytes.
pub const BLOB_BYTES: usize = 1 << 30;

type Checked<T = ()> = Result<T, StoreError>;

fn at_most(limit: usize, got: usize) -> Checked {
    if got > limit {
        Err(StoreError::TooLarge { limit, got })
    } else {
        Ok(())
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(StoreError::Invalid(otherwise()))
    }
}

fn place(partition: &str, sort: &str) -> Checked {
    ensure(!partition.is_empty() && !sort.is_empty(), || {
        format!("a partition and a sort have at least one byte, got {partition:?} and {sort:?}")
    })?;
    at_most(PARTITION_BYTES, partition.len())?;
    at_most(SORT_BYTES, sort.len())
}

/// Both halves of a key are there and not too long.
pub fn key(key: &Key) -> Checked {
    place(&key.partition, &key.sort)
}

/// 1 to [`WRITES`] writes on as many keys, bodies that fit, and expectations that make sense.
pub fn commit(writes: &[Write]) -> Checked {
    ensure(!writes.is_empty(), || {
        "a commit has at least one write".into()
    })?;
    at_most(WRITES, writes.len())?;
    let mut keys = HashSet::with_capacity(writes.len());
    let mut bytes = 0;
    for write in writes {
        let name = write.key();
        key(name)?;
        ensure(keys.insert(name), || {
            format!("a commit names each key once, got {name} twice")
        })?;
        match write {
            Write::Put {
                body,
                wake,
                listing,
                ..
            } => {
                at_most(BODY_BYTES, body.len())?;
                bytes += body.len();
                for IndexKey { partition, sort } in [wake, listing].into_iter().flatten() {
                    place(partition, sort)?;
                }
            }
            Write::Delete {
                expect: Expect::Absent,
                ..
            } => {
                return Err(StoreError::Invalid(format!(
                    "nothing to delete where {name} is expected absent"
                )));
            }
            Write::Add { .. } | Write::Delete { .. } | Write::Check { .. } => {}
        }
    }
    at_most(COMMIT_BYTES, bytes)
}

/// Where in an index a page ended: the sort of the index, and the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The sort in the index that was walked.
    pub sort: String,
    /// The item that came last.
    pub key: Key,
}

fn letter(index: Index) -> &'static str {
    match index {
        Index::Primary => "p",
        Index::Wake => "w",
        Index::Listing => "l",
    }
}

impl Position {
    /// A cursor that only a query of the same index and partition accepts.
    pub fn cursor(&self, query: &Query) -> Cursor {
        let parts = [
            letter(query.index),
            &query.partition,
            &self.sort,
            &self.key.partition,
            &self.key.sort,
        ];
        Cursor(URL_SAFE_NO_PAD.encode(serde_json::json!(parts).to_string()))
    }

    fn decode(query: &Query, cursor: &Cursor) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(&cursor.0).ok()?;
        let [index, partition, sort, key_partition, key_sort] =
            serde_json::from_slice::<[String; 5]>(&bytes).ok()?;
        (index == letter(query.index) && partition == query.partition).then(|| Self {
            sort,
            key: Key::new(key_partition, key_sort),
        })
    }
}

/// A partition, a limit in range, and a cursor of this very query; gives back where the cursor points.
pub fn query(query: &Query) -> Checked<Option<Position>> {
    ensure(!query.partition.is_empty(), || {
        "a partition has at least one byte".into()
    })?;
    at_most(PARTITION_BYTES, query.partition.len())?;
    page(query.limit)?;
    query
        .after
        .as_ref()
        .map(|cursor| {
            Position::decode(query, cursor).ok_or_else(|| {
                StoreError::Invalid("this cursor does not belong to this query".into())
            })
        })
        .transpose()
}

fn page(limit: usize) -> Checked {
    ensure((1..=PAGE_ITEMS).contains(&limit), || {
        format!("a page has 1 to {PAGE_ITEMS} entries, got {limit}")
    })
}

/// 1 to 80 of `[A-Za-z0-9_-]`.
pub fn queue(name: &str) -> Checked {
    let fits = (1..=80).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    ensure(fits, || {
        format!("a queue is named by 1 to 80 of A-Z a-z 0-9 _ -, got {name:?}")
    })
}

fn within(what: &str, limit: Duration, got: Duration) -> Checked {
    ensure(got <= limit, || {
        format!(
            "{what} is at most {} s, got {} s",
            limit.as_secs(),
            got.as_secs_f64()
        )
    })
}

/// A queue's name, a body that is not empty and fits, and a delay of at most [`DELAY`].
pub fn send(name: &str, body: &str, delay: Duration) -> Checked {
    queue(name)?;
    ensure(!body.is_empty(), || {
        "a message has at least one byte".into()
    })?;
    at_most(MESSAGE_BYTES, body.len())?;
    within("a delay", DELAY, delay)
}

/// At most [`VISIBILITY`].
pub fn visibility(got: Duration) -> Checked {
    within("a visibility", VISIBILITY, got)
}

/// A queue's name, at least one message, and times in range; gives back how many to deliver at most.
pub fn receive(name: &str, max: usize, visible: Duration, wait: Duration) -> Checked<usize> {
    queue(name)?;
    ensure(max > 0, || {
        "at least one message must be asked for, got 0".into()
    })?;
    visibility(visible)?;
    within("a wait", WAIT, wait)?;
    Ok(max.min(DELIVERIES))
}

/// 1 to 1,024 of `[A-Za-z0-9._/-]` in segments of 1 to 200 bytes that are not `.` or `..`.
pub fn blob_key(key: &str) -> Checked {
    let fits = key.len() <= 1024
        && key.split('/').all(|segment| {
            (1..=200).contains(&segment.len())
                && segment != "."
                && segment != ".."
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        });
    ensure(fits, || {
        format!(
            "a blob is named by segments of 1 to 200 of A-Z a-z 0-9 . _ - joined by /, never . or .., got {key:?}"
        )
    })
}

/// A name, and bytes that fit.
pub fn blob(key: &str, bytes: &[u8]) -> Checked {
    blob_key(key)?;
    at_most(BLOB_BYTES, bytes.len())
}

/// A limit in range.
pub fn list(limit: usize) -> Checked {
    page(limit)
}
