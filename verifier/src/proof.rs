//! Proofs.

use crate::decode::{self, DecodeError};
use crate::{G1Affine, G2Affine};
use alloc::vec::Vec;

/// A Groth16 proof. Anyone can turn a proof into another valid one of the same statement: whoever
/// needs to recognise a repeat looks at a nullifier among the public inputs, never at the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `[A]_1`.
    pub a: G1Affine,
    /// `[B]_2`.
    pub b: G2Affine,
    /// `[C]_1`.
    pub c: G1Affine,
}

impl Proof {
    /// Length of the compact form in bytes.
    pub const COMPACT_LEN: usize = 128;

    /// The compact form; its layout is in the crate's documentation.
    #[must_use]
    pub fn to_compact(&self) -> [u8; Self::COMPACT_LEN] {
        let mut bytes = Vec::with_capacity(Self::COMPACT_LEN);
        decode::compress(&self.a, &mut bytes);
        decode::compress(&self.b, &mut bytes);
        decode::compress(&self.c, &mut bytes);
        let mut array = [0; Self::COMPACT_LEN];
        array.copy_from_slice(&bytes);
        array
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// [`DecodeError::Length`], or [`DecodeError::Point`] naming the point.
    pub fn from_compact(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() != Self::COMPACT_LEN {
            let (expected, got) = (Self::COMPACT_LEN, bytes.len());
            return Err(DecodeError::Length {
                what: "proof",
                expected,
                got,
            });
        }
        Ok(Self {
            a: decode::point("A", &bytes[..32])?,
            b: decode::point("B", &bytes[32..96])?,
            c: decode::point("C", &bytes[96..])?,
        })
    }
}
