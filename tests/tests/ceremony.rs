//! A ceremony by snarkjs for a circuit of ours, and keys, witnesses and proofs that go both ways: what `docs/keys.md` shows.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_circuits::{Fr, R1cs, Witness};
use prooflane_engine::Backend;
use prooflane_formats::{Origin, R1csFile, Wtns, Zkey};
use prooflane_tests::binary::command;
use prooflane_tests::node::Snarkjs;
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

/// Small, and its keys have equal bases and infinities.
const CIRCUIT: &str = "range@1";
const BEACON: &str = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";

/// A folder where both programs work.
struct Bench {
    folder: TempDir,
    snarkjs: Snarkjs,
}

impl Bench {
    /// With the circuit, its example as inputs and a witness; none where there is no Node.js.
    fn new(circuit: &str) -> Option<Self> {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            snarkjs: Snarkjs::installed()?,
        };
        let example = prooflane_circuits::find(circuit).unwrap().example();
        std::fs::write(bench.at("inputs.json"), example.to_string()).unwrap();
        bench.ours(&format!("circuit export {circuit} --r1cs circuit.r1cs"));
        bench.ours(&format!(
            "witness {circuit} --inputs inputs.json --out witness.wtns"
        ));
        Some(bench)
    }

    fn at(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.at(file)).unwrap()
    }

    fn document(&self, file: &str) -> Value {
        serde_json::from_slice(&self.bytes(file)).unwrap()
    }

    /// snarkjs, expecting success.
    fn theirs(&self, line: &str) -> String {
        self.snarkjs.ok(self.folder.path(), line)
    }

    /// Whether snarkjs says yes.
    fn theirs_agrees(&self, line: &str) -> bool {
        self.snarkjs.run(self.folder.path(), line).status.success()
    }

    /// Runs prooflane with `--json`: its exit code, its object or error.
    fn ours_ended(&self, line: &str) -> (i32, Value) {
        let args: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        let output = command(&args)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        let said = if output.stdout.is_empty() {
            output.stderr
        } else {
            output.stdout
        };
        println!(
            "prooflane {line}: {code} {}",
            String::from_utf8_lossy(&said)
        );
        (code, serde_json::from_slice(&said).unwrap())
    }

    /// The same, expecting success.
    fn ours(&self, line: &str) -> Value {
        let (code, said) = self.ours_ended(line);
        assert_eq!(code, 0, "{line}: {said}");
        said
    }
}

#[test]
fn a_ceremony_by_snarkjs_ends_with_a_key_that_proves_here() {
    let Some(bench) = Bench::new(CIRCUIT) else {
        return;
    };
    let exported = bench.ours(&format!("circuit export {CIRCUIT} --r1cs circuit.r1cs"));
    assert_eq!(exported["powers_of_tau"], json!(9));

    bench.theirs("powersoftau new bn128 9 pot0.ptau");
    bench.theirs("powersoftau contribute pot0.ptau pot1.ptau --name=first -e=test");
    bench.theirs(&format!(
        "powersoftau beacon pot1.ptau pot2.ptau {BEACON} 10"
    ));
    bench.theirs("powersoftau prepare phase2 pot2.ptau powers.ptau");
    bench.theirs("powersoftau verify powers.ptau");
    bench.theirs("groth16 setup circuit.r1cs powers.ptau 0.zkey");
    bench.theirs("zkey contribute 0.zkey 1.zkey --name=Alice -e=test");
    bench.theirs(&format!(
        "zkey beacon 1.zkey final.zkey {BEACON} 10 --name=beacon"
    ));
    let verified = bench.theirs("zkey verify circuit.r1cs powers.ptau final.zkey");
    bench.theirs("zkey export verificationkey final.zkey theirs.json");

    // What snarkjs writes is read and written again to the byte, whatever the stage.
    for file in ["0.zkey", "1.zkey", "final.zkey"] {
        let key = Zkey::read(&bench.bytes(file), Origin::Anyone).unwrap();
        assert!(key.to_bytes() == bench.bytes(file), "{file}");
    }
    let inspected = bench.ours("key inspect final.zkey");
    assert_eq!(
        (&inspected["constraints"], &inspected["domain"]),
        (&json!(488), &json!(512))
    );
    let contributions = inspected["contributions"].as_array().unwrap();
    let names: Vec<&Value> = contributions.iter().map(|c| &c["name"]).collect();
    assert_eq!(names, [&json!("Alice"), &json!("beacon")]);
    assert_eq!(contributions[1]["beacon"]["value"], json!(BEACON));
    // What contributors note: snarkjs prints it in words.
    let printed: String = verified.split_whitespace().collect();
    for contribution in contributions {
        let hash = contribution["hash"].as_str().unwrap();
        assert!(hash.len() == 128 && printed.contains(hash), "{verified}");
    }
    bench.ours("key check final.zkey --r1cs circuit.r1cs");
    let (code, refused) = bench.ours_ended("key check final.zkey --circuit merkle@1");
    assert_eq!(
        (code, &refused["sound_as_far_as_checked"]),
        (1, &json!(false))
    );

    // Imported, it is what the circuit is proved with, and leaves as it came.
    let imported = bench.ours(&format!(
        "key import {CIRCUIT} --zkey final.zkey --keys keys"
    ));
    assert_eq!(imported["key_id"], inspected["key_id"]);
    let proved = bench.ours(&format!("prove {CIRCUIT} --inputs inputs.json --keys keys"));
    assert_eq!(
        (&proved["key_id"], &proved["provenance"]),
        (&inspected["key_id"], &json!("ceremony"))
    );
    bench.theirs("groth16 verify theirs.json public.json proof.json");
    bench.ours("verify --vkey theirs.json --proof proof.json --public public.json");
    bench.ours(&format!(
        "key export {CIRCUIT} --zkey again.zkey --vkey ours.json --keys keys"
    ));
    assert!(bench.bytes("again.zkey") == bench.bytes("final.zkey"));
    let mut theirs = bench.document("theirs.json");
    theirs.as_object_mut().unwrap().remove("vk_alphabeta_12");
    assert_eq!(bench.document("ours.json"), theirs);
    let (code, refused) =
        bench.ours_ended(&format!("key import {CIRCUIT} --zkey 1.zkey --keys keys"));
    assert_eq!(code, 5);
    assert!(
        refused["error"].as_str().unwrap().contains("move it away"),
        "{refused}"
    );

    // Proofs from files alone, ours and theirs, each judged by the other.
    let files = "--zkey final.zkey --wtns witness.wtns";
    bench.ours(&format!(
        "prove {files} --out-proof p.json --out-public x.json"
    ));
    bench.theirs("groth16 verify theirs.json x.json p.json");
    bench.theirs("groth16 prove final.zkey witness.wtns p.json x.json");
    bench.ours("verify --vkey theirs.json --proof p.json --public x.json");
    assert_eq!(bench.document("x.json"), bench.document("public.json"));

    // A development key says of itself that no ceremony made it.
    bench.ours(&format!(
        "key export {CIRCUIT} --zkey development.zkey --keys others"
    ));
    assert!(!bench.theirs_agrees("zkey verify circuit.r1cs powers.ptau development.zkey"));
}

/// `(x + y) (u - v) = p - q` for ten of each: `x` and `y` have equal bases in the key, and `u` and `v`, `p` and `q` opposite
/// ones, which affine addition without care would add up wrongly.
#[test]
fn a_key_of_snarkjs_with_equal_and_opposite_bases_proves_here() {
    let Some(bench) = Bench::new(CIRCUIT) else {
        return;
    };
    let (one, minus) = (Fr::from(1), -Fr::from(1));
    let pair = |column: usize, sign: Fr| vec![(one, column), (sign, column + 1)];
    let mut system = R1cs {
        num_public: 1,
        ..R1cs::default()
    };
    let mut assignment = vec![one, Fr::from(7)];
    for i in 0..10u64 {
        let first = assignment.len();
        let [x, y, u, v, q] = [3 * i, i, i * i, 5, 1 << i].map(Fr::from);
        assignment.extend([x, y, u, v, (x + y) * (u - v) + q, q]);
        system.a.push(pair(first, one));
        system.b.push(pair(first + 2, minus));
        system.c.push(pair(first + 4, minus));
    }
    system.num_private = assignment.len() - 2;
    assert_eq!(system.first_unsatisfied(&assignment), None);
    let witness = Witness::new(assignment, 1);
    std::fs::write(bench.at("alike.r1cs"), R1csFile::from(&system).to_bytes()).unwrap();
    std::fs::write(bench.at("alike.wtns"), Wtns::from(&witness).to_bytes()).unwrap();

    bench.theirs("powersoftau new bn128 5 pot0.ptau");
    bench.theirs("powersoftau contribute pot0.ptau pot1.ptau --name=first -e=test");
    bench.theirs("powersoftau prepare phase2 pot1.ptau powers.ptau");
    bench.theirs("groth16 setup alike.r1cs powers.ptau 0.zkey");
    bench.theirs("zkey contribute 0.zkey alike.zkey --name=Alice -e=test");
    bench.theirs("zkey export verificationkey alike.zkey vkey.json");
    let key = Zkey::read(&bench.bytes("alike.zkey"), Origin::Anyone).unwrap();
    for first in (2..key.columns()).step_by(6) {
        assert_eq!(key.a[first], key.a[first + 1]);
        assert_eq!(key.b_g1[first + 2], -key.b_g1[first + 3]);
        assert_eq!(key.b_g2[first + 2], -key.b_g2[first + 3]);
        // The columns of L begin after those of the constant and the public input.
        assert_eq!(key.l[first - 2], key.l[first - 1]);
        assert_eq!(key.l[first], -key.l[first + 1]);
        assert_eq!(key.l[first + 2], -key.l[first + 3]);
    }
    for backend in ["scalar", "ifma"] {
        if backend == "ifma" && !Backend::Ifma.is_available() {
            continue;
        }
        let line =
            "prove --zkey alike.zkey --wtns alike.wtns --out-proof p.json --out-public x.json";
        let mut prove = command(&line.split(' ').collect::<Vec<_>>());
        prove.env("PROOFLANE_ENGINE", backend);
        let output = prove.current_dir(bench.folder.path()).output().unwrap();
        assert!(output.status.success(), "{backend}: {output:?}");
        bench.theirs("groth16 verify vkey.json x.json p.json");
        bench.ours("verify --vkey vkey.json --proof p.json --public x.json");
    }
}

#[test]
fn snarkjs_works_with_what_is_exported() {
    for circuit in ["range@1", "merkle@1"] {
        let Some(bench) = Bench::new(circuit) else {
            return;
        };
        // The constraint system, as they read it and as they would write it.
        let file = R1csFile::read(&bench.bytes("circuit.r1cs")).unwrap();
        let info = bench.theirs("r1cs info circuit.r1cs");
        for (name, count) in [
            ("# of Wires", file.wires()),
            ("# of Constraints", file.constraints.len()),
            ("# of Public Inputs", file.num_public()),
            ("# of Outputs", 0),
        ] {
            let said = info.lines().find(|line| line.contains(name)).unwrap();
            assert!(said.ends_with(&format!(" {count}")), "{said}");
        }
        let names = (1..file.wires()).map(|wire| format!("{wire},{wire},0,main.w{wire}\n"));
        std::fs::write(bench.at("circuit.sym"), names.collect::<String>()).unwrap();
        let printed = bench.theirs("r1cs print circuit.r1cs circuit.sym");
        let lines = printed.lines().filter(|line| line.contains("] * ["));
        assert_eq!(lines.count(), file.constraints.len());
        assert!(!printed.contains("undefined"));

        // The witness.
        bench.theirs("wtns check circuit.r1cs witness.wtns");
        let known = prooflane_circuits::find(circuit).unwrap();
        let mut assignment = known
            .witness(&known.example())
            .unwrap()
            .assignment()
            .to_vec();
        let last = assignment.len() - 1;
        assignment[last] += prooflane_circuits::Fr::from(1);
        let wrong = prooflane_circuits::Witness::new(assignment, file.num_public());
        std::fs::write(bench.at("wrong.wtns"), Wtns::from(&wrong).to_bytes()).unwrap();
        assert!(!bench.theirs_agrees("wtns check circuit.r1cs wrong.wtns"));

        // The key: they prove with it, and export the same verifying key and a Solidity verifier from it.
        bench.ours(&format!(
            "key export {circuit} --zkey our.zkey --vkey ours.json --keys keys"
        ));
        bench.ours(&format!("key check our.zkey --circuit {circuit}"));
        bench.theirs("groth16 prove our.zkey witness.wtns proof.json public.json");
        bench.ours("verify --vkey ours.json --proof proof.json --public public.json");
        bench.theirs("groth16 verify ours.json public.json proof.json");
        bench.theirs("zkey export verificationkey our.zkey theirs.json");
        let (ours, theirs) = (bench.document("ours.json"), bench.document("theirs.json"));
        for (name, value) in ours.as_object().unwrap() {
            assert_eq!(theirs[name], *value, "{name}");
        }
        bench.theirs("zkey export solidityverifier our.zkey Verifier.sol");
        let solidity = String::from_utf8(bench.bytes("Verifier.sol")).unwrap();
        assert!(solidity.contains("contract Groth16Verifier"));
        for point in ours["IC"]
            .as_array()
            .unwrap()
            .iter()
            .chain([&ours["vk_alpha_1"]])
        {
            assert!(solidity.contains(point[0].as_str().unwrap()));
        }

        // A witness that satisfies nothing proves nothing.
        let (code, refused) = bench.ours_ended("prove --zkey our.zkey --wtns wrong.wtns");
        assert_eq!(code, 5);
        assert!(
            refused["error"]
                .as_str()
                .unwrap()
                .contains("does not verify"),
            "{refused}"
        );
    }
}
