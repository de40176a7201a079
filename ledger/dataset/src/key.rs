//! Values as keys: unsigned numbers in the order of the values.

use crate::calendar;
use crate::kind::{DAY_NANOS, DECIMAL128_END, Kind, Unit, zero};

/// Why a text is no value of a kind. It never repeats the text, which may be private.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// Written in another way.
    #[error("another notation")]
    Notation,
    /// A value that the kind does not reach.
    #[error("a value beyond its range")]
    Range,
    /// More digits after the point, or of a second, than the kind keeps.
    #[error("more digits than it keeps")]
    Precision,
    /// A time with a zone where none is expected, or none where one is.
    #[error("a time with a zone where none belongs, or without one where one does")]
    Zone,
    /// Bytes that are no UTF-8.
    #[error("bytes that are not UTF-8; write the file again in UTF-8")]
    Utf8,
    /// No value.
    #[error("no value (null); write ? after the type where there may be nulls")]
    Null,
    /// 4 GiB or more.
    #[error("4 GiB or more in one value")]
    Length,
    /// The kind has no keys.
    #[error("a kind without keys: ranges and order are for numbers, booleans, dates and times")]
    Keyless,
}

/// Flips the sign bit of a number of `bits` bits: two's complement to a key, and back.
#[cfg(feature = "files")]
const fn flip(bits: u32, value: u64) -> u64 {
    (value ^ zero(bits)) & (u64::MAX >> (64 - bits))
}

/// The key of a signed number of that many bits, which must fit.
#[inline]
#[cfg(feature = "files")]
pub(crate) const fn from_signed(bits: u32, value: i64) -> u64 {
    flip(bits, value.cast_unsigned())
}

/// The number of a signed key.
#[inline]
pub(crate) const fn to_signed(bits: u32, key: u64) -> i64 {
    key.wrapping_sub(zero(bits)).cast_signed()
}

/// Bits of a float in the order of floats: those of positive numbers above, those of negative ones reversed.
/// -0 counts as 0, and every NaN as the one quiet NaN, which is above infinity.
#[inline]
pub(crate) fn from_f64(value: f64) -> u64 {
    let bits = if value.is_nan() {
        0x7ff8_0000_0000_0000
    } else {
        (value + 0.0).to_bits() // -0 + 0 is 0
    };
    let sign = (bits.cast_signed() >> 63).cast_unsigned();
    bits ^ (sign | zero(64))
}

pub(crate) fn to_f64(key: u64) -> f64 {
    let sign = (!key.cast_signed() >> 63).cast_unsigned();
    f64::from_bits(key ^ (sign | zero(64)))
}

/// As [`from_f64`], in 32 bits.
#[inline]
pub(crate) fn from_f32(value: f32) -> u64 {
    let bits = if value.is_nan() {
        0x7fc0_0000
    } else {
        (value + 0.0).to_bits()
    };
    let sign = (bits.cast_signed() >> 31).cast_unsigned();
    u64::from(bits ^ (sign | 0x8000_0000))
}

pub(crate) fn to_f32(key: u64) -> f32 {
    let key = u32::try_from(key).unwrap_or(u32::MAX);
    let sign = (!key.cast_signed() >> 31).cast_unsigned();
    f32::from_bits(key ^ (sign | 0x8000_0000))
}

/// The wide key of a wide decimal's integer.
pub(crate) const fn from_wide(value: i128) -> u128 {
    value.cast_unsigned() ^ (1 << 127)
}

pub(crate) const fn to_wide(key: u128) -> i128 {
    (key ^ (1 << 127)).cast_signed()
}

/// A number in decimal, times 10^scale.
fn scaled(scale: u8, text: &str) -> Result<i128, ValueProblem> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let scale = usize::from(scale);
    let all_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return Err(ValueProblem::Notation);
    }
    let kept = &fraction[..fraction.len().min(scale)];
    if fraction[kept.len()..].bytes().any(|digit| digit != b'0') {
        return Err(ValueProblem::Precision);
    }
    let zeros = std::iter::repeat_n(b'0', scale - kept.len());
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(kept.bytes()).chain(zeros) {
        let next = value
            .checked_mul(10)
            .map(|tens| tens + i128::from(digit - b'0'));
        value = next
            .filter(|next| *next < DECIMAL128_END)
            .ok_or(ValueProblem::Range)?;
    }
    Ok(if negative { -value } else { value })
}

fn show_scaled(scale: u8, value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs().to_string();
    let scale = usize::from(scale);
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// Whether a text has the form of a number with or without a fraction and an exponent.
pub(crate) fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && digits(exponent)
}

/// What files write for floats that are no numbers.
pub(crate) fn is_special(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    ["nan", "inf", "infinity"]
        .iter()
        .any(|special| text.eq_ignore_ascii_case(special))
}

fn is_float(text: &str) -> Result<(), ValueProblem> {
    let float = is_number(text) || is_special(text);
    float.then_some(()).ok_or(ValueProblem::Notation)
}

impl Kind {
    /// The key of an integer, a decimal's integer, or a count of days or units; none if it is beyond the kind's range
    /// or the kind holds no such numbers.
    #[must_use]
    pub fn key_of_integer(self, value: i128) -> Option<u64> {
        let (low, high) = self.keys()?;
        let key = match self {
            Self::Uint(_) | Self::Bool | Self::Time => value,
            Self::Float32 | Self::Float64 => return None,
            signed => value.checked_add(i128::from(zero(signed.bits()?)))?,
        };
        let key = u64::try_from(key).ok()?;
        (low..=high).contains(&key).then_some(key)
    }

    /// What [`Self::key_of_integer`] took; none for floats and kinds without keys.
    #[must_use]
    pub fn integer(self, key: u64) -> Option<i128> {
        match self {
            Self::Uint(_) | Self::Bool | Self::Time => Some(i128::from(key)),
            Self::Float32 | Self::Float64 => None,
            signed => Some(i128::from(key) - i128::from(zero(signed.bits()?))),
        }
    }

    /// Whether a key is that of a value: within [`Self::keys`], and of floats neither -0 nor an unusual NaN.
    #[must_use]
    pub fn is_key(self, key: u64) -> bool {
        let within = self
            .keys()
            .is_some_and(|(low, high)| (low..=high).contains(&key));
        within
            && match self {
                Self::Float32 => from_f32(to_f32(key)) == key,
                Self::Float64 => from_f64(to_f64(key)) == key,
                _ => true,
            }
    }

    /// The key of a value in the kind's own notation: `true`, `-7`, `12.50`, `1e-3`, `2026-11-21`, `23:45:06.789`,
    /// `2026-11-21T23:45:06Z`.
    ///
    /// # Errors
    /// If the text is not in that notation, or the kind cannot hold the value; if the kind has no keys.
    pub fn key(self, text: &str) -> Result<u64, ValueProblem> {
        let ranged = |value| self.key_of_integer(value).ok_or(ValueProblem::Range);
        match self {
            Self::Bool => match text {
                "true" | "True" | "TRUE" => Ok(1),
                "false" | "False" | "FALSE" => Ok(0),
                _ => Err(ValueProblem::Notation),
            },
            Self::Int(_) | Self::Uint(_) => ranged(integer(text)?),
            Self::Decimal(scale) => ranged(scaled(scale, text)?),
            Self::Float32 => {
                is_float(text)?;
                text.parse()
                    .map(from_f32)
                    .map_err(|_| ValueProblem::Notation)
            }
            Self::Float64 => {
                is_float(text)?;
                text.parse()
                    .map(from_f64)
                    .map_err(|_| ValueProblem::Notation)
            }
            Self::Date => ranged(calendar::date(text).ok_or(ValueProblem::Notation)?.into()),
            Self::Time => calendar::time(text).ok_or(ValueProblem::Notation),
            Self::Timestamp { unit, utc } => timestamp(unit, utc, text).and_then(ranged),
            Self::Decimal128(_) | Self::Text | Self::Bytes => Err(ValueProblem::Keyless),
        }
    }

    /// A key's value in the kind's notation, from which [`Self::key`] makes the same key; empty if the kind has none.
    #[must_use]
    pub fn show(self, key: u64) -> String {
        let value = self.integer(key).unwrap_or(0);
        let mut out = String::new();
        match self {
            Self::Bool => out.push_str(if key == 0 { "false" } else { "true" }),
            Self::Int(_) | Self::Uint(_) => out = value.to_string(),
            Self::Decimal(scale) => out = show_scaled(scale, value),
            Self::Float32 => out = format!("{:?}", to_f32(key)),
            Self::Float64 => out = format!("{:?}", to_f64(key)),
            Self::Date => calendar::write_date(&mut out, to_signed(32, key)),
            Self::Time => {
                let second = DAY_NANOS / 86_400;
                calendar::write_time(&mut out, key / second, key % second, 9);
            }
            Self::Timestamp { unit, utc } => {
                let value = to_signed(64, key);
                let (seconds, fraction) = (
                    value.div_euclid(unit.per_second()),
                    value.rem_euclid(unit.per_second()),
                );
                calendar::write_date(&mut out, seconds.div_euclid(86_400));
                out.push('T');
                let seconds = seconds.rem_euclid(86_400).cast_unsigned();
                calendar::write_time(&mut out, seconds, fraction.cast_unsigned(), unit.digits());
                if utc {
                    out.push('Z');
                }
            }
            Self::Decimal128(_) | Self::Text | Self::Bytes => {}
        }
        out
    }

    /// The wide key of a wide decimal in decimal notation.
    pub(crate) fn wide_key(scale: u8, text: &str) -> Result<u128, ValueProblem> {
        scaled(scale, text).map(from_wide)
    }

    pub(crate) fn show_wide(scale: u8, key: u128) -> String {
        show_scaled(scale, to_wide(key))
    }
}

/// An integer without superfluous signs or zeros, so that a text has one way to be one.
pub(crate) fn integer(text: &str) -> Result<i128, ValueProblem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let superfluous = digits.len() > 1 && digits.starts_with('0') || text == "-0";
    if !plain || superfluous {
        return Err(ValueProblem::Notation);
    }
    text.parse().map_err(|_| ValueProblem::Range)
}

fn timestamp(unit: Unit, utc: bool, text: &str) -> Result<i128, ValueProblem> {
    let moment = calendar::moment(text).ok_or(ValueProblem::Notation)?;
    if moment.zoned != utc {
        return Err(ValueProblem::Zone);
    }
    let nanos = 1_000_000_000 / unit.per_second();
    if moment.nanos % nanos != 0 {
        return Err(ValueProblem::Precision);
    }
    Ok(i128::from(moment.seconds) * i128::from(unit.per_second())
        + i128::from(moment.nanos / nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Width;
    use proptest::prelude::*;

    const LOCAL: Kind = Kind::Timestamp {
        unit: Unit::Micros,
        utc: false,
    };
    const UTC: Kind = Kind::Timestamp {
        unit: Unit::Nanos,
        utc: true,
    };

    fn keyed() -> impl Strategy<Value = Kind> {
        let width = prop::sample::select(vec![Width::W8, Width::W16, Width::W32, Width::W64]);
        prop_oneof![
            Just(Kind::Bool),
            width.clone().prop_map(Kind::Int),
            width.prop_map(Kind::Uint),
            (0u8..=18).prop_map(Kind::Decimal),
            prop::sample::select(vec![
                Kind::Float32,
                Kind::Float64,
                Kind::Date,
                Kind::Time,
                LOCAL,
                UTC
            ]),
        ]
    }

    /// Any key of a kind, the edges more often.
    fn with_key() -> impl Strategy<Value = (Kind, u64)> {
        keyed().prop_flat_map(|kind| {
            let (low, high) = kind.keys().unwrap();
            let edges = vec![low, low + 1, high - 1, high, (high - low) / 2 + low];
            let key = prop_oneof![low..=high, prop::sample::select(edges)];
            key.prop_map(move |key| {
                // Between infinity and NaN there are keys of no value.
                let key = match kind {
                    Kind::Float32 => from_f32(to_f32(key)),
                    Kind::Float64 => from_f64(to_f64(key)),
                    _ => key,
                };
                (kind, key)
            })
        })
    }

    proptest! {
        #[test]
        fn a_key_shown_is_that_key((kind, key) in with_key()) {
            prop_assert_eq!(kind.key(&kind.show(key)), Ok(key), "{} {}", kind, kind.show(key));
        }

        #[test]
        fn floats_in_order(a in any::<f64>(), b in any::<f64>()) {
            prop_assert_eq!(Some(from_f64(a).cmp(&from_f64(b))), a.partial_cmp(&b));
            prop_assert_eq!(to_f64(from_f64(a)), a);
            let (a, b) = (a as f32, b as f32);
            prop_assert_eq!(Some(from_f32(a).cmp(&from_f32(b))), a.partial_cmp(&b));
            prop_assert_eq!(to_f32(from_f32(a)), a);
        }

        #[test]
        fn integers_in_order(kind in keyed(), a in any::<i64>(), b in any::<i64>(), shift in 0u32..64) {
            let (a, b) = (i128::from(a >> shift), i128::from(b >> shift));
            if let (Some(left), Some(right)) = (kind.key_of_integer(a), kind.key_of_integer(b)) {
                prop_assert_eq!(left.cmp(&right), a.cmp(&b));
                prop_assert_eq!(kind.integer(left), Some(a));
            }
        }

        #[test]
        fn any_text_is_a_value_or_an_error(kind in keyed(), text in "[-+0-9.eETZ: naif]{0,24}") {
            if let Ok(key) = kind.key(&text) {
                let (low, high) = kind.keys().unwrap();
                prop_assert!((low..=high).contains(&key));
                prop_assert_eq!(kind.key(&kind.show(key)), Ok(key));
            }
        }

        #[test]
        fn wide_decimals(value in any::<i128>(), scale in 0u8..=38) {
            let key = from_wide(value % DECIMAL128_END);
            prop_assert_eq!(Kind::wide_key(scale, &Kind::show_wide(scale, key)), Ok(key));
        }
    }

    #[test]
    fn floats_at_the_edges() {
        let rising = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.0,
            -f64::MIN_POSITIVE,
            -f64::from_bits(1),
            0.0,
            f64::from_bits(1),
            f64::MIN_POSITIVE,
            1.0,
            f64::MAX,
            f64::INFINITY,
            f64::NAN,
        ];
        assert!(rising.map(from_f64).is_sorted_by(|a, b| a < b));
        assert_eq!(from_f64(-0.0), from_f64(0.0));
        assert_eq!(from_f64(-f64::NAN), from_f64(f64::NAN));
        assert_eq!(
            from_f64(f64::from_bits(0x7ff0_0000_0000_0001)),
            from_f64(f64::NAN)
        );
        let rising = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.0,
            -f32::from_bits(1),
            0.0,
            f32::from_bits(1),
            1.0,
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
        ];
        assert!(rising.map(from_f32).is_sorted_by(|a, b| a < b));
        assert_eq!(from_f32(-0.0), from_f32(0.0));
        assert_eq!(from_f32(-f32::NAN), from_f32(f32::NAN));
    }

    #[test]
    fn notations() {
        use ValueProblem::{Notation, Precision, Range, Zone};
        let integer = |kind: Kind, text: &str| kind.key(text).map(|key| kind.integer(key).unwrap());
        let int8 = Kind::Int(Width::W8);
        assert_eq!(integer(int8, "-128"), Ok(-128));
        assert_eq!(integer(int8, "128"), Err(Range));
        for text in ["", "-", "+1", "01", "-0", "1.0", "1e2", " 1", "0x1", "٣"] {
            assert_eq!(integer(int8, text), Err(Notation), "{text}");
        }
        assert_eq!(
            integer(Kind::Uint(Width::W64), "18446744073709551615"),
            Ok(u64::MAX.into())
        );
        assert_eq!(
            integer(Kind::Uint(Width::W64), "18446744073709551616"),
            Err(Range)
        );
        assert_eq!(integer(Kind::Uint(Width::W8), "-1"), Err(Range));
        let huge = "9".repeat(60);
        assert_eq!(integer(Kind::Int(Width::W64), &huge), Err(Range));
        let money = Kind::Decimal(2);
        assert_eq!(integer(money, "12.5"), Ok(1250));
        assert_eq!(integer(money, "-0.500"), Ok(-50));
        assert_eq!(integer(money, "12.505"), Err(Precision));
        assert_eq!(
            integer(money, "9999999999999999.99"),
            Ok(999_999_999_999_999_999)
        );
        assert_eq!(integer(money, "10000000000000000.00"), Err(Range));
        assert_eq!(integer(money, ".5"), Err(Notation));
        assert_eq!(integer(Kind::Date, "1969-12-31"), Ok(-1));
        assert_eq!(integer(LOCAL, "1970-01-01 00:00:00.000001"), Ok(1));
        assert_eq!(
            integer(LOCAL, "1970-01-01 00:00:00.0000001"),
            Err(Precision)
        );
        assert_eq!(integer(LOCAL, "1970-01-01 00:00:00Z"), Err(Zone));
        assert_eq!(integer(UTC, "1970-01-01 00:00:00"), Err(Zone));
        assert_eq!(integer(UTC, "9999-12-31T23:59:59Z"), Err(Range));
        assert_eq!(Kind::Float64.key("0x10"), Err(Notation));
        assert_eq!(Kind::Float64.key("1_000"), Err(Notation));
        assert_eq!(Kind::Text.key("a"), Err(ValueProblem::Keyless));
        assert_eq!(
            UTC.show(UTC.keys().unwrap().0),
            "1677-09-21T00:12:43.145224192Z"
        );
    }
}
