use crate::sqlite::{lock, lock_path, prepare};
use crate::{Clock, Delivery, Queue, Receipt, StoreError, limits};
use async_trait::async_trait;
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

const SCHEMA_VERSION: i64 = 1;
/// `AUTOINCREMENT`, so that a stale receipt can never name a younger message.
const SCHEMA: &str = "
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body TEXT NOT NULL,
        visible_at INTEGER NOT NULL, receives INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX due ON messages (queue, visible_at, id);";

/// A [`Queue`] in one SQLite file. It survives `kill -9`; a loss of power may lose the latest messages, as it may:
/// a message is a hint, and the sweeper finds what it hinted at.
pub struct SqliteQueue {
    conn: Mutex<Connection>,
    clock: Arc<dyn Clock>,
    waiting: Mutex<HashMap<String, Arc<Notify>>>,
    _lock: Option<File>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SqliteQueue {
    /// Opens or makes the database file `path`, which no other process may have open; its directory must exist.
    ///
    /// # Errors
    /// As [`crate::SqliteTable::open`].
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = lock(lock_path(path))?;
        Self::new(Connection::open(path)?, clock, Some(lock))
    }

    /// Queues that are gone when dropped: for tests and demonstrations.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where no memory is to be had.
    pub fn memory(clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::new(Connection::open_in_memory()?, clock, None)
    }

    fn new(
        mut conn: Connection,
        clock: Arc<dyn Clock>,
        lock: Option<File>,
    ) -> Result<Self, StoreError> {
        prepare(&mut conn, "NORMAL", SCHEMA_VERSION, SCHEMA)?;
        Ok(Self {
            conn: Mutex::new(conn),
            clock,
            waiting: Mutex::default(),
            _lock: lock,
        })
    }

    fn visible_at(&self, after: Duration) -> u64 {
        self.clock.now_millis() + after.as_millis() as u64
    }

    /// Every waiter looks again: whether there is something for it, or how long it may sleep now.
    fn wake(&self, queue: &str) {
        if let Some(waiters) = held(&self.waiting).get(queue) {
            waiters.notify_waiters();
        }
    }

    fn take(
        &self,
        queue: &str,
        max: usize,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, StoreError> {
        let conn = held(&self.conn);
        let now = self.clock.now_millis();
        let mut statement = conn.prepare_cached(
            "UPDATE messages SET visible_at = ?1, receives = receives + 1 WHERE id IN
               (SELECT id FROM messages WHERE queue = ?2 AND visible_at <= ?3 ORDER BY visible_at, id LIMIT ?4)
             RETURNING id, receives, body",
        )?;
        let rows = statement.query_map(
            params![self.visible_at(visibility), queue, now, max],
            |row| {
                let (id, receives): (i64, u32) = (row.get(0)?, row.get(1)?);
                let receipt = Receipt {
                    queue: queue.into(),
                    handle: format!("{id}.{receives}"),
                };
                Ok(Delivery {
                    receipt,
                    body: row.get(2)?,
                    receives,
                })
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How long until the next message that is there but not visible yet.
    fn next_in(&self, queue: &str) -> Result<Option<Duration>, StoreError> {
        let at: Option<u64> = held(&self.conn)
            .prepare_cached("SELECT min(visible_at) FROM messages WHERE queue = ?1")?
            .query_row([queue], |row| row.get(0))?;
        Ok(at.map(|at| Duration::from_millis(at.saturating_sub(self.clock.now_millis()).max(1))))
    }
}

/// The message and the delivery of it that a receipt names. Not one of ours: names none.
fn named(receipt: &Receipt) -> Option<(i64, u32)> {
    let (id, receives) = receipt.handle.split_once('.')?;
    Some((id.parse().ok()?, receives.parse().ok()?))
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn send(&self, queue: &str, body: &str, delay: Duration) -> Result<(), StoreError> {
        limits::send(queue, body, delay)?;
        held(&self.conn)
            .prepare_cached("INSERT INTO messages (queue, body, visible_at) VALUES (?1, ?2, ?3)")?
            .execute(params![queue, body, self.visible_at(delay)])?;
        self.wake(queue);
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
        let waiters = held(&self.waiting).entry(queue.into()).or_default().clone();
        loop {
            // Listening before looking: a message sent in between wakes us.
            let mut woken = pin!(waiters.notified());
            woken.as_mut().enable();
            let taken = self.take(queue, max, visibility)?;
            if !taken.is_empty() || Instant::now() >= deadline {
                return Ok(taken);
            }
            let due = self
                .next_in(queue)?
                .map_or(deadline, |next| deadline.min(Instant::now() + next));
            tokio::select! {
                () = woken => {}
                () = sleep_until(due) => {}
            }
        }
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<(), StoreError> {
        limits::visibility(visibility)?;
        let Some((id, receives)) = named(receipt) else {
            return Ok(());
        };
        held(&self.conn)
            .prepare_cached("UPDATE messages SET visible_at = ?1 WHERE id = ?2 AND receives = ?3 AND queue = ?4")?
            .execute(params![self.visible_at(visibility), id, receives, receipt.queue])?;
        self.wake(&receipt.queue);
        Ok(())
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), StoreError> {
        let Some((id, receives)) = named(receipt) else {
            return Ok(());
        };
        held(&self.conn)
            .prepare_cached("DELETE FROM messages WHERE id = ?1 AND receives = ?2 AND queue = ?3")?
            .execute(params![id, receives, receipt.queue])?;
        Ok(())
    }
}
