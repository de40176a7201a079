use crate::harness::*;
use prooflane_coordinator::{Access, ApiKey, Role};

fn holder(name: &str, roles: &[Role]) -> ApiKey {
    ApiKey {
        name: name.into(),
        roles: roles.to_vec(),
    }
}

#[tokio::test]
async fn a_key_names_its_holder_and_only_a_digest_of_it_is_kept() {
    let net = Net::open();
    let alice = holder("alice", &[Role::Requester]);
    let key = net.create_api_key(&alice).await.unwrap();
    let other = net.create_api_key(&alice).await.unwrap();
    assert_ne!(key, other);
    assert!(key.starts_with("plk_") && key.len() == 4 + 64);
    let access = net.authenticate(&key).await.unwrap();
    assert_eq!(access.name(), Some("alice"));
    let under_itself = prooflane_store::Key::new(format!("apikey#{key}"), "key");
    assert_eq!(net.table.get(&under_itself).await.unwrap(), None);
}

#[tokio::test]
async fn the_operator_sees_who_has_keys() {
    let net = Net::open();
    assert!(net.api_keys().await.unwrap().is_empty());
    for record in [
        holder("bob", &[Role::Prover]),
        holder("alice", &[Role::Operator]),
    ] {
        net.create_api_key(&record).await.unwrap();
    }
    let keys = net.api_keys().await.unwrap();
    let keys: Vec<_> = keys.iter().map(|issued| &issued.key).collect();
    let keys: Vec<_> = keys.iter().map(|key| (&*key.name, &*key.roles)).collect();
    assert_eq!(
        keys,
        [("alice", &[Role::Operator][..]), ("bob", &[Role::Prover])]
    );
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_and_one_operator_stays() {
    let net = Net::open();
    let mut keys = Vec::new();
    for (name, role) in [("op", Role::Operator), ("alice", Role::Requester)] {
        keys.push(net.create_api_key(&holder(name, &[role])).await.unwrap());
    }
    let issued = net.api_keys().await.unwrap();
    let id = |name: &str| {
        issued
            .iter()
            .find(|key| key.key.name == name)
            .unwrap()
            .id
            .clone()
    };
    assert!(
        issued
            .iter()
            .all(|issued| !keys.iter().any(|key| key.contains(&issued.id)))
    );
    net.revoke_api_key(&id("alice")).await.unwrap();
    assert_eq!(code(net.authenticate(&keys[1]).await), "unauthorized");
    assert_eq!(code(net.revoke_api_key(&id("alice")).await), "unknown_key");
    assert_eq!(code(net.revoke_api_key("").await), "unknown_key");
    assert_eq!(code(net.revoke_api_key(&id("op")).await), "forbidden");
    let second = net
        .create_api_key(&holder("op", &[Role::Operator]))
        .await
        .unwrap();
    net.revoke_api_key(&id("op")).await.unwrap();
    assert_eq!(code(net.authenticate(&keys[0]).await), "unauthorized");
    assert!(net.authenticate(&second).await.unwrap().is_operator());
}

#[tokio::test]
async fn an_unknown_key_opens_nothing() {
    let net = Net::open();
    let key = net
        .create_api_key(&holder("alice", &[Role::Requester]))
        .await
        .unwrap();
    let shorter = &key[..key.len() - 1];
    for wrong in ["", "plk_", shorter, &key.to_uppercase()] {
        assert_eq!(code(net.authenticate(wrong).await), "unauthorized");
    }
}

#[test]
fn a_role_is_good_for_itself_and_the_operator_for_all() {
    let all = [Role::Requester, Role::Prover, Role::Operator];
    for held in all {
        let access = Access::Key(holder("x", &[held]));
        for demanded in all {
            let may = held == demanded || held == Role::Operator;
            assert_eq!(access.demand(demanded).is_ok(), may);
        }
        assert_eq!(access.is_operator(), held == Role::Operator);
        assert!(Access::Open.demand(held).is_ok());
    }
    let refused = Access::Key(holder("x", &[])).demand(Role::Prover);
    let expected = "this needs an API key with the role prover";
    assert_eq!(refused.unwrap_err().to_string(), expected);
}

#[test]
fn a_key_spends_from_its_own_account_only() {
    let alice = Access::Key(holder("alice", &[Role::Requester]));
    let operator = Access::Key(holder("root", &[Role::Operator]));
    assert_eq!(alice.requester(None).unwrap(), "alice");
    assert_eq!(alice.requester(Some("alice")).unwrap(), "alice");
    assert_eq!(code(alice.requester(Some("bob"))), "forbidden");
    assert_eq!(operator.requester(Some("bob")).unwrap(), "bob");
    assert_eq!(Access::Open.requester(None).unwrap(), "anonymous");
    assert_eq!(Access::Open.requester(Some("bob")).unwrap(), "bob");
}
