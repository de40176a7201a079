//! Lines for people, objects for programs.

use anyhow::Context;
use prooflane_client::ClientError;
use prooflane_worker::NetworkError;
use serde::Serialize;
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Where a command says what it did.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// A line for people.
    pub(crate) fn line(self, text: impl Display) {
        if !self.json {
            // A reader that has gone away is no reason to stop what was asked for.
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    /// `text` after `head`, wrapped at the terminal's width and indented like its beginning.
    pub(crate) fn row(self, head: impl Display, text: impl Display) {
        let head = head.to_string();
        let indent = console::measure_text_width(&head);
        let columns = if console::user_attended() {
            usize::from(console::Term::stdout().size().1)
        } else {
            usize::MAX
        };
        self.line(head + &wrapped(&text.to_string(), indent, columns));
    }

    /// Why a command did not do what was asked, to standard error.
    pub(crate) fn error(self, error: &anyhow::Error) {
        if self.json {
            let of_client = error.downcast_ref().and_then(ClientError::code);
            let of_prover = error.downcast_ref().and_then(NetworkError::code);
            let code = of_client.or(of_prover);
            let object = serde_json::json!({"error": format!("{error:#}"), "code": code});
            eprintln!("{object}");
            return;
        }
        let terminal = console::Term::stderr();
        let columns = if terminal.is_term() {
            usize::from(terminal.size().1)
        } else {
            usize::MAX
        };
        let head = console::Style::new().for_stderr().red().bold();
        let text = wrapped(&format!("{error:#}"), "error: ".len(), columns);
        eprintln!("{} {text}", head.apply_to("error:"));
    }

    /// A document: into a file, or to standard output for `-`, there on one line for programs.
    pub(crate) fn document(self, path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
        let to_stdout = path.as_os_str() == "-";
        let mut text = if to_stdout && self.json {
            serde_json::to_string(value)?
        } else {
            serde_json::to_string_pretty(value)?
        };
        text.push('\n');
        self.bytes(path, text.as_bytes())
    }

    /// Bytes into a file, or to standard output.
    pub(crate) fn bytes(self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        if path.as_os_str() == "-" {
            let written = std::io::stdout().write_all(bytes);
            return written.context("standard output is closed");
        }
        std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// An object for programs, on one line.
    pub(crate) fn object(self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            let text = serde_json::to_string(value)?;
            writeln!(std::io::stdout(), "{text}").context("standard output is closed")?;
        }
        Ok(())
    }
}

/// Breaks `text` between words so that it fits beside an indent.
pub(crate) fn wrapped(text: &str, indent: usize, columns: usize) -> String {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let width = console::measure_text_width(&line) + 1 + console::measure_text_width(word);
            if line.is_empty() {
                line += word;
            } else if width > columns.saturating_sub(indent) {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            } else {
                line.push(' ');
                line += word;
            }
        }
        lines.push(line);
    }
    lines.join(&format!("\n{:indent$}", ""))
}

/// The answer is no: an ordinary outcome, with an exit code of its own.
#[derive(Debug)]
pub(crate) struct No(pub(crate) String);

impl Display for No {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for No {}

/// The exit code of an error; documented in `prooflane --help`.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let of_client = error.downcast_ref().map(|error| match error {
        ClientError::NoProof(_) => 1,
        ClientError::Url(_) => 2,
        ClientError::Unreachable { .. } => 3,
        ClientError::Problem(_) => 4,
    });
    let of_prover = error.downcast_ref().map(|error| match error {
        NetworkError::Unavailable(_) => 3,
        NetworkError::Refused { .. } => 4,
    });
    let no = error.is::<No>().then_some(1);
    ExitCode::from(no.or(of_client).or(of_prover).unwrap_or(5))
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, wrapped};

    #[test]
    fn long_lines_break_between_words_and_stay_indented() {
        assert_eq!(wrapped("one two three", 2, 9), "one two\n  three");
        assert_eq!(wrapped("unbreakable", 2, 9), "unbreakable");
        assert_eq!(wrapped("one two\nthree", 2, usize::MAX), "one two\n  three");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 999, 1_000, 12_345, 1_234_567].map(grouped),
            ["0", "999", "1,000", "12,345", "1,234,567"]
        );
    }
}
