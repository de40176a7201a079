//! Datasets to record in a ledger.

use prooflane_client::Client;
use prooflane_dataset::{Algorithm, Column, Field, Kind, Schema, Table, Width};
use prooflane_ledger::task::{self, Place, Sealed};
use prooflane_ledger::{Owned, SealingKey, Statement, notarize, prove};
use serde_json::Value;
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

/// The example of a statement as a task, with its witness here.
///
/// # Panics
/// If it is not of this version.
#[must_use]
pub fn example() -> task::Inputs {
    serde_json::from_value(task::Inputs::example()).unwrap()
}

/// The inputs of the same with its witness in an upload of this client's.
///
/// # Panics
/// If the network refuses the upload.
pub async fn sealed_example(client: &Client) -> Value {
    let here = example();
    let instance = here.instance();
    let (key, bytes) = here.witness(None).unwrap().seal(&instance).unwrap();
    let upload = client.upload(None, bytes).await.unwrap();
    let place = Place::Sealed(Sealed::new(upload, &key));
    serde_json::to_value(task::Inputs::of(instance, place)).unwrap()
}
