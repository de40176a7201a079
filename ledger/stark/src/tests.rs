//! The proof system on small tables.

use crate::field::F;
use crate::proof::Statement;
use crate::table::{At, Cell, Fixed, Linear, Table};
use p3_field::PrimeCharacteristicRing;

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

fn witness(statement: &Statement) -> Vec<p3_matrix::dense::RowMajorMatrix<F>> {
    let mut own = vec![statement.blank(0), statement.blank(1)];
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
    // Each cell of the first rows matters.
    for table in 0..2 {
        for cell in 0..2 {
            let mut lie = witness(&statement);
            lie[table].values[cell] += F::ONE;
            assert!(statement.prove(lie, &[]).is_err(), "{table} {cell}");
        }
    }
}

mod columns {
    use crate::{Column, Layout, Statistics, Values};

    fn column(keys: &[u64], present: Option<&[bool]>, limbs: u32) -> Column {
        let layout = Layout {
            rows: keys.len() as u64,
            limbs,
            nullable: present.is_some(),
            proofs: 2,
        };
        Column::commit(layout, Values { keys, present }, &[7; 32]).unwrap()
    }

    fn holds(keys: &[u64], present: Option<&[bool]>, limbs: u32) -> Statistics {
        let column = column(keys, present, limbs);
        let claim = Statistics::of(&column);
        let proof = claim.prove(&column).unwrap();
        claim
            .verify(column.layout(), column.commitment(), &proof)
            .unwrap();
        claim
    }

    #[test]
    fn true_statistics_are_proved() {
        let claim = holds(&[3, 1, 4, 1, 5, 9, 2, 6, 5, 3], None, 1);
        assert_eq!(
            (claim.present, claim.low, claim.high, claim.sum),
            (10, 1, 9, 29)
        );
        holds(&[u64::MAX, 0, 1 << 63], None, 4);
        holds(&[u64::MAX], None, 4);
        holds(&[], None, 4);
        holds(&[5, 0, 7], Some(&[true, false, true]), 2);
        holds(&[0, 0], Some(&[false, false]), 2);
    }
}
