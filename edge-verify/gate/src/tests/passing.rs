//! Who paid gets through, once.

use super::payer::{self, NOW, Payer, headers, required, required_v1, v2};
use super::street::{Fault, Street};
use crate::wire::{PaymentPayload, SettleResponse};
use crate::{PAYMENT_RESPONSE, PAYMENT_SIGNATURE, X_PAYMENT_RESPONSE, read_header};
use http::{HeaderMap, HeaderValue, Response};
use serde_json::json;

fn response(answer: &Response<Vec<u8>>) -> SettleResponse {
    read_header(&answer.headers()[PAYMENT_RESPONSE]).unwrap()
}

#[tokio::test]
async fn a_request_without_payment_is_told_what_to_pay_in_both_versions() {
    let street = Street::new();
    let unpaid = street.unpaid("/reports?year=2026").await;
    assert_eq!(unpaid.headers()["cache-control"], "no-store");
    let v2 = required(&unpaid);
    assert_eq!((v2.x402_version, v2.accepts.len()), (2, 1));
    assert_eq!(v2.resource.url, "https://api.example.com/reports?year=2026");
    let asked = &v2.accepts[0];
    assert_eq!(asked.amount, "1000");
    assert_eq!(asked.extra["paymentFlow"], "upfront");
    let v1 = required_v1(&unpaid);
    assert_eq!(v1.accepts[0].max_amount_required, "1000");
    assert_eq!(v1.accepts[0].resource, v2.resource.url);
    assert_eq!(v1.accepts[0].extra, asked.extra);
    assert!(street.served.borrow().is_empty());
}

#[tokio::test]
async fn a_payment_admits_its_request_once_and_repeats_get_the_same_answer() {
    let street = Street::new();
    let public = [
        ("cache-control", "public, max-age=60"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
    ];
    for (name, value) in public {
        (street.origin_headers.borrow_mut()).insert(name, HeaderValue::from_static(value));
    }
    let unpaid = street.unpaid("/reports?a=b").await;
    let mut header = Payer::new("tx").header(&unpaid, NOW);
    assert!(header[PAYMENT_SIGNATURE].len() < 2_048);
    header.insert("prooflane-payment", HeaderValue::from_static("0xforged"));
    header.insert("accept", HeaderValue::from_static("text/plain"));
    let paid = street.get("/reports?a=b", &header).await;
    assert_eq!(
        (paid.status().as_u16(), paid.body().as_slice()),
        (200, &b"answer 1"[..])
    );
    assert_eq!(paid.headers()["cache-control"], "max-age=60, private");
    assert!(!paid.headers().contains_key("x-hop"));
    let settled = response(&paid);
    assert!(settled.success && settled.network == "eip155:84532");
    assert_eq!(settled.amount.as_deref(), Some("1000"));

    let served = street.served.borrow()[0].clone();
    assert_eq!(served.uri(), "http://origin.internal:8080/base/reports?a=b");
    assert_eq!(served.headers()["host"], "origin.internal:8080");
    assert_eq!(served.headers()["prooflane-payment"], settled.transaction);
    assert_eq!(served.headers()["prooflane-amount"], "1000");
    assert_eq!(served.headers()["accept"], "text/plain");
    assert!(!served.headers().contains_key(PAYMENT_SIGNATURE));

    for _ in 0..3 {
        let again = street.get("/reports?a=b", &header).await;
        assert_eq!(again.body(), paid.body());
        assert_eq!(again.headers(), paid.headers());
    }
    // Another edge, or one that forgot: the origin is not asked again.
    street.forget_the_edge();
    let elsewhere = street.get("/reports?a=b", &header).await;
    assert_eq!(elsewhere.status(), 409);
    assert_eq!(response(&elsewhere), settled);
    assert_eq!(street.served.borrow().len(), 1);
}

#[tokio::test]
async fn a_receipt_pays_for_one_request() {
    let street = Street::new();
    let payer = Payer::new("tx");
    let unpaid = street.unpaid("/reports").await;
    let paid = street.get("/reports", &payer.header(&unpaid, NOW)).await;
    assert_eq!(paid.status(), 200);
    // The same thing in the same second is another purchase all the same.
    let unpaid = street.unpaid("/reports").await;
    let second = payer.header(&unpaid, NOW);
    for _ in 0..2 {
        let refused = street.get("/reports", &second).await;
        assert_eq!(
            required(&refused).error.as_deref(),
            Some("duplicate_settlement")
        );
        let settled = response(&refused);
        assert!(!settled.success && settled.transaction.is_empty());
        assert_eq!(settled.network, "eip155:84532");
    }
    // The first refusal came from the edge's own memory, as the second did.
    assert_eq!(street.home_calls.get(), 1);
    // An edge that remembers nothing asks, and remembers the refusal.
    street.forget_the_edge();
    for _ in 0..2 {
        let refused = street.get("/reports", &second).await;
        assert_eq!(
            required(&refused).error.as_deref(),
            Some("duplicate_settlement")
        );
    }
    assert_eq!(street.home_calls.get(), 2);
    assert_eq!(street.served.borrow().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_of_the_home_region_is_asked_for_again() {
    let street = Street::new();
    street.home_faults.borrow_mut().push_back(Fault::AnswerLost);
    let unpaid = street.unpaid("/reports").await;
    let header = Payer::new("tx").header(&unpaid, NOW);
    assert_eq!(street.get("/reports", &header).await.status(), 200);
    assert_eq!(street.home_calls.get(), 2);
}

#[tokio::test]
async fn an_unknown_outcome_is_pending_and_the_same_payment_gets_through_later_once() {
    for faults in [
        [Fault::AnswerLost, Fault::AnswerLost],
        [Fault::NotSent, Fault::Status(503)],
        [Fault::Status(500), Fault::Status(429)],
        [Fault::AnswerLost, Fault::NotSent],
    ] {
        let street = Street::new();
        street.home_faults.borrow_mut().extend(faults);
        let unpaid = street.unpaid("/reports").await;
        let header = Payer::new("tx").header(&unpaid, NOW);
        let pending = street.get("/reports", &header).await;
        assert_eq!(
            required(&pending).error.as_deref(),
            Some("settlement_pending")
        );
        let settled = response(&pending);
        assert!(
            !settled.success && settled.transaction.len() == 66,
            "{faults:?}"
        );
        assert!(street.served.borrow().is_empty());
        let paid = street.get("/reports", &header).await;
        assert_eq!(paid.status(), 200, "{faults:?}");
        let again = street.get("/reports", &header).await;
        assert_eq!(again.body(), paid.body());
        assert_eq!(street.served.borrow().len(), 1);
    }
}

#[tokio::test]
async fn a_request_that_never_reached_the_origin_may_be_sent_again() {
    let street = Street::new();
    street.origin_faults.borrow_mut().push_back(Fault::NotSent);
    let unpaid = street.unpaid("/reports").await;
    let header = Payer::new("tx").header(&unpaid, NOW);
    assert_eq!(street.get("/reports", &header).await.status(), 502);
    assert_eq!(street.get("/reports", &header).await.status(), 200);
    assert_eq!(street.served.borrow().len(), 1);
}

#[tokio::test]
async fn a_request_that_may_have_reached_the_origin_is_not_sent_again() {
    let street = Street::new();
    (street.origin_faults.borrow_mut()).push_back(Fault::AnswerLost);
    let unpaid = street.unpaid("/reports").await;
    let header = Payer::new("tx").header(&unpaid, NOW);
    assert_eq!(street.get("/reports", &header).await.status(), 504);
    assert_eq!(street.get("/reports", &header).await.status(), 409);
    assert_eq!(street.served.borrow().len(), 1);
}

#[tokio::test]
async fn free_paths_pass_and_paths_that_nothing_fits_do_not() {
    let mut config = payer::config();
    let street = Street::new();
    assert_eq!(street.unpaid("/free/page").await.status(), 200);
    assert_eq!(street.unpaid("/freedom").await.status(), 402);
    config["routes"] = json!([{"path": "/only", "methods": ["GET"]}]);
    let street = Street::with(&config);
    assert_eq!(street.unpaid("/only").await.status(), 200);
    assert_eq!(street.unpaid("/other").await.status(), 404);
    let post = street.ask("POST", "/only", "", &HeaderMap::new()).await;
    assert_eq!(post.status(), 404);
}

#[tokio::test]
async fn version_1_pays_too() {
    let street = Street::new();
    let unpaid = street.unpaid("/reports").await;
    let asked = required_v1(&unpaid).accepts.remove(0);
    let payment = Payer::new("tx").pay(&asked.into(), NOW);
    let payload = PaymentPayload {
        x402_version: 1,
        scheme: Some("zk-groth16".into()),
        network: Some("eip155:84532".into()),
        accepted: None,
        payload: serde_json::to_value(payment).unwrap(),
        extensions: None,
    };
    let paid = street.get("/reports", &headers(&payload)).await;
    assert_eq!(paid.status(), 200);
    let settled: SettleResponse = read_header(&paid.headers()[X_PAYMENT_RESPONSE]).unwrap();
    assert!(settled.success);
}

#[tokio::test]
async fn echoes_of_extensions_must_be_what_was_offered() {
    let mut config = payer::config();
    config["extensions"] = json!({"shop": {"info": {"id": 7}}});
    let street = Street::with(&config);
    let unpaid = street.unpaid("/reports").await;
    assert_eq!(required(&unpaid).extensions["shop"]["info"]["id"], 7);
    let asked = required(&unpaid).accepts.remove(0);
    let mut payload = v2(asked.clone(), &Payer::new("tx").pay(&asked, NOW));
    payload.extensions = json!({"shop": {"info": {"id": 8}}}).as_object().cloned();
    let refused = street.get("/reports", &headers(&payload)).await;
    assert_eq!(
        required(&refused).error.as_deref(),
        Some("extension_echo_mismatch")
    );
    payload.extensions = json!({"shop": {"info": {"id": 7, "mine": 1}}, "other": 1})
        .as_object()
        .cloned();
    assert_eq!(
        street.get("/reports", &headers(&payload)).await.status(),
        200
    );
}

#[tokio::test]
async fn the_relaxed_mode_claims_at_the_edge_alone() {
    let mut config = payer::config();
    config["claims"] = json!("edge");
    let street = Street::with(&config);
    let payer = Payer::new("tx");
    let unpaid = street.unpaid("/reports").await;
    let header = payer.header(&unpaid, NOW);
    assert_eq!(street.get("/reports", &header).await.status(), 200);
    assert_eq!(street.get("/reports", &header).await.body(), b"answer 1");
    let unpaid = street.unpaid("/other").await;
    let refused = street.get("/other", &payer.header(&unpaid, NOW)).await;
    assert_eq!(
        required(&refused).error.as_deref(),
        Some("duplicate_settlement")
    );
    assert_eq!(street.home_calls.get(), 0);
}
