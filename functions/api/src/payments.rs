//! Redeeming payment proofs.

use crate::Api;
use crate::caller::{Body, Caller};
use crate::problem::Problem;
use crate::provers::proof;
use axum::Json;
use axum::extract::State;
use prooflane_circuits::text_to_field;
use prooflane_client::wire::{PointView, Problem as ProblemDoc, Redeem, RedeemAnswer};
use prooflane_coordinator::{Attempt, PaymentClaim, Redeemed, Role};
use prooflane_verifier::{Fr, field};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(redeem))
}

/// Check a payment proof against what you ask for, and claim its nullifier.
///
/// A payment is admitted once. The same request again gets the same answer; another claim on the
/// same payment is refused.
#[utoipa::path(post, path = "/v1/payments/redeem", tag = "verification", request_body = Redeem, responses(
    (status = 200, description = "Whether the payment is admitted", body = RedeemAnswer),
    (status = 400, description = "`malformed_proof`, `invalid_request`", body = ProblemDoc),
))]
async fn redeem(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<Redeem>,
) -> Result<Json<RedeemAnswer>, Problem> {
    caller.demand(Role::Requester)?;
    let attestor = match &body.attestor_key {
        Some(PointView { x, y }) => [element("attestorKey.x", x)?, element("attestorKey.y", y)?],
        None => api.attestor.as_ref().map(|own| own.key).ok_or_else(|| {
            Problem::new(
                "invalid_request",
                "attestorKey: expected, since this network has no attestor of its own",
            )
        })?,
    };
    let claim = PaymentClaim {
        attestor,
        recipient: text_to_field("recipient", &body.recipient_key),
        asset: text_to_field("asset", &body.asset),
        min_amount: number("minAmount", &body.min_amount)?,
        max_block_age: number("maxBlockAge", &body.max_block_age)?,
        current_time: body.current_time,
        binding: element("binding", &body.binding)?,
        nullifier: element("nullifier", &body.nullifier)?,
        window: window(body.window)?,
        attempt: Attempt {
            id: body.attempt.map(|id| attempt("attempt", id)).transpose()?,
            replaces: body
                .replaces
                .map(|id| attempt("replaces", id))
                .transpose()?,
        },
    };
    let redeemed = api.coordinator.redeem(&claim, &proof(&body.proof)?).await?;
    Ok(Json(RedeemAnswer {
        admitted: redeemed == Redeemed::Admitted,
        reason: match redeemed {
            Redeemed::Admitted => "admitted",
            Redeemed::Invalid => "invalid_proof",
            Redeemed::OutsideWindow => "outside_window",
            Redeemed::AlreadySpent => "already_spent",
            Redeemed::Repeated => "repeated",
        }
        .into(),
    }))
}

pub(crate) fn element(name: &str, text: &str) -> Result<Fr, Problem> {
    field::parse(text).map_err(|error| Problem::new("invalid_request", format!("{name}: {error}")))
}

fn window(seconds: u64) -> Result<u64, Problem> {
    if seconds > PaymentClaim::MAX_WINDOW {
        let most = PaymentClaim::MAX_WINDOW;
        let detail = format!("window: expected at most {most} seconds, got {seconds}");
        return Err(Problem::new("invalid_request", detail));
    }
    Ok(seconds)
}

/// An attempt's name goes into the payment's record.
fn attempt(name: &str, id: String) -> Result<String, Problem> {
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        let detail = format!("{name}: expected 1 to 64 printable ASCII characters without spaces");
        return Err(Problem::new("invalid_request", detail));
    }
    Ok(id)
}

pub(crate) fn number(name: &str, text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| {
        let detail = format!("{name}: expected a decimal number below 2^64, got {text:?}");
        Problem::new("invalid_request", detail)
    })
}
