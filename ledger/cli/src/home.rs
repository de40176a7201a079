//! A ledger in a folder of this machine.

use anyhow::{Context, bail};
use prooflane_ledger::Ledger;
use prooflane_log::{Kind, SigningKey, VerifyingKey, Writer};
use prooflane_store::{DirBlobs, SqliteTable, StoreError, SystemClock};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The log's signing keys, a line each, the oldest first: the last one signs, the others are there for receipts that they signed.
const KEYS: &str = "log.keys";

/// The verifying keys, a line each, for whoever verifies receipts.
pub(crate) const PUBLIC: &str = "log.pub";

/// How long another process may have the ledger: recording takes milliseconds, checking all of it longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A ledger's folder.
pub(crate) struct Home {
    folder: PathBuf,
    keys: Vec<SigningKey>,
}

impl Home {
    /// Makes a folder for a new ledger.
    pub(crate) fn create(folder: &Path, origin: &str) -> anyhow::Result<Self> {
        let path = folder.join(KEYS);
        if path.exists() {
            bail!("{} is a ledger already", folder.display());
        }
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let keys = vec![fresh(origin)?];
        let home = Self {
            folder: folder.into(),
            keys,
        };
        home.write_keys()?;
        Ok(home)
    }

    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(KEYS);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "{} is no ledger: `prooflane ledger init` makes one",
                folder.display()
            )
        })?;
        let text = Zeroizing::new(text);
        let keys = text
            .lines()
            .map(SigningKey::parse)
            .collect::<Result<Vec<_>, _>>();
        let keys = keys.with_context(|| format!("{} is damaged", path.display()))?;
        if keys.is_empty() {
            bail!("{} is damaged: expected a key, got none", path.display());
        }
        Ok(Self {
            folder: folder.into(),
            keys,
        })
    }

    /// Opens the ledger. One process has it at a time; others wait.
    pub(crate) async fn ledger(&self) -> anyhow::Result<Ledger> {
        let blobs = Arc::new(self.blobs().await?);
        let table = Arc::new(SqliteTable::open(self.folder.join("table.db"))?);
        let mut writer = [0; 16];
        getrandom::fill(&mut writer).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let signer = SigningKey::parse(&self.current().secret())?;
        let ledger = Ledger::open(table, blobs, Arc::new(SystemClock), signer, Writer(writer));
        Ok(ledger.await?)
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

    fn current(&self) -> &SigningKey {
        // There is one: `open` and `create` see to it.
        &self.keys[self.keys.len() - 1]
    }

    pub(crate) fn origin(&self) -> &str {
        self.current().verifying().name()
    }

    /// What receipts are verified with, the oldest first.
    pub(crate) fn verifying(&self) -> Vec<VerifyingKey> {
        self.keys
            .iter()
            .map(|key| key.verifying().clone())
            .collect()
    }

    /// From now on another key signs; old ones stay known.
    pub(crate) fn rotate(&mut self) -> anyhow::Result<()> {
        let key = fresh(self.origin())?;
        self.keys.push(key);
        self.write_keys()
    }

    fn write_keys(&self) -> anyhow::Result<()> {
        let secret = self.keys.iter().map(SigningKey::secret);
        self.write_lines(KEYS, secret.map(|key| key.to_string()))?;
        let public = self.verifying();
        self.write_lines(PUBLIC, public.iter().map(ToString::to_string))
    }

    /// Writes a file that only its owner may read, as a whole or not at all.
    fn write_lines(&self, name: &str, lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        for line in lines {
            writeln!(file, "{}", *Zeroizing::new(line))?;
        }
        file.as_file().sync_all()?;
        file.persist(&path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(())
    }
}

fn fresh(origin: &str) -> anyhow::Result<SigningKey> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(SigningKey::from_seed(origin, Kind::Ed25519, &seed)?)
}
