//! Who clears a shard of the market. The rules are `prooflane_market`'s; here they meet the table.

use crate::tasks::{Committed, encode};
use crate::{Coordinator, Error, layout};
use prooflane_market::{Candidate, Leadership, Millis, Renewal, Standing, Step, TakeOver};
use prooflane_store::{Expect, Write};
use std::sync::Arc;

/// One auctioneer of one shard. What it knows of the leadership is its own: the coordinator keeps
/// nothing between calls.
#[derive(Clone)]
pub struct Auctioneer {
    shard: u8,
    candidate: Candidate,
    elapsed: Arc<dyn Fn() -> Millis + Send + Sync>,
}

/// A leader's right to clear: the epoch item of its shard is at this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mandate {
    pub(crate) shard: u8,
    epoch_version: u64,
}

impl Mandate {
    /// What every clearing commit carries.
    pub(crate) fn check(self) -> Write {
        Write::Check {
            key: layout::leader_epoch(self.shard),
            expect: Expect::Version(self.epoch_version),
        }
    }
}

impl Auctioneer {
    /// An auctioneer of this name, which no other that runs at the same time has. `elapsed` is a
    /// clock of its own that never goes back, from any origin.
    pub fn new(
        name: impl Into<String>,
        shard: u8,
        elapsed: impl Fn() -> Millis + Send + Sync + 'static,
    ) -> Self {
        Self {
            shard,
            candidate: Candidate::new(name),
            elapsed: Arc::new(elapsed),
        }
    }

    /// Which part of the market it clears.
    #[must_use]
    pub fn shard(&self) -> u8 {
        self.shard
    }

    /// Whether it leads, as far as it knows.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.candidate.leads().is_some()
    }

    pub(crate) fn deposed(&mut self) {
        tracing::warn!(
            shard = self.shard,
            name = self.candidate.holder(),
            "deposed"
        );
        self.candidate.deposed();
    }
}

fn mandate(shard: u8, epoch_version: u64) -> Mandate {
    Mandate {
        shard,
        epoch_version,
    }
}

fn expect(version: u64) -> Expect {
    if version == 0 {
        Expect::Absent
    } else {
        Expect::Version(version)
    }
}

impl Coordinator {
    /// Renews or takes the leadership where that is due; none while somebody else has it.
    pub(crate) async fn lead(&self, auctioneer: &mut Auctioneer) -> Result<Option<Mandate>, Error> {
        let now = (auctioneer.elapsed)();
        let shard = auctioneer.shard;
        match auctioneer.candidate.step(now, &self.rules) {
            Step::Lead { .. } => {}
            Step::Renew(renewal) => {
                if self.renew(shard, &renewal).await? {
                    auctioneer.candidate.renewed(&renewal, now);
                } else {
                    self.refused(auctioneer, renewal.epoch_version).await?;
                }
            }
            Step::Observe => {
                let standing = self.standing(shard).await?;
                if let Some(taken) = auctioneer.candidate.observe(&standing, now, &self.rules) {
                    if self.take_over(shard, &taken).await? {
                        let Leadership { holder, epoch } = &taken.leadership;
                        tracing::info!(shard, holder, epoch, "leads");
                        metrics::counter!("prooflane_take_overs_total").increment(1);
                        auctioneer.candidate.took_over(&taken, now);
                    } else {
                        self.refused(auctioneer, taken.epoch_version).await?;
                    }
                }
            }
        }
        let leads = auctioneer.candidate.leads();
        Ok(leads.map(|epoch_version| mandate(shard, epoch_version)))
    }

    /// Whether a mandate still holds, for those whose commit was refused.
    pub(crate) async fn holds(&self, mandate: Mandate) -> Result<bool, Error> {
        let item = self
            .ports
            .table
            .get(&layout::leader_epoch(mandate.shard))
            .await?;
        Ok(item.map_or(0, |item| item.version) == mandate.epoch_version)
    }

    /// A commit about the leadership was refused: by another leader, or by chance.
    async fn refused(&self, auctioneer: &mut Auctioneer, epoch_version: u64) -> Result<(), Error> {
        if self.holds(mandate(auctioneer.shard, epoch_version)).await? {
            auctioneer.candidate.look_anew();
        } else {
            auctioneer.deposed();
        }
        Ok(())
    }

    async fn standing(&self, shard: u8) -> Result<Standing, Error> {
        let table = &self.ports.table;
        // The beat is read first: a take-over in between changes the epoch, which is read after it.
        let beat = table.get(&layout::leader_beat(shard)).await?;
        let leadership = match table.get(&layout::leader_epoch(shard)).await? {
            Some(item) => Some((
                crate::tasks::decode::<Leadership>(&item, "leadership")?,
                item.version,
            )),
            None => None,
        };
        Ok(Standing {
            leadership,
            beat_version: beat.map_or(0, |item| item.version),
        })
    }

    async fn take_over(&self, shard: u8, taken: &TakeOver) -> Result<bool, Error> {
        let writes = [
            put(
                layout::leader_epoch(shard),
                expect(taken.epoch_version),
                encode(&taken.leadership),
            ),
            put(
                layout::leader_beat(shard),
                expect(taken.beat_version),
                encode(&taken.beat),
            ),
        ];
        Ok(matches!(self.commit(&writes).await?, Committed::Yes))
    }

    async fn renew(&self, shard: u8, renewal: &Renewal) -> Result<bool, Error> {
        let writes = [
            put(
                layout::leader_beat(shard),
                expect(renewal.beat_version),
                encode(&renewal.beat),
            ),
            mandate(shard, renewal.epoch_version).check(),
        ];
        Ok(matches!(self.commit(&writes).await?, Committed::Yes))
    }
}

fn put(key: prooflane_store::Key, expect: Expect, body: Vec<u8>) -> Write {
    Write::Put {
        key,
        expect,
        body,
        wake: None,
        listing: None,
    }
}
