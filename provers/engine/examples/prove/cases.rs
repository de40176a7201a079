//! What is proved.

use crate::Result;
use prooflane_circuits::{Circuit, CircuitError, Fr, InputError, R1cs, Row, Witness};
use prooflane_engine::Keys;
use prooflane_formats::Wtns;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A circuit of the registry, or copies of one side by side.
pub(crate) struct Case {
    pub(crate) name: String,
    circuit: &'static dyn Circuit,
    copies: usize,
}

impl Case {
    pub(crate) fn all(names: &[String]) -> Result<Vec<Self>> {
        let mut cases = Vec::new();
        for name in names {
            if name == "growth" {
                for log in 12..=19 {
                    cases.push(Self::named(&format!("2^{log}"))?);
                }
            } else {
                cases.push(Self::named(name)?);
            }
        }
        Ok(cases)
    }

    /// Large circuits are copies of `merkle@1`, which is Poseidon hashes one upon the other.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let of = |id: &str, constraints: usize| -> Result<Self> {
            let circuit = prooflane_circuits::find(id).ok_or("no such circuit")?;
            let copies = (constraints / circuit.r1cs()?.constraints()).max(1);
            Ok(Self {
                name: name.to_owned(),
                circuit,
                copies,
            })
        };
        match name {
            "payment" => of("payment@1", 0),
            "50k" => of("merkle@1", 50_000),
            "500k" => of("merkle@1", 500_000),
            _ => {
                let log: u32 = name
                    .strip_prefix("2^")
                    .and_then(|log| log.parse().ok())
                    .ok_or("expected payment, 50k, 500k, growth or 2^N as a case")?;
                // A domain also holds a row for the constant and each public input.
                of(
                    if log < 13 { "range@1" } else { "merkle@1" },
                    (1 << log) - 64,
                )
            }
        }
    }

    /// How often each prover proves it: fewer times what takes longer.
    pub(crate) fn runs(&self, most: usize) -> usize {
        (most * 4 / (3 + self.copies)).clamp(3.min(most), most.max(1))
    }

    fn copied(&self) -> Copies {
        Copies {
            id: format!("{}x{}", self.circuit.id(), self.copies).leak(),
            circuit: self.circuit,
            copies: self.copies,
        }
    }
}

/// The files of a case.
pub(crate) struct Files {
    pub(crate) dir: PathBuf,
    pub(crate) name: String,
    pub(crate) zkey: PathBuf,
    pub(crate) wtns: PathBuf,
    pub(crate) circuit: Copies,
    pub(crate) constraints: usize,
}

impl Files {
    pub(crate) fn of(folder: &Path, case: &Case) -> Self {
        let dir = folder.join(case.name.replace('^', ""));
        Self {
            zkey: dir.join("key.zkey"),
            wtns: dir.join("witness.wtns"),
            name: case.name.clone(),
            dir,
            circuit: case.copied(),
            constraints: 0,
        }
    }

    /// Makes those that are not there.
    pub(crate) fn make(folder: &Path, case: &Case) -> Result<Self> {
        let mut files = Self::of(folder, case);
        files.constraints = files.circuit.r1cs()?.constraints();
        let keys = Keys::open(&files.dir)?;
        if !files.zkey.exists() || !keys.path(files.circuit.id()).exists() {
            std::fs::write(&files.zkey, keys.export(&files.circuit)?)?;
        }
        let witness = files.circuit.witness(&files.circuit.example())?;
        std::fs::write(&files.wtns, &*Wtns::from(&witness).to_bytes())?;
        Ok(files)
    }

    pub(crate) fn witness(&self) -> Result<Witness> {
        let public = self.circuit.public_names().len();
        Ok(Wtns::read(&std::fs::read(&self.wtns)?)?.into_witness(public)?)
    }
}

/// Copies of a circuit that share the constant and the public inputs, all private values apart.
pub(crate) struct Copies {
    id: &'static str,
    circuit: &'static dyn Circuit,
    copies: usize,
}

impl Circuit for Copies {
    fn id(&self) -> &'static str {
        self.id
    }
    fn about(&self) -> &'static str {
        "Copies of a circuit, to measure with."
    }
    fn public_names(&self) -> &'static [&'static str] {
        self.circuit.public_names()
    }
    fn r1cs(&self) -> std::result::Result<R1cs, CircuitError> {
        let one = self.circuit.r1cs()?;
        let (shared, private) = (1 + one.num_public, one.num_private);
        let copied = |rows: &[Row]| -> Vec<Row> {
            let mut all = Vec::with_capacity(self.copies * rows.len());
            for copy in 0..self.copies {
                let moved = |column: usize| {
                    if column < shared {
                        column
                    } else {
                        column + copy * private
                    }
                };
                all.extend(rows.iter().map(|row| {
                    row.iter()
                        .map(|(value, column)| (*value, moved(*column)))
                        .collect::<Row>()
                }));
            }
            all
        };
        Ok(R1cs {
            num_public: one.num_public,
            num_private: self.copies * one.num_private,
            a: copied(&one.a),
            b: copied(&one.b),
            c: copied(&one.c),
        })
    }
    fn code(&self) -> Option<[u8; 32]> {
        self.circuit.code()
    }
    fn public_inputs(&self, inputs: &Value) -> std::result::Result<Vec<Fr>, InputError> {
        self.circuit.public_inputs(inputs)
    }
    fn witness(&self, inputs: &Value) -> std::result::Result<Witness, InputError> {
        let one = self.circuit.witness(inputs)?;
        let (shared, private) = one.assignment().split_at(1 + one.public_inputs().len());
        let assignment = [shared, &private.repeat(self.copies)].concat();
        Ok(Witness::new(assignment, shared.len() - 1))
    }
    fn example(&self) -> Value {
        self.circuit.example()
    }
}
