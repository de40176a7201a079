//! That one column is another scaled: in each row `out = factor * in + offset` over the integers, of keys, and a value is missing in
//! both or in none.
//!
//! Limb by limb: `factor * in_j + offset_j + carry_(j-1) = out_j + 2^16 carry_j`. Limbs are looked up to have 16 bits and carries
//! to lie between -2^14 and 2^14; with a factor of at most 2^13 no side reaches the field's order, so the equation holds over the
//! integers. Larger factors take several steps. With factor 1 and offset 0 this says that two commitments are to the same values,
//! so that a column whose noise is used up can go on under another one.

use crate::column::{Column, Layout, Live, VALUES};
use crate::field::F;
use crate::proof::{Commitment, Proof, Statement};
use crate::prove::ProveError;
use crate::ranges::{COUNT, RANGE, Ranges, entry};
use crate::table::{At, Cell, Linear, carried, put, word};
use crate::taken::Taken;
use crate::verify::{Verified, VerifyError};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The largest factor, and the smallest its negative.
pub const MAX_FACTOR: i64 = 1 << 13;
/// What is added to a carry, which may be negative, to look it up; and how many bits it then has.
const CARRY_OFFSET: i64 = 1 << 14;
const CARRY_BITS: u64 = 15;

/// What is claimed of two columns, of values as their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affine {
    /// Between -[`MAX_FACTOR`] and [`MAX_FACTOR`].
    pub factor: i64,
    /// What is added.
    pub offset: i128,
}

impl Affine {
    /// Cells of its tables ([`crate::Tables::cells`]); nothing, if it cannot be true of any such columns.
    pub fn cells(
        &self,
        (input, of_input): (Layout, &Commitment),
        (output, of_output): (Layout, &Commitment),
    ) -> Option<u64> {
        let (input, output) = ((input, of_input.clone()), (output, of_output.clone()));
        Some(Plan::new(self, input, output)?.statement.cells())
    }

    /// Whether `output` is `input` scaled, found out without a proof: exactly then it can be proved.
    pub fn holds(&self, input: &Column, output: &Column) -> bool {
        if self.plan(input, output).is_none() {
            return false;
        }
        // The tables' bounds of the factor and the offset keep this far from overflowing.
        let scaled = |key: u64| i128::from(self.factor) * i128::from(key) + self.offset;
        let rows = (0..input.layout().rows).into_par_iter();
        rows.all(|row| input.get(row).map(scaled) == output.get(row).map(i128::from))
    }

    /// Proves that `output` is `input` scaled.
    ///
    /// # Errors
    /// [`ProveError`], if it is not among others.
    pub fn prove(&self, input: &Column, output: &Column) -> Result<Proof, ProveError> {
        let plan = self.plan(input, output);
        let plan = plan.ok_or(ProveError::Unsatisfied { table: 0 })?;
        let opened = [input.opened(), output.opened()];
        plan.statement.prove(plan.fill(input, output), &opened)
    }

    /// Verifies a proof that `output` is `input` scaled.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        input: (Layout, &Commitment),
        output: (Layout, &Commitment),
        proof: &Proof,
    ) -> Result<Verified, VerifyError> {
        let of = |(layout, commitment): (Layout, &Commitment)| (layout, commitment.clone());
        let plan = Plan::new(self, of(input), of(output)).ok_or(VerifyError::Claim)?;
        plan.statement.verify(proof)
    }

    fn plan(&self, input: &Column, output: &Column) -> Option<Plan> {
        let of = |column: &Column| (column.layout(), column.commitment().clone());
        Plan::new(self, of(input), of(output))
    }

    /// The offset's limbs, all but the highest between 0 and 2^16.
    fn offset_limb(&self, limb: usize, limbs: usize) -> i128 {
        let shifted = self.offset >> (16 * limb);
        if limb + 1 < limbs {
            shifted & 0xffff
        } else {
            shifted
        }
    }
}

/// The tables and where their columns are.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    claim: Affine,
    live: Live,
    carries: Vec<Vec<Cell>>,
    ranges: Ranges,
}

/// Limbs of either column, whichever has more.
fn limbs(input: Layout, output: Layout) -> usize {
    input.limbs.max(output.limbs) as usize
}

fn signed(number: i128) -> F {
    let magnitude = F::from_u64(number.unsigned_abs() as u64);
    if number < 0 { -magnitude } else { magnitude }
}

impl Plan {
    /// Nothing, if no columns are scaled so.
    pub(crate) fn new(
        claim: &Affine,
        (input, of_input): (Layout, Commitment),
        (output, of_output): (Layout, Commitment),
    ) -> Option<Self> {
        input.check().and(output.check()).ok()?;
        let limbs = limbs(input, output);
        let highest = claim.offset_limb(limbs - 1, limbs);
        let possible = (input.rows, input.proofs, input.nullable)
            == (output.rows, output.proofs, output.nullable)
            && claim.factor.unsigned_abs() <= MAX_FACTOR.unsigned_abs()
            && highest.unsigned_abs() <= 1 << 29;
        if !possible {
            return None;
        }
        let mut table = input.table();
        let sources = [(0, input), (1, output)]
            .map(|(number, layout)| (table.source(number, layout.width()), layout));
        let live = Live::new(&mut table, &input);
        let mut carries = Vec::new();
        for place in 0..VALUES {
            let [there, also_there] = sources
                .map(|(source, layout)| live.demand_presence(&mut table, &layout, source, place));
            if input.nullable {
                table.demand(At::All, there.clone() - also_there);
            }
            for (source, layout) in sources {
                for limb in 0..layout.limbs as usize {
                    let fields = vec![layout.limb(source, place, limb), Linear::number(16)];
                    table.send(RANGE, fields, there.clone());
                }
            }
            let of_place: Vec<Cell> = (1..limbs).map(|_| table.column()).collect();
            for carry in &of_place {
                let raised = Linear::from(*carry) + Linear::number(CARRY_OFFSET as u64);
                let fields = vec![raised, Linear::number(CARRY_BITS)];
                table.send(RANGE, fields, there.clone());
            }
            for limb in 0..limbs {
                let of = |(source, layout): (u32, Layout)| {
                    let has = limb < layout.limbs as usize;
                    has.then(|| layout.limb(source, place, limb))
                };
                let mut sum = Linear::from(signed(claim.offset_limb(limb, limbs)));
                if let Some(input) = of(sources[0]) {
                    sum += input * signed(i128::from(claim.factor));
                }
                if let Some(output) = of(sources[1]) {
                    sum -= output;
                }
                sum -= carried(&of_place, limb);
                table.demand(At::All, there.clone() * sum);
            }
            carries.push(of_place);
        }
        let ranges = Ranges::new();
        Some(Self {
            statement: Statement {
                tables: vec![table, ranges.table.clone()],
                commitments: vec![of_input, of_output],
                public: Vec::new(),
            },
            claim: *claim,
            live,
            carries,
            ranges,
        })
    }

    /// The tables' own columns.
    pub(crate) fn fill(&self, input: &Column, output: &Column) -> Vec<RowMajorMatrix<F>> {
        let mut own = self.statement.blanks();
        let looked_up = Taken::new(COUNT);
        let layout = input.layout();
        let limbs = limbs(layout, output.layout());
        let width = own[0].width;
        let filled = layout.filled() as usize * width;
        (own[0].values[..filled].par_chunks_mut(width).enumerate()).for_each(|(row, cells)| {
            self.live.fill(cells, row as u64);
            for (place, carries) in self.carries.iter().enumerate() {
                let row = (row * VALUES + place) as u64;
                let Some(value) = input.get(row) else {
                    continue;
                };
                let scaled = output.get(row).unwrap_or(0);
                for (of, column) in [(value, input), (scaled, output)] {
                    for limb in 0..column.layout().limbs as usize {
                        looked_up.count(entry(word(of, limb), 16));
                    }
                }
                let mut carry = 0;
                for (limb, cell) in carries.iter().enumerate() {
                    let sum = i128::from(self.claim.factor) * i128::from(word(value, limb))
                        + self.claim.offset_limb(limb, limbs)
                        + carry
                        - i128::from(word(scaled, limb));
                    carry = sum >> 16;
                    put(cells, *cell, signed(carry));
                    let raised = carry + i128::from(CARRY_OFFSET);
                    looked_up.count(entry(raised as u64, CARRY_BITS));
                }
            }
        });
        self.ranges.fill(&mut own[1], &looked_up);
        own
    }
}
