//! The answers of this crate are those of arkworks.
#![allow(clippy::unwrap_used)]

use ark_bn254::{Fq, Fq2, G1Projective, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::AdditiveGroup;
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use ark_std::{UniformRand, rand::Rng};
use prooflane_verifier::{
    Bn254, Fr, G1Affine, G2Affine, PreparedKey, Proof, Statement, VerifyingKey,
};
use proptest::prelude::*;

/// Now and then zero, so that points are at infinity.
fn scalar(rng: &mut StdRng) -> Fr {
    match rng.gen_range(0..6) {
        0 => Fr::ZERO,
        1 => -Fr::from(1),
        _ => Fr::rand(rng),
    }
}

fn g1(scalar: Fr) -> G1Affine {
    (G1Projective::generator() * scalar).into_affine()
}

fn g2(scalar: Fr) -> G2Affine {
    (G2Projective::generator() * scalar).into_affine()
}

/// A key whose secrets are known, a proof made from them, and inputs of which some are zero.
fn statement(rng: &mut StdRng) -> (VerifyingKey, Statement) {
    let [alpha, beta, gamma, a, b] = [(); 5].map(|()| scalar(rng));
    let delta = Fr::rand(rng);
    let public_inputs: Vec<Fr> = (0..rng.gen_range(0..4)).map(|_| scalar(rng)).collect();
    let ic: Vec<Fr> = (0..=public_inputs.len()).map(|_| scalar(rng)).collect();
    let products = ic[1..].iter().zip(&public_inputs).map(|(ic, x)| *ic * x);
    let inputs = ic[0] + products.sum::<Fr>();
    let c = (a * b - alpha * beta - inputs * gamma) / delta;
    let (a, b, c) = (g1(a), g2(b), g1(c));
    let (beta, gamma, delta) = (g2(beta), g2(gamma), g2(delta));
    let (alpha, ic) = (g1(alpha), ic.into_iter().map(g1).collect());
    let key = VerifyingKey {
        alpha,
        beta,
        gamma,
        delta,
        ic,
    };
    let proof = Proof { a, b, c };
    let statement = Statement {
        proof,
        public_inputs,
    };
    (key, statement)
}

/// What arkworks says.
fn judge(key: &VerifyingKey, statement: &Statement) -> bool {
    let key = prepare_verifying_key(&ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: key.alpha,
        beta_g2: key.beta,
        gamma_g2: key.gamma,
        delta_g2: key.delta,
        gamma_abc_g1: key.ic.clone(),
    });
    let Proof { a, b, c } = statement.proof;
    let proof = ark_groth16::Proof { a, b, c };
    Groth16::<Bn254>::verify_proof(&key, &proof, &statement.public_inputs).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn proofs_are_good_where_arkworks_says_so(seed: u64) {
        let rng = &mut StdRng::seed_from_u64(seed);
        let (key, good) = statement(rng);
        prop_assert!(judge(&key, &good));
        let prepared = PreparedKey::new(&key);
        let mut all = vec![good.clone(); 6];
        all[1].proof.a = g1(scalar(rng));
        all[2].proof.b = g2(scalar(rng));
        all[3].proof.c = g1(scalar(rng));
        all[4].proof.a = -good.proof.a;
        if let Some(input) = all[5].public_inputs.first_mut() {
            *input = scalar(rng);
        }
        let mut bad = Vec::new();
        for (index, statement) in all.iter().enumerate() {
            let expected = judge(&key, statement);
            let got = prepared.verify(&statement.proof, &statement.public_inputs);
            prop_assert_eq!(got.is_ok(), expected, "{}", index);
            if !expected {
                bad.push(index);
            }
        }
        prop_assert_eq!(prepared.find_bad(&all, &[1; 32]), bad);
        prop_assert_eq!(prepared.verify_batch(&vec![good; 70], &[2; 32]), Ok(()));
    }
}

#[test]
fn points_that_no_decoder_gives_out_are_refused_all_the_same() {
    let rng = &mut StdRng::seed_from_u64(1);
    // Infinity beside them would make anything good.
    let finite = |proof: &Proof| !proof.a.is_zero() && !proof.b.is_zero();
    let mut statements = core::iter::repeat_with(|| statement(rng));
    let (key, good) = statements.find(|(_, good)| finite(&good.proof)).unwrap();
    let prepared = PreparedKey::new(&key);
    let refused = |proof| assert!(prepared.verify(&proof, &good.public_inputs).is_err());
    // On the twist's curve but outside G2, off the curve, and where lines have no slope.
    let stray = (1_u64..)
        .map(|x| Fq2::new(Fq::from(x), Fq::ZERO))
        .find_map(|x| G2Affine::get_point_from_x_unchecked(x, true))
        .unwrap();
    assert!(!stray.is_in_correct_subgroup_assuming_on_curve());
    let proof = good.proof;
    refused(Proof { b: stray, ..proof });
    for (x, y) in [(0_u64, 1_u64), (1, 0), (5, 5)] {
        let (x, y) = (Fq::from(x), Fq::from(y));
        let a = G1Affine::new_unchecked(x, y);
        refused(Proof { a, ..proof });
        let b = G2Affine::new_unchecked(Fq2::new(x, y), Fq2::new(y, x));
        refused(Proof { b, ..proof });
    }
}
