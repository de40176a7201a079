//! Elements of BN254's scalar field as text and bytes.

use crate::{DecodeError, Fr};
use alloc::string::String;
use alloc::vec::Vec;
use ark_ff::{BigInt, BigInteger, BigInteger256, PrimeField};
use sha2::{Digest, Sha256};

/// The longest decimal form of a value below 2^256.
const MAX_DIGITS: usize = 78;

/// Reads a field element: decimal without leading zeros, or `0x` and 1 to 64 hexadecimal digits.
///
/// # Errors
/// [`DecodeError::Field`] for anything else, in particular values at or above the modulus.
pub fn parse(text: &str) -> Result<Fr, DecodeError> {
    value(text)
        .and_then(Fr::from_bigint)
        .ok_or_else(|| refuse(text))
}

pub(crate) fn refuse(text: &str) -> DecodeError {
    DecodeError::Field(text.chars().take(80).collect())
}

/// The 256-bit number that a text stands for.
pub(crate) fn value(text: &str) -> Option<BigInteger256> {
    if let Some(digits) = text.strip_prefix("0x") {
        if digits.is_empty() || digits.len() > 64 {
            return None;
        }
        let mut bytes = [0; 32];
        let padded = alloc::format!("{digits:0>64}");
        hex::decode_to_slice(padded, &mut bytes).ok()?;
        return Some(from_be(&bytes));
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let canonical = digits
        && !text.is_empty()
        && text.len() <= MAX_DIGITS
        && (text == "0" || !text.starts_with('0'));
    canonical.then(|| from_decimal(text))?
}

/// The number that digits stand for, if it is below 2^256.
fn from_decimal(digits: &str) -> Option<BigInteger256> {
    let mut limbs = [0_u64; 4];
    for digit in digits.bytes() {
        let mut carry = u128::from(digit - b'0');
        for limb in &mut limbs {
            carry += u128::from(*limb) * 10;
            *limb = carry as u64;
            carry >>= 64;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(BigInteger256::new(limbs))
}

fn from_be(bytes: &[u8; 32]) -> BigInteger256 {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = chunk
            .iter()
            .fold(0, |acc, byte| (acc << 8) | u64::from(*byte));
    }
    BigInteger256::new(limbs)
}

/// Writes a field element in decimal.
#[must_use]
pub fn to_decimal(element: &Fr) -> String {
    // Not by arkworks' `Display`, which takes a library of numbers of any length with it to the edge.
    let BigInt(mut limbs) = element.into_bigint();
    let mut digits = Vec::new();
    while digits.is_empty() || limbs != [0; 4] {
        let mut rest = 0;
        for limb in limbs.iter_mut().rev() {
            let number = (rest << 64) | u128::from(*limb);
            *limb = (number / 10) as u64;
            rest = number % 10;
        }
        digits.push(b'0' + rest as u8);
    }
    digits.into_iter().rev().map(char::from).collect()
}

/// Writes a field element as 32 big-endian bytes.
#[must_use]
pub fn to_bytes_be(element: &Fr) -> [u8; 32] {
    let bytes: Vec<u8> = element.into_bigint().to_bytes_be();
    let mut array = [0; 32];
    array.copy_from_slice(&bytes);
    array
}

/// Reads a field element from 32 big-endian bytes.
///
/// # Errors
/// [`DecodeError::Length`], or [`DecodeError::Field`] at or above the modulus.
pub fn from_bytes_be(bytes: &[u8]) -> Result<Fr, DecodeError> {
    let length = DecodeError::Length {
        what: "field element",
        expected: 32,
        got: bytes.len(),
    };
    let array: &[u8; 32] = bytes.try_into().map_err(|_| length)?;
    Fr::from_bigint(from_be(array))
        .ok_or_else(|| DecodeError::Field(alloc::format!("0x{}", hex::encode(bytes))))
}

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
