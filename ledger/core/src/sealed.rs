//! Openings in files: sealed with a passphrase or a key, beside a count of the proofs that are left.

use crate::opening::{Secrets, random};
use crate::{Commitment, Error, Opening};
use argon2::{Argon2, Params};
use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What an opening is sealed with. No `Debug`.
#[derive(Clone)]
pub enum SealingKey {
    /// Words that somebody remembers.
    Passphrase(Zeroizing<String>),
    /// Random bytes that somebody keeps.
    Key(Zeroizing<[u8; 32]>),
}

impl SealingKey {
    /// A key of the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate() -> Result<Self, Error> {
        random().map(Self::Key)
    }

    /// From the hexadecimal digits of [`Self::to_hex`].
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), key.as_mut()).ok()?;
        Some(Self::Key(key))
    }

    /// A key as text; a passphrase has none.
    #[must_use]
    pub fn to_hex(&self) -> Option<Zeroizing<String>> {
        match self {
            Self::Passphrase(_) => None,
            Self::Key(key) => Some(Zeroizing::new(hex::encode(key))),
        }
    }
}

/// How the key of the cipher is made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Stretch {
    /// It is BLAKE3's derived key of the owner's key.
    Key,
    /// By Argon2id (RFC 9106) of a passphrase.
    Argon2id {
        memory_kib: u32,
        passes: u32,
        lanes: u32,
        salt: String,
    },
}

/// RFC 9106, section 4, "SECOND RECOMMENDED".
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// More than that is not spent on a file that somebody sent.
const MOST_MEMORY_KIB: u32 = 1 << 20;
const MOST_PASSES: u32 = 16;

impl Stretch {
    fn cipher(&self, with: &SealingKey) -> Option<XChaCha20Poly1305> {
        let mut key = Zeroizing::new([0; 32]);
        match (self, with) {
            (Self::Key, SealingKey::Key(of)) => {
                *key = blake3::derive_key("prooflane 2026-11 ledger opening", of.as_ref());
            }
            (
                Self::Argon2id {
                    memory_kib,
                    passes,
                    lanes,
                    salt,
                },
                SealingKey::Passphrase(of),
            ) => {
                if *memory_kib > MOST_MEMORY_KIB || *passes > MOST_PASSES {
                    return None;
                }
                let salt = hex::decode(salt).ok()?;
                let parameters = Params::new(*memory_kib, *passes, *lanes, None).ok()?;
                let argon = Argon2::new(
                    argon2::Algorithm::Argon2id,
                    argon2::Version::V0x13,
                    parameters,
                );
                argon
                    .hash_password_into(of.as_bytes(), &salt, key.as_mut())
                    .ok()?;
            }
            _ => return None,
        }
        Some(XChaCha20Poly1305::new((&*key).into()))
    }

    const fn expected(&self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Argon2id { .. } => "passphrase",
        }
    }
}

/// The form of the file, JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    /// The version of this form, 1.
    prooflane_opening: u32,
    commitment: Commitment,
    /// For how many proofs the noise in each part is left.
    left: Vec<u32>,
    sealed_with: Stretch,
    /// In base64: the nonce and the ciphertext of the secrets, bound to the dataset's id.
    sealed: String,
}

/// An opening in a file. Several processes may have it at once.
pub struct OpeningFile {
    path: PathBuf,
    contents: Contents,
}

impl OpeningFile {
    /// Where the opening of a dataset's file is by default: beside it, with `.opening` after its name.
    #[must_use]
    pub fn beside(data: &Path) -> PathBuf {
        let mut name = data.as_os_str().to_owned();
        name.push(".opening");
        name.into()
    }

    /// Seals an opening in a new file that only its owner may read. `left` is for how many proofs the noise of each part is left.
    ///
    /// # Errors
    /// [`Error::Io`], also where there is such a file; [`Error::Randomness`].
    pub fn create(
        path: &Path,
        opening: &Opening,
        left: Vec<u32>,
        with: &SealingKey,
    ) -> Result<Self, Error> {
        let sealed_with = match with {
            SealingKey::Key(_) => Stretch::Key,
            SealingKey::Passphrase(_) => Stretch::Argon2id {
                memory_kib: MEMORY_KIB,
                passes: PASSES,
                lanes: LANES,
                salt: hex::encode(*random::<16>()?),
            },
        };
        let secrets = Zeroizing::new(serde_json::to_vec(opening.secrets()).map_err(|error| {
            Error::Opening {
                file: path.into(),
                problem: error.to_string(),
            }
        })?);
        let nonce = random::<24>()?;
        let id = opening.commitment().id();
        let payload = Payload {
            msg: &secrets,
            aad: &id.0.0,
        };
        let cipher = sealed_with.cipher(with);
        let cipher = cipher.and_then(|cipher| cipher.encrypt(&XNonce::from(*nonce), payload).ok());
        let cipher = cipher.ok_or_else(|| Error::Sealed {
            file: path.into(),
            expected: sealed_with.expected(),
        })?;
        let file = Self {
            path: path.into(),
            contents: Contents {
                prooflane_opening: 1,
                commitment: opening.commitment().clone(),
                left,
                sealed_with,
                sealed: STANDARD.encode([&nonce[..], &cipher].concat()),
            },
        };
        file.written()?
            .persist_noclobber(path)
            .map_err(|error| Error::io(path)(error.error))?;
        Ok(file)
    }

    /// Reads a file. What is sealed stays so.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Opening`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let problem = |problem: String| Error::Opening {
            file: path.into(),
            problem,
        };
        let contents: Contents =
            serde_json::from_slice(&bytes).map_err(|error| problem(error.to_string()))?;
        if contents.prooflane_opening != 1 {
            let got = contents.prooflane_opening;
            return Err(problem(format!("expected version 1, got {got}")));
        }
        if contents.left.len() != contents.commitment.roots.len() {
            return Err(problem("expected a count of proofs for each root".into()));
        }
        Ok(Self {
            path: path.into(),
            contents,
        })
    }

    /// What everybody may know.
    #[must_use]
    pub const fn commitment(&self) -> &Commitment {
        &self.contents.commitment
    }

    /// For how many more proofs the noise in each part is left.
    #[must_use]
    pub fn left(&self) -> &[u32] {
        &self.contents.left
    }

    /// Opens what is sealed.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Commitment`].
    pub fn open(&self, with: &SealingKey) -> Result<Opening, Error> {
        let other = || Error::Sealed {
            file: self.path.clone(),
            expected: self.contents.sealed_with.expected(),
        };
        let sealed = STANDARD
            .decode(&self.contents.sealed)
            .map_err(|_| other())?;
        let (nonce, cipher) = sealed.split_first_chunk::<24>().ok_or_else(other)?;
        let id = self.contents.commitment.id();
        let payload = Payload {
            msg: cipher,
            aad: &id.0.0,
        };
        let secrets = self.contents.sealed_with.cipher(with);
        let secrets = secrets.and_then(|key| key.decrypt(&XNonce::from(*nonce), payload).ok());
        let secrets = Zeroizing::new(secrets.ok_or_else(other)?);
        let secrets: Secrets = serde_json::from_slice(&secrets).map_err(|_| other())?;
        Opening::of(self.contents.commitment.clone(), secrets)
    }

    /// Counts proofs, before they are made: `needed` of each part, such that `kept` are left where any is needed.
    ///
    /// # Errors
    /// [`Error::NoiseUsedUp`], and then nothing is counted; as [`Self::read`].
    pub fn spend(&mut self, needed: &[u32], kept: u32) -> Result<(), Error> {
        let dataset = self.commitment().id();
        self.change(|left| {
            let mut each = left.iter().zip(needed);
            let short = each.find(|(left, needed)| **needed > 0 && **left < *needed + kept);
            if let Some((left, needed)) = short {
                return Err(Error::NoiseUsedUp {
                    dataset,
                    left: left.saturating_sub(kept),
                    needed: *needed,
                });
            }
            left.iter_mut()
                .zip(needed)
                .for_each(|(left, needed)| *left -= needed);
            Ok(())
        })
    }

    /// Gives half of what is left of some parts away, to the opening of another dataset with the same columns.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn share(&mut self, parts: &[usize]) -> Result<Vec<u32>, Error> {
        self.change(|left| {
            let given = parts.iter().map(|part| {
                // One stays, to commit anew.
                let half = left[*part].saturating_sub(1) / 2;
                left[*part] -= half;
                half
            });
            Ok(given.collect())
        })
    }

    /// Changes the counts, one process at a time, and as a whole or not at all.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut [u32]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let lock = File::open(self.folder()).map_err(Error::io(self.folder()))?;
        lock.lock().map_err(Error::io(self.folder()))?;
        *self = Self::read(&self.path)?;
        let changed = change(&mut self.contents.left)?;
        let file = self.written()?;
        file.persist(&self.path)
            .map_err(|error| Error::io(&self.path)(error.error))?;
        lock.sync_all().map_err(Error::io(self.folder()))?;
        Ok(changed)
    }

    fn folder(&self) -> &Path {
        let parent = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        parent.unwrap_or(Path::new("."))
    }

    /// The contents in a file of another name.
    fn written(&self) -> Result<tempfile::NamedTempFile, Error> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(self.folder())?;
            serde_json::to_writer_pretty(&mut file, &self.contents)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        write().map_err(Error::io(&self.path))
    }
}
