//! A network of a test's own: a full stack on a free port with its data in a temporary folder.

use prooflane::node::{Config, Node};
use prooflane_client::Client;
use prooflane_engine::Keys;
use prooflane_worker::Offer;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A running network; its data goes with it.
pub struct Network {
    /// The network.
    pub node: Node,
    /// A client of it, without a key.
    pub client: Client,
    /// Sends literal requests.
    pub http: reqwest::Client,
    /// Its data directory.
    pub data: TempDir,
}

impl Network {
    /// An open network with these provers.
    pub async fn start(provers: Vec<Offer>) -> Self {
        Self::with(|config| config.provers = provers).await
    }

    /// A network with a changed configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        copy_keys(data.path());
        let mut config = Config::loopback(data.path());
        change(&mut config);
        let node = Node::start(config).await.unwrap();
        let client = Client::new(&node.url(), None).unwrap();
        Self {
            node,
            client,
            http: reqwest::Client::new(),
            data,
        }
    }

    /// The address of a path.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.node.url())
    }
}

/// One prover that asks 10 credits.
#[must_use]
pub fn one_prover() -> Vec<Offer> {
    vec![Offer::new("prover-1", 10, 2)]
}

/// Development keys, made once per process and machine: a test's network needs keys, not its own.
pub fn copy_keys(data: &Path) {
    static KEYS: OnceLock<PathBuf> = OnceLock::new();
    let made = KEYS.get_or_init(|| {
        let dir = std::env::temp_dir().join("prooflane-test-keys");
        let keys = Keys::open(&dir).unwrap();
        for circuit in prooflane_circuits::registry() {
            // A key of an older shape of the circuit is replaced.
            if keys.get(*circuit).is_err() {
                std::fs::remove_file(keys.path(circuit.id())).unwrap();
                keys.get(*circuit).unwrap();
            }
        }
        dir
    });
    let keys = data.join("keys");
    std::fs::create_dir_all(&keys).unwrap();
    for circuit in prooflane_circuits::registry() {
        let name = format!("{}.key", circuit.id());
        std::fs::copy(made.join(&name), keys.join(&name)).unwrap();
    }
}
