//! What a dishonest prover may choose: no variable.
//!
//! Every variable of every circuit is changed, one at a time, and a constraint must notice. As a prover may change several variables
//! together, the constraints of `payment@1`, `range@1` and `dataset-row@1` and of their gadgets must moreover determine all variables but the
//! statement's own: at a satisfying assignment their derivatives allow no direction to move in. Then whatever constraint is dropped,
//! either a variable is free and this fails, or it is one of the few constraints that determine nothing and only refuse, each of
//! which has its own test.

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

/// The columns that the constraints leave undetermined near the satisfying `assignment` when those that are `known` are kept: from a
/// constraint whose derivative is not zero in the direction of one unknown variable only, this variable is known.
pub(crate) fn undetermined(r1cs: &R1cs, z: &[Fr], known: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut unknown: Vec<bool> = (0..z.len())
        .map(|column| column > 0 && !known(column))
        .collect();
    let eval = |row: &Row| -> Fr { row.iter().map(|(k, column)| *k * z[*column]).sum() };
    let derivative = |row: usize| {
        let mut of = std::collections::BTreeMap::<usize, Fr>::new();
        let factors = [
            (&r1cs.a, eval(&r1cs.b[row])),
            (&r1cs.b, eval(&r1cs.a[row])),
            (&r1cs.c, -fr(1)),
        ];
        for (matrix, factor) in factors {
            for (k, column) in &matrix[row] {
                *of.entry(*column).or_default() += factor * k;
            }
        }
        of.into_iter()
            .filter(|(_, d)| *d != fr(0))
            .map(|(column, _)| column)
            .collect::<Vec<_>>()
    };
    let rows: Vec<Vec<usize>> = (0..r1cs.constraints()).map(derivative).collect();
    loop {
        let before = unknown.iter().filter(|u| **u).count();
        for row in &rows {
            let mut left = row.iter().filter(|column| unknown[**column]);
            if let (Some(column), None) = (left.next(), left.next()) {
                unknown[*column] = false;
            }
        }
        if unknown.iter().filter(|u| **u).count() == before {
            return (0..z.len()).filter(|column| unknown[*column]).collect();
        }
    }
}

fn unnoticed(circuit: &dyn Circuit, inputs: &Value) -> Vec<usize> {
    let (r1cs, witness) = (circuit.r1cs().unwrap(), circuit.witness(inputs).unwrap());
    unnoticed_columns(&r1cs, witness.assignment(), 1)
}

pub(crate) const NONE: [usize; 0] = [];

#[test]
fn the_inputs_of_a_statement_determine_all_variables() {
    // Public inputs, then amount, secret, transaction and time; value and blinding. The signature is determined, too: by the
    // digits that stand for S and h, which cannot be changed a little.
    for (id, known) in [("payment@1", 1..14), ("range@1", 1..6)] {
        let circuit = circuit(id);
        let (r1cs, witness) = (
            circuit.r1cs().unwrap(),
            circuit.witness(&circuit.example()).unwrap(),
        );
        assert_eq!(
            undetermined(&r1cs, witness.assignment(), |c| known.contains(&c)),
            NONE,
            "{id}"
        );
        let public = 1..1 + r1cs.num_public;
        assert_ne!(
            undetermined(&r1cs, witness.assignment(), |c| public.contains(&c)),
            NONE,
            "{id}: secrets"
        );
    }
}

/// The salt, the row's elements and the siblings, of every level but the node's own place.
#[test]
fn a_row_and_its_path_determine_all_variables() {
    let circuit = circuit("dataset-row@1");
    let r1cs = circuit.r1cs().unwrap();
    for parts in [1, 15, 16, 60] {
        let inputs = row_inputs(parts, parts - 1);
        let row = dataset_row::DatasetRow::parse(&inputs).unwrap();
        let witness = circuit.witness(&inputs).unwrap();
        let siblings = 1 + r1cs.num_public + 1 + row.elements.len();
        let known = |of_nodes: bool| {
            let digits = row.digits;
            move |column: usize| match column.checked_sub(siblings) {
                None => true,
                Some(node) => digits
                    .get(node / 4)
                    .is_some_and(|digit| of_nodes && node % 4 != *digit),
            }
        };
        let z = witness.assignment();
        assert_eq!(undetermined(&r1cs, z, known(true)), NONE, "{parts}");
        assert_ne!(undetermined(&r1cs, z, known(false)), NONE, "{parts}");
    }
}

#[test]
fn every_change_of_a_row_is_noticed() {
    let circuit = circuit("dataset-row@1");
    let last = [(1, 0), (15, 14), (16, 0), (31, 30), (60, 59)];
    let rows = last.map(|(parts, column)| row_inputs(parts, column));
    for inputs in rows.iter().chain([&circuit.example()]) {
        assert_eq!(unnoticed(circuit, inputs), NONE, "{inputs}");
    }
}

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
