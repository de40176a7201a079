//! Where the gate stands in these tests: an origin that counts, a home region that may lose requests or answers.

use super::payer::{self, NOW};
use crate::{Gate, SendError, World};
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// What goes wrong with the next call to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    NotSent,
    AnswerLost,
    Status(u16),
}

/// The street.
pub(super) struct Street {
    pub(super) gate: Gate,
    pub(super) now: Cell<u64>,
    kept: RefCell<HashMap<String, Vec<u8>>>,
    claims: RefCell<HashMap<String, (Value, Option<String>)>>,
    /// Of the next calls to the home region.
    pub(super) home_faults: RefCell<VecDeque<Fault>>,
    /// Of the next calls to the origin.
    pub(super) origin_faults: RefCell<VecDeque<Fault>>,
    /// What reached the origin.
    pub(super) served: RefCell<Vec<Request<Vec<u8>>>>,
    /// Requests that reached the home region.
    pub(super) home_calls: Cell<usize>,
    pub(super) origin_headers: RefCell<HeaderMap>,
    random: Cell<u8>,
}

impl Street {
    pub(super) fn new() -> Self {
        Self::with(&payer::config())
    }

    pub(super) fn with(config: &Value) -> Self {
        Self {
            gate: payer::gate(config),
            now: Cell::new(NOW),
            kept: RefCell::default(),
            claims: RefCell::default(),
            home_faults: RefCell::default(),
            origin_faults: RefCell::default(),
            served: RefCell::default(),
            home_calls: Cell::new(0),
            origin_headers: RefCell::default(),
            random: Cell::new(0),
        }
    }

    /// Another edge before the same origin and home region.
    pub(super) fn forget_the_edge(&self) {
        self.kept.borrow_mut().clear();
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &HeaderMap,
    ) -> Response<Vec<u8>> {
        let request = payer::request(method, path, body, headers);
        self.gate.serve(request, self).await
    }

    pub(super) async fn get(&self, path: &str, headers: &HeaderMap) -> Response<Vec<u8>> {
        self.ask("GET", path, "", headers).await
    }

    pub(super) async fn unpaid(&self, path: &str) -> Response<Vec<u8>> {
        self.get(path, &HeaderMap::new()).await
    }

    pub(super) async fn facilitator(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self
            .ask("POST", path, &body.to_string(), &HeaderMap::new())
            .await;
        let status = answer.status();
        (status, serde_json::from_slice(answer.body()).unwrap())
    }

    /// The network's rule, as `coordinator/src/payments.rs` has it; proofs aside.
    fn redeem(&self, body: &Value) -> Value {
        let mut claim = body.clone();
        for name in ["proof", "attempt", "replaces", "window"] {
            claim.as_object_mut().unwrap().remove(name);
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut claims = self.claims.borrow_mut();
        let (mine, nullifier) = (text("attempt"), text("nullifier").unwrap());
        let reason = match claims.get(&nullifier) {
            Some((other, _)) if *other != claim => "already_spent",
            Some((_, theirs)) if mine.is_none() || *theirs == mine => "admitted",
            Some((_, theirs)) if theirs.is_none() || *theirs != text("replaces") => "repeated",
            _ => {
                claims.insert(nullifier, (claim, mine));
                "admitted"
            }
        };
        json!({"admitted": reason == "admitted", "reason": reason})
    }
}

impl World for Street {
    type Body = Vec<u8>;

    fn now_seconds(&self) -> u64 {
        self.now.get()
    }

    fn entropy(&self) -> [u8; 16] {
        self.random.set(self.random.get() + 1);
        [self.random.get(); 16]
    }

    async fn kept(&self, key: &str) -> Option<Vec<u8>> {
        self.kept.borrow().get(key).cloned()
    }

    async fn keep(&self, key: &str, value: Vec<u8>) {
        self.kept.borrow_mut().insert(key.into(), value);
    }

    async fn send(
        &self,
        request: Request<Vec<u8>>,
        _: Duration,
    ) -> Result<Response<Vec<u8>>, SendError> {
        let home = request.uri().host() == Some("home.internal");
        let faults = if home {
            &self.home_faults
        } else {
            &self.origin_faults
        };
        let fault = faults.borrow_mut().pop_front().unwrap_or(Fault::None);
        if fault == Fault::NotSent {
            return Err(SendError::NotSent("refused".into()));
        }
        let answer = if home {
            assert_eq!(request.uri().path(), "/v1/payments/redeem");
            assert_eq!(request.headers()["authorization"], "Bearer secret");
            self.home_calls.set(self.home_calls.get() + 1);
            let body = serde_json::from_slice(request.body()).unwrap();
            Response::new(self.redeem(&body).to_string().into_bytes())
        } else {
            self.served.borrow_mut().push(request);
            let text = format!("answer {}", self.served.borrow().len());
            let mut answer = Response::new(text.clone().into_bytes());
            let headers = answer.headers_mut();
            headers.insert("content-length", text.len().into());
            headers.extend(self.origin_headers.borrow().clone());
            answer
        };
        match fault {
            Fault::AnswerLost => Err(SendError::NoAnswer("cut".into())),
            Fault::Status(status) => {
                let mut failed = Response::new(br#"{"code":"unavailable"}"#.to_vec());
                *failed.status_mut() = StatusCode::from_u16(status).unwrap();
                Ok(failed)
            }
            _ => Ok(answer),
        }
    }

    async fn read(&self, body: Vec<u8>, most: usize) -> Result<Vec<u8>, SendError> {
        if body.len() > most {
            return Err(SendError::NoAnswer("too long".into()));
        }
        Ok(body)
    }

    fn body(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}
