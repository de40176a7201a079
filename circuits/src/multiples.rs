//! Multiples of points in constraints.
//!
//! Both gadgets write the scalar with digits that are never zero, so that each digit adds a point or its negative, and add in
//! Montgomery coordinates. There a negative has the same x and the opposite y, and the sign needs no bit: `y^2 = Y^2` says that y is
//! Y or -Y, and `y / Y` *is* the sign, for Y != 0.
//!
//! The base has the prime order l, so a case is exceptional for the incomplete formulas only if a relation between the integers by
//! which it is multiplied holds modulo l. These integers are below l, so the relation would hold between the integers themselves,
//! where it evidently does not: see each gadget (and the "distinct-x theorem" in appendix A.3.3 of the Zcash protocol
//! specification, which argues alike). That is so for all digits that the constraints allow: it binds a dishonest prover as it
//! does an honest one, it assumes nothing about the base but its order, and it holds for every scalar. Where the integers come
//! close to l, the complete formulas take over.
//!
//! Halving the length of the scalars (Antipa and others, "Accelerated verification of ECDSA signatures", SAC 2005) would not
//! help: with 6 constraints a bit it saves some 250 of the multiple's, and costs more for proving the division modulo l.

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ec::twisted_edwards::{Projective, TECurveConfig};
use ark_ec::{AdditiveGroup, AffineRepr};
use ark_ff::{BigInteger, BigInteger256, Field, MontFp, One, PrimeField, Zero};

use crate::babyjub::{BabyJubjub, Point, Scalar};
use crate::builder::{Builder, Num, Terms};
use crate::edwards::{PointVar, normalized};
use crate::integers::digits_of;
use crate::montgomery::{Coordinates, MontgomeryVar, chords, coordinates, double_add_slopes};

/// Windows of three bits of a fixed base's scalar; two bits remain.
const WINDOWS: usize = 83;

/// 1 / 2.
const HALF: Fr =
    MontFp!("10944121435919637611123202872628637544274182200208017171849102093287904247809");

/// A window of the fixed base: the points `d 8^i Base8 / 2` for d = 1, 3, 5, 7. Functions of d are multilinear polynomials in two
/// bits, see [`multilinear`].
struct Window {
    /// In Edwards coordinates.
    points: [Point; 4],
    /// In Montgomery coordinates.
    coordinates: [Coordinates; 4],
    x: [Fr; 4],
    /// y squared.
    yy: [Fr; 4],
    /// d / y.
    size: [Fr; 4],
}

/// What the multiples of Base8 are put together from.
struct Base {
    windows: Vec<Window>,
    /// `(2^249 - 1 + 2^250 t) Base8 / 2` for t = 0, 1, 2, 3.
    top: [Point; 4],
}

static BASE: LazyLock<Base> = LazyLock::new(|| {
    let half = Scalar::from(2).inverse().unwrap_or_default();
    let mut unit = BabyJubjub::GENERATOR * half;
    let window = |_| {
        let double = unit.double();
        let odd = [
            unit,
            unit + double,
            unit + double.double(),
            unit + double.double() + double,
        ];
        let points: [Point; 4] = std::array::from_fn(|k| normalized(&odd)[k]);
        let coordinates: [Coordinates; 4] = std::array::from_fn(|k| coordinates(&points)[k]);
        unit = double.double().double();
        Window {
            points,
            coordinates,
            x: multilinear(|k| coordinates[k].x),
            yy: multilinear(|k| coordinates[k].y.square()),
            size: multilinear(|k| Fr::from(2 * k as u64 + 1) / coordinates[k].y),
        }
    };
    let windows = (0..WINDOWS).map(window).collect();
    // The unit is 2^249 Base8 / 2 by now.
    let lowest = unit - BabyJubjub::GENERATOR * half;
    let step = unit.double();
    let top = [
        lowest,
        lowest + step,
        lowest + step.double(),
        lowest + step.double() + step,
    ];
    Base {
        windows,
        top: std::array::from_fn(|t| normalized(&top)[t]),
    }
});

/// The coefficients of 1, p, q and p q in the multilinear polynomial with the values `f(p + 2 q)`.
fn multilinear(f: impl Fn(usize) -> Fr) -> [Fr; 4] {
    let f: [Fr; 4] = std::array::from_fn(f);
    [f[0], f[1] - f[0], f[2] - f[0], f[3] - f[2] - f[1] + f[0]]
}

/// 1, p, q and p q for new bits p and q of `k`: 3 constraints.
fn monomials<T: Terms>(b: &mut Builder<T>, k: usize) -> [Num<T>; 4] {
    let (p, q) = (b.bit(k & 1 == 1), b.bit(k & 2 == 2));
    let both = b.mul(&p, &q);
    [Num::one(), p, q, both]
}

/// `s Base8` for a new private integer `s` that is constrained to `[0, l)`: 727 constraints.
///
/// The lowest 249 bits of s are taken in windows of three. In window i stands t = 0..8, and the digit d = 2 t - 7 is odd; so
/// `sum of 8^i d_i` = 2 s' - (2^249 - 1) for these bits s' of s, and with t for the two top bits
/// `s Base8 = (sum of 8^i d_i) Base8 / 2 + (2^249 - 1 + 2^250 t) Base8 / 2`, where the half is taken modulo l.
///
/// A window costs 5 constraints and its addition 3. Two bits choose |d| and with it x and Y^2; `y^2 = Y^2` leaves the sign of d
/// open, and d = y (|d| / Y). No addition is exceptional: window i is added to the sum p of those below, |p| < 8^i <= |d 8^i| and
/// |p| + |d 8^i| < 8^(i+1) <= 2^249 < l, so p is not `d 8^i` or `-d 8^i` modulo l. The sum of all is odd and below 2^249 < l, so
/// it is no multiple of l and has Edwards coordinates, in which the last addition is complete.
pub(crate) fn base_multiple<T: Terms>(b: &mut Builder<T>, s: BigInteger256) -> PointVar<T> {
    let base = &*BASE;
    let bits = |i: usize, n: usize| {
        (0..n)
            .rev()
            .fold(0, |t, k| t << 1 | usize::from(s.get_bit(i + k)))
    };
    // |d| = 2 k + 1, and whether d is negative.
    let choice = |i| match bits(3 * i, 3) {
        t @ 4.. => (t - 4, false),
        t => (3 - t, true),
    };
    let choices: Vec<(usize, bool)> = (0..WINDOWS).map(choice).collect();

    let mut digits = vec![];
    let mut points = vec![];
    for (window, (k, negative)) in base.windows.iter().zip(&choices) {
        let m = monomials(b, *k);
        let y = window.coordinates[*k].y;
        let y = b.private(if *negative { -y } else { y });
        b.enforce(&y, &y, &Num::dot(&window.yy, &m));
        digits.push(b.mul(&y, &Num::dot(&window.size, &m)));
        points.push(MontgomeryVar {
            x: Num::dot(&window.x, &m),
            y,
        });
    }

    let mut sum = Projective::<BabyJubjub>::zero();
    let mut add = |(window, (k, negative)): (&Window, &(usize, bool))| {
        let point = window.points[*k];
        sum += if *negative { -point } else { point };
        sum
    };
    let sums: Vec<_> = base.windows.iter().zip(&choices).map(&mut add).collect();
    let sums = normalized(&sums);
    let known = coordinates(&sums);
    let pairs: Vec<_> = known
        .iter()
        .zip(&points[1..])
        .map(|(p, q)| [*p, q.value()])
        .collect();
    let mut multiple = points[0].clone();
    for ((point, slope), known) in points[1..].iter().zip(chords(&pairs)).zip(&known[1..]) {
        multiple = multiple.add_known(b, point, slope, *known);
    }
    let multiple = multiple.to_edwards(b, &sums[WINDOWS - 1]);

    let m = monomials(b, bits(3 * WINDOWS, 2));
    let top = PointVar {
        x: Num::dot(&multilinear(|t| base.top[t].x), &m),
        y: Num::dot(&multilinear(|t| base.top[t].y), &m),
    };

    // 2 s = sum of 8^i (d_i + 7) + 2^250 t, in digits of 30 bits.
    let digit = |d: &[Num<T>]| {
        let all = Fr::from((1u64 << (3 * d.len())) - 1);
        &(&Num::digits(Fr::from(8), d) + all) * HALF
    };
    let mut s: Vec<Num<T>> = digits.chunks(10).map(digit).collect();
    let (high, two) = (Fr::from(1u64 << 9), Fr::from(2));
    s[8] = &s[8] + &Num::sum([(high, &m[1]), (high * two, &m[2])]);
    let mut max = Scalar::MODULUS;
    max.sub_with_borrow(&1u64.into());
    let max: Vec<Num<T>> = digits_of(max, 30, 9)
        .into_iter()
        .map(Num::constant)
        .collect();
    b.at_most(&s, &max, 30);

    multiple.add(b, &top)
}

/// Digits of a variable base's scalar.
const STEPS: usize = 253;
/// The last of these are added by complete formulas.
const COMPLETE: usize = 4;
/// Bits of the integers by which such a scalar is compared.
const LIMB: usize = 32;

/// The integers j and m by which [`point_multiple`] represents its scalar.
#[derive(Clone, Copy)]
pub(crate) struct Recoded {
    pub(crate) j: bool,
    pub(crate) m: BigInteger256,
}

impl Recoded {
    /// Of `h` < 9 l, the representation with the parity that makes m an integer.
    pub(crate) fn of(h: BigInteger256) -> Self {
        let j = h.is_even();
        let mut m = h;
        m.add_with_carry(&multiple_of_order(6 + u64::from(j)));
        m.sub_with_borrow(&power_of_two(STEPS));
        m.div2(); // The 1 is the bit that falls out.
        Self { j, m }
    }
}

fn power_of_two(n: usize) -> BigInteger256 {
    let mut power = BigInteger256::from(1u64);
    power <<= n as u32;
    power
}

fn multiple_of_order(k: u64) -> BigInteger256 {
    let mut multiple = BigInteger256::zero();
    for _ in 0..k {
        multiple.add_with_carry(&Scalar::MODULUS);
    }
    multiple
}

/// `h base` for the integer h in `[0, r)` that `scalar` stands for, and a base in the prime subgroup; the neutral base is refused.
/// 1671 constraints.
///
/// With l for the base's order, h is represented by j = 0 or 1 and m in `[0, 2^253)` as `h = K - (6 + j) l`, where
/// `K = 2^253 + 1 + 2 m` is odd. The two bounds on m make h what it should be, also as an integer: `0 <= h` and `h <= r - 1`, for
/// either j. Every h has one such representation, with j = 1 if it is even: `6 l > 2^253` and `r + 7 l < 3 2^253`. (Without the
/// bounds h + r and h - r would pass for h, and these are other multiples.)
///
/// With the bits of m as signs, `s_i = 2 m_i - 1`, `K = 2 2^253 + sum of 2^i s_i`: a Horner scheme that starts with 2 base and
/// doubles and adds `s_i base` for every i from 252 down to 0 ends with `K base = h base`.
///
/// After n steps there is `k base` with `2^n + 1 <= k <= 3 2^n - 1`. For the first 249 steps n <= 248, so `2 <= k`,
/// `k + 1 < 2 k + 1 <= 3 2^249 - 1 < l`: neither k nor k + s is 1, -1 or 0 modulo l, and 2 k + s is not 0, which is all that
/// `2 (k base) + s base` asks for in Montgomery coordinates. The result of these, k <= 3 2^249 - 1 < l, has Edwards coordinates, and
/// the last four steps are made in these, completely: there negatives have the same y and the opposite x.
///
/// As `s_i = y_i / Y`, and Y != 0 because the order is odd, 32 bits of m are taken together as `(sum of 2^i y_i) / Y`: a step needs
/// no bit and costs 6 constraints.
pub(crate) fn point_multiple<T: Terms>(
    b: &mut Builder<T>,
    base: &PointVar<T>,
    scalar: &Num<T>,
) -> PointVar<T> {
    recoded_multiple(b, base, scalar, Recoded::of(scalar.value.into_bigint()))
}

/// [`point_multiple`] with the representation as the prover chose it.
pub(crate) fn recoded_multiple<T: Terms>(
    b: &mut Builder<T>,
    base: &PointVar<T>,
    scalar: &Num<T>,
    Recoded { j, m }: Recoded,
) -> PointVar<T> {
    let edwards = base;
    let base = MontgomeryVar::from_edwards(b, edwards);
    let (xx, yy) = (b.mul(&edwards.x, &edwards.x), b.mul(&base.y, &base.y));

    // Signs, least significant first.
    let mut signed = |i: usize| {
        let (of, square) = if i < COMPLETE {
            (&edwards.x, &xx)
        } else {
            (&base.y, &yy)
        };
        let value = if m.get_bit(i) { of.value } else { -of.value };
        let signed = b.private(value);
        b.enforce(&signed, &signed, square);
        signed
    };
    let signed: Vec<Num<T>> = (0..STEPS).map(&mut signed).collect();

    // All points that the Horner scheme passes, most significant first: sums, and in the complete steps also doubles.
    let point = edwards.value();
    let mut sum = point.into_group().double();
    let mut passed = vec![sum];
    for i in (0..STEPS).rev() {
        sum.double_in_place();
        if i < COMPLETE {
            passed.push(sum);
        }
        sum += if m.get_bit(i) { point } else { -point };
        passed.push(sum);
    }
    let passed = normalized(&passed);
    let (passed, complete) = passed.split_at(1 + STEPS - COMPLETE);

    let known = coordinates(passed);
    let addend = |i: usize| MontgomeryVar {
        x: base.x.clone(),
        y: signed[i].clone(),
    };
    let steps = || (COMPLETE..STEPS).rev();
    let pairs: Vec<_> = known
        .iter()
        .zip(steps())
        .map(|(p, i)| [*p, addend(i).value()])
        .collect();
    let mut multiple = base.double(b);
    for ((i, slopes), known) in steps().zip(double_add_slopes(&pairs)).zip(&known[1..]) {
        multiple = multiple.double_add_known(b, &addend(i), slopes, *known);
    }
    let mut multiple = multiple.to_edwards(b, &passed[STEPS - COMPLETE]);
    for (i, known) in (0..COMPLETE).rev().zip(complete.chunks_exact(2)) {
        let addend = PointVar {
            x: signed[i].clone(),
            y: edwards.y.clone(),
        };
        multiple = multiple
            .double_known(b, &known[0])
            .add_known(b, &addend, &known[1]);
    }

    // m in digits of 32 bits: (sum of 2^i s_i + 2^n - 1) / 2 for n bits.
    let mut signs = |from: usize, to: usize, unit: &Num<T>| {
        let weighted = Num::from_bits(&signed[from..to]);
        let value = (from..to).rfold(Fr::zero(), |sum, i| {
            sum.double() + if m.get_bit(i) { Fr::one() } else { -Fr::one() }
        });
        b.quotient(value, unit, &weighted)
    };
    let low = signs(0, COMPLETE, &edwards.x);
    let mut digit = |from: usize| {
        let to = STEPS.min(from + LIMB);
        let signs = match from {
            0 => &low + &(&signs(COMPLETE, to, &base.y) * Fr::from(1u64 << COMPLETE)),
            _ => signs(from, to, &base.y),
        };
        &(&signs + Fr::from((1u64 << (to - from)) - 1)) * HALF
    };
    let digits: Vec<Num<T>> = (0..STEPS).step_by(LIMB).map(&mut digit).collect();

    let j = b.bit(j);
    let bound = |mut at_j: [BigInteger256; 2]| {
        at_j.iter_mut().for_each(|bound| {
            bound.sub_with_borrow(&power_of_two(STEPS));
            bound.div2();
        });
        let [zero, one] = at_j.map(|bound| digits_of(bound, LIMB, digits.len()));
        zero.into_iter()
            .zip(one)
            .map(|(zero, one)| &(&j * (one - zero)) + zero)
            .collect::<Vec<_>>()
    };
    let orders = [6, 7].map(multiple_of_order);
    let least = bound(orders);
    let greatest = bound(orders.map(|mut n| {
        n.add_with_carry(&Fr::MODULUS);
        n.sub_with_borrow(&2u64.into());
        n
    }));
    b.at_most(&least, &digits, LIMB);
    b.at_most(&digits, &greatest, LIMB);

    let order = Fr::from(Scalar::MODULUS);
    let m = Num::digits(Fr::from(1u64 << LIMB), &digits);
    let odd = &(&m * Fr::from(2)) + (Fr::from(power_of_two(STEPS)) + Fr::one());
    let h = &(&odd - &(&j * order)) + -(order * Fr::from(6));
    b.equal(&h, scalar);
    multiple
}
