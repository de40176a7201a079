use super::lanes::{LEAST, Tables};
use super::{Domain, DomainError, words};
use crate::backend::Backend;
use crate::simd::Portable;
use crate::testing::ifma;
use crate::words::Plain;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, FftField, Field, UniformRand};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use proptest::prelude::*;

/// `a b - c` by arkworks, one transform after the other.
fn expected(size: usize, shift: Fr, a: &[Fr], b: &[Fr]) -> Vec<Fr> {
    let domain = Radix2EvaluationDomain::<Fr>::new(size).unwrap();
    let coset = domain.get_coset(shift).unwrap();
    let there = |mut values: Vec<Fr>| {
        values.resize(size, Fr::ZERO);
        coset.fft(&domain.ifft(&values))
    };
    let c = a.iter().zip(b).map(|(a, b)| *a * b).collect();
    let (a, b, c) = (there(a.to_vec()), there(b.to_vec()), there(c));
    a.iter()
        .zip(&b)
        .zip(&c)
        .map(|((a, b), c)| *a * b - c)
        .collect()
}

fn random(rng: &mut StdRng, size: usize) -> Vec<Fr> {
    (0..size).map(|_| Fr::rand(rng)).collect()
}

/// On every kind of arithmetic, and through the interface.
fn check(size: usize, a: &[Fr], b: &[Fr], portable: bool) {
    let shift = Fr::get_root_of_unity(2 * size as u64).unwrap();
    let expected = expected(size, shift, a, b);
    for backend in [Backend::Scalar, Backend::Ifma]
        .into_iter()
        .filter(|backend| backend.is_available())
    {
        let domain = Domain::new(size, backend).unwrap();
        assert_eq!(domain.size(), size);
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let got = pool.install(|| domain.quotient(a, b));
            assert_eq!(
                *got, expected,
                "{size} points, {backend}, {threads} threads"
            );
        }
    }
    let got = words::Tables::new(size, shift).quotient(Plain, a, b);
    assert_eq!(*got, expected, "{size} points, plain words");
    if portable && size >= LEAST {
        let got = Tables::new(size, shift).quotient(Portable, a, b);
        assert_eq!(*got, expected, "{size} points, portable lanes");
    }
}

#[test]
fn every_size() {
    let mut rng = StdRng::seed_from_u64(1);
    for log_size in 0..=14 {
        let size = 1 << log_size;
        check(
            size,
            &random(&mut rng, size),
            &random(&mut rng, size),
            log_size <= 11,
        );
    }
}

#[test]
fn a_large_size() {
    let mut rng = StdRng::seed_from_u64(2);
    for size in [1 << 17, 1 << 18] {
        check(
            size,
            &random(&mut rng, size),
            &random(&mut rng, size),
            false,
        );
    }
}

/// Values at the ends of the field, all the same, none at all.
#[test]
fn edge_values() {
    let edges = [
        Fr::ZERO,
        Fr::ONE,
        -Fr::ONE,
        -Fr::from(2u64),
        Fr::from(2u64).pow([253u64]),
    ];
    for size in [LEAST, 2 * LEAST, 8 * LEAST] {
        for left in edges {
            for right in edges {
                check(size, &vec![left; size], &vec![right; size], true);
            }
        }
        let mixed: Vec<Fr> = (0..size).map(|i| edges[i * i % edges.len()]).collect();
        check(size, &mixed, &edges, true);
        check(size, &[], &mixed, true);
        check(size, &[], &[], true);
    }
}

/// A coset by any shift: the transform to the domain itself undoes the inverse.
#[test]
fn other_shifts() {
    let mut rng = StdRng::seed_from_u64(3);
    let (a, b) = (random(&mut rng, 1 << 10), random(&mut rng, 1 << 10));
    for shift in [Fr::ONE, Fr::GENERATOR, Fr::rand(&mut rng)] {
        let tables = Tables::new(1 << 10, shift);
        let expected = expected(1 << 10, shift, &a, &b);
        assert_eq!(*tables.quotient(Portable, &a, &b), expected);
        if let Some(simd) = ifma() {
            assert_eq!(*tables.quotient(simd, &a, &b), expected);
        }
        let tables = words::Tables::new(1 << 10, shift);
        assert_eq!(*tables.quotient(Plain, &a, &b), expected);
        if shift == Fr::ONE {
            assert!(expected.iter().all(|value| *value == Fr::ZERO));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn sparse_and_short(seed: u64, log_size in 1u32..11) {
        let mut rng = StdRng::seed_from_u64(seed);
        let size = 1 << log_size;
        let mut values = || {
            let length = rng.gen_range(0..=size);
            (0..length).map(|_| if rng.r#gen() { Fr::from(rng.gen_range(0u64..3)) } else { Fr::rand(&mut rng) }).collect()
        };
        let (a, b): (Vec<Fr>, Vec<Fr>) = (values(), values());
        check(size, &a, &b, true);
    }
}

#[test]
fn sizes_that_no_domain_has() {
    for size in [0, 3, 12, 1 << 28, usize::MAX] {
        assert_eq!(
            Domain::new(size, Backend::Scalar).err(),
            Some(DomainError::Size(size))
        );
    }
}
