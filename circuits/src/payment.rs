//! `payment@1`: a trusted attestor signed a receipt for a payment that is enough, recent, to this recipient, and spent once.

use ark_bn254::Fr;
use ark_ff::{PrimeField, Zero};
use prooflane_verifier::field::to_decimal;
use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::babyjub::Point;
use crate::builder::{Builder, Terms};
use crate::eddsa::{Signature, is_public_key, verify, verify_gadget};
use crate::edwards::PointVar;
use crate::fields::{FIELD, Fields, bytes, field_of};
use crate::poseidon::{poseidon, poseidon_gadget};
use crate::receipt::{
    Attestor, NULLIFIER_DOMAIN, PAYER_DOMAIN, Receipt, asset_to_field, nullifier, payer_commitment,
    recipient_to_field, tx_hash_to_field,
};
use crate::{InputError, Statement};

#[derive(Clone)]
pub(crate) struct Payment {
    pub(crate) attestor: Point,
    pub(crate) recipient: Fr,
    pub(crate) asset: Fr,
    pub(crate) min_amount: Fr,
    pub(crate) max_block_age: Fr,
    pub(crate) current_time: Fr,
    pub(crate) binding: Fr,
    pub(crate) nullifier: Fr,
    pub(crate) amount: Fr,
    pub(crate) payer_secret: Fr,
    pub(crate) tx_hash: Fr,
    pub(crate) payment_time: Fr,
    pub(crate) signature: Signature,
}

impl Drop for Payment {
    fn drop(&mut self) {
        for secret in [
            &mut self.amount,
            &mut self.payer_secret,
            &mut self.tx_hash,
            &mut self.payment_time,
        ] {
            secret.zeroize();
        }
        self.signature.s.zeroize();
    }
}

impl Payment {
    pub(crate) fn message(&self) -> Fr {
        let payer = payer_commitment(self.payer_secret);
        poseidon(&[
            payer,
            self.recipient,
            self.asset,
            self.amount,
            self.payment_time,
            self.tx_hash,
        ])
    }
}

const ATTESTOR: &str = "an object with x and y";
const SIGNATURE: &str =
    "0x and 128 hexadecimal digits (R8 packed, S), or an object with r8 = [x, y] and s";

fn attestor_of(fields: &Fields<'_>) -> Result<Point, InputError> {
    let key = Fields::new(
        "inputs.attestorKey",
        fields.value("attestorKey", ATTESTOR)?,
        &["x", "y"],
        &[],
    )?;
    Ok(Point::new_unchecked(key.field("x")?, key.field("y")?))
}

fn signature_of(fields: &Fields<'_>) -> Result<Signature, InputError> {
    let value = fields.value("signature", SIGNATURE)?;
    if let Some(text) = value.as_str() {
        return bytes(text)
            .and_then(|b| Signature::unpack(&b))
            .ok_or_else(|| fields.error("signature", SIGNATURE));
    }
    if !value.is_object() {
        return Err(fields.error("signature", SIGNATURE));
    }
    let parts = Fields::new("inputs.signature", value, &[], &["r8", "s"])?;
    let expected = format!("an array of two coordinates, each {FIELD}");
    let r8 = match parts.value("r8", &expected)?.as_array().map(Vec::as_slice) {
        Some([x, y]) => field_of(x).zip(field_of(y)),
        _ => None,
    };
    let (x, y) = r8.ok_or_else(|| parts.error("r8", expected))?;
    Ok(Signature {
        r8: Point::new_unchecked(x, y),
        s: parts.field("s")?.into_bigint(),
    })
}

impl Statement for Payment {
    const ID: &'static str = "payment@1";
    const ABOUT: &'static str = "a trusted attestor signed a receipt: enough was paid, in this asset, to this recipient, recently; each receipt counts once";
    const PUBLIC: &'static [&'static str] = &[
        "attestor_x",
        "attestor_y",
        "recipient",
        "asset",
        "min_amount",
        "max_block_age",
        "current_time",
        "binding",
        "nullifier",
    ];

    fn example() -> Value {
        let (secret, recipient, asset) = (
            Fr::from(123_456_789u64),
            "merchant-1",
            "eip155:8453/erc20:usdc",
        );
        let tx_hash = format!("0x{}", "ab".repeat(32));
        let attestor = Attestor::from_seed(&[7; 32]);
        let key = attestor.public_key();
        let signature = attestor.sign(&Receipt {
            payer_commitment: payer_commitment(secret),
            recipient: recipient_to_field(recipient),
            asset: asset_to_field(asset),
            amount: 1_500_000,
            payment_time: 1_699_999_950,
            tx_hash: tx_hash_to_field(&tx_hash),
        });
        json!({
            "attestorKey": { "x": to_decimal(&key.x), "y": to_decimal(&key.y) },
            "recipientKey": recipient,
            "asset": asset,
            "minAmount": "1000000",
            "maxBlockAge": "60",
            "currentTime": 1_700_000_000u64,
            "binding": "0",
            "actualAmount": "1500000",
            "payerSecret": to_decimal(&secret),
            "txHash": tx_hash,
            "paymentTime": 1_699_999_950u64,
            "signature": {
                "r8": [to_decimal(&signature.r8.x), to_decimal(&signature.r8.y)],
                "s": signature.s.to_string(),
            },
        })
    }

    fn parse(inputs: &Value) -> Result<Self, InputError> {
        let public = [
            "attestorKey",
            "recipientKey",
            "asset",
            "minAmount",
            "maxBlockAge",
            "currentTime",
            "binding",
            "nullifier",
        ];
        let private = [
            "actualAmount",
            "payerSecret",
            "txHash",
            "paymentTime",
            "signature",
        ];
        let fields = Fields::new("inputs", inputs, &public, &private)?;
        let (payer_secret, tx_hash) = (
            fields.field("payerSecret")?,
            tx_hash_to_field(fields.text("txHash")?),
        );
        let payment = Self {
            attestor: attestor_of(&fields)?,
            recipient: recipient_to_field(fields.text("recipientKey")?),
            asset: asset_to_field(fields.text("asset")?),
            min_amount: fields.u64("minAmount")?.into(),
            max_block_age: fields.u64("maxBlockAge")?.into(),
            current_time: fields.u64("currentTime")?.into(),
            binding: if fields.get("binding").is_some() {
                fields.field("binding")?
            } else {
                Fr::zero()
            },
            nullifier: nullifier(payer_secret, tx_hash),
            amount: fields.u64("actualAmount")?.into(),
            payer_secret,
            tx_hash,
            payment_time: fields.u64("paymentTime")?.into(),
            signature: signature_of(&fields)?,
        };
        fields.matches(
            "nullifier",
            payment.nullifier,
            "the nullifier of payerSecret and txHash",
        )?;
        Ok(payment)
    }

    fn check(&self) -> Result<(), InputError> {
        let wrong = |field: &str, expected: &str, got: &str| {
            Err(InputError::invalid(
                format!("inputs.{field}"),
                expected,
                got,
            ))
        };
        match () {
            () if !is_public_key(&self.attestor) => wrong(
                "attestorKey",
                "a point of BabyJubJub, not of low order",
                "other coordinates",
            ),
            () if self.amount < self.min_amount => {
                wrong("actualAmount", "at least minAmount", "less")
            }
            () if self.payment_time > self.current_time => {
                wrong("paymentTime", "at most currentTime", "a later time")
            }
            () if self.current_time - self.payment_time > self.max_block_age => wrong(
                "paymentTime",
                "at most maxBlockAge seconds before currentTime",
                "an earlier time",
            ),
            () if !verify(&self.attestor, self.message(), &self.signature) => wrong(
                "signature",
                "attestorKey's signature of this receipt",
                "one that does not verify",
            ),
            () => Ok(()),
        }
    }

    fn public(&self) -> Vec<Fr> {
        vec![
            self.attestor.x,
            self.attestor.y,
            self.recipient,
            self.asset,
            self.min_amount,
            self.max_block_age,
            self.current_time,
            self.binding,
            self.nullifier,
        ]
    }

    fn synthesize<T: Terms>(&self, b: &mut Builder<T>) {
        let [
            x,
            y,
            recipient,
            asset,
            min_amount,
            max_block_age,
            current_time,
            binding,
            nullifier,
        ] = b.public();
        let [amount, payer_secret, tx_hash, payment_time] = [
            self.amount,
            self.payer_secret,
            self.tx_hash,
            self.payment_time,
        ]
        .map(|value| b.private(value));

        // minAmount <= amount, both in 64 bits.
        let [least, paid] = [&min_amount, &amount].map(|x| b.u64(x));
        b.u64_at_most(&least, &paid);

        // 0 <= currentTime - paymentTime <= maxBlockAge: paymentTime, age and slack are in 64 bits, and so are the sums
        // currentTime = paymentTime + age and maxBlockAge = age + slack.
        let age = &current_time - &payment_time;
        let slack = &max_block_age - &age;
        let [paid_at, age, slack] = [&payment_time, &age, &slack].map(|x| b.u64(x));
        b.u64_sum(&paid_at, &age);
        b.u64_sum(&age, &slack);

        let payer = poseidon_gadget(b, &[&payer_secret], &[*PAYER_DOMAIN]);
        let message = poseidon_gadget(
            b,
            &[&payer, &recipient, &asset, &amount, &payment_time, &tx_hash],
            &[],
        );
        verify_gadget(b, &PointVar { x, y }, &message, &self.signature);

        let spent = poseidon_gadget(b, &[&payer_secret, &tx_hash], &[*NULLIFIER_DOMAIN]);
        b.equal(&spent, &nullifier);

        // A public input that occurs in no constraint could be changed in a finished proof by anyone, depending on how the key
        // was made; the square ties it in whatever the prover.
        b.mul(&binding, &binding);
    }
}
