//! The gate of `edge-verify/gate` in this process: what the Wasm component does at the edge, without Wasm.

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{self, Response, StatusCode};
use axum::response::IntoResponse as _;
use prooflane_gate::{Gate, MAX_BODY, Secrets, SendError, World};
use prooflane_verifier::VerifyingKey;
use reqwest::Url;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running gate; it ends with this.
pub struct Edge {
    /// Where it listens.
    pub address: SocketAddr,
    runs: Runs,
}

enum Runs {
    /// `edge-host` runs the component, and is killed with this.
    Component(Child),
    Here(JoinHandle<()>),
}

/// What a gate is made of.
pub struct Setup {
    /// The gate's configuration; `publicOrigin` and `home` are filled in where it leaves them out.
    pub config: Value,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The network that holds the nullifiers.
    pub home: String,
    /// Of `payment@1`.
    pub key: VerifyingKey,
    /// What is secret.
    pub secrets: Secrets,
}

impl Setup {
    /// With an address to listen at, and what the configuration leaves out.
    async fn listening(mut self) -> anyhow::Result<(Self, TcpListener)> {
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        let fields = self.config.as_object_mut();
        let fields = fields.context("the gate's configuration: expected a JSON object")?;
        for (name, value) in [
            (
                "publicOrigin",
                json!(format!("http://{}", listener.local_addr()?)),
            ),
            ("home", json!(self.home)),
        ] {
            fields.entry(name).or_insert(value);
        }
        Ok((self, listener))
    }

    /// For `edge-verify/spin.toml`, in the environment, where other users cannot read them.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let origin = |name: &str| {
            let url = self.config.get(name)?.as_str()?.parse::<Url>().ok()?;
            Some(url.origin().ascii_serialization())
        };
        let mut variables = vec![
            ("SPIN_VARIABLE_CONFIG", self.config.to_string()),
            (
                "SPIN_VARIABLE_VERIFYING_KEY",
                hex::encode(self.key.to_compact()),
            ),
            (
                "SPIN_VARIABLE_NONCE_SECRET",
                hex::encode(self.secrets.nonce_secret),
            ),
            ("SPIN_VARIABLE_HOME_KEY", self.secrets.home_key.clone()),
        ];
        for (variable, name) in [
            ("SPIN_VARIABLE_ORIGIN", "origin"),
            ("SPIN_VARIABLE_HOME", "home"),
        ] {
            variables.extend(origin(name).map(|origin| (variable, origin)));
        }
        variables
    }

    fn gate(self) -> anyhow::Result<Gate> {
        Ok(Gate::new(
            &self.config.to_string(),
            &self.key.to_compact(),
            self.secrets,
        )?)
    }
}

impl Edge {
    /// Starts a gate: the component in `edge-host`, where both have been built, and otherwise the same gate here.
    ///
    /// # Errors
    /// If the address is taken, the configuration is wrong, or `edge-host` fails.
    pub async fn start(setup: Setup) -> anyhow::Result<Self> {
        let Some(built) = built() else {
            return Self::here(setup).await;
        };
        let (setup, listener) = setup.listening().await?;
        // Errors of the configuration are better told here than by the component.
        let variables = setup.variables();
        let address = listener.local_addr()?;
        setup.gate()?;
        drop(listener);
        Self::component(&built, address, variables).await
    }

    /// Starts a gate in this process.
    ///
    /// # Errors
    /// If the address is taken, or the configuration is wrong.
    pub async fn here(setup: Setup) -> anyhow::Result<Self> {
        let (setup, listener) = setup.listening().await?;
        let address = listener.local_addr()?;
        let here = Arc::new(Here {
            gate: setup.gate()?,
            // An origin's redirect is the client's to follow.
            client: prooflane_client::http()
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            kept: Mutex::default(),
        });
        let app = Router::new().fallback(serve).with_state(here);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the gate has stopped");
            }
        });
        Ok(Self {
            address,
            runs: Runs::Here(server),
        })
    }

    async fn component(
        built: &Built,
        address: SocketAddr,
        variables: Vec<(&str, String)>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(&built.host);
        command
            .arg("--component")
            .arg(&built.component)
            .args(["--listen", &address.to_string()])
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().context("edge-host does not start")?;
        let stdout = child.stdout.take().context("edge-host has no output")?;
        let edge = Self {
            address,
            runs: Runs::Component(child),
        };
        let mut lines = BufReader::new(stdout).lines();
        let (first, lines) = tokio::task::spawn_blocking(move || (lines.next(), lines)).await?;
        ensure!(
            first.is_some_and(|line| line.is_ok_and(|line| line.starts_with("http://"))),
            "edge-host stopped before it listened; its errors stand above"
        );
        // What else it says goes nowhere, and must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(edge)
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How it runs, for people.
    #[must_use]
    pub fn runs(&self) -> &'static str {
        match self.runs {
            Runs::Component(_) => "the Wasm component, in edge-host",
            Runs::Here(_) => "natively: no edge-host has been built beside this program",
        }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        match &mut self.runs {
            Runs::Here(server) => server.abort(),
            Runs::Component(host) => {
                // One that has ended already is as good.
                let _ = host.kill();
                let _ = host.wait();
            }
        }
    }
}

/// `edge-host` beside this program, and the component where `cargo xtask edge` puts it.
struct Built {
    host: PathBuf,
    component: PathBuf,
}

fn built() -> Option<Built> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let host = folder.join(format!("edge-host{}", std::env::consts::EXE_SUFFIX));
    let component = folder.parent()?.join("edge/edge_verify.wasm");
    let both = host.is_file() && component.is_file();
    both.then_some(Built { host, component })
}

/// This process as the gate's world.
struct Here {
    gate: Gate,
    client: reqwest::Client,
    /// The gate itself limits how many keys there are, in the relaxed mode apart.
    kept: Mutex<HashMap<String, Vec<u8>>>,
}

async fn serve(State(here): State<Arc<Here>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        let most = format!("expected a whole body of at most {MAX_BODY} bytes\n");
        return (StatusCode::PAYLOAD_TOO_LARGE, most).into_response();
    };
    let request = http::Request::from_parts(head, body.to_vec());
    here.gate.serve(request, &*here).await
}

impl World for Here {
    type Body = Body;

    fn now_seconds(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs())
    }

    fn entropy(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        bytes
    }

    async fn kept(&self, key: &str) -> Option<Vec<u8>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).cloned()
    }

    async fn keep(&self, key: &str, value: Vec<u8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key.to_owned(), value);
    }

    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        patience: Duration,
    ) -> Result<Response<Body>, SendError> {
        let not_sent = |error: reqwest::Error| SendError::NotSent(reason(&error));
        let request = reqwest::Request::try_from(request).map_err(not_sent)?;
        let answer = tokio::time::timeout(patience, self.client.execute(request)).await;
        let answer = answer
            .map_err(|_| SendError::NoAnswer(format!("no answer within {patience:?}")))?
            .map_err(|error| {
                if error.is_connect() {
                    not_sent(error)
                } else {
                    SendError::NoAnswer(reason(&error))
                }
            })?;
        Ok(Response::<reqwest::Body>::from(answer).map(Body::new))
    }

    async fn read(&self, body: Body, most: usize) -> Result<Vec<u8>, SendError> {
        let read = to_bytes(body, most).await;
        read.map(Into::into)
            .map_err(|error| SendError::NoAnswer(error.to_string()))
    }

    fn body(&self, bytes: Vec<u8>) -> Body {
        bytes.into()
    }
}

/// An error with its causes, which alone say what happened.
fn reason(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
