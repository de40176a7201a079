//! What a new network needs.

use crate::harness::ports;
use prooflane_coordinator::{Access, Catalogue, Coordinator, Ports, Role};
use prooflane_engine::Keys;
use prooflane_fleet::{Options, set_up};
use prooflane_market::Rules;
use prooflane_store::{ManualClock, PutMode};
use std::sync::Arc;

async fn ids(ports: &Ports) -> Vec<(String, String)> {
    let catalogue = Catalogue::load(&*ports.blobs).await.unwrap();
    let entries = catalogue.entries();
    entries
        .map(|entry| (entry.circuit.id().to_owned(), entry.key_id.to_string()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_up_makes_what_is_missing_and_keeps_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let ports = ports(&dir, Arc::new(ManualClock::new(1)));
    let circuits: Vec<&str> = prooflane_circuits::registry()
        .iter()
        .map(|c| c.id())
        .collect();

    let done = set_up(ports.clone(), Options::default()).await.unwrap();
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
    let again = set_up(ports.clone(), Options::default()).await.unwrap();
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
    let more = set_up(ports.clone(), Options::default()).await.unwrap();
    assert_eq!(more.made, [lost["circuit"].as_str().unwrap()]);
    let second = ids(&ports).await;
    assert_eq!(second.len(), first.len());
    assert_eq!(
        second.iter().filter(|id| first.contains(id)).count(),
        first.len() - 1
    );

    // One that cannot be read is not replaced by accident ...
    put("[".into()).await;
    let error = set_up(ports.clone(), Options::default())
        .await
        .err()
        .unwrap();
    assert!(format!("{error:#}").contains("--replace"), "{error:#}");
    // ... but where that is wanted, with everything else.
    let options = Options {
        replace: true,
        new_api_key: true,
    };
    let replaced = set_up(ports.clone(), options).await.unwrap();
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
