//! Who did not pay for this does not get through, and spends nothing.

use super::payer::{self, NOW, ORIGIN, Payer, headers, required, v2};
use super::street::Street;
use crate::wire::{Payment, PaymentRequirements};
use http::HeaderMap;
use prooflane_circuits::Attestor;
use prooflane_verifier::{Fr, field};
use serde_json::{Value, json};

async fn refused(street: &Street, path: &str, headers: &HeaderMap) -> String {
    let answer = street.get(path, headers).await;
    assert!(street.served.borrow().is_empty());
    if answer.status() == 402 {
        return required(&answer).error.unwrap();
    }
    assert_eq!(answer.status(), 400);
    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

/// A payment that would count, changed before it is sent.
async fn changed(change: impl FnOnce(&mut PaymentRequirements, &mut Payment)) -> String {
    let street = Street::new();
    let mut asked = required(&street.unpaid("/reports").await).accepts.remove(0);
    let mut payment = Payer::new("tx").pay(&asked, NOW);
    let good = headers(&v2(asked.clone(), &payment));
    change(&mut asked, &mut payment);
    let code = refused(&street, "/reports", &headers(&v2(asked, &payment))).await;
    assert_eq!(street.home_calls.get(), 0, "{code}");
    assert_eq!(street.get("/reports", &good).await.status(), 200, "{code}");
    code
}

#[tokio::test]
async fn terms_are_the_merchants_whatever_the_client_says() {
    type Change = fn(&mut PaymentRequirements);
    let changes: [Change; 7] = [
        |asked| asked.amount = "1".into(),
        |asked| asked.pay_to = "me".into(),
        |asked| asked.asset = "erc20:mine".into(),
        |asked| asked.network = "eip155:1".into(),
        |asked| asked.max_timeout_seconds = 3_600,
        |asked| asked.scheme = "exact".into(),
        |asked| asked.extra["maxAgeSeconds"] = json!(1_000_000),
    ];
    for change in changes {
        let code = changed(|asked, _| change(asked)).await;
        assert_eq!(code, "invalid_payment_requirements");
    }
}

#[tokio::test]
async fn a_changed_payment_is_refused_by_what_was_changed() {
    type Change = fn(&mut Payment);
    let changes: [(Change, &str); 10] = [
        (|p| p.current_time += 1, "invalid_zk_groth16_proof"),
        (|p| p.current_time += 31, "invalid_zk_groth16_time"),
        (|p| p.current_time -= 91, "invalid_zk_groth16_time"),
        (|p| p.current_time = u64::MAX, "invalid_zk_groth16_time"),
        (
            |p| p.nullifier = crate::to_hex(&Fr::from(5_u64)),
            "invalid_zk_groth16_proof",
        ),
        (
            |p| p.nullifier = format!("0x{}", "f".repeat(64)),
            "invalid_payload",
        ),
        (
            |p| p.attestor = "0".repeat(64),
            "invalid_zk_groth16_attestor",
        ),
        (
            |p| p.nonce = p.nonce.to_uppercase(),
            "invalid_zk_groth16_nonce",
        ),
        (
            |p| p.nonce.replace_range(63.., "g"),
            "invalid_zk_groth16_nonce",
        ),
        (|p| p.proof = "AAAA".into(), "invalid_payload"),
    ];
    for (change, expected) in changes {
        assert_eq!(changed(|_, payment| change(payment)).await, expected);
    }
    let attempt = |_: &mut PaymentRequirements, payment: &mut Payment| {
        payment.attempt = Some("mine".into());
    };
    assert_eq!(changed(attempt).await, "invalid_payload");
}

#[tokio::test]
async fn a_payment_is_for_its_own_request_only() {
    let street = Street::new();
    let none = HeaderMap::new();
    let unpaid = street.ask("POST", "/reports?a=1", "body", &none).await;
    let header = Payer::new("tx").header(&unpaid, NOW);
    for (method, path, body) in [
        ("PUT", "/reports?a=1", "body"),
        ("POST", "/reports?a=2", "body"),
        ("POST", "/reports", "body"),
        ("POST", "/Reports?a=1", "body"),
        ("POST", "/reports?a=1", "Body"),
        ("POST", "/reports?a=1", ""),
    ] {
        let answer = street.ask(method, path, body, &header).await;
        let error = required(&answer).error;
        assert_eq!(error.as_deref(), Some("invalid_zk_groth16_proof"));
    }
    // At a dearer path the client's requirements are not on offer.
    let answer = street.ask("POST", "/dear", "body", &header).await;
    let error = required(&answer).error;
    assert_eq!(error.as_deref(), Some("invalid_payment_requirements"));
    assert_eq!(street.home_calls.get(), 0);
    let paid = street.ask("POST", "/reports?a=1", "body", &header).await;
    assert_eq!(paid.status(), 200);
    assert_eq!(street.served.borrow()[0].body(), b"body");
}

#[tokio::test]
async fn a_payment_for_another_origin_is_refused() {
    let unpaid = Street::new().unpaid("/reports").await;
    let header = Payer::new("tx").header(&unpaid, NOW);
    let mut config = payer::config();
    config["publicOrigin"] = json!("https://other.example.com");
    let code = refused(&Street::with(&config), "/reports", &header).await;
    // The nonce is of its origin, before anything is verified.
    assert_eq!(code, "invalid_zk_groth16_nonce");
    // Nor does a Host header make it another.
    let mut header = header;
    header.insert("host", "other.example.com".parse().unwrap());
    assert_eq!(Street::new().get("/reports", &header).await.status(), 200);
    assert!(ORIGIN.ends_with("api.example.com"));
}

#[tokio::test]
async fn payments_expire() {
    let street = Street::new();
    let unpaid = street.unpaid("/reports").await;
    let header = Payer::new("tx").header(&unpaid, NOW);
    street.now.set(NOW + 91);
    assert_eq!(
        refused(&street, "/reports", &header).await,
        "invalid_zk_groth16_nonce"
    );
    // From a clock that stands still, or runs ahead.
    for (ahead, expected) in [
        (31, "invalid_zk_groth16_time"),
        (-91, "invalid_zk_groth16_time"),
    ] {
        street.now.set(NOW);
        let unpaid = street.unpaid("/reports").await;
        let header = Payer::new("tx").header(&unpaid, NOW.saturating_add_signed(ahead));
        assert_eq!(refused(&street, "/reports", &header).await, expected);
    }
    street.now.set(NOW + 90);
    assert_eq!(street.get("/reports", &header).await.status(), 200);
}

#[tokio::test]
async fn attestors_count_while_they_are_trusted() {
    let unknown = Payer::new("tx").attested_by(8);
    let street = Street::new();
    let unpaid = street.unpaid("/reports").await;
    let header = unknown.header(&unpaid, NOW);
    assert_eq!(
        refused(&street, "/reports", &header).await,
        "invalid_zk_groth16_attestor"
    );

    let key = |seed| {
        let key = Attestor::from_seed(&[seed; 32]).public_key();
        (field::to_decimal(&key.x), field::to_decimal(&key.y))
    };
    let ((old_x, old_y), (new_x, new_y)) = (key(7), key(8));
    let mut config = payer::config();
    config["attestors"] = json!([
        {"x": old_x, "y": old_y, "until": NOW + 10},
        {"x": new_x, "y": new_y, "from": NOW},
    ]);
    let street = Street::with(&config);
    let named = |unpaid| {
        required(unpaid).accepts[0].extra["attestors"]
            .as_array()
            .unwrap()
            .len()
    };
    let unpaid = street.unpaid("/reports").await;
    assert_eq!(named(&unpaid), 2);
    let old = Payer::new("old").header(&unpaid, NOW + 10);
    assert_eq!(
        refused(&street, "/reports", &old).await,
        "invalid_zk_groth16_attestor"
    );
    let early = Payer::new("early").attested_by(8).header(&unpaid, NOW - 1);
    assert_eq!(
        refused(&street, "/reports", &early).await,
        "invalid_zk_groth16_attestor"
    );
    let old = Payer::new("old").header(&unpaid, NOW + 9);
    assert_eq!(street.get("/reports", &old).await.status(), 200);
    let new = Payer::new("new").attested_by(8).header(&unpaid, NOW);
    assert_eq!(street.get("/reports", &new).await.status(), 200);
    street.now.set(NOW + 10);
    assert_eq!(named(&street.unpaid("/reports").await), 1);
}
