//! BabyJubJub, the twisted Edwards curve `a x^2 + y^2 = 1 + d x^2 y^2` over BN254's scalar field, a = 168700, d = 168696
//! ([EIP-2494](https://eips.ethereum.org/EIPS/eip-2494)), in circomlib's coordinates.
//!
//! a is a square and d is not, so the addition law is complete: it holds for every two points of the curve, equal, opposite or of
//! low order, and its denominators are never zero.

#![allow(
    unexpected_cfgs,
    reason = "MontConfig's expansion asks for a feature `asm` of this crate"
)]

use ark_bn254::Fr;
use ark_ec::CurveConfig;
use ark_ec::twisted_edwards::{Affine, MontCurveConfig, TECurveConfig};
use ark_ff::{BigInteger, Fp256, MontBackend, MontConfig, MontFp, PrimeField};

/// The curve's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BabyJubjub;

/// Configuration of [`Scalar`].
#[derive(MontConfig)]
#[modulus = "2736030358979909402780800718157159386076813972158567259200215660948447373041"]
#[generator = "31"]
pub struct ScalarConfig;

/// An integer modulo the order of the prime subgroup, a 251-bit prime.
pub type Scalar = Fp256<MontBackend<ScalarConfig, 4>>;

/// A pair of coordinates; on the curve unless it was made by `new_unchecked`.
pub type Point = Affine<BabyJubjub>;

impl CurveConfig for BabyJubjub {
    type BaseField = Fr;
    type ScalarField = Scalar;
    const COFACTOR: &'static [u64] = &[8];
    const COFACTOR_INV: Scalar =
        MontFp!("2394026564107420727433200628387514462817212225638746351800188703329891451411");
}

impl TECurveConfig for BabyJubjub {
    const COEFF_A: Fr = MontFp!("168700");
    const COEFF_D: Fr = MontFp!("168696");
    /// circomlib's `Base8`, 8 times EIP-2494's generator of the whole curve.
    const GENERATOR: Point = Point::new_unchecked(
        MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
        MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
    );
    type MontCurveConfig = Self;
}

impl MontCurveConfig for BabyJubjub {
    const COEFF_A: Fr = MontFp!("168698");
    const COEFF_B: Fr = MontFp!("1");
    type TECurveConfig = Self;
}

/// 32 bytes as circomlibjs' `packPoint`: y little-endian, the top bit set if x is above (r - 1) / 2.
pub fn pack_point(point: &Point) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&point.y.into_bigint().to_bytes_le());
    bytes[31] |= u8::from(point.x > -point.x) << 7;
    bytes
}

/// Inverse of [`pack_point`]; `None` unless `bytes` are what it returns for a point of the curve (which may be of low order).
pub fn unpack_point(bytes: &[u8; 32]) -> Option<Point> {
    let mut y = *bytes;
    y[31] &= 0x7f;
    let (small, large) = Point::get_xs_from_y_unchecked(Fr::from_le_bytes_mod_order(&y))?;
    let y = Fr::from_le_bytes_mod_order(&y);
    [small, large]
        .map(|x| Point::new_unchecked(x, y))
        .into_iter()
        .find(|point| pack_point(point) == *bytes)
}
