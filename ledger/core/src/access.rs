//! Who may do what with a dataset.

use crate::Statement;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Something that an account may do with a dataset. Everybody may see its metadata: its id, and which operations it took part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// See the evidence of statements about it: columns, figures, proofs.
    Read,
    /// Record datasets that were made of it.
    Write,
    /// Record statements about it that are proved.
    Prove,
    /// Give others permissions, and give one's word for a root of its rows, which nothing proves.
    Administer,
}

impl fmt::Display for Permission {
    /// As it is in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Prove => "prove",
            Self::Administer => "administer",
        })
    }
}

/// What an account may do with a dataset. Its owner, who recorded it, may do everything.
pub type Permissions = BTreeSet<Permission>;

impl Permission {
    /// What recording a statement takes, of each input.
    #[must_use]
    pub const fn to_record(statement: &Statement) -> Self {
        match statement {
            Statement::Rows { .. } => Self::Administer,
            other if other.transforms() => Self::Write,
            _ => Self::Prove,
        }
    }
}
