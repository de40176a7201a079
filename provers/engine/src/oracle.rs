//! arkworks' own way from a circuit to a proof, which builds the matrices anew, as a judge of ours.

use crate::Keys;
use crate::prove::prove_with;
use ark_bn254::Bn254;
use ark_groth16::Groth16;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use prooflane_circuits::{R1cs, Row, Witness};
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

#[test]
fn proofs_are_those_that_arkworks_makes() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys = Keys::open(dir.path()).unwrap();
    let others = Keys::open(other.path()).unwrap();
    for circuit in prooflane_circuits::registry() {
        let key = keys.get(*circuit).unwrap();
        let witness = circuit.witness(&circuit.example()).unwrap();
        let r1cs = circuit.r1cs().unwrap();
        for (r, s) in [(5, 6), (0, 0), (0, 7)].map(|(r, s)| (Fr::from(r), Fr::from(s))) {
            let known = Known(&r1cs, &witness);
            let theirs =
                Groth16::<Bn254>::create_proof_with_reduction(known, &key.proving, r, s).unwrap();
            let theirs = Proof {
                a: theirs.a,
                b: theirs.b,
                c: theirs.c,
            };
            assert_eq!(prove_with(&key, &witness, &r, &s), Ok(theirs));
            // And arkworks verifies it under its own form of the key, every input changed in turn.
            let pvk = ark_groth16::prepare_verifying_key(&key.proving.vk);
            let theirs = ark_groth16::Proof {
                a: theirs.a,
                b: theirs.b,
                c: theirs.c,
            };
            let inputs = witness.public_inputs();
            assert!(Groth16::<Bn254>::verify_proof(&pvk, &theirs, inputs).unwrap());
        }
        let (r, s) = (Fr::from(5), Fr::from(6));
        let proof = prove_with(&key, &witness, &r, &s).unwrap();
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
