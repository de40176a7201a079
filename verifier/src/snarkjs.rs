//! The JSON forms of snarkjs, strictly: coordinates canonical, `z` one (or the point at infinity
//! as snarkjs writes it), points in the prime-order subgroup.

use crate::decode::{NO_POINT, OUTSIDE};
use crate::{DecodeError, G1Affine, G2Affine, Proof, VerifyingKey, field};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ark_bn254::{Fq, Fq2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::PrimeField;
use serde::{Deserialize, Serialize};

/// A point of G1: x, y, z in decimal.
pub type JsonG1 = [String; 3];
/// A point of G2: x, y, z, each as `[c0, c1]` in decimal.
pub type JsonG2 = [[String; 2]; 3];

/// `proof.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnarkjsProof {
    /// A.
    pub pi_a: JsonG1,
    /// B.
    pub pi_b: JsonG2,
    /// C.
    pub pi_c: JsonG1,
    /// `groth16`.
    pub protocol: String,
    /// `bn128`.
    pub curve: String,
}

/// `verification_key.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnarkjsVerifyingKey {
    /// `groth16`.
    pub protocol: String,
    /// `bn128`.
    pub curve: String,
    /// Public inputs, the constant one not counted.
    #[serde(rename = "nPublic")]
    pub n_public: usize,
    /// alpha.
    pub vk_alpha_1: JsonG1,
    /// beta.
    pub vk_beta_2: JsonG2,
    /// gamma.
    pub vk_gamma_2: JsonG2,
    /// delta.
    pub vk_delta_2: JsonG2,
    /// One point for the constant one, then one for each public input.
    #[serde(rename = "IC")]
    pub ic: Vec<JsonG1>,
}

const PROTOCOL: &str = "groth16";
const CURVE: &str = "bn128";

impl From<&Proof> for SnarkjsProof {
    fn from(proof: &Proof) -> Self {
        Self {
            pi_a: write_g1(&proof.a),
            pi_b: write_g2(&proof.b),
            pi_c: write_g1(&proof.c),
            protocol: PROTOCOL.to_string(),
            curve: CURVE.to_string(),
        }
    }
}

impl TryFrom<&SnarkjsProof> for Proof {
    type Error = DecodeError;
    fn try_from(json: &SnarkjsProof) -> Result<Self, DecodeError> {
        expect_kind(&json.protocol, &json.curve)?;
        Ok(Self {
            a: read_g1("pi_a", &json.pi_a)?,
            b: read_g2("pi_b", &json.pi_b)?,
            c: read_g1("pi_c", &json.pi_c)?,
        })
    }
}

impl From<&VerifyingKey> for SnarkjsVerifyingKey {
    fn from(key: &VerifyingKey) -> Self {
        Self {
            protocol: PROTOCOL.to_string(),
            curve: CURVE.to_string(),
            n_public: key.public_inputs(),
            vk_alpha_1: write_g1(&key.alpha),
            vk_beta_2: write_g2(&key.beta),
            vk_gamma_2: write_g2(&key.gamma),
            vk_delta_2: write_g2(&key.delta),
            ic: key.ic.iter().map(write_g1).collect(),
        }
    }
}

impl TryFrom<&SnarkjsVerifyingKey> for VerifyingKey {
    type Error = DecodeError;
    fn try_from(json: &SnarkjsVerifyingKey) -> Result<Self, DecodeError> {
        expect_kind(&json.protocol, &json.curve)?;
        if json.ic.len().checked_sub(1) != Some(json.n_public) {
            return Err(DecodeError::Json {
                what: "IC",
                expected: "nPublic + 1 points",
                got: json.ic.len().to_string(),
            });
        }
        Ok(Self {
            alpha: read_g1("vk_alpha_1", &json.vk_alpha_1)?,
            beta: read_g2("vk_beta_2", &json.vk_beta_2)?,
            gamma: read_g2("vk_gamma_2", &json.vk_gamma_2)?,
            delta: read_g2("vk_delta_2", &json.vk_delta_2)?,
            ic: json
                .ic
                .iter()
                .map(|point| read_g1("IC", point))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn expect_kind(protocol: &str, curve: &str) -> Result<(), DecodeError> {
    for (what, expected, got) in [("protocol", PROTOCOL, protocol), ("curve", CURVE, curve)] {
        if got != expected {
            return Err(DecodeError::Json {
                what,
                expected,
                got: got.chars().take(80).collect(),
            });
        }
    }
    Ok(())
}

fn write(element: &Fq) -> String {
    element.into_bigint().to_string()
}

fn write_g1(point: &G1Affine) -> JsonG1 {
    match point.xy() {
        Some((x, y)) => [write(&x), write(&y), "1".into()],
        None => ["0".into(), "1".into(), "0".into()],
    }
}

fn write_g2(point: &G2Affine) -> JsonG2 {
    let pair = |e: &Fq2| [write(&e.c0), write(&e.c1)];
    let small = |text: &str| [text.to_string(), "0".to_string()];
    match point.xy() {
        Some((x, y)) => [pair(&x), pair(&y), small("1")],
        None => [small("0"), small("1"), small("0")],
    }
}

fn read(text: &str) -> Result<Fq, DecodeError> {
    let decimal = !text.starts_with("0x");
    field::value(text)
        .filter(|_| decimal)
        .and_then(Fq::from_bigint)
        .ok_or_else(|| field::refuse(text))
}

fn read_g1(what: &'static str, json: &JsonG1) -> Result<G1Affine, DecodeError> {
    if *json == write_g1(&G1Affine::identity()) {
        return Ok(G1Affine::identity());
    }
    let [x, y, z] = json;
    let point = G1Affine::new_unchecked(read(x)?, read(y)?);
    // All of G1's curve is in the group: its order is prime.
    check(what, point, z == "1", || true)
}

fn read_g2(what: &'static str, json: &JsonG2) -> Result<G2Affine, DecodeError> {
    if *json == write_g2(&G2Affine::identity()) {
        return Ok(G2Affine::identity());
    }
    let [x, y, z] = json;
    let pair = |[c0, c1]: &[String; 2]| Ok(Fq2::new(read(c0)?, read(c1)?));
    let point = G2Affine::new_unchecked(pair(x)?, pair(y)?);
    let one = z[0] == "1" && z[1] == "0";
    check(what, point, one, || {
        point.is_in_correct_subgroup_assuming_on_curve()
    })
}

fn check<C: SWCurveConfig>(
    what: &'static str,
    point: Affine<C>,
    z_is_one: bool,
    in_group: impl Fn() -> bool,
) -> Result<Affine<C>, DecodeError> {
    // arkworks takes (0, 0) for infinity, which has a form of its own here.
    let got = if !z_is_one {
        "one whose z is not 1"
    } else if point.is_zero() || !point.is_on_curve() {
        NO_POINT
    } else if !in_group() {
        OUTSIDE
    } else {
        return Ok(point);
    };
    Err(DecodeError::Point { what, got })
}
