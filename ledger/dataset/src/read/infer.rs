//! What type a column's texts have in common.

use crate::kind::{Kind, Unit, Width};
use crate::schema::Type;
use crate::{calendar, key};

const BOOL: u16 = 1;
const INT: u16 = 2;
const UINT: u16 = 4;
const FLOAT: u16 = 8;
const DATE: u16 = 16;
const TIME: u16 = 32;
const LOCAL: u16 = 64;
const UTC: u16 = 128;
const TEXT: u16 = 256;
const ALL: u16 = 511;

/// Integers to this one are floats without loss.
const EXACT_IN_FLOAT: i128 = 1 << 53;

/// What all values of a column so far could be.
pub(super) struct Inference {
    possible: u16,
    nullable: bool,
    /// Whether a cell was an empty text in quotes: null, if the column turns out to be of another kind than text.
    empty: bool,
    /// Whether an integer was among them that a float would round.
    inexact_as_float: bool,
    /// Whether a timestamp had digits beyond microseconds.
    nanos: bool,
}

impl Inference {
    pub(super) const fn new() -> Self {
        Self {
            possible: ALL,
            nullable: false,
            empty: false,
            inexact_as_float: false,
            nanos: false,
        }
    }

    pub(super) const fn null(&mut self) {
        self.nullable = true;
    }

    /// An empty cell in quotes.
    pub(super) const fn empty_string(&mut self) {
        self.empty = true;
    }

    /// A text that may stand for a value of any kind, as all of CSV.
    pub(super) fn cell(&mut self, text: &str) {
        if self.possible != TEXT {
            let classes = match self.number(text) {
                // What is a number is no date.
                0 => self.temporal(text) | boolean(text),
                number => number,
            };
            self.possible &= classes | TEXT;
        }
    }

    /// A JSON string: a date or a time perhaps, but no number.
    pub(super) fn string(&mut self, text: &str) {
        if self.possible != TEXT {
            self.possible &= self.temporal(text) | TEXT;
        }
    }

    /// A JSON number.
    pub(super) fn json_number(&mut self, text: &str) {
        // JSON's grammar has seen to its form: what is no integer, -0 too, is a float.
        self.possible &= match self.number(text) {
            0 => FLOAT,
            classes => classes,
        };
    }

    /// A JSON boolean.
    pub(super) const fn json_boolean(&mut self) {
        self.possible &= BOOL;
    }

    /// Whether no type is left.
    pub(super) const fn is_contradictory(&self) -> bool {
        self.possible == 0
    }

    /// What the classes of a number are; 0 if it is none.
    fn number(&mut self, text: &str) -> u16 {
        if !text.starts_with(|first: char| first.is_ascii_digit() || "-nNiI".contains(first)) {
            return 0;
        }
        match key::integer(text) {
            Ok(value) => {
                self.inexact_as_float |= value.abs() > EXACT_IN_FLOAT;
                let int = if i64::try_from(value).is_ok() { INT } else { 0 };
                let uint = if u64::try_from(value).is_ok() {
                    UINT
                } else {
                    0
                };
                int | uint | FLOAT
            }
            Err(crate::ValueProblem::Range) => {
                self.inexact_as_float = true;
                FLOAT
            }
            Err(_) if is_plain_float(text) => FLOAT,
            Err(_) => 0,
        }
    }

    fn temporal(&mut self, text: &str) -> u16 {
        // The shortest time is 00:00, and what begins with neither a digit nor a sign is none.
        if text.len() < 5
            || !text.starts_with(|first: char| first.is_ascii_digit() || "+-".contains(first))
        {
            return 0;
        }
        if calendar::date(text).is_some() {
            return DATE;
        }
        if calendar::time(text).is_some() {
            return TIME;
        }
        let Some(moment) = calendar::moment(text) else {
            return 0;
        };
        self.nanos |= moment.nanos % 1_000 != 0;
        if moment.zoned { UTC } else { LOCAL }
    }

    /// The type that is found: the first in the order of this function that all values have.
    pub(super) fn found(&self) -> Type {
        let unit = if self.nanos {
            Unit::Nanos
        } else {
            Unit::Micros
        };
        let kinds = [
            (BOOL, Kind::Bool),
            (INT, Kind::Int(Width::W64)),
            (UINT, Kind::Uint(Width::W64)),
            (FLOAT, Kind::Float64),
            (DATE, Kind::Date),
            (TIME, Kind::Time),
            (LOCAL, Kind::Timestamp { unit, utc: false }),
            (UTC, Kind::Timestamp { unit, utc: true }),
        ];
        let mut possible = self.possible;
        if self.inexact_as_float {
            possible &= !FLOAT;
        }
        let found = kinds.into_iter().find(|(class, _)| possible & class != 0);
        // Nulls alone could be anything.
        let kind = match found {
            Some((_, kind)) if self.possible != ALL => kind,
            _ => Kind::Text,
        };
        let nullable = self.nullable || self.empty && kind != Kind::Text;
        Type { kind, nullable }
    }
}

fn boolean(text: &str) -> u16 {
    if Kind::Bool.key(text).is_ok() {
        BOOL
    } else {
        0
    }
}

/// Whether a number with a fraction or an exponent is one to compute with: `007.5` is rather a label.
fn is_plain_float(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let padded = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
    key::is_special(text) || key::is_number(text) && !padded && text != "-0"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cells: &[&str]) -> String {
        let mut inference = Inference::new();
        for cell in cells {
            match *cell {
                "" => inference.null(),
                cell => inference.cell(cell),
            }
        }
        inference.found().to_string()
    }

    #[test]
    fn types_of_cells() {
        assert_eq!(of(&["true", "False"]), "bool");
        assert_eq!(of(&["0", "1"]), "int64");
        assert_eq!(of(&["-1", "", "9223372036854775807"]), "int64?");
        assert_eq!(of(&["0", "18446744073709551615"]), "uint64");
        assert_eq!(of(&["-1", "18446744073709551615"]), "text");
        assert_eq!(of(&["18446744073709551616"]), "text");
        assert_eq!(of(&["1", "2.5", "nan", "-inf", "1e300"]), "float64");
        assert_eq!(of(&["9007199254740993", "2.5"]), "text");
        assert_eq!(of(&["9007199254740992", "2.5"]), "float64");
        assert_eq!(of(&["007"]), "text");
        assert_eq!(of(&["007.5"]), "text");
        assert_eq!(of(&["-0"]), "text");
        assert_eq!(of(&["2024-02-29", ""]), "date?");
        assert_eq!(of(&["2023-02-29"]), "text");
        assert_eq!(of(&["12:30", "12:30:01.25"]), "time");
        assert_eq!(
            of(&["2024-02-29T00:00", "2024-02-29 00:00:00.5"]),
            "timestamp[us]"
        );
        assert_eq!(
            of(&["2024-02-29T00:00Z", "2024-02-29 00:00:00.000000001+02:00"]),
            "timestamp[ns, UTC]"
        );
        assert_eq!(of(&["2024-02-29T00:00Z", "2024-02-29T00:00"]), "text");
        assert_eq!(of(&["2024-02-29", "2024-02-29T00:00"]), "text");
        assert_eq!(of(&["1", "true"]), "text");
        assert_eq!(of(&["", ""]), "text?");
        assert_eq!(of(&[]), "text");
    }
}
