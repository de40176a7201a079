//! EdDSA over BabyJubJub with Poseidon, as circomlib's `eddsaposeidon.circom`, circomlibjs and zk-kit's `eddsa-poseidon` have it.
//!
//! A signature (R8, S) of message M under the key A holds when `S Base8 = R8 + 8 h A` with
//! `h = Poseidon(R8.x, R8.y, A.x, A.y, M)`.

use ark_bn254::Fr;
use ark_ec::twisted_edwards::TECurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, BigInteger256, PrimeField};
use zeroize::{Zeroize, Zeroizing};

use crate::babyjub::{BabyJubjub, Point, Scalar, pack_point, unpack_point};
use crate::blake512::blake512;
use crate::builder::{Builder, Num, Terms};
use crate::edwards::PointVar;
use crate::multiples::{base_multiple, point_multiple};
use crate::poseidon::{poseidon, poseidon_gadget};

/// A signature. It is a private input of `payment@1`, so `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The commitment to the nonce, a point.
    pub r8: Point,
    /// The response, an integer that must be below the order of the subgroup ([`Scalar`]'s modulus).
    pub s: BigInteger256,
}

impl Signature {
    /// 64 bytes as circomlibjs' `packSignature`: R8 packed, then S little-endian.
    pub fn pack(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&pack_point(&self.r8));
        bytes[32..].copy_from_slice(&self.s.to_bytes_le());
        bytes
    }

    /// Inverse of [`Signature::pack`]; `None` if R8 is not a packed point of the curve.
    pub fn unpack(bytes: &[u8; 64]) -> Option<Self> {
        let (r8, s) = bytes.split_at(32);
        let r8 = unpack_point(r8.try_into().ok()?)?;
        let limb = |i: usize| {
            s[8 * i..8 * i + 8]
                .iter()
                .rfold(0, |n, byte| n << 8 | u64::from(*byte))
        };
        Some(Self {
            r8,
            s: BigInteger256::new(std::array::from_fn(limb)),
        })
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// Whether `point` can be a public key: on the curve and not one of its 8 points of low order, under which a signature of one
/// message is a signature of all.
pub fn is_public_key(point: &Point) -> bool {
    point.is_on_curve() && !point.mul_by_cofactor().is_zero()
}

/// Whether `signature` holds for `message` under `key`; false, too, for a key that [`is_public_key`] refuses, an R8 off the curve
/// and an S not below the order of the subgroup.
pub fn verify(key: &Point, message: Fr, signature: &Signature) -> bool {
    let Signature { r8, s } = signature;
    let challenge = poseidon(&[r8.x, r8.y, key.x, key.y, message]).into_bigint();
    is_public_key(key)
        && r8.is_on_curve()
        && *s < Scalar::MODULUS
        && (BabyJubjub::GENERATOR.mul_bigint(s)
            - key
                .mul_by_cofactor_to_group()
                .into_affine()
                .mul_bigint(challenge))
        .into_affine()
            == *r8
}

/// A signing key, derived from 32 bytes as circomlibjs and zk-kit do: BLAKE-512, pruned, shifted right by 3. Wiped on drop, and
/// without `Debug`.
pub struct SecretKey {
    /// The pruned integer, a multiple of 8, modulo the order.
    scalar: Scalar,
    /// The second half of the hash, from which nonces are derived.
    nonce_key: [u8; 32],
    public: Point,
}

impl SecretKey {
    /// The key that circomlibjs and zk-kit derive from the same 32 bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut hash = blake512(seed);
        hash[0] &= 0xf8;
        hash[31] = hash[31] & 0x7f | 0x40;
        let mut nonce_key = [0; 32];
        nonce_key.copy_from_slice(&hash[32..]);
        let scalar = Scalar::from_le_bytes_mod_order(&hash[..32]);
        let public = (BabyJubjub::GENERATOR
            * (scalar * <BabyJubjub as ark_ec::CurveConfig>::COFACTOR_INV))
            .into_affine();
        Self {
            scalar,
            nonce_key,
            public,
        }
    }

    /// The public key, a point of the prime subgroup.
    pub fn public_key(&self) -> Point {
        self.public
    }

    #[cfg(test)]
    pub(crate) fn scalar_for_tests(&self) -> Scalar {
        self.scalar
    }

    /// Signs `message`; the nonce is derived from key and message, so the signature is always the same.
    pub fn sign(&self, message: Fr) -> Signature {
        let preimage = Zeroizing::new(
            [
                self.nonce_key.as_slice(),
                &message.into_bigint().to_bytes_le(),
            ]
            .concat(),
        );
        let mut nonce = Scalar::from_le_bytes_mod_order(&*blake512(&preimage));
        let r8 = (BabyJubjub::GENERATOR * nonce).into_affine();
        let challenge = poseidon(&[r8.x, r8.y, self.public.x, self.public.y, message]);
        let s = nonce
            + Scalar::from_le_bytes_mod_order(&challenge.into_bigint().to_bytes_le()) * self.scalar;
        nonce.zeroize();
        Signature {
            r8,
            s: s.into_bigint(),
        }
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.scalar.zeroize();
        self.nonce_key.zeroize();
    }
}

/// [`verify`] in constraints: it accepts the same keys, messages and signatures, whatever the prover does.
///
/// The key is held to the curve, and 8 A, a point of the prime subgroup by then, must not be neutral: that refuses the keys of low
/// order. R8 need not be checked: it is constrained to equal `S Base8 - 8 h A`, a sum of points of the prime subgroup, so it is one
/// itself. h is represented canonically and S held below the order, so that each signature has one witness.
pub(crate) fn verify_gadget<T: Terms>(
    b: &mut Builder<T>,
    key: &PointVar<T>,
    message: &Num<T>,
    signature: &Signature,
) {
    let r8 = PointVar::private(b, &signature.r8);

    key.on_curve(b);
    let eight = key.double(b).double(b).double(b);

    let challenge = poseidon_gadget(b, &[&r8.x, &r8.y, &key.x, &key.y, message], &[]);
    let product = point_multiple(b, &eight, &challenge);
    base_multiple(b, signature.s).add_to(b, &product.negated(), &r8);
}
