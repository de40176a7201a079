#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod binfile;
mod ceremony;
mod error;
mod field;
mod r1cs;
mod wtns;
mod zkey;

pub use ceremony::{Beacon, Ceremony, Contribution};
pub use error::FormatError;
pub use r1cs::R1csFile;
pub use wtns::Wtns;
pub use zkey::{Coefficient, KeyProblem, Matrix, SectionOrder, Zkey, domain_size};

/// Who a key's file comes from, which decides how much of it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Anyone: every point is shown to be in its group.
    Anyone,
    /// A place where only checked files are put: points must be on the curve, but that those of G2 are in the subgroup
    /// is taken on trust. That check is most of the time that reading takes.
    Checked,
}
