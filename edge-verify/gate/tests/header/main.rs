//! Headers of anybody's making.

mod harness;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// A payment as `@x402/core` sends it.
const GOOD: &str = r#"{"x402Version":2,"accepted":{"scheme":"zk-groth16","network":"prooflane:1","amount":"10","asset":"usd","payTo":"shop","maxTimeoutSeconds":60,"extra":{"maxAge":600,"nested":[1,2.5,null,true]}},"payload":{"proof":"AAAA","x":{"y":[[]]}},"extensions":{}}"#;

#[test]
fn a_payment_is_read() {
    assert!(harness::payment(STANDARD.encode(GOOD).as_bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn spoilt_payments_are_read_or_refused(
        cut in 0..GOOD.len(),
        piece in "[ -~\\n\u{e9}]{0,6}",
        until in 0..16_usize,
        flip in any::<Option<(prop::sample::Index, u8)>>(),
    ) {
        let until = (cut + until).min(GOOD.len());
        let json = [&GOOD[..cut], piece.as_str(), &GOOD[until..]].concat();
        let mut header = STANDARD.encode(json).into_bytes();
        if let Some((at, with)) = flip {
            let at = at.index(header.len());
            header[at] ^= with;
        }
        harness::payment(&header);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        harness::payment(&bytes);
        harness::payment(STANDARD.encode(&bytes).as_bytes());
    }
}
