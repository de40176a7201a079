//! Tests of the circuits as constraint systems; dishonest assignments are made by [`Statement::assign`], which checks nothing.

mod gadgets;
mod json;
mod mutation;
mod negative;
mod pinned;
mod properties;
mod vectors;

use ark_ff::PrimeField;
use serde_json::json;

use super::*;

pub(crate) fn circuit(id: &str) -> &'static dyn Circuit {
    find(id).unwrap()
}

pub(crate) fn fr(n: u64) -> Fr {
    n.into()
}

/// Some field element that depends on `n`.
pub(crate) fn scramble(n: u64) -> Fr {
    poseidon(&[fr(n), fr(0xdecaf)])
}

pub(crate) fn bytes32(n: u64) -> String {
    format!(
        "0x{}",
        hex::encode(ark_ff::BigInteger::to_bytes_be(&scramble(n).into_bigint()))
    )
}

pub(crate) fn merkle_path(depth: usize) -> Value {
    let path: Vec<String> = (0..depth as u64).map(|i| scramble(i).to_string()).collect();
    json!({ "leaf": bytes32(99), "path": path, "index": 0x9e37_79b9_u64 & ((1 << depth) - 1) })
}

/// Inputs of `dataset-row@1` for a row of so many parts, every third one a null but the last, in a full tree: a range around the
/// column's value. The binding is 0, as the square that ties it in does not tell a sign.
pub(crate) fn row_inputs(parts: usize, column: usize) -> Value {
    let row: Vec<Option<u64>> = (0..parts)
        .map(|i| (i % 3 != 1 || i + 1 == parts).then_some(1000 + i as u64))
        .collect();
    let path: Vec<[String; 3]> = (0..ROW_LEVELS as u64)
        .map(|level| [0, 1, 2].map(|i| scramble(3 * level + i).to_string()))
        .collect();
    let value = 1000 + column as u64;
    json!({
        "column": column, "low": value - 1, "high": value + 1,
        "row": row, "salt": scramble(8).to_string(), "path": path, "index": 0x2d_1ae4,
    })
}

/// Best of 25 for each circuit's example: `cargo test --release -p prooflane-circuits times -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn times() {
    let best = |run: &dyn Fn()| {
        let time = |_| {
            let start = std::time::Instant::now();
            run();
            start.elapsed()
        };
        (0..25).map(time).min().unwrap()
    };
    for circuit in registry() {
        let example = circuit.example();
        let native = best(&|| drop(circuit.public_inputs(&example).unwrap()));
        let witness = best(&|| drop(circuit.witness(&example).unwrap()));
        let matrices = best(&|| drop(circuit.r1cs().unwrap()));
        println!(
            "{}: public inputs {native:?}, witness {witness:?}, matrices {matrices:?}",
            circuit.id()
        );
    }
    let example = payment::Payment::example();
    let parse = best(&|| drop(payment::Payment::parse(&example).unwrap()));
    let payment = payment::Payment::parse(&example).unwrap();
    let check = best(&|| payment.check().unwrap());
    let assign = best(&|| drop(payment.assign()));
    println!("payment@1's witness: reading {parse:?}, checking {check:?}, assigning {assign:?}");
    let leaves = vec![fr(1); MAX_LEAVES];
    let start = std::time::Instant::now();
    drop(MerkleTree::new(leaves));
    println!("a tree of {MAX_LEAVES} leaves: {:?}", start.elapsed());
    for parts in [1, 8, 15, 16, 60] {
        let row = vec![Some(5); parts];
        let leaf = best(&|| assert_ne!(row_leaf(&row, &[7; 31]), fr(0)));
        println!("the leaf of a row of {parts} parts: {leaf:?}");
    }
    let node = best(&|| assert_ne!(row_node([fr(1); 4]), fr(0)));
    println!("a node over four rows: {node:?}");
}
