//! A store in memory, keys, and RFC 6962 once more, as it is written there.

use async_trait::async_trait;
use prooflane_faults::MemoryBlobs;
use prooflane_log::merkle::verify_consistency;
use prooflane_log::{Hash, Kind, Log, SignedCheckpoint, SigningKey, Writer};
use prooflane_store::{
    Blobs, CommitError, Item, Key, Page, PutMode, PutOutcome, Query, SqliteTable, StoreError,
    Table, Write,
};
use std::sync::{Arc, Mutex};

pub(crate) const NAME: &str = "ledger";
pub(crate) const ORIGIN: &str = "prooflane.example/ledger";

/// Blobs in memory, that remember every checkpoint that was ever published.
#[derive(Default)]
pub(crate) struct WatchedBlobs {
    blobs: MemoryBlobs,
    pub(crate) published: Mutex<Vec<SignedCheckpoint>>,
}

#[async_trait]
impl Blobs for WatchedBlobs {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        let put = self.blobs.put(key, bytes, mode).await?;
        if put == PutOutcome::Written && key.ends_with("/checkpoint") {
            let note = std::str::from_utf8(bytes).unwrap().parse().unwrap();
            self.published.lock().unwrap().push(note);
        }
        Ok(put)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.blobs.get(key).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.blobs.delete(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.blobs.list(prefix, after, limit).await
    }
}

/// What a log stands on.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) table: Arc<SqliteTable>,
    pub(crate) blobs: Arc<WatchedBlobs>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self {
            table: Arc::new(SqliteTable::memory().unwrap()),
            blobs: Arc::default(),
        }
    }

    /// The log as the process `writer` opens it.
    pub(crate) async fn open(&self, writer: u8) -> Log {
        open(self.table.clone(), self.blobs.clone(), writer)
            .await
            .unwrap()
    }

    /// Nothing is found wrong, and this many entries are there, all of them in the tree if `whole`.
    pub(crate) async fn is_sound(&self, entries: u64) {
        let keys = [log_key().verifying().clone()];
        let report = prooflane_log::fsck(&*self.table, &*self.blobs, NAME, &keys)
            .await
            .unwrap();
        assert_eq!(report.findings, []);
        assert_eq!(report.entries, entries);
    }
}

/// A table on which somebody else comes first: before the first commit that writes `item`, `rival` runs.
pub(crate) struct Overtaken {
    pub(crate) table: Arc<SqliteTable>,
    pub(crate) item: &'static str,
    pub(crate) rival: Mutex<Option<futures::future::BoxFuture<'static, ()>>>,
}

#[async_trait]
impl Table for Overtaken {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.table.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.table.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        let named = |write: &Write| write.key().to_string().contains(self.item);
        let rival = writes
            .iter()
            .any(named)
            .then(|| self.rival.lock().unwrap().take());
        if let Some(rival) = rival.flatten() {
            rival.await;
        }
        self.table.commit(writes).await
    }
}

pub(crate) async fn open(
    table: Arc<dyn Table>,
    blobs: Arc<dyn Blobs>,
    writer: u8,
) -> Result<Log, prooflane_log::LogError> {
    Log::open(table, blobs, NAME, log_key(), Writer([writer; 16])).await
}

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, Kind::Ed25519, &[1; 32]).unwrap()
}

pub(crate) fn witness_key(number: u8) -> SigningKey {
    let name = format!("witness{number}.example");
    SigningKey::from_seed(&name, Kind::Cosignature, &[100 + number; 32]).unwrap()
}

/// That each of these checkpoints extends every smaller one, by proofs made from the tiles of a sound log.
pub(crate) async fn are_consistent(log: &Log, checkpoints: &[SignedCheckpoint]) {
    let mut trees: Vec<_> = checkpoints
        .iter()
        .map(|signed| {
            let checkpoint = signed.verify(log.key()).unwrap();
            (checkpoint.size, checkpoint.root)
        })
        .collect();
    trees.sort_unstable();
    trees.dedup();
    for (at, &(old, old_root)) in trees.iter().enumerate() {
        for &(new, new_root) in &trees[at..] {
            let proof = log.reader().consistency(old, new).await.unwrap();
            verify_consistency(old, old_root, new, new_root, &proof).unwrap();
        }
    }
}

/// RFC 6962, 2.1, word for word: the list, split at the largest power of two below its length.
pub(crate) mod rfc6962 {
    use super::Hash;
    use sha2::{Digest, Sha256};

    fn sha256(parts: &[&[u8]]) -> Hash {
        Hash(Sha256::digest(parts.concat()).into())
    }

    fn k(n: usize) -> usize {
        let mut k = 1;
        while 2 * k < n {
            k *= 2;
        }
        k
    }

    pub(crate) fn mth(d: &[Vec<u8>]) -> Hash {
        match d {
            [] => sha256(&[]),
            [one] => sha256(&[&[0], one]),
            _ => {
                let (left, right) = d.split_at(k(d.len()));
                sha256(&[&[1], &mth(left).0, &mth(right).0])
            }
        }
    }

    pub(crate) fn path(m: usize, d: &[Vec<u8>]) -> Vec<Hash> {
        if d.len() == 1 {
            return vec![];
        }
        let k = k(d.len());
        let (left, right) = d.split_at(k);
        let (mut path, last) = if m < k {
            (path(m, left), mth(right))
        } else {
            (path(m - k, right), mth(left))
        };
        path.push(last);
        path
    }

    pub(crate) fn proof(m: usize, d: &[Vec<u8>]) -> Vec<Hash> {
        subproof(m, d, true)
    }

    fn subproof(m: usize, d: &[Vec<u8>], whole: bool) -> Vec<Hash> {
        if m == d.len() {
            return if whole { vec![] } else { vec![mth(d)] };
        }
        let k = k(d.len());
        let (left, right) = d.split_at(k);
        let (mut proof, last) = if m <= k {
            (subproof(m, left, whole), mth(right))
        } else {
            (subproof(m - k, right, false), mth(left))
        };
        proof.push(last);
        proof
    }
}
