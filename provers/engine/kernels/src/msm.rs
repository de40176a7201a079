//! Sums of scalar multiples of the points of tables: Pippenger's buckets over all levels at once.

use crate::batch::Packed;
use crate::buckets::Buckets;
use crate::curve::{Curve, Vector};
use crate::digits;
use crate::plan::Plan;
use ark_bn254::Fr;
use ark_ec::short_weierstrass::Projective;
use ark_ff::AdditiveGroup;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use zeroize::Zeroizing;

/// Levels of points, and a scalar for each point.
pub(crate) struct Term<'a, C: Curve> {
    pub(crate) table: &'a [C::Packed],
    pub(crate) scalars: &'a [Fr],
}

/// Work for one thread at a time: some points of a term.
struct Portion {
    term: usize,
    points: Range<usize>,
}

/// The sum over all terms, on as many threads as the current pool has and the work is worth.
pub(crate) fn sum<V: Vector>(
    machine: V::Machine,
    plan: Plan,
    terms: &[Term<'_, V::Curve>],
) -> Projective<V::Curve> {
    let magnitudes: Vec<Zeroizing<Vec<[u64; 4]>>> = terms
        .iter()
        .map(|term| {
            Zeroizing::new(
                term.scalars
                    .par_iter()
                    .with_min_len(1024)
                    .map(digits::magnitude)
                    .collect(),
            )
        })
        .collect();
    let digits: usize = magnitudes
        .iter()
        .flat_map(|magnitudes| magnitudes.iter())
        .map(|magnitude| digits::reach(magnitude, plan.window_bits) as usize)
        .sum();
    // Each thread has buckets of its own, which take two additions each at the end.
    let buckets = plan.sets as usize * plan.buckets();
    let threads = rayon::current_num_threads().min(digits / (4 * buckets) + 1);
    let portions = portions(
        plan,
        &magnitudes,
        digits
            .div_ceil(threads)
            .min((DIGITS_A_BUCKET * buckets).max(DIGITS)),
    );
    let next = AtomicUsize::new(0);
    (0..threads)
        .into_par_iter()
        .with_max_len(1)
        .map(|_| {
            let mut buckets: Option<Buckets<V>> = None;
            while let Some(portion) = portions.get(next.fetch_add(1, Ordering::Relaxed)) {
                let buckets = buckets.get_or_insert_with(|| {
                    Buckets::new(machine, plan.sets as usize * plan.buckets())
                });
                let levels = plan.levels as usize;
                let points = portion.points.clone();
                fill(plan, &magnitudes[portion.term][points.clone()], buckets);
                buckets.add(&terms[portion.term].table[points.start * levels..points.end * levels]);
            }
            buckets.map_or(Projective::ZERO, |buckets| weigh(plan, buckets))
        })
        .reduce(|| Projective::ZERO, |a, b| a + b)
}

/// Digits that a bucket gets at a time, on average, and that all get, at least: enough to make up for
/// reading and writing the buckets and for the last steps of a batch, in which few of them take part.
const DIGITS_A_BUCKET: usize = 16;
const DIGITS: usize = 1 << 18;

/// Cuts terms into portions of about so many digits.
fn portions(plan: Plan, magnitudes: &[Zeroizing<Vec<[u64; 4]>>], digits: usize) -> Vec<Portion> {
    let mut portions = Vec::new();
    for (term, magnitudes) in magnitudes.iter().enumerate() {
        let (mut start, mut sum) = (0, 0);
        for (i, magnitude) in magnitudes.iter().enumerate() {
            sum += digits::reach(magnitude, plan.window_bits) as usize;
            if sum >= digits {
                portions.push(Portion {
                    term,
                    points: start..i + 1,
                });
                (start, sum) = (i + 1, 0);
            }
        }
        if sum != 0 {
            portions.push(Portion {
                term,
                points: start..magnitudes.len(),
            });
        }
    }
    portions
}

/// Notes the digits of some scalars.
fn fill<V: Vector>(plan: Plan, magnitudes: &[[u64; 4]], buckets: &mut Buckets<V>) {
    let per_set = plan.buckets() as u32;
    let reach = |magnitude| digits::reach(magnitude, plan.window_bits) as usize;
    buckets.reserve(magnitudes.iter().map(reach).sum());
    for (i, magnitude) in magnitudes.iter().enumerate() {
        let mut index = i as u32 * plan.levels;
        let (mut set, end) = (0, plan.sets * per_set);
        digits::each(magnitude, plan.window_bits, |absolute, negative| {
            if absolute != 0 {
                buckets.push(set + absolute - 1, index, negative);
            }
            set += per_set;
            if set == end {
                (set, index) = (0, index + 1);
            }
        });
    }
}

/// Some buckets whose sum is wanted, each weighted by its number, or that plus one, times a power of 2.
struct Part {
    start: usize,
    bits: u32,
    shift: u32,
    from_one: bool,
}

/// Parts of so few bits are summed up one by one.
const LAST_BITS: u32 = 3;

/// The sum of `i` times bucket `i` (from 1) of each set, times `2^(window_bits * set)`.
///
/// With `i = 2^k a + b`, that is `2^k` times the sum of `a` times row `a`, and the sum of `b` times
/// column `b`: two additions a bucket, all independent, and two parts of half the bits to go on with.
fn weigh<V: Vector>(plan: Plan, mut buckets: Buckets<V>) -> Projective<V::Curve> {
    let mut parts: Vec<Part> = (0..plan.sets)
        .map(|set| Part {
            start: set as usize * plan.buckets(),
            bits: plan.window_bits - 1,
            shift: set * plan.window_bits,
            from_one: true,
        })
        .collect();
    while parts.iter().any(|part| part.bits > LAST_BITS) {
        let (mut halves, mut end) = (Vec::new(), 0);
        let mut part_of = |bits, shift, from_one| {
            halves.push(Part {
                start: end,
                bits,
                shift,
                from_one,
            });
            end += 1 << bits;
            halves[halves.len() - 1].start as u32
        };
        let mut moves = Vec::new();
        for part in &parts {
            let low = part.bits.div_ceil(2);
            let columns = part_of(low, part.shift, part.from_one);
            let rows = part_of(part.bits - low, part.shift + low, false);
            moves.push((part, low, columns, rows));
        }
        let infinity = V::Curve::INFINITY;
        let sums = buckets.replace(end);
        buckets.reserve(2 * sums.len());
        for (part, low, columns, rows) in moves {
            for i in 0..1u32 << part.bits {
                let index = part.start as u32 + i;
                if sums[index as usize].as_ref() == infinity.as_ref() {
                    continue;
                }
                buckets.push(columns + (i & ((1 << low) - 1)), index, false);
                // Row 0 has no weight.
                if i >> low != 0 {
                    buckets.push(rows + (i >> low), index, false);
                }
            }
        }
        buckets.add(&sums);
        parts = halves;
    }
    parts.sort_by_key(|part| part.shift);
    let (mut result, mut shift) = (
        Projective::<V::Curve>::ZERO,
        parts.last().map_or(0, |part| part.shift),
    );
    for part in parts.iter().rev() {
        (part.shift..shift).for_each(|_| {
            result.double_in_place();
        });
        shift = part.shift;
        result += weigh_one_by_one::<V>(part, &buckets.sums()[part.start..][..1 << part.bits]);
    }
    (0..shift).for_each(|_| {
        result.double_in_place();
    });
    result
}

/// Running sums from the last bucket down: bucket `i` is in `i` of them, or `i + 1`.
fn weigh_one_by_one<V: Vector>(part: &Part, sums: &[Packed<V>]) -> Projective<V::Curve> {
    let (mut running, mut total) = (Projective::<V::Curve>::ZERO, Projective::<V::Curve>::ZERO);
    for sum in sums[usize::from(!part.from_one)..].iter().rev() {
        running += V::Curve::unpack(sum, V::RADIX);
        total += running;
    }
    total
}
