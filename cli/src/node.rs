//! The whole network in one process.

use crate::files::{self, AttestorFile};
use crate::local::Local;
use anyhow::{Context, bail};
use axum::serve::ListenerExt;
use prooflane_api::{Api, Limits, OwnAttestor, OwnLedger, prometheus, router};
use prooflane_circuits::Circuit;
use prooflane_coordinator::{
    ApiKey, Auctioneer, Catalogue, Coordinator, Entry, Groth16, OsEntropy, Ports, Role,
};
use prooflane_engine::{Keys, Provenance};
use prooflane_ledger::LogKeys;
use prooflane_log::{Kind, Log, SigningKey, VerifyingKey, Witness};
use prooflane_market::{Millis, Rules};
use prooflane_store::{Clock, DirBlobs, SqliteQueue, SqliteTable, SystemClock};
use prooflane_verifier::field;
use prooflane_worker::{Drain, Offer, Summary};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// How to run a network.
pub struct Config {
    /// Where to listen; port 0 for any free one.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data: PathBuf,
    /// The network's own provers.
    pub provers: Vec<Offer>,
    /// Whoever reaches it may do everything. By default exactly on a loopback address.
    pub open: Option<bool>,
    /// The network's constants; by default those of an open or a closed network.
    pub rules: Option<Rules>,
    /// Requests per second from each caller; by default unlimited on an open network, 200 on a
    /// closed one.
    pub rate: Option<NonZeroU32>,
    /// How often the sweeper looks.
    pub sweep_every: Duration,
    /// Serve development keys where others can reach them.
    pub allow_development_keys: bool,
    /// The verifying keys of logs whose checkpoints it cosigns.
    pub witness_of: Vec<VerifyingKey>,
}

impl Config {
    /// A network on a free loopback port that keeps everything in `data`.
    #[must_use]
    pub fn loopback(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: data.into(),
            provers: Vec::new(),
            open: None,
            rules: None,
            rate: None,
            sweep_every: Duration::from_millis(250),
            allow_development_keys: false,
            witness_of: Vec::new(),
        }
    }
}

/// A running network.
pub struct Node {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether anyone who reaches it may use it.
    pub open: bool,
    /// Its use-cases.
    pub coordinator: Coordinator,
    /// Its keys.
    pub keys: Arc<Keys>,
    /// The file of its attestor.
    pub attestor: PathBuf,
    /// The file of its operator's API key, on a closed network.
    pub operator_key: Option<PathBuf>,
    /// What receipts of its ledger are verified with.
    pub log_key: String,
    drain: Drain,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
    provers: Vec<JoinHandle<Result<Summary, prooflane_worker::NetworkError>>>,
    loops: Vec<JoinHandle<()>>,
}

/// The file of the table in a data directory.
pub const TABLE: &str = "table.sqlite";

/// What the ledger is called where nobody has founded it under another name (`prooflane ledger init`).
const LEDGER: &str = "localhost/ledger";

/// Requests that are still running get this long when the network stops.
const GRACE: Duration = Duration::from_secs(5);

impl Node {
    /// Opens or makes the data directory, and starts everything.
    ///
    /// # Errors
    /// If the directory cannot be used, the address is taken or must not be served so, or keys cannot be made or read.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let open = config.open.unwrap_or(config.listen.ip().is_loopback());
        // Before keys are made; then, when it is known where they come from.
        check_exposure(config.listen, open, false)?;
        let data = &config.data;
        std::fs::create_dir_all(data)
            .with_context(|| format!("{} cannot be made", data.display()))?;
        let default_rules = if open {
            Rules::open()
        } else {
            Rules::default()
        };
        let rules = config.rules.unwrap_or(default_rules);
        let (coordinator, keys) = open_data(data, rules).await?;
        let development = development(coordinator.catalogue()).next().is_some();
        let unwanted = development && !config.allow_development_keys;
        check_exposure(config.listen, open, unwanted)?;

        let attestor = data.join("attestor.json");
        let attestor_key = own_attestor(&attestor)?;
        let operator_key = data.join("operator.key.json");
        if !open {
            let record = ApiKey {
                name: "operator".into(),
                roles: vec![Role::Operator],
            };
            kept_api_key(&coordinator, &operator_key, &record).await?;
        }

        let ledger = own_ledger(data, coordinator.ports(), config.witness_of).await?;
        let log_key = ledger.ledger.log().key().to_string();

        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let rate = config
            .rate
            .or(if open { None } else { NonZeroU32::new(200) });
        let key_files = keys.clone();
        let app = router(Api {
            coordinator: coordinator.clone(),
            open,
            limits: Limits::new(rate),
            attestor: Some(attestor_key),
            ledger,
            files: Arc::new(move |entry: &Groth16| {
                std::fs::read(key_files.path(entry.circuit.id()))
            }),
            longest_stream: Duration::from_secs(3600),
            buffered: false,
            metrics: prometheus(),
        });
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let server = axum::serve(
            // Small answers must not wait for more to send.
            listener.tap_io(|connection| {
                let _ = connection.set_nodelay(true);
            }),
            app.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        let server = tokio::spawn(async move { server.await });

        let drain = Drain::default();
        let network = Arc::new(Local {
            coordinator: coordinator.clone(),
            keys: keys.clone(),
        });
        let provers = config
            .provers
            .into_iter()
            .map(|offer| tokio::spawn(prooflane_worker::run(network.clone(), offer, drain.clone())))
            .collect();
        let mut loops: Vec<_> = (0..coordinator.rules().market_shards.max(1))
            .map(|shard| tokio::spawn(auctions(coordinator.clone(), shard)))
            .collect();
        loops.push(tokio::spawn(sweeps(
            coordinator.clone(),
            config.sweep_every,
        )));
        Ok(Self {
            address,
            open,
            coordinator,
            keys,
            attestor,
            operator_key: (!open).then_some(operator_key),
            log_key,
            drain,
            stop,
            server,
            provers,
            loops,
        })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Drains the provers, lets running requests finish, and stops. What each prover did.
    ///
    /// # Errors
    /// If a prover was refused or the server failed.
    pub async fn stop(self) -> anyhow::Result<Vec<Summary>> {
        self.drain.start();
        let mut summaries = Vec::new();
        for prover in self.provers {
            summaries.push(prover.await??);
        }
        self.stop.send_replace(true);
        let abort = self.server.abort_handle();
        if let Ok(served) = tokio::time::timeout(GRACE, self.server).await {
            served??;
        } else {
            abort.abort();
        }
        for task in self.loops {
            task.abort();
            // Its connections to the store are closed once it is gone.
            let _ = task.await;
        }
        Ok(summaries)
    }
}

/// The use-cases over a data directory, which no other process may have open, and its keys.
///
/// # Errors
/// If the directory cannot be used, or keys cannot be made or read.
pub async fn open_data(data: &Path, rules: Rules) -> anyhow::Result<(Coordinator, Arc<Keys>)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = Ports {
        table: Arc::new(SqliteTable::open(data.join(TABLE))?),
        queue: Arc::new(SqliteQueue::open(data.join("queue.sqlite"), clock.clone())?),
        blobs: Arc::new(DirBlobs::open(data.join("blobs"))?),
        clock,
        entropy: Arc::new(OsEntropy),
    };
    let keys = Arc::new(Keys::open(data.join("keys"))?);
    let catalogue = catalogue(keys.clone()).await?;
    let coordinator = Coordinator::new(ports, rules, catalogue);
    coordinator.drop_uploads().await?;
    Ok((coordinator, keys))
}

/// The catalogue of every circuit; keys that are missing are made, side by side.
///
/// # Errors
/// If a key cannot be made or read.
pub async fn catalogue(keys: Arc<Keys>) -> anyhow::Result<Catalogue> {
    let mut made = Vec::new();
    for circuit in prooflane_circuits::registry() {
        let keys = keys.clone();
        made.push(tokio::task::spawn_blocking(move || entry(&keys, *circuit)));
    }
    let mut entries = Vec::new();
    for entry in made {
        entries.push(entry.await??);
    }
    entries.push(Entry::Statements);
    Ok(entries.into_iter().collect())
}

fn entry(keys: &Keys, circuit: &'static dyn Circuit) -> anyhow::Result<Entry> {
    let key = keys.get(circuit)?;
    Ok(Entry::new(
        circuit,
        key.constraints(),
        key.verifying_key().clone(),
        key.provenance(),
    ))
}

/// The circuits whose keys are development keys.
pub fn development(catalogue: &Catalogue) -> impl Iterator<Item = &'static str> {
    let entries = catalogue.circuits();
    let development = entries.filter(|entry| entry.provenance == Provenance::Development);
    development.map(|entry| entry.circuit.id())
}

/// The API key that a file keeps, which is made where there is none: the network knows keys as hashes alone.
pub(crate) async fn kept_api_key(
    coordinator: &Coordinator,
    path: &Path,
    record: &ApiKey,
) -> anyhow::Result<String> {
    if !path.exists() {
        let api_key = coordinator.create_api_key(record).await?;
        files::write_secret(path, &KeyFile { api_key })?;
    }
    let KeyFile { api_key } = files::read(path)?;
    Ok(api_key)
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    api_key: String,
}

/// The ledger of a data directory, which is a folder for `prooflane ledger --ledger` as well. A log is founded where there is none.
async fn own_ledger(
    data: &Path,
    ports: &Ports,
    witness_of: Vec<VerifyingKey>,
) -> anyhow::Result<OwnLedger> {
    let keys = match LogKeys::read(data)? {
        Some(keys) => keys,
        None if Log::is_founded(&*ports.table, prooflane_ledger::LOG).await? => bail!(
            "{} has a ledger, but log.keys is not there: bring it back, or nobody can tell that the ledger goes on",
            data.display()
        ),
        None => LogKeys::create(data, LEDGER)?,
    };
    let witness = if witness_of.is_empty() {
        None
    } else {
        let name = format!("{}/witness", keys.origin());
        let signer = witness_key(&data.join("witness.key.json"), &name)?;
        let (table, clock) = (ports.table.clone(), ports.clock.clone());
        Some(Arc::new(Witness::new(table, clock, signer, witness_of)?))
    };
    let ledger = OwnLedger::open(ports, keys.into_signing()).await?;
    Ok(OwnLedger { witness, ..ledger })
}

#[derive(Serialize, Deserialize)]
struct WitnessFile {
    /// In the form of a note's signing key.
    key: String,
}

fn witness_key(path: &Path, name: &str) -> anyhow::Result<SigningKey> {
    if !path.exists() {
        let seed = Zeroizing::new(files::random()?);
        let key = SigningKey::from_seed(name, Kind::Cosignature, &seed)?;
        let key = key.secret().to_string();
        files::write_secret(path, &WitnessFile { key })?;
    }
    let WitnessFile { key } = files::read(path)?;
    SigningKey::parse(&key).with_context(|| format!("{} is damaged", path.display()))
}

fn own_attestor(path: &Path) -> anyhow::Result<OwnAttestor> {
    if !path.exists() {
        files::write_secret(path, &AttestorFile::generate()?)?;
    }
    let attestor: AttestorFile = files::read(path)?;
    Ok(OwnAttestor {
        key: [
            field::parse(&attestor.public_key.x)?,
            field::parse(&attestor.public_key.y)?,
        ],
        signs: Some(Arc::new(attestor.attestor()?)),
    })
}

/// Clears one shard of the market, as long as nobody else does. Only one process can have the data
/// directory, so that its auctioneer takes its own place again after a restart.
async fn auctions(coordinator: Coordinator, shard: u8) {
    let started = Instant::now();
    let elapsed = move || {
        let millis = started.elapsed().as_millis();
        Millis(u64::try_from(millis).unwrap_or(u64::MAX))
    };
    let mut auctioneer = Auctioneer::new("local", shard, elapsed);
    loop {
        let once = coordinator.auction_once(&mut auctioneer, Duration::from_secs(10));
        if let Err(error) = once.await {
            tracing::error!(%error, "the auctioneer is in trouble; it tries again");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

async fn sweeps(coordinator: Coordinator, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = coordinator.sweep().await {
            tracing::error!(%error, "the sweeper is in trouble; it tries again");
        }
    }
}

/// An address that is not a loopback one must not serve an open network, or development keys that nobody has allowed,
/// by accident.
///
/// # Errors
/// If it would, with the flag that allows it.
pub fn check_exposure(listen: SocketAddr, open: bool, development: bool) -> anyhow::Result<()> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    if open {
        bail!("{listen} can be reached from elsewhere: expected --closed (API keys), got --open");
    }
    if development {
        bail!(
            "{listen} can be reached from elsewhere, and there are development keys here, whose \
             maker could forge proofs: import those of a ceremony (prooflane key import), or say \
             --allow-development-keys if that is acceptable"
        );
    }
    Ok(())
}
