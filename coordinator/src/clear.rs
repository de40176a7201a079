//! Auctions: hints say which tasks to look at, the table says what is true.

use crate::tasks::{Committed, TRIES, TaskRecord, Versioned, decode, encode, put_prover};
use crate::{Coordinator, Error, layout};
use prooflane_market::{
    Book, Clearing, Effect, NoMatch, ProverId, State, TaskId, Transcript, Winner, clear,
};
use prooflane_store::{Expect, Index, Query, Write};
use std::collections::BTreeMap;
use std::time::Duration;

/// Hints for the auctioneer: a task's id, or `open` for every open task.
pub const AUCTION_QUEUE: &str = "auction";
/// The hint that something in the market changed: every open task may find a prover now.
pub(crate) const ALL_OPEN: &str = "open";
/// Open tasks looked at for one such hint; those beyond have their own wake-up.
const OPEN_LIMIT: usize = 512;
const BATCH: usize = 10;

/// What a task would cost now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Who would prove it and at what price; none if nobody would.
    pub winner: Option<Winner>,
    /// How many provers would bid.
    pub bids: usize,
    /// What keeps the others.
    pub no_match: Option<NoMatch>,
}

/// The book as read, with the version of each prover in it.
struct BookView {
    book: Book,
    versions: BTreeMap<ProverId, u64>,
}

impl BookView {
    fn has_room(&self) -> bool {
        self.book
            .provers()
            .any(|p| p.asks.iter().any(|ask| p.room(ask) > 0))
    }
}

impl Coordinator {
    /// Waits for hints and clears the tasks they name; returns how many were assigned.
    ///
    /// # Errors
    /// The store's.
    pub async fn auction_once(&self, wait: Duration) -> Result<usize, Error> {
        let visibility = Duration::from_secs(30);
        let hints = self
            .ports
            .queue
            .receive(AUCTION_QUEUE, BATCH, visibility, wait)
            .await?;
        if hints.is_empty() {
            return Ok(0);
        }
        let mut view = self.book().await?;
        let mut assigned = 0;
        let mut all_open = false;
        for hint in &hints {
            match hint.body.parse() {
                Ok(id) => {
                    assigned += usize::from(self.clear_one(TaskId(id), &mut view, true).await?)
                }
                Err(_) => all_open |= hint.body == ALL_OPEN,
            }
        }
        if all_open {
            assigned += self.clear_open(&mut view).await?;
        }
        for hint in &hints {
            self.ports.queue.delete(&hint.receipt).await?;
        }
        Ok(assigned)
    }

    /// What a task would cost if it were auctioned now. Nothing is written.
    ///
    /// # Errors
    /// The store's.
    pub async fn quote(&self, task: &prooflane_market::Task) -> Result<Quote, Error> {
        let view = self.book().await?;
        Ok(match clear(task, &view.book, self.now(), &self.rules) {
            Clearing::Match { winner, transcript } => Quote {
                winner: Some(winner),
                bids: transcript.bids.len(),
                no_match: None,
            },
            Clearing::NoMatch(no_match) => Quote {
                winner: None,
                bids: 0,
                no_match: Some(no_match),
            },
        })
    }

    /// The transcript of the auction that assigned an attempt.
    ///
    /// # Errors
    /// The store's.
    pub async fn transcript(
        &self,
        task: TaskId,
        attempt: prooflane_market::AttemptNo,
    ) -> Result<Option<Transcript>, Error> {
        let item = self
            .ports
            .table
            .get(&layout::transcript(task, attempt))
            .await?;
        item.map(|item| decode(&item, "transcript")).transpose()
    }

    async fn book(&self) -> Result<BookView, Error> {
        let mut versions = BTreeMap::new();
        let mut provers = Vec::new();
        let mut query = Query::new(Index::Listing, layout::PROVERS).limit(200);
        loop {
            let page = self.ports.table.query(&query).await?;
            for item in &page.items {
                let prover: prooflane_market::Prover = decode(item, "prover")?;
                versions.insert(prover.prover_id.clone(), item.version);
                provers.push(prover);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        Ok(BookView {
            book: provers.into_iter().collect(),
            versions,
        })
    }

    /// Gives open tasks to whoever has room, best first. Those that find nobody are not written to:
    /// their own wake-up keeps count of their auctions.
    async fn clear_open(&self, view: &mut BookView) -> Result<usize, Error> {
        let mut assigned = 0;
        let mut seen = 0;
        let mut query = Query::new(Index::Listing, layout::OPEN).limit(64);
        while seen < OPEN_LIMIT && view.has_room() {
            let page = self.ports.table.query(&query).await?;
            for item in page.items {
                seen += 1;
                let record: TaskRecord = decode(&item, "task")?;
                if !view.has_room() {
                    break;
                }
                assigned += usize::from(self.clear_one(record.task.id(), view, false).await?);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        Ok(assigned)
    }

    /// Auctions one task; true if it was assigned.
    async fn clear_one(
        &self,
        id: TaskId,
        view: &mut BookView,
        note_no_match: bool,
    ) -> Result<bool, Error> {
        for _ in 0..TRIES {
            let mut record = match self.load(id).await {
                Ok(record) => record,
                Err(Error::UnknownTask(_)) => return Ok(false),
                Err(error) => return Err(error),
            };
            let now = self.now();
            let task = &mut record.value.task;
            if !matches!(task.state, State::Pending { .. })
                || task.spec.deadline.is_some_and(|d| d <= now)
            {
                return Ok(false);
            }
            // Hints may be repeated; only an auction that is due counts as one that found nobody.
            let due = task.wake_at(&self.rules).is_some_and(|at| at <= now);
            match clear(task, &view.book, now, &self.rules) {
                Clearing::NoMatch(_) if !(note_no_match && due) => return Ok(false),
                Clearing::NoMatch(no_match) => {
                    task.unmatched(no_match, now, &self.rules)?;
                    let write = record
                        .value
                        .put(Expect::Version(record.version), &self.rules);
                    if matches!(self.commit(&[write]).await?, Committed::Yes) {
                        self.watch.call(id);
                        return Ok(false);
                    }
                }
                Clearing::Match { winner, transcript } => {
                    if self.assign(&mut record, winner, &transcript, view).await? {
                        return Ok(true);
                    }
                    *view = self.book().await?;
                }
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// Writes an assignment: the task, the prover's load, the transcript, all or none.
    async fn assign(
        &self,
        record: &mut Versioned<TaskRecord>,
        winner: Winner,
        transcript: &Transcript,
        view: &mut BookView,
    ) -> Result<bool, Error> {
        let task = &mut record.value.task;
        let bids = u32::try_from(transcript.bids.len()).unwrap_or(u32::MAX);
        let effects = task.assign(&winner, bids, transcript.at, &self.rules)?;
        let (id, attempt) = (task.id(), task.attempt());
        let Some(version) = view.versions.get_mut(&winner.prover) else {
            return Ok(false);
        };
        let Some(prover) = view.book.prover_mut(&winner.prover) else {
            return Ok(false);
        };
        let mut taken = prover.clone();
        for effect in effects {
            if let Effect::Take {
                ask_id, attempt, ..
            } = effect
            {
                taken.take(id, ask_id, attempt);
            }
        }
        let writes = [
            record
                .value
                .put(Expect::Version(record.version), &self.rules),
            put_prover(&taken, Expect::Version(*version)),
            Write::Put {
                key: layout::transcript(id, attempt),
                expect: Expect::Absent,
                body: encode(transcript),
                wake: None,
                listing: None,
            },
        ];
        if !matches!(self.commit(&writes).await?, Committed::Yes) {
            return Ok(false);
        }
        *prover = taken;
        *version += 1;
        metrics::counter!("prooflane_tasks_assigned_total").increment(1);
        tracing::debug!(task = %id, prover = %winner.prover, price = %winner.price, attempt, "assigned");
        self.watch.call(id);
        self.hint(&layout::prover_queue(&winner.prover), &id.to_string())
            .await;
        Ok(true)
    }
}
