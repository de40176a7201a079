//! Points of BabyJubJub in constraints, in Montgomery coordinates, `y^2 = x^3 + A x^2 + x` with A = 168698.
//!
//! An addition takes 3 constraints here instead of 6, and `2 P + Q` takes 5 instead of 11, but the formulas are those of chords and
//! tangents and do not hold for every pair of points. Each function says for which points it holds; its callers argue that theirs
//! are such. The neutral point has no coordinates here.
//!
//! The map from twisted Edwards coordinates is x = (1 + v) / (1 - v), y = x / u for a point (u, v), with the inverse u = x / y,
//! v = (x - 1) / (x + 1) (Bernstein and others, "Twisted Edwards curves", eprint 2008/013, section 3). It keeps sums. The only
//! point with y = 0 is (0, 0), which is (0, -1) over there: `x^2 + A x + 1` has no root, as its discriminant
//! (A - 2)(A + 2) = d a is no square. No point has x = -1, where y^2 would be A - 2 = d.

use ark_bn254::Fr;
use ark_ec::twisted_edwards::MontCurveConfig;
use ark_ff::{AdditiveGroup, Field, One, batch_inversion};

use crate::babyjub::{BabyJubjub, Point};
use crate::builder::{Builder, Num, Terms};
use crate::edwards::PointVar;

const A: Fr = <BabyJubjub as MontCurveConfig>::COEFF_A;

/// Montgomery coordinates as values.
#[derive(Clone, Copy)]
pub(crate) struct Coordinates {
    pub(crate) x: Fr,
    pub(crate) y: Fr,
}

/// The Montgomery coordinates of points in Edwards coordinates, with one inversion for all; zeros where there are none.
pub(crate) fn coordinates(points: &[Point]) -> Vec<Coordinates> {
    let mut inverses: Vec<Fr> = points.iter().map(|p| (Fr::one() - p.y) * p.x).collect();
    batch_inversion(&mut inverses);
    let convert = |(p, inverse): (&Point, Fr)| {
        let y = (Fr::one() + p.y) * inverse;
        Coordinates { x: y * p.x, y }
    };
    points.iter().zip(inverses).map(convert).collect()
}

/// A point in constraints. Nothing holds it to the curve by itself.
#[derive(Clone)]
pub(crate) struct MontgomeryVar<T> {
    pub(crate) x: Num<T>,
    pub(crate) y: Num<T>,
}

impl<T: Terms> MontgomeryVar<T> {
    fn private(b: &mut Builder<T>, value: Coordinates) -> Self {
        Self {
            x: b.private(value.x),
            y: b.private(value.y),
        }
    }

    /// The coordinates as values.
    pub(crate) fn value(&self) -> Coordinates {
        Coordinates {
            x: self.x.value,
            y: self.y.value,
        }
    }

    /// The point of the curve that `point` is in Edwards coordinates: 2 constraints.
    ///
    /// For points of odd order. The neutral one among them is refused: it would need 0 x = 2. The others have u != 0, as u = 0 is
    /// left only to (0, -1), of order 2.
    pub(crate) fn from_edwards(b: &mut Builder<T>, point: &PointVar<T>) -> Self {
        let value = coordinates(&[point.value()])[0];
        let one = Num::one();
        let x = b.quotient(value.x, &(&one - &point.y), &(&one + &point.y));
        let y = b.quotient(value.y, &point.x, &x);
        Self { x, y }
    }

    /// The same point in Edwards coordinates, which are known to be `value`: 2 constraints. For points of odd order.
    pub(crate) fn to_edwards(&self, b: &mut Builder<T>, value: &Point) -> PointVar<T> {
        PointVar {
            x: b.quotient(value.x, &self.y, &self.x),
            y: b.quotient(value.y, &(&self.x + Fr::one()), &(&self.x + -Fr::one())),
        }
    }

    /// `2 self`: 4 constraints. For points of odd order.
    pub(crate) fn double(&self, b: &mut Builder<T>) -> Self {
        let Coordinates { x, y } = self.value();
        let square = b.mul(&self.x, &self.x);
        let (three, two_a) = (Fr::from(3), A.double());
        let numerator = &Num::sum([(three, &square), (two_a, &self.x)]) + Fr::one();
        let slope = numerator.value * y.double().inverse().unwrap_or_default();
        let double_x = slope.square() - A - x.double();
        let slope = b.quotient(slope, &(&self.y * Fr::from(2)), &numerator);
        let double = Coordinates {
            x: double_x,
            y: slope.value * (x - double_x) - y,
        };
        let double = Self::private(b, double);
        let twice = &self.x * Fr::from(2);
        b.enforce(&slope, &slope, &(&(&double.x + &twice) + A));
        b.enforce(&slope, &(&self.x - &double.x), &(&double.y + &self.y));
        double
    }

    /// `self + other`, whose value is known to be `sum`, along the chord of this `slope`: 3 constraints. For points that are
    /// neither equal nor opposite.
    ///
    /// l (x2 - x1) = y2 - y1, l^2 = A + x1 + x2 + x3, l (x1 - x3) = y3 + y1. With x1 != x2 all are determined.
    pub(crate) fn add_known(
        &self,
        b: &mut Builder<T>,
        other: &Self,
        slope: Fr,
        sum: Coordinates,
    ) -> Self {
        let slope = b.quotient(slope, &(&other.x - &self.x), &(&other.y - &self.y));
        let sum = Self::private(b, sum);
        let roots = &(&(&self.x + &other.x) + &sum.x) + A;
        b.enforce(&slope, &slope, &roots);
        b.enforce(&slope, &(&self.x - &sum.x), &(&sum.y + &self.y));
        sum
    }

    /// `2 self + other`, whose value is known to be `sum`: 5 constraints. For points P = `self` and Q = `other` such that P is
    /// neither Q nor -Q, and Q neither 0 nor -2 P.
    ///
    /// The sum is (P + Q) + P, and the ordinate of P + Q is never needed (Eisentraeger, Lauter, Montgomery, "Fast elliptic curve
    /// arithmetic and improved Weil pairing evaluation", CT-RSA 2003). With the slopes l of P to Q and m of P to P + Q,
    /// and s = l + m:
    /// - l (xq - xp) = yq - yp and l^2 = A + xp + xq + x, where x is the abscissa of P + Q; xp != xq by the first condition;
    /// - m = (y - yp) / (x - xp) with y = l (xp - x) - yp, so s (xp - x) = 2 yp; xp = x would mean that P + Q is P or -P, which the
    ///   second condition excludes;
    /// - the abscissa m^2 - A - x - xp of the result is xq + m^2 - l^2, so s (s - 2 l) = x3 - xq;
    /// - m (xp - x3) = y3 + yp.
    pub(crate) fn double_add_known(
        &self,
        b: &mut Builder<T>,
        other: &Self,
        slopes: Slopes,
        sum: Coordinates,
    ) -> Self {
        let Slopes {
            chord,
            total,
            middle,
        } = slopes;
        let chord = b.quotient(chord, &(&other.x - &self.x), &(&other.y - &self.y));
        let middle = b.private(middle);
        let roots = &(&(&self.x + &other.x) + &middle) + A;
        b.enforce(&chord, &chord, &roots);
        let total = b.quotient(total, &(&self.x - &middle), &(&self.y * Fr::from(2)));
        let sum = Self::private(b, sum);
        let rest = Num::sum([(Fr::one(), &total), (-Fr::from(2), &chord)]);
        b.enforce(&total, &rest, &(&sum.x - &other.x));
        let second = &total - &chord;
        b.enforce(&second, &(&self.x - &sum.x), &(&sum.y + &self.y));
        sum
    }
}

/// The slopes of the chords from each first point to the second, with one inversion for all.
pub(crate) fn chords(pairs: &[[Coordinates; 2]]) -> Vec<Fr> {
    let mut slopes: Vec<Fr> = pairs.iter().map(|[p, q]| q.x - p.x).collect();
    batch_inversion(&mut slopes);
    for (slope, [p, q]) in slopes.iter_mut().zip(pairs) {
        *slope *= q.y - p.y;
    }
    slopes
}

/// What [`MontgomeryVar::double_add_known`] computes on the way from P and Q to 2 P + Q.
pub(crate) struct Slopes {
    /// l, of the chord from P to Q.
    chord: Fr,
    /// x, the abscissa of P + Q.
    middle: Fr,
    /// s, the sum of l and of the slope from P to P + Q.
    total: Fr,
}

/// For each pair of P and Q what the computation of 2 P + Q takes, with two inversions for all.
pub(crate) fn double_add_slopes(pairs: &[[Coordinates; 2]]) -> Vec<Slopes> {
    let chords = chords(pairs);
    let middles = pairs.iter().zip(&chords);
    let middles: Vec<Fr> = middles
        .map(|([p, q], chord)| chord.square() - A - p.x - q.x)
        .collect();
    let seconds = pairs.iter().zip(&middles);
    let mut totals: Vec<Fr> = seconds.map(|([p, _], middle)| p.x - middle).collect();
    batch_inversion(&mut totals);
    (0..pairs.len())
        .map(|i| Slopes {
            chord: chords[i],
            middle: middles[i],
            total: pairs[i][0].y.double() * totals[i],
        })
        .collect()
}
