//! The verifier.

use crate::domain;
use crate::field::{Challenger, DEGREE, E, F, OpeningError, Root, Scheme, scheme};
use crate::program::Space;
use crate::proof::{Bus, BusRow, Proof, Statement, Weights};
use crate::prove::{draw, meeting, natural};
use crate::table::Table;
use p3_challenger::{CanObserve, FieldChallenger};
use p3_commit::{CommitmentOpening, MatrixOpening, Pcs, PointOpening};
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{ExtensionField, PrimeCharacteristicRing};

/// Why a proof is refused.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// No column satisfies the claim.
    #[error("the claim contradicts itself: it cannot be true of any column")]
    Claim,
    /// The statement and its commitments do not fit together.
    #[error("the statement reads commitment {number} otherwise than it was made")]
    Commitment {
        /// Its number.
        number: usize,
    },
    /// A part of the proof is missing or too long.
    #[error("the proof's {what}: expected {expected} values, got {got}")]
    Shape {
        /// The part.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// Messages are not received as often as they are sent.
    #[error("the proof's tables contradict each other or the claim")]
    Unbalanced,
    /// Constraints do not hold.
    #[error("table {table} of the proof does not satisfy its constraints")]
    Unsatisfied {
        /// Its number.
        table: usize,
    },
    /// The openings are not those of the commitments.
    #[error("the proof's openings do not belong to its commitments: {0}")]
    Opening(String),
}

/// What holds, but for a chance of 2^-`security_bits`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verified {
    /// Bits of security, under the conjecture that the README names.
    pub security_bits: f64,
}

/// The point that is drawn outside of all domains.
struct Outside;

impl Space for Outside {
    type Value = E;
    type Extension = E;

    fn extend(coefficients: [E; DEGREE]) -> E {
        extend(&coefficients)
    }
}

/// The value of a polynomial over the extension by those of its coefficients' polynomials.
fn extend(coefficients: &[E]) -> E {
    <E as ExtensionField<F>>::from_ext_basis_coefficients(coefficients)
        .expect("as many as the degree")
}

fn sized(what: &'static str, got: usize, expected: usize) -> Result<(), VerifyError> {
    if got == expected {
        Ok(())
    } else {
        Err(VerifyError::Shape {
            what,
            expected,
            got,
        })
    }
}

impl Statement {
    /// Verifies a proof.
    pub(crate) fn verify(&self, proof: &Proof) -> Result<Verified, VerifyError> {
        self.fits()?;
        self.shaped(proof)?;
        let mut challenger = self.challenger();
        challenger.observe(&proof.own);
        let (alpha, beta) = (draw(&mut challenger), draw(&mut challenger));
        let bus = Bus::new(alpha, beta, self);
        if proof.totals.iter().copied().sum::<E>() + self.public_sum(&bus) != E::ZERO {
            return Err(VerifyError::Unbalanced);
        }
        challenger.observe(&proof.bus);
        for total in &proof.totals {
            challenger.observe_algebra_element(*total);
        }
        let lambda = draw(&mut challenger);
        challenger.observe(&proof.quotients);
        let zeta = draw(&mut challenger);
        for (number, table) in self.tables.iter().enumerate() {
            let weights = Weights::new(self, number, &bus, lambda, proof.totals[number]);
            let [low, high] = [0, DEGREE]
                .map(|part| extend(&proof.values.quotients[number][part..part + DEGREE]));
            let quotient = low + zeta.exp_u64(meeting(table) as u64) * high;
            if at_point(&weights, proof, number, zeta) != quotient {
                return Err(VerifyError::Unsatisfied { table: number });
            }
        }
        self.opened(proof, zeta, &mut challenger)?;
        Ok(Verified {
            security_bits: self.security_bits(),
        })
    }

    fn fits(&self) -> Result<(), VerifyError> {
        for table in &self.tables {
            for source in &table.sources {
                let number = source.commitment;
                let fits = self.commitments.get(number).is_some_and(|commitment| {
                    commitment.log_rows as usize == table.log_rows
                        && commitment.width == source.width
                        && table.rows + u64::from(commitment.noise) <= 1 << table.log_rows
                });
                if !fits {
                    return Err(VerifyError::Commitment { number });
                }
            }
        }
        Ok(())
    }

    fn shaped(&self, proof: &Proof) -> Result<(), VerifyError> {
        let values = &proof.values;
        sized("data", values.data.len(), self.commitments.len())?;
        for (data, commitment) in values.data.iter().zip(&self.commitments) {
            sized("data", data.len(), commitment.width as usize)?;
        }
        let tables = self.tables.len();
        sized("totals", proof.totals.len(), tables)?;
        sized("columns", values.own.len(), tables)?;
        sized("messages", values.messages.len(), tables)?;
        sized("sums", values.sums.len(), tables)?;
        sized("quotients", values.quotients.len(), tables)?;
        sized("noise", values.noise.len(), DEGREE)?;
        for (number, table) in self.tables.iter().enumerate() {
            for own in &values.own[number] {
                sized("columns", own.len(), self.own_width(number))?;
            }
            let messages = table.messages.len().max(1) * DEGREE;
            sized("messages", values.messages[number].len(), messages)?;
            for sums in &values.sums[number] {
                sized("sums", sums.len(), DEGREE)?;
            }
            sized("quotients", values.quotients[number].len(), 2 * DEGREE)?;
        }
        Ok(())
    }

    fn opened(
        &self,
        proof: &Proof,
        zeta: E,
        challenger: &mut Challenger,
    ) -> Result<(), VerifyError> {
        let pcs = scheme([0; 32]);
        let values = &proof.values;
        let here = |values: &Vec<E>| PointOpening {
            point: zeta,
            values: values.clone(),
        };
        let here_and_next = |table: &Table, [own, next]: &[Vec<E>; 2]| {
            let point = zeta * domain::generator(table);
            let values = next.clone();
            vec![here(own), PointOpening { point, values }]
        };
        let mut openings: Vec<CommitmentOpening<E, Root, TwoAdicMultiplicativeCoset<_>>> =
            Vec::new();
        for (commitment, values) in self.commitments.iter().zip(&values.data) {
            let rows = 1 << commitment.log_rows;
            let domain = <Scheme as Pcs<E, Challenger>>::natural_domain_for_degree(&pcs, rows);
            openings.push(CommitmentOpening {
                commitment: commitment.root.clone(),
                matrices: vec![MatrixOpening {
                    domain,
                    points: vec![here(values)],
                }],
            });
        }
        let tables = || self.tables.iter().enumerate();
        let own = tables().map(|(number, table)| MatrixOpening {
            domain: natural(&pcs, table),
            points: here_and_next(table, &values.own[number]),
        });
        openings.push(CommitmentOpening {
            commitment: proof.own.clone(),
            matrices: own.collect(),
        });
        let bus = tables().flat_map(|(number, table)| {
            let domain = natural(&pcs, table);
            [
                MatrixOpening {
                    domain,
                    points: vec![here(&values.messages[number])],
                },
                MatrixOpening {
                    domain,
                    points: here_and_next(table, &values.sums[number]),
                },
            ]
        });
        openings.push(CommitmentOpening {
            commitment: proof.bus.clone(),
            matrices: bus.collect(),
        });
        let quotients = tables().map(|(number, table)| MatrixOpening {
            domain: natural(&pcs, table),
            points: vec![here(&values.quotients[number])],
        });
        let largest = 1 << self.size().log_rows;
        let noise = MatrixOpening {
            domain: <Scheme as Pcs<E, Challenger>>::natural_domain_for_degree(&pcs, largest),
            points: vec![here(&values.noise)],
        };
        openings.push(CommitmentOpening {
            commitment: proof.quotients.clone(),
            matrices: quotients.chain([noise]).collect(),
        });
        let verified: Result<(), OpeningError> =
            Pcs::<E, Challenger>::verify(&pcs, openings, &proof.opening, challenger);
        verified.map_err(|error| VerifyError::Opening(format!("{error:?}")))
    }
}

/// What a table's constraints come to at the point.
fn at_point(weights: &Weights<'_>, proof: &Proof, number: usize, zeta: E) -> E {
    let table = weights.table;
    let selectors = domain::at_point(table, zeta);
    let values = &proof.values;
    let [own, next] = &values.own[number];
    let mut cells = Vec::with_capacity(weights.program.places.count);
    for bank in [own, next, &selectors.fixed] {
        cells.extend_from_slice(bank);
    }
    for source in &table.sources {
        cells.extend_from_slice(&values.data[source.commitment]);
    }
    let bus = BusRow {
        messages: values.messages[number].clone(),
        sum: extend(&values.sums[number][0]),
        next: extend(&values.sums[number][1]),
    };
    weights.quotient::<Outside>(&cells, &bus, &selectors)
}
