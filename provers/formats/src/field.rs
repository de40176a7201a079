//! Field elements and points as these files hold them: little-endian, and in keys in Montgomery form with R = 2^256
//! (`x R mod p`), which is also how arkworks keeps them.

use crate::binfile::{Reader, put_u32};
use crate::error::expect;
use crate::{FormatError, Origin};
use ark_bn254::{Fq, Fq2, Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{
    AdditiveGroup, BigInt, BigInteger, Field, Fp, FpConfig, MontBackend, MontConfig, PrimeField,
};
use rayon::prelude::*;
use zeroize::Zeroize;

/// Bytes of a field element.
pub(crate) const ELEMENT: usize = 32;
/// Bytes of a point of G1.
pub(crate) const G1: usize = 2 * ELEMENT;
/// Bytes of a point of G2.
pub(crate) const G2: usize = 4 * ELEMENT;

/// An integer of 32 bytes.
fn integer(bytes: &[u8]) -> BigInt<4> {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = chunk
            .iter()
            .rev()
            .fold(0, |acc, byte| (acc << 8) | u64::from(*byte));
    }
    BigInt(limbs)
}

fn put_integer(out: &mut Vec<u8>, integer: &BigInt<4>) {
    for limb in integer.0 {
        out.extend_from_slice(&limb.to_le_bytes());
    }
}

/// A field's size in bytes and its prime, which must be those of BN254's.
pub(crate) fn expect_prime<F: PrimeField<BigInt = BigInt<4>>>(
    what: &'static str,
    reader: &mut Reader,
) -> Result<(), FormatError> {
    expect(what, ELEMENT, reader.u32()? as usize)?;
    let got = integer(&reader.array::<ELEMENT>()?);
    if got != F::MODULUS {
        let expected = format!("{} of BN254 (bn128), the only curve read here", F::MODULUS);
        return Err(FormatError::value(what, expected, got));
    }
    Ok(())
}

pub(crate) fn put_prime<F: PrimeField<BigInt = BigInt<4>>>(out: &mut Vec<u8>) {
    put_u32(out, ELEMENT as u32);
    put_integer(out, &F::MODULUS);
}

/// An element in plain form; none at or above the prime.
pub(crate) fn plain(bytes: &[u8]) -> Option<Fr> {
    let mut integer = integer(bytes);
    let element = Fr::from_bigint(integer);
    integer.zeroize();
    element
}

pub(crate) fn put_plain(out: &mut Vec<u8>, element: &Fr) {
    let mut integer = element.into_bigint();
    put_integer(out, &integer);
    integer.zeroize();
}

/// An element in Montgomery form; none at or above the prime.
fn montgomery<C: MontConfig<4>>(bytes: &[u8]) -> Option<Fp<MontBackend<C, 4>, 4>>
where
    MontBackend<C, 4>: FpConfig<4>,
{
    let integer = integer(bytes);
    (integer < C::MODULUS).then(|| Fp::new_unchecked(integer))
}

/// A coefficient `v` of a proving key, which snarkjs multiplies by R twice (`v R^2 mod r`), so that one Montgomery
/// multiplication by a plain witness value gives the product in Montgomery form.
pub(crate) fn twice_montgomery(bytes: &[u8]) -> Option<Fr> {
    montgomery::<ark_bn254::FrConfig>(bytes).map(|times_r| Fr::new_unchecked(times_r.into_bigint()))
}

pub(crate) fn put_twice_montgomery(out: &mut Vec<u8>, element: &Fr) {
    let times_r = Fr::from_bigint(element.0).unwrap_or(Fr::ZERO);
    put_integer(out, &times_r.0);
}

/// A point as ffjavascript's `toRprUncompressed` has it: coordinates in plain form, big-endian, of an element of Fq2 the
/// coefficient of `u` first; zeros for infinity.
pub(crate) fn put_uncompressed<C>(out: &mut Vec<u8>, point: &Affine<C>)
where
    C: SWCurveConfig<BaseField: Field<BasePrimeField = Fq>>,
{
    let (x, y) = point.xy().unwrap_or_default();
    for coordinate in [x, y] {
        let mut elements: Vec<Fq> = coordinate.to_base_prime_field_elements().collect();
        elements.reverse();
        for element in elements {
            out.extend(element.into_bigint().to_bytes_be());
        }
    }
}

/// A point as these files hold it: x and y in Montgomery form, all zeros for infinity.
pub(crate) trait FilePoint: AffineRepr + Send {
    /// Bytes of one.
    const SIZE: usize;
    /// Coordinates, on the curve or not; none if one is at or above the prime.
    fn coordinates(bytes: &[u8]) -> Option<Self>;
    fn on_curve(&self) -> bool;
    /// Of a point on the curve.
    fn in_group(&self) -> bool;
    fn put(&self, out: &mut Vec<u8>);
}

impl FilePoint for Affine<g1::Config> {
    const SIZE: usize = G1;
    fn coordinates(bytes: &[u8]) -> Option<Self> {
        let (x, y) = bytes.split_at(ELEMENT);
        Some(Self::new_unchecked(montgomery(x)?, montgomery(y)?))
    }
    fn on_curve(&self) -> bool {
        self.is_on_curve()
    }
    fn in_group(&self) -> bool {
        // The curve's order is the group's.
        true
    }
    fn put(&self, out: &mut Vec<u8>) {
        let (x, y) = self.xy().unwrap_or_default();
        [x, y].iter().for_each(|c: &Fq| put_integer(out, &c.0));
    }
}

impl FilePoint for Affine<g2::Config> {
    const SIZE: usize = G2;
    fn coordinates(bytes: &[u8]) -> Option<Self> {
        let at = |i: usize| montgomery(&bytes[i * ELEMENT..(i + 1) * ELEMENT]);
        Some(Self::new_unchecked(
            Fq2::new(at(0)?, at(1)?),
            Fq2::new(at(2)?, at(3)?),
        ))
    }
    fn on_curve(&self) -> bool {
        self.is_on_curve()
    }
    fn in_group(&self) -> bool {
        self.is_in_correct_subgroup_assuming_on_curve()
    }
    fn put(&self, out: &mut Vec<u8>) {
        let (x, y) = self.xy().unwrap_or_default();
        [x.c0, x.c1, y.c0, y.c1]
            .iter()
            .for_each(|c| put_integer(out, &c.0));
    }
}

/// One point.
pub(crate) fn point<P: FilePoint>(
    what: &'static str,
    index: usize,
    bytes: &[u8],
    origin: Origin,
) -> Result<P, FormatError> {
    let refuse = |got| FormatError::Element {
        what,
        index,
        expected: "a point of BN254's group",
        got,
    };
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(P::zero());
    }
    let point = P::coordinates(bytes).ok_or(refuse("a coordinate at or above the prime"))?;
    if !point.on_curve() {
        return Err(refuse("coordinates that are not on the curve"));
    }
    if origin == Origin::Anyone && !point.in_group() {
        return Err(refuse("a point of the curve outside the group"));
    }
    Ok(point)
}

/// All that is left, which must be `count` points.
pub(crate) fn points<P: FilePoint>(
    what: &'static str,
    mut reader: Reader,
    count: usize,
    origin: Origin,
) -> Result<Vec<P>, FormatError> {
    let bytes = reader.all_of(count, P::SIZE)?;
    let chunks = bytes.par_chunks_exact(P::SIZE).enumerate();
    chunks
        .map(|(index, bytes)| point(what, index, bytes, origin))
        .collect()
}

pub(crate) fn put_points<P: FilePoint>(out: &mut Vec<u8>, points: &[P]) {
    out.reserve(points.len() * P::SIZE);
    points.iter().for_each(|point| point.put(out));
}
