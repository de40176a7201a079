//! Integers modulo p in nine words of 29 bits, least significant first, below p; R = 2^261. For Wasm,
//! which multiplies 64 bits by 64 bits to 64 bits only: products of two words are added up in 64 bits
//! without a carry.

/// An integer below p.
pub(super) type Words = [u32; 9];

/// p.
pub(super) const P: Words = [
    0x187c_fd47,
    0x0104_60b6,
    0x1c72_a34f,
    0x02d5_22d0,
    0x1585_d978,
    0x02db_40c0,
    0x00a6_e141,
    0x0e5c_2634,
    0x0030_644e,
];
/// R^2 mod p.
pub(super) const R_SQUARED: Words = [
    0x059b_ac10,
    0x0d15_03a3,
    0x0180_16b8,
    0x10ab_0ca8,
    0x0263_2639,
    0x02c0_169f,
    0x169b_fd53,
    0x1186_9d4c,
    0x002a_11a6,
];
/// -1/p mod 2^29.
const MINUS_INVERSE: u32 = 0x0486_6389;

/// Nine values of an expression, in the order of `k`: loops written out, which a compiler that goes for size
/// would leave loops.
macro_rules! each {
    ($k:ident => $value:expr) => {
        each!($k => $value; 0 1 2 3 4 5 6 7 8)
    };
    ($k:ident => $value:expr; $($place:literal)*) => {
        [$({
            const $k: usize = $place;
            $value
        }),*]
    };
}

const BITS: u32 = 29;
const MASK: u32 = (1 << BITS) - 1;

pub(super) const fn from_integer(words: [u64; 4]) -> Words {
    let mut parts = [0; 9];
    let mut k = 0;
    while k < 9 {
        let (word, shift) = (k * 29 / 64, k * 29 % 64);
        let next = if word < 3 { words[word + 1] } else { 0 };
        parts[k] = (((next as u128) << 64 | words[word] as u128) >> shift) as u32 & MASK;
        k += 1;
    }
    parts
}

pub(super) fn to_integer(words: Words) -> [u64; 4] {
    core::array::from_fn(|k| {
        let bit = 64 * k as i32;
        let parts = words.iter().zip(0..).map(|(word, place)| {
            let (word, shift) = (u128::from(*word), place * 29 - bit);
            match shift {
                0..64 => (word << shift) as u64,
                -28..0 => (word >> -shift) as u64,
                _ => 0,
            }
        });
        parts.fold(0, |all, part| all | part)
    })
}

/// `sum a_i b_i / R mod p` over n = N M <= 6 products of operands of at most p: Montgomery's product
/// of a sum (Longa, eprint 2022/367, algorithm 2), with one reduction for all products.
///
/// A word of `t` takes n + 1 products of two words in each of at most nine rounds and then one carry,
/// less than 63 * 2^58 + 2^35 < 2^64. What comes out is below n p^2 / R + p < 1.04 p.
#[inline(always)]
fn dot_of_rows<const N: usize, const M: usize>(a: [[&Words; M]; N], b: [[&Words; M]; N]) -> Words {
    const { assert!(N * M <= 6) };
    let mut t = [0_u64; 9];
    #[allow(clippy::needless_range_loop)] // One word of each a.
    for j in 0..9 {
        for n in 0..N {
            for m in 0..M {
                add_product(&mut t, a[n][m][j], b[n][m]);
            }
        }
        let quotient = (t[0] as u32).wrapping_mul(MINUS_INVERSE) & MASK;
        add_product(&mut t, quotient, &P);
        let carry = t[0] >> BITS;
        debug_assert!(t[0] as u32 & MASK == 0);
        t = [t[1] + carry, t[2], t[3], t[4], t[5], t[6], t[7], t[8], 0];
    }
    let mut carry = 0;
    let words = each!(K => {
        let sum = t[K] + carry;
        carry = sum >> BITS;
        sum as u32 & MASK
    });
    debug_assert!(carry == 0);
    below_p(words)
}

/// `sum a_i b_i / R mod p` for N <= 6 products of operands of at most p, with one reduction.
#[inline(never)]
pub(super) fn dot<const N: usize>(a: [&Words; N], b: [&Words; N]) -> Words {
    dot_of_rows([a], [b])
}

/// `sum a_i b_i / R` for N <= 3 products in Fq\[u\] / (u^2 + 1) of operands below p.
#[inline(always)]
pub(super) fn complex_dot<const N: usize>(a: [[&Words; 2]; N], b: [[&Words; 2]; N]) -> [Words; 2] {
    let minus = b.map(|[_, im]| minus(im));
    let real = core::array::from_fn(|i| [b[i][0], &minus[i]]);
    [
        dot_of_rows(a, real),
        dot_of_rows(a, b.map(|[re, im]| [im, re])),
    ]
}

/// Adds `a b` to `t`.
#[inline(always)]
fn add_product(t: &mut [u64; 9], a: u32, b: &Words) {
    *t = each!(K => t[K] + u64::from(a) * u64::from(b[K]));
}

/// `a + b`.
#[inline(never)]
pub(super) fn add(a: &Words, b: &Words) -> Words {
    let sum = each!(K => i64::from(a[K]) + i64::from(b[K]));
    below_p(carried(sum).0)
}

/// `a - b`.
#[inline(never)]
pub(super) fn sub(a: &Words, b: &Words) -> Words {
    let (difference, high) = plain_difference(a, b);
    // All bits of what is borrowed are set, or none.
    carried(each!(K => i64::from(difference[K]) + (i64::from(P[K]) & high))).0
}

/// `p - a`, which is p for zero.
#[inline(always)]
pub(super) fn minus(a: &Words) -> Words {
    plain_difference(&P, a).0
}

/// `9 a + b` for operands of at most p. The quotient is estimated from the bits above 2^253 (15 at most,
/// as 10 p < 16 * 2^253): 169/256 < 2^253 / p, so that it is never too large, and what remains is below
/// 2 p, which the tests see for each of the 16.
#[inline(never)]
pub(super) fn nine_times_plus(a: &Words, b: &Words) -> Words {
    let t: [i64; 9] = each!(K => 9 * i64::from(a[K]) + i64::from(b[K]));
    // Word 8 begins at bit 232; the carries into word 7 are less than the margin of the estimate.
    let quotient = (((t[8] + (t[7] >> BITS)) >> 21) * 169) >> 8;
    let rest = each!(K => t[K] - quotient * i64::from(P[K]));
    below_p(carried(rest).0)
}

/// Takes p off what is not below it.
#[inline(always)]
fn below_p(a: Words) -> Words {
    let (difference, high) = plain_difference(&a, &P);
    each!(K => difference[K] ^ (difference[K] ^ a[K]) & high as u32)
}

#[inline(always)]
fn plain_difference(a: &Words, b: &Words) -> (Words, i64) {
    carried(each!(K => i64::from(a[K]) - i64::from(b[K])))
}

/// Words of 29 bits, and what is carried out of the last.
#[inline(always)]
fn carried(words: [i64; 9]) -> (Words, i64) {
    let mut carry = 0;
    let words = each!(K => {
        let sum = words[K] + carry;
        carry = sum >> BITS;
        sum as u32 & MASK
    });
    (words, carry)
}
