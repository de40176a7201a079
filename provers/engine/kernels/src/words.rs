//! The base field of BN254 one element at a time, in four words of 64 bits.
//!
//! Elements are in arkworks's Montgomery form, `R = 2^256`, but only below `2p`: a product of two such
//! is again below `4p^2 / 2^256 + p < 1.76p`, without a subtraction at its end. No operation branches
//! on values: half of such branches would be mispredicted, at the cost of a multiplication each. What
//! depends on a carry or a sign is looked up in an array, since compilers make branches of masks.

#[cfg(target_arch = "x86_64")]
mod adx;

use crate::simd::{Kernel, Machine};
use ark_bn254::FqConfig;
use ark_ff::MontConfig;

#[cfg(target_arch = "x86_64")]
pub(crate) use adx::Adx;

const P: [u64; 4] = FqConfig::MODULUS.0;
const TWICE_P: [u64; 4] = [
    P[0] << 1,
    P[1] << 1 | P[0] >> 63,
    P[2] << 1 | P[1] >> 63,
    P[3] << 1 | P[2] >> 63,
];

/// Nothing, or what takes a difference that fell below zero back above it.
static RAISE: [[u64; 4]; 2] = [[0; 4], TWICE_P];
/// All bits as told.
static MASKS: [u64; 2] = [0, u64::MAX];

/// A way to compute modulo `2p`, of words below `2p`.
pub trait Words: Machine {
    /// `a * b / 2^256` modulo `p`.
    fn multiply(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4];

    /// `a + b`.
    #[inline(always)]
    fn add(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        // From -2p to 2p.
        let (lowered, _) = subtract(b, &TWICE_P);
        let (sum, carry) = add(a, &lowered);
        add(&sum, &RAISE[usize::from(!carry)]).0
    }

    /// `a - b`.
    #[inline(always)]
    fn subtract(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let (difference, borrow) = subtract(a, b);
        add(&difference, &RAISE[usize::from(borrow)]).0
    }
}

/// The instructions that every machine has.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Machine for Plain {
    fn run<K: Kernel<Self>>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

impl Words for Plain {
    /// Word by word, with the quotient of each: Koç, Acar and Kaliski's CIOS, less the carries that
    /// the spare bits of `p` make impossible (gnark-crypto's "no-carry" form).
    #[inline(always)]
    fn multiply(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let mut t = [0u64; 4];
        for word in b {
            let (low, mut carry) = multiply_add(a[0], *word, t[0], 0);
            let quotient = low.wrapping_mul(FqConfig::INV);
            let (_, mut reduced) = multiply_add(quotient, P[0], low, 0);
            for j in 1..4 {
                let sum;
                (sum, carry) = multiply_add(a[j], *word, t[j], carry);
                (t[j - 1], reduced) = multiply_add(quotient, P[j], sum, reduced);
            }
            t[3] = carry + reduced;
        }
        t
    }
}

/// `a * b + c + d` in two words.
#[inline(always)]
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (sum as u64, (sum >> 64) as u64)
}

/// An element, below `2p`.
#[derive(Clone, Copy)]
pub struct Word<M> {
    words: [u64; 4],
    machine: M,
}

impl<M: Words> Word<M> {
    #[inline(always)]
    pub(crate) fn new(machine: M, words: [u64; 4]) -> Self {
        Self { words, machine }
    }

    #[inline(always)]
    pub(crate) fn one(machine: M) -> Self {
        Self::new(machine, FqConfig::R.0)
    }

    #[inline(always)]
    pub(crate) fn machine(self) -> M {
        self.machine
    }

    /// The words as they are: below `2p`.
    #[inline(always)]
    pub(crate) fn words(self) -> [u64; 4] {
        self.words
    }

    /// The words of the representative below `p`.
    #[inline(always)]
    pub(crate) fn canonical(self) -> [u64; 4] {
        less(self.words, P)
    }

    #[inline(always)]
    pub(crate) fn add(self, rhs: Self) -> Self {
        Self::new(self.machine, self.machine.add(&self.words, &rhs.words))
    }

    #[inline(always)]
    pub(crate) fn sub(self, rhs: Self) -> Self {
        Self::new(self.machine, self.machine.subtract(&self.words, &rhs.words))
    }

    /// `p - a` where asked for, of an `a` of at most `p`; stays at most `p`.
    #[inline(always)]
    pub(crate) fn negate_canonical(self, negate: bool) -> Self {
        // Two's complement: -a is !a + 1.
        static RAISE: [[u64; 4]; 2] = [[0; 4], [P[0] + 1, P[1], P[2], P[3]]];
        let mask = MASKS[usize::from(negate)];
        let flipped = self.words.map(|word| word ^ mask);
        Self::new(self.machine, add(&flipped, &RAISE[usize::from(negate)]).0)
    }

    #[inline(always)]
    pub(crate) fn mul(self, rhs: Self) -> Self {
        Self::new(self.machine, self.machine.multiply(&self.words, &rhs.words))
    }

    /// Certain where it says no; where it says yes, wrong once in `2^63` elements.
    #[inline(always)]
    pub(crate) fn may_be_zero(self) -> bool {
        self.words[0] == 0 || self.words[0] == P[0]
    }

    /// Zero, if the element is zero.
    pub(crate) fn invert(self) -> Self {
        // The inverse of `aR` is `1/a` over `R`: it lacks `R^3 / R`.
        let r2 = Self::new(self.machine, FqConfig::R2.0);
        let inverse = crate::field::inverse::<FqConfig>(&self.canonical());
        Self::new(self.machine, inverse).mul(r2).mul(r2)
    }
}

/// `a - b`, or `a` if that is less than `b`.
#[inline(always)]
fn less(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let (difference, borrow) = subtract(&a, &b);
    let mask = MASKS[usize::from(borrow)];
    core::array::from_fn(|j| (a[j] & mask) | (difference[j] & !mask))
}

#[inline(always)]
fn add(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let mut sum = [0; 4];
    let mut carry = false;
    for j in 0..4 {
        (sum[j], carry) = a[j].carrying_add(b[j], carry);
    }
    (sum, carry)
}

#[inline(always)]
fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let mut difference = [0; 4];
    let mut borrow = false;
    for j in 0..4 {
        (difference[j], borrow) = a[j].borrowing_sub(b[j], borrow);
    }
    (difference, borrow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::Fq;
    use ark_ff::{AdditiveGroup, BigInt, Field, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    fn check<M: Words>(machine: M) {
        let mut rng = StdRng::seed_from_u64(11);
        let mut elements = vec![Fq::ZERO, Fq::ONE, -Fq::ONE, Fq::from(2), -Fq::from(2)];
        // Montgomery forms 1, 2^64 - 1 and p - 1.
        for words in [
            [1, 0, 0, 0],
            [u64::MAX, 0, 0, 0],
            [P[0] - 1, P[1], P[2], P[3]],
        ] {
            elements.push(Fq::new_unchecked(BigInt(words)));
        }
        elements.extend((0..60).map(|_| Fq::rand(&mut rng)));
        let both = |x: Fq| [x.0.0, add(&x.0.0, &P).0].map(|words| Word::new(machine, words));
        let same = |what: &str, got: Word<M>, expected: Fq| {
            assert!(subtract(&got.words, &TWICE_P).1, "{what} leaves its bound");
            assert_eq!(got.canonical(), expected.0.0, "{what}");
        };
        for a in &elements {
            for x in both(*a) {
                for b in &elements {
                    for y in both(*b) {
                        same("add", x.add(y), a + b);
                        same("sub", x.sub(y), a - b);
                        same("mul", x.mul(y), a * b);
                    }
                }
                same("invert", x.invert(), a.inverse().unwrap_or(Fq::ZERO));
                assert!(x.may_be_zero() || *a != Fq::ZERO, "may_be_zero says no of a zero");
            }
            let x = Word::new(machine, a.0.0);
            same("negate_canonical", x.negate_canonical(true), -*a);
            same("negate_canonical", x.negate_canonical(false), *a);
        }
    }

    #[test]
    fn plain() {
        check(Plain);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn adx() {
        match Adx::detect() {
            Some(adx) => check(adx),
            None => eprintln!("NOT TESTED: this machine has no ADX and BMI2"),
        }
    }
}
