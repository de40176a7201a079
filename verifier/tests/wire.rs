//! Held vectors, so that the formats never drift, and text of any length.
#![allow(clippy::unwrap_used)]

use ark_groth16::Groth16;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError};
use ark_relations::lc;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use prooflane_verifier::snarkjs::{SnarkjsProof, SnarkjsVerifyingKey};
use prooflane_verifier::{
    Bn254, DecodeError, Fr, KeyId, PreparedKey, Proof, Statement, VerifyingKey, field,
};
use serde_json::{Value, from_value, json};
use std::time::{Duration, Instant};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/tiny.json");

fn vector() -> Value {
    serde_json::from_str(include_str!("../vectors/tiny.json")).unwrap()
}

/// Every form of a key and of statements under it.
fn render(key: &VerifyingKey, statements: &[Statement]) -> Value {
    let statements = statements.iter().map(|Statement { proof, public_inputs }| {
        let decimal: Vec<String> = public_inputs.iter().map(field::to_decimal).collect();
        let bytes = |input| hex::encode(field::to_bytes_be(input));
        json!({
            "inputs": { "decimal": decimal, "bytes": public_inputs.iter().map(bytes).collect::<Vec<_>>() },
            "proof": { "compact": hex::encode(proof.to_compact()), "snarkjs": SnarkjsProof::from(proof) },
        })
    });
    json!({
        "key_id": key.id().to_string(),
        "key": { "compact": hex::encode(key.to_compact()), "snarkjs": SnarkjsVerifyingKey::from(key) },
        "statements": statements.collect::<Vec<_>>(),
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn key(vector: &Value) -> VerifyingKey {
    VerifyingKey::from_compact(&bytes(&vector["key"]["compact"])).unwrap()
}

fn statement(vector: &Value) -> Statement {
    let inputs = vector["inputs"]["decimal"].as_array().unwrap();
    Statement {
        proof: Proof::from_compact(&bytes(&vector["proof"]["compact"])).unwrap(),
        public_inputs: inputs
            .iter()
            .map(|i| field::parse(i.as_str().unwrap()).unwrap())
            .collect(),
    }
}

#[test]
fn the_held_vector_reads_verifies_and_is_written_the_same() {
    let vector = vector();
    let key = key(&vector);
    let statements: Vec<_> = vector["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(statement)
        .collect();
    assert_eq!(render(&key, &statements), vector);
    assert_eq!(
        vector["key_id"].as_str().unwrap().parse::<KeyId>(),
        Ok(key.id())
    );

    let json: SnarkjsVerifyingKey = from_value(vector["key"]["snarkjs"].clone()).unwrap();
    assert_eq!(VerifyingKey::try_from(&json).as_ref(), Ok(&key));
    let prepared = PreparedKey::new(&key);
    for (statement, vector) in statements
        .iter()
        .zip(vector["statements"].as_array().unwrap())
    {
        let json: SnarkjsProof = from_value(vector["proof"]["snarkjs"].clone()).unwrap();
        assert_eq!(Proof::try_from(&json), Ok(statement.proof));
        for (bytes, input) in vector["inputs"]["bytes"]
            .as_array()
            .unwrap()
            .iter()
            .zip(&statement.public_inputs)
        {
            assert_eq!(
                field::parse(&format!("0x{}", bytes.as_str().unwrap())),
                Ok(*input)
            );
        }
        assert_eq!(
            prepared.verify(&statement.proof, &statement.public_inputs),
            Ok(())
        );
    }
    assert_eq!(prepared.verify_batch(&statements, &[0; 32]), Ok(()));
    // Points of both signs are among them.
    for last in [31, 95, 127] {
        let mut flags: Vec<u8> = statements
            .iter()
            .map(|s| s.proof.to_compact()[last] >> 6)
            .collect();
        flags.sort_unstable();
        flags.dedup();
        assert_eq!(flags, [0b00, 0b10], "byte {last}");
    }
}

#[test]
fn a_key_of_another_set_up_refuses() {
    let (other, _) = make(3, 0);
    let vector = vector();
    let Statement {
        proof,
        public_inputs,
    } = statement(&vector["statements"][0]);
    assert!(
        PreparedKey::new(&key(&vector))
            .verify(&proof, &public_inputs)
            .is_ok()
    );
    assert!(
        PreparedKey::new(&other)
            .verify(&proof, &public_inputs)
            .is_err()
    );
}

#[test]
fn ten_megabytes_are_refused_at_once() {
    let good: SnarkjsProof =
        from_value(vector()["statements"][0]["proof"]["snarkjs"].clone()).unwrap();
    let started = Instant::now();
    for long in ["7", "0", "\u{e9}", "0x7"].map(|part| part.repeat(10_000_000 / part.len())) {
        let mut texts = vec![field::parse(&long).unwrap_err()];
        let mut json = good.clone();
        json.pi_b[1][0] = long.clone();
        texts.push(Proof::try_from(&json).unwrap_err());
        for error in texts {
            assert!(
                matches!(&error, DecodeError::Field(text) if text.chars().count() == 80),
                "{error}"
            );
        }
        json = SnarkjsProof {
            protocol: long.clone(),
            ..good.clone()
        };
        let error = Proof::try_from(&json).unwrap_err();
        assert!(
            matches!(&error, DecodeError::Json { what: "protocol", got, .. } if got.chars().count() == 80)
        );
        assert!(long.parse::<KeyId>().is_err());
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn numbers_near_the_limits() {
    let refused = |text: &str| assert!(field::parse(text).is_err(), "{text}");
    // 2^256 - 1, 2^256, 2^256 + 1: none may wrap around.
    refused("115792089237316195423570985008687907853269984665640564039457584007913129639935");
    refused("115792089237316195423570985008687907853269984665640564039457584007913129639936");
    refused("115792089237316195423570985008687907853269984665640564039457584007913129639937");
    // Twice and five times the modulus still fit into 256 bits.
    refused("43776485743678550444492811490514550177096728800832068687396408373151616991234");
    refused("109441214359196376111232028726286375442741822002080171718491020932879042478085");
    let one = |zeros: usize| format!("0x{}1", "0".repeat(zeros));
    for zeros in [0, 1, 2, 62, 63] {
        assert_eq!(field::parse(&one(zeros)), Ok(Fr::from(1)));
    }
    refused(&one(64));
    assert_eq!(field::parse("0xABCdef"), Ok(Fr::from(0xab_cdef)));
}

/// `factor * cofactor = product`; product and cofactor are public.
struct Factor(u64, u64);

impl ConstraintSynthesizer<Fr> for Factor {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let product = cs.new_input_variable(|| Ok(Fr::from(self.0 * self.1)))?;
        let cofactor = cs.new_input_variable(|| Ok(Fr::from(self.1)))?;
        let factor = cs.new_witness_variable(|| Ok(Fr::from(self.0)))?;
        cs.enforce_r1cs_constraint(|| lc!() + factor, || lc!() + cofactor, || lc!() + product)
    }
}

fn make(seed: u64, statements: u64) -> (VerifyingKey, Vec<Statement>) {
    type Scheme = Groth16<Bn254>;
    let rng = &mut StdRng::seed_from_u64(seed);
    let key = Scheme::generate_random_parameters_with_reduction(Factor(1, 1), rng).unwrap();
    let statement = |i| {
        let (factor, cofactor) = (u64::MAX >> 32, i + 3);
        let proof = Scheme::create_random_proof_with_reduction(Factor(factor, cofactor), &key, rng)
            .unwrap();
        Statement {
            proof: Proof {
                a: proof.a,
                b: proof.b,
                c: proof.c,
            },
            public_inputs: vec![Fr::from(factor * cofactor), Fr::from(cofactor)],
        }
    };
    let statements = (0..statements).map(statement).collect();
    let vk = key.vk;
    let ic = vk.gamma_abc_g1;
    let key = VerifyingKey {
        alpha: vk.alpha_g1,
        beta: vk.beta_g2,
        gamma: vk.gamma_g2,
        delta: vk.delta_g2,
        ic,
    };
    (key, statements)
}

/// How the vector was made. `cargo test -p prooflane-verifier --test wire -- --ignored`
#[test]
#[ignore = "writes the held vector"]
fn make_the_vector() {
    let (key, statements) = make(1, 5);
    let text = serde_json::to_string_pretty(&render(&key, &statements)).unwrap();
    std::fs::write(PATH, text + "\n").unwrap();
}
