//! Statements and proofs.

use crate::field::{Challenger, DEGREE, E, F, Opening, Root};
use crate::table::{Cell, Row, Table};
use p3_blake3::Blake3;
use p3_challenger::CanObserve;
use p3_field::{Algebra, BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField32};
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
}

/// A message that everybody knows, sent so often.
#[derive(Clone, Debug)]
pub(crate) struct Public {
    pub(crate) kind: u32,
    pub(crate) fields: Vec<F>,
    pub(crate) times: F,
}

/// What is proved: that cells exist which satisfy these tables, with these committed matrices and public messages.
pub struct Statement {
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

    /// Bits of security: [`crate::security_bits`] of this statement's size.
    pub fn security_bits(&self) -> f64 {
        let size = self.size();
        crate::field::security_bits(size.log_rows, size.constraints, size.columns, size.messages)
    }
}

/// How large a statement is, all tables together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Rows of the largest table, as a power of two.
    pub log_rows: usize,
    /// Constraints, those of the bus included.
    pub constraints: usize,
    /// Columns, each counted as often as it is opened.
    pub columns: usize,
    /// Messages that a row sends.
    pub messages: usize,
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

/// Values in which constraints are summed up: at a point of the extension, or at several points of the coset at once.
pub(crate) trait Space: Row {
    /// The extension over them.
    type Extension: Algebra<E> + Algebra<Self::Value> + Copy;

    /// An element by its coefficients.
    fn extend(coefficients: [Self::Value; DEGREE]) -> Self::Extension;
}

/// What a table's messages and sum are, in a row.
pub(crate) struct BusRow<X> {
    pub(crate) messages: Vec<X>,
    pub(crate) sum: X,
    pub(crate) next: X,
}

/// The selectors, in a row.
pub(crate) struct Selected<V> {
    pub(crate) all: V,
    pub(crate) transition: V,
    /// Of the rows that constraints name, and of the first and the last, which are always among them.
    pub(crate) rows: Vec<(u64, V)>,
}

/// All that a table's quotient needs beside cells.
pub(crate) struct Weights<'a> {
    pub(crate) table: &'a Table,
    pub(crate) bus: &'a Bus,
    /// Powers of the challenge that combines constraints, as many as there are.
    pub(crate) lambda: Vec<E>,
    pub(crate) masks: Vec<E>,
    pub(crate) total: E,
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
        let count = table.constraints.len() + table.messages.len() + 3;
        Self {
            table,
            bus,
            lambda: lambda.powers().collect_n(count),
            masks: statement.mask_factors(number, bus),
            total,
        }
    }

    /// The quotient: all constraints, each times its power of lambda and its selector.
    pub(crate) fn quotient<S: Space>(
        &self,
        row: &S,
        bus: &BusRow<S::Extension>,
        selected: &Selected<S::Value>,
        first: S::Value,
    ) -> S::Extension {
        use crate::table::At;
        let mut all = [S::Value::ZERO; DEGREE];
        let mut transition = all;
        let mut rows = S::Extension::ZERO;
        let of_row = |row: u64| {
            let found = selected.rows.iter().find(|(known, _)| *known == row);
            found
                .expect("rows of constraints are among those selected")
                .1
        };
        let add = |sum: &mut [S::Value; DEGREE], lambda: &E, value: S::Value| {
            let lambda: &[F] = lambda.as_basis_coefficients_slice();
            for (sum, lambda) in sum.iter_mut().zip(lambda) {
                *sum += value * *lambda;
            }
        };
        let table = self.table;
        let (of_constraints, rest) = self.lambda.split_at(table.constraints.len());
        for (constraint, lambda) in table.constraints.iter().zip(of_constraints) {
            let value = constraint.zero.eval(row);
            match constraint.at {
                At::All => add(&mut all, lambda, value),
                At::Transition => add(&mut transition, lambda, value),
                At::Row(at) => rows += S::Extension::from(*lambda) * (value * of_row(at)),
            }
        }
        let mut messages = S::Extension::ZERO;
        let mut sent = S::Extension::ZERO;
        for ((message, fraction), lambda) in (table.messages.iter()).zip(&bus.messages).zip(rest) {
            let print = S::extend(message.print(row, self.bus.alpha, &self.bus.powers));
            messages += (*fraction * print - message.times.eval(row)) * *lambda;
            sent += *fraction;
        }
        let lambda = &rest[table.messages.len()..];
        let mut masked = S::Extension::ZERO;
        for (number, factor) in self.masks.iter().enumerate() {
            let mask = row.cell(Cell::Own(table.width + number as u32));
            masked += S::Extension::from(*factor) * mask;
        }
        let step = bus.next - bus.sum - sent - masked * first;
        let end = bus.sum + sent - self.total;
        S::extend(all) * selected.all
            + messages * selected.all
            + (S::extend(transition) + step * lambda[0]) * selected.transition
            + rows
            + bus.sum * lambda[1] * of_row(0)
            + end * lambda[2] * of_row(table.rows - 1)
    }
}
