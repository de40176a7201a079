//! A directory of key files.

use crate::file::{self, Head, Unread};
use crate::key::{Home, development};
use crate::prove::prove_with_key;
use crate::tables::{self, Identity};
use crate::{CircuitKey, KeyError, Provenance, ProvingKey, TableOptions};
use prooflane_circuits::{Circuit, CircuitError, R1cs};
use prooflane_formats::{Origin, Zkey};
use prooflane_kernels::Backend;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Instant;
use tempfile::NamedTempFile;

/// A directory of key files, each read once.
pub struct Keys {
    dir: PathBuf,
    tables: TableOptions,
    slots: Mutex<BTreeMap<&'static str, Slot>>,
}

/// The key of one circuit, once it is loaded. Locked while it is read or made: whoever asks for it
/// meanwhile would only do so twice.
type Slot = Arc<Mutex<Option<Arc<CircuitKey>>>>;

impl Keys {
    /// Opens a directory, making it if need be.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir).map_err(|source| io(&dir, source))?;
        Ok(Self {
            dir,
            tables: TableOptions::default(),
            slots: Mutex::default(),
        })
    }

    /// The same directory, tables made as said.
    #[must_use]
    pub fn with_tables(self, tables: TableOptions) -> Self {
        Self { tables, ..self }
    }

    /// Where the key file of a circuit is, or would be.
    #[must_use]
    pub fn path(&self, circuit: &str) -> PathBuf {
        self.dir.join(format!("{circuit}.key"))
    }

    /// The key of a circuit: from memory, from its file, or made now and kept.
    ///
    /// Two processes that make the same key at once end up with the same one.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn get(&self, circuit: &dyn Circuit) -> Result<Arc<CircuitKey>, KeyError> {
        let slot = self.slot(circuit);
        let mut loaded = lock(&slot);
        if let Some(key) = &*loaded {
            return Ok(key.clone());
        }
        let path = self.path(circuit.id());
        let key = match self.load(circuit)? {
            Some(key) => key,
            None => {
                let started = Instant::now();
                let (provenance, r1cs) = (Provenance::Development, circuit.r1cs()?);
                let made = development(circuit, &r1cs)?;
                let millis = started.elapsed().as_millis();
                tracing::info!(circuit = circuit.id(), millis, "made a development key");
                let bytes = file::write(circuit, &r1cs, provenance, &made);
                if persist(&path, &bytes, false)? {
                    self.key(circuit, provenance, made, &r1cs, file::digest(&bytes))
                } else {
                    let found = self.load(circuit)?;
                    found.ok_or_else(|| io(&path, ErrorKind::NotFound.into()))?
                }
            }
        };
        Ok(loaded.insert(Arc::new(key)).clone())
    }

    /// The key of a circuit if it is here and is the one expected (its [`KeyId`] in hex).
    ///
    /// [`KeyId`]: prooflane_verifier::KeyId
    ///
    /// # Errors
    /// [`KeyError`]; a stale or damaged file counts as not being here.
    pub fn find(
        &self,
        circuit: &dyn Circuit,
        key_id: &str,
    ) -> Result<Option<Arc<CircuitKey>>, KeyError> {
        let slot = self.slot(circuit);
        let mut loaded = lock(&slot);
        if loaded.is_none() {
            *loaded = match self.load(circuit) {
                Ok(key) => key.map(Arc::new),
                Err(KeyError::Damaged { .. } | KeyError::Stale { .. }) => None,
                Err(error) => return Err(error),
            };
        }
        let expected = loaded
            .as_ref()
            .filter(|key| key.key_id().to_string() == key_id);
        Ok(expected.cloned())
    }

    /// Keeps the key file that somebody else made, if it holds the key expected (its [`KeyId`] in
    /// hex). Unlike a file of one's own, its points are checked.
    ///
    /// [`KeyId`]: prooflane_verifier::KeyId
    ///
    /// # Errors
    /// [`KeyError::WrongKey`], [`KeyError::Offered`], [`KeyError::Io`]; what was there stays then.
    pub fn install(
        &self,
        circuit: &dyn Circuit,
        bytes: &[u8],
        key_id: &str,
    ) -> Result<Arc<CircuitKey>, KeyError> {
        let path = self.path(circuit.id());
        let offered = |error: KeyError| error.of_an_offered_file(circuit.id());
        let r1cs = circuit.r1cs()?;
        let envelope = file::open(circuit, &r1cs, &path, bytes).map_err(offered)?;
        let key = envelope
            .read(&r1cs, &path, Origin::Anyone)
            .map_err(offered)?;
        let got = envelope.head.key_id.to_string();
        if got != key_id {
            return Err(KeyError::WrongKey {
                expected: key_id.to_owned(),
                got,
            });
        }
        let slot = self.slot(circuit);
        let mut loaded = lock(&slot);
        persist(&path, bytes, true)?;
        let key = self.key(
            circuit,
            envelope.head.provenance,
            key,
            &r1cs,
            envelope.head.digest,
        );
        Ok(loaded.insert(Arc::new(key)).clone())
    }

    /// Keeps the key of a ceremony, a `.zkey` that snarkjs wrote, in place of a development key. All is checked that
    /// can be without the powers of tau ([`Zkey::check`]), its matrices against the circuit's, and that the circuit's example
    /// can be proved with it. That the ceremony was a sound one is for `snarkjs zkey verify` to say.
    ///
    /// # Errors
    /// [`KeyError`]; what was there stays then. A key of a ceremony is never replaced.
    pub fn import(&self, circuit: &dyn Circuit, zkey: &[u8]) -> Result<Arc<CircuitKey>, KeyError> {
        let id = || circuit.id().to_owned();
        let format = |source| KeyError::Format {
            circuit: id(),
            source,
        };
        let problem = |source| KeyError::Problem {
            circuit: id(),
            source,
        };
        let key = Zkey::read(zkey, Origin::Anyone).map_err(format)?;
        if key.ceremony.contributions.is_empty() {
            return Err(KeyError::NoCeremony(id()));
        }
        let r1cs = circuit.r1cs()?;
        key.check_system(&r1cs).map_err(problem)?;
        key.check().map_err(problem)?;
        let provenance = Provenance::Ceremony;
        let bytes = file::write(circuit, &r1cs, provenance, &key);
        let example = circuit.witness(&circuit.example()).map_err(|source| {
            let circuit = circuit.id();
            CircuitError::Example { circuit, source }
        })?;
        let key = ProvingKey::from(key);
        prove_with_key(&key, &example).map_err(|source| KeyError::Useless {
            circuit: id(),
            source,
        })?;
        drop(key);

        let slot = self.slot(circuit);
        let mut loaded = lock(&slot);
        let path = self.path(circuit.id());
        if let Some(there) = self.load(circuit).unwrap_or(None)
            && there.provenance() == Provenance::Ceremony
        {
            let key_id = there.key_id().to_string();
            return Err(KeyError::Kept { path, key_id });
        }
        persist(&path, &bytes, true)?;
        let key = self.load(circuit)?;
        let key = key.ok_or_else(|| io(&path, ErrorKind::NotFound.into()))?;
        Ok(loaded.insert(Arc::new(key)).clone())
    }

    /// The key of a circuit as a `.zkey`, to the byte as it was imported; a development key is made where there is none.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn export(&self, circuit: &dyn Circuit) -> Result<Vec<u8>, KeyError> {
        self.get(circuit)?;
        let path = self.path(circuit.id());
        let bytes = std::fs::read(&path).map_err(|source| io(&path, source))?;
        let r1cs = circuit.r1cs()?;
        let key = file::open(circuit, &r1cs, &path, &bytes)?.read(&r1cs, &path, Origin::Checked)?;
        Ok(key.to_bytes())
    }

    /// A key whose file is here.
    fn key(
        &self,
        circuit: &dyn Circuit,
        provenance: Provenance,
        key: Zkey,
        r1cs: &R1cs,
        key_file: [u8; 32],
    ) -> CircuitKey {
        let home = Some(Home {
            dir: self.dir.clone(),
            identity: identity(circuit, key_file),
        });
        CircuitKey::new(circuit, provenance, key, r1cs, home, self.tables.clone())
    }

    /// The key in the file of a circuit. Where its tables are there too, its points are not read, and where the circuit's
    /// code is what it was when they were made, its constraints are not made.
    fn load(&self, circuit: &dyn Circuit) -> Result<Option<CircuitKey>, KeyError> {
        let path = self.path(circuit.id());
        let Some(file) = Unread::open(circuit, &path)? else {
            return Ok(None);
        };
        // No thread of rayon's: who waits for those takes up other work, which may want the same key. A process that may
        // have no more threads does one after the other.
        let (intact, key) = std::thread::scope(|scope| {
            let checking = Builder::new().spawn_scoped(scope, || file.check());
            let key = self.open_tables(circuit, &file.head);
            let intact = match checking {
                Ok(checking) => checking.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => file.check(),
            };
            (intact, key)
        });
        intact?;
        if key.is_some() && circuit.code().is_some() {
            return Ok(key);
        }
        let r1cs = circuit.r1cs()?;
        if key.is_some() {
            file.head.expect_system(circuit, &r1cs, &path)?;
            return Ok(key);
        }
        let bytes = std::fs::read(&path).map_err(|source| io(&path, source))?;
        let envelope = file::open(circuit, &r1cs, &path, &bytes)?;
        let key = envelope.read(&r1cs, &path, Origin::Checked)?;
        let (provenance, digest) = (envelope.head.provenance, envelope.head.digest);
        Ok(Some(self.key(circuit, provenance, key, &r1cs, digest)))
    }

    /// The key of a file from its tables, if these are there.
    fn open_tables(&self, circuit: &dyn Circuit, head: &Head) -> Option<CircuitKey> {
        // A backend that is none is reported by the first proof.
        let backend = Backend::from_environment().ok()?;
        let path = tables::path(&self.dir, circuit.id(), head.key_id, backend);
        let tables = tables::open(&path, &identity(circuit, head.digest), backend)?;
        (tables.verifying.id() == head.key_id)
            .then(|| CircuitKey::with_tables(circuit, head.provenance, tables))
    }

    fn slot(&self, circuit: &dyn Circuit) -> Slot {
        lock(&self.slots).entry(circuit.id()).or_default().clone()
    }
}

/// What tables of a key with this file must belong to.
fn identity(circuit: &dyn Circuit, key_file: [u8; 32]) -> Identity {
    Identity {
        key_file,
        code: circuit.code().unwrap_or_default(),
    }
}

/// A panic elsewhere leaves a slot empty or full, never half full.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn io(path: &Path, source: std::io::Error) -> KeyError {
    KeyError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Writes a file whole or not at all; false if it was there already and may not be replaced.
fn persist(path: &Path, bytes: &[u8], replace: bool) -> Result<bool, KeyError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut temp = NamedTempFile::new_in(dir).map_err(|source| io(dir, source))?;
    temp.write_all(bytes)
        .and_then(|()| temp.as_file().sync_all())
        .map_err(|e| io(path, e))?;
    let persisted = if replace {
        temp.persist(path)
    } else {
        temp.persist_noclobber(path)
    };
    match persisted {
        Ok(_) => {
            let synced = std::fs::File::open(dir).and_then(|dir| dir.sync_all());
            synced.map(|()| true).map_err(|source| io(dir, source))
        }
        Err(error) if !replace && error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io(path, error.error)),
    }
}
