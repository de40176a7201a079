//! A host of one component.

use crate::clock::Clock;
use crate::compiled::{self, ComponentError};
use crate::instances::{self, Handler, Instances};
use crate::limits::Limits;
use crate::manifest::{Manifest, ManifestError};
use crate::state::Shared;
use crate::store::Stores;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wasmtime::Engine;

/// What to run, and how. Variables may be secrets: no `Debug`.
pub struct Config {
    /// The component's file.
    pub component: PathBuf,
    /// What it is granted.
    pub manifest: Manifest,
    /// Values of the manifest's variables.
    pub variables: BTreeMap<String, String>,
    /// Where to listen; port 0 for any free one.
    pub listen: SocketAddr,
    /// What requests may take.
    pub limits: Limits,
    /// The component's clock.
    pub clock: Clock,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The component's file.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The manifest or its variables.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The component asks for what this host has not, or serves no HTTP.
    #[error("the component cannot be run here: {0}")]
    Link(String),
    /// The machine does not let wasmtime have what the limits demand.
    #[error("wasmtime cannot be set up: {0}; lower the limits")]
    Engine(String),
    /// The address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

/// A component that is being served.
pub struct Host {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    gone: watch::Sender<bool>,
    server: JoinHandle<()>,
    _ticks: Ticks,
}

impl Host {
    /// Loads the component and serves it, on threads of the current tokio runtime.
    ///
    /// # Errors
    /// If that is not possible; each says what to do.
    pub async fn start(config: Config) -> Result<Self, HostError> {
        let granted = config.manifest.grant(&config.variables)?;
        let limits = config.limits;
        let engine = instances::engine(&limits);
        let engine = engine.map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let loaded = tokio::task::spawn_blocking({
            let engine = engine.clone();
            move || compiled::load(&engine, &config.component)
        });
        let component = match loaded.await {
            Ok(loaded) => loaded?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let shared = Shared {
            variables: Arc::new(granted.variables),
            stores: Stores::new(granted.stores, limits.kept_bytes),
            allowed: Arc::new(granted.hosts),
            clock: config.clock,
        };
        let (stop, stopping) = watch::channel(false);
        let (gone, stopped) = watch::channel(false);
        let instances = Instances::new(&component, shared, limits, stopped);
        let instances = instances.map_err(|error| HostError::Link(format!("{error:#}")))?;
        let failed = |error| HostError::Listen {
            address: config.listen,
            error,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let handler = Handler::new(instances);
        let server = tokio::spawn(crate::serve::serve(listener, handler, limits, stopping));
        Ok(Self {
            address,
            stop,
            gone,
            server,
            _ticks: Ticks::start(engine),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no further connection, answers what is under way, and returns when that is done or has
    /// taken as long as one request may.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(failed) = self.server.await
            && failed.is_panic()
        {
            std::panic::resume_unwind(failed.into_panic());
        }
        self.gone.send_replace(true);
    }
}

/// The engine's epochs: at each, a component that computes lets go for a moment.
struct Ticks(Option<(mpsc::Sender<()>, std::thread::JoinHandle<()>)>);

impl Ticks {
    fn start(engine: Engine) -> Self {
        let (stop, stopped) = mpsc::channel();
        let tick = move || {
            while stopped.recv_timeout(instances::TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        };
        Self(Some((stop, std::thread::spawn(tick))))
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            // It cannot panic.
            let _ = thread.join();
        }
    }
}
