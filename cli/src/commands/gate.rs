//! `prooflane gate`.

use super::{Context, Stop};
use crate::edge::{Edge, Setup};
use crate::files::{self, AttestorFile, GateFile};
use anyhow::{Context as _, ensure};
use console::style;
use prooflane_gate::Secrets;
use prooflane_verifier::VerifyingKey;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    /// What is sold, and where it comes from: JSON, described in edge-verify/gate/README.md.
    config: PathBuf,
    /// Where to listen; port 0 for any free one.
    #[arg(long, default_value = "127.0.0.1:8402", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The file of an attestor whose receipts count, where the configuration names none.
    #[arg(long, value_name = "FILE")]
    attestor: Option<PathBuf>,
    /// Where the gate's secret is kept; made if need be. All gates in front of one origin need the same.
    #[arg(long, default_value = "gate.secret.json", value_name = "FILE")]
    secret: PathBuf,
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<()> {
    let config = config(&args.config, args.attestor.as_deref())?;
    let named = config.get("attestors").and_then(Value::as_array);
    ensure!(
        named.is_some_and(|attestors| !attestors.is_empty()),
        "nobody's receipts count: name attestors in {}, or one by --attestor",
        args.config.display()
    );
    let client = context.client()?;
    let key = client.verifying_key("payment@1").await?;
    let mut stop = Stop::new()?;
    let edge = Edge::start(Setup {
        config: config.into(),
        listen: args.listen,
        home: client.url().to_owned(),
        key: VerifyingKey::try_from(&key)?,
        secrets: Secrets {
            home_key: context.target.api_key.clone().unwrap_or_default(),
            nonce_secret: nonce_secret(&args.secret)?,
        },
    })
    .await?;
    context.output.object(&json!({"url": edge.url()}))?;
    context.output.row(
        style("gate ").cyan(),
        format!("{} ({})", edge.url(), edge.runs()),
    );
    context.output.line("Ctrl-C stops.");
    stop.asked().await;
    Ok(())
}

/// A gate's configuration, with this attestor where it names none.
pub(super) fn config(path: &Path, attestor: Option<&Path>) -> anyhow::Result<Map<String, Value>> {
    let mut config: Map<String, Value> = files::read(path)?;
    if let Some(attestor) = attestor.filter(|_| !config.contains_key("attestors")) {
        let AttestorFile { public_key, .. } = files::read(attestor)?;
        config.insert("attestors".into(), json!([public_key]));
    }
    Ok(config)
}

/// The secret that a file keeps, which is made where there is none.
pub(super) fn nonce_secret(path: &Path) -> anyhow::Result<[u8; 32]> {
    if !path.exists() {
        let nonce_secret = hex::encode(files::random::<32>()?);
        files::write_secret(path, &GateFile { nonce_secret })?;
    }
    let GateFile { nonce_secret } = files::read(path)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(nonce_secret, &mut bytes)
        .ok()
        .with_context(|| {
            let path = path.display();
            format!("{path}: nonce_secret: expected 64 hexadecimal digits")
        })?;
    Ok(bytes)
}
