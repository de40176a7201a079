//! One point at a time, in arkworks's fields.

use super::{Curve, Radix, Vector};
use crate::field::inverse;
use crate::simd::{Kernel, Machine};
use ark_bn254::{Fq, Fq2, FqConfig, g1, g2};
use ark_ff::{AdditiveGroup, BigInt, Field, MontConfig, MontFp, Zero};

/// The instructions that every machine has.
#[derive(Clone, Copy)]
pub struct Scalar;

impl Machine for Scalar {
    fn run<K: Kernel<Self>>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

/// An element from its Montgomery form with `R = 2^256`.
#[inline(always)]
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

macro_rules! single {
    ($field:ty, $curve:ty, $words:expr, $batch:expr, $read:ident, $write:ident, $invert:ident) => {
        impl Vector for $field {
            type Curve = $curve;
            type Machine = Scalar;
            type Memory = Self;

            const LANES: usize = 1;
            const BATCH: usize = $batch;
            const RADIX: Radix = Radix::Words64;
            const ZEROS: Self = <Self as AdditiveGroup>::ZERO;

            #[inline(always)]
            fn one(_: Scalar) -> Self {
                Self::ONE
            }

            #[inline(always)]
            fn load(_: Scalar, memory: &Self) -> Self {
                *memory
            }

            #[inline(always)]
            fn store(self, memory: &mut Self) {
                *memory = self;
            }

            #[inline(always)]
            fn add(self, rhs: Self) -> Self {
                self + rhs
            }

            #[inline(always)]
            fn sub_wide(self, rhs: Self) -> Self {
                self - rhs
            }

            #[inline(always)]
            fn mul(self, rhs: Self) -> Self {
                self * rhs
            }

            #[inline(always)]
            fn square(self) -> Self {
                Field::square(&self)
            }

            #[inline(always)]
            fn mul_minus(self, rhs: Self, c: Self) -> Self {
                self * rhs - c
            }

            #[inline(always)]
            fn square_minus(self, c: Self, d: Self) -> Self {
                Field::square(&self) - c - d
            }

            #[inline(always)]
            fn select(mask: u8, yes: Self, no: Self) -> Self {
                if mask == 0 { no } else { yes }
            }

            #[inline(always)]
            fn may_be_zero(self) -> u8 {
                u8::from(self.is_zero())
            }

            #[inline(always)]
            fn invert(self) -> Self {
                $invert(self)
            }

            #[inline(always)]
            fn gather(_: Scalar, table: &[[u64; $words]], slots: &[u32]) -> (Self, Self, u8) {
                let Some(point) = table.get((slots[0] >> 1) as usize) else {
                    return (Self::ZERO, Self::ZERO, 1);
                };
                let (x, y) = point.as_chunks::<4>().0.split_at($words / 8);
                let (x, y): (Self, Self) = ($read(x), $read(y));
                let infinite = u8::from(y.is_zero());
                (x, if slots[0] & 1 == 1 { -y } else { y }, infinite)
            }

            #[inline(always)]
            fn scatter(x: Self, y: Self, infinite: u8, points: &mut [[u64; $words]]) {
                points[0] = <$curve>::INFINITY;
                if infinite == 0 {
                    let (to_x, to_y) = points[0].as_chunks_mut::<4>().0.split_at_mut($words / 8);
                    $write(x, to_x);
                    $write(y, to_y);
                }
            }
        }
    };
}

#[inline(always)]
fn read_prime(words: &[[u64; 4]]) -> Fq {
    element(words[0])
}

#[inline(always)]
fn write_prime(x: Fq, words: &mut [[u64; 4]]) {
    words[0] = x.0.0;
}

/// The inverse of the Montgomery form `aR`, times `R^3` over `R`.
fn invert_prime(a: Fq) -> Fq {
    const R2: Fq = Fq::new_unchecked(FqConfig::R2);
    element(inverse::<FqConfig>(&a.0.0)) * R2 * R2
}

/// The conjugate over the norm.
fn invert_quadratic(a: Fq2) -> Fq2 {
    let norm = Field::square(&a.c0) + Field::square(&a.c1);
    let inverse = invert_prime(norm);
    Fq2::new(a.c0 * inverse, -a.c1 * inverse)
}

#[inline(always)]
fn read_quadratic(words: &[[u64; 4]]) -> Fq2 {
    Fq2::new(element(words[0]), element(words[1]))
}

#[inline(always)]
fn write_quadratic(x: Fq2, words: &mut [[u64; 4]]) {
    words[0] = x.c0.0.0;
    words[1] = x.c1.0.0;
}

single!(Fq, g1::Config, 8, 1024, read_prime, write_prime, invert_prime);
single!(Fq2, g2::Config, 16, 512, read_quadratic, write_quadratic, invert_quadratic);
