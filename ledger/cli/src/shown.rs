//! What a ledger shows: operations, receipts, lineage; and what an auditor verifies without it.

use crate::config::Settings;
use crate::data::Notarized;
use crate::home::Home;
use crate::output::{No, grouped, line, size, time};
use crate::place::Place;
use anyhow::{Context, bail};
use clap::ValueEnum;
use prooflane_ledger::{DatasetId, Entry, Evidence, Figure, Operation, Statement};
use prooflane_log::{Policy, Receipt, VerifyingKey};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How lineage is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picture {
    /// Lines.
    Tree,
    /// For Graphviz.
    Dot,
    /// All that is known, JSON.
    Json,
    /// A picture.
    Svg,
}

/// A dataset by its id, or by its file, beside which its opening is.
pub(crate) fn dataset(of: &str) -> anyhow::Result<DatasetId> {
    if let Ok(id) = of.parse() {
        return Ok(id);
    }
    let path = Path::new(of);
    let opening = prooflane_ledger::OpeningFile::beside(path);
    let read = prooflane_ledger::OpeningFile::read(&opening);
    let read = read.context("expected a dataset's id, or a file that was notarized")?;
    Ok(read.commitment().id())
}

/// Shows where a dataset comes from.
pub(crate) async fn lineage(settings: &Settings, of: &str, picture: Picture) -> anyhow::Result<()> {
    let place = Place::of(settings)?;
    let lineage = place.lineage(dataset(of)?).await?;
    match picture {
        Picture::Tree => settings.output.text(&lineage.to_string(), &lineage),
        Picture::Dot => settings.output.text(&lineage.dot(), &lineage),
        Picture::Svg => settings.output.text(&lineage.svg(), &lineage),
        Picture::Json => {
            let json = serde_json::to_string_pretty(&lineage)? + "\n";
            settings.output.text(&json, &lineage)
        }
    }
}

/// Lists operations, the newest last.
pub(crate) async fn list(settings: &Settings, last: u64) -> anyhow::Result<()> {
    let operations = Place::of(settings)?.last(last).await?;
    let mut text = String::new();
    let short = |ids: &[DatasetId]| {
        let ids: Vec<_> = ids.iter().map(DatasetId::short).collect();
        ids.join(", ")
    };
    for Operation {
        index,
        entry,
        words,
    } in &operations
    {
        let Entry {
            time,
            inputs,
            outputs,
            ..
        } = entry;
        let arrow = if outputs.is_empty() { "" } else { " → " };
        let datasets = short(inputs) + arrow + &short(outputs);
        text += &format!("{index:>6}  {time:.0}  {words}  {}\n", datasets.trim());
    }
    settings.output.text(&text, &operations)
}

/// Where a receipt's evidence is.
fn evidence_beside(receipt: &Path) -> PathBuf {
    receipt.with_extension("evidence")
}

/// Writes an operation's receipt and evidence, for somebody who verifies them offline.
pub(crate) async fn receipt(settings: &Settings, index: u64, out: &Path) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Written {
        receipt: PathBuf,
        evidence: PathBuf,
        log_key: String,
    }
    let place = Place::of(settings)?;
    let (receipt, evidence) = place.receipt(index).await?;
    let (_, keys) = place.keys().await?;
    let log_key = keys.last().map(ToString::to_string);
    let written = Written {
        receipt: out.into(),
        evidence: evidence_beside(out),
        log_key: log_key.unwrap_or_default(),
    };
    for (path, bytes) in [
        (&written.receipt, receipt.as_bytes()),
        (&written.evidence, &evidence),
    ] {
        let made = std::fs::File::create_new(path).and_then(|mut file| file.write_all(bytes));
        made.with_context(|| format!("{} cannot be made", path.display()))?;
    }
    let lines = [
        line(
            "receipt",
            format!("{}, {}", out.display(), size(receipt.len())),
        ),
        line(
            "evidence",
            format!("{}, {}", written.evidence.display(), size(evidence.len())),
        ),
        line("log key", &written.log_key),
    ];
    settings.output.say(&lines, &written)
}

/// Whom to believe.
pub(crate) struct Trust {
    pub(crate) log: Vec<String>,
    pub(crate) witnesses: Vec<String>,
    pub(crate) quorum: Option<usize>,
}

impl Trust {
    fn policy(&self, settings: &Settings) -> anyhow::Result<Policy> {
        let parse = |keys: &[String]| -> anyhow::Result<Vec<VerifyingKey>> {
            let mut parsed = Vec::new();
            for key in keys {
                let text = match std::fs::read_to_string(key) {
                    Ok(text) => text,
                    Err(_) => key.clone(),
                };
                for line in text.lines() {
                    let problem =
                        || format!("{key:?} is neither a verifying key nor a file of them");
                    parsed.push(line.parse().with_context(problem)?);
                }
            }
            Ok(parsed)
        };
        let mut log = parse(&self.log)?;
        if self.log.is_empty() {
            let home = Home::open(&settings.folder);
            log = home
                .context("expected --log-key, whose signature to believe")?
                .keys
                .verifying();
        }
        let witnesses = parse(&self.witnesses)?;
        if log.is_empty() || witnesses.len() < self.witnesses.len() {
            bail!("expected a verifying key in each file of keys, got an empty one");
        }
        let quorum = self.quorum.unwrap_or(witnesses.len());
        Ok(Policy {
            log,
            witnesses,
            quorum,
        })
    }
}

/// What was verified, for programs.
#[derive(Serialize)]
struct Shown {
    operation: u64,
    entry: Entry,
    tree_size: u64,
    statement: String,
    figures: Vec<Figure>,
    security_bits: Option<f64>,
    verify_ms: f64,
}

/// Verifies a receipt and its evidence, from these files alone.
pub(crate) fn verify(
    settings: &Settings,
    path: &Path,
    evidence: Option<PathBuf>,
    trust: &Trust,
) -> anyhow::Result<()> {
    let policy = trust.policy(settings)?;
    let evidence_path = evidence.unwrap_or_else(|| evidence_beside(path));
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let evidence = std::fs::read(&evidence_path)
        .with_context(|| format!("{} cannot be read", evidence_path.display()))?;
    let no = |error: &dyn std::fmt::Display| No(error.to_string());
    let started = Instant::now();
    let receipt: Receipt = text.parse().map_err(|error| no(&error))?;
    let Some(bytes) = &receipt.extra else {
        let problem = format!(
            "{}: expected an entry in the receipt, got none",
            path.display()
        );
        return Err(No(problem).into());
    };
    let checkpoint = receipt.verify(bytes, &policy).map_err(|error| no(&error))?;
    let entry = Entry::from_bytes(bytes).map_err(|error| no(&error))?;
    let read = Evidence::from_bytes(&evidence).map_err(|error| no(&error))?;
    entry.check(&evidence, &read).map_err(|error| no(&error))?;
    let verified = read.verify().map_err(|error| no(&error))?;
    let took = started.elapsed();
    let figures = match read.inputs.first() {
        Some(of) => read.statement.figures(of)?,
        None => Vec::new(),
    };
    let shown = Shown {
        operation: receipt.index,
        tree_size: checkpoint.size,
        statement: read.statement.to_string(),
        figures,
        security_bits: verified.security_bits,
        verify_ms: took.as_secs_f64() * 1e3,
        entry,
    };
    let mut lines = vec![line(
        "receipt",
        format!(
            "operation {} of {}, {:.0}, in its signed tree of {} ✓",
            receipt.index,
            checkpoint.origin,
            shown.entry.time,
            grouped(checkpoint.size)
        ),
    )];
    lines.push(match verified.security_bits {
        Some(bits) => line(
            "proof",
            format!("{}, {bits:.0} bits of security ✓", shown.statement),
        ),
        None if matches!(read.statement, Statement::Rows { .. }) => line("claim", &shown.statement),
        None => line(
            "claim",
            format!(
                "{}: nothing to prove, the commitments say it ✓",
                shown.statement
            ),
        ),
    });
    let by = shown.entry.by.as_deref();
    match (by, &read.statement) {
        // Nothing proves it.
        (by, Statement::Rows { .. }) => {
            lines.push(line("word of", by.unwrap_or("whoever operates the log")));
        }
        (Some(by), _) => lines.push(line("by", by)),
        (None, _) => {}
    }
    for (what, datasets) in [("input", &read.inputs), ("output", &read.outputs)] {
        for of in datasets {
            lines.push(line(
                what,
                format!("{}  {}, {} rows", of.id(), of.name, grouped(of.rows)),
            ));
        }
    }
    for figure in &shown.figures {
        lines.push(line(&figure.name, &figure.value));
    }
    lines.push(line("took", time(took)));
    lines.push(line(
        "note",
        "this is about the rows that were committed to, not about whether they are true",
    ));
    settings.output.say(&lines, &shown)
}

/// Shows what everybody may know of a dataset.
pub(crate) fn show(settings: &Settings, of: &Notarized) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Public<'a> {
        dataset: DatasetId,
        commitment: &'a prooflane_ledger::Commitment,
        proofs_left: u32,
    }
    let opening = of.opening()?;
    let commitment = opening.commitment();
    let public = Public {
        dataset: commitment.id(),
        commitment,
        proofs_left: opening.left().iter().copied().min().unwrap_or(0),
    };
    let mut lines = vec![
        line("dataset", public.dataset),
        line("name", &commitment.name),
        line("rows", grouped(commitment.rows)),
    ];
    let fields = commitment.schema.columns().iter();
    lines.extend(fields.map(|field| line("column", format!("{}  {}", field.name, field.kind))));
    lines.push(line("left", format!("{} proofs", public.proofs_left)));
    settings.output.say(&lines, &public)
}

/// Reads the whole ledger and says what is wrong with it.
pub(crate) async fn fsck(settings: &Settings) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Checked {
        operations: u64,
        proofs: u64,
        findings: Vec<String>,
    }
    let home = Home::open(&settings.folder)?;
    let report = home.ledger().await?.fsck(&home.keys.verifying()).await?;
    let checked = Checked {
        operations: report.operations,
        proofs: report.proofs,
        findings: report.findings.iter().map(ToString::to_string).collect(),
    };
    let mut lines = vec![line(
        "checked",
        format!(
            "{} operations, {} proofs verified",
            grouped(report.operations),
            grouped(report.proofs)
        ),
    )];
    lines.extend(
        checked
            .findings
            .iter()
            .map(|finding| line("finding", finding)),
    );
    settings.output.say(&lines, &checked)?;
    match checked.findings.len() {
        0 => Ok(()),
        findings => Err(No(format!("{findings} findings")).into()),
    }
}
