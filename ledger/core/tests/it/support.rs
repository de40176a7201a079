//! A store in memory, and evidence that is made once.

use prooflane_dataset::{Algorithm, Column, Field, Kind, Schema, Table as Data, Width};
use prooflane_faults::MemoryBlobs;
use prooflane_ledger::{
    Commitment, DatasetId, Evidence, Ledger, LedgerError, Owned, SealingKey, Statement, Transform,
    notarize, prove,
};
use prooflane_log::{Kind as KeyKind, SigningKey};
use prooflane_store::{Blobs, ManualClock, SqliteTable, Table};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What a ledger stands on.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) table: Arc<SqliteTable>,
    pub(crate) blobs: Arc<MemoryBlobs>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self {
            table: Arc::new(SqliteTable::memory().unwrap()),
            blobs: Arc::default(),
            clock: Arc::new(ManualClock::new(1_700_000_000_000)),
        }
    }

    /// The ledger as a new process opens it.
    pub(crate) async fn open(&self) -> Ledger {
        let opened = self.over(self.table.clone(), self.blobs.clone()).await;
        opened.unwrap()
    }

    /// The ledger as a process opens it that sees the store through others.
    pub(crate) async fn over(
        &self,
        table: Arc<dyn Table>,
        blobs: Arc<dyn Blobs>,
    ) -> Result<Ledger, LedgerError> {
        Ledger::open(table, blobs, self.clock.clone(), log_key()).await
    }
}

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed("example.com/ledger", KeyKind::Ed25519, &[1; 32]).unwrap()
}

/// Evidence, as bytes and as it is read, and the ids of its datasets.
pub(crate) struct Said {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) read: Evidence,
    pub(crate) inputs: Vec<DatasetId>,
    pub(crate) outputs: Vec<DatasetId>,
}

/// Evidence about eight datasets, in an order in which it can be recorded; the left part and the numbers have another origin towards
/// the end.
pub(crate) fn pool() -> &'static [Said] {
    static POOL: OnceLock<Vec<Said>> = OnceLock::new();
    POOL.get_or_init(make)
}

/// Some evidence of the pool.
pub(crate) fn said(name: &str) -> &'static Said {
    pool().iter().find(|said| said.name == name).unwrap()
}

/// All datasets that the pool names.
pub(crate) fn datasets() -> Vec<DatasetId> {
    let outputs = pool().iter().flat_map(|said| &said.outputs);
    let mut all: Vec<_> = outputs.copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn make() -> Vec<Said> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mine, of_mine) = notarized(folder, "mine", 6);
    let (others, of_others) = notarized(folder, "others", 3);
    let project = Transform::Project {
        columns: vec!["n".into()],
    };
    let (mut numbers, project) = made(folder, &mut [mine], &project, &["numbers"]);
    let of_numbers = prove(Statement::Notarize, &mut [], &mut numbers).unwrap();
    let count = Statement::count("n", Some("3".into()), None, &numbers[0].table).unwrap();
    let count = prove(count, &mut numbers, &mut []).unwrap();
    let split = Transform::Split {
        weights: vec![1, 1],
    };
    let (parts, split) = made(folder, &mut numbers, &split, &["left", "right"]);
    let [left, right] = <[Owned; 2]>::try_from(parts).ok().unwrap();
    let (mut left, mut right) = ([left], [right]);
    let of_left = prove(Statement::Notarize, &mut [], &mut left).unwrap();
    let statistics = Statement::statistics("n", &right[0].opening, &right[0].table).unwrap();
    let statistics = prove(statistics, &mut right, &mut []).unwrap();
    let filter = Transform::Filter {
        column: "n".into(),
        low: Some("2".into()),
        high: None,
    };
    let (_, filter) = made(folder, &mut left, &filter, &["large"]);
    let [left] = left;
    let (_, concat) = made(folder, &mut [left, others], &Transform::Concat, &["both"]);
    let all = [
        ("notarize numbers", of_numbers),
        ("notarize others", of_others),
        ("count numbers", count),
        ("split numbers", split),
        ("statistics of right", statistics),
        ("filter left", filter),
        ("concat left and others", concat),
        ("notarize left", of_left),
        ("notarize mine", of_mine),
        ("project mine to numbers", project),
    ];
    let ids = |of: &[Commitment]| of.iter().map(Commitment::id).collect();
    let said = all.map(|(name, read)| Said {
        name,
        bytes: read.to_bytes().unwrap(),
        inputs: ids(&read.inputs),
        outputs: ids(&read.outputs),
        read,
    });
    said.into()
}

fn key() -> SealingKey {
    SealingKey::from_hex(&"07".repeat(32)).unwrap()
}

/// A dataset of the numbers 1 to `rows`.
fn notarized(folder: &Path, name: &str, rows: u64) -> (Owned, Evidence) {
    let kind = Kind::Uint(Width::W32);
    let column = Column::from_keys(kind, (1..=rows).map(Some)).unwrap();
    let schema = Schema::new(vec![Field::new("n", kind, false)]).unwrap();
    let table = Data::new(schema, vec![column]).unwrap();
    let file = folder.join(format!("{name}.opening"));
    notarize(name, table, Algorithm::Blake3, &file, &key()).unwrap()
}

/// Makes datasets of others.
fn made(
    folder: &Path,
    inputs: &mut [Owned],
    transform: &Transform,
    names: &[&str],
) -> (Vec<Owned>, Evidence) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = transform.apply(inputs, &names).unwrap();
    let made = made.into_iter().zip(&names).map(|(made, name)| {
        let file = folder.join(format!("{name}.opening"));
        made.keep(&mut inputs[0].file, &file, &key()).unwrap()
    });
    let mut made: Vec<_> = made.collect();
    let evidence = prove(transform.statement(), inputs, &mut made).unwrap();
    (made, evidence)
}
