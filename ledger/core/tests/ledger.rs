//! The ledger over a store: what is recorded once stays, and can be shown to others.

#![allow(clippy::unwrap_used, reason = "tests")]

use prooflane_dataset::{Algorithm, Column, Field, Kind, Schema, Table, Width};
use prooflane_ledger::{
    BackupError, DatasetId, Entry, Evidence, Ledger, LedgerError, Owned, Permission, SealingKey,
    Statement, Transform, notarize, prove,
};
use prooflane_log::{Kind as KeyKind, Policy, Receipt, SigningKey};
use prooflane_store::{
    Blobs, DirBlobs, Expect, Key, ManualClock, PutMode, SqliteTable, Table as _, Write,
};
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

struct World {
    folder: TempDir,
    table: Arc<SqliteTable>,
    blobs: Arc<DirBlobs>,
    clock: Arc<ManualClock>,
    ledger: Ledger,
}

async fn ledger(blobs: Arc<DirBlobs>, table: Arc<SqliteTable>, clock: Arc<ManualClock>) -> Ledger {
    let key = SigningKey::from_seed("example.com/ledger", KeyKind::Ed25519, &[1; 32]).unwrap();
    Ledger::open(table, blobs, clock, key).await.unwrap()
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let table = Arc::new(SqliteTable::memory().unwrap());
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let blobs = Arc::new(DirBlobs::open(folder.path().join("blobs")).unwrap());
    World {
        ledger: ledger(blobs.clone(), table.clone(), clock.clone()).await,
        blobs,
        folder,
        table,
        clock,
    }
}

impl World {
    /// A dataset of the numbers 1 to `rows`, and the evidence of its notarization.
    fn numbers(&self, name: &str, rows: u64) -> (Owned, Vec<u8>) {
        let kind = Kind::Uint(Width::W32);
        let column = Column::from_keys(kind, (1..=rows).map(Some)).unwrap();
        let schema = Schema::new(vec![Field::new("n", kind, false)]).unwrap();
        let table = Table::new(schema, vec![column]).unwrap();
        let file = self.folder.path().join(format!("{name}.opening"));
        let (owned, evidence) = notarize(name, table, Algorithm::Blake3, &file, &key()).unwrap();
        (owned, evidence.to_bytes().unwrap())
    }

    /// Makes a dataset of one.
    fn made(&self, input: Owned, transform: &Transform, names: &[&str]) -> (Vec<Owned>, Vec<u8>) {
        let mut input = [input];
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = transform.apply(&input, &names).unwrap();
        let made = made.into_iter().zip(&names).map(|(made, name)| {
            let file = self.folder.path().join(format!("{name}.opening"));
            made.keep(&mut input[0].file, &file, &key()).unwrap()
        });
        let mut made: Vec<_> = made.collect();
        let evidence = prove(transform.statement(), &mut input, &mut made).unwrap();
        (made, evidence.to_bytes().unwrap())
    }

    /// Bob gets a permission.
    async fn grant(
        &self,
        by: Option<&str>,
        dataset: DatasetId,
        permission: Permission,
    ) -> Result<(), LedgerError> {
        let permissions = [permission].into();
        self.ledger.grant(by, dataset, "bob", &permissions).await
    }

    async fn record(
        &self,
        by: Option<&str>,
        evidence: Vec<u8>,
    ) -> Result<(u64, Entry), LedgerError> {
        self.ledger.record(by, Uuid::now_v7(), evidence).await
    }
}

fn key() -> SealingKey {
    SealingKey::from_hex(&"07".repeat(32)).unwrap()
}

fn id(owned: &Owned) -> DatasetId {
    owned.opening.commitment().id()
}

fn count(owned: Owned) -> Vec<u8> {
    let statement = Statement::count("n", Some("3".into()), None, &owned.table).unwrap();
    prove(statement, &mut [owned], &mut [])
        .unwrap()
        .to_bytes()
        .unwrap()
}

#[tokio::test]
async fn a_recorded_operation_is_shown_offline() {
    let world = world().await;
    let (owned, notarized) = world.numbers("numbers", 5);
    let dataset = id(&owned);
    let (index, entry) = world.record(None, notarized).await.unwrap();
    assert_eq!((index, &*entry.operation), (0, "notarize"));
    assert_eq!(entry.time.to_string(), "2023-11-14T22:13:20Z");
    let (index, _) = world.record(None, count(owned)).await.unwrap();

    let receipt = world.ledger.receipt(index).await.unwrap().to_string();
    let evidence = world.ledger.evidence(None, index).await.unwrap();
    let policy = Policy::log(world.ledger.log().key().clone());
    // Elsewhere.
    let receipt: Receipt = receipt.parse().unwrap();
    let bytes = receipt.extra.clone().unwrap();
    receipt.verify(&bytes, &policy).unwrap();
    let entry = Entry::from_bytes(&bytes).unwrap();
    assert_eq!(entry.evidence, Evidence::digest(&evidence));
    let evidence = Evidence::from_bytes(&evidence).unwrap();
    evidence.verify().unwrap();
    assert_eq!(evidence.inputs[0].id(), dataset);
    assert_eq!(
        evidence.statement.to_string(),
        "count of rows with n at least 3"
    );
    assert!(matches!(
        evidence.statement,
        Statement::Count { count: 3, .. }
    ));
}

#[tokio::test]
async fn what_is_recorded_again_is_recorded_once() {
    let world = world().await;
    let (_, evidence) = world.numbers("numbers", 5);
    let id = Uuid::now_v7();
    let first = world
        .ledger
        .record(None, id, evidence.clone())
        .await
        .unwrap();
    world.clock.set(1_800_000_000_000);
    let again = world
        .ledger
        .record(None, id, evidence.clone())
        .await
        .unwrap();
    assert_eq!(first, again);
    let (_, other) = world.numbers("others", 5);
    let taken = world.ledger.record(None, id, other).await;
    assert!(matches!(taken, Err(LedgerError::IdTaken { index: 0 })));
    let other = world.ledger.record(Some("alice"), id, evidence).await;
    assert!(matches!(other, Err(LedgerError::IdTaken { index: 0 })));
    assert_eq!(world.ledger.size().await.unwrap(), 1);
}

#[tokio::test]
async fn what_does_not_hold_is_not_recorded() {
    let world = world().await;
    let (owned, notarized) = world.numbers("numbers", 5);
    let dataset = id(&owned);
    let evidence = count(owned);
    let unknown = world.record(None, evidence.clone()).await;
    assert!(matches!(unknown, Err(LedgerError::UnknownDataset(of)) if of == dataset));
    world.record(None, notarized).await.unwrap();
    let mut damaged = evidence.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    assert!(matches!(
        world.record(None, damaged).await,
        Err(LedgerError::Evidence(_))
    ));
    let text = String::from_utf8_lossy(&evidence[..evidence.len().min(2_000)]).into_owned();
    let at = text.find("\"count\":3").unwrap() + 8;
    let mut lie = evidence;
    lie[at] = b'4';
    assert!(matches!(
        world.record(None, lie).await,
        Err(LedgerError::Evidence(_))
    ));
    assert_eq!(world.ledger.size().await.unwrap(), 1);
    let none = world.ledger.entry(1).await;
    assert!(matches!(
        none,
        Err(LedgerError::UnknownOperation { index: 1, size: 1 })
    ));
}

#[tokio::test]
async fn lineage_goes_both_ways() {
    let world = world().await;
    let (numbers, evidence) = world.numbers("numbers", 9);
    world.record(None, evidence).await.unwrap();
    let filter = Transform::Filter {
        column: "n".into(),
        low: Some("4".into()),
        high: None,
    };
    let (made, evidence) = world.made(numbers, &filter, &["large"]);
    world.record(None, evidence).await.unwrap();
    let [large] = <[Owned; 1]>::try_from(made).ok().unwrap();
    let middle = id(&large);
    let split = Transform::Split {
        weights: vec![1, 0],
    };
    let (made, evidence) = world.made(large, &split, &["train", "test"]);
    world.record(None, evidence).await.unwrap();
    let short: Vec<_> = made.iter().map(|owned| id(owned).short()).collect();
    let lineage = world.ledger.lineage(None, middle).await.unwrap();
    let origin = lineage.operations[&0].entry.outputs[0].short();
    let expected = format!(
        "numbers  9 rows  {origin}\n\
         └─ #1 filter: rows with n at least 4\n   \
            └─ large  6 rows  {}  ◄\n      \
               └─ #2 split\n         \
                  ├─ train  6 rows  {}\n         \
                  └─ test  0 rows  {}\n",
        middle.short(),
        short[0],
        short[1],
    );
    assert_eq!(lineage.to_string(), expected);
    let dot = lineage.dot();
    assert!(dot.contains(&format!("\"#1\" -> \"{middle}\"")), "{dot}");
    let svg = lineage.svg();
    assert_eq!(svg.matches("<text").count(), 6, "{svg}");
    let json = serde_json::to_value(&lineage).unwrap();
    assert_eq!(json["operations"]["2"]["words"], "split");
    // Another process finds the same.
    let other = ledger(
        world.blobs.clone(),
        world.table.clone(),
        world.clock.clone(),
    )
    .await;
    assert_eq!(
        other.lineage(None, middle).await.unwrap().to_string(),
        expected
    );
}

#[tokio::test]
async fn accounts_do_what_they_may() {
    let world = world().await;
    let (numbers, evidence) = world.numbers("numbers", 9);
    let dataset = id(&numbers);
    world.record(Some("alice"), evidence).await.unwrap();
    let claim = count(numbers);
    let refused = |outcome: Result<(u64, Entry), LedgerError>, wanted: Permission| {
        assert!(
            matches!(outcome, Err(LedgerError::Forbidden { permission, .. }) if permission == wanted)
        );
    };
    refused(
        world.record(Some("bob"), claim.clone()).await,
        Permission::Prove,
    );
    assert!(matches!(
        world.grant(Some("bob"), dataset, Permission::Prove).await,
        Err(LedgerError::Forbidden {
            permission: Permission::Administer,
            ..
        })
    ));
    world
        .grant(Some("alice"), dataset, Permission::Prove)
        .await
        .unwrap();
    let (index, entry) = world.record(Some("bob"), claim).await.unwrap();
    assert_eq!(entry.by.as_deref(), Some("bob"));
    let unread = world.ledger.evidence(Some("bob"), index).await;
    assert!(matches!(
        unread,
        Err(LedgerError::Forbidden {
            permission: Permission::Read,
            ..
        })
    ));
    assert!(world.ledger.evidence(Some("alice"), index).await.is_ok());
    // Words tell columns and bounds: they are for those who may read. Everybody sees that there was an operation.
    for (account, words) in [
        ("alice", "count of rows with n at least 3"),
        ("bob", "count"),
    ] {
        let by = Some(account);
        let one = world.ledger.operation(by, index).await.unwrap();
        let listed = world.ledger.recorded(by, 0..9).await.unwrap();
        let of = world.ledger.operations(by, dataset, None).await.unwrap();
        let lineage = world.ledger.lineage(by, dataset).await.unwrap();
        assert_eq!(listed.len(), 2);
        for seen in [&one, &listed[1], &of.operations[1], &lineage.operations[&1]] {
            assert_eq!((seen.index, &*seen.words), (index, words), "{account}");
            assert_eq!(seen.entry, entry);
        }
    }
    assert!(matches!(
        world.ledger.operation(None, 2).await,
        Err(LedgerError::UnknownOperation { index: 2, size: 2 })
    ));
    assert!(matches!(
        world.ledger.operation(None, u64::MAX).await,
        Err(LedgerError::UnknownOperation { .. })
    ));
    assert!(matches!(
        world.ledger.grants(Some("bob"), dataset).await,
        Err(LedgerError::Forbidden { .. })
    ));
    let grants = world.ledger.grants(Some("alice"), dataset).await.unwrap();
    assert_eq!(grants, [("bob".into(), [Permission::Prove].into())].into());
    world
        .grant(Some("alice"), dataset, Permission::Read)
        .await
        .unwrap();
    assert!(world.ledger.evidence(Some("bob"), index).await.is_ok());
    let got = world.ledger.permissions("bob", dataset).await.unwrap();
    assert_eq!(got, [Permission::Read].into());
    assert_eq!(
        world.ledger.permissions("carol", dataset).await.unwrap(),
        [].into()
    );
    let unknown = world
        .ledger
        .permissions("carol", "00".repeat(32).parse().unwrap())
        .await;
    assert!(matches!(unknown, Err(LedgerError::UnknownDataset(_))));
}

#[tokio::test]
async fn an_index_that_was_left_behind_catches_up() {
    let world = world().await;
    let (numbers, evidence) = world.numbers("numbers", 9);
    world.record(None, evidence).await.unwrap();
    // As if the process had died between the log and the index.
    for (partition, sort) in [
        ("ledger".to_owned(), "indexed".to_owned()),
        (
            format!("ledger#dataset#{}", id(&numbers)),
            "known".to_owned(),
        ),
        (
            format!("ledger#dataset#{}", id(&numbers)),
            format!("operation#{:020}", 0),
        ),
    ] {
        let key = Key::new(partition, sort);
        let expect = Expect::Exists;
        world
            .table
            .commit(&[Write::Delete { key, expect }])
            .await
            .unwrap();
    }
    let known = world.ledger.dataset(id(&numbers)).await.unwrap().unwrap();
    assert_eq!(&known.commitment, numbers.opening.commitment());
    assert_eq!(
        world
            .ledger
            .operations(None, id(&numbers), None)
            .await
            .unwrap()
            .operations
            .len(),
        1
    );
}

#[tokio::test]
async fn damage_is_found() {
    let world = world().await;
    let (numbers, evidence) = world.numbers("numbers", 9);
    world.record(None, evidence).await.unwrap();
    let (index, entry) = world.record(None, count(numbers)).await.unwrap();
    let keys = [world.ledger.log().key().clone()];
    let report = world.ledger.fsck(&keys).await.unwrap();
    assert_eq!((report.operations, report.proofs), (2, 2));
    assert_eq!(report.findings, []);

    let blob = format!("evidence/{}", entry.evidence);
    let evidence = world.blobs.get(&blob).await.unwrap().unwrap();
    let mut damaged = evidence.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let put = async |bytes: &[u8]| {
        let put = world.blobs.put(&blob, bytes, PutMode::Overwrite).await;
        put.unwrap();
    };
    put(&damaged).await;
    let report = world.ledger.fsck(&keys).await.unwrap();
    let expected = format!("the evidence of operation {index}: ");
    assert_eq!(report.findings.len(), 1);
    assert!(report.findings[0].to_string().starts_with(&expected));

    put(&evidence).await;
    let partition = format!("ledger#dataset#{}", entry.inputs[0]);
    let key = Key::new(partition, format!("operation#{index:020}"));
    let expect = Expect::Exists;
    world
        .table
        .commit(&[Write::Delete { key, expect }])
        .await
        .unwrap();
    let report = world.ledger.fsck(&keys).await.unwrap();
    assert_eq!(
        report.findings.last().unwrap().to_string(),
        "the index does not have operation 1 as it is"
    );
}

#[tokio::test]
async fn a_backup_becomes_the_same_ledger() {
    let (world, other) = (world().await, world().await);
    let backup = world.folder.path().join("backup");
    assert_eq!(world.ledger.backup(&backup).await.unwrap(), 0);
    let (numbers, evidence) = world.numbers("numbers", 9);
    let dataset = id(&numbers);
    world.record(None, evidence).await.unwrap();
    world
        .record(Some("alice"), count(world.numbers("others", 3).0))
        .await
        .unwrap_err();
    world.record(None, count(numbers)).await.unwrap();
    assert_eq!(world.ledger.backup(&backup).await.unwrap(), 2);

    let keys = [other.ledger.log().key().clone()];
    let restore = async |ledger: &Ledger| ledger.restore(&backup, &keys).await;
    assert_eq!(restore(&other.ledger).await.unwrap(), 2);
    assert_eq!(restore(&other.ledger).await.unwrap(), 2, "once more");
    assert_eq!(other.ledger.fsck(&keys).await.unwrap().findings, []);
    let root = async |ledger: &Ledger| {
        ledger
            .log()
            .checkpoint()
            .await
            .unwrap()
            .checkpoint()
            .clone()
    };
    assert_eq!(root(&world.ledger).await, root(&other.ledger).await);
    let lineage = async |ledger: &Ledger| ledger.lineage(None, dataset).await.unwrap().to_string();
    assert_eq!(lineage(&world.ledger).await, lineage(&other.ledger).await);

    let (_, more) = other.numbers("more", 2);
    other.record(None, more).await.unwrap();
    let longer = restore(&other.ledger).await;
    assert!(matches!(longer, Err(BackupError::NotEmpty { index: 2 })));
    let entries = backup.join("entries.jsonl");
    let text = std::fs::read_to_string(&entries).unwrap();
    let first = text.lines().next().unwrap().to_owned() + "\n";
    std::fs::write(&entries, first).unwrap();
    let third = crate::world().await;
    let shorter = restore(&third.ledger).await;
    assert!(matches!(shorter, Err(BackupError::Damaged { .. })));
}

#[tokio::test]
async fn a_backup_is_restored_under_a_key_of_its_ledger() {
    let signer =
        |name: &str, seed| SigningKey::from_seed(name, KeyKind::Ed25519, &[seed; 32]).unwrap();
    let (world, other) = (world().await, world().await);
    let backup = world.folder.path().join("backup");
    world
        .record(None, world.numbers("numbers", 9).1)
        .await
        .unwrap();
    world.ledger.backup(&backup).await.unwrap();
    let name = "example.com/ledger";
    let [old, newer, foreign] = [
        signer(name, 1),
        signer(name, 2),
        signer("example.com/other", 1),
    ]
    .map(|key| key.verifying().clone());
    for (keys, why) in [
        (vec![], "it has none"),
        (
            vec![newer.clone()],
            "no signature is of a key that is known here",
        ),
        (vec![foreign], "expected one of example.com/other"),
    ] {
        let refused = other.ledger.restore(&backup, &keys).await.unwrap_err();
        assert!(matches!(refused, BackupError::Signature { .. }));
        let text = refused.to_string();
        assert!(text.contains(why) && text.contains("log.keys"), "{text}");
    }
    // Other entries under the old signature.
    let checkpoint = backup.join("checkpoint");
    let signed = std::fs::read_to_string(&checkpoint).unwrap();
    let forged = signed.replacen("\n1\n", "\n2\n", 1);
    assert_ne!(forged, signed);
    std::fs::write(&checkpoint, forged).unwrap();
    let keys = [old, newer];
    let refused = other.ledger.restore(&backup, &keys).await;
    assert!(matches!(refused, Err(BackupError::Signature { .. })));
    assert_eq!(other.ledger.size().await.unwrap(), 0);
    std::fs::write(&checkpoint, signed).unwrap();
    assert_eq!(other.ledger.restore(&backup, &keys).await.unwrap(), 1);
}

#[tokio::test]
async fn nobody_records_another_origin_for_a_dataset() {
    let world = world().await;
    let (numbers, evidence) = world.numbers("numbers", 9);
    let commitment = numbers.opening.commitment().clone();
    world.record(Some("alice"), evidence.clone()).await.unwrap();
    let refused = world.record(Some("mallory"), evidence.clone()).await;
    assert!(matches!(refused, Err(LedgerError::Recorded(of)) if of == commitment.id()));

    // A dataset of her own with the same column: with the proof that she has seen, and with none.
    let mut copied = Evidence::from_bytes(&evidence).unwrap();
    copied.outputs[0].name = "mine".into();
    let refused = world
        .record(Some("mallory"), copied.to_bytes().unwrap())
        .await;
    let expected = "proof 1 of the evidence";
    assert!(
        matches!(refused, Err(LedgerError::Evidence(why)) if why.to_string().starts_with(expected))
    );
    copied.proofs.clear();
    let refused = world
        .record(Some("mallory"), copied.to_bytes().unwrap())
        .await;
    let expected = "expected 1 proofs, got 0";
    assert!(
        matches!(refused, Err(LedgerError::Evidence(why)) if why.to_string().ends_with(expected))
    );

    // She has no dataset of which the other would be a projection; if she had, it would have an origin still.
    let mut wider = commitment.clone();
    wider.name = "mine".into();
    let projected = Evidence {
        statement: Statement::Project {
            columns: vec!["n".into()],
        },
        inputs: vec![wider.clone()],
        outputs: vec![commitment.clone()],
        proofs: Vec::new(),
    };
    projected.verify().unwrap();
    let projected = projected.to_bytes().unwrap();
    let refused = world.record(Some("mallory"), projected).await;
    assert!(matches!(refused, Err(LedgerError::UnknownDataset(of)) if of == wider.id()));
    let lineage = world.ledger.lineage(None, commitment.id()).await.unwrap();
    assert_eq!(lineage.operations.len(), 1);
}

#[tokio::test]
async fn what_the_index_could_not_hold_is_refused() {
    let world = world().await;
    let (numbers, evidence) = world.numbers("numbers", 2);
    let evidence = Evidence::from_bytes(&evidence).unwrap();
    let mut large = evidence.clone();
    large.outputs[0].name = "n".repeat(300_000);
    let refused = world.record(None, large.to_bytes().unwrap()).await;
    assert!(matches!(refused, Err(LedgerError::TooLarge { .. })));
    let mut many = evidence;
    many.statement = Statement::Split;
    many.outputs = vec![numbers.opening.commitment().clone(); 40];
    let refused = world.record(None, many.to_bytes().unwrap()).await;
    assert!(matches!(refused, Err(LedgerError::TooMany { got: 40 })));

    // As many as may be.
    let (numbers, evidence) = world.numbers("these", 40);
    world.record(None, evidence).await.unwrap();
    let split = Transform::Split {
        weights: vec![1; 31],
    };
    let names: Vec<_> = (0..31).map(|part| format!("part-{part}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (made, evidence) = world.made(numbers, &split, &names);
    world.record(None, evidence).await.unwrap();
    for owned in &made {
        assert!(world.ledger.dataset(id(owned)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn one_dataset_twice_is_no_burden_to_the_index() {
    let world = world().await;
    let kind = Kind::Uint(Width::W32);
    let schema = Schema::new(vec![Field::new("n", kind, false)]).unwrap();
    let column = Column::from_keys(kind, [Some(1), Some(1)]).unwrap();
    let table = Table::new(schema, vec![column]).unwrap();
    let file = world.folder.path().join("ones.opening");
    let (ones, evidence) = notarize("ones", table, Algorithm::Blake3, &file, &key()).unwrap();
    world
        .record(None, evidence.to_bytes().unwrap())
        .await
        .unwrap();
    // Each of its two rows is the same dataset.
    let (one, _) = world.numbers("one", 1);
    let parts = [one.source(), one.source()];
    let commitment = |owned: &Owned| owned.opening.commitment().clone();
    let twice = Evidence {
        statement: Statement::Split,
        inputs: vec![commitment(&ones)],
        outputs: vec![commitment(&one); 2],
        proofs: Statement::Split.prove(&[ones.source()], &parts).unwrap(),
    };
    twice.verify().unwrap();
    let twice = twice.to_bytes().unwrap();
    let (index, _) = world.record(None, twice).await.unwrap();
    let known = world.ledger.dataset(id(&one)).await.unwrap().unwrap();
    assert_eq!(known.made_by, index);
    let (_, next) = world.numbers("next", 3);
    world.record(None, next).await.unwrap();
    let keys = [world.ledger.log().key().clone()];
    assert_eq!(world.ledger.fsck(&keys).await.unwrap().findings, []);
}
