//! What a column holds.

use std::fmt;
use std::str::FromStr;

/// Bits of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Width {
    /// 8 bits.
    W8 = 8,
    /// 16 bits.
    W16 = 16,
    /// 32 bits.
    W32 = 32,
    /// 64 bits.
    W64 = 64,
}

impl Width {
    const ALL: [Self; 4] = [Self::W8, Self::W16, Self::W32, Self::W64];

    /// How many bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self as u32
    }
}

/// What a timestamp counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

impl Unit {
    /// How many of them a second has.
    #[must_use]
    pub const fn per_second(self) -> i64 {
        match self {
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    /// Digits of a second's fraction.
    #[must_use]
    pub const fn digits(self) -> u8 {
        match self {
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Micros => "us",
            Self::Nanos => "ns",
        }
    }
}

/// What the values of a column are. `docs/dataset-format.md` defines each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A signed integer.
    Int(Width),
    /// An unsigned integer.
    Uint(Width),
    /// A decimal of at most 18 digits, as an integer times 10^-scale; the scale is at most 18.
    Decimal(u8),
    /// A decimal of at most 38 digits, as an integer times 10^-scale; the scale is at most 38. It has no 64-bit key.
    Decimal128(u8),
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary64.
    Float64,
    /// Days of the proleptic Gregorian calendar since 1970-01-01.
    Date,
    /// Nanoseconds since midnight, of a day without leap seconds.
    Time,
    /// Microseconds or nanoseconds since 1970-01-01T00:00:00, days having 86,400 seconds.
    Timestamp {
        /// What it counts.
        unit: Unit,
        /// Whether it is an instant, told in UTC, or a wall clock's time of no particular zone.
        utc: bool,
    },
    /// Unicode text in UTF-8, as it came: not normalised.
    Text,
    /// Bytes.
    Bytes,
}

/// The smallest and the largest keys of `bits` bits.
const fn all(bits: u32) -> (u64, u64) {
    (0, u64::MAX >> (64 - bits))
}

/// The key of zero in a signed kind of that many bits.
pub(crate) const fn zero(bits: u32) -> u64 {
    1 << (bits - 1)
}

/// 10^18: a decimal's integer is below it.
pub(crate) const DECIMAL_END: i64 = 1_000_000_000_000_000_000;
/// 10^38: a wide decimal's integer is below it.
pub(crate) const DECIMAL128_END: i128 = 10i128.pow(38);
/// Nanoseconds of a day.
pub(crate) const DAY_NANOS: u64 = 86_400_000_000_000;

impl Kind {
    /// How many bits its keys have: 8, 16, 32 or 64. None for text, bytes and wide decimals, which have no key.
    #[must_use]
    pub const fn bits(self) -> Option<u32> {
        match self {
            Self::Bool => Some(8),
            Self::Int(width) | Self::Uint(width) => Some(width.bits()),
            Self::Float32 | Self::Date => Some(32),
            Self::Decimal(_) | Self::Float64 | Self::Time | Self::Timestamp { .. } => Some(64),
            Self::Decimal128(_) | Self::Text | Self::Bytes => None,
        }
    }

    /// Its smallest and its largest key. None if it has no keys.
    #[must_use]
    pub fn keys(self) -> Option<(u64, u64)> {
        Some(match self {
            Self::Bool => (0, 1),
            Self::Decimal(_) => {
                let zero = zero(64);
                (
                    zero - DECIMAL_END.unsigned_abs() + 1,
                    zero + DECIMAL_END.unsigned_abs() - 1,
                )
            }
            Self::Float32 => (
                crate::key::from_f32(f32::NEG_INFINITY),
                crate::key::from_f32(f32::NAN),
            ),
            Self::Float64 => (
                crate::key::from_f64(f64::NEG_INFINITY),
                crate::key::from_f64(f64::NAN),
            ),
            Self::Time => (0, DAY_NANOS - 1),
            other => all(other.bits()?),
        })
    }

    /// The two bytes that stand for it in the canonical form.
    pub(crate) const fn code(self) -> [u8; 2] {
        match self {
            Self::Bool => [1, 0],
            Self::Int(width) => [2, width as u8],
            Self::Uint(width) => [3, width as u8],
            Self::Decimal(scale) => [4, scale],
            Self::Decimal128(scale) => [5, scale],
            Self::Float32 => [6, 32],
            Self::Float64 => [6, 64],
            Self::Date => [7, 0],
            Self::Time => [8, 9],
            Self::Timestamp { unit, utc: false } => [9, unit.digits()],
            Self::Timestamp { unit, utc: true } => [10, unit.digits()],
            Self::Text => [11, 0],
            Self::Bytes => [12, 0],
        }
    }

    /// Whether a decimal's scale is one it can have.
    pub(crate) const fn is_sound(self) -> bool {
        match self {
            Self::Decimal(scale) => scale <= 18,
            Self::Decimal128(scale) => scale <= 38,
            _ => true,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int(width) => write!(f, "int{}", width.bits()),
            Self::Uint(width) => write!(f, "uint{}", width.bits()),
            Self::Decimal(scale) => write!(f, "decimal({scale})"),
            Self::Decimal128(scale) => write!(f, "decimal128({scale})"),
            Self::Float32 => f.write_str("float32"),
            Self::Float64 => f.write_str("float64"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp { unit, utc: false } => write!(f, "timestamp[{}]", unit.name()),
            Self::Timestamp { unit, utc: true } => write!(f, "timestamp[{}, UTC]", unit.name()),
            Self::Text => f.write_str("text"),
            Self::Bytes => f.write_str("bytes"),
        }
    }
}

/// Text that names no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected bool, int8 to int64, uint8 to uint64, decimal(scale) with a scale to 18, decimal128(scale) with a scale \
     to 38, float32, float64, date, time, timestamp[us], timestamp[us, UTC], timestamp[ns], timestamp[ns, UTC], text or \
     bytes, followed by ? where there may be nulls; got {got:?}"
)]
pub struct UnknownKind {
    /// The text.
    pub got: String,
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let within = |prefix: &str, end: char| text.strip_prefix(prefix)?.strip_suffix(end);
        let width = |bits: &str| {
            let named = |width: &Width| width.bits().to_string() == bits;
            Width::ALL.into_iter().find(named)
        };
        let kind = match text {
            "bool" => Some(Self::Bool),
            "float32" => Some(Self::Float32),
            "float64" => Some(Self::Float64),
            "date" => Some(Self::Date),
            "time" => Some(Self::Time),
            "text" => Some(Self::Text),
            "bytes" => Some(Self::Bytes),
            _ => None,
        };
        let kind = kind
            .or_else(|| Some(Self::Int(width(text.strip_prefix("int")?)?)))
            .or_else(|| Some(Self::Uint(width(text.strip_prefix("uint")?)?)))
            .or_else(|| Some(Self::Decimal(within("decimal(", ')')?.parse().ok()?)))
            .or_else(|| Some(Self::Decimal128(within("decimal128(", ')')?.parse().ok()?)))
            .or_else(|| {
                let inner = within("timestamp[", ']')?;
                let (unit, zone) = match inner.split_once(',') {
                    Some((unit, zone)) => (unit, Some(zone.trim_start())),
                    None => (inner, None),
                };
                let unit = [Unit::Micros, Unit::Nanos]
                    .into_iter()
                    .find(|known| known.name() == unit)?;
                let utc = match zone {
                    None => false,
                    Some("UTC") => true,
                    Some(_) => return None,
                };
                Some(Self::Timestamp { unit, utc })
            });
        let unknown = || UnknownKind { got: text.into() };
        kind.filter(|kind| kind.is_sound()).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let texts = [
            "bool",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "decimal(0)",
            "decimal(18)",
            "decimal128(38)",
            "float32",
            "float64",
            "date",
            "time",
            "timestamp[us]",
            "timestamp[us, UTC]",
            "timestamp[ns]",
            "timestamp[ns, UTC]",
            "text",
            "bytes",
        ];
        let mut codes = std::collections::BTreeSet::new();
        for text in texts {
            let kind: Kind = text.parse().unwrap();
            assert_eq!(kind.to_string(), text);
            assert!(codes.insert(kind.code()), "{text}");
            assert_eq!(kind.bits().is_some(), kind.keys().is_some());
        }
        for text in [
            "int7",
            "int",
            "decimal(19)",
            "decimal128(39)",
            "decimal(-1)",
            "timestamp",
            "timestamp[s]",
            "timestamp[us, CET]",
            "Text",
            "",
            "int64 ",
            "int064",
        ] {
            assert!(text.parse::<Kind>().is_err(), "{text}");
        }
    }
}
