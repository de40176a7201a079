//! Times of this crate beside those of arkworks, in turns, as medians: a key of nine public inputs.
//! `cargo run --release -p prooflane-verifier --features parallel --example against_arkworks [rounds]`;
//! without the feature it runs as Wasm too (`--target wasm32-wasip1`).

use ark_bn254::{G1Projective, G2Projective};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::UniformRand;
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use prooflane_verifier::{Bn254, Fr, PreparedKey, Proof, Statement, VerifyingKey};
use std::hint::black_box;
use std::time::{Duration, Instant};

const INPUTS: usize = 9;
const BATCH: usize = 256;

/// A key whose secrets are known, and proofs made from them.
fn fixture() -> (VerifyingKey, Vec<Statement>) {
    let rng = &mut StdRng::seed_from_u64(1);
    let (g1, g2) = (G1Projective::generator(), G2Projective::generator());
    let [alpha, beta, gamma, delta] = [(); 4].map(|()| Fr::rand(rng));
    let ic: Vec<Fr> = (0..=INPUTS).map(|_| Fr::rand(rng)).collect();
    let statements = (0..BATCH).map(|_| {
        let public_inputs: Vec<Fr> = (0..INPUTS).map(|_| Fr::rand(rng)).collect();
        let products = ic[1..].iter().zip(&public_inputs).map(|(ic, x)| *ic * x);
        let inputs = ic[0] + products.sum::<Fr>();
        let (a, b) = (Fr::rand(rng), Fr::rand(rng));
        let c = (a * b - alpha * beta - inputs * gamma) / delta;
        let proof = Proof {
            a: (g1 * a).into_affine(),
            b: (g2 * b).into_affine(),
            c: (g1 * c).into_affine(),
        };
        Statement {
            proof,
            public_inputs,
        }
    });
    let statements = statements.collect();
    let key = VerifyingKey {
        alpha: (g1 * alpha).into_affine(),
        beta: (g2 * beta).into_affine(),
        gamma: (g2 * gamma).into_affine(),
        delta: (g2 * delta).into_affine(),
        ic: ic.iter().map(|ic| (g1 * ic).into_affine()).collect(),
    };
    (key, statements)
}

/// Medians of several functions, run in turns.
fn medians(rounds: usize, functions: &[&dyn Fn()]) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(rounds); functions.len()];
    for _ in 0..rounds {
        for (function, times) in functions.iter().zip(&mut times) {
            let started = Instant::now();
            function();
            times.push(started.elapsed());
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    times.into_iter().map(median).collect()
}

fn main() {
    let rounds = std::env::args().nth(1);
    let rounds = rounds.map_or(101, |rounds| rounds.parse().expect("a number of rounds"));
    let (key, statements) = fixture();
    let Statement {
        proof,
        public_inputs,
    } = &statements[0];
    let arkworks_key = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: key.alpha,
        beta_g2: key.beta,
        gamma_g2: key.gamma,
        delta_g2: key.delta,
        gamma_abc_g1: key.ic.clone(),
    };
    let arkworks_proof = ark_groth16::Proof::<Bn254> {
        a: proof.a,
        b: proof.b,
        c: proof.c,
    };
    let prepared = PreparedKey::new(&key);
    let arkworks_prepared = prepare_verifying_key(&arkworks_key);
    let bytes = proof.to_compact();
    let times = medians(
        rounds,
        &[
            &|| {
                let result = Groth16::<Bn254>::verify_proof(
                    &arkworks_prepared,
                    &arkworks_proof,
                    public_inputs,
                );
                assert!(result.expect("as many inputs as the key has"));
            },
            &|| assert!(prepared.verify(proof, public_inputs).is_ok()),
            &|| drop(black_box(prepare_verifying_key(&arkworks_key))),
            &|| drop(black_box(PreparedKey::new(&key))),
            &|| assert!(Proof::from_compact(&bytes).is_ok()),
        ],
    );
    let batch = medians(
        rounds.div_ceil(10),
        &[&|| {
            assert!(prepared.verify_batch(&statements, &[7; 32]).is_ok());
        }],
    );
    let [arkworks, verify, arkworks_prepare, prepare, decode] = times[..] else {
        unreachable!("as many times as functions")
    };
    let ratio = |arkworks: Duration, own: Duration| arkworks.as_secs_f64() / own.as_secs_f64();
    println!(
        "one proof: {verify:.1?}, arkworks {arkworks:.1?} ({:.2} times)",
        ratio(arkworks, verify)
    );
    println!("a key: {prepare:.1?}, arkworks {arkworks_prepare:.1?}");
    println!("decoding a proof: {decode:.1?}");
    println!("a batch of {BATCH}, each: {:.1?}", batch[0] / BATCH as u32);
}
