//! Changes every variable of every circuit, one at a time. A change that no constraint notices means a variable that a dishonest
//! prover may choose; none is allowed.

use super::*;

/// The columns from `first` on whose change, by 1, to the negative or to something else, leaves all constraints satisfied.
pub(crate) fn unnoticed_columns(r1cs: &R1cs, assignment: &[Fr], first: usize) -> Vec<usize> {
    let mut rows = vec![vec![]; r1cs.columns()];
    for matrix in [&r1cs.a, &r1cs.b, &r1cs.c] {
        for (row, terms) in matrix.iter().enumerate() {
            terms.iter().for_each(|(_, column)| rows[*column].push(row));
        }
    }
    let mut z = assignment.to_vec();
    let mut kept = vec![];
    for column in first..z.len() {
        let honest = z[column];
        for changed in [honest + fr(1), -honest, scramble(column as u64)] {
            z[column] = changed;
            if changed != honest && rows[column].iter().all(|row| r1cs.holds(*row, &z)) {
                kept.push(column);
            }
        }
        z[column] = honest;
    }
    kept
}

fn unnoticed(circuit: &dyn Circuit, inputs: &Value) -> Vec<usize> {
    let (r1cs, witness) = (circuit.r1cs().unwrap(), circuit.witness(inputs).unwrap());
    unnoticed_columns(&r1cs, witness.assignment(), 1)
}

pub(crate) const NONE: [usize; 0] = [];

#[test]
fn every_change_of_a_payment_is_noticed() {
    let circuit = circuit("payment@1");
    assert_eq!(unnoticed(circuit, &circuit.example()), NONE);
}

#[test]
fn every_change_of_a_range_is_noticed() {
    let circuit = circuit("range@1");
    assert_eq!(unnoticed(circuit, &circuit.example()), NONE);
    let tight = json!({ "value": u64::MAX, "blinding": "0", "min": u64::MAX, "max": u64::MAX });
    assert_eq!(unnoticed(circuit, &tight), NONE);
}

#[test]
fn every_change_of_a_membership_is_noticed() {
    let circuit = circuit("merkle@1");
    for inputs in [
        circuit.example(),
        merkle_path(0),
        merkle_path(1),
        merkle_path(31),
        merkle_path(32),
    ] {
        assert_eq!(unnoticed(circuit, &inputs), NONE, "{inputs}");
    }
}
