//! Scalars as signed digits.

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

/// Bits of a scalar's magnitude: at most half of the group's order, below 2^253.
const MAGNITUDE_BITS: u32 = 253;

/// Digits of `window_bits` bits that a scalar can have. The top one takes a carry and stays positive.
pub(crate) fn windows(window_bits: u32) -> u32 {
    (MAGNITUDE_BITS + 1).div_ceil(window_bits)
}

/// A scalar or, where that is smaller, its negative, so that -1 is as short as 1. The top bit says
/// which: it is set for the negative.
pub(crate) fn magnitude(scalar: &Fr) -> [u64; 4] {
    let integer = scalar.into_bigint();
    if integer <= Fr::MODULUS_MINUS_ONE_DIV_TWO {
        return integer.0;
    }
    let mut negative = Fr::MODULUS;
    negative.sub_with_borrow(&integer);
    negative.0[3] |= 1 << 63;
    negative.0
}

/// How many windows a magnitude reaches into.
pub(crate) fn reach(magnitude: &[u64; 4], window_bits: u32) -> u32 {
    let mut bits = 0;
    for (i, word) in magnitude.iter().enumerate() {
        let word = if i == 3 { word << 1 >> 1 } else { *word };
        if word != 0 {
            bits = 64 * i as u32 + 64 - word.leading_zeros();
        }
    }
    if bits == 0 { 0 } else { bits / window_bits + 1 }
}

/// Calls back with the absolute value, from 0 to `2^(window_bits - 1)`, and the sign of each digit up
/// to where the magnitude reaches, lowest first.
#[inline(always)]
pub(crate) fn each(magnitude: &[u64; 4], window_bits: u32, mut digit: impl FnMut(u32, bool)) {
    let negative = magnitude[3] >> 63 == 1;
    let words = [
        magnitude[0],
        magnitude[1],
        magnitude[2],
        magnitude[3] << 1 >> 1,
        0,
    ];
    let half = 1 << (window_bits - 1);
    let mut carry = 0;
    for window in 0..reach(magnitude, window_bits) {
        let bit = window * window_bits;
        let (word, shift) = ((bit / 64) as usize, bit % 64);
        let pair = u128::from(words[word]) | u128::from(words[(word + 1).min(4)]) << 64;
        let value = ((pair >> shift) as u32 & (2 * half - 1)) + carry;
        carry = u32::from(value > half);
        // Where the digit is above half, 2 * half - value; without a branch, which could not be predicted.
        let flip = carry.wrapping_neg();
        let absolute = (value ^ flip)
            .wrapping_sub(flip)
            .wrapping_add(flip & (2 * half));
        digit(absolute, (carry == 1) != negative);
    }
    debug_assert_eq!(carry, 0, "the last window takes the carry");
}
