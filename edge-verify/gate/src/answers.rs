//! Answers that are kept, so that a payer whose connection broke gets what it paid for, and no request runs twice.

use crate::Gate;
use crate::check::Claim;
use crate::claims;
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};

/// The longest body that is kept.
pub(crate) const MOST: usize = 65_536;

/// An answer as it was given.
#[derive(Serialize, Deserialize)]
struct Kept {
    claim: String,
    /// In Unix seconds.
    until: u64,
    status: u16,
    headers: Vec<(String, String)>,
    /// base64.
    body: String,
}

impl Gate {
    /// Keeps the answer to a claim for as long as the same payment would count.
    pub(crate) async fn keep_answer<W: World>(
        &self,
        claim: &Claim<'_>,
        answer: &Response<Vec<u8>>,
        world: &W,
    ) {
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        let kept = Kept {
            claim: claim.digest.clone(),
            until: world.now_seconds() + claim.offer.asked.max_timeout + self.skew,
            status: answer.status().as_u16(),
            headers: answer.headers().iter().filter_map(text).collect(),
            body: STANDARD.encode(answer.body()),
        };
        world.keep(&place(claim), crate::to_json(&kept)).await;
    }

    /// The answer that was given to the same claim.
    pub(crate) async fn kept_answer<W: World>(
        &self,
        claim: &Claim<'_>,
        world: &W,
    ) -> Option<Response<W::Body>> {
        let kept: Kept = crate::from_json(&world.kept(&place(claim)).await?).ok()?;
        if kept.claim != claim.digest || kept.until < world.now_seconds() {
            return None;
        }
        let body = STANDARD.decode(kept.body).ok()?;
        let mut answer = Response::new(world.body(body));
        *answer.status_mut() = StatusCode::from_u16(kept.status).ok()?;
        for (name, value) in kept.headers {
            answer
                .headers_mut()
                .append(HeaderName::try_from(name).ok()?, value.try_into().ok()?);
        }
        Some(answer)
    }
}

/// Answers are long: one in sixteen places of other things.
fn place(claim: &Claim<'_>) -> String {
    claims::place("answer", claim.digest.get(..3).unwrap_or(""))
}
