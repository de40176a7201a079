//! The gadgets by themselves: on the edges of what they take, and against a prover who chooses other values on the way.

use ark_ec::twisted_edwards::TECurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, BigInteger256, One, Zero};

use super::negative::low_order_points;
use super::*;
use crate::builder::Num;
use crate::edwards::PointVar;
use crate::multiples::{Recoded, base_multiple, point_multiple, recoded_multiple};

/// Constraints that the assignment of this synthesis does not satisfy.
fn broken(public: &[Fr], synthesize: impl FnOnce(&mut Builder<Row>)) -> usize {
    let (r1cs, witness) = Builder::matrices(public, synthesize);
    let z = witness.assignment();
    (0..r1cs.constraints())
        .filter(|row| !r1cs.holds(*row, z))
        .count()
}

/// Private variables of which a change to any of some values breaks no constraint.
fn unnoticed(public: &[Fr], synthesize: impl FnOnce(&mut Builder<Row>)) -> Vec<usize> {
    let (r1cs, witness) = Builder::matrices(public, synthesize);
    assert_eq!(r1cs.first_unsatisfied(witness.assignment()), None);
    mutation::unnoticed_columns(&r1cs, witness.assignment(), 1 + public.len())
}

fn integer(limbs: [u64; 4]) -> BigInteger256 {
    BigInteger256::new(limbs)
}

fn plus(mut n: BigInteger256, other: impl Into<BigInteger256>) -> BigInteger256 {
    assert!(!n.add_with_carry(&other.into()));
    n
}

fn minus(mut n: BigInteger256, other: impl Into<BigInteger256>) -> BigInteger256 {
    assert!(!n.sub_with_borrow(&other.into()));
    n
}

fn power(n: u32) -> BigInteger256 {
    let mut power = BigInteger256::one();
    power <<= n;
    power
}

fn scalar(n: BigInteger256) -> Fr {
    Fr::from_bigint(n).unwrap()
}

const ORDER: BigInteger256 = Scalar::MODULUS;

/// Some integers below the field's modulus: small, large, around multiples of the order and around powers of two.
fn edges() -> Vec<BigInteger256> {
    let mut edges: Vec<BigInteger256> = (0..20u64).map(BigInteger256::from).collect();
    edges.extend((1..20u64).map(|n| minus(Fr::MODULUS, n)));
    let mut multiple = ORDER;
    for _ in 1..8 {
        edges.extend((0..3u64).flat_map(|n| [plus(multiple, n), minus(multiple, n)]));
        multiple = plus(multiple, ORDER);
    }
    edges.extend((240..254).flat_map(|n| [power(n), minus(power(n), 1u64), plus(power(n), 1u64)]));
    edges.extend((0..20).map(|n| scramble(n).into_bigint()));
    edges.retain(|n| *n < Fr::MODULUS);
    edges
}

/// Points of the prime subgroup, none neutral, with relations among their multiples that a prover may know.
fn bases() -> Vec<Point> {
    let base = BabyJubjub::GENERATOR;
    let multiples = [1u64, 2, 3, 8].map(|n| base.mul_bigint([n]).into_affine());
    let large = base.mul_bigint(scramble(1).into_bigint()).into_affine();
    multiples.into_iter().chain([-base, large]).collect()
}

/// Every assignment of the variables of a comparison, for all pairs of three digits of two bits: there is one that satisfies
/// exactly if a <= b, and then it is the one computed. (The two switches have to be 0 or 1, by constraints that the mutation of
/// every variable covers, and so have the bits.)
#[test]
fn no_assignment_makes_a_greater_integer_at_most_a_lesser() {
    let digits = |n: u64| [n & 3, n >> 2 & 3, n >> 4].map(fr);
    for pair in 0..1u64 << 12 {
        let (a, b) = (pair & 63, pair >> 6);
        let public: Vec<Fr> = digits(a).into_iter().chain(digits(b)).collect();
        let (r1cs, honest) = Builder::<Row>::matrices(&public, |builder| {
            let [a0, a1, a2, b0, b1, b2] = builder.public();
            builder.at_most(&[a0, a1, a2], &[b0, b1, b2], 2);
        });
        let honest = honest.assignment();
        assert_eq!(
            r1cs.first_unsatisfied(honest).is_none(),
            a <= b,
            "{a} <= {b}"
        );
        // Private: first switch, second switch, its product, ... in the order of synthesis, then two bits.
        let differences: Vec<Fr> = (0..3).rev().map(|i| public[3 + i] - public[i]).collect();
        let satisfying: Vec<Vec<Fr>> = (0..16u64)
            .map(|choice| {
                let bit = |i: u64| fr(choice >> i & 1);
                let switches = [
                    bit(0),
                    differences[1] * bit(0),
                    bit(1),
                    differences[2] * bit(1),
                ];
                let mut z = vec![fr(1)];
                z.extend_from_slice(&public);
                z.extend(switches);
                z.extend([bit(2), bit(3)]);
                z
            })
            .filter(|z| r1cs.first_unsatisfied(z).is_none())
            .collect();
        let expected = if a <= b {
            vec![honest.to_vec()]
        } else {
            vec![]
        };
        assert_eq!(satisfying, expected, "{a} <= {b}");
    }
}

/// The bits of one number for another, and those of numbers that have more.
#[test]
fn bits_are_as_many_as_told() {
    let synthesis = |x: Fr| {
        Builder::<Row>::matrices(&[x], |b| {
            let [x] = b.public();
            b.bits(&x, 64);
        })
    };
    let accepts = |bits_of: Fr, x: Fr| {
        let (r1cs, witness) = synthesis(bits_of);
        let mut z = witness.assignment().to_vec();
        z[1] = x;
        r1cs.first_unsatisfied(&z).is_none()
    };
    let two64 = fr(u64::MAX) + fr(1);
    assert!(accepts(fr(u64::MAX), fr(u64::MAX)));
    assert!(!accepts(fr(0), two64));
    assert!(!accepts(two64, two64));
    assert!(!accepts(fr(u64::MAX), -fr(1)));
    assert!(!accepts(-fr(1), -fr(1)));
}

#[test]
fn sums_of_two_integers_below_two_to_the_64() {
    let overflows = |x: u64, y: u64| {
        broken(&[fr(x), fr(y)], |b| {
            let [x, y] = b.public();
            let [x, y] = [x, y].map(|n| b.u64(&n));
            b.u64_sum(&x, &y);
        }) > 0
    };
    for x in [0, 1, 1 << 16, 1 << 63, u64::MAX - 1, u64::MAX] {
        for y in [
            0,
            1,
            u64::MAX - x,
            (u64::MAX - x).saturating_add(1),
            1 << 63,
            u64::MAX,
        ] {
            assert_eq!(overflows(x, y), x.checked_add(y).is_none(), "{x} + {y}");
        }
    }
}

#[test]
fn the_gadgets_cost_what_they_say() {
    let point = BabyJubjub::GENERATOR;
    type Synthesis<'a> = &'a dyn Fn(&mut Builder<Row>, &PointVar<Row>, &Num<Row>);
    let cost = |synthesize: Synthesis<'_>| {
        let (r1cs, _) = Builder::matrices(&[point.x, point.y, fr(5)], |b| {
            let [x, y, n] = b.public();
            synthesize(b, &PointVar { x, y }, &n);
        });
        r1cs.constraints()
    };
    assert_eq!(cost(&|b, _, _| drop(base_multiple(b, 5u64.into()))), 727);
    assert_eq!(cost(&|b, p, n| drop(point_multiple(b, p, n))), 1671);
    assert_eq!(cost(&|b, _, n| drop(b.u64(n))), 65);
    assert_eq!(cost(&|b, p, _| drop(p.add(b, p))), 6);
    assert_eq!(cost(&|b, p, _| drop(p.double(b))), 5);
    let three = |b: &mut Builder<Row>| [0, 1, 2].map(|_| b.u64(&Num::zero()));
    let compared = |b: &mut Builder<Row>, _: &PointVar<Row>, _: &Num<Row>| {
        let [x, y, z] = three(b);
        b.u64_at_most(&x, &y);
        b.u64_sum(&y, &z);
    };
    assert_eq!(cost(&compared), 3 * 65 + 2 * 26);
    let signature = Signature {
        r8: point,
        s: 5u64.into(),
    };
    let verified = |b: &mut Builder<Row>, p: &PointVar<Row>, n: &Num<Row>| {
        eddsa::verify_gadget(b, p, n, &signature);
    };
    // On the curve, three doublings, hash, multiples, sum.
    assert_eq!(cost(&verified), 3 + 15 + 321 + 727 + 1671 + 6);
}

/// The inequalities from which `multiples.rs` concludes that no exceptional case occurs and that representations exist.
#[test]
fn the_integers_in_the_arguments() {
    let times =
        |n: BigInteger256, k: u64| (0..k).fold(BigInteger256::zero(), |sum, _| plus(sum, n));
    assert!(power(250) < ORDER && ORDER < power(251));
    assert!(minus(times(power(249), 3), 1u64) < ORDER);
    assert!(times(ORDER, 6) > power(253));
    assert!(plus(times(ORDER, 7), Fr::MODULUS) < times(power(253), 3));
    assert!(Fr::MODULUS < times(ORDER, 8));
}

/// The synthesis of `s Base8`, constrained to be `expected`.
fn base_multiple_is(s: BigInteger256, expected: Point) -> impl Fn(&mut Builder<Row>) {
    move |b| {
        let multiple = base_multiple(b, s);
        b.equal(&multiple.x, &Num::constant(expected.x));
        b.equal(&multiple.y, &Num::constant(expected.y));
    }
}

#[test]
fn multiples_of_the_base() {
    for s in edges() {
        let expected = BabyJubjub::GENERATOR.mul_bigint(s).into_affine();
        let broken = broken(&[], base_multiple_is(s, expected));
        if s < ORDER {
            assert_eq!(broken, 0, "{s}");
        } else if s < power(251) {
            assert!(broken > 0, "{s} is a second name of a multiple");
        }
    }
    for s in [
        fr(0).into_bigint(),
        minus(ORDER, 1u64),
        minus(power(249), 1u64),
    ] {
        let expected = BabyJubjub::GENERATOR.mul_bigint(s).into_affine();
        assert_eq!(
            unnoticed(&[], base_multiple_is(s, expected)),
            mutation::NONE
        );
    }
}

/// The order and what follows, which only the bound refuses: the digits of 2^250 and more exist.
#[test]
fn only_the_bound_refuses_a_second_name_of_a_multiple() {
    for n in [0u64, 1, 2, 1000] {
        let s = plus(ORDER, n);
        let expected = BabyJubjub::GENERATOR.mul_bigint([n]).into_affine();
        assert_eq!(broken(&[], base_multiple_is(s, expected)), 1, "l + {n}");
    }
}

/// The synthesis of `h base` as the prover represents h, constrained to be `expected`.
fn multiple_is(
    base: Point,
    h: Fr,
    recoded: Recoded,
    expected: Point,
) -> impl Fn(&mut Builder<Row>) {
    move |b| {
        let point = PointVar::private(b, &base);
        let (x, y) = (Num::constant(base.x), Num::constant(base.y));
        b.equal(&point.x, &x);
        b.equal(&point.y, &y);
        let scalar = b.private(h);
        b.equal(&scalar, &Num::constant(h));
        let multiple = recoded_multiple(b, &point, &scalar, recoded);
        b.equal(&multiple.x, &Num::constant(expected.x));
        b.equal(&multiple.y, &Num::constant(expected.y));
    }
}

#[test]
fn multiples_of_a_point() {
    let edges = edges();
    for (i, base) in bases().into_iter().enumerate() {
        // All for one base, and for each of the others some.
        for h in edges.iter().skip(i).step_by(if i == 0 { 1 } else { 7 }) {
            let expected = base.mul_bigint(h).into_affine();
            let synthesis = multiple_is(base, scalar(*h), Recoded::of(*h), expected);
            assert_eq!(broken(&[], synthesis), 0, "{h}");
        }
    }
    for h in [
        0u64.into(),
        ORDER,
        minus(ORDER, 1u64),
        minus(Fr::MODULUS, 1u64),
    ] {
        let base = BabyJubjub::GENERATOR;
        let expected = base.mul_bigint(h).into_affine();
        let synthesis = multiple_is(base, scalar(h), Recoded::of(h), expected);
        assert_eq!(unnoticed(&[], synthesis), mutation::NONE, "{h}");
    }
}

/// h + r, h - r and numbers off by the order are other representations of h over the field, or of the multiple. What they claim
/// to be the multiple is its multiple indeed, and a bound alone refuses.
#[test]
fn a_scalar_has_one_representation() {
    let base = BabyJubjub::GENERATOR;
    let unit = |h: BigInteger256| base.mul_bigint(h).into_affine();
    for n in 0..6u64 {
        let h = plus(Fr::MODULUS, n);
        let above = multiple_is(base, fr(n), Recoded::of(h), unit(h));
        assert_eq!(broken(&[], above), 1, "{n} + r");
        // K = (6 + j) l - (n + 1), below the least: it is K of l - (n + 1), or 2 l less to have an odd number.
        let mut recoded = Recoded::of(minus(ORDER, n + 1));
        if recoded.j {
            recoded.m = minus(recoded.m, ORDER);
        }
        recoded.j = !recoded.j;
        let below = multiple_is(base, -fr(n + 1), recoded, unit(minus(ORDER, n + 1)));
        assert_eq!(broken(&[], below), 1, "-{}", n + 1);
    }
    for h in edges() {
        let mut recoded = Recoded::of(h);
        recoded.j = !recoded.j;
        assert!(
            broken(&[], multiple_is(base, scalar(h), recoded, unit(h))) > 0,
            "j for {h}"
        );
        for change in [1u64, 2, 1 << 40] {
            let mut recoded = Recoded::of(h);
            recoded.m = plus(recoded.m, change);
            let other = base.mul_bigint(plus(h, 2 * change)).into_affine();
            assert!(
                broken(&[], multiple_is(base, scalar(h), recoded, other)) > 0,
                "m for {h}"
            );
        }
    }
}

/// No coordinates whatever make a multiple of the neutral point: the first constraint of the conversion is x 0 = 2.
#[test]
fn a_neutral_base_is_refused() {
    for base in [Point::zero(), low_order_points()[4]] {
        let synthesis = |b: &mut Builder<Row>| {
            let point = PointVar::private(b, &base);
            let h = b.private(fr(5));
            point_multiple(b, &point, &h);
        };
        let (r1cs, witness) = Builder::matrices(&[], synthesis);
        assert!(r1cs.first_unsatisfied(witness.assignment()).is_some());
    }
    let (r1cs, witness) = Builder::<Row>::matrices(&[fr(0), fr(1)], |b| {
        let [x, y] = b.public();
        crate::montgomery::MontgomeryVar::from_edwards(b, &PointVar { x, y });
    });
    let mut z = witness.assignment().to_vec();
    for n in 0..50 {
        (z[3], z[4]) = (scramble(n) * fr(n % 3), scramble(n + 50));
        assert!(!r1cs.holds(0, &z));
    }
}

/// What the constraints take for a signature of `message` under the key: as [`verify`] does.
fn accepts(key: Point, message: Fr, signature: Signature) -> bool {
    let public = [key.x, key.y, message];
    let accepted = broken(&public, |b| {
        let [x, y, message] = b.public();
        eddsa::verify_gadget(b, &PointVar { x, y }, &message, &signature);
    }) == 0;
    assert_eq!(
        accepted,
        verify(&key, message, &signature),
        "gadget and native disagree"
    );
    accepted
}

/// (key, R8, S) with `S Base8 = R8 + 8 h A` up to points of low order: nonce and secret scalar are given, and of what order the
/// components of R8 and the key outside the subgroup are.
fn signed(
    nonce: Scalar,
    secret: Scalar,
    message: Fr,
    r8_low: Point,
    key_low: Point,
) -> (Point, Signature) {
    let key = (BabyJubjub::GENERATOR * secret + key_low).into_affine();
    let r8 = (BabyJubjub::GENERATOR * nonce + r8_low).into_affine();
    let h = poseidon(&[r8.x, r8.y, key.x, key.y, message]).into_bigint();
    let h = Scalar::from_le_bytes_mod_order(&h.to_bytes_le());
    let s = (nonce + Scalar::from(8u64) * h * secret).into_bigint();
    (key, Signature { r8, s })
}

/// As circomlib: components of low order in the key do not matter, as 8 A is used; in R8 they do, as the equation is without a
/// cofactor.
#[test]
fn signatures_with_components_of_low_order() {
    let low = low_order_points();
    let (nonce, secret) = (Scalar::from(1234u64), Scalar::from(5678u64));
    for (i, r8_low) in low.iter().enumerate() {
        for (j, key_low) in low
            .iter()
            .enumerate()
            .filter(|(j, _)| i == 0 || *j == 0 || i == *j)
        {
            let (key, signature) = signed(nonce, secret, fr(9), *r8_low, *key_low);
            assert_eq!(
                accepts(key, fr(9), signature),
                i == 0,
                "R8 + T{i}, A + T{j}"
            );
        }
    }
}

/// Nonces and secrets for which R8, the key and the base are related: sums of them meet in every way.
#[test]
fn signatures_with_related_points() {
    let neutral = Point::zero();
    for secret in [1u64, 2, 3, 7, 1 << 20] {
        let secret = Scalar::from(secret);
        for nonce in [
            Scalar::zero(),
            secret,
            -secret,
            Scalar::from(8u64) * secret,
            -Scalar::from(8u64) * secret,
            Scalar::one(),
        ] {
            for secret in [secret, -secret] {
                let (key, signature) = signed(nonce, secret, fr(9), neutral, neutral);
                assert!(accepts(key, fr(9), signature));
                assert!(!accepts(key, fr(10), signature));
                let mut second = signature;
                second.s = plus(second.s, ORDER);
                assert!(!verify(&key, fr(9), &second));
                if second.s < power(251) {
                    assert!(!accepts(key, fr(9), second), "S + l");
                }
            }
        }
    }
    let (_, signature) = signed(Scalar::one(), Scalar::zero(), fr(9), neutral, neutral);
    assert!(!accepts(neutral, fr(9), signature), "the neutral key");
    let (key, mut signature) = signed(Scalar::one(), Scalar::one(), fr(9), neutral, neutral);
    signature.s = integer([0; 4]);
    assert!(!accepts(key, fr(9), signature));
}
