//! The headers: JSON in standard base64 (RFC 4648, section 4).

use crate::Refusal;
use crate::wire::{Payment, PaymentPayload};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

/// Version 2: what has to be paid.
pub const PAYMENT_REQUIRED: HeaderName = HeaderName::from_static("payment-required");
/// Version 2: the payment.
pub const PAYMENT_SIGNATURE: HeaderName = HeaderName::from_static("payment-signature");
/// Version 2: what became of it.
pub const PAYMENT_RESPONSE: HeaderName = HeaderName::from_static("payment-response");
/// Version 1: the payment.
pub const X_PAYMENT: HeaderName = HeaderName::from_static("x-payment");
/// Version 1: what became of it.
pub const X_PAYMENT_RESPONSE: HeaderName = HeaderName::from_static("x-payment-response");

/// The longest payment header that is read, in characters.
const MOST: usize = 4_096;

/// Padding is written, and need not be there: `@x402/core` decodes with `atob`, which does not ask for it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// JSON in base64, as a header's value.
pub(crate) fn encode(value: &impl Serialize) -> HeaderValue {
    let json = serde_json::to_vec(value).expect("no map with keys that are no strings");
    HeaderValue::try_from(BASE64.encode(json)).expect("base64 is ASCII")
}

/// The header that carries a payment.
#[must_use]
pub fn payment_header(payment: &PaymentPayload) -> (HeaderName, HeaderValue) {
    let name = if payment.x402_version == 1 {
        X_PAYMENT
    } else {
        PAYMENT_SIGNATURE
    };
    (name, encode(payment))
}

/// Reads the JSON of one of x402's headers; `None` where it is no such thing.
#[must_use]
pub fn read_header<T: serde::de::DeserializeOwned>(value: &HeaderValue) -> Option<T> {
    crate::from_json(&BASE64.decode(value).ok()?).ok()
}

/// A payment as it came.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) envelope: PaymentPayload,
    pub(crate) payment: Payment,
}

/// Reads the payment of a request; `None` where it has none.
pub(crate) fn payment(headers: &HeaderMap) -> Result<Option<Received>, Refusal> {
    let malformed = |why: String| Refusal::Payload(why);
    for (name, version) in [(PAYMENT_SIGNATURE, 2), (X_PAYMENT, 1)] {
        let mut values = headers.get_all(&name).iter();
        let Some(value) = values.next() else {
            continue;
        };
        if values.next().is_some() {
            return Err(malformed(format!("{name}: expected once, got several")));
        }
        let received = read(value.as_bytes()).map_err(|why| malformed(format!("{name}: {why}")))?;
        if received.envelope.x402_version != version {
            return Err(Refusal::Version(received.envelope.x402_version));
        }
        return Ok(Some(received));
    }
    Ok(None)
}

fn read(header: &[u8]) -> Result<Received, String> {
    if header.len() > MOST {
        let got = header.len();
        return Err(format!("expected at most {MOST} characters, got {got}"));
    }
    let json = BASE64.decode(header).map_err(|error| {
        format!("expected JSON in base64, standard and not URL-safe (RFC 4648, section 4): {error}")
    })?;
    let envelope =
        crate::from_json(&json).map_err(|error| format!("expected an x402 payment: {error}"))?;
    open(envelope)
}

/// Reads this scheme's payload.
pub(crate) fn open(envelope: PaymentPayload) -> Result<Received, String> {
    let payment = serde_json::from_value(envelope.payload.clone())
        .map_err(|error| format!("payload: {error}"))?;
    Ok(Received { envelope, payment })
}

/// The bytes of a compact proof.
pub(crate) fn proof(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}
