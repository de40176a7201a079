//! Who calls, and what they send.

use crate::Api;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use prooflane_coordinator::{Access, Error, Role, TraceId};
use prooflane_market::{Prover, ProverId};
use serde::de::DeserializeOwned;

/// The caller, authenticated, and the trace that the call is part of, if it says so.
pub(crate) struct Caller(pub(crate) Access, pub(crate) Option<TraceId>);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let trace = trace(parts);
        if let Some(access) = parts.extensions.get::<Access>() {
            return Ok(Self(access.clone(), trace));
        }
        match bearer(parts) {
            // A key that is shown must be right, even where none is needed.
            Some(key) => Ok(Self(api.coordinator.authenticate(key).await?, trace)),
            None if api.open => Ok(Self(Access::Open, trace)),
            None => Err(Error::Unauthorized.into()),
        }
    }
}

/// The caller's own, else the gateway's.
fn trace(parts: &Parts) -> Option<TraceId> {
    let header = |name| parts.headers.get(name)?.to_str().ok();
    let given = header("traceparent").and_then(TraceId::from_traceparent);
    given.or_else(|| header("x-amzn-trace-id").and_then(TraceId::from_xray))
}

fn bearer(parts: &Parts) -> Option<&str> {
    let header = parts.headers.get(axum::http::header::AUTHORIZATION)?;
    let (scheme, key) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

impl Caller {
    pub(crate) fn demand(&self, role: Role) -> Result<(), Problem> {
        Ok(self.0.demand(role)?)
    }

    /// Only whoever pays for a task, and the operator, may see it.
    pub(crate) fn may_see(&self, requester: &str) -> Result<(), Problem> {
        match self.0.name() {
            Some(name) if name != requester && !self.0.is_operator() => {
                Err(Error::Forbidden("this task belongs to another requester".into()).into())
            }
            _ => Ok(()),
        }
    }

    /// Only whoever registered a prover, and the operator, may act for it.
    pub(crate) async fn acts_for(&self, api: &Api, id: &str) -> Result<Prover, Problem> {
        self.demand(Role::Prover)?;
        let prover = api.coordinator.prover(&prover_id(id)?).await?;
        let owner = prover.owner.as_deref();
        if self.0.is_operator() || self.0.name() == owner {
            return Ok(prover);
        }
        Err(Error::Forbidden(format!("prover {id} was registered by another key")).into())
    }
}

pub(crate) fn prover_id(text: &str) -> Result<ProverId, Problem> {
    ProverId::new(text)
        .map_err(|error| Problem::new("invalid_request", format!("prover_id: {error}")))
}

/// An account's name; `field` is where it stands.
pub(crate) fn account_name(field: &str, name: &str) -> Result<(), Problem> {
    let fine =
        (1..=128).contains(&name.len()) && !name.contains(|c: char| c.is_control() || c == '#');
    if fine {
        return Ok(());
    }
    let detail = format!("{field}: expected 1 to 128 characters without '#'");
    Err(Problem::new("invalid_request", detail))
}

/// The parameters in a path, as text.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, api).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new("invalid_request", rejection.body_text())),
        }
    }
}

/// A JSON body. The content type is not looked at; the error names the field.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        // It is here already: see `limits::body`.
        let bytes = Bytes::from_request(request, api)
            .await
            .map_err(|rejection| Problem::new("malformed_json", rejection.body_text()))?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let body = typed(&mut json)?;
        json.end()
            .map_err(|error| Problem::new("malformed_json", error.to_string()))?;
        Ok(Self(body))
    }
}

/// Reads JSON; the error names the field.
pub(crate) fn typed<'a, T: DeserializeOwned>(
    json: impl serde::Deserializer<'a, Error = serde_json::Error>,
) -> Result<T, Problem> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string();
        let detail = match path.as_str() {
            "." => error.inner().to_string(),
            path => format!("{path}: {}", error.inner()),
        };
        Problem::new("malformed_json", detail)
    })
}
