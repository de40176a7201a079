//! How many values satisfy a range predicate, plus noise that makes the answer differentially private: neither the true count nor
//! the noise is told, and the noise is proved to be what it has to be.
//!
//! # What is drawn
//!
//! The owner has a secret seed of eight elements of the field and has published its commitment: the first eight elements
//! of Poseidon2 of the seed and a constant (`poseidon2.rs`: a sponge of one block, so finding another seed takes 2^124 steps).
//! For a query, the constant is eight elements of a hash of all that the answer depends on: the query with its beacon and
//! context, and the column's layout and commitment. Of the first four elements that come out, the low 16 bits make a
//! number `u` of 64 bits, and `laplace.rs` says which noise that is.
//!
//! Each such element is shown to be `low + 2^16 high` with `high < 0x7f00`. Below the field's order, 0x7f000001, that leaves out
//! -1 alone, and among the others each `low` has equally many: given that no element is -1, `u` is as uniform
//! as they are. If one is, for one in 2^29 queries whatever the data, there is no proof ([`NoiseError::Unlucky`]), and the query
//! has to be asked with another beacon.
//!
//! # What is shown
//!
//! The column's table counts what is picked (`picks.rs`). Another one computes both permutations, and in the row of the second
//! one's output cuts four elements into words and takes a box that holds `u` from a table of what gives which noise
//! (`boxes.rs`), noise being the box's class. The count that the column's table sends has to be the claim less that
//! noise. Counts are at most 2^22 and noise is below 2^14, so this holds over the integers.
//!
//! # What it promises
//!
//! To whoever does not know the seed, changing one value of the column, or whether it is there, makes no answer more than
//! `exp(epsilon)` times likelier, but for a probability of [`Epsilon::delta`]: `(epsilon, delta)`-differential privacy,
//! computational because the noise is pseudorandom (Mironov, Pandey, Reingold and Vadhan, CRYPTO 2009). The number of rows is
//! public, and the proof tells nothing but that the answer is right. Who knows the seed, as the owner does, knows the noise.
//!
//! - **The beacon comes last.** Who asks has to see that the commitments to the seed and to the column, the predicate, epsilon and
//!   the context were fixed before anybody knew the beacon. An owner who chooses any of them later can try until he likes
//!   the noise.
//! - **One answer to a query.** Asked again, with the same beacon and context, it has the same noise, and an average over many
//!   tells no more than one. With another beacon, context, range, epsilon or commitment to the column, noise is independent.
//! - **Answers add up.** Several answers about one column, whatever their noise, are together as private as the sums of their epsilons
//!   and deltas say (basic composition; Dwork and Roth 2014, theorem 3.16), and so is one answer about a column in which somebody
//!   has several values. The owner has to keep account, and to use a seed for nothing else.

use crate::boxes::{Boxes, Place, greatest};
use crate::column::{Column, Layout, Live, VALUES};
use crate::field::F;
use crate::laplace::{Epsilon, Laplace};
use crate::picks::Picks;
use crate::poseidon2::{Permutations, RATE, ROWS, WIDTH};
use crate::proof::{Commitment, Proof, Statement};
use crate::prove::ProveError;
use crate::ranges::{COUNT, RANGE, Ranges, entry};
use crate::table::{At, Cell, Fixed, Linear, Table, set};
use crate::taken::Taken;
use crate::verify::{Verified, VerifyError};
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::default_koalabear_poseidon2_16;
use p3_matrix::dense::RowMajorMatrix;
use p3_symmetric::Permutation;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// Message: a box of the numbers that give some noise.
const NOISE: u32 = 11;
/// Message: the seed.
const SEED: u32 = 12;
/// Message: how many values are picked.
const PICKED: u32 = 13;

/// Words of the uniform number.
const WORDS: usize = 4;
/// High parts of the elements they are taken from are below this, and have so many bits.
const HIGH_BOUND: u64 = 0x7f00;
const HIGH_BITS: u64 = 15;

/// A secret from which noise is derived. No `Debug`.
pub struct NoiseSeed([u32; RATE]);

/// A commitment to a [`NoiseSeed`], to publish before any beacon is known: elements of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseCommitment([u32; RATE]);

/// What is asked of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The least key that is counted.
    pub first: u64,
    /// The greatest.
    pub last: u64,
    /// How private the answer has to be.
    pub epsilon: Epsilon,
    /// What nobody could know when all else was fixed.
    pub beacon: [u8; 32],
    /// What else the noise depends on: the hash of what the query is part of.
    pub context: [u8; 32],
}

/// A differentially private answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noisy {
    /// What was asked.
    pub query: Query,
    /// To the seed that noise is derived from.
    pub seed: NoiseCommitment,
    /// How many values are there and lie in the range, plus noise.
    pub count: i64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoiseError {
    /// There is no noise for this epsilon, or too much.
    #[error("epsilon is {numerator}/{denominator}, expected a number from 0.0027 to 44")]
    Epsilon {
        /// Above the line.
        numerator: u32,
        /// Below the line.
        denominator: u32,
    },
    /// One of 2^29 queries has no noise that can be proved.
    #[error("no noise can be drawn from this seed and beacon: ask with another beacon")]
    Unlucky,
}

impl NoiseSeed {
    /// From 32 random bytes that nobody else knows.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let seed = elements("prooflane 2026-11 stark seed of noise", secret);
        Self(seed.map(|element| element.as_canonical_u32()))
    }

    /// What commits to it.
    pub fn commitment(&self) -> NoiseCommitment {
        let output = self.permuted(constant_of_commitment());
        NoiseCommitment(std::array::from_fn(|element| {
            output[element].as_canonical_u32()
        }))
    }

    /// What goes into a permutation.
    fn input(&self, constant: [F; RATE]) -> [F; WIDTH] {
        std::array::from_fn(|element| match element.checked_sub(RATE) {
            None => F::from_u32(self.0[element]),
            Some(element) => constant[element],
        })
    }

    fn permuted(&self, constant: [F; RATE]) -> [F; WIDTH] {
        default_koalabear_poseidon2_16().permute(self.input(constant))
    }

    /// The low and high parts of the elements that the uniform number is made of.
    fn parts(&self, constant: [F; RATE]) -> [[u64; 2]; WORDS] {
        let output = self.permuted(constant);
        std::array::from_fn(|word| {
            let element = u64::from(output[word].as_canonical_u32());
            [element & 0xffff, element >> 16]
        })
    }
}

impl Drop for NoiseSeed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Elements of the field from a hash, each uniformly random.
fn elements(context: &str, bytes: &[u8]) -> [F; RATE] {
    let mut hash = blake3::Hasher::new_derive_key(context);
    let mut output = hash.update(bytes).finalize_xof();
    [(); RATE].map(|()| {
        loop {
            let mut drawn = [0; 4];
            output.fill(&mut drawn);
            let drawn = u32::from_le_bytes(drawn) >> 1;
            if drawn < F::ORDER_U32 {
                return F::from_u32(drawn);
            }
        }
    })
}

fn constant_of_commitment() -> [F; RATE] {
    elements("prooflane 2026-11 stark commitment to a seed of noise", &[])
}

/// The uniform number; nothing, if one of the elements is -1.
fn uniform(parts: [[u64; 2]; WORDS]) -> Option<u64> {
    let mut words = parts.into_iter().rev();
    words.try_fold(0, |number, [low, high]| {
        (high < HIGH_BOUND).then_some(number << 16 | low)
    })
}

impl Query {
    /// Hashes all that the answer depends on but the seed.
    fn constant(&self, layout: Layout, commitment: &Commitment) -> [F; RATE] {
        let bytes = postcard::to_stdvec(&(self, layout, commitment));
        let bytes = bytes.expect("only memory could be missing");
        elements("prooflane 2026-11 stark query for a noisy count", &bytes)
    }
}

impl Noisy {
    /// Answers a query.
    ///
    /// # Errors
    /// [`NoiseError`].
    pub fn of(column: &Column, query: Query, seed: &NoiseSeed) -> Result<Self, NoiseError> {
        let Epsilon {
            numerator,
            denominator,
        } = query.epsilon;
        let laplace = Laplace::new(query.epsilon).ok_or(NoiseError::Epsilon {
            numerator,
            denominator,
        })?;
        let parts = seed.parts(query.constant(column.layout(), column.commitment()));
        let number = uniform(parts).ok_or(NoiseError::Unlucky)?;
        let range = query.first..=query.last;
        let count = (0..column.layout().rows)
            .into_par_iter()
            .filter_map(|row| column.get(row))
            .filter(|value| range.contains(value))
            .count();
        Ok(Self {
            query,
            seed: seed.commitment(),
            count: count as i64 + laplace.sample(number),
        })
    }

    /// Cells of its tables ([`crate::Tables::cells`]); nothing, if it cannot be true of any such column.
    pub fn cells(&self, layout: Layout, commitment: &Commitment) -> Option<u64> {
        let plan = Plan::new(self, layout, commitment.clone())?;
        Some(plan.statement.cells())
    }

    /// Whether the answer about a column is right, found out without a proof: exactly then it can be proved from this seed.
    pub fn holds(&self, column: &Column, seed: &NoiseSeed) -> bool {
        let plan = Plan::new(self, column.layout(), column.commitment().clone());
        plan.is_some() && Self::of(column, self.query, seed) == Ok(*self)
    }

    /// Proves the answer about a column, from the seed that it names the commitment of.
    ///
    /// # Errors
    /// [`ProveError`], if the answer is wrong among others.
    pub fn prove(&self, column: &Column, seed: &NoiseSeed) -> Result<Proof, ProveError> {
        let plan = Plan::new(self, column.layout(), column.commitment().clone());
        let plan = plan.ok_or(ProveError::Unsatisfied { table: 0 })?;
        let own = plan.fill(column, seed);
        plan.statement.prove(own, &[column.opened()])
    }

    /// Verifies a proof of the answer about a column of which this is public.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        layout: Layout,
        commitment: &Commitment,
        proof: &Proof,
    ) -> Result<Verified, VerifyError> {
        let plan = Plan::new(self, layout, commitment.clone()).ok_or(VerifyError::Claim)?;
        plan.statement.verify(proof)
    }
}

/// The tables and where their columns are.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    layout: Layout,
    live: Live,
    picks: Picks,
    constants: [[F; RATE]; 2],
    laplace: Laplace,
    permutations: Permutations,
    /// Of the output's row: the low and high parts of each element, and the box that the number takes.
    parts: [[Cell; 2]; WORDS],
    noise: Cell,
    place: Place,
    noises: Boxes,
    ranges: Ranges,
}

const MAIN: usize = 0;
const BOXES: usize = 1;
const DRAW: usize = 2;
const NOISES: usize = 3;
const RANGES: usize = 4;

impl Plan {
    /// Nothing, if the claim cannot be true of any column.
    pub(crate) fn new(claim: &Noisy, layout: Layout, commitment: Commitment) -> Option<Self> {
        layout.check().ok()?;
        let query = &claim.query;
        let laplace = Laplace::new(query.epsilon)?;
        let most = laplace.greatest();
        let possible = query.first <= query.last
            && query.last <= greatest(layout.limbs)
            && (-most..=layout.rows as i64 + most).contains(&claim.count)
            && claim.seed.0.iter().all(|element| *element < F::ORDER_U32);
        if !possible {
            return None;
        }
        let mut main = layout.table();
        let source = main.source(0, layout.width());
        let live = Live::new(&mut main, &layout);
        let there: Vec<Linear> = (0..VALUES)
            .map(|place| live.demand_presence(&mut main, &layout, source, place))
            .collect();
        let range = [query.first, query.last];
        let picks = Picks::new(&mut main, &layout, source, &there, range);
        // The column's values end long before.
        let last = main.fixed(Fixed::Row(layout.counting() - 1));
        main.send(PICKED, vec![picks.rank.into()], last);

        let constants = [
            constant_of_commitment(),
            query.constant(layout, &commitment),
        ];
        let mut draw = Table::of_rows(constants.len() as u64 * ROWS + 1);
        let permutations = Permutations::new(&mut draw, constants.len());
        let state = permutations.state.map(Linear::from);
        let [input, output] = [[0, ROWS], [ROWS - 1, 2 * ROWS - 1]];
        let is_input = input.map(|row| Linear::from(draw.fixed(Fixed::Row(row))));
        let [of_first, of_second] = is_input;
        draw.send(SEED, state[..RATE].to_vec(), of_first - of_second);
        for (row, constant) in input.into_iter().zip(&constants) {
            for (cell, element) in state[RATE..].iter().zip(constant) {
                draw.demand(At::Row(row), cell.clone() - Linear::from(*element));
            }
        }
        for (cell, element) in state.iter().zip(claim.seed.0) {
            let element = Linear::number(u64::from(element));
            draw.demand(At::Row(output[0]), cell.clone() - element);
        }

        let drawn = Linear::from(draw.fixed(Fixed::Row(output[1])));
        let parts = [(); WORDS].map(|()| draw.columns());
        for (element, [low, high]) in state.iter().zip(parts) {
            let [low, high] = [low, high].map(Linear::from);
            let whole = low.clone() + high.clone() * F::from_u32(1 << 16);
            draw.demand(At::Row(output[1]), element.clone() - whole);
            let raised = high.clone() + Linear::number((1 << HIGH_BITS) - HIGH_BOUND);
            for (part, bits) in [(low, 16), (high, HIGH_BITS), (raised, HIGH_BITS)] {
                draw.send(RANGE, vec![part, Linear::number(bits)], drawn.clone());
            }
        }
        let noises = Boxes::new(NOISE, &laplace.intervals(), WORDS as u32, &[]);
        let noise = draw.column();
        let number = parts.map(|[low, _]| Linear::from(low));
        let place = noises.place(&mut draw, &number, &drawn, noise.into());
        let picked = Linear::number((claim.count + most) as u64) - noise.into();
        draw.receive(PICKED, vec![picked], drawn);

        let ranges = Ranges::new();
        Some(Self {
            statement: Statement {
                tables: vec![
                    main,
                    picks.boxes.table.clone(),
                    draw,
                    noises.table.clone(),
                    ranges.table.clone(),
                ],
                commitments: vec![commitment],
                public: Vec::new(),
            },
            layout,
            live,
            picks,
            constants,
            laplace,
            permutations,
            parts,
            noise,
            place,
            noises,
            ranges,
        })
    }

    /// The tables' own columns.
    pub(crate) fn fill(&self, column: &Column, seed: &NoiseSeed) -> Vec<RowMajorMatrix<F>> {
        let mut own = self.statement.blanks();
        let looked_up = Taken::new(COUNT);
        let width = own[MAIN].width;
        let rows = own[MAIN].values.chunks_mut(width);
        for (cells, row) in rows.zip(0..self.layout.filled()) {
            self.live.fill(cells, row);
        }
        let of_column = own.get_disjoint_mut([MAIN, BOXES]);
        let of_column = of_column.expect("two different tables");
        let counting = self.layout.counting();
        self.picks.fill(of_column, counting, column, &looked_up);

        let inputs = self.constants.map(|constant| seed.input(constant));
        self.permutations.fill(&mut own[DRAW], &inputs);
        let width = own[DRAW].width;
        let cells = &mut own[DRAW].values[(2 * ROWS as usize - 1) * width..];
        let parts = seed.parts(self.constants[1]);
        for ([low, high], cell) in parts.into_iter().zip(self.parts) {
            set(cells, cell[0], low);
            set(cells, cell[1], high);
            looked_up.count(entry(low, 16));
            looked_up.count(entry(high, HIGH_BITS));
            // If this is too much, it is missed in the table of ranges.
            let raised = high + (1 << HIGH_BITS) - HIGH_BOUND;
            if raised >> HIGH_BITS == 0 {
                looked_up.count(entry(raised, HIGH_BITS));
            }
        }
        let number = uniform(parts).unwrap_or(0);
        let noise = self.laplace.sample(number) + self.laplace.greatest();
        set(cells, self.noise, noise as u64);
        let taken = self.noises.none_taken();
        (self.noises).fill_place(&self.place, number, cells, &taken, &looked_up);
        self.noises.fill(&mut own[NOISES], &taken);
        self.ranges.fill(&mut own[RANGES], &looked_up);
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_minus_one_gives_no_number() {
        let of = |element: F| {
            let element = u64::from(element.as_canonical_u32());
            let cut = [element & 0xffff, element >> 16];
            uniform([cut, [2, 5], [3, 6], [4, HIGH_BOUND - 1]])
        };
        assert_eq!(of(F::ZERO), Some(0x0004_0003_0002_0000));
        assert_eq!(of(F::ZERO - F::TWO), Some(0x0004_0003_0002_ffff));
        assert_eq!(of(-F::ONE), None);
    }
}
