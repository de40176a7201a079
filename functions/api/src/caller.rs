//! Who calls, and what they send.

use crate::Api;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use prooflane_coordinator::{Access, Error, Role};
use prooflane_market::{Prover, ProverId};
use serde::de::DeserializeOwned;

/// The caller, authenticated.
pub(crate) struct Caller(pub(crate) Access);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match bearer(parts) {
            // A key that is shown must be right, even where none is needed.
            Some(key) => Ok(Self(api.coordinator.authenticate(key).await?)),
            None if api.open => Ok(Self(Access::Open)),
            None => Err(Error::Unauthorized.into()),
        }
    }
}

pub(crate) fn bearer(parts: &Parts) -> Option<&str> {
    let header = parts
        .headers
        .get(axum::http::header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    header.strip_prefix("Bearer ").map(str::trim)
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

/// A JSON body. The content type is not looked at; the error names the field.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let limit = api.limits.body_bytes;
        let bytes = Bytes::from_request(request, api)
            .await
            .map_err(|rejection| {
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    Problem::new("body_too_large", format!("expected at most {limit} bytes"))
                } else {
                    Problem::new("malformed_json", "the body did not arrive whole")
                }
            })?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let detail = match path.as_str() {
                "." => error.inner().to_string(),
                path => format!("{path}: {}", error.inner()),
            };
            Problem::new("malformed_json", detail)
        })?;
        json.end()
            .map_err(|error| Problem::new("malformed_json", error.to_string()))?;
        Ok(Self(body))
    }
}
