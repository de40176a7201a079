//! The columns of a dataset, and what users say about them.

use crate::Error;
use crate::kind::{Kind, UnknownKind};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

/// A kind, and whether nulls are allowed. As text the kind's name, followed by `?` where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// What the values are.
    pub kind: Kind,
    /// Whether there may be nulls.
    pub nullable: bool,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.nullable { "?" } else { "" };
        write!(f, "{}{mark}", self.kind)
    }
}

impl FromStr for Type {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let (kind, nullable) = match text.strip_suffix('?') {
            Some(kind) => (kind, true),
            None => (text, false),
        };
        let kind = kind.parse()?;
        Ok(Self { kind, nullable })
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A column's name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name, any text that no other column has.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Type,
}

impl Field {
    /// A column.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: Kind, nullable: bool) -> Self {
        let kind = Type { kind, nullable };
        Self {
            name: name.into(),
            kind,
        }
    }
}

/// The columns of a dataset, in order. Their names differ, and there is at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Field>", into = "Vec<Field>")]
pub struct Schema(Vec<Field>);

impl Schema {
    /// Columns in order.
    ///
    /// # Errors
    /// If there is none, two have one name, a decimal's scale is beyond its digits, or a name is of 4 GiB or more.
    pub fn new(columns: Vec<Field>) -> Result<Self, Error> {
        if columns.is_empty() {
            return Err(Error::NoColumns);
        }
        let mut names = HashSet::new();
        for column in &columns {
            if !names.insert(&column.name) {
                return Err(Error::SameName {
                    column: column.name.clone(),
                });
            }
            if !column.kind.kind.is_sound() || u32::try_from(column.name.len()).is_err() {
                let problem = "a scale that its digits can hold and a name below 4 GiB";
                return Err(Error::Column {
                    column: column.name.clone(),
                    expected: problem,
                });
            }
        }
        Ok(Self(columns))
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Field] {
        &self.0
    }

    /// Where the column of that name is.
    ///
    /// # Errors
    /// If there is none.
    pub fn index(&self, name: &str) -> Result<usize, Error> {
        let found = self.0.iter().position(|column| column.name == name);
        found.ok_or_else(|| Error::UnknownColumn {
            column: name.into(),
            known: self.names(),
        })
    }

    /// The kind of a column.
    ///
    /// # Errors
    /// If there is no column of that name.
    pub fn kind(&self, name: &str) -> Result<Kind, Error> {
        Ok(self.0[self.index(name)?].kind.kind)
    }

    /// Whether the names and kinds are the same, in order. Whether nulls are allowed does not count, as it does not in
    /// the canonical form.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        let column = |field: &Field| (field.name.clone(), field.kind.kind);
        self.0.iter().map(column).eq(other.0.iter().map(column))
    }

    fn names(&self) -> String {
        let names: Vec<_> = self
            .0
            .iter()
            .map(|column| format!("{:?}", column.name))
            .collect();
        names.join(", ")
    }
}

impl TryFrom<Vec<Field>> for Schema {
    type Error = Error;

    fn try_from(columns: Vec<Field>) -> Result<Self, Error> {
        Self::new(columns)
    }
}

impl From<Schema> for Vec<Field> {
    fn from(schema: Schema) -> Self {
        schema.0
    }
}

/// Types that the user gives some or all columns, whatever the file or inference would say.
///
/// In TOML, `price = "decimal(2)"` a line, in JSON `{"price": "decimal(2)"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(Vec<(String, Type)>);

impl Types {
    /// The types of columns by name.
    ///
    /// # Errors
    /// If a name comes twice.
    pub fn new(types: Vec<(String, Type)>) -> Result<Self, Error> {
        let mut names = HashSet::new();
        let twice = types.iter().find(|(name, _)| !names.insert(name));
        match twice {
            Some((name, _)) => Err(Error::SameName {
                column: name.clone(),
            }),
            None => Ok(Self(types)),
        }
    }

    /// From TOML.
    ///
    /// # Errors
    /// If it is not TOML of names and types.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Types {
            problem: error.to_string(),
        })
    }

    /// From JSON.
    ///
    /// # Errors
    /// If it is not a JSON object of names and types.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::Types {
            problem: error.to_string(),
        })
    }

    #[cfg(feature = "files")]
    pub(crate) fn get(&self, name: &str) -> Option<Type> {
        let found = self.0.iter().find(|(column, _)| column == name);
        found.map(|(_, kind)| *kind)
    }

    /// That every column that is given a type is there.
    #[cfg(feature = "files")]
    pub(crate) fn check(&self, names: &[String]) -> Result<(), Error> {
        let missing = self.0.iter().find(|(name, _)| !names.contains(name));
        let Some((column, _)) = missing else {
            return Ok(());
        };
        let known: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
        Err(Error::UnknownColumn {
            column: column.clone(),
            known: known.join(", "),
        })
    }
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Types;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("column names with their types")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Types, A::Error> {
                let mut types = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    types.push(entry);
                }
                Types::new(types).map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_from_text() {
        let toml =
            Types::from_toml("price = \"decimal(2)?\"\n\"two words\" = \"timestamp[us, UTC]\"\n")
                .unwrap();
        let json = r#"{"price": "decimal(2)?", "two words": "timestamp[us, UTC]"}"#;
        assert_eq!(toml, Types::from_json(json).unwrap());
        assert_eq!(toml.get("price").unwrap().to_string(), "decimal(2)?");
        assert!(toml.get("prices").is_none());
        assert!(Types::from_json(r#"{"a": "text", "a": "text"}"#).is_err());
        assert!(Types::from_json(r#"{"a": "string"}"#).is_err());
        assert!(Types::from_toml("a = 1").is_err());
        assert!(toml.check(&["price".into()]).is_err());
    }

    #[test]
    fn schemas_as_json() {
        let schema = Schema::new(vec![
            Field::new("a", Kind::Date, true),
            Field::new("", Kind::Text, false),
        ])
        .unwrap();
        let json = serde_json::to_string(&schema).unwrap();
        assert_eq!(
            json,
            r#"[{"name":"a","type":"date?"},{"name":"","type":"text"}]"#
        );
        assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema);
        for wrong in [
            "[]",
            r#"[{"name":"a","type":"date"},{"name":"a","type":"date"}]"#,
        ] {
            assert!(serde_json::from_str::<Schema>(wrong).is_err());
        }
        let unsound = vec![Field::new("a", Kind::Decimal(19), false)];
        assert!(matches!(Schema::new(unsound), Err(Error::Column { .. })));
    }
}
