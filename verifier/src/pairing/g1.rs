//! Sums in G1, the curve y^2 = x^3 + 3 over the base field.

use super::fq::Fq;
use crate::G1Affine;
use alloc::vec::Vec;
use ark_bn254::G1Projective;
use ark_ec::AffineRepr;

/// `(x, y)`, or infinity where both are zero.
#[derive(Clone, Copy, Debug)]
struct Affine {
    x: Fq,
    y: Fq,
}

/// `(x / z^2, y / z^3)`, or infinity where z is zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct G1 {
    x: Fq,
    y: Fq,
    z: Fq,
}

impl G1 {
    fn infinity() -> Self {
        let one = Fq::one();
        let (x, y, z) = (one, one, Fq::ZERO);
        Self { x, y, z }
    }

    fn is_infinity(&self) -> bool {
        self.z == Fq::ZERO
    }

    /// `2^64` times the point.
    pub(crate) fn next_word(&self) -> Self {
        (0..64).fold(*self, |point, _| point.double())
    }

    /// Twice the point ("dbl-2009-l" of the Explicit-Formulas Database, Jacobian coordinates, a = 0). There
    /// is no point of order two, as the group's order is odd.
    fn double(&self) -> Self {
        let (xx, yy) = (self.x.square(), self.y.square());
        let yyyy = yy.square();
        let d = (self.x * yy).double().double();
        let e = xx.double() + xx;
        let x = e.square() - d.double();
        let y = e * (d - x) - yyyy.double().double().double();
        let z = (self.y * self.z).double();
        Self { x, y, z }
    }

    /// The sum ("madd-2004-hmv" of the same), where the points are equal, opposite or infinite too.
    fn plus(&self, other: &Affine) -> Self {
        if self.is_infinity() {
            return (*other).into();
        }
        if other.is_infinity() {
            return *self;
        }
        let zz = self.z.square();
        let h = other.x * zz - self.x;
        let r = other.y * (zz * self.z) - self.y;
        if h == Fq::ZERO {
            return if r == Fq::ZERO {
                self.double()
            } else {
                Self::infinity()
            };
        }
        let hh = h.square();
        let (hhh, v) = (h * hh, self.x * hh);
        let x = r.square() - hhh - v.double();
        // y = r (v - x) - y h^3
        let y = Fq::dot([&r, &self.y], [&(v - x), &-hhh]);
        let z = self.z * h;
        Self { x, y, z }
    }
}

/// The same points with z = 1.
fn normalize(points: &[G1]) -> Vec<Affine> {
    let mut inverses: Vec<Fq> = points.iter().map(|point| point.z).collect();
    Fq::invert(&mut inverses);
    let affine = points.iter().zip(inverses).map(|(point, inverse)| {
        let square = inverse.square();
        let (x, y) = (point.x * square, point.y * (square * inverse));
        Affine { x, y }
    });
    affine.collect()
}

impl Affine {
    fn is_infinity(&self) -> bool {
        self.y == Fq::ZERO
    }

    fn minus(&self) -> Self {
        Self {
            x: self.x,
            y: -self.y,
        }
    }
}

impl From<Affine> for G1 {
    fn from(point: Affine) -> Self {
        if point.is_infinity() {
            return Self::infinity();
        }
        let (x, y, z) = (point.x, point.y, Fq::one());
        Self { x, y, z }
    }
}

impl From<G1Affine> for G1 {
    fn from(point: G1Affine) -> Self {
        point.into_group().into()
    }
}

impl From<G1Projective> for G1 {
    fn from(point: G1Projective) -> Self {
        Self {
            x: point.x.into(),
            y: point.y.into(),
            z: point.z.into(),
        }
    }
}

impl From<G1> for G1Projective {
    fn from(G1 { x, y, z }: G1) -> Self {
        Self::new_unchecked(x.into(), y.into(), z.into())
    }
}

/// 1, 3, 5 .. 2^(W - 1) - 1 times a point, for multiples of it.
#[derive(Clone, Debug)]
pub(crate) struct Multiples<const W: usize>(Vec<Affine>);

/// Digits of a scalar of 128 bits, the last of which may be one place beyond it.
type Digits = [i8; 129];

impl<const W: usize> Multiples<W> {
    /// Of each point.
    pub(crate) fn of(points: &[G1]) -> Vec<Self> {
        let count = 1 << (W - 2);
        let doubles: Vec<G1> = points.iter().map(G1::double).collect();
        let mut all = Vec::with_capacity(points.len() * count);
        for (point, double) in points.iter().zip(normalize(&doubles)) {
            let odd = core::iter::successors(Some(*point), |last| Some(last.plus(&double)));
            all.extend(odd.take(count));
        }
        let all = normalize(&all);
        all.chunks(count).map(|odd| Self(odd.to_vec())).collect()
    }

    /// Adds `digit` times the point.
    fn add(&self, digit: i8, sum: &mut G1) {
        // The multiple d is entry (d - 1) / 2.
        let odd = |digit: i8| &self.0[usize::from(digit.unsigned_abs() / 2)];
        match digit.signum() {
            1 => *sum = sum.plus(odd(digit)),
            -1 => *sum = sum.plus(&odd(digit).minus()),
            _ => {}
        }
    }

    /// The scalar in digits 0, 1, -1, 3 .. 1 - 2^(W - 1), at most one of W not zero.
    fn digits(mut scalar: u128) -> Digits {
        let (mut digits, mut place) = ([0; 129], 0);
        while scalar != 0 {
            let zeros = scalar.trailing_zeros();
            (scalar, place) = (scalar >> zeros, place + zeros as usize);
            let low = (scalar & ((1 << W) - 1)) as i8;
            let negative = low >> (W - 1) & 1;
            digits[place] = low - (negative << W);
            (scalar, place) = ((scalar >> W) + negative as u128, place + W);
        }
        digits
    }

    /// `sum s_i P_i`, with one chain of doublings (Straus 1964).
    pub(crate) fn sum<'a>(terms: impl IntoIterator<Item = (&'a Self, u128)>) -> G1 {
        let terms = terms.into_iter();
        let terms: Vec<_> = terms
            .map(|(odd, scalar)| (odd, Self::digits(scalar)))
            .collect();
        let mut sum = G1::infinity();
        for place in (0..129).rev() {
            if !sum.is_infinity() {
                sum = sum.double();
            }
            for (odd, digits) in &terms {
                odd.add(digits[place], &mut sum);
            }
        }
        sum
    }
}

/// A point `(X, Y)` as lines are evaluated at it: `(X / Y, 1 / Y)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluation {
    pub(super) x_over_y: Fq,
    pub(super) one_over_y: Fq,
}

impl Evaluation {
    /// Of each point but infinity. There is none with Y = 0, as it would be of order two.
    pub(crate) fn of(points: &[G1]) -> Vec<Option<Self>> {
        let mut inverses: Vec<Fq> = points.iter().map(|point| point.y).collect();
        Fq::invert(&mut inverses);
        let evaluations = points.iter().zip(inverses).map(|(point, inverse)| {
            // (x / z^2) / (y / z^3), and z^3 / y.
            let z_over_y = point.z * inverse;
            (!point.is_infinity()).then(|| Self {
                x_over_y: point.x * z_over_y,
                one_over_y: point.z.square() * z_over_y,
            })
        });
        evaluations.collect()
    }
}
