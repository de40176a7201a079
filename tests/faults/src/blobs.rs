use async_trait::async_trait;
use prooflane_store::{Blobs, PutMode, PutOutcome, StoreError, limits};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Blobs in memory.
#[derive(Default)]
pub struct MemoryBlobs(Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        limits::blob(key, bytes)?;
        let mut blobs = self.0.lock().unwrap();
        if mode == PutMode::IfAbsent && blobs.contains_key(key) {
            return Ok(PutOutcome::AlreadyThere);
        }
        blobs.insert(key.into(), bytes.into());
        Ok(PutOutcome::Written)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        limits::list(limit)?;
        let blobs = self.0.lock().unwrap();
        let names = blobs.keys().filter(|name| name.starts_with(prefix));
        let names = names.filter(|name| after.is_none_or(|after| name.as_str() > after));
        Ok(names.take(limit).cloned().collect())
    }
}
