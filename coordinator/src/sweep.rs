//! The sweeper: whatever is due is looked at. It heals lost messages, dead provers and passed
//! deadlines alike, and it knows when the network itself was away.

use crate::tasks::{Committed, Decision, TRIES, TaskRecord, decode, encode};
use crate::{Coordinator, Error, layout};
use prooflane_market::{Status, Timestamp};
use prooflane_store::{Expect, Index, Item, Query, Write};
use serde::{Deserialize, Serialize};

/// That the sweeper is there, and since when without an outage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Liveness {
    up_since: Timestamp,
    seen_at: Timestamp,
}

impl Coordinator {
    /// Acts on every task whose wake-up time has come; returns how many those were.
    ///
    /// # Errors
    /// The store's, or that of the first task that could not be woken, after all others were.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let now = self.now();
        let up_since = self.up_since(now).await?;
        let mut due = 0;
        let mut woken = Ok(());
        for shard in 0..layout::WAKE_SHARDS {
            // What is due now stays due until it is acted on, so one page a sweep loses nothing.
            let query = Query::new(Index::Wake, layout::wake_partition(shard))
                .to(layout::moment(Timestamp(now.0 + 1)))
                .limit(100);
            for item in self.ports.table.query(&query).await?.items {
                due += 1;
                woken = woken.and(self.wake(&item, now, up_since).await);
            }
        }
        metrics::gauge!("prooflane_sweeper_due")
            .set(f64::from(u32::try_from(due).unwrap_or(u32::MAX)));
        woken.map(|()| due)
    }

    /// Since when the network is there without an outage: a sweeper that finds nobody has swept for
    /// longer than [`prooflane_market::Rules::outage`] begins anew.
    async fn up_since(&self, now: Timestamp) -> Result<Timestamp, Error> {
        let key = layout::sweeper();
        for _ in 0..TRIES {
            let item = self.ports.table.get(&key).await?;
            let (known, expect) = match &item {
                // One that cannot be read says nothing: as after an outage.
                Some(item) => (
                    decode::<Liveness>(item, "sweeper's sign of life").ok(),
                    Expect::Version(item.version),
                ),
                None => (None, Expect::Absent),
            };
            let alive = match known {
                Some(known) if now.since(known.seen_at) <= self.rules.outage => {
                    // Often enough to be told from an outage, and no more.
                    if now.since(known.seen_at).0 < self.rules.outage.0 / 4 {
                        return Ok(known.up_since);
                    }
                    Liveness {
                        seen_at: now,
                        ..known
                    }
                }
                _ => {
                    tracing::info!("the network is back: leases that ran meanwhile are given anew");
                    Liveness {
                        up_since: now,
                        seen_at: now,
                    }
                }
            };
            let write = Write::Put {
                key: key.clone(),
                expect,
                body: encode(&alive),
                wake: None,
                listing: None,
            };
            if matches!(self.commit(&[write]).await?, Committed::Yes) {
                return Ok(alive.up_since);
            }
        }
        Err(Error::Contention(TRIES))
    }

    async fn wake(&self, item: &Item, now: Timestamp, up_since: Timestamp) -> Result<(), Error> {
        let listed = decode::<TaskRecord>(item, "task")?;
        let id = listed.task.id();
        let replaced = self.key_replaced(&listed);
        let woken = self
            .change(id, |task| {
                if replaced && !task.status().is_terminal() {
                    return Ok(Decision::Change(task.key_replaced(now)?, true));
                }
                Ok(match task.tick(now, up_since, &self.rules) {
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
            self.hint_task(id).await;
        }
        if changed {
            self.hint_open().await;
        }
        Ok(())
    }
}
