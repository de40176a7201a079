//! The root of a dataset's rows, and inputs to prove something about one of them with `prooflane prove`.

use crate::config::Settings;
use crate::data::{Here, Notarized};
use crate::output::{No, Progress, line, time};
use crate::owner;
use crate::prover::By;
use crate::said::InRange;
use anyhow::{Context, bail};
use clap::Args;
use prooflane_dataset::Range;
use prooflane_ledger::{DatasetId, Statement, row_inputs};
use prooflane_verifier::field;
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The circuit that the inputs are for.
const CIRCUIT: &str = "dataset-row@1";

#[derive(Args)]
pub(crate) struct Rows {
    #[command(flatten)]
    of: Notarized,
    /// Record nothing, but say whether this is the root of the dataset's rows.
    #[arg(long, value_name = "ROOT", value_parser = decimal)]
    check: Option<String>,
}

/// A field element as it is recorded.
fn decimal(text: &str) -> Result<String, String> {
    let element = field::parse(text).map_err(|error| error.to_string())?;
    Ok(field::to_decimal(&element))
}

#[derive(Args)]
pub(crate) struct Row {
    #[command(flatten)]
    of: Notarized,
    /// The row; the first is 0.
    #[arg(long, value_name = "NUMBER")]
    row: usize,
    #[command(flatten)]
    range: InRange,
    /// What the proof is shown for, such as a hash of somebody's request: a field element in decimal, or 0x and hexadecimal digits.
    /// The proof is worth nothing for another one.
    #[arg(long, value_name = "FIELD")]
    binding: String,
    /// The new file. It holds the row: keep it as you keep the data.
    #[arg(long)]
    out: PathBuf,
}

/// Records the root of a dataset's rows, or says whether this is it.
pub(crate) async fn rows(settings: &Settings, rows: Rows) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Checked {
        dataset: DatasetId,
        root: String,
    }
    let Rows { of, check } = rows;
    let Some(root) = check else {
        return owner::claim(settings, &By::Here, &of, |owned| {
            Statement::rows(&owned.opening, &owned.table)
        })
        .await;
    };
    let Here { owned, read } = of.here(settings.sealing_key()?)?;
    let progress = Progress::work("hashing rows");
    let found = Statement::rows(&owned.opening, &owned.table).map_err(owner::no)?;
    let hashed = progress.done();
    let dataset = owned.opening.commitment().id();
    if found != (Statement::Rows { root: root.clone() }) {
        let problem = format!("{dataset}: expected another root of its rows, got {root}");
        return Err(No(problem).into());
    }
    let lines = [
        line("dataset", dataset),
        line("root", format!("{root}, of its rows")),
        line(
            "took",
            format!("read in {}, hashed in {}", time(read), time(hashed)),
        ),
    ];
    settings.output.say(&lines, &Checked { dataset, root })
}

/// Writes the inputs of `dataset-row@1` for a row.
pub(crate) fn row(settings: &Settings, row: &Row) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Written<'a> {
        dataset: DatasetId,
        circuit: &'a str,
        inputs: &'a PathBuf,
        root: &'a str,
        column: &'a str,
        low: &'a str,
        high: &'a str,
        binding: &'a str,
    }
    if row.out.exists() {
        bail!("{} is there already", row.out.display());
    }
    let Here { owned, read } = row.of.here(settings.sealing_key()?)?;
    let commitment = owned.opening.commitment();
    let InRange { column, from, to } = &row.range;
    let range = Range::parse(&commitment.schema, column, from.as_deref(), to.as_deref())?;
    let progress = Progress::work("hashing rows");
    let inputs = row_inputs(owned.source(), row.row, &range, &row.binding)?;
    let hashed = progress.done();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&row.out);
    let mut file = file.with_context(|| format!("{} cannot be made", row.out.display()))?;
    serde_json::to_writer(&mut file, &inputs)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    let public = |name: &str| inputs[name].as_str().unwrap_or_default();
    let written = Written {
        dataset: commitment.id(),
        circuit: CIRCUIT,
        inputs: &row.out,
        root: public("root"),
        column: public("column"),
        low: public("low"),
        high: public("high"),
        binding: public("binding"),
    };
    let lines = [
        line("dataset", written.dataset),
        line("root", written.root),
        line("column", format!("{}, which is {column}", written.column)),
        line("keys", format!("{} to {}", written.low, written.high)),
        line("binding", written.binding),
        line(
            "inputs",
            format!(
                "{}, as secret as the row; prove them with `prooflane prove {CIRCUIT} --inputs {}`",
                row.out.display(),
                row.out.display()
            ),
        ),
        line(
            "took",
            format!("read in {}, hashed in {}", time(read), time(hashed)),
        ),
    ];
    settings.output.say(&lines, &written)
}
