use crate::key::development;
use crate::{
    CircuitKey, KeyError, Keys, Limits, ProveError, Provenance, ProvingKey, TableOptions,
    TableProgress, TablesError, prove, prove_with_key, prove_within,
};
use ark_ff::{AdditiveGroup, Field};
use prooflane_circuits::{Circuit, CircuitError, InputError, R1cs, Witness};
use prooflane_formats::{Contribution, Zkey};
use prooflane_verifier::{Fr, KeyId, PreparedKey, Proof, VerifyError};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `x^power = y`, y public; one constraint a multiplication.
struct Power {
    id: &'static str,
    power: usize,
}

const CUBE: Power = Power {
    id: "power@1",
    power: 3,
};

impl Circuit for Power {
    fn id(&self) -> &'static str {
        self.id
    }
    fn about(&self) -> &'static str {
        "I know a root."
    }
    fn public_names(&self) -> &'static [&'static str] {
        &["y"]
    }
    fn r1cs(&self) -> Result<R1cs, CircuitError> {
        // Columns: 1, y, x, x^2, ..; the last product goes to y.
        let row = |column: usize| vec![(Fr::ONE, column)];
        let products = 1..self.power;
        let to = |i: usize| if i + 1 == self.power { 1 } else { i + 2 };
        Ok(R1cs {
            num_public: 1,
            num_private: self.power - 1,
            a: products.clone().map(|i| row(i + 1)).collect(),
            b: products.clone().map(|_| row(2)).collect(),
            c: products.map(|i| row(to(i))).collect(),
        })
    }
    fn public_inputs(&self, inputs: &Value) -> Result<Vec<Fr>, InputError> {
        Ok(self.witness(inputs)?.public_inputs().to_vec())
    }
    fn witness(&self, inputs: &Value) -> Result<Witness, InputError> {
        let x = Fr::from(inputs["x"].as_u64().unwrap());
        let power = |n: usize| x.pow([n as u64]);
        let mut assignment = vec![Fr::ONE, power(self.power)];
        assignment.extend((1..self.power).map(power));
        Ok(Witness::new(assignment, 1))
    }
    fn example(&self) -> Value {
        json!({"x": 3})
    }
}

fn zkey() -> Zkey {
    development(&CUBE, &CUBE.r1cs().unwrap()).unwrap()
}

/// As if somebody had contributed to it.
fn contributed() -> Zkey {
    let mut key = zkey();
    key.ceremony.contributions.push(Contribution {
        delta_after: key.delta_g1,
        g1_s: key.delta_g1,
        g1_sx: key.delta_g1,
        g2_spx: key.verifying.delta,
        transcript: [0; 64],
        name: None,
        beacon: None,
    });
    key
}

fn key_of(key: Zkey) -> CircuitKey {
    let (r1cs, options) = (CUBE.r1cs().unwrap(), TableOptions::default());
    CircuitKey::new(&CUBE, Provenance::Development, key, &r1cs, None, options)
}

/// As [`prove`], with given randomness.
fn prove_with(key: &CircuitKey, witness: &Witness, r: &Fr, s: &Fr) -> Result<Proof, ProveError> {
    crate::prove::prove_with(key, witness, [r, s], &Limits::default())
}

fn keys() -> (tempfile::TempDir, Keys) {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path().join("keys")).unwrap();
    (dir, keys)
}

fn again(keys: &Keys) -> Keys {
    Keys::open(keys.path("").parent().unwrap()).unwrap()
}

/// `bytes` with its body changed and its digest right again.
fn reseal(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = bytes[..bytes.len() - 32].to_vec();
    change(&mut body);
    let digest = blake3::hash(&body);
    body.extend_from_slice(digest.as_bytes());
    body
}

/// Offset of the proving key in a key file of [`CUBE`].
const PROVING: usize = 8 + 4 + 1 + 1 + 7 + 32 + 32 + 8;

#[test]
fn proves() {
    let (_dir, keys) = keys();
    let key = keys.get(&CUBE).unwrap();
    assert_eq!(key.circuit(), "power@1");
    assert_eq!(key.provenance(), Provenance::Development);
    assert_eq!(key.constraints(), 2);
    assert_eq!(key.key_id(), key.verifying_key().id());

    let witness = CUBE.witness(&CUBE.example()).unwrap();
    let one = prove(&key, &witness).unwrap();
    let two = prove(&key, &witness).unwrap();
    let verify = |proof| key.prepared().verify(proof, witness.public_inputs());
    assert_eq!((verify(&one), verify(&two)), (Ok(()), Ok(())));
    assert!(one.a != two.a && one.b != two.b && one.c != two.c);
    let other = key.prepared().verify(&one, &[Fr::from(28)]);
    assert_eq!(other, Err(VerifyError::Invalid));
    // The same randomness, the same proof: nothing else goes in.
    let (r, s) = (Fr::from(5), Fr::from(6));
    let with = |s| prove_with(&key, &witness, &r, &s).unwrap();
    assert_eq!(with(s), with(s));
    assert_ne!(with(s), with(r));
}

#[test]
fn refuses_wrong_witnesses() {
    let (_dir, keys) = keys();
    let key = keys.get(&CUBE).unwrap();
    let good = CUBE.witness(&CUBE.example()).unwrap();
    let circuit = || "power@1".to_owned();
    // 1, y, x, x^2: constraint 0 is x * x = x^2, constraint 1 is x^2 * x = y.
    for (column, constraint) in [(1, 1), (2, 0), (3, 0)] {
        let mut assignment = good.assignment().to_vec();
        assignment[column] += Fr::ONE;
        let error = prove(&key, &Witness::new(assignment, 1)).unwrap_err();
        let circuit = circuit();
        assert_eq!(
            error,
            ProveError::Unsatisfied {
                circuit,
                constraint
            }
        );
    }
    let zeros = Witness::new(vec![Fr::ZERO; 4], 1);
    assert_eq!(prove(&key, &zeros), Err(ProveError::NotOne(circuit())));
    for (values, public) in [(3, 1), (5, 1), (4, 0), (4, 2)] {
        let witness = Witness::new(vec![Fr::ONE; values], public);
        let error = prove(&key, &witness).unwrap_err();
        assert!(matches!(error, ProveError::Shape { .. }), "{error}");
    }
}

#[test]
fn a_proof_that_does_not_verify_stays_inside() {
    let mut key = zkey();
    // As if memory had flipped: points of another key.
    key.l = zkey().l;
    let key = key_of(key);
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    let error = prove(&key, &witness).unwrap_err();
    assert_eq!(error, ProveError::SelfCheck("power@1".into()));
}

#[test]
fn a_key_is_made_once_and_read_back() {
    let (_dir, keys) = keys();
    let made = keys.get(&CUBE).unwrap();
    assert!(Arc::ptr_eq(&made, &keys.get(&CUBE).unwrap()));
    let read = again(&keys).get(&CUBE).unwrap();
    assert_eq!(read.key_id(), made.key_id());
    assert_eq!(read.provenance(), Provenance::Development);
    let witness = CUBE.witness(&json!({"x": 5})).unwrap();
    let proof = prove(&read, &witness).unwrap();
    let verified = made.prepared().verify(&proof, witness.public_inputs());
    assert_eq!(verified, Ok(()));

    let id = made.key_id().to_string();
    assert!(again(&keys).find(&CUBE, &id).unwrap().is_some());
    let zeros = KeyId([0; 32]).to_string();
    assert!(again(&keys).find(&CUBE, &zeros).unwrap().is_none());
    let other = Power {
        id: "power@2",
        power: 2,
    };
    assert!(keys.find(&other, &id).unwrap().is_none());
    assert!(!keys.path("power@2").exists());
}

#[test]
fn a_race_ends_with_one_key() {
    let (_dir, keys) = keys();
    for round in 0..8 {
        let circuit = &Power {
            id: ["r@0", "r@1", "r@2", "r@3", "r@4", "r@5", "r@6", "r@7"][round],
            power: 9,
        };
        // Each stands for a process, with two threads.
        let processes: Vec<Keys> = (0..4).map(|_| again(&keys)).collect();
        let ids: BTreeSet<KeyId> = std::thread::scope(|scope| {
            let threads: Vec<_> = processes
                .iter()
                .chain(&processes)
                .map(|keys| scope.spawn(|| keys.get(circuit).unwrap().key_id()))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 1);
        assert_eq!(
            ids.first(),
            Some(&again(&keys).get(circuit).unwrap().key_id())
        );
    }
    let files = std::fs::read_dir(keys.path("").parent().unwrap()).unwrap();
    assert_eq!(files.count(), 8, "only the keys are left");
}

#[test]
fn damaged_files_are_refused() {
    let (_dir, keys) = keys();
    keys.get(&CUBE).unwrap();
    let path = keys.path(CUBE.id());
    let good = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        match again(&keys).get(&CUBE).map(|key| key.key_id()) {
            Err(KeyError::Damaged { problem, .. }) => problem,
            other => panic!("{other:?}"),
        }
    };
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        refused(&bytes);
    }
    for len in (0..good.len()).step_by(7) {
        refused(&good[..len]);
    }
    refused(&[&good[..], &[0]].concat());
    // With a digest that fits.
    let changed = |at: usize, to: u8| refused(&reseal(&good, |body| body[at] = to));
    assert!(changed(8, 1).contains("version"));
    assert!(changed(12, 7).contains("provenance"));
    assert!(changed(14, b'x').contains("another circuit"));
    assert!(changed(14 + 7 + 32, 0).contains("verifying key") || good[14 + 7 + 32] == 0);
    for len in 8..PROVING {
        assert!(refused(&reseal(&good, |body| body.truncate(len))).contains("early"));
    }
    assert!(refused(&reseal(&good, |body| body.truncate(PROVING + 9))).contains("length"));
    assert!(refused(&reseal(&good, |body| body.push(0))).contains("length"));
    let longer = |body: &mut Vec<u8>| {
        body.push(0);
        let size = (body.len() - PROVING) as u64;
        body[PROVING - 8..PROVING].copy_from_slice(&size.to_le_bytes());
    };
    assert!(refused(&reseal(&good, longer)).contains("its end"));

    std::fs::write(&path, &good).unwrap();
    assert!(again(&keys).get(&CUBE).is_ok());
}

#[test]
fn a_key_for_another_shape_is_refused() {
    let (_dir, keys) = keys();
    keys.get(&CUBE).unwrap();
    let changed = Power { power: 4, ..CUBE };
    let Err(error) = again(&keys).get(&changed) else {
        panic!("a stale key was loaded")
    };
    assert!(matches!(error, KeyError::Stale { .. }));
    assert!(error.to_string().contains("delete the file"), "{error}");
    // Doing what it says helps.
    std::fs::remove_file(keys.path(CUBE.id())).unwrap();
    assert!(again(&keys).get(&changed).is_ok());
}

#[test]
fn installs_the_key_expected_and_no_other() {
    let (_network, network) = keys();
    let (_prover, prover) = keys();
    let key = network.get(&CUBE).unwrap();
    let id = key.key_id().to_string();
    let bytes = std::fs::read(network.path(CUBE.id())).unwrap();
    // The prover's own key goes out of the way.
    assert_ne!(prover.get(&CUBE).unwrap().key_id(), key.key_id());
    assert!(prover.find(&CUBE, &id).unwrap().is_none());

    let refused = |bytes: &[u8], id: &str| {
        let before = std::fs::read(prover.path(CUBE.id())).unwrap();
        let Err(error) = prover.install(&CUBE, bytes, id) else {
            panic!("installed")
        };
        assert_eq!(std::fs::read(prover.path(CUBE.id())).unwrap(), before);
        error.to_string()
    };
    let zeros = KeyId([0; 32]).to_string();
    assert!(refused(&bytes, &zeros).contains(&zeros));
    assert!(refused(&bytes[1..], &id).contains("offered for power@1"));
    assert!(refused(&[], &id).contains("offered for power@1"));
    // A point of the proving key that is not on the curve: the last of H, which stands before a ceremony of 68 bytes.
    let last = |body: &mut Vec<u8>| {
        let at = body.len() - 68 - 12 - 32;
        body[at] ^= 1;
    };
    assert!(refused(&reseal(&bytes, last), &id).contains("not on the curve"));
    let (_other, other) = keys();
    other.get(&Power { power: 4, ..CUBE }).unwrap();
    let stale = std::fs::read(other.path(CUBE.id())).unwrap();
    assert!(refused(&stale, &id).contains("same version"));

    prover.install(&CUBE, &bytes, &id).unwrap();
    let found = prover.find(&CUBE, &id).unwrap().unwrap();
    assert_eq!(again(&prover).get(&CUBE).unwrap().key_id(), key.key_id());
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    let proof = prove(&found, &witness).unwrap();
    let verified = key.prepared().verify(&proof, witness.public_inputs());
    assert_eq!(verified, Ok(()));
}

#[test]
fn keys_that_do_not_fit_the_circuit_are_refused() {
    let (_dir, keys) = keys();
    let r1cs = CUBE.r1cs().unwrap();
    let (columns, other) = (r1cs.columns(), zkey());
    let changes: [&dyn Fn(&mut Zkey); 11] = [
        &|key| key.verifying.ic.truncate(1),
        &|key| key.a.truncate(1),
        &|key| key.b_g1.clear(),
        &|key| key.b_g2.clear(),
        &|key| key.l.push(key.delta_g1),
        &|key| key.h.truncate(1),
        // As many points, but of a key that cannot be a sound one.
        &|key| key.b_g1[2] = key.delta_g1,
        &|key| key.delta_g1 = other.delta_g1,
        &|key| key.verifying.delta = ark_bn254::G2Affine::identity(),
        // Other matrices.
        &|key| key.coefficients[0].column = columns as u32 - 1,
        &|key| key.coefficients[0].value = Fr::from(2),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut key = contributed();
        change(&mut key);
        let id = key.verifying.id().to_string();
        let file = crate::file::write(&CUBE, &r1cs, Provenance::Development, &key);
        let installed = keys.install(&CUBE, &file, &id);
        assert!(
            matches!(installed, Err(KeyError::Offered { .. })),
            "{index}"
        );
        assert!(keys.import(&CUBE, &key.to_bytes()).is_err(), "{index}");
    }
    // What only a proof tells: points that do not belong to the matrices.
    let mut key = contributed();
    key.h = other.h.clone();
    let imported = keys.import(&CUBE, &key.to_bytes());
    assert!(matches!(imported, Err(KeyError::Useless { .. })));
    assert!(!keys.path(CUBE.id()).exists());
}

#[test]
fn a_ceremonys_key_replaces_a_development_key_and_is_never_replaced() {
    let (_dir, keys) = keys();
    let development = keys.get(&CUBE).unwrap();
    let nobodys = keys.import(&CUBE, &zkey().to_bytes());
    assert!(matches!(nobodys, Err(KeyError::NoCeremony(_))));
    let zkey = contributed().to_bytes();
    let imported = keys.import(&CUBE, &zkey).unwrap();
    assert_eq!(imported.provenance(), Provenance::Ceremony);
    assert_ne!(imported.key_id(), development.key_id());
    assert_eq!(keys.export(&CUBE).unwrap(), zkey);
    for keys in [&keys, &again(&keys)] {
        let key = keys.get(&CUBE).unwrap();
        assert_eq!(
            (key.key_id(), key.provenance()),
            (imported.key_id(), Provenance::Ceremony)
        );
        let error = keys.import(&CUBE, &contributed().to_bytes()).err().unwrap();
        assert!(
            error.to_string().contains(&imported.key_id().to_string()),
            "{error}"
        );
    }
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    let proof = prove(&keys.get(&CUBE).unwrap(), &witness).unwrap();
    assert_eq!(
        imported.prepared().verify(&proof, witness.public_inputs()),
        Ok(())
    );
}

#[test]
fn a_key_of_any_circuit_proves_and_refuses_what_does_not_verify() {
    let key = ProvingKey::from(zkey());
    let good = CUBE.witness(&CUBE.example()).unwrap();
    let proof = prove_with_key(&key, &good).unwrap();
    let prepared = PreparedKey::new(&key.verifying);
    assert_eq!(prepared.verify(&proof, good.public_inputs()), Ok(()));
    for column in 0..4 {
        let mut assignment = good.assignment().to_vec();
        assignment[column] += Fr::ONE;
        let error = prove_with_key(&key, &Witness::new(assignment, 1)).unwrap_err();
        let expected = if column == 0 {
            ProveError::NotOne("the key".into())
        } else {
            ProveError::Unsound
        };
        assert_eq!(error, expected);
    }
    let short = Witness::new(vec![Fr::ONE; 3], 1);
    assert!(matches!(
        prove_with_key(&key, &short),
        Err(ProveError::Shape { .. })
    ));
}

/// The files of tables beside a key.
fn tables_beside(keys: &Keys) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(keys.path("").parent().unwrap()).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension() == Some("tables".as_ref()))
        .collect()
}

#[test]
fn tables_are_made_by_the_first_proof_and_found_by_the_next_process() {
    let (_dir, keys) = keys();
    let heard = Arc::new(std::sync::Mutex::new(vec![]));
    let listener = heard.clone();
    let keys = keys.with_tables(TableOptions {
        progress: Some(Arc::new(move |progress: TableProgress<'_>| {
            assert_eq!(progress.circuit, "power@1");
            listener
                .lock()
                .unwrap()
                .push((progress.done, progress.total));
        })),
        budget_bytes: None,
    });
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    let key = keys.get(&CUBE).unwrap();
    assert!(tables_beside(&keys).is_empty());
    prove(&key, &witness).unwrap();
    let tables = tables_beside(&keys);
    assert_eq!(tables.len(), 1);
    let heard = heard.lock().unwrap().clone();
    let (_, total) = heard[0];
    assert!(heard.contains(&(total, total)) && heard.iter().all(|(done, _)| *done <= total));

    // The next process reads none of the points, which are gone here.
    let written = std::fs::metadata(&tables[0]).unwrap().modified().unwrap();
    let read = again(&keys).get(&CUBE).unwrap();
    assert_eq!(
        (read.key_id(), read.provenance()),
        (key.key_id(), key.provenance())
    );
    assert_eq!(read.constraints(), 2);
    let (r, s) = (Fr::from(5), Fr::from(6));
    assert_eq!(
        prove_with(&read, &witness, &r, &s),
        prove_with(&key, &witness, &r, &s)
    );
    assert_eq!(
        std::fs::metadata(&tables[0]).unwrap().modified().unwrap(),
        written
    );
}

#[test]
fn tables_that_do_not_fit_are_made_again() {
    let (_dir, keys) = keys();
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    prove(&keys.get(&CUBE).unwrap(), &witness).unwrap();
    let path = tables_beside(&keys).remove(0);
    let good = std::fs::read(&path).unwrap();
    // The header, its digest, the list of sections, the verifying key, the matrices and the selections; then cut files.
    let points = 8 + 3 * 16 + 2 * 8;
    // A, B and C: counts, a start for each row and the end, an entry for each row; A has two rows more for the public.
    let matrices = (3 + 5 + 4) + 2 * (3 + 3 + 2);
    let small = 512 + 8 * (points + matrices);
    let mut bad: Vec<Vec<u8>> = (0..small)
        .step_by(5)
        .map(|at| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        })
        .collect();
    bad.extend([0, 7, 511, 512, 600, good.len() - 64].map(|length| good[..length].to_vec()));
    for bytes in bad {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        prove(&again(&keys).get(&CUBE).unwrap(), &witness).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), good);
    }
}

/// [`CUBE`] as if its code had a name, which says how often its constraints were made.
struct Coded {
    code: [u8; 32],
    power: Power,
    made: AtomicUsize,
}

impl Coded {
    fn new(code: u8, power: usize) -> Self {
        Self {
            code: [code; 32],
            power: Power { power, ..CUBE },
            made: AtomicUsize::new(0),
        }
    }

    fn made(&self) -> usize {
        self.made.swap(0, Ordering::Relaxed)
    }
}

impl Circuit for Coded {
    fn id(&self) -> &'static str {
        self.power.id()
    }
    fn about(&self) -> &'static str {
        self.power.about()
    }
    fn public_names(&self) -> &'static [&'static str] {
        self.power.public_names()
    }
    fn r1cs(&self) -> Result<R1cs, CircuitError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.power.r1cs()
    }
    fn code(&self) -> Option<[u8; 32]> {
        Some(self.code)
    }
    fn public_inputs(&self, inputs: &Value) -> Result<Vec<Fr>, InputError> {
        self.power.public_inputs(inputs)
    }
    fn witness(&self, inputs: &Value) -> Result<Witness, InputError> {
        self.power.witness(inputs)
    }
    fn example(&self) -> Value {
        self.power.example()
    }
}

#[test]
fn constraints_are_not_made_again_while_the_code_is_the_same() {
    let (_dir, keys) = keys();
    let circuit = Coded::new(1, 3);
    let witness = circuit.witness(&circuit.example()).unwrap();
    let prove_again = |circuit: &Coded| prove(&again(&keys).get(circuit).unwrap(), &witness);
    let key_id = keys.get(&circuit).unwrap().key_id();
    assert_eq!(circuit.made(), 1);
    prove_again(&circuit).unwrap();
    assert_eq!(circuit.made(), 1, "there were no tables yet");
    prove_again(&circuit).unwrap();
    assert_eq!(circuit.made(), 0);
    // What is wrong is said as before, and which constraint does not hold.
    let mut wrong = witness.assignment().to_vec();
    wrong[2] += Fr::ONE;
    let error = prove(
        &again(&keys).get(&circuit).unwrap(),
        &Witness::new(wrong, 1),
    )
    .unwrap_err();
    assert!(matches!(
        error,
        ProveError::Unsatisfied { constraint: 0, .. }
    ));
    assert_eq!(circuit.made(), 0);
    // Other code with the same constraints: they are made once more, and the tables with them.
    let rewritten = Coded::new(2, 3);
    prove_again(&rewritten).unwrap();
    assert_eq!(rewritten.made(), 1);
    prove_again(&rewritten).unwrap();
    assert_eq!(rewritten.made(), 0);
    assert_eq!(again(&keys).get(&rewritten).unwrap().key_id(), key_id);
    // Other constraints.
    let changed = Coded::new(3, 4);
    let stale = again(&keys).get(&changed).map(|key| key.key_id());
    assert!(matches!(stale, Err(KeyError::Stale { .. })), "{stale:?}");
    assert_eq!(tables_beside(&keys).len(), 1);
}

#[test]
fn tables_excuse_neither_a_damaged_key_file_nor_another_circuit() {
    let (_dir, keys) = keys();
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    prove(&keys.get(&CUBE).unwrap(), &witness).unwrap();
    prove(&again(&keys).get(&CUBE).unwrap(), &witness).unwrap();
    let changed = Power { power: 4, ..CUBE };
    let stale = again(&keys).get(&changed).map(|key| key.key_id());
    assert!(matches!(stale, Err(KeyError::Stale { .. })), "{stale:?}");
    let path = keys.path(CUBE.id());
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(11) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let damaged = again(&keys).get(&CUBE).map(|key| key.key_id());
        assert!(
            matches!(damaged, Err(KeyError::Damaged { .. })),
            "{damaged:?}"
        );
    }
    assert_eq!(tables_beside(&keys).len(), 1);
}

#[test]
fn damaged_tables_make_no_proof_and_are_removed() {
    let (_dir, keys) = keys();
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    prove(&keys.get(&CUBE).unwrap(), &witness).unwrap();
    let path = tables_beside(&keys).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    // Points of H, which every proof multiplies by values of full size.
    let points = bytes.len() / 8 * 7..bytes.len();
    bytes[points]
        .iter_mut()
        .for_each(|byte| *byte = byte.wrapping_add(1));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let error = prove(&again(&keys).get(&CUBE).unwrap(), &witness).unwrap_err();
    assert_eq!(
        error,
        ProveError::Tables(TablesError::Damaged(path.clone()))
    );
    assert!(!path.exists());
    prove(&again(&keys).get(&CUBE).unwrap(), &witness).unwrap();
    assert!(path.exists());
}

#[test]
fn tables_that_cannot_be_written_stay_in_memory() {
    let (_dir, keys) = keys();
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    prove(&keys.get(&CUBE).unwrap(), &witness).unwrap();
    let path = tables_beside(&keys).remove(0);
    // Nothing can take the name of a directory.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let key = again(&keys).get(&CUBE).unwrap();
    key.warm(&witness).unwrap();
    prove(&key, &witness).unwrap();
    assert!(path.is_dir());
    let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
    assert_eq!(files.count(), 2, "the key and the directory are left");
}

#[test]
fn a_new_key_takes_its_own_tables_and_the_old_ones_go() {
    let (_dir, keys) = keys();
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    prove(&keys.get(&CUBE).unwrap(), &witness).unwrap();
    let old = tables_beside(&keys);
    let imported = keys.import(&CUBE, &contributed().to_bytes()).unwrap();
    let proof = prove(&imported, &witness).unwrap();
    let verified = imported.prepared().verify(&proof, witness.public_inputs());
    assert_eq!(verified, Ok(()));
    let new = tables_beside(&keys);
    assert_eq!(new.len(), 1);
    assert_ne!(new, old);
}

#[test]
fn many_threads_make_tables_once() {
    let key = key_of(zkey());
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    // Threads of rayon's own, which take up each other's work while they wait, and others.
    use rayon::prelude::*;
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| prove(&key, &witness).is_ok()))
            .collect();
        assert!(
            (0..16)
                .into_par_iter()
                .all(|_| prove(&key, &witness).is_ok())
        );
        assert!(others.into_iter().all(|other| other.join().unwrap()));
    });
}

#[test]
fn proofs_keep_to_their_limits() {
    let key = key_of(zkey());
    let witness = CUBE.witness(&CUBE.example()).unwrap();
    let cancelled = Limits::default();
    assert!(prove_within(&key, &witness, &cancelled).is_ok());
    cancelled.cancel.cancel();
    let error = prove_within(&key, &witness, &cancelled).unwrap_err();
    assert_eq!(error, ProveError::Cancelled("power@1".into()));

    let needed_bytes = key.memory_bytes();
    let within = |limit| {
        let limits = Limits {
            memory_bytes: Some(limit),
            ..Limits::default()
        };
        prove_within(&key, &witness, &limits)
    };
    assert!(within(needed_bytes).is_ok());
    let error = within(needed_bytes - 1).unwrap_err();
    let (circuit, limit_bytes) = ("power@1".into(), needed_bytes - 1);
    assert_eq!(
        error,
        ProveError::Memory {
            circuit,
            limit_bytes,
            needed_bytes
        }
    );
}

/// Budgets from none at all: the proofs stay the same.
#[test]
fn tables_of_every_budget_make_the_same_proof() {
    let circuit = prooflane_circuits::find("range@1").unwrap();
    let r1cs = circuit.r1cs().unwrap();
    let made = development(circuit, &r1cs).unwrap();
    let witness = circuit.witness(&circuit.example()).unwrap();
    let expected = crate::reference::prove(
        &ProvingKey::from(made.clone()),
        witness.assignment(),
        &Fr::from(5),
        &Fr::from(6),
    );
    for budget_bytes in [Some(0), Some(200_000), Some(1 << 20), Some(5 << 20), None] {
        let options = TableOptions {
            budget_bytes,
            progress: None,
        };
        let key = CircuitKey::new(
            circuit,
            Provenance::Development,
            made.clone(),
            &r1cs,
            None,
            options,
        );
        let got = prove_with(&key, &witness, &Fr::from(5), &Fr::from(6));
        assert_eq!(got, Ok(expected), "{budget_bytes:?}");
        // One level is what there must be.
        let most = budget_bytes.unwrap_or(16 << 20).max(1 << 20);
        assert!(
            key.bases(witness.assignment()).unwrap().bytes() <= most,
            "{budget_bytes:?}"
        );
    }
}

#[test]
fn io_errors_name_the_file() {
    let (dir, _) = keys();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let Err(error) = Keys::open(&file) else {
        panic!("a file is no directory")
    };
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn every_circuit_of_the_registry_proves_its_example() {
    let (_dir, keys) = keys();
    for circuit in prooflane_circuits::registry() {
        let key = keys.get(*circuit).unwrap();
        let witness = circuit.witness(&circuit.example()).unwrap();
        let proof = prove(&key, &witness).unwrap();
        let inputs = circuit.public_inputs(&circuit.example()).unwrap();
        assert_eq!(key.prepared().verify(&proof, &inputs), Ok(()));
        assert_eq!(
            key.verifying_key().public_inputs(),
            circuit.public_names().len()
        );
    }
}
