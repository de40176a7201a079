//! The key file; its layout is in the crate's documentation.

use crate::{KeyError, Provenance};
use prooflane_circuits::{Circuit, R1cs};
use prooflane_formats::{Origin, Zkey};
use prooflane_verifier::KeyId;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

const MAGIC: &[u8; 8] = b"PLNKEY\0\0";
const VERSION: u32 = 2;
const DIGEST: usize = 32;

/// A key of a circuit with this system as a file.
pub(crate) fn write(
    circuit: &dyn Circuit,
    r1cs: &R1cs,
    provenance: Provenance,
    key: &Zkey,
) -> Vec<u8> {
    let zkey = key.to_bytes();
    let mut bytes = Vec::with_capacity(zkey.len() + 256);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.push(match provenance {
        Provenance::Development => 0,
        Provenance::Ceremony => 1,
    });
    let id = circuit.id().as_bytes();
    bytes.push(u8::try_from(id.len()).expect("circuit ids are short"));
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&r1cs.digest());
    bytes.extend_from_slice(&key.verifying.id().0);
    bytes.extend_from_slice(&(zkey.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&zkey);
    let digest = blake3::hash(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    bytes
}

/// The digest at the end of a file.
pub(crate) fn digest(bytes: &[u8]) -> [u8; DIGEST] {
    *bytes.last_chunk().expect("a file ends with its digest")
}

/// What a file says of itself.
pub(crate) struct Head {
    pub(crate) provenance: Provenance,
    pub(crate) key_id: KeyId,
    /// The digest at its end.
    pub(crate) digest: [u8; DIGEST],
    /// The digest of the circuit's R1CS.
    system: [u8; 32],
    /// Where the proving key begins, which ends where the digest does.
    zkey: usize,
}

/// More than any head takes.
const MOST: usize = 512;

impl Head {
    /// From the first bytes of a file that has so many before its digest.
    fn read(
        circuit: &dyn Circuit,
        path: &Path,
        bytes: &[u8],
        len: u64,
        digest: [u8; DIGEST],
    ) -> Result<Self, KeyError> {
        let damaged = |problem: &str| damaged(path, problem);
        let mut rest = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| damaged("expected a key file, got something else"))?;
        let mut take = |len: usize| {
            let (head, tail) = rest
                .split_at_checked(len)
                .ok_or_else(|| damaged("it ends early"))?;
            rest = tail;
            Ok::<_, KeyError>(head)
        };
        if take(4)? != VERSION.to_le_bytes() {
            return Err(damaged("its format is of another version"));
        }
        let provenance = match take(1)? {
            [0] => Provenance::Development,
            [1] => Provenance::Ceremony,
            _ => return Err(damaged("its provenance is unknown")),
        };
        let id_len = usize::from(take(1)?[0]);
        if take(id_len)? != circuit.id().as_bytes() {
            return Err(damaged("it is the key of another circuit"));
        }
        let (mut system, mut key_id) = ([0; 32], KeyId([0; 32]));
        system.copy_from_slice(take(32)?);
        key_id.0.copy_from_slice(take(32)?);
        let size = take(8)?.to_owned();
        let zkey = bytes.len() - rest.len();
        if size != (len - zkey as u64).to_le_bytes() {
            return Err(damaged("its proving key has another length than it says"));
        }
        Ok(Self {
            provenance,
            key_id,
            digest,
            system,
            zkey,
        })
    }

    /// That it is for a circuit with this system.
    pub(crate) fn expect_system(
        &self,
        circuit: &dyn Circuit,
        r1cs: &R1cs,
        path: &Path,
    ) -> Result<(), KeyError> {
        if self.system != r1cs.digest() {
            return Err(KeyError::Stale {
                path: path.to_owned(),
                circuit: circuit.id().to_owned(),
            });
        }
        Ok(())
    }
}

/// A file on disk of which no more than the head is read, and nothing checked.
pub(crate) struct Unread<'a> {
    file: File,
    path: &'a Path,
    /// Bytes before the digest.
    len: u64,
    pub(crate) head: Head,
}

impl<'a> Unread<'a> {
    /// None where there is no file.
    pub(crate) fn open(circuit: &dyn Circuit, path: &'a Path) -> Result<Option<Self>, KeyError> {
        let io = |source| KeyError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let len = file.metadata().map_err(io)?.len();
        let len = len
            .checked_sub(DIGEST as u64)
            .ok_or_else(|| damaged(path, "expected a key file, got too few bytes for one"))?;
        let (mut head, mut digest) = (vec![], [0; DIGEST]);
        (&file)
            .take(len.min(MOST as u64))
            .read_to_end(&mut head)
            .and_then(|_| file.seek(SeekFrom::Start(len)))
            .and_then(|_| file.read_exact(&mut digest))
            .map_err(io)?;
        Ok(Some(Self {
            head: Head::read(circuit, path, &head, len, digest)?,
            file,
            path,
            len,
        }))
    }

    /// Reads all of it to check the digest.
    pub(crate) fn check(&self) -> Result<(), KeyError> {
        let mut hasher = blake3::Hasher::new();
        // Little enough to stay in a core's cache.
        let mut bytes = vec![0; 1 << 17];
        let mut file = &self.file;
        let mut left = self.len;
        let read = file.rewind().and_then(|()| {
            while left > 0 {
                let next = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                file.read_exact(&mut bytes[..next])?;
                hasher.update(&bytes[..next]);
                left -= next as u64;
            }
            Ok(())
        });
        read.map_err(|source| KeyError::Io {
            path: self.path.to_owned(),
            source,
        })?;
        expect_digest(self.path, hasher.finalize(), &self.head.digest)
    }
}

/// A file of a circuit with this system, its digest right.
pub(crate) struct Envelope<'a> {
    pub(crate) head: Head,
    zkey: &'a [u8],
}

/// What a file says of itself.
pub(crate) fn open<'a>(
    circuit: &dyn Circuit,
    r1cs: &R1cs,
    path: &Path,
    bytes: &'a [u8],
) -> Result<Envelope<'a>, KeyError> {
    let (body, digest) = bytes
        .split_last_chunk::<DIGEST>()
        .ok_or_else(|| damaged(path, "expected a key file, got too few bytes for one"))?;
    expect_digest(path, blake3::hash(body), digest)?;
    let head = Head::read(circuit, path, body, body.len() as u64, *digest)?;
    head.expect_system(circuit, r1cs, path)?;
    let zkey = &body[head.zkey..];
    Ok(Envelope { head, zkey })
}

fn expect_digest(path: &Path, got: blake3::Hash, expected: &[u8; DIGEST]) -> Result<(), KeyError> {
    if got != *expected {
        return Err(damaged(path, "its digest is not that of its content"));
    }
    Ok(())
}

impl Envelope<'_> {
    /// The key itself, all of it checked that its origin asks for.
    pub(crate) fn read(&self, r1cs: &R1cs, path: &Path, origin: Origin) -> Result<Zkey, KeyError> {
        let key =
            Zkey::read(self.zkey, origin).map_err(|error| damaged(path, &error.to_string()))?;
        key.check_system(r1cs)
            .map_err(|error| damaged(path, &error.to_string()))?;
        if key.verifying.id() != self.head.key_id {
            return Err(damaged(path, "its verifying key is not the one it names"));
        }
        if origin == Origin::Anyone {
            key.check()
                .map_err(|error| damaged(path, &error.to_string()))?;
        }
        Ok(key)
    }
}

fn damaged(path: &Path, problem: &str) -> KeyError {
    KeyError::Damaged {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}
