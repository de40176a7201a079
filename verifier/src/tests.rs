use crate::snarkjs::{SnarkjsProof, SnarkjsVerifyingKey};
use crate::{
    BatchError, Bn254, DecodeError, Fr, G1Affine, G2Affine, KeyId, PreparedKey, Proof, Statement,
    VerifyError, VerifyingKey, field,
};
use alloc::string::{String, ToString};
use alloc::{format, vec, vec::Vec};
use ark_bn254::{Fq, Fq2};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError, Variable};
use ark_relations::lc;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use proptest::prelude::*;

/// The R1CS of "I know a factor of `product`": `factor * cofactor = product`; public: product, cofactor.
struct Factor(u64, u64);

impl ConstraintSynthesizer<Fr> for Factor {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let product = cs.new_input_variable(|| Ok(Fr::from(self.0 * self.1)))?;
        let cofactor = cs.new_input_variable(|| Ok(Fr::from(self.1)))?;
        let factor = cs.new_witness_variable(|| Ok(Fr::from(self.0)))?;
        cs.enforce_r1cs_constraint(|| lc!() + factor, || lc!() + cofactor, || lc!() + product)?;
        cs.enforce_r1cs_constraint(
            || lc!() + cofactor,
            || lc!() + Variable::One,
            || lc!() + cofactor,
        )
    }
}

/// A key and `n` proofs under it.
fn fixture(n: u64) -> (VerifyingKey, Vec<Statement>) {
    let rng = &mut StdRng::seed_from_u64(2);
    let key =
        Groth16::<Bn254>::generate_random_parameters_with_reduction(Factor(1, 1), rng).unwrap();
    let statements = (0..n).map(|i| {
        let (factor, cofactor) = (7 + i, 11 * i + 3);
        let proof = Groth16::<Bn254>::create_random_proof_with_reduction(
            Factor(factor, cofactor),
            &key,
            rng,
        )
        .unwrap();
        Statement {
            proof: Proof {
                a: proof.a,
                b: proof.b,
                c: proof.c,
            },
            public_inputs: vec![Fr::from(factor * cofactor), Fr::from(cofactor)],
        }
    });
    let statements = statements.collect();
    let vk = key.vk;
    let key = VerifyingKey {
        alpha: vk.alpha_g1,
        beta: vk.beta_g2,
        gamma: vk.gamma_g2,
        delta: vk.delta_g2,
        ic: vk.gamma_abc_g1,
    };
    (key, statements)
}

fn one() -> (VerifyingKey, Proof, Vec<Fr>) {
    let (key, mut statements) = fixture(1);
    let Statement {
        proof,
        public_inputs,
    } = statements.remove(0);
    (key, proof, public_inputs)
}

fn g1(scalar: u64) -> G1Affine {
    (G1Affine::generator() * Fr::from(scalar)).into_affine()
}

fn g2(scalar: u64) -> G2Affine {
    (G2Affine::generator() * Fr::from(scalar)).into_affine()
}

/// A point of the twist's curve that is not in G2.
fn stray() -> G2Affine {
    (1..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::ZERO), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}

/// An x coordinate of no point of G1.
fn off_curve_x() -> Fq {
    (1_u64..)
        .map(Fq::from)
        .find(|x| G1Affine::get_point_from_x_unchecked(*x, true).is_none())
        .unwrap()
}

fn le(x: Fq) -> Vec<u8> {
    x.into_bigint().to_bytes_le()
}

/// 32 bytes that stand for `small` + the modulus of the base field.
fn overflowing(small: u64) -> Vec<u8> {
    let mut value = Fq::MODULUS;
    assert!(!value.add_with_carry(&small.into()));
    value.to_bytes_le()
}

fn point_error<T: core::fmt::Debug>(
    result: Result<T, DecodeError>,
) -> (&'static str, &'static str) {
    match result.unwrap_err() {
        DecodeError::Point { what, got } => (what, got),
        other => panic!("{other:?}"),
    }
}

#[test]
fn accepts_what_is_right_and_refuses_every_change() {
    let (key, proof, inputs) = one();
    let prepared = PreparedKey::new(&key);
    assert_eq!(prepared.verify(&proof, &inputs), Ok(()));

    let refused = |key: &PreparedKey, proof: &Proof, inputs: &[Fr]| {
        assert_eq!(key.verify(proof, inputs), Err(VerifyError::Invalid));
    };
    for i in 0..inputs.len() {
        let mut inputs = inputs.clone();
        inputs[i] += Fr::ONE;
        refused(&prepared, &proof, &inputs);
    }
    refused(&prepared, &proof, &[inputs[1], inputs[0]]);
    for changed in [
        Proof { a: g1(5), ..proof },
        Proof { b: g2(5), ..proof },
        Proof { c: g1(5), ..proof },
        Proof {
            a: -proof.a,
            ..proof
        },
        Proof {
            b: -proof.b,
            ..proof
        },
        Proof {
            c: -proof.c,
            ..proof
        },
        Proof {
            a: proof.c,
            c: proof.a,
            ..proof
        },
        Proof {
            a: G1Affine::identity(),
            ..proof
        },
        Proof {
            b: G2Affine::identity(),
            ..proof
        },
        Proof {
            c: G1Affine::identity(),
            ..proof
        },
    ] {
        refused(&prepared, &changed, &inputs);
    }
    for part in 0..7 {
        let mut key = key.clone();
        match part {
            0 => key.alpha = g1(5),
            1 => key.beta = g2(5),
            2 => key.gamma = g2(5),
            3 => key.delta = g2(5),
            i => key.ic[i - 4] = g1(5),
        }
        refused(&PreparedKey::new(&key), &proof, &inputs);
    }
    // Malleable all the same, which is why nobody may tell proofs apart by their bytes.
    let negated = Proof {
        a: -proof.a,
        b: -proof.b,
        ..proof
    };
    assert_eq!(prepared.verify(&negated, &inputs), Ok(()));
}

#[test]
fn says_how_many_public_inputs() {
    let (key, proof, inputs) = one();
    let prepared = PreparedKey::new(&key);
    for got in [0, 1, 3, 100] {
        let inputs = vec![inputs[0]; got];
        let error = prepared.verify(&proof, &inputs).unwrap_err();
        assert_eq!(error, VerifyError::PublicInputs { expected: 2, got });
        assert_eq!(
            error.to_string(),
            format!("expected 2 public inputs, got {got}")
        );
    }
    let empty = PreparedKey::new(&VerifyingKey { ic: vec![], ..key });
    assert!(empty.verify(&proof, &[]).is_err());
}

#[test]
fn no_single_bit_of_a_compact_proof_can_change() {
    let (key, proof, inputs) = one();
    let prepared = PreparedKey::new(&key);
    let bytes = proof.to_compact();
    assert_eq!(Proof::from_compact(&bytes), Ok(proof));
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes;
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = Proof::from_compact(&bytes) {
            assert_eq!(changed.to_compact(), bytes);
            assert!(prepared.verify(&changed, &inputs).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn malformed_compact_proofs() {
    let (_, proof, _) = one();
    let good = proof.to_compact();
    for got in [0, 1, 127, 129, 256] {
        let error = Proof::from_compact(&vec![0; got]).unwrap_err();
        let (what, expected) = ("proof", 128);
        assert_eq!(
            error,
            DecodeError::Length {
                what,
                expected,
                got
            }
        );
    }
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good;
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        point_error(Proof::from_compact(&changed))
    };
    let no_point = crate::decode::NO_POINT;
    // G1: x = 1 is on the curve, and x = 1 + p is the same x written otherwise.
    assert!(Proof::from_compact(&[&le(Fq::ONE), &good[32..]].concat()).is_ok());
    for (at, what) in [(0, "A"), (96, "C")] {
        assert_eq!(with(at, &overflowing(1)), (what, no_point));
        assert_eq!(with(at, &overflowing(0)), (what, no_point));
        assert_eq!(with(at, &le(off_curve_x())), (what, no_point));
        assert_eq!(with(at, &[0xff; 32]), (what, no_point));
        // Infinity: only x = 0 with bit 6 alone.
        let mut infinity = [0; 32];
        infinity[31] = 0xc0;
        assert_eq!(with(at, &infinity), (what, no_point));
        infinity[31] = 0x41;
        assert_eq!(with(at, &infinity), (what, "another spelling of one"));
        infinity[31] = 0x40;
        infinity[0] = 1;
        assert_eq!(with(at, &infinity), (what, "another spelling of one"));
    }
    // G2: either half of x may overflow, the point may be off the curve or outside the subgroup.
    assert_eq!(with(32, &overflowing(1)), ("B", no_point));
    assert_eq!(with(64, &overflowing(1)), ("B", no_point));
    let x = (1_u64..)
        .map(|x| Fq2::new(Fq::from(x), Fq::ZERO))
        .find(|x| G2Affine::get_point_from_x_unchecked(*x, true).is_none())
        .unwrap();
    assert_eq!(with(32, &[le(x.c0), le(x.c1)].concat()), ("B", no_point));
    let mut bytes = vec![];
    crate::decode::compress(&stray(), &mut bytes);
    assert_eq!(with(32, &bytes), ("B", crate::decode::OUTSIDE));
    bytes.fill(0);
    bytes[63] = 0xc0;
    assert_eq!(with(32, &bytes), ("B", no_point));
    bytes[63] = 0x40;
    bytes[31] = 1;
    assert_eq!(with(32, &bytes), ("B", "another spelling of one"));
    // The flags of a field element that carries none.
    let mut changed = good;
    changed[63] |= 0x80;
    assert_eq!(point_error(Proof::from_compact(&changed)), ("B", no_point));
    // The one right spelling of infinity reads back as itself (and verifies for nobody).
    let infinite = Proof {
        a: G1Affine::identity(),
        b: G2Affine::identity(),
        c: G1Affine::identity(),
    };
    assert_eq!(Proof::from_compact(&infinite.to_compact()), Ok(infinite));
}

#[test]
fn malformed_compact_keys() {
    let (key, _, _) = one();
    let good = key.to_compact();
    assert_eq!(VerifyingKey::from_compact(&good), Ok(key.clone()));
    assert_eq!(key.public_inputs(), 2);
    for len in 0..good.len() {
        let error = VerifyingKey::from_compact(&good[..len]).unwrap_err();
        assert!(
            matches!(error, DecodeError::Length { .. }),
            "{len}: {error}"
        );
    }
    let longer = [&good[..], &[0]].concat();
    let (what, expected, got) = ("ic", 96, 97);
    let length = DecodeError::Length {
        what,
        expected,
        got,
    };
    assert_eq!(VerifyingKey::from_compact(&longer), Err(length));
    for count in [0_u32, 2, 4, u32::MAX] {
        let mut bytes = good.clone();
        bytes[224..228].copy_from_slice(&count.to_le_bytes());
        let error = VerifyingKey::from_compact(&bytes).unwrap_err();
        assert!(
            matches!(error, DecodeError::Length { what: "ic", .. }),
            "{error}"
        );
    }
    let (what, expected, got) = ("ic", 32, 0);
    let none = DecodeError::Length {
        what,
        expected,
        got,
    };
    let bytes = [&good[..224], &[0; 4]].concat();
    assert_eq!(VerifyingKey::from_compact(&bytes), Err(none));
    let mut bytes = vec![];
    crate::decode::compress(&stray(), &mut bytes);
    for (at, name) in [(32, "beta"), (96, "gamma"), (160, "delta")] {
        let mut changed = good.clone();
        changed[at..at + 64].copy_from_slice(&bytes);
        let (what, got) = point_error(VerifyingKey::from_compact(&changed));
        assert_eq!((what, got), (name, crate::decode::OUTSIDE));
    }
    let mut changed = good.clone();
    changed[260..292].copy_from_slice(&le(off_curve_x()));
    assert_eq!(point_error(VerifyingKey::from_compact(&changed)).0, "ic");
    changed = good;
    changed[..32].copy_from_slice(&overflowing(1));
    assert_eq!(point_error(VerifyingKey::from_compact(&changed)).0, "alpha");
}

#[test]
fn a_key_id_names_one_key() {
    let (key, _, _) = one();
    let id = key.id();
    assert_eq!(id.to_string().len(), 64);
    assert_eq!(id.to_string().parse::<KeyId>(), Ok(id));
    for text in ["", "00", &"0g".repeat(32), &"00".repeat(33)] {
        assert!(text.parse::<KeyId>().is_err(), "{text}");
    }
    let mut ids = vec![id];
    for part in 0..7 {
        let mut key = key.clone();
        match part {
            0 => key.alpha = -key.alpha,
            1 => key.beta = -key.beta,
            2 => key.gamma = -key.gamma,
            3 => key.delta = -key.delta,
            i => key.ic[i - 4] = -key.ic[i - 4],
        }
        ids.push(key.id());
    }
    ids.push(KeyId([0; 32]));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 9);
}

#[test]
fn snarkjs_forms() {
    let (key, proof, inputs) = one();
    let json = serde_json::to_value(SnarkjsProof::from(&proof)).unwrap();
    let back: SnarkjsProof = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(Proof::try_from(&back), Ok(proof));
    assert_eq!(
        (&json["protocol"], &json["curve"]),
        (&"groth16".into(), &"bn128".into())
    );
    assert_eq!(json["pi_a"][2], "1");
    assert_eq!(json["pi_b"][2], serde_json::json!(["1", "0"]));

    let mut json = serde_json::to_value(SnarkjsVerifyingKey::from(&key)).unwrap();
    assert_eq!(json["nPublic"], 2);
    // snarkjs writes this one too, and reads keys without it.
    json["vk_alphabeta_12"] = serde_json::json!([[["1", "0"]]]);
    let back: SnarkjsVerifyingKey = serde_json::from_value(json).unwrap();
    assert_eq!(VerifyingKey::try_from(&back).as_ref(), Ok(&key));
    let prepared = PreparedKey::new(&VerifyingKey::try_from(&back).unwrap());
    assert_eq!(prepared.verify(&proof, &inputs), Ok(()));

    // The generators as everybody writes them (EIP-197).
    let generators = Proof {
        a: G1Affine::generator(),
        b: G2Affine::generator(),
        c: G1Affine::identity(),
    };
    let json = SnarkjsProof::from(&generators);
    assert_eq!(json.pi_a, ["1", "2", "1"]);
    assert_eq!(
        json.pi_b[0],
        [
            "10857046999023057135944570762232829481370756359578518086990519993285655852781",
            "11559732032986387107991004021392285783925812861821192530917403151452391805634",
        ]
    );
    assert_eq!(json.pi_c, ["0", "1", "0"]);
    assert_eq!(Proof::try_from(&json), Ok(generators));
    let infinite = Proof {
        b: G2Affine::identity(),
        ..generators
    };
    let json = SnarkjsProof::from(&infinite);
    assert_eq!(json.pi_b, [["0", "0"], ["1", "0"], ["0", "0"]]);
    assert_eq!(Proof::try_from(&json), Ok(infinite));
}

#[test]
fn malformed_snarkjs_proofs() {
    let (_, proof, _) = one();
    let good = SnarkjsProof::from(&proof);
    let with = |change: &dyn Fn(&mut SnarkjsProof)| {
        let mut json = good.clone();
        change(&mut json);
        Proof::try_from(&json)
    };
    let generator = || ["1".to_string(), "2".to_string(), "1".to_string()];
    assert!(with(&|p| p.pi_a = generator()).is_ok());

    let plus_p = |small: u64| {
        let mut value = Fq::MODULUS;
        value.add_with_carry(&small.into());
        value.to_string()
    };
    for bad in [
        "",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "0x1",
        "1.0",
        "1e0",
        "\u{661}",
        &plus_p(0),
        &plus_p(1),
        &"9".repeat(78),
        &"1".repeat(5000),
    ] {
        let error = with(&|p| {
            p.pi_a = generator();
            p.pi_a[0] = bad.into();
        })
        .unwrap_err();
        assert!(matches!(error, DecodeError::Field(_)), "{bad}: {error}");
        assert!(error.to_string().len() < 300);
        for half in 0..2 {
            let error = with(&|p| p.pi_b[1][half] = bad.into()).unwrap_err();
            assert!(matches!(error, DecodeError::Field(_)), "{bad}: {error}");
        }
    }
    let z = "one whose z is not 1";
    for bad in ["0", "2", "01", ""] {
        assert_eq!(point_error(with(&|p| p.pi_a[2] = bad.into())), ("pi_a", z));
        assert_eq!(point_error(with(&|p| p.pi_c[2] = bad.into())), ("pi_c", z));
        assert_eq!(
            point_error(with(&|p| p.pi_b[2][0] = bad.into())),
            ("pi_b", z)
        );
    }
    assert_eq!(
        point_error(with(&|p| p.pi_b[2][1] = "1".into())),
        ("pi_b", z)
    );
    let off = crate::decode::NO_POINT;
    assert_eq!(
        point_error(with(&|p| p.pi_a[1] = "3".into())),
        ("pi_a", off)
    );
    assert_eq!(
        point_error(with(&|p| p.pi_b[1][1] = "3".into())),
        ("pi_b", off)
    );
    let stray = SnarkjsProof::from(&Proof {
        b: stray(),
        ..proof
    });
    assert_eq!(
        point_error(Proof::try_from(&stray)),
        ("pi_b", crate::decode::OUTSIDE)
    );
    // (0, 0, 1) is no point, and neither are other spellings of infinity.
    for infinity in [
        ["0", "0", "1"],
        ["0", "0", "0"],
        ["1", "1", "0"],
        ["0", "2", "0"],
    ] {
        let result = with(&|p| p.pi_a = infinity.map(String::from));
        assert_eq!(point_error(result).0, "pi_a");
    }
    for (protocol, curve) in [("plonk", "bn128"), ("groth16", "bls12381"), ("", "")] {
        let error = with(&|p| {
            p.protocol = protocol.into();
            p.curve = curve.into();
        });
        assert!(matches!(error, Err(DecodeError::Json { .. })));
    }
    let json = serde_json::to_value(&good).unwrap();
    for member in ["pi_a", "pi_b", "pi_c", "protocol", "curve"] {
        let mut json = json.clone();
        json.as_object_mut().unwrap().remove(member);
        let result = serde_json::from_value::<SnarkjsProof>(json);
        assert!(result.unwrap_err().to_string().contains(member));
    }
}

#[test]
fn malformed_snarkjs_keys() {
    let (key, _, _) = one();
    let good = SnarkjsVerifyingKey::from(&key);
    let with = |change: &dyn Fn(&mut SnarkjsVerifyingKey)| {
        let mut json = good.clone();
        change(&mut json);
        VerifyingKey::try_from(&json)
    };
    for n in [0, 1, 3, usize::MAX] {
        let error = with(&|k| k.n_public = n).unwrap_err();
        assert!(matches!(error, DecodeError::Json { what: "IC", .. }));
    }
    assert!(with(&|k| k.ic.clear()).is_err());
    assert!(with(&|k| k.protocol = "plonk".into()).is_err());
    assert!(with(&|k| k.curve = "bn254".into()).is_err());
    assert_eq!(
        point_error(with(&|k| k.vk_alpha_1[1] = "3".into())).0,
        "vk_alpha_1"
    );
    assert_eq!(point_error(with(&|k| k.ic[2][1] = "3".into())).0, "IC");
    let stray = SnarkjsProof::from(&Proof {
        a: g1(1),
        b: stray(),
        c: g1(1),
    });
    let outside = crate::decode::OUTSIDE;
    let result = with(&|k| k.vk_beta_2 = stray.pi_b.clone());
    assert_eq!(point_error(result), ("vk_beta_2", outside));
    let result = with(&|k| k.vk_gamma_2 = stray.pi_b.clone());
    assert_eq!(point_error(result), ("vk_gamma_2", outside));
    let result = with(&|k| k.vk_delta_2 = stray.pi_b.clone());
    assert_eq!(point_error(result), ("vk_delta_2", outside));
}

#[test]
fn field_elements() {
    let minus_one = to_text(-Fr::ONE);
    assert_eq!(
        minus_one,
        "21888242871839275222246405745257275088548364400416034343698204186575808495616"
    );
    for (text, value) in [
        ("0", Fr::ZERO),
        ("1", Fr::ONE),
        ("0x0", Fr::ZERO),
        ("0xff", Fr::from(255)),
        ("0xFf", Fr::from(255)),
        (&minus_one, -Fr::ONE),
        (
            &format!("0x{}", hex::encode(field::to_bytes_be(&-Fr::ONE))),
            -Fr::ONE,
        ),
    ] {
        assert_eq!(field::parse(text), Ok(value), "{text}");
    }
    let modulus = Fr::MODULUS.to_string();
    let hex_modulus = format!("0x{}", hex::encode(Fr::MODULUS.to_bytes_be()));
    for text in [
        "",
        "00",
        "01",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1_0",
        "1.0",
        "x",
        "0x",
        "0X1",
        "0xg",
        "0x+1",
        "0x 1",
        "\u{661}",
        "0x\u{e9}",
        &modulus,
        &hex_modulus,
        &"1".repeat(79),
        &"9".repeat(78),
        &format!("0x{}", "f".repeat(64)),
        &format!("0x{}", "0".repeat(65)),
        &format!("0x{}", "\u{e9}".repeat(32)),
        &"7".repeat(1_000_000),
    ] {
        let error = field::parse(text).unwrap_err();
        assert!(error.to_string().len() < 300, "{error}");
    }
    assert!(field::from_bytes_be(&[0; 31]).is_err());
    assert!(field::from_bytes_be(&[0; 33]).is_err());
    assert!(field::from_bytes_be(&Fr::MODULUS.to_bytes_be()).is_err());
    assert!(field::from_bytes_be(&[0xff; 32]).is_err());
}

fn to_text(element: Fr) -> String {
    field::to_decimal(&element)
}

fn from_limbs(limbs: [u64; 4]) -> Fr {
    let base = Fr::from(1_u128 << 64);
    limbs
        .into_iter()
        .fold(Fr::ZERO, |acc, limb| acc * base + Fr::from(limb))
}

const SEED: [u8; 32] = [7; 32];

#[test]
fn batches() {
    let (key, good) = fixture(9);
    let prepared = PreparedKey::new(&key);
    for n in 0..=good.len() {
        assert_eq!(prepared.verify_batch(&good[..n], &SEED), Ok(()));
    }
    let spoil = |statement: &mut Statement, how: usize| match how % 4 {
        0 => statement.proof.c = (statement.proof.c + g1(3)).into_affine(),
        1 => statement.public_inputs[0] += Fr::ONE,
        2 => statement.public_inputs.push(Fr::ONE),
        _ => statement.proof.b = g2(3),
    };
    // Every set of bad ones among the first 7, each spoilt in its own way.
    for set in 0_usize..1 << 7 {
        let bad: Vec<usize> = (0..7).filter(|i| set >> i & 1 == 1).collect();
        let mut batch = good[..7].to_vec();
        bad.iter().for_each(|i| spoil(&mut batch[*i], i + set));
        assert_eq!(prepared.find_bad(&batch, &SEED), bad);
    }
    let mut batch = good.clone();
    batch[2].public_inputs.clear();
    batch[8].proof.a = -batch[8].proof.a;
    let error = prepared.verify_batch(&batch, &SEED).unwrap_err();
    assert_eq!(error, BatchError { bad: vec![2, 8] });
    assert_eq!(
        error.to_string(),
        "expected every proof of the batch to verify, got 2 that do not: [2, 8]"
    );
}

#[test]
fn errors_that_cancel_are_found() {
    let (key, mut batch) = fixture(6);
    let prepared = PreparedKey::new(&key);
    // Added up with equal coefficients, each of these pairs of errors is nothing.
    for (statement, sign) in [(1, 1), (4, -1)] {
        let error = g1(5) * Fr::from(sign);
        batch[statement].proof.c = (batch[statement].proof.c + error).into_affine();
    }
    assert_eq!(prepared.find_bad(&batch, &SEED), [1, 4]);
    let (_, mut batch) = fixture(6);
    batch[0].public_inputs[1] += Fr::ONE;
    batch[5].public_inputs[1] -= Fr::ONE;
    assert_eq!(prepared.find_bad(&batch, &SEED), [0, 5]);
    let (_, mut batch) = fixture(6);
    let (two, three) = (batch[2].proof, batch[3].proof);
    batch[2].proof.c = three.c;
    batch[3].proof.c = two.c;
    for seed in 0..8 {
        assert_eq!(prepared.find_bad(&batch, &[seed; 32]), [2, 3]);
    }
}

#[test]
fn every_power_depends_on_the_seed_and_on_all_statements() {
    let (_, good) = fixture(3);
    let mut batches = vec![good.clone(); 6];
    batches[0][2].proof = good[0].proof;
    batches[1][0].public_inputs[1] += Fr::ONE;
    batches[2][2].public_inputs[0] += Fr::ONE;
    batches[3].swap(0, 1);
    // The same numbers in the same order, divided otherwise.
    let moved = batches[4][1].public_inputs.pop().unwrap();
    batches[4][2].public_inputs.insert(0, moved);
    let mut powers: Vec<Fr> = batches
        .iter()
        .map(|batch| (batch, SEED))
        .chain([(&good, [8; 32])])
        .flat_map(|(batch, seed)| crate::batch::powers(batch, &seed))
        .collect();
    assert_eq!(powers.len(), 21);
    powers.sort_unstable();
    powers.dedup();
    assert_eq!(powers.len(), 21);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn proofs_round_trip(a in any::<u64>(), b in any::<u64>(), c in any::<u64>()) {
        let proof = Proof { a: g1(a), b: g2(b), c: g1(c) };
        prop_assert_eq!(Proof::from_compact(&proof.to_compact()), Ok(proof));
        prop_assert_eq!(Proof::try_from(&SnarkjsProof::from(&proof)), Ok(proof));
    }

    #[test]
    fn keys_round_trip(a in any::<u64>(), b in any::<u64>(), ic in prop::collection::vec(any::<u64>(), 1..6)) {
        let ic = ic.into_iter().map(g1).collect();
        let key = VerifyingKey { alpha: g1(a), beta: g2(b), gamma: g2(a ^ b), delta: g2(1), ic };
        prop_assert_eq!(VerifyingKey::from_compact(&key.to_compact()), Ok(key.clone()));
        prop_assert_eq!(VerifyingKey::try_from(&SnarkjsVerifyingKey::from(&key)), Ok(key));
    }

    #[test]
    fn what_decodes_encodes_to_the_same(bytes in prop::collection::vec(any::<u8>(), 128)) {
        // Points from random bytes are rarely points; half of all x have one.
        if let Ok(point) = crate::decode::point::<G1Affine>("", &bytes[..32]) {
            let mut again = vec![];
            crate::decode::compress(&point, &mut again);
            prop_assert_eq!(&again, &bytes[..32]);
        }
        if let Ok(proof) = Proof::from_compact(&bytes) {
            prop_assert_eq!(&proof.to_compact()[..], &bytes);
        }
        let _ = VerifyingKey::from_compact(&bytes);
    }

    #[test]
    fn field_elements_round_trip(limbs in any::<[u64; 4]>()) {
        let element = from_limbs(limbs);
        let bytes = field::to_bytes_be(&element);
        prop_assert_eq!(field::from_bytes_be(&bytes), Ok(element));
        prop_assert_eq!(field::parse(&to_text(element)), Ok(element));
        prop_assert_eq!(to_text(element), element.into_bigint().to_string());
        let hex_text = format!("0x{}", hex::encode(bytes));
        prop_assert_eq!(field::parse(&hex_text), Ok(element));
    }

    #[test]
    fn inputs_combine(limbs in prop::collection::vec(any::<[u64; 4]>(), 0..5), shift in 0_u32..250) {
        let mut inputs: Vec<Fr> = limbs.into_iter().map(from_limbs).collect();
        inputs.extend([Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2).pow([shift.into()])]);
        let ic: Vec<G1Affine> = (0..=inputs.len() as u64).map(g1).collect();
        let sum = ic[1..].iter().zip(&inputs).fold(ic[0].into_group(), |sum, (point, x)| sum + *point * x);
        let key = VerifyingKey { alpha: g1(1), beta: g2(1), gamma: g2(1), delta: g2(1), ic };
        prop_assert_eq!(PreparedKey::new(&key).combine(&inputs), sum);
    }

    #[test]
    fn only_canonical_decimals_parse(text in "[0-9]{0,80}|.{0,40}") {
        if let Ok(element) = field::parse(&text) && !text.starts_with("0x") {
            prop_assert_eq!(to_text(element), text);
        }
    }
}

/// `cargo test --release -p prooflane-verifier -- --ignored --nocapture timings`
#[test]
#[ignore = "a measurement"]
fn timings() {
    extern crate std;
    use std::{println, time::Instant};
    let (key, batch) = fixture(100);
    let prepared = PreparedKey::new(&key);
    let time = |what: &str, n: u32, f: &dyn Fn()| {
        f();
        let started = Instant::now();
        (0..n).for_each(|_| f());
        println!("{what}: {:?}", started.elapsed() / n);
    };
    let Statement {
        proof,
        public_inputs,
    } = &batch[0];
    time("verify", 50, &|| {
        assert!(prepared.verify(proof, public_inputs).is_ok())
    });
    // As many public inputs as a payment has.
    let mut wide = key.clone();
    wide.ic.resize_with(10, || g1(9));
    let wide = PreparedKey::new(&wide);
    let full = [-Fr::from(3); 9];
    time("verify, 9 full public inputs", 50, &|| {
        assert!(wide.verify(proof, &full).is_err())
    });
    let bytes = proof.to_compact();
    time("decode", 50, &|| {
        assert!(Proof::from_compact(&bytes).is_ok())
    });
    time("prepare", 50, &|| {
        assert!(!PreparedKey::new(&key).ic.is_empty())
    });
    time("batch of 100", 5, &|| {
        assert!(prepared.verify_batch(&batch, &SEED).is_ok())
    });
    let spoilt = |every: usize| {
        let mut batch = batch.clone();
        batch
            .iter_mut()
            .step_by(every)
            .for_each(|s| s.proof.c = g1(3));
        batch
    };
    for (what, every) in [("1", 100), ("10", 10), ("100", 1)] {
        let batch = spoilt(every);
        time(&format!("batch of 100, {what} bad"), 3, &|| {
            assert_eq!(prepared.find_bad(&batch, &SEED).len(), 100 / every);
        });
    }
}
