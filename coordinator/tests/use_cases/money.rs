use crate::harness::*;
use prooflane_market::{
    Credits, JournalEntry, LedgerAccount, Millis, ProverId, Reason, Rules, TaskId,
};
use prooflane_store::Key;

fn account(name: &str) -> LedgerAccount {
    name.parse().unwrap()
}

/// A network on which nobody is given anything.
fn closed() -> Net {
    Net::with(Rules::default(), range_only(), |table| table)
}

/// The reasons of a task's entries, by the version that each brought the task to.
async fn reasons(net: &Net, id: TaskId) -> Vec<(String, Reason)> {
    let items = net.items(format!("task#{id}")).await;
    let entries = items
        .iter()
        .filter(|item| item.key.sort.starts_with("entry#"));
    entries
        .map(|item| {
            let entry: JournalEntry = serde_json::from_slice(&item.body).unwrap();
            (item.key.sort.clone(), entry.reason)
        })
        .collect()
}

#[tokio::test]
async fn a_deposit_is_made_once_however_often_it_is_sent() {
    let net = closed();
    let alice = account("requester:alice");
    assert_eq!(code(net.submit(submission()).await), "insufficient_credits");
    for created in [true, false] {
        let deposited = net.deposit(&alice, Credits(150), "bank-1").await.unwrap();
        assert_eq!(deposited.created, created);
        assert_eq!(deposited.account.balance, 150);
        net.clock.advance(std::time::Duration::from_secs(1));
    }
    for (to, amount) in [("requester:alice", 151), ("requester:bob", 150)] {
        let other = net.deposit(&account(to), Credits(amount), "bank-1").await;
        // An id stands for one deposit of one account.
        let expected = if to == "requester:bob" {
            "ok"
        } else {
            "deposit_id_reused"
        };
        assert_eq!(code(other), expected);
    }
    net.deposit(&alice, Credits(7), "bank-2").await.unwrap();
    assert_eq!(net.balance("requester:alice").await, 157);
    assert_eq!(net.balance("network:mint").await, -307);
    net.submitted().await;
    net.conserved().await;
}

#[tokio::test]
async fn a_deposit_that_makes_no_sense_is_refused_and_moves_nothing() {
    let net = closed();
    let task = format!("escrow:{}", uuid::Uuid::nil());
    for (to, amount, id) in [
        ("network:mint", 1, "a"),
        ("network:slashed", 1, "a"),
        (&*task, 1, "a"),
        ("requester:alice", 0, "a"),
        ("requester:alice", Credits::MAX.0 + 1, "a"),
        ("requester:alice", 1, ""),
        ("requester:alice", 1, "a b"),
        ("requester:alice", 1, "a#b"),
        ("requester:alice", 1, "grant"),
    ] {
        let refused = net.deposit(&account(to), Credits(amount), id).await;
        assert_eq!(code(refused), "invalid_request", "{to} {amount} {id:?}");
    }
    assert!(net.accounts().await.unwrap().iter().all(|a| a.balance == 0));
}

#[tokio::test]
async fn a_stake_can_be_paid_in_and_stands_with_its_prover() {
    let net = closed();
    let p1 = net.register("p1", false, false).await;
    let stake = LedgerAccount::Stake(p1);
    let deposited = net.deposit(&stake, Credits(500), "s").await.unwrap();
    assert_eq!(
        (deposited.account.stake, deposited.account.balance),
        (500, 0)
    );
    let accounts = net.accounts().await.unwrap();
    let names: Vec<_> = accounts.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["prover:p1", "network:mint", "network:slashed"]);
    net.conserved().await;
}

#[tokio::test]
async fn a_deposit_before_the_first_submission_does_not_cost_the_grant() {
    let net = Net::open();
    let alice = account("requester:alice");
    net.deposit(&alice, Credits(1), "early").await.unwrap();
    net.submitted().await;
    assert_eq!(net.spent().await, 99, "granted, and one more paid in");
    net.conserved().await;
}

#[tokio::test]
async fn every_movement_of_a_task_is_one_entry_named_by_the_version_it_made() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    net.accept(&p1, id, 1, &OTHER).await.unwrap();
    net.auction().await;
    net.claimed(&p1).await;
    net.accept(&p1, id, 2, &PROOF).await.unwrap();
    let expected = [
        ("entry#00001".to_owned(), Reason::Escrow),
        ("entry#00004".to_owned(), Reason::Slash),
        ("entry#00007".to_owned(), Reason::Payout),
    ];
    assert_eq!(reasons(&net, id).await, expected);
    net.conserved().await;

    let cancelled = net.submitted().await;
    net.cancel(cancelled).await.unwrap();
    let expected = [
        ("entry#00001".to_owned(), Reason::Escrow),
        ("entry#00002".to_owned(), Reason::Refund),
    ];
    assert_eq!(reasons(&net, cancelled).await, expected);
    net.conserved().await;
}

#[tokio::test]
async fn a_slash_that_ends_the_task_is_one_entry_with_the_refund() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let once = prooflane_coordinator::Submission {
        max_attempts: Some(1),
        ..submission()
    };
    let id = net.submit(once).await.unwrap().record.task.id();
    net.auction().await;
    net.claimed(&p1).await;
    net.accept(&p1, id, 1, &OTHER).await.unwrap();
    let key = Key::new(format!("task#{id}"), "entry#00004");
    let item = net.table.get(&key).await.unwrap().unwrap();
    let entry: JournalEntry = serde_json::from_slice(&item.body).unwrap();
    let postings = entry
        .postings
        .iter()
        .map(|p| (p.account.to_string(), p.amount));
    let expected = [
        ("requester:alice".to_owned(), 100),
        ("stake:p1".to_owned(), -100),
        (format!("escrow:{id}"), -100),
        ("network:slashed".to_owned(), 100),
    ];
    assert!(postings.eq(expected), "{entry:?}");
    net.conserved().await;
}

#[tokio::test]
async fn an_assignment_that_nobody_claims_is_not_slashed_but_counted() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.submitted().await;
    net.auction().await;
    net.pass(Millis(35_000)).await;
    assert_eq!(net.balance("network:slashed").await, 0);
    let prover = net.c.prover(&p1).await.unwrap();
    assert_eq!((prover.record.failed, prover.breaker.failures), (0, 1));
    assert_eq!(net.task(id).await.unwrap().task.attempt(), 1);
    net.conserved().await;
}

#[tokio::test]
async fn a_prover_that_fails_three_times_is_paused_sees_why_and_comes_back() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.submitted().await;
    for attempt in 1..=3 {
        assert_eq!(net.auction().await, 1);
        net.fail(&p1, id, attempt, "").await.unwrap();
    }
    assert_eq!(net.auction().await, 0, "paused");
    let breaker = net.c.prover(&p1).await.unwrap().breaker;
    let until = prooflane_market::Timestamp(START + 10_000);
    assert_eq!(breaker.paused(net.now()), Some(until));
    assert!(breaker.reason().unwrap().contains("it gave up"));
    let quote = net.quote(&net.task(id).await.unwrap().task).await.unwrap();
    let obstacles = quote.no_match.unwrap().obstacles;
    assert!(obstacles.contains_key(&prooflane_market::Obstacle::Paused));
    net.pass(Millis(10_000)).await;
    assert_eq!(net.auction().await, 1);
    net.claimed(&p1).await;
    net.accept(&p1, id, 4, &PROOF).await.unwrap();
    assert_eq!(net.c.prover(&p1).await.unwrap().breaker.failures, 0);
}

#[tokio::test]
async fn leases_that_ran_while_the_network_was_away_are_given_anew() {
    let net = Net::open();
    let (p1, p2) = (net.prover("p1", 40).await, net.prover("p2", 60).await);
    net.sweep().await.unwrap();
    let id = net.running(&p1).await;
    // The whole network is away for ten minutes.
    net.clock.advance(std::time::Duration::from_secs(600));
    net.sweep().await.unwrap();
    assert!(
        net.heartbeat(&p1, id, 1).await.is_ok(),
        "its attempt goes on"
    );
    assert!(net.accept(&p1, id, 1, &PROOF).await.unwrap().accepted);
    for prover in [p1, p2] {
        let prover: ProverId = prover;
        assert_eq!(net.c.prover(&prover).await.unwrap().record.failed, 0);
    }
    assert_eq!(net.balance("network:slashed").await, 0);
    net.conserved().await;
}

#[tokio::test]
async fn an_unreadable_sign_of_life_counts_as_an_outage_and_stops_no_sweep() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    net.pass(Millis(30_000)).await;
    let key = Key::new("network#sweeper", "alive");
    let item = net.table.get(&key).await.unwrap().unwrap();
    let damaged = prooflane_store::Write::Put {
        key,
        expect: prooflane_store::Expect::Version(item.version),
        body: b"{".to_vec(),
        wake: None,
        listing: None,
    };
    net.table.commit(&[damaged]).await.unwrap();
    net.pass(Millis(5_000)).await;
    assert!(
        net.heartbeat(&p1, id, 1).await.is_ok(),
        "its lease is given anew"
    );
}
