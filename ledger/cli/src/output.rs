//! Tables for people; JSON and YAML for programs.

use crate::prover::GoesOn;
use anyhow::Context;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use prooflane_client::ClientError;
pub(crate) use prooflane_ledger::grouped;
use serde::Serialize;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Lines for people.
    Table,
    /// A JSON object.
    Json,
    /// The same in YAML.
    Yaml,
}

/// Where a command says what it did.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) format: Format,
}

/// A line for people: what it is about, and the rest.
pub(crate) type Line = (String, String);

pub(crate) fn line(name: &str, text: impl Display) -> Line {
    (name.into(), text.to_string())
}

/// The answer is no.
#[derive(Debug)]
pub(crate) struct No(pub(crate) String);

impl Display for No {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for No {}

/// As `prooflane --help` says.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let of_client = error.downcast_ref().map(|error| match error {
        ClientError::NoProof(_) => 1,
        ClientError::Url(_) => 2,
        ClientError::Unreachable { .. } => 3,
        ClientError::Problem(_) => 4,
    });
    let no = error.is::<No>().then_some(1);
    let goes_on = error.is::<GoesOn>().then_some(3);
    ExitCode::from(no.or(goes_on).or(of_client).unwrap_or(5))
}

impl Output {
    /// Says what a command found: as lines of a name and a text, or as an object.
    pub(crate) fn say(self, lines: &[Line], object: &impl Serialize) -> anyhow::Result<()> {
        let width = lines.iter().map(|(name, _)| name.chars().count()).max();
        let width = width.unwrap_or(0);
        let mut text = String::new();
        for (name, line) in lines {
            text += format!("{name:width$}  {line}").trim_end();
            text.push('\n');
        }
        self.text(&text, object)
    }

    /// Says it as a text, or as an object.
    pub(crate) fn text(self, text: &str, object: &impl Serialize) -> anyhow::Result<()> {
        let written = match self.format {
            Format::Table => text.to_owned(),
            Format::Json => serde_json::to_string(object)? + "\n",
            Format::Yaml => serde_saphyr::to_string(object)?,
        };
        let mut stdout = std::io::stdout();
        stdout
            .write_all(written.as_bytes())
            .context("standard output is closed")
    }

    pub(crate) fn error(self, error: &anyhow::Error) {
        // Some causes are told by what they caused.
        let mut text = String::new();
        for cause in error.chain().map(ToString::to_string) {
            if text.is_empty() {
                text = cause;
            } else if !text.ends_with(&cause) {
                text += &format!(": {cause}");
            }
        }
        if self.format == Format::Table {
            let head = console::Style::new().for_stderr().red().bold();
            eprintln!("{} {text}", head.apply_to("error:"));
        } else {
            eprintln!("{}", serde_json::json!({"error": text}));
        }
    }
}

/// Shows on a terminal that something goes on, and measures how long.
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    /// Of rows, of which there are so many, if that is known.
    pub(crate) fn rows(what: &'static str, rows: Option<u64>) -> Self {
        let template = match rows {
            Some(_) => "{msg}  {bar:30} {human_pos} of {human_len} rows, {per_sec}",
            None => "{msg}  {spinner} {human_pos} rows, {per_sec}",
        };
        Self::with(ProgressBar::new(rows.unwrap_or(0)), template, what)
    }

    /// Of work whose end is not known.
    pub(crate) fn work(what: &'static str) -> Self {
        Self::with(
            ProgressBar::new_spinner(),
            "{msg}  {spinner} {elapsed}",
            what,
        )
    }

    fn with(bar: ProgressBar, template: &str, what: &'static str) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self {
            bar,
            started: Instant::now(),
        }
    }

    pub(crate) fn add(&self, rows: usize) {
        self.bar.inc(rows as u64);
    }

    /// How long it took.
    pub(crate) fn done(self) -> Duration {
        self.bar.finish_and_clear();
        self.started.elapsed()
    }
}

/// A time in figures that matter.
pub(crate) fn time(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1e3;
    match millis {
        ..10.0 => format!("{millis:.1} ms"),
        ..1_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1e3),
    }
}

/// Bytes in kilobytes.
pub(crate) fn size(bytes: usize) -> String {
    format!("{} KB", grouped((bytes as u64).div_ceil(1_000)))
}
