//! Fq12 = Fq2\[w\] / (w^6 - xi), xi = 9 + u, and between the two Fq6 = Fq2\[v\] / (v^3 - xi), v = w^2.

use super::fq::Fq;
use super::fq2::Fq2;
use ark_bn254::{Fq6Config, Fq12Config};
use ark_ff::{Fp6Config, Fp12Config};
use core::array::from_fn;
use core::ops::Neg;

/// `sum f_i w^i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fq12(pub(super) [Fq2; 6]);

/// `sum c_i v^i`.
type Fq6 = [Fq2; 3];

/// The value of a line at a point, `l_0 + l_1 w + l_3 w^3`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line(pub(super) [Fq2; 3]);

impl Fq12 {
    pub(crate) fn one() -> Self {
        let mut one = [Fq2::ZERO; 6];
        one[0] = Fq2::one();
        Self(one)
    }

    /// `a_0 + a_1 w` for `a_0`, `a_1` in Fq6.
    fn halves(&self) -> (Fq6, Fq6) {
        let f = &self.0;
        ([f[0], f[2], f[4]], [f[1], f[3], f[5]])
    }

    fn from_halves(even: Fq6, odd: Fq6) -> Self {
        Self([even[0], odd[0], even[1], odd[1], even[2], odd[2]])
    }

    /// The square, by two products in Fq6 (complex squaring: Devegili et al., eprint 2006/471, section 3).
    pub(super) fn square(&self) -> Self {
        let (even, odd) = self.halves();
        let product = product(&even, &odd);
        let (sum, shifted) = (sum(&even, &odd), sum(&even, &times_v(&odd)));
        let both = self::product(&sum, &shifted);
        let shifted = times_v(&product);
        Self::from_halves(
            from_fn(|i| both[i] - product[i] - shifted[i]),
            product.map(Fq2::double),
        )
    }

    /// The product, by three products in Fq6 (Karatsuba).
    #[inline(never)]
    pub(crate) fn times(&self, other: &Self) -> Self {
        let ((a0, a1), (b0, b1)) = (self.halves(), other.halves());
        let (even, odd) = (product(&a0, &b0), product(&a1, &b1));
        let cross = product(&sum(&a0, &a1), &sum(&b0, &b1));
        Self::from_halves(
            sum(&even, &times_v(&odd)),
            from_fn(|i| cross[i] - even[i] - odd[i]),
        )
    }

    /// The product with a line: coefficient k is `f_k l_0 + f_(k-1) l_1 + f_(k-3) l_3`, as w^6 = xi.
    #[inline(never)]
    pub(super) fn times_line(&self, Line([l0, l1, l3]): &Line) -> Self {
        let f = &self.0;
        let (xi_l1, xi_l3) = (l1.times_xi(), l3.times_xi());
        Self(from_fn(|k| {
            let l1 = if k < 1 { &xi_l1 } else { l1 };
            let l3 = if k < 3 { &xi_l3 } else { l3 };
            Fq2::dot([&f[k], &f[(k + 5) % 6], &f[(k + 3) % 6]], [l0, l1, l3])
        }))
    }

    /// The product with a line whose `l_0` is 1.
    #[inline(never)]
    pub(super) fn times_unit_line(&self, [l1, l3]: &[Fq2; 2]) -> Self {
        let f = &self.0;
        let (xi_l1, xi_l3) = (l1.times_xi(), l3.times_xi());
        Self(from_fn(|k| {
            let l1 = if k < 1 { &xi_l1 } else { l1 };
            let l3 = if k < 3 { &xi_l3 } else { l3 };
            f[k] + Fq2::dot([&f[(k + 5) % 6], &f[(k + 3) % 6]], [l1, l3])
        }))
    }

    /// The p^6-th power.
    #[inline(never)]
    pub(super) fn conjugate(&self) -> Self {
        let [f0, f1, f2, f3, f4, f5] = self.0;
        Self([f0, -f1, f2, -f3, f4, -f5])
    }

    /// The p-th power: conjugates coefficients, and `w^(i p) = w^i xi^(i (p - 1) / 6)`.
    #[inline(never)]
    pub(super) fn frobenius(&self) -> Self {
        let w1 = Fq2::from(Fq12Config::FROBENIUS_COEFF_FP12_C1[1]);
        let w2 = Fq2::from(Fq6Config::FROBENIUS_COEFF_FP6_C1[1]);
        let w4 = Fq2::from(Fq6Config::FROBENIUS_COEFF_FP6_C2[1]);
        let [f0, f1, f2, f3, f4, f5] = self.0.map(|f| f.conjugate());
        Self([
            f0,
            f1 * w1,
            f2 * w2,
            f3 * (w1 * w2),
            f4 * w4,
            f5 * (w1 * w4),
        ])
    }

    /// The inverse, if there is one.
    pub(super) fn inverse(&self) -> Option<Self> {
        // 1 / (a + b w) = (a - b w) / (a^2 - b^2 v), and likewise with what remains in Fq6 and in Fq2.
        let (a, b) = self.halves();
        let (square, shifted) = (product(&a, &a), times_v(&product(&b, &b)));
        let [n0, n1, n2]: Fq6 = from_fn(|i| square[i] - shifted[i]);
        let conjugate = [
            n0 * n0 - (n1 * n2).times_xi(),
            (n2 * n2).times_xi() - n0 * n1,
            n1 * n1 - n0 * n2,
        ];
        let [c0, c1, c2] = &conjugate;
        let mut norm = [n0 * *c0 + Fq2::dot([&n1, &n2], [c2, c1]).times_xi()];
        if norm == [Fq2::ZERO] {
            return None;
        }
        Fq2::invert(&mut norm);
        let inverse = conjugate.map(|part| part * norm[0]);
        let minus = inverse.map(Fq2::neg);
        Some(Self::from_halves(
            product(&a, &inverse),
            product(&b, &minus),
        ))
    }

    /// The square of an element whose order divides p^4 - p^2 + 1 (Granger, Scott, PKC 2010, section 3.2):
    /// with f = a + b w + c w^2 over Fq4 = Fq2\[s\], s = w^3, and bars for s -> -s, it is
    /// `(3 a^2 - 2 bar a) + (3 s c^2 + 2 bar b) w + (3 b^2 - 2 bar c) w^2`.
    #[inline(never)]
    pub(super) fn cyclotomic_square(&self) -> Self {
        let f = &self.0;
        let (a0, a1) = square_in_fq4(&f[0], &f[3]);
        let (b0, b1) = square_in_fq4(&f[1], &f[4]);
        let (c0, c1) = square_in_fq4(&f[2], &f[5]);
        let minus = |square: Fq2, f: Fq2| (square - f).double() + square;
        let plus = |square: Fq2, f: Fq2| (square + f).double() + square;
        Self([
            minus(a0, f[0]),
            plus(c1.times_xi(), f[1]),
            minus(b0, f[2]),
            plus(a1, f[3]),
            minus(c0, f[4]),
            plus(b1, f[5]),
        ])
    }
}

/// `(a + b s)^2 = (a^2 + xi b^2) + 2 a b s`.
#[inline(never)]
fn square_in_fq4(a: &Fq2, b: &Fq2) -> (Fq2, Fq2) {
    let (xi_b, double) = (b.times_xi(), a.double());
    let minus = xi_b.im.minus_for_dot();
    let (sum, difference) = (a.re + a.im, a.re - a.im);
    let square = Fq2 {
        re: Fq::dot([&sum, &b.re, &b.im], [&difference, &xi_b.re, &minus]),
        im: Fq::dot([&double.re, &b.re, &b.im], [&a.im, &xi_b.im, &xi_b.re]),
    };
    (square, double * *b)
}

/// Each coefficient by one sum of three products (Longa, eprint 2022/367, section 3.2).
#[inline(never)]
fn product(a: &Fq6, b: &Fq6) -> Fq6 {
    let (xi_b1, xi_b2) = (b[1].times_xi(), b[2].times_xi());
    let a = [&a[0], &a[1], &a[2]];
    [
        Fq2::dot(a, [&b[0], &xi_b2, &xi_b1]),
        Fq2::dot(a, [&b[1], &b[0], &xi_b2]),
        Fq2::dot(a, [&b[2], &b[1], &b[0]]),
    ]
}

fn sum(a: &Fq6, b: &Fq6) -> Fq6 {
    from_fn(|i| a[i] + b[i])
}

fn times_v(a: &Fq6) -> Fq6 {
    [a[2].times_xi(), a[0], a[1]]
}

#[cfg(test)]
impl From<ark_bn254::Fq12> for Fq12 {
    fn from(element: ark_bn254::Fq12) -> Self {
        let half = |half: ark_bn254::Fq6| [half.c0, half.c1, half.c2].map(Fq2::from);
        Self::from_halves(half(element.c0), half(element.c1))
    }
}

#[cfg(test)]
impl From<Fq12> for ark_bn254::Fq12 {
    fn from(element: Fq12) -> Self {
        let half = |half: Fq6| {
            let [c0, c1, c2] = half.map(ark_bn254::Fq2::from);
            ark_bn254::Fq6::new(c0, c1, c2)
        };
        let (even, odd) = element.halves();
        Self::new(half(even), half(odd))
    }
}
