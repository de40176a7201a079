//! The facilitator as a merchant's server asks it.

use super::payer::{self, NOW, Payer, required, required_v1, v2};
use super::street::{Fault, Street};
use crate::wire::{Payment, PaymentRequirements};
use serde_json::{Value, json};

async fn question(street: &Street) -> (PaymentRequirements, Payment) {
    let asked = required(&street.unpaid("/reports").await).accepts.remove(0);
    let payment = Payer::new("tx").pay(&asked, street.now.get());
    (asked, payment)
}

fn body(asked: &PaymentRequirements, payment: &Payment) -> Value {
    json!({
        "x402Version": 2,
        "paymentPayload": v2(asked.clone(), payment),
        "paymentRequirements": asked,
    })
}

#[tokio::test]
async fn what_is_supported_is_what_requirements_are_made_of() {
    let street = Street::new();
    let answer = street.unpaid("/supported").await;
    let supported: Value = serde_json::from_slice(answer.body()).unwrap();
    let kinds = supported["kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), 2);
    let (asked, _) = question(&street).await;
    for (kind, version) in kinds.iter().zip([2, 1]) {
        assert_eq!(kind["x402Version"], version);
        assert_eq!(
            (&kind["scheme"], &kind["network"]),
            (&json!("zk-groth16"), &json!("eip155:84532"))
        );
        for name in ["circuit", "key", "attestors"] {
            assert_eq!(kind["extra"][name], asked.extra[name]);
        }
    }
    assert_eq!(supported["signers"], json!({}));
}

#[tokio::test]
async fn verify_claims_nothing_and_settle_claims_once_however_often_it_is_asked() {
    let street = Street::new();
    let (asked, payment) = question(&street).await;
    let good = body(&asked, &payment);
    for _ in 0..2 {
        let (status, answer) = street.facilitator("/verify", &good).await;
        assert_eq!((status.as_u16(), answer), (200, json!({"isValid": true})));
    }
    assert_eq!(street.home_calls.get(), 0);
    let settled = json!({
        "success": true,
        "transaction": payment.nullifier,
        "network": "eip155:84532",
        "amount": "1000",
    });
    for _ in 0..3 {
        let (status, answer) = street.facilitator("/settle", &good).await;
        assert_eq!((status.as_u16(), &answer), (200, &settled));
    }
    // The same receipt for another request.
    let unpaid = street.unpaid("/other").await;
    let other = required(&unpaid).accepts.remove(0);
    let second = body(&other, &Payer::new("tx").pay(&other, NOW));
    for path in ["/settle", "/verify"] {
        let (status, answer) = street.facilitator(path, &second).await;
        assert_eq!(status, 200);
        let reason = if path == "/verify" {
            "invalidReason"
        } else {
            "errorReason"
        };
        assert_eq!(answer[reason], "duplicate_settlement");
    }
}

#[tokio::test]
async fn an_attempt_that_a_server_names_is_settled_alone() {
    let street = Street::new();
    let (asked, mut payment) = question(&street).await;
    payment.attempt = Some("request-1".into());
    let first = body(&asked, &payment);
    payment.attempt = Some("request-2".into());
    let second = body(&asked, &payment);
    for _ in 0..2 {
        let (_, answer) = street.facilitator("/settle", &first).await;
        assert_eq!(answer["success"], true);
        let (_, answer) = street.facilitator("/settle", &second).await;
        assert_eq!(answer["errorReason"], "duplicate_settlement");
        assert_eq!(answer["transaction"], "");
        assert_eq!(answer["network"], "eip155:84532");
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_pending_with_the_transaction() {
    let street = Street::new();
    let (asked, payment) = question(&street).await;
    (street.home_faults.borrow_mut()).extend([Fault::AnswerLost, Fault::NotSent]);
    let (status, answer) = street.facilitator("/settle", &body(&asked, &payment)).await;
    assert_eq!(status, 200);
    assert_eq!(answer["success"], false);
    assert_eq!(answer["errorReason"], "settlement_pending");
    assert_eq!(answer["transaction"], json!(payment.nullifier));
    let (_, answer) = street.facilitator("/settle", &body(&asked, &payment)).await;
    assert_eq!(answer["success"], true);
}

#[tokio::test]
async fn the_home_regions_refusal_is_our_own_fault() {
    let street = Street::new();
    let (asked, payment) = question(&street).await;
    (street.home_faults.borrow_mut()).push_back(Fault::Status(401));
    let (status, answer) = street.facilitator("/settle", &body(&asked, &payment)).await;
    assert_eq!(status, 500);
    assert_eq!(answer["errorReason"], "unexpected_settle_error");
    assert!(answer["errorMessage"].as_str().unwrap().contains("401"));
}

#[tokio::test]
async fn version_1_is_settled_too() {
    let street = Street::new();
    let unpaid = street.unpaid("/reports").await;
    let asked = required_v1(&unpaid).accepts.remove(0);
    let payment = Payer::new("tx").pay(&asked.clone().into(), NOW);
    let body = json!({
        "x402Version": 1,
        "paymentPayload": {
            "x402Version": 1, "scheme": "zk-groth16", "network": "eip155:84532", "payload": payment,
        },
        "paymentRequirements": asked,
    });
    let (_, answer) = street.facilitator("/settle", &body).await;
    assert_eq!(answer["success"], true, "{answer}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_a_reason() {
    type Change = fn(&mut Value);
    let changes: [(Change, u16, &str); 15] = [
        (|b| b["x402Version"] = json!(1), 400, "invalid_x402_version"),
        (
            |b| b["paymentPayload"]["x402Version"] = json!(7),
            400,
            "invalid_x402_version",
        ),
        (
            |b| b["paymentPayload"]["payload"]["nonce"] = json!(1),
            400,
            "invalid_payload",
        ),
        (
            |b| b["paymentPayload"] = json!(null),
            400,
            "invalid_payload",
        ),
        (
            |b| b["paymentRequirements"] = json!([]),
            400,
            "invalid_payment_requirements",
        ),
        (
            |b| b["paymentRequirements"]["amount"] = json!("1e3"),
            400,
            "invalid_payment_requirements",
        ),
        (
            |b| b["paymentRequirements"]["amount"] = json!("999"),
            400,
            "invalid_payment_requirements",
        ),
        (
            |b| b["paymentRequirements"]["extra"]["key"] = json!("00"),
            400,
            "invalid_payment_requirements",
        ),
        (
            |b| b["paymentRequirements"]["extra"]["binding"] = json!(null),
            400,
            "invalid_payment_requirements",
        ),
        (
            |b| b["paymentRequirements"]["scheme"] = json!("exact"),
            200,
            "unsupported_scheme",
        ),
        (
            |b| b["paymentRequirements"]["network"] = json!("eip155:1"),
            200,
            "invalid_network",
        ),
        (
            |b| b["paymentRequirements"]["extra"]["nonce"] = json!("other"),
            200,
            "invalid_zk_groth16_nonce",
        ),
        (
            |b| b["paymentRequirements"]["extra"]["attestors"] = json!([]),
            200,
            "invalid_zk_groth16_attestor",
        ),
        (
            |b| {
                b["paymentRequirements"]["extra"]["binding"] =
                    json!(format!("0x{}", "0".repeat(64)))
            },
            200,
            "invalid_zk_groth16_proof",
        ),
        (
            |b| {
                for terms in ["/paymentRequirements", "/paymentPayload/accepted"] {
                    b.pointer_mut(terms).unwrap()["amount"] = json!("999");
                }
            },
            200,
            "invalid_zk_groth16_proof",
        ),
    ];
    let street = Street::with(&payer::config());
    let (asked, payment) = question(&street).await;
    let good = body(&asked, &payment);
    for (change, status, reason) in changes {
        let mut changed = good.clone();
        change(&mut changed);
        for (path, name) in [("/verify", "invalidReason"), ("/settle", "errorReason")] {
            let (got, answer) = street.facilitator(path, &changed).await;
            if path == "/settle" && changed["paymentRequirements"].is_object() {
                assert_eq!(answer["network"], changed["paymentRequirements"]["network"]);
            }
            assert_eq!(
                (got.as_u16(), &answer[name]),
                (status, &json!(reason)),
                "{answer}"
            );
        }
    }
    assert_eq!(street.home_calls.get(), 0);
    let (_, answer) = street.facilitator("/settle", &good).await;
    assert_eq!(answer["success"], true);
}
