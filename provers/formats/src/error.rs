//! What is wrong with a file.

use std::fmt;

/// Why bytes are not the file they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Another kind of file, or none of snarkjs's.
    #[error("expected a .{expected} file, whose first bytes are {expected:?}, got {got:02x?}")]
    Kind {
        /// The kind expected.
        expected: &'static str,
        /// At most the first four bytes.
        got: Vec<u8>,
    },
    /// A version of the format that is not read here.
    #[error(
        "expected version {expected} of the .{kind} format, got {got}; write it again with snarkjs 0.7"
    )]
    Version {
        /// The kind of file.
        kind: &'static str,
        /// The version read here.
        expected: u32,
        /// The version named.
        got: u32,
    },
    /// It ends before its end.
    #[error("{what}: expected {expected} more bytes, got {got}; is the file whole?")]
    Short {
        /// What was being read.
        what: &'static str,
        /// Bytes wanted.
        expected: u64,
        /// Bytes there.
        got: u64,
    },
    /// Bytes follow where nothing may.
    #[error("{what}: expected its end, got {bytes} bytes more")]
    Long {
        /// After what.
        what: &'static str,
        /// How many.
        bytes: usize,
    },
    /// A section that must be there is not.
    #[error("expected section {0}, got a file without it")]
    Missing(u32),
    /// A section is there more than once.
    #[error("expected one section {0}, got two")]
    Twice(u32),
    /// A section that such a file does not have.
    #[error("section {0} is none that this kind of file has")]
    Unknown(u32),
    /// A number has a value it cannot have.
    #[error("{what}: expected {expected}, got {got}")]
    Value {
        /// Which number.
        what: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// One of many values is not what it must be.
    #[error("{what}, number {index} (0 is the first): expected {expected}, got {got}")]
    Element {
        /// Which values.
        what: &'static str,
        /// Which of them.
        index: usize,
        /// What it must be.
        expected: &'static str,
        /// What it is instead.
        got: &'static str,
    },
}

impl FormatError {
    pub(crate) fn value(
        what: &'static str,
        expected: impl fmt::Display,
        got: impl fmt::Display,
    ) -> Self {
        Self::Value {
            what,
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}

/// That a number is the one expected.
pub(crate) fn expect<T: PartialEq + fmt::Display>(
    what: &'static str,
    expected: T,
    got: T,
) -> Result<(), FormatError> {
    if got == expected {
        Ok(())
    } else {
        Err(FormatError::value(what, expected, got))
    }
}
