use crate::harness::*;
use prooflane_coordinator::{Coordinator, Error, Submission, TaskFilter};
use prooflane_market::{Credits, Rules, Status, TaskId, Timestamp};
use serde_json::json;
use uuid::Uuid;

/// The usual inputs, one of them changed.
fn with(name: &str, value: serde_json::Value) -> prooflane_coordinator::Inputs {
    let mut inputs = range_inputs();
    inputs[name] = value;
    inputs.into()
}

#[tokio::test]
async fn a_repeat_returns_the_same_task_and_costs_nothing() {
    let net = Net::open();
    let first = net.submit(named(1)).await.unwrap();
    let again = net.submit(named(1)).await.unwrap();
    assert!(first.created && !again.created);
    assert_eq!(first.record.task, again.record.task);
    assert_eq!(net.spent().await, 100);
    net.conserved().await;
}

#[tokio::test]
async fn a_repeat_is_recognised_after_its_deadline_and_after_its_end() {
    let net = Net::open();
    let with_deadline = || Submission {
        deadline: Some(Timestamp(START + 1_000)),
        ..named(1)
    };
    let id = net.submit(with_deadline()).await.unwrap().record.task.id();
    net.later(prooflane_market::Millis(2_000)).await;
    let again = net.submit(with_deadline()).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.record.task.id(), id);
    assert_eq!(again.record.task.status(), Status::Expired);
    let late = Submission {
        deadline: Some(Timestamp(START + 1_000)),
        ..named(2)
    };
    assert_eq!(code(net.submit(late).await), "invalid_request");
}

#[tokio::test]
async fn the_same_id_with_any_other_content_is_refused() {
    let net = Net::open();
    net.submit(named(1)).await.unwrap();
    type Change = fn(&mut Submission);
    let changes: [Change; 7] = [
        |s| s.inputs = with("max", json!("2000001")),
        |s| s.privacy_level = 2.try_into().unwrap(),
        |s| s.reward_amount = Credits(101),
        |s| s.priority = 51,
        |s| s.requester = "bob".into(),
        |s| s.deadline = Some(Timestamp(START + 1)),
        |s| s.max_attempts = Some(1),
    ];
    for change in changes {
        let mut other = named(1);
        change(&mut other);
        let refused = net.submit(other).await.err().unwrap();
        assert!(matches!(refused, Error::TaskIdReused(_)), "{refused}");
    }
    assert_eq!(net.balance("requester:bob").await, 0);
    net.conserved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_equal_submissions_at_once_are_one_task_with_one_escrow() {
    let net = Net::open();
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let c = net.c.clone();
            tokio::spawn(async move { c.submit(named(1)).await.unwrap().created })
        })
        .collect();
    let mut created = 0;
    for call in calls {
        created += usize::from(call.await.unwrap());
    }
    assert_eq!(created, 1);
    assert_eq!(net.spent().await, 100);
    net.conserved().await;
}

#[tokio::test]
async fn a_closed_network_takes_no_task_that_is_not_paid_for() {
    let net = Net::with(Rules::default(), range_only(), |table| table);
    let refused = net.submit(named(1)).await.err().unwrap();
    let expected = "account requester:alice holds 0 credits, 100 are needed";
    assert_eq!(refused.to_string(), expected);
    let unknown = net.task(TaskId(Uuid::from_u128(1))).await;
    assert_eq!(code(unknown), "unknown_task");
    let free = Submission {
        reward_amount: Credits(0),
        ..named(1)
    };
    assert!(net.submit(free).await.unwrap().created);
    net.conserved().await;
}

#[tokio::test]
async fn a_grant_is_given_once() {
    let net = Net::open();
    let all = || Submission {
        reward_amount: Rules::open().requester_grant,
        ..submission()
    };
    net.submit(all()).await.unwrap();
    assert_eq!(code(net.submit(all()).await), "insufficient_credits");
    net.conserved().await;
}

#[tokio::test]
async fn what_cannot_be_submitted_costs_nothing() {
    let net = Net::open();
    net.submit(named(9)).await.unwrap();
    type Change = fn(&mut Submission);
    let cases: [(&str, &str, Change); 8] = [
        ("unknown_circuit", "merkle@1, range@1", |s| {
            s.circuit = "none@1".into();
        }),
        ("invalid_inputs", "inputs.value", |s| {
            s.inputs = with("value", json!("5"));
        }),
        ("invalid_inputs", "inputs", |s| {
            s.inputs = with("surplus", json!(1));
        }),
        ("invalid_inputs", "inputs", |s| s.inputs = json!([1]).into()),
        ("invalid_request", "priority", |s| s.priority = 101),
        ("invalid_request", "requester", |s| s.requester.clear()),
        ("invalid_request", "max_attempts", |s| {
            s.max_attempts = Some(0);
        }),
        ("invalid_request", "reward_amount", |s| {
            s.reward_amount = Credits(u64::MAX);
        }),
    ];
    for (expected, says, change) in cases {
        let mut bad = named(1);
        change(&mut bad);
        let refused = net.submit(bad).await.err().unwrap();
        assert_eq!(refused.code(), expected);
        assert!(refused.to_string().contains(says), "{refused}");
    }
    assert_eq!(net.spent().await, 100);
    assert!(
        net.submit(named(1)).await.unwrap().created,
        "the id is free"
    );
    net.conserved().await;
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_id_of_one_requester() {
    let id = Coordinator::task_id_for;
    assert_eq!(id("alice", "k"), id("alice", "k"));
    assert_ne!(id("alice", "k"), id("bob", "k"));
    assert_ne!(id("alice", "k"), id("alice", "l"));
    assert_ne!(id("ab", "c"), id("a", "bc"));
}

#[tokio::test]
async fn tasks_are_listed_newest_first_by_requester_and_status() {
    let net = Net::open();
    for n in 1..=5 {
        let mut one = named(n);
        one.requester = if n % 2 == 0 { "bob" } else { "alice" }.into();
        net.submit(one).await.unwrap();
        net.clock.advance(std::time::Duration::from_millis(1));
    }
    net.cancel(TaskId(Uuid::from_u128(1))).await.unwrap();
    let list = async |requester: Option<&str>, status| {
        let mut filter = TaskFilter {
            requester: requester.map(Into::into),
            status,
            limit: 2,
            after: None,
        };
        let mut found = Vec::new();
        loop {
            let page = net.tasks(&filter).await.unwrap();
            found.extend(page.tasks.iter().map(|r| r.task.id().0.as_u128()));
            match page.next {
                Some(next) => filter.after = Some(next),
                None => return found,
            }
        }
    };
    assert_eq!(list(None, None).await, [5, 4, 3, 2, 1]);
    assert_eq!(list(Some("alice"), None).await, [5, 3, 1]);
    assert_eq!(list(None, Some(Status::Cancelled)).await, [1]);
    assert_eq!(list(Some("bob"), Some(Status::Pending)).await, [4, 2]);
    assert!(list(Some("carol"), None).await.is_empty());
}
