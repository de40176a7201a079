//! What must hold of any bytes whatever as a header of x402, for the tests here and for the fuzzer in `fuzz/`: reading ends
//! without a panic, and what is accepted can be written and read again.

use http::HeaderValue;
use prooflane_gate::wire::{PaymentPayload, PaymentRequirements};
use prooflane_gate::{payment_header, read_header};

/// Any bytes as a header; true if they are a payment.
pub(crate) fn payment(bytes: &[u8]) -> bool {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return false;
    };
    let _: Option<PaymentRequirements> = read_header(&value);
    let Some(payment) = read_header::<PaymentPayload>(&value) else {
        return false;
    };
    let (_, written) = payment_header(&payment);
    let again: PaymentPayload = read_header(&written).expect("what was written is read");
    assert_eq!(again.x402_version, payment.x402_version);
    assert_eq!(again.scheme, payment.scheme);
    assert_eq!(again.network, payment.network);
    assert_eq!(again.accepted.is_some(), payment.accepted.is_some());
    true
}
