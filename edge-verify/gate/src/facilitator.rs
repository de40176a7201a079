//! `POST /verify`, `POST /settle`, `GET /supported`.

use crate::check::{Claim, element};
use crate::claims::Claimed;
use crate::header::open;
use crate::offer::Offer;
use crate::wire::{
    FacilitatorRequest, Payment, PaymentRequirements, PaymentRequirementsV1, SCHEME,
    SettleResponse, SupportedKind, SupportedResponse, VerifyResponse,
};
use crate::world::World;
use crate::{Gate, Refusal};
use http::StatusCode;
use prooflane_verifier::Fr;
use serde_json::{Map, Value, json};

/// What a merchant asks about.
struct Question {
    offer: Offer,
    payment: Payment,
    /// The merchant's word for the request that is paid for.
    binding: Fr,
    requirements: PaymentRequirements,
}

impl Gate {
    /// `GET /supported`.
    pub(crate) fn supported(&self, now: u64) -> SupportedResponse {
        let kind = |network: &String, x402_version| SupportedKind {
            x402_version,
            scheme: SCHEME.into(),
            network: network.clone(),
            extra: self.extra(now),
        };
        let kinds = [2, 1].into_iter().flat_map(|version| {
            self.networks
                .iter()
                .map(move |network| kind(network, version))
        });
        SupportedResponse {
            kinds: kinds.collect(),
            extensions: Vec::new(),
            signers: Map::new(),
        }
    }

    /// `POST /verify`: whether the payment would count. Nothing is claimed.
    pub(crate) async fn verify_request<W: World>(
        &self,
        body: &[u8],
        world: &W,
    ) -> (StatusCode, VerifyResponse) {
        let judged = match self.question(body) {
            Ok(question) => (self.judge(&question, world).await).map(|_| ()),
            Err(malformed) => Err(malformed),
        };
        let answer = VerifyResponse {
            is_valid: judged.is_ok(),
            invalid_reason: judged.as_ref().err().map(|why| why.code().to_owned()),
            invalid_message: judged.as_ref().err().map(ToString::to_string),
        };
        (status(judged.as_ref().err()), answer)
    }

    /// `POST /settle`: claims the receipt.
    pub(crate) async fn settle_request<W: World>(
        &self,
        body: &[u8],
        world: &W,
    ) -> (StatusCode, SettleResponse) {
        let (settled, question) = match self.question(body) {
            Ok(question) => (self.settle(&question, world).await, Some(question)),
            Err(malformed) => (Err(malformed), None),
        };
        let refusal = settled.err();
        let mut answer = settlement(
            question.as_ref().map(|question| &question.requirements),
            question.as_ref().map(|question| &question.payment),
            refusal.as_ref(),
        );
        if question.is_none() {
            answer.network = network_of(body);
        }
        (status(refusal.as_ref()), answer)
    }

    fn question(&self, body: &[u8]) -> Result<Question, Refusal> {
        let request: FacilitatorRequest = crate::from_json(body)
            .map_err(|error| Refusal::Payload(format!("expected x402's request: {error}")))?;
        let version = request.payment_payload.x402_version;
        if request.x402_version.is_some_and(|of| of != version) || !(1..=2).contains(&version) {
            return Err(Refusal::Version(version));
        }
        let malformed = |error: serde_json::Error| {
            Refusal::Requirements(format!("paymentRequirements: {error}"))
        };
        let requirements = request.payment_requirements;
        let requirements: PaymentRequirements = if version == 1 {
            let v1: PaymentRequirementsV1 =
                serde_json::from_value(requirements).map_err(malformed)?;
            v1.into()
        } else {
            serde_json::from_value(requirements).map_err(malformed)?
        };
        let offer = Offer::of_requirements(self, &requirements)?;
        let received = open(request.payment_payload).map_err(Refusal::Payload)?;
        let envelope = &received.envelope;
        let differs = || {
            Refusal::Requirements("accepted: expected the requirements that were asked".to_owned())
        };
        let accepted = match &envelope.accepted {
            Some(accepted) => offer.is(accepted),
            None => {
                version == 1
                    && envelope.scheme.as_deref() == Some(SCHEME)
                    && envelope.network.as_ref() == Some(&offer.asked.network)
            }
        };
        if !accepted {
            return Err(differs());
        }
        let of = |name: &str| requirements.extra.get(name);
        let binding = of("binding").and_then(Value::as_str).ok_or_else(|| {
            Refusal::Requirements(
                "paymentRequirements.extra.binding: expected the binding of the request at hand"
                    .into(),
            )
        })?;
        let binding = element("paymentRequirements.extra.binding", binding)?;
        if of("nonce").is_some_and(|nonce| *nonce != json!(received.payment.nonce)) {
            return Err(Refusal::Nonce(offer.asked.max_timeout));
        }
        let named = of("attestors").and_then(Value::as_array);
        if named.is_some_and(|named| !named.contains(&json!(received.payment.attestor))) {
            return Err(Refusal::Attestor(received.payment.attestor));
        }
        Ok(Question {
            offer,
            payment: received.payment,
            binding,
            requirements,
        })
    }

    async fn judge<'a, W: World>(
        &self,
        question: &'a Question,
        world: &W,
    ) -> Result<Claim<'a>, Refusal> {
        let Question {
            offer,
            payment,
            binding,
            ..
        } = question;
        let claim = self.claim(offer, payment, *binding, world.now_seconds())?;
        if self.remembers_spent(&claim, world).await {
            return Err(Refusal::Spent);
        }
        self.verify(&claim)?;
        Ok(claim)
    }

    async fn settle<W: World>(&self, question: &Question, world: &W) -> Result<(), Refusal> {
        let claim = self.judge(question, world).await?;
        let attempt = question.payment.attempt.as_deref();
        match self.claim_nullifier(&claim, attempt, world).await? {
            Claimed::Here => Ok(()),
            Claimed::Before => Err(Refusal::Spent),
        }
    }
}

/// The network that a request names, where hardly more of it can be read: it stands in every answer.
fn network_of(body: &[u8]) -> String {
    let request: Value = crate::from_json(body).unwrap_or_default();
    let network = request.pointer("/paymentRequirements/network");
    network.and_then(Value::as_str).unwrap_or("").to_owned()
}

/// What became of a payment, for whoever asked for it.
pub(crate) fn settlement(
    asked: Option<&PaymentRequirements>,
    payment: Option<&Payment>,
    refusal: Option<&Refusal>,
) -> SettleResponse {
    let known = matches!(refusal, None | Some(Refusal::Pending));
    let transaction = payment.filter(|_| known);
    SettleResponse {
        success: refusal.is_none(),
        error_reason: refusal.map(|why| why.code().to_owned()),
        error_message: refusal.map(ToString::to_string),
        transaction: transaction.map_or_else(String::new, |payment| payment.nullifier.clone()),
        network: asked.map_or_else(String::new, |asked| asked.network.clone()),
        amount: (asked.filter(|_| refusal.is_none())).map(|asked| asked.amount.clone()),
    }
}

/// Business failures are answers; what cannot be read, and our own faults, are not.
fn status(refusal: Option<&Refusal>) -> StatusCode {
    match refusal {
        Some(Refusal::Payload(_) | Refusal::Requirements(_) | Refusal::Version(_)) => {
            StatusCode::BAD_REQUEST
        }
        Some(Refusal::Home(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    }
}
