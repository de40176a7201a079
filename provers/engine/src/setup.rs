//! Development keys: set-up on one machine, directly in snarkjs's form.

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::PrimeGroup;
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::rngs::OsRng;
use prooflane_circuits::{R1cs, Row};
use prooflane_formats::{Ceremony, SectionOrder, Zkey, domain_size};
use prooflane_verifier::VerifyingKey;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What whoever knows it can forge proofs with. Wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ToxicWaste {
    pub(crate) tau: Fr,
    pub(crate) alpha: Fr,
    pub(crate) beta: Fr,
    pub(crate) delta: Fr,
}

impl ToxicWaste {
    /// From the operating system's generator.
    pub(crate) fn random() -> Self {
        let random = || Fr::rand(&mut OsRng);
        Self {
            tau: random(),
            alpha: random(),
            beta: random(),
            delta: random(),
        }
    }
}

/// A key for a constraint system (eprint 2016/260, section 3.2, Setup). As after a ceremony (eprint 2017/1050), gamma is
/// one, which is as sound and one secret less. None if the field has no domain large enough, or a secret is one of the few
/// that cannot be used.
pub(crate) fn set_up(system: &R1cs, secret: &ToxicWaste) -> Option<Zkey> {
    let domain = domain_size(system.constraints(), system.num_public);
    let delta_inverse = Zeroizing::new(secret.delta.inverse()?);
    let [u, v, w] = columns_at(system, &lagrange(secret.tau, domain)?);
    let combined = |column: usize| secret.beta * u[column] + secret.alpha * v[column] + w[column];
    let public = system.num_public + 1;
    let ic = secrets((0..public).map(combined));
    let l = secrets((public..system.columns()).map(|column| combined(column) * *delta_inverse));
    // Every other point of the domain of twice the size is one of the coset.
    let odd = lagrange(secret.tau, 2 * domain)?;
    let h = secrets(
        odd.iter()
            .skip(1)
            .step_by(2)
            .map(|value| *value * *delta_inverse),
    );

    let (one_g1, one_g2) = (G1Projective::generator(), G2Projective::generator());
    let g1 = BatchMulPreprocessing::new(one_g1, domain.max(system.columns()));
    let g2 = BatchMulPreprocessing::new(one_g2, system.columns());
    let times_g2 = |scalar: &Fr| G2Affine::from(one_g2 * scalar);
    let times_g1 = |scalar: &Fr| G1Affine::from(one_g1 * scalar);
    Some(Zkey {
        verifying: VerifyingKey {
            alpha: times_g1(&secret.alpha),
            beta: times_g2(&secret.beta),
            gamma: one_g2.into(),
            delta: times_g2(&secret.delta),
            ic: g1.batch_mul(&ic),
        },
        beta_g1: times_g1(&secret.beta),
        delta_g1: times_g1(&secret.delta),
        coefficients: Zkey::coefficients_of(system),
        a: g1.batch_mul(&u),
        b_g1: g1.batch_mul(&v),
        b_g2: g2.batch_mul(&v),
        l: g1.batch_mul(&l),
        h: g1.batch_mul(&h),
        ceremony: Ceremony::none(),
        order: SectionOrder::default(),
    })
}

fn secrets(values: impl Iterator<Item = Fr>) -> Zeroizing<Vec<Fr>> {
    // One allocation, so that growing leaves no unwiped copies behind.
    let mut room = Zeroizing::new(Vec::with_capacity(values.size_hint().0));
    room.extend(values);
    room
}

/// The Lagrange polynomials over the domain of `size` points, at tau, which must not be one of these points.
fn lagrange(tau: Fr, size: usize) -> Option<Zeroizing<Vec<Fr>>> {
    let domain = Radix2EvaluationDomain::<Fr>::new(size)?;
    let outside = domain.evaluate_vanishing_polynomial(tau) != Fr::ZERO;
    outside.then(|| Zeroizing::new(domain.evaluate_all_lagrange_coefficients(tau)))
}

/// The polynomials of every column of A, B and C at tau, from the Lagrange polynomials there. A has a row more for the constant
/// and each public input, which makes their polynomials independent of all others.
fn columns_at(system: &R1cs, lagrange: &[Fr]) -> [Zeroizing<Vec<Fr>>; 3] {
    let column_sums = |rows: &[Row]| {
        let mut sums = Zeroizing::new(vec![Fr::ZERO; system.columns()]);
        for (row, at_tau) in rows.iter().zip(lagrange) {
            row.iter()
                .for_each(|(value, column)| sums[*column] += *value * at_tau);
        }
        sums
    };
    let mut u = column_sums(&system.a);
    let of_inputs = lagrange.iter().skip(system.constraints());
    u.iter_mut()
        .zip(of_inputs)
        .take(system.num_public + 1)
        .for_each(|(sum, at_tau)| *sum += at_tau);
    [u, column_sums(&system.b), column_sums(&system.c)]
}
