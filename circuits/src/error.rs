//! What can be wrong with a circuit's inputs.

/// Why JSON inputs were refused. The message names the field (`inputs.minAmount: expected ..., got ...`) and never repeats the
/// value of a private one: of those it says only what kind of JSON value was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A field has the wrong type, form or range, or it contradicts another one.
    #[error("{field}: expected {expected}, got {got}")]
    Invalid {
        /// Path of the field, such as `inputs.signature.s`; `inputs` for the whole.
        field: String,
        /// What the circuit asks for.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A required field is absent.
    #[error("{field}: expected {expected}, got nothing")]
    Missing {
        /// Path of the field.
        field: String,
        /// What the circuit asks for.
        expected: String,
    },
    /// A field that this circuit does not have; refused, because a misspelt optional field would otherwise be ignored.
    #[error("{field}: expected one of the fields {known}, got a field of another name")]
    Unknown {
        /// Path of the field.
        field: String,
        /// The names that the circuit knows, comma separated.
        known: String,
    },
}

impl InputError {
    /// Path of the JSON field at fault, starting with `inputs`.
    pub fn field(&self) -> &str {
        match self {
            Self::Invalid { field, .. }
            | Self::Missing { field, .. }
            | Self::Unknown { field, .. } => field,
        }
    }

    pub(crate) fn invalid(
        field: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            field: field.into(),
            expected: expected.into(),
            got: got.into(),
        }
    }
}

/// Why a circuit's matrices could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CircuitError {
    /// The circuit's own example, from which its fixed shape is recorded, was refused: a defect of the circuit.
    #[error("circuit {circuit}: expected its own example to be valid, got: {source}")]
    Example {
        /// The circuit's id.
        circuit: &'static str,
        /// Why the example was refused.
        source: InputError,
    },
}
