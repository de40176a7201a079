//! A witness: what it refuses, with which status, and that nothing makes it sign two histories.

use crate::support::*;
use prooflane_log::merkle::ProofError;
use prooflane_log::note::NoteError;
use prooflane_log::witness::{AddCheckpoint, Refusal};
use prooflane_log::{Hash, Kind, Log, LogError, SigningKey, Witness, WitnessError};
use prooflane_store::ManualClock;
use std::sync::{Arc, Mutex};

fn witness(ground: &Ground) -> Witness {
    let clock = Arc::new(ManualClock::new(1_000_000));
    let logs = vec![log_key().verifying().clone()];
    Witness::new(ground.table.clone(), clock, witness_key(1), logs).unwrap()
}

async fn grow(log: &Log, to: u64) {
    for n in log.next_index().await.unwrap()..to {
        log.append(n.to_string().into_bytes(), None).await.unwrap();
    }
    log.integrate().await.unwrap();
}

async fn request(log: &Log, old: u64) -> AddCheckpoint {
    log.witness_request(log.checkpoint().await.unwrap(), old)
        .await
        .unwrap()
}

async fn refused(witness: &Witness, request: &AddCheckpoint) -> Refusal {
    match witness.add_checkpoint(&request.to_string()).await {
        Err(WitnessError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_witness_follows_a_log_forwards_and_nowhere_else() {
    let (ground, memory) = (Ground::new(), Ground::new());
    let (log, witness) = (ground.open(1).await, witness(&memory));
    grow(&log, 5).await;
    let first = request(&log, 0).await;
    let line = witness.add_checkpoint(&first.to_string()).await.unwrap();
    assert_eq!(line.unix_seconds(witness_key(1).verifying()), Some(1000));
    // Again from zero: it says where it stands. From there, the same tree is signed again.
    let refusal = refused(&witness, &first).await;
    assert_eq!(refusal, Refusal::OldSize { known: 5, old: 0 });
    assert_eq!(
        (refusal.status(), refusal.answer()),
        (409, ("text/x.tlog.size", "5\n".into()))
    );
    witness
        .add_checkpoint(&request(&log, 5).await.to_string())
        .await
        .unwrap();
    grow(&log, 300).await;
    let next = request(&log, 5).await;
    let mut lie = next.clone();
    lie.proof[0] = Hash::of_leaf(b"another");
    let refusal = refused(&witness, &lie).await;
    assert!(matches!(
        refusal,
        Refusal::Inconsistent(ProofError::OldRoot { .. } | ProofError::Root { .. })
    ));
    assert_eq!(refusal.status(), 422);
    lie.proof.clear();
    assert!(matches!(
        refused(&witness, &lie).await,
        Refusal::Inconsistent(ProofError::Length { .. })
    ));
    witness.add_checkpoint(&next.to_string()).await.unwrap();
    // Backwards: by an old request, and by one that pretends.
    assert_eq!(
        refused(&witness, &first).await,
        Refusal::OldSize { known: 300, old: 0 }
    );
    let mut back = first.clone();
    back.old = 300;
    let refusal = refused(&witness, &back).await;
    assert_eq!(
        (&refusal, refusal.status()),
        (&Refusal::Backwards { old: 300, new: 5 }, 400)
    );
}

#[tokio::test]
async fn a_fork_is_not_cosigned() {
    let (ground, fork, memory) = (Ground::new(), Ground::new(), Ground::new());
    let (log, forked, witness) = (ground.open(1).await, fork.open(2).await, witness(&memory));
    grow(&log, 5).await;
    forked
        .append(b"another history".to_vec(), None)
        .await
        .unwrap();
    grow(&forked, 5).await;
    witness
        .add_checkpoint(&request(&log, 0).await.to_string())
        .await
        .unwrap();
    let refusal = refused(&witness, &request(&forked, 5).await).await;
    assert!(matches!(refusal, Refusal::Fork { size: 5, .. }));
    assert_eq!(
        (refusal.status(), refusal.answer().0),
        (409, "text/x.tlog.size")
    );
    grow(&forked, 9).await;
    assert!(matches!(
        refused(&witness, &request(&forked, 5).await).await,
        Refusal::Inconsistent(_)
    ));
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused() {
    let (ground, memory) = (Ground::new(), Ground::new());
    let (log, witness) = (ground.open(1).await, witness(&memory));
    grow(&log, 5).await;
    let good = request(&log, 0).await.to_string();
    // A log it does not know, and its own log's name with another key.
    for (name, status) in [("other.example", 404), (ORIGIN, 403)] {
        let key = SigningKey::from_seed(name, Kind::Ed25519, &[77; 32]).unwrap();
        let mut checkpoint = log.checkpoint().await.unwrap().checkpoint().clone();
        checkpoint.origin = name.into();
        let checkpoint = prooflane_log::SignedCheckpoint::sign(checkpoint, &key);
        let request = AddCheckpoint {
            old: 0,
            proof: vec![],
            checkpoint,
        };
        assert_eq!(refused(&witness, &request).await.status(), status, "{name}");
    }
    for (old, new) in [
        ("old 0", "old 00"),
        ("old 0", "old"),
        ("old", "Old"),
        ("old 0\n", "old 0\n!\n"),
        ("\n\n", "\n"),
        ("\u{2014} ", "- "),
    ] {
        let body = good.replacen(old, new, 1);
        let Err(WitnessError::Refused(refusal)) = witness.add_checkpoint(&body).await else {
            panic!("{body}")
        };
        assert_eq!(refusal.status(), 400, "{body}");
    }
    let long = good.replacen(
        "old 0\n",
        &format!("old 0\n{}", format!("{}\n", Hash::EMPTY_ROOT).repeat(64)),
        1,
    );
    assert!(matches!(
        witness.add_checkpoint(&long).await,
        Err(WitnessError::Refused(Refusal::Format(_)))
    ));
    // The first checkpoint needs no proof, and may have none.
    let extra = good.replacen("old 0\n", &format!("old 0\n{}\n", Hash::EMPTY_ROOT), 1);
    assert!(matches!(
        witness.add_checkpoint(&extra).await,
        Err(WitnessError::Refused(Refusal::Inconsistent(_)))
    ));
    witness.add_checkpoint(&good).await.unwrap();
    let wrong = Witness::new(
        memory.table.clone(),
        Arc::new(ManualClock::new(0)),
        log_key(),
        vec![],
    );
    assert_eq!(wrong.err(), Some(LogError::KeyType));
}

#[tokio::test]
async fn who_is_overtaken_hears_where_the_witness_stands() {
    let (ground, memory) = (Ground::new(), Ground::new());
    let log = ground.open(1).await;
    grow(&log, 5).await;
    let small = request(&log, 0).await.to_string();
    grow(&log, 9).await;
    let large = request(&log, 0).await.to_string();
    let rival = witness(&memory);
    let table = Overtaken {
        table: memory.table.clone(),
        item: "witness/",
        rival: Mutex::new(Some(Box::pin(async move {
            rival.add_checkpoint(&large).await.unwrap();
        }))),
    };
    let clock = Arc::new(ManualClock::new(0));
    let logs = vec![log.key().clone()];
    let late = Witness::new(Arc::new(table), clock, witness_key(1), logs).unwrap();
    let refusal = Refusal::OldSize { known: 9, old: 0 };
    let refused = late.add_checkpoint(&small).await;
    assert_eq!(refused, Err(WitnessError::Refused(refusal)));
}

#[tokio::test]
async fn cosignatures_are_collected_and_published() {
    let (ground, memory) = (Ground::new(), Ground::new());
    let (log, witness) = (ground.open(1).await, witness(&memory));
    grow(&log, 5).await;
    let checkpoint = log.checkpoint().await.unwrap();
    let known = [
        witness_key(1).verifying().clone(),
        witness_key(2).verifying().clone(),
    ];
    let line = witness
        .add_checkpoint(&request(&log, 0).await.to_string())
        .await
        .unwrap();
    let refused = async |response: &str, keys: &[_]| {
        log.add_cosignatures(&checkpoint, response, keys)
            .await
            .err()
    };
    let unknown = || Some(LogError::Cosignature(NoteError::Unknown));
    assert_eq!(refused("", &known).await, unknown());
    assert_eq!(refused(&format!("{line}\n"), &known[1..]).await, unknown());
    assert_eq!(
        refused(&format!("{line}"), &known).await,
        Some(LogError::Cosignature(NoteError::Format))
    );
    grow(&log, 6).await;
    let other = log.checkpoint().await.unwrap();
    let forged = log
        .add_cosignatures(&other, &format!("{line}\n"), &known)
        .await
        .err();
    assert!(matches!(
        forged,
        Some(LogError::Cosignature(NoteError::Forged(_)))
    ));
    assert_eq!(log.cosigned().await.unwrap(), None);
    // For an older checkpoint than the latest: remembered, and not mixed with the latest.
    let cosigned = log
        .add_cosignatures(&checkpoint, &format!("{line}\n"), &known)
        .await
        .unwrap();
    assert_eq!(cosigned.note().signatures().len(), 2);
    assert_eq!(log.cosigned().await.unwrap(), Some(cosigned.clone()));
    assert_eq!(log.checkpoint().await.unwrap(), other);
    assert_eq!(log.receipt(3, None).await.unwrap().checkpoint, cosigned);
    assert_eq!(log.receipt(5, None).await.unwrap().checkpoint, other);
    // For the latest: published with it, and a smaller one no longer replaces it.
    let line2 = witness
        .add_checkpoint(&request(&log, 5).await.to_string())
        .await
        .unwrap();
    let latest = log
        .add_cosignatures(&other, &format!("{line2}\n"), &known)
        .await
        .unwrap();
    assert_eq!(log.checkpoint().await.unwrap(), latest);
    assert_eq!(
        log.reader().checkpoint().await.unwrap(),
        Some(latest.clone())
    );
    log.add_cosignatures(&checkpoint, &format!("{line}\n"), &known)
        .await
        .unwrap();
    assert_eq!(log.cosigned().await.unwrap(), Some(latest));
    ground.is_sound(6).await;
}
