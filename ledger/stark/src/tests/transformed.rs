//! Statements about whole datasets.

use super::{column, none_is_free, satisfied};
use crate::field::F;
use crate::transformations::Plan;
use crate::{Column, Dataset, Groups, Layout, Transformation, Values};
use p3_field::{PrimeCharacteristicRing, PrimeField32};

/// Two columns, one of which has gaps: its zeros.
fn dataset(rows: &[(u64, u64)], seed: u8) -> Vec<Column> {
    let keys = [
        rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        rows.iter().map(|row| row.1).collect(),
    ];
    let present: Vec<bool> = rows.iter().map(|row| row.1 != 0).collect();
    let columns = keys.iter().zip([(4, None), (1, Some(&present[..]))]);
    let columns = columns
        .enumerate()
        .map(|(number, (keys, (limbs, present)))| {
            let layout = Layout {
                rows: keys.len() as u64,
                limbs,
                nullable: present.is_some(),
                proofs: 1,
            };
            Column::commit(layout, Values { keys, present }, &[seed + number as u8; 32]).unwrap()
        });
    columns.collect()
}

fn rows(count: u64) -> Vec<(u64, u64)> {
    (0..count)
        .map(|row| (row.pow(3) << 30, row * row % 7))
        .collect()
}

fn try_out(of: Transformation, inputs: &[Vec<Column>], outputs: &[Vec<Column>]) -> bool {
    let of_inputs: Vec<&[Column]> = inputs.iter().map(Vec::as_slice).collect();
    let of_outputs: Vec<&[Column]> = outputs.iter().map(Vec::as_slice).collect();
    let public = |of: &[&[Column]]| -> Vec<Dataset> {
        of.iter().map(|columns| Dataset::of(columns)).collect()
    };
    let (before, after) = (public(&of_inputs), public(&of_outputs));
    let proof = of.prove(&of_inputs, &of_outputs);
    assert_eq!(of.holds(&of_inputs, &of_outputs), proof.is_ok());
    match proof {
        Ok(proof) => {
            of.verify(&before, &after, &proof).unwrap();
            assert!(of.verify(&after, &before, &proof).is_err());
            true
        }
        Err(_) => {
            // Whoever proves it all the same is rejected.
            if let Some(plan) = Plan::new(&of, &before, &after) {
                let columns = of_inputs.iter().chain(&of_outputs).copied().flatten();
                let opened: Vec<_> = columns.map(Column::opened).collect();
                let own = plan.fill(&of_inputs);
                let proof = plan.statement.prove_anyway(own, &opened).unwrap();
                assert!(of.verify(&before, &after, &proof).is_err());
            }
            false
        }
    }
}

#[test]
fn rows_are_shuffled_divided_and_put_together() {
    let all = rows(45);
    let mut shuffled = all.clone();
    shuffled.reverse();
    let mut changed = shuffled.clone();
    changed[7].1 ^= 1;
    let mut twice = shuffled.clone();
    twice[0] = twice[1];
    let input = || vec![dataset(&all, 1)];
    let permutation = Transformation::Permutation;
    assert!(try_out(permutation, &input(), &[dataset(&shuffled, 11)]));
    assert!(!try_out(permutation, &input(), &[dataset(&changed, 11)]));
    assert!(!try_out(permutation, &input(), &[dataset(&twice, 11)]));

    let (odd, even): (Vec<_>, Vec<_>) = all.iter().partition(|row| row.0 >> 30 & 1 == 1);
    let parts = [dataset(&odd, 21), dataset(&even, 31)];
    assert!(try_out(Transformation::Split, &input(), &parts));
    let mut leaking = odd.clone();
    leaking[0] = even[0];
    let parts = [dataset(&leaking, 21), dataset(&even, 31)];
    assert!(!try_out(Transformation::Split, &input(), &parts));

    let (head, tail) = all.split_at(13);
    let parts = [dataset(head, 41), dataset(tail, 51)];
    let together = Transformation::Concatenation;
    assert!(try_out(together, &parts, &input()));
    let swapped = [dataset(tail, 51), dataset(head, 41)];
    assert!(!try_out(together, &swapped, &input()));
    assert!(!try_out(together, &parts, &[dataset(&shuffled, 11)]));
    assert!(try_out(together, &[dataset(&[], 41)], &[dataset(&[], 51)]));

    // What no datasets could be.
    let two = || vec![dataset(head, 41), dataset(tail, 51)];
    let fewer_columns = |mut of: Vec<Column>| {
        of.pop();
        of
    };
    assert!(!try_out(permutation, &[], &[]));
    assert!(!try_out(permutation, &[vec![]], &[vec![]]));
    assert!(!try_out(permutation, &two(), &input()));
    assert!(!try_out(Transformation::Split, &input(), &[]));
    assert!(!try_out(Transformation::Split, &two(), &two()));
    assert!(!try_out(together, &input(), &two()));
    let narrow = fewer_columns(dataset(&all, 11));
    assert!(!try_out(permutation, &input(), &[narrow]));
}

#[test]
fn what_is_missing_has_the_key_that_was_committed_to() {
    let gap = |key, seed| vec![column(&[5, key], Some(&[true, false]), 1, seed)];
    let permutation = Transformation::Permutation;
    assert!(try_out(permutation, &[gap(0, 1)], &[gap(0, 2)]));
    assert!(!try_out(permutation, &[gap(0, 1)], &[gap(7, 2)]));
    let at_least = |at_least, keys: &[u64; 2]| {
        let columns = [column(keys, Some(&[false; 2]), 1, 1)];
        let claim = Groups { at_least };
        assert_eq!(claim.holds(&columns), claim.prove(&columns).is_ok());
        claim.holds(&columns)
    };
    assert!(at_least(2, &[0, 0]));
    assert!(!at_least(2, &[0, 7]));
    assert!(at_least(1, &[0, 7]));
}

#[test]
fn rows_are_picked_by_a_range() {
    let all = rows(45);
    let (first, last) = (8 << 30, 20_u64.pow(3) << 30);
    let picked = |with: &dyn Fn(&(u64, u64)) -> bool| -> Vec<(u64, u64)> {
        all.iter().filter(|row| with(row)).copied().collect()
    };
    let input = [dataset(&all, 1)];
    let filter = Transformation::Filter {
        column: 0,
        first,
        last,
    };
    let right = picked(&|row| (first..=last).contains(&row.0));
    assert!(try_out(filter, &input, &[dataset(&right, 11)]));
    assert!(!try_out(filter, &input, &[dataset(&right[1..], 11)]));
    let more = picked(&|row| (first..=last + 1).contains(&row.0) || row.0 == 0);
    assert!(!try_out(filter, &input, &[dataset(&more, 11)]));
    let mut turned = right.clone();
    turned.swap(0, 1);
    assert!(!try_out(filter, &input, &[dataset(&turned, 11)]));

    // Gaps are never picked.
    let filter = Transformation::Filter {
        column: 1,
        first: 0,
        last: 2,
    };
    let right = picked(&|row| row.1 != 0 && row.1 <= 2);
    assert!(try_out(filter, &input, &[dataset(&right, 11)]));
    let with_gaps = picked(&|row| row.1 <= 2);
    assert!(!try_out(filter, &input, &[dataset(&with_gaps, 11)]));
    let none = Transformation::Filter {
        column: 0,
        first: 5,
        last: 6,
    };
    assert!(try_out(none, &input, &[dataset(&[], 11)]));
    for (column, first, last) in [(2, 0, 1), (0, 6, 5), (1, 0, 65_536)] {
        let filter = Transformation::Filter {
            column,
            first,
            last,
        };
        assert!(!try_out(filter, &input, &[dataset(&[], 11)]));
    }
}

#[test]
fn groups_are_large_enough() {
    // Six rows of each, but four of the last.
    let mut all: Vec<(u64, u64)> = (0..40).map(|row| ((row % 7) << 40, row % 7 % 3)).collect();
    all.retain(|row| row.0 >> 40 != 6 || row.1 == 0);
    let columns = dataset(&all, 1);
    let public = Dataset::of(&columns);
    let at_least = |at_least| Groups { at_least };
    let holds = |least| at_least(least).holds(&columns);
    assert!(holds(1) && holds(5) && !holds(6) && !holds(0));
    assert!(at_least(6).holds(&dataset(&[], 1)) && !at_least(1).holds(&[]));
    let proof = at_least(5).prove(&columns).unwrap();
    at_least(5).verify(&public, &proof).unwrap();
    assert!(at_least(6).verify(&public, &proof).is_err());
    assert!(at_least(4).verify(&public, &proof).is_err());
    assert!(at_least(6).prove(&columns).is_err());
    // A number that the field takes for 5.
    let congruent = at_least(5 + ((1 << 31) - (1 << 24) + 1));
    assert!(congruent.verify(&public, &proof).is_err());
    assert!(congruent.prove(&columns).is_err());
    assert!(!congruent.holds(&columns) && !congruent.holds(&dataset(&[], 1)));
    assert!(at_least(0).prove(&columns).is_err());
    all.push((9, 1));
    let alone = dataset(&all, 1);
    assert!(at_least(2).prove(&alone).is_err());
    assert!(!at_least(2).holds(&alone) && at_least(1).holds(&alone));
    assert!(at_least(5).verify(&Dataset::of(&alone), &proof).is_err());

    let plan = crate::groups::Plan::new(&at_least(5), &public).unwrap();
    let data: Vec<_> = columns.iter().map(Column::opened).collect();
    let mut own = plan.fill(&columns).unwrap();
    none_is_free(&plan.statement, &mut own, &data, &[0]);
    let mut lie = plan.fill(&columns).unwrap();
    lie[1].values[0] += F::ONE;
    let proof = plan.statement.prove_anyway(lie, &data).unwrap();
    assert!(at_least(5).verify(&public, &proof).is_err());
}

#[test]
fn counts_that_are_right_modulo_the_field_are_not() {
    // One row is alone, but its group is given in many parts, each large enough, which add up to the field's order and 1.
    const AT_LEAST: u64 = 3;
    let mut all: Vec<(u64, u64)> = (0..2_400).map(|row| (row % 4, 0)).collect();
    all.push((9, 1));
    let columns = dataset(&all, 1);
    let public = Dataset::of(&columns);
    let claim = Groups { at_least: AT_LEAST };
    assert!(!claim.holds(&columns));
    let plan = crate::groups::Plan::new(&claim, &public).unwrap();
    let key = |row: u64| {
        let mut key = Vec::new();
        columns
            .iter()
            .for_each(|column| column.cells(row, &mut key));
        key
    };
    let mut groups: Vec<_> = (0..4).map(|row| (key(row), 600)).collect();
    let mut rest = u64::from(F::ORDER_U32) + 1;
    while rest > 0 {
        // A part is as large as it may be, and leaves enough for another one.
        let most = AT_LEAST + (1 << 22) - 1;
        let part = if rest > most {
            most.min(rest - AT_LEAST)
        } else {
            rest
        };
        groups.push((key(2_400), part));
        rest -= part;
    }
    let data: Vec<_> = columns.iter().map(Column::opened).collect();
    let own = plan.fill_with(groups).unwrap();
    let proof = plan.statement.prove_anyway(own, &data).unwrap();
    assert!(claim.verify(&public, &proof).is_err());
}

#[test]
fn no_cell_of_a_filter_is_free() {
    let all = rows(45);
    let filter = Transformation::Filter {
        column: 1,
        first: 1,
        last: 2,
    };
    let right: Vec<_> = (all.iter().copied())
        .filter(|row| (1..=2).contains(&row.1))
        .collect();
    let (input, output) = (dataset(&all, 1), dataset(&right, 11));
    let public = [Dataset::of(&input), Dataset::of(&output)];
    let plan = Plan::new(&filter, &public[..1], &public[1..]).unwrap();
    let mut own = plan.fill(&[&input]);
    let data: Vec<_> = input.iter().chain(&output).map(Column::opened).collect();
    satisfied(&plan.statement, &own, &data);
    // In the first row the first place is a gap, whose box is nobody's business.
    for (table, own) in own.iter_mut().enumerate() {
        for of in 0..plan.statement.tables[table].width as usize {
            let free: Vec<u64> = [1, 2]
                .into_iter()
                .filter(|row| plan.statement.is_free(table, of, *row, own, &data))
                .collect();
            assert!(free.len() < 2, "table {table}, column {of}");
        }
    }
    let mut lie = plan.fill(&[&input]);
    lie[0].values[1] += F::ONE;
    let proof = plan.statement.prove_anyway(lie, &data).unwrap();
    assert!(filter.verify(&public[..1], &public[1..], &proof).is_err());
}
