//! How texts and bytes become field elements.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use sha2::{Digest, Sha256};

use crate::poseidon::poseidon;

/// `int(SHA-256("prooflane/" + domain + "/v1" + 0x00 + text)) mod r`, the digest read as a big-endian integer, `domain` and
/// `text` in UTF-8. The domain keeps, say, a recipient from being mistaken for an asset of the same name. The reduction modulo
/// the 254-bit r leaves a slight bias (a digest covers some residues 5 times, the others 6 times), which does not matter here:
/// only collisions do.
pub fn text_to_field(domain: &str, text: &str) -> Fr {
    let mut hash = Sha256::new();
    for part in ["prooflane/", domain, "/v1\0", text] {
        hash.update(part);
    }
    Fr::from_be_bytes_mod_order(&hash.finalize())
}

/// Poseidon(high 128 bits, low 128 bits) of 32 bytes read as a big-endian integer: injective up to collisions of Poseidon, which
/// a reduction modulo r would not be.
pub fn bytes32_to_field(bytes: &[u8; 32]) -> Fr {
    let half = |part: &[u8]| Fr::from_be_bytes_mod_order(part);
    poseidon(&[half(&bytes[..16]), half(&bytes[16..])])
}
