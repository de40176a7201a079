//! Checks of [`Table`].

use super::{Check, Random, checks, eventually, fresh};
use prooflane_store::{
    CommitError, Cursor, Expect, Index, IndexKey, Item, Key, Query, StoreError, Table, Write,
    limits,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What a check gets.
pub type Subject = Arc<dyn Table>;

/// All of them.
pub const CHECKS: &[Check<Subject>] = checks![
    a_version_counts_the_writes,
    an_expectation_that_fails_says_what_it_got,
    a_commit_is_all_or_nothing,
    the_first_refused_write_is_reported,
    a_check_changes_nothing_and_can_refuse,
    a_deleted_item_is_gone,
    a_counter_keeps_its_floor,
    a_floor_guards_the_whole_commit,
    a_counter_stays_within_64_bits,
    adds_commute,
    documents_and_counters_do_not_mix,
    one_of_many_writers_wins_each_version,
    one_of_many_creators_wins,
    documents_conserve_a_sum_under_contention,
    counters_conserve_a_sum_under_contention,
    what_was_acknowledged_is_read,
    sparse_indexes_follow_the_writes,
    order_is_bytewise,
    ranges_are_half_open,
    pages_lose_and_repeat_nothing,
    pages_end_early_rather_than_grow,
    a_cursor_outlives_its_item,
    a_foreign_cursor_is_refused,
    a_page_has_a_sensible_limit,
    commits_over_the_limits_are_refused_whole,
    a_commit_at_the_limits_works,
    any_bytes_are_a_body,
    any_text_is_a_key,
];

fn put(key: &Key, expect: Expect, body: impl Into<Vec<u8>>) -> Write {
    Write::Put {
        key: key.clone(),
        expect,
        body: body.into(),
        wake: None,
        listing: None,
    }
}

fn add(key: &Key, delta: i64, at_least: i64) -> Write {
    Write::Add {
        key: key.clone(),
        delta,
        at_least,
    }
}

fn delete(key: &Key, expect: Expect) -> Write {
    Write::Delete {
        key: key.clone(),
        expect,
    }
}

fn check(key: &Key, expect: Expect) -> Write {
    Write::Check {
        key: key.clone(),
        expect,
    }
}

fn conflict(
    index: usize,
    key: &Key,
    expected: Expect,
    got: Option<u64>,
) -> Result<(), CommitError> {
    Err(CommitError::Conflict {
        index,
        key: key.clone(),
        expected,
        got,
    })
}

/// Two keys in a partition of their own.
fn keys() -> (Key, Key) {
    let partition = fresh("conformance");
    (Key::new(&partition, "a"), Key::new(partition, "b"))
}

async fn item(table: &Subject, key: &Key) -> Item {
    table.get(key).await.unwrap().unwrap()
}

async fn version(table: &Subject, key: &Key) -> Option<u64> {
    table.get(key).await.unwrap().map(|item| item.version)
}

/// Commits; a store that is busy is asked again.
async fn patiently(table: &Subject, writes: &[Write]) -> Result<(), CommitError> {
    loop {
        match table.commit(writes).await {
            Err(CommitError::Store(StoreError::Throttled)) => {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
            other => return other,
        }
    }
}

/// Every item of a query, page by page.
async fn walk(table: &Subject, query: &Query) -> Vec<Item> {
    let (mut query, mut items) = (query.clone(), Vec::new());
    loop {
        let page = table.query(&query).await.unwrap();
        assert!(
            page.items.len() <= query.limit,
            "{} items, limit {}",
            page.items.len(),
            query.limit
        );
        items.extend(page.items);
        if page.next.is_none() {
            return items;
        }
        query = query.after(page.next);
    }
}

async fn sorts(table: &Subject, query: Query) -> Vec<String> {
    walk(table, &query)
        .await
        .into_iter()
        .map(|item| item.key.sort)
        .collect()
}

/// 1 after `Absent`, then one more with every put.
pub async fn a_version_counts_the_writes(table: Subject) {
    let (key, _) = keys();
    assert_eq!(table.get(&key).await, Ok(None));
    for (expect, body, version) in [
        (Expect::Absent, "x", 1),
        (Expect::Version(1), "y", 2),
        (Expect::Exists, "z", 3),
    ] {
        table.commit(&[put(&key, expect, body)]).await.unwrap();
        let expected = Item {
            key: key.clone(),
            version,
            body: body.into(),
            counter: 0,
            wake: None,
            listing: None,
        };
        assert_eq!(item(&table, &key).await, expected);
    }
}

/// Which write, which item, what was expected and what is there.
pub async fn an_expectation_that_fails_says_what_it_got(table: Subject) {
    let (there, absent) = keys();
    table
        .commit(&[put(&there, Expect::Absent, "1")])
        .await
        .unwrap();
    table
        .commit(&[put(&there, Expect::Version(1), "2")])
        .await
        .unwrap();
    for (key, expect, got) in [
        (&there, Expect::Absent, Some(2)),
        (&there, Expect::Version(1), Some(2)),
        (&there, Expect::Version(3), Some(2)),
        (&there, Expect::Version(u64::MAX), Some(2)),
        (&absent, Expect::Exists, None),
        (&absent, Expect::Version(0), None),
        (&absent, Expect::Version(1), None),
    ] {
        let expected = conflict(0, key, expect, got);
        assert_eq!(table.commit(&[put(key, expect, "no")]).await, expected);
        assert_eq!(table.commit(&[check(key, expect)]).await, expected);
        if expect != Expect::Absent {
            assert_eq!(table.commit(&[delete(key, expect)]).await, expected);
        }
    }
    assert_eq!(item(&table, &there).await.body, b"2");
    assert_eq!(table.get(&absent).await, Ok(None));
}

/// A refused write undoes those before it and prevents those after it.
pub async fn a_commit_is_all_or_nothing(table: Subject) {
    let (a, b) = keys();
    let c = Key::new(&a.partition, "c");
    let fails = [
        put(&a, Expect::Absent, "1"),
        check(&b, Expect::Exists),
        add(&c, 5, 0),
    ];
    assert_eq!(
        table.commit(&fails).await,
        conflict(1, &b, Expect::Exists, None)
    );
    for key in [&a, &b, &c] {
        assert_eq!(table.get(key).await, Ok(None));
    }
    table
        .commit(&[
            put(&a, Expect::Absent, "1"),
            check(&b, Expect::Absent),
            add(&c, 5, 0),
        ])
        .await
        .unwrap();
    assert_eq!(item(&table, &a).await.body, b"1");
    assert_eq!(item(&table, &c).await.counter, 5);
}

/// Of several that are refused, the first in the order of the commit.
pub async fn the_first_refused_write_is_reported(table: Subject) {
    let (a, b) = keys();
    let c = Key::new(&a.partition, "c");
    let writes = [
        put(&a, Expect::Absent, ""),
        put(&b, Expect::Version(7), ""),
        put(&c, Expect::Exists, ""),
    ];
    assert_eq!(
        table.commit(&writes).await,
        conflict(1, &b, Expect::Version(7), None)
    );
}

/// `Check` alone or beside a write.
pub async fn a_check_changes_nothing_and_can_refuse(table: Subject) {
    let (a, b) = keys();
    table
        .commit(&[put(&a, Expect::Absent, "1"), check(&b, Expect::Absent)])
        .await
        .unwrap();
    table
        .commit(&[check(&a, Expect::Version(1)), check(&b, Expect::Absent)])
        .await
        .unwrap();
    assert_eq!(version(&table, &a).await, Some(1));
    assert_eq!(version(&table, &b).await, None);
    let refused = [put(&b, Expect::Absent, "1"), check(&a, Expect::Version(2))];
    assert_eq!(
        table.commit(&refused).await,
        conflict(1, &a, Expect::Version(2), Some(1))
    );
    assert_eq!(version(&table, &b).await, None);
}

/// Deleting needs its expectation; what is made again starts at version 1.
pub async fn a_deleted_item_is_gone(table: Subject) {
    let (a, b) = keys();
    table
        .commit(&[put(&a, Expect::Absent, "1"), put(&b, Expect::Absent, "1")])
        .await
        .unwrap();
    assert_eq!(
        table.commit(&[delete(&a, Expect::Version(2))]).await,
        conflict(0, &a, Expect::Version(2), Some(1))
    );
    table
        .commit(&[delete(&a, Expect::Version(1)), delete(&b, Expect::Exists)])
        .await
        .unwrap();
    assert_eq!(table.get(&a).await, Ok(None));
    assert!(
        sorts(&table, Query::new(Index::Primary, &a.partition))
            .await
            .is_empty()
    );
    assert_eq!(
        table.commit(&[delete(&a, Expect::Exists)]).await,
        conflict(0, &a, Expect::Exists, None)
    );
    table
        .commit(&[put(&a, Expect::Absent, "2"), add(&b, 1, 0)])
        .await
        .unwrap();
    assert_eq!(version(&table, &a).await, Some(1));
    table
        .commit(&[delete(&b, Expect::Version(1))])
        .await
        .unwrap();
    assert_eq!(table.get(&b).await, Ok(None));
}

/// Absent counts as 0, the floor itself is allowed, below it is not.
pub async fn a_counter_keeps_its_floor(table: Subject) {
    let (key, other) = keys();
    let refused = |at_least, would_be| {
        Err(CommitError::Insufficient {
            index: 0,
            key: key.clone(),
            at_least,
            would_be,
        })
    };
    assert_eq!(table.commit(&[add(&key, -1, 0)]).await, refused(0, -1));
    assert_eq!(table.commit(&[add(&key, 5, 6)]).await, refused(6, 5));
    assert_eq!(table.get(&key).await, Ok(None));
    table.commit(&[add(&key, 10, 0)]).await.unwrap();
    table.commit(&[add(&key, -7, 3)]).await.unwrap();
    assert_eq!(table.commit(&[add(&key, -4, 0)]).await, refused(0, -1));
    assert_eq!(table.commit(&[add(&key, 1, 5)]).await, refused(5, 4));
    let counter = item(&table, &key).await;
    assert_eq!(
        (counter.counter, counter.version, counter.body),
        (3, 2, vec![])
    );
    table.commit(&[add(&other, -9, i64::MIN)]).await.unwrap();
    assert_eq!(item(&table, &other).await.counter, -9);
}

/// An insufficient counter refuses its neighbours too.
pub async fn a_floor_guards_the_whole_commit(table: Subject) {
    let (a, b) = keys();
    let c = Key::new(&a.partition, "c");
    table.commit(&[add(&a, 3, 0)]).await.unwrap();
    let spend = [
        put(&c, Expect::Absent, "bought"),
        add(&b, 4, 0),
        add(&a, -4, 0),
    ];
    let refused = CommitError::Insufficient {
        index: 2,
        key: a.clone(),
        at_least: 0,
        would_be: -1,
    };
    assert_eq!(table.commit(&spend).await, Err(refused));
    assert_eq!(version(&table, &b).await, None);
    assert_eq!(version(&table, &c).await, None);
    assert_eq!(item(&table, &a).await.counter, 3);
}

/// No wrap-around at either end.
pub async fn a_counter_stays_within_64_bits(table: Subject) {
    let (high, low) = keys();
    table
        .commit(&[add(&high, i64::MAX, 0), add(&low, i64::MIN, i64::MIN)])
        .await
        .unwrap();
    for (key, delta) in [(&high, 1), (&low, -1)] {
        let refused = table.commit(&[add(key, delta, i64::MIN)]).await;
        assert!(
            matches!(refused, Err(CommitError::Store(StoreError::Invalid(_)))),
            "{refused:?}"
        );
    }
    assert_eq!(item(&table, &high).await.counter, i64::MAX);
    assert_eq!(item(&table, &low).await.counter, i64::MIN);
}

/// Many at once on one counter: none is refused, none is lost.
pub async fn adds_commute(table: Subject) {
    let (key, _) = keys();
    let mut tasks = JoinSet::new();
    for task in 0..32 {
        let (table, key) = (table.clone(), key.clone());
        tasks.spawn(async move {
            for n in 0..10 {
                patiently(&table, &[add(&key, task * 10 + n, 0)])
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    let counter = item(&table, &key).await;
    assert_eq!((counter.counter, counter.version), ((0..320).sum(), 320));
}

/// An item is one or the other until it is deleted.
pub async fn documents_and_counters_do_not_mix(table: Subject) {
    let (document, counter) = keys();
    table
        .commit(&[put(&document, Expect::Absent, "1"), add(&counter, 1, 0)])
        .await
        .unwrap();
    for write in [
        add(&document, 1, 0),
        put(&counter, Expect::Exists, "1"),
        put(&counter, Expect::Version(1), "1"),
    ] {
        let refused = table.commit(&[write]).await;
        assert!(
            matches!(refused, Err(CommitError::Store(StoreError::Invalid(_)))),
            "{refused:?}"
        );
    }
    assert_eq!(
        table.commit(&[put(&counter, Expect::Absent, "1")]).await,
        conflict(0, &counter, Expect::Absent, Some(1))
    );
    assert_eq!(item(&table, &document).await.version, 1);
    assert_eq!(item(&table, &counter).await.version, 1);
}

/// 32 try to move an item on from one version: exactly one does, and its body is there.
pub async fn one_of_many_writers_wins_each_version(table: Subject) {
    let (key, _) = keys();
    table
        .commit(&[put(&key, Expect::Absent, "")])
        .await
        .unwrap();
    for version in 1..=8 {
        let won = race(&table, &key, Expect::Version(version)).await;
        let there = item(&table, &key).await;
        assert_eq!((there.version, there.body), (version + 1, won));
    }
}

/// 32 try to make an item: exactly one does.
pub async fn one_of_many_creators_wins(table: Subject) {
    for _ in 0..8 {
        let (key, _) = keys();
        let won = race(&table, &key, Expect::Absent).await;
        assert_eq!(item(&table, &key).await.body, won);
    }
}

/// The body of the one that won.
async fn race(table: &Subject, key: &Key, expect: Expect) -> Vec<u8> {
    let mut tasks = JoinSet::new();
    for writer in 0..32_u8 {
        let (table, key) = (table.clone(), key.clone());
        tasks.spawn(async move {
            (
                writer,
                patiently(&table, &[put(&key, expect, vec![writer])]).await,
            )
        });
    }
    let (won, lost): (Vec<_>, Vec<_>) = tasks
        .join_all()
        .await
        .into_iter()
        .partition(|(_, result)| result.is_ok());
    assert!(
        lost.iter()
            .all(|(_, r)| matches!(r, Err(CommitError::Conflict { .. }))),
        "{lost:?}"
    );
    assert_eq!(won.len(), 1, "winners: {won:?}");
    vec![won[0].0]
}

/// Read two balances, decide, write both, conditioned on both: no credit appears or vanishes.
pub async fn documents_conserve_a_sum_under_contention(table: Subject) {
    let partition = fresh("documents");
    let keys: Vec<_> = (0..6)
        .map(|n| Key::new(&partition, n.to_string()))
        .collect();
    let start: Vec<_> = keys
        .iter()
        .map(|key| put(key, Expect::Absent, 100_i64.to_be_bytes()))
        .collect();
    table.commit(&start).await.unwrap();
    let balance = |item: &Item| i64::from_be_bytes(item.body.clone().try_into().unwrap());
    let mut tasks = JoinSet::new();
    for task in 0..12 {
        let (table, keys, mut random) = (table.clone(), keys.clone(), Random(task));
        tasks.spawn(async move {
            for _ in 0..10 {
                let from = random.below(6) as usize;
                let to = (from + 1 + random.below(5) as usize) % 6;
                loop {
                    let (a, b) = (
                        item(&table, &keys[from]).await,
                        item(&table, &keys[to]).await,
                    );
                    let amount = balance(&a).min(random.below(50) as i64);
                    let writes = [
                        put(
                            &a.key,
                            Expect::Version(a.version),
                            (balance(&a) - amount).to_be_bytes(),
                        ),
                        put(
                            &b.key,
                            Expect::Version(b.version),
                            (balance(&b) + amount).to_be_bytes(),
                        ),
                    ];
                    match patiently(&table, &writes).await {
                        Ok(()) => break,
                        Err(CommitError::Conflict { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    let items = walk(&table, &Query::new(Index::Primary, &partition)).await;
    assert_eq!(items.iter().map(balance).sum::<i64>(), 600);
    assert!(items.iter().all(|item| balance(item) >= 0));
    // Every transfer moved exactly two versions.
    assert_eq!(
        items.iter().map(|item| item.version - 1).sum::<u64>(),
        12 * 10 * 2
    );
}

/// Transfers between counters with a floor of 0: refused when insufficient, never half done.
pub async fn counters_conserve_a_sum_under_contention(table: Subject) {
    let partition = fresh("counters");
    let keys: Vec<_> = (0..4)
        .map(|n| Key::new(&partition, n.to_string()))
        .collect();
    table
        .commit(&keys.iter().map(|key| add(key, 20, 0)).collect::<Vec<_>>())
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..12 {
        let (table, keys, mut random) = (table.clone(), keys.clone(), Random(task));
        tasks.spawn(async move {
            for _ in 0..20 {
                let from = random.below(4) as usize;
                let to = (from + 1 + random.below(3) as usize) % 4;
                let amount = random.below(30) as i64;
                match patiently(
                    &table,
                    &[add(&keys[from], -amount, 0), add(&keys[to], amount, 0)],
                )
                .await
                {
                    Ok(()) | Err(CommitError::Insufficient { index: 0, .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        });
    }
    tasks.join_all().await;
    let items = walk(&table, &Query::new(Index::Primary, &partition)).await;
    assert_eq!(items.iter().map(|item| item.counter).sum::<i64>(), 80);
    assert!(items.iter().all(|item| item.counter >= 0));
}

/// `get` and a primary query see a commit as soon as it is acknowledged, whatever else goes on.
pub async fn what_was_acknowledged_is_read(table: Subject) {
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let table = table.clone();
        tasks.spawn(async move {
            let (key, _) = keys();
            for version in 1..=20 {
                let expect = if version == 1 {
                    Expect::Absent
                } else {
                    Expect::Version(version - 1)
                };
                patiently(&table, &[put(&key, expect, version.to_string())])
                    .await
                    .unwrap();
                let page = table
                    .query(&Query::new(Index::Primary, &key.partition))
                    .await
                    .unwrap();
                assert_eq!(page.items, [item(&table, &key).await]);
                assert_eq!(page.items[0].version, version);
            }
        });
    }
    tasks.join_all().await;
}

/// An item is in an index exactly while its last put said so, at the place it said.
pub async fn sparse_indexes_follow_the_writes(table: Subject) {
    let (key, plain) = keys();
    let (wake, listing) = (fresh("wake"), fresh("listing"));
    let write = |expect, woken: Option<&str>, listed: Option<&str>| Write::Put {
        key: key.clone(),
        expect,
        body: "body".into(),
        wake: woken.map(|sort| IndexKey::new(&wake, sort)),
        listing: listed.map(|sort| IndexKey::new(&listing, sort)),
    };
    let steps = [
        (Expect::Absent, Some("5"), None),
        (Expect::Version(1), Some("7"), Some("x")),
        (Expect::Version(2), None, Some("x")),
        (Expect::Exists, None, None),
        (Expect::Version(4), Some("1"), Some("y")),
    ];
    table
        .commit(&[put(&plain, Expect::Absent, "never indexed")])
        .await
        .unwrap();
    for (expect, woken, listed) in steps {
        table.commit(&[write(expect, woken, listed)]).await.unwrap();
        let there = item(&table, &key).await;
        assert_eq!(there.wake.as_ref().map(|w| w.sort.as_str()), woken);
        assert_eq!(there.listing.as_ref().map(|l| l.sort.as_str()), listed);
        for (index, partition, sort) in [
            (Index::Wake, &wake, woken),
            (Index::Listing, &listing, listed),
        ] {
            let expected: Vec<_> = sort.iter().map(|_| there.clone()).collect();
            eventually(expected, || async {
                walk(&table, &Query::new(index, partition)).await
            })
            .await;
        }
    }
    table.commit(&[delete(&key, Expect::Exists)]).await.unwrap();
    for (index, partition) in [(Index::Wake, &wake), (Index::Listing, &listing)] {
        eventually(vec![], || async {
            walk(&table, &Query::new(index, partition)).await
        })
        .await;
    }
}

/// Bytes of UTF-8, not letters, not UTF-16: U+FFFD comes before U+1F600.
pub async fn order_is_bytewise(table: Subject) {
    let partition = fresh("order");
    let mut expected = [
        "a",
        "B",
        "aa",
        "b",
        "10",
        "9",
        "é",
        "z",
        "\u{fffd}",
        "\u{1f600}",
        "a b",
        "~",
        "%",
        "_",
    ];
    for sort in expected {
        table
            .commit(&[put(&Key::new(&partition, sort), Expect::Absent, "")])
            .await
            .unwrap();
    }
    expected.sort_unstable_by_key(|sort| sort.as_bytes());
    assert_eq!(
        sorts(&table, Query::new(Index::Primary, &partition)).await,
        expected
    );
    expected.reverse();
    assert_eq!(
        sorts(&table, Query::new(Index::Primary, &partition).descending()).await,
        expected
    );
}

/// From is in, to is out, in both directions, on every index, with limits of any size.
pub async fn ranges_are_half_open(table: Subject) {
    let partition = fresh("ranges");
    let place = |sort: &str| Some(IndexKey::new(&partition, sort));
    for sort in ["b", "d", "f", "h"] {
        let key = Key::new(&partition, sort);
        let (wake, listing) = (place(sort), place(sort));
        table
            .commit(&[Write::Put {
                key,
                expect: Expect::Absent,
                body: vec![],
                wake,
                listing,
            }])
            .await
            .unwrap();
    }
    for index in [Index::Primary, Index::Wake, Index::Listing] {
        let all = Query::new(index, &partition);
        eventually(4, || async { walk(&table, &all).await.len() }).await;
        for (from, to, expected) in [
            (Some("b"), Some("h"), "bdf"),
            (Some("c"), Some("g"), "df"),
            (Some("d"), None, "dfh"),
            (None, Some("d"), "b"),
            (Some("a"), Some("z"), "bdfh"),
            (Some("d"), Some("d"), ""),
            (Some("h"), Some("b"), ""),
            (Some("i"), None, ""),
        ] {
            for limit in [1, 2, 100] {
                let mut query = all.clone().limit(limit);
                (query.from, query.to) = (from.map(Into::into), to.map(Into::into));
                assert_eq!(
                    sorts(&table, query.clone()).await.concat(),
                    expected,
                    "{query:?}"
                );
                let backwards: String = expected.chars().rev().collect();
                assert_eq!(
                    sorts(&table, query.descending()).await.concat(),
                    backwards,
                    "{from:?} {to:?}, descending"
                );
            }
        }
        assert!(
            sorts(&table, Query::new(index, fresh("nothing")))
                .await
                .is_empty()
        );
    }
}

/// Pages of any size make up the same whole, also where many items share a place in an index.
pub async fn pages_lose_and_repeat_nothing(table: Subject) {
    let partition = fresh("pages");
    let sort = |n: u64| format!("{n:03}");
    let writes: Vec<_> = (0..57)
        .map(|n| Write::Put {
            key: Key::new(&partition, sort(n)),
            expect: Expect::Absent,
            body: sort(n).into(),
            wake: Some(IndexKey::new(&partition, sort(n / 5))),
            listing: Some(IndexKey::new(&partition, sort(99 - n))),
        })
        .collect();
    table.commit(&writes).await.unwrap();
    let all: BTreeSet<_> = (0..57).map(sort).collect();
    for index in [Index::Primary, Index::Wake, Index::Listing] {
        let query = Query::new(index, &partition);
        eventually(57, || async { walk(&table, &query).await.len() }).await;
        for limit in [1, 2, 7, 19, 56, 57, 58, 1000] {
            for query in [
                query.clone().limit(limit),
                query.clone().limit(limit).descending(),
            ] {
                let items = walk(&table, &query).await;
                assert_eq!(items.len(), 57, "{query:?}");
                assert_eq!(
                    items
                        .iter()
                        .map(|item| item.key.sort.clone())
                        .collect::<BTreeSet<_>>(),
                    all
                );
                let mut places: Vec<_> = items
                    .iter()
                    .map(|item| match index {
                        Index::Primary => item.key.sort.clone(),
                        Index::Wake => item.wake.clone().unwrap().sort,
                        Index::Listing => item.listing.clone().unwrap().sort,
                    })
                    .collect();
                if query.descending {
                    places.reverse();
                }
                assert!(places.is_sorted(), "{query:?}: {places:?}");
            }
        }
    }
}

/// Large items come in several pages although the limit would allow one.
pub async fn pages_end_early_rather_than_grow(table: Subject) {
    let partition = fresh("large");
    for n in 0..8 {
        let key = Key::new(&partition, n.to_string());
        table
            .commit(&[put(&key, Expect::Absent, vec![n; 300_000])])
            .await
            .unwrap();
    }
    let query = Query::new(Index::Primary, &partition);
    let first = table.query(&query).await.unwrap();
    assert!(
        (1..8).contains(&first.items.len()) && first.next.is_some(),
        "{} items",
        first.items.len()
    );
    assert_eq!(sorts(&table, query.clone()).await.concat(), "01234567");
    assert_eq!(sorts(&table, query.descending()).await.concat(), "76543210");
}

/// What happens to the last item of a page does not disturb the next page.
pub async fn a_cursor_outlives_its_item(table: Subject) {
    let partition = fresh("cursor");
    let keys: Vec<_> = (0..6)
        .map(|n| Key::new(&partition, n.to_string()))
        .collect();
    table
        .commit(
            &keys
                .iter()
                .map(|key| put(key, Expect::Absent, ""))
                .collect::<Vec<_>>(),
        )
        .await
        .unwrap();
    let query = Query::new(Index::Primary, &partition).limit(2);
    let page = table.query(&query).await.unwrap();
    table
        .commit(&[
            delete(&keys[1], Expect::Exists),
            delete(&keys[2], Expect::Exists),
        ])
        .await
        .unwrap();
    assert_eq!(sorts(&table, query.after(page.next)).await.concat(), "345");
}

/// Neither rubbish nor the cursor of another partition or index is taken.
pub async fn a_foreign_cursor_is_refused(table: Subject) {
    let (a, b) = keys();
    table
        .commit(&[put(&a, Expect::Absent, ""), put(&b, Expect::Absent, "")])
        .await
        .unwrap();
    let query = Query::new(Index::Primary, &a.partition).limit(1);
    let cursor = table.query(&query).await.unwrap().next.unwrap();
    let rubbish = ["", "x", "bm90IG91cnM", "[]", &cursor.0[1..]].map(|text| Cursor(text.into()));
    let foreign = [
        Query::new(Index::Primary, fresh("other")).after(Some(cursor.clone())),
        Query::new(Index::Wake, &a.partition).after(Some(cursor)),
    ];
    for query in rubbish
        .map(|cursor| query.clone().after(Some(cursor)))
        .into_iter()
        .chain(foreign)
    {
        let refused = table.query(&query).await;
        assert!(
            matches!(refused, Err(StoreError::Invalid(_))),
            "{query:?}: {refused:?}"
        );
    }
}

/// 1 to 1,000.
pub async fn a_page_has_a_sensible_limit(table: Subject) {
    for limit in [0, limits::PAGE_ITEMS + 1, usize::MAX] {
        let refused = table
            .query(&Query::new(Index::Primary, "x").limit(limit))
            .await;
        assert!(
            matches!(refused, Err(StoreError::Invalid(_))),
            "{limit}: {refused:?}"
        );
    }
}

/// Too many, too large, twice the same, nameless, or nothing at all.
pub async fn commits_over_the_limits_are_refused_whole(table: Subject) {
    let (a, b) = keys();
    let invalid = |result: Result<(), CommitError>| {
        assert!(
            matches!(result, Err(CommitError::Store(StoreError::Invalid(_)))),
            "{result:?}"
        );
    };
    let too_large =
        |result, limit, got| assert_eq!(result, Err(StoreError::TooLarge { limit, got }.into()));
    let fine = put(&a, Expect::Absent, "");

    let many: Vec<_> = (0..101)
        .map(|n| put(&Key::new(&a.partition, n.to_string()), Expect::Absent, ""))
        .collect();
    too_large(table.commit(&many).await, limits::WRITES, 101);
    let large = vec![0; limits::BODY_BYTES + 1];
    let got = large.len();
    too_large(
        table
            .commit(&[fine.clone(), put(&b, Expect::Absent, large)])
            .await,
        limits::BODY_BYTES,
        got,
    );
    let heavy: Vec<_> = many[..12]
        .iter()
        .map(|w| put(w.key(), Expect::Absent, vec![0; 300_000]))
        .collect();
    too_large(table.commit(&heavy).await, limits::COMMIT_BYTES, 3_600_000);
    let long = Key::new(&a.partition, "x".repeat(limits::SORT_BYTES + 1));
    too_large(
        table.commit(&[fine.clone(), add(&long, 1, 0)]).await,
        limits::SORT_BYTES,
        limits::SORT_BYTES + 1,
    );

    invalid(table.commit(&[]).await);
    invalid(
        table
            .commit(&[fine.clone(), check(&a, Expect::Absent)])
            .await,
    );
    invalid(
        table
            .commit(&[add(&b, 1, 0), fine.clone(), add(&b, 1, 0)])
            .await,
    );
    invalid(
        table
            .commit(&[fine.clone(), delete(&b, Expect::Absent)])
            .await,
    );
    invalid(
        table
            .commit(&[
                fine.clone(),
                put(&Key::new(&a.partition, ""), Expect::Absent, ""),
            ])
            .await,
    );
    invalid(
        table
            .commit(&[fine.clone(), put(&Key::new("", "x"), Expect::Absent, "")])
            .await,
    );
    let nowhere = Some(IndexKey::new("", "x"));
    invalid(
        table
            .commit(&[
                fine,
                Write::Put {
                    key: b.clone(),
                    expect: Expect::Absent,
                    body: vec![],
                    wake: nowhere,
                    listing: None,
                },
            ])
            .await,
    );
    assert!(table.get(&Key::new(&a.partition, "")).await.is_err());
    assert!(
        sorts(&table, Query::new(Index::Primary, &a.partition))
            .await
            .is_empty()
    );
}

/// 100 writes, a body and names as long as they may be.
pub async fn a_commit_at_the_limits_works(table: Subject) {
    let partition = fresh("limits");
    let keys: Vec<_> = (0..100)
        .map(|n| Key::new(&partition, format!("{n:02}")))
        .collect();
    table
        .commit(
            &keys
                .iter()
                .map(|key| put(key, Expect::Absent, "x"))
                .collect::<Vec<_>>(),
        )
        .await
        .unwrap();
    assert_eq!(
        walk(&table, &Query::new(Index::Primary, &partition))
            .await
            .len(),
        100
    );

    let mut longest = fresh("long");
    longest += &"x".repeat(limits::PARTITION_BYTES - longest.len());
    let key = Key::new(longest, "y".repeat(limits::SORT_BYTES));
    table
        .commit(&[put(&key, Expect::Absent, vec![7; limits::BODY_BYTES])])
        .await
        .unwrap();
    assert_eq!(item(&table, &key).await.body, vec![7; limits::BODY_BYTES]);
}

/// None at all, and each of the 256.
pub async fn any_bytes_are_a_body(table: Subject) {
    let (empty, all) = keys();
    let bytes: Vec<u8> = (0..=255).collect();
    table
        .commit(&[
            put(&empty, Expect::Absent, ""),
            put(&all, Expect::Absent, bytes.clone()),
        ])
        .await
        .unwrap();
    assert_eq!(item(&table, &empty).await.body, b"");
    assert_eq!(item(&table, &all).await.body, bytes);
    table
        .commit(&[put(&all, Expect::Version(1), "")])
        .await
        .unwrap();
    assert_eq!(item(&table, &all).await.body, b"");
}

/// Quotes, separators, scripts, and two ways to write one letter are all themselves.
pub async fn any_text_is_a_key(table: Subject) {
    let partition = fresh("Ключи/'\"%_\\;--🗝");
    let names = [
        "'", "\"", "%", "_", "a/b", "a\\b", " ", "\n", "é", "e\u{301}", "漢字", "🗝", "a#b:c",
        "NULL",
    ];
    let keys = names.map(|name| Key::new(&partition, name));
    table
        .commit(
            &keys
                .each_ref()
                .map(|key| put(key, Expect::Absent, key.sort.as_str())),
        )
        .await
        .unwrap();
    for key in &keys {
        assert_eq!(item(&table, key).await.body, key.sort.as_bytes());
    }
    assert_eq!(
        walk(&table, &Query::new(Index::Primary, &partition).limit(3))
            .await
            .len(),
        names.len()
    );
}
