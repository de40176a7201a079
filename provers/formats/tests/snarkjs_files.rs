//! Files that circom and snarkjs made (`fixtures/make.sh`), read and written.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_formats::{FormatError, Origin, R1csFile, Wtns, Zkey};
use prooflane_verifier::snarkjs::{SnarkjsProof, SnarkjsVerifyingKey};
use prooflane_verifier::{Fr, PreparedKey, Proof, VerifyingKey};

const R1CS: &[u8] = include_bytes!("../fixtures/multiplier.r1cs");
const WTNS: &[u8] = include_bytes!("../fixtures/multiplier.wtns");
const INITIAL: &[u8] = include_bytes!("../fixtures/initial.zkey");
const FINAL: &[u8] = include_bytes!("../fixtures/final.zkey");
const VERIFYING_KEY: &str = include_str!("../fixtures/verification_key.json");
const PROOF: &str = include_str!("../fixtures/proof.json");

#[test]
fn written_again_they_are_the_same_bytes() {
    assert_eq!(R1csFile::read(R1CS).unwrap().to_bytes(), R1CS);
    assert_eq!(*Wtns::read(WTNS).unwrap().to_bytes(), WTNS);
    for key in [INITIAL, FINAL] {
        assert_eq!(Zkey::read(key, Origin::Anyone).unwrap().to_bytes(), key);
    }
}

#[test]
fn the_constraint_system_is_the_program() {
    let file = R1csFile::read(R1CS).unwrap();
    assert_eq!(
        (file.outputs, file.public_inputs, file.private_inputs),
        (1, 1, 2)
    );
    assert_eq!(
        (file.wires(), file.num_public(), file.constraints.len()),
        (6, 2, 3)
    );
    let system = file.system();
    assert_eq!((system.num_public, system.num_private), (2, 3));
    // a = 5, b = 3, c = 7: e = 30, d = 213.
    let values = [1, 213, 3, 5, 7, 30].map(Fr::from);
    assert_eq!(Wtns::read(WTNS).unwrap().values(), values);
    assert_eq!(system.first_unsatisfied(&values), None);
    for wire in 0..6 {
        let mut wrong = values;
        wrong[wire] += Fr::from(1);
        assert!(system.first_unsatisfied(&wrong).is_some(), "wire {wire}");
    }
    // Every row sorted, whatever order circom wrote it in.
    let rows = [&system.a, &system.b, &system.c].into_iter().flatten();
    assert!(rows.clone().all(|row| row.is_sorted_by(|x, y| x.1 < y.1)));
    assert!(
        R1csFile::read(&R1csFile::from(&system).to_bytes())
            .unwrap()
            .system()
            == system
    );
}

#[test]
fn the_key_is_that_of_the_system_and_of_the_ceremony() {
    let system = R1csFile::read(R1CS).unwrap().system();
    let (initial, last) = [INITIAL, FINAL]
        .map(|key| Zkey::read(key, Origin::Anyone).unwrap())
        .into();
    for key in [&initial, &last] {
        assert_eq!(
            (
                key.columns(),
                key.num_public(),
                key.constraints(),
                key.domain()
            ),
            (6, 2, 3, 8)
        );
        assert_eq!((key.check(), key.check_system(&system)), (Ok(()), Ok(())));
        assert_eq!(key.matrices(), [system.a.clone(), system.b.clone()]);
    }
    assert_eq!(initial.ceremony.contributions.len(), 0);
    let [first, beacon] = &last.ceremony.contributions[..] else {
        panic!("expected two contributions")
    };
    assert_eq!(first.name.as_deref(), Some(&b"a contributor"[..]));
    assert_eq!(first.beacon, None);
    let of_beacon = beacon.beacon.as_ref().unwrap();
    assert_eq!((of_beacon.iterations_log2, of_beacon.value.len()), (10, 32));
    assert_eq!(initial.ceremony.circuit_hash, last.ceremony.circuit_hash);
    // As snarkjs 0.7.6 computes them.
    let hashes = [first, beacon].map(|contribution| hex::encode(contribution.hash()));
    let expected = [
        "8862422f60c54c2847f5e3721830a7e3cc285a0a069fe72f0d798b41b4aea8c2\
         959309dc0b3b4cbd809197868fe83956f089bebc463ffc496d5cdc177655dcde",
        "650e4e918571f28e8a5026c29e980be62afc5e95a986cbe4b2e8f5bebd5c9168\
         493e5ecdfc3f32ab2810db2edf330df71fa08f4e52d2a50b95c9b553f975cc49",
    ];
    assert_eq!(hashes, expected);
}

#[test]
fn the_verifying_key_is_the_one_that_snarkjs_exports() {
    let json: SnarkjsVerifyingKey = serde_json::from_str(VERIFYING_KEY).unwrap();
    let key = Zkey::read(FINAL, Origin::Anyone).unwrap().verifying;
    assert_eq!(VerifyingKey::try_from(&json).unwrap(), key);
    assert_eq!(SnarkjsVerifyingKey::from(&key), json);
    let proof: SnarkjsProof = serde_json::from_str(PROOF).unwrap();
    let proof = Proof::try_from(&proof).unwrap();
    let verify = |d: u64| PreparedKey::new(&key).verify(&proof, &[Fr::from(d), Fr::from(3)]);
    assert!(verify(213).is_ok() && verify(214).is_err());
}

#[test]
fn a_witness_shorter_than_the_public_inputs_is_refused() {
    let witness = Wtns::read(WTNS).unwrap();
    assert!(matches!(
        witness.clone().into_witness(6),
        Err(FormatError::Value { .. })
    ));
    assert_eq!(
        witness.into_witness(2).unwrap().public_inputs(),
        [213, 3].map(Fr::from)
    );
}
