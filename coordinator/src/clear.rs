//! Auctions: hints say which tasks to look at, the table says what is true.

use crate::leader::Mandate;
use crate::tasks::{Committed, TRIES, TaskRecord, Versioned, decode, encode, put_prover};
use crate::{Auctioneer, Coordinator, Error, layout};
use prooflane_market::{
    AttemptNo, Bid, Book, Clearing, Effect, NoMatch, Prover, ProverId, State, Supply, TaskId,
    Transcript, Winner, clear,
};
use prooflane_store::{Expect, Index, Item, PutMode, Query, Write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The hint that something in the market changed: every open task may find a prover now. All other
/// hints are ids of tasks.
pub(crate) const ALL_OPEN: &str = "open";
/// Open tasks looked at for one such hint; those beyond have their own wake-up.
const OPEN_LIMIT: usize = 512;
const BATCH: usize = 10;
/// Transcripts with more bids than this keep them in a blob: an item has its limits.
const INLINE_BIDS: usize = 64;

/// What a task would cost now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Who would prove it and at what price; none if nobody would.
    pub winner: Option<Winner>,
    /// Who could take it, best score first.
    pub bids: Vec<Bid>,
    /// What keeps the others.
    pub no_match: Option<NoMatch>,
}

/// A transcript as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredTranscript {
    #[serde(flatten)]
    transcript: Transcript,
    /// The blob with the bids, where they are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bids_in: Option<String>,
}

/// What became of one task in an auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cleared {
    Assigned,
    NotAssigned,
    /// Somebody else leads: nothing more can be written.
    Deposed,
}

/// What became of a batch of hints.
#[derive(Debug)]
pub struct Batch {
    /// Tasks that found a prover.
    pub assigned: usize,
    /// For each hint, in their order, whether it is done with; the others are to come again.
    pub done: Vec<bool>,
    /// The first error.
    pub result: Result<(), Error>,
}

impl Batch {
    fn none(hints: usize) -> Self {
        Self {
            assigned: 0,
            done: vec![false; hints],
            result: Ok(()),
        }
    }
}

/// The book as read, with the version of each prover in it.
struct BookView {
    book: Book,
    /// Tells at once whether anybody bids for a task.
    supply: Supply,
    versions: BTreeMap<ProverId, u64>,
}

impl Coordinator {
    /// If this auctioneer leads its shard, waits for hints and clears the tasks they name; returns
    /// how many were assigned. One that does not lead waits for its chance instead.
    ///
    /// # Errors
    /// The store's, or that of the first hint that could not be acted on, after all others were.
    /// A hint that failed comes again.
    pub async fn auction_once(
        &self,
        auctioneer: &mut Auctioneer,
        wait: Duration,
    ) -> Result<usize, Error> {
        let lease = Duration::from_millis(self.rules.leader_lease.0);
        let Some(mandate) = self.lead(auctioneer).await? else {
            tokio::time::sleep(wait.min(lease / 4)).await;
            return Ok(0);
        };
        let visibility = Duration::from_secs(30);
        // A leader must be back in time to renew.
        let wait = wait.min(lease / 4);
        let name = layout::auction_queue(mandate.shard);
        let queue = &self.ports.queue;
        let hints = queue.receive(&name, BATCH, visibility, wait).await?;
        if hints.is_empty() {
            return Ok(0);
        }
        let bodies: Vec<&str> = hints.iter().map(|hint| &*hint.body).collect();
        let batch = self.clear_hints(auctioneer, mandate, &bodies).await?;
        for (hint, done) in hints.iter().zip(&batch.done) {
            if *done {
                queue.delete(&hint.receipt).await?;
            } else if !auctioneer.leads() {
                // Whoever leads now is to have them at once.
                queue.extend(&hint.receipt, Duration::ZERO).await?;
            }
        }
        batch.result.map(|()| batch.assigned)
    }

    /// The same for hints that somebody else has received, as a queue feeds them to a function. One
    /// that does not lead waits up to `patience` for its chance.
    ///
    /// # Errors
    /// The store's; what could not be done for single hints is in the [`Batch`].
    pub async fn auction_batch(
        &self,
        auctioneer: &mut Auctioneer,
        hints: &[&str],
        patience: Duration,
    ) -> Result<Batch, Error> {
        let until = tokio::time::Instant::now() + patience;
        loop {
            if let Some(mandate) = self.lead(auctioneer).await? {
                return self.clear_hints(auctioneer, mandate, hints).await;
            }
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if left.is_zero() {
                return Ok(Batch::none(hints.len()));
            }
            let quarter = Duration::from_millis(self.rules.leader_lease.0 / 4);
            tokio::time::sleep(left.min(quarter)).await;
        }
    }

    async fn clear_hints(
        &self,
        auctioneer: &mut Auctioneer,
        mandate: Mandate,
        hints: &[&str],
    ) -> Result<Batch, Error> {
        let mut batch = Batch::none(hints.len());
        let mut view = self.book().await?;
        // Every open task first, in its order: a place that became free is not for whichever task
        // happens to be named. What is named is looked at afterwards, to note that it found nobody.
        let (count, mut last) = self.clear_open(&mut view, mandate).await?;
        batch.assigned += count;
        for (hint, done) in hints.iter().zip(&mut batch.done) {
            let cleared = match hint.parse() {
                _ if last == Cleared::Deposed => break,
                Ok(id) => self.clear_one(TaskId(id), &mut view, true, mandate).await,
                Err(_) => Ok(Cleared::NotAssigned),
            };
            match cleared {
                Ok(cleared) => {
                    last = cleared;
                    batch.assigned += usize::from(cleared == Cleared::Assigned);
                    *done = cleared != Cleared::Deposed;
                }
                Err(error) => {
                    tracing::error!(hint, %error, "a hint could not be acted on");
                    batch.result = batch.result.and(Err(error));
                }
            }
        }
        if last == Cleared::Deposed {
            auctioneer.deposed();
        }
        Ok(batch)
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
                bids: transcript.bids,
                no_match: None,
            },
            Clearing::NoMatch(no_match) => Quote {
                winner: None,
                bids: Vec::new(),
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
        attempt: AttemptNo,
    ) -> Result<Option<Transcript>, Error> {
        let key = layout::transcript(task, attempt);
        match self.ports.table.get(&key).await? {
            Some(item) => Ok(Some(self.whole(&item).await?)),
            None => Ok(None),
        }
    }

    /// The transcripts of every attempt of a task, oldest first.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], the store's.
    pub async fn transcripts(&self, id: TaskId) -> Result<Vec<(AttemptNo, Transcript)>, Error> {
        let task = self.load(id).await?.value.task;
        let mut transcripts = Vec::new();
        for attempt in &task.attempts {
            let transcript = self.transcript(id, attempt.number).await?;
            let missing = Error::Corrupt { what: "transcript" };
            transcripts.push((attempt.number, transcript.ok_or(missing)?));
        }
        Ok(transcripts)
    }

    /// A stored transcript with its bids.
    async fn whole(&self, item: &Item) -> Result<Transcript, Error> {
        let mut stored: StoredTranscript = decode(item, "transcript")?;
        if let Some(blob) = stored.bids_in {
            let lost = || Error::Corrupt { what: "transcript" };
            let bytes = self.ports.blobs.get(&blob).await?.ok_or_else(lost)?;
            stored.transcript.bids = serde_json::from_slice(&bytes).map_err(|_| lost())?;
        }
        Ok(stored.transcript)
    }

    /// The write that keeps a transcript; many bids are put into a blob before.
    async fn transcript_write(
        &self,
        id: TaskId,
        attempt: AttemptNo,
        mut transcript: Transcript,
    ) -> Result<Write, Error> {
        let mut bids_in = None;
        if transcript.bids.len() > INLINE_BIDS {
            let bids = encode(&std::mem::take(&mut transcript.bids));
            let digest = blake3::hash(&bids).to_hex();
            let blob = layout::transcript_blob(id, attempt, &digest[..16]);
            self.ports
                .blobs
                .put(&blob, &bids, PutMode::IfAbsent)
                .await?;
            bids_in = Some(blob);
        }
        Ok(Write::Put {
            key: layout::transcript(id, attempt),
            expect: Expect::Absent,
            body: encode(&StoredTranscript {
                transcript,
                bids_in,
            }),
            wake: None,
            listing: None,
        })
    }

    async fn book(&self) -> Result<BookView, Error> {
        let (provers, versions) = self.listed_provers().await?;
        Ok(self.view(provers.into_iter().collect(), versions))
    }

    /// The book where one prover's record has just changed: a listing may lag behind it.
    async fn book_with(&self, changed: &ProverId) -> Result<BookView, Error> {
        let (provers, mut versions) = self.listed_provers().await?;
        let mut book: Book = provers.into_iter().collect();
        let newest = self.load_prover(changed).await?;
        versions.insert(changed.clone(), newest.version);
        book.update(newest.value);
        Ok(self.view(book, versions))
    }

    fn view(&self, book: Book, versions: BTreeMap<ProverId, u64>) -> BookView {
        BookView {
            supply: Supply::new(&book, self.now(), &self.rules),
            book,
            versions,
        }
    }

    async fn listed_provers(&self) -> Result<(Vec<Prover>, BTreeMap<ProverId, u64>), Error> {
        let mut versions = BTreeMap::new();
        let mut provers = Vec::new();
        let mut query = Query::new(Index::Listing, layout::PROVERS).limit(200);
        loop {
            let page = self.ports.table.query(&query).await?;
            for item in &page.items {
                // One that cannot be read must not keep the others from bidding.
                let prover: Prover = match decode(item, "prover") {
                    Ok(prover) => prover,
                    Err(error) => {
                        tracing::error!(prover = %item.key, %error, "left out of the book");
                        continue;
                    }
                };
                versions.insert(prover.prover_id.clone(), item.version);
                provers.push(prover);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        Ok((provers, versions))
    }

    /// Gives open tasks to whoever has room, best first. Those that find nobody are not written to:
    /// their own wake-up keeps count of their auctions.
    async fn clear_open(
        &self,
        view: &mut BookView,
        mandate: Mandate,
    ) -> Result<(usize, Cleared), Error> {
        let mut assigned = 0;
        let mut seen = 0;
        let mut query = Query::new(Index::Listing, layout::open(mandate.shard)).limit(64);
        while seen < OPEN_LIMIT && !view.supply.is_empty() {
            let page = self.ports.table.query(&query).await?;
            for item in page.items {
                seen += 1;
                if view.supply.is_empty() {
                    break;
                }
                let cleared = match decode::<TaskRecord>(&item, "task") {
                    Ok(record) if view.supply.best(&record.task).is_none() => continue,
                    Ok(record) => {
                        let id = record.task.id();
                        self.clear_one(id, view, false, mandate).await
                    }
                    Err(error) => Err(error),
                };
                match cleared {
                    Ok(Cleared::Assigned) => assigned += 1,
                    Ok(Cleared::NotAssigned) => {}
                    Ok(Cleared::Deposed) => return Ok((assigned, Cleared::Deposed)),
                    // One that cannot be read must not hide those behind it.
                    Err(error @ Error::Corrupt { .. }) => {
                        tracing::error!(task = %item.key, %error, "passed over");
                    }
                    Err(error) => return Err(error),
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        Ok((assigned, Cleared::NotAssigned))
    }

    /// Auctions one task.
    async fn clear_one(
        &self,
        id: TaskId,
        view: &mut BookView,
        note_no_match: bool,
        mandate: Mandate,
    ) -> Result<Cleared, Error> {
        for _ in 0..TRIES {
            let mut record = match self.load(id).await {
                Ok(record) => record,
                Err(Error::UnknownTask(_)) => return Ok(Cleared::NotAssigned),
                Err(error) => return Err(error),
            };
            let now = self.now();
            let task = &mut record.value.task;
            if !matches!(task.state, State::Pending { .. })
                || task.spec.deadline.is_some_and(|d| d <= now)
            {
                return Ok(Cleared::NotAssigned);
            }
            if self.key_replaced(&record.value) {
                self.retire(id).await?;
                return Ok(Cleared::NotAssigned);
            }
            // Hints may be repeated; only an auction that is due counts as one that found nobody.
            let task = &mut record.value.task;
            let due = task.wake_at(&self.rules).is_some_and(|at| at <= now);
            match clear(task, &view.book, now, &self.rules) {
                Clearing::NoMatch(_) if !(note_no_match && due) => {
                    return Ok(Cleared::NotAssigned);
                }
                Clearing::NoMatch(no_match) => {
                    task.unmatched(no_match, now, &self.rules)?;
                    let writes = [
                        record
                            .value
                            .put(Expect::Version(record.version), &self.rules),
                        mandate.check(),
                    ];
                    if matches!(self.commit(&writes).await?, Committed::Yes) {
                        self.watch.call(id);
                        return Ok(Cleared::NotAssigned);
                    }
                }
                Clearing::Match { winner, transcript } => {
                    let prover = winner.prover.clone();
                    if self
                        .assign(&mut record, winner, transcript, view, mandate)
                        .await?
                    {
                        return Ok(Cleared::Assigned);
                    }
                    *view = self.book_with(&prover).await?;
                }
            }
            // It may have been any of the items.
            if !self.holds(mandate).await? {
                return Ok(Cleared::Deposed);
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// Writes an assignment: the task, the prover's load, the transcript, all or none, and none if
    /// somebody else leads.
    async fn assign(
        &self,
        record: &mut Versioned<TaskRecord>,
        winner: Winner,
        transcript: Transcript,
        view: &mut BookView,
        mandate: Mandate,
    ) -> Result<bool, Error> {
        let task = &mut record.value.task;
        let bids = u32::try_from(transcript.bids.len()).unwrap_or(u32::MAX);
        let effects = task.assign(&winner, bids, transcript.at, &self.rules)?;
        let (id, attempt) = (task.id(), task.attempt());
        let Some(version) = view.versions.get_mut(&winner.prover) else {
            return Ok(false);
        };
        let Some(prover) = view.book.prover(&winner.prover) else {
            return Ok(false);
        };
        if prover.fleet {
            task.wait_for_fleet(&self.rules);
        }
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
            self.transcript_write(id, attempt, transcript).await?,
            mandate.check(),
        ];
        if !matches!(self.commit(&writes).await?, Committed::Yes) {
            return Ok(false);
        }
        view.book.update(taken);
        view.supply.take(&winner);
        *version += 1;
        metrics::counter!("prooflane_tasks_assigned_total").increment(1);
        let trace = record.value.trace();
        tracing::debug!(task = %id, %trace, prover = %winner.prover, price = %winner.price, attempt, "assigned");
        self.watch.call(id);
        self.hint(&layout::prover_queue(&winner.prover), &id.to_string())
            .await;
        Ok(true)
    }
}
