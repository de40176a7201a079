//! One request's way: health and facilitator here; all else past the gate to the origin.

use crate::check::Claim;
use crate::claims::{self, Claimed};
use crate::config::{Gate, Priced, Upstream};
use crate::facilitator::settlement;
use crate::header::{self, Received};
use crate::offer::Offer;
use crate::path;
use crate::refusal::Refusal;
use crate::wire::{
    PaymentRequired, PaymentRequiredV1, PaymentRequirements, ResourceInfo, SCHEME, SettleResponse,
};
use crate::world::{SendError, World};
use crate::{answers, binding, to_json};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use prooflane_verifier::Fr;
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// The longest request body, which has to be hashed before it is passed on.
pub const MAX_BODY: usize = 1 << 20;
/// How long an origin has for the head of its answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tells the origin the payment's nullifier, which makes a fine idempotency key.
const PAYMENT: HeaderName = HeaderName::from_static("prooflane-payment");
/// Tells the origin what was asked for the request.
const AMOUNT: HeaderName = HeaderName::from_static("prooflane-amount");
/// Of one connection, not of the message (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request at the gate: what is asked for it, and what it is bound to.
struct Visit<'a> {
    route: &'a Priced,
    resource: ResourceInfo,
    method: &'a Method,
    path: &'a str,
    body: &'a [u8],
    now: u64,
}

impl Gate {
    /// Answers a request.
    pub async fn serve<W: World>(&self, request: Request<Vec<u8>>, world: &W) -> Response<W::Body> {
        let own = |status, body: Vec<u8>| own_answer(status, body, world);
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/health") => {
                let health = json!({
                    "status": "healthy",
                    "service": "prooflane-edge",
                    "version": env!("CARGO_PKG_VERSION"),
                });
                own(StatusCode::OK, to_json(&health))
            }
            (&Method::GET, "/supported") => own(
                StatusCode::OK,
                to_json(&self.supported(world.now_seconds())),
            ),
            (&Method::POST, "/verify") => {
                let (status, answer) = self.verify_request(request.body(), world).await;
                own(status, to_json(&answer))
            }
            (&Method::POST, "/settle") => {
                let (status, answer) = self.settle_request(request.body(), world).await;
                own(status, to_json(&answer))
            }
            _ => self.pass(request, world).await,
        }
    }

    async fn pass<W: World>(&self, request: Request<Vec<u8>>, world: &W) -> Response<W::Body> {
        let path = (request.uri().path_and_query()).map_or("/", |path| path.as_str());
        if let Err(why) = path::check(request.uri().path()) {
            return problem(StatusCode::BAD_REQUEST, "invalid_path", why, world);
        }
        let mut routes = self.routes.iter();
        let found = routes.find(|route| route.fits(request.method(), request.uri().path()));
        let (Some(route), Some(origin)) = (found, &self.origin) else {
            let why = "nothing is offered at this path";
            return problem(StatusCode::NOT_FOUND, "not_found", why, world);
        };
        if route.offers.is_empty() {
            return match self.forward(origin, &request, None, world).await {
                Ok(answer) => answer,
                Err(error) => bad_gateway(&error, world),
            };
        }
        let visit = Visit {
            route,
            resource: ResourceInfo {
                url: format!("{}{path}", self.public_origin),
                description: route.description.clone(),
                mime_type: route.mime_type.clone(),
            },
            method: request.method(),
            path,
            body: request.body(),
            now: world.now_seconds(),
        };
        let received = match header::payment(request.headers()) {
            Ok(Some(received)) => received,
            Ok(None) => return self.unpaid(&visit, None, None, world),
            Err(refusal) => return self.refuse(&visit, &refusal, None, world),
        };
        let version = received.envelope.x402_version;
        match self.admit(&visit, &received, world).await {
            Ok(Admitted::First(claim, attempt)) => {
                let answer = self.forward(origin, &request, Some(&claim), world).await;
                if let Err(SendError::NotSent(_)) = &answer {
                    // Nobody served it, so the payer may try again.
                    claims::gave_up(&claim, &attempt, world).await;
                }
                let mut answer = match answer {
                    Ok(answer) => answer,
                    Err(error) => return bad_gateway(&error, world),
                };
                paid(answer.headers_mut(), &settled(&claim), version);
                self.keep(&claim, answer, world).await
            }
            Ok(Admitted::Again(claim)) => {
                if let Some(answer) = self.kept_answer(&claim, world).await {
                    return answer;
                }
                let why = "this payment was made and its request passed on; the answer is not kept here (any more)";
                let mut answer = problem(StatusCode::CONFLICT, "payment_repeated", why, world);
                paid(answer.headers_mut(), &settled(&claim), version);
                answer
            }
            Err(refusal) => self.refuse(&visit, &refusal, Some(&received), world),
        }
    }

    async fn admit<'a, W: World>(
        &'a self,
        visit: &Visit<'a>,
        received: &'a Received,
        world: &W,
    ) -> Result<Admitted<'a>, Refusal> {
        let payment = &received.payment;
        if payment.attempt.is_some() {
            let why = "payload.attempt: expected nothing, since it is no payer's to give";
            return Err(Refusal::Payload(why.into()));
        }
        let offer = self.accepted(visit.route, received)?;
        let issued = self.nonces.issued(&payment.nonce, &self.public_origin);
        let longest = offer.asked.max_timeout + self.skew;
        let fresh = |issued: &u64| {
            *issued <= visit.now + self.skew && visit.now <= issued.saturating_add(longest)
        };
        issued.filter(fresh).ok_or(Refusal::Nonce(longest))?;
        let binding = self.binding(visit, &payment.nonce);
        let claim = self.claim(offer, payment, binding, visit.now)?;
        if self.remembers_spent(&claim, world).await {
            return Err(Refusal::Spent);
        }
        self.verify(&claim)?;
        let attempt = hex::encode(world.entropy());
        match self.claim_nullifier(&claim, Some(&attempt), world).await? {
            Claimed::Here => Ok(Admitted::First(claim, attempt)),
            Claimed::Before => Ok(Admitted::Again(claim)),
        }
    }

    /// The offer that a payment is for.
    fn accepted<'a>(
        &self,
        route: &'a Priced,
        Received { envelope, .. }: &Received,
    ) -> Result<&'a Offer, Refusal> {
        let fits = |offer: &&Offer| match &envelope.accepted {
            Some(accepted) => offer.is(accepted),
            None => {
                envelope.x402_version == 1
                    && envelope.scheme.as_deref() == Some(SCHEME)
                    && envelope.network.as_ref() == Some(&offer.asked.network)
            }
        };
        let offered = &self.extensions;
        for (name, echo) in envelope.extensions.iter().flatten() {
            if offered.get(name).is_some_and(|info| !contains(info, echo)) {
                return Err(Refusal::ExtensionEcho(name.clone()));
            }
        }
        (route.offers.iter()).find(fits).ok_or_else(|| {
            Refusal::Requirements("accepted: expected one of those offered, unchanged".into())
        })
    }

    fn binding(&self, visit: &Visit<'_>, nonce: &str) -> Fr {
        binding::binding(
            visit.method,
            &self.public_origin,
            visit.path,
            visit.body,
            nonce,
        )
    }

    /// What is asked for a request, with a fresh nonce.
    fn requirements<W: World>(&self, visit: &Visit<'_>, world: &W) -> Vec<PaymentRequirements> {
        let nonce = (self.nonces).issue(visit.now, world.entropy(), &self.public_origin);
        let binding = self.binding(visit, &nonce);
        (visit.route.offers.iter())
            .map(|offer| offer.requirements(self, visit.now, &nonce, &binding))
            .collect()
    }

    /// 402: what has to be paid, for version 2 in the header and for version 1 in the body.
    fn unpaid<W: World>(
        &self,
        visit: &Visit<'_>,
        error: Option<&Refusal>,
        settled: Option<(&SettleResponse, u64)>,
        world: &W,
    ) -> Response<W::Body> {
        let accepts = self.requirements(visit, world);
        let error = error.map_or("Payment required", Refusal::code).to_owned();
        let v1 = PaymentRequiredV1 {
            x402_version: 1,
            error: error.clone(),
            accepts: (accepts.iter())
                .map(|requirements| requirements.to_v1(&visit.resource))
                .collect(),
        };
        let v2 = PaymentRequired {
            x402_version: 2,
            error: Some(error),
            resource: visit.resource.clone(),
            accepts,
            extensions: self.extensions.clone(),
        };
        let mut answer = own_answer(StatusCode::PAYMENT_REQUIRED, to_json(&v1), world);
        let headers = answer.headers_mut();
        headers.insert(header::PAYMENT_REQUIRED, header::encode(&v2));
        if let Some((settled, version)) = settled {
            headers.insert(response_header(version), header::encode(settled));
        }
        answer
    }

    /// The answer to a payment that does not count.
    fn refuse<W: World>(
        &self,
        visit: &Visit<'_>,
        refusal: &Refusal,
        received: Option<&Received>,
        world: &W,
    ) -> Response<W::Body> {
        match refusal {
            Refusal::Payload(_) | Refusal::Version(_) => {
                problem(StatusCode::BAD_REQUEST, refusal.code(), refusal, world)
            }
            Refusal::Home(_) => problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                refusal.code(),
                refusal,
                world,
            ),
            Refusal::Spent | Refusal::Pending => {
                let payment = received.map(|received| &received.payment);
                let asked = received.and_then(|received| {
                    let offer = self.accepted(visit.route, received).ok()?;
                    Some(offer.requirements(self, visit.now, "", &Fr::from(0_u64)))
                });
                let settled = settlement(asked.as_ref(), payment, Some(refusal));
                let version = received.map_or(2, |received| received.envelope.x402_version);
                let settled = Some((&settled, version));
                let mut answer = self.unpaid(visit, Some(refusal), settled, world);
                if *refusal == Refusal::Pending {
                    let soon = HeaderValue::from_static("1");
                    answer.headers_mut().insert(RETRY_AFTER, soon);
                }
                answer
            }
            _ => self.unpaid(visit, Some(refusal), None, world),
        }
    }

    /// Passes a request on.
    async fn forward<W: World>(
        &self,
        origin: &Upstream,
        request: &Request<Vec<u8>>,
        claim: Option<&Claim<'_>>,
        world: &W,
    ) -> Result<Response<W::Body>, SendError> {
        let path = (request.uri().path_and_query()).map_or("/", |path| path.as_str());
        let not_sent = |error: http::Error| SendError::NotSent(error.to_string());
        let mut onward = Request::new(request.body().clone());
        *onward.method_mut() = request.method().clone();
        *onward.uri_mut() = origin.uri(path).map_err(not_sent)?;
        let headers = onward.headers_mut();
        headers.clone_from(request.headers());
        strip_hops(headers);
        // Nobody but this gate says what was paid.
        for name in [
            PAYMENT,
            AMOUNT,
            header::PAYMENT_SIGNATURE,
            header::X_PAYMENT,
            CONTENT_LENGTH,
        ] {
            headers.remove(name);
        }
        let value = |text: &str| HeaderValue::try_from(text).map_err(|e| not_sent(e.into()));
        headers.insert(HOST, value(origin.authority())?);
        if let Some(claim) = claim {
            headers.insert(PAYMENT, value(&claim.payment.nullifier)?);
            headers.insert(AMOUNT, value(&claim.offer.asked.amount.to_string())?);
        }
        let mut answer = world.send(onward, PATIENCE).await?;
        strip_hops(answer.headers_mut());
        Ok(answer)
    }

    /// Keeps a short answer for repeats, and gives it.
    async fn keep<W: World>(
        &self,
        claim: &Claim<'_>,
        answer: Response<W::Body>,
        world: &W,
    ) -> Response<W::Body> {
        let length = answer.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_none_or(|length| length > answers::MOST) {
            return answer;
        }
        let (head, body) = answer.into_parts();
        match world.read(body, answers::MOST).await {
            Ok(body) => {
                let whole = Response::from_parts(head, body);
                self.keep_answer(claim, &whole, world).await;
                whole.map(|body| world.body(body))
            }
            Err(error) => bad_gateway(&error, world),
        }
    }
}

/// A payment that counts.
enum Admitted<'a> {
    /// For this request, as this attempt.
    First(Claim<'a>, String),
    /// It did already, for the same request.
    Again(Claim<'a>),
}

fn settled(claim: &Claim<'_>) -> SettleResponse {
    let asked = &claim.offer.asked;
    SettleResponse {
        success: true,
        error_reason: None,
        error_message: None,
        transaction: claim.payment.nullifier.clone(),
        network: asked.network.clone(),
        amount: Some(asked.amount.to_string()),
    }
}

fn response_header(version: u64) -> HeaderName {
    if version == 1 {
        header::X_PAYMENT_RESPONSE
    } else {
        header::PAYMENT_RESPONSE
    }
}

/// Marks an answer as paid for: no shared cache may give it to somebody else.
fn paid(headers: &mut HeaderMap, settled: &SettleResponse, version: u64) {
    headers.insert(response_header(version), header::encode(settled));
    let directives: Vec<_> = (headers.get_all(CACHE_CONTROL).iter())
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|directive| !directive.is_empty())
        .filter(|directive| !directive.eq_ignore_ascii_case("public"))
        .collect();
    let private = directives
        .iter()
        .any(|directive| directive.eq_ignore_ascii_case("private"));
    let mut directives = directives.join(", ");
    if !private {
        let comma = if directives.is_empty() { "" } else { ", " };
        directives = format!("{directives}{comma}private");
    }
    let value = HeaderValue::try_from(directives);
    headers.insert(
        CACHE_CONTROL,
        value.unwrap_or(HeaderValue::from_static("private")),
    );
}

/// Removes what is of the connection only.
fn strip_hops(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = (headers.get_all("connection").iter())
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether an echo has all that was offered: `@x402/core`'s `objectContainsSubset`.
fn contains(offered: &serde_json::Value, echo: &serde_json::Value) -> bool {
    use serde_json::Value::Object;
    match (offered, echo) {
        (Object(offered), Object(echo)) => offered
            .iter()
            .all(|(name, value)| echo.get(name).is_some_and(|echo| contains(value, echo))),
        _ => offered == echo,
    }
}

fn own_answer<W: World>(status: StatusCode, body: Vec<u8>, world: &W) -> Response<W::Body> {
    let length = body.len();
    let mut answer = Response::new(world.body(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A problem document (RFC 9457).
fn problem<W: World>(
    status: StatusCode,
    code: &str,
    detail: impl ToString,
    world: &W,
) -> Response<W::Body> {
    #[derive(Serialize)]
    struct Problem<'a> {
        title: &'a str,
        status: u16,
        code: &'a str,
        detail: String,
    }
    let document = Problem {
        title: status.canonical_reason().unwrap_or(""),
        status: status.as_u16(),
        code,
        detail: detail.to_string(),
    };
    let mut answer = own_answer(status, to_json(&document), world);
    let problem = HeaderValue::from_static("application/problem+json");
    answer.headers_mut().insert(CONTENT_TYPE, problem);
    answer
}

fn bad_gateway<W: World>(error: &SendError, world: &W) -> Response<W::Body> {
    let status = match error {
        SendError::NotSent(_) => StatusCode::BAD_GATEWAY,
        SendError::NoAnswer(_) => StatusCode::GATEWAY_TIMEOUT,
    };
    problem(status, "origin_unavailable", error, world)
}
