//! Single use: a nullifier is claimed by one conditional write in the home region.

use crate::check::Claim;
use crate::config::Claims;
use crate::world::{SendError, World};
use crate::{Gate, Refusal};
use http::{Method, Request, StatusCode, header};
use prooflane_verifier::field;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// It is this attempt's.
    Here,
    /// It is the same claim's, by another attempt.
    Before,
}

/// How long the home region has for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Asked again where no answer came: the same attempt gets the same answer.
const TRIES: usize = 2;

/// A nullifier that was claimed, and what is known of the claim.
#[derive(Serialize, Deserialize)]
struct Spent {
    nullifier: String,
    claim: String,
    /// It is this claim's; otherwise it is another's, which only the home region knows.
    is_this: bool,
}

impl Gate {
    /// Whether this edge remembers that the receipt is spent on something else. What it does not remember says nothing.
    pub(crate) async fn remembers_spent<W: World>(&self, claim: &Claim<'_>, world: &W) -> bool {
        let kept = world.kept(&place("spent", &claim.payment.nullifier)).await;
        let spent = kept.and_then(|kept| crate::from_json::<Spent>(&kept).ok());
        spent.is_some_and(|spent| {
            let same = spent.claim == claim.digest;
            spent.nullifier == claim.payment.nullifier && same != spent.is_this
        })
    }

    /// Claims the nullifier for this claim, as this attempt; without one, for whoever brings the same claim.
    ///
    /// # Errors
    /// [`Refusal::Spent`], [`Refusal::Pending`]; the home region's other refusals.
    pub(crate) async fn claim_nullifier<W: World>(
        &self,
        claim: &Claim<'_>,
        attempt: Option<&str>,
        world: &W,
    ) -> Result<Claimed, Refusal> {
        let claimed = match self.claims {
            Claims::Home => self.claim_at_home(claim, attempt, world).await,
            Claims::Edge => claim_here(claim, attempt, world).await,
        };
        match &claimed {
            Ok(_) => remember(claim, true, world).await,
            Err(Refusal::Spent) => remember(claim, false, world).await,
            Err(Refusal::Pending) => {
                if let Some(attempt) = attempt {
                    gave_up(claim, attempt, world).await;
                }
            }
            Err(_) => {}
        }
        claimed
    }

    async fn claim_at_home<W: World>(
        &self,
        claim: &Claim<'_>,
        attempt: Option<&str>,
        world: &W,
    ) -> Result<Claimed, Refusal> {
        let home = |why: String| Refusal::Home(why);
        let replaces = match attempt {
            Some(_) => abandoned(claim, world).await,
            None => None,
        };
        let body = self.redemption(claim, attempt, replaces.as_deref());
        let uri = self.home.uri("/v1/payments/redeem");
        let uri = uri.map_err(|error| home(error.to_string()))?;
        for _ in 0..TRIES {
            let mut request = Request::builder()
                .method(Method::POST)
                .uri(uri.clone())
                .header(header::CONTENT_TYPE, "application/json");
            if !self.home_key.is_empty() {
                request =
                    request.header(header::AUTHORIZATION, format!("Bearer {}", self.home_key));
            }
            let request = request.body(body.to_string().into_bytes());
            let request = request.map_err(|error| home(error.to_string()))?;
            let Ok((status, answer)) = ask(request, world).await else {
                continue;
            };
            if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                continue;
            }
            let reason = |name| answer.get(name).and_then(Value::as_str).unwrap_or("");
            return match (status, reason("reason")) {
                (StatusCode::OK, "admitted") => Ok(Claimed::Here),
                (StatusCode::OK, "repeated") => Ok(Claimed::Before),
                (StatusCode::OK, "already_spent") => Err(Refusal::Spent),
                (StatusCode::OK, reason) => Err(home(format!(
                    "the network in the home region says {reason:?}"
                ))),
                (status, _) => Err(home(format!(
                    "the network in the home region answers {status}: {}",
                    reason("code")
                ))),
            };
        }
        Err(Refusal::Pending)
    }

    /// The body of `POST /v1/payments/redeem`.
    fn redemption(
        &self,
        claim: &Claim<'_>,
        attempt: Option<&str>,
        replaces: Option<&str>,
    ) -> Value {
        let asked = &claim.offer.asked;
        let [x, y] = claim
            .attestor
            .map(|coordinate| field::to_decimal(&coordinate));
        let proof = crate::header::proof(&claim.payment.proof).unwrap_or_default();
        let mut body = json!({
            "proof": format!("0x{}", hex::encode(proof)),
            "attestorKey": { "x": x, "y": y },
            "recipientKey": asked.pay_to,
            "asset": claim.offer.receipt_asset,
            "minAmount": asked.amount.to_string(),
            "maxBlockAge": asked.max_age.to_string(),
            "currentTime": claim.payment.current_time,
            "binding": field::to_decimal(&claim.binding),
            "nullifier": field::to_decimal(&claim.nullifier),
            "window": asked.max_timeout,
        });
        for (name, value) in [("attempt", attempt), ("replaces", replaces)] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        body
    }
}

/// Sends a request, and reads the JSON of its answer.
async fn ask<W: World>(
    request: Request<Vec<u8>>,
    world: &W,
) -> Result<(StatusCode, Value), SendError> {
    let answer = world.send(request, PATIENCE).await?;
    let status = answer.status();
    let body = world.read(answer.into_body(), 65_536).await?;
    let json = crate::from_json(&body);
    json.map(|json| (status, json))
        .map_err(|error| SendError::NoAnswer(error.to_string()))
}

/// The relaxed mode: read, then write, in this edge's store alone.
async fn claim_here<W: World>(
    claim: &Claim<'_>,
    attempt: Option<&str>,
    world: &W,
) -> Result<Claimed, Refusal> {
    #[derive(Serialize, Deserialize)]
    struct Entry {
        claim: String,
        attempt: Option<String>,
    }
    let key = format!("nullifier/{}", claim.payment.nullifier);
    let kept = world.kept(&key).await;
    let Some(earlier) = kept.and_then(|kept| crate::from_json::<Entry>(&kept).ok()) else {
        let entry = Entry {
            claim: claim.digest.clone(),
            attempt: attempt.map(str::to_owned),
        };
        world.keep(&key, crate::to_json(&entry)).await;
        return Ok(Claimed::Here);
    };
    if earlier.claim != claim.digest {
        Err(Refusal::Spent)
    } else if attempt.is_none() || earlier.attempt.as_deref() == attempt {
        Ok(Claimed::Here)
    } else {
        Ok(Claimed::Before)
    }
}

/// An attempt that ended without serving the request.
#[derive(Serialize, Deserialize)]
struct Abandoned {
    claim: String,
    attempt: String,
}

/// Notes that an attempt ended without serving the request, so that the next may take over from it.
pub(crate) async fn gave_up<W: World>(claim: &Claim<'_>, attempt: &str, world: &W) {
    let abandoned = Abandoned {
        claim: claim.digest.clone(),
        attempt: attempt.to_owned(),
    };
    let place = place("gave-up", &claim.digest);
    world.keep(&place, crate::to_json(&abandoned)).await;
}

async fn abandoned<W: World>(claim: &Claim<'_>, world: &W) -> Option<String> {
    let kept = world.kept(&place("gave-up", &claim.digest)).await?;
    let abandoned: Abandoned = crate::from_json(&kept).ok()?;
    (abandoned.claim == claim.digest).then_some(abandoned.attempt)
}

async fn remember<W: World>(claim: &Claim<'_>, is_this: bool, world: &W) {
    let spent = Spent {
        nullifier: claim.payment.nullifier.clone(),
        claim: claim.digest.clone(),
        is_this,
    };
    let place = place("spent", &claim.payment.nullifier);
    world.keep(&place, crate::to_json(&spent)).await;
}

/// Where something is remembered under a hash: stores at the edge forget nothing by themselves, so the places are limited.
pub(crate) fn place(what: &str, hash: &str) -> String {
    let last = hash.get(hash.len().saturating_sub(4)..).unwrap_or("");
    format!("{what}/{last}")
}
