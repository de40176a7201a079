use super::held;
use async_trait::async_trait;
use prooflane_store::{Clock, Delivery, Queue, Receipt, StoreError, limits};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Queues in memory, by a clock of their own.
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    queues: Mutex<BTreeMap<String, Messages>>,
}

#[derive(Default)]
struct Messages {
    /// By when it can be seen, then by when it was sent.
    waiting: BTreeMap<(u64, u64), Message>,
    sent: u64,
    changed: Arc<Notify>,
}

struct Message {
    id: u64,
    body: String,
    receives: u32,
}

/// What is there now, or when to look again, and what tells of a change before that.
enum Look {
    Found(Vec<Delivery>),
    Nothing(Option<u64>),
}

impl MemoryQueue {
    /// No messages yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            queues: Mutex::default(),
        }
    }

    fn after(&self, time: Duration) -> u64 {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.clock.now_millis().saturating_add(millis)
    }

    fn look(&self, queue: &str, max: usize, visibility: Duration) -> Look {
        let now = self.clock.now_millis();
        let hidden_until = self.after(visibility);
        let mut queues = held(&self.queues);
        let messages = queues.entry(queue.to_owned()).or_default();
        let visible: Vec<_> = messages
            .waiting
            .range(..=(now, u64::MAX))
            .map(|(place, _)| *place)
            .take(max)
            .collect();
        if visible.is_empty() {
            return Look::Nothing(messages.waiting.keys().next().map(|(at, _)| at - now));
        }
        let mut found = Vec::new();
        for place in visible {
            if let Some(mut message) = messages.waiting.remove(&place) {
                message.receives += 1;
                found.push(Delivery {
                    receipt: Receipt {
                        queue: queue.to_owned(),
                        handle: format!("{}.{}", message.id, message.receives),
                    },
                    body: message.body.clone(),
                    receives: message.receives,
                });
                messages.waiting.insert((hidden_until, message.id), message);
            }
        }
        Look::Found(found)
    }

    /// Gives `act` the queue and the place of the message that a receipt names, if it is not stale.
    fn with(&self, receipt: &Receipt, act: impl FnOnce(&mut Messages, (u64, u64))) {
        let Some((id, receives)) = receipt.handle.split_once('.') else {
            return;
        };
        let mut queues = held(&self.queues);
        if let Some(messages) = queues.get_mut(&receipt.queue) {
            let named = |m: &Message| m.id.to_string() == id && m.receives.to_string() == receives;
            let place = messages.waiting.iter().find(|(_, m)| named(m));
            if let Some(place) = place.map(|(place, _)| *place) {
                act(messages, place);
            }
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, queue: &str, body: &str, delay: Duration) -> Result<(), StoreError> {
        limits::send(queue, body, delay)?;
        let visible_at = self.after(delay);
        let mut queues = held(&self.queues);
        let messages = queues.entry(queue.to_owned()).or_default();
        messages.sent += 1;
        let message = Message {
            id: messages.sent,
            body: body.to_owned(),
            receives: 0,
        };
        messages.waiting.insert((visible_at, message.id), message);
        messages.changed.notify_waiters();
        Ok(())
    }

    async fn receive(
        &self,
        queue: &str,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, StoreError> {
        let max = limits::receive(queue, max, visibility, wait)?;
        let deadline = Instant::now() + wait;
        let changed = {
            let mut queues = held(&self.queues);
            queues.entry(queue.to_owned()).or_default().changed.clone()
        };
        loop {
            // Listening before looking: a message sent in between wakes us.
            let mut woken = pin!(changed.notified());
            woken.as_mut().enable();
            let next = match self.look(queue, max, visibility) {
                Look::Found(found) => return Ok(found),
                Look::Nothing(_) if Instant::now() >= deadline => return Ok(Vec::new()),
                Look::Nothing(next) => next,
            };
            let due = next.map_or(deadline, |millis| {
                deadline.min(Instant::now() + Duration::from_millis(millis.max(1)))
            });
            tokio::select! {
                biased;
                () = woken => {}
                () = sleep_until(due) => {}
            }
        }
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<(), StoreError> {
        limits::visibility(visibility)?;
        let until = self.after(visibility);
        self.with(receipt, |messages, place| {
            if let Some(message) = messages.waiting.remove(&place) {
                messages.waiting.insert((until, message.id), message);
                messages.changed.notify_waiters();
            }
        });
        Ok(())
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), StoreError> {
        self.with(receipt, |messages, place| {
            messages.waiting.remove(&place);
        });
        Ok(())
    }
}
