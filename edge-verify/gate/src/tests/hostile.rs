//! What is no payment at all is refused before anything is computed, and nothing panics.

use super::payer::{NOW, Payer, request};
use super::street::Street;
use crate::{PAYMENT_SIGNATURE, X_PAYMENT};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

fn code(answer: &http::Response<Vec<u8>>) -> String {
    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

async fn sent(header: &[u8]) -> http::Response<Vec<u8>> {
    let street = Street::new();
    let mut headers = HeaderMap::new();
    headers.insert(PAYMENT_SIGNATURE, HeaderValue::from_bytes(header).unwrap());
    let answer = street.get("/reports", &headers).await;
    assert!(street.served.borrow().is_empty() && street.home_calls.get() == 0);
    answer
}

#[tokio::test]
async fn malformed_headers_are_400() {
    let street = Street::new();
    let unpaid = street.unpaid("/reports").await;
    let good = Payer::new("tx").header(&unpaid, NOW);
    let good = good[PAYMENT_SIGNATURE].as_bytes();
    let json = STANDARD.decode(good).unwrap();
    let with_bytes_of_url_safe = [&json[..json.len() - 1], br#","x":"???>>>"}"#].concat();
    for (name, header) in [
        ("empty", Vec::new()),
        ("no base64", b"%%%".to_vec()),
        (
            "URL-safe base64",
            URL_SAFE_NO_PAD.encode(with_bytes_of_url_safe).into_bytes(),
        ),
        ("spaces", [&good[..40], b" ", &good[40..]].concat()),
        ("cut", good[..good.len() / 2].to_vec()),
        ("no JSON", STANDARD.encode("payment").into_bytes()),
        ("an array", STANDARD.encode("[]").into_bytes()),
        ("deep", STANDARD.encode("[".repeat(2_000)).into_bytes()),
        ("too long", STANDARD.encode("a".repeat(3_073)).into_bytes()),
    ] {
        let answer = sent(&header).await;
        assert_eq!(
            (answer.status().as_u16(), code(&answer).as_str()),
            (400, "invalid_payload"),
            "{name}"
        );
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
    let mut other: Value = serde_json::from_slice(&json).unwrap();
    other["x402Version"] = json!(3);
    let answer = sent(STANDARD.encode(other.to_string()).as_bytes()).await;
    assert_eq!(code(&answer), "invalid_x402_version");
    other["x402Version"] = json!(2);
    other["payload"]["more"] = json!(1);
    let answer = sent(STANDARD.encode(other.to_string()).as_bytes()).await;
    assert_eq!(code(&answer), "invalid_payload");
}

#[tokio::test]
async fn a_header_given_twice_is_ambiguous() {
    let street = Street::new();
    let unpaid = street.unpaid("/reports").await;
    let mut headers = Payer::new("tx").header(&unpaid, NOW);
    let value = headers[PAYMENT_SIGNATURE].clone();
    headers.append(PAYMENT_SIGNATURE, value.clone());
    assert_eq!(street.get("/reports", &headers).await.status(), 400);
    // A payment of one version in the header of the other.
    let mut headers = HeaderMap::new();
    headers.insert(X_PAYMENT, value);
    let answer = street.get("/reports", &headers).await;
    assert_eq!(code(&answer), "invalid_x402_version");
}

#[tokio::test]
async fn paths_that_an_origin_may_read_otherwise_are_refused() {
    let street = Street::new();
    for path in [
        "/free/../reports",
        "/free/%2e%2E/reports",
        "/free/.%2e;a=b/reports",
        "/free/./reports",
        "/free//reports",
        "//reports",
        "/free/..%2freports",
        "/free/%5c..%5creports",
        "/free%00/reports",
    ] {
        let request = request("GET", path, "", &HeaderMap::new());
        let answer = street.gate.serve(request, &street).await;
        assert_eq!(
            (answer.status().as_u16(), code(&answer).as_str()),
            (400, "invalid_path"),
            "{path}"
        );
    }
    for path in ["/free/a.b/..c/%20/", "/free/...", "/free/a;b"] {
        assert_eq!(street.unpaid(path).await.status(), 200, "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_header_makes_the_gate_panic_or_pass(
        bytes in prop::collection::vec(0x20_u8..0x7f, 0..400),
        json in "\\{[ -~]{0,200}\\}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for header in [bytes, STANDARD.encode(&json).into_bytes()] {
            let answer = runtime.block_on(sent(&header));
            prop_assert_eq!(answer.status(), 400);
        }
    }

    #[test]
    fn no_body_makes_the_facilitator_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let street = Street::new();
        for path in ["/verify", "/settle"] {
            let mut request = request("POST", path, "", &HeaderMap::new());
            *request.body_mut() = body.clone();
            let answer = runtime.block_on(street.gate.serve(request, &street));
            prop_assert_eq!(answer.status(), 400);
        }
    }
}
