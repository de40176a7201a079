//! Checks of [`Queue`].

use super::{Check, checks, fresh};
use prooflane_store::{Delivery, ManualClock, Queue, Receipt, StoreError, limits};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a check gets.
#[derive(Clone)]
pub struct Subject {
    /// The adapter, with a clock that no other check moves.
    pub queue: Arc<dyn Queue>,
    /// The clock it goes by; `None` where time has to pass by itself.
    pub clock: Option<Arc<ManualClock>>,
}

impl Subject {
    async fn pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }

    async fn send(&self, queue: &str, body: &str) {
        self.queue.send(queue, body, Duration::ZERO).await.unwrap();
    }

    /// What is there now or comes within a second of real time, which an adapter over a network may need.
    async fn take(&self, queue: &str, max: usize, visibility: Duration) -> Vec<Delivery> {
        self.queue
            .receive(queue, max, visibility, SECOND)
            .await
            .unwrap()
    }

    async fn one(&self, queue: &str) -> Delivery {
        let mut got = self.take(queue, 1, LONG).await;
        assert_eq!(got.len(), 1, "a message is expected");
        got.remove(0)
    }

    async fn nothing(&self, queue: &str) {
        assert_eq!(
            self.queue.receive(queue, 10, LONG, Duration::ZERO).await,
            Ok(vec![])
        );
    }
}

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

/// All of them.
pub const CHECKS: &[Check<Subject>] = checks![
    a_message_arrives_as_it_was_sent,
    a_taken_message_is_hidden,
    a_message_comes_back_after_its_visibility,
    a_message_can_be_hidden_longer,
    a_message_can_be_given_back,
    a_deleted_message_stays_away,
    a_stale_receipt_is_ignored,
    a_delayed_message_waits,
    a_waiter_is_woken_by_a_message,
    a_wait_ends_with_nothing,
    every_message_reaches_one_of_many_waiters,
    a_delivery_has_at_most_ten,
    queues_are_apart,
    what_no_queue_takes_is_refused,
];

/// Any text.
pub async fn a_message_arrives_as_it_was_sent(s: Subject) {
    let q = fresh("plain");
    for body in [
        "x",
        "{\"task\":\"🗝\"}",
        " \n",
        &"y".repeat(limits::MESSAGE_BYTES),
    ] {
        s.send(&q, body).await;
        let got = s.one(&q).await;
        assert_eq!(
            (got.body.as_str(), got.receives, &got.receipt.queue),
            (body, 1, &q)
        );
        s.queue.delete(&got.receipt).await.unwrap();
    }
    s.nothing(&q).await;
}

/// From everyone else.
pub async fn a_taken_message_is_hidden(s: Subject) {
    let q = fresh("hidden");
    s.send(&q, "x").await;
    s.one(&q).await;
    s.nothing(&q).await;
}

/// With a count of its deliveries.
pub async fn a_message_comes_back_after_its_visibility(s: Subject) {
    let q = fresh("back");
    s.send(&q, "x").await;
    for receives in 1..=3 {
        let got = s.take(&q, 1, SECOND * 2).await;
        assert_eq!(got.len(), 1);
        assert_eq!((got[0].body.as_str(), got[0].receives), ("x", receives));
        s.nothing(&q).await;
        s.pass(SECOND * 2).await;
    }
}

/// Counted from the moment of extending.
pub async fn a_message_can_be_hidden_longer(s: Subject) {
    let q = fresh("extend");
    s.send(&q, "x").await;
    let got = s.take(&q, 1, SECOND * 2).await.remove(0);
    s.pass(SECOND).await;
    s.queue.extend(&got.receipt, SECOND * 4).await.unwrap();
    s.pass(SECOND * 2).await;
    s.nothing(&q).await;
    s.pass(SECOND * 2).await;
    assert_eq!(s.one(&q).await.receives, 2);
}

/// Extending by nothing returns it at once, also to one who waits.
pub async fn a_message_can_be_given_back(s: Subject) {
    let q = fresh("given-back");
    s.send(&q, "x").await;
    let got = s.one(&q).await;
    let waiter = tokio::spawn({
        let (s, q) = (s.clone(), q.clone());
        async move { s.queue.receive(&q, 1, LONG, SECOND * 10).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    s.queue.extend(&got.receipt, Duration::ZERO).await.unwrap();
    assert_eq!(waiter.await.unwrap()[0].receives, 2);
}

/// Also after its visibility would have ended; deleting twice is well.
pub async fn a_deleted_message_stays_away(s: Subject) {
    let q = fresh("deleted");
    s.send(&q, "x").await;
    let got = s.take(&q, 1, SECOND).await.remove(0);
    s.queue.delete(&got.receipt).await.unwrap();
    s.queue.delete(&got.receipt).await.unwrap();
    s.queue.extend(&got.receipt, Duration::ZERO).await.unwrap();
    s.pass(SECOND * 2).await;
    s.nothing(&q).await;
}

/// Of an earlier delivery, and one that is none of the queue's.
pub async fn a_stale_receipt_is_ignored(s: Subject) {
    let q = fresh("stale");
    s.send(&q, "x").await;
    let stale = s.take(&q, 1, SECOND).await.remove(0).receipt;
    s.pass(SECOND).await;
    let current = s.one(&q).await;
    assert_eq!(current.receives, 2);
    s.queue.extend(&stale, Duration::ZERO).await.unwrap();
    s.nothing(&q).await;
    s.queue.delete(&stale).await.unwrap();
    s.queue
        .delete(&Receipt {
            queue: q.clone(),
            handle: "rubbish".into(),
        })
        .await
        .unwrap();
    s.queue
        .extend(&current.receipt, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(s.one(&q).await.receives, 3);
}

/// While others pass it.
pub async fn a_delayed_message_waits(s: Subject) {
    let q = fresh("delayed");
    s.queue.send(&q, "later", SECOND * 3).await.unwrap();
    s.nothing(&q).await;
    s.send(&q, "now").await;
    assert_eq!(s.one(&q).await.body, "now");
    s.nothing(&q).await;
    s.pass(SECOND * 3).await;
    assert_eq!(s.one(&q).await.body, "later");
}

/// At once, not at the next look.
pub async fn a_waiter_is_woken_by_a_message(s: Subject) {
    let q = fresh("wakes");
    s.nothing(&q).await;
    let waiter = tokio::spawn({
        let (s, q) = (s.clone(), q.clone());
        async move {
            (
                s.queue.receive(&q, 1, LONG, SECOND * 15).await.unwrap(),
                Instant::now(),
            )
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sent = Instant::now();
    s.send(&q, "x").await;
    let (got, woken) = waiter.await.unwrap();
    assert_eq!(got.len(), 1);
    assert!(woken - sent < SECOND * 2, "woken after {:?}", woken - sent);
}

/// When its time is over.
pub async fn a_wait_ends_with_nothing(s: Subject) {
    let begun = Instant::now();
    assert_eq!(
        s.queue.receive(&fresh("silent"), 1, LONG, SECOND).await,
        Ok(vec![])
    );
    assert!(
        (SECOND * 9 / 10..SECOND * 6).contains(&begun.elapsed()),
        "waited {:?}",
        begun.elapsed()
    );
}

/// No message is left lying while someone waits.
pub async fn every_message_reaches_one_of_many_waiters(s: Subject) {
    let q = fresh("fan-out");
    let mut waiters = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (s, q) = (s.clone(), q.clone());
        waiters.spawn(async move {
            let mut seen = Vec::new();
            while let [got] = s
                .queue
                .receive(&q, 1, LONG, SECOND * 2)
                .await
                .unwrap()
                .as_slice()
            {
                seen.push(got.body.clone());
                s.queue.delete(&got.receipt).await.unwrap();
            }
            seen
        });
    }
    for n in 0..40 {
        s.send(&q, &n.to_string()).await;
    }
    let seen: BTreeSet<_> = waiters.join_all().await.concat().into_iter().collect();
    assert_eq!(seen, (0..40).map(|n| n.to_string()).collect());
}

/// However many are asked for, and together they are all.
pub async fn a_delivery_has_at_most_ten(s: Subject) {
    let q = fresh("batch");
    for n in 0..25 {
        s.send(&q, &n.to_string()).await;
    }
    let mut seen = BTreeSet::new();
    for max in [3, 10, 10, 100, 1000].iter().cycle().take(40) {
        let got = s
            .queue
            .receive(&q, *max, LONG, Duration::ZERO)
            .await
            .unwrap();
        assert!(got.len() <= 10.min(*max));
        seen.extend(got.into_iter().map(|delivery| delivery.body));
    }
    assert_eq!(seen.len(), 25);
}

/// Nobody gets another queue's message, nor deletes it.
pub async fn queues_are_apart(s: Subject) {
    let (q, other) = (fresh("mine"), fresh("other"));
    s.send(&other, "theirs").await;
    s.send(&q, "mine").await;
    assert_eq!(s.one(&q).await.body, "mine");
    s.nothing(&q).await;
    assert_eq!(s.one(&other).await.body, "theirs");
}

/// Names, sizes and times outside the limits.
pub async fn what_no_queue_takes_is_refused(s: Subject) {
    let q = fresh("refused");
    let invalid = |error: StoreError| assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
    let second = Duration::from_secs(1);
    for name in ["", "a b", "a/b", "ü", &"x".repeat(81)] {
        invalid(s.queue.send(name, "x", Duration::ZERO).await.unwrap_err());
        invalid(
            s.queue
                .receive(name, 1, second, Duration::ZERO)
                .await
                .unwrap_err(),
        );
    }
    invalid(s.queue.send(&q, "", Duration::ZERO).await.unwrap_err());
    invalid(
        s.queue
            .send(&q, "x", limits::DELAY + second)
            .await
            .unwrap_err(),
    );
    invalid(
        s.queue
            .receive(&q, 0, second, Duration::ZERO)
            .await
            .unwrap_err(),
    );
    invalid(
        s.queue
            .receive(&q, 1, limits::VISIBILITY + second, Duration::ZERO)
            .await
            .unwrap_err(),
    );
    invalid(
        s.queue
            .receive(&q, 1, second, limits::WAIT + second)
            .await
            .unwrap_err(),
    );
    let long = "x".repeat(limits::MESSAGE_BYTES + 1);
    let too_large = StoreError::TooLarge {
        limit: limits::MESSAGE_BYTES,
        got: long.len(),
    };
    assert_eq!(
        s.queue.send(&q, &long, Duration::ZERO).await,
        Err(too_large)
    );
    s.nothing(&q).await;
}
