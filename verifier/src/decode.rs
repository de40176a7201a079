//! Strict decoding of points.

use alloc::string::String;
use alloc::vec::Vec;
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Valid};

/// Why bytes or text are not the value they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Too short or too long.
    #[error("{what}: expected {expected} bytes, got {got}")]
    Length {
        /// What they stand for.
        what: &'static str,
        /// Bytes expected.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// Not a field element in the one way to write it.
    #[error("expected a field element (decimal or 0x hex, below the modulus), got {0:?}")]
    Field(String),
    /// Not a point of the prime-order group in the one way to write it.
    #[error("{what}: expected a point of the prime-order group, canonically encoded, got {got}")]
    Point {
        /// Which point.
        what: &'static str,
        /// What it is instead.
        got: &'static str,
    },
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
    P: AffineRepr + CanonicalDeserialize + CanonicalSerialize + Valid,
{
    let refuse = |got| DecodeError::Point { what, got };
    let point = P::deserialize_compressed_unchecked(bytes).map_err(|_| refuse(NO_POINT))?;
    // Encoding again catches the spellings that arkworks lets pass, such as infinity with an x.
    let mut again = Vec::with_capacity(bytes.len());
    compress(&point, &mut again);
    if again != bytes {
        return Err(refuse("another spelling of one"));
    }
    // A point with an x coordinate and a sign is on the curve; its subgroup remains to be seen.
    point.check().map_err(|_| refuse(OUTSIDE))?;
    Ok(point)
}

/// What a pair of coordinates is that is no point.
pub(crate) const NO_POINT: &str = "coordinates that are not of the field or not on the curve";
/// What a point of the curve is that is not in the group.
pub(crate) const OUTSIDE: &str = "a point of the curve outside that group";

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

/// Appends the compressed encoding.
pub(crate) fn compress<P: CanonicalSerialize>(point: &P, out: &mut Vec<u8>) {
    point
        .serialize_compressed(out)
        .expect("writing to a Vec cannot fail");
}
