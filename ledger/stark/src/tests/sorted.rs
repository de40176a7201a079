//! Sorted columns.

use super::{column, none_is_free};
use crate::claim::Prepared;
use crate::field::F;
use crate::order::Plan;
use crate::{Claim, Column, Order};
use p3_field::PrimeCharacteristicRing;

/// A column whose zeros are missing, if any may be.
fn with_gaps(keys: &[u64], limbs: u32, nullable: bool) -> Column {
    let present: Vec<bool> = keys.iter().map(|key| *key != 0).collect();
    column(keys, nullable.then_some(&present[..]), limbs, 3)
}

/// Whether the order is proved; a proof that is made all the same is rejected.
fn holds(order: Order, column: &Column) -> bool {
    let (layout, commitment) = (column.layout(), column.commitment());
    let proof = order.prove(column);
    assert_eq!(order.holds(column), proof.is_ok());
    if let Ok(proof) = proof {
        order.verify(layout, commitment, &proof).unwrap();
        let other = match order {
            Order::Ascending => Order::Descending,
            Order::Descending => Order::Ascending,
        };
        assert!(other.verify(layout, commitment, &proof).is_err());
        return true;
    }
    let plan = Plan::new(order, layout, commitment.clone()).unwrap();
    let opened = [column.opened()];
    let proof = plan.statement.prove_anyway(plan.fill(column), &opened);
    assert!(order.verify(layout, commitment, &proof.unwrap()).is_err());
    false
}

#[test]
fn sorted_columns_are_proved_and_others_are_not() {
    let mut keys: Vec<u64> = (1..30_u64).map(|row| row.pow(5) * 999_983).collect();
    keys.insert(9, keys[9]);
    assert!(holds(Order::Ascending, &with_gaps(&keys, 4, false)));
    assert!(!holds(Order::Descending, &with_gaps(&keys, 4, false)));
    keys.reverse();
    assert!(holds(Order::Descending, &with_gaps(&keys, 4, false)));
    // Within a row, and from one row of the table to the next.
    for at in [2, 7] {
        let mut swapped = keys.clone();
        swapped.swap(at, at + 1);
        assert!(!holds(Order::Descending, &with_gaps(&swapped, 4, false)));
    }
    let ends = [0, 1, u64::MAX - 1, u64::MAX];
    assert!(holds(Order::Ascending, &with_gaps(&ends, 4, false)));
    assert!(holds(Order::Ascending, &with_gaps(&[], 1, false)));
    let gaps = [1, 2, 2, 5, 6, 7, 8, 9, 10, 0, 0];
    assert!(holds(Order::Ascending, &with_gaps(&gaps, 1, true)));
    assert!(!holds(Order::Ascending, &with_gaps(&[1, 0, 2], 1, true)));
}

#[test]
fn no_cell_is_free() {
    let keys: Vec<u64> = (1..30_u64).map(|row| row.pow(5) * 999_983).collect();
    let column = with_gaps(&keys, 4, false);
    let plan = Plan::new(
        Order::Ascending,
        column.layout(),
        column.commitment().clone(),
    );
    let plan = plan.unwrap();
    let data = [column.opened()];
    let mut own = plan.fill(&column);
    none_is_free(&plan.statement, &mut own, &data, &[0, 1]);
    let mut lie = plan.fill(&column);
    lie[0].values[1] += F::ONE;
    let proof = plan.statement.prove_anyway(lie, &data).unwrap();
    let (layout, commitment) = (column.layout(), column.commitment());
    assert!(Order::Ascending.verify(layout, commitment, &proof).is_err());
}
