//! Random payments, one after the other: does every proof verify?

use crate::Result;
use ark_bn254::Bn254;
use ark_groth16::{Groth16, PreparedVerifyingKey, VerifyingKey};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use prooflane_circuits::{
    Attestor, Fr, PayerSecret, Receipt, asset_to_field, recipient_to_field, tx_hash_to_field,
};
use prooflane_engine::{Backend, CircuitKey, Keys, prove};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::time::Instant;

/// Makes so many proofs of random payments with a new key, some at a time on a random number of threads, and has each
/// verified by the engine's verifier and by arkworks'. The n-th proof depends on nothing but the seed plus n.
pub(crate) fn soak(proofs: u64, seed: u64) -> Result<()> {
    let circuit = prooflane_circuits::find("payment@1").ok_or("no such circuit")?;
    let folder = tempfile::tempdir()?;
    let key = Keys::open(folder.path())?.get(circuit)?;
    let judge = arkworks(&key);
    let most = 2 * std::thread::available_parallelism()?.get();
    let pools = (1..=most)
        .map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build())
        .collect::<std::result::Result<Vec<_>, _>>()?;
    println!(
        "{proofs} proofs of payment@1, seed {seed}, backend {}, 1 to {most} threads",
        Backend::from_environment()?
    );
    let started = Instant::now();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut done = 0;
    while done < proofs {
        let pool = &pools[rng.gen_range(0..pools.len())];
        let next = (done + rng.gen_range(1..=4)).min(proofs);
        pool.install(|| {
            (done..next).into_par_iter().try_for_each(|n| {
                let seed = seed.wrapping_add(n);
                let one = one(&key, &judge, &payment(&mut StdRng::seed_from_u64(seed)));
                one.map_err(|error| {
                    format!(
                        "seed {seed}, {} threads: {error}",
                        pool.current_num_threads()
                    )
                })
            })
        })?;
        if done / 1000 < next / 1000 {
            println!("{next} verified");
        }
        done = next;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{done} proofs made and verified in {seconds:.0} s, seed {seed}");
    Ok(())
}

fn one(
    key: &CircuitKey,
    judge: &PreparedVerifyingKey<Bn254>,
    inputs: &Value,
) -> std::result::Result<(), String> {
    let circuit = prooflane_circuits::find(key.circuit()).ok_or("no such circuit")?;
    let witness = circuit.witness(inputs).map_err(|error| error.to_string())?;
    let public = circuit
        .public_inputs(inputs)
        .map_err(|error| error.to_string())?;
    let proof = prove(key, &witness).map_err(|error| error.to_string())?;
    let theirs = ark_groth16::Proof {
        a: proof.a,
        b: proof.b,
        c: proof.c,
    };
    let verified = Groth16::<Bn254>::verify_proof(judge, &theirs, &public);
    if !verified.map_err(|error| error.to_string())? {
        return Err("arkworks does not verify the proof".into());
    }
    let verify = |public: &[Fr]| key.prepared().verify(&proof, public);
    verify(&public).map_err(|error| error.to_string())?;
    let mut other = public;
    other[7] += Fr::from(1);
    match verify(&other) {
        Err(_) => Ok(()),
        Ok(()) => Err("the proof verifies for another binding too".into()),
    }
}

fn arkworks(key: &CircuitKey) -> PreparedVerifyingKey<Bn254> {
    let key = key.verifying_key().clone();
    ark_groth16::prepare_verifying_key(&VerifyingKey {
        alpha_g1: key.alpha,
        beta_g2: key.beta,
        gamma_g2: key.gamma,
        delta_g2: key.delta,
        gamma_abc_g1: key.ic,
    })
}

/// Inputs of a payment for which the statement holds, often just so.
fn payment(rng: &mut StdRng) -> Value {
    let mut any = || match rng.gen_range(0..4) {
        0 => 0,
        1 => u64::MAX,
        2 => rng.gen_range(0..1 << 20),
        _ => rng.r#gen(),
    };
    let (asked, more, now, age, slack) = (any(), any(), any(), any(), any());
    let (amount, age) = (asked.saturating_add(more), age.min(now));
    let binding: [u8; 31] = rng.r#gen();
    let mut entropy = [0; 64];
    rng.fill(&mut entropy[..]);
    let (attestor, secret) = (
        Attestor::from_seed(&rng.r#gen()),
        PayerSecret::from_entropy(&entropy),
    );
    let [recipient, asset, tx] = std::array::from_fn(|_| format!("{:x}", rng.r#gen::<u128>()));
    let key = attestor.public_key();
    let signature = attestor.sign(&Receipt {
        payer_commitment: secret.commitment(),
        recipient: recipient_to_field(&recipient),
        asset: asset_to_field(&asset),
        amount,
        payment_time: now - age,
        tx_hash: tx_hash_to_field(&tx),
    });
    let decimal = |value: &Fr| value.to_string();
    json!({
        "attestorKey": { "x": decimal(&key.x), "y": decimal(&key.y) },
        "recipientKey": recipient,
        "asset": asset,
        "minAmount": asked.to_string(),
        "maxBlockAge": age.saturating_add(slack).to_string(),
        "currentTime": now.to_string(),
        "binding": decimal(&ark_ff::PrimeField::from_le_bytes_mod_order(&binding)),
        "actualAmount": amount.to_string(),
        "payerSecret": decimal(&secret.expose()),
        "txHash": tx,
        "paymentTime": (now - age).to_string(),
        "signature": {
            "r8": [decimal(&signature.r8.x), decimal(&signature.r8.y)],
            "s": signature.s.to_string(),
        },
    })
}
