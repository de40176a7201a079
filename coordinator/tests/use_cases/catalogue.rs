//! The catalogue as JSON.

use crate::harness::{key, payment_only};
use prooflane_coordinator::{Catalogue, CatalogueError, Entry, Provenance};
use prooflane_store::{Blobs, DirBlobs, PutMode};
use serde_json::{Value, json};

fn range() -> Catalogue {
    let key = key("range@1");
    Catalogue::from_iter([Entry::new(
        prooflane_circuits::find("range@1").unwrap(),
        key.constraints(),
        key.verifying_key().clone(),
        Provenance::Development,
    )])
}

fn changed(change: impl FnOnce(&mut Value)) -> Result<Catalogue, CatalogueError> {
    let mut json: Value = serde_json::from_str(&range().to_json()).unwrap();
    change(&mut json);
    Catalogue::from_json(json.to_string().as_bytes())
}

#[test]
fn a_catalogue_survives_its_json() {
    let written = range();
    let read = Catalogue::from_json(written.to_json().as_bytes()).unwrap();
    assert_eq!(read.to_json(), written.to_json());
    let (a, b) = (
        written.groth16("range@1").unwrap(),
        read.groth16("range@1").unwrap(),
    );
    assert_eq!(
        (a.key_id, a.constraints, a.provenance),
        (b.key_id, b.constraints, b.provenance)
    );
}

#[test]
fn the_json_is_what_other_readers_were_told() {
    let entry: Value = serde_json::from_str::<Value>(&range().to_json()).unwrap()[0].take();
    let id = key("range@1").key_id().to_string();
    assert_eq!(entry["circuit"], "range@1");
    assert_eq!(entry["key_id"], json!(id));
    assert_eq!(entry["provenance"], "development");
    assert_eq!(entry["proving_key"], json!(format!("keys/range-1/{id}")));
    assert_eq!(entry["verifying_key"]["protocol"], "groth16");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let wrong_id = changed(|json| json[0]["key_id"] = json!("00"));
    assert!(matches!(wrong_id, Err(CatalogueError::WrongKey { .. })));

    let other = payment_only().to_json();
    let other: Value = serde_json::from_str(&other).unwrap();
    let other_key = changed(|json| json[0]["verifying_key"] = other[0]["verifying_key"].clone());
    assert!(matches!(other_key, Err(CatalogueError::WrongKey { .. })));

    let no_point = changed(|json| json[0]["verifying_key"]["vk_alpha_1"][0] = json!("5"));
    assert!(matches!(no_point, Err(CatalogueError::Key { .. })));

    let twice = changed(|json| {
        let again = json[0].clone();
        json.as_array_mut().unwrap().push(again);
    });
    assert!(matches!(twice, Err(CatalogueError::Twice(_))));

    let no_json = Catalogue::from_json(b"{");
    assert!(matches!(no_json, Err(CatalogueError::Json(_))));
}

#[test]
fn a_circuit_of_a_newer_version_is_left_out() {
    let read = changed(|json| {
        let mut newer = json[0].clone();
        newer["circuit"] = json!("range@2");
        json.as_array_mut().unwrap().push(newer);
    });
    assert_eq!(read.unwrap().circuits().count(), 1);
}

#[tokio::test]
async fn it_is_read_from_where_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = DirBlobs::open(dir.path()).unwrap();
    let missing = Catalogue::load(&blobs).await;
    assert!(matches!(missing, Err(CatalogueError::Missing)));
    let json = range().to_json();
    blobs
        .put(Catalogue::BLOB, json.as_bytes(), PutMode::Overwrite)
        .await
        .unwrap();
    assert_eq!(Catalogue::load(&blobs).await.unwrap().to_json(), json);
}
