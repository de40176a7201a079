//! What an owner does with a dataset: commit to it, prove things about it, make others of it.

use crate::config::Settings;
use crate::data::{self, Here, Notarized, Reading};
use crate::output::{Line, No, Progress, grouped, line, size, time};
use crate::place::Place;
use crate::prover::{By, GoesOn, Proved};
use anyhow::{Context, bail};
use prooflane_dataset::Algorithm;
use prooflane_ledger::{
    Bytes32, DatasetId, Entry, Error, Evidence, Figure, LedgerError, OpeningFile, Operation, Owned,
    Statement, Transform,
};
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
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
    #[serde(flatten)]
    took: Option<Took>,
}

/// How long it took.
#[derive(Serialize)]
struct Took {
    read_ms: f64,
    work_ms: f64,
    verify_ms: f64,
}

/// Evidence that holds, and its bytes.
struct Checked {
    evidence: Evidence,
    security_bits: Option<f64>,
    bytes: Vec<u8>,
}

impl Checked {
    fn new(evidence: Evidence) -> anyhow::Result<Self> {
        Ok(Self {
            security_bits: evidence.verify()?.security_bits,
            bytes: evidence.to_bytes()?,
            evidence,
        })
    }
}

/// Evidence, how long it took, where it is kept if it cannot be recorded, and the id that it is recorded under.
struct Work<'a> {
    evidence: Evidence,
    id: Uuid,
    read: Duration,
    work: Duration,
    beside: &'a Path,
}

/// Verifies evidence, records it, and says so.
async fn record(
    settings: &Settings,
    place: &Place,
    mut lines: Vec<Line>,
    done: Work<'_>,
) -> anyhow::Result<()> {
    let Work {
        evidence,
        id,
        read,
        work,
        beside,
    } = done;
    let started = Instant::now();
    let checked = Checked::new(evidence)?;
    let verify = started.elapsed();
    let recorded = recorded_or_kept(settings, place, id, &checked.bytes, beside).await?;
    let evidence = &checked.evidence;
    let rows: u64 = evidence.inputs.iter().map(|of| of.rows).sum();
    let rows = if rows == 0 {
        evidence.outputs.iter().map(|of| of.rows).sum()
    } else {
        rows
    };
    let speed = rows as f64 / read.as_secs_f64().max(1e-9);
    let reading = format!("read in {} ({} rows/s)", time(read), grouped(speed as u64));
    match checked.security_bits {
        Some(bits) => lines.push(line(
            "proof",
            format!(
                "{}, {bits:.0} bits of security; {reading}, proved in {}, verified in {}",
                size(checked.bytes.len()),
                time(work),
                time(verify)
            ),
        )),
        None => lines.push(line(
            "took",
            format!("{reading}, committed in {}", time(work)),
        )),
    }
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let took = Took {
        read_ms: millis(read),
        work_ms: millis(work),
        verify_ms: millis(verify),
    };
    say(settings, place, lines, &checked, recorded, Some(took)).await
}

/// Records evidence. A proof that was made is counted, so it is in a file until that is done.
async fn recorded_or_kept(
    settings: &Settings,
    place: &Place,
    id: Uuid,
    evidence: &[u8],
    beside: &Path,
) -> anyhow::Result<Operation> {
    let mut path = beside.as_os_str().to_owned();
    path.push(format!(".{id}.evidence"));
    let path = PathBuf::from(path);
    let kept = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(evidence));
    kept.with_context(|| format!("{} cannot be written", path.display()))?;
    let recorded = place.record(id, evidence.to_vec()).await.inspect_err(|_| {
        let (place, path) = (settings.place(), path.display());
        eprintln!("The evidence is kept: `prooflane ledger record {path} {place}` records it.");
    })?;
    std::fs::remove_file(&path).with_context(|| format!("{}", path.display()))?;
    Ok(recorded)
}

/// Records what a network's provers have proved.
pub(crate) async fn record_proved(settings: &Settings, task: Uuid) -> anyhow::Result<()> {
    let place = Place::of(settings)?;
    let client = settings.prover_client()?;
    client.wait_until_proved(task).await?;
    let bytes = client.task_evidence(task).await?;
    record_bytes(settings, &place, task, bytes).await
}

/// Records evidence that was kept, under the id that is in the file's name, if there is one.
pub(crate) async fn record_kept(settings: &Settings, path: &Path) -> anyhow::Result<()> {
    let place = Place::of(settings)?;
    let bytes = std::fs::read(path);
    let bytes = bytes.with_context(|| format!("{} cannot be read", path.display()))?;
    let name = data::name(path);
    // The last but one: the data's own name comes first.
    let id = name.rsplit('.').nth(1).and_then(|part| part.parse().ok());
    let id = id.unwrap_or_else(Uuid::now_v7);
    record_bytes(settings, &place, id, bytes).await
}

async fn record_bytes(
    settings: &Settings,
    place: &Place,
    id: Uuid,
    bytes: Vec<u8>,
) -> anyhow::Result<()> {
    let checked = Checked::new(Evidence::from_bytes(&bytes)?)?;
    let recorded = place.record(id, bytes).await?;
    let lines = vec![line("claim", checked.evidence.statement.to_string())];
    say(settings, place, lines, &checked, recorded, None).await
}

/// Says what was recorded.
async fn say(
    settings: &Settings,
    place: &Place,
    mut lines: Vec<Line>,
    checked: &Checked,
    recorded: Operation,
    took: Option<Took>,
) -> anyhow::Result<()> {
    let evidence = &checked.evidence;
    let operation = recorded.index;
    // It is recorded; that the ledger does not say its name now changes nothing.
    let origin = place.keys().await.map(|(origin, _)| origin);
    let origin = origin.unwrap_or_else(|_| "the ledger".into());
    lines.push(line(
        "recorded",
        format!("operation {operation} of {origin}"),
    ));
    let Entry {
        inputs,
        outputs,
        evidence: digest,
        ..
    } = recorded.entry;
    let figures = match evidence.inputs.first() {
        Some(of) => evidence.statement.figures(of)?,
        None => Vec::new(),
    };
    let recorded = Recorded {
        operation,
        statement: evidence.statement.name(),
        inputs,
        outputs,
        evidence: digest,
        figures,
        security_bits: checked.security_bits,
        evidence_bytes: checked.bytes.len(),
        took,
    };
    settings.output.say(&lines, &recorded)
}

/// Reads notarized datasets that the ledger knows: nobody should wait for a proof that it would refuse.
async fn here(
    settings: &Settings,
    place: &Place,
    of: &[Notarized],
) -> anyhow::Result<(Vec<Owned>, Duration)> {
    for of in of {
        let id = of.opening()?.commitment().id();
        if place.dataset(id).await?.is_none() {
            return Err(LedgerError::UnknownDataset(id).into());
        }
    }
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
    let place = Place::of(settings)?;
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
        if place.dataset(id).await?.is_some() {
            bail!(
                "{} is there already: the dataset is notarized",
                opening.display()
            );
        }
        let of = Notarized::all(vec![path.into()], reading);
        let Here { owned, read } = of[0].here(key)?;
        let progress = Progress::work("proving");
        owned.opening.check(&owned.table)?;
        let mut made = [owned];
        let evidence = prooflane_ledger::prove(Statement::Notarize, &mut [], &mut made)?;
        let [owned] = made;
        (owned, evidence, read, progress.done())
    } else {
        let (table, read) = data::read(path, &reading.options()?)?;
        let name = name.unwrap_or_else(|| data::name(path));
        let progress = Progress::work("committing and proving");
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
                "{}, good for {} more proofs about each column",
                opening.display(),
                owned.file.left().iter().min().unwrap_or(&0)
            ),
        ),
    ];
    let done = Work {
        evidence,
        id: Uuid::now_v7(),
        read,
        work,
        beside: path,
    };
    record(settings, &place, lines, done).await
}

/// Proves a claim about a dataset and records it.
pub(crate) async fn claim(
    settings: &Settings,
    by: &By,
    of: &Notarized,
    statement: impl FnOnce(&Owned) -> Result<Statement, prooflane_ledger::Error>,
) -> anyhow::Result<()> {
    by.check(settings)?;
    let place = Place::of(settings)?;
    let (mut owned, read) = here(settings, &place, std::slice::from_ref(of)).await?;
    let started = Instant::now();
    let statement = statement(&owned[0])?;
    let Proved { evidence, id } = by.prove(settings, statement, &mut owned, &mut []).await?;
    let work = started.elapsed();
    let mut lines = vec![line("claim", evidence.statement.to_string())];
    let figures = evidence.statement.figures(&evidence.inputs[0])?;
    lines.extend(
        figures
            .into_iter()
            .map(|figure| (figure.name, figure.value)),
    );
    let done = Work {
        evidence,
        id,
        read,
        work,
        beside: of.data(),
    };
    record(settings, &place, lines, done).await
}

/// Makes datasets of others, writes them, proves that they were made so, and records it.
pub(crate) async fn transform(
    settings: &Settings,
    by: &By,
    of: &[Notarized],
    transform: &Transform,
    outputs: &[PathBuf],
) -> anyhow::Result<()> {
    by.check(settings)?;
    let place = Place::of(settings)?;
    let openings: Vec<_> = outputs
        .iter()
        .map(|path| OpeningFile::beside(path))
        .collect();
    if let Some(path) = outputs.iter().chain(&openings).find(|path| path.exists()) {
        bail!("{} is there already", path.display());
    }
    let (mut inputs, read) = here(settings, &place, of).await?;
    let key = settings.sealing_key()?;
    let started = Instant::now();
    let names: Vec<_> = outputs.iter().map(|path| data::name(path)).collect();
    let made = async {
        let mut made = Vec::new();
        for (number, dataset) in transform.apply(&inputs, &names)?.into_iter().enumerate() {
            data::write(&outputs[number], &dataset.table)?;
            made.push(dataset.keep(&mut inputs[0].file, &openings[number], key)?);
        }
        let statement = transform.statement();
        let proved = by
            .prove(settings, statement, &mut inputs, &mut made)
            .await?;
        anyhow::Ok((made, proved))
    };
    let made = undone_if_failed(made.await, outputs, &openings);
    let (made, Proved { evidence, id }) = made?;
    let work = started.elapsed();
    let mut lines = vec![line("claim", evidence.statement.to_string())];
    for owned in &made {
        let commitment = owned.opening.commitment();
        let rows = grouped(commitment.rows);
        lines.push(line(
            "dataset",
            format!("{}  {} with {rows} rows", commitment.id(), commitment.name),
        ));
    }
    let done = Work {
        evidence,
        id,
        read,
        work,
        beside: of[0].data(),
    };
    record(settings, &place, lines, done).await
}

/// Removes what was made where not all could be made, so that it can be tried again; not where a network may still prove it.
fn undone_if_failed<T>(
    made: anyhow::Result<T>,
    outputs: &[PathBuf],
    openings: &[PathBuf],
) -> anyhow::Result<T> {
    made.inspect_err(|error| {
        if error.is::<GoesOn>() {
            return;
        }
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
