//! Fq2 = Fq\[u\] / (u^2 + 1).

use super::fq::Fq;
use alloc::vec::Vec;
use core::ops::{Add, Mul, Neg, Sub};

/// `re + im u`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fq2 {
    pub(super) re: Fq,
    pub(super) im: Fq,
}

impl Fq2 {
    pub(super) const ZERO: Self = Self {
        re: Fq::ZERO,
        im: Fq::ZERO,
    };

    pub(super) fn one() -> Self {
        Self {
            re: Fq::one(),
            im: Fq::ZERO,
        }
    }

    /// `sum a_i b_i` for up to three products, with two reductions.
    #[inline(never)]
    pub(super) fn dot<const N: usize>(a: [&Self; N], b: [&Self; N]) -> Self {
        let [re, im] = Fq::complex_dot(a.map(|a| [&a.re, &a.im]), b.map(|b| [&b.re, &b.im]));
        Self { re, im }
    }

    #[inline(never)]
    pub(super) fn square(&self) -> Self {
        Self {
            re: (self.re + self.im) * (self.re - self.im),
            im: self.re.double() * self.im,
        }
    }

    /// Times xi = 9 + u, of which Fq12 has the sixth root.
    #[inline(always)]
    pub(super) fn times_xi(&self) -> Self {
        Self {
            re: self.re.nine_times_plus(&self.im.minus_for_dot()),
            im: self.im.nine_times_plus(&self.re),
        }
    }

    #[inline(never)]
    pub(super) fn scale(&self, factor: &Fq) -> Self {
        Self {
            re: self.re * *factor,
            im: self.im * *factor,
        }
    }

    #[inline(always)]
    pub(super) fn double(self) -> Self {
        self + self
    }

    /// The p-th power.
    pub(super) fn conjugate(&self) -> Self {
        Self {
            re: self.re,
            im: -self.im,
        }
    }

    /// The inverses of all that are not zero, by one inversion.
    pub(super) fn invert(elements: &mut [Self]) {
        // 1 / a = (conjugate of a) / (re^2 + im^2).
        let norms = elements
            .iter()
            .map(|e| Fq::dot([&e.re, &e.im], [&e.re, &e.im]));
        let mut norms: Vec<Fq> = norms.collect();
        Fq::invert(&mut norms);
        for (element, norm) in elements.iter_mut().zip(norms) {
            *element = element.conjugate().scale(&norm);
        }
    }
}

impl Add for Fq2 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }
}

impl Sub for Fq2 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self {
            re: self.re - other.re,
            im: self.im - other.im,
        }
    }
}

impl Neg for Fq2 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Mul for Fq2 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::dot([&self], [&other])
    }
}

impl From<ark_bn254::Fq2> for Fq2 {
    fn from(element: ark_bn254::Fq2) -> Self {
        Self {
            re: element.c0.into(),
            im: element.c1.into(),
        }
    }
}

impl From<Fq2> for ark_bn254::Fq2 {
    fn from(element: Fq2) -> Self {
        Self::new(element.re.into(), element.im.into())
    }
}
