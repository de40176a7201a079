//! The log over a store: indices, tiles, keys, limits, and what lies in the blobs.

use crate::support::*;
use prooflane_log::merkle::{verify_consistency, verify_inclusion};
use prooflane_log::tile::{ENTRY_BYTES, Level, Tile};
use prooflane_log::{AppendError, Hash, Kind, Log, LogError, Reader, SigningKey, Writer};
use prooflane_store::{Blobs, DirBlobs, SqliteTable, StoreError};
use std::sync::Arc;

async fn append_all(log: &Log, entries: impl Iterator<Item = Vec<u8>>) {
    let appends = entries.map(|entry| log.append(entry, None));
    for index in futures::future::join_all(appends).await {
        index.unwrap();
    }
}

#[tokio::test]
async fn seventy_thousand_entries_lie_in_the_tiles_of_the_specification() {
    let ground = Ground::new();
    let log = ground.open(1).await;
    append_all(&log, (0..70_000u32).map(|n| n.to_be_bytes().to_vec())).await;
    let checkpoint = log.await_inclusion(69_999).await.unwrap();
    assert_eq!(checkpoint.checkpoint().size, 70_000);
    let mut tiles: Vec<Tile> = Vec::new();
    let prefix = format!("{NAME}/");
    let mut after: Option<String> = None;
    loop {
        let page = ground
            .blobs
            .list(&format!("{prefix}tile/"), after.as_deref(), 1000)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        tiles.extend(
            page.iter()
                .map(|name| name[prefix.len()..].parse::<Tile>().unwrap()),
        );
    }
    let widths = |level| -> Vec<u16> {
        let mut tiles: Vec<_> = tiles.iter().filter(|tile| tile.level == level).collect();
        tiles.sort_unstable();
        tiles.into_iter().map(|tile| tile.width).collect()
    };
    let full_and = |full, last| [vec![256; full], vec![last]].concat();
    assert_eq!(widths(Level::Hashes(0)), full_and(273, 112));
    assert_eq!(widths(Level::Hashes(1)), full_and(1, 17));
    assert_eq!(widths(Level::Hashes(2)), [1]);
    assert_eq!(widths(Level::Hashes(3)), [0u16; 0]);
    assert_eq!(widths(Level::Entries), full_and(273, 112));
    let entries: Vec<Vec<u8>> = (0..70_000u32).map(|n| n.to_be_bytes().to_vec()).collect();
    // The order among callers at once is theirs to lose, but here they queued one after the other.
    assert_eq!(checkpoint.checkpoint().root, rfc6962::mth(&entries));
    for index in [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        let proof = log.reader().inclusion(index, 70_000).await.unwrap();
        assert_eq!(proof, rfc6962::path(index as usize, &entries));
        assert_eq!(
            log.reader().entry(index, 70_000).await.unwrap(),
            entries[index as usize]
        );
    }
    ground.is_sound(70_000).await;
}

#[tokio::test]
async fn every_proof_from_tiles_is_that_of_rfc_6962_at_every_size() {
    let ground = Ground::new();
    let log = ground.open(1).await;
    let mut entries = Vec::new();
    let mut roots = vec![Hash::EMPTY_ROOT];
    // A checkpoint at every size around a full tile, and a few further on.
    for (size, step) in [(250u64, 250u64)]
        .into_iter()
        .chain((251..=262).map(|n| (n, 1)))
        .chain([(700, 438)])
    {
        let new: Vec<_> = (size - step..size)
            .map(|n| format!("entry {n}").into_bytes())
            .collect();
        entries.extend(new.iter().cloned());
        append_all(&log, new.into_iter()).await;
        log.integrate().await.unwrap();
        while roots.len() as u64 <= size {
            roots.push(rfc6962::mth(&entries[..roots.len()]));
        }
        let checkpoint = log.checkpoint().await.unwrap();
        assert_eq!(checkpoint.checkpoint().size, size);
        assert_eq!(checkpoint.checkpoint().root, roots[size as usize]);
        // Read without the log and its cache.
        let reader = Reader::new(ground.blobs.clone(), NAME).unwrap();
        assert_eq!(reader.checkpoint().await.unwrap(), Some(checkpoint));
        for index in (0..size).filter(|index| size == 262 || index % 37 == 0) {
            let proof = reader.inclusion(index, size).await.unwrap();
            assert_eq!(proof, rfc6962::path(index as usize, &entries));
            let leaf = Hash::of_leaf(&reader.entry(index, size).await.unwrap());
            verify_inclusion(index, leaf, size, roots[size as usize], &proof).unwrap();
        }
        for old in (0..=size).filter(|old| size == 262 || old % 41 == 0) {
            let proof = reader.consistency(old, size).await.unwrap();
            verify_consistency(old, roots[old as usize], size, roots[size as usize], &proof)
                .unwrap();
        }
    }
    // Earlier trees too, although their partial tiles are gone.
    for size in 1..=262 {
        let proof = log.reader().inclusion(size - 1, size).await.unwrap();
        verify_inclusion(
            size - 1,
            Hash::of_leaf(&entries[size as usize - 1]),
            size,
            roots[size as usize],
            &proof,
        )
        .unwrap();
    }
    let parts = ground
        .blobs
        .list(&format!("{NAME}/tile/0/000.p/"), None, 1000)
        .await
        .unwrap();
    assert_eq!(parts, Vec::<String>::new());
    ground.is_sound(700).await;
}

#[tokio::test]
async fn one_key_one_entry_one_index() {
    let ground = Ground::new();
    let (log, other) = (ground.open(1).await, ground.open(2).await);
    assert_eq!(log.append(b"a".to_vec(), Some(b"k")).await, Ok(0));
    assert_eq!(log.append(b"b".to_vec(), Some(b"l")).await, Ok(1));
    assert_eq!(log.append(b"a".to_vec(), Some(b"k")).await, Ok(0));
    assert_eq!(other.append(b"a".to_vec(), Some(b"k")).await, Ok(0));
    assert_eq!(
        other.append(b"c".to_vec(), Some(b"k")).await,
        Err(AppendError::KeyTaken { index: 0 })
    );
    assert_eq!(other.append(b"a".to_vec(), None).await, Ok(2));
    // In one batch: the same, another, and strangers, all at once.
    let answers = tokio::join!(
        log.append(b"x".to_vec(), Some(b"m")),
        log.append(b"x".to_vec(), Some(b"m")),
        log.append(b"y".to_vec(), Some(b"m")),
        log.append(b"b".to_vec(), Some(b"l")),
        log.append(b"z".to_vec(), None),
    );
    assert_eq!(
        answers,
        (
            Ok(3),
            Ok(3),
            Err(AppendError::KeyTaken { index: 3 }),
            Ok(1),
            Ok(4)
        )
    );
    log.integrate().await.unwrap();
    ground.is_sound(5).await;
}

#[tokio::test]
async fn keys_of_every_length_are_told_apart() {
    let ground = Ground::new();
    let log = ground.open(1).await;
    let long = vec![b'x'; 200];
    // What the long one is kept as is as long as no key that is kept as itself.
    let mut keys: Vec<Vec<u8>> = (0..60).map(|length| vec![b'x'; length]).collect();
    keys.extend([
        long.clone(),
        [&long[..], b"y"].concat(),
        b"X".to_vec(),
        vec![0],
        vec![0, 0],
    ]);
    for round in 0..2 {
        for (index, key) in keys.iter().enumerate() {
            let entry = index.to_be_bytes().to_vec();
            assert_eq!(
                log.append(entry, Some(key)).await,
                Ok(index as u64),
                "round {round}"
            );
        }
    }
    ground.is_sound(keys.len() as u64).await;
}

#[tokio::test]
async fn entries_of_every_length_fit_and_longer_ones_are_refused() {
    let ground = Ground::new();
    let log = ground.open(1).await;
    let lengths = [
        0,
        1,
        2,
        255,
        256,
        ENTRY_BYTES - 1,
        ENTRY_BYTES,
        ENTRY_BYTES,
        ENTRY_BYTES,
        ENTRY_BYTES,
        ENTRY_BYTES,
    ];
    append_all(&log, lengths.iter().map(|&length| vec![7; length])).await;
    let refused = log.append(vec![7; ENTRY_BYTES + 1], None).await;
    let (limit, got) = (ENTRY_BYTES, ENTRY_BYTES + 1);
    assert_eq!(refused, Err(AppendError::TooLong { limit, got }));
    log.integrate().await.unwrap();
    for (index, length) in lengths.into_iter().enumerate() {
        assert_eq!(
            log.reader().entry(index as u64, 11).await.unwrap(),
            vec![7; length]
        );
    }
    ground.is_sound(11).await;
}

#[tokio::test]
async fn more_keys_than_a_commit_has_room_for() {
    let ground = Ground::new();
    let log = ground.open(1).await;
    let keys: Vec<_> = (0..500u32).map(u32::to_be_bytes).collect();
    let appends = keys.iter().map(|key| log.append(key.to_vec(), Some(key)));
    let indices = futures::future::join_all(appends).await;
    assert_eq!(indices, (0..500).map(Ok).collect::<Vec<_>>());
    // The same again is answered from the table.
    let appends = keys.iter().map(|key| log.append(key.to_vec(), Some(key)));
    assert_eq!(
        futures::future::join_all(appends).await,
        (0..500).map(Ok).collect::<Vec<_>>()
    );
    log.integrate().await.unwrap();
    ground.is_sound(500).await;
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let ground = Ground::new();
    let log = ground.open(1).await;
    assert_eq!(
        log.await_inclusion(0).await,
        Err(LogError::OutOfRange { index: 0, size: 0 })
    );
    let empty = log.integrate().await.unwrap();
    assert_eq!((empty.size, empty.root), (0, Hash::EMPTY_ROOT));
    assert_eq!(
        log.reader()
            .checkpoint()
            .await
            .unwrap()
            .unwrap()
            .checkpoint(),
        &empty
    );
    log.append(b"x".to_vec(), None).await.unwrap();
    assert_eq!(log.next_index().await, Ok(1));
    assert_eq!(
        log.await_inclusion(1).await,
        Err(LogError::OutOfRange { index: 1, size: 1 })
    );
    log.await_inclusion(0).await.unwrap();
    assert_eq!(
        log.reader().entry(1, 1).await,
        Err(LogError::OutOfRange { index: 1, size: 1 })
    );
    assert_eq!(
        log.reader().inclusion(1, 1).await,
        Err(LogError::OutOfRange { index: 1, size: 1 })
    );
    assert_eq!(
        log.reader().consistency(2, 1).await,
        Err(LogError::OutOfRange { index: 2, size: 1 })
    );
    assert!(matches!(
        log.reader().inclusion(1, 5).await,
        Err(LogError::Missing(_))
    ));
    ground.is_sound(1).await;
}

#[tokio::test]
async fn a_log_is_opened_with_its_own_key() {
    let ground = Ground::new();
    ground.open(1).await;
    let open = async |name: &str, key| {
        Log::open(
            ground.table.clone(),
            ground.blobs.clone(),
            name,
            key,
            Writer([3; 16]),
        )
        .await
        .err()
    };
    let other = SigningKey::from_seed("other.example", Kind::Ed25519, &[1; 32]).unwrap();
    let (expected, got) = ("other.example".into(), ORIGIN.into());
    assert_eq!(
        open(NAME, other).await,
        Some(LogError::Origin { expected, got })
    );
    assert_eq!(open(NAME, witness_key(1)).await, Some(LogError::KeyType));
    for name in ["", "a/b", "a b", ".."] {
        assert!(
            matches!(
                open(name, log_key()).await,
                Some(LogError::Store(StoreError::Invalid(_)))
            ),
            "{name}"
        );
    }
    // A new key of the same name is a rotation.
    let new = SigningKey::from_seed(ORIGIN, Kind::Ed25519, &[2; 32]).unwrap();
    assert_eq!(open(NAME, new).await, None);
}

#[tokio::test]
async fn dropping_a_caller_loses_nobody_s_entry() {
    let ground = Ground::new();
    let log = Arc::new(ground.open(1).await);
    let entry = |n: u8| (vec![n], [n]);
    // Polled once, so that its entry waits in the pool, and then dropped: as a client that goes away.
    for n in 0..4 {
        let (bytes, key) = entry(n);
        let append = log.append(bytes, Some(&key));
        let mut append = std::pin::pin!(append);
        assert!(futures::poll!(append.as_mut()).is_pending());
    }
    let (bytes, key) = entry(9);
    assert_eq!(log.append(bytes, Some(&key)).await, Ok(4));
    for n in 0..4 {
        let (bytes, key) = entry(n);
        assert_eq!(log.append(bytes, Some(&key)).await, Ok(n.into()));
    }
    log.integrate().await.unwrap();
    ground.is_sound(5).await;
}

#[tokio::test]
async fn a_log_on_disk_is_there_after_it_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3u64 {
        let table = Arc::new(SqliteTable::open(dir.path().join("table.db")).unwrap());
        let blobs = Arc::new(DirBlobs::open(dir.path().join("blobs")).unwrap());
        let log = open(table.clone(), blobs.clone(), round as u8)
            .await
            .unwrap();
        assert_eq!(log.next_index().await.unwrap(), round * 300);
        append_all(
            &log,
            (0..300u64).map(|n| (round * 300 + n).to_be_bytes().to_vec()),
        )
        .await;
        let checkpoint = log.await_inclusion(round * 300 + 299).await.unwrap();
        let receipt = log.receipt(round * 300 + 7, None).await.unwrap();
        assert_eq!(receipt.checkpoint, checkpoint);
        let policy = prooflane_log::Policy::log(log.key().clone());
        receipt
            .verify(&(round * 300 + 7).to_be_bytes(), &policy)
            .unwrap();
        let keys = [log.key().clone()];
        let report = prooflane_log::fsck(&*table, &*blobs, NAME, &keys)
            .await
            .unwrap();
        assert_eq!(report.findings, []);
    }
}
