//! Where a log's items and blobs are, and how their bodies are written.
//!
//! | partition | sort | body |
//! |---|---|---|
//! | `log/<name>` | `head` | the checkpoint's three lines, unsigned |
//! | `log/<name>` | `sequence` | the next free index, decimal |
//! | `log/<name>` | `cosigned` | the last cosigned checkpoint, a signed note |
//! | `log/<name>/batches` | first index, 20 digits | [`Batch`] |
//! | `log/<name>/keys/<hex digit>` | an idempotency key, hex of [`KeyName`] | [`KeyRecord`] |
//!
//! Blobs: `<name>/tile/...` and `<name>/checkpoint`, as c2sp.org/tlog-tiles names them below `<name>`.

use crate::error::LogError;
use crate::merkle::Hash;
use crate::tile::{ENTRY_BYTES, Tile, push_entry};
use prooflane_store::{Expect, Key, StoreError, Write, limits};
use sha2::{Digest, Sha256};

/// Names things.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    name: String,
}

impl Layout {
    /// `name` is one segment of a blob's name, so that no log's things lie among another's.
    pub(crate) fn new(name: &str) -> Result<Self, LogError> {
        limits::blob_key(name)?;
        if name.contains('/') {
            let why = format!("a log's name has no slash, got {name:?}");
            return Err(StoreError::Invalid(why).into());
        }
        Ok(Self { name: name.into() })
    }

    fn item(&self, sort: &str) -> Key {
        Key::new(format!("log/{}", self.name), sort)
    }

    pub(crate) fn head(&self) -> Key {
        self.item("head")
    }

    pub(crate) fn sequence(&self) -> Key {
        self.item("sequence")
    }

    pub(crate) fn cosigned(&self) -> Key {
        self.item("cosigned")
    }

    pub(crate) fn batches(&self) -> String {
        format!("log/{}/batches", self.name)
    }

    pub(crate) fn batch(&self, first: u64) -> Key {
        Key::new(self.batches(), batch_sort(first))
    }

    /// Keys lie in [`KEY_PARTITIONS`], of which this is one.
    pub(crate) fn keys(&self, partition: u8) -> String {
        format!("log/{}/keys/{partition:x}", self.name)
    }

    pub(crate) fn key(&self, key: &KeyName) -> Key {
        let hex = key.0.iter().map(|byte| format!("{byte:02x}"));
        let partition = Hash::of_leaf(&key.0).0[0] % KEY_PARTITIONS;
        Key::new(
            self.keys(partition),
            format!("k{}", hex.collect::<String>()),
        )
    }

    pub(crate) fn tile(&self, tile: Tile) -> String {
        format!("{}/{tile}", self.name)
    }

    pub(crate) fn tiles(&self) -> String {
        format!("{}/tile/", self.name)
    }

    pub(crate) fn checkpoint(&self) -> String {
        format!("{}/checkpoint", self.name)
    }

    /// The tile of a blob's name, which begins with [`Layout::tiles`].
    pub(crate) fn parse(&self, blob: &str) -> Option<Tile> {
        blob.strip_prefix(&self.name)?
            .strip_prefix('/')?
            .parse()
            .ok()
    }
}

/// Sorts like the numbers.
pub(crate) fn batch_sort(first: u64) -> String {
    format!("{first:020}")
}

pub(crate) fn put(key: Key, expect: Expect, body: impl Into<Vec<u8>>) -> Write {
    Write::Put {
        key,
        expect,
        body: body.into(),
        wake: None,
        listing: None,
    }
}

/// Who wrote a batch: a number of the process and one of the attempt, never used for two batches.
pub(crate) type BatchId = [u8; BATCH_ID_BYTES];
const BATCH_ID_BYTES: usize = 24;

/// Enough that no partition gets hot, few enough that keys in the order of time, such as UUIDv7, are written side by side: in
/// a table that is a B-tree each random key costs a page.
pub(crate) const KEY_PARTITIONS: u8 = 16;
/// Longest idempotency key that is its own name.
const KEY_BYTES: usize = 48;

/// An idempotency key, or where that is longer than [`KEY_BYTES`] its beginning and its hash, one byte longer than any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyName(Vec<u8>);

impl KeyName {
    pub(crate) fn new(key: &[u8]) -> Self {
        if key.len() <= KEY_BYTES {
            return Self(key.into());
        }
        let beginning = &key[..KEY_BYTES + 1 - Hash::BYTES];
        Self([beginning, &Sha256::digest(key)].concat())
    }
}

/// One entry of a batch, and its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sequenced {
    pub(crate) key: Option<KeyName>,
    pub(crate) entry: Vec<u8>,
}

impl Sequenced {
    /// How many bytes it takes in a batch.
    pub(crate) fn bytes(&self) -> usize {
        1 + self.key.as_ref().map_or(0, |key| 1 + key.0.len()) + 2 + self.entry.len()
    }
}

/// Most bytes of entries in a batch, and of a batch without them.
pub(crate) const BATCH_BYTES: usize = limits::BODY_BYTES - BATCH_ID_BYTES;
const _: () = assert!(2 + KEY_BYTES + 1 + 2 + ENTRY_BYTES <= BATCH_BYTES);

/// Entries that were given consecutive indices in one commit: the id, then for each entry a byte 0, or a byte 1, the
/// length of its key's name in a byte and that name; then the entry as in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    pub(crate) entries: Vec<Sequenced>,
}

impl Batch {
    pub(crate) fn encode<'e>(
        id: &BatchId,
        entries: impl Iterator<Item = &'e Sequenced>,
    ) -> Vec<u8> {
        let mut body = id.to_vec();
        for Sequenced { key, entry } in entries {
            body.push(key.is_some().into());
            if let Some(KeyName(key)) = key {
                body.push(key.len() as u8);
                body.extend_from_slice(key);
            }
            push_entry(&mut body, entry);
        }
        body
    }

    pub(crate) fn decode(body: &[u8]) -> Option<Self> {
        let (id, mut rest) = body.split_first_chunk()?;
        let mut entries = Vec::new();
        while let Some((flag, after)) = rest.split_first() {
            let (key, after) = match flag {
                0 => (None, after),
                1 => {
                    let (length, after) = after.split_first()?;
                    let (key, after) = after.split_at_checked((*length).into())?;
                    (Some(KeyName(key.into())), after)
                }
                _ => return None,
            };
            let (length, after) = after.split_first_chunk()?;
            let (entry, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            let entry = entry.into();
            entries.push(Sequenced { key, entry });
            rest = after;
        }
        (!entries.is_empty()).then_some(Self { id: *id, entries })
    }
}

/// What was appended under an idempotency key: the index, big-endian, and the leaf's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRecord {
    pub(crate) index: u64,
    pub(crate) leaf: Hash,
}

impl KeyRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        [&self.index.to_be_bytes()[..], &self.leaf.0].concat()
    }

    pub(crate) fn decode(body: &[u8]) -> Option<Self> {
        let (index, leaf) = body.split_first_chunk()?;
        Some(Self {
            index: u64::from_be_bytes(*index),
            leaf: Hash(leaf.try_into().ok()?),
        })
    }
}
