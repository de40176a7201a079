//! What Spin calls for each request.

use crate::world::{Body, Edge, own, read};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use prooflane_gate::{Gate, MAX_BODY, Secrets};
use serde_json::json;
use spin_sdk::http::Request;
use spin_sdk::{http_service, variables};
use std::sync::OnceLock;

/// Made by an instance's first request, and used by all. A wrong configuration stays wrong: variables do not
/// change while an instance lives.
static GATE: OnceLock<Result<Gate, String>> = OnceLock::new();

#[http_service]
async fn handle(request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match read(body, MAX_BODY).await {
        Ok(Some(body)) => body,
        Ok(None) => {
            let why = format!("expected a body of at most {MAX_BODY} bytes");
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", &why);
        }
        Err(broken) => {
            return problem(
                StatusCode::BAD_REQUEST,
                "body_incomplete",
                &broken.to_string(),
            );
        }
    };
    match gate().await {
        Ok(gate) => {
            gate.serve(http::Request::from_parts(head, body), &Edge)
                .await
        }
        Err(why) => problem(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured", why),
    }
}

async fn gate() -> &'static Result<Gate, String> {
    if let Some(gate) = GATE.get() {
        return gate;
    }
    let gate = configured().await;
    if let Err(why) = &gate {
        eprintln!("prooflane-edge: {why}");
    }
    // Where two requests are the first, both gates are the same.
    GATE.get_or_init(|| gate)
}

async fn configured() -> Result<Gate, String> {
    let config = variable("config").await?;
    let key = hex::decode(variable("verifying_key").await?.trim());
    let key = key.map_err(|_| "the variable verifying_key: expected hexadecimal digits")?;
    let mut nonce_secret = [0; 32];
    // Neither the value nor what is wrong with it is told.
    hex::decode_to_slice(variable("nonce_secret").await?.trim(), &mut nonce_secret)
        .map_err(|_| "the variable nonce_secret: expected 64 hexadecimal digits")?;
    let secrets = Secrets {
        home_key: variable("home_key").await?,
        nonce_secret,
    };
    Gate::new(&config, &key, secrets).map_err(|error| format!("the variable config: {error}"))
}

async fn variable(name: &str) -> Result<String, String> {
    let value = variables::get(name).await;
    value.map_err(|error| format!("the variable {name}: {error}"))
}

/// A problem document (RFC 9457), of what goes wrong before there is a gate.
fn problem(status: StatusCode, code: &str, detail: &str) -> Response<Body> {
    let document = json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    let mut answer = Response::new(own(document.to_string().into_bytes()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let kind = HeaderValue::from_static("application/problem+json");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
