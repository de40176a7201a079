//! A payer with real receipts and real proofs.

use crate::wire::{
    Payment, PaymentPayload, PaymentRequired, PaymentRequiredV1, PaymentRequirements,
};
use crate::{Gate, PAYMENT_REQUIRED, Secrets, pack, payment_header, read_header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request, Response};
use prooflane_circuits::{
    Attestor, Receipt, asset_to_field, find, payer_commitment, recipient_to_field, tx_hash_to_field,
};
use prooflane_engine::{CircuitKey, Keys, prove};
use prooflane_verifier::{Fr, field};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

/// The present, in Unix seconds.
pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const ORIGIN: &str = "https://api.example.com";

pub(super) static KEY: LazyLock<Arc<CircuitKey>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::open(folder.path()).unwrap();
    keys.get(find("payment@1").unwrap()).unwrap()
});

pub(super) fn attestor() -> Attestor {
    Attestor::from_seed(&[7; 32])
}

fn coordinates(attestor: &Attestor) -> [Fr; 2] {
    let key = attestor.public_key();
    [key.x, key.y]
}

/// What the tests' merchants ask.
pub(super) fn config() -> Value {
    let [x, y] = coordinates(&attestor()).map(|c| field::to_decimal(&c));
    let price = json!({
        "network": "eip155:84532", "asset": "erc20:usdc", "amount": "1000", "payTo": "merchant-1",
    });
    json!({
        "publicOrigin": ORIGIN,
        "origin": "http://origin.internal:8080/base/",
        "home": "http://home.internal",
        "attestors": [{"x": x, "y": y}],
        "routes": [
            {"path": "/free/*"},
            {"path": "/dear", "accepts": [{"network": "eip155:84532", "asset": "erc20:usdc", "amount": "9999999", "payTo": "merchant-1"}]},
            {"path": "/*", "accepts": [price], "description": "A report", "mimeType": "text/plain"},
        ],
    })
}

pub(super) fn gate(config: &Value) -> Gate {
    let secrets = Secrets {
        home_key: "secret".into(),
        nonce_secret: [9; 32],
    };
    Gate::new(
        &config.to_string(),
        &KEY.verifying_key().to_compact(),
        secrets,
    )
    .unwrap()
}

/// A receipt, and who opens it.
pub(super) struct Payer {
    secret: Fr,
    tx_hash: String,
    attestor: Attestor,
    recipient: String,
    asset: String,
    amount: u64,
    time: u64,
}

impl Payer {
    /// Who paid enough, in a transaction of this name.
    pub(super) fn new(transaction: &str) -> Self {
        Self {
            secret: Fr::from(4_711_u64),
            tx_hash: transaction.into(),
            attestor: attestor(),
            recipient: "merchant-1".into(),
            asset: "eip155:84532/erc20:usdc".into(),
            amount: 1_500,
            time: NOW - 100,
        }
    }

    pub(super) fn attested_by(self, seed: u8) -> Self {
        let attestor = Attestor::from_seed(&[seed; 32]);
        Self { attestor, ..self }
    }

    /// Proves for these requirements at this time.
    pub(super) fn pay(&self, asked: &PaymentRequirements, now: u64) -> Payment {
        let key = coordinates(&self.attestor);
        let signature = self.attestor.sign(&Receipt {
            payer_commitment: payer_commitment(self.secret),
            recipient: recipient_to_field(&self.recipient),
            asset: asset_to_field(&self.asset),
            amount: self.amount,
            payment_time: self.time,
            tx_hash: tx_hash_to_field(&self.tx_hash),
        });
        let inputs = json!({
            "attestorKey": {"x": field::to_decimal(&key[0]), "y": field::to_decimal(&key[1])},
            "recipientKey": self.recipient,
            "asset": self.asset,
            "minAmount": asked.amount,
            "maxBlockAge": asked.extra["maxAgeSeconds"].to_string(),
            "currentTime": now,
            "binding": asked.extra["binding"],
            "actualAmount": self.amount.to_string(),
            "payerSecret": field::to_decimal(&self.secret),
            "txHash": self.tx_hash,
            "paymentTime": self.time,
            "signature": format!("0x{}", signature.pack().iter().map(|b| format!("{b:02x}")).collect::<String>()),
        });
        let witness = find("payment@1").unwrap().witness(&inputs).unwrap();
        let proof = prove(&KEY, &witness).unwrap();
        Payment {
            proof: STANDARD.encode(proof.to_compact()),
            nullifier: crate::to_hex(witness.public_inputs().last().unwrap()),
            current_time: now,
            attestor: pack(&key),
            nonce: asked.extra["nonce"].as_str().unwrap().into(),
            attempt: None,
        }
    }

    /// A header of version 2 for what this 402 asks.
    pub(super) fn header(&self, unpaid: &Response<Vec<u8>>, now: u64) -> HeaderMap {
        let asked = required(unpaid).accepts.remove(0);
        let payment = self.pay(&asked, now);
        headers(&v2(asked, &payment))
    }
}

pub(super) fn required(unpaid: &Response<Vec<u8>>) -> PaymentRequired {
    assert_eq!(unpaid.status(), 402);
    read_header(&unpaid.headers()[PAYMENT_REQUIRED]).unwrap()
}

pub(super) fn required_v1(unpaid: &Response<Vec<u8>>) -> PaymentRequiredV1 {
    serde_json::from_slice(unpaid.body()).unwrap()
}

pub(super) fn v2(accepted: PaymentRequirements, payment: &Payment) -> PaymentPayload {
    PaymentPayload {
        x402_version: 2,
        scheme: None,
        network: None,
        accepted: Some(accepted),
        payload: serde_json::to_value(payment).unwrap(),
        extensions: None,
    }
}

pub(super) fn headers(payload: &PaymentPayload) -> HeaderMap {
    HeaderMap::from_iter([payment_header(payload)])
}

pub(super) fn request(
    method: &str,
    path: &str,
    body: &str,
    headers: &HeaderMap,
) -> Request<Vec<u8>> {
    let mut request = Request::new(body.as_bytes().to_vec());
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().extend(headers.clone());
    request
}
