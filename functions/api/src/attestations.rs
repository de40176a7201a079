//! Attesting payments, for an operator whose own systems confirm them.

use crate::Api;
use crate::caller::{Body, Caller};
use crate::payments::{element, number};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use prooflane_circuits::{Attestor, Receipt, asset_to_field, recipient_to_field, tx_hash_to_field};
use prooflane_client::wire::{Attest, PointView, Problem as ProblemDoc, ReceiptView};
use prooflane_coordinator::Role;
use prooflane_verifier::{Fr, field};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The network's own attestor.
#[derive(Clone)]
pub struct OwnAttestor {
    /// Its public key: whose receipts count where a request names no attestor.
    pub key: [Fr; 2],
    /// Its signing key, where this process may sign with it.
    pub signs: Option<Arc<Attestor>>,
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(attest))
}

/// Sign that a payment was made.
///
/// For whoever confirms payments: call it once a payment is final, and hand the receipt to the payer.
/// The network believes its caller; it looks at no chain.
#[utoipa::path(post, path = "/v1/attestations", tag = "verification", request_body = Attest, responses(
    (status = 200, description = "The receipt, as `prooflane attest` makes it", body = ReceiptView),
    (status = 400, description = "`invalid_request`", body = ProblemDoc),
    (status = 403, description = "`forbidden`", body = ProblemDoc),
    (status = 404, description = "`no_attestor`", body = ProblemDoc),
))]
async fn attest(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<Attest>,
) -> Result<Json<ReceiptView>, Problem> {
    caller.demand(Role::Operator)?;
    let attestor = api.attestor.as_ref().and_then(|own| own.signs.as_ref());
    let attestor = attestor.ok_or_else(|| {
        Problem::new(
            "no_attestor",
            "this network has no attestor's key to sign with",
        )
    })?;
    for (name, text) in [
        ("recipientKey", &body.recipient_key),
        ("asset", &body.asset),
        ("txHash", &body.tx_hash),
    ] {
        if text.is_empty() {
            let detail = format!("{name}: expected some text, got none");
            return Err(Problem::new("invalid_request", detail));
        }
    }
    let payment_time = body.payment_time.unwrap_or(api.coordinator.now().0 / 1_000);
    let signature = attestor.sign(&Receipt {
        payer_commitment: element("payerCommitment", &body.payer_commitment)?,
        recipient: recipient_to_field(&body.recipient_key),
        asset: asset_to_field(&body.asset),
        amount: number("actualAmount", &body.actual_amount)?,
        payment_time,
        tx_hash: tx_hash_to_field(&body.tx_hash),
    });
    let key = attestor.public_key();
    Ok(Json(ReceiptView {
        attestor_key: PointView {
            x: field::to_decimal(&key.x),
            y: field::to_decimal(&key.y),
        },
        payer_commitment: body.payer_commitment,
        recipient_key: body.recipient_key,
        asset: body.asset,
        actual_amount: body.actual_amount,
        payment_time,
        tx_hash: body.tx_hash,
        signature: format!("0x{}", hex::encode(signature.pack())),
    }))
}
