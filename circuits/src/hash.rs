//! How bytes become field elements; texts: [`prooflane_verifier::field::text_to_field`].

use ark_bn254::Fr;
use ark_ff::PrimeField;

use crate::poseidon::poseidon;

/// Poseidon(high 128 bits, low 128 bits) of 32 bytes read as a big-endian integer: injective up to collisions of Poseidon, which
/// a reduction modulo r would not be.
pub fn bytes32_to_field(bytes: &[u8; 32]) -> Fr {
    let half = |part: &[u8]| Fr::from_be_bytes_mod_order(part);
    poseidon(&[half(&bytes[..16]), half(&bytes[16..])])
}
