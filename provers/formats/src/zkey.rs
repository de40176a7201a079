//! `.zkey`: a Groth16 proving key, as snarkjs keeps it.

mod check;

use crate::binfile::{self, Kind, Reader, Sections, put_count, put_u32};
use crate::error::expect;
use crate::field::{self, ELEMENT, FilePoint, G1, G2};
use crate::{Ceremony, FormatError, Origin};
use ark_bn254::{Fq, Fr, G1Affine, G2Affine};
use ark_ff::Field;
use prooflane_circuits::{R1cs, Row};
use prooflane_verifier::VerifyingKey;

pub use check::KeyProblem;

const KIND: Kind = Kind {
    magic: "zkey",
    version: 1,
    required: &[
        PROTOCOL,
        HEADER,
        IC,
        COEFFICIENTS,
        A,
        B_G1,
        B_G2,
        L,
        H,
        CEREMONY,
    ],
};
const PROTOCOL: u32 = 1;
const HEADER: u32 = 2;
const IC: u32 = 3;
const COEFFICIENTS: u32 = 4;
const A: u32 = 5;
const B_G1: u32 = 6;
const B_G2: u32 = 7;
const L: u32 = 8;
const H: u32 = 9;
const CEREMONY: u32 = 10;

const GROTH16: u32 = 1;
/// Bytes of a coefficient: matrix, row, column, value.
const COEFFICIENT: usize = 12 + ELEMENT;
/// The largest domain: snarkjs writes H on another coset for 2^28, the largest that the field has.
const LARGEST_DOMAIN: u32 = 1 << 27;

/// A matrix of the constraint system. C is not in a key: a product of A and B tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Matrix {
    /// Left factors.
    A,
    /// Right factors.
    B,
}

/// An entry of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coefficient {
    /// Of which matrix.
    pub matrix: Matrix,
    /// The constraint.
    pub row: u32,
    /// The wire.
    pub column: u32,
    /// The entry.
    pub value: Fr,
}

/// A proving key, in the notation of eprint 2016/260, section 3.2: `u_i`, `v_i`, `w_i` are the polynomials of column `i`
/// of A, B and C over the domain, `tau` the secret point, `Z` the polynomial that vanishes on the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zkey {
    /// alpha, beta, gamma, delta, and `[(beta u_i + alpha v_i + w_i) / gamma]_1` of the constant and the public columns.
    pub verifying: VerifyingKey,
    /// `[beta]_1`.
    pub beta_g1: G1Affine,
    /// `[delta]_1`.
    pub delta_g1: G1Affine,
    /// The entries of A and B in the file's order. At their end A has one row more for the constant and each public
    /// column, with a single one in it, which ties the public inputs to the proof.
    pub coefficients: Vec<Coefficient>,
    /// `[u_i(tau)]_1`, one a column.
    pub a: Vec<G1Affine>,
    /// `[v_i(tau)]_1`, one a column.
    pub b_g1: Vec<G1Affine>,
    /// `[v_i(tau)]_2`, one a column.
    pub b_g2: Vec<G2Affine>,
    /// `[(beta u_i + alpha v_i + w_i) / delta]_1` of the private columns.
    pub l: Vec<G1Affine>,
    /// `[L_(2j+1)(tau) / delta]_1`, as many as the domain has points: `L_k` are the Lagrange polynomials of the domain of twice the
    /// size, of which the odd points are a coset of the domain. `a b - c` is zero on the domain itself, so its values on
    /// that coset are all there is to it.
    pub h: Vec<G1Affine>,
    /// Where it comes from.
    pub ceremony: Ceremony,
    /// In which order the file's sections stand.
    pub order: SectionOrder,
}

/// In which order the sections of a file stand: snarkjs's set-up writes them otherwise than what it does later. By default
/// ascending, as after a contribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionOrder(Vec<u32>);

impl Default for SectionOrder {
    fn default() -> Self {
        Self(KIND.required.to_vec())
    }
}

impl Zkey {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn read(bytes: &[u8], origin: Origin) -> Result<Self, FormatError> {
        let sections = Sections::read(&KIND, bytes)?;
        let order = SectionOrder(sections.order_of_known(&KIND)?);
        let mut protocol = sections.section(PROTOCOL, "the protocol")?;
        expect("protocol (1 is Groth16)", GROTH16, protocol.u32()?)?;
        protocol.end()?;

        let mut header = sections.section(HEADER, "the header of the key")?;
        field::expect_prime::<Fq>("the key's base field", &mut header)?;
        field::expect_prime::<Fr>("the key's scalar field", &mut header)?;
        let columns = header.u32()? as usize;
        let public = header.u32()? as usize;
        let domain = header.u32()?;
        let Some(private) = columns.checked_sub(1).and_then(|n| n.checked_sub(public)) else {
            let expected = format!("more than the {public} public ones");
            return Err(FormatError::value("number of columns", expected, columns));
        };
        let mut index = 0;
        let mut g1 = |header: &mut Reader| header_point(header, &mut index, G1, origin);
        let (alpha, beta_g1) = (g1(&mut header)?, g1(&mut header)?);
        let mut g2 = |header: &mut Reader| header_point(header, &mut index, G2, origin);
        let (beta, gamma) = (g2(&mut header)?, g2(&mut header)?);
        let delta_g1 = header_point(&mut header, &mut index, G1, origin)?;
        let delta = header_point(&mut header, &mut index, G2, origin)?;
        header.end()?;

        let section = |id, what| sections.section(id, what);
        let coefficients = read_coefficients(section(COEFFICIENTS, "the coefficients")?, columns)?;
        let constraints = constraints(&coefficients, public)?;
        expect_domain(constraints, public, domain)?;

        let g1s = |id, what, count| field::points(what, section(id, what)?, count, origin);
        Ok(Self {
            verifying: VerifyingKey {
                alpha,
                beta,
                gamma,
                delta,
                ic: g1s(IC, "points of the public inputs", public + 1)?,
            },
            beta_g1,
            delta_g1,
            coefficients,
            a: g1s(A, "points of A", columns)?,
            b_g1: g1s(B_G1, "points of B in G1", columns)?,
            b_g2: field::points(
                "points of B in G2",
                section(B_G2, "points of B in G2")?,
                columns,
                origin,
            )?,
            l: g1s(L, "points of L", private)?,
            h: g1s(H, "points of H", domain as usize)?,
            ceremony: Ceremony::read(section(CEREMONY, "the ceremony")?, origin)?,
            order,
        })
    }

    /// The file.
    ///
    /// # Panics
    /// If there are 2^32 or more of anything, or a name or beacon of the ceremony has more than 255 bytes: no such file can
    /// hold them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let vk = &self.verifying;
        let points = vk.ic.len() + self.a.len() + self.b_g1.len() + self.l.len() + self.h.len();
        let size = points * G1 + self.b_g2.len() * G2 + self.coefficients.len() * COEFFICIENT;
        let mut bytes = Vec::with_capacity(size + 4096);
        binfile::write(&mut bytes, &KIND, &self.order.0, |id, out| match id {
            PROTOCOL => put_u32(out, GROTH16),
            HEADER => {
                field::put_prime::<Fq>(out);
                field::put_prime::<Fr>(out);
                for count in [self.a.len(), vk.public_inputs(), self.h.len()] {
                    put_count(out, count);
                }
                field::put_points(out, &[vk.alpha, self.beta_g1]);
                field::put_points(out, &[vk.beta, vk.gamma]);
                self.delta_g1.put(out);
                vk.delta.put(out);
            }
            COEFFICIENTS => {
                put_count(out, self.coefficients.len());
                for entry in &self.coefficients {
                    put_u32(out, matches!(entry.matrix, Matrix::B).into());
                    put_u32(out, entry.row);
                    put_u32(out, entry.column);
                    field::put_twice_montgomery(out, &entry.value);
                }
            }
            IC => field::put_points(out, &vk.ic),
            A => field::put_points(out, &self.a),
            B_G1 => field::put_points(out, &self.b_g1),
            B_G2 => field::put_points(out, &self.b_g2),
            L => field::put_points(out, &self.l),
            H => field::put_points(out, &self.h),
            _ => self.ceremony.put(out),
        });
        bytes
    }

    /// Columns of the constraint system, the constant one included.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.a.len()
    }

    /// Public inputs, the constant one not counted.
    #[must_use]
    pub fn num_public(&self) -> usize {
        self.verifying.public_inputs()
    }

    /// Points of the domain, a power of two.
    #[must_use]
    pub fn domain(&self) -> usize {
        self.h.len()
    }

    /// Constraints of the circuit, the rows for public inputs at the end of A not counted.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.coefficients
            .last()
            .map_or(0, |last| last.row as usize - self.num_public())
    }

    /// The rows of A and B, those for public inputs at the end of A left out; columns in each ascending, no coefficient zero.
    #[must_use]
    pub fn matrices(&self) -> [Vec<Row>; 2] {
        let constraints = self.constraints();
        let mut matrices =
            [const { Vec::new() }; 2].map(|_: Vec<Row>| vec![Row::new(); constraints]);
        for entry in &self.coefficients {
            if let Some(row) = matrices[entry.matrix as usize].get_mut(entry.row as usize) {
                row.push((entry.value, entry.column as usize));
            }
        }
        matrices.map(|rows| rows.iter().map(crate::r1cs::sorted).collect())
    }

    /// The entries of A and B of a system in the order in which snarkjs writes them.
    #[must_use]
    pub fn coefficients_of(system: &R1cs) -> Vec<Coefficient> {
        let index = |n: usize| u32::try_from(n).expect("fewer than 2^32 rows and columns");
        let mut entries = Vec::new();
        for (row, (a, b)) in system.a.iter().zip(&system.b).enumerate() {
            for (matrix, terms) in [(Matrix::A, a), (Matrix::B, b)] {
                entries.extend(terms.iter().map(|(value, column)| Coefficient {
                    matrix,
                    row: index(row),
                    column: index(*column),
                    value: *value,
                }));
            }
        }
        entries.extend((0..=system.num_public).map(|column| Coefficient {
            matrix: Matrix::A,
            row: index(system.constraints() + column),
            column: index(column),
            value: Fr::ONE,
        }));
        entries
    }
}

/// Points of the domain of a system, as snarkjs and arkworks choose it: a power of two with room for every constraint, the
/// constant and the public inputs; at least two, as snarkjs has it.
#[must_use]
pub fn domain_size(constraints: usize, num_public: usize) -> usize {
    (constraints + num_public + 1).next_power_of_two().max(2)
}

fn header_point<P: FilePoint>(
    header: &mut Reader,
    index: &mut usize,
    size: usize,
    origin: Origin,
) -> Result<P, FormatError> {
    let point = field::point(
        "points of the header",
        *index,
        header.take(size as u64)?,
        origin,
    )?;
    *index += 1;
    Ok(point)
}

fn read_coefficients(mut reader: Reader, columns: usize) -> Result<Vec<Coefficient>, FormatError> {
    let count = reader.count(COEFFICIENT)?;
    let bytes = reader.all_of(count, COEFFICIENT)?;
    let entries = bytes.chunks_exact(COEFFICIENT).enumerate();
    let read = entries.map(|(index, bytes)| {
        let refuse = |expected, got| FormatError::Element {
            what: "coefficients",
            index,
            expected,
            got,
        };
        let mut entry = Reader::new("a coefficient", bytes);
        let matrix = match entry.u32()? {
            0 => Matrix::A,
            1 => Matrix::B,
            _ => return Err(refuse("matrix 0 or 1", "another")),
        };
        let (row, column) = (entry.u32()?, entry.u32()?);
        if column as usize >= columns {
            return Err(refuse("a column of the system", "one past the last"));
        }
        let value = field::twice_montgomery(entry.take(ELEMENT as u64)?);
        let value = value.ok_or(refuse("a field element", "a number at or above the prime"))?;
        Ok(Coefficient {
            matrix,
            row,
            column,
            value,
        })
    });
    read.collect()
}

/// The number of constraints: where the rows for the constant and the public inputs begin, which must be the last
/// `public + 1` entries.
fn constraints(entries: &[Coefficient], public: usize) -> Result<usize, FormatError> {
    let refuse = |index, got| FormatError::Element {
        what: "coefficients",
        index,
        expected: "rows of constraints, then in A one row each for the constant and the public inputs, with a one",
        got,
    };
    let first = entries.len().checked_sub(public + 1);
    let first = first.ok_or(refuse(entries.len(), "too few entries"))?;
    let (of_constraints, of_inputs) = entries.split_at(first);
    let constraints = of_inputs.first().map_or(0, |entry| entry.row);
    for (column, entry) in (0..).zip(of_inputs) {
        let expected = Coefficient {
            matrix: Matrix::A,
            row: constraints.saturating_add(column),
            column,
            value: Fr::ONE,
        };
        if *entry != expected {
            return Err(refuse(first + column as usize, "another entry"));
        }
    }
    match of_constraints
        .iter()
        .position(|entry| entry.row >= constraints)
    {
        Some(index) => Err(refuse(index, "a constraint past the first of those rows")),
        None => Ok(constraints as usize),
    }
}

fn expect_domain(constraints: usize, public: usize, got: u32) -> Result<(), FormatError> {
    let expected = domain_size(constraints, public);
    if expected > LARGEST_DOMAIN as usize {
        let largest = format!("at most {LARGEST_DOMAIN} points");
        return Err(FormatError::value("domain", largest, expected));
    }
    expect("points of the domain", expected, got as usize)
}
