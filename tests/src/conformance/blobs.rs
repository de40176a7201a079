//! Checks of [`Blobs`].

use super::{Check, checks, fresh};
use prooflane_store::{Blobs, PutMode, PutOutcome, StoreError};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What a check gets.
pub type Subject = Arc<dyn Blobs>;

/// All of them.
pub const CHECKS: &[Check<Subject>] = checks![
    bytes_come_back,
    a_large_blob_comes_back,
    if_absent_leaves_what_is_there,
    overwrite_replaces,
    exactly_one_of_many_is_written,
    readers_see_whole_blobs,
    a_deleted_blob_is_gone,
    a_name_may_begin_another,
    listing_is_bytewise_and_paged,
    bad_names_are_refused,
];

async fn put(blobs: &Subject, key: &str, bytes: &[u8], mode: PutMode) -> PutOutcome {
    blobs.put(key, bytes, mode).await.unwrap()
}

async fn get(blobs: &Subject, key: &str) -> Option<Vec<u8>> {
    blobs.get(key).await.unwrap()
}

/// Any, and none.
pub async fn bytes_come_back(blobs: Subject) {
    let all: Vec<u8> = (0..=255).collect();
    for bytes in [&[][..], b"x", &all] {
        let key = fresh("bytes/a.b_C-9");
        assert_eq!(get(&blobs, &key).await, None);
        assert_eq!(
            put(&blobs, &key, bytes, PutMode::IfAbsent).await,
            PutOutcome::Written
        );
        assert_eq!(get(&blobs, &key).await.as_deref(), Some(bytes));
    }
}

/// 16 MiB.
pub async fn a_large_blob_comes_back(blobs: Subject) {
    let key = fresh("large");
    let bytes: Vec<u8> = (0..16_u32 << 20).map(|n| (n ^ (n >> 9)) as u8).collect();
    put(&blobs, &key, &bytes, PutMode::Overwrite).await;
    assert!(get(&blobs, &key).await == Some(bytes));
}

/// And says so.
pub async fn if_absent_leaves_what_is_there(blobs: Subject) {
    let key = fresh("kept");
    assert_eq!(
        put(&blobs, &key, b"1", PutMode::IfAbsent).await,
        PutOutcome::Written
    );
    assert_eq!(
        put(&blobs, &key, b"2", PutMode::IfAbsent).await,
        PutOutcome::AlreadyThere
    );
    assert_eq!(get(&blobs, &key).await.unwrap(), b"1");
}

/// Also by a shorter blob.
pub async fn overwrite_replaces(blobs: Subject) {
    let key = fresh("replaced");
    for bytes in [&b"first"[..], b"2", b""] {
        assert_eq!(
            put(&blobs, &key, bytes, PutMode::Overwrite).await,
            PutOutcome::Written
        );
        assert_eq!(get(&blobs, &key).await.unwrap(), bytes);
    }
}

/// 32 put under one name if absent: the one that is told so is the one that is there.
pub async fn exactly_one_of_many_is_written(blobs: Subject) {
    for _ in 0..4 {
        let key = fresh("race/deep/down");
        let mut tasks = JoinSet::new();
        for writer in 0..32_u8 {
            let (blobs, key) = (blobs.clone(), key.clone());
            tasks.spawn(async move {
                (
                    writer,
                    put(&blobs, &key, &[writer; 1000], PutMode::IfAbsent).await,
                )
            });
        }
        let outcomes = tasks.join_all().await;
        let written: Vec<_> = outcomes
            .iter()
            .filter(|(_, o)| *o == PutOutcome::Written)
            .collect();
        assert_eq!(written.len(), 1, "{outcomes:?}");
        assert_eq!(get(&blobs, &key).await.unwrap(), [written[0].0; 1000]);
    }
}

/// While a blob is overwritten, others read the old or the new one, never a part or a mixture.
pub async fn readers_see_whole_blobs(blobs: Subject) {
    let key = fresh("whole");
    put(&blobs, &key, &[0; 100_000], PutMode::Overwrite).await;
    let mut tasks = JoinSet::new();
    for writer in 1..=4_u8 {
        let (blobs, key) = (blobs.clone(), key.clone());
        tasks.spawn(async move {
            for _ in 0..10 {
                put(&blobs, &key, &[writer; 100_000], PutMode::Overwrite).await;
                let read = get(&blobs, &key).await.unwrap();
                assert!(read.len() == 100_000 && read.iter().all(|byte| *byte == read[0]));
            }
        });
    }
    tasks.join_all().await;
}

/// Deleting what is not there is well, and the name can be used again.
pub async fn a_deleted_blob_is_gone(blobs: Subject) {
    let key = fresh("deleted/x");
    blobs.delete(&key).await.unwrap();
    put(&blobs, &key, b"1", PutMode::IfAbsent).await;
    blobs.delete(&key).await.unwrap();
    assert_eq!(get(&blobs, &key).await, None);
    assert_eq!(blobs.list(&key, None, 10).await, Ok(vec![]));
    assert_eq!(
        put(&blobs, &key, b"2", PutMode::IfAbsent).await,
        PutOutcome::Written
    );
}

/// Names are no paths: `a` and `a/b` can both be there, and `a/` is not listed.
pub async fn a_name_may_begin_another(blobs: Subject) {
    let top = fresh("nested");
    let keys = ["", "/b", "/b/c"].map(|rest| format!("{top}{rest}"));
    for key in &keys {
        put(&blobs, key, key.as_bytes(), PutMode::IfAbsent).await;
    }
    for key in &keys {
        assert_eq!(get(&blobs, key).await.unwrap(), key.as_bytes());
    }
    assert_eq!(blobs.list(&top, None, 10).await.unwrap(), keys);
    blobs.delete(&keys[1]).await.unwrap();
    assert_eq!(
        blobs.list(&top, None, 10).await.unwrap(),
        [keys[0].clone(), keys[2].clone()]
    );
}

/// Any prefix, any starting point, any page size.
pub async fn listing_is_bytewise_and_paged(blobs: Subject) {
    let top = fresh("list");
    let names = [
        "a", "a-b", "a.b", "a/b", "a/b/c", "a/b-c", "a/bb", "aa", "a0", "B", "b/x", "b/y/z",
        "b/y0", "_", "9",
    ];
    let mut keys = names.map(|name| format!("{top}/{name}"));
    for key in &keys {
        put(&blobs, key, b"x", PutMode::IfAbsent).await;
    }
    keys.sort_unstable();
    for prefix in ["/", "/a", "/a/", "/a/b", "/b/y", "/c", ""] {
        let prefix = format!("{top}{prefix}");
        let expected: Vec<_> = keys
            .iter()
            .filter(|key| key.starts_with(&prefix))
            .cloned()
            .collect();
        for limit in [1, 2, 5, 1000] {
            let mut all: Vec<String> = Vec::new();
            loop {
                let page = blobs
                    .list(&prefix, all.last().map(String::as_str), limit)
                    .await
                    .unwrap();
                assert!(page.len() <= limit);
                if page.is_empty() {
                    break;
                }
                all.extend(page);
            }
            assert_eq!(all, expected, "{prefix}, {limit} to a page");
        }
    }
    for after in ["/a/a", "/a/b", "/a/zzz", "/b", "/0", "/zz", ""] {
        let after = format!("{top}{after}");
        let expected: Vec<_> = keys.iter().filter(|key| **key > after).cloned().collect();
        assert_eq!(
            blobs
                .list(&format!("{top}/"), Some(&after), 1000)
                .await
                .unwrap(),
            expected,
            "after {after}"
        );
    }
}

/// For reading, writing and deleting alike; so are listings of no names or of too many.
pub async fn bad_names_are_refused(blobs: Subject) {
    let long = ["x".repeat(201), format!("{}y", "xxxx/".repeat(205))];
    let names = [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/./b", "a b", "a~", "a\\b",
        "ü", "a\0",
    ];
    for name in names.into_iter().chain(long.iter().map(String::as_str)) {
        let refused = [
            blobs.put(name, b"x", PutMode::Overwrite).await.map(|_| ()),
            blobs.get(name).await.map(|_| ()),
            blobs.delete(name).await,
        ];
        assert!(
            refused
                .iter()
                .all(|r| matches!(r, Err(StoreError::Invalid(_)))),
            "{name:?}: {refused:?}"
        );
    }
    for limit in [0, 1001] {
        assert!(matches!(
            blobs.list("", None, limit).await,
            Err(StoreError::Invalid(_))
        ));
    }
}
