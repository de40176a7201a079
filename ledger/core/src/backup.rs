//! A ledger as files, from which it can be made again over any store.

use crate::ledger::{Ledger, LedgerError};
use crate::{Entry, Error, Evidence};
use prooflane_log::{SignedCheckpoint, VerifyingKey};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The entries, a line of JSON each.
const ENTRIES: &str = "entries.jsonl";
/// The checkpoint of these entries.
const CHECKPOINT: &str = "checkpoint";
/// Evidence, by its digest.
const EVIDENCE: &str = "evidence";

/// Why there is no backup, or none can be restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file.
    #[error(transparent)]
    File(#[from] Error),
    /// The backup is not whole.
    #[error("{}: {problem}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The backup's checkpoint is another ledger's, or somebody has made it up.
    #[error(
        "{}: expected the signature of a key of this ledger: {why}; restore it with the log.keys of the ledger that was backed up",
        file.display()
    )]
    Signature {
        /// The checkpoint.
        file: PathBuf,
        /// Why it is refused.
        why: String,
    },
    /// The ledger that the backup would be restored into is not empty, and no part of it.
    #[error(
        "expected an empty ledger, or one that was being restored from this backup; operation {index} is another one"
    )]
    NotEmpty {
        /// The first that differs.
        index: u64,
    },
    /// What was restored is not what was backed up.
    #[error("expected the tree {expected}, got {got}: the backup is damaged")]
    Root {
        /// The backup's root.
        expected: String,
        /// That of the restored log.
        got: String,
    },
}

fn damaged(file: &Path, problem: impl ToString) -> BackupError {
    BackupError::Damaged {
        file: file.into(),
        problem: problem.to_string(),
    }
}

impl Ledger {
    /// Writes all entries and evidence into a folder, which may hold an older backup of this ledger. Returns how many operations
    /// there are. Permissions and keys are not part of it.
    ///
    /// # Errors
    /// [`BackupError`].
    pub async fn backup(&self, folder: &Path) -> Result<u64, BackupError> {
        let size = self.size().await?;
        if size > 0 {
            // All of them are in the tree then.
            self.entry(size - 1).await?;
        }
        let checkpoint = self.log().checkpoint().await.map_err(LedgerError::from)?;
        let size = checkpoint.checkpoint().size;
        let evidence = folder.join(EVIDENCE);
        std::fs::create_dir_all(&evidence).map_err(Error::io(&evidence))?;
        let path = folder.join(ENTRIES);
        let file = tempfile::NamedTempFile::new_in(folder).map_err(Error::io(&path))?;
        let mut entries = BufWriter::new(file);
        for index in 0..size {
            let entry = self.log().reader().entry(index, size).await;
            let mut bytes = entry.map_err(LedgerError::from)?;
            let digest = Entry::from_bytes(&bytes)
                .map_err(|error| damaged(&path, error))?
                .evidence;
            bytes.push(b'\n');
            entries.write_all(&bytes).map_err(Error::io(&path))?;
            let path = evidence.join(digest.to_string());
            if !path.exists() {
                let bytes = self.evidence_bytes(&digest).await?;
                if Evidence::digest(&bytes) != digest {
                    return Err(damaged(
                        &path,
                        "the ledger has other bytes for it; run fsck",
                    ));
                }
                written(&path, &bytes)?;
            }
        }
        let file = entries
            .into_inner()
            .map_err(|error| Error::io(&path)(error.into_error()))?;
        file.as_file().sync_all().map_err(Error::io(&path))?;
        file.persist(&path)
            .map_err(|error| Error::io(&path)(error.error))?;
        written(&folder.join(CHECKPOINT), checkpoint.to_string().as_bytes())?;
        Ok(size)
    }

    /// Makes a ledger again from a backup, and checks that it is the same one: the same entries in the same order, under a
    /// checkpoint that one of `keys` has signed, the log's verifying keys. What was interrupted can be done again. Returns how many
    /// operations there are.
    ///
    /// # Errors
    /// [`BackupError`]; where the checkpoint is refused, nothing has been restored.
    pub async fn restore(&self, folder: &Path, keys: &[VerifyingKey]) -> Result<u64, BackupError> {
        let checkpoint = signed(&folder.join(CHECKPOINT), keys)?;
        let expected = checkpoint.checkpoint();
        let path = folder.join(ENTRIES);
        let entries = File::open(&path).map_err(Error::io(&path))?;
        let mut index = 0;
        for line in BufReader::new(entries).lines() {
            let line = line.map_err(Error::io(&path))?;
            let entry =
                Entry::from_bytes(line.as_bytes()).map_err(|error| damaged(&path, error))?;
            let file = folder.join(EVIDENCE).join(entry.evidence.to_string());
            let evidence = std::fs::read(&file).map_err(Error::io(&file))?;
            if Evidence::digest(&evidence) != entry.evidence {
                return Err(damaged(&file, "expected the evidence of this digest"));
            }
            self.keep_evidence(&entry.evidence, &evidence).await?;
            let got = self.append(&entry, line.into_bytes()).await?;
            if got != index {
                return Err(BackupError::NotEmpty { index });
            }
            index += 1;
        }
        if index != expected.size {
            return Err(damaged(
                &path,
                format!("expected {} entries, got {index}", expected.size),
            ));
        }
        if index > 0 {
            let size = self.size().await?;
            if size != index {
                return Err(BackupError::NotEmpty { index });
            }
            let got = self
                .log()
                .await_inclusion(index - 1)
                .await
                .map_err(LedgerError::from)?;
            let got = got.checkpoint().root;
            if got != expected.root {
                return Err(BackupError::Root {
                    expected: expected.root.to_string(),
                    got: got.to_string(),
                });
            }
        }
        self.index_to(index).await?;
        Ok(index)
    }
}

/// A checkpoint that one of these keys has signed.
fn signed(path: &Path, keys: &[VerifyingKey]) -> Result<SignedCheckpoint, BackupError> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let checkpoint: SignedCheckpoint = text.parse().map_err(|error| damaged(path, error))?;
    // The latest key says most.
    let mut why = "it has none".to_owned();
    for key in keys {
        match checkpoint.verify(key) {
            Ok(_) => return Ok(checkpoint),
            Err(error) => why = error.to_string(),
        }
    }
    let file = path.into();
    Err(BackupError::Signature { file, why })
}

/// Writes a file as a whole or not at all.
fn written(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(Error::io(path))
}
