//! Rows in memory, column by column.

use crate::kind::Kind;
use crate::schema::Schema;
use crate::{Error, ValueProblem};

/// Texts or byte strings, one after the other.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Strings {
    data: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of one; of a null, none.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.data[self.start(row)..self.ends[row]]
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Adds one.
    pub(crate) fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.ends.push(self.data.len());
    }

    /// The bytes of all of them, one after the other.
    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    fn start(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row - 1] }
    }
}

/// The values of a column, in a form that its kind decides.
#[derive(Clone, PartialEq, Eq)]
pub enum Values {
    /// Keys, of every kind that has them.
    Keys(Vec<u64>),
    /// Keys of 128 bits, of wide decimals.
    Wide(Vec<u128>),
    /// Texts in UTF-8, or bytes.
    Strings(Strings),
}

impl Values {
    fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Decimal128(_) => Self::Wide(Vec::new()),
            Kind::Text | Kind::Bytes => Self::Strings(Strings::default()),
            _ => Self::Keys(Vec::new()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Keys(keys) => keys.len(),
            Self::Wide(keys) => keys.len(),
            Self::Strings(strings) => strings.len(),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Keys(keys) => keys.push(0),
            Self::Wide(keys) => keys.push(0),
            Self::Strings(strings) => strings.push(&[]),
        }
    }
}

/// A column: a value for each row, or null. A null has key 0 or no bytes.
///
/// Two columns are equal if they hold the same. There is no `Debug`: rows are private.
#[derive(Clone, PartialEq, Eq)]
pub struct Column {
    /// None if every value is there.
    present: Option<Vec<bool>>,
    values: Values,
}

impl Column {
    /// Values with their presence. What is there of a null is not looked at.
    pub(crate) fn new(present: Option<Vec<bool>>, mut values: Values) -> Self {
        let present = present.filter(|present| present.contains(&false));
        if let Some(present) = &present {
            match &mut values {
                Values::Keys(keys) => {
                    for (key, present) in keys.iter_mut().zip(present) {
                        *key *= u64::from(*present);
                    }
                }
                Values::Wide(keys) => {
                    for (key, present) in keys.iter_mut().zip(present) {
                        *key *= u128::from(*present);
                    }
                }
                Values::Strings(strings) => {
                    let nulls_are_empty =
                        (0..strings.len()).all(|row| present[row] || strings.get(row).is_empty());
                    if !nulls_are_empty {
                        let mut kept = Strings::default();
                        for (value, present) in strings.iter().zip(present) {
                            kept.push(if *present { value } else { &[] });
                        }
                        *strings = kept;
                    }
                }
            }
        }
        Self { present, values }
    }

    /// A column of keys.
    ///
    /// # Errors
    /// If a key is none of the kind's, or the kind has no keys.
    pub fn from_keys(
        kind: Kind,
        keys: impl IntoIterator<Item = Option<u64>>,
    ) -> Result<Self, ValueProblem> {
        kind.keys().ok_or(ValueProblem::Keyless)?;
        let mut builder = ColumnBuilder::new(kind);
        for key in keys {
            match key {
                None => builder.push_null(),
                Some(key) if kind.is_key(key) => builder.push_key(key),
                Some(_) => return Err(ValueProblem::Range),
            }
        }
        Ok(builder.finish())
    }

    /// A column of values in the kind's notation; of bytes, in hexadecimal.
    ///
    /// # Errors
    /// If one is no value of the kind.
    pub fn from_text<'a>(
        kind: Kind,
        values: impl IntoIterator<Item = Option<&'a str>>,
    ) -> Result<Self, ValueProblem> {
        let mut builder = ColumnBuilder::new(kind);
        for value in values {
            match value {
                None => builder.push_null(),
                Some(value) => builder.push_text(value)?,
            }
        }
        Ok(builder.finish())
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For each row whether there is a value; none if there is one in every row.
    #[must_use]
    pub fn present(&self) -> Option<&[bool]> {
        self.present.as_deref()
    }

    /// Whether a row has a value.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn is_present(&self, row: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present[row])
    }

    /// How many rows have none.
    #[must_use]
    pub fn nulls(&self) -> usize {
        let present = self.present.as_deref().unwrap_or(&[]);
        present.iter().filter(|present| !**present).count()
    }

    /// The values.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// The keys; none if the kind has none. A null's key is 0, which may be another value's too.
    #[must_use]
    pub fn keys(&self) -> Option<&[u64]> {
        match &self.values {
            Values::Keys(keys) => Some(keys),
            _ => None,
        }
    }

    /// The texts or byte strings; none of other kinds.
    #[must_use]
    pub const fn strings(&self) -> Option<&Strings> {
        match &self.values {
            Values::Strings(strings) => Some(strings),
            _ => None,
        }
    }

    /// For each row 32 bytes that are the same where the values are: BLAKE3 of a text's or a byte string's bytes, of a
    /// key's 8 or 16 little-endian bytes. A null's are zeros.
    #[must_use]
    pub fn value_digests(&self) -> Vec<[u8; 32]> {
        let digest = |row: usize| match &self.values {
            _ if !self.is_present(row) => [0; 32],
            Values::Keys(keys) => *blake3::hash(&keys[row].to_le_bytes()).as_bytes(),
            Values::Wide(keys) => *blake3::hash(&keys[row].to_le_bytes()).as_bytes(),
            Values::Strings(strings) => *blake3::hash(strings.get(row)).as_bytes(),
        };
        (0..self.len()).map(digest).collect()
    }

    /// A value in its kind's notation, none for a null.
    #[must_use]
    pub fn show(&self, kind: Kind, row: usize) -> Option<String> {
        let value = || match (&self.values, kind) {
            (Values::Keys(keys), _) => kind.show(keys[row]),
            (Values::Wide(keys), Kind::Decimal128(scale)) => Kind::show_wide(scale, keys[row]),
            (Values::Wide(_), _) => String::new(),
            (Values::Strings(strings), Kind::Text) => {
                String::from_utf8_lossy(strings.get(row)).into_owned()
            }
            (Values::Strings(strings), _) => hex::encode(strings.get(row)),
        };
        self.is_present(row).then(value)
    }

    /// Some rows, in the order given.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        let at = |row: &u32| *row as usize;
        let values = match &self.values {
            Values::Keys(keys) => Values::Keys(rows.iter().map(|row| keys[at(row)]).collect()),
            Values::Wide(keys) => Values::Wide(rows.iter().map(|row| keys[at(row)]).collect()),
            Values::Strings(strings) => {
                let mut taken = Strings::default();
                for row in rows {
                    taken.push(strings.get(at(row)));
                }
                Values::Strings(taken)
            }
        };
        let present = self.present.as_ref();
        let present = present.map(|present| rows.iter().map(|row| present[at(row)]).collect());
        Self::new(present, values)
    }

    /// Columns of one kind, one after the other.
    pub(crate) fn concat<'a>(kind: Kind, parts: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let mut values = Values::empty(kind);
        for part in parts.clone() {
            match (&mut values, &part.values) {
                (Values::Keys(all), Values::Keys(keys)) => all.extend_from_slice(keys),
                (Values::Wide(all), Values::Wide(keys)) => all.extend_from_slice(keys),
                (Values::Strings(all), Values::Strings(strings)) => {
                    let before = all.data.len();
                    all.data.extend_from_slice(&strings.data);
                    all.ends.extend(strings.ends.iter().map(|end| before + end));
                }
                // Parts of one kind have values of one form.
                _ => {}
            }
        }
        let present = parts.clone().any(|part| part.present.is_some()).then(|| {
            let mut present = Vec::with_capacity(values.len());
            for part in parts {
                match &part.present {
                    Some(part) => present.extend_from_slice(part),
                    None => present.resize(present.len() + part.len(), true),
                }
            }
            present
        });
        Self::new(present, values)
    }
}

/// A column that grows value by value.
pub(crate) struct ColumnBuilder {
    kind: Kind,
    present: Option<Vec<bool>>,
    values: Values,
}

impl ColumnBuilder {
    pub(crate) fn new(kind: Kind) -> Self {
        let values = Values::empty(kind);
        Self {
            kind,
            present: None,
            values,
        }
    }

    /// Bytes of its strings.
    #[cfg(feature = "files")]
    pub(crate) fn string_bytes(&self) -> usize {
        match &self.values {
            Values::Strings(strings) => strings.data.len(),
            _ => 0,
        }
    }

    pub(crate) fn push_null(&mut self) {
        let rows = self.values.len();
        self.present
            .get_or_insert_with(|| vec![true; rows])
            .push(false);
        self.values.push_null();
    }

    fn push_key(&mut self, key: u64) {
        if let Values::Keys(keys) = &mut self.values {
            keys.push(key);
            self.pushed();
        }
    }

    fn push_bytes(&mut self, value: &[u8]) -> Result<(), ValueProblem> {
        u32::try_from(value.len()).map_err(|_| ValueProblem::Length)?;
        if let Values::Strings(strings) = &mut self.values {
            strings.push(value);
            self.pushed();
        }
        Ok(())
    }

    /// A value in its kind's notation.
    pub(crate) fn push_text(&mut self, text: &str) -> Result<(), ValueProblem> {
        match self.kind {
            Kind::Text => self.push_bytes(text.as_bytes())?,
            Kind::Bytes => {
                let bytes = hex::decode(text).map_err(|_| ValueProblem::Notation)?;
                self.push_bytes(&bytes)?;
            }
            Kind::Decimal128(scale) => {
                let key = Kind::wide_key(scale, text)?;
                if let Values::Wide(keys) = &mut self.values {
                    keys.push(key);
                    self.pushed();
                }
            }
            keyed => self.push_key(keyed.key(text)?),
        }
        Ok(())
    }

    fn pushed(&mut self) {
        if let Some(present) = &mut self.present {
            present.push(true);
        }
    }

    pub(crate) fn finish(self) -> Column {
        Column::new(self.present, self.values)
    }

    /// What is there so far; it goes on empty.
    #[cfg(feature = "files")]
    pub(crate) fn take(&mut self) -> Column {
        let kind = self.kind;
        std::mem::replace(self, Self::new(kind)).finish()
    }
}

/// Some rows of a dataset, or all of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch {
    rows: usize,
    columns: Vec<Column>,
}

impl Batch {
    /// Columns that belong together.
    ///
    /// # Errors
    /// If they are not as many as the schema's, differ in length, hold what the kind cannot, or hold nulls where none
    /// are allowed.
    pub fn new(schema: &Schema, columns: Vec<Column>) -> Result<Self, Error> {
        let fields = schema.columns();
        if columns.len() != fields.len() {
            return Err(Error::Schemas { number: 1 });
        }
        let rows = columns.first().map_or(0, Column::len);
        for (field, column) in fields.iter().zip(&columns) {
            if column.len() != rows {
                return Err(Error::Rows {
                    expected: rows.to_string(),
                    got: column.len(),
                });
            }
            let wrong = |expected| Error::Column {
                column: field.name.clone(),
                expected,
            };
            if column.nulls() > 0 && !field.kind.nullable {
                return Err(wrong("no nulls, or a type with ? behind it"));
            }
            let there = |row: &usize| column.is_present(*row);
            let sound = match (&column.values, field.kind.kind) {
                (Values::Keys(keys), kind) => {
                    (0..rows).filter(there).all(|row| kind.is_key(keys[row]))
                }
                (Values::Wide(keys), Kind::Decimal128(_)) => (0..rows).filter(there).all(|row| {
                    crate::key::to_wide(keys[row]).unsigned_abs()
                        < crate::kind::DECIMAL128_END.unsigned_abs()
                }),
                (Values::Strings(strings), Kind::Text) => {
                    strings.iter().all(|text| std::str::from_utf8(text).is_ok())
                }
                (Values::Strings(_), Kind::Bytes) => true,
                _ => false,
            };
            if !sound {
                return Err(wrong("values of its kind"));
            }
        }
        Ok(Self { rows, columns })
    }

    /// Columns that are known to belong together.
    pub(crate) fn of(columns: Vec<Column>) -> Self {
        let rows = columns.first().map_or(0, Column::len);
        Self { rows, columns }
    }

    /// How many rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in the schema's order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}
