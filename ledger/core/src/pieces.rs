//! What a statement comes to for the proof system. The prover and the verifier go by the same pieces.

use crate::statement::{parse_epsilon, same_columns};
use crate::{Bytes32, Commitment, Error, Opening, Statement};
use prooflane_dataset::{Kind, Range, Table};
use prooflane_stark::{
    self as stark, Affine, Claim, Groups, Held, Intervals, NoiseSeed, Noisy, Order, Proof, Query,
    Statistics, Transformation, Within,
};
use std::collections::HashSet;

/// A part of a dataset: a column of the proof system. Datasets are numbered, inputs first.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    dataset: usize,
    part: usize,
}

/// These parts of a dataset.
fn parts(dataset: usize, numbers: std::ops::Range<usize>) -> Vec<Part> {
    numbers.map(|part| Part { dataset, part }).collect()
}

/// Something that one proof shows.
pub(crate) enum Piece {
    OfColumn(Box<dyn Claim>, Part),
    /// Whoever proves it needs the dataset's seed of noise, too.
    Noisy(Noisy, Part),
    Affine(Affine, Part, Part),
    Groups(Groups, Vec<Part>),
    Held(Held, Vec<Part>),
    /// Of whole datasets: how many of the first are inputs, all others being outputs.
    Transformation(Transformation, usize),
}

fn of_column(claim: impl Claim + 'static, part: Part) -> Piece {
    Piece::OfColumn(Box::new(claim), part)
}

/// What proofs about a dataset are made from.
pub(crate) trait Columns {
    /// What everybody may know of it.
    fn commitment(&self) -> &Commitment;

    /// Commits again to some parts, which proves that these are the data.
    ///
    /// # Errors
    /// [`Error::OtherData`].
    fn columns(&self, parts: &[usize]) -> Result<Vec<stark::Column>, Error>;

    /// What noise in answers is derived from.
    ///
    /// # Errors
    /// [`Error::Witness`] if it is not here.
    fn noise(&self) -> Result<NoiseSeed, Error>;
}

/// A dataset that is here, and what opens its commitment.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// What opens it.
    pub opening: &'a Opening,
    /// The data.
    pub table: &'a Table,
}

impl Columns for Source<'_> {
    fn commitment(&self) -> &Commitment {
        self.opening.commitment()
    }

    fn columns(&self, parts: &[usize]) -> Result<Vec<stark::Column>, Error> {
        self.opening.columns(self.table, parts.iter().copied())
    }

    fn noise(&self) -> Result<NoiseSeed, Error> {
        Ok(self.opening.noise())
    }
}

fn sources<'a>(sources: &'a [Source<'_>]) -> Vec<&'a dyn Columns> {
    let sources = sources.iter();
    sources.map(|source| source as &dyn Columns).collect()
}

/// A piece, and the columns that it is about.
enum Opened<'a> {
    OfColumn(&'a dyn Claim, Vec<stark::Column>),
    Noisy(&'a Noisy, Vec<stark::Column>, NoiseSeed),
    Affine(&'a Affine, [Vec<stark::Column>; 2]),
    Groups(&'a Groups, Vec<stark::Column>),
    Held(&'a Held, Vec<stark::Column>),
    Transformation(&'a Transformation, Vec<Vec<stark::Column>>, usize),
}

impl<'a> Opened<'a> {
    /// Commits again to what the piece is about. `columns` are of parts of one dataset.
    fn new(
        piece: &'a Piece,
        sources: &[&dyn Columns],
        mut columns: impl FnMut(&[Part]) -> Result<Vec<stark::Column>, Error>,
    ) -> Result<Self, Error> {
        Ok(match piece {
            Piece::OfColumn(claim, of) => Self::OfColumn(&**claim, columns(&[*of])?),
            Piece::Noisy(claim, of) => {
                Self::Noisy(claim, columns(&[*of])?, sources[of.dataset].noise()?)
            }
            Piece::Affine(claim, from, to) => {
                Self::Affine(claim, [columns(&[*from])?, columns(&[*to])?])
            }
            Piece::Groups(claim, parts) => Self::Groups(claim, columns(parts)?),
            Piece::Held(claim, parts) => Self::Held(claim, columns(parts)?),
            Piece::Transformation(transformation, inputs) => {
                let all = sources.iter().enumerate();
                let all = all.map(|(number, of)| columns(&parts(number, of.commitment().all())));
                Self::Transformation(transformation, all.collect::<Result<_, _>>()?, *inputs)
            }
        })
    }

    fn prove(&self) -> Result<Proof, Error> {
        Ok(match self {
            Self::OfColumn(claim, of) => claim.prove(&of[0])?,
            Self::Noisy(claim, of, seed) => claim.prove(&of[0], seed)?,
            Self::Affine(claim, [from, to]) => claim.prove(&from[0], &to[0])?,
            Self::Groups(claim, columns) => claim.prove(columns)?,
            Self::Held(claim, columns) => claim.prove(columns)?,
            Self::Transformation(transformation, all, inputs) => {
                let all: Vec<_> = all.iter().map(Vec::as_slice).collect();
                let (inputs, outputs) = all.split_at(*inputs);
                transformation.prove(inputs, outputs)?
            }
        })
    }

    /// Whether a proof of it can be made.
    fn holds(&self) -> bool {
        match self {
            Self::OfColumn(claim, of) => claim.holds(&of[0]),
            Self::Noisy(claim, of, seed) => claim.holds(&of[0], seed),
            Self::Affine(claim, [from, to]) => claim.holds(&from[0], &to[0]),
            Self::Groups(claim, columns) => claim.holds(columns),
            Self::Held(claim, columns) => claim.holds(columns),
            Self::Transformation(transformation, all, inputs) => {
                let all: Vec<_> = all.iter().map(Vec::as_slice).collect();
                let (inputs, outputs) = all.split_at(*inputs);
                transformation.holds(inputs, outputs)
            }
        }
    }
}

/// The one dataset of a list.
fn only<'a>(datasets: &'a [Commitment], what: &str) -> Result<&'a Commitment, Error> {
    match datasets {
        [one] => Ok(one),
        other => Err(Error::Misfit(format!(
            "expected one {what}, got {}",
            other.len()
        ))),
    }
}

fn demand(holds: bool, problem: &str) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(Error::Misfit(problem.into()))
    }
}

/// A piece, and what is public of the columns that it is about.
enum Shown<'a> {
    OfColumn(&'a dyn Claim, Public),
    Noisy(&'a Noisy, Public),
    Affine(&'a Affine, [Public; 2]),
    Groups(&'a Groups, stark::Dataset),
    Held(&'a Held, stark::Dataset),
    Transformation(&'a Transformation, Vec<stark::Dataset>, usize),
}

/// A column's layout and commitment.
type Public = (stark::Layout, stark::Commitment);

impl<'a> Shown<'a> {
    fn new(piece: &'a Piece, datasets: &[&Commitment]) -> Result<Self, Error> {
        let at = |of: &Part| datasets[of.dataset].part(of.part);
        // Of parts of the first dataset.
        let all_at = |parts: &[Part]| datasets[0].dataset(parts.iter().map(|part| part.part));
        Ok(match piece {
            Piece::OfColumn(claim, of) => Self::OfColumn(&**claim, at(of)?),
            Piece::Noisy(claim, of) => Self::Noisy(claim, at(of)?),
            Piece::Affine(claim, from, to) => Self::Affine(claim, [at(from)?, at(to)?]),
            Piece::Groups(claim, parts) => Self::Groups(claim, all_at(parts)?),
            Piece::Held(claim, parts) => Self::Held(claim, all_at(parts)?),
            Piece::Transformation(transformation, inputs) => {
                let all = datasets.iter().map(|of| of.dataset(of.all()));
                Self::Transformation(transformation, all.collect::<Result<_, _>>()?, *inputs)
            }
        })
    }

    fn verify(&self, proof: &Proof) -> Result<stark::Verified, stark::VerifyError> {
        match self {
            Self::OfColumn(claim, (layout, of)) => claim.verify(*layout, of, proof),
            Self::Noisy(claim, (layout, of)) => claim.verify(*layout, of, proof),
            Self::Affine(claim, [(from, of_from), (to, of_to)]) => {
                claim.verify((*from, of_from), (*to, of_to), proof)
            }
            Self::Groups(claim, columns) => claim.verify(columns, proof),
            Self::Held(claim, columns) => claim.verify(columns, proof),
            Self::Transformation(transformation, all, inputs) => {
                let (inputs, outputs) = all.split_at(*inputs);
                transformation.verify(inputs, outputs, proof)
            }
        }
    }

    /// Cells of the proof's tables; nothing, if there are none.
    fn cells(&self) -> Option<u64> {
        match self {
            Self::OfColumn(claim, (layout, of)) => claim.cells(*layout, of),
            Self::Noisy(claim, (layout, of)) => claim.cells(*layout, of),
            Self::Affine(claim, [(from, of_from), (to, of_to)]) => {
                claim.cells((*from, of_from), (*to, of_to))
            }
            Self::Groups(claim, columns) => claim.cells(columns),
            Self::Held(claim, columns) => claim.cells(columns),
            Self::Transformation(transformation, all, inputs) => {
                let (inputs, outputs) = all.split_at(*inputs);
                transformation.cells(inputs, outputs)
            }
        }
    }
}

/// What proving a statement takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    /// Cells of the tables of its largest proof.
    pub(crate) cells: u64,
    /// How many proofs.
    pub(crate) proofs: u64,
}

impl Statement {
    /// What has to be proved of datasets, after checking whatever can be seen of them.
    ///
    /// # Errors
    /// [`Error::Misfit`] and others, if the statement cannot be about them.
    pub(crate) fn pieces(
        &self,
        inputs: &[Commitment],
        outputs: &[Commitment],
    ) -> Result<Vec<Piece>, Error> {
        for commitment in inputs.iter().chain(outputs) {
            commitment.check()?;
        }
        if !self.transforms() && *self != Self::Notarize {
            demand(outputs.is_empty(), "expected no output")?;
        }
        let part = |dataset, part| Part { dataset, part };
        match self {
            Self::Notarize => {
                demand(inputs.is_empty(), "expected no input")?;
                let output = only(outputs, "output")?;
                let batches = Held::batches(output.layouts()).into_iter();
                Ok(batches
                    .map(|batch| Piece::Held(Held, parts(0, batch)))
                    .collect())
            }
            Self::Statistics { column, claim } => {
                let keyed = only(inputs, "input")?.keyed(column)?;
                let ends = [claim.low, claim.high].map(|key| keyed.kind.is_key(key));
                demand(
                    claim.present == 0 || ends == [true; 2],
                    "expected a least and a greatest value that the column can have",
                )?;
                Ok(vec![of_column(*claim, part(0, keyed.part))])
            }
            Self::Histogram {
                column,
                edges,
                counts,
            } => {
                let keyed = only(inputs, "input")?.keyed(column)?;
                let claim = Intervals {
                    edges: keyed.edges(column, edges)?,
                    counts: counts.clone(),
                };
                Ok(vec![of_column(claim, part(0, keyed.part))])
            }
            Self::Count {
                column,
                low,
                high,
                count,
            } => {
                let input = only(inputs, "input")?;
                let range = range(input, column, low.as_deref(), high.as_deref())?;
                let claim = Within {
                    first: range.low,
                    last: range.high,
                    count: *count,
                };
                let keyed = input.keyed(column)?;
                Ok(vec![of_column(claim, part(0, keyed.part))])
            }
            Self::Noisy {
                column,
                low,
                high,
                epsilon,
                beacon,
                count,
            } => {
                let input = only(inputs, "input")?;
                let claim = Noisy {
                    query: query(input, column, [low, high], epsilon, *beacon)?,
                    seed: input.noise,
                    count: *count,
                };
                let keyed = input.keyed(column)?;
                Ok(vec![Piece::Noisy(claim, part(0, keyed.part))])
            }
            Self::Groups { columns, at_least } => {
                let input = only(inputs, "input")?;
                let mut grouped = Vec::new();
                for column in columns.iter().take(input.schema.columns().len() + 1) {
                    grouped.extend(parts(0, input.parts(input.schema.index(column)?)));
                }
                demand(!grouped.is_empty(), "expected a column to group by")?;
                let distinct: HashSet<_> = columns.iter().collect();
                demand(distinct.len() == columns.len(), "expected each column once")?;
                let claim = Groups {
                    at_least: *at_least,
                };
                Ok(vec![Piece::Groups(claim, grouped)])
            }
            Self::Rows { root } => {
                crate::rows::check_parts(only(inputs, "input")?.roots.len())?;
                crate::rows::check_root(root)?;
                Ok(Vec::new())
            }
            Self::Filter { column, low, high } => {
                let (input, output) = (only(inputs, "input")?, only(outputs, "output")?);
                same_columns(&input.schema, &output.schema)?;
                let range = range(input, column, low.as_deref(), high.as_deref())?;
                let filter = Transformation::Filter {
                    column: input.keyed(column)?.part,
                    first: range.low,
                    last: range.high,
                };
                Ok(vec![Piece::Transformation(filter, 1)])
            }
            Self::Project { columns } => {
                let (input, output) = (only(inputs, "input")?, only(outputs, "output")?);
                let most = input.schema.columns().len();
                demand(columns.len() <= most, "expected each column once")?;
                let mut expected = output.clone();
                let mut fields = Vec::new();
                expected.roots.clear();
                for column in columns {
                    let index = input.schema.index(column)?;
                    fields.push(input.schema.columns()[index].clone());
                    expected.roots.extend(&input.roots[input.parts(index)]);
                }
                expected.schema = prooflane_dataset::Schema::new(fields)?;
                (expected.rows, expected.proofs) = (input.rows, input.proofs);
                demand(
                    expected == *output,
                    "expected those columns of the input, unchanged",
                )?;
                Ok(Vec::new())
            }
            Self::Split => {
                let input = only(inputs, "input")?;
                for output in outputs {
                    same_columns(&input.schema, &output.schema)?;
                }
                Ok(vec![Piece::Transformation(Transformation::Split, 1)])
            }
            Self::Permute => {
                let (input, output) = (only(inputs, "input")?, only(outputs, "output")?);
                same_columns(&input.schema, &output.schema)?;
                Ok(vec![Piece::Transformation(Transformation::Permutation, 1)])
            }
            Self::Sort { column, descending } => {
                let (input, output) = (only(inputs, "input")?, only(outputs, "output")?);
                same_columns(&input.schema, &output.schema)?;
                let order = if *descending {
                    Order::Descending
                } else {
                    Order::Ascending
                };
                let sorted = part(1, output.keyed(column)?.part);
                let permuted = Piece::Transformation(Transformation::Permutation, 1);
                Ok(vec![permuted, of_column(order, sorted)])
            }
            Self::Concat => {
                let output = only(outputs, "output")?;
                for input in inputs {
                    same_columns(&input.schema, &output.schema)?;
                }
                let concat = Transformation::Concatenation;
                Ok(vec![Piece::Transformation(concat, inputs.len())])
            }
            Self::Scale {
                column,
                factor,
                offset,
            } => {
                let (input, output) = (only(inputs, "input")?, only(outputs, "output")?);
                same_columns(&input.schema, &output.schema)?;
                let keyed = input.keyed(column)?;
                let mut expected = input.roots.clone();
                let scaled = output.roots.get(keyed.part);
                if let Some(scaled) = scaled {
                    expected[keyed.part] = *scaled;
                }
                let others = expected == output.roots && input.proofs == output.proofs;
                demand(others, "expected the other columns of the input, unchanged")?;
                demand(
                    factor.unsigned_abs() <= stark::affine::MAX_FACTOR.unsigned_abs(),
                    "expected a factor between -8192 and 8192; scale twice",
                )?;
                let (Kind::Int(_) | Kind::Uint(_) | Kind::Decimal(_), Some(zero)) =
                    (keyed.kind, keyed.kind.integer(0))
                else {
                    let problem = "expected a column of integers or decimals";
                    return Err(Error::Misfit(problem.into()));
                };
                // Keys are integers plus a constant.
                let (factor, offset) = (*factor, i128::from(*offset));
                let claim = Affine {
                    factor,
                    offset: i128::from(factor) * zero + offset - zero,
                };
                let [from, to] = [0, 1].map(|dataset| part(dataset, keyed.part));
                Ok(vec![Piece::Affine(claim, from, to)])
            }
            Self::Renew => {
                let (input, output) = (only(inputs, "input")?, only(outputs, "output")?);
                same_columns(&input.schema, &output.schema)?;
                let same = Affine {
                    factor: 1,
                    offset: 0,
                };
                let pieces = input
                    .all()
                    .map(|number| Piece::Affine(same, part(0, number), part(1, number)));
                Ok(pieces.collect())
            }
        }
    }

    /// How many proofs each part of each dataset, inputs first, is opened by.
    ///
    /// # Errors
    /// [`Error`], if the statement cannot be about them.
    pub fn openings(
        &self,
        inputs: &[Commitment],
        outputs: &[Commitment],
    ) -> Result<Vec<Vec<u32>>, Error> {
        let datasets = || inputs.iter().chain(outputs);
        let mut openings: Vec<_> = datasets().map(|of| vec![0; of.roots.len()]).collect();
        for piece in self.pieces(inputs, outputs)? {
            let parts = match piece {
                Piece::OfColumn(_, part) | Piece::Noisy(_, part) => vec![part],
                Piece::Affine(_, from, to) => vec![from, to],
                Piece::Groups(_, parts) | Piece::Held(_, parts) => parts,
                Piece::Transformation(..) => {
                    openings.iter_mut().flatten().for_each(|count| *count += 1);
                    continue;
                }
            };
            for part in parts {
                openings[part.dataset][part.part] += 1;
            }
        }
        Ok(openings)
    }

    /// What proving it takes.
    ///
    /// # Errors
    /// [`Error`], if the statement cannot be about them.
    pub(crate) fn size(
        &self,
        inputs: &[Commitment],
        outputs: &[Commitment],
    ) -> Result<Size, Error> {
        let datasets: Vec<_> = inputs.iter().chain(outputs).collect();
        let mut size = Size::default();
        for piece in &self.pieces(inputs, outputs)? {
            // What cannot be true of any data has no tables, and is found to be false.
            let cells = Shown::new(piece, &datasets)?.cells().unwrap_or(0);
            size.cells = size.cells.max(cells);
            size.proofs += 1;
        }
        Ok(size)
    }

    /// Proves it of datasets that are here. Whoever calls has counted [`Self::openings`].
    ///
    /// # Errors
    /// [`Error`]: the statement does not fit its datasets, the data are others, or it is false.
    pub fn prove(
        &self,
        inputs: &[Source<'_>],
        outputs: &[Source<'_>],
    ) -> Result<Vec<Proof>, Error> {
        self.prove_with(inputs, outputs, None)
    }

    /// The same, if there are `ready` with these columns for the first proof, whose label is still to be set.
    pub(crate) fn prove_with(
        &self,
        inputs: &[Source<'_>],
        outputs: &[Source<'_>],
        ready: Option<Vec<stark::Column>>,
    ) -> Result<Vec<Proof>, Error> {
        let (inputs, outputs) = (sources(inputs), sources(outputs));
        self.prove_of(&inputs, &outputs, ready)
    }

    /// The same of whatever has the columns.
    pub(crate) fn prove_of(
        &self,
        inputs: &[&dyn Columns],
        outputs: &[&dyn Columns],
        ready: Option<Vec<stark::Column>>,
    ) -> Result<Vec<Proof>, Error> {
        let mut proofs = Vec::new();
        self.opened(inputs, outputs, ready, |opened| {
            proofs.push(opened.prove()?);
            Ok(())
        })?;
        Ok(proofs)
    }

    /// Whether it is true of the datasets that have these columns, so that it can be proved.
    ///
    /// # Errors
    /// [`Error`]: it does not fit its datasets, or the data are others.
    pub(crate) fn holds(
        &self,
        inputs: &[&dyn Columns],
        outputs: &[&dyn Columns],
    ) -> Result<bool, Error> {
        let mut holds = true;
        self.opened(inputs, outputs, None, |opened| {
            holds &= opened.holds();
            Ok(())
        })?;
        Ok(holds)
    }

    /// Its pieces with their columns, one after the other.
    fn opened(
        &self,
        inputs: &[&dyn Columns],
        outputs: &[&dyn Columns],
        mut ready: Option<Vec<stark::Column>>,
        mut each: impl FnMut(Opened<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let of = |sources: &[&dyn Columns]| -> Vec<Commitment> {
            let commitments = sources.iter().map(|source| source.commitment().clone());
            commitments.collect()
        };
        let pieces = self.pieces(&of(inputs), &of(outputs))?;
        let sources: Vec<_> = inputs.iter().chain(outputs).copied().collect();
        let mut columns = |parts: &[Part]| {
            let source = sources[parts.first().map_or(0, |part| part.dataset)];
            let Some(ready) = ready.take() else {
                let numbers: Vec<_> = parts.iter().map(|part| part.part).collect();
                return source.columns(&numbers);
            };
            let label = source.commitment().id().0.0;
            let labelled = ready.into_iter().map(|column| column.labelled(label));
            Ok(labelled.collect())
        };
        for piece in &pieces {
            each(Opened::new(piece, &sources, &mut columns)?)?;
        }
        Ok(())
    }

    /// Verifies proofs of it, and returns the bits of security of the weakest; none where there is nothing to prove.
    ///
    /// # Errors
    /// [`Error`].
    pub fn verify(
        &self,
        inputs: &[Commitment],
        outputs: &[Commitment],
        proofs: &[Proof],
    ) -> Result<Option<f64>, Error> {
        let pieces = self.pieces(inputs, outputs)?;
        if pieces.len() != proofs.len() {
            let (expected, got) = (pieces.len(), proofs.len());
            return Err(Error::Misfit(format!(
                "expected {expected} proofs, got {got}"
            )));
        }
        let datasets: Vec<_> = inputs.iter().chain(outputs).collect();
        let mut weakest = None;
        for (number, (piece, proof)) in pieces.iter().zip(proofs).enumerate() {
            let verified = Shown::new(piece, &datasets)?.verify(proof);
            let number = number + 1;
            let verified = verified.map_err(|source| Error::Verify { number, source })?;
            let bits = verified.security_bits;
            weakest = Some(weakest.map_or(bits, |weakest: f64| weakest.min(bits)));
        }
        Ok(weakest)
    }
}

fn query(
    dataset: &Commitment,
    column: &str,
    [low, high]: [&Option<String>; 2],
    epsilon: &str,
    beacon: Bytes32,
) -> Result<Query, Error> {
    let range = range(dataset, column, low.as_deref(), high.as_deref())?;
    Ok(Query {
        first: range.low,
        last: range.high,
        epsilon: parse_epsilon(epsilon)?,
        beacon: beacon.0,
        context: dataset.id().0.0,
    })
}

fn range(
    dataset: &Commitment,
    column: &str,
    low: Option<&str>,
    high: Option<&str>,
) -> Result<Range, Error> {
    Ok(Range::parse(&dataset.schema, column, low, high)?)
}

impl Statement {
    /// The statistics of a column, as they are.
    ///
    /// # Errors
    /// [`Error`], if there is no such column or the data are others.
    pub fn statistics(column: &str, opening: &Opening, table: &Table) -> Result<Self, Error> {
        let part = opening.commitment().keyed(column)?.part;
        let columns = opening.columns(table, [part])?;
        Ok(Self::Statistics {
            column: column.into(),
            claim: Statistics::of(&columns[0]),
        })
    }

    /// The histogram of a column over these edges, as it is.
    ///
    /// # Errors
    /// As [`Self::statistics`], and if an edge is no value of the column.
    pub fn histogram(
        column: &str,
        edges: Vec<String>,
        opening: &Opening,
        table: &Table,
    ) -> Result<Self, Error> {
        let keyed = opening.commitment().keyed(column)?;
        let keys = keyed.edges(column, &edges)?;
        let columns = opening.columns(table, [keyed.part])?;
        Ok(Self::Histogram {
            column: column.into(),
            edges,
            counts: Intervals::of(&columns[0], keys).counts,
        })
    }

    /// A differentially private count of rows in a range.
    ///
    /// # Errors
    /// As [`Self::count`], and [`Error::Noise`].
    pub fn noisy(
        column: &str,
        [low, high]: [Option<String>; 2],
        epsilon: String,
        beacon: Bytes32,
        source: Source<'_>,
    ) -> Result<Self, Error> {
        let Source { opening, table } = source;
        let commitment = opening.commitment();
        let query = query(commitment, column, [&low, &high], &epsilon, beacon)?;
        let columns = opening.columns(table, [commitment.keyed(column)?.part])?;
        let count = Noisy::of(&columns[0], query, &opening.noise())?.count;
        Ok(Self::Noisy {
            column: column.into(),
            low,
            high,
            epsilon,
            beacon,
            count,
        })
    }

    /// The count of rows in a range, as it is.
    ///
    /// # Errors
    /// As [`Self::statistics`], and if a bound is no value of the column.
    pub fn count(
        column: &str,
        low: Option<String>,
        high: Option<String>,
        table: &Table,
    ) -> Result<Self, Error> {
        let range = Range::parse(table.schema(), column, low.as_deref(), high.as_deref())?;
        let satisfying = table.satisfying(&range)?;
        let count = satisfying.iter().filter(|satisfies| **satisfies).count();
        Ok(Self::Count {
            column: column.into(),
            low,
            high,
            count: count as u64,
        })
    }
}
