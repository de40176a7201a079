//! The quadratic extension `Fq[u] / (u^2 + 1)` in eight lanes.

use super::prime::{Fq8, Pending};
use crate::simd::{LANES, Simd};
use ark_bn254::{Fq2, FqConfig};

/// Eight elements `c0 + c1 u`. Normal and wide are said of both coefficients.
pub struct Quadratic8<S: Simd> {
    /// The coefficients of 1.
    pub c0: Fq8<S>,
    /// The coefficients of `u`.
    pub c1: Fq8<S>,
}

impl<S: Simd> Clone for Quadratic8<S> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Simd> Copy for Quadratic8<S> {}

impl<S: Simd> Quadratic8<S> {
    /// `c0 + c1 u`.
    #[inline(always)]
    pub fn new(c0: Fq8<S>, c1: Fq8<S>) -> Self {
        Self { c0, c1 }
    }

    /// Zero in every lane.
    #[inline(always)]
    pub fn zero(simd: S) -> Self {
        Self::new(Fq8::zero(simd), Fq8::zero(simd))
    }

    /// One in every lane.
    #[inline(always)]
    pub fn one(simd: S) -> Self {
        Self::new(Fq8::one(simd), Fq8::zero(simd))
    }

    /// From eight elements as arkworks holds them.
    #[inline(always)]
    pub fn from_ark(simd: S, elements: &[Fq2; LANES]) -> Self {
        let mut parts = [[elements[0].c0; LANES]; 2];
        for i in 0..LANES {
            parts[0][i] = elements[i].c0;
            parts[1][i] = elements[i].c1;
        }
        Self::new(
            Fq8::from_ark(simd, &parts[0]),
            Fq8::from_ark(simd, &parts[1]),
        )
    }

    /// To eight elements as arkworks holds them.
    #[inline(always)]
    pub fn to_ark(self) -> [Fq2; LANES] {
        let (c0, c1) = (self.c0.to_ark(), self.c1.to_ark());
        let mut result = [Fq2::new(c0[0], c1[0]); LANES];
        for i in 1..LANES {
            result[i] = Fq2::new(c0[i], c1[i]);
        }
        result
    }

    /// `a + b` of normal values, normal.
    #[inline(always)]
    pub fn add(self, rhs: Self) -> Self {
        Self::new(self.c0.add(rhs.c0), self.c1.add(rhs.c1))
    }

    /// `a - b` of normal values, normal.
    #[inline(always)]
    pub fn sub(self, rhs: Self) -> Self {
        Self::new(self.c0.sub(rhs.c0), self.c1.sub(rhs.c1))
    }

    /// `a - b` of normal values, wide.
    #[inline(always)]
    pub fn sub_wide(self, rhs: Self) -> Self {
        Self::new(self.c0.sub_wide(rhs.c0), self.c1.sub_wide(rhs.c1))
    }

    /// `-a` of a normal value, normal.
    #[inline(always)]
    pub fn neg(self) -> Self {
        Self::new(self.c0.neg(), self.c1.neg())
    }

    /// `2a` of a normal value, normal.
    #[inline(always)]
    pub fn double(self) -> Self {
        self.add(self)
    }

    /// `a * b` of a wide and a normal value, normal: three products, two reductions.
    #[inline(always)]
    pub fn mul(self, rhs: Self) -> Self {
        let [c0, c1] = Fq8::multiply_pairs([self.c0, self.c1], [rhs.c0, rhs.c1]);
        Self::new(c0.carry(), c1.carry())
    }

    /// `a * b - c` of a wide, a normal and a normal value, normal.
    #[inline(always)]
    pub(crate) fn mul_minus(self, rhs: Self, c: Self) -> Self {
        let [c0, c1] = Fq8::multiply_pairs([self.c0, self.c1], [rhs.c0, rhs.c1]);
        Self::new(c0.minus(c.c0), c1.minus(c.c1))
    }

    /// `a^2` of a normal value, normal.
    #[inline(always)]
    pub fn square(self) -> Self {
        let [c0, c1] = self.squares();
        Self::new(c0.carry(), c1.carry())
    }

    /// `a^2 - c - d` of normal values `a`, `c` and a `d` of at most `p`, normal.
    #[inline(always)]
    pub(crate) fn square_minus(self, c: Self, d: Self) -> Self {
        let [c0, c1] = self.squares();
        Self::new(c0.minus_both(c.c0, d.c0), c1.minus_both(c.c1, d.c1))
    }

    /// `(a0 + a1)(a0 - a1)` and `2 a0 a1`.
    #[inline(always)]
    fn squares(self) -> [Pending<S, FqConfig>; 2] {
        let (sum, difference) = (self.c0.add_wide(self.c1), self.c0.sub_wide(self.c1));
        [
            sum.times(difference),
            self.c0.add_wide(self.c0).times(self.c1),
        ]
    }

    /// `-a` in the lanes of the mask, of a canonical value; coefficients stay at most `p`.
    #[inline(always)]
    pub(crate) fn negate_canonical(self, mask: u8) -> Self {
        Self::new(
            self.c0.negate_canonical(mask),
            self.c1.negate_canonical(mask),
        )
    }

    /// Whether each lane may hold zero: see [`Fq8`]'s. Takes wide values.
    #[inline(always)]
    pub(crate) fn may_be_zero(self) -> u8 {
        self.c0.may_be_zero() & self.c1.may_be_zero()
    }

    /// The representative with coefficients below `p`, of a wide value.
    #[inline(always)]
    pub fn canonical(self) -> Self {
        Self::new(self.c0.canonical(), self.c1.canonical())
    }

    /// Lane by lane `yes` where the bit is set, `no` elsewhere.
    #[inline(always)]
    pub fn select(mask: u8, yes: Self, no: Self) -> Self {
        Self::new(
            Fq8::select(mask, yes.c0, no.c0),
            Fq8::select(mask, yes.c1, no.c1),
        )
    }

    /// Which lanes hold zero. Takes wide values.
    #[inline(always)]
    pub fn is_zero(self) -> u8 {
        self.c0.is_zero() & self.c1.is_zero()
    }
}
