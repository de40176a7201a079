//! Gadgets for integers: bits, and comparisons of integers given by their digits.

use ark_bn254::Fr;
use ark_ff::{BigInteger, BigInteger256, One, PrimeField, Zero};

use crate::builder::{Builder, Num, Terms};

/// Digits of [`U64_DIGIT`] bits, least significant first, of an integer below 2^64.
pub(crate) struct U64<T>(Vec<Num<T>>);

const U64_DIGIT: usize = 16;

impl<T: Terms> Builder<T> {
    /// Constrains `0 <= x < 2^n`, `n` < 254, and returns the bits, least significant first: `n + 1` constraints.
    ///
    /// The lowest bit could be `x` minus the others and save a constraint, but then a public `x` whose lowest digit decides
    /// nothing could be another with the same private variables.
    pub(crate) fn bits(&mut self, x: &Num<T>, n: usize) -> Vec<Num<T>> {
        let value = x.value.into_bigint();
        let bits: Vec<Num<T>> = (0..n).map(|i| self.bit(value.get_bit(i))).collect();
        self.equal(&Num::from_bits(&bits), x);
        bits
    }

    /// Constrains `0 <= x < 2^64` and returns digits for [`Builder::u64_at_most`]: 65 constraints.
    pub(crate) fn u64(&mut self, x: &Num<T>) -> U64<T> {
        let bits = self.bits(x, 64);
        U64(bits.chunks(U64_DIGIT).map(Num::from_bits).collect())
    }

    /// Constrains `a <= b`: 26 constraints.
    pub(crate) fn u64_at_most(&mut self, a: &U64<T>, b: &U64<T>) {
        self.at_most(&a.0, &b.0, U64_DIGIT);
    }

    /// Constrains `a + b < 2^64`: 26 constraints.
    pub(crate) fn u64_sum(&mut self, a: &U64<T>, b: &U64<T>) {
        let max = digits_of(BigInteger256::from(u64::MAX), U64_DIGIT, b.0.len());
        let rest: Vec<Num<T>> = max.iter().zip(&b.0).map(|(max, b)| &-b + *max).collect();
        self.at_most(&a.0, &rest, U64_DIGIT);
    }

    /// Constrains the integer `a` to be at most the integer `b`. Both are given by equally many digits, least significant first,
    /// that are known to be in `[0, 2^width)`: `width + 1 + 3 (digits - 1)` constraints, `width` at most 250.
    ///
    /// Let `D_j = b_j - a_j`, counted from the most significant digit, j = 0, and `E_j` say that all digits above j are held
    /// equal: `E_0 = 1`, `E_(j+1) (E_j - E_(j+1)) = 0`, so that every `E_(j+1)` is `E_j` or 0, hence a run of ones and then zeros;
    /// and `E_(j+1) D_j = 0`. The digit p at which the run ends decides: `sum of E_j D_j = D_p`, which must be positive, or not
    /// negative if p is the last digit; that is, `D_p - (1 - E_last)` has `width` bits. `|D_p| < 2^width`, so nothing wraps.
    pub(crate) fn at_most(&mut self, a: &[Num<T>], b: &[Num<T>], width: usize) {
        assert!(!a.is_empty() && a.len() == b.len() && width <= 250);
        let mut differences = b.iter().zip(a).rev().map(|(b, a)| b - a);
        let Some(mut difference) = differences.next() else {
            return;
        };
        let mut equal = Num::one();
        let mut decisive = difference.clone();
        for next in differences {
            let still = self.private(Fr::from(equal.value.is_one() && difference.value.is_zero()));
            self.enforce(&still, &(&equal - &still), &Num::zero());
            self.enforce(&still, &difference, &Num::zero());
            decisive = &decisive + &self.mul(&still, &next);
            (equal, difference) = (still, next);
        }
        self.bits(&(&decisive - &(&Num::one() - &equal)), width);
    }
}

/// The integer's `count` digits of `width` bits each, at most 64, least significant first.
pub(crate) fn digits_of(n: impl BigInteger, width: usize, count: usize) -> Vec<Fr> {
    let bit = |i: usize| u64::from(n.get_bit(i));
    (0..count)
        .map(|digit| {
            (0..width)
                .rev()
                .fold(0, |sum, i| sum << 1 | bit(width * digit + i))
                .into()
        })
        .collect()
}
