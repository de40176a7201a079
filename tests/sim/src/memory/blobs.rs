use super::held;
use async_trait::async_trait;
use prooflane_store::{Blobs, PutMode, PutOutcome, StoreError, limits};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;

/// Blobs in memory.
#[derive(Default)]
pub struct MemoryBlobs(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryBlobs {
    /// As [`Blobs::get`].
    pub fn read(&self, key: &str) -> Option<Vec<u8>> {
        held(&self.0).get(key).cloned()
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        limits::blob(key, bytes)?;
        let mut blobs = held(&self.0);
        if mode == PutMode::IfAbsent && blobs.contains_key(key) {
            return Ok(PutOutcome::AlreadyThere);
        }
        blobs.insert(key.to_owned(), bytes.to_vec());
        Ok(PutOutcome::Written)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        limits::blob_key(key)?;
        Ok(self.read(key))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        limits::blob_key(key)?;
        held(&self.0).remove(key);
        Ok(())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        limits::list(limit)?;
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let blobs = held(&self.0);
        let names = blobs.range::<str, _>((from, Bound::Unbounded));
        let names = names.map(|(name, _)| name.clone());
        let within = names.take_while(|name| name.starts_with(prefix));
        Ok(within.take(limit).collect())
    }
}
