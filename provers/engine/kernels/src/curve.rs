//! The two groups of BN254, as the kernels see them.

mod lanes;
mod single;

use crate::simd::{Machine, Simd};
use crate::words::{Word, Words};
use ark_bn254::{Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use single::Quadratic;

/// G1 or G2.
pub trait Curve: SWCurveConfig<ScalarField = Fr> + sealed::Sealed {
    /// An affine point in memory: `x`, then `y`, each coefficient in four words of Montgomery form,
    /// below `p`. All zeros are the point at infinity. G1 takes one cache line, G2 two.
    type Packed: Copy + Send + Sync + AsRef<[u64]>;
    /// Points in lanes.
    type Lanes<S: Simd>: Vector<Curve = Self, Machine = S>;
    /// Points one by one.
    type Single<M: Words>: Vector<Curve = Self, Machine = M>;

    /// 1 or 2.
    const NUMBER: u64;
    /// Words of a packed point.
    const WORDS: usize;
    /// The point at infinity.
    const INFINITY: Self::Packed;

    /// Words as points; those over at the end are left out.
    fn points(words: &[u64]) -> &[Self::Packed];
    /// Words as points; those over at the end are left out.
    fn points_mut(words: &mut [u64]) -> &mut [Self::Packed];
    /// A point, its coordinates' Montgomery forms multiplied by 16 where `R` is to be 2^260.
    fn pack(point: &Affine<Self>, radix: Radix) -> Self::Packed;
    /// The inverse of [`Curve::pack`]. Does not look whether the point is on the curve.
    fn unpack(packed: &Self::Packed, radix: Radix) -> Affine<Self>;
}

/// Which Montgomery form coordinates are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Radix {
    /// `R = 2^256`, arkworks's.
    Words64,
    /// `R = 2^260`, that of [`crate::field`].
    Limbs52,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for ark_bn254::g1::Config {}
    impl Sealed for ark_bn254::g2::Config {}
}

/// Some elements of a curve's base field, side by side: what batch-affine formulas are written in.
///
/// Bounds are those of [`crate::field`]: values are normal unless `wide` is said.
pub trait Vector: Copy {
    /// The curve whose coordinates these are.
    type Curve: Curve;
    /// What computes them.
    type Machine: Machine;
    /// How they lie in memory.
    type Memory: Copy + Send + Sync;

    /// How many elements.
    const LANES: usize;
    /// How many vectors share one inversion, so that a batch stays within the second-level cache.
    const BATCH: usize;
    /// Which Montgomery form.
    const RADIX: Radix;
    /// Zeros.
    const ZEROS: Self::Memory;

    /// Ones.
    fn one(machine: Self::Machine) -> Self;
    /// From memory.
    fn load(machine: Self::Machine, memory: &Self::Memory) -> Self;
    /// To memory.
    fn store(self, memory: &mut Self::Memory);
    /// `a + b`.
    fn add(self, rhs: Self) -> Self;
    /// `a - b`, wide.
    fn sub_wide(self, rhs: Self) -> Self;
    /// `a * b` of a wide and a normal value.
    fn mul(self, rhs: Self) -> Self;
    /// `a^2`.
    fn square(self) -> Self;
    /// `a * b - c` of a wide and two normal values.
    fn mul_minus(self, rhs: Self, c: Self) -> Self;
    /// `a^2 - c - d`, `d` being at most `p`.
    fn square_minus(self, c: Self, d: Self) -> Self;
    /// `yes` in the lanes of the mask.
    fn select(mask: u8, yes: Self, no: Self) -> Self;
    /// Certain where it says no, of a wide value.
    fn may_be_zero(self) -> u8;
    /// `1 / a`, no lane being zero.
    fn invert(self) -> Self;

    /// Reads points `slot >> 1` of the table, negated where the slot is odd: `x`, `y` (at most `p`) and
    /// which are infinity. A slot beyond the table reads as infinity. One slot a lane.
    fn gather(
        machine: Self::Machine,
        table: &[<Self::Curve as Curve>::Packed],
        slots: &[u32],
    ) -> (Self, Self, u8);
    /// Writes one point a lane, infinity in the lanes of the mask.
    fn scatter(x: Self, y: Self, infinite: u8, points: &mut [<Self::Curve as Curve>::Packed]);
}

macro_rules! curve {
    ($config:ty, $number:expr, $words:expr, $lanes:ident, $single:ident, $to_words:expr, $from_words:expr) => {
        impl Curve for $config {
            type Packed = [u64; $words];
            type Lanes<S: Simd> = crate::field::$lanes<S>;
            type Single<M: Words> = $single<M>;

            const NUMBER: u64 = $number;
            const WORDS: usize = $words;
            const INFINITY: Self::Packed = [0; $words];

            fn points(words: &[u64]) -> &[Self::Packed] {
                words.as_chunks().0
            }

            fn points_mut(words: &mut [u64]) -> &mut [Self::Packed] {
                words.as_chunks_mut().0
            }

            fn pack(point: &Affine<Self>, radix: Radix) -> Self::Packed {
                let Some((x, y)) = point.xy() else {
                    return Self::INFINITY;
                };
                let scale = single::scale(radix);
                let mut packed = [0; $words];
                let coordinates = [x, y].into_iter().flat_map($to_words);
                for (words, coefficient) in packed.chunks_exact_mut(4).zip(coordinates) {
                    words.copy_from_slice(&(coefficient * scale).0.0);
                }
                packed
            }

            fn unpack(packed: &Self::Packed, radix: Radix) -> Affine<Self> {
                if *packed == Self::INFINITY {
                    return Affine::identity();
                }
                let scale = single::unscale(radix);
                let (x, y) = packed.as_chunks::<4>().0.split_at($words / 8);
                Affine::new_unchecked($from_words(x, scale), $from_words(y, scale))
            }
        }
    };
}

curve!(
    g1::Config,
    1,
    8,
    Fq8,
    Word,
    |c| [c],
    |w: &[[u64; 4]], scale| { single::element(w[0]) * scale }
);
curve!(
    g2::Config,
    2,
    16,
    Quadratic8,
    Quadratic,
    |c| [c.c0, c.c1],
    |w: &[[u64; 4]], scale| {
        ark_bn254::Fq2::new(single::element(w[0]) * scale, single::element(w[1]) * scale)
    }
);
