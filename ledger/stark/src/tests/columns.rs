//! Statements about one column.

use super::{column, none_is_free};
use crate::claim::Prepared;
use crate::field::F;
use crate::intervals::MAX_INTERVALS;
use crate::statistics::Plan;
use crate::{
    Claim, Column, ColumnError, Intervals, Layout, MAX_PROOFS, MAX_VALUES, Proof, Statistics,
    Values, Within,
};
use p3_field::PrimeCharacteristicRing;

fn holds(keys: &[u64], present: Option<&[bool]>, limbs: u32) -> Statistics {
    let column = column(keys, present, limbs, 7);
    let claim = Statistics::of(&column);
    assert!(claim.holds(&column));
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
    assert_eq!(claim.squares, [4 + 9 + 16 + 64 + 1 + 25 + 16 + 4, 0, 0]);
    holds(&[u64::MAX, 0, 1 << 63], None, 4);
    holds(&[u64::MAX], None, 4);
    holds(&[], None, 4);
    holds(&[5, 0, 7], Some(&[true, false, true]), 2);
    holds(&[0, 0], Some(&[false, false]), 2);
}

/// Values that need the second box, carries, and places that are empty.
fn mixed() -> (Column, Statistics) {
    let keys: Vec<u64> = (0..300_u64)
        .map(|row| (row * row * 0x0123_4567_89ab) ^ (row << 50))
        .collect();
    let column = column(&keys, None, 4, 7);
    let claim = Statistics::of(&column);
    (column, claim)
}

#[test]
fn cells_satisfy_the_tables_and_none_is_free() {
    let keys = [300, 5, 70_000, 0, 65_535, 9, 70_001, 12, 300, 69_999, 0];
    let present = keys.map(|key| key != 0);
    let with_gaps = column(&keys, Some(&present), 2, 7);
    let of_gaps = Statistics::of(&with_gaps);
    for (column, claim) in [(with_gaps, of_gaps), mixed()] {
        let plan = Plan::new(&claim, column.layout(), column.commitment().clone()).unwrap();
        let mut own = plan.fill(&column);
        let data = [column.opened()];
        none_is_free(&plan.statement, &mut own, &data, &[0, 1]);
    }
}

#[test]
fn whoever_lies_in_a_column_is_rejected() {
    let (column, claim) = mixed();
    let plan = Plan::new(&claim, column.layout(), column.commitment().clone()).unwrap();
    for (table, of) in [(0, 1), (0, 9), (0, 130), (1, 3), (2, 4), (3, 0), (4, 1)] {
        let mut own = plan.fill(&column);
        own[table].values[of] += F::ONE;
        let proof = plan.statement.prove_anyway(own, &[column.opened()]);
        let proof = proof.unwrap();
        let verified = claim.verify(column.layout(), column.commitment(), &proof);
        assert!(verified.is_err(), "table {table}, column {of}");
    }
}

#[test]
fn another_claim_another_column_or_another_proof_is_rejected() {
    let (column, claim) = mixed();
    let proof = claim.prove(&column).unwrap();
    let (layout, commitment) = (column.layout(), column.commitment());
    let mut lies = [claim; 6];
    lies[0].present -= 1;
    lies[1].low += 1;
    lies[2].high += 1;
    lies[3].sum += 1;
    lies[4].squares[0] ^= 1;
    lies[5].squares[2] += 1;
    for lie in lies {
        assert!(lie.verify(layout, commitment, &proof).is_err(), "{lie:?}");
        assert!(lie.prove(&column).is_err(), "{lie:?}");
        assert!(!lie.holds(&column), "{lie:?}");
    }
    // The same values under another seed are another commitment.
    let keys: Vec<u64> = (0..300).map(|row| column.get(row).unwrap()).collect();
    let values = Values {
        keys: &keys,
        present: None,
    };
    let other = Column::commit(layout, values, &[8; 32]).unwrap();
    assert!(claim.verify(layout, other.commitment(), &proof).is_err());
    assert!(claim.holds(&other));
    let mut fewer = layout;
    fewer.rows -= 1;
    assert!(claim.verify(fewer, commitment, &proof).is_err());

    let labelled = commitment.clone().labelled([1; 32]);
    assert!(claim.verify(layout, &labelled, &proof).is_err());

    let bytes = proof.to_bytes();
    let again = Proof::from_bytes(&bytes).unwrap();
    claim.verify(layout, commitment, &again).unwrap();
    assert!(Proof::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    for part in 0..64 {
        let mut wrong = bytes.clone();
        wrong[part * (bytes.len() / 64) + part] ^= 1;
        let rejected = Proof::from_bytes(&wrong).map_or(true, |wrong| {
            claim.verify(layout, commitment, &wrong).is_err()
        });
        assert!(rejected, "part {part}");
    }
}

#[test]
fn a_roomy_layout_is_as_large_as_the_least_one() {
    for rows in [0, 1, 7, 1_000, 123_456, 1_000_000, MAX_VALUES] {
        for proofs in [1, 16, MAX_PROOFS] {
            let least = Layout {
                rows,
                limbs: 4,
                nullable: false,
                proofs,
            };
            let roomy = Layout::roomy(rows, 4, false, proofs).unwrap();
            assert!(roomy.proofs >= proofs);
            assert_eq!(roomy.log_rows(), least.log_rows(), "{rows} rows");
            let more = Layout {
                proofs: roomy.proofs + 1,
                ..roomy
            };
            let larger = more.log_rows() > roomy.log_rows();
            assert!(larger || roomy.proofs == MAX_PROOFS, "{rows} rows");
        }
    }
    assert!(Layout::roomy(MAX_VALUES + 1, 4, false, 1).is_err());
}

#[test]
fn commitments_hide_and_are_made_again() {
    let (first, second) = (
        column(&[1, 2, 3], None, 1, 7),
        column(&[1, 2, 4], None, 1, 7),
    );
    assert_ne!(first.commitment(), second.commitment());
    assert_eq!(
        first.commitment(),
        column(&[1, 2, 3], None, 1, 7).commitment()
    );
    let layout = first.layout();
    let error = |layout, keys| {
        let present = None;
        Column::commit(layout, Values { keys, present }, &[0; 32]).err()
    };
    assert_eq!(
        error(layout, &[1, 2]),
        Some(ColumnError::Values {
            expected: 3,
            got: 2
        })
    );
    assert_eq!(
        error(layout, &[1, 65_536, 3]),
        Some(ColumnError::TooLarge { row: 1, limbs: 1 })
    );
    let layout = Layout { limbs: 5, ..layout };
    assert_eq!(
        error(layout, &[1, 2, 3]),
        Some(ColumnError::Limbs { got: 5 })
    );
}

#[test]
fn true_histograms_are_proved() {
    let holds = |keys: &[u64], present: Option<&[bool]>, limbs, edges: &[u64]| {
        let column = column(keys, present, limbs, 7);
        let claim = Intervals::of(&column, edges.to_vec());
        assert!(claim.holds(&column));
        let proof = claim.prove(&column).unwrap();
        let commitment = column.commitment();
        claim.verify(column.layout(), commitment, &proof).unwrap();
        claim.counts
    };
    let keys = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];
    assert_eq!(holds(&keys, None, 1, &[2, 5]), [2, 4, 4]);
    assert_eq!(holds(&keys, None, 2, &[]), [10]);
    let ends = [0, u64::MAX, 1 << 63, (1 << 63) - 1];
    assert_eq!(holds(&ends, None, 4, &[1, 1 << 63, u64::MAX]), [1, 1, 1, 1]);
    let gaps = Some(&[true, false, true][..]);
    assert_eq!(holds(&[5, 0, 70_000], gaps, 2, &[5, 6]), [0, 1, 1]);
    assert_eq!(holds(&[], None, 4, &[7]), [0, 0]);
}

#[test]
fn who_counts_wrongly_is_rejected() {
    let (column, _) = mixed();
    let edges = vec![1 << 20, 1 << 52, (1 << 52) + 3, 1 << 60];
    let claim = Intervals::of(&column, edges);
    let (layout, commitment) = (column.layout(), column.commitment());
    let plan = crate::intervals::Plan::new(&claim, layout, commitment.clone()).unwrap();
    let mut own = plan.fill(&column);
    let data = [column.opened()];
    none_is_free(&plan.statement, &mut own, &data, &[0, 1]);
    for (table, of) in [(0, 1), (0, 40), (1, 0), (1, 1), (2, 0), (2, 3)] {
        let mut own = plan.fill(&column);
        own[table].values[of] += F::ONE;
        let proof = plan.statement.prove_anyway(own, &data).unwrap();
        let verified = claim.verify(layout, commitment, &proof);
        assert!(verified.is_err(), "table {table}, column {of}");
    }

    let proof = claim.prove(&column).unwrap();
    claim.verify(layout, commitment, &proof).unwrap();
    let mut moved = claim.clone();
    moved.counts[0] += 1;
    moved.counts[3] -= 1;
    let mut wider = claim.clone();
    wider.edges[0] += 1;
    let mut fewer = claim.clone();
    fewer.counts[3] -= 1;
    for lie in [moved, wider, fewer] {
        assert!(lie.verify(layout, commitment, &proof).is_err(), "{lie:?}");
        let truth = Intervals::of(&column, lie.edges.clone());
        assert_eq!(lie.holds(&column), lie == truth, "{lie:?}");
    }
}

#[test]
fn what_counts_between_edges_that_are_none_is_refused() {
    let small = column(&[1, 2, 3], None, 1, 7);
    let holds = |edges: Vec<u64>, counts: &[u64]| {
        let counts = counts.to_vec();
        let claim = Intervals { edges, counts };
        let tables = claim.tables(small.layout(), small.commitment());
        assert_eq!(claim.holds(&small), tables.is_some(), "{claim:?}");
        claim.holds(&small)
    };
    assert!(holds(vec![2, 65_535], &[1, 2, 0]));
    assert!(!holds(vec![2, 65_536], &[1, 2, 0]));
    assert!(!holds(vec![0, 2], &[0, 1, 2]));
    assert!(!holds(vec![4, 2], &[1, 0, 2]));
    assert!(!holds(vec![2, 2], &[1, 0, 2]));
    assert!(!holds(vec![2], &[1, 2, 0]));
    assert!(!holds(vec![], &[]));
    for (intervals, possible) in [(MAX_INTERVALS, true), (MAX_INTERVALS + 1, false)] {
        let claim = Intervals::of(&small, (1..intervals as u64).collect());
        assert_eq!(holds(claim.edges, &claim.counts), possible);
    }
}

#[test]
fn true_range_predicates_are_proved() {
    let holds = |keys: &[u64], present: Option<&[bool]>, limbs, first, last| {
        let column = column(keys, present, limbs, 7);
        let claim = Within::of(&column, first, last);
        assert!(claim.holds(&column));
        let proof = claim.prove(&column).unwrap();
        let commitment = column.commitment();
        claim.verify(column.layout(), commitment, &proof).unwrap();
        claim.count
    };
    let keys = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];
    assert_eq!(holds(&keys, None, 1, 2, 5), 6);
    assert_eq!(holds(&keys, None, 2, 0, 0xffff_ffff), 10);
    assert_eq!(holds(&keys, None, 1, 7, 7), 0);
    let ends = [0, u64::MAX, 1 << 63, (1 << 63) - 1];
    assert_eq!(holds(&ends, None, 4, 0, 1 << 63), 3);
    assert_eq!(holds(&ends, None, 4, 1, u64::MAX), 3);
    assert_eq!(holds(&ends, None, 4, u64::MAX, u64::MAX), 1);
    let gaps = Some(&[true, false, true][..]);
    assert_eq!(holds(&[5, 0, 70_000], gaps, 2, 0, 5), 1);
    assert_eq!(holds(&[], None, 4, 7, 8), 0);
}

#[test]
fn who_counts_a_range_wrongly_is_rejected() {
    let (column, _) = mixed();
    let claim = Within::of(&column, 1 << 20, 1 << 60);
    let (layout, commitment) = (column.layout(), column.commitment());
    let plan = claim.plan(layout, commitment.clone()).unwrap();
    let mut own = plan.fill(&column);
    let data = [column.opened()];
    none_is_free(&plan.statement, &mut own, &data, &[0, 1]);

    let proof = claim.prove(&column).unwrap();
    claim.verify(layout, commitment, &proof).unwrap();
    let Within { first, last, count } = claim;
    for (first, last, count) in [
        (first, last, count + 1),
        (first, last, count - 1),
        (first + 1, last, count),
        (first, last + 1, count),
        (last, first, count),
        (first, last, layout.rows + 1),
    ] {
        let lie = Within { first, last, count };
        let proved = lie.prove(&column).is_ok();
        assert_eq!(lie.holds(&column), proved, "{lie:?}");
        assert!(!proved || lie == Within::of(&column, first, last));
        assert!(lie.verify(layout, commitment, &proof).is_err(), "{lie:?}");
    }
    let other = crate::tests::column(&[1 << 30; 3], None, 4, 8);
    assert!(!claim.holds(&other));
    let beyond = Within::of(&crate::tests::column(&[3], None, 1, 8), 0, 65_536);
    assert!(!beyond.holds(&crate::tests::column(&[3], None, 1, 8)));
    assert!(
        claim
            .verify(other.layout(), other.commitment(), &proof)
            .is_err()
    );
}
