//! Making datasets of others, such that it can be proved.

use crate::commitment::LEAST_PROOFS;
use crate::opening::random;
use crate::{
    Error, Evidence, Instance, Opening, OpeningFile, SealingKey, Source, Statement, Witness,
};
use prooflane_dataset::{Range, Table};
use prooflane_stark::{Column, Held};
use std::path::Path;

/// What to do with datasets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transform {
    /// Keep the rows that satisfy a range predicate.
    Filter {
        /// The column.
        column: String,
        /// The least value; none for all smaller ones.
        low: Option<String>,
        /// The greatest; none for all greater ones.
        high: Option<String>,
    },
    /// Keep some columns, in this order.
    Project {
        /// The columns.
        columns: Vec<String>,
    },
    /// Divide the rows at random.
    Split {
        /// The outputs' shares: 80 and 20, say.
        weights: Vec<u32>,
    },
    /// Shuffle the rows.
    Permute,
    /// Sort the rows by a column, nulls last.
    Sort {
        /// The column.
        column: String,
        /// The greatest first.
        descending: bool,
    },
    /// Put the inputs one after the other.
    Concat,
    /// Replace a column's values by themselves times `factor` plus `offset`.
    Scale {
        /// The column.
        column: String,
        /// Between -8192 and 8192.
        factor: i64,
        /// What is added.
        offset: i64,
    },
    /// Commit anew, with fresh noise for more proofs.
    Renew,
}

/// A dataset that is here, its opening, and the file that the opening is in.
pub struct Owned {
    /// The data.
    pub table: Table,
    /// What opens its commitment.
    pub opening: Opening,
    /// Where that is kept.
    pub file: OpeningFile,
}

impl Owned {
    /// What proofs are made from.
    #[must_use]
    pub fn source(&self) -> Source<'_> {
        Source {
            opening: &self.opening,
            table: &self.table,
        }
    }
}

/// A dataset that was made.
pub struct Made {
    /// The data.
    pub table: Table,
    /// What opens its commitment.
    pub opening: Opening,
    /// For each column where it comes from unchanged: the number of the input's column.
    kept: Vec<Option<usize>>,
}

impl Transform {
    /// The statement that it leads to.
    #[must_use]
    pub fn statement(&self) -> Statement {
        match self.clone() {
            Self::Filter { column, low, high } => Statement::Filter { column, low, high },
            Self::Project { columns } => Statement::Project { columns },
            Self::Split { .. } => Statement::Split,
            Self::Permute => Statement::Permute,
            Self::Sort { column, descending } => Statement::Sort { column, descending },
            Self::Concat => Statement::Concat,
            Self::Scale {
                column,
                factor,
                offset,
            } => Statement::Scale {
                column,
                factor,
                offset,
            },
            Self::Renew => Statement::Renew,
        }
    }

    /// Makes the outputs, and commits to them by these names.
    ///
    /// # Errors
    /// [`Error`], also where there are fewer names than outputs.
    pub fn apply(&self, inputs: &[Owned], names: &[String]) -> Result<Vec<Made>, Error> {
        let misfit = |problem: &str| Error::Misfit(problem.into());
        let first = inputs.first().ok_or_else(|| misfit("expected an input"))?;
        if inputs.len() > 1 && *self != Self::Concat {
            return Err(misfit("expected one input"));
        }
        let table = &first.table;
        let columns = 0..table.schema().columns().len();
        let mut kept = columns.map(|_| None).collect::<Vec<_>>();
        let tables = match self {
            Self::Filter { column, low, high } => {
                let range = Range::parse(table.schema(), column, low.as_deref(), high.as_deref())?;
                vec![table.filter(&range)?]
            }
            Self::Project { columns } => {
                let names: Vec<_> = columns.iter().map(String::as_str).collect();
                let indices = names
                    .iter()
                    .map(|name| table.schema().index(name).map(Some));
                kept = indices.collect::<Result<_, _>>()?;
                vec![table.project(&names)?]
            }
            Self::Split { weights } => table.split(&*random()?, weights)?,
            Self::Permute => vec![table.take(&shuffled(table.rows().rows())?)],
            Self::Sort { column, descending } => vec![table.sort(column, *descending)?],
            Self::Concat => {
                let tables: Vec<_> = inputs.iter().map(|input| &input.table).collect();
                vec![Table::concat(&tables)?]
            }
            Self::Scale {
                column,
                factor,
                offset,
            } => {
                let scaled = table.schema().index(column)?;
                kept = (0..kept.len())
                    .map(|index| (index != scaled).then_some(index))
                    .collect();
                vec![table.scale(column, *factor, *offset)?]
            }
            Self::Renew => vec![table.clone()],
        };
        if names.len() != tables.len() {
            let (expected, got) = (tables.len(), names.len());
            return Err(Error::Misfit(format!(
                "expected {expected} outputs, got {got}"
            )));
        }
        let algorithm = first
            .opening
            .digest()
            .map_or_else(Default::default, |of| of.algorithm);
        let made = tables.into_iter().zip(names).map(|(table, name)| {
            let seeds = kept
                .iter()
                .map(|kept| kept.map(|index| first.opening.kept(index)));
            let opening = Opening::with(name, &table, algorithm, seeds.collect(), drop)?;
            Ok(Made {
                table,
                opening,
                kept: kept.clone(),
            })
        });
        made.collect()
    }
}

impl Made {
    /// Seals its opening in a new file. The noise in columns that it has in common with an input is shared with that.
    ///
    /// # Errors
    /// [`Error`].
    pub fn keep(
        self,
        input: &mut OpeningFile,
        path: &Path,
        with: &SealingKey,
    ) -> Result<Owned, Error> {
        let commitment = self.opening.commitment();
        let mut left = vec![commitment.proofs; commitment.roots.len()];
        for (column, kept) in self.kept.iter().enumerate() {
            let Some(kept) = kept else { continue };
            let parts: Vec<_> = input.commitment().parts(*kept).collect();
            let given = input.share(&parts)?;
            left[commitment.parts(column)].copy_from_slice(&given);
        }
        let file = OpeningFile::create(path, &self.opening, left, with)?;
        Ok(Owned {
            table: self.table,
            opening: self.opening,
            file,
        })
    }
}

/// Commits to a dataset, seals the opening in a new file, and proves that its columns are here.
///
/// # Errors
/// [`Error`]. Where there is a file by then, [`Statement::Notarize`] can be proved of it again.
pub fn notarize(
    name: &str,
    table: Table,
    algorithm: prooflane_dataset::Algorithm,
    path: &Path,
    with: &SealingKey,
) -> Result<(Owned, Evidence), Error> {
    // What is committed to need not be again for the proof, where one proof opens all of it.
    let mut columns = Some(Vec::new());
    let fresh = vec![None; table.schema().columns().len()];
    let opening = Opening::with(name, &table, algorithm, fresh, |column| {
        columns = columns.take().and_then(|mut columns| {
            columns.push(column);
            let batches = Held::batches(columns.iter().map(Column::layout));
            (batches.len() == 1).then_some(columns)
        });
    })?;
    let commitment = opening.commitment();
    debug_assert!(commitment.proofs >= LEAST_PROOFS);
    let left = vec![commitment.proofs; commitment.roots.len()];
    let file = OpeningFile::create(path, &opening, left, with)?;
    let mut made = [Owned {
        table,
        opening,
        file,
    }];
    let evidence = prove_with(Statement::Notarize, &mut [], &mut made, columns)?;
    let [owned] = made;
    Ok((owned, evidence))
}

/// Counts and makes the proofs of a statement.
///
/// # Errors
/// [`Error`]; proofs that were counted stay so.
pub fn prove(
    statement: Statement,
    inputs: &mut [Owned],
    outputs: &mut [Owned],
) -> Result<Evidence, Error> {
    prove_with(statement, inputs, outputs, None)
}

/// The same, if there are `columns` with these for the first proof.
fn prove_with(
    statement: Statement,
    inputs: &mut [Owned],
    outputs: &mut [Owned],
    columns: Option<Vec<Column>>,
) -> Result<Evidence, Error> {
    let instance = Instance::of(statement, inputs, outputs);
    count(&instance, inputs, outputs)?;
    let Instance {
        statement,
        inputs: of_inputs,
        outputs: of_outputs,
    } = instance;
    let proofs = statement.prove_with(&sources(inputs), &sources(outputs), columns)?;
    Ok(Evidence {
        statement,
        inputs: of_inputs,
        outputs: of_outputs,
        proofs,
    })
}

/// Counts the proofs of an instance of these datasets, and says what somebody else makes them from.
///
/// # Errors
/// [`Error`]; nothing is counted where there is no witness.
pub fn hand_out(
    instance: &Instance,
    inputs: &mut [Owned],
    outputs: &mut [Owned],
) -> Result<Witness, Error> {
    let witness = Witness::new(instance, &sources(inputs), &sources(outputs))?;
    count(instance, inputs, outputs)?;
    Ok(witness)
}

fn count(instance: &Instance, inputs: &mut [Owned], outputs: &mut [Owned]) -> Result<(), Error> {
    let Instance { statement, .. } = instance;
    let openings = statement.openings(&instance.inputs, &instance.outputs)?;
    // The last proof about a column is that another commitment is to the same values.
    let kept = u32::from(*statement != Statement::Renew);
    for (owned, needed) in inputs.iter_mut().chain(outputs).zip(&openings) {
        owned.file.spend(needed, kept)?;
    }
    Ok(())
}

fn sources(owned: &[Owned]) -> Vec<Source<'_>> {
    owned.iter().map(Owned::source).collect()
}

/// All positions in a random order.
fn shuffled(rows: usize) -> Result<Vec<u32>, Error> {
    let mut output = blake3::Hasher::new_keyed(&*random()?).finalize_xof();
    let mut rank = [0; 16];
    let mut ranked: Vec<(u128, u32)> = (0..u32::try_from(rows).unwrap_or(u32::MAX))
        .map(|row| {
            output.fill(&mut rank);
            (u128::from_le_bytes(rank), row)
        })
        .collect();
    ranked.sort_unstable();
    Ok(ranked.into_iter().map(|(_, row)| row).collect())
}
