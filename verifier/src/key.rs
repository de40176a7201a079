//! Verifying keys, and the verification of one proof.

use crate::decode::{self, DecodeError};
use crate::{Bn254, Fr, G1Affine, G2Affine, Proof};
use alloc::vec::Vec;
use ark_ec::pairing::{Pairing, PairingOutput};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, PrimeField};
use core::fmt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A Groth16 verifying key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// `[alpha]_1`.
    pub alpha: G1Affine,
    /// `[beta]_2`.
    pub beta: G2Affine,
    /// `[gamma]_2`.
    pub gamma: G2Affine,
    /// `[delta]_2`.
    pub delta: G2Affine,
    /// One point for the constant one, then one for each public input.
    pub ic: Vec<G1Affine>,
}

/// Names a verifying key: the SHA-256 of its compact form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 32]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::str::FromStr for KeyId {
    type Err = DecodeError;

    /// Reads 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let mut id = [0; 32];
        hex::decode_to_slice(text, &mut id).map_err(|_| DecodeError::Json {
            what: "key id",
            expected: "64 hexadecimal digits",
            got: text.chars().take(80).collect(),
        })?;
        Ok(Self(id))
    }
}

impl VerifyingKey {
    /// Public inputs a proof has, the constant one not counted.
    #[must_use]
    pub fn public_inputs(&self) -> usize {
        self.ic.len().saturating_sub(1)
    }

    /// The compact form; its layout is in the crate's documentation.
    #[must_use]
    pub fn to_compact(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(228 + 32 * self.ic.len());
        decode::compress(&self.alpha, &mut bytes);
        for point in [&self.beta, &self.gamma, &self.delta] {
            decode::compress(point, &mut bytes);
        }
        let count = u32::try_from(self.ic.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&count.to_le_bytes());
        self.ic
            .iter()
            .for_each(|point| decode::compress(point, &mut bytes));
        bytes
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// [`DecodeError::Length`], or [`DecodeError::Point`] naming the point.
    pub fn from_compact(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = bytes;
        let alpha = decode::point("alpha", decode::take("alpha", &mut rest, 32)?)?;
        let beta = decode::point("beta", decode::take("beta", &mut rest, 64)?)?;
        let gamma = decode::point("gamma", decode::take("gamma", &mut rest, 64)?)?;
        let delta = decode::point("delta", decode::take("delta", &mut rest, 64)?)?;
        let count = decode::take("number of ic points", &mut rest, 4)?;
        let count = count
            .iter()
            .rev()
            .fold(0_usize, |acc, byte| acc << 8 | usize::from(*byte));
        // Before anything is allocated for the points, their length must be right.
        let expected = count.saturating_mul(32);
        if count == 0 || rest.len() != expected {
            return Err(DecodeError::Length {
                what: "ic",
                expected: expected.max(32),
                got: rest.len(),
            });
        }
        let ic = rest
            .chunks_exact(32)
            .map(|chunk| decode::point("ic", chunk));
        Ok(Self {
            alpha,
            beta,
            gamma,
            delta,
            ic: ic.collect::<Result<_, _>>()?,
        })
    }

    /// Names the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(Sha256::digest(self.to_compact()).into())
    }
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Made on one machine, whose owner could forge proofs: for development only.
    Development,
    /// Made in a ceremony: sound if one of its contributors was honest.
    Ceremony,
}

impl Provenance {
    /// As it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Ceremony => "ceremony",
        }
    }
}

/// Why a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not as many public inputs as the key takes.
    #[error("expected {expected} public inputs, got {got}")]
    PublicInputs {
        /// As the key has it.
        expected: usize,
        /// As given.
        got: usize,
    },
    /// The pairing equation does not hold: the proof is not one of this statement under this key.
    #[error("the proof does not verify for these public inputs under this key")]
    Invalid,
}

/// A verifying key with everything precomputed that does not depend on the proof.
#[derive(Clone)]
pub struct PreparedKey {
    pub(crate) alpha_beta: PairingOutput<Bn254>,
    pub(crate) minus_gamma: <Bn254 as Pairing>::G2Prepared,
    pub(crate) minus_delta: <Bn254 as Pairing>::G2Prepared,
    pub(crate) ic: Vec<G1Affine>,
    /// For each public input, and each 64 bits of it: the odd multiples of what they are multiplied with.
    odd_multiples: Vec<[Vec<G1Affine>; LIMBS]>,
}

/// Words of 64 bits in a public input.
const LIMBS: usize = 4;
/// Scalars are written in digits 0, 1, -1, 3, .. -127, so that at most one digit in eight is not 0.
const WINDOW: usize = 8;

impl PreparedKey {
    /// Prepares a key: one pairing, and a table of 16 KB for each public input.
    #[must_use]
    pub fn new(key: &VerifyingKey) -> Self {
        Self {
            odd_multiples: key.ic.iter().skip(1).map(odd_multiples).collect(),
            alpha_beta: Bn254::pairing(key.alpha, key.beta),
            minus_gamma: (-key.gamma.into_group()).into_affine().into(),
            minus_delta: (-key.delta.into_group()).into_affine().into(),
            ic: key.ic.clone(),
        }
    }

    /// Verifies one proof: `e(A, B) = e(alpha, beta) e(sum x_i ic_i, gamma) e(C, delta)`
    /// (eprint 2016/260, section 3.2).
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, proof: &Proof, public_inputs: &[Fr]) -> Result<(), VerifyError> {
        self.expect_inputs(public_inputs)?;
        let inputs = self.combine(public_inputs);
        let g1: [<Bn254 as Pairing>::G1Prepared; 3] =
            [proof.a.into(), inputs.into_affine().into(), proof.c.into()];
        let g2 = [
            proof.b.into(),
            self.minus_gamma.clone(),
            self.minus_delta.clone(),
        ];
        if Bn254::multi_pairing(g1, g2) == self.alpha_beta {
            Ok(())
        } else {
            Err(VerifyError::Invalid)
        }
    }

    /// `ic_0 + sum x_i ic_i`, with one chain of 64 doublings for all words of all inputs (Straus 1964).
    pub(crate) fn combine(&self, public_inputs: &[Fr]) -> <Bn254 as Pairing>::G1 {
        let digits = |word: u64| {
            // The last digit may take one bit more than the word has.
            let wider = BigInt::<2>::from(word);
            wider.find_wnaf(WINDOW).expect("2 <= WINDOW < 64")
        };
        let words = public_inputs.iter().flat_map(|input| input.into_bigint().0);
        let digits: Vec<Vec<i64>> = words.map(digits).collect();
        let longest = digits.iter().map(Vec::len).max().unwrap_or(0);
        let mut sum = <Bn254 as Pairing>::G1::ZERO;
        for place in (0..longest).rev() {
            sum.double_in_place();
            for (odd, digits) in self.odd_multiples.iter().flatten().zip(&digits) {
                let digit = digits.get(place).copied().unwrap_or(0);
                // The multiple d is entry (d - 1) / 2.
                match digit.signum() {
                    1 => sum += odd[(digit.unsigned_abs() / 2) as usize],
                    -1 => sum -= odd[(digit.unsigned_abs() / 2) as usize],
                    _ => {}
                }
            }
        }
        sum + self.ic[0]
    }

    /// Whether there are as many inputs as the key takes.
    pub(crate) fn expect_inputs(&self, public_inputs: &[Fr]) -> Result<(), VerifyError> {
        let (expected, got) = (self.ic.len().saturating_sub(1), public_inputs.len());
        if self.ic.is_empty() || expected != got {
            return Err(VerifyError::PublicInputs { expected, got });
        }
        Ok(())
    }

    /// `e(alpha, beta)^power`.
    pub(crate) fn alpha_beta_to(&self, power: &Fr) -> PairingOutput<Bn254> {
        self.alpha_beta.mul_bigint(power.into_bigint())
    }
}

/// 1, 3, .. 127 times `2^(64 k) point` for each word k of a scalar.
fn odd_multiples(point: &G1Affine) -> [Vec<G1Affine>; LIMBS] {
    let mut shifted = point.into_group();
    core::array::from_fn(|_| {
        let double = shifted.double();
        let odd = core::iter::successors(Some(shifted), |last| Some(*last + double));
        let odd: Vec<_> = odd.take(1 << (WINDOW - 2)).collect();
        (0..64).for_each(|_| {
            shifted.double_in_place();
        });
        <Bn254 as Pairing>::G1::normalize_batch(&odd)
    })
}
