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

mod columns {
    use crate::field::F;
    use crate::statistics::Plan;
    use crate::{Column, ColumnError, Intervals, Layout, Proof, Statistics, Values};
    use p3_field::PrimeCharacteristicRing;

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
        let column = column(&keys, None, 4);
        let claim = Statistics::of(&column);
        (column, claim)
    }

    #[test]
    fn cells_satisfy_the_tables_and_none_is_free() {
        let keys = [300, 5, 70_000, 0, 65_535, 9, 70_001, 12, 300, 69_999, 0];
        let present = keys.map(|key| key != 0);
        let with_gaps = column(&keys, Some(&present), 2);
        let of_gaps = Statistics::of(&with_gaps);
        for (column, claim) in [(with_gaps, of_gaps), mixed()] {
            let plan = Plan::new(&claim, column.layout(), column.commitment().clone()).unwrap();
            let mut own = plan.fill(&column);
            let data = [column.opened()];
            assert_eq!(plan.statement.violated(&own, &data), None);
            assert_eq!(plan.statement.unbalanced(&own, &data), None);
            for (table, own) in own.iter_mut().enumerate() {
                for of in 0..plan.statement.tables[table].width as usize {
                    for row in [0, 1] {
                        let free = plan.statement.is_free(table, of, row, own, &data);
                        assert!(!free, "table {table}, column {of}, row {row}");
                    }
                }
            }
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
        }
        // The same values under another seed are another commitment.
        let keys: Vec<u64> = (0..300).map(|row| column.get(row).unwrap()).collect();
        let values = Values {
            keys: &keys,
            present: None,
        };
        let other = Column::commit(layout, values, &[8; 32]).unwrap();
        assert!(claim.verify(layout, other.commitment(), &proof).is_err());
        let mut fewer = layout;
        fewer.rows -= 1;
        assert!(claim.verify(fewer, commitment, &proof).is_err());

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
    fn commitments_hide_and_are_made_again() {
        let (first, second) = (column(&[1, 2, 3], None, 1), column(&[1, 2, 4], None, 1));
        assert_ne!(first.commitment(), second.commitment());
        assert_eq!(first.commitment(), column(&[1, 2, 3], None, 1).commitment());
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
            let column = column(keys, present, limbs);
            let claim = Intervals::of(&column, edges.to_vec());
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
        assert_eq!(plan.statement.violated(&own, &data), None);
        assert_eq!(plan.statement.unbalanced(&own, &data), None);
        for (table, own) in own.iter_mut().enumerate() {
            for of in 0..plan.statement.tables[table].width as usize {
                for row in [0, 1] {
                    let free = plan.statement.is_free(table, of, row, own, &data);
                    assert!(!free, "table {table}, column {of}, row {row}");
                }
            }
        }
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
        }
    }
}

mod transformed {
    use crate::field::F;
    use crate::transformations::Plan;
    use crate::{Column, Dataset, Groups, Layout, Transformation, Values};
    use p3_field::PrimeCharacteristicRing;

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
                Column::commit(layout, Values { keys, present }, &[seed + number as u8; 32])
                    .unwrap()
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
        match of.prove(&of_inputs, &of_outputs) {
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
    }

    #[test]
    fn groups_are_large_enough() {
        // Six rows of each, but four of the last.
        let mut all: Vec<(u64, u64)> = (0..40).map(|row| ((row % 7) << 40, row % 7 % 3)).collect();
        all.retain(|row| row.0 >> 40 != 6 || row.1 == 0);
        let columns = dataset(&all, 1);
        let public = Dataset::of(&columns);
        let at_least = |at_least| Groups { at_least };
        let proof = at_least(5).prove(&columns).unwrap();
        at_least(5).verify(&public, &proof).unwrap();
        assert!(at_least(6).verify(&public, &proof).is_err());
        assert!(at_least(4).verify(&public, &proof).is_err());
        assert!(at_least(6).prove(&columns).is_err());
        // A number that the field takes for 5.
        let congruent = at_least(5 + ((1 << 31) - (1 << 24) + 1));
        assert!(congruent.verify(&public, &proof).is_err());
        assert!(congruent.prove(&columns).is_err());
        assert!(at_least(0).prove(&columns).is_err());
        all.push((9, 1));
        let alone = dataset(&all, 1);
        assert!(at_least(2).prove(&alone).is_err());
        assert!(at_least(5).verify(&Dataset::of(&alone), &proof).is_err());

        let plan = crate::groups::Plan::new(&at_least(5), &public).unwrap();
        let data: Vec<_> = columns.iter().map(Column::opened).collect();
        let mut own = plan.fill(&columns).unwrap();
        assert_eq!(plan.statement.violated(&own, &data), None);
        assert_eq!(plan.statement.unbalanced(&own, &data), None);
        for (table, own) in own.iter_mut().enumerate() {
            for of in 0..plan.statement.tables[table].width as usize {
                let free = plan.statement.is_free(table, of, 0, own, &data);
                assert!(!free, "table {table}, column {of}");
            }
        }
        let mut lie = plan.fill(&columns).unwrap();
        lie[1].values[0] += F::ONE;
        let proof = plan.statement.prove_anyway(lie, &data).unwrap();
        assert!(at_least(5).verify(&public, &proof).is_err());
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
        assert_eq!(plan.statement.violated(&own, &data), None);
        assert_eq!(plan.statement.unbalanced(&own, &data), None);
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
}

mod scaled {
    use crate::affine::Plan;
    use crate::field::F;
    use crate::{Affine, Column, Layout, Values};
    use p3_field::PrimeCharacteristicRing;

    fn column(keys: &[u64], present: Option<&[bool]>, limbs: u32, seed: u8) -> Column {
        let layout = Layout {
            rows: keys.len() as u64,
            limbs,
            nullable: present.is_some(),
            proofs: 1,
        };
        Column::commit(layout, Values { keys, present }, &[seed; 32]).unwrap()
    }

    /// Whether `output` is proved to be `input` scaled; a proof that is made all the same is rejected.
    fn holds(claim: Affine, input: &Column, output: &Column) -> bool {
        let [of_input, of_output] = [input, output].map(|of| (of.layout(), of.commitment()));
        if let Ok(proof) = claim.prove(input, output) {
            claim.verify(of_input, of_output, &proof).unwrap();
            assert!(claim.verify(of_output, of_input, &proof).is_err());
            let other = Affine {
                offset: claim.offset + 1,
                ..claim
            };
            assert!(other.verify(of_input, of_output, &proof).is_err());
            return true;
        }
        let owned =
            |(layout, commitment): (Layout, &crate::Commitment)| (layout, commitment.clone());
        if let Some(plan) = Plan::new(&claim, owned(of_input), owned(of_output)) {
            let opened = [input.opened(), output.opened()];
            let own = plan.fill(input, output);
            let proof = plan.statement.prove_anyway(own, &opened).unwrap();
            assert!(claim.verify(of_input, of_output, &proof).is_err());
        }
        false
    }

    #[test]
    fn columns_are_scaled() {
        let keys = [0, 7, 65_535, 65_536, 0xffff_ffff, 123_456_789, 1, 2, 3];
        let claim = Affine {
            factor: 100,
            offset: 31,
        };
        let scaled = keys.map(|key| key * 100 + 31);
        let input = column(&keys, None, 2, 1);
        assert!(holds(claim, &input, &column(&scaled, None, 4, 2)));
        let mut wrong = scaled;
        wrong[3] += 1 << 16;
        assert!(!holds(claim, &input, &column(&wrong, None, 4, 2)));

        // From the middle of the range of signed keys, mirrored.
        let middle = 1_u64 << 63;
        let signed = [middle, middle - 1, middle + 5, 0, u64::MAX];
        let mirrored = signed.map(|key| !key);
        let mirror = Affine {
            factor: -1,
            offset: i128::from(u64::MAX),
        };
        let (input, output) = (column(&signed, None, 4, 1), column(&mirrored, None, 4, 2));
        assert!(holds(mirror, &input, &output));
        let steep = Affine {
            factor: -8_192,
            offset: 8_192 * i128::from(u32::MAX),
        };
        let small = [0, 1, u64::from(u32::MAX)];
        let large = small.map(|key| 8_192 * (u64::from(u32::MAX) - key));
        let (input, output) = (column(&small, None, 2, 1), column(&large, None, 3, 2));
        assert!(holds(steep, &input, &output));
    }

    #[test]
    fn what_is_missing_stays_missing() {
        let keys = [5, 0, 7];
        let gaps = [true, false, true];
        let same = Affine {
            factor: 1,
            offset: 0,
        };
        let input = column(&keys, Some(&gaps), 1, 1);
        assert!(holds(same, &input, &column(&keys, Some(&gaps), 1, 2)));
        let all = [true; 3];
        assert!(!holds(same, &input, &column(&keys, Some(&all), 1, 2)));
        assert!(!holds(same, &input, &column(&keys, None, 1, 2)));
    }

    #[test]
    fn no_carry_is_free() {
        let keys: Vec<u64> = (0..20).map(|row| (row << 40) | (row * 77_777)).collect();
        let scaled: Vec<u64> = keys.iter().map(|key| key * 9 + 70_000).collect();
        let (input, output) = (column(&keys, None, 4, 1), column(&scaled, None, 4, 2));
        let claim = Affine {
            factor: 9,
            offset: 70_000,
        };
        let of = |column: &Column| (column.layout(), column.commitment().clone());
        let plan = Plan::new(&claim, of(&input), of(&output)).unwrap();
        let mut own = plan.fill(&input, &output);
        let data = [input.opened(), output.opened()];
        assert_eq!(plan.statement.violated(&own, &data), None);
        assert_eq!(plan.statement.unbalanced(&own, &data), None);
        for (table, own) in own.iter_mut().enumerate() {
            for of in 0..plan.statement.tables[table].width as usize {
                for row in [0, 1] {
                    let free = plan.statement.is_free(table, of, row, own, &data);
                    assert!(!free, "table {table}, column {of}, row {row}");
                }
            }
        }
        let mut lie = plan.fill(&input, &output);
        lie[0].values[1] += F::ONE;
        let proof = plan.statement.prove_anyway(lie, &data).unwrap();
        let [of_input, of_output] = [&input, &output].map(|of| (of.layout(), of.commitment()));
        assert!(claim.verify(of_input, of_output, &proof).is_err());
    }
}

mod sorted {
    use crate::field::F;
    use crate::order::Plan;
    use crate::{Column, Layout, Order, Values};
    use p3_field::PrimeCharacteristicRing;

    fn column(keys: &[u64], limbs: u32, nullable: bool) -> Column {
        let present: Vec<bool> = keys.iter().map(|key| *key != 0).collect();
        let layout = Layout {
            rows: keys.len() as u64,
            limbs,
            nullable,
            proofs: 1,
        };
        let present = nullable.then_some(&present[..]);
        Column::commit(layout, Values { keys, present }, &[3; 32]).unwrap()
    }

    /// Whether the order is proved; a proof that is made all the same is rejected.
    fn holds(order: Order, column: &Column) -> bool {
        let (layout, commitment) = (column.layout(), column.commitment());
        if let Ok(proof) = order.prove(column) {
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
        assert!(holds(Order::Ascending, &column(&keys, 4, false)));
        assert!(!holds(Order::Descending, &column(&keys, 4, false)));
        keys.reverse();
        assert!(holds(Order::Descending, &column(&keys, 4, false)));
        // Within a row, and from one row of the table to the next.
        for at in [2, 7] {
            let mut swapped = keys.clone();
            swapped.swap(at, at + 1);
            assert!(!holds(Order::Descending, &column(&swapped, 4, false)));
        }
        let ends = [0, 1, u64::MAX - 1, u64::MAX];
        assert!(holds(Order::Ascending, &column(&ends, 4, false)));
        assert!(holds(Order::Ascending, &column(&[], 1, false)));
        let gaps = [1, 2, 2, 5, 6, 7, 8, 9, 10, 0, 0];
        assert!(holds(Order::Ascending, &column(&gaps, 1, true)));
        assert!(!holds(Order::Ascending, &column(&[1, 0, 2], 1, true)));
    }

    #[test]
    fn no_cell_is_free() {
        let keys: Vec<u64> = (1..30_u64).map(|row| row.pow(5) * 999_983).collect();
        let column = column(&keys, 4, false);
        let plan = Plan::new(
            Order::Ascending,
            column.layout(),
            column.commitment().clone(),
        );
        let plan = plan.unwrap();
        let data = [column.opened()];
        let mut own = plan.fill(&column);
        assert_eq!(plan.statement.violated(&own, &data), None);
        assert_eq!(plan.statement.unbalanced(&own, &data), None);
        for (table, own) in own.iter_mut().enumerate() {
            for of in 0..plan.statement.tables[table].width as usize {
                for row in [0, 1] {
                    let free = plan.statement.is_free(table, of, row, own, &data);
                    assert!(!free, "table {table}, column {of}, row {row}");
                }
            }
        }
        let mut lie = plan.fill(&column);
        lie[0].values[1] += F::ONE;
        let proof = plan.statement.prove_anyway(lie, &data).unwrap();
        let (layout, commitment) = (column.layout(), column.commitment());
        assert!(Order::Ascending.verify(layout, commitment, &proof).is_err());
    }
}
