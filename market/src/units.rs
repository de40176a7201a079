//! Identifiers and quantities, each a type of its own so that no two can be confused.

use core::fmt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names one task; chosen by the submitter or by the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub Uuid);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one ask of one prover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskId(pub Uuid);

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one prover: 1 to 64 characters of `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProverId(String);

/// A prover's name that cannot be one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a prover id of 1 to 64 characters from A-Z a-z 0-9 _ -, got {0:?}")]
pub struct InvalidProverId(pub String);

impl ProverId {
    /// Checks the form of the name.
    ///
    /// # Errors
    /// [`InvalidProverId`] with what was given.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidProverId> {
        let name = name.into();
        let fine = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if fine {
            Ok(Self(name))
        } else {
            Err(InvalidProverId(name))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProverId {
    type Error = InvalidProverId;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl From<ProverId> for String {
    fn from(id: ProverId) -> Self {
        id.0
    }
}

impl fmt::Display for ProverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fencing token of a task: 0 before the first assignment, one more with each.
pub type AttemptNo = u32;

/// Commits a prover to a proof it does not show yet: 32 bytes, in JSON 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitmentDigest(pub [u8; 32]);

impl CommitmentDigest {
    /// The commitment of a prover to a proof of a task, as bytes. The salt keeps a proof that others
    /// could make too from being recognised; whoever copies the digest gains nothing, since it binds
    /// the prover. A proof's bytes tell where they end: there are 128, or they begin with a line that
    /// no prover's name holds and say how long each part is.
    #[must_use]
    pub fn of(task: TaskId, prover: &ProverId, proof: &[u8], salt: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("prooflane commitment v1");
        hasher.update(task.0.as_bytes());
        hasher.update(prover.as_str().as_bytes());
        hasher.update(proof);
        hasher.update(salt);
        Self(*hasher.finalize().as_bytes())
    }
}

/// A commitment that cannot be one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a commitment of 64 hexadecimal digits, got {0:?}")]
pub struct InvalidCommitment(pub String);

impl TryFrom<String> for CommitmentDigest {
    type Error = InvalidCommitment;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut digest = [0; 32];
        match hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(&text), &mut digest) {
            Ok(()) => Ok(Self(digest)),
            Err(_) => Err(InvalidCommitment(text)),
        }
    }
}

impl From<CommitmentDigest> for String {
    fn from(digest: CommitmentDigest) -> Self {
        hex::encode(digest.0)
    }
}

/// An amount of credits, the network's integer unit of account.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Credits(pub u64);

impl Credits {
    /// The largest amount any account or task may hold: every sum of two fits an `i64` counter.
    pub const MAX: Self = Self(1 << 53);

    /// The difference, or nothing where it would be negative.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment: milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time from `earlier` to `self`; zero where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl core::ops::Add<Millis> for Timestamp {
    type Output = Self;
    fn add(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// A span of time in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

/// A number between 0 and 1 in parts per million, so that scores compare exactly on every machine.
/// In JSON a number such as 0.95, from which the parts come back exactly.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(try_from = "f64", into = "f64")]
pub struct Ratio(u32);

/// A ratio that is none.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("expected a number from 0 to 1, got {0}")]
pub struct InvalidRatio(pub f64);

impl TryFrom<f64> for Ratio {
    type Error = InvalidRatio;
    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::from_f64(value).ok_or(InvalidRatio(value))
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> Self {
        ratio.as_f64()
    }
}

impl Ratio {
    /// One whole.
    pub const ONE: Self = Self(Self::SCALE);
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Parts in one whole.
    pub const SCALE: u32 = 1_000_000;

    /// From parts per million; more than a whole is a whole.
    #[must_use]
    pub const fn ppm(parts: u32) -> Self {
        if parts > Self::SCALE {
            Self(Self::SCALE)
        } else {
            Self(parts)
        }
    }

    /// `part / whole` rounded down, at most one; one where `whole` is zero.
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Self {
        if part >= whole {
            return Self::ONE;
        }
        let parts = u128::from(part) * u128::from(Self::SCALE) / u128::from(whole);
        Self(u32::try_from(parts).unwrap_or(Self::SCALE))
    }

    /// Parts per million.
    #[must_use]
    pub fn as_ppm(self) -> u32 {
        self.0
    }

    /// As a floating-point number between 0 and 1, for people and JSON.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::SCALE)
    }

    /// The nearest ratio to a floating-point number; none outside 0..=1.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then(|| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Self((value * f64::from(Self::SCALE)).round() as u32)
        })
    }
}

/// How private a task's inputs are, 1 to 255. What differs are three classes: 1, 2, and 3 and above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct PrivacyLevel(u8);

/// A privacy level that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a privacy level from 1 to 255, got 0")]
pub struct InvalidPrivacyLevel;

impl PrivacyLevel {
    /// Any eligible prover may see the inputs.
    pub const OPEN: Self = Self(1);
    /// Only provers that the requester or the operator allows.
    pub const ALLOWED: Self = Self(2);
    /// Only the operator's own fleet.
    pub const FLEET: Self = Self(3);

    /// The class that decides who may prove: 1, 2 or 3.
    #[must_use]
    pub fn class(self) -> Self {
        self.min(Self::FLEET)
    }

    /// Whether inputs are encrypted at rest.
    #[must_use]
    pub fn encrypts(self) -> bool {
        self >= Self::ALLOWED
    }
}

impl TryFrom<u8> for PrivacyLevel {
    type Error = InvalidPrivacyLevel;
    fn try_from(level: u8) -> Result<Self, Self::Error> {
        if level == 0 {
            Err(InvalidPrivacyLevel)
        } else {
            Ok(Self(level))
        }
    }
}

impl From<PrivacyLevel> for u8 {
    fn from(level: PrivacyLevel) -> Self {
        level.0
    }
}

impl fmt::Display for PrivacyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Ratio;

    #[test]
    fn every_ratio_survives_json() {
        for parts in 0..=Ratio::SCALE {
            let json = serde_json::to_string(&Ratio::ppm(parts)).unwrap();
            assert_eq!(
                serde_json::from_str::<Ratio>(&json).unwrap().as_ppm(),
                parts
            );
        }
        for none in ["-0.1", "1.000001", "1e9", "\"1\"", "null"] {
            assert!(serde_json::from_str::<Ratio>(none).is_err(), "{none}");
        }
    }
}
