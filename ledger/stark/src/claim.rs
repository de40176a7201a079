//! What all claims about one column have in common.

use crate::column::{Column, Layout};
use crate::field::F;
use crate::proof::{Commitment, Proof, Statement};
use crate::prove::ProveError;
use crate::verify::{Verified, VerifyError};
use p3_matrix::dense::RowMajorMatrix;

/// Tables, and how the prover fills them.
pub(crate) trait Prepared {
    /// The tables, of one committed column.
    fn statement(&self) -> &Statement;

    /// The tables' own columns.
    fn fill(&self, column: &Column) -> Vec<RowMajorMatrix<F>>;
}

/// What a claim comes to for the proof system.
pub struct Tables(Box<dyn Prepared>);

impl Tables {
    /// How many cells they have, in the matrices that a proof commits to: each takes some sixteen bytes of the prover's memory.
    #[must_use]
    pub fn cells(&self) -> u64 {
        self.0.statement().cells()
    }
}

impl<P: Prepared + 'static> From<P> for Tables {
    fn from(prepared: P) -> Self {
        Self(Box::new(prepared))
    }
}

/// A claim about one column.
pub trait Claim {
    /// Its tables, if it is about a column of which this is public; nothing, if it cannot be true of any.
    fn tables(&self, layout: Layout, commitment: &Commitment) -> Option<Tables>;

    /// Cells of its tables ([`Tables::cells`]); nothing, if it cannot be true of any column.
    fn cells(&self, layout: Layout, commitment: &Commitment) -> Option<u64> {
        self.tables(layout, commitment).map(|tables| tables.cells())
    }

    /// Whether it is true of a column, found out without a proof: exactly then it can be proved.
    fn holds(&self, column: &Column) -> bool;

    /// Proves it of a column.
    ///
    /// # Errors
    /// [`ProveError`], if it is false among others.
    fn prove(&self, column: &Column) -> Result<Proof, ProveError> {
        let tables = self.tables(column.layout(), column.commitment());
        let Tables(tables) = tables.ok_or(ProveError::Unsatisfied { table: 0 })?;
        let own = tables.fill(column);
        tables.statement().prove(own, &[column.opened()])
    }

    /// Verifies a proof of it about a column of which this is public.
    ///
    /// # Errors
    /// [`VerifyError`].
    fn verify(
        &self,
        layout: Layout,
        commitment: &Commitment,
        proof: &Proof,
    ) -> Result<Verified, VerifyError> {
        let Tables(tables) = self.tables(layout, commitment).ok_or(VerifyError::Claim)?;
        tables.statement().verify(proof)
    }
}
