//! Points of BabyJubJub in constraints, in twisted Edwards coordinates, `a x^2 + y^2 = 1 + d x^2 y^2`.
//!
//! The addition law is complete, as a is a square and d is not (Bernstein, Lange, "Faster addition and doubling on elliptic
//! curves", eprint 2007/286, theorem 3.3; Bernstein and others, "Twisted Edwards curves", eprint 2008/013, section 6): on points of
//! the curve no denominator is zero and every quotient is unique, whether the points are equal, opposite or of low order. Hence
//! there are no special cases.

use ark_bn254::Fr;
use ark_ec::twisted_edwards::{Projective, TECurveConfig};
use ark_ec::{AdditiveGroup, AffineRepr, CurveGroup};
use ark_ff::One;

use crate::babyjub::{BabyJubjub, Point};
use crate::builder::{Builder, Num, Terms};

const A: Fr = <BabyJubjub as TECurveConfig>::COEFF_A;
const D: Fr = <BabyJubjub as TECurveConfig>::COEFF_D;

/// A point in constraints. Nothing holds it to the curve by itself.
#[derive(Clone)]
pub(crate) struct PointVar<T> {
    pub(crate) x: Num<T>,
    pub(crate) y: Num<T>,
}

impl<T: Terms> PointVar<T> {
    /// New variables, in no constraint yet.
    pub(crate) fn private(b: &mut Builder<T>, point: &Point) -> Self {
        Self {
            x: b.private(point.x),
            y: b.private(point.y),
        }
    }

    pub(crate) fn negated(&self) -> Self {
        Self {
            x: -&self.x,
            y: self.y.clone(),
        }
    }

    /// Constrains the point to lie on the curve: 3 constraints.
    pub(crate) fn on_curve(&self, b: &mut Builder<T>) {
        let (xx, yy) = (b.mul(&self.x, &self.x), b.mul(&self.y, &self.y));
        let left = &Num::sum([(A, &xx), (Fr::one(), &yy)]) + -Fr::one();
        b.enforce(&(&xx * D), &yy, &left);
    }

    /// The coordinates as values.
    pub(crate) fn value(&self) -> Point {
        Point::new_unchecked(self.x.value, self.y.value)
    }

    /// `self + other`, for any two points of the curve: 6 constraints.
    pub(crate) fn add(&self, b: &mut Builder<T>, other: &Self) -> Self {
        let sum = self.value() + other.value();
        self.add_known(b, other, &normalized(&[sum])[0])
    }

    /// `2 self`, for any point of the curve: 5 constraints.
    pub(crate) fn double(&self, b: &mut Builder<T>) -> Self {
        let double = self.value().into_group().double();
        self.double_known(b, &normalized(&[double])[0])
    }

    /// [`Self::add`], whose value is known to be `sum`.
    pub(crate) fn add_known(&self, b: &mut Builder<T>, other: &Self, sum: &Point) -> Self {
        let sum = Self::private(b, sum);
        self.add_to(b, other, &sum);
        sum
    }

    /// Constrains `self + other = sum`, for any two points of the curve: 6 constraints.
    ///
    /// x3 (1 + d t) = b + g, y3 (1 - d t) = (y1 - a x1)(x2 + y2) + a b - g with b = x1 y2, g = y1 x2, t = b g.
    pub(crate) fn add_to(&self, b: &mut Builder<T>, other: &Self, sum: &Self) {
        let beta = b.mul(&self.x, &other.y);
        let gamma = b.mul(&self.y, &other.x);
        let delta = b.mul(
            &Num::sum([(Fr::one(), &self.y), (-A, &self.x)]),
            &(&other.x + &other.y),
        );
        let tau = b.mul(&beta, &gamma);
        let y = Num::sum([(Fr::one(), &delta), (A, &beta), (-Fr::one(), &gamma)]);
        b.enforce(&sum.x, &(&(&tau * D) + Fr::one()), &(&beta + &gamma));
        b.enforce(&sum.y, &(&(&tau * -D) + Fr::one()), &y);
    }

    /// `2 self`, whose value is known to be `double`.
    ///
    /// x3 (a x^2 + y^2) = 2 x y, y3 (2 - a x^2 - y^2) = y^2 - a x^2; the denominators are those of the addition, by the curve's
    /// equation.
    pub(crate) fn double_known(&self, b: &mut Builder<T>, double: &Point) -> Self {
        let xy = b.mul(&self.x, &self.y);
        let (xx, yy) = (b.mul(&self.x, &self.x), b.mul(&self.y, &self.y));
        let sum = Num::sum([(A, &xx), (Fr::one(), &yy)]);
        let difference = Num::sum([(-A, &xx), (Fr::one(), &yy)]);
        let rest = &-&sum + Fr::from(2);
        Self {
            x: b.quotient(double.x, &sum, &(&xy * Fr::from(2))),
            y: b.quotient(double.y, &rest, &difference),
        }
    }
}

/// Affine coordinates, with one inversion for all.
pub(crate) fn normalized(points: &[Projective<BabyJubjub>]) -> Vec<Point> {
    Projective::normalize_batch(points)
}
