//! What a new network needs before its first task: keys, a catalogue, an operator.

use anyhow::{Context, ensure};
use prooflane_circuits::Circuit;
use prooflane_coordinator::{
    ApiKey, Catalogue, CatalogueError, Coordinator, Entry, IssuedKey, Ports, Role,
};
use prooflane_engine::{Keys, Provenance};
use prooflane_market::Rules;
use prooflane_store::{Blobs, PutMode, PutOutcome};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to do where something is there already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// New keys for every circuit; open tasks of the old ones end without a proof.
    pub replace: bool,
    /// Another operator's key although there is one.
    pub new_api_key: bool,
    /// A folder of keys, to be taken before any is made.
    pub keys: Option<PathBuf>,
}

/// What was done. It holds a secret: no `Debug`.
#[derive(Serialize)]
pub struct Done {
    /// Circuits whose keys were made now.
    pub made: Vec<String>,
    /// Circuits whose keys were taken from the folder, and where these come from.
    pub taken: BTreeMap<String, Provenance>,
    /// Circuits whose keys were there.
    pub kept: Vec<String>,
    /// The operator's API key, shown only now; none where there was one.
    pub api_key: Option<String>,
}

/// Makes what is missing: keys, taken from the folder or made now, and then development keys, whose maker could forge
/// proofs; the catalogue; one API key of the operator's. Doing it again changes nothing.
///
/// # Errors
/// If the store does not answer, or what it holds cannot be read; if the folder is not there, or a key in it cannot be used.
pub async fn set_up(ports: Ports, options: &Options) -> anyhow::Result<Done> {
    if let Some(folder) = &options.keys {
        let there = folder.is_dir();
        ensure!(
            there,
            "{}: expected a folder of keys, got none",
            folder.display()
        );
    }
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
    let mut taken = BTreeMap::new();
    if !missing.is_empty() {
        let dir = tempfile::tempdir()?;
        let mut entries: Vec<Entry> = keep
            .circuits()
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
            let own = options
                .keys
                .as_deref()
                .filter(|folder| has_key(folder, **circuit));
            let entry = key(**circuit, own.unwrap_or(dir.path()), &*ports.blobs).await?;
            if own.is_some() {
                taken.extend(entry.provenance().map(|of| (circuit.id().to_owned(), of)));
            }
            entries.push(entry);
        }
        // Last, so that every key that it names is there.
        let json = entries.into_iter().collect::<Catalogue>().to_json();
        let put = ports.blobs.put(Catalogue::BLOB, json.as_bytes(), mode);
        if put.await? == PutOutcome::AlreadyThere {
            anyhow::bail!("another set-up was faster, and its catalogue stays: run this again");
        }
    }
    let made = missing.iter().map(|c| c.id().to_owned());
    let made = made.filter(|id| !taken.contains_key(id)).collect();
    let kept = circuits.iter().map(|c| c.id()).filter(|id| kept(id));
    Ok(Done {
        made,
        taken,
        kept: kept.map(str::to_owned).collect(),
        api_key: operator(ports, options).await?,
    })
}

/// Whether a folder has a key for a circuit, usable or not.
fn has_key(folder: &Path, circuit: &dyn Circuit) -> bool {
    Keys::open(folder).is_ok_and(|keys| keys.path(circuit.id()).exists())
}

/// Uploads the key in a folder, which is made if need be.
async fn key(
    circuit: &'static dyn Circuit,
    dir: &Path,
    blobs: &dyn Blobs,
) -> anyhow::Result<Entry> {
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
    let name = Catalogue::proving_key_blob(circuit.id(), &entry.key_id());
    blobs.put(&name, &file, PutMode::IfAbsent).await?;
    Ok(entry)
}

async fn operator(ports: Ports, options: &Options) -> anyhow::Result<Option<String>> {
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
