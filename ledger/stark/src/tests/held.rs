//! Who notarizes a dataset has its columns.

use super::{column, none_is_free};
use crate::field::F;
use crate::held::Plan;
use crate::{Column, Dataset, Held, Layout, Values, VerifyError};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;

/// Three columns, one of which has gaps.
fn columns(rows: u64) -> Vec<Column> {
    let keys: Vec<u64> = (0..rows).map(|row| row * row % 251).collect();
    let present: Vec<bool> = keys.iter().map(|key| key % 3 != 0).collect();
    vec![
        column(&keys, None, 4, 1),
        column(&keys, Some(&present), 2, 2),
        column(&keys, None, 1, 3),
    ]
}

#[test]
fn columns_that_are_held_are_proved_to_be() {
    for rows in [0, 1, 8, 300] {
        let columns = columns(rows);
        assert!(Held.holds(&columns));
        let (proof, public) = (Held.prove(&columns).unwrap(), Dataset::of(&columns));
        assert!(Held.verify(&public, &proof).unwrap().security_bits > 90.0);
        let plan = Plan::new(&public).unwrap();
        let opened: Vec<_> = columns.iter().map(Column::opened).collect();
        none_is_free(&plan.statement, &mut plan.fill(), &opened, &[0, 1, 50]);
    }
}

#[test]
fn columns_of_no_dataset_are_not_held() {
    let mut several = columns(9);
    several.push(column(&[1; 8], None, 1, 4));
    for lie in [several, Vec::new()] {
        assert!(!Held.holds(&lie));
        assert!(Held.prove(&lie).is_err());
    }
}

#[test]
fn a_proof_is_about_these_columns_only() {
    let own = columns(300);
    let (proof, public) = (Held.prove(&own).unwrap(), Dataset::of(&own));
    Held.verify(&public, &proof).unwrap();
    let changed = |change: &dyn Fn(&mut Dataset)| {
        let mut other = public.clone();
        change(&mut other);
        Held.verify(&other, &proof).unwrap_err()
    };
    // Who copies the commitments reads them under another label.
    changed(&|other| {
        let copied = other.columns[0].1.clone();
        other.columns[0].1 = copied.labelled([1; 32]);
    });
    changed(&|other| {
        other.columns[2] = Dataset::of(&[column(&[1; 300], None, 1, 9)]).columns[0].clone()
    });
    changed(&|other| other.columns.swap(0, 2));
    changed(&|other| drop(other.columns.pop()));
    changed(&|other| {
        other
            .columns
            .iter_mut()
            .for_each(|(layout, _)| layout.rows -= 1)
    });
    for wrong in [
        // A layout that is not the commitment's.
        changed(&|other| other.columns[2].0.limbs = 2),
        changed(&|other| other.columns[1].0.nullable = false),
        changed(&|other| other.columns[0].0.proofs += 1),
        changed(&|other| other.columns.clear()),
    ] {
        assert!(matches!(wrong, VerifyError::Claim), "{wrong}");
    }
}

/// What somebody who lies makes of columns.
fn refused(columns: &[Column]) -> VerifyError {
    let public = Dataset::of(columns);
    let plan = Plan::new(&public).unwrap();
    let opened: Vec<_> = columns.iter().map(Column::opened).collect();
    let proof = plan.statement.prove_anyway(plan.fill(), &opened).unwrap();
    Held.verify(&public, &proof).unwrap_err()
}

#[test]
fn what_is_no_commitment_to_columns_is_refused() {
    let mut columns = columns(300);
    columns[2] = Column::without_polynomials(columns[2].layout());
    assert!(matches!(refused(&columns), VerifyError::Opening(_)));
}

#[test]
fn roots_that_somebody_else_made_are_refused() {
    // He has other columns of the same layouts, and claims that they are what was committed to.
    let theirs = Dataset::of(&columns(300));
    let keys = [7; 300];
    let own = [
        column(&keys, None, 4, 11),
        column(&keys, Some(&[true; 300]), 2, 12),
        column(&keys, None, 1, 13),
    ];
    let plan = Plan::new(&theirs).unwrap();
    let opened: Vec<_> = own.iter().map(Column::opened).collect();
    let proof = plan.statement.prove_anyway(plan.fill(), &opened).unwrap();
    let refused = Held.verify(&theirs, &proof).unwrap_err();
    assert!(matches!(refused, VerifyError::Opening(_)), "{refused}");
}

#[test]
fn flags_that_are_none_are_refused() {
    let layout = Layout {
        rows: 12,
        limbs: 1,
        nullable: true,
        proofs: 2,
    };
    // After eight limbs come eight flags; the last four of the second row are behind the dataset's end.
    for (row, flag, value) in [(0, 3, 2), (1, 3, 2), (1, 4, 1), (2, 0, 1)] {
        let mut cells = RowMajorMatrix::new(F::zero_vec(16 << layout.log_rows()), 16);
        let of_flags = (0..12).map(|place| place / 8 * 16 + 8 + place % 8);
        of_flags.for_each(|place| cells.values[place] = F::ONE);
        let honest = Column::of_cells(layout, cells.clone(), &[1; 32]).unwrap();
        assert!(honest.is_flagged());
        let values = Values {
            keys: &[0; 12],
            present: None,
        };
        let same = Column::commit(layout, values, &[1; 32]).unwrap();
        assert_eq!(honest.commitment(), same.commitment());
        cells.values[row * 16 + 8 + flag] = F::from_u32(value);
        let lie = Column::of_cells(layout, cells, &[1; 32]).unwrap();
        let lies = [lie];
        assert!(Held.prove(&lies).is_err());
        assert!(!Held.holds(&lies));
        let lie = refused(&lies);
        assert!(
            matches!(lie, VerifyError::Unsatisfied { table: 0 }),
            "{lie}"
        );
    }
}

#[test]
fn columns_are_divided_by_what_one_proof_has_room_for() {
    let layout = |rows, limbs| Layout {
        rows,
        limbs,
        nullable: false,
        proofs: 32,
    };
    // Where each ends.
    let batches = |rows, limbs, columns| -> Vec<usize> {
        let layouts = std::iter::repeat_n(layout(rows, limbs), columns);
        let batches = Held::batches(layouts).into_iter();
        batches.map(|batch| batch.end).collect()
    };
    assert_eq!(batches(1_000_000, 4, 0), []);
    assert_eq!(batches(1_000_000, 4, 8), [8]);
    assert_eq!(batches(1_000_000, 4, 70), [32, 64, 70]);
    assert_eq!(batches(1 << 22, 4, 5), [4, 5]);
    assert_eq!(batches(0, 1, 4_096), [4_096]);
    assert_eq!(batches(0, 4, 4_096).len(), 4);
}
