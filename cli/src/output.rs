//! Lines for people, objects for programs.

use anyhow::Context;
use prooflane_client::ClientError;
use serde::Serialize;
use std::fmt::Display;
use std::io::Write;
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

    /// An object for programs, on one line.
    pub(crate) fn object(self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            let text = serde_json::to_string(value)?;
            writeln!(std::io::stdout(), "{text}").context("standard output is closed")?;
        }
        Ok(())
    }
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
    let code = if error.is::<No>() {
        1
    } else {
        match error.downcast_ref::<ClientError>() {
            Some(ClientError::NoProof(_)) => 1,
            Some(ClientError::Unreachable { .. }) => 3,
            Some(ClientError::Problem(_)) => 4,
            Some(ClientError::Url(_)) => 2,
            None => 5,
        }
    };
    ExitCode::from(code)
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 999, 1_000, 12_345, 1_234_567].map(grouped),
            ["0", "999", "1,000", "12,345", "1,234,567"]
        );
    }
}
