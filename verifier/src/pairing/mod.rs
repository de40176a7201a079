//! The optimal ate pairing on BN254, as far as verifying needs it: products of pairings that should be 1.
//!
//! arkworks' pairing is a general one. This one is for a verifier, and faster for these reasons:
//!
//! - a sum of products in Fq2 takes three products of words for four, and two reductions for all
//!   ([`fq`]); products with lines, in Fq6 and so in Fq12 are made of such sums ([`fq12`]);
//! - the lines of a key's points are made once and have one coefficient less ([`miller::Lines`]); those
//!   of a proof's point are used as they come, and all pairs share the squarings ([`miller()`]);
//! - `e(alpha, beta)` stays a Miller loop's value, multiplied in before the one final exponentiation;
//! - in Wasm, where a product of 64-bit words is four products and many additions, words have 29 bits.
//!
//! Points come and go as arkworks', and arkworks judges: each layer has its tests against it, down to the
//! words at their bounds; [`final_exponentiation`] is the same power, so that pairings are equal.
//! Nothing here takes the same time for all inputs: what is verified is public.
//!
//! Rooms: [`fq`] (base field), [`fq2`], [`fq12`], [`g1`] (sums of points), [`miller`](mod@miller)
//! and [`exponent`].

mod exponent;
mod fq;
mod fq12;
mod fq2;
mod g1;
mod miller;
#[cfg(test)]
mod tests;

pub(crate) use exponent::final_exponentiation;
pub(crate) use fq12::Fq12;
pub(crate) use g1::{Evaluation, G1, Multiples};
pub(crate) use miller::{Lines, miller};
