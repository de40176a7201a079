//! The vectors of docs/dataset-format.md.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_dataset::{Algorithm, Column, Digester, Field, MAGIC, Schema, Table};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Vectors {
    format: String,
    datasets: Vec<Dataset>,
}

#[derive(Deserialize)]
struct Dataset {
    name: String,
    rows: usize,
    columns: Vec<VectorColumn>,
    blake3: Hashed,
    #[serde(rename = "sha3-256")]
    sha3: Hashed,
}

#[derive(Deserialize)]
struct VectorColumn {
    name: String,
    r#type: String,
    rows: Vec<Option<String>>,
    streams: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Hashed {
    manifest: String,
    digest: String,
}

fn vectors() -> Vec<Dataset> {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/1.json")).unwrap();
    assert_eq!(format!("{}\n", vectors.format).as_bytes(), MAGIC);
    vectors.datasets
}

fn table(dataset: &Dataset) -> Table {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for column in &dataset.columns {
        let kind = column.r#type.parse().unwrap();
        fields.push(Field::new(&column.name, kind, true));
        columns.push(Column::from_text(kind, column.rows.iter().map(Option::as_deref)).unwrap());
    }
    Table::new(Schema::new(fields).unwrap(), columns).unwrap()
}

#[test]
fn manifests_and_digests() {
    let vectors = vectors();
    assert!(vectors.len() >= 9);
    for dataset in &vectors {
        let table = table(dataset);
        assert_eq!(table.rows().rows(), dataset.rows);
        for (algorithm, expected) in [
            (Algorithm::Blake3, &dataset.blake3),
            (Algorithm::Sha3, &dataset.sha3),
        ] {
            let mut digester = Digester::new(table.schema(), algorithm);
            digester.update(table.rows());
            assert_eq!(
                hex::encode(digester.manifest()),
                expected.manifest,
                "{}",
                dataset.name
            );
            assert_eq!(
                table.digest(algorithm).to_string(),
                expected.digest,
                "{}",
                dataset.name
            );
            assert_eq!(table.digest(algorithm), expected.digest.parse().unwrap());
        }
    }
}

/// That the streams written out are those whose digests the manifest has.
#[test]
fn streams() {
    for dataset in vectors() {
        let manifest = hex::decode(&dataset.blake3.manifest).unwrap();
        assert_eq!(
            blake3::hash(&manifest).to_string(),
            dataset.blake3.digest["blake3:".len()..]
        );
        let mut digests = Vec::new();
        for column in &dataset.columns {
            for name in ["presence", "values", "bytes"] {
                let Some(stream) = column.streams.get(name) else {
                    continue;
                };
                let digest = blake3::hash(&hex::decode(stream).unwrap());
                digests.extend(digest.as_bytes());
            }
        }
        let in_manifest: Vec<u8> = digests
            .chunks(32)
            .filter(|digest| manifest.windows(32).any(|window| window == *digest))
            .flatten()
            .copied()
            .collect();
        assert_eq!(in_manifest, digests, "{}", dataset.name);
    }
}
