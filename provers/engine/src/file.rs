//! The key file; its layout is in the crate's documentation.

use crate::{KeyError, Provenance};
use prooflane_circuits::{Circuit, R1cs};
use prooflane_formats::{Origin, Zkey};
use prooflane_verifier::KeyId;
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

/// A file of a circuit with this system, its digest right.
pub(crate) struct Envelope<'a> {
    pub(crate) provenance: Provenance,
    pub(crate) key_id: KeyId,
    /// The digest at its end.
    pub(crate) digest: [u8; DIGEST],
    zkey: &'a [u8],
}

/// What a file says of itself.
pub(crate) fn open<'a>(
    circuit: &dyn Circuit,
    r1cs: &R1cs,
    path: &Path,
    bytes: &'a [u8],
) -> Result<Envelope<'a>, KeyError> {
    let damaged = |problem: &str| damaged(path, problem);
    let (body, digest) = bytes
        .split_last_chunk::<DIGEST>()
        .ok_or_else(|| damaged("expected a key file, got too few bytes for one"))?;
    if !body.starts_with(MAGIC) {
        return Err(damaged("expected a key file, got something else"));
    }
    if blake3::hash(body) != *digest {
        return Err(damaged("its digest is not that of its content"));
    }
    let mut rest = &body[MAGIC.len()..];
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
    if take(32)? != r1cs.digest() {
        return Err(KeyError::Stale {
            path: path.to_owned(),
            circuit: circuit.id().to_owned(),
        });
    }
    let mut key_id = KeyId([0; 32]);
    key_id.0.copy_from_slice(take(32)?);
    let size = take(8)?.to_owned();
    if size != (rest.len() as u64).to_le_bytes() {
        return Err(damaged("its proving key has another length than it says"));
    }
    Ok(Envelope {
        provenance,
        key_id,
        digest: *digest,
        zkey: rest,
    })
}

impl Envelope<'_> {
    /// The key itself, all of it checked that its origin asks for.
    pub(crate) fn read(&self, r1cs: &R1cs, path: &Path, origin: Origin) -> Result<Zkey, KeyError> {
        let key =
            Zkey::read(self.zkey, origin).map_err(|error| damaged(path, &error.to_string()))?;
        key.check_system(r1cs)
            .map_err(|error| damaged(path, &error.to_string()))?;
        if key.verifying.id() != self.key_id {
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
