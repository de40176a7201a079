//! The proof system on small tables.

use crate::field::F;
use crate::proof::Statement;
use crate::prove::Opened;
use crate::table::{At, Cell, Fixed, Linear, Table};
use crate::{Column, Layout, Values};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

mod columns;
mod held;
mod noisy;
mod scaled;
mod sorted;
mod transformed;
mod truths;

/// A committed column, for a proof or two.
fn column(keys: &[u64], present: Option<&[bool]>, limbs: u32, seed: u8) -> Column {
    let layout = Layout {
        rows: keys.len() as u64,
        limbs,
        nullable: present.is_some(),
        proofs: 2,
    };
    Column::commit(layout, Values { keys, present }, &[seed; 32]).unwrap()
}

/// The cells satisfy all tables.
fn satisfied(statement: &Statement, own: &[RowMajorMatrix<F>], data: &[Opened<'_>]) {
    assert_eq!(statement.violated(own, data), None);
    assert_eq!(statement.unbalanced(own, data), None);
}

/// Whether they do.
fn is_satisfied(statement: &Statement, own: &[RowMajorMatrix<F>], data: &[Opened<'_>]) -> bool {
    statement.violated(own, data).is_none() && statement.unbalanced(own, data).is_none()
}

/// The cells satisfy all tables, and none in these rows could be another one.
fn none_is_free(
    statement: &Statement,
    own: &mut [RowMajorMatrix<F>],
    data: &[Opened<'_>],
    rows: &[u64],
) {
    satisfied(statement, own, data);
    none_is_free_in(statement, own, data, |_, _| rows.iter().copied());
}

/// In the rows that are given for each table and column, no cell could be another one.
fn none_is_free_in<Rows: IntoIterator<Item = u64>>(
    statement: &Statement,
    own: &mut [RowMajorMatrix<F>],
    data: &[Opened<'_>],
    rows: impl Fn(usize, usize) -> Rows,
) {
    for (table, own) in own.iter_mut().enumerate() {
        for of in 0..statement.tables[table].width as usize {
            for row in rows(table, of) {
                let free = statement.is_free(table, of, row, own, data);
                assert!(!free, "table {table}, column {of}, row {row}");
            }
        }
    }
}

/// Fibonacci numbers in one table, whose last goes over the bus to another, which squares it and tells the public.
fn fibonacci(squared: u64) -> Statement {
    let mut long = Table::of_rows(500);
    let last = long.fixed(Fixed::Row(20));
    let [a, b] = long.columns();
    long.demand(At::Row(0), Linear::from(a) - Linear::one());
    long.demand(At::Row(0), Linear::from(b) - Linear::one());
    long.demand(
        At::Transition,
        Linear::from(Cell::Next(0)) - Linear::from(b),
    );
    long.demand(
        At::Transition,
        Linear::from(Cell::Next(1)) - Linear::from(a) - Linear::from(b),
    );
    long.send(1, vec![Linear::from(a), Linear::number(7)], last);

    let mut short = Table::of_rows(2);
    let [root, square] = short.columns();
    let first = short.fixed(Fixed::Row(0));
    short.demand(
        At::All,
        Linear::from(root) * Linear::from(root) - Linear::from(square),
    );
    short.receive(1, vec![Linear::from(root), Linear::number(7)], first);
    short.send(2, vec![Linear::from(square)], first);
    Statement {
        tables: vec![long, short],
        commitments: Vec::new(),
        public: vec![crate::proof::Public {
            kind: 2,
            fields: vec![F::from_u64(squared)],
            times: -F::ONE,
        }],
    }
}

fn witness(statement: &Statement) -> Vec<RowMajorMatrix<F>> {
    let mut own = statement.blanks();
    let (mut a, mut b) = (F::ONE, F::ONE);
    for row in 0..statement.tables[0].rows as usize {
        let width = own[0].width;
        own[0].values[row * width] = a;
        own[0].values[row * width + 1] = b;
        if row == 20 {
            own[1].values[0] = a;
            own[1].values[1] = a * a;
        }
        (a, b) = (b, a + b);
    }
    own
}

#[test]
fn a_true_statement_is_proved_and_a_false_one_is_not() {
    let truth = 10946_u64 * 10946;
    let statement = fibonacci(truth);
    let proof = statement.prove(witness(&statement), &[]).unwrap();
    statement.verify(&proof).unwrap();
    println!(
        "{} bytes, {} bits",
        postcard::to_stdvec(&proof).unwrap().len(),
        statement.security_bits()
    );
    let other = fibonacci(truth + 1);
    assert!(other.verify(&proof).is_err());
    assert!(other.prove(witness(&other), &[]).is_err());
}

#[test]
fn whoever_lies_in_a_cell_is_rejected() {
    let statement = fibonacci(10946 * 10946);
    for table in 0..2 {
        for cell in 0..2 {
            for row in [0, 1, 20] {
                let mut lie = witness(&statement);
                let width = lie[table].width;
                lie[table].values[row * width + cell] += F::ONE;
                // The second table has only its first row to say.
                let free = table == 1 && row > 0 && cell == 0 && {
                    lie[table].values[row * width + 1] += F::ONE;
                    true
                };
                let proof = statement.prove_anyway(lie, &[]).unwrap();
                let verified = statement.verify(&proof);
                assert_eq!(verified.is_ok(), free, "{table} {cell} {row}: {verified:?}");
            }
        }
    }
}
