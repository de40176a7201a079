//! Reads a whole store and reports every invariant that does not hold in it.
//!
//! For a store that nobody writes to: what changes between two reads looks broken. Everything is
//! judged by the rules and keys in force.

use crate::tasks::{TaskRecord, decode};
use crate::{Coordinator, Error, layout};
use prooflane_market::{
    Attempt, JournalEntry, LedgerAccount, Prover, ProverId, Reason, State, Status, Task, TaskId,
};
use prooflane_store::{Index, Item, Key, Query};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// An invariant does not hold.
    Broken,
    /// Left behind by what was interrupted, or still on its way; it takes room and does no harm.
    Untidy,
}

/// Something in the store that should not be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind: a stable code.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// About what: a task, an account, an item, a blob.
    pub subject: String,
    /// What should be.
    pub expected: String,
    /// What is.
    pub got: String,
}

impl Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            code,
            subject,
            expected,
            got,
            ..
        } = self;
        write!(f, "{code}: {subject}: expected {expected}, got {got}")
    }
}

/// What was read so far, and what was found.
#[derive(Default)]
struct Inspection {
    findings: Vec<Finding>,
    /// Every task that anything points to, and whether the list of tasks does.
    tasks: BTreeMap<TaskId, bool>,
    /// What the journal says of every account.
    sums: BTreeMap<LedgerAccount, i128>,
    /// Leases by prover.
    leases: BTreeMap<ProverId, BTreeSet<Held>>,
    /// Blobs of proofs, inputs and transcripts, by task.
    blobs: BTreeMap<TaskId, BTreeSet<String>>,
}

/// A task and the attempt that a prover holds of it.
type Held = (TaskId, u32);

impl Inspection {
    fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        subject: impl Display,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) {
        self.findings.push(Finding {
            code,
            severity,
            subject: subject.to_string(),
            expected: expected.into(),
            got: got.into(),
        });
    }

    fn broken(
        &mut self,
        code: &'static str,
        subject: impl Display,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) {
        self.report(Severity::Broken, code, subject, expected, got);
    }

    /// Reports a value that is not the one expected.
    fn equal<T: PartialEq + Debug>(
        &mut self,
        code: &'static str,
        subject: impl Display,
        expected: &T,
        got: &T,
    ) {
        if expected != got {
            self.broken(code, subject, format!("{expected:?}"), format!("{got:?}"));
        }
    }

    /// A record, or the report that it cannot be read.
    fn read<T: serde::de::DeserializeOwned>(
        &mut self,
        item: &Item,
        what: &'static str,
    ) -> Option<T> {
        let read = decode(item, what);
        if read.is_err() {
            self.broken("record_unreadable", &item.key, what, "something else");
        }
        read.ok()
    }

    /// Adds a journal entry to the sums.
    fn post(&mut self, item: &Item) -> Option<JournalEntry> {
        let entry: JournalEntry = self.read(item, "a journal entry")?;
        if !entry.balances() {
            let sum = entry
                .postings
                .iter()
                .map(|p| i128::from(p.amount))
                .sum::<i128>();
            let got = format!("postings that sum to {sum}");
            self.broken("entry_unbalanced", &item.key, "postings that sum to 0", got);
        }
        for posting in &entry.postings {
            *self.sums.entry(posting.account.clone()).or_default() += i128::from(posting.amount);
        }
        Some(entry)
    }

    fn posted(&self, account: &LedgerAccount) -> i128 {
        self.sums.get(account).copied().unwrap_or_default()
    }
}

impl Coordinator {
    /// Reads everything, and reports what is wrong: nothing where all is well.
    ///
    /// # Errors
    /// The store's.
    pub async fn fsck(&self) -> Result<Vec<Finding>, Error> {
        let mut seen = Inspection::default();
        self.inspect_lists(&mut seen).await?;
        self.inspect_blobs(&mut seen).await?;
        for (id, listed) in seen.tasks.clone() {
            self.inspect_task(&mut seen, id, listed).await?;
        }
        self.inspect_provers(&mut seen).await?;
        self.inspect_accounts(&mut seen).await?;
        seen.findings
            .sort_by_key(|f| (f.severity, f.code, f.subject.clone()));
        Ok(seen.findings)
    }

    async fn all(&self, index: Index, partition: impl Into<String>) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        let mut query = Query::new(index, partition).limit(200);
        loop {
            let page = self.ports.table.query(&query).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(items),
            }
        }
    }

    /// Finds every task that any list or index names.
    async fn inspect_lists(&self, seen: &mut Inspection) -> Result<(), Error> {
        for pointer in self.all(Index::Primary, layout::TASKS).await? {
            let id = std::str::from_utf8(&pointer.body).ok();
            match id.and_then(|id| id.parse().ok()) {
                Some(id) => {
                    seen.tasks.insert(TaskId(id), true);
                }
                None => seen.broken("record_unreadable", &pointer.key, "a task's id", "other"),
            }
        }
        let wakes = (0..layout::WAKE_SHARDS).map(|n| (Index::Wake, layout::wake_partition(n)));
        let shards = 0..self.rules.market_shards.max(1);
        let open = shards.map(|n| (Index::Listing, layout::open(n)));
        for (index, partition) in wakes.chain(open) {
            for item in self.all(index, partition).await? {
                if let Some(record) = seen.read::<TaskRecord>(&item, "a task") {
                    seen.tasks.entry(record.task.id()).or_insert(false);
                }
            }
        }
        Ok(())
    }

    async fn inspect_blobs(&self, seen: &mut Inspection) -> Result<(), Error> {
        for kind in ["inputs/", "proofs/", "transcripts/"] {
            let mut after: Option<String> = None;
            loop {
                let limit = 1_000;
                let names = self.ports.blobs.list(kind, after.as_deref(), limit).await?;
                let is_last = names.len() < limit;
                after = names.last().cloned();
                for name in names {
                    let task = name[kind.len()..].split('/').next();
                    match task.and_then(|id| id.parse().ok()).map(TaskId) {
                        Some(id) => {
                            seen.tasks.entry(id).or_insert(false);
                            seen.blobs.entry(id).or_default().insert(name);
                        }
                        None => {
                            let expected = format!("{kind}<task>/...");
                            seen.report(
                                Severity::Untidy,
                                "blob_orphaned",
                                &name,
                                expected,
                                "no task",
                            );
                        }
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn inspect_task(
        &self,
        seen: &mut Inspection,
        id: TaskId,
        listed: bool,
    ) -> Result<(), Error> {
        let key = layout::task(id);
        let items = self.all(Index::Primary, key.partition.clone()).await?;
        let by_sort = |sort: &str| items.iter().find(|item| item.key.sort == sort);
        let mut entries = Vec::new();
        for item in items
            .iter()
            .filter(|item| item.key.sort.starts_with("entry#"))
        {
            entries.extend(seen.post(item));
        }
        let Some(item) = by_sort(&key.sort) else {
            self.no_task(seen, id, listed, &entries);
            return Ok(());
        };
        let Some(record) = seen.read::<TaskRecord>(item, "a task") else {
            return Ok(());
        };
        let task = &record.task;
        for (account, is_there) in [
            (layout::TASKS.to_owned(), listed),
            (layout::by_requester(&task.spec.requester), true),
        ] {
            let pointer = Key::new(account, layout::created(task.created_at, id));
            let found = is_there && self.ports.table.get(&pointer).await?.is_some();
            if !found {
                seen.broken("pointer_missing", id, pointer.to_string(), "nothing");
            }
        }
        places(seen, item, task, &self.rules);
        attempts(seen, task);
        money(seen, task, &entries);
        self.inspect_inputs(seen, &record, &items).await?;
        self.inspect_proof(seen, &record).await?;
        self.inspect_transcripts(seen, task, &items).await?;
        if let Some(lease) = task.lease() {
            let held = seen.leases.entry(lease.prover.clone()).or_default();
            held.insert((id, lease.attempt));
        }
        leftovers(seen, &record);
        Ok(())
    }

    /// Something names a task that does not exist.
    fn no_task(&self, seen: &mut Inspection, id: TaskId, listed: bool, entries: &[JournalEntry]) {
        if listed {
            seen.broken("pointer_dangling", id, "a task", "nothing");
        }
        if !entries.is_empty() {
            let got = format!("{} journal entries", entries.len());
            seen.broken("escrow_differs", id, "a task", got);
        }
        for name in seen.blobs.get(&id).cloned().unwrap_or_default() {
            // Inputs are put down before their task is there; nothing else is.
            let severity = if name.starts_with("inputs/") {
                Severity::Untidy
            } else {
                Severity::Broken
            };
            seen.report(severity, "blob_orphaned", name, "a task", "nothing");
        }
    }

    async fn inspect_inputs(
        &self,
        seen: &mut Inspection,
        record: &TaskRecord,
        items: &[Item],
    ) -> Result<(), Error> {
        let (id, ended) = (record.task.id(), record.task.status().is_terminal());
        let is_there = |key: &Key| items.iter().any(|item| item.key == *key);
        let has_key = is_there(&layout::input_secret(id));
        if ended && has_key {
            seen.broken("input_key_kept", id, "no key after the end", "a key");
        }
        if !ended && record.input.encrypted && !has_key {
            seen.broken("input_key_missing", id, "a key", "nothing");
        }
        let has_input = match &record.input.blob {
            Some(blob) => self.ports.blobs.get(blob).await?.is_some(),
            None => is_there(&layout::input(id)),
        };
        if !ended && !has_input {
            seen.broken("input_missing", id, "inputs", "nothing");
        }
        if let Some(blob) = record.input.witness.as_ref().filter(|_| !ended)
            && self.ports.blobs.get(blob).await?.is_none()
        {
            seen.broken("witness_missing", id, "the witness", "nothing");
        }
        Ok(())
    }

    async fn inspect_proof(&self, seen: &mut Inspection, record: &TaskRecord) -> Result<(), Error> {
        let id = record.task.id();
        if record.task.status() != Status::Completed {
            return Ok(());
        }
        match self.proof(id).await {
            // What was proved for a key that was replaced since can no longer be judged.
            Ok(stored) => {
                if let Ok(false) = self.verifies(record, &stored.proof).await {
                    seen.broken("proof_invalid", id, "a proof that verifies", "another");
                }
            }
            Err(Error::Unavailable(error)) => return Err(Error::Unavailable(error)),
            Err(_) => seen.broken("proof_missing", id, "a stored proof", "none to be read"),
        }
        Ok(())
    }

    async fn inspect_transcripts(
        &self,
        seen: &mut Inspection,
        task: &Task,
        items: &[Item],
    ) -> Result<(), Error> {
        let id = task.id();
        for attempt in &task.attempts {
            let key = layout::transcript(id, attempt.number);
            let transcript = match self.transcript(id, attempt.number).await {
                Ok(Some(transcript)) => transcript,
                Ok(None) => {
                    seen.broken("transcript_missing", key, "a transcript", "nothing");
                    continue;
                }
                Err(Error::Corrupt { .. }) => {
                    seen.broken("record_unreadable", key, "a transcript", "something else");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let of_attempt = |a: &Attempt| (a.prover.clone(), a.ask_id, a.price, a.promised);
            let winner = transcript.winner();
            let winner = winner.map(|w| (w.prover, w.ask_id, w.price, w.promised));
            seen.equal(
                "transcript_differs",
                key,
                &Some(of_attempt(attempt)),
                &winner,
            );
        }
        let transcripts = items
            .iter()
            .filter(|i| i.key.sort.starts_with("transcript#"));
        let known = |item: &&Item| {
            let mut keys = task
                .attempts
                .iter()
                .map(|a| layout::transcript(id, a.number));
            keys.any(|key| key == item.key)
        };
        for item in transcripts.filter(|item| !known(item)) {
            seen.broken("transcript_orphaned", &item.key, "an attempt", "nothing");
        }
        Ok(())
    }

    async fn inspect_provers(&self, seen: &mut Inspection) -> Result<(), Error> {
        for item in self.all(Index::Listing, layout::PROVERS).await? {
            let Some(prover) = seen.read::<Prover>(&item, "a prover") else {
                continue;
            };
            let leased = seen.leases.remove(&prover.prover_id).unwrap_or_default();
            let active = prover.active.iter().map(|(id, a)| (*id, a.attempt));
            seen.equal("active_differs", &item.key, &leased, &active.collect());
            // Only what its tasks say may be listed as held by it.
            for held in self
                .all(Index::Listing, layout::held_by(&prover.prover_id))
                .await?
            {
                if let Some(record) = seen.read::<TaskRecord>(&held, "a task") {
                    let id = record.task.id();
                    if !seen.tasks.contains_key(&id) {
                        seen.broken(
                            "pointer_missing",
                            id,
                            "the list of tasks names it",
                            "not so",
                        );
                    }
                }
            }
        }
        for (prover, leases) in std::mem::take(&mut seen.leases) {
            let got = format!("leases on {leases:?}");
            seen.broken("active_differs", layout::prover(&prover), "a prover", got);
        }
        Ok(())
    }

    async fn inspect_accounts(&self, seen: &mut Inspection) -> Result<(), Error> {
        let mut accounts: BTreeSet<LedgerAccount> =
            [LedgerAccount::Mint, LedgerAccount::Slashed].into();
        for item in self.all(Index::Listing, layout::ACCOUNTS).await? {
            let name = item.listing.map(|place| place.sort).unwrap_or_default();
            for entry in self
                .all(Index::Primary, layout::account(&name).partition)
                .await?
            {
                if entry.key.sort.starts_with("entry#") {
                    seen.post(&entry);
                }
            }
            match name.parse() {
                Ok(LedgerAccount::Prover(id)) => {
                    accounts.insert(LedgerAccount::Stake(id.clone()));
                    accounts.insert(LedgerAccount::Prover(id));
                }
                Ok(account) => {
                    accounts.insert(account);
                }
                Err(_) => seen.broken("record_unreadable", &item.key, "an account", &name),
            }
        }
        let escrow = |account: &LedgerAccount| matches!(account, LedgerAccount::Escrow(_));
        accounts.extend(seen.sums.keys().filter(|a| !escrow(a)).cloned());
        for account in accounts {
            let counter = i128::from(self.counter(&account).await?);
            let posted = seen.posted(&account);
            seen.equal("counter_differs", &account, &posted, &counter);
        }
        Ok(())
    }
}

/// A task stands in the indexes where its state says, and an open one has a wake-up.
fn places(seen: &mut Inspection, item: &Item, task: &Task, rules: &prooflane_market::Rules) {
    let (wake, listing) = (layout::wake(task, rules), layout::listing(task, rules));
    if wake.is_some() && item.wake.is_none() {
        seen.broken("wake_up_missing", task.id(), format!("{wake:?}"), "None");
    } else {
        seen.equal("wake_up_differs", task.id(), &wake, &item.wake);
    }
    if listing.is_some() && item.listing.is_none() {
        seen.broken("listing_missing", task.id(), format!("{listing:?}"), "None");
    } else {
        seen.equal("listing_differs", task.id(), &listing, &item.listing);
    }
}

/// Attempts are numbered from 1, and only the newest may be running.
fn attempts(seen: &mut Inspection, task: &Task) {
    let numbers: Vec<u32> = task.attempts.iter().map(|a| a.number).collect();
    let expected: Vec<u32> = (1..).take(numbers.len()).collect();
    seen.equal("attempts_out_of_order", task.id(), &expected, &numbers);
    let running = task.attempts.iter().filter(|a| a.end.is_none());
    let running: Vec<_> = running.map(|a| (a.number, a.prover.clone())).collect();
    let leased = task.lease().map(|l| (l.attempt, l.prover.clone()));
    let leased: Vec<_> = leased.into_iter().collect();
    seen.equal("lease_differs", task.id(), &leased, &running);
}

/// The journal holds for a task what it is worth, and has paid for it what it cost, once.
fn money(seen: &mut Inspection, task: &Task, entries: &[JournalEntry]) {
    let id = task.id();
    let held = seen.posted(&LedgerAccount::Escrow(id));
    seen.equal("escrow_differs", id, &i128::from(task.escrow().0), &held);
    let payouts = entries
        .iter()
        .filter(|e| e.reason == Reason::Payout)
        .count();
    if payouts > 1 {
        let got = format!("{payouts} payouts");
        seen.broken("settled_twice", id, "at most one payout", got);
    }
    let due = match &task.state {
        State::Completed { prover, price, .. } if price.0 > 0 => {
            vec![(prover.clone(), price.0.cast_signed())]
        }
        _ => Vec::new(),
    };
    let postings = entries.iter().flat_map(|entry| &entry.postings);
    let paid = postings.filter_map(|posting| match &posting.account {
        LedgerAccount::Prover(prover) => Some((prover.clone(), posting.amount)),
        _ => None,
    });
    seen.equal("payout_differs", id, &due, &paid.collect());
}

/// Blobs that a task which has ended does not name. While it is open they may be on their way.
fn leftovers(seen: &mut Inspection, record: &TaskRecord) {
    let (task, id) = (&record.task, record.task.id());
    if !task.status().is_terminal() {
        return;
    }
    let proof = layout::completed_blob(task);
    let blobs = seen.blobs.get(&id).cloned().unwrap_or_default();
    let named = |name: &String| {
        // Transcripts name theirs, and are looked at on their own.
        name.starts_with("transcripts/")
            || proof.as_ref() == Some(name)
            || Some(name) == record.input.blob.as_ref()
    };
    for name in blobs.into_iter().filter(|name| !named(name)) {
        let expected = format!("a blob that task {id} names");
        seen.report(Severity::Untidy, "blob_unnamed", name, expected, "another");
    }
}
