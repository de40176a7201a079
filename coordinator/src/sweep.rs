//! The sweeper: whatever is due is looked at. It heals lost messages, dead provers and passed
//! deadlines alike.

use crate::tasks::{Decision, TaskRecord, decode};
use crate::{Coordinator, Error, clear, layout};
use prooflane_market::{Status, Timestamp};
use prooflane_store::{Index, Item, Query};

impl Coordinator {
    /// Acts on every task whose wake-up time has come; returns how many those were.
    ///
    /// # Errors
    /// The store's, or that of the first task that could not be woken, after all others were.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let now = self.now();
        let mut due = 0;
        let mut woken = Ok(());
        for shard in 0..layout::WAKE_SHARDS {
            // What is due now stays due until it is acted on, so one page a sweep loses nothing.
            let query = Query::new(Index::Wake, layout::wake_partition(shard))
                .to(layout::moment(Timestamp(now.0 + 1)))
                .limit(100);
            for item in self.ports.table.query(&query).await?.items {
                due += 1;
                woken = woken.and(self.wake(&item, now).await);
            }
        }
        metrics::gauge!("prooflane_sweeper_due")
            .set(f64::from(u32::try_from(due).unwrap_or(u32::MAX)));
        woken.map(|()| due)
    }

    async fn wake(&self, item: &Item, now: Timestamp) -> Result<(), Error> {
        let id = decode::<TaskRecord>(item, "task")?.task.id();
        let woken = self
            .change(id, |task| {
                Ok(match task.tick(now, Timestamp(0), &self.rules) {
                    Some(effects) => Decision::Change(effects, true),
                    None => Decision::Keep(false),
                })
            })
            .await;
        let (record, changed) = match woken {
            Ok(woken) => woken,
            Err(Error::UnknownTask(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if changed {
            tracing::info!(task = %id, status = %record.task.status(), "woken");
        }
        if record.task.status() == Status::Pending {
            self.hint(clear::AUCTION_QUEUE, &id.to_string()).await;
        }
        if changed {
            self.hint(clear::AUCTION_QUEUE, clear::ALL_OPEN).await;
        }
        Ok(())
    }
}
