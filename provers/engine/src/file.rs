//! The key file; its layout is in the crate's documentation.

use crate::{CircuitKey, KeyError, Provenance};
use ark_bn254::Bn254;
use ark_groth16::ProvingKey;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Compress, Validate};
use prooflane_circuits::{Circuit, R1cs};
use std::path::Path;

const MAGIC: &[u8; 8] = b"PLNKEY\0\0";
const VERSION: u32 = 1;
const DIGEST: usize = 32;

/// The key as a file.
pub(crate) fn write(key: &CircuitKey) -> Vec<u8> {
    let size = key.proving.uncompressed_size();
    let mut bytes = Vec::with_capacity(size + 256);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.push(match key.provenance {
        Provenance::Development => 0,
    });
    let id = key.circuit.as_bytes();
    bytes.push(u8::try_from(id.len()).expect("circuit ids are short"));
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&key.r1cs_digest);
    bytes.extend_from_slice(&key.key_id().0);
    bytes.extend_from_slice(&(size as u64).to_le_bytes());
    key.proving
        .serialize_uncompressed(&mut bytes)
        .expect("writing to a Vec cannot fail");
    let digest = blake3::hash(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    bytes
}

/// The key in a file of this circuit. Without validation the points are taken as they are.
pub(crate) fn read(
    circuit: &dyn Circuit,
    path: &Path,
    bytes: &[u8],
    validate: Validate,
) -> Result<CircuitKey, KeyError> {
    let damaged = |problem: &str| KeyError::Damaged {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
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
        _ => return Err(damaged("its provenance is unknown")),
    };
    let id_len = usize::from(take(1)?[0]);
    if take(id_len)? != circuit.id().as_bytes() {
        return Err(damaged("it is the key of another circuit"));
    }
    let r1cs = circuit.r1cs()?;
    let r1cs_digest = r1cs.digest();
    if take(32)? != r1cs_digest {
        return Err(KeyError::Stale {
            path: path.to_owned(),
            circuit: circuit.id().to_owned(),
        });
    }
    let key_id = take(32)?.to_owned();
    let size = take(8)?.to_owned();
    if size != (rest.len() as u64).to_le_bytes() {
        return Err(damaged("its proving key has another length than it says"));
    }
    let proving = ProvingKey::deserialize_with_mode(&mut rest, Compress::No, validate)
        .map_err(|_| damaged("its proving key cannot be read"))?;
    if !rest.is_empty() || !fits(&proving, &r1cs) {
        return Err(damaged(
            "its proving key has more or fewer points than the circuit takes",
        ));
    }
    let key = CircuitKey::new(circuit, provenance, proving, r1cs, r1cs_digest);
    if key.key_id().0 != *key_id {
        return Err(damaged("its verifying key is not the one it names"));
    }
    Ok(key)
}

/// Whether there is a point for every column, and for every power of the quotient polynomial.
fn fits(key: &ProvingKey<Bn254>, r1cs: &R1cs) -> bool {
    let inputs = r1cs.num_public + 1;
    let domain = (r1cs.constraints() + inputs).next_power_of_two();
    let lengths = [
        (key.vk.gamma_abc_g1.len(), inputs),
        (key.a_query.len(), r1cs.columns()),
        (key.b_g1_query.len(), r1cs.columns()),
        (key.b_g2_query.len(), r1cs.columns()),
        (key.l_query.len(), r1cs.num_private),
        (key.h_query.len(), domain - 1),
    ];
    lengths.iter().all(|(got, expected)| got == expected)
}
