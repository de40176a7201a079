//! How much and how often.

use crate::Api;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::uploads;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use prooflane_coordinator::{Access, UploadId};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Sizes and rates.
#[derive(Clone)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    rate: Option<Arc<Rate>>,
}

struct Rate {
    limiter: DefaultKeyedRateLimiter<String>,
    calls: AtomicU32,
}

impl Limits {
    /// Bodies of at most 2 MiB (uploads: [`UploadId::BYTES`]), and this many requests per second from each caller (the
    /// account of an API key, or an address where there is no valid one), in bursts of twice that; none for no limit.
    #[must_use]
    pub fn new(requests_per_second: Option<NonZeroU32>) -> Self {
        let rate = requests_per_second.map(|rate| {
            let quota = Quota::per_second(rate).allow_burst(rate.saturating_mul(TWO));
            Arc::new(Rate {
                limiter: DefaultKeyedRateLimiter::keyed(quota),
                calls: AtomicU32::new(0),
            })
        });
        Self {
            body_bytes: 2 * 1024 * 1024,
            rate,
        }
    }
}

/// Of a body that is too large, so much is read and thrown away.
const DRAIN: usize = 2 * UploadId::BYTES;

/// Reads the body whole before anything is answered, whatever the answer: a caller whose connection
/// is closed while it is still sending sees a reset and not the reason.
pub(crate) async fn body(State(api): State<Api>, request: Request, next: Next) -> Response {
    let limit = match request.uri().path() {
        path if path.starts_with(uploads::FOLDER) => UploadId::BYTES,
        _ => api.limits.body_bytes,
    };
    let (parts, body) = request.into_parts();
    let (mut kept, mut seen) = (Vec::new(), 0);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else {
            let detail = "the body did not arrive whole";
            return Problem::new("malformed_json", detail).into_response();
        };
        seen += chunk.len();
        if seen <= limit {
            kept.extend_from_slice(&chunk);
        } else if seen > DRAIN {
            break;
        }
    }
    if seen > limit {
        let detail = format!("expected at most {limit} bytes");
        return Problem::new("body_too_large", detail).into_response();
    }
    next.run(Request::from_parts(parts, kept.into())).await
}

const TWO: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
/// Callers not seen lately are forgotten once in so many calls.
const FORGET_EVERY: u32 = 10_000;

pub(crate) async fn rate(State(api): State<Api>, request: Request, next: Next) -> Response {
    let Some(rate) = &api.limits.rate else {
        return next.run(request).await;
    };
    let (mut parts, body) = request.into_parts();
    // A key counts only if it is one: whoever makes keys up is still at one address.
    let access = Caller::from_request_parts(&mut parts, &api).await;
    let access = access.ok().map(|caller| caller.0);
    let caller = match access.as_ref().and_then(Access::name) {
        Some(name) => format!("account {name}"),
        None => parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or_else(|| "unknown".to_owned(), |info| info.0.ip().to_string()),
    };
    if let Some(access) = access {
        parts.extensions.insert(access);
    }
    if rate.calls.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
        rate.limiter.retain_recent();
    }
    match rate.limiter.check_key(&caller) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(until) => {
            let wait = until
                .wait_time_from(DefaultClock::default().now())
                .as_secs()
                + 1;
            Problem::new("rate_limited", format!("try again in {wait} s"))
                .retry_after(wait)
                .into_response()
        }
    }
}
