//! Strict decoding of points.

use alloc::string::String;
use alloc::vec::Vec;
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

/// Why bytes or text are not the value they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Too short or too long.
    #[error("{what}: expected {expected} bytes, got {got}")]
    Length {
        /// Of what.
        what: &'static str,
        /// Bytes expected.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// Not a field element in the one way to write it.
    #[error("expected a field element (decimal or 0x hex, below the modulus), got {0:?}")]
    Field(String),
    /// Not a point of the group.
    #[error(
        "{0}: expected the canonical encoding of a point on the curve and in its prime-order subgroup"
    )]
    Point(&'static str),
    /// A member of a JSON form has a value it cannot have.
    #[error("{what}: expected {expected}, got {got:?}")]
    Json {
        /// Which member.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
}

/// A point from its canonical compressed encoding.
pub(crate) fn point<P>(what: &'static str, bytes: &[u8]) -> Result<P, DecodeError>
where
    P: AffineRepr + CanonicalDeserialize + CanonicalSerialize,
{
    // Deserialization checks the curve and the subgroup; encoding again catches the spellings that
    // it lets pass, such as stray flags on the point at infinity.
    let point = P::deserialize_compressed(bytes).map_err(|_| DecodeError::Point(what))?;
    let mut again = Vec::with_capacity(bytes.len());
    let same = point.serialize_compressed(&mut again).is_ok() && again == bytes;
    if same {
        Ok(point)
    } else {
        Err(DecodeError::Point(what))
    }
}

/// Splits `len` bytes off the front.
pub(crate) fn take<'a>(
    what: &'static str,
    bytes: &mut &'a [u8],
    len: usize,
) -> Result<&'a [u8], DecodeError> {
    let (head, tail) = bytes.split_at_checked(len).ok_or(DecodeError::Length {
        what,
        expected: len,
        got: bytes.len(),
    })?;
    *bytes = tail;
    Ok(head)
}

pub(crate) fn compress<P: CanonicalSerialize>(point: &P, out: &mut Vec<u8>) {
    point
        .serialize_compressed(out)
        .expect("writing to a Vec cannot fail");
}
