//! What an owner does with a dataset: commit to it, prove things about it, make others of it.

use crate::config::Settings;
use crate::data::{self, Here, Notarized, Reading};
use crate::home::Home;
use crate::output::{Line, No, Progress, grouped, line, size, time};
use anyhow::{Context, bail};
use prooflane_dataset::Algorithm;
use prooflane_ledger::{
    Bytes32, DatasetId, Entry, Error, Evidence, Figure, LedgerError, OpeningFile, Owned, Statement,
    Transform, Verified,
};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What was recorded, for programs.
#[derive(Serialize)]
struct Recorded {
    operation: u64,
    statement: &'static str,
    inputs: Vec<DatasetId>,
    outputs: Vec<DatasetId>,
    evidence: Bytes32,
    figures: Vec<Figure>,
    security_bits: Option<f64>,
    evidence_bytes: usize,
    read_ms: f64,
    work_ms: f64,
    verify_ms: f64,
}

/// Evidence, and how long it took.
struct Work {
    evidence: Evidence,
    read: Duration,
    work: Duration,
}

/// Verifies evidence, records it, and says so.
async fn record(
    settings: &Settings,
    home: &Home,
    mut lines: Vec<Line>,
    done: Work,
) -> anyhow::Result<()> {
    let Work {
        evidence,
        read,
        work,
    } = done;
    let started = Instant::now();
    let Verified { security_bits } = evidence.verify()?;
    let verify = started.elapsed();
    let bytes = evidence.to_bytes()?;
    let evidence_bytes = bytes.len();
    let figures = match evidence.inputs.first() {
        Some(of) => evidence.statement.figures(of)?,
        None => Vec::new(),
    };
    let ledger = home.ledger().await?;
    let (operation, entry) = ledger.record(None, Uuid::now_v7(), bytes).await?;
    let Entry {
        inputs,
        outputs,
        evidence: digest,
        ..
    } = entry;
    let rows: u64 = evidence.inputs.iter().map(|of| of.rows).sum();
    let rows = if rows == 0 {
        evidence.outputs.iter().map(|of| of.rows).sum()
    } else {
        rows
    };
    let speed = rows as f64 / read.as_secs_f64().max(1e-9);
    let reading = format!("read in {} ({} rows/s)", time(read), grouped(speed as u64));
    match security_bits {
        Some(bits) => lines.push(line(
            "proof",
            format!(
                "{}, {bits:.0} bits of security; {reading}, proved in {}, verified in {}",
                size(evidence_bytes),
                time(work),
                time(verify)
            ),
        )),
        None => lines.push(line(
            "took",
            format!("{reading}, committed in {}", time(work)),
        )),
    }
    lines.push(line(
        "recorded",
        format!("operation {operation} of {}", home.origin()),
    ));
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let recorded = Recorded {
        operation,
        statement: evidence.statement.name(),
        inputs,
        outputs,
        evidence: digest,
        figures,
        security_bits,
        evidence_bytes,
        read_ms: millis(read),
        work_ms: millis(work),
        verify_ms: millis(verify),
    };
    settings.output.say(&lines, &recorded)
}

/// Reads notarized datasets that the ledger knows: nobody should wait for a proof that it would refuse.
async fn here(
    settings: &Settings,
    home: &Home,
    of: &[Notarized],
) -> anyhow::Result<(Vec<Owned>, Duration)> {
    let ledger = home.ledger().await?;
    for of in of {
        let id = of.opening()?.commitment().id();
        if ledger.dataset(id).await?.is_none() {
            return Err(LedgerError::UnknownDataset(id).into());
        }
    }
    drop(ledger);
    let key = settings.sealing_key()?;
    let mut read = Duration::ZERO;
    let mut owned = Vec::new();
    for of in of {
        let here = of.here(key)?;
        read += here.read;
        owned.push(here.owned);
    }
    Ok((owned, read))
}

/// Commits to a dataset and records it.
pub(crate) async fn notarize(
    settings: &Settings,
    path: &Path,
    reading: &Reading,
    name: Option<String>,
    algorithm: Algorithm,
) -> anyhow::Result<()> {
    let home = Home::open(&settings.folder)?;
    let opening = OpeningFile::beside(path);
    let resumed = opening.exists();
    let key = if resumed {
        settings.sealing_key()?
    } else {
        settings.new_sealing_key()?
    };
    let (owned, evidence, read, work) = if resumed {
        // Perhaps it was committed to, but could not be recorded.
        let file = OpeningFile::read(&opening)?;
        let id = file.commitment().id();
        if home.ledger().await?.dataset(id).await?.is_some() {
            bail!(
                "{} is there already: the dataset is notarized",
                opening.display()
            );
        }
        let of = Notarized::all(vec![path.into()], reading);
        let Here { owned, read } = of[0].here(key)?;
        let progress = Progress::work("checking");
        owned.opening.check(&owned.table)?;
        let evidence = Evidence::of_notarization(owned.opening.commitment());
        (owned, evidence, read, progress.done())
    } else {
        let (table, read) = data::read(path, &reading.options()?)?;
        let name = name.unwrap_or_else(|| data::name(path));
        let progress = Progress::work("committing");
        let notarized = prooflane_ledger::notarize(&name, table, algorithm, &opening, key);
        let (owned, evidence) = notarized?;
        (owned, evidence, read, progress.done())
    };
    let commitment = owned.opening.commitment();
    let digest = owned.opening.digest().map(|digest| digest.to_string());
    let lines = vec![
        line("dataset", commitment.id().to_string()),
        line(
            "holds",
            format!(
                "{} rows, {} columns of {}",
                grouped(commitment.rows),
                commitment.schema.columns().len(),
                commitment.name
            ),
        ),
        line(
            "digest",
            format!("{}, which stays with you", digest.unwrap_or_default()),
        ),
        line(
            "opening",
            format!(
                "{}, good for {} proofs about each column",
                opening.display(),
                commitment.proofs
            ),
        ),
    ];
    record(
        settings,
        &home,
        lines,
        Work {
            evidence,
            read,
            work,
        },
    )
    .await
}

/// Proves a claim about a dataset and records it.
pub(crate) async fn claim(
    settings: &Settings,
    of: &Notarized,
    statement: impl FnOnce(&Owned) -> Result<Statement, prooflane_ledger::Error>,
) -> anyhow::Result<()> {
    let home = Home::open(&settings.folder)?;
    let (mut owned, read) = here(settings, &home, std::slice::from_ref(of)).await?;
    let progress = Progress::work("proving");
    let statement = statement(&owned[0])?;
    let evidence = prooflane_ledger::prove(statement, &mut owned, &mut [])?;
    let work = progress.done();
    let mut lines = vec![line("claim", evidence.statement.to_string())];
    let figures = evidence.statement.figures(&evidence.inputs[0])?;
    lines.extend(
        figures
            .into_iter()
            .map(|figure| (figure.name, figure.value)),
    );
    record(
        settings,
        &home,
        lines,
        Work {
            evidence,
            read,
            work,
        },
    )
    .await
}

/// Makes datasets of others, writes them, proves that they were made so, and records it.
pub(crate) async fn transform(
    settings: &Settings,
    of: &[Notarized],
    transform: &Transform,
    outputs: &[PathBuf],
) -> anyhow::Result<()> {
    let home = Home::open(&settings.folder)?;
    let openings: Vec<_> = outputs
        .iter()
        .map(|path| OpeningFile::beside(path))
        .collect();
    if let Some(path) = outputs.iter().chain(&openings).find(|path| path.exists()) {
        bail!("{} is there already", path.display());
    }
    let (mut inputs, read) = here(settings, &home, of).await?;
    let key = settings.sealing_key()?;
    let progress = Progress::work("proving");
    let names: Vec<_> = outputs.iter().map(|path| data::name(path)).collect();
    let made = || -> anyhow::Result<(Vec<Owned>, Evidence)> {
        let mut made = Vec::new();
        for (number, dataset) in transform.apply(&inputs, &names)?.into_iter().enumerate() {
            data::write(&outputs[number], &dataset.table)?;
            made.push(dataset.keep(&mut inputs[0].file, &openings[number], key)?);
        }
        let evidence = prooflane_ledger::prove(transform.statement(), &mut inputs, &mut made)?;
        Ok((made, evidence))
    };
    let (made, evidence) = undone_if_failed(made, outputs, &openings)?;
    let work = progress.done();
    let mut lines = vec![line("claim", evidence.statement.to_string())];
    for owned in &made {
        let commitment = owned.opening.commitment();
        let rows = grouped(commitment.rows);
        lines.push(line(
            "dataset",
            format!("{}  {} with {rows} rows", commitment.id(), commitment.name),
        ));
    }
    record(
        settings,
        &home,
        lines,
        Work {
            evidence,
            read,
            work,
        },
    )
    .await
}

/// Removes what was made where not all could be made, so that it can be tried again.
fn undone_if_failed<T>(
    make: impl FnOnce() -> anyhow::Result<T>,
    outputs: &[PathBuf],
    openings: &[PathBuf],
) -> anyhow::Result<T> {
    make().inspect_err(|_| {
        for path in outputs.iter().chain(openings) {
            // What was not made yet cannot be removed.
            let _ = std::fs::remove_file(path);
        }
    })
}

/// Other data are an answer; that something cannot be checked is none.
pub(crate) fn no(error: Error) -> anyhow::Error {
    match error {
        Error::OtherData { .. } => No(error.to_string()).into(),
        other => other.into(),
    }
}

/// Says whether a file is the dataset that was committed to.
pub(crate) fn check(settings: &Settings, of: &Notarized) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Checked {
        dataset: DatasetId,
        digest: String,
    }
    let Here { owned, read } = of.here(settings.sealing_key()?)?;
    owned.opening.check(&owned.table).map_err(no)?;
    let dataset = owned.opening.commitment().id();
    let digest = owned
        .opening
        .digest()
        .context("the opening is damaged")?
        .to_string();
    let lines = [
        line("dataset", dataset.to_string()),
        line("digest", format!("{digest}, as it was committed to")),
        line("took", format!("read in {}", time(read))),
    ];
    settings.output.say(&lines, &Checked { dataset, digest })
}
