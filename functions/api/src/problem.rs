//! Errors as problem documents (RFC 9457), and the table of their codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prooflane_client::wire;
use prooflane_coordinator::Error;
use std::any::Any;

/// One stable error code.
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// Its HTTP status.
    pub status: StatusCode,
    /// What kind of problem it is.
    pub title: &'static str,
    /// What the caller can do.
    pub caller: &'static str,
    /// What the network's operator can do; empty where it is not theirs.
    pub operator: &'static str,
}

macro_rules! codes {
    ($($code:literal $status:ident $title:literal $caller:literal $operator:literal;)*) => {
        /// Every code. Codes are never renamed and never change their meaning.
        pub const CODES: &[Code] = &[$(Code {
            code: $code,
            status: StatusCode::$status,
            title: $title,
            caller: $caller,
            operator: $operator,
        }),*];
    };
}

codes! {
    "malformed_json" BAD_REQUEST "The body is not the JSON expected" "Correct the field that `detail` names; the types are at /docs." "";
    "invalid_request" BAD_REQUEST "A value is out of range" "Correct the field that `detail` names." "";
    "invalid_inputs" BAD_REQUEST "Nothing can be proved about these inputs" "Correct the input that `detail` names; `GET /v1/circuits` shows inputs that can be proved." "";
    "invalid_evidence" BAD_REQUEST "The evidence does not hold" "Make it again with this version; `detail` says what is wrong with it." "";
    "malformed_proof" BAD_REQUEST "The proof cannot be read" "Send 128 bytes (as `0x` hex, or bytes where the route takes bytes) or snarkjs JSON; every coordinate below the field's modulus, every point on its curve. For a statement of the dataset ledger send an upload with its evidence." "";
    "unknown_circuit" NOT_FOUND "No such circuit" "Use one that `GET /v1/circuits` lists." "Circuits come with the version that runs.";
    "unknown_task" NOT_FOUND "No such task" "Check the id; a submission that was never answered can be sent again with the same `task_id`." "";
    "unknown_upload" NOT_FOUND "There is no such upload" "Begin it again: `POST /v1/uploads`. An upload is its requester's, is kept for a while, and is used once." "";
    "unknown_key" NOT_FOUND "There is no such API key" "List them: `GET /v1/keys`." "";
    "unknown_prover" NOT_FOUND "No such prover" "Register it: `POST /v1/provers`." "";
    "no_proof" NOT_FOUND "There is no proof yet, or there will be none" "Look at the task's `status` and `explanation`; wait at `/v1/tasks/{id}/events`." "";
    "no_witness" NOT_FOUND "The task has no uploaded witness" "Its inputs hold all there is; or the task has ended: drop it." "";
    "not_groth16" CONFLICT "The task is a statement of the dataset ledger" "It has no verifying key; its proof is evidence: `GET /v1/tasks/{id}/evidence`, which `prooflane ledger` verifies and records." "";
    "no_evidence" CONFLICT "The task is a circuit's" "Its proof is at `GET /v1/tasks/{id}/proof`." "";
    "unknown_dataset" NOT_FOUND "No such dataset in the ledger" "Notarize it here first; `prooflane ledger show` says its id." "";
    "unknown_operation" NOT_FOUND "The ledger has no such operation" "List them: `GET /v1/ledger/operations`." "";
    "no_tile" NOT_FOUND "The log has no such tile" "Ask for tiles that a checkpoint's size implies." "";
    "no_attestor" NOT_FOUND "This network attests no payments" "Ask the attestor that the payee trusts for a receipt." "A network in one process has an attestor of its own; elsewhere `prooflane attest` signs with a key of yours.";
    "no_route" NOT_FOUND "No such address" "The routes are listed at /docs." "";
    "no_method" METHOD_NOT_ALLOWED "The address does not take this method" "The routes are listed at /docs." "";
    "unauthorized" UNAUTHORIZED "No valid API key" "Send `Authorization: Bearer <key>`; ask the operator for a key." "`prooflane keys create` makes keys.";
    "forbidden" FORBIDDEN "The key does not allow this" "Use a key with the role that `detail` names, or act on what is your own." "`prooflane keys create --role` gives roles.";
    "insufficient_credits" PAYMENT_REQUIRED "The account does not hold the reward" "Offer a lower `reward_amount`, or ask the operator for credits." "";
    "task_id_reused" CONFLICT "The task id stands for another task" "Choose another `task_id`. A repeat must have exactly the same content." "";
    "task_ended" CONFLICT "The task has ended" "Nothing: its end does not change. Provers drop the assignment." "";
    "task_not_pending" CONFLICT "The task is not pending" "Read the task again." "";
    "attempt_superseded" CONFLICT "Another attempt has taken over" "Provers drop the assignment; they are not paid for it, nor blamed again." "Frequent: leases are too short, or provers too slow for what they promise.";
    "not_assigned" CONFLICT "The task was not assigned to this prover" "Provers claim before they prove; check `prover_id` and `attempt`." "";
    "not_open" CONFLICT "The task is its assigned prover's alone" "Wait until it is open to anyone: `open_from` in the task." "";
    "not_eligible" CONFLICT "The prover may not fulfil this task" "`detail` names what keeps it: the circuit, the privacy level, the reputation, a pause." "";
    "crowded" CONFLICT "Enough provers are at work on the task" "Try again later, or another task." "";
    "not_joined" CONFLICT "The prover has not joined the task" "Join it first; a place is lost when nothing comes of it in time." "";
    "not_committed" CONFLICT "The prover has not committed to this proof" "Commit to it first; proof and salt must be those of the commitment." "";
    "too_early" CONFLICT "The commitment is too young" "Reveal it at the time that `detail` names, or later." "";
    "lineage_too_large" UNPROCESSABLE_ENTITY "Too much is connected with the dataset for one answer" "Follow it step by step: `GET /v1/ledger/datasets/{id}/operations`." "";
    "dataset_recorded" CONFLICT "The dataset is in the ledger already" "Nothing: another operation has recorded it, and a dataset has one origin." "";
    "operation_id_reused" CONFLICT "The operation's id stands for another one" "Draw another `id`. A repeat must have exactly the same evidence." "";
    "deposit_id_reused" CONFLICT "The deposit id stands for another deposit" "Choose another `deposit_id`. A repeat must name the same account and amount." "";
    "invalid_ask" BAD_REQUEST "The ask cannot be placed" "Correct what `detail` names." "";
    "body_too_large" PAYLOAD_TOO_LARGE "The body is too large" "Send less; inputs are limited too." "The limit is a setting of the network.";
    "rate_limited" TOO_MANY_REQUESTS "Too many requests" "Wait as long as `Retry-After` says." "The limit is a setting of the network.";
    "contention" SERVICE_UNAVAILABLE "Too many writers at once" "Try again after a moment; nothing was changed." "Look for one hot task, prover or account.";
    "unavailable" SERVICE_UNAVAILABLE "The store does not answer" "Try again; with the same `task_id`, nothing happens twice." "Look at the store: disk space, throttling, permissions.";
    "timed_out" GATEWAY_TIMEOUT "No proof in time" "The task goes on: read it at the address that `detail` names." "Look at the provers' load: GET /v1/provers.";
    "proof_failed" BAD_GATEWAY "The task ended without a proof" "Read the task's explanation, submit again." "Look at the provers' logs.";
    "corrupt_record" INTERNAL_SERVER_ERROR "The store holds something unreadable" "Report it with the time of the request." "Restore the record from a backup; report it.";
    "internal" INTERNAL_SERVER_ERROR "A fault in Prooflane" "Report it with the time of the request; trying again is safe." "The log has the details; report it.";
}

/// Every code with what to do about it: `docs/errors.md`.
#[must_use]
pub fn errors_markdown() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Every error is a problem document (RFC 9457, `application/problem+json`) with a stable\n\
         `code`. Codes are never renamed and never change their meaning; `detail` is for people.\n",
    );
    for code in CODES {
        let Code {
            code,
            status,
            title,
            caller,
            operator,
        } = code;
        text += &format!(
            "\n## {code}\n\n{title} (HTTP status {}).\n\n",
            status.as_u16()
        );
        text += &format!("- Caller: {caller}\n");
        if !operator.is_empty() {
            text += &format!("- Operator: {operator}\n");
        }
    }
    text
}

/// A problem to answer with.
pub(crate) struct Problem {
    code: &'static Code,
    detail: String,
    retry_after_s: Option<u64>,
}

impl Problem {
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        let known = CODES.iter().find(|known| known.code == code);
        debug_assert!(known.is_some(), "{code} is not in the table");
        let code = known.unwrap_or(&CODES[CODES.len() - 1]);
        Self {
            code,
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code.code
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = Self::new(error.code(), error.to_string());
        match &error {
            Error::Unavailable(source) => {
                tracing::error!(%source, "the store does not answer");
                problem.retry_after(1)
            }
            Error::Corrupt { .. } => {
                tracing::error!(%error, "unreadable record");
                problem
            }
            Error::Contention(_) => problem.retry_after(1),
            _ => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let code = self.code;
        let body = wire::Problem {
            kind: format!("https://prooflane.dev/errors#{}", code.code),
            title: code.title.into(),
            status: code.status.as_u16(),
            detail: self.detail,
            code: code.code.into(),
        };
        metrics::counter!("prooflane_problems_total", "code" => code.code).increment(1);
        let mut response = (code.status, Json(body)).into_response();
        let headers = response.headers_mut();
        let problem_json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem_json);
        if code.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(crate) async fn no_route(uri: axum::http::Uri) -> Problem {
    Problem::new("no_route", format!("there is nothing at {}", uri.path()))
}

pub(crate) async fn no_method(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    Problem::new(
        "no_method",
        format!("{} does not take {method}", uri.path()),
    )
}

pub(crate) fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let message = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(message, "a request handler panicked");
    Problem::new("internal", "an unexpected fault").into_response()
}
