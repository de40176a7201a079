//! The prover.

use crate::domain;
use crate::domain::Selectors;
use crate::field::{
    Challenger, DEGREE, E, F, LOG_BLOWUP, Packed, REVEALED, Scheme, Transform, Tree, codewords,
    scheme,
};
use crate::program::{Program, Space};
use crate::proof::{Bus, BusRow, Proof, Statement, Values, Weights};
use crate::table::Table;
use p3_challenger::{CanObserve, FieldChallenger};
use p3_commit::{OpeningRequest, Pcs, UnivariateStarkPcs};
use p3_dft::TwoAdicSubgroupDft;
use p3_field::{
    BasedVectorSpace, ExtensionField, Field, PackedValue, PrimeCharacteristicRing,
    batch_multiplicative_inverse,
};
use p3_matrix::Matrix;
use p3_matrix::bitrev::BitReversibleMatrix;
use p3_matrix::dense::RowMajorMatrix;
use p3_util::reverse_bits_len;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// The cells do not satisfy a table's constraints.
    #[error("table {table}: the cells do not satisfy its constraints: the statement is false")]
    Unsatisfied {
        /// Its number.
        table: usize,
    },
    /// Some message is not received as often as it is sent.
    #[error("the tables contradict each other: the statement is false")]
    Unbalanced,
    /// The operating system gives no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
    /// The scheme refuses.
    #[error("the commitment scheme refuses: {0}")]
    Scheme(String),
}

/// A committed matrix and what opens it.
pub(crate) struct Opened<'a> {
    pub(crate) rows: &'a RowMajorMatrix<F>,
    pub(crate) tree: &'a Tree,
}

impl Statement {
    /// Proves the statement from the tables' own columns, as [`Statement::blanks`] lays them out.
    pub(crate) fn prove(
        &self,
        own: Vec<RowMajorMatrix<F>>,
        data: &[Opened<'_>],
    ) -> Result<Proof, ProveError> {
        self.prove_unless(own, data, true)
    }

    /// Proves what may be false, as a lying prover would: tests see that it is rejected.
    #[cfg(test)]
    pub(crate) fn prove_anyway(
        &self,
        own: Vec<RowMajorMatrix<F>>,
        data: &[Opened<'_>],
    ) -> Result<Proof, ProveError> {
        self.prove_unless(own, data, false)
    }

    fn prove_unless(
        &self,
        mut own: Vec<RowMajorMatrix<F>>,
        data: &[Opened<'_>],
        refuse_lies: bool,
    ) -> Result<Proof, ProveError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| ProveError::Randomness(error.to_string()))?;
        let mut noise = ChaCha20Rng::from_seed(seed);
        let pcs = scheme(random(&mut noise));
        let refused = |error| ProveError::Scheme(format!("{error:?}"));
        let mut challenger = self.challenger();

        for (number, (table, own)) in self.tables.iter().zip(&mut own).enumerate() {
            let width = self.own_width(number);
            for mask in &mut own.values[table.width as usize..width] {
                *mask = element(&mut noise);
            }
            fill(&mut own.values[table.rows as usize * width..], &mut noise);
        }
        self.share_masks(&mut own);
        let committed = own
            .iter()
            .zip(&self.tables)
            .map(|(own, table)| (natural(&pcs, table), own.clone()));
        let (own_root, own_tree) =
            <Scheme as Pcs<E, Challenger>>::commit(&pcs, committed.collect::<Vec<_>>())
                .map_err(refused)?;
        challenger.observe(&own_root);

        let (alpha, beta) = (draw(&mut challenger), draw(&mut challenger));
        let bus = Bus::new(alpha, beta, self);
        let mut totals = Vec::new();
        let mut columns = Vec::new();
        for (number, (table, own)) in self.tables.iter().zip(&own).enumerate() {
            let (messages, sums, total) = self.bus_columns(number, own, data, &bus, &mut noise);
            totals.push(total);
            columns.push((natural(&pcs, table), messages));
            columns.push((natural(&pcs, table), sums));
        }
        let sent = totals.iter().copied().sum::<E>() + self.public_sum(&bus);
        if refuse_lies && sent != E::ZERO {
            return Err(ProveError::Unbalanced);
        }
        let (bus_root, bus_tree) =
            <Scheme as Pcs<E, Challenger>>::commit(&pcs, columns).map_err(refused)?;
        challenger.observe(&bus_root);
        for total in &totals {
            challenger.observe_algebra_element(*total);
        }

        let lambda: E = draw(&mut challenger);
        let mut quotients = Vec::new();
        for (number, table) in self.tables.iter().enumerate() {
            let weights = Weights::new(self, number, &bus, lambda, totals[number]);
            let coset = Coset {
                own: codewords(&own_tree)[number],
                messages: codewords(&bus_tree)[2 * number],
                sums: codewords(&bus_tree)[2 * number + 1],
                data: (table.sources.iter())
                    .map(|source| codewords(data[source.commitment].tree)[0])
                    .collect(),
            };
            let coefficients = coefficients(coset.quotient(&weights));
            if refuse_lies && !is_short(table, &coefficients) {
                return Err(ProveError::Unsatisfied { table: number });
            }
            let quotient = split(table, &coefficients, &mut noise);
            quotients.push(quotient);
        }
        let log_rows = self.size().log_rows;
        let mut hiding = RowMajorMatrix::new(F::zero_vec(DEGREE << log_rows), DEGREE);
        fill(&mut hiding.values, &mut noise);
        quotients.push(
            Transform::default()
                .coset_lde_batch(hiding, LOG_BLOWUP, F::GENERATOR)
                .bit_reverse_rows()
                .to_row_major_matrix(),
        );
        let (quotient_root, quotient_tree) =
            <Scheme as UnivariateStarkPcs<E, Challenger>>::commit_ldes(&pcs, quotients)
                .map_err(refused)?;
        challenger.observe(&quotient_root);

        let zeta: E = draw(&mut challenger);
        let next = |table: &Table| zeta * domain::generator(table);
        let mut requests: Vec<OpeningRequest<'_, Tree, E>> = Vec::new();
        for opened in data {
            requests.push((opened.tree, vec![vec![zeta]]).into());
        }
        let here_and_next = |table: &Table| vec![zeta, next(table)];
        let of_own = self.tables.iter().map(here_and_next).collect();
        requests.push((&own_tree, of_own).into());
        let of_bus = self.tables.iter();
        let of_bus = of_bus.flat_map(|table| [vec![zeta], here_and_next(table)]);
        requests.push((&bus_tree, of_bus.collect()).into());
        let of_quotients = vec![vec![zeta]; self.tables.len() + 1];
        requests.push((&quotient_tree, of_quotients).into());
        let (mut values, opening) =
            <Scheme as Pcs<E, Challenger>>::open(&pcs, requests, &mut challenger)
                .map_err(refused)?;

        let take = |values: &mut Vec<Vec<Vec<Vec<E>>>>| values.remove(0);
        let single = |mut points: Vec<Vec<E>>| points.remove(0);
        let double = |points: Vec<Vec<E>>| -> [Vec<E>; 2] {
            points.try_into().expect("two points were asked for")
        };
        let data = (0..data.len()).map(|_| single(take(&mut values).remove(0)));
        let data = data.collect();
        let own = take(&mut values).into_iter().map(double).collect();
        let mut bus = take(&mut values).into_iter();
        let (mut messages, mut sums) = (Vec::new(), Vec::new());
        while let (Some(of_messages), Some(of_sums)) = (bus.next(), bus.next()) {
            messages.push(single(of_messages));
            sums.push(double(of_sums));
        }
        let mut quotients: Vec<Vec<E>> = take(&mut values).into_iter().map(single).collect();
        let noise = quotients.pop().expect("the last one hides the others");
        Ok(Proof {
            own: own_root,
            bus: bus_root,
            quotients: quotient_root,
            totals,
            values: Values {
                data,
                own,
                messages,
                sums,
                quotients,
                noise,
            },
            opening,
        })
    }

    /// Gives the receiver of the masks what the others have drawn.
    fn share_masks(&self, own: &mut [RowMajorMatrix<F>]) {
        let mut drawn = Vec::new();
        let mut receiver = 0;
        for (number, own) in own.iter().enumerate() {
            let masks = &own.values[self.tables[number].width as usize..self.own_width(number)];
            if self.receives(number) {
                receiver = number;
            } else {
                drawn.extend_from_slice(masks);
            }
        }
        let width = self.tables[receiver].width as usize;
        own[receiver].values[width..width + drawn.len()].copy_from_slice(&drawn);
    }

    /// The columns of a table's messages and of their sum, and the whole sum.
    fn bus_columns(
        &self,
        number: usize,
        own: &RowMajorMatrix<F>,
        data: &[Opened<'_>],
        bus: &Bus,
        noise: &mut ChaCha20Rng,
    ) -> (RowMajorMatrix<F>, RowMajorMatrix<F>, E) {
        let table = &self.tables[number];
        let program = Program::new(table, self.own_width(number));
        let count = table.messages.len();
        let size = 1_usize << table.log_rows;
        let rows = table.rows as usize;
        // A table without messages still has a column, of noise: a matrix has one at least.
        let width = count.max(1) * DEGREE;
        let mut messages = RowMajorMatrix::new(F::zero_vec(width * size), width);
        let mut sent = vec![E::ZERO; rows];
        const CHUNK: usize = 256;
        messages.values[..width * rows]
            .par_chunks_mut(width * CHUNK)
            .zip(sent.par_chunks_mut(CHUNK))
            .enumerate()
            .for_each(|(chunk, (messages, sent))| {
                let first = chunk * CHUNK;
                let mut seen = Vec::with_capacity(program.places.count);
                let mut prints = Vec::with_capacity(sent.len() * count);
                let mut times = Vec::with_capacity(sent.len() * count);
                for row in first..first + sent.len() {
                    cells(table, own, data, row, &mut seen);
                    for message in &program.messages {
                        prints.push(message.print(&seen, bus.alpha, &bus.powers));
                        times.push(message.times.eval(&seen));
                    }
                }
                let inverses = batch_multiplicative_inverse(&prints);
                for (in_chunk, sent) in sent.iter_mut().enumerate() {
                    for of in 0..count {
                        let number = in_chunk * count + of;
                        let fraction = inverses[number] * times[number];
                        *sent += fraction;
                        let at = in_chunk * width + of * DEGREE;
                        messages[at..at + DEGREE]
                            .copy_from_slice(fraction.as_basis_coefficients_slice());
                    }
                }
            });
        let masks = &own.values[table.width as usize..self.own_width(number)];
        let factors = self.mask_factors(number, bus);
        let masked: E = (factors.iter().zip(masks))
            .map(|(factor, mask)| *factor * *mask)
            .sum();
        let mut sums = RowMajorMatrix::new(F::zero_vec(DEGREE * size), DEGREE);
        let mut sum = E::ZERO;
        for (row, sent) in sent.iter().enumerate() {
            let at = row * DEGREE;
            sums.values[at..at + DEGREE].copy_from_slice(sum.as_basis_coefficients_slice());
            sum += *sent;
            if row == 0 {
                sum += masked;
            }
        }
        fill(&mut messages.values[width * rows..], noise);
        fill(&mut sums.values[DEGREE * rows..], noise);
        (messages, sums, sum)
    }
}

/// The cells that a row of the trace sees.
pub(crate) fn cells(
    table: &Table,
    own: &RowMajorMatrix<F>,
    data: &[Opened<'_>],
    row: usize,
    cells: &mut Vec<F>,
) {
    fn of(matrix: &RowMajorMatrix<F>, row: usize) -> &[F] {
        &matrix.values[row * matrix.width..(row + 1) * matrix.width]
    }
    cells.clear();
    cells.extend_from_slice(of(own, row));
    cells.extend_from_slice(of(own, (row + 1) % own.height()));
    cells.extend(domain::in_row(table, row as u64));
    for source in &table.sources {
        cells.extend_from_slice(of(data[source.commitment].rows, row));
    }
}

/// Codewords of all that a table reads, in bit-reversed order.
struct Coset<'a> {
    own: &'a RowMajorMatrix<F>,
    messages: &'a RowMajorMatrix<F>,
    sums: &'a RowMajorMatrix<F>,
    data: Vec<&'a RowMajorMatrix<F>>,
}

type PackedExtension = <E as ExtensionField<F>>::ExtensionPacking;

/// Neighbouring points of the coset.
struct Lanes;

impl Space for Lanes {
    type Value = Packed;
    type Extension = PackedExtension;

    #[inline]
    fn extend(coefficients: [Packed; DEGREE]) -> PackedExtension {
        PackedExtension::from_basis_coefficients_fn(|d| coefficients[d])
    }
}

impl Coset<'_> {
    /// The quotient's values on the coset, in the order of its points.
    fn quotient(&self, weights: &Weights<'_>) -> RowMajorMatrix<F> {
        let table = weights.table;
        let log_size = table.log_rows + LOG_BLOWUP;
        let size = 1_usize << log_size;
        let selectors = domain::on_coset(table);
        let mut quotient = F::zero_vec(size * DEGREE);
        // The smallest tables have more points than a register has lanes.
        let lanes = Packed::WIDTH;
        let load = |into: &mut Vec<Packed>, matrix: &RowMajorMatrix<F>, start: usize| {
            let rows: [usize; MOST_LANES] = std::array::from_fn(|lane| {
                let point = (start + lane) & (size - 1);
                reverse_bits_len(point, log_size) * matrix.width
            });
            into.extend(
                (0..matrix.width)
                    .map(|column| Packed::from_fn(|lane| matrix.values[rows[lane] + column])),
            );
        };
        let ahead = 1 << LOG_BLOWUP;
        let chunks = quotient.par_chunks_mut(lanes * DEGREE).enumerate();
        chunks.for_each_init(Default::default, |(cells, sums), (chunk, quotient)| {
            let start = chunk * lanes;
            let pack = |column: &Vec<F>| *Packed::from_slice(&column[start..start + lanes]);
            let (cells, sums): (&mut Vec<Packed>, &mut Vec<Packed>) = (cells, sums);
            cells.clear();
            load(cells, self.own, start);
            load(cells, self.own, start + ahead);
            cells.extend(selectors.fixed.iter().map(pack));
            for data in &self.data {
                load(cells, data, start);
            }
            sums.clear();
            load(sums, self.sums, start);
            load(sums, self.sums, start + ahead);
            let mut messages = Vec::with_capacity(self.messages.width);
            load(&mut messages, self.messages, start);
            let bus = BusRow {
                messages,
                sum: Lanes::extend([sums[0], sums[1], sums[2], sums[3]]),
                next: Lanes::extend([sums[4], sums[5], sums[6], sums[7]]),
            };
            let selected = Selectors {
                all: pack(&selectors.all),
                transition: pack(&selectors.transition),
                rows: (selectors.rows.iter())
                    .map(|(row, column)| (*row, pack(column)))
                    .collect(),
                first: pack(&selectors.first),
                fixed: Vec::new(),
            };
            let value = weights.quotient::<Lanes>(cells, &bus, &selected);
            let value: &[Packed] = value.as_basis_coefficients_slice();
            for (d, column) in value.iter().enumerate() {
                for (lane, element) in column.as_slice().iter().enumerate() {
                    quotient[lane * DEGREE + d] = *element;
                }
            }
        });
        RowMajorMatrix::new(quotient, DEGREE)
    }
}

/// Lanes of the widest register there is.
const MOST_LANES: usize = 16;

fn coefficients(quotient: RowMajorMatrix<F>) -> Vec<F> {
    let coefficients = Transform::default().coset_idft_batch(quotient, F::GENERATOR);
    coefficients.values
}

/// Whether a quotient is a polynomial: two columns' product, times the polynomial that vanishes on noise, over the one that
/// vanishes on all rows.
fn is_short(table: &Table, coefficients: &[F]) -> bool {
    let degree = (2 << table.log_rows) - table.rows as usize;
    (coefficients[degree * DEGREE..].iter()).all(|coefficient| *coefficient == F::ZERO)
}

/// The codeword of a quotient in two parts, `low + x^m high`, between which noise is moved.
fn split(table: &Table, coefficients: &[F], noise: &mut ChaCha20Rng) -> RowMajorMatrix<F> {
    let size = 1_usize << table.log_rows;
    let m = meeting(table);
    let width = 2 * DEGREE;
    let mut parts = RowMajorMatrix::new(F::zero_vec((width * size) << LOG_BLOWUP), width);
    for row in 0..size {
        let part = &mut parts.values[row * width..(row + 1) * width];
        if row < m {
            part[..DEGREE].copy_from_slice(&coefficients[row * DEGREE..(row + 1) * DEGREE]);
        }
        let of = (m + row) * DEGREE;
        if of < coefficients.len() {
            part[DEGREE..].copy_from_slice(&coefficients[of..of + DEGREE]);
        }
    }
    for row in 0..size - m {
        for d in 0..DEGREE {
            let moved = element(noise);
            parts.values[(m + row) * width + d] += moved;
            parts.values[row * width + DEGREE + d] -= moved;
        }
    }
    let codewords = Transform::default().coset_dft_batch(parts, F::GENERATOR);
    codewords.bit_reverse_rows().to_row_major_matrix()
}

/// The power of x at which the two parts of a quotient meet.
pub(crate) fn meeting(table: &Table) -> usize {
    (1 << table.log_rows) - REVEALED
}

pub(crate) fn natural(
    pcs: &Scheme,
    table: &Table,
) -> p3_field::coset::TwoAdicMultiplicativeCoset<F> {
    <Scheme as Pcs<E, Challenger>>::natural_domain_for_degree(pcs, 1 << table.log_rows)
}

pub(crate) fn draw(challenger: &mut Challenger) -> E {
    challenger.sample_algebra_element()
}

fn random(noise: &mut ChaCha20Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    noise.fill_bytes(&mut bytes);
    bytes
}

/// A uniformly random element.
pub(crate) fn element(noise: &mut ChaCha20Rng) -> F {
    use p3_field::PrimeField32;
    loop {
        let drawn = noise.next_u32() >> 1;
        if drawn < F::ORDER_U32 {
            return F::from_u32(drawn);
        }
    }
}

pub(crate) fn fill(cells: &mut [F], noise: &mut ChaCha20Rng) {
    for cell in cells {
        *cell = element(noise);
    }
}
