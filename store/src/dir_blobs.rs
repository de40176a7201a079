use crate::sqlite::{io, lock};
use crate::{Blobs, PutMode, PutOutcome, StoreError, limits};
use async_trait::async_trait;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// [`Blobs`] as files under a directory. What it acknowledged survives `kill -9` and loss of power.
///
/// The blob `a/b/c` is the file `blobs/a~/b~/c`: the `~`, which no name contains, lets `a` be a blob as well.
pub struct DirBlobs(Arc<Inner>);

struct Inner {
    blobs: PathBuf,
    temporary: PathBuf,
    counter: AtomicU64,
    /// Held while directories are made, so that one that is there is also on disk.
    making: Mutex<()>,
    _lock: File,
}

impl DirBlobs {
    /// Opens or makes the directory, which no other process may have open, and clears away unfinished writes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it is in use or cannot be written.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(|e| io(dir, e))?;
        let lock = lock(dir.join("lock"))?;
        let (blobs, temporary) = (dir.join("blobs"), dir.join("tmp"));
        for path in [&blobs, &temporary] {
            fs::create_dir_all(path).map_err(|e| io(path, e))?;
        }
        for entry in fs::read_dir(&temporary).map_err(|e| io(&temporary, e))? {
            let path = entry.map_err(|e| io(&temporary, e))?.path();
            fs::remove_file(&path).map_err(|e| io(&path, e))?;
        }
        sync(dir)?;
        let (counter, making) = Default::default();
        Ok(Self(Arc::new(Inner {
            blobs,
            temporary,
            counter,
            making,
            _lock: lock,
        })))
    }

    /// File systems block, so they get threads of their own.
    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .map_err(|e| StoreError::Unavailable(format!("the blob store's thread: {e}")))?
    }
}

fn sync(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(|e| io(dir, e))
}

impl Inner {
    fn path(&self, key: &str) -> PathBuf {
        self.blobs.join(key.replace('/', "~/"))
    }

    /// Makes `dir` and what is above it, each on disk before it is used.
    fn make(&self, dir: &Path) -> Result<(), StoreError> {
        fn deepen(dir: &Path) -> Result<(), StoreError> {
            let Some(above) = dir.parent().filter(|_| !dir.is_dir()) else {
                return Ok(());
            };
            deepen(above)?;
            fs::create_dir(dir).map_err(|e| io(dir, e))?;
            sync(above)
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        deepen(dir)
    }

    fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        let path = self.path(key);
        let dir = path.parent().unwrap_or(&self.blobs);
        if mode == PutMode::IfAbsent && path.is_file() {
            return sync(dir).map(|()| PutOutcome::AlreadyThere);
        }
        self.make(dir)?;
        let temporary = self
            .temporary
            .join(self.counter.fetch_add(1, Ordering::Relaxed).to_string());
        let placed = File::create(&temporary)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            })
            .and_then(|()| match mode {
                PutMode::Overwrite => fs::rename(&temporary, &path),
                PutMode::IfAbsent => fs::hard_link(&temporary, &path),
            });
        if mode == PutMode::IfAbsent || placed.is_err() {
            fs::remove_file(&temporary).ok();
        }
        let outcome = match placed {
            Ok(()) => PutOutcome::Written,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => PutOutcome::AlreadyThere,
            Err(e) => return Err(io(&path, e)),
        };
        // Whoever wrote it: it must be on disk before anyone hears that it is there.
        sync(dir).map(|()| outcome)
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key);
        match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|e| io(&path, e)),
        }
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(io(&path, e)),
            Ok(()) => sync(path.parent().unwrap_or(&self.blobs)),
        }
    }

    /// Walks in the order of the names, only where one of them can lie within the asked range.
    fn list(
        &self,
        dir: &Path,
        above: &str,
        ask: &Ask,
        found: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir).map_err(|e| io(dir, e))? {
            let name = entry.map_err(|e| io(dir, e))?.file_name();
            names.push(above.to_owned() + &name.to_string_lossy().replace('~', "/"));
        }
        names.sort_unstable();
        for name in names {
            if found.len() == ask.limit {
                break;
            }
            if !name.ends_with('/') {
                if name.starts_with(&ask.prefix) && name > ask.after {
                    found.push(name);
                }
            } else if (name.starts_with(&ask.prefix) || ask.prefix.starts_with(&name))
                && (name > ask.after || ask.after.starts_with(&name))
            {
                let below = self
                    .blobs
                    .join(name[..name.len() - 1].replace('/', "~/") + "~");
                self.list(&below, &name, ask, found)?;
            }
        }
        Ok(())
    }
}

struct Ask {
    prefix: String,
    after: String,
    limit: usize,
}

#[async_trait]
impl Blobs for DirBlobs {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        limits::blob(key, bytes)?;
        let (key, bytes) = (key.to_owned(), bytes.to_vec());
        self.run(move |inner| inner.put(&key, &bytes, mode)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        limits::blob_key(key)?;
        let key = key.to_owned();
        self.run(move |inner| inner.get(&key)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        limits::blob_key(key)?;
        let key = key.to_owned();
        self.run(move |inner| inner.delete(&key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        limits::list(limit)?;
        let ask = Ask {
            prefix: prefix.into(),
            after: after.unwrap_or_default().into(),
            limit,
        };
        self.run(move |inner| {
            let mut found = Vec::new();
            inner.list(&inner.blobs, "", &ask, &mut found)?;
            Ok(found)
        })
        .await
    }
}
