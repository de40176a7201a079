//! BabyJubJub, the twisted Edwards curve `a x^2 + y^2 = 1 + d x^2 y^2` over BN254's scalar field, a = 168700, d = 168696
//! ([EIP-2494](https://eips.ethereum.org/EIPS/eip-2494)), in circomlib's coordinates.
//!
//! a is a square and d is not, so the addition law is complete: it holds for every two points of the curve, equal, opposite or of
//! low order, and its denominators are never zero. Hence the gadgets need no special cases.

#![allow(
    unexpected_cfgs,
    reason = "MontConfig's expansion asks for a feature `asm` of this crate"
)]

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ec::twisted_edwards::{Affine, MontCurveConfig, Projective, TECurveConfig};
use ark_ec::{AdditiveGroup, AffineRepr, CurveConfig, CurveGroup};
use ark_ff::{BigInteger, Fp256, MontBackend, MontConfig, MontFp, One, PrimeField};

use crate::builder::{Builder, Num};

/// The curve's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BabyJubjub;

/// Configuration of [`Scalar`].
#[derive(MontConfig)]
#[modulus = "2736030358979909402780800718157159386076813972158567259200215660948447373041"]
#[generator = "31"]
pub struct ScalarConfig;

/// An integer modulo the order of the prime subgroup, a 251-bit prime.
pub type Scalar = Fp256<MontBackend<ScalarConfig, 4>>;

/// A pair of coordinates; on the curve unless it was made by `new_unchecked`.
pub type Point = Affine<BabyJubjub>;

impl CurveConfig for BabyJubjub {
    type BaseField = Fr;
    type ScalarField = Scalar;
    const COFACTOR: &'static [u64] = &[8];
    const COFACTOR_INV: Scalar =
        MontFp!("2394026564107420727433200628387514462817212225638746351800188703329891451411");
}

impl TECurveConfig for BabyJubjub {
    const COEFF_A: Fr = MontFp!("168700");
    const COEFF_D: Fr = MontFp!("168696");
    /// circomlib's `Base8`, 8 times EIP-2494's generator of the whole curve.
    const GENERATOR: Point = Point::new_unchecked(
        MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
        MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
    );
    type MontCurveConfig = Self;
}

impl MontCurveConfig for BabyJubjub {
    const COEFF_A: Fr = MontFp!("168698");
    const COEFF_B: Fr = MontFp!("1");
    type TECurveConfig = Self;
}

const A: Fr = <BabyJubjub as TECurveConfig>::COEFF_A;
const D: Fr = <BabyJubjub as TECurveConfig>::COEFF_D;

/// 32 bytes as circomlibjs' `packPoint`: y little-endian, the top bit set if x is above (r - 1) / 2.
pub fn pack_point(point: &Point) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&point.y.into_bigint().to_bytes_le());
    bytes[31] |= u8::from(point.x > -point.x) << 7;
    bytes
}

/// Inverse of [`pack_point`]; `None` unless `bytes` are what it returns for a point of the curve (which may be of low order).
pub fn unpack_point(bytes: &[u8; 32]) -> Option<Point> {
    let mut y = *bytes;
    y[31] &= 0x7f;
    let (small, large) = Point::get_xs_from_y_unchecked(Fr::from_le_bytes_mod_order(&y))?;
    let y = Fr::from_le_bytes_mod_order(&y);
    [small, large]
        .map(|x| Point::new_unchecked(x, y))
        .into_iter()
        .find(|point| pack_point(point) == *bytes)
}

/// A point in constraints. Nothing holds it to the curve by itself.
#[derive(Clone)]
pub(crate) struct PointVar {
    pub(crate) x: Num,
    pub(crate) y: Num,
}

impl PointVar {
    pub(crate) fn negated(&self) -> Self {
        Self {
            x: &self.x * -Fr::one(),
            y: self.y.clone(),
        }
    }

    /// Constrains the point to lie on the curve: 3 constraints.
    pub(crate) fn on_curve(&self, b: &mut Builder) {
        let (xx, yy) = (b.mul(&self.x, &self.x), b.mul(&self.y, &self.y));
        let left = &Num::sum([(A, &xx), (Fr::one(), &yy)]) + -Fr::one();
        b.enforce(&(&xx * D), &yy, &left);
    }

    /// The coordinates as values.
    fn value(&self) -> Point {
        Point::new_unchecked(self.x.value, self.y.value)
    }

    /// `self + other`, for any two points of the curve: 6 constraints.
    pub(crate) fn add(&self, b: &mut Builder, other: &Self) -> Self {
        let sum = self.value() + other.value();
        self.add_known(b, other, normalized(&[sum])[0])
    }

    /// `2 self`, for any point of the curve: 5 constraints.
    pub(crate) fn double(&self, b: &mut Builder) -> Self {
        let double = self.value().into_group().double();
        self.double_known(b, normalized(&[double])[0])
    }

    /// `self + other`, whose value is known to be `sum`.
    ///
    /// x3 (1 + d t) = b + g, y3 (1 - d t) = (y1 - a x1)(x2 + y2) + a b - g with b = x1 y2, g = y1 x2, t = b g.
    fn add_known(&self, b: &mut Builder, other: &Self, sum: Point) -> Self {
        let beta = b.mul(&self.x, &other.y);
        let gamma = b.mul(&self.y, &other.x);
        let delta = b.mul(
            &Num::sum([(Fr::one(), &self.y), (-A, &self.x)]),
            &(&other.x + &other.y),
        );
        let tau = b.mul(&beta, &gamma);
        let y = Num::sum([(Fr::one(), &delta), (A, &beta), (-Fr::one(), &gamma)]);
        Self {
            x: b.quotient(sum.x, &(&(&tau * D) + Fr::one()), &(&beta + &gamma)),
            y: b.quotient(sum.y, &(&(&tau * -D) + Fr::one()), &y),
        }
    }

    /// `2 self`, whose value is known to be `double`.
    ///
    /// x3 (a x^2 + y^2) = 2 x y, y3 (2 - a x^2 - y^2) = y^2 - a x^2; the denominators are those of the addition, by the curve's
    /// equation.
    fn double_known(&self, b: &mut Builder, double: Point) -> Self {
        let xy = b.mul(&self.x, &self.y);
        let (xx, yy) = (b.mul(&self.x, &self.x), b.mul(&self.y, &self.y));
        let sum = Num::sum([(A, &xx), (Fr::one(), &yy)]);
        let difference = Num::sum([(-A, &xx), (Fr::one(), &yy)]);
        let rest = &(&sum * -Fr::one()) + Fr::from(2);
        Self {
            x: b.quotient(double.x, &sum, &(&xy * Fr::from(2))),
            y: b.quotient(double.y, &rest, &difference),
        }
    }

    /// `2 k self`, where `bits` are those of k, least significant first and even in number, and `twice` is `2 self`.
    ///
    /// With digits e_i = 2 k_i - 1, which are 1 or -1, `2 k + 1 = 2^n + sum of 2^i e_i`: a Horner scheme that starts at `self` and
    /// adds or subtracts at every bit ends at `(2 k + 1) self`. Two bits are taken at a time: their digit is 3, 1, -1 or -3,
    /// negative unless the higher bit is set, and of size 3 if both bits are equal. 20 constraints a pair, and 12 more.
    pub(crate) fn mul_doubled(&self, b: &mut Builder, bits: &[Num], twice: &Self) -> Self {
        assert!(bits.len().is_multiple_of(2));
        let thrice = twice.add(b, self);
        let mut step = |pair: &[Num]| {
            let both = b.mul(&pair[0], &pair[1]);
            let differ = Num::sum([
                (Fr::one(), &pair[0]),
                (Fr::one(), &pair[1]),
                (-Fr::from(2), &both),
            ]);
            let x = b.select(&differ, &self.x, &thrice.x);
            let y = b.select(&differ, &self.y, &thrice.y);
            let sign = &(&pair[1] * Fr::from(2)) + -Fr::one();
            Self {
                x: b.mul(&sign, &x),
                y,
            }
        };
        let steps: Vec<Self> = bits.chunks_exact(2).rev().map(&mut step).collect();

        let mut sum = self.value().into_group();
        let mut horner = |step: &Self| {
            let (double, quadruple) = (sum.double(), sum.double().double());
            sum = quadruple + step.value();
            [double, quadruple, sum]
        };
        let known = normalized(&steps.iter().flat_map(&mut horner).collect::<Vec<_>>());
        let horner =
            steps
                .iter()
                .zip(known.chunks_exact(3))
                .fold(self.clone(), |sum, (step, known)| {
                    sum.double_known(b, known[0])
                        .double_known(b, known[1])
                        .add_known(b, step, known[2])
                });
        horner.add(b, &self.negated())
    }

    /// `k Base8`, where `bits` are those of k, least significant first, at most 252: 9 constraints for three bits.
    pub(crate) fn mul_base(b: &mut Builder, bits: &[Num]) -> Self {
        assert!(bits.len() <= 3 * BASE_WINDOWS.len());
        let mut step = |(bits, table): (&[Num], &[[Fr; 8]; 2])| {
            let bit = |i: usize| bits.get(i).cloned().unwrap_or_default();
            let both = b.mul(&bit(0), &bit(1));
            let half =
                |c: &[Fr]| &Num::sum([(c[1], &bit(0)), (c[2], &bit(1)), (c[3], &both)]) + c[0];
            let mut coordinate = |c: &[Fr; 8]| &b.mul(&bit(2), &half(&c[4..])) + &half(&c[..4]);
            Self {
                x: coordinate(&table[0]),
                y: coordinate(&table[1]),
            }
        };
        let mut steps = bits
            .chunks(3)
            .zip(&*BASE_WINDOWS)
            .map(&mut step)
            .collect::<Vec<_>>()
            .into_iter();
        let Some(first) = steps.next() else {
            return Self {
                x: Num::default(),
                y: Num::constant(Fr::one()),
            };
        };

        let sums = steps
            .as_slice()
            .iter()
            .scan(first.value().into_group(), |sum, step| {
                *sum += step.value();
                Some(*sum)
            });
        let known = normalized(&sums.collect::<Vec<_>>());
        steps
            .zip(known)
            .fold(first, |sum, (step, known)| sum.add_known(b, &step, known))
    }
}

/// Affine coordinates, with one inversion for all.
fn normalized(points: &[Projective<BabyJubjub>]) -> Vec<Point> {
    Projective::normalize_batch(points)
}

/// For each window i of three bits, the coordinates of `j 8^i Base8`, j = 0..8, as multilinear polynomials in the bits of j:
/// entry m is the coefficient of the product of the bits set in m.
static BASE_WINDOWS: LazyLock<Vec<[[Fr; 8]; 2]>> = LazyLock::new(|| {
    let mut step = BabyJubjub::GENERATOR.into_group();
    let window = |_| {
        let multiples: Vec<_> =
            std::iter::successors(Some(Point::zero().into_group()), |p| Some(*p + step))
                .take(9)
                .collect();
        step = multiples[8];
        let points = normalized(&multiples[..8]);
        [multilinear(|j| points[j].x), multilinear(|j| points[j].y)]
    };
    (0..84).map(window).collect()
});

/// The coefficients of the multilinear polynomial that takes the values `f(0..8)`.
fn multilinear(f: impl Fn(usize) -> Fr) -> [Fr; 8] {
    let mut c: [Fr; 8] = std::array::from_fn(f);
    for bit in [1, 2, 4] {
        for i in (0..8).filter(|i| i & bit != 0) {
            let low = c[i ^ bit];
            c[i] -= low;
        }
    }
    c
}
