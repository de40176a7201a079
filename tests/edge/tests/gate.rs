//! The component that would be deployed, in its host, before an origin, with real receipts and proofs.

#![allow(clippy::unwrap_used)]

use prooflane::AttestorFile;
use prooflane_gate::wire::PaymentPayload;
use prooflane_tests_edge::{Street, now, refusal, settled};
use serde_json::json;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn who_pays_gets_through_once_and_repeats_get_the_same_answer() {
    let street = Street::start(|_| {}).await;
    let purchase = street.purchase("/reports?year=2026");
    let asked = street.asked(&purchase).await;
    let payment = street.pay(&asked, &street.receipt(), now()).await;
    let paid = street.send(&purchase, Some(&payment)).await;
    assert!(paid.status() == 200 && settled(&paid));
    let first = paid.text().await.unwrap();
    let again = street.send(&purchase, Some(&payment)).await;
    assert!(settled(&again));
    assert_eq!(again.text().await.unwrap(), first);
    assert_eq!(street.origin.served(), 1);
    // An edge that knows nothing of it: the home region does.
    let elsewhere = street.another_edge(|_| {}).await;
    let mut there = street.purchase_at(&elsewhere, "/reports?year=2026");
    let answer = street.send(&there, Some(&payment)).await;
    assert_eq!(refusal(answer).await, (409, "payment_repeated".into()));
    // The receipt for anything else, at either.
    there.url.set_path("/other");
    let asked = street.asked(&there).await;
    let second = street
        .pay(&asked, &street.receipt_of(&payment), now())
        .await;
    for purchase in [&there, &street.purchase("/other")] {
        let answer = street.send(purchase, Some(&second)).await;
        assert_eq!(refusal(answer).await, (402, "duplicate_settlement".into()));
    }
    assert_eq!(street.origin.served(), 1);
    elsewhere.stop().await;
    street.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_origin_and_attestor_are_the_gates_own() {
    let street = Street::start(|_| {}).await;
    let purchase = street.purchase("/reports");
    let asked = street.asked(&purchase).await;
    let payment = street.pay(&asked, &street.receipt(), now()).await;
    // The component's clock, ahead and behind.
    for (offset, code) in [
        (95, "invalid_zk_groth16_nonce"),
        (-40, "invalid_zk_groth16_nonce"),
    ] {
        street.clock.set_offset_seconds(offset);
        let answer = street.send(&purchase, Some(&payment)).await;
        assert_eq!(refusal(answer).await, (402, code.into()));
    }
    street.clock.set_offset_seconds(0);
    // A payer's clock that is wrong.
    for wrong in [now() + 45, now() - 200] {
        let asked = street.asked(&purchase).await;
        let payment = street.pay(&asked, &street.receipt(), wrong).await;
        let answer = street.send(&purchase, Some(&payment)).await;
        assert_eq!(
            refusal(answer).await,
            (402, "invalid_zk_groth16_time".into())
        );
    }
    // The same gate under another name.
    let other = street
        .another_edge(|sold| sold["publicOrigin"] = json!("https://other.example.com"))
        .await;
    let there = street.purchase_at(&other, "/reports");
    let answer = street.send(&there, Some(&payment)).await;
    assert_eq!(
        refusal(answer).await,
        (402, "invalid_zk_groth16_nonce".into())
    );
    // Somebody whom nobody trusts.
    let stranger = AttestorFile::generate().unwrap();
    let asked = street.asked(&purchase).await;
    let forged = street
        .pay(&asked, &street.receipt_by(&stranger), now())
        .await;
    let answer = street.send(&purchase, Some(&forged)).await;
    assert_eq!(
        refusal(answer).await,
        (402, "invalid_zk_groth16_attestor".into())
    );
    assert_eq!(street.origin.served(), 0);
    // Nothing of all this has spent the receipt.
    assert_eq!(street.send(&purchase, Some(&payment)).await.status(), 200);
    other.stop().await;
    street.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_home_region_is_away_payments_are_pending() {
    let street = Street::start(|_| {}).await;
    let lonely = street
        .another_edge(|sold| sold["home"] = json!("http://127.0.0.1:1"))
        .await;
    let there = street.purchase_at(&lonely, "/reports");
    let asked = street.asked(&there).await;
    let payment = street.pay(&asked, &street.receipt(), now()).await;
    for _ in 0..2 {
        let answer = street.send(&there, Some(&payment)).await;
        assert!(!settled(&answer));
        assert_eq!(refusal(answer).await, (402, "settlement_pending".into()));
    }
    assert_eq!(street.origin.served(), 0);
    // Where it is not away, the same payment counts.
    let here = street.purchase("/reports");
    assert_eq!(street.send(&here, Some(&payment)).await.status(), 200);
    lonely.stop().await;
    street.stop().await;
}

/// Proofs for one receipt, each for a request of its own, and how often each is sent.
const PAYMENTS: usize = 100;
const TIMES: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_uses_of_one_receipt_at_once_one_is_admitted() {
    let street = Arc::new(Street::start(|_| {}).await);
    let receipt = street.receipt();
    let mut payments: Vec<(String, PaymentPayload)> = Vec::new();
    for number in 0..PAYMENTS {
        let path = format!("/reports?number={number}");
        let asked = street.asked(&street.purchase(&path)).await;
        payments.push((path, street.pay(&asked, &receipt, now()).await));
    }
    let uses = (0..PAYMENTS * TIMES).map(|n| {
        let street = street.clone();
        let (path, payment) = payments[n % PAYMENTS].clone();
        tokio::spawn(async move {
            let answer = street.send(&street.purchase(&path), Some(&payment)).await;
            (path, answer.status().as_u16(), settled(&answer))
        })
    });
    let mut admitted = std::collections::BTreeSet::new();
    let mut refused = 0;
    for answer in futures::future::join_all(uses).await {
        let (path, status, settled) = answer.unwrap();
        match status {
            // The one, or a repeat of it: its answer, or the word that it was given.
            200 | 409 => {
                assert!(settled);
                admitted.insert(path);
            }
            402 => refused += 1,
            other => panic!("{other} for {path}"),
        }
    }
    assert_eq!(admitted.len(), 1, "{admitted:?}");
    assert_eq!(refused, PAYMENTS * TIMES - TIMES);
    assert_eq!(street.origin.served(), 1);
    let street = Arc::into_inner(street).unwrap();
    street.stop().await;
}
