//! Transforms of words, one element at a time.
//!
//! From values to coefficients the layers go by decimation in frequency, back by decimation in time (W. Gentleman and
//! G. Sande, "Fast Fourier transforms: for fun and profit", 1966, has both), so that coefficients lie at their numbers
//! with the bits reversed, and nothing is ever moved.

use crate::words::{Word, Words};
use ark_bn254::{Fr, FrConfig};
use ark_ff::{BigInt, FftField, Field};
use rayon::prelude::*;
use zeroize::Zeroizing;

/// So many elements stay in the first-level cache for all of their layers.
const PIECE: usize = 512;
/// Fewest elements of a transform whose parts are worth several threads.
const SHARED: usize = 1 << 13;
/// Fewest butterflies for a thread at a time.
const GRAIN: usize = 1024;

type Words4 = [u64; 4];

/// What transforms of one size take. Elements are in arkworks's Montgomery form.
pub(super) struct Tables {
    size: usize,
    /// At `half + j`, for every `half` a power of two below the size and `j < half`: power `j` of the inverse of a root
    /// of unity of order `2 * half`.
    inverse: Vec<Words4>,
    /// The same of the root itself.
    forward: Vec<Words4>,
    /// By what coefficients are multiplied to make polynomials on the coset, where they lie: `shift^i / size`.
    scale: Vec<Words4>,
}

impl Tables {
    /// For a power of two, and a coset by `shift`.
    pub(super) fn new(size: usize, shift: Fr) -> Self {
        let root = Fr::get_root_of_unity(size as u64).expect("a domain of this size");
        let inverse = |value: Fr| value.inverse().expect("not zero");
        let powers = powers(shift, inverse(Fr::from(size as u64)), size);
        let bits = size.trailing_zeros();
        let reversed = |i: usize| i.reverse_bits().unbounded_shr(usize::BITS - bits);
        Self {
            size,
            inverse: twiddles(inverse(root), size),
            forward: twiddles(root, size),
            scale: (0..size).map(|i| powers[reversed(i)]).collect(),
        }
    }

    /// See [`super::Domain::quotient`].
    pub(super) fn quotient<M: Words>(&self, machine: M, a: &[Fr], b: &[Fr]) -> Zeroizing<Vec<Fr>> {
        let word = |words: &Words4| Word::<M, FrConfig>::new(machine, *words);
        let padded = |values: &[Fr]| {
            let mut padded = Zeroizing::new(Vec::with_capacity(self.size));
            padded.extend(values.iter().map(|value| value.0.0));
            padded.resize(self.size, [0; 4]);
            padded
        };
        let (mut a, mut b) = (padded(a), padded(b));
        let mut c = Zeroizing::new(vec![[0; 4]; self.size]);
        each_of_three(&mut c, &a, &b, |c, a, b| *c = word(a).mul(word(b)).words());
        [&mut a, &mut b, &mut c]
            .into_par_iter()
            .with_max_len(1)
            .for_each(|values| {
                decimate(machine, values, &self.inverse);
                values
                    .par_iter_mut()
                    .zip(&self.scale)
                    .with_min_len(SHARED)
                    .for_each(|(value, scale)| *value = word(value).mul(word(scale)).words());
                join(machine, values, &self.forward);
            });
        each_of_three(&mut a, &b, &c, |a, b, c| {
            *a = word(a).mul(word(b)).sub(word(c)).canonical();
        });
        let mut quotient = Zeroizing::new(Vec::with_capacity(self.size));
        quotient.extend(a.iter().map(|words| Fr::new_unchecked(BigInt(*words))));
        quotient
    }
}

fn each_of_three(
    xs: &mut [Words4],
    ys: &[Words4],
    zs: &[Words4],
    f: impl Fn(&mut Words4, &Words4, &Words4) + Sync,
) {
    xs.par_iter_mut()
        .zip(ys)
        .zip(zs)
        .with_min_len(SHARED)
        .for_each(|((x, y), z)| f(x, y, z));
}

/// `start * base^i`.
fn powers(base: Fr, start: Fr, count: usize) -> Vec<Words4> {
    let mut powers = vec![[0; 4]; count];
    powers
        .par_chunks_mut(GRAIN)
        .enumerate()
        .for_each(|(chunk, powers)| {
            let mut power = start * base.pow([(GRAIN * chunk) as u64]);
            for words in powers {
                *words = power.0.0;
                power *= base;
            }
        });
    powers
}

fn twiddles(mut root: Fr, size: usize) -> Vec<Words4> {
    let mut twiddles = vec![[0; 4]; size];
    let mut half = size / 2;
    while half > 0 {
        twiddles[half..2 * half].copy_from_slice(&powers(root, Fr::ONE, half));
        (half, root) = (half / 2, root.square());
    }
    twiddles
}

/// From values in their order to coefficients, their numbers' bits reversed; `size` times as large.
fn decimate<M: Words>(machine: M, values: &mut [Words4], twiddles: &[Words4]) {
    let half = values.len() / 2;
    if values.len() <= PIECE {
        let mut half = half;
        while half > 0 {
            for values in values.chunks_exact_mut(2 * half) {
                let (low, high) = values.split_at_mut(half);
                apart(machine, low, high, &twiddles[half..2 * half]);
            }
            half /= 2;
        }
        return;
    }
    let (low, high) = values.split_at_mut(half);
    layer(
        low,
        high,
        &twiddles[half..2 * half],
        |low, high, twiddles| {
            apart(machine, low, high, twiddles);
        },
    );
    both(low, high, |values| decimate(machine, values, twiddles));
}

/// The inverse of [`decimate`] with the inverse twiddles, but for the factor.
fn join<M: Words>(machine: M, values: &mut [Words4], twiddles: &[Words4]) {
    let size = values.len();
    if size <= PIECE {
        let mut half = 1;
        while half < size {
            for values in values.chunks_exact_mut(2 * half) {
                let (low, high) = values.split_at_mut(half);
                together(machine, low, high, &twiddles[half..2 * half]);
            }
            half *= 2;
        }
        return;
    }
    let half = size / 2;
    let (low, high) = values.split_at_mut(half);
    both(low, high, |values| join(machine, values, twiddles));
    layer(
        low,
        high,
        &twiddles[half..2 * half],
        |low, high, twiddles| {
            together(machine, low, high, twiddles);
        },
    );
}

/// Both halves, on two threads where they are large.
fn both(low: &mut [Words4], high: &mut [Words4], f: impl Fn(&mut [Words4]) + Sync) {
    if low.len() < SHARED {
        f(low);
        f(high);
    } else {
        rayon::join(|| f(low), || f(high));
    }
}

/// A layer in parts.
fn layer(
    low: &mut [Words4],
    high: &mut [Words4],
    twiddles: &[Words4],
    f: impl Fn(&mut [Words4], &mut [Words4], &[Words4]) + Sync,
) {
    if low.len() < SHARED {
        return f(low, high, twiddles);
    }
    low.par_chunks_mut(GRAIN)
        .zip(high.par_chunks_mut(GRAIN))
        .zip(twiddles.par_chunks(GRAIN))
        .for_each(|((low, high), twiddles)| f(low, high, twiddles));
}

/// `x + y` and `(x - y) w`.
fn apart<M: Words>(machine: M, low: &mut [Words4], high: &mut [Words4], twiddles: &[Words4]) {
    let word = |words: &Words4| Word::<M, FrConfig>::new(machine, *words);
    for ((low, high), twiddle) in low.iter_mut().zip(high).zip(twiddles) {
        let (x, y) = (word(low), word(high));
        *low = x.add(y).words();
        *high = x.sub(y).mul(word(twiddle)).words();
    }
}

/// `x + w y` and `x - w y`.
fn together<M: Words>(machine: M, low: &mut [Words4], high: &mut [Words4], twiddles: &[Words4]) {
    let word = |words: &Words4| Word::<M, FrConfig>::new(machine, *words);
    for ((low, high), twiddle) in low.iter_mut().zip(high).zip(twiddles) {
        let (x, y) = (word(low), word(high).mul(word(twiddle)));
        *low = x.add(y).words();
        *high = x.sub(y).words();
    }
}
