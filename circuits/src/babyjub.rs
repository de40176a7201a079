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
use ark_ec::twisted_edwards::{Affine, MontCurveConfig, TECurveConfig};
use ark_ec::{AffineRepr, CurveConfig, CurveGroup};
use ark_ff::{BigInteger, Field, Fp256, MontBackend, MontConfig, MontFp, One, PrimeField};

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

    /// `self + other`, for any two points of the curve: 6 constraints.
    ///
    /// x3 (1 + d t) = b + g, y3 (1 - d t) = (y1 - a x1)(x2 + y2) + a b - g with b = x1 y2, g = y1 x2, t = b g.
    pub(crate) fn add(&self, b: &mut Builder, other: &Self) -> Self {
        let beta = b.mul(&self.x, &other.y);
        let gamma = b.mul(&self.y, &other.x);
        let delta = b.mul(
            &Num::sum([(Fr::one(), &self.y), (-A, &self.x)]),
            &(&other.x + &other.y),
        );
        let tau = b.mul(&beta, &gamma);
        let y = Num::sum([(Fr::one(), &delta), (A, &beta), (-Fr::one(), &gamma)]);
        Self::divide(
            b,
            [&beta + &gamma, y],
            [&(&tau * D) + Fr::one(), &(&tau * -D) + Fr::one()],
        )
    }

    /// `2 self`, for any point of the curve: 5 constraints.
    ///
    /// x3 (a x^2 + y^2) = 2 x y, y3 (2 - a x^2 - y^2) = y^2 - a x^2; the denominators are those of the addition, by the curve's
    /// equation.
    pub(crate) fn double(&self, b: &mut Builder) -> Self {
        let xy = b.mul(&self.x, &self.y);
        let (xx, yy) = (b.mul(&self.x, &self.x), b.mul(&self.y, &self.y));
        let sum = Num::sum([(A, &xx), (Fr::one(), &yy)]);
        let difference = Num::sum([(-A, &xx), (Fr::one(), &yy)]);
        let rest = &(&sum * -Fr::one()) + Fr::from(2);
        Self::divide(b, [&xy * Fr::from(2), difference], [sum, rest])
    }

    fn divide(b: &mut Builder, numerators: [Num; 2], denominators: [Num; 2]) -> Self {
        // One inversion for both.
        let [p, q] = [denominators[0].value, denominators[1].value];
        let inverse = (p * q).inverse().unwrap_or_default();
        let x = b.quotient(
            numerators[0].value * q * inverse,
            &denominators[0],
            &numerators[0],
        );
        let y = b.quotient(
            numerators[1].value * p * inverse,
            &denominators[1],
            &numerators[1],
        );
        Self { x, y }
    }

    /// `2 k self`, where `bits` are those of k, least significant first and even in number, and `twice` is `2 self`.
    ///
    /// With digits e_i = 2 k_i - 1, which are 1 or -1, `2 k + 1 = 2^n + sum of 2^i e_i`: a Horner scheme that starts at `self` and
    /// adds or subtracts at every bit ends at `(2 k + 1) self`. Two bits are taken at a time: their digit is 3, 1, -1 or -3,
    /// negative unless the higher bit is set, and of size 3 if both bits are equal. 20 constraints a pair, and 12 more.
    pub(crate) fn mul_doubled(&self, b: &mut Builder, bits: &[Num], twice: &Self) -> Self {
        let thrice = twice.add(b, self);
        let mut sum = self.clone();
        for pair in bits.chunks_exact(2).rev() {
            let both = b.mul(&pair[0], &pair[1]);
            let equal = &Num::sum([
                (Fr::from(2), &both),
                (-Fr::one(), &pair[0]),
                (-Fr::one(), &pair[1]),
            ]) + Fr::one();
            let x = b.select(&equal, &thrice.x, &self.x);
            let y = b.select(&equal, &thrice.y, &self.y);
            let sign = &(&pair[1] * Fr::from(2)) + -Fr::one();
            let step = Self {
                x: b.mul(&sign, &x),
                y,
            };
            sum = sum.double(b).double(b).add(b, &step);
        }
        sum.add(b, &self.negated())
    }

    /// `k Base8`, where `bits` are those of k, least significant first, at most 252: 9 constraints for three bits.
    pub(crate) fn mul_base(b: &mut Builder, bits: &[Num]) -> Self {
        let windows = bits.chunks(3).zip(&*BASE_WINDOWS);
        let mut sum: Option<Self> = None;
        for (bits, table) in windows {
            let bit = |i: usize| bits.get(i).cloned().unwrap_or_default();
            let both = b.mul(&bit(0), &bit(1));
            let mut coordinate = |c: &[Fr; 8]| {
                let half =
                    |c: &[Fr]| &Num::sum([(c[1], &bit(0)), (c[2], &bit(1)), (c[3], &both)]) + c[0];
                &b.mul(&bit(2), &half(&c[4..])) + &half(&c[..4])
            };
            let step = Self {
                x: coordinate(&table[0]),
                y: coordinate(&table[1]),
            };
            sum = Some(match sum {
                Some(sum) => sum.add(b, &step),
                None => step,
            });
        }
        sum.unwrap_or(Self {
            x: Num::default(),
            y: Num::constant(Fr::one()),
        })
    }
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
        let points = ark_ec::twisted_edwards::Projective::normalize_batch(&multiples[..8]);
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
