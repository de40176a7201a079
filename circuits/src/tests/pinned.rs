//! The shapes of the circuits, on which every proving key depends.

use super::*;

#[test]
fn constraints_are_as_pinned() {
    let shapes = registry().iter().map(|circuit| {
        let r1cs = circuit.r1cs().unwrap();
        let shape = json!({
            "constraints": r1cs.constraints(),
            "public": r1cs.num_public,
            "private": r1cs.num_private,
            "digest": hex::encode(r1cs.digest()),
        });
        (circuit.id().to_owned(), shape)
    });
    let made = format!("{:#}\n", Value::Object(shapes.collect()));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/constraints.json");
    if std::env::var_os("UPDATE_CONSTRAINTS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        made,
        "a constraint system changed, and with it every key made for it: give the circuit a new version if keys are in use, then \
         run UPDATE_CONSTRAINTS=1 cargo test -p prooflane-circuits pinned, and commit constraints.json"
    );
}

#[test]
fn the_shape_does_not_depend_on_the_inputs() {
    let shape = |s: &merkle::Merkle| {
        Builder::matrices(&s.public(), |b| s.synthesize(b))
            .0
            .digest()
    };
    let shapes =
        [0, 1, 32].map(|depth| shape(&merkle::Merkle::parse(&merkle_path(depth)).unwrap()));
    let pinned = circuit("merkle@1").r1cs().unwrap().digest();
    assert_eq!(shapes, [pinned; 3]);

    for (parts, column) in [(1, 0), (16, 15), (60, 59)] {
        let row = dataset_row::DatasetRow::parse(&row_inputs(parts, column)).unwrap();
        let (made, _) = Builder::matrices(&row.public(), |b| row.synthesize(b));
        let pinned = circuit("dataset-row@1").r1cs().unwrap().digest();
        assert_eq!(made.digest(), pinned, "{parts}");
    }

    let mut payment = payment::Payment::parse(&circuit("payment@1").example()).unwrap();
    (payment.amount, payment.signature.s, payment.attestor) =
        (-fr(1), 0u64.into(), Point::new_unchecked(fr(0), fr(0)));
    let (changed, _) = Builder::matrices(&payment.public(), |b| payment.synthesize(b));
    assert_eq!(
        changed.digest(),
        circuit("payment@1").r1cs().unwrap().digest()
    );
}

#[test]
fn the_registry_is_consistent() {
    for circuit in registry() {
        let (r1cs, example) = (circuit.r1cs().unwrap(), circuit.example());
        let witness = circuit.witness(&example).unwrap();
        assert_eq!(find(circuit.id()).unwrap().id(), circuit.id());
        assert_eq!(circuit.public_names().len(), r1cs.num_public);
        assert_eq!(r1cs.columns(), witness.assignment().len());
        assert_eq!(
            witness.public_inputs(),
            circuit.public_inputs(&example).unwrap()
        );
        assert_eq!(
            r1cs.first_unsatisfied(witness.assignment()),
            None,
            "{}",
            circuit.id()
        );
        assert_eq!(
            format!("{witness:?}"),
            format!(
                "Witness({} public, {} private)",
                r1cs.num_public, r1cs.num_private
            )
        );
    }
    assert!(find("payment@0").is_none());
}
