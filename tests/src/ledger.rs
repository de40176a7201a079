//! Datasets to record in a ledger.

use prooflane_dataset::{Algorithm, Column, Field, Kind, Schema, Table, Width};
use prooflane_ledger::{Owned, SealingKey, Statement, notarize, prove};
use tempfile::TempDir;

/// A dataset of the salaries 1 to 9, and the evidence of its notarization.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn salaries(folder: &TempDir, name: &str) -> (Owned, Vec<u8>) {
    let kind = Kind::Uint(Width::W32);
    let column = Column::from_keys(kind, (1..=9).map(Some)).unwrap();
    let schema = Schema::new(vec![Field::new("salary", kind, false)]).unwrap();
    let table = Table::new(schema, vec![column]).unwrap();
    let opening = folder.path().join(format!("{name}.opening"));
    let key = SealingKey::generate().unwrap();
    let made = notarize(name, table, Algorithm::Blake3, &opening, &key);
    let (owned, evidence) = made.unwrap();
    (owned, evidence.to_bytes().unwrap())
}

/// Its id.
#[must_use]
pub fn id(owned: &Owned) -> String {
    owned.opening.commitment().id().to_string()
}

/// The evidence of how many salaries are at least 5.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn count(owned: Owned) -> Vec<u8> {
    let statement = Statement::count("salary", Some("5".into()), None, &owned.table).unwrap();
    let evidence = prove(statement, &mut [owned], &mut []).unwrap();
    evidence.to_bytes().unwrap()
}
