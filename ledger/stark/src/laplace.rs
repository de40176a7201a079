//! The discrete Laplace distribution, by which a count becomes differentially private (the two-sided geometric mechanism of Ghosh,
//! Roughgarden and Sundararajan, STOC 2009; Canonne, Kamath and Steinke, arXiv 2004.00010, section 3).
//!
//! Noise `z` has probability `(1 - a) / (1 + a) a^|z|` with `a = exp(-epsilon)`, so what is at least `k > 0`, and what is at most
//! `-k`, has `a^k / (1 + a)`. A uniform number `u` of 64 bits gives noise by the inverse of its distribution: at most `-k` if
//! `u < T_k`, at least `k` if `2^64 - 1 - u < T_k`, where `T_k` is that probability times 2^64, rounded down. Noise for which
//! `T_k` is zero does not happen.
//!
//! All verifiers must have the same thresholds, so these are computed with integers: fractions of 96 bits. The series of `exp`
//! has less than 29 terms, each less than 2 units of 2^-96 wrong, and up to 64 products with `exp(-1)` leave `a` less than
//! 2^7 units wrong. Each `T_k / 2^64` is a product of at most 2^14 such factors, so before it is rounded down it is
//! less than 2^22 units, or 2^-74, wrong.
//!
//! **Privacy.** Thresholds that are rounded down from values 2^-74 wrong have the probability of each `z` other than 0 less than
//! `(1 + 2^-9) 2^-64` wrong, that of 0 and that of all that does not happen less than twice that. For `n` the greatest noise, the
//! total variation distance from the true distribution is half the sum, less than `(2n + 2) 2^-64 = t`. The true
//! distribution is `(epsilon, 0)`-differentially private for counts, so this one is `(epsilon, (1 + exp(epsilon)) t)`.

use crate::boxes::Interval;
use serde::{Deserialize, Serialize};

/// The greatest noise there may be.
const MAX_NOISE: usize = (1 << 14) - 1;
/// Bits of a fraction.
const FRACTION_BITS: u32 = 96;
const ONE: u128 = 1 << FRACTION_BITS;

/// How private an answer is, as a fraction: at its most, the logarithm of how much likelier any answer becomes by changing one
/// value (Dwork, McSherry, Nissim and Smith, TCC 2006). From 0.0027 to 44: for less, there is more noise than a table holds, and
/// for more there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epsilon {
    /// Above the line.
    pub numerator: u32,
    /// Below the line.
    pub denominator: u32,
}

impl Epsilon {
    /// The other parameter of differential privacy, `delta`: what any set of answers may be likelier by beyond that factor. An upper
    /// bound of what rounding and leaving out rare noise cost. Nothing if there is no noise for this epsilon.
    pub fn delta(&self) -> Option<f64> {
        let laplace = Laplace::new(*self)?;
        let epsilon = f64::from(self.numerator) / f64::from(self.denominator);
        let distance = (2 * laplace.greatest() + 2) as f64 * 2_f64.powi(-64);
        Some(((1.0 + epsilon.exp()) * distance).min(1.0))
    }
}

/// The distribution for one epsilon: `T_1`, `T_2` and so on, in descending order.
pub(crate) struct Laplace(Vec<u64>);

impl Laplace {
    /// Nothing if there would be no noise, or too much to have a table of.
    pub(crate) fn new(epsilon: Epsilon) -> Option<Self> {
        let a = exp_of_negative(epsilon)?;
        let mut tail = over_one_plus(a);
        let mut tails = Vec::new();
        loop {
            tail = times(tail, a);
            match (tail >> (FRACTION_BITS - 64)) as u64 {
                0 => break,
                _ if tails.len() == MAX_NOISE => return None,
                threshold => tails.push(threshold),
            }
        }
        (!tails.is_empty()).then_some(Self(tails))
    }

    /// The greatest noise; the least is its negative.
    pub(crate) fn greatest(&self) -> i64 {
        self.0.len() as i64
    }

    /// The noise that a uniform number of 64 bits gives.
    pub(crate) fn sample(&self, uniform: u64) -> i64 {
        let beyond = |u: u64| self.0.partition_point(|threshold| u < *threshold) as i64;
        // One of the two is zero, since no threshold is above 2^63.
        beyond(!uniform) - beyond(uniform)
    }

    /// The numbers that give each noise, its class being the noise plus the greatest.
    pub(crate) fn intervals(&self) -> Vec<Interval> {
        let noise = -self.greatest()..=self.greatest();
        let interval = |(class, noise): (usize, i64)| {
            let (start, end) = (self.below(noise), self.below(noise + 1));
            (start < end).then(|| Interval {
                first: start as u64,
                last: (end - 1) as u64,
                class: class as u64,
            })
        };
        noise.enumerate().filter_map(interval).collect()
    }

    /// How many numbers give less noise.
    fn below(&self, noise: i64) -> u128 {
        let tail = |k: i64| u128::from(self.0.get(k as usize - 1).copied().unwrap_or(0));
        if noise > 0 {
            (1 << 64) - tail(noise)
        } else {
            tail(1 - noise)
        }
    }
}

/// The product of two fractions, rounded down.
fn times(a: u128, b: u128) -> u128 {
    const HALF: u32 = FRACTION_BITS / 2;
    let halves = |of: u128| (of >> HALF, of & ((1 << HALF) - 1));
    let ((a1, a0), (b1, b0)) = (halves(a), halves(b));
    a1 * b1 + ((a1 * b0 + a0 * b1 + ((a0 * b0) >> HALF)) >> HALF)
}

/// `1 / (1 + a)`, by long division.
fn over_one_plus(a: u128) -> u128 {
    let (mut rest, mut quotient) = (ONE, 0);
    for _ in 0..FRACTION_BITS {
        rest <<= 1;
        quotient <<= 1;
        if rest >= ONE + a {
            rest -= ONE + a;
            quotient += 1;
        }
    }
    quotient
}

/// `exp(-epsilon)`; nothing, if epsilon is no number, 0, or so large that this is 0 anyway.
fn exp_of_negative(epsilon: Epsilon) -> Option<u128> {
    let (numerator, denominator) = (epsilon.numerator, epsilon.denominator);
    let whole = numerator.checked_div(denominator)?;
    if numerator == 0 || whole > 64 {
        return None;
    }
    let fraction = series(numerator % denominator, denominator);
    Some((0..whole).fold(fraction, |product, _| times(product, series(1, 1))))
}

/// The exponential series of a negative fraction that is not below -1.
fn series(numerator: u32, denominator: u32) -> u128 {
    let (mut term, mut sum) = (ONE, ONE);
    for number in 1.. {
        term = term * u128::from(numerator) / (u128::from(denominator) * number);
        if term == 0 {
            break;
        }
        if number % 2 == 1 {
            sum -= term;
        } else {
            sum += term;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laplace(numerator: u32, denominator: u32) -> Option<Laplace> {
        Laplace::new(Epsilon {
            numerator,
            denominator,
        })
    }

    #[test]
    fn thresholds_are_those_of_exact_arithmetic() {
        // By Python's decimal with 120 digits: how many there are, the first two, the sum, and the sum of each times its number.
        let exact = [
            (
                (1, 1),
                44,
                [4_961_093_570_831_980_853, 1_825_084_330_436_904_420],
                7_848_334_469_655_364_466_u128,
                12_415_882_318_714_414_562_u128,
            ),
            (
                (1, 10),
                437,
                [8_762_587_358_261_559_784, 7_928_716_920_563_929_625],
                92_080_176_655_701_960_798,
                967_609_061_831_642_661_657,
            ),
            (
                (1, 100),
                4367,
                [9_177_255_560_973_827_098, 9_085_940_342_415_765_521],
                922_321_831_578_090_941_364,
                92_694_112_673_843_450_197_395,
            ),
            (
                (7, 3),
                18,
                [1_630_686_221_637_142_119, 158_130_851_881_525_057],
                1_805_798_008_042_661_783,
                1_999_714_232_316_888_430,
            ),
            (
                (20, 1),
                2,
                [38_021_573_291, 78],
                38_021_573_369,
                38_021_573_447,
            ),
            (
                (u32::MAX, u32::MAX - 1),
                44,
                [4_961_093_569_987_539_030, 1_825_084_329_701_316_075],
                7_848_334_467_256_012_064,
                12_415_882_313_236_317_881,
            ),
        ];
        for ((numerator, denominator), count, first, sum, weighted) in exact {
            let Laplace(tails) = laplace(numerator, denominator).unwrap();
            let of = format!("epsilon {numerator}/{denominator}");
            assert_eq!((tails.len(), &tails[..2]), (count, &first[..]), "{of}");
            let tails = || tails.iter().copied().map(u128::from);
            assert_eq!(tails().sum::<u128>(), sum, "{of}");
            let each = tails().zip(1..).map(|(tail, number)| tail * number);
            assert_eq!(each.sum::<u128>(), weighted, "{of}");
        }
    }

    #[test]
    fn epsilon_has_bounds() {
        for (numerator, denominator) in [
            (0, 1),
            (1, 0),
            (0, 0),
            (45, 1),
            (65, 1),
            (u32::MAX, 1),
            (266, 100_000),
            (1, u32::MAX),
        ] {
            assert!(laplace(numerator, denominator).is_none());
        }
        assert_eq!(laplace(44, 1).unwrap().0, [1]);
        assert_eq!(laplace(27, 10_000).unwrap().greatest(), 16_173);
    }

    #[test]
    fn intervals_hold_all_numbers_and_give_the_noise_that_is_sampled() {
        for (numerator, denominator) in [(1, 1), (1, 100), (44, 1), (7, 3)] {
            let laplace = laplace(numerator, denominator).unwrap();
            let mut start = 0_u128;
            for interval in laplace.intervals() {
                assert_eq!(u128::from(interval.first), start);
                let noise = interval.class as i64 - laplace.greatest();
                let middle = interval.first + (interval.last - interval.first) / 2;
                for uniform in [interval.first, middle, interval.last] {
                    assert_eq!(laplace.sample(uniform), noise);
                    assert_eq!(laplace.sample(!uniform), -noise);
                }
                start = u128::from(interval.last) + 1;
            }
            assert_eq!(start, 1 << 64);
        }
    }

    /// The sum over all noise of how much likelier it is than `exp(epsilon)` times its neighbour: what delta has to be at least.
    #[test]
    fn delta_bounds_what_the_thresholds_give() {
        // With exp(epsilon) times 2^60, rounded down.
        for (epsilon, exp) in [
            ((1, 1), 3_133_965_575_612_453_542_u128),
            ((1, 10), 1_274_175_317_715_506_074),
            ((1, 100), 1_164_508_558_363_076_220),
        ] {
            let epsilon = Epsilon {
                numerator: epsilon.0,
                denominator: epsilon.1,
            };
            let laplace = Laplace::new(epsilon).unwrap();
            let mass = |noise: i64| laplace.below(noise + 1) - laplace.below(noise);
            let noise = -laplace.greatest()..=laplace.greatest();
            let excess: u128 = noise
                .map(|z| (mass(z) << 60).saturating_sub(mass(z + 1) * exp))
                .sum();
            let actual = excess as f64 / 2_f64.powi(124);
            let bound = epsilon.delta().unwrap();
            println!("{epsilon:?}: {actual:e} of at most {bound:e}");
            assert!(actual > 0.0 && actual <= bound && bound < 1e-14);
        }
        let coarse = Epsilon {
            numerator: 44,
            denominator: 1,
        };
        assert_eq!(coarse.delta(), Some(1.0));
    }
}
