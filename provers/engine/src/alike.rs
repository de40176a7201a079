//! Keys with equal and opposite bases, as real ones have: affine addition without care would make wrong sums of them.

use crate::bases::{Bases, Parts};
use crate::setup::{ToxicWaste, set_up};
use crate::{Cancel, ProvingKey, reference};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use prooflane_circuits::{R1cs, Row, Witness};
use prooflane_kernels::Backend;
use prooflane_verifier::{Fr, PreparedKey, Proof};
use proptest::prelude::*;
use std::collections::HashMap;

/// How many bases there are whose like, and whose opposite, has come before.
fn alike<G: AffineRepr>(bases: &[G]) -> (usize, usize) {
    let mut known: HashMap<G::BaseField, G> = HashMap::new();
    let (mut equal, mut opposite) = (0, 0);
    for base in bases {
        let Some((x, _)) = base.xy() else { continue };
        match known.insert(x, *base) {
            None => {}
            Some(before) if before == *base => equal += 1,
            Some(_) => opposite += 1,
        }
    }
    (equal, opposite)
}

/// `(x + y) (u - v) = p - q` and `(x + y) (x + y) = z + t`, again and again with other variables; `z` and `t` are in C
/// alone. Each of the variables is in the constraints as its partner is, or as its partner is with the other sign.
fn circuit(copies: usize, rng: &mut StdRng) -> (R1cs, Witness) {
    let mut r1cs = R1cs {
        num_public: 1,
        ..R1cs::default()
    };
    let mut assignment = vec![Fr::ONE, Fr::rand(rng)];
    for _ in 0..copies {
        // Small, full and zero; often values that cancel.
        let mut pick = || match rng.gen_range(0..4) {
            0 => Fr::ZERO,
            1 => Fr::from(rng.gen_range(0..5u64)),
            2 => -Fr::ONE,
            _ => Fr::rand(rng),
        };
        let [x, y, u, v, q, t] = std::array::from_fn(|_| pick());
        let first = assignment.len();
        let (sum, difference) = (x + y, u - v);
        let (p, z) = (sum * difference + q, sum * sum - t);
        assignment.extend([x, y, u, v, p, q, z, t]);
        let pair =
            |i: usize, sign: Fr| -> Row { vec![(Fr::ONE, first + i), (sign, first + i + 1)] };
        let (plus, minus) = (Fr::ONE, -Fr::ONE);
        r1cs.a.extend([pair(0, plus), pair(0, plus)]);
        r1cs.b.extend([pair(2, minus), pair(0, plus)]);
        r1cs.c.extend([pair(4, minus), pair(6, plus)]);
    }
    r1cs.num_private = assignment.len() - 2;
    (r1cs, Witness::new(assignment, 1))
}

/// A proof on each backend that is here, of tables of no budget and of enough.
fn proofs(key: &ProvingKey, witness: &Witness, r: &Fr, s: &Fr) -> Vec<Proof> {
    let assignment = witness.assignment();
    let values = [
        key.matrix_a.times(assignment),
        key.matrix_b.times(assignment),
    ];
    let mut proofs = vec![];
    for backend in [Backend::Scalar, Backend::Ifma] {
        for budget_bytes in [0, 64 << 20] {
            if backend.is_available() {
                let parts = Parts::new(key, budget_bytes, assignment);
                let bases = Bases::in_memory(parts, backend, &|_| ()).unwrap();
                let values = [&values[0][..], &values[1][..]];
                let proof = bases.prove(&key.verifying, assignment, values, [r, s], &Cancel::new());
                proofs.push(proof.ok().unwrap());
            }
        }
    }
    proofs
}

fn all_agree(key: &ProvingKey, witness: &Witness, rng: &mut StdRng) {
    let (r, s) = (Fr::rand(rng), Fr::rand(rng));
    let expected = reference::prove(key, witness.assignment(), &r, &s);
    let verified = PreparedKey::new(&key.verifying).verify(&expected, witness.public_inputs());
    assert_eq!(verified, Ok(()));
    for proof in proofs(key, witness, &r, &s) {
        assert_eq!(proof, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn equal_and_opposite_bases_everywhere(seed: u64, copies in 1usize..40) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (r1cs, witness) = circuit(copies, &mut rng);
        prop_assert_eq!(r1cs.first_unsatisfied(witness.assignment()), None);
        let key = ProvingKey::from(set_up(&r1cs, &ToxicWaste::random()).unwrap());
        // Of each eight variables x and y are alike in A and B, u and v opposite in B; all pairs are in L.
        prop_assert_eq!(alike(&key.a), (copies, 0));
        prop_assert_eq!(alike(&key.b_g1), (copies, copies));
        prop_assert_eq!(alike(&key.b_g2), (copies, copies));
        prop_assert_eq!(alike(&key.l), (2 * copies, 2 * copies));
        all_agree(&key, &witness, &mut rng);
        // A wire that changes places with its like changes neither the sums nor the proof.
        let mut swapped = witness.assignment().to_vec();
        swapped.swap(2, 3);
        let (r, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
        prop_assert_eq!(
            proofs(&key, &Witness::new(swapped, 1), &r, &s),
            proofs(&key, &witness, &r, &s)
        );
    }
}
