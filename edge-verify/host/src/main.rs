//! `edge-host`; see `edge-host --help`.

use anyhow::Context;
use clap::Parser;
use edge_host::manifest::Manifest;
use edge_host::{Clock, Config, Host, Limits};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Runs the component that is deployed to the edge on this machine.
///
/// This is not Spin. It runs the same component, by the same manifest, for tests and for local use: plain
/// HTTP, a key-value store in memory that is gone when it stops, one machine.
///
/// Variables of the manifest are given by --variable, or in SPIN_VARIABLE_NAME, where secrets belong.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The component; `cargo xtask edge` builds it.
    #[arg(
        long,
        default_value = "target/edge/edge_verify.wasm",
        value_name = "FILE"
    )]
    component: PathBuf,
    /// The application's manifest [default: edge-verify/spin.toml as it was when this was built].
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Where to listen; port 0 for any free one. The first line printed is the address as a URL.
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A variable of the manifest; may be repeated.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = pair)]
    variables: Vec<(String, String)>,
    /// How long one request may take.
    #[arg(long, default_value_t = 90, value_name = "SECONDS")]
    time: u64,
    /// Memory of one instance of the component.
    #[arg(long, default_value_t = 64, value_name = "MIB")]
    memory: usize,
}

/// The manifest that is deployed.
const MANIFEST: &str = include_str!("../../spin.toml");

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let text = match &arguments.manifest {
        Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => MANIFEST.to_owned(),
    };
    let manifest = Manifest::parse(&text)?;
    let mut variables = manifest.from_environment();
    variables.extend(arguments.variables);
    let mut stop = Stop::new()?;
    let host = Host::start(Config {
        component: arguments.component,
        manifest,
        variables,
        listen: arguments.listen,
        limits: Limits {
            time: Duration::from_secs(arguments.time),
            memory_bytes: arguments.memory << 20,
            ..Limits::default()
        },
        clock: Clock::default(),
    });
    let host = host.await?;
    println!("{}", host.url());
    println!(
        "This is edge-host, not Spin: what the component keeps is gone when it stops. Ctrl-C stops."
    );
    stop.asked().await;
    tokio::select! {
        () = host.stop() => Ok(()),
        () = stop.asked() => anyhow::bail!("stopped before all requests were answered"),
    }
}

/// Ctrl-C and SIGTERM.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        // Without a handler there is nothing to wait for.
        let _ = tokio::signal::ctrl_c().await;
    }
}
