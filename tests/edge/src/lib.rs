//! A network, the component in its host, an origin behind it, and a payer with real receipts.

#![allow(clippy::unwrap_used, reason = "for tests")]

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use edge_host::manifest::Manifest;
use edge_host::{Clock, Host, Limits};
use prooflane::node::{Config, Node};
use prooflane::payer::{self, Payer, Prover, Purchase};
use prooflane::{AttestorFile, Payment, ReceiptFile, WalletFile};
use prooflane_gate::wire::{PaymentPayload, PaymentRequired};
use prooflane_gate::{PAYMENT_REQUIRED, PAYMENT_RESPONSE, read_header};
use prooflane_worker::Offer;
use reqwest::{Method, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// What is sold in these tests.
pub const NETWORK: &str = "eip155:84532";
/// In what.
pub const ASSET: &str = "erc20:test";
/// By whom.
pub const MERCHANT: &str = "merchant-1";
/// For how much.
pub const AMOUNT: u64 = 10_000;

/// The component, built once per process as `cargo xtask edge` builds it.
#[must_use]
pub fn component() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        // target/<profile>/deps/<test>-<hash>
        let test = std::env::current_exe().unwrap();
        let target = test.ancestors().nth(3).unwrap().to_owned();
        // `cargo xtask test` has built it already.
        if std::env::var_os("PROOFLANE_PROGRAMS_BUILT").is_none() {
            let mut build = Command::new(env!("CARGO"));
            build.args(["run", "--quiet", "--package", "xtask", "--", "edge"]);
            build.env("CARGO_TARGET_DIR", &target);
            build.current_dir(root());
            assert!(build.status().unwrap().success(), "no component was built");
        }
        target.join("edge/edge_verify.wasm")
    });
    file.clone()
}

/// The repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// An origin that answers what headers it got, and counts.
pub struct Origin {
    /// Where it listens.
    pub url: String,
    served: Arc<AtomicU64>,
    server: AbortHandle,
}

impl Origin {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(AtomicU64::new(0));
        let count = served.clone();
        let asked = served.clone();
        let app = Router::new()
            .route(
                "/served",
                axum::routing::get(async move || asked.load(Ordering::SeqCst).to_string()),
            )
            .fallback(async move |request: Request| {
                count.fetch_add(1, Ordering::SeqCst);
                let headers: Map<String, Value> = (request.headers().iter())
                    .map(|(name, value)| {
                        (
                            name.to_string(),
                            json!(String::from_utf8_lossy(value.as_bytes())),
                        )
                    })
                    .collect();
                axum::Json(headers).into_response()
            });
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            served,
            server: server.abort_handle(),
        }
    }

    /// Requests that it has seen.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// All of it.
pub struct Street {
    /// The network in the home region.
    pub node: Node,
    /// Behind the gate.
    pub origin: Origin,
    /// The component.
    pub host: Host,
    /// The component's clock.
    pub clock: Clock,
    /// Whose word counts.
    pub attestor: AttestorFile,
    /// Who pays.
    pub wallet: WalletFile,
    http: reqwest::Client,
    transactions: AtomicU64,
    /// Receipts by the nonce of the payment that was made with them.
    used: Mutex<BTreeMap<String, ReceiptFile>>,
    _folder: tempfile::TempDir,
}

/// The gate's configuration in these tests.
#[must_use]
pub fn sold(public_origin: &str, origin: &str, home: &str, attestor: &AttestorFile) -> Value {
    let price = |amount: u64| {
        json!({
            "network": NETWORK, "asset": ASSET, "amount": amount.to_string(), "payTo": MERCHANT,
            "maxTimeoutSeconds": 60, "maxAgeSeconds": 3_600,
        })
    };
    json!({
        "publicOrigin": public_origin,
        "origin": origin,
        "home": home,
        "attestors": [attestor.public_key],
        "routes": [
            {"path": "/free/*"},
            {"path": "/dear", "accepts": [price(AMOUNT * 1_000)]},
            {"path": "/*", "accepts": [price(AMOUNT)]},
        ],
    })
}

/// A port that is free now; a gate has to know its public origin before it listens.
async fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

impl Street {
    /// Starts everything; `change` has the last word on the gate's configuration.
    pub async fn start(change: impl FnOnce(&mut Value)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::loopback(folder.path().join("network"));
        let mut offer = Offer::new("local", 10, 2);
        offer.fleet = true;
        config.provers = vec![offer];
        let node = Node::start(config).await.unwrap();
        let attestor: AttestorFile =
            serde_json::from_slice(&std::fs::read(&node.attestor).unwrap()).unwrap();
        let origin = Origin::start().await;
        let address = free_port().await;
        let public = format!("http://{address}");
        let mut sold = sold(&public, &origin.url, &node.url(), &attestor);
        change(&mut sold);
        let clock = Clock::default();
        let host = host(&node, &sold, address, &clock).await;
        Self {
            node,
            origin,
            host,
            clock,
            attestor,
            wallet: WalletFile::generate().unwrap(),
            http: prooflane_client::http().build().unwrap(),
            transactions: AtomicU64::new(0),
            used: Mutex::default(),
            _folder: folder,
        }
    }

    /// Another instance of the same component, which remembers nothing, at an address of its own.
    pub async fn another_edge(&self, change: impl FnOnce(&mut Value)) -> Host {
        let mut sold = sold(
            &self.host.url(),
            &self.origin.url,
            &self.node.url(),
            &self.attestor,
        );
        change(&mut sold);
        host(&self.node, &sold, free_port().await, &self.clock).await
    }

    /// Stops everything.
    pub async fn stop(self) {
        self.host.stop().await;
        self.node.stop().await.unwrap();
    }

    /// A new receipt for a payment of just now.
    #[must_use]
    pub fn receipt(&self) -> ReceiptFile {
        self.receipt_by(&self.attestor)
    }

    /// One of somebody's.
    #[must_use]
    pub fn receipt_by(&self, attestor: &AttestorFile) -> ReceiptFile {
        let number = self.transactions.fetch_add(1, Ordering::Relaxed);
        attestor
            .attest(Payment {
                payer_commitment: self.wallet.commitment.clone(),
                recipient: MERCHANT.into(),
                asset: format!("{NETWORK}/{ASSET}"),
                amount: AMOUNT,
                time: now() - 1_000,
                tx_hash: format!("transaction {number}"),
            })
            .unwrap()
    }

    /// A request to the gate.
    #[must_use]
    pub fn purchase(&self, path: &str) -> Purchase {
        self.purchase_at(&self.host, path)
    }

    /// A request to a gate.
    #[must_use]
    pub fn purchase_at(&self, host: &Host, path: &str) -> Purchase {
        Purchase {
            method: Method::GET,
            url: format!("{}{path}", host.url()).parse().unwrap(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Sends it.
    pub async fn send(&self, purchase: &Purchase, payment: Option<&PaymentPayload>) -> Response {
        purchase.send(&self.http, payment).await.unwrap()
    }

    /// What the gate asks for it.
    pub async fn asked(&self, purchase: &Purchase) -> PaymentRequired {
        let answer = self.send(purchase, None).await;
        payer::asked(&answer).unwrap().unwrap()
    }

    /// A payment for it by this receipt, whatever the receipt is worth, proved at this time.
    pub async fn pay(
        &self,
        asked: &PaymentRequired,
        receipt: &ReceiptFile,
        now: u64,
    ) -> PaymentPayload {
        let payer = Payer {
            wallet: WalletFile {
                secret: self.wallet.secret.clone(),
                commitment: self.wallet.commitment.clone(),
            },
            receipts: Vec::new(),
            prover: Prover::Here(self.node.keys.clone()),
        };
        let payment = payer.pay(asked.accepts[0].clone(), receipt, now).await;
        let payment = payment.unwrap();
        let nonce = payment.payload["nonce"].to_string();
        self.used.lock().unwrap().insert(nonce, receipt.clone());
        payment
    }

    /// The receipt that a payment was made with.
    #[must_use]
    pub fn receipt_of(&self, payment: &PaymentPayload) -> ReceiptFile {
        self.used.lock().unwrap()[&payment.payload["nonce"].to_string()].clone()
    }
}

/// The manifest that is deployed.
#[must_use]
pub fn manifest() -> Manifest {
    let text = std::fs::read_to_string(root().join("edge-verify/spin.toml")).unwrap();
    Manifest::parse(&text).unwrap()
}

/// The component's variables, for a gate at an address of its own.
#[must_use]
pub fn variables(street: &Street) -> BTreeMap<String, String> {
    let sold = sold(
        &street.host.url(),
        &street.origin.url,
        &street.node.url(),
        &street.attestor,
    );
    variables_of(&street.node, &sold)
}

fn variables_of(node: &Node, sold: &Value) -> BTreeMap<String, String> {
    let circuit = payer::circuit().unwrap();
    let key = node.keys.get(circuit).unwrap().verifying_key().to_compact();
    let variables = [
        ("config", sold.to_string()),
        ("verifying_key", hex::encode(key)),
        ("nonce_secret", "5a".repeat(32)),
        ("origin", sold["origin"].as_str().unwrap().to_owned()),
        ("home", sold["home"].as_str().unwrap().to_owned()),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

async fn host(node: &Node, sold: &Value, listen: SocketAddr, clock: &Clock) -> Host {
    Host::start(edge_host::Config {
        component: component(),
        manifest: manifest(),
        variables: variables_of(node, sold),
        listen,
        limits: Limits::default(),
        clock: clock.clone(),
    })
    .await
    .unwrap()
}

/// The present, in Unix seconds.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// The code of a refusal, from wherever it stands.
pub async fn refusal(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    if let Some(header) = answer.headers().get(PAYMENT_REQUIRED) {
        let required: PaymentRequired = read_header(header).unwrap();
        return (status, required.error.unwrap());
    }
    let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    (status, problem["code"].as_str().unwrap().to_owned())
}

/// Whether an answer says that its payment counts.
#[must_use]
pub fn settled(answer: &Response) -> bool {
    let header = answer.headers().get(PAYMENT_RESPONSE);
    let settled: Option<prooflane_gate::wire::SettleResponse> = header.and_then(read_header);
    settled.is_some_and(|settled| settled.success)
}
