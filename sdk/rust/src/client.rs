//! The client.

mod ledger;

use crate::wire::{
    AccountList, AccountView, AskView, Attest, BeginUpload, CircuitList, Claim, Claimed, Commit,
    CommittedView, CreateKey, CreatedKey, Health, Heartbeat, Join, KeyList, LateTasks, LeaseView,
    MakeDeposit, OpenTaskView, PlaceAsk, Problem, ProofView, ProverList, ProverView, QuoteRequest,
    QuoteView, ReceiptView, Redeem, RedeemAnswer, RegisterProver, ReportFailure, Reveal,
    SubmitResult, SubmitTask, TaskList, TaskView, TranscriptList, UploadView, VerdictView,
    Verified, VerifyRequest,
};
use futures::{Stream, StreamExt};
use prooflane_market::Event;
use prooflane_verifier::snarkjs::SnarkjsVerifyingKey;
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;
use uuid::Uuid;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The network refused it, and says why.
    #[error("{} ({})", .0.detail, .0.code)]
    Problem(Box<Problem>),
    /// The network did not answer, or not as a Prooflane network does. Whether the call took effect
    /// is unknown; sending it again is safe.
    #[error("{url}: {message}")]
    Unreachable {
        /// Where.
        url: String,
        /// What happened.
        message: String,
    },
    /// The address is none.
    #[error("expected the URL of a network such as http://127.0.0.1:8080, got {0:?}")]
    Url(String),
    /// The task ended without a proof.
    #[error("the task ended as {}: {}", .0.status, .0.explanation.why)]
    NoProof(Box<TaskView>),
}

impl ClientError {
    /// The problem's stable code, if the network gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            _ => None,
        }
    }
}

impl std::fmt::Debug for TaskView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "task {} ({})", self.task_id, self.status)
    }
}

/// Larger inputs are uploaded before their task.
const INPUTS_IN_A_REQUEST: usize = 1024 * 1024;
/// The longest that a file takes to come or go.
const LARGE: Duration = Duration::from_secs(600);

/// What HTTP clients are built from, with TLS as this crate has it.
pub fn http() -> reqwest::ClientBuilder {
    // Whoever embeds the client may have chosen another provider already; that one serves too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().connect_timeout(Duration::from_secs(5))
}

/// A client of one network.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<String>,
}

/// A task's events, oldest first, as they happen; ends with the task.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, ClientError>> + Send>>;

impl Client {
    /// A client of the network at `url`, with an API key where it wants one.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn new(url: &str, key: Option<String>) -> Result<Self, ClientError> {
        let base = Url::parse(url.trim_end_matches('/'))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| ClientError::Url(url.to_owned()))?;
        let http = http()
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| ClientError::Unreachable {
                url: url.to_owned(),
                message: error.to_string(),
            })?;
        Ok(Self { http, base, key })
    }

    /// Where the network is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// `GET /health`.
    ///
    /// # Errors
    /// [`ClientError`], like every call.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/health").await
    }

    /// `POST /v1/tasks`. Inputs over 1 MiB are uploaded first, where the privacy level allows it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn submit(&self, task: &SubmitTask) -> Result<TaskView, ClientError> {
        let inputs = serde_json::to_vec(&task.inputs).unwrap_or_default();
        if inputs.len() <= INPUTS_IN_A_REQUEST || task.privacy_level > 1 {
            return self.post("/v1/tasks", task).await;
        }
        let upload = self.upload(task.requester.clone(), inputs).await?;
        let task = SubmitTask {
            inputs: Value::Null,
            upload: Some(upload),
            ..task.clone()
        };
        self.post("/v1/tasks", &task).await
    }

    /// Uploads a task's inputs as JSON, a witness, or evidence; returns what names it in the request that uses it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn upload(
        &self,
        requester: Option<String>,
        bytes: Vec<u8>,
    ) -> Result<String, ClientError> {
        let begin = BeginUpload {
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
            requester,
        };
        let place: UploadView = self.post("/v1/uploads", &begin).await?;
        let mut request = match (Url::parse(&place.url), &self.key) {
            (Ok(elsewhere), _) => self.http.put(elsewhere),
            (Err(_), Some(key)) => self.http.put(self.at(&place.url)).bearer_auth(key),
            (Err(_), None) => self.http.put(self.at(&place.url)),
        };
        for (name, value) in &place.headers {
            request = request.header(name, value);
        }
        let sent = request.timeout(LARGE).body(bytes).send().await;
        let answer = sent.map_err(|error| self.unreachable(&error))?;
        match answer.status() {
            // An earlier try has brought them.
            StatusCode::PRECONDITION_FAILED => Ok(place.upload),
            _ => self.checked(answer).await.map(|_| place.upload),
        }
    }

    /// `GET /v1/tasks/{id}`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn task(&self, id: Uuid) -> Result<TaskView, ClientError> {
        self.get(&format!("/v1/tasks/{id}")).await
    }

    /// `GET /v1/tasks`, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tasks(&self, query: &[(&str, String)]) -> Result<TaskList, ClientError> {
        let mut url = self.at("/v1/tasks");
        url.query_pairs_mut().extend_pairs(query);
        self.answer(self.http.get(url)).await
    }

    /// `DELETE /v1/tasks/{id}`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel(&self, id: Uuid) -> Result<TaskView, ClientError> {
        let url = self.at(&format!("/v1/tasks/{id}"));
        self.answer(self.http.request(Method::DELETE, url)).await
    }

    /// `GET /v1/tasks/{id}/proof`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn proof(&self, id: Uuid) -> Result<ProofView, ClientError> {
        self.get(&format!("/v1/tasks/{id}/proof")).await
    }

    /// Follows a task to its end and fetches its proof.
    ///
    /// # Errors
    /// [`ClientError::NoProof`] if it ends without one.
    pub async fn wait_for_proof(&self, id: Uuid) -> Result<ProofView, ClientError> {
        self.wait_until_proved(id).await?;
        self.proof(id).await
    }

    /// Follows a task to its end.
    ///
    /// # Errors
    /// [`ClientError::NoProof`] if it ends without a proof.
    pub async fn wait_until_proved(&self, id: Uuid) -> Result<(), ClientError> {
        let mut after = 0;
        loop {
            let mut events = self.events(id, after).await?;
            while let Some(event) = events.next().await {
                after = event?.seq;
            }
            // The stream ends with the task, or when the network ends it: only the task tells.
            let task = self.task(id).await?;
            match task.status {
                prooflane_market::Status::Completed => return Ok(()),
                status if status.is_terminal() => {
                    return Err(ClientError::NoProof(Box::new(task)));
                }
                _ => {}
            }
        }
    }

    /// `GET /v1/tasks/{id}/evidence`: the proof of a statement.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn task_evidence(&self, id: Uuid) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/v1/tasks/{id}/evidence")).await
    }

    /// `GET /v1/tasks/{id}/witness`: what a prover of this task needs besides its inputs, encrypted under a key in them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn witness(&self, prover: &str, id: Uuid) -> Result<Vec<u8>, ClientError> {
        let path = format!("/v1/tasks/{id}/witness?prover_id={prover}");
        self.bytes(&path).await
    }

    /// `GET /v1/tasks/{id}/events`, from the event after `after`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn events(&self, id: Uuid, after: u32) -> Result<EventStream, ClientError> {
        let request = self
            .http
            .get(self.at(&format!("/v1/tasks/{id}/events")))
            .header("Last-Event-ID", after.to_string())
            .timeout(Duration::from_secs(24 * 3600));
        let url = self.url().to_owned();
        let bytes = self.send(request).await?.bytes_stream();
        let state = (bytes, Vec::new(), VecDeque::new());
        let lines =
            futures::stream::try_unfold(state, move |(mut bytes, mut buffer, mut ready)| {
                let url = url.clone();
                async move {
                    loop {
                        if let Some(event) = ready.pop_front() {
                            return Ok(Some((event, (bytes, buffer, ready))));
                        }
                        let unreachable = |message: String| ClientError::Unreachable {
                            url: url.clone(),
                            message,
                        };
                        match bytes.next().await {
                            None => return Ok(None),
                            Some(Err(error)) => return Err(unreachable(error.to_string())),
                            Some(Ok(chunk)) => buffer.extend_from_slice(&chunk),
                        }
                        while let Some(end) = buffer.iter().position(|b| *b == b'\n') {
                            let line: Vec<u8> = buffer.drain(..=end).collect();
                            if let Some(data) = line.strip_prefix(b"data:") {
                                let event = serde_json::from_slice(data).map_err(|error| {
                                    unreachable(format!("not an event: {error}"))
                                })?;
                                ready.push_back(event);
                            }
                        }
                    }
                }
            });
        Ok(Box::pin(lines))
    }

    /// `POST /v1/provers`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn register(&self, prover: &RegisterProver) -> Result<ProverView, ClientError> {
        self.post("/v1/provers", prover).await
    }

    /// `GET /v1/provers`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn provers(&self) -> Result<ProverList, ClientError> {
        self.get("/v1/provers").await
    }

    /// `POST /v1/provers/{id}/asks`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn place_ask(&self, prover: &str, ask: &PlaceAsk) -> Result<AskView, ClientError> {
        self.post(&format!("/v1/provers/{prover}/asks"), ask).await
    }

    /// `POST /v1/provers/{id}/claim`; waits as long as the claim says.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn claim(&self, prover: &str, claim: &Claim) -> Result<Claimed, ClientError> {
        let mut claimed: Claimed = self
            .post(&format!("/v1/provers/{prover}/claim"), claim)
            .await?;
        for assignment in &mut claimed.assignments {
            if let Some(url) = &assignment.inputs_at {
                assignment.inputs = self.fetch(url).await?;
            }
        }
        Ok(claimed)
    }

    /// `POST /v1/assignments/{task}/{attempt}/heartbeat`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn heartbeat(
        &self,
        task: Uuid,
        attempt: u32,
        body: &Heartbeat,
    ) -> Result<LeaseView, ClientError> {
        self.post(&format!("/v1/assignments/{task}/{attempt}/heartbeat"), body)
            .await
    }

    /// `POST /v1/assignments/{task}/{attempt}/result`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn result(
        &self,
        task: Uuid,
        attempt: u32,
        body: &SubmitResult,
    ) -> Result<VerdictView, ClientError> {
        self.post(&format!("/v1/assignments/{task}/{attempt}/result"), body)
            .await
    }

    /// `POST /v1/assignments/{task}/{attempt}/failure`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn failure(
        &self,
        task: Uuid,
        attempt: u32,
        body: &ReportFailure,
    ) -> Result<TaskView, ClientError> {
        self.post(&format!("/v1/assignments/{task}/{attempt}/failure"), body)
            .await
    }

    /// `GET /v1/circuits`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn circuits(&self) -> Result<CircuitList, ClientError> {
        self.get("/v1/circuits").await
    }

    /// `GET /v1/circuits/{id}/verifying-key`, as snarkjs writes it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn verifying_key(&self, circuit: &str) -> Result<SnarkjsVerifyingKey, ClientError> {
        self.get(&format!("/v1/circuits/{circuit}/verifying-key"))
            .await
    }

    /// `GET /v1/circuits/{id}/proving-key`: the key file, for provers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn proving_key(&self, circuit: &str) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/v1/circuits/{circuit}/proving-key"))
            .await
    }

    /// `POST /v1/verify`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn verify(&self, request: &VerifyRequest) -> Result<Verified, ClientError> {
        self.post("/v1/verify", request).await
    }

    /// `POST /v1/payments/redeem`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn redeem(&self, request: &Redeem) -> Result<RedeemAnswer, ClientError> {
        self.post("/v1/payments/redeem", request).await
    }

    /// `POST /v1/attestations`, for operators.
    ///
    /// # Errors
    /// [`ClientError`], like every call.
    pub async fn attest(&self, payment: &Attest) -> Result<ReceiptView, ClientError> {
        self.post("/v1/attestations", payment).await
    }

    /// `POST /v1/quote`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn quote(&self, request: &QuoteRequest) -> Result<QuoteView, ClientError> {
        self.post("/v1/quote", request).await
    }

    /// `GET /v1/tasks/{id}/transcripts`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn transcripts(&self, id: Uuid) -> Result<TranscriptList, ClientError> {
        self.get(&format!("/v1/tasks/{id}/transcripts")).await
    }

    /// `GET /v1/provers/{id}/late`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn late(&self, prover: &str) -> Result<LateTasks, ClientError> {
        self.get(&format!("/v1/provers/{prover}/late")).await
    }

    /// `POST /v1/tasks/{id}/fulfilment/join`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn join(&self, id: Uuid, body: &Join) -> Result<OpenTaskView, ClientError> {
        let mut task: OpenTaskView = self
            .post(&format!("/v1/tasks/{id}/fulfilment/join"), body)
            .await?;
        if let Some(url) = &task.inputs_at {
            task.inputs = self.fetch(url).await?;
        }
        Ok(task)
    }

    /// `POST /v1/tasks/{id}/fulfilment/commitment`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn commit(&self, id: Uuid, body: &Commit) -> Result<CommittedView, ClientError> {
        self.post(&format!("/v1/tasks/{id}/fulfilment/commitment"), body)
            .await
    }

    /// `POST /v1/tasks/{id}/fulfilment/reveal`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reveal(&self, id: Uuid, body: &Reveal) -> Result<VerdictView, ClientError> {
        self.post(&format!("/v1/tasks/{id}/fulfilment/reveal"), body)
            .await
    }

    /// `GET /v1/accounts`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accounts(&self) -> Result<AccountList, ClientError> {
        self.get("/v1/accounts").await
    }

    /// `POST /v1/accounts/{name}/deposits`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn deposit(
        &self,
        account: &str,
        deposit: &MakeDeposit,
    ) -> Result<AccountView, ClientError> {
        let mut url = self.at("/v1/accounts");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend([account, "deposits"]);
        }
        self.answer(self.http.post(url).json(deposit)).await
    }

    /// `POST /v1/keys`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_key(&self, request: &CreateKey) -> Result<CreatedKey, ClientError> {
        self.post("/v1/keys", request).await
    }

    /// `GET /v1/keys`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn keys(&self) -> Result<KeyList, ClientError> {
        self.get("/v1/keys").await
    }

    /// `DELETE /v1/keys/{id}`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_key(&self, id: &str) -> Result<(), ClientError> {
        let mut url = self.at("/v1/keys");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(id);
        }
        self.send(self.http.delete(url)).await.map(drop)
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        url.set_path(&format!("{prefix}{path}"));
        url.set_query(query);
        url
    }

    /// JSON from a URL that the network gave; whoever is there is not shown the key.
    async fn fetch(&self, url: &str) -> Result<Value, ClientError> {
        let got = self.http.get(url).timeout(LARGE).send().await;
        let answer = got.map_err(|error| self.unreachable(&error))?;
        let answer = self.checked(answer).await?;
        let value = answer.json().await;
        value.map_err(|error| self.unreachable(&error))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.answer(self.http.get(self.at(path))).await
    }

    /// What is no JSON, and may be large.
    async fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let request = self.http.get(self.at(path)).timeout(LARGE);
        let bytes = self.send(request).await?.bytes().await;
        Ok(bytes.map_err(|error| self.unreachable(&error))?.into())
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.answer(self.http.post(self.at(path)).json(body)).await
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        response
            .json()
            .await
            .map_err(|error| self.unreachable(&error))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, ClientError> {
        let request = match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        self.checked(response).await
    }

    async fn checked(&self, response: Response) -> Result<Response, ClientError> {
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        match response.json::<Problem>().await {
            Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
            Err(_) => Err(self.unexpected(status)),
        }
    }

    fn unexpected(&self, status: StatusCode) -> ClientError {
        ClientError::Unreachable {
            url: self.url().to_owned(),
            message: format!("answered {status} without saying why; is this a Prooflane network?"),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        use std::error::Error as _;
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = cause.to_string();
            source = cause.source();
        }
        ClientError::Unreachable {
            url: self.url().to_owned(),
            message,
        }
    }
}
