//! A ledger in a folder of this machine: of its own, or the data of a network in one process (`prooflane up`), which has one.

use anyhow::{Context, bail};
use prooflane_ledger::{Ledger, LogKeys};
use prooflane_store::{DirBlobs, SqliteTable, StoreError, SystemClock};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long another process may have the ledger: recording takes milliseconds, checking all of it longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A ledger's folder.
pub(crate) struct Home {
    folder: PathBuf,
    pub(crate) keys: LogKeys,
}

impl Home {
    /// Makes a folder for a new ledger.
    pub(crate) fn create(folder: &Path, origin: &str) -> anyhow::Result<Self> {
        if LogKeys::read(folder)?.is_some() {
            bail!("{} is a ledger already", folder.display());
        }
        Ok(Self {
            folder: folder.into(),
            keys: LogKeys::create(folder, origin)?,
        })
    }

    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let keys = LogKeys::read(folder)?;
        let keys = keys.with_context(|| {
            format!(
                "{} is no ledger: `prooflane ledger init` makes one",
                folder.display()
            )
        })?;
        Ok(Self {
            folder: folder.into(),
            keys,
        })
    }

    /// Opens the ledger. One process has it at a time; others wait.
    pub(crate) async fn ledger(&self) -> anyhow::Result<Ledger> {
        let blobs = Arc::new(self.blobs().await?);
        let table = Arc::new(SqliteTable::open(self.folder.join("table.sqlite"))?);
        let signer = self.keys.signer()?;
        Ok(Ledger::open(table, blobs, Arc::new(SystemClock), signer).await?)
    }

    async fn blobs(&self) -> Result<DirBlobs, StoreError> {
        let started = Instant::now();
        loop {
            match DirBlobs::open(self.folder.join("blobs")) {
                Err(StoreError::Unavailable(_)) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                opened => return opened,
            }
        }
    }
}
