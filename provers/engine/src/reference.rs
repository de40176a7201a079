//! Proofs by arkworks' general arithmetic, from the key alone: the yardstick for every faster way.

use crate::ProvingKey;
use ark_bn254::{Fr, G1Affine, G1Projective, G2Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use prooflane_verifier::Proof;
use zeroize::Zeroizing;

/// A proof with given randomness (eprint 2016/260, section 3.2, Prove), without a check of anything.
///
/// # Panics
/// If the assignment has not one value a column, or the key's parts do not belong together.
pub fn prove(key: &ProvingKey, assignment: &[Fr], r: &Fr, s: &Fr) -> Proof {
    let integers = integers(assignment);
    let h = integers_of(quotient(key, assignment));
    let private = &integers[1 + key.num_public()..];
    let msm = |points: &[G1Affine], scalars: &[_]| G1Projective::msm_bigint(points, scalars);
    let vk = &key.verifying;

    let a = msm(&key.a, &integers) + vk.alpha + key.delta_g1 * r;
    let b_g1 = msm(&key.b_g1, &integers) + key.beta_g1 + key.delta_g1 * s;
    let b = G2Projective::msm_bigint(&key.b_g2, &integers) + vk.beta + vk.delta * s;
    let c = msm(&key.l, private) + msm(&key.h, &h) + a * s + b_g1 * r - key.delta_g1 * (*r * s);
    Proof {
        a: a.into_affine(),
        b: b.into_affine(),
        c: c.into_affine(),
    }
}

type Integer = <Fr as PrimeField>::BigInt;

fn integers(values: &[Fr]) -> Zeroizing<Vec<Integer>> {
    Zeroizing::new(values.iter().map(|value| value.into_bigint()).collect())
}

fn integers_of(values: Zeroizing<Vec<Fr>>) -> Zeroizing<Vec<Integer>> {
    integers(&values)
}

/// The values of `a b - c` on the coset of the domain by a square root of the domain's generator, where `a`, `b` and `c`
/// interpolate `A z`, `B z` and `C z` over the domain: the scalars of H. Six transforms. The values of `c` on
/// the domain are the products of those of `a` and `b`, for the assignment satisfies the constraints.
fn quotient(key: &ProvingKey, assignment: &[Fr]) -> Zeroizing<Vec<Fr>> {
    let size = key.domain();
    let domain =
        |size| Radix2EvaluationDomain::<Fr>::new(size).expect("a .zkey's domain is in the field");
    let shift = domain(2 * size).group_gen();
    let domain = domain(size);
    let coset = domain
        .get_coset(shift)
        .expect("a root of unity is not zero");

    let over_domain = |products: Zeroizing<Vec<Fr>>| {
        let mut values = Zeroizing::new(vec![Fr::ZERO; size]);
        values[..products.len()].copy_from_slice(&products);
        values
    };
    let mut a = over_domain(key.matrix_a.times(assignment));
    let mut b = over_domain(key.matrix_b.times(assignment));
    let mut c = Zeroizing::new(a.iter().zip(b.iter()).map(|(a, b)| *a * b).collect());
    for values in [&mut a, &mut b, &mut c] {
        domain.ifft_in_place(&mut **values);
        coset.fft_in_place(&mut **values);
    }
    a.iter_mut()
        .zip(b.iter())
        .zip(c.iter())
        .for_each(|((a, b), c)| *a = *a * b - c);
    a
}
