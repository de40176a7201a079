//! Every layer against arkworks.

use super::fq2::Fq2;
use super::fq12::Line;
use super::*;
use crate::{Bn254, Fr, G1Affine, G2Affine};
use alloc::vec::Vec;
use ark_bn254::{Fq as JudgeFq, Fq2 as JudgeFq2, Fq6 as JudgeFq6, Fq12 as Judge};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use proptest::prelude::*;

/// A coordinate: now and then 0, 1 or -1.
fn coordinate(rng: &mut StdRng) -> JudgeFq {
    match rng.gen_range(0..8) {
        0 => JudgeFq::ZERO,
        1 => JudgeFq::ONE,
        2 => -JudgeFq::ONE,
        _ => JudgeFq::rand(rng),
    }
}

fn fq2(rng: &mut StdRng) -> JudgeFq2 {
    JudgeFq2::new(coordinate(rng), coordinate(rng))
}

fn fq12(rng: &mut StdRng) -> Judge {
    let mut half = || JudgeFq6::new(fq2(rng), fq2(rng), fq2(rng));
    Judge::new(half(), half())
}

fn g1(scalar: u64) -> G1Affine {
    (G1Affine::generator() * Fr::from(scalar)).into_affine()
}

fn g2(scalar: u64) -> G2Affine {
    (G2Affine::generator() * Fr::from(scalar)).into_affine()
}

fn evaluation(point: &G1Affine) -> Option<Evaluation> {
    Evaluation::of(&[(*point).into()])[0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fq2_is_that_of_arkworks(seed: u64) {
        let rng = &mut StdRng::seed_from_u64(seed);
        let judges: [JudgeFq2; 6] = core::array::from_fn(|_| fq2(rng));
        let [a, b, c, d, e, f] = judges.map(Fq2::from);
        let [ja, jb, jc, jd, je, jf] = judges;
        let xi = JudgeFq2::new(9.into(), JudgeFq::ONE);
        let factor = coordinate(rng);
        for (element, judge) in [
            (a, ja),
            (a + b, ja + jb),
            (a - b, ja - jb),
            (-a, -ja),
            (a.double(), ja.double()),
            (a * b, ja * jb),
            (a.square(), ja.square()),
            (a.times_xi(), ja * xi),
            (a.conjugate(), ja.frobenius_map(1)),
            (a.scale(&factor.into()), ja * JudgeFq2::new(factor, JudgeFq::ZERO)),
            (Fq2::dot([&a, &b], [&c, &d]), ja * jc + jb * jd),
            (Fq2::dot([&a, &b, &c], [&d, &e, &f]), ja * jd + jb * je + jc * jf),
        ] {
            prop_assert_eq!(JudgeFq2::from(element), judge);
        }
        let mut inverses = [a, b, Fq2::ZERO, c];
        Fq2::invert(&mut inverses);
        for (inverse, judge) in inverses.into_iter().zip([ja, jb, JudgeFq2::ZERO, jc]) {
            prop_assert_eq!(JudgeFq2::from(inverse), judge.inverse().unwrap_or(JudgeFq2::ZERO));
        }
    }

    #[test]
    fn fq12_is_that_of_arkworks(seed: u64) {
        let rng = &mut StdRng::seed_from_u64(seed);
        let (ja, jb) = (fq12(rng), fq12(rng));
        let (a, b) = (Fq12::from(ja), Fq12::from(jb));
        let [l0, l1, l3]: [JudgeFq2; 3] = core::array::from_fn(|_| fq2(rng));
        let line = |l0| {
            let half = |x, y| JudgeFq6::new(x, y, JudgeFq2::ZERO);
            Judge::new(half(l0, JudgeFq2::ZERO), half(l1, l3))
        };
        let own = [l0, l1, l3].map(Fq2::from);
        for (element, judge) in [
            (a, ja),
            (a.times(&b), ja * jb),
            (a.square(), ja.square()),
            (a.conjugate(), ja.frobenius_map(6)),
            (a.frobenius(), ja.frobenius_map(1)),
            (a.times_line(&Line(own)), ja * line(l0)),
            (a.times_unit_line(&[own[1], own[2]]), ja * line(JudgeFq2::ONE)),
        ] {
            prop_assert_eq!(Judge::from(element), judge);
        }
        prop_assert_eq!(a.inverse().map(Judge::from), ja.inverse());
        // After the easy part, both squares are one.
        if let Some(inverse) = a.inverse() {
            let easy = a.conjugate().times(&inverse);
            let easy = easy.frobenius().frobenius().times(&easy);
            prop_assert_eq!(easy.cyclotomic_square(), easy.square());
        }
    }

    #[test]
    fn final_exponentiations_are_those_of_arkworks(seed: u64) {
        let judge = fq12(&mut StdRng::seed_from_u64(seed));
        let expected = Bn254::final_exponentiation(MillerLoopOutput(judge)).map(|output| output.0);
        prop_assert_eq!(final_exponentiation(&judge.into()).map(Judge::from), expected);
    }

    #[test]
    fn pairings_are_those_of_arkworks(
        fixed in prop::collection::vec((0_u64..4, 0_u64..4), 0..3),
        moving in prop::collection::vec((any::<u64>(), any::<u64>()), 0..3),
        infinite in (0_u64..2, 0_u64..2),
    ) {
        // Small ones are infinity now and then, and equal.
        let point = |(p, q): &(u64, u64)| (g1(*p), g2(*q));
        let fixed: Vec<_> = fixed.iter().map(point).collect();
        let moving: Vec<_> = moving.iter().chain([&infinite]).map(point).collect();
        let all = || fixed.iter().chain(&moving);
        let expected = Bn254::multi_pairing(all().map(|(p, _)| *p), all().map(|(_, q)| *q));
        let lines: Vec<_> = fixed.iter().map(|(p, q)| (evaluation(p), Lines::new(q))).collect();
        let lines: Vec<_> = lines.iter().map(|(p, lines)| (*p, lines)).collect();
        let moving: Vec<_> = moving.iter().map(|(p, q)| (evaluation(p), q)).collect();
        let value = final_exponentiation(&miller(&lines, &moving)).unwrap();
        prop_assert_eq!(Judge::from(value), expected.0);
    }

    #[test]
    fn pairings_are_bilinear(a: u64, b: u64) {
        let pairing = |p, q: G2Affine| {
            let value = final_exponentiation(&miller(&[], &[(evaluation(&p), &q)]));
            Judge::from(value.unwrap())
        };
        let one = pairing(g1(1), g2(1));
        prop_assert_eq!(pairing(g1(a), g2(b)), one.pow([a]).pow([b]));
        prop_assert_eq!(pairing(g1(a), g2(b)) * pairing(-g1(a), g2(b)), Judge::ONE);
    }

    #[test]
    fn sums_are_those_of_arkworks(terms in prop::collection::vec((0_u64..5, any::<u128>()), 0..5), small in 0_u128..9) {
        // Equal points, infinity, and sums that meet themselves.
        let terms = terms.into_iter().chain([(0, u128::MAX), (1, small), (1, 0), (2, small)]);
        let terms: Vec<_> = terms.map(|(point, scalar)| (g1(point), scalar)).collect();
        let terms: Vec<_> = terms.iter().copied().chain(terms.first().map(|(p, s)| (-*p, *s))).collect();
        let expected: ark_bn254::G1Projective = terms.iter().map(|(p, s)| *p * Fr::from(*s)).sum();
        let points: Vec<G1> = terms.iter().map(|(p, _)| (*p).into()).collect();
        fn sum<const W: usize>(points: &[G1], terms: &[(G1Affine, u128)]) -> ark_bn254::G1Projective {
            let multiples = Multiples::<W>::of(points);
            Multiples::sum(multiples.iter().zip(terms.iter().map(|(_, s)| *s))).into()
        }
        prop_assert_eq!(sum::<4>(&points, &terms), expected);
        prop_assert_eq!(sum::<6>(&points, &terms), expected);
        let next = ark_bn254::G1Projective::from(points[1].next_word());
        prop_assert_eq!(next, terms[1].0 * Fr::from(1_u128 << 64));
    }
}

#[test]
fn what_cancels_sums_up_to_infinity() {
    let points = [g1(3), g1(3), -g1(6), g1(6), -g1(6)].map(G1::from);
    let multiples = Multiples::<4>::of(&points);
    let sum = |n: usize| {
        let sum = Multiples::sum(multiples[..n].iter().map(|multiples| (multiples, 1)));
        (
            ark_bn254::G1Projective::from(sum),
            Evaluation::of(&[sum])[0].is_some(),
        )
    };
    assert_eq!(sum(2), (g1(6).into(), true));
    assert_eq!(sum(3), (ark_bn254::G1Projective::ZERO, false));
    assert_eq!(sum(4), (g1(6).into(), true));
    assert_eq!(sum(5), (ark_bn254::G1Projective::ZERO, false));
    let minus_one = ark_bn254::G1Projective::generator() * -Fr::ONE;
    assert_eq!(
        ark_bn254::G1Projective::from(G1::from(minus_one)),
        minus_one
    );
}

#[test]
fn zero_has_no_final_exponentiation() {
    let zero = Fq12::from(Judge::ZERO);
    assert_eq!(final_exponentiation(&zero), None);
    assert_eq!(final_exponentiation(&Fq12::one()), Some(Fq12::one()));
}
