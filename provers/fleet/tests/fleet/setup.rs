//! What a new network needs.

use crate::harness::ports;
use prooflane_coordinator::{Access, Catalogue, Coordinator, Ports, Role};
use prooflane_engine::{Keys, Provenance};
use prooflane_fleet::{Options, set_up};
use prooflane_formats::{Contribution, Origin, Zkey};
use prooflane_market::Rules;
use prooflane_store::{ManualClock, PutMode};
use std::sync::Arc;

async fn ids(ports: &Ports) -> Vec<(String, String)> {
    let catalogue = Catalogue::load(&*ports.blobs).await.unwrap();
    catalogue.names()
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_up_makes_what_is_missing_and_keeps_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let ports = ports(&dir, Arc::new(ManualClock::new(1)));
    let circuits: Vec<&str> = prooflane_circuits::registry()
        .iter()
        .map(|c| c.id())
        .collect();

    let done = set_up(ports.clone(), &Options::default()).await.unwrap();
    assert_eq!(
        (done.made, done.kept),
        (
            circuits.iter().map(ToString::to_string).collect::<Vec<_>>(),
            vec![]
        )
    );
    let first = ids(&ports).await;
    assert_eq!(first.len(), circuits.len());
    for (circuit, key_id) in &first {
        let name = Catalogue::proving_key_blob(circuit, key_id);
        let file = ports.blobs.get(&name).await.unwrap().unwrap();
        let keys = Keys::open(dir.path().join("installed")).unwrap();
        keys.install(prooflane_circuits::find(circuit).unwrap(), &file, key_id)
            .unwrap();
    }
    let coordinator = Coordinator::new(ports.clone(), Rules::default(), Catalogue::default());
    let access = coordinator
        .authenticate(&done.api_key.unwrap())
        .await
        .unwrap();
    assert!(access.is_operator() && matches!(access, Access::Key(_)));

    // Again: nothing changes.
    let again = set_up(ports.clone(), &Options::default()).await.unwrap();
    assert!(again.made.is_empty() && again.api_key.is_none());
    assert_eq!(again.kept, circuits);
    assert_eq!(ids(&ports).await, first);

    // A catalogue that lacks a circuit gets that one.
    let mut json: serde_json::Value =
        serde_json::from_str(&Catalogue::load(&*ports.blobs).await.unwrap().to_json()).unwrap();
    let lost = json.as_array_mut().unwrap().pop().unwrap();
    let put = |text: String| {
        let blobs = ports.blobs.clone();
        async move {
            let put = blobs.put(Catalogue::BLOB, text.as_bytes(), PutMode::Overwrite);
            put.await.unwrap();
        }
    };
    put(json.to_string()).await;
    let more = set_up(ports.clone(), &Options::default()).await.unwrap();
    assert_eq!(more.made, [lost["circuit"].as_str().unwrap()]);
    let second = ids(&ports).await;
    assert_eq!(second.len(), first.len());
    assert_eq!(
        second.iter().filter(|id| first.contains(id)).count(),
        first.len() - 1
    );

    // One that cannot be read is not replaced by accident ...
    put("[".into()).await;
    let error = set_up(ports.clone(), &Options::default())
        .await
        .err()
        .unwrap();
    assert!(format!("{error:#}").contains("--replace"), "{error:#}");
    // ... but where that is wanted, with everything else.
    let options = Options {
        replace: true,
        new_api_key: true,
        ..Options::default()
    };
    let replaced = set_up(ports.clone(), &options).await.unwrap();
    assert_eq!(replaced.made, circuits);
    assert!(replaced.api_key.is_some());
    assert!(ids(&ports).await.iter().all(|id| !first.contains(id)));
    let operators = coordinator.api_keys().await.unwrap();
    assert_eq!(operators.len(), 2);
    assert!(
        operators
            .iter()
            .all(|issued| issued.key.roles == [Role::Operator])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_a_folder_are_taken_before_any_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let ports = ports(&dir, Arc::new(ManualClock::new(1)));
    let circuit = prooflane_circuits::find("range@1").unwrap();
    // As if somebody had contributed to it.
    let made = Keys::open(dir.path().join("made")).unwrap();
    let mut key = Zkey::read(&made.export(circuit).unwrap(), Origin::Checked).unwrap();
    key.ceremony.contributions.push(Contribution {
        delta_after: key.delta_g1,
        g1_s: key.delta_g1,
        g1_sx: key.delta_g1,
        g2_spx: key.verifying.delta,
        transcript: [0; 64],
        name: None,
        beacon: None,
    });
    let folder = dir.path().join("imported");
    let keys = Keys::open(&folder).unwrap();
    let imported = keys.import(circuit, &key.to_bytes()).unwrap();

    let options = Options {
        keys: Some(folder.clone()),
        ..Options::default()
    };
    let done = set_up(ports.clone(), &options).await.unwrap();
    assert_eq!(
        done.taken,
        [("range@1".to_owned(), Provenance::Ceremony)].into()
    );
    assert_eq!(done.made, ["payment@1", "merkle@1", "dataset-row@1"]);
    let catalogue = Catalogue::load(&*ports.blobs).await.unwrap();
    for entry in catalogue.circuits() {
        let of_ceremony = entry.circuit.id() == "range@1";
        assert_eq!(entry.provenance == Provenance::Ceremony, of_ceremony);
        assert_eq!(entry.key_id == imported.key_id(), of_ceremony);
    }
    let name = Catalogue::proving_key_blob("range@1", &imported.key_id().to_string());
    let file = ports.blobs.get(&name).await.unwrap().unwrap();
    assert_eq!(file, std::fs::read(keys.path("range@1")).unwrap());
    // Nothing is made in somebody's folder, and again nothing changes.
    assert!(!keys.path("payment@1").exists());
    let again = set_up(ports.clone(), &options).await.unwrap();
    assert!(again.made.is_empty() && again.taken.is_empty());

    // A key that cannot be used is not passed over.
    std::fs::write(keys.path("range@1"), "damaged").unwrap();
    let replace = Options {
        replace: true,
        ..options
    };
    let error = set_up(ports.clone(), &replace).await.err().unwrap();
    assert!(error.to_string().contains("range@1.key"), "{error}");
    let nowhere = Options {
        keys: Some(dir.path().join("nowhere")),
        ..Options::default()
    };
    let error = set_up(ports, &nowhere).await.err().unwrap();
    assert!(error.to_string().contains("nowhere"), "{error}");
}
