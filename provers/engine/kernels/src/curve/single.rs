//! One point at a time.

use super::{Curve, Radix, Vector};
use crate::words::{Word, Words};
use ark_bn254::{Fq, g1, g2};
use ark_ff::{BigInt, Field, MontFp};

/// An element from its Montgomery form with `R = 2^256`.
pub(super) fn element(words: [u64; 4]) -> Fq {
    Fq::new_unchecked(BigInt(words))
}

/// What takes arkworks's form to that of the radix.
pub(super) fn scale(radix: Radix) -> Fq {
    match radix {
        Radix::Words64 => Fq::ONE,
        Radix::Limbs52 => Fq::from(16),
    }
}

/// The inverse of [`scale`].
pub(super) fn unscale(radix: Radix) -> Fq {
    const SIXTEENTH: Fq =
        MontFp!("12312136615409592312513603231707217237391675025980025810262583815737939742328");
    match radix {
        Radix::Words64 => Fq::ONE,
        Radix::Limbs52 => SIXTEENTH,
    }
}

impl<M: Words> Vector for Word<M> {
    type Curve = g1::Config;
    type Machine = M;
    type Memory = [u64; 4];

    const LANES: usize = 1;
    const BATCH: usize = 1024;
    const RADIX: Radix = Radix::Words64;
    const ZEROS: [u64; 4] = [0; 4];

    #[inline(always)]
    fn one(machine: M) -> Self {
        Self::one(machine)
    }

    #[inline(always)]
    fn load(machine: M, memory: &[u64; 4]) -> Self {
        Self::new(machine, *memory)
    }

    #[inline(always)]
    fn store(self, memory: &mut [u64; 4]) {
        *memory = self.words();
    }

    #[inline(always)]
    fn add(self, rhs: Self) -> Self {
        Self::add(self, rhs)
    }

    #[inline(always)]
    fn sub_wide(self, rhs: Self) -> Self {
        self.sub(rhs)
    }

    #[inline(always)]
    fn mul(self, rhs: Self) -> Self {
        Self::mul(self, rhs)
    }

    #[inline(always)]
    fn square(self) -> Self {
        Self::mul(self, self)
    }

    #[inline(always)]
    fn mul_minus(self, rhs: Self, c: Self) -> Self {
        Self::mul(self, rhs).sub(c)
    }

    #[inline(always)]
    fn square_minus(self, c: Self, d: Self) -> Self {
        Self::mul(self, self).sub(c).sub(d)
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        if mask == 0 { no } else { yes }
    }

    #[inline(always)]
    fn may_be_zero(self) -> u8 {
        u8::from(Self::may_be_zero(self))
    }

    #[inline(always)]
    fn invert(self) -> Self {
        Self::invert(self)
    }

    #[inline(always)]
    fn gather(machine: M, table: &[[u64; 8]], slots: &[u32]) -> (Self, Self, u8) {
        let point = table.get((slots[0] >> 1) as usize).unwrap_or(&[0; 8]);
        let [a, b, c, d, e, f, g, h] = *point;
        let y = [e, f, g, h];
        let infinite = u8::from(y == [0; 4]);
        let y = Self::new(machine, y).negate_canonical(slots[0] & 1 == 1);
        (Self::new(machine, [a, b, c, d]), y, infinite)
    }

    #[inline(always)]
    fn scatter(x: Self, y: Self, infinite: u8, points: &mut [[u64; 8]]) {
        let ([a, b, c, d], [e, f, g, h]) = (x.canonical(), y.canonical());
        points[0] = if infinite == 0 {
            [a, b, c, d, e, f, g, h]
        } else {
            g1::Config::INFINITY
        };
    }
}

/// An element `c0 + c1 u` of the quadratic extension.
#[derive(Clone, Copy)]
pub struct Quadratic<M: Copy> {
    c0: Word<M>,
    c1: Word<M>,
}

impl<M: Words> Quadratic<M> {
    #[inline(always)]
    fn new(c0: Word<M>, c1: Word<M>) -> Self {
        Self { c0, c1 }
    }

    #[inline(always)]
    fn read(machine: M, words: &[[u64; 4]]) -> Self {
        Self::new(Word::new(machine, words[0]), Word::new(machine, words[1]))
    }

    #[inline(always)]
    fn sub(self, rhs: Self) -> Self {
        Self::new(self.c0.sub(rhs.c0), self.c1.sub(rhs.c1))
    }
}

impl<M: Words> Vector for Quadratic<M> {
    type Curve = g2::Config;
    type Machine = M;
    type Memory = [[u64; 4]; 2];

    const LANES: usize = 1;
    const BATCH: usize = 512;
    const RADIX: Radix = Radix::Words64;
    const ZEROS: [[u64; 4]; 2] = [[0; 4]; 2];

    #[inline(always)]
    fn one(machine: M) -> Self {
        Self::new(Word::one(machine), Word::new(machine, [0; 4]))
    }

    #[inline(always)]
    fn load(machine: M, memory: &[[u64; 4]; 2]) -> Self {
        Self::read(machine, memory)
    }

    #[inline(always)]
    fn store(self, memory: &mut [[u64; 4]; 2]) {
        *memory = [self.c0.words(), self.c1.words()];
    }

    #[inline(always)]
    fn add(self, rhs: Self) -> Self {
        Self::new(self.c0.add(rhs.c0), self.c1.add(rhs.c1))
    }

    #[inline(always)]
    fn sub_wide(self, rhs: Self) -> Self {
        self.sub(rhs)
    }

    #[inline(always)]
    fn mul(self, rhs: Self) -> Self {
        let [c0, c1] = Word::mul_quadratic([&self.c0, &self.c1], [&rhs.c0, &rhs.c1]);
        Self::new(c0, c1)
    }

    #[inline(always)]
    fn square(self) -> Self {
        let product = self.c0.mul(self.c1);
        Self::new(
            self.c0.add(self.c1).mul(self.c0.sub(self.c1)),
            product.add(product),
        )
    }

    #[inline(always)]
    fn mul_minus(self, rhs: Self, c: Self) -> Self {
        Vector::mul(self, rhs).sub(c)
    }

    #[inline(always)]
    fn square_minus(self, c: Self, d: Self) -> Self {
        Vector::square(self).sub(c).sub(d)
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        if mask == 0 { no } else { yes }
    }

    #[inline(always)]
    fn may_be_zero(self) -> u8 {
        u8::from(self.c0.may_be_zero() && self.c1.may_be_zero())
    }

    /// The conjugate over the norm.
    #[inline(always)]
    fn invert(self) -> Self {
        let inverse = self.c0.mul(self.c0).add(self.c1.mul(self.c1)).invert();
        let zero = Word::new(self.c0.machine(), [0; 4]);
        Self::new(self.c0.mul(inverse), zero.sub(self.c1).mul(inverse))
    }

    #[inline(always)]
    fn gather(machine: M, table: &[[u64; 16]], slots: &[u32]) -> (Self, Self, u8) {
        let point = table.get((slots[0] >> 1) as usize).unwrap_or(&[0; 16]);
        let (x, y) = point.as_chunks::<4>().0.split_at(2);
        let infinite = u8::from(y == [[0; 4]; 2]);
        let (x, y) = (Self::read(machine, x), Self::read(machine, y));
        let negate = slots[0] & 1 == 1;
        let y = Self::new(y.c0.negate_canonical(negate), y.c1.negate_canonical(negate));
        (x, y, infinite)
    }

    #[inline(always)]
    fn scatter(x: Self, y: Self, infinite: u8, points: &mut [[u64; 16]]) {
        points[0] = g2::Config::INFINITY;
        if infinite == 0 {
            let coefficients = [x.c0, x.c1, y.c0, y.c1];
            for (words, coefficient) in points[0]
                .as_chunks_mut::<4>()
                .0
                .iter_mut()
                .zip(coefficients)
            {
                *words = coefficient.canonical();
            }
        }
    }
}
