//! That whoever proves it has all columns of a dataset: that he knows what their commitments are to, and did not merely see them.
//!
//! The proof opens every column, at a random point and at the queries of FRI, and says nothing of the values but that flags are
//! flags: 1 where a value is there, 0 where it is missing, and 0 behind the last row. Limbs are left to the claims that read them: to look
//! all of them up takes seven times as long as to commit to them.

use crate::column::{Column, Layout, Live, VALUES};
use crate::field::F;
use crate::proof::{Proof, Statement};
use crate::prove::ProveError;
use crate::rows::Dataset;
use crate::verify::{Verified, VerifyError};
use p3_matrix::dense::RowMajorMatrix;
use std::ops::Range;

/// Cells of the matrices that one proof opens: while it is made, all of them are in memory, with their codewords and hashes about
/// sixteen bytes for each.
const MOST_CELLS: u64 = 1 << 27;

/// The claim that the prover has a dataset's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held;

impl Held {
    /// Divides columns into lists for one proof each, which needs two gigabytes at most: mostly they are one.
    pub fn batches(layouts: impl IntoIterator<Item = Layout>) -> Vec<Range<usize>> {
        let mut batches: Vec<Range<usize>> = Vec::new();
        let mut room = 0;
        for (number, layout) in layouts.into_iter().enumerate() {
            let cells = layout.cells();
            match batches.last_mut() {
                Some(batch) if cells <= room => batch.end = number + 1,
                _ => {
                    batches.push(number..number + 1);
                    room = MOST_CELLS;
                }
            }
            room = room.saturating_sub(cells);
        }
        batches
    }

    /// Cells of its tables ([`crate::Tables::cells`]); nothing, if it cannot be true of any such columns.
    pub fn cells(&self, columns: &Dataset) -> Option<u64> {
        Some(Plan::new(columns)?.statement.cells())
    }

    /// Whether it can be proved of columns, found out without a proof: if they are of one dataset, and their flags are flags.
    pub fn holds(&self, columns: &[Column]) -> bool {
        Plan::new(&Dataset::of(columns)).is_some() && columns.iter().all(Column::is_flagged)
    }

    /// Proves it of columns.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove(&self, columns: &[Column]) -> Result<Proof, ProveError> {
        let plan = Plan::new(&Dataset::of(columns));
        let plan = plan.ok_or(ProveError::Unsatisfied { table: 0 })?;
        let opened: Vec<_> = columns.iter().map(Column::opened).collect();
        plan.statement.prove(plan.fill(), &opened)
    }

    /// Verifies a proof about columns of which this is public.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, columns: &Dataset, proof: &Proof) -> Result<Verified, VerifyError> {
        let plan = Plan::new(columns).ok_or(VerifyError::Claim)?;
        plan.statement.verify(proof)
    }
}

/// The table and where its column is.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    live: Live,
}

impl Plan {
    /// Nothing, if these are no columns of one dataset.
    pub(crate) fn new(dataset: &Dataset) -> Option<Self> {
        if !dataset.fits(dataset) {
            return None;
        }
        let (first, _) = dataset.columns.first()?;
        let mut table = first.table();
        let live = Live::new(&mut table, first);
        let mut commitments = Vec::new();
        for (number, (layout, commitment)) in dataset.columns.iter().enumerate() {
            // The others are opened too, but no constraint is about them.
            if layout.nullable {
                let source = table.source(number, layout.width());
                for place in 0..VALUES {
                    live.demand_presence(&mut table, layout, source, place);
                }
            }
            commitments.push(commitment.clone());
        }
        Some(Self {
            statement: Statement {
                tables: vec![table],
                commitments,
                public: Vec::new(),
            },
            live,
        })
    }

    /// The table's own column.
    pub(crate) fn fill(&self) -> Vec<RowMajorMatrix<F>> {
        let mut own = self.statement.blanks();
        let width = own[0].width;
        let rows = own[0].values.chunks_mut(width);
        for (cells, row) in rows.zip(0..self.statement.tables[0].rows) {
            self.live.fill(cells, row);
        }
        own
    }
}
