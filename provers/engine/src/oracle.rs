//! arkworks' own way from a circuit to a key and to a proof, as a judge of ours.

use crate::Limits;
use crate::prove::prove_with;
use crate::setup::{ToxicWaste, set_up};
use crate::{Keys, ProvingKey, prove, reference};
use ark_bn254::{Bn254, G1Projective, G2Projective};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, Field};
use ark_groth16::Groth16;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use prooflane_circuits::{R1cs, Row, Witness};
use prooflane_formats::{Origin, R1csFile, Wtns, Zkey};
use prooflane_verifier::{Fr, Proof, VerifyError};

/// A circuit that knows its witness.
#[derive(Clone, Copy)]
struct Known<'a>(&'a R1cs, &'a Witness);

impl ConstraintSynthesizer<Fr> for Known<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let Self(r1cs, witness) = self;
        let mut columns = vec![Variable::One];
        for (column, value) in witness.assignment().iter().enumerate().skip(1) {
            columns.push(if column <= r1cs.num_public {
                cs.new_input_variable(|| Ok(*value))?
            } else {
                cs.new_witness_variable(|| Ok(*value))?
            });
        }
        let sum = |row: &Row| {
            row.iter().fold(LinearCombination::zero(), |sum, (k, i)| {
                sum + (*k, columns[*i])
            })
        };
        for ((a, b), c) in r1cs.a.iter().zip(&r1cs.b).zip(&r1cs.c) {
            cs.enforce_r1cs_constraint(|| sum(a), || sum(b), || sum(c))?;
        }
        Ok(())
    }
}

/// The key in arkworks' form, which has H as `[tau^i Z(tau) / delta]_1`. The points over the coset are `-1/2 L_j(tau / g)
/// Z(tau) / delta`, with `L_j` the Lagrange polynomials of the domain and `g` the coset's shift; `x^i` at `tau` is the sum of
/// the `L_j(tau / g)` times its values on the coset, `(g w^j)^i`: a transform in the exponent.
fn arkworks_key(key: &ProvingKey) -> ark_groth16::ProvingKey<Bn254> {
    let domain = |size| Radix2EvaluationDomain::<Fr>::new(size).unwrap();
    let shift = domain(2 * key.domain()).group_gen();
    let mut h: Vec<G1Projective> = key.h.iter().map(|point| (*point).into()).collect();
    domain(key.domain()).fft_in_place(&mut h);
    let mut factor = -Fr::from(2);
    for point in &mut h {
        *point *= factor;
        factor *= shift;
    }
    h.pop();
    let vk = &key.verifying;
    ark_groth16::ProvingKey {
        vk: ark_groth16::VerifyingKey {
            alpha_g1: vk.alpha,
            beta_g2: vk.beta,
            gamma_g2: vk.gamma,
            delta_g2: vk.delta,
            gamma_abc_g1: vk.ic.clone(),
        },
        beta_g1: key.beta_g1,
        delta_g1: key.delta_g1,
        a_query: key.a.clone(),
        b_g1_query: key.b_g1.clone(),
        b_g2_query: key.b_g2.clone(),
        h_query: G1Projective::normalize_batch(&h),
        l_query: key.l.clone(),
    }
}

fn arkworks_proof(
    key: &ark_groth16::ProvingKey<Bn254>,
    r1cs: &R1cs,
    witness: &Witness,
    [r, s]: [Fr; 2],
) -> Proof {
    let known = Known(r1cs, witness);
    let proof = Groth16::<Bn254>::create_proof_with_reduction(known, key, r, s).unwrap();
    Proof {
        a: proof.a,
        b: proof.b,
        c: proof.c,
    }
}

const RANDOMNESS: [(u64, u64); 3] = [(5, 6), (0, 0), (0, 7)];

#[test]
fn proofs_with_a_ceremonys_key_are_those_that_arkworks_makes() {
    let r1cs = R1csFile::read(include_bytes!("../../formats/fixtures/multiplier.r1cs"))
        .unwrap()
        .system();
    let witness = Wtns::read(include_bytes!("../../formats/fixtures/multiplier.wtns")).unwrap();
    let witness = witness.into_witness(r1cs.num_public).unwrap();
    for file in [
        &include_bytes!("../../formats/fixtures/initial.zkey")[..],
        include_bytes!("../../formats/fixtures/final.zkey"),
    ] {
        let key = ProvingKey::from(Zkey::read(file, Origin::Anyone).unwrap());
        let theirs = arkworks_key(&key);
        for (r, s) in RANDOMNESS {
            let [r, s] = [r, s].map(Fr::from);
            let ours = reference::prove(&key, witness.assignment(), &r, &s);
            assert_eq!(ours, arkworks_proof(&theirs, &r1cs, &witness, [r, s]));
        }
        prove::prove_with_key(&key, &witness).unwrap();
    }
}

#[test]
fn set_ups_are_those_that_arkworks_makes() {
    for circuit in ["range@1", "merkle@1"].map(|id| prooflane_circuits::find(id).unwrap()) {
        let r1cs = circuit.r1cs().unwrap();
        let witness = circuit.witness(&circuit.example()).unwrap();
        let size = prooflane_formats::domain_size(r1cs.constraints(), r1cs.num_public);
        // The next that arkworks draws from this generator is tau.
        let seeded = || StdRng::seed_from_u64(7);
        let tau = Radix2EvaluationDomain::<Fr>::new(size)
            .unwrap()
            .sample_element_outside_domain(&mut seeded());
        let [alpha, beta, delta] = [3, 4, 5].map(Fr::from);
        let secret = ToxicWaste {
            tau,
            alpha,
            beta,
            delta,
        };
        let ours = arkworks_key(&ProvingKey::from(set_up(&r1cs, &secret).unwrap()));
        let theirs = Groth16::<Bn254>::generate_parameters_with_qap(
            Known(&r1cs, &witness),
            alpha,
            beta,
            Fr::ONE,
            delta,
            G1Projective::generator(),
            G2Projective::generator(),
            &mut seeded(),
        );
        assert!(ours == theirs.unwrap(), "{}", circuit.id());
    }
}

#[test]
fn secrets_that_cannot_be_used_make_no_key() {
    let r1cs = prooflane_circuits::find("range@1").unwrap().r1cs().unwrap();
    let waste = |tau, delta| ToxicWaste {
        tau,
        delta,
        alpha: Fr::ONE,
        beta: Fr::ONE,
    };
    let size = prooflane_formats::domain_size(r1cs.constraints(), r1cs.num_public);
    let root = Radix2EvaluationDomain::<Fr>::new(2 * size).unwrap();
    let root = root.group_gen();
    for (tau, delta) in [(Fr::from(7), Fr::ZERO), (Fr::ONE, Fr::ONE), (root, Fr::ONE)] {
        assert!(set_up(&r1cs, &waste(tau, delta)).is_none());
    }
    assert!(set_up(&r1cs, &waste(Fr::from(7), Fr::ONE)).is_some());
}

#[test]
fn proofs_are_those_that_arkworks_makes() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys = Keys::open(dir.path()).unwrap();
    let others = Keys::open(other.path()).unwrap();
    for circuit in prooflane_circuits::registry() {
        let key = keys.get(*circuit).unwrap();
        let witness = circuit.witness(&circuit.example()).unwrap();
        let r1cs = circuit.r1cs().unwrap();
        let exported = keys.export(*circuit).unwrap();
        let exported = Zkey::read(&exported, Origin::Checked).unwrap();
        let arkworks = arkworks_key(&ProvingKey::from(exported));
        for (r, s) in RANDOMNESS.map(|(r, s)| (Fr::from(r), Fr::from(s))) {
            let theirs = arkworks_proof(&arkworks, &r1cs, &witness, [r, s]);
            assert_eq!(
                prove_with(&key, &witness, [&r, &s], &Limits::default()),
                Ok(theirs)
            );
            // And arkworks verifies it under its own form of the key, every input changed in turn.
            let pvk = ark_groth16::prepare_verifying_key(&arkworks.vk);
            let theirs = ark_groth16::Proof {
                a: theirs.a,
                b: theirs.b,
                c: theirs.c,
            };
            let inputs = witness.public_inputs();
            assert!(Groth16::<Bn254>::verify_proof(&pvk, &theirs, inputs).unwrap());
        }
        let (r, s) = (Fr::from(5), Fr::from(6));
        let proof = prove_with(&key, &witness, [&r, &s], &Limits::default()).unwrap();
        let verify = |inputs: &[Fr]| key.prepared().verify(&proof, inputs);
        for i in 0..r1cs.num_public {
            let mut inputs = witness.public_inputs().to_vec();
            inputs[i] += Fr::from(1);
            assert_eq!(verify(&inputs), Err(VerifyError::Invalid), "input {i}");
        }
        assert_eq!(
            verify(&circuit.public_inputs(&circuit.example()).unwrap()),
            Ok(())
        );
        // Two set-ups of one circuit are two keys.
        let other = others.get(*circuit).unwrap();
        assert_ne!(other.key_id(), key.key_id());
        let verified = other.prepared().verify(&proof, witness.public_inputs());
        assert_eq!(verified, Err(VerifyError::Invalid));
    }
}
