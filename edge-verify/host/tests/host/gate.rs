//! The component that is deployed, by the manifest that is deployed.

use crate::parts::{GATE, Origin, ask, component, config, get};
use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use edge_host::Host;
use prooflane_verifier::VerifyingKey;
use serde_json::{Value, json};

/// A key of the right shape, which no proof has.
fn key() -> String {
    let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
    let key = VerifyingKey {
        alpha: g1,
        beta: g2,
        gamma: g2,
        delta: g2,
        ic: vec![g1; 10],
    };
    hex_of(&key.to_compact())
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `/free` passes, `/paid` costs 10.
fn told(origin: &str) -> String {
    let price = json!({
        "network": "eip155:84532", "asset": "erc20:0x1", "amount": "10", "payTo": "merchant-1"
    });
    let told = json!({
        "publicOrigin": "https://api.example.com",
        "origin": origin,
        "home": "http://127.0.0.1:1",
        "attestors": [],
        "routes": [{"path": "/free"}, {"path": "/paid", "accepts": [price]}],
    });
    told.to_string()
}

async fn gate(told: &str, origin: &str) -> Host {
    let (key, secret) = (key(), "00".repeat(32));
    let variables = [
        ("config", told),
        ("verifying_key", &key),
        ("nonce_secret", &secret),
        ("origin", origin),
        ("home", "http://127.0.0.1:1"),
    ];
    let config = config(component("edge_verify.wasm"), GATE, &variables);
    Host::start(config).await.unwrap()
}

#[tokio::test]
async fn answers_and_passes_on_what_is_free() {
    let origin = Origin::start(async |request| request).await;
    let host = gate(&told(&origin.url), &origin.url).await;
    let health: Value = serde_json::from_str(&get(&host, "/health").await.ok()).unwrap();
    assert_eq!(health["status"], "healthy");
    let free = get(&host, "/free?a=b").await.ok();
    assert!(free.starts_with("GET /free?a=b HTTP/1.1\r\n"), "{free}");
    let authority = origin.url.strip_prefix("http://").unwrap();
    assert!(free.contains(&format!("host: {authority}\r\n")), "{free}");
    assert_eq!(get(&host, "/elsewhere").await.status, 404);
    host.stop().await;
}

#[tokio::test]
async fn asks_to_be_paid() {
    let origin = Origin::start(async |_| "paid".to_owned()).await;
    let host = gate(&told(&origin.url), &origin.url).await;
    let unpaid = get(&host, "/paid").await;
    assert_eq!(unpaid.status, 402, "{unpaid:?}");
    assert!(unpaid.header("payment-required").is_some());
    assert_eq!(unpaid.header("cache-control"), Some("no-store"));
    let nonce = |body: &str| {
        let body: Value = serde_json::from_str(body).unwrap();
        body["accepts"][0]["extra"]["nonce"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(nonce(&unpaid.body).len(), 64);
    host.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let origin = Origin::start(async |_| String::new()).await;
    let host = gate(&told(&origin.url), &origin.url).await;
    ask(&host, "POST", "/free", &"a".repeat(1 << 20)).await.ok();
    let long = ask(&host, "POST", "/free", &"a".repeat((1 << 20) + 1)).await;
    assert_eq!(long.status, 413, "{long:?}");
    let problem: Value = serde_json::from_str(&long.body).unwrap();
    assert_eq!(problem["code"], "body_too_large");
    host.stop().await;
}

#[tokio::test]
async fn an_origin_that_is_not_granted_is_not_called() {
    let origin = Origin::start(async |_| "never".to_owned()).await;
    let host = gate(&told(&origin.url), "https://api.example.com").await;
    let free = get(&host, "/free").await;
    assert_eq!(free.status, 502, "{free:?}");
    assert!(free.body.contains("allowed_outbound_hosts"), "{free:?}");
    host.stop().await;
}

#[tokio::test]
async fn a_wrong_configuration_is_named_and_admits_nobody() {
    let host = gate("{}", "https://api.example.com").await;
    for path in ["/health", "/free", "/paid"] {
        let answer = get(&host, path).await;
        assert_eq!(answer.status, 500, "{answer:?}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["code"], "misconfigured");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("publicOrigin"), "{detail}");
    }
    host.stop().await;
}
