//! Why a payment is refused: `docs/x402.md`, "Reasons".

use thiserror::Error;

/// Why a payment is refused. Each says what was expected and got; [`Refusal::code`] is stable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Of another x402.
    #[error("x402Version: expected 1 or 2, got {0}")]
    Version(u64),
    /// Of another scheme.
    #[error("scheme: expected zk-groth16, got {0:?}")]
    Scheme(String),
    /// On a network that is not served.
    #[error("network: expected one that GET /supported lists, got {0:?}")]
    Network(String),
    /// The header or payload cannot be read.
    #[error("{0}")]
    Payload(String),
    /// The requirements cannot be read, or are not those that were accepted.
    #[error("{0}")]
    Requirements(String),
    /// An extension's echo differs from what was offered.
    #[error("extensions.{0}: expected the echo of what was offered")]
    ExtensionEcho(String),
    /// A nonce of somebody else's, or too old.
    #[error("nonce: expected one from this server, at most {0} seconds old: pay for a new 402")]
    Nonce(u64),
    /// The proof's time is outside the window.
    #[error("currentTime: expected {earliest} to {latest}, got {got}: prove for the present")]
    Time {
        /// Unix seconds.
        earliest: u64,
        /// Unix seconds.
        latest: u64,
        /// Unix seconds.
        got: u64,
    },
    /// The attestor is not trusted at this time.
    #[error("attestor: expected one that the requirements name and that is in force, got {0}")]
    Attestor(String),
    /// The proof does not verify.
    #[error(
        "the proof does not verify for this request: recipient, asset, amount, age, time, binding and nullifier must be those of this request"
    )]
    Proof,
    /// The nullifier is spent on something else.
    #[error("this receipt is spent: pay with another")]
    Spent,
    /// The outcome of the claim is unknown.
    #[error("nobody knows yet whether this payment was claimed: send the same request again")]
    Pending,
    /// The network refuses to answer us.
    #[error("the claim could not be made: {0}")]
    Home(String),
}

impl Refusal {
    /// The code, as x402's own where it has one.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Version(_) => "invalid_x402_version",
            Self::Scheme(_) => "unsupported_scheme",
            Self::Network(_) => "invalid_network",
            Self::Payload(_) => "invalid_payload",
            Self::Requirements(_) => "invalid_payment_requirements",
            Self::ExtensionEcho(_) => "extension_echo_mismatch",
            Self::Nonce(_) => "invalid_zk_groth16_nonce",
            Self::Time { .. } => "invalid_zk_groth16_time",
            Self::Attestor(_) => "invalid_zk_groth16_attestor",
            Self::Proof => "invalid_zk_groth16_proof",
            Self::Spent => "duplicate_settlement",
            Self::Pending => "settlement_pending",
            Self::Home(_) => "unexpected_settle_error",
        }
    }
}
