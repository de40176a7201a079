//! Claims hold of columns exactly if cells satisfy their tables, so that they can be proved.

use super::{column, is_satisfied};
use crate::boxes::greatest;
use crate::claim::Prepared;
use crate::{
    Affine, Claim, Column, Dataset, Epsilon, Groups, Held, Intervals, NoiseSeed, Noisy, Order,
    Query, Statistics, Transformation, Within, affine, groups, intervals, noisy, order, statistics,
    transformations,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Keys where words end, of which several are likely to be the same.
fn key() -> impl Strategy<Value = u64> {
    let ends = [16, 32, 48].map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1]);
    let keys = [0, 1, 2, 3, u64::MAX - 1, u64::MAX];
    select([&keys, ends.as_flattened()].concat())
}

/// Keys of so many limbs, and which are there, if some may be missing: not all that are have the key 0.
fn values(limbs: u32) -> impl Strategy<Value = (Vec<u64>, Option<Vec<bool>>)> {
    let most = greatest(limbs);
    let keys = prop::collection::vec(key().prop_map(move |key| key & most), 0..20);
    let present = prop::collection::vec(prop::bool::weighted(0.8), 20);
    (keys, prop::option::of(present)).prop_map(|(keys, mut present)| {
        present
            .iter_mut()
            .for_each(|flags| flags.truncate(keys.len()));
        (keys, present)
    })
}

fn any_column() -> impl Strategy<Value = Column> {
    let values = (1..=4_u32).prop_flat_map(|limbs| (values(limbs), Just(limbs)));
    values.prop_map(|((keys, present), limbs)| column(&keys, present.as_deref(), limbs, 1))
}

/// Whether there are tables, and cells that satisfy them.
fn provable(plan: Option<impl Prepared>, column: &Column) -> bool {
    plan.is_some_and(|plan| is_satisfied(plan.statement(), &plan.fill(column), &[column.opened()]))
}

/// Two keys, and whether the second one is there: what is missing has one too.
type Row = (u64, u64, bool);

/// A dataset of these columns, the large one so many times: rows may be short or long.
fn dataset(rows: &[Row], times: usize) -> Vec<Column> {
    let of = |key: fn(&Row) -> u64| rows.iter().map(key).collect::<Vec<_>>();
    let present: Vec<bool> = rows.iter().map(|row| row.2).collect();
    let small = column(&of(|row| row.1), Some(&present), 1, 1);
    let large = |number| column(&of(|row| row.0), None, 4, number as u8 + 2);
    [small].into_iter().chain((0..times).map(large)).collect()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((key(), 0..3_u64, any::<bool>()), 0..20)
}

/// A range, mostly one that there is in this column.
fn range_in(column: &Column, [first, last]: [u64; 2], tame: bool) -> [u64; 2] {
    if !tame {
        return [first, last];
    }
    let [first, last] = [first, last].map(|key| key & greatest(column.layout().limbs));
    [first.min(last), first.max(last)]
}

fn tame() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.9)
}

/// So that a column for which something fails is shown.
impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = (0..self.layout().rows).map(|row| self.get(row));
        f.debug_list().entries(values).finish()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statistics_hold_if_they_can_be_proved(
        column in any_column(),
        lie in 0..10_usize,
        by in select(vec![1, u64::MAX]),
    ) {
        let mut claim = Statistics::of(&column);
        let changed = match lie {
            0 => &mut claim.present,
            1 => &mut claim.low,
            2 => &mut claim.high,
            word @ 3..6 => &mut claim.squares[word - 3],
            6 => {
                claim.sum ^= u128::from(by);
                &mut 0
            }
            _ => &mut 0,
        };
        *changed = changed.wrapping_add(by);
        let plan = statistics::Plan::new(&claim, column.layout(), column.commitment().clone());
        prop_assert_eq!(claim.holds(&column), provable(plan, &column));
    }

    #[test]
    fn intervals_hold_if_they_can_be_proved(
        column in any_column(),
        mut edges in prop::collection::vec(key(), 0..4),
        tame in tame(),
        lie in prop::option::of((any::<Index>(), any::<Index>())),
    ) {
        if tame {
            edges.iter_mut().for_each(|edge| *edge &= greatest(column.layout().limbs));
            edges.sort_unstable();
            edges.dedup();
        }
        let mut claim = Intervals::of(&column, edges);
        if let Some((from, to)) = lie {
            let from = from.get_mut(&mut claim.counts);
            *from = from.saturating_sub(1);
            *to.get_mut(&mut claim.counts) += 1;
        }
        let plan = intervals::Plan::new(&claim, column.layout(), column.commitment().clone());
        prop_assert_eq!(claim.holds(&column), provable(plan, &column));
    }

    #[test]
    fn ranges_hold_if_they_can_be_proved(
        column in any_column(),
        range in [key(), key()],
        tame in tame(),
        by in 0..3_u64,
    ) {
        let [first, last] = range_in(&column, range, tame);
        let mut claim = Within::of(&column, first, last);
        claim.count = (claim.count + by).saturating_sub(1);
        let plan = claim.plan(column.layout(), column.commitment().clone());
        prop_assert_eq!(claim.holds(&column), provable(plan, &column));
    }

    #[test]
    fn orders_hold_if_they_can_be_proved(
        ((keys, present), limbs) in (1..=4_u32).prop_flat_map(|limbs| (values(limbs), Just(limbs))),
        descending in any::<bool>(),
        swapped in prop::option::of((any::<Index>(), any::<Index>())),
    ) {
        let mut rows: Vec<_> = (keys.into_iter().enumerate())
            .map(|(row, key)| (present.as_ref().is_none_or(|present| present[row]), key))
            .collect();
        rows.sort_by_key(|(there, key)| (!there, if descending { !key } else { *key }));
        if let Some((a, b)) = swapped.filter(|_| !rows.is_empty()) {
            let [a, b] = [a, b].map(|at| at.index(rows.len()));
            rows.swap(a, b);
        }
        let (flags, keys): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let column = column(&keys, present.map(|_| &flags[..]), limbs, 1);
        let claim = if descending { Order::Descending } else { Order::Ascending };
        let plan = order::Plan::new(claim, column.layout(), column.commitment().clone());
        prop_assert_eq!(claim.holds(&column), provable(plan, &column));
    }

    #[test]
    fn scaled_columns_hold_if_they_can_be_proved(
        ((keys, present), limbs) in (1..=4_u32).prop_flat_map(|limbs| (values(limbs), Just(limbs))),
        output_limbs in 1..=4_u32,
        claim in select(vec![
            (1, 0), (1, 0), (-1, i128::from(u64::MAX)), (-1, 0xffff), (0, 7), (100, 31),
            (8_192, 0), (-8_192, 8_192 * 0xffff_ffff), (8_193, 0), (1, 1 << 78), (0, 1 << 77),
        ]),
        lie in prop::option::of((any::<Index>(), any::<bool>())),
    ) {
        let (factor, offset) = claim;
        let claim = Affine { factor, offset };
        let most = greatest(output_limbs);
        let scaled = keys.iter().map(|key| {
            let scaled = i128::from(factor) * i128::from(*key) + offset;
            scaled.clamp(0, i128::from(most)) as u64
        });
        let mut scaled: Vec<u64> = scaled.collect();
        let mut flags = present.clone();
        if let Some((row, of_flags)) = lie.filter(|_| !keys.is_empty()) {
            let row = row.index(keys.len());
            match flags.as_mut().filter(|_| of_flags) {
                Some(flags) => flags[row] ^= true,
                None => scaled[row] ^= 1,
            }
        }
        let input = column(&keys, present.as_deref(), limbs, 1);
        let output = column(&scaled, flags.as_deref(), output_limbs, 2);
        let of = |column: &Column| (column.layout(), column.commitment().clone());
        let plan = affine::Plan::new(&claim, of(&input), of(&output));
        let provable = plan.is_some_and(|plan| {
            let own = plan.fill(&input, &output);
            is_satisfied(&plan.statement, &own, &[input.opened(), output.opened()])
        });
        prop_assert_eq!(claim.holds(&input, &output), provable);
    }

    #[test]
    fn noisy_counts_hold_if_they_can_be_proved(
        column in any_column(),
        range in [key(), key()],
        tame in tame(),
        epsilon in select(vec![(1, 1), (20, 1), (44, 1)]),
        beacon in any::<[u8; 32]>(),
        lie in 0..8,
    ) {
        let seed = |secret| NoiseSeed::from_secret(&[secret; 32]);
        let [first, last] = range_in(&column, range, tame);
        let query = Query {
            first,
            last,
            epsilon: Epsilon { numerator: epsilon.0, denominator: epsilon.1 },
            beacon,
            context: [4; 32],
        };
        let mut claim = Noisy::of(&column, query, &seed(5)).unwrap();
        match lie {
            0 => claim.count += 1,
            1 => claim.count -= 1,
            2 => claim.seed = seed(6).commitment(),
            3 => claim.query.beacon[0] ^= 1,
            _ => {}
        }
        let plan = noisy::Plan::new(&claim, column.layout(), column.commitment().clone());
        for secret in [5, 6] {
            let provable = plan.as_ref().is_some_and(|plan| {
                let own = plan.fill(&column, &seed(secret));
                is_satisfied(&plan.statement, &own, &[column.opened()])
            });
            prop_assert_eq!(claim.holds(&column, &seed(secret)), provable);
        }
    }

    #[test]
    fn groups_hold_if_they_can_be_proved(
        rows in rows(),
        each in 1..4_usize,
        at_least in 0..4_u64,
        times in select(vec![1, 4]),
    ) {
        let claim = Groups { at_least };
        let columns = dataset(&rows.repeat(each), times);
        // By all columns, or by the small one alone.
        for columns in [&columns[..], &columns[..1]] {
            let plan = groups::Plan::new(&claim, &Dataset::of(columns));
            let opened: Vec<_> = columns.iter().map(Column::opened).collect();
            let provable = plan.is_some_and(|plan| {
                let own = plan.fill(columns);
                own.is_some_and(|own| is_satisfied(&plan.statement, &own, &opened))
            });
            prop_assert_eq!(claim.holds(columns), provable);
        }
    }

    #[test]
    fn columns_are_held_if_that_can_be_proved(columns in prop::collection::vec(any_column(), 0..3)) {
        prop_assert_eq!(Held.holds(&columns), Held.prove(&columns).is_ok());
    }

    #[test]
    fn transformations_hold_if_they_can_be_proved(
        before in rows(),
        at in any::<Index>(),
        of in 0..5_usize,
        lie in 0..8,
        (row, other) in (any::<Index>(), any::<Index>()),
        times in select(vec![1, 4]),
    ) {
        let at = at.index(before.len() + 1);
        let (mut head, mut tail) = (before.clone(), before.clone());
        head.truncate(at);
        tail.drain(..at);
        let filter = |column, last| Transformation::Filter { column, first: 1, last };
        let (claim, inputs, mut outputs) = match of {
            0 => (Transformation::Permutation, vec![before], vec![[tail, head].concat()]),
            1 => (Transformation::Split, vec![before], vec![tail, head]),
            2 => (Transformation::Concatenation, vec![head, tail], vec![before]),
            of => {
                let (column, last) = [(0, 1), (1, 1 << 32)][of - 3];
                let mut picked = before.clone();
                picked.retain(|(key, small, there)| match column {
                    0 => *there && *small == 1,
                    _ => (1..=last).contains(key),
                });
                (filter(column, last), vec![before], vec![picked])
            }
        };
        if let Some(rows) = outputs.last_mut().filter(|rows| !rows.is_empty()) {
            let [row, other] = [row, other].map(|at| at.index(rows.len()));
            match lie {
                0 => rows.swap(row, other),
                1 => rows[row] = rows[other],
                2 => rows[row].0 ^= 1 << 50,
                3 => rows[row].1 ^= 1,
                4 => rows[row].2 ^= true,
                5 => drop(rows.remove(row)),
                _ => {}
            }
        }
        let [inputs, outputs] = [inputs, outputs].map(|of| -> Vec<_> {
            of.iter().map(|rows| dataset(rows, times)).collect()
        });
        let [inputs, outputs] = [&inputs, &outputs].map(|of| -> Vec<_> {
            of.iter().map(Vec::as_slice).collect()
        });
        let [before, after] = [&inputs, &outputs].map(|of| -> Vec<_> {
            of.iter().map(|columns| Dataset::of(columns)).collect()
        });
        let plan = transformations::Plan::new(&claim, &before, &after);
        let columns = inputs.iter().chain(&outputs).copied().flatten();
        let opened: Vec<_> = columns.map(Column::opened).collect();
        let provable = plan.is_some_and(|plan| {
            is_satisfied(&plan.statement, &plan.fill(&inputs), &opened)
        });
        prop_assert_eq!(claim.holds(&inputs, &outputs), provable);
    }
}
