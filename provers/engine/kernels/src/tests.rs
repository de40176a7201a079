//! Sums over tables against arkworks, on every kind of arithmetic.

use crate::backend::Backend;
use crate::curve::{Curve, Vector};
use crate::msm::{self, Term};
use crate::plan::Plan;
use crate::simd::Portable;
use crate::tables::{self, FixedBases, TableError};
use crate::testing::ifma;
use crate::words::Plain;
use ark_bn254::{Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use proptest::prelude::*;

fn sum_by_arkworks<C: Curve>(points: &[Affine<C>], scalars: &[Fr]) -> Projective<C> {
    points
        .iter()
        .zip(scalars)
        .map(|(point, scalar)| *point * scalar)
        .sum()
}

/// Two terms in one sum, cut where `split` says.
fn sum_on<V: Vector>(
    machine: V::Machine,
    plan: Plan,
    points: &[Affine<V::Curve>],
    scalars: &[Fr],
    split: usize,
) -> Projective<V::Curve> {
    let levels = plan.levels as usize;
    let mut table = vec![V::Curve::INFINITY; points.len() * levels];
    tables::fill::<V>(machine, points, plan, &mut table, |_| ());
    let (a, b) = table.split_at(split * levels);
    let (scalars_a, scalars_b) = scalars.split_at(split);
    let terms = [
        Term {
            table: a,
            scalars: scalars_a,
        },
        Term {
            table: b,
            scalars: scalars_b,
        },
    ];
    msm::sum::<V>(machine, plan, &terms)
}

fn check<C: Curve>(what: &str, plan: Plan, points: &[Affine<C>], scalars: &[Fr]) {
    let expected = sum_by_arkworks(points, scalars);
    let split = points.len() / 3;
    let got = sum_on::<C::Single<_>>(Plain, plan, points, scalars, split);
    assert_eq!(
        got,
        expected,
        "{what}, plain words, {plan:?}, {} points",
        points.len()
    );
    #[cfg(target_arch = "x86_64")]
    if let Some(adx) = crate::words::Adx::detect() {
        let got = sum_on::<C::Single<_>>(adx, plan, points, scalars, split);
        assert_eq!(
            got,
            expected,
            "{what}, adx, {plan:?}, {} points",
            points.len()
        );
    }
    let got = sum_on::<C::Lanes<Portable>>(Portable, plan, points, scalars, split);
    assert_eq!(
        got,
        expected,
        "{what}, portable lanes, {plan:?}, {} points",
        points.len()
    );
    if let Some(simd) = ifma() {
        let got = sum_on::<C::Lanes<_>>(simd, plan, points, scalars, split);
        assert_eq!(
            got,
            expected,
            "{what}, ifma, {plan:?}, {} points",
            points.len()
        );
    }
}

const PLANS: [Plan; 5] = [
    Plan {
        window_bits: 2,
        levels: 127,
        sets: 1,
    },
    Plan {
        window_bits: 5,
        levels: 17,
        sets: 3,
    },
    Plan {
        window_bits: 8,
        levels: 1,
        sets: 32,
    },
    Plan {
        window_bits: 9,
        levels: 29,
        sets: 1,
    },
    Plan {
        window_bits: 13,
        levels: 10,
        sets: 2,
    },
];

fn points<C: Curve>(rng: &mut StdRng, size: usize) -> Vec<Affine<C>> {
    let points: Vec<Projective<C>> = (0..size).map(|_| Projective::rand(rng)).collect();
    Projective::normalize_batch(&points)
}

/// Sizes around a vector's, and scalars of every length.
fn sizes<C: Curve>() {
    let mut rng = StdRng::seed_from_u64(1);
    for size in [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 200] {
        let points = points::<C>(&mut rng, size);
        let scalars: Vec<Fr> = (0..size)
            .map(|i| match i % 5 {
                0 => Fr::from(rng.r#gen::<bool>()),
                1 => Fr::from(rng.r#gen::<u64>()),
                2 => -Fr::from(rng.r#gen::<u16>()),
                _ => Fr::rand(&mut rng),
            })
            .collect();
        check(
            "mixed scalars",
            PLANS[size % PLANS.len()],
            &points,
            &scalars,
        );
    }
}

#[test]
fn sizes_in_g1() {
    sizes::<g1::Config>();
}

#[test]
fn sizes_in_g2() {
    sizes::<g2::Config>();
}

/// Scalars where carries, signs and windows end.
fn edge_scalars() -> Vec<Fr> {
    let half = (-Fr::ONE) / Fr::from(2u64);
    let mut scalars = vec![Fr::ZERO, Fr::ONE, half, half + Fr::ONE];
    for bits in 1..254u64 {
        let power = Fr::from(2u64).pow([bits]);
        scalars.extend([power - Fr::ONE, power, power + Fr::ONE]);
    }
    scalars.extend(scalars.clone().iter().map(|scalar| -*scalar));
    scalars
}

#[test]
fn scalars_at_the_edges() {
    let scalars = edge_scalars();
    let points = points::<g1::Config>(&mut StdRng::seed_from_u64(2), scalars.len());
    for plan in PLANS {
        check("edge scalars", plan, &points, &scalars);
    }
}

/// Every scalar the same, of every kind.
#[test]
fn equal_scalars() {
    let points = points::<g1::Config>(&mut StdRng::seed_from_u64(3), 130);
    let half = (-Fr::ONE) / Fr::from(2u64);
    for scalar in [
        Fr::ZERO,
        Fr::ONE,
        -Fr::ONE,
        half,
        Fr::from(2u64).pow([200u64]),
    ] {
        for plan in PLANS {
            check("equal scalars", plan, &points, &vec![scalar; points.len()]);
        }
    }
}

/// Bases that meet in a bucket as equal, opposite or infinite.
fn meeting_points<C: Curve>() {
    let mut rng = StdRng::seed_from_u64(4);
    let fresh = points::<C>(&mut rng, 40);
    let infinity = Affine::<C>::zero();
    let double = |point: &Affine<C>| (*point + *point).into_affine();
    let cases: [(&str, Vec<Affine<C>>); 6] = [
        ("one base again and again", vec![fresh[0]; 100]),
        (
            "pairs of opposites",
            fresh.iter().flat_map(|p| [*p, -*p]).collect(),
        ),
        (
            "infinities",
            fresh
                .iter()
                .flat_map(|p| [infinity, *p, infinity])
                .collect(),
        ),
        ("all infinite", vec![infinity; 50]),
        (
            "doubles and halves",
            fresh
                .iter()
                .flat_map(|p| [*p, double(p), -*p, -double(p)])
                .collect(),
        ),
        (
            "a point, its double, its opposite",
            [fresh[1], fresh[1], -double(&fresh[1])].repeat(30),
        ),
    ];
    for (what, points) in cases {
        for (i, scalar) in [Fr::ONE, -Fr::ONE, Fr::rand(&mut rng)]
            .into_iter()
            .enumerate()
        {
            check(what, PLANS[i + 1], &points, &vec![scalar; points.len()]);
        }
        let scalars: Vec<Fr> = points.iter().map(|_| Fr::rand(&mut rng)).collect();
        check(what, PLANS[1], &points, &scalars);
        let signs: Vec<Fr> = points
            .iter()
            .map(|_| if rng.r#gen() { Fr::ONE } else { -Fr::ONE })
            .collect();
        check(what, PLANS[3], &points, &signs);
    }
}

#[test]
fn meeting_points_in_g1() {
    meeting_points::<g1::Config>();
}

#[test]
fn meeting_points_in_g2() {
    meeting_points::<g2::Config>();
}

/// Enough for several portions, pieces and batches; against arkworks's own MSM.
fn large<C: Curve>(size: usize) {
    let mut rng = StdRng::seed_from_u64(5);
    let generator = Projective::<C>::generator();
    let mut point = generator;
    let chain: Vec<Projective<C>> = (0..size)
        .map(|_| {
            point += generator;
            point
        })
        .collect();
    let points = Projective::normalize_batch(&chain);
    let scalars: Vec<Fr> = (0..size)
        .map(|i| {
            if i % 2 == 0 {
                Fr::rand(&mut rng)
            } else {
                Fr::from(i as u64 % 3)
            }
        })
        .collect();
    let expected = Projective::<C>::msm(&points, &scalars).expect("as many scalars");
    for backend in [Backend::Scalar, Backend::Ifma]
        .into_iter()
        .filter(|backend| backend.is_available())
    {
        for plan in [
            PLANS[1],
            PLANS[3],
            PLANS[4],
            Plan {
                window_bits: 7,
                levels: 37,
                sets: 1,
            },
        ] {
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .expect("a pool");
                let got = pool.install(|| {
                    let bases =
                        FixedBases::build(&points, plan, backend, |_| ()).expect("available");
                    bases.msm(&scalars).expect("as many scalars")
                });
                assert_eq!(got, expected, "{backend}, {plan:?}, {threads} threads");
            }
        }
    }
}

#[test]
fn large_in_g1() {
    large::<g1::Config>(6000);
}

#[test]
fn large_in_g2() {
    large::<g2::Config>(2500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn random_sums(seed: u64, size in 0usize..300, window_bits in 2u32..12, sets in 1u32..5) {
        let mut rng = StdRng::seed_from_u64(seed);
        let levels = crate::digits::windows(window_bits).div_ceil(sets);
        let plan = Plan { window_bits, levels, sets };
        // Few different points and small scalars, so that equal ones meet.
        let few = points::<g1::Config>(&mut rng, 1 + size / 8);
        let points: Vec<_> = (0..size).map(|_| {
            let point = few[rng.gen_range(0..few.len())];
            if rng.r#gen() { point } else { -point }
        }).collect();
        let scalars: Vec<Fr> = (0..size).map(|_| {
            let scalar = if rng.r#gen() { Fr::from(rng.gen_range(0u64..4)) } else { Fr::rand(&mut rng) };
            if rng.r#gen() { scalar } else { -scalar }
        }).collect();
        check("random", plan, &points, &scalars);
    }
}

#[test]
fn tables_from_words() {
    let mut rng = StdRng::seed_from_u64(6);
    let points = points::<g1::Config>(&mut rng, 20);
    let scalars: Vec<Fr> = (0..20).map(|_| Fr::rand(&mut rng)).collect();
    let plan = Plan::choose(points.len(), points.len(), 64, 1 << 20);
    for backend in [Backend::Scalar, Backend::Ifma]
        .into_iter()
        .filter(|backend| backend.is_available())
    {
        let built = FixedBases::build(&points, plan, backend, |_| ()).expect("available");
        let words = built.as_words();
        let read = FixedBases::<g1::Config, &[u64]>::from_words(words).expect("the same words");
        assert_eq!(
            (read.plan(), read.backend(), read.len()),
            (plan, backend, 20)
        );
        assert_eq!(read.msm(&scalars), Ok(sum_by_arkworks(&points, &scalars)));
        assert_eq!(
            read.msm(&scalars[1..]),
            Err(TableError::Scalars {
                bases: 20,
                scalars: 19
            })
        );

        let refused = |words: &[u64]| FixedBases::<g1::Config, &[u64]>::from_words(words).err();
        assert!(matches!(
            refused(&words[..5]),
            Some(TableError::Size { got: 5, .. })
        ));
        assert!(matches!(
            refused(&words[..words.len() - 1]),
            Some(TableError::Size { .. })
        ));
        let longer = [words, &[0]].concat();
        assert!(matches!(refused(&longer), Some(TableError::Size { .. })));
        assert!(matches!(
            FixedBases::<g2::Config, &[u64]>::from_words(words).err(),
            Some(TableError::Header { word: 2, .. })
        ));
        // Every header word, with values that lie about the size, overflow it or mean nothing.
        for word in 0..8 {
            for value in [0, 1, 127, 128, u64::from(u32::MAX), u64::MAX] {
                let mut hostile = words.to_vec();
                if hostile[word] != value {
                    hostile[word] = value;
                    assert!(
                        refused(&hostile).is_some(),
                        "header word {word} = {value:#x}"
                    );
                }
            }
        }
    }
}

#[test]
fn tables_refuse_what_does_not_fit() {
    let points = points::<g1::Config>(&mut StdRng::seed_from_u64(7), 3);
    let unsound = Plan {
        window_bits: 16,
        levels: 5,
        sets: 3,
    };
    let refused = FixedBases::build(&points, unsound, Backend::Scalar, |_| ()).err();
    assert_eq!(refused, Some(TableError::Plan(unsound)));
    let build = |plan| FixedBases::build(&points, plan, Backend::Scalar, |_| ()).expect("sound");
    let (a, b) = (build(PLANS[1]), build(PLANS[2]));
    let scalars = [Fr::ONE; 3];
    let mixed = FixedBases::msm_of(&[(&a, &scalars), (&b, &scalars)]);
    assert_eq!(mixed, Err(TableError::Mixed));
    assert_eq!(FixedBases::<g1::Config>::msm_of(&[]), Ok(Projective::ZERO));
}
