//! A row of a notarized dataset, proved to lie in a range by the engine that proves all circuits.

#![allow(clippy::unwrap_used, reason = "tests")]

use prooflane_circuits::find;
use prooflane_dataset::Kind;
use prooflane_engine::{Keys, prove};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with a ledger and a notarized dataset of five rows.
struct Ledger(TempDir);

const SALES: &str =
    "id,city,amount\n1,Bern,12.50\n2,Graz,999.99\n3,Bern,\n4,Oslo,500.00\n5,Graz,7.25\n";

impl Ledger {
    fn new() -> Self {
        let ledger = Self(tempfile::tempdir().unwrap());
        std::fs::write(ledger.0.path().join("sales.csv"), SALES).unwrap();
        ledger.json("init --origin example.com/ledger");
        ledger.json("keygen owner.key");
        ledger.json("notarize sales.csv");
        ledger
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, command: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_prooflane-ledger"))
            .args(command.split(' '))
            .args(["--json", "--config", "/dev/null"])
            .env_remove("PROOFLANE_LEDGER")
            .env("PROOFLANE_LEDGER_KEY", "owner.key")
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    fn json(&self, command: &str) -> Value {
        let output = self.run(command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn refused(&self, command: &str, code: i32) -> String {
        let output = self.run(command);
        assert_eq!(output.status.code(), Some(code), "{command}");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn figure<'a>(shown: &'a Value, name: &str) -> &'a str {
    let mut figures = shown["figures"].as_array().unwrap().iter();
    let found = figures.find(|figure| figure["name"] == name).unwrap();
    found["value"].as_str().unwrap()
}

#[test]
fn a_row_is_proved_to_lie_in_a_range() {
    let ledger = Ledger::new();
    let recorded = ledger.json("rows sales.csv");
    assert_eq!(recorded["statement"], "rows");
    assert_eq!(recorded["security_bits"], Value::Null);

    // The owner, whose inputs only they can read.
    let row = "row sales.csv --column amount --from 100.00 --to 999.99 --binding 0x2a";
    ledger.json(&format!("{row} --row 1 --out inputs.json"));
    let inputs = read(&ledger.path("inputs.json"));
    let circuit = find("dataset-row@1").unwrap();
    let keys = Keys::open(ledger.path("keys")).unwrap();
    let key = keys.get(circuit).unwrap();
    let proof = prove(&key, &circuit.witness(&inputs).unwrap()).unwrap();

    // Who verifies it has the ledger's receipt, and knows what was asked for.
    ledger.json("receipt 1 --out rows.tlog-proof");
    let verified = ledger.json("verify rows.tlog-proof");
    assert!(
        verified["statement"]
            .as_str()
            .unwrap()
            .contains("nothing proves")
    );
    let root = figure(&verified, "root");
    assert_eq!(figure(&verified, "column 5"), "amount");
    let key_of = |value: &str| Kind::Float64.key(value).unwrap().to_string();
    let asked = [root, "5", &key_of("100.00"), &key_of("999.99"), "42"];
    let public = asked.map(|text| prooflane_verifier::field::parse(text).unwrap());
    key.prepared().verify(&proof, &public).unwrap();
    for changed in 0..public.len() {
        let mut other = public;
        other[changed] += prooflane_circuits::Fr::from(1_u64);
        assert!(key.prepared().verify(&proof, &other).is_err(), "{changed}");
    }

    // Other rows do not lie in the range: that is said before anything is proved, and nothing is left.
    for (row_number, got) in [(0, "a smaller one"), (2, "none"), (4, "a smaller one")] {
        let error = ledger.refused(&format!("{row} --row {row_number} --out other.json"), 5);
        assert!(
            error.contains(&format!(
                "expected a value of amount in the range, got {got}"
            )),
            "{error}"
        );
        assert!(!ledger.path("other.json").exists());
    }
    assert!(
        ledger
            .refused(&format!("{row} --row 5 --out other.json"), 5)
            .contains("below 5")
    );
    assert!(
        ledger
            .refused(&format!("{row} --row 3 --out inputs.json"), 5)
            .contains("there already")
    );
    let city = "row sales.csv --column city --binding 1 --row 0 --out other.json";
    assert!(ledger.refused(city, 5).contains("city"));

    // And a row as it is not makes another root.
    let mut lie = inputs.clone();
    lie["row"][5] = key_of("200.00").into();
    assert_eq!(circuit.witness(&lie).unwrap_err().field(), "inputs.root");
}

#[test]
fn who_has_the_data_checks_the_root() {
    let ledger = Ledger::new();
    let recorded = ledger.json("rows sales.csv");
    let root = figure(&recorded, "root");
    let checked = ledger.json(&format!("rows sales.csv --check {root}"));
    assert_eq!(checked["root"], root);
    assert!(
        ledger
            .refused("rows sales.csv --check 7", 1)
            .contains("another root")
    );
    // Checking records nothing.
    assert_eq!(ledger.json("list").as_array().unwrap().len(), 2);

    std::fs::write(ledger.path("sales.csv"), SALES.replace("7.25", "7.26")).unwrap();
    assert!(
        ledger
            .refused(&format!("rows sales.csv --check {root}"), 1)
            .contains("not those")
    );
    assert!(ledger.refused("rows sales.csv", 5).contains("not those"));
}
