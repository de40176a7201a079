//! What a table's cells must satisfy: data, not code, so that the prover, the verifier and the tests read the same.
//!
//! A table has 2^`log_rows` rows, of which the first `rows` count and the others hold noise that hides them. Its columns are
//! its own, committed with the proof; those of a dataset, committed before; and fixed ones that everybody can compute.
//! Constraints are polynomials of degree two at most. What one table says and another has to know goes over the bus: each
//! message is sent and received equally often (LogUp, eprint 2022/1530).

use crate::field::{DEGREE, F, REVEALED};
use p3_field::{PrimeCharacteristicRing, PrimeField64};
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

/// One cell, seen from a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cell {
    /// The table's own column, in this row.
    Own(u32),
    /// The same in the next row.
    Next(u32),
    /// A committed dataset's column: which of the table's sources, which of its columns.
    Data(u32, u32),
    /// A fixed column.
    Fixed(u32),
}

/// A column that everybody can compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fixed {
    /// 1 in one row and 0 in all others.
    Row(u64),
    /// 1 in each row whose number is one less than a multiple of this power of two, 0 in all others.
    Ends(u64),
    /// 1 in each row whose number is a multiple of this power of two, 0 in all others.
    Starts(u64),
    /// These values in the first rows, 0 in all others.
    Values(Vec<F>),
}

/// A polynomial of degree one in cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Linear {
    pub(crate) constant: F,
    pub(crate) terms: Vec<(Cell, F)>,
}

/// A polynomial of degree two in cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quadratic {
    pub(crate) linear: Linear,
    pub(crate) products: Vec<(Cell, Cell, F)>,
}

/// Where a constraint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// In every row that counts.
    All,
    /// In every row that counts but the last of them: the next one counts too.
    Transition,
    /// In one row. Such constraints are linear.
    Row(u64),
}

/// A polynomial that is zero.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub(crate) at: At,
    pub(crate) zero: Quadratic,
}

/// A message on the bus, sent by each row as often as it says; received if that is negative.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Kinds of messages never mix.
    pub(crate) kind: u32,
    pub(crate) fields: Vec<Linear>,
    pub(crate) times: Linear,
}

/// A table's definition.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) log_rows: usize,
    pub(crate) rows: u64,
    pub(crate) width: u32,
    pub(crate) sources: Vec<Source>,
    pub(crate) fixed: Vec<Fixed>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) messages: Vec<Message>,
}

/// A committed matrix that a table reads: its number among the statement's, and its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) commitment: usize,
    pub(crate) width: u32,
}

impl Table {
    /// A table in which at least `rows` rows count, and as many are noise as a proof may reveal.
    pub(crate) fn of_rows(rows: u64) -> Self {
        let revealed = REVEALED as u64;
        let log_rows = (rows.max(revealed) + revealed).next_power_of_two().ilog2();
        Self::new(log_rows as usize, (1 << log_rows) - revealed)
    }

    /// A table of 2^`log_rows` rows of which the first `rows` count.
    ///
    /// # Panics
    /// If too few rows are left for the noise, or so few count that a quotient would be too long for its two parts.
    pub(crate) fn new(log_rows: usize, rows: u64) -> Self {
        let revealed = REVEALED as u64;
        assert!(rows >= revealed && rows + revealed <= 1 << log_rows);
        Self {
            log_rows,
            rows,
            width: 0,
            sources: Vec::new(),
            fixed: Vec::new(),
            constraints: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// A new column.
    pub(crate) fn column(&mut self) -> Cell {
        self.width += 1;
        Cell::Own(self.width - 1)
    }

    /// New columns.
    pub(crate) fn columns<const N: usize>(&mut self) -> [Cell; N] {
        [(); N].map(|()| self.column())
    }

    /// A fixed column.
    pub(crate) fn fixed(&mut self, fixed: Fixed) -> Cell {
        let known = self.fixed.iter().position(|known| *known == fixed);
        let index = known.unwrap_or_else(|| {
            self.fixed.push(fixed);
            self.fixed.len() - 1
        });
        Cell::Fixed(index as u32)
    }

    /// A committed matrix, by its number in the statement: the number of the source.
    pub(crate) fn source(&mut self, commitment: usize, width: u32) -> u32 {
        self.sources.push(Source { commitment, width });
        self.sources.len() as u32 - 1
    }

    /// Demands a constraint.
    ///
    /// # Panics
    /// If one that holds in one row has products.
    pub(crate) fn demand(&mut self, at: At, zero: impl Into<Quadratic>) {
        let zero = zero.into();
        assert!(!matches!(at, At::Row(_)) || zero.products.is_empty());
        self.constraints.push(Constraint { at, zero });
    }

    /// Demands that a cell is 0 or 1.
    pub(crate) fn demand_bit(&mut self, cell: Cell) {
        self.demand(
            At::All,
            Linear::from(cell) * (Linear::from(cell) - Linear::one()),
        );
    }

    /// Sends a message as often as `times` says, in each row.
    pub(crate) fn send(&mut self, kind: u32, fields: Vec<Linear>, times: impl Into<Linear>) {
        let times = times.into();
        self.messages.push(Message {
            kind,
            fields,
            times,
        });
    }

    /// Receives a message as often as `times` says, in each row.
    pub(crate) fn receive(&mut self, kind: u32, fields: Vec<Linear>, times: impl Into<Linear>) {
        self.send(kind, fields, -times.into());
    }

    /// Columns of the bus: one of the extension for each message, and the sum.
    pub(crate) fn bus_width(&self) -> usize {
        (self.messages.len() + 1) * DEGREE
    }

    /// Takes up the definition, whole.
    pub(crate) fn describe(&self, hash: &mut blake3::Hasher) {
        let mut number = |number: u64| {
            hash.update(&number.to_le_bytes());
        };
        let cell = |cell: Cell| match cell {
            Cell::Own(column) => u64::from(column),
            Cell::Next(column) => 1 << 32 | u64::from(column),
            Cell::Data(source, column) => 2 << 32 | u64::from(source) << 34 | u64::from(column),
            Cell::Fixed(column) => 3 << 32 | u64::from(column),
        };
        let linear = |form: &Linear, number: &mut dyn FnMut(u64)| {
            number(element(form.constant));
            number(form.terms.len() as u64);
            for (of, factor) in &form.terms {
                number(cell(*of));
                number(element(*factor));
            }
        };
        for value in [self.log_rows as u64, self.rows, u64::from(self.width)] {
            number(value);
        }
        number(self.sources.len() as u64);
        for source in &self.sources {
            number(source.commitment as u64);
            number(u64::from(source.width));
        }
        number(self.fixed.len() as u64);
        for fixed in &self.fixed {
            match fixed {
                Fixed::Row(row) => [0, *row].map(&mut number),
                Fixed::Ends(rows) => [1, *rows].map(&mut number),
                Fixed::Starts(rows) => [2, *rows].map(&mut number),
                Fixed::Values(values) => {
                    let described = [3, values.len() as u64].map(&mut number);
                    values.iter().for_each(|value| number(element(*value)));
                    described
                }
            };
        }
        number(self.constraints.len() as u64);
        for constraint in &self.constraints {
            let (kind, row) = match constraint.at {
                At::All => (0, 0),
                At::Transition => (1, 0),
                At::Row(row) => (2, row),
            };
            number(kind);
            number(row);
            linear(&constraint.zero.linear, &mut number);
            number(constraint.zero.products.len() as u64);
            for (a, b, factor) in &constraint.zero.products {
                number(cell(*a));
                number(cell(*b));
                number(element(*factor));
            }
        }
        number(self.messages.len() as u64);
        for message in &self.messages {
            number(u64::from(message.kind));
            number(message.fields.len() as u64);
            for field in &message.fields {
                linear(field, &mut number);
            }
            linear(&message.times, &mut number);
        }
    }
}

fn element(of: F) -> u64 {
    of.as_canonical_u64()
}

impl Linear {
    /// Zero.
    pub(crate) fn zero() -> Self {
        Self::default()
    }

    /// One.
    pub(crate) fn one() -> Self {
        Self::from(F::ONE)
    }

    /// A number below 2^63 as an element of the field.
    pub(crate) fn number(number: u64) -> Self {
        Self::from(F::from_u64(number))
    }
}

/// The cell of the same column in the next row.
pub(crate) fn next(cell: Cell) -> Linear {
    Linear::from(Cell::Next(index(cell) as u32))
}

/// Writes a number below 2^63 into a cell of the table's own.
pub(crate) fn set(cells: &mut [F], cell: Cell, value: u64) {
    put(cells, cell, F::from_u64(value));
}

/// Writes an element into a cell of the table's own.
pub(crate) fn put(cells: &mut [F], cell: Cell, value: F) {
    cells[index(cell)] = value;
}

/// Which of the table's own columns a cell is of.
pub(crate) fn index(cell: Cell) -> usize {
    match cell {
        Cell::Own(column) => column as usize,
        Cell::Next(_) | Cell::Data(..) | Cell::Fixed(_) => {
            unreachable!("only a table's own columns are filled")
        }
    }
}

/// A word of 16 bits of a number, the lowest first.
pub(crate) fn word(of: u64, number: usize) -> u64 {
    of >> (16 * number) & 0xffff
}

/// What carries add to a limb's equation: 2^16 times the one that goes out, less the one that comes in.
pub(crate) fn carried(carries: &[Cell], limb: usize) -> Linear {
    let mut sum = Linear::zero();
    if let Some(out) = carries.get(limb) {
        sum += Linear::from(*out) * F::from_u32(1 << 16);
    }
    if let Some(below) = limb.checked_sub(1) {
        sum -= carries[below].into();
    }
    sum
}

impl From<Cell> for Linear {
    fn from(cell: Cell) -> Self {
        Self {
            constant: F::ZERO,
            terms: vec![(cell, F::ONE)],
        }
    }
}

impl From<F> for Linear {
    fn from(constant: F) -> Self {
        Self {
            constant,
            terms: Vec::new(),
        }
    }
}

impl AddAssign<Linear> for Linear {
    fn add_assign(&mut self, other: Self) {
        self.constant += other.constant;
        for (cell, factor) in other.terms {
            match self.terms.iter_mut().find(|(known, _)| *known == cell) {
                Some((_, known)) => *known += factor,
                None => self.terms.push((cell, factor)),
            }
        }
        self.terms.retain(|(_, factor)| *factor != F::ZERO);
    }
}

impl SubAssign<Linear> for Linear {
    fn sub_assign(&mut self, other: Self) {
        *self += -other;
    }
}

impl Add<Linear> for Linear {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sub<Linear> for Linear {
    type Output = Self;

    fn sub(mut self, other: Self) -> Self {
        self -= other;
        self
    }
}

impl Neg for Linear {
    type Output = Self;

    fn neg(self) -> Self {
        self * -F::ONE
    }
}

impl Mul<F> for Linear {
    type Output = Self;

    fn mul(mut self, factor: F) -> Self {
        self.constant *= factor;
        for (_, known) in &mut self.terms {
            *known *= factor;
        }
        self.terms.retain(|(_, factor)| *factor != F::ZERO);
        self
    }
}

impl Mul<Linear> for Linear {
    type Output = Quadratic;

    fn mul(self, other: Self) -> Quadratic {
        let mut product = Quadratic::default();
        for (a, x) in &self.terms {
            for (b, y) in &other.terms {
                product += Quadratic {
                    linear: Linear::zero(),
                    products: vec![(*a.min(b), *a.max(b), *x * *y)],
                };
            }
        }
        let mut linear = self.clone() * other.constant + other * self.constant;
        // Both have counted the product of the constants, which the sum holds twice.
        linear.constant = linear.constant.halve();
        product.linear += linear;
        product
    }
}

impl From<Linear> for Quadratic {
    fn from(linear: Linear) -> Self {
        Self {
            linear,
            products: Vec::new(),
        }
    }
}

impl AddAssign<Quadratic> for Quadratic {
    fn add_assign(&mut self, other: Self) {
        self.linear += other.linear;
        for (a, b, factor) in other.products {
            let known = self
                .products
                .iter_mut()
                .find(|(x, y, _)| (*x, *y) == (a, b));
            match known {
                Some((_, _, known)) => *known += factor,
                None => self.products.push((a, b, factor)),
            }
        }
        self.products.retain(|(_, _, factor)| *factor != F::ZERO);
    }
}

impl Add<Quadratic> for Quadratic {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Add<Linear> for Quadratic {
    type Output = Self;

    fn add(mut self, other: Linear) -> Self {
        self.linear += other;
        self
    }
}

impl Sub<Linear> for Quadratic {
    type Output = Self;

    fn sub(mut self, other: Linear) -> Self {
        self.linear -= other;
        self
    }
}
