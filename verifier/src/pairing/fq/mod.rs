//! BN254's base field, integers modulo p = 36 x^4 + 36 x^3 + 24 x^2 + 6 x + 1, in Montgomery's form.
//!
//! One interface, two sets of words: 64 bits where the machine multiplies 64 bits by 64 bits to 128, and
//! 29 bits in Wasm, where they are three times as fast.

#[cfg(test)]
mod tests;
// Both are tested on every machine.
#[cfg(any(test, target_family = "wasm", feature = "narrow-words"))]
#[cfg_attr(test, allow(dead_code))]
mod words29;
#[cfg(any(test, not(any(target_family = "wasm", feature = "narrow-words"))))]
#[cfg_attr(test, allow(dead_code))]
mod words64;

#[cfg(any(target_family = "wasm", feature = "narrow-words"))]
use words29 as words;
#[cfg(not(any(target_family = "wasm", feature = "narrow-words")))]
use words64 as words;

use ark_ff::{BigInt, Field, PrimeField};
use core::ops::{Add, Mul, Neg, Sub};

/// An element of the base field; it has one representation only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fq(words::Words);

impl Fq {
    pub(super) const ZERO: Self = Self(words::from_integer([0; 4]));

    pub(super) fn one() -> Self {
        ark_bn254::Fq::ONE.into()
    }

    /// `sum a_i b_i` for up to three products.
    #[inline(always)]
    pub(super) fn dot<const N: usize>(a: [&Self; N], b: [&Self; N]) -> Self {
        Self(words::dot(a.map(|a| &a.0), b.map(|b| &b.0)))
    }

    /// `sum a_i b_i` for up to three products in Fq\[u\] / (u^2 + 1).
    #[inline(always)]
    pub(super) fn complex_dot<const N: usize>(a: [[&Self; 2]; N], b: [[&Self; 2]; N]) -> [Self; 2] {
        words::complex_dot(
            a.map(|[re, im]| [&re.0, &im.0]),
            b.map(|[re, im]| [&re.0, &im.0]),
        )
        .map(Self)
    }

    /// A factor for [`Fq::dot`] only: zero may come out as p.
    #[inline(always)]
    pub(super) fn minus_for_dot(&self) -> Self {
        Self(words::minus(&self.0))
    }

    /// `9 a + b`; `b` may come from [`Fq::minus_for_dot`].
    #[inline(always)]
    pub(super) fn nine_times_plus(&self, b: &Self) -> Self {
        Self(words::nine_times_plus(&self.0, &b.0))
    }

    #[inline(always)]
    pub(super) fn double(self) -> Self {
        self + self
    }

    #[inline(always)]
    pub(super) fn square(self) -> Self {
        self * self
    }

    /// The inverses of all that are not zero, by one inversion (Montgomery 1987, section 10.3.1).
    pub(super) fn invert(elements: &mut [Self]) {
        let one = Self::one();
        let mut product = one;
        let mut before = alloc::vec::Vec::with_capacity(elements.len());
        for element in &*elements {
            before.push(product);
            if *element != Self::ZERO {
                product = product * *element;
            }
        }
        // A product of what is not zero is not zero.
        let mut inverse = ark_bn254::Fq::from(product)
            .inverse()
            .map_or(one, Self::from);
        for (element, before) in elements.iter_mut().zip(before).rev() {
            if *element != Self::ZERO {
                (*element, inverse) = (inverse * before, inverse * *element);
            }
        }
    }
}

impl Add for Fq {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(words::add(&self.0, &other.0))
    }
}

impl Sub for Fq {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(words::sub(&self.0, &other.0))
    }
}

impl Neg for Fq {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Mul for Fq {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::dot([&self], [&other])
    }
}

impl From<ark_bn254::Fq> for Fq {
    fn from(element: ark_bn254::Fq) -> Self {
        Self(words::from_integer(element.into_bigint().0)) * Self(words::R_SQUARED)
    }
}

impl From<Fq> for ark_bn254::Fq {
    fn from(element: Fq) -> Self {
        let integer = element * Fq(words::from_integer([1, 0, 0, 0]));
        Self::new(BigInt::new(words::to_integer(integer.0)))
    }
}
