//! Miller's loop of the optimal ate pairing on BN curves (Vercauteren, eprint 2008/096, section IV): for
//! P in G1 and Q in G2 the value at P of the lines that lead from Q to (6 x + 2) Q, and from there by
//! pi(Q) and -pi^2(Q) back to infinity.
//!
//! Lines may be multiplied by anything in a proper subfield of Fq12, as the final exponentiation makes 1
//! of that. So those at P = (X, Y) are divided by Y, and those of fixed points by their `l_0` too.

use super::fq2::Fq2;
use super::fq12::{Fq12, Line};
use super::g1::Evaluation;
use crate::G2Affine;
use alloc::vec::Vec;
use ark_bn254::{Config, g2};
use ark_ec::AffineRepr;
use ark_ec::bn::BnConfig;
use ark_ec::short_weierstrass::SWCurveConfig;

/// The lines through the multiples of a fixed point of G2, divided by their `l_0`: `(l_1, l_3)`.
/// None for infinity.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Vec<[Fq2; 2]>);

/// A point of G2 that is not infinity.
#[derive(Clone, Copy, Debug)]
struct Point {
    x: Fq2,
    y: Fq2,
}

/// What happens to the multiple T of Q.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// T becomes 2 T, and the value is squared.
    Double,
    /// T becomes T + Q.
    Add,
    /// T becomes T - Q.
    Subtract,
    /// T becomes T + pi(Q).
    AddImage,
    /// T becomes T - pi^2(Q).
    SubtractSecondImage,
}

/// T = 6 x + 2 times Q by signed digits, and then the two images.
fn steps() -> impl Iterator<Item = Step> {
    let digits = Config::ATE_LOOP_COUNT.iter().rev().skip(1);
    let digits = digits.flat_map(|digit| {
        let add = match digit {
            0 => None,
            1 => Some(Step::Add),
            _ => Some(Step::Subtract),
        };
        [Some(Step::Double), add].into_iter().flatten()
    });
    digits.chain([Step::AddImage, Step::SubtractSecondImage])
}

/// A multiple of a point, `(x / z, y / z)`, on its way.
struct Walk {
    q: Point,
    x: Fq2,
    y: Fq2,
    z: Fq2,
}

impl Walk {
    fn new(q: Point) -> Self {
        Self {
            q,
            x: q.x,
            y: q.y,
            z: Fq2::one(),
        }
    }

    /// Takes a step; the line through the two points (or the tangent), up to a factor in Fq2.
    fn step(&mut self, step: Step, three_b: &Fq2) -> Line {
        match step {
            Step::Double => self.double(three_b),
            Step::Add => self.add(self.q),
            Step::Subtract => self.add(self.q.minus()),
            Step::AddImage => self.add(self.q.image()),
            Step::SubtractSecondImage => self.add(self.q.image().image().minus()),
        }
    }

    /// Costello, Lange, Naehrig, PKC 2010, section 5, as in Aranha et al., EUROCRYPT 2011, equation 11,
    /// all coordinates times 4, so that nothing is halved. `three_b` is that of the twist.
    fn double(&mut self, three_b: &Fq2) -> Line {
        let (xx, b, c) = (self.x.square(), self.y.square(), self.z.square());
        let (xy, yz) = (self.x * self.y, (self.y * self.z).double());
        let e = *three_b * c;
        let f = e.double() + e;
        let (minus_6e, sum) = (-f.double(), b + f);
        self.x = xy.double() * (b - f);
        self.y = Fq2::dot([&sum, &e.double()], [&sum, &minus_6e]);
        self.z = (b * yz).double().double();
        Line([-yz, xx.double() + xx, e - b])
    }

    /// Mixed addition in the same coordinates (same papers).
    fn add(&mut self, q: Point) -> Line {
        let theta = self.y - q.y * self.z;
        let lambda = self.x - q.x * self.z;
        let minus_lambda = -lambda;
        let d = lambda.square();
        let (e, g) = (lambda * d, self.x * d);
        let h = e + self.z * theta.square() - g.double();
        self.x = lambda * h;
        self.y = Fq2::dot([&theta, &-e], [&(g - h), &self.y]);
        self.z = self.z * e;
        let l3 = Fq2::dot([&theta, &minus_lambda], [&q.x, &q.y]);
        Line([lambda, -theta, l3])
    }
}

impl Point {
    fn new(point: &G2Affine) -> Option<Self> {
        let (x, y) = point.xy()?;
        Some(Self {
            x: x.into(),
            y: y.into(),
        })
    }

    fn minus(self) -> Self {
        Self {
            x: self.x,
            y: -self.y,
        }
    }

    /// The image under Frobenius, carried over to the twist.
    fn image(self) -> Self {
        Self {
            x: self.x.conjugate() * Config::TWIST_MUL_BY_Q_X.into(),
            y: self.y.conjugate() * Config::TWIST_MUL_BY_Q_Y.into(),
        }
    }
}

fn three_b() -> Fq2 {
    let b = Fq2::from(g2::Config::COEFF_B);
    b.double() + b
}

impl Lines {
    pub(crate) fn new(point: &G2Affine) -> Self {
        let Some(q) = Point::new(point) else {
            return Self(Vec::new());
        };
        let (mut walk, three_b) = (Walk::new(q), three_b());
        let lines: Vec<Line> = steps().map(|step| walk.step(step, &three_b)).collect();
        // Not zero for a point of order r: no T is of order two, or meets itself or its opposite.
        let mut inverses: Vec<Fq2> = lines.iter().map(|Line([l0, ..])| *l0).collect();
        Fq2::invert(&mut inverses);
        let lines = lines.iter().zip(inverses);
        Self(
            lines
                .map(|(Line([_, l1, l3]), inverse)| [*l1 * inverse, *l3 * inverse])
                .collect(),
        )
    }
}

/// The product of the values of all pairs; those with infinity have none. The points of G2 whose lines are
/// made beforehand come first, then those that are walked through here.
pub(crate) fn miller(
    fixed: &[(Option<Evaluation>, &Lines)],
    moving: &[(Option<Evaluation>, &G2Affine)],
) -> Fq12 {
    let fixed = fixed.iter().filter(|(_, lines)| !lines.0.is_empty());
    let fixed: Vec<_> = fixed
        .filter_map(|(p, lines)| Some(((*p)?, &lines.0)))
        .collect();
    let moving = moving
        .iter()
        .filter_map(|(p, q)| Some(((*p)?, Walk::new(Point::new(q)?))));
    let mut moving: Vec<_> = moving.collect();
    let three_b = three_b();
    let mut value = Fq12::one();
    for (index, step) in steps().enumerate() {
        if matches!(step, Step::Double) {
            value = value.square();
        }
        for (p, lines) in &fixed {
            let [l1, l3] = &lines[index];
            value = value.times_unit_line(&[l1.scale(&p.x_over_y), l3.scale(&p.one_over_y)]);
        }
        for (p, walk) in &mut moving {
            let Line([l0, l1, l3]) = walk.step(step, &three_b);
            let line = Line([l0, l1.scale(&p.x_over_y), l3.scale(&p.one_over_y)]);
            value = value.times_line(&line);
        }
    }
    value
}
