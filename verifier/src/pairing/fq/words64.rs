//! Integers modulo p in four words of 64 bits, least significant first, below p; R = 2^256.

/// An integer below p.
pub(super) type Words = [u64; 4];

/// `low + R high`.
#[derive(Clone, Copy)]
struct Wide {
    low: Words,
    high: Words,
}

/// p.
pub(super) const P: Words = [
    0x3c20_8c16_d87c_fd47,
    0x9781_6a91_6871_ca8d,
    0xb850_45b6_8181_585d,
    0x3064_4e72_e131_a029,
];
/// R^2 mod p.
pub(super) const R_SQUARED: Words = [
    0xf32c_fc5b_538a_fa89,
    0xb5e7_1911_d445_01fb,
    0x47ab_1eff_0a41_7ff6,
    0x06d8_9f71_cab8_351f,
];
/// -1/p mod 2^64.
const MINUS_INVERSE: u64 = 0x87d2_0782_e486_6389;

pub(super) const fn from_integer(words: [u64; 4]) -> Words {
    words
}

pub(super) fn to_integer(words: Words) -> [u64; 4] {
    words
}

/// `sum a_i b_i / R mod p` for N <= 3 products of operands of at most p, with one reduction in between
/// them (Longa, eprint 2022/367, algorithm 2).
///
/// A round adds at most (2^64 - 1) (N + 1) p to `t` and divides by 2^64, so that `t` is at most
/// (N + 1) p < 2^256 between the rounds. What comes out is at most N p^2 / R + p < 1.57 p.
#[inline(always)]
pub(super) fn dot<const N: usize>(a: [&Words; N], b: [&Words; N]) -> Words {
    const { assert!(N <= 3) };
    let round = |mut t: [u64; 5], j: usize| {
        for i in 0..N {
            let carry = add_product(&mut t, a[i][j], b[i]);
            debug_assert!(carry == 0);
        }
        divided(t)
    };
    // Written out, as the compiler would leave a loop.
    let t = round(round(round(round([0; 5], 0), 1), 2), 3);
    below_p([t[0], t[1], t[2], t[3]])
}

/// `t / 2^64 mod p`, at most (t + 2^64 p) / 2^64, for t + 2^64 p < 2^320.
#[inline(always)]
fn divided(mut t: [u64; 5]) -> [u64; 5] {
    let quotient = t[0].wrapping_mul(MINUS_INVERSE);
    let carry = add_product(&mut t, quotient, &P);
    debug_assert!(t[0] == 0 && carry == 0);
    [t[1], t[2], t[3], t[4], 0]
}

/// `sum a_i b_i / R` for N <= 3 products in Fq\[u\] / (u^2 + 1) of operands below p: Karatsuba's three
/// products for four, and two reductions for all (Aranha et al., EUROCRYPT 2011, section 3).
#[inline(always)]
pub(super) fn complex_dot<const N: usize>(a: [[&Words; 2]; N], b: [[&Words; 2]; N]) -> [Words; 2] {
    let sums = |x: [[&Words; 2]; N]| x.map(|[re, im]| sum(re, im).0);
    let (a_sums, b_sums) = (sums(a), sums(b));
    let first = products(a.map(|[re, _]| re), b.map(|[re, _]| re));
    let second = products(a.map(|[_, im]| im), b.map(|[_, im]| im));
    let all = products(a_sums.each_ref(), b_sums.each_ref());
    // Between -3 p^2 and 3 p^2 < p R, and p R is added to what is negative: reduced, below 2 p.
    let (re, negative) = wide_difference(&first, &second);
    let re = wide_sum(&re, &P.map(|word| word & mask(negative)));
    // What Karatsuba leaves is sum (re im + im re), at most 6 p^2 < 1.14 p R: reduced, below 2.14 p.
    let (im, _) = wide_difference(&wide_difference(&all, &first).0, &second);
    let im = below_p(reduce(&im));
    [below_p(reduce(&re)), if N > 2 { below_p(im) } else { im }]
}

/// `sum a_i b_i` for N <= 3 products of operands of at most 2 p: 12 p^2 < 2^511.
///
/// A round adds at most (2^64 - 1) 2 N p to `t` and divides by 2^64, so that `t` is at most 2 N p between
/// the rounds; 4 p < 2^256, and for N = 3 the carries out of five words are counted in a sixth.
#[inline(always)]
fn products<const N: usize>(a: [&Words; N], b: [&Words; N]) -> Wide {
    const { assert!(N <= 3) };
    let (mut t, mut low) = ([0; 5], [0; 4]);
    for j in 0..4 {
        let mut carries = 0;
        for i in 0..N {
            carries += add_product(&mut t, a[i][j], b[i]);
        }
        debug_assert!(N > 2 || carries == 0);
        low[j] = t[0];
        t = [t[1], t[2], t[3], t[4], if N > 2 { carries } else { 0 }];
    }
    debug_assert!(t[4] == 0);
    Wide {
        low,
        high: [t[0], t[1], t[2], t[3]],
    }
}

/// `a / R mod p`, at most a / R + p, for a < 4 p R (Montgomery 1985).
#[inline(always)]
fn reduce(Wide { low, high }: &Wide) -> Words {
    let mut t = [low[0], low[1], low[2], low[3], 0];
    for _ in 0..4 {
        t = divided(t);
    }
    let (reduced, carry) = sum(&[t[0], t[1], t[2], t[3]], high);
    debug_assert!(!carry);
    reduced
}

/// Adds `a b` to `t`; the carry.
#[inline(always)]
fn add_product(t: &mut [u64; 5], a: u64, b: &Words) -> u64 {
    let (mut product, mut high) = ([0; 5], 0);
    for k in 0..4 {
        (product[k], high) = a.carrying_mul(b[k], high);
    }
    product[4] = high;
    let mut carry = false;
    for k in 0..5 {
        (t[k], carry) = t[k].carrying_add(product[k], carry);
    }
    u64::from(carry)
}

/// `a + b`.
#[inline(always)]
pub(super) fn add(a: &Words, b: &Words) -> Words {
    below_p(sum(a, b).0)
}

/// `a - b`.
#[inline(always)]
pub(super) fn sub(a: &Words, b: &Words) -> Words {
    let (below, borrow) = difference(a, b, false);
    sum(&below, &P.map(|word| word & mask(borrow))).0
}

/// `p - a`, which is p for zero.
#[inline(always)]
pub(super) fn minus(a: &Words) -> Words {
    difference(&P, a, false).0
}

/// `9 a + b` for operands of at most p. The quotient is estimated from the bits above 2^253 (15 at most,
/// as 10 p < 16 * 2^253): 169/256 < 2^253 / p, so that it is never too large, and what remains is below
/// 2 p, which the tests see for each of the 16.
#[inline(always)]
pub(super) fn nine_times_plus(a: &Words, b: &Words) -> Words {
    let (mut t, mut carry) = ([0; 4], 0);
    for k in 0..4 {
        (t[k], carry) = a[k].carrying_mul_add(9, b[k], carry);
    }
    let quotient = ((carry << 3 | t[3] >> 61) * 169) >> 8;
    let (mut multiple, mut high) = ([0; 4], 0);
    for k in 0..4 {
        (multiple[k], high) = quotient.carrying_mul(P[k], high);
    }
    below_p(difference(&t, &multiple, false).0)
}

/// Takes p off what is not below it.
#[inline(always)]
fn below_p(a: Words) -> Words {
    let (less, borrow) = difference(&a, &P, false);
    core::array::from_fn(|k| less[k] ^ (less[k] ^ a[k]) & mask(borrow))
}

/// All bits, or none. A choice between arrays compiles to one between addresses, and waits for memory.
#[inline(always)]
fn mask(condition: bool) -> u64 {
    0_u64.wrapping_sub(u64::from(condition))
}

#[inline(always)]
fn sum(a: &Words, b: &Words) -> (Words, bool) {
    let (mut sum, mut carry) = ([0; 4], false);
    for k in 0..4 {
        (sum[k], carry) = a[k].carrying_add(b[k], carry);
    }
    (sum, carry)
}

/// `a - b - borrow`.
#[inline(always)]
fn difference(a: &Words, b: &Words, mut borrow: bool) -> (Words, bool) {
    let mut difference = [0; 4];
    for k in 0..4 {
        (difference[k], borrow) = a[k].borrowing_sub(b[k], borrow);
    }
    (difference, borrow)
}

/// Adds `R high`.
#[inline(always)]
fn wide_sum(a: &Wide, high: &Words) -> Wide {
    let (high, _) = sum(&a.high, high);
    Wide { low: a.low, high }
}

#[inline(always)]
fn wide_difference(a: &Wide, b: &Wide) -> (Wide, bool) {
    let (low, borrow) = difference(&a.low, &b.low, false);
    let (high, borrow) = difference(&a.high, &b.high, borrow);
    (Wide { low, high }, borrow)
}
