//! Strict reading of JSON inputs.

use ark_bn254::Fr;
use serde_json::{Map, Value};

use crate::InputError;

/// The fields of one JSON object, of which some are private: errors never repeat the values of those.
pub(crate) struct Fields<'a> {
    path: &'a str,
    map: &'a Map<String, Value>,
    public: &'a [&'a str],
}

pub(crate) const U64: &str = "an integer from 0 to 2^64 - 1, as a decimal string or a JSON integer";
pub(crate) const FIELD: &str = "a BN254 field element below the modulus, as a decimal string or as 0x and up to 64 hexadecimal digits";
pub(crate) const BYTES32: &str = "32 bytes: 0x and 64 hexadecimal digits";

impl<'a> Fields<'a> {
    /// The object `value`, which has no fields but `public` and `private` ones.
    pub(crate) fn new(
        path: &'a str,
        value: &'a Value,
        public: &'a [&'a str],
        private: &'a [&'a str],
    ) -> Result<Self, InputError> {
        let map = value
            .as_object()
            .ok_or_else(|| InputError::invalid(path, "a JSON object", kind(value)))?;
        let known = || public.iter().chain(private);
        match map.keys().find(|name| !known().any(|k| k == name)) {
            Some(name) => Err(InputError::Unknown {
                field: format!("{path}.{}", clip(name)),
                known: known().copied().collect::<Vec<_>>().join(", "),
            }),
            None => Ok(Self { path, map, public }),
        }
    }

    /// The field called `name`, if present and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// The error that `name` should have been `expected`.
    pub(crate) fn error(&self, name: &str, expected: impl Into<String>) -> InputError {
        let field = format!("{}.{name}", self.path);
        match self.get(name) {
            None => InputError::Missing {
                field,
                expected: expected.into(),
            },
            Some(value) if self.public.contains(&name) => {
                InputError::invalid(field, expected, clip(&value.to_string()))
            }
            Some(value) => InputError::invalid(field, expected, format!("another {}", kind(value))),
        }
    }

    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, InputError> {
        self.get(name)
            .and_then(parse)
            .ok_or_else(|| self.error(name, expected))
    }

    pub(crate) fn value(&self, name: &str, expected: &str) -> Result<&'a Value, InputError> {
        self.read(name, expected, Some)
    }

    pub(crate) fn text(&self, name: &str) -> Result<&'a str, InputError> {
        self.read(name, "a text that is not empty", |v| {
            v.as_str().filter(|text| !text.is_empty())
        })
    }

    pub(crate) fn u64(&self, name: &str) -> Result<u64, InputError> {
        self.read(name, U64, u64_of)
    }

    pub(crate) fn field(&self, name: &str) -> Result<Fr, InputError> {
        self.read(name, FIELD, field_of)
    }

    pub(crate) fn bytes32(&self, name: &str) -> Result<[u8; 32], InputError> {
        self.read(name, BYTES32, bytes32_of)
    }

    /// If the derived value `name` is given too, it must be the one computed from the rest.
    pub(crate) fn matches(
        &self,
        name: &str,
        computed: Fr,
        expected: &str,
    ) -> Result<(), InputError> {
        if self.get(name).is_some() && self.field(name)? != computed {
            return Err(self.error(name, expected));
        }
        Ok(())
    }
}

/// A u64 as a JSON integer, or as a decimal string without sign or leading zeros (JavaScript's numbers end at 2^53).
pub(crate) fn u64_of(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok().filter(|n: &u64| n.to_string() == *text),
        other => other.as_u64(),
    }
}

pub(crate) fn field_of(value: &Value) -> Option<Fr> {
    prooflane_verifier::field::parse(value.as_str()?).ok()
}

pub(crate) fn bytes32_of(value: &Value) -> Option<[u8; 32]> {
    bytes(value.as_str()?)
}

/// `N` bytes written as 0x and `2 N` hexadecimal digits.
pub(crate) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut out).ok()?;
    Some(out)
}

/// The elements of the private array `inputs.name`, each as `parse` reads it.
pub(crate) fn elements_of<T>(
    list: &[Value],
    name: &str,
    expected: &str,
    parse: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, InputError> {
    let element = |(i, value)| {
        parse(value).ok_or_else(|| {
            InputError::invalid(
                format!("inputs.{name}[{i}]"),
                expected,
                format!("another {}", kind(value)),
            )
        })
    };
    list.iter().enumerate().map(element).collect()
}

/// What kind of JSON value this is, with an article-free name that reveals nothing of it.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The first 80 characters.
fn clip(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
