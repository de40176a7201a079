//! A second opinion on the wire: the crate `x402-types` reads what the component writes, and the component reads what it
//! writes. Not settlements: that crate insists on a payer, whom this scheme does not know.

#![allow(clippy::unwrap_used)]

use prooflane_gate::wire::PaymentPayload;
use prooflane_gate::{PAYMENT_REQUIRED, read_header};
use prooflane_tests_edge::{AMOUNT, MERCHANT, NETWORK, Street, now};
use serde_json::Value;
use x402_types::proto::{SupportedResponse, v1, v2};

#[tokio::test(flavor = "multi_thread")]
async fn another_implementation_reads_and_writes_the_same() {
    let street = Street::start(|_| {}).await;
    let purchase = street.purchase("/reports");
    let unpaid = street.send(&purchase, None).await;
    let header = unpaid.headers()[PAYMENT_REQUIRED].clone();
    let theirs: v2::PaymentRequired = read_header(&header).unwrap();
    let asked = &theirs.accepts[0];
    assert_eq!(asked.scheme, "zk-groth16");
    assert_eq!(asked.network.to_string(), NETWORK);
    assert_eq!(
        (&asked.amount, &asked.pay_to),
        (&AMOUNT.to_string(), &MERCHANT.to_owned())
    );
    let body: v1::PaymentRequired = serde_json::from_str(&unpaid.text().await.unwrap()).unwrap();
    assert_eq!(body.accepts[0].max_amount_required, AMOUNT.to_string());
    let extra = asked.extra.clone();
    assert_eq!(body.accepts[0].extra, extra);

    let supported = street.purchase("/supported");
    let text = street.send(&supported, None).await.text().await.unwrap();
    let supported: SupportedResponse = serde_json::from_str(&text).unwrap();
    assert_eq!(supported.kinds.len(), 2);

    let payment = street
        .pay(&read_header(&header).unwrap(), &street.receipt(), now())
        .await;
    let theirs: v2::PaymentPayload<v2::PaymentRequirements, Value> =
        serde_json::from_value(serde_json::to_value(&payment).unwrap()).unwrap();
    assert_eq!(&theirs.accepted, asked);
    let theirs = serde_json::to_value(&theirs).unwrap();
    let ours: PaymentPayload = serde_json::from_value(theirs).unwrap();
    assert_eq!(street.send(&purchase, Some(&ours)).await.status(), 200);
    street.stop().await;
}
