//! What is proved in a simulation: a few statements of `range@1`, whose proofs are made once.

use crate::memory::held;
use prooflane_circuits::find;
use prooflane_coordinator::{Catalogue, Entry, Provenance};
use prooflane_engine::{CircuitKey, Keys, prove};
use prooflane_verifier::{Fr, Proof, field};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

pub(crate) const CIRCUIT: &str = "range@1";
const STATEMENTS: u64 = 3;

/// A statement with a proof of it.
pub(crate) struct Statement {
    pub(crate) inputs: Value,
    pub(crate) public: Vec<String>,
    pub(crate) proof: Proof,
}

struct Proved {
    key: Arc<CircuitKey>,
    statements: Vec<Statement>,
}

#[expect(
    clippy::expect_used,
    reason = "nothing can be simulated without proofs"
)]
static PROVED: LazyLock<Proved> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder for the key");
    let circuit = find(CIRCUIT).expect("range@1 is a circuit");
    let keys = Keys::open(dir.path()).expect("the folder can be read");
    let key = keys.get(circuit).expect("a development key can be made");
    let statement = |n: u64| {
        let mut inputs = circuit.example();
        inputs["max"] = json!((2_000_000 + n).to_string());
        let witness = circuit.witness(&inputs).expect("the example holds");
        Statement {
            public: witness
                .public_inputs()
                .iter()
                .map(field::to_decimal)
                .collect(),
            proof: prove(&key, &witness).expect("what holds can be proved"),
            inputs,
        }
    };
    let statements = (0..STATEMENTS).map(statement).collect();
    Proved { key, statements }
});

pub(crate) fn statements() -> &'static [Statement] {
    &PROVED.statements
}

/// The statement with these public inputs.
pub(crate) fn of(public: &[String]) -> Option<&'static Statement> {
    statements().iter().find(|s| s.public == public)
}

/// A sound proof, of another statement.
pub(crate) fn not_of(public: &[String]) -> &'static Proof {
    let other = statements().iter().find(|s| s.public != public);
    &other.unwrap_or(&statements()[0]).proof
}

/// Whether bytes are a proof of a statement, whatever the network says of it. The few proofs of a
/// simulation come again and again: each is verified once.
pub(crate) fn proves(bytes: &[u8], public: &[String]) -> bool {
    type Verdicts = BTreeMap<(Vec<u8>, Vec<String>), bool>;
    static KNOWN: Mutex<Verdicts> = Mutex::new(BTreeMap::new());
    let fields: Result<Vec<Fr>, _> = public.iter().map(|text| field::parse(text)).collect();
    let verify = || match (Proof::from_compact(bytes), &fields) {
        (Ok(proof), Ok(fields)) => PROVED.key.prepared().verify(&proof, fields).is_ok(),
        _ => false,
    };
    let name = (bytes.to_vec(), public.to_vec());
    *held(&KNOWN).entry(name).or_insert_with(verify)
}

pub(crate) fn catalogue() -> Catalogue {
    let key = &PROVED.key;
    find(CIRCUIT)
        .map(|circuit| {
            let verifying_key = key.verifying_key().clone();
            Entry::new(
                circuit,
                key.constraints(),
                verifying_key,
                Provenance::Development,
            )
        })
        .into_iter()
        .collect()
}
