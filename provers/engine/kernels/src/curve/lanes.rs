//! Eight points at a time.

use super::{Radix, Vector};
use crate::field::{Block, Fq8, Quadratic8};
use crate::simd::{LANES, Simd};
use ark_bn254::{g1, g2};

/// The inverse of the product of all lanes, times the product of all other lanes.
#[inline(always)]
fn invert<S: Simd>(a: Fq8<S>) -> Fq8<S> {
    let pairs = a.mul(a.rotated::<1>());
    let fours = pairs.mul(pairs.rotated::<2>());
    let all = fours.mul(fours.rotated::<4>());
    let others = a
        .rotated::<1>()
        .mul(pairs.rotated::<2>())
        .mul(fours.rotated::<4>());
    others.mul(all.inverse_of_first())
}

macro_rules! forward {
    ($($method:ident($($argument:ident),*) -> $result:ty;)*) => {$(
        #[inline(always)]
        fn $method(self, $($argument: Self),*) -> $result {
            Self::$method(self, $($argument),*)
        }
    )*};
}

impl<S: Simd> Vector for Fq8<S> {
    type Curve = g1::Config;
    type Machine = S;
    type Memory = Block;

    const LANES: usize = LANES;
    const BATCH: usize = 256;
    const RADIX: Radix = Radix::Limbs52;
    const ZEROS: Block = Block::ZERO;

    forward! {
        add(rhs) -> Self;
        sub_wide(rhs) -> Self;
        mul(rhs) -> Self;
        square() -> Self;
        mul_minus(rhs, c) -> Self;
        square_minus(c, d) -> Self;
        may_be_zero() -> u8;
    }

    #[inline(always)]
    fn one(simd: S) -> Self {
        Self::one(simd)
    }

    #[inline(always)]
    fn load(simd: S, block: &Block) -> Self {
        Self::load(simd, block)
    }

    #[inline(always)]
    fn store(self, block: &mut Block) {
        Self::store(self, block);
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        Self::select(mask, yes, no)
    }

    #[inline(always)]
    fn invert(self) -> Self {
        invert(self)
    }

    #[inline(always)]
    fn gather(simd: S, table: &[[u64; 8]], slots: &[u32]) -> (Self, Self, u8) {
        let mut rows = [simd.splat(0); LANES];
        let mut negative = 0;
        for i in 0..LANES {
            let slot = slots[i];
            rows[i] = simd.load(table.get((slot >> 1) as usize).unwrap_or(&[0; 8]));
            negative |= ((slot & 1) as u8) << i;
        }
        let [x0, x1, x2, x3, y0, y1, y2, y3] = simd.transpose(rows);
        let any = simd.or(simd.or(y0, y1), simd.or(y2, y3));
        let infinite = simd.equal(any, simd.splat(0));
        let y = Self::from_words(simd, [y0, y1, y2, y3]).negate_canonical(negative);
        (Self::from_words(simd, [x0, x1, x2, x3]), y, infinite)
    }

    #[inline(always)]
    fn scatter(x: Self, y: Self, infinite: u8, points: &mut [[u64; 8]]) {
        let simd = x.simd();
        let ([x0, x1, x2, x3], [y0, y1, y2, y3]) =
            (x.canonical().to_words(), y.canonical().to_words());
        let rows = simd.transpose([x0, x1, x2, x3, y0, y1, y2, y3]);
        for i in 0..LANES {
            simd.store(rows[i], &mut points[i]);
            if infinite >> i & 1 == 1 {
                points[i] = [0; 8];
            }
        }
    }
}

impl<S: Simd> Vector for Quadratic8<S> {
    type Curve = g2::Config;
    type Machine = S;
    type Memory = [Block; 2];

    const LANES: usize = LANES;
    const BATCH: usize = 128;
    const RADIX: Radix = Radix::Limbs52;
    const ZEROS: [Block; 2] = [Block::ZERO; 2];

    forward! {
        add(rhs) -> Self;
        sub_wide(rhs) -> Self;
        mul(rhs) -> Self;
        square() -> Self;
        mul_minus(rhs, c) -> Self;
        square_minus(c, d) -> Self;
        may_be_zero() -> u8;
    }

    #[inline(always)]
    fn one(simd: S) -> Self {
        Self::one(simd)
    }

    #[inline(always)]
    fn load(simd: S, blocks: &[Block; 2]) -> Self {
        Self::new(Fq8::load(simd, &blocks[0]), Fq8::load(simd, &blocks[1]))
    }

    #[inline(always)]
    fn store(self, blocks: &mut [Block; 2]) {
        self.c0.store(&mut blocks[0]);
        self.c1.store(&mut blocks[1]);
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        Self::select(mask, yes, no)
    }

    /// The conjugate over the norm.
    #[inline(always)]
    fn invert(self) -> Self {
        let inverse = invert(self.c0.square().add(self.c1.square()));
        Self::new(self.c0.mul(inverse), self.c1.neg().mul(inverse))
    }

    #[inline(always)]
    fn gather(simd: S, table: &[[u64; 16]], slots: &[u32]) -> (Self, Self, u8) {
        let (mut xs, mut ys) = ([simd.splat(0); LANES], [simd.splat(0); LANES]);
        let mut negative = 0;
        for i in 0..LANES {
            let slot = slots[i];
            let point = table.get((slot >> 1) as usize).unwrap_or(&[0; 16]);
            let (halves, _) = point.as_chunks::<8>();
            xs[i] = simd.load(&halves[0]);
            ys[i] = simd.load(&halves[1]);
            negative |= ((slot & 1) as u8) << i;
        }
        let columns = simd.transpose(ys);
        let mut any = columns[0];
        for column in &columns[1..] {
            any = simd.or(any, *column);
        }
        let infinite = simd.equal(any, simd.splat(0));
        let x = Self::from_columns(simd, simd.transpose(xs));
        (
            x,
            Self::from_columns(simd, columns).negate_canonical(negative),
            infinite,
        )
    }

    #[inline(always)]
    fn scatter(x: Self, y: Self, infinite: u8, points: &mut [[u64; 16]]) {
        let simd = x.c0.simd();
        let (xs, ys) = (
            simd.transpose(x.to_columns()),
            simd.transpose(y.to_columns()),
        );
        for i in 0..LANES {
            let (halves, _) = points[i].as_chunks_mut::<8>();
            simd.store(xs[i], &mut halves[0]);
            simd.store(ys[i], &mut halves[1]);
            if infinite >> i & 1 == 1 {
                points[i] = [0; 16];
            }
        }
    }
}

impl<S: Simd> Quadratic8<S> {
    /// From columns of words: four of `c0`, four of `c1`.
    #[inline(always)]
    fn from_columns(simd: S, [a, b, c, d, e, f, g, h]: [S::V; 8]) -> Self {
        Self::new(
            Fq8::from_words(simd, [a, b, c, d]),
            Fq8::from_words(simd, [e, f, g, h]),
        )
    }

    /// The words of the canonical representative: the inverse of [`Self::from_columns`].
    #[inline(always)]
    fn to_columns(self) -> [S::V; 8] {
        let [a, b, c, d] = self.c0.canonical().to_words();
        let [e, f, g, h] = self.c1.canonical().to_words();
        [a, b, c, d, e, f, g, h]
    }
}
