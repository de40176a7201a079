//! The log's keys in files of a folder.

use crate::Error;
use crate::opening::random;
use prooflane_log::{Kind, SigningKey, VerifyingKey};
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The signing keys, a line each, the oldest first: the last one signs, the others are there for receipts that they signed.
const SECRET: &str = "log.keys";

/// The verifying keys, a line each, for whoever verifies receipts.
const PUBLIC: &str = "log.pub";

/// The keys of a ledger's log, all versions, in a folder: in `log.keys`, and their public halves in `log.pub`. No `Debug`.
pub struct LogKeys {
    folder: PathBuf,
    /// At least one.
    keys: Vec<SigningKey>,
}

impl LogKeys {
    /// Makes the first key of a log of this origin, in a folder, which is made if need be.
    ///
    /// # Errors
    /// [`Error::Io`], also where there are keys already; [`Error::LogKeys`] for a name that no log can have.
    pub fn create(folder: &Path, origin: &str) -> Result<Self, Error> {
        let path = folder.join(SECRET);
        if path.exists() {
            return Err(damaged(&path, "expected a folder without a ledger"));
        }
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let keys = Self {
            folder: folder.into(),
            keys: vec![fresh(&path, origin)?],
        };
        keys.write()?;
        Ok(keys)
    }

    /// Reads the keys of a folder; none where it has none.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::LogKeys`].
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(SECRET);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => Zeroizing::new(other.map_err(Error::io(&path))?),
        };
        let keys = text.lines().map(SigningKey::parse);
        let keys: Result<Vec<_>, _> = keys.collect();
        let keys = keys.map_err(|error| damaged(&path, error))?;
        if keys.is_empty() {
            return Err(damaged(&path, "expected a key, got none"));
        }
        Ok(Some(Self {
            folder: folder.into(),
            keys,
        }))
    }

    /// From now on another key signs; old ones stay known.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Randomness`].
    pub fn rotate(&mut self) -> Result<(), Error> {
        let key = fresh(&self.folder.join(SECRET), self.origin())?;
        self.keys.push(key);
        self.write()
    }

    /// What the log is called.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.last().verifying().name()
    }

    /// The key that signs.
    ///
    /// # Errors
    /// Never; a key can be read from its own text.
    pub fn signer(&self) -> Result<SigningKey, Error> {
        let path = self.folder.join(SECRET);
        SigningKey::parse(&self.last().secret()).map_err(|error| damaged(&path, error))
    }

    /// All keys, the oldest first.
    #[must_use]
    pub fn into_signing(self) -> Vec<SigningKey> {
        self.keys
    }

    /// What receipts are verified with, the oldest first.
    #[must_use]
    pub fn verifying(&self) -> Vec<VerifyingKey> {
        let keys = self.keys.iter();
        keys.map(|key| key.verifying().clone()).collect()
    }

    fn last(&self) -> &SigningKey {
        // `create` and `read` see to it that there is one.
        &self.keys[self.keys.len() - 1]
    }

    fn write(&self) -> Result<(), Error> {
        let secret = self.keys.iter().map(SigningKey::secret);
        self.write_lines(SECRET, secret.map(|key| key.to_string()))?;
        let public = self.verifying();
        self.write_lines(PUBLIC, public.iter().map(ToString::to_string))
    }

    /// Writes a file that only its owner may read, as a whole or not at all.
    fn write_lines(&self, name: &str, lines: impl Iterator<Item = String>) -> Result<(), Error> {
        let path = self.folder.join(name);
        let file = tempfile::NamedTempFile::new_in(&self.folder).map_err(Error::io(&path))?;
        for line in lines.map(Zeroizing::new) {
            writeln!(file.as_file(), "{}", *line).map_err(Error::io(&path))?;
        }
        file.as_file().sync_all().map_err(Error::io(&path))?;
        let kept = file.persist(&path);
        kept.map_err(|error| Error::io(&path)(error.error))?;
        // The name in the folder, too: who loses a log's key loses the log.
        let folder = std::fs::File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(Error::io(&self.folder))
    }
}

/// Characters of a secret text at the least.
const LEAST_SECRET: usize = 32;

/// The key of a log that is derived from a secret text of at least 128 bits, for whoever keeps secrets as texts.
///
/// # Errors
/// [`Error::Misfit`] for an origin that no log can have, or a text of fewer than 32 characters.
pub fn derived_key(origin: &str, secret: &str) -> Result<SigningKey, Error> {
    if secret.len() < LEAST_SECRET {
        let got = secret.len();
        let problem = format!("expected a secret of at least {LEAST_SECRET} characters, got {got}");
        return Err(Error::Misfit(problem));
    }
    let seed = blake3::derive_key("prooflane 2026-11 ledger log key", secret.as_bytes());
    let seed = Zeroizing::new(seed);
    SigningKey::from_seed(origin, Kind::Ed25519, &seed)
        .map_err(|error| Error::Misfit(error.to_string()))
}

fn fresh(path: &Path, origin: &str) -> Result<SigningKey, Error> {
    let seed = random()?;
    SigningKey::from_seed(origin, Kind::Ed25519, &seed).map_err(|error| damaged(path, error))
}

fn damaged(file: &Path, problem: impl ToString) -> Error {
    Error::LogKeys {
        file: file.into(),
        problem: problem.to_string(),
    }
}
