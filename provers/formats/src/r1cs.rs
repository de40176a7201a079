//! `.r1cs`: a constraint system (github.com/iden3/r1csfile, doc/r1cs_bin_format.md).

use crate::FormatError;
use crate::binfile::{self, Kind, Reader, Sections, put_count, put_u32};
use crate::field::{self, ELEMENT};
use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use prooflane_circuits::{R1cs, Row};

const KIND: Kind = Kind {
    magic: "r1cs",
    version: 1,
    required: &[HEADER, CONSTRAINTS, LABELS],
};
const HEADER: u32 = 1;
const CONSTRAINTS: u32 = 2;
const LABELS: u32 = 3;
const CUSTOM_GATES: u32 = 4;
const CUSTOM_GATE_USES: u32 = 5;

/// Bytes of one term of a linear combination: the wire and its coefficient.
const TERM: usize = 4 + ELEMENT;
/// Bytes of a constraint without terms: three counts.
const SMALLEST_CONSTRAINT: usize = 12;

/// A constraint system as a file holds it. Wire 0 is the constant one; then come outputs, public inputs, private inputs
/// and all others. Outputs are as public as inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct R1csFile {
    /// Outputs, which are public.
    pub outputs: u32,
    /// Public inputs.
    pub public_inputs: u32,
    /// Private inputs. What else is private is computed from them.
    pub private_inputs: u32,
    /// The rows of A, B and C for each constraint. Unlike those of an [`R1cs`], the terms of a row stand in any order (circom
    /// writes them as they fall), and a coefficient may be zero; no wire comes twice.
    pub constraints: Vec<[Row; 3]>,
    /// Which signal of the program each wire is; one number a wire.
    pub labels: Vec<u64>,
    /// Number of signals of the program.
    pub num_labels: u64,
    /// Types of the sections in the file's order.
    order: Vec<u32>,
    /// Sections that mean nothing here, kept as they are.
    others: Vec<(u32, Vec<u8>)>,
}

impl R1csFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FormatError`]; also for a system with custom gates, which Groth16 cannot prove.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let sections = Sections::read(&KIND, bytes)?;
        let mut header = sections.section(HEADER, "the header of the constraint system")?;
        field::expect_prime::<Fr>("the constraint system's field", &mut header)?;
        let wires = header.u32()?;
        let [outputs, public_inputs, private_inputs] =
            [header.u32()?, header.u32()?, header.u32()?];
        let num_labels = header.u64()?;
        let count = header.u32()? as usize;
        header.end()?;
        let inputs = [1, outputs, public_inputs, private_inputs].map(u64::from);
        if inputs.iter().sum::<u64>() > u64::from(wires) {
            let expected = "at least the constant, the outputs and the inputs";
            return Err(FormatError::value("number of wires", expected, wires));
        }
        let mut labels = sections.section(LABELS, "the labels of the wires")?;
        let labels = labels.all_of(wires as usize, 8)?.chunks_exact(8);
        let labels = labels.map(|label| {
            label
                .iter()
                .rev()
                .fold(0, |n, byte| (n << 8) | u64::from(*byte))
        });
        let constraints = read_constraints(
            sections.section(CONSTRAINTS, "the constraints")?,
            count,
            wires as usize,
        )?;
        let mut others = Vec::new();
        let order = sections.order();
        for id in order.iter().filter(|id| !KIND.required.contains(id)) {
            let mut section = sections.section(*id, "a section that means nothing here")?;
            let content = section.take(section.left() as u64)?.to_vec();
            // A count, which is all there is where there are none.
            if [CUSTOM_GATES, CUSTOM_GATE_USES].contains(id) && content != [0; 4] {
                let expected = "none (Groth16 proves no custom gates)";
                return Err(FormatError::value("custom gates", expected, "some"));
            }
            others.push((*id, content));
        }
        Ok(Self {
            outputs,
            public_inputs,
            private_inputs,
            constraints,
            labels: labels.collect(),
            num_labels,
            order,
            others,
        })
    }

    /// The file.
    ///
    /// # Panics
    /// If there are 2^32 or more constraints, wires or terms in a row: no such file can hold them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        binfile::write(&mut bytes, &KIND, &self.order, |id, out| match id {
            HEADER => {
                field::put_prime::<Fr>(out);
                put_count(out, self.labels.len());
                for number in [self.outputs, self.public_inputs, self.private_inputs] {
                    put_u32(out, number);
                }
                out.extend_from_slice(&self.num_labels.to_le_bytes());
                put_count(out, self.constraints.len());
            }
            CONSTRAINTS => {
                for row in self.constraints.iter().flatten() {
                    put_count(out, row.len());
                    for (coefficient, wire) in row {
                        put_count(out, *wire);
                        field::put_plain(out, coefficient);
                    }
                }
            }
            LABELS => {
                for label in &self.labels {
                    out.extend_from_slice(&label.to_le_bytes());
                }
            }
            other => {
                let kept = self.others.iter().find(|(id, _)| *id == other);
                out.extend_from_slice(kept.map_or(&[], |(_, content)| content));
            }
        });
        bytes
    }

    /// Wires, the constant one included.
    #[must_use]
    pub fn wires(&self) -> usize {
        self.labels.len()
    }

    /// Public wires, outputs and inputs, the constant one not counted.
    #[must_use]
    pub fn num_public(&self) -> usize {
        self.outputs as usize + self.public_inputs as usize
    }

    /// The constraint system: columns in each row ascending, no coefficient zero.
    #[must_use]
    pub fn system(&self) -> R1cs {
        let matrix = |which: usize| {
            self.constraints
                .iter()
                .map(|rows| sorted(&rows[which]))
                .collect()
        };
        R1cs {
            num_public: self.num_public(),
            num_private: self.wires() - 1 - self.num_public(),
            a: matrix(0),
            b: matrix(1),
            c: matrix(2),
        }
    }
}

impl From<&R1cs> for R1csFile {
    /// The file of a system whose public columns are all inputs, every wire a signal of its own. Which private columns are
    /// inputs of a program the system does not say; all count as computed.
    fn from(system: &R1cs) -> Self {
        let rows = system.a.iter().zip(&system.b).zip(&system.c);
        let rows = rows.map(|((a, b), c)| [a, b, c].map(Clone::clone));
        Self {
            outputs: 0,
            public_inputs: u32::try_from(system.num_public).unwrap_or(u32::MAX),
            private_inputs: 0,
            constraints: rows.collect(),
            labels: (0..system.columns() as u64).collect(),
            num_labels: system.columns() as u64,
            order: KIND.required.to_vec(),
            others: Vec::new(),
        }
    }
}

/// A row with its columns ascending and without zeros.
pub(crate) fn sorted(row: &Row) -> Row {
    let mut row = row.clone();
    row.retain(|(coefficient, _)| *coefficient != Fr::ZERO);
    row.sort_unstable_by_key(|(_, column)| *column);
    row
}

fn read_constraints(
    mut reader: Reader,
    count: usize,
    wires: usize,
) -> Result<Vec<[Row; 3]>, FormatError> {
    let most = reader.left() / SMALLEST_CONSTRAINT;
    if count > most {
        let expected = format!("at most the {most} that its section has room for");
        return Err(FormatError::value("number of constraints", expected, count));
    }
    // Which row names a wire: whether one comes twice in a row is seen without sorting.
    let mut named_in = vec![usize::MAX; wires];
    let mut constraints = Vec::with_capacity(count);
    for index in 0..count {
        let mut rows = [const { Row::new() }; 3];
        for (which, row) in rows.iter_mut().enumerate() {
            let terms = reader.count(TERM)?;
            row.reserve_exact(terms);
            for _ in 0..terms {
                let wire = reader.u32()? as usize;
                let refuse = |expected, got| FormatError::Element {
                    what: "constraint",
                    index,
                    expected,
                    got,
                };
                match named_in.get_mut(wire) {
                    None => return Err(refuse("wires of the system", "one past the last")),
                    Some(named) if *named == 3 * index + which => {
                        return Err(refuse("each wire once in a row", "one twice"));
                    }
                    Some(named) => *named = 3 * index + which,
                }
                let coefficient = field::plain(reader.take(ELEMENT as u64)?);
                row.push((
                    coefficient
                        .ok_or(refuse("field elements", "a number at or above the prime"))?,
                    wire,
                ));
            }
        }
        constraints.push(rows);
    }
    reader.end()?;
    Ok(constraints)
}
