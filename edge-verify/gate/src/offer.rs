//! What is asked, and whether a payment is for it.

use crate::wire::{Object, PaymentRequirements, SCHEME};
use crate::{Gate, Refusal};
use prooflane_verifier::{Fr, field};
use serde_json::{Value, json};

/// What a merchant asks, as it configures it.
pub(crate) struct Asked {
    pub(crate) network: String,
    pub(crate) asset: String,
    pub(crate) amount: u64,
    pub(crate) pay_to: String,
    pub(crate) max_timeout: u64,
    pub(crate) max_age: u64,
}

/// What is asked, with the public inputs that it fixes.
pub(crate) struct Offer {
    pub(crate) asked: Asked,
    /// As receipts name the asset: on its network.
    pub(crate) receipt_asset: String,
    pub(crate) recipient_input: Fr,
    pub(crate) asset_input: Fr,
}

impl Offer {
    pub(crate) fn new(asked: Asked) -> Self {
        let receipt_asset = format!("{}/{}", asked.network, asked.asset);
        Self {
            recipient_input: field::text_to_field("recipient", &asked.pay_to),
            asset_input: field::text_to_field("asset", &receipt_asset),
            receipt_asset,
            asked,
        }
    }

    /// What a merchant asks of a facilitator.
    pub(crate) fn of_requirements(
        gate: &Gate,
        asked: &PaymentRequirements,
    ) -> Result<Self, Refusal> {
        if asked.scheme != SCHEME {
            return Err(Refusal::Scheme(asked.scheme.clone()));
        }
        if !gate.networks.contains(&asked.network) {
            return Err(Refusal::Network(asked.network.clone()));
        }
        let wrong = |name: &str, expected: &str| {
            Refusal::Requirements(format!("paymentRequirements.{name}: expected {expected}"))
        };
        let amount = asked.amount.parse();
        let amount = amount.map_err(|_| wrong("amount", "a decimal number below 2^64"))?;
        if asked.max_timeout_seconds > 3_600 {
            return Err(wrong("maxTimeoutSeconds", "at most 3600"));
        }
        let key = gate.key_id.to_string();
        if asked.extra.get("key").and_then(Value::as_str) != Some(&key) {
            return Err(wrong(
                "extra.key",
                &format!("{key}, as GET /supported has it"),
            ));
        }
        let max_age = asked.extra.get("maxAgeSeconds").and_then(Value::as_u64);
        Ok(Self::new(Asked {
            network: asked.network.clone(),
            asset: asked.asset.clone(),
            amount,
            pay_to: asked.pay_to.clone(),
            max_timeout: asked.max_timeout_seconds,
            max_age: max_age.ok_or_else(|| wrong("extra.maxAgeSeconds", "a number of seconds"))?,
        }))
    }

    /// As x402 version 2 writes it; nonce and binding are of one request.
    pub(crate) fn requirements(
        &self,
        gate: &Gate,
        now: u64,
        nonce: &str,
        binding: &Fr,
    ) -> PaymentRequirements {
        let mut extra = gate.extra(now);
        extra.insert("maxAgeSeconds".into(), json!(self.asked.max_age));
        extra.insert("paymentFlow".into(), json!("upfront"));
        extra.insert("nonce".into(), json!(nonce));
        extra.insert("binding".into(), json!(crate::binding::to_hex(binding)));
        PaymentRequirements {
            scheme: SCHEME.into(),
            network: self.asked.network.clone(),
            asset: self.asked.asset.clone(),
            amount: self.asked.amount.to_string(),
            pay_to: self.asked.pay_to.clone(),
            max_timeout_seconds: self.asked.max_timeout,
            extra,
        }
    }

    /// Whether a client accepted this offer, nonce and binding aside.
    pub(crate) fn is(&self, accepted: &PaymentRequirements) -> bool {
        accepted.scheme == SCHEME
            && accepted.network == self.asked.network
            && accepted.asset == self.asked.asset
            && accepted.amount == self.asked.amount.to_string()
            && accepted.pay_to == self.asked.pay_to
            && accepted.max_timeout_seconds == self.asked.max_timeout
            && accepted.extra.get("maxAgeSeconds") == Some(&json!(self.asked.max_age))
    }
}

impl Gate {
    /// What all requirements have in `extra`: the circuit, its key, and the attestors whose word counts now.
    pub(crate) fn extra(&self, now: u64) -> Object {
        let attestors: Vec<&String> = (self.attestors.iter())
            .filter(|(_, trusted)| trusted.counts_at(now))
            .map(|(id, _)| id)
            .collect();
        let mut extra = Object::new();
        extra.insert("circuit".into(), json!("payment@1"));
        extra.insert("key".into(), json!(self.key_id.to_string()));
        extra.insert("attestors".into(), json!(attestors));
        extra
    }
}
