//! Transforms in eight lanes.
//!
//! A transform of `n = 8m` points is one of 8 points, a multiplication by twiddles, and eight of `m` points
//! (J. Cooley and J. Tukey, 1965; in this form D. Bailey, "FFTs in external or hierarchical memory", 1990). Each
//! of the eight has a lane of its own, so that all lanes always meet the same twiddle, and nothing moves across
//! lanes but in one transposition. Values and coefficients lie as suits that:
//!
//! | | block | lane | |
//! |---|---|---|---|
//! | values | `8b + l` | `t` | value `lm + 8b + t` |
//! | coefficients | `reversed(q)` | `k` | coefficient `8q + k` |
//!
//! where `reversed` reverses the bits of a number below `m`. From values to coefficients the layers go by
//! decimation in frequency, back by decimation in time, so that no bits are ever reversed in memory. The shift
//! of a coset is part of the twiddles.

use crate::field::{Block, Fr8};
use crate::simd::{Kernel, LANES, Simd};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, FftField, Field};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

/// The smallest size that these transforms can have.
pub(super) const LEAST: usize = LANES * LANES;

/// Blocks that fit into the second-level cache together with their twiddles: a transform of so many runs on one
/// thread, and larger ones are cut.
const PIECE: usize = 256;
/// Fewest butterflies of four for a thread at a time.
const GRAIN: usize = 32;

/// The limbs of one element.
type Limbs = [u64; 5];
type Blocks = [Block; LANES];

/// Eight values of a secret polynomial per block, wiped on drop.
struct Secret(Vec<Block>);

impl Secret {
    fn zeros(blocks: usize) -> Self {
        Self(vec![Block::ZERO; blocks])
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // In parallel: there are tens of megabytes of them.
        self.0
            .par_iter_mut()
            .with_min_len(1024)
            .for_each(|block| block.0.zeroize());
    }
}

/// Twiddles of a transform over `shift * root^j`, or its inverse's.
pub(super) struct Direction {
    /// `shift^k root^(jk)`: entry `k` of chunk `b` has those of `j = 8b .. 8b + 8` in its lanes.
    outer: Vec<Blocks>,
    /// At `half + j`, for every `half` a power of two below `m` and `j < half`: twiddle `j` of the layer that
    /// joins two transforms of `half` points.
    inner: Vec<Limbs>,
    /// The powers of an eighth root of unity, from 1 to 3.
    eighth: [Limbs; 3],
}

impl Direction {
    /// All of the outer twiddles are also multiplied by `scale`.
    fn new(size: usize, root: Fr, shift: Fr, scale: Fr) -> Self {
        let m = size / LANES;
        let mut outer = vec![[Block::ZERO; LANES]; m / LANES];
        outer
            .par_iter_mut()
            .with_min_len(64)
            .enumerate()
            .for_each(|(b, rows)| {
                let mut points = [shift * root.pow([(LANES * b) as u64]); LANES];
                for t in 1..LANES {
                    points[t] = points[t - 1] * root;
                }
                let mut powers = [scale; LANES];
                for row in rows {
                    for t in 0..LANES {
                        let limbs = Fr8::<crate::simd::Portable>::limbs(powers[t]);
                        (0..5).for_each(|j| row.0[j][t] = limbs[j]);
                        powers[t] *= points[t];
                    }
                }
            });
        let mut inner = vec![[0; 5]; m];
        let mut half = m / 2;
        let (mut root_here, mut shift_here) = (root.pow([LANES as u64]), shift.pow([LANES as u64]));
        while half > 0 {
            let (root, shift) = (root_here, shift_here);
            inner[half..2 * half]
                .par_chunks_mut(1024)
                .enumerate()
                .for_each(|(chunk, rows)| {
                    let mut twiddle = shift * root.pow([1024 * chunk as u64]);
                    for row in rows {
                        *row = Fr8::<crate::simd::Portable>::limbs(twiddle);
                        twiddle *= root;
                    }
                });
            (half, root_here, shift_here) = (half / 2, root.square(), shift.square());
        }
        let eighth = root.pow([m as u64]);
        let eighth =
            [1u64, 2, 3].map(|power| Fr8::<crate::simd::Portable>::limbs(eighth.pow([power])));
        Self {
            outer,
            inner,
            eighth,
        }
    }
}

/// What transforms of one size take.
pub(super) struct Tables {
    size: usize,
    /// From values on the domain to coefficients.
    inverse: Direction,
    /// From coefficients to values on a coset.
    forward: Direction,
}

impl Tables {
    /// For a power of two of at least [`LEAST`] points, and a coset by `shift`.
    pub(super) fn new(size: usize, shift: Fr) -> Self {
        let root = Fr::get_root_of_unity(size as u64).expect("a domain of this size");
        let inverse = |value: Fr| value.inverse().expect("not zero");
        Self {
            size,
            inverse: Direction::new(size, inverse(root), Fr::ONE, inverse(Fr::from(size as u64))),
            forward: Direction::new(size, root, shift, Fr::ONE),
        }
    }

    /// See [`super::Domain::quotient`].
    pub(super) fn quotient<S: Simd>(&self, simd: S, a: &[Fr], b: &[Fr]) -> Zeroizing<Vec<Fr>> {
        let blocks = self.size / LANES;
        let mut values = [(); 3].map(|()| Secret::zeros(blocks));
        let [xs, ys, zs] = &mut values;
        chunks(&mut xs.0)
            .zip(chunks(&mut ys.0))
            .zip(chunks(&mut zs.0))
            .enumerate()
            .for_each(|(b8, ((x, y), z))| {
                simd.run(Read {
                    tables: self,
                    b: b8,
                    values: [a, b],
                    to: [x, y, z],
                });
            });
        for Secret(values) in &mut values {
            inner(simd, Apart, values, &self.inverse.inner);
            inner(simd, Together, values, &self.forward.inner);
        }
        let [xs, ys, zs] = &mut values;
        chunks(&mut xs.0)
            .zip(chunks(&mut ys.0))
            .zip(chunks(&mut zs.0))
            .enumerate()
            .for_each(|(b8, ((x, y), z))| {
                simd.run(Finish {
                    tables: self,
                    b: b8,
                    values: [x, y, z],
                });
            });
        self.write(simd, &values[0].0)
    }

    /// Values in their order.
    fn write<S: Simd>(&self, simd: S, blocks: &[Block]) -> Zeroizing<Vec<Fr>> {
        let chunks = self.size / LEAST;
        let mut values = Zeroizing::new(vec![Fr::ZERO; self.size]);
        let grain = GRAIN * LANES;
        values
            .par_chunks_mut(grain)
            .enumerate()
            .for_each(|(i, values)| {
                simd.run(Write {
                    blocks,
                    chunks,
                    first: i * GRAIN,
                    values,
                });
            });
        values
    }
}

/// All layers but the outer one.
fn inner<S: Simd, B: Butterfly>(simd: S, butterfly: B, blocks: &mut [Block], twiddles: &[Limbs]) {
    if blocks.len() <= PIECE || rayon::current_num_threads() == 1 {
        return butterfly.all(simd, blocks, twiddles);
    }
    if B::WHOLE_FIRST {
        whole(simd, butterfly, blocks, twiddles);
    }
    let pieces = if odd(blocks.len()) { 2 } else { 4 };
    blocks
        .par_chunks_mut(blocks.len() / pieces)
        .for_each(|piece| inner(simd, butterfly, piece, twiddles));
    if !B::WHOLE_FIRST {
        whole(simd, butterfly, blocks, twiddles);
    }
}

/// The layer or two of all blocks together.
fn whole<S: Simd, B: Butterfly>(simd: S, butterfly: B, blocks: &mut [Block], twiddles: &[Limbs]) {
    let quarter = blocks.len() / 4;
    if odd(blocks.len()) {
        let (a, b) = blocks.split_at_mut(2 * quarter);
        a.par_chunks_mut(GRAIN)
            .zip(b.par_chunks_mut(GRAIN))
            .enumerate()
            .for_each(|(i, (a, b))| {
                simd.run(Two {
                    first: i * GRAIN,
                    half: 2 * quarter,
                    blocks: [a, b],
                    twiddles,
                    butterfly,
                });
            });
    } else {
        fours(blocks).for_each(|(i, four)| {
            simd.run(Four {
                first: i * GRAIN,
                quarter,
                blocks: four,
                twiddles,
                butterfly,
            });
        });
    }
}

/// The chunks of eight blocks that the outer layer works on.
fn chunks(blocks: &mut [Block]) -> impl IndexedParallelIterator<Item = &mut Blocks> {
    blocks.as_chunks_mut().0.par_iter_mut().with_min_len(GRAIN)
}

/// The four quarters in step, some blocks of each at a time.
fn fours(blocks: &mut [Block]) -> impl IndexedParallelIterator<Item = (usize, [&mut [Block]; 4])> {
    let (ab, cd) = blocks.split_at_mut(blocks.len() / 2);
    let (a, b) = ab.split_at_mut(ab.len() / 2);
    let (c, d) = cd.split_at_mut(cd.len() / 2);
    let pairs = a.par_chunks_mut(GRAIN).zip(b.par_chunks_mut(GRAIN));
    let others = c.par_chunks_mut(GRAIN).zip(d.par_chunks_mut(GRAIN));
    pairs
        .zip(others)
        .map(|((a, b), (c, d))| [a, b, c, d])
        .enumerate()
}

/// Whether a power of two is one of an odd number.
fn odd(power: usize) -> bool {
    power.trailing_zeros() % 2 == 1
}

/// The outer layer of the inverse, from the values themselves: reads the eight blocks of values that go into
/// chunk `b` and their products.
struct Read<'a> {
    tables: &'a Tables,
    b: usize,
    values: [&'a [Fr]; 2],
    to: [&'a mut Blocks; 3],
}

impl<S: Simd> Kernel<S> for Read<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self {
            tables,
            b,
            values: [a, b_values],
            to: [to_a, to_b, to_c],
        } = self;
        let m = tables.size / LANES;
        let zero = Fr8::zero(simd);
        let (mut x, mut y, mut z) = ([zero; LANES], [zero; LANES], [zero; LANES]);
        for l in 0..LANES {
            let at = l * m + LANES * b;
            x[l] = read(simd, a, at);
            y[l] = read(simd, b_values, at);
            z[l] = x[l].mul(y[l]);
        }
        outer_inverse(simd, &tables.inverse, b, x, to_a);
        outer_inverse(simd, &tables.inverse, b, y, to_b);
        outer_inverse(simd, &tables.inverse, b, z, to_c);
    }
}

/// Eight values from `at` on; those past the end are zero.
#[inline(always)]
fn read<S: Simd>(simd: S, values: &[Fr], at: usize) -> Fr8<S> {
    if let Some(eight) = values.get(at..).and_then(|values| values.first_chunk()) {
        return Fr8::from_ark(simd, eight);
    }
    let mut eight = [Fr::ZERO; LANES];
    for t in 0..LANES {
        if at + t < values.len() {
            eight[t] = values[at + t];
        }
    }
    Fr8::from_ark(simd, &eight)
}

/// Eight transforms of eight points, twiddles, transposition.
#[inline(always)]
fn outer_inverse<S: Simd>(
    simd: S,
    direction: &Direction,
    b: usize,
    mut x: [Fr8<S>; LANES],
    to: &mut Blocks,
) {
    let eighth = &direction.eighth;
    let w = [
        Fr8::splat(simd, &eighth[0]),
        Fr8::splat(simd, &eighth[1]),
        Fr8::splat(simd, &eighth[2]),
    ];
    for l in 0..4 {
        let (sum, mut difference) = (x[l].add(x[l + 4]), x[l].sub_wide(x[l + 4]));
        difference = if l == 0 {
            difference.reduce()
        } else {
            difference.mul(w[l - 1])
        };
        (x[l], x[l + 4]) = (sum, difference);
    }
    for half in 0..2 {
        let (i, j) = (4 * half, 4 * half + 1);
        (x[i], x[i + 2]) = (x[i].add(x[i + 2]), x[i].sub(x[i + 2]));
        (x[j], x[j + 2]) = (x[j].add(x[j + 2]), x[j].sub_wide(x[j + 2]).mul(w[1]));
    }
    let outer = &direction.outer[b];
    let mut y = x;
    for i in 0..4 {
        let (even, odd) = (reversed(2 * i), reversed(2 * i + 1));
        let (sum, difference) = (
            x[2 * i].add_wide(x[2 * i + 1]),
            x[2 * i].sub_wide(x[2 * i + 1]),
        );
        y[even] = sum.mul(Fr8::load(simd, &outer[even]));
        y[odd] = difference.mul(Fr8::load(simd, &outer[odd]));
    }
    let y = Fr8::transposed(y);
    for t in 0..LANES {
        y[t].store(&mut to[t]);
    }
}

/// Three bits from last to first.
#[inline(always)]
const fn reversed(i: usize) -> usize {
    i >> 2 | i & 2 | (i & 1) << 2
}

/// Transposition, twiddles, eight transforms of eight points: to values.
#[inline(always)]
fn outer_forward<S: Simd>(
    simd: S,
    direction: &Direction,
    b: usize,
    from: &Blocks,
) -> [Fr8<S>; LANES] {
    let eighth = &direction.eighth;
    let w = [
        Fr8::splat(simd, &eighth[0]),
        Fr8::splat(simd, &eighth[1]),
        Fr8::splat(simd, &eighth[2]),
    ];
    let mut y = [Fr8::zero(simd); LANES];
    for t in 0..LANES {
        y[t] = Fr8::load(simd, &from[t]);
    }
    let y = Fr8::transposed(y);
    let outer = &direction.outer[b];
    let mut x = y;
    for i in 0..4 {
        let (even, odd) = (reversed(2 * i), reversed(2 * i + 1));
        let left = if even == 0 {
            y[0]
        } else {
            y[even].mul(Fr8::load(simd, &outer[even]))
        };
        (x[2 * i], x[2 * i + 1]) = y[odd].plus_and_minus(Fr8::load(simd, &outer[odd]), left);
    }
    for half in 0..2 {
        let (i, j) = (4 * half, 4 * half + 1);
        (x[i], x[i + 2]) = (x[i].add(x[i + 2]), x[i].sub(x[i + 2]));
        (x[j], x[j + 2]) = x[j + 2].plus_and_minus(w[1], x[j]);
    }
    (x[0], x[4]) = (x[0].add(x[4]), x[0].sub(x[4]));
    for l in 1..4 {
        (x[l], x[l + 4]) = x[l + 4].plus_and_minus(w[l - 1], x[l]);
    }
    x
}

/// The outer layer of the forward transforms of a chunk of each polynomial, then `a b - c` in place of the first.
struct Finish<'a> {
    tables: &'a Tables,
    b: usize,
    values: [&'a mut Blocks; 3],
}

impl<S: Simd> Kernel<S> for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self {
            tables,
            b,
            values: [x, y, z],
        } = self;
        let forward = &tables.forward;
        let (left, right, product) = (
            outer_forward(simd, forward, b, x),
            outer_forward(simd, forward, b, y),
            outer_forward(simd, forward, b, z),
        );
        for l in 0..LANES {
            left[l].mul_minus(right[l], product[l]).store(&mut x[l]);
        }
    }
}

/// Blocks of values to the values in their order, from block `first` of that order on.
struct Write<'a> {
    blocks: &'a [Block],
    /// Chunks that the domain has.
    chunks: usize,
    first: usize,
    values: &'a mut [Fr],
}

impl<S: Simd> Kernel<S> for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self {
            blocks,
            chunks,
            first,
            values,
        } = self;
        let (eights, _) = values.as_chunks_mut::<LANES>();
        for (i, eight) in eights.iter_mut().enumerate() {
            let (l, b) = ((first + i) / chunks, (first + i) % chunks);
            *eight = Fr8::load(simd, &blocks[LANES * b + l]).to_ark();
        }
    }
}

/// Layers by decimation in frequency, from all blocks down to each, depth first: what is in a cache is used up
/// before it is left.
struct Decimate<'a> {
    blocks: &'a mut [Block],
    twiddles: &'a [Limbs],
}

impl<S: Simd> Kernel<S> for Decimate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self { blocks, twiddles } = self;
        let mut top = blocks.len();
        if odd(top) {
            let half = top / 2;
            let (a, b) = blocks.split_at_mut(half);
            Two {
                first: 0,
                half,
                blocks: [a, b],
                twiddles,
                butterfly: Apart,
            }
            .run(simd);
            top = half;
        }
        if top == 1 {
            return;
        }
        for start in (0..blocks.len()).step_by(4) {
            let mut length = top;
            while length >= 4 {
                if start % length == 0 {
                    let quarter = length / 4;
                    let four = quarters(&mut blocks[start..start + length]);
                    Four {
                        first: 0,
                        quarter,
                        blocks: four,
                        twiddles,
                        butterfly: Apart,
                    }
                    .run(simd);
                }
                length /= 4;
            }
        }
    }
}

/// Layers by decimation in time, from single blocks up to all, depth first.
struct Join<'a> {
    blocks: &'a mut [Block],
    twiddles: &'a [Limbs],
}

impl<S: Simd> Kernel<S> for Join<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self { blocks, twiddles } = self;
        let size = blocks.len();
        let top = if odd(size) { size / 2 } else { size };
        if top >= 4 {
            for end in (4..=size).step_by(4) {
                let mut length = 4;
                while length <= top {
                    if end % length == 0 {
                        let quarter = length / 4;
                        let four = quarters(&mut blocks[end - length..end]);
                        Four {
                            first: 0,
                            quarter,
                            blocks: four,
                            twiddles,
                            butterfly: Together,
                        }
                        .run(simd);
                    }
                    length *= 4;
                }
            }
        }
        if top < size {
            let (a, b) = blocks.split_at_mut(top);
            Two {
                first: 0,
                half: top,
                blocks: [a, b],
                twiddles,
                butterfly: Together,
            }
            .run(simd);
        }
    }
}

#[inline(always)]
fn quarters(blocks: &mut [Block]) -> [&mut [Block]; 4] {
    let (ab, cd) = blocks.split_at_mut(blocks.len() / 2);
    let (a, b) = ab.split_at_mut(ab.len() / 2);
    let (c, d) = cd.split_at_mut(cd.len() / 2);
    [a, b, c, d]
}

/// What one or two layers make of elements that meet, by decimation in frequency or in time.
trait Butterfly: Copy + Send + Sync {
    /// Whether the layer of all blocks comes before those of its parts.
    const WHOLE_FIRST: bool;

    /// All layers, on this thread.
    fn all<S: Simd>(self, simd: S, blocks: &mut [Block], twiddles: &[Limbs]);

    /// One layer.
    fn two<S: Simd>(self, x: [Fr8<S>; 2], twiddle: Fr8<S>) -> [Fr8<S>; 2];

    /// Two layers: twiddles of the larger one for the first and the second pair, and that of the smaller.
    fn four<S: Simd>(self, x: [Fr8<S>; 4], twiddles: [Fr8<S>; 3]) -> [Fr8<S>; 4];
}

/// Decimation in frequency.
#[derive(Clone, Copy)]
struct Apart;

impl Butterfly for Apart {
    const WHOLE_FIRST: bool = true;

    fn all<S: Simd>(self, simd: S, blocks: &mut [Block], twiddles: &[Limbs]) {
        simd.run(Decimate { blocks, twiddles });
    }

    #[inline(always)]
    fn two<S: Simd>(self, [x, y]: [Fr8<S>; 2], twiddle: Fr8<S>) -> [Fr8<S>; 2] {
        [x.add(y), x.sub_wide(y).mul(twiddle)]
    }

    #[inline(always)]
    fn four<S: Simd>(
        self,
        [x0, x1, x2, x3]: [Fr8<S>; 4],
        [upper, rotated, lower]: [Fr8<S>; 3],
    ) -> [Fr8<S>; 4] {
        let (y0, y1) = (x0.add(x2), x1.add(x3));
        let y2 = x0.sub_wide(x2).mul(upper);
        let y3 = x1.sub_wide(x3).mul(rotated);
        [
            y0.add(y1),
            y0.sub_wide(y1).mul(lower),
            y2.add(y3),
            y2.sub_wide(y3).mul(lower),
        ]
    }
}

/// Decimation in time.
#[derive(Clone, Copy)]
struct Together;

impl Butterfly for Together {
    const WHOLE_FIRST: bool = false;

    fn all<S: Simd>(self, simd: S, blocks: &mut [Block], twiddles: &[Limbs]) {
        simd.run(Join { blocks, twiddles });
    }

    #[inline(always)]
    fn two<S: Simd>(self, [x, y]: [Fr8<S>; 2], twiddle: Fr8<S>) -> [Fr8<S>; 2] {
        let (sum, difference) = y.plus_and_minus(twiddle, x);
        [sum, difference]
    }

    #[inline(always)]
    fn four<S: Simd>(
        self,
        [x0, x1, x2, x3]: [Fr8<S>; 4],
        [upper, rotated, lower]: [Fr8<S>; 3],
    ) -> [Fr8<S>; 4] {
        let (y0, y1) = x1.plus_and_minus(lower, x0);
        let (y2, y3) = x3.plus_and_minus_wide(lower, x2);
        let (z0, z2) = y2.plus_and_minus(upper, y0);
        let (z1, z3) = y3.plus_and_minus(rotated, y1);
        [z0, z1, z2, z3]
    }
}

/// One layer: blocks from `first` on of two halves of `half` blocks.
struct Two<'a, B> {
    first: usize,
    half: usize,
    blocks: [&'a mut [Block]; 2],
    twiddles: &'a [Limbs],
    butterfly: B,
}

impl<S: Simd, B: Butterfly> Kernel<S> for Two<'_, B> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self {
            first,
            half,
            blocks: [a, b],
            twiddles,
            butterfly,
        } = self;
        let twiddles = &twiddles[half + first..];
        for ((a, b), twiddle) in a.iter_mut().zip(b).zip(twiddles) {
            let x = [Fr8::<S>::load(simd, a), Fr8::load(simd, b)];
            let [x, y] = butterfly.two(x, Fr8::splat(simd, twiddle));
            x.store(a);
            y.store(b);
        }
    }
}

/// Two layers: blocks from `first` on of four quarters of `quarter` blocks.
struct Four<'a, B> {
    first: usize,
    quarter: usize,
    blocks: [&'a mut [Block]; 4],
    twiddles: &'a [Limbs],
    butterfly: B,
}

impl<S: Simd, B: Butterfly> Kernel<S> for Four<'_, B> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self {
            first,
            quarter,
            blocks: [a, b, c, d],
            twiddles,
            butterfly,
        } = self;
        let upper = &twiddles[2 * quarter + first..];
        let rotated = &twiddles[3 * quarter + first..];
        let lower = &twiddles[quarter + first..];
        let outer = upper.iter().zip(rotated).zip(lower);
        for ((((a, b), c), d), ((upper, rotated), lower)) in
            a.iter_mut().zip(b).zip(c).zip(d).zip(outer)
        {
            let (x0, x1) = (Fr8::<S>::load(simd, a), Fr8::load(simd, b));
            let (x2, x3) = (Fr8::load(simd, c), Fr8::load(simd, d));
            let (upper, rotated) = (Fr8::splat(simd, upper), Fr8::splat(simd, rotated));
            let twiddles = [upper, rotated, Fr8::splat(simd, lower)];
            let [x0, x1, x2, x3] = butterfly.four([x0, x1, x2, x3], twiddles);
            x0.store(a);
            x1.store(b);
            x2.store(c);
            x3.store(d);
        }
    }
}
