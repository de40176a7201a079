//! Statements and proofs.

use crate::column::{ColumnError, Layout};
use crate::domain::Selectors;
use crate::field::{Challenger, DEGREE, E, F, Opening, Root};
use crate::program::{Program, Space, add_scaled};
use crate::table::{At, Table};
use p3_blake3::Blake3;
use p3_challenger::CanObserve;
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField32};
use p3_matrix::dense::RowMajorMatrix;
use serde::{Deserialize, Serialize};

/// Kind of the messages that hide the tables' sums. Those of statements are larger.
const MASK: u32 = 0;

/// A commitment to a matrix of 2^`log_rows` rows, of which all but the last `noise` carry something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    pub(crate) root: Root,
    pub(crate) log_rows: u32,
    pub(crate) width: u32,
    pub(crate) noise: u32,
    pub(crate) label: [u8; 32],
}

impl Commitment {
    pub(crate) fn of(layout: &Layout, root: Root) -> Self {
        Self {
            label: [0; 32],
            root,
            log_rows: layout.log_rows() as u32,
            width: layout.width(),
            noise: layout.noise() as u32,
        }
    }

    /// The commitment to a column of this layout that has this root.
    ///
    /// # Errors
    /// If there is no such layout.
    pub fn new(layout: &Layout, root: [u8; 32]) -> Result<Self, ColumnError> {
        layout.check()?;
        Ok(Self::of(layout, Root::new(vec![root])))
    }

    /// Whether it is read as a column of this layout has to be.
    pub(crate) fn is_of(&self, layout: &Layout) -> bool {
        *self == Self::of(layout, self.root.clone()).labelled(self.label)
    }

    /// The same, read as part of what the label names. A proof about it holds under no other label.
    #[must_use]
    pub fn labelled(self, label: [u8; 32]) -> Self {
        Self { label, ..self }
    }

    /// The root of its Merkle tree: with the layout and the label, all of it.
    pub fn root(&self) -> [u8; 32] {
        self.root[0]
    }
}

/// A message that everybody knows, sent so often.
#[derive(Clone, Debug)]
pub(crate) struct Public {
    pub(crate) kind: u32,
    pub(crate) fields: Vec<F>,
    pub(crate) times: F,
}

/// What is proved: that cells exist which satisfy these tables, with these committed matrices and public messages.
pub(crate) struct Statement {
    pub(crate) tables: Vec<Table>,
    pub(crate) commitments: Vec<Commitment>,
    pub(crate) public: Vec<Public>,
}

/// A proof of a statement.
#[derive(Clone, Serialize, Deserialize)]
pub struct Proof {
    pub(crate) own: Root,
    pub(crate) bus: Root,
    pub(crate) quotients: Root,
    /// What each table sends over the bus, hidden by its mask.
    pub(crate) totals: Vec<E>,
    pub(crate) values: Values,
    pub(crate) opening: Opening,
}

/// Values of columns at the point drawn outside of all domains, and at the point one row on.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Values {
    /// Of the committed matrices.
    pub(crate) data: Vec<Vec<E>>,
    /// For each table, of its own columns, here and one row on.
    pub(crate) own: Vec<[Vec<E>; 2]>,
    /// For each table, of its messages.
    pub(crate) messages: Vec<Vec<E>>,
    /// For each table, of its sum, here and one row on.
    pub(crate) sums: Vec<[Vec<E>; 2]>,
    /// For each table, of its quotient.
    pub(crate) quotients: Vec<Vec<E>>,
    /// Of the polynomial that hides the combination of all others.
    pub(crate) noise: Vec<E>,
}

impl Proof {
    /// The proof as it is kept and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("only memory could be missing")
    }

    /// Reads what [`Proof::to_bytes`] has written, to the last byte.
    ///
    /// # Errors
    /// If these bytes are no proof.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, postcard::Error> {
        let (proof, rest) = postcard::take_from_bytes(bytes)?;
        if rest.is_empty() {
            Ok(proof)
        } else {
            Err(postcard::Error::DeserializeBadEncoding)
        }
    }
}

impl Statement {
    /// How many masks a table has: each but the smallest hides its sum by four of its own, which that one receives.
    pub(crate) fn masks(&self, table: usize) -> usize {
        if self.receives(table) {
            (self.tables.len() - 1) * DEGREE
        } else {
            DEGREE
        }
    }

    /// Whether a table receives the others' masks.
    pub(crate) fn receives(&self, table: usize) -> bool {
        table == self.receiver()
    }

    fn receiver(&self) -> usize {
        let tables = self.tables.iter().enumerate();
        let smallest = tables.min_by_key(|(_, table)| table.log_rows);
        smallest.map_or(0, |(number, _)| number)
    }

    /// Columns that a table commits to: its own and the masks.
    pub(crate) fn own_width(&self, table: usize) -> usize {
        self.tables[table].width as usize + self.masks(table)
    }

    /// The factors of a table's masks, in their order.
    pub(crate) fn mask_factors(&self, table: usize, bus: &Bus) -> Vec<E> {
        let factor = |of: usize, number: usize| {
            let fields = [F::from_usize(of), F::from_usize(number)];
            bus.print(MASK, &fields).inverse()
        };
        if self.receives(table) {
            let others = (0..self.tables.len()).filter(|of| *of != table);
            others
                .flat_map(|of| (0..DEGREE).map(move |number| -factor(of, number)))
                .collect()
        } else {
            (0..DEGREE).map(|number| factor(table, number)).collect()
        }
    }

    /// The sum of the public messages.
    pub(crate) fn public_sum(&self, bus: &Bus) -> E {
        let prints = self.public.iter();
        prints
            .map(|public| bus.print(public.kind, &public.fields).inverse() * public.times)
            .sum()
    }

    /// A transcript that knows the statement.
    pub(crate) fn challenger(&self) -> Challenger {
        let mut hash = blake3::Hasher::new_derive_key("prooflane 2026-11 stark statement");
        hash.update(&(self.tables.len() as u64).to_le_bytes());
        for table in &self.tables {
            table.describe(&mut hash);
        }
        hash.update(&(self.commitments.len() as u64).to_le_bytes());
        for commitment in &self.commitments {
            for number in [commitment.log_rows, commitment.width, commitment.noise] {
                hash.update(&number.to_le_bytes());
            }
            hash.update(&commitment.label);
        }
        hash.update(&(self.public.len() as u64).to_le_bytes());
        for public in &self.public {
            hash.update(&public.kind.to_le_bytes());
            hash.update(&(public.fields.len() as u64).to_le_bytes());
            for field in public.fields.iter().chain([&public.times]) {
                hash.update(&field.as_canonical_u32().to_le_bytes());
            }
        }
        let mut challenger = Challenger::from_hasher(hash.finalize().as_bytes().to_vec(), Blake3);
        for commitment in &self.commitments {
            challenger.observe(&commitment.root);
        }
        challenger
    }

    /// All tables' own columns, still empty.
    pub(crate) fn blanks(&self) -> Vec<RowMajorMatrix<F>> {
        let tables = 0..self.tables.len();
        tables.map(|table| self.blank(table)).collect()
    }

    /// A table's own columns, all zero; rows have room for the masks behind the table's columns.
    fn blank(&self, table: usize) -> RowMajorMatrix<F> {
        let width = self.own_width(table);
        RowMajorMatrix::new(F::zero_vec(width << self.tables[table].log_rows), width)
    }

    /// Cells of all tables, in the matrices that a proof commits to.
    pub(crate) fn cells(&self) -> u64 {
        let tables = self.tables.iter().enumerate();
        let cells = tables.map(|(number, table)| {
            let width = self.own_width(number) + table.bus_width() + DEGREE + 2 * DEGREE;
            (width as u64) << table.log_rows
        });
        cells.sum()
    }

    /// Constraints, columns and messages, of all tables.
    pub(crate) fn size(&self) -> Size {
        let mut size = Size::default();
        for (number, table) in self.tables.iter().enumerate() {
            let messages = table.messages.len();
            size.log_rows = size.log_rows.max(table.log_rows);
            size.constraints += table.constraints.len() + messages + 3;
            size.columns += 2 * self.own_width(number) + table.bus_width() + DEGREE + 2 * DEGREE;
            size.messages += messages;
        }
        let data = self.commitments.iter().map(|commitment| commitment.width);
        size.columns += data.sum::<u32>() as usize;
        size
    }

    /// Bits of security of this statement.
    pub(crate) fn security_bits(&self) -> f64 {
        let size = self.size();
        crate::field::security_bits(size.log_rows, size.constraints, size.columns, size.messages)
    }
}

/// How large a statement is, all tables together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Rows of the largest table, as a power of two.
    pub(crate) log_rows: usize,
    /// Constraints, those of the bus included.
    pub(crate) constraints: usize,
    /// Columns, each counted as often as it is opened.
    pub(crate) columns: usize,
    /// Messages that a row sends.
    pub(crate) messages: usize,
}

/// The challenges of the bus.
pub(crate) struct Bus {
    pub(crate) alpha: E,
    pub(crate) powers: Vec<E>,
}

impl Bus {
    pub(crate) fn new(alpha: E, beta: E, statement: &Statement) -> Self {
        let messages = statement.tables.iter().flat_map(|table| &table.messages);
        let fields = messages.map(|message| message.fields.len());
        let public = statement.public.iter().map(|public| public.fields.len());
        let most = fields.chain(public).max().unwrap_or(0).max(2);
        Self {
            alpha,
            powers: beta.shifted_powers(beta).collect_n(most),
        }
    }

    fn print(&self, kind: u32, fields: &[F]) -> E {
        let fields = fields.iter().zip(&self.powers);
        let weighted: E = fields.map(|(field, power)| *power * *field).sum();
        self.alpha - E::from(F::from_u32(kind)) - weighted
    }
}

/// What a table's messages and sum are, in a row.
pub(crate) struct BusRow<S: Space> {
    /// Coefficients of the messages' fractions.
    pub(crate) messages: Vec<S::Value>,
    pub(crate) sum: S::Extension,
    pub(crate) next: S::Extension,
}

/// All that a table's quotient needs beside cells.
pub(crate) struct Weights<'a> {
    pub(crate) table: &'a Table,
    pub(crate) program: Program,
    bus: &'a Bus,
    /// Powers of the challenge that combines constraints, one for each of the table's own.
    of_constraints: Vec<E>,
    /// For each message, its power times each element of the basis.
    of_messages: Vec<[E; DEGREE]>,
    /// Its powers for the first row's sum, each step of the sum, and the last.
    of_sum: [E; 3],
    masks: Vec<E>,
    total: E,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(
        statement: &'a Statement,
        number: usize,
        bus: &'a Bus,
        lambda: E,
        total: E,
    ) -> Self {
        let table = &statement.tables[number];
        let mut powers = lambda.powers();
        let mut take = |count: usize| -> Vec<E> { powers.by_ref().take(count).collect() };
        let of_constraints = take(table.constraints.len());
        let of_messages = take(table.messages.len());
        let basis = |d: usize| E::from_basis_coefficients_fn(|i| F::from_bool(i == d));
        let of_messages = of_messages.into_iter();
        let of_messages = of_messages.map(|power| std::array::from_fn(|d| power * basis(d)));
        let of_messages = of_messages.collect();
        let of_sum = take(3);
        Self {
            table,
            program: Program::new(table, statement.own_width(number)),
            bus,
            of_constraints,
            of_messages,
            of_sum: [of_sum[0], of_sum[1], of_sum[2]],
            masks: statement.mask_factors(number, bus),
            total,
        }
    }

    /// The quotient: all constraints, each times its power of lambda and its selector.
    ///
    /// The messages' constraints, `fraction * print = times`, are summed up field by field: a print is linear in the fields.
    pub(crate) fn quotient<S: Space>(
        &self,
        cells: &[S::Value],
        bus: &BusRow<S>,
        selected: &Selectors<S::Value>,
    ) -> S::Extension {
        let mut all = [S::Value::ZERO; DEGREE];
        let mut transition = all;
        let mut rows = S::Extension::ZERO;
        for ((at, form), lambda) in self.program.constraints.iter().zip(&self.of_constraints) {
            let value = form.eval(cells);
            match at {
                At::All => add_scaled(&mut all, value, lambda),
                At::Transition => add_scaled(&mut transition, value, lambda),
                At::Row(_) => {
                    rows += S::Extension::from(*lambda) * (value * selected.of(*at));
                }
            }
        }
        let mut sent = [S::Value::ZERO; DEGREE];
        // Of lambda times fraction: alone, times the kind, times each field.
        let mut plain = [S::Value::ZERO; DEGREE];
        let mut kinds = plain;
        let mut fields = vec![plain; self.bus.powers.len()];
        let fractions = bus.messages.chunks_exact(DEGREE);
        for ((message, fraction), lambda) in (self.program.messages.iter())
            .zip(fractions)
            .zip(&self.of_messages)
        {
            let mut weighted = [S::Value::ZERO; DEGREE];
            for ((part, lambda), sent) in fraction.iter().zip(lambda).zip(&mut sent) {
                *sent += *part;
                add_scaled(&mut weighted, *part, lambda);
            }
            let kind = F::from_u32(message.kind);
            for d in 0..DEGREE {
                plain[d] += weighted[d];
                kinds[d] += weighted[d] * kind;
            }
            for (sum, field) in fields.iter_mut().zip(&message.fields) {
                let value = field.eval(cells);
                for d in 0..DEGREE {
                    sum[d] += weighted[d] * value;
                }
            }
            let times = message.times.eval(cells);
            // The first element of the basis is one.
            let lambda: &[F] = lambda[0].as_basis_coefficients_slice();
            for (all, lambda) in all.iter_mut().zip(lambda) {
                *all -= times * *lambda;
            }
        }
        let mut messages = S::extend(plain) * self.bus.alpha - S::extend(kinds);
        for (field, power) in fields.into_iter().zip(&self.bus.powers) {
            messages -= S::extend(field) * *power;
        }
        let sent = S::extend(sent);
        let mut masked = [S::Value::ZERO; DEGREE];
        for (mask, factor) in cells[self.table.width as usize..].iter().zip(&self.masks) {
            add_scaled(&mut masked, *mask, factor);
        }
        let [at_start, at_step, at_end] = self.of_sum;
        let step = bus.next - bus.sum - sent - S::extend(masked) * selected.first;
        let end = bus.sum + sent - self.total;
        let last = At::Row(self.table.rows - 1);
        (S::extend(all) + messages) * selected.all
            + (S::extend(transition) + step * at_step) * selected.transition
            + rows
            + bus.sum * at_start * selected.of(At::Row(0))
            + end * at_end * selected.of(last)
    }
}
