//! Vectors made by the JavaScript libraries, see `vectors/generate.mjs`.

use std::str::FromStr;

use ark_ec::twisted_edwards::TECurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::BigInteger256;

use super::*;
use crate::blake512::blake512;
use crate::fields::{bytes, field_of};

fn load(name: &str) -> Vec<Value> {
    match serde_json::from_str(&read(name)).unwrap() {
        Value::Array(vectors) if !vectors.is_empty() => vectors,
        other => panic!("expected a list of vectors, got {other}"),
    }
}

fn read(name: &str) -> String {
    std::fs::read_to_string(format!(
        "{}/vectors/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

fn point(value: &Value) -> Point {
    Point::new_unchecked(field_of(&value[0]).unwrap(), field_of(&value[1]).unwrap())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[test]
fn blake512_as_blake_hash() {
    for v in load("blake512") {
        let input = hex::decode(&text(&v, "input")[2..]).unwrap();
        assert_eq!(
            format!("0x{}", hex::encode(*blake512(&input))),
            text(&v, "hash"),
            "{} bytes",
            input.len()
        );
    }
}

#[test]
fn poseidon_as_poseidon_lite() {
    for v in load("poseidon") {
        let inputs: Vec<Fr> = v["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| field_of(x).unwrap())
            .collect();
        assert_eq!(
            poseidon(&inputs).to_string(),
            text(&v, "hash"),
            "{inputs:?}"
        );
    }
}

#[test]
fn base_point_multiples_as_zk_kit() {
    for v in load("babyjub") {
        let scalar = BigInteger256::from_str(text(&v, "scalar")).unwrap();
        let multiple = BabyJubjub::GENERATOR.mul_bigint(scalar).into_affine();
        assert_eq!(multiple, point(&v["point"]));
        let packed = pack_point(&multiple);
        assert_eq!(format!("0x{}", hex::encode(packed)), text(&v, "packed"));
        assert_eq!(unpack_point(&packed), Some(multiple));
    }
}

#[test]
fn keys_and_signatures_as_zk_kit() {
    for v in load("eddsa") {
        let key = SecretKey::from_seed(&bytes(text(&v, "seed")).unwrap());
        assert_eq!(key.public_key(), point(&v["key"]));
        assert_eq!(
            format!("0x{}", hex::encode(pack_point(&key.public_key()))),
            text(&v, "packedKey")
        );
        let message = field_of(&v["message"]).unwrap();
        let signature = Signature {
            r8: point(&v["r8"]),
            s: BigInteger256::from_str(text(&v, "s")).unwrap(),
        };
        assert_eq!(key.sign(message), signature);
        assert!(verify(&key.public_key(), message, &signature));
        assert!(!verify(&key.public_key(), message + fr(1), &signature));
        let packed = bytes(text(&v, "packed")).unwrap();
        assert_eq!(signature.pack(), packed);
        assert_eq!(Signature::unpack(&packed), Some(signature));
    }
}

#[test]
fn texts_and_bytes_as_field_elements() {
    let vectors: Value = serde_json::from_str(&read("fields")).unwrap();
    for v in vectors["text"].as_array().unwrap() {
        assert_eq!(
            text_to_field(text(v, "domain"), text(v, "text")).to_string(),
            text(v, "field")
        );
    }
    for v in vectors["bytes32"].as_array().unwrap() {
        assert_eq!(
            bytes32_to_field(&bytes(text(v, "bytes")).unwrap()).to_string(),
            text(v, "field")
        );
    }
}

#[test]
fn roots_of_datasets_as_circomlibjs() {
    for v in load("rows") {
        let rows = v["rows"].as_array().unwrap();
        let parts = rows[0]["row"].as_array().unwrap().len();
        let leaf = |row: &Value| {
            let keys: Vec<Option<u64>> = row["row"]
                .as_array()
                .unwrap()
                .iter()
                .map(crate::fields::u64_of)
                .collect();
            row_leaf(&keys, &bytes(text(row, "salt")).unwrap())
        };
        let mut level: Vec<Fr> = rows.iter().map(leaf).collect();
        let mut empty = fr(0);
        for _ in 0..ROW_LEVELS {
            let node =
                |nodes: &[Fr]| row_node(std::array::from_fn(|i| *nodes.get(i).unwrap_or(&empty)));
            level = level.chunks(4).map(node).collect();
            empty = row_node([empty; 4]);
        }
        assert_eq!(level.len(), 1);
        let root = rows_root(level[0], parts).to_string();
        assert_eq!(root, text(&v, "root"), "{} rows of {parts}", rows.len());

        // As the circuit has it: one row's inputs lead to the same root.
        let inputs = &v["inputs"];
        let public = circuit("dataset-row@1").public_inputs(inputs).unwrap();
        assert_eq!(public[0].to_string(), root);
        let witness = circuit("dataset-row@1").witness(inputs).unwrap();
        let r1cs = circuit("dataset-row@1").r1cs().unwrap();
        assert_eq!(r1cs.first_unsatisfied(witness.assignment()), None);
    }
}

/// Receipts signed here; `vectors/generate.mjs` has the JavaScript libraries verify them.
#[test]
fn our_signatures_are_those_that_javascript_verified() {
    let vector = |i: u8| {
        let attestor = Attestor::from_seed(&[i; 32]);
        let receipt = Receipt {
            payer_commitment: payer_commitment(scramble(i.into())),
            recipient: recipient_to_field("merchant-1"),
            asset: asset_to_field("eip155:8453/erc20:usdc"),
            amount: u64::MAX - u64::from(i),
            payment_time: 1_700_000_000,
            tx_hash: tx_hash_to_field(&bytes32(i.into())),
        };
        let (key, signature) = (attestor.public_key(), attestor.sign(&receipt));
        json!({
            "key": [key.x.to_string(), key.y.to_string()],
            "message": receipt.message().to_string(),
            "r8": [signature.r8.x.to_string(), signature.r8.y.to_string()],
            "s": signature.s.to_string(),
            "packed": format!("0x{}", hex::encode(signature.pack())),
        })
    };
    let made = format!("{:#}\n", Value::from_iter((0..4).map(vector)));
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(
            format!(
                "{}/vectors/rust-signatures.json",
                env!("CARGO_MANIFEST_DIR")
            ),
            &made,
        )
        .unwrap();
    }
    assert_eq!(
        read("rust-signatures"),
        made,
        "UPDATE_VECTORS=1 rewrites the file; then run node generate.mjs --check"
    );
}

#[test]
fn unpacking_is_strict() {
    let mut negative_zero = pack_point(&Point::zero());
    negative_zero[31] |= 0x80;
    assert_eq!(unpack_point(&negative_zero), None, "x = 0 has no sign");
    assert_eq!(
        unpack_point(&[0x7f; 32]),
        None,
        "y is not below the modulus"
    );
    let off_curve = |y| unpack_point(&pack_point(&Point::new_unchecked(fr(1), fr(y)))).is_none();
    assert!(
        (2..50).filter(|y| off_curve(*y)).count() > 10,
        "no x for about half of all y"
    );
}
