//! What a new network needs before its first task: keys, a catalogue, an operator.

use anyhow::Context;
use prooflane_coordinator::{
    ApiKey, Catalogue, CatalogueError, Coordinator, Entry, IssuedKey, Ports, Role,
};
use prooflane_engine::Keys;
use prooflane_market::Rules;
use prooflane_store::{Blobs, PutMode, PutOutcome};
use serde::Serialize;
use std::path::Path;

/// What to do where something is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// New keys for every circuit; open tasks of the old ones end without a proof.
    pub replace: bool,
    /// Another operator's key although there is one.
    pub new_api_key: bool,
}

/// What was done. It holds a secret: no `Debug`.
#[derive(Serialize)]
pub struct Done {
    /// Circuits whose keys were made now.
    pub made: Vec<String>,
    /// Circuits whose keys were there.
    pub kept: Vec<String>,
    /// The operator's API key, shown only now; none where there was one.
    pub api_key: Option<String>,
}

/// Makes what is missing: development keys, whose maker could forge proofs; the catalogue; one API key
/// of the operator's. Doing it again changes nothing.
///
/// # Errors
/// If the store does not answer, or what it holds cannot be read.
pub async fn set_up(ports: Ports, options: Options) -> anyhow::Result<Done> {
    let old = match Catalogue::load(&*ports.blobs).await {
        Ok(catalogue) => Some(catalogue),
        Err(CatalogueError::Missing) => None,
        Err(error @ CatalogueError::Store(_)) => return Err(error.into()),
        Err(_) if options.replace => None,
        Err(error) => return Err(error).context("--replace makes a new one, with new keys"),
    };
    let mode = if old.is_none() && !options.replace {
        // Another set-up may be at it at the same time: the first one counts.
        PutMode::IfAbsent
    } else {
        PutMode::Overwrite
    };
    let keep = old.filter(|_| !options.replace).unwrap_or_default();
    let circuits = prooflane_circuits::registry();
    let kept = |id: &str| keep.find(id).is_ok();
    let missing: Vec<_> = circuits.iter().filter(|c| !kept(c.id())).collect();
    if !missing.is_empty() {
        let dir = tempfile::tempdir()?;
        let mut entries: Vec<Entry> = keep
            .entries()
            .map(|e| {
                Entry::new(
                    e.circuit,
                    e.constraints,
                    e.verifying_key.clone(),
                    e.provenance,
                )
            })
            .collect();
        for circuit in &missing {
            entries.push(key(**circuit, dir.path(), &*ports.blobs).await?);
        }
        // Last, so that every key that it names is there.
        let json = entries.into_iter().collect::<Catalogue>().to_json();
        let put = ports.blobs.put(Catalogue::BLOB, json.as_bytes(), mode);
        if put.await? == PutOutcome::AlreadyThere {
            anyhow::bail!("another set-up was faster, and its catalogue stays: run this again");
        }
    }
    let made = missing.iter().map(|c| c.id().to_owned()).collect();
    let kept = circuits.iter().map(|c| c.id()).filter(|id| kept(id));
    Ok(Done {
        made,
        kept: kept.map(str::to_owned).collect(),
        api_key: operator(ports, options).await?,
    })
}

/// Makes a key and uploads it.
async fn key(
    circuit: &'static dyn prooflane_circuits::Circuit,
    dir: &Path,
    blobs: &dyn Blobs,
) -> anyhow::Result<Entry> {
    tracing::info!(circuit = circuit.id(), "making a development key");
    let dir = dir.to_owned();
    let made = tokio::task::spawn_blocking(move || {
        let keys = Keys::open(dir)?;
        let key = keys.get(circuit)?;
        let file = std::fs::read(keys.path(circuit.id()))?;
        anyhow::Ok((key, file))
    });
    let (key, file) = made.await??;
    let entry = Entry::new(
        circuit,
        key.constraints(),
        key.verifying_key().clone(),
        key.provenance(),
    );
    let name = Catalogue::proving_key_blob(circuit.id(), &entry.key_id.to_string());
    blobs.put(&name, &file, PutMode::IfAbsent).await?;
    Ok(entry)
}

async fn operator(ports: Ports, options: Options) -> anyhow::Result<Option<String>> {
    // API keys have nothing to do with circuits or rules.
    let coordinator = Coordinator::new(ports, Rules::default(), Catalogue::default());
    let operator = |issued: &IssuedKey| issued.key.is_operator();
    if !options.new_api_key && coordinator.api_keys().await?.iter().any(operator) {
        return Ok(None);
    }
    let record = ApiKey {
        name: "operator".into(),
        roles: vec![Role::Operator],
    };
    Ok(Some(coordinator.create_api_key(&record).await?))
}
