//! Whatever is damaged is found, and named.

use crate::support::*;
use prooflane_log::tile::Tile;
use prooflane_log::{Finding, Kind, SigningKey, fsck};
use prooflane_store::{Blobs, Expect, Key, PutMode, Table, Write};

/// 300 entries, the first ten with keys, 280 of them in the tree.
async fn log() -> Ground {
    let ground = Ground::new();
    let log = ground.open(1).await;
    for n in 0..10u8 {
        log.append(vec![n], Some(&[n])).await.unwrap();
    }
    for n in 10..280u32 {
        log.append(n.to_be_bytes().to_vec(), None).await.unwrap();
    }
    log.integrate().await.unwrap();
    for n in 280..300u32 {
        log.append(n.to_be_bytes().to_vec(), None).await.unwrap();
    }
    ground.is_sound(300).await;
    ground
}

async fn findings(ground: &Ground) -> Vec<Finding> {
    let keys = [log_key().verifying().clone()];
    fsck(&*ground.table, &*ground.blobs, NAME, &keys)
        .await
        .unwrap()
        .findings
}

async fn rewrite(ground: &Ground, key: Key, change: impl FnOnce(&mut Vec<u8>)) {
    let mut item = ground.table.get(&key).await.unwrap().unwrap();
    change(&mut item.body);
    put(ground, key, Expect::Exists, item.body).await;
}

async fn put(ground: &Ground, key: Key, expect: Expect, body: Vec<u8>) {
    let put = Write::Put {
        key,
        expect,
        body,
        wake: None,
        listing: None,
    };
    ground.table.commit(&[put]).await.unwrap();
}

async fn delete(ground: &Ground, key: Key) {
    let expect = Expect::Exists;
    ground
        .table
        .commit(&[Write::Delete { key, expect }])
        .await
        .unwrap();
}

fn item(sort: &str) -> Key {
    Key::new(format!("log/{NAME}"), sort)
}

fn batch(first: u64) -> Key {
    Key::new(format!("log/{NAME}/batches"), format!("{first:020}"))
}

fn tile(path: &str) -> Tile {
    path.parse().unwrap()
}

#[tokio::test]
async fn a_changed_or_missing_tile_is_named() {
    for path in [
        "tile/0/000",
        "tile/0/001.p/24",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/24",
    ] {
        let name = format!("{NAME}/{path}");
        let ground = log().await;
        let mut bytes = ground.blobs.get(&name).await.unwrap().unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        ground
            .blobs
            .put(&name, &bytes, PutMode::Overwrite)
            .await
            .unwrap();
        assert_eq!(findings(&ground).await, [Finding::Differs(tile(path))]);
        bytes.pop();
        ground
            .blobs
            .put(&name, &bytes, PutMode::Overwrite)
            .await
            .unwrap();
        assert_eq!(findings(&ground).await, [Finding::Differs(tile(path))]);
        ground.blobs.delete(&name).await.unwrap();
        assert_eq!(findings(&ground).await, [Finding::Missing(tile(path))]);
    }
}

#[tokio::test]
async fn what_does_not_belong_is_named() {
    let ground = log().await;
    for path in ["tile/0/002", "tile/0/001.p/45", "tile/2/000.p/1"] {
        let (name, stray) = (format!("{NAME}/{path}"), Finding::Stray(path.into()));
        ground
            .blobs
            .put(&name, &[0; 32], PutMode::IfAbsent)
            .await
            .unwrap();
        assert_eq!(findings(&ground).await, [stray]);
        ground.blobs.delete(&name).await.unwrap();
    }
    let name = format!("{NAME}/tile/0/README");
    ground
        .blobs
        .put(&name, b"hello", PutMode::IfAbsent)
        .await
        .unwrap();
    assert_eq!(findings(&ground).await, [Finding::Stray(name)]);
}

#[tokio::test]
async fn a_changed_entry_of_the_sequence_is_noticed_everywhere() {
    let ground = log().await;
    rewrite(&ground, batch(3), |body| *body.last_mut().unwrap() ^= 1).await;
    let found = findings(&ground).await;
    assert!(found.contains(&Finding::Key { index: 3 }));
    assert!(found.contains(&Finding::Differs(tile("tile/0/000"))));
    assert!(found.contains(&Finding::Differs(tile("tile/entries/000"))));
    let roots = found
        .iter()
        .filter(|f| matches!(f, Finding::Root { size: 280, .. }));
    assert_eq!(roots.count(), 2);
}

#[tokio::test]
async fn a_gap_in_the_sequence_is_noticed() {
    let ground = log().await;
    delete(&ground, batch(290)).await;
    assert_eq!(
        findings(&ground).await,
        [Finding::Sequence {
            next: 300,
            batches: 290
        }]
    );
    delete(&ground, batch(270)).await;
    let found = findings(&ground).await;
    assert!(found.contains(&Finding::HeadBeyondSequence {
        size: 280,
        batches: 270
    }));
    let ground = log().await;
    rewrite(&ground, batch(290), |body| body.truncate(30)).await;
    assert!(matches!(
        &findings(&ground).await[..],
        [
            Finding::Unreadable(_),
            Finding::Sequence { batches: 290, .. }
        ]
    ));
    let ground = log().await;
    rewrite(&ground, item("sequence"), |body| *body = b"301".to_vec()).await;
    assert_eq!(
        findings(&ground).await,
        [Finding::Sequence {
            next: 301,
            batches: 300
        }]
    );
    delete(&ground, item("sequence")).await;
    assert!(matches!(
        &findings(&ground).await[..],
        [Finding::Unreadable(_)]
    ));
}

#[tokio::test]
async fn a_wrong_head_or_checkpoint_is_noticed() {
    let ground = log().await;
    rewrite(&ground, item("head"), |body| {
        let text = String::from_utf8(std::mem::take(body)).unwrap();
        *body = text.replace("\n280\n", "\n279\n").into();
    })
    .await;
    let found = findings(&ground).await;
    assert!(matches!(
        found[0],
        Finding::BeyondHead {
            size: 280,
            head: 279,
            ..
        }
    ));
    assert!(matches!(
        found[1],
        Finding::Root {
            of: "head",
            size: 279,
            ..
        }
    ));
    delete(&ground, item("head")).await;
    assert!(matches!(
        &findings(&ground).await[..],
        [Finding::Unreadable(_), ..]
    ));
    // Signed by another key, and no note at all.
    let ground = log().await;
    let other = SigningKey::from_seed(ORIGIN, Kind::Ed25519, &[9; 32]).unwrap();
    let keys = [other.verifying().clone()];
    let report = fsck(&*ground.table, &*ground.blobs, NAME, &keys)
        .await
        .unwrap();
    assert!(matches!(&report.findings[..], [Finding::Signature { .. }]));
}

#[tokio::test]
async fn a_key_s_record_is_compared() {
    let ground = log().await;
    let partition = |byte: u8| format!("log/{NAME}/keys/{byte:x}");
    let mut found = None;
    for byte in 0..16 {
        let query = prooflane_store::Query::new(prooflane_store::Index::Primary, partition(byte));
        found = found.or(ground.table.query(&query).await.unwrap().items.pop());
    }
    let record = found.unwrap();
    let index = u64::from_be_bytes(record.body[..8].try_into().unwrap());
    rewrite(&ground, record.key.clone(), |body| body[7] ^= 1).await;
    assert_eq!(findings(&ground).await, [Finding::Key { index }]);
    delete(&ground, record.key.clone()).await;
    assert_eq!(findings(&ground).await, [Finding::Key { index }]);
    for sort in [record.key.sort.clone(), "another".into()] {
        let key = Key::new(&record.key.partition, sort);
        put(&ground, key, Expect::Absent, record.body.clone()).await;
    }
    assert_eq!(findings(&ground).await, [Finding::StrayKeys(1)]);
}
