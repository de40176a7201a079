//! x402 on the wire, versions 1 and 2, as `@x402/core` 2.27 and its specification write it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The scheme's name.
pub const SCHEME: &str = "zk-groth16";

/// A JSON object whose members are not ours to know.
pub type Object = Map<String, Value>;

/// `null` is as good as nothing: `@x402/core` allows both.
fn or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Version 2: what has to be paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequirements {
    /// [`SCHEME`].
    pub scheme: String,
    /// CAIP-2.
    pub network: String,
    /// The asset on that network.
    pub asset: String,
    /// In its smallest unit, decimal.
    pub amount: String,
    /// Who is paid.
    pub pay_to: String,
    /// How long a payment for these requirements counts.
    pub max_timeout_seconds: u64,
    /// The scheme's own.
    #[serde(default, deserialize_with = "or_null")]
    pub extra: Object,
}

/// Version 1: what has to be paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequirementsV1 {
    /// [`SCHEME`].
    pub scheme: String,
    /// Where the payment is made.
    pub network: String,
    /// In the asset's smallest unit, decimal.
    pub max_amount_required: String,
    /// The URL that is paid for.
    pub resource: String,
    /// Of the resource.
    #[serde(default)]
    pub description: String,
    /// Of the resource.
    #[serde(default)]
    pub mime_type: String,
    /// Who is paid.
    pub pay_to: String,
    /// How long a payment for these requirements counts.
    pub max_timeout_seconds: u64,
    /// The asset on that network.
    pub asset: String,
    /// The scheme's own.
    #[serde(default, deserialize_with = "or_null")]
    pub extra: Object,
}

impl From<PaymentRequirementsV1> for PaymentRequirements {
    fn from(v1: PaymentRequirementsV1) -> Self {
        Self {
            scheme: v1.scheme,
            network: v1.network,
            asset: v1.asset,
            amount: v1.max_amount_required,
            pay_to: v1.pay_to,
            max_timeout_seconds: v1.max_timeout_seconds,
            extra: v1.extra,
        }
    }
}

impl PaymentRequirements {
    /// The same for version 1.
    #[must_use]
    pub fn to_v1(&self, resource: &ResourceInfo) -> PaymentRequirementsV1 {
        PaymentRequirementsV1 {
            scheme: self.scheme.clone(),
            network: self.network.clone(),
            max_amount_required: self.amount.clone(),
            resource: resource.url.clone(),
            description: resource.description.clone().unwrap_or_default(),
            mime_type: resource.mime_type.clone().unwrap_or_default(),
            pay_to: self.pay_to.clone(),
            max_timeout_seconds: self.max_timeout_seconds,
            asset: self.asset.clone(),
            extra: self.extra.clone(),
        }
    }
}

/// What is paid for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceInfo {
    /// Its URL.
    pub url: String,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// Version 2: the header `PAYMENT-REQUIRED`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequired {
    /// 2.
    pub x402_version: u8,
    /// Why, where a payment was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What is paid for.
    pub resource: ResourceInfo,
    /// Any one of these.
    pub accepts: Vec<PaymentRequirements>,
    /// Extensions that the server offers.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extensions: Object,
}

/// Version 1: the body of a 402.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequiredV1 {
    /// 1.
    pub x402_version: u8,
    /// Why.
    pub error: String,
    /// Any one of these.
    pub accepts: Vec<PaymentRequirementsV1>,
}

/// The header `PAYMENT-SIGNATURE` (version 2) or `X-PAYMENT` (version 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPayload {
    /// 1 or 2.
    pub x402_version: u64,
    /// Version 1 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Version 1 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Version 2 only: the requirements that were chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<PaymentRequirements>,
    /// The scheme's own: [`Payment`].
    pub payload: Value,
    /// Version 2 only: echoes of the server's extensions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Object>,
}

/// This scheme's payload: all that a server cannot derive itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Payment {
    /// The compact proof, base64.
    pub proof: String,
    /// `0x` and 64 hexadecimal digits.
    pub nullifier: String,
    /// In Unix seconds.
    pub current_time: u64,
    /// The packed key of the attestor, 64 hexadecimal digits.
    pub attestor: String,
    /// Of the requirements, 64 hexadecimal digits.
    pub nonce: String,
    /// Added by a server that settles, never by a payer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
}

/// `POST /verify` and `POST /settle`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FacilitatorRequest {
    /// 1 or 2; the payload's own where it is not given.
    pub x402_version: Option<u64>,
    /// What the payer sent.
    pub payment_payload: PaymentPayload,
    /// What the server asked: of version 1 or 2, as the payload.
    pub payment_requirements: Value,
}

/// The answer of `POST /verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    /// Whether the payment would count.
    pub is_valid: bool,
    /// Why not: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_reason: Option<String>,
    /// In words, with what was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_message: Option<String>,
}

/// The answer of `POST /settle`, and the header `PAYMENT-RESPONSE` (version 1: `X-PAYMENT-RESPONSE`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleResponse {
    /// Whether the payment counts.
    pub success: bool,
    /// Why not: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The nullifier; empty on failure, unless the outcome is unknown.
    pub transaction: String,
    /// As asked.
    pub network: String,
    /// What was asked, where it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
}

/// The answer of `GET /supported`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SupportedResponse {
    /// One for each version and network.
    pub kinds: Vec<SupportedKind>,
    /// None.
    pub extensions: Vec<String>,
    /// None: nobody signs here.
    pub signers: Object,
}

/// A scheme on a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportedKind {
    /// 1 or 2.
    pub x402_version: u8,
    /// [`SCHEME`].
    pub scheme: String,
    /// CAIP-2.
    pub network: String,
    /// What requirements of this kind have in `extra`.
    pub extra: Object,
}
