//! Eight elements of a 254-bit prime field, or of its quadratic extension, side by side.
//!
//! # Representation
//! An element is five limbs of 52 bits in Montgomery form with `R = 2^260`; limb `j` of lane `i`
//! belongs to element `i`. 2^260 is 84.6 times the modulus `p` of either field, and that slack is what
//! makes reduction lazy. Two kinds of value go round:
//!
//! | kind | bound | comes from | goes to |
//! |---|---|---|---|
//! | normal | `< 4p` | every operation that does not say otherwise | everything |
//! | wide | `< 9p` | `*_wide` | multiplication, [`Prime8::reduce`] |
//!
//! Limbs are always below 2^52. The bounds of each operation stand beside it, and
//! [`crate::simd::Portable`] checks them.

mod constants;
mod inverse;
mod prime;
mod quadratic;

pub use prime::{Block, Fq8, Fr8, Prime8};
pub use quadratic::Quadratic8;

pub(crate) use constants::Constants;
pub(crate) use inverse::inverse;

#[cfg(test)]
mod tests;
