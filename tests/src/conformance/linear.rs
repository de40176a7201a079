//! Whether a [`Table`] is linearisable: each call seems to happen at one moment between its
//! invocation and its return (Herlihy, Wing, TOPLAS 12(3), 1990).
//!
//! Threads call the table at once and their calls are recorded. A history is searched for an order
//! that the sequential specification allows, as Wing and Gong did (JPDC 17, 1993), with Lowe's memory
//! of what was tried before (CCPE 29(4), 2017). Histories are short, because the search is
//! exponential, and many.

use super::spec::{Spec, wordless};
use super::{Random, fresh, table::Subject};
use prooflane_store::{CommitError, Expect, Item, Key, StoreError, Table, Write};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Handle;

const THREADS: u64 = 4;
const CALLS_PER_THREAD: usize = 7;

/// A call of a table.
#[derive(Clone, Debug)]
pub enum Call {
    /// [`Table::get`].
    Get(Key),
    /// [`Table::commit`].
    Commit(Vec<Write>),
}

/// What it returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of a get.
    Got(Option<Item>),
    /// Of a commit.
    Committed(Result<(), CommitError>),
}

/// A call, and when it was under way, in steps of a clock that all threads share.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which thread called.
    pub thread: u64,
    /// When it called.
    pub called: u64,
    /// What it called.
    pub call: Call,
    /// When it heard what; none where the outcome is unknown: then it may have happened at any
    /// moment after the call, or never.
    pub returned: Option<(u64, Answer)>,
}

impl Entry {
    fn returned_at(&self) -> u64 {
        self.returned.as_ref().map_or(u64::MAX, |(at, _)| *at)
    }
}

/// Calls of several threads, at most [`History::CALLS`].
#[derive(Clone, Debug, Default)]
pub struct History(pub Vec<Entry>);

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.0.iter().enumerate() {
            write!(f, "{index:3} thread {} ", entry.thread)?;
            match &entry.call {
                Call::Get(key) => write!(f, "[{}] get {}", entry.called, key.sort)?,
                Call::Commit(writes) => {
                    write!(f, "[{}] commit", entry.called)?;
                    for write in writes {
                        let key = &write.key().sort;
                        match write {
                            Write::Put { expect, body, .. } => {
                                write!(f, " put {key}={} if {expect},", text(body))?;
                            }
                            Write::Add {
                                delta, at_least, ..
                            } => {
                                write!(f, " add {delta} to {key} >= {at_least},")?;
                            }
                            Write::Delete { expect, .. } => {
                                write!(f, " delete {key} if {expect},")?
                            }
                            Write::Check { expect, .. } => write!(f, " check {key} is {expect},")?,
                        }
                    }
                }
            }
            match &entry.returned {
                None => writeln!(f, " -> unknown")?,
                Some((at, Answer::Got(None))) => writeln!(f, " -> [{at}] nothing")?,
                Some((at, Answer::Got(Some(item)))) => {
                    let (version, body, counter) = (item.version, text(&item.body), item.counter);
                    writeln!(f, " -> [{at}] version {version}: {body:?} {counter}")?;
                }
                Some((at, Answer::Committed(Ok(())))) => writeln!(f, " -> [{at}] done")?,
                Some((at, Answer::Committed(Err(error)))) => writeln!(f, " -> [{at}] {error}")?,
            }
        }
        Ok(())
    }
}

fn text(body: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(body)
}

impl History {
    /// The most calls that a history may have.
    pub const CALLS: usize = 128;

    /// An order of its calls that an empty table, called by one caller, answers alike.
    ///
    /// # Errors
    /// The longest beginning of such an order, where there is none.
    pub fn linearise(&self) -> Result<Vec<usize>, Vec<usize>> {
        assert!(self.0.len() <= Self::CALLS, "{} calls", self.0.len());
        let mut search = Search {
            entries: &self.0,
            tried: HashSet::new(),
            order: Vec::new(),
            longest: Vec::new(),
        };
        if search.extend(0, &Spec::default()) {
            Ok(search.order)
        } else {
            Err(search.longest)
        }
    }

    /// Pairs of calls of which neither had returned when the other was called.
    #[must_use]
    pub fn overlaps(&self) -> usize {
        let before = |a: &Entry, b: &Entry| a.returned_at() < b.called;
        let pairs = self.0.iter().enumerate();
        pairs
            .map(|(index, a)| {
                let later = self.0[index + 1..].iter();
                later.filter(|b| !before(a, b) && !before(b, a)).count()
            })
            .sum()
    }
}

struct Search<'a> {
    entries: &'a [Entry],
    /// Calls that are in the order already, as a set of bits, and the table they leave.
    tried: HashSet<(u128, Spec)>,
    order: Vec<usize>,
    longest: Vec<usize>,
}

impl Search<'_> {
    fn extend(&mut self, done: u128, spec: &Spec) -> bool {
        if self.order.len() > self.longest.len() {
            self.longest.clone_from(&self.order);
        }
        let entries = self.entries;
        let open = || {
            let all = entries.iter().enumerate();
            all.filter(|(index, _)| done & (1 << index) == 0)
        };
        // Whatever comes next was called before the first of the others returned.
        let Some(first_return) = open().map(|(_, entry)| entry.returned_at()).min() else {
            return true;
        };
        if first_return == u64::MAX {
            return true;
        }
        if !self.tried.insert((done, spec.clone())) {
            return false;
        }
        for (index, entry) in open().filter(|(_, entry)| entry.called < first_return) {
            let mut next = spec.clone();
            let answer = match &entry.call {
                Call::Get(key) => Answer::Got(next.get(key)),
                Call::Commit(writes) => Answer::Committed(next.commit(writes)),
            };
            if entry
                .returned
                .as_ref()
                .is_none_or(|(_, got)| *got == answer)
            {
                self.order.push(index);
                if self.extend(done | (1 << index), &next) {
                    return true;
                }
                self.order.pop();
            }
        }
        false
    }
}

/// What was recorded, so that a test can tell that it saw something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Calls that were answered.
    pub answered: usize,
    /// Commits that were done.
    pub committed: usize,
    /// Commits that were refused.
    pub refused: usize,
    /// Commits whose outcome is unknown.
    pub unknown: usize,
    /// Pairs of calls at the same time.
    pub overlaps: usize,
}

impl Seen {
    fn add(&mut self, history: &History) {
        self.overlaps += history.overlaps();
        for entry in &history.0 {
            match &entry.returned {
                None => self.unknown += 1,
                Some((_, answer)) => {
                    self.answered += 1;
                    match answer {
                        Answer::Committed(Ok(())) => self.committed += 1,
                        Answer::Committed(Err(_)) => self.refused += 1,
                        Answer::Got(_) => {}
                    }
                }
            }
        }
    }
}

/// A history that no order explains.
#[derive(Clone, Debug)]
pub struct NotLinearisable {
    /// The round it was recorded in.
    pub round: u64,
    /// The history.
    pub history: History,
    /// The calls of it that can be put in order before all orders end.
    pub explained: Vec<usize>,
}

impl fmt::Display for NotLinearisable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "round {}:\n{}", self.round, self.history)?;
        write!(f, "explained at most: {:?}", self.explained)
    }
}

/// Records and checks `rounds` histories of calls that `seed` decides. How the threads interleave is
/// the machine's choice, so a round may not fail again.
///
/// # Errors
/// The first history that is not linearisable.
///
/// # Panics
/// Outside a runtime with several threads.
pub async fn check(table: Subject, seed: u64, rounds: u64) -> Result<Seen, Box<NotLinearisable>> {
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut seen = Seen::default();
    for round in 0..rounds {
        let seeds = [(); THREADS as usize].map(|()| random.below(u64::MAX));
        let (table, runtime) = (table.clone(), Handle::current());
        let recording = tokio::task::spawn_blocking(move || record(&*table, seeds, &runtime));
        let history = recording.await.unwrap();
        seen.add(&history);
        if let Err(explained) = history.linearise() {
            return Err(Box::new(NotLinearisable {
                round,
                history,
                explained,
            }));
        }
    }
    Ok(seen)
}

/// A history of one thread per seed, on two documents and a counter of its own.
fn record(table: &dyn Table, seeds: [u64; THREADS as usize], runtime: &Handle) -> History {
    let partition = fresh("linear");
    let clock = AtomicU64::new(0);
    let start = Barrier::new(seeds.len());
    let mut entries: Vec<Entry> = std::thread::scope(|threads| {
        let spawned: Vec<_> = (0..)
            .zip(seeds)
            .map(|(thread, seed)| {
                let mut caller = Caller {
                    thread,
                    random: Random(seed),
                    partition: &partition,
                    versions: BTreeMap::new(),
                };
                let (clock, start) = (&clock, &start);
                threads.spawn(move || {
                    start.wait();
                    let calls = 0..CALLS_PER_THREAD;
                    calls
                        .filter_map(|_| runtime.block_on(caller.call(table, clock)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        spawned
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    entries.sort_by_key(|entry| entry.called);
    History(entries)
}

/// One thread, and what it knows of the table.
struct Caller<'a> {
    thread: u64,
    random: Random,
    partition: &'a str,
    versions: BTreeMap<Key, u64>,
}

impl Caller<'_> {
    /// Calls the table; none where the store was away and nothing happened.
    async fn call(&mut self, table: &dyn Table, clock: &AtomicU64) -> Option<Entry> {
        let call = self.choose();
        let called = clock.fetch_add(1, Ordering::SeqCst);
        let answer = match &call {
            Call::Get(key) => Some(Answer::Got(table.get(key).await.ok()?)),
            Call::Commit(writes) => match wordless(table.commit(writes).await) {
                Err(CommitError::Unknown(_)) => None,
                Err(CommitError::Store(StoreError::Unavailable(_) | StoreError::Throttled)) => {
                    return None;
                }
                outcome => Some(Answer::Committed(outcome)),
            },
        };
        let returned = clock.fetch_add(1, Ordering::SeqCst);
        if let (Call::Get(key), Some(Answer::Got(item))) = (&call, &answer) {
            let version = item.as_ref().map_or(0, |item| item.version);
            self.versions.insert(key.clone(), version);
        }
        Some(Entry {
            thread: self.thread,
            called,
            call,
            returned: answer.map(|answer| (returned, answer)),
        })
    }

    fn choose(&mut self) -> Call {
        let keys = ["a", "b", "counter"].map(|sort| Key::new(self.partition, sort));
        if self.random.below(3) == 0 {
            let at = self.random.below(3) as usize;
            return Call::Get(keys[at].clone());
        }
        // Not every commit names every key.
        let first = self.random.below(3) as usize;
        let many = 1 + self.random.below(3) as usize;
        let chosen = keys.iter().cycle().skip(first).take(many);
        Call::Commit(chosen.map(|key| self.write(key)).collect())
    }

    fn write(&mut self, key: &Key) -> Write {
        let key = key.clone();
        if key.sort == "counter" {
            return Write::Add {
                key,
                delta: self.random.below(5) as i64 - 2,
                at_least: if self.random.below(2) == 0 {
                    0
                } else {
                    i64::MIN
                },
            };
        }
        let expect = self.expectation(&key);
        match self.random.below(8) {
            0 => Write::Check { key, expect },
            1 if expect != Expect::Absent => Write::Delete { key, expect },
            _ => Write::Put {
                key,
                expect,
                body: self.random.below(1000).to_string().into_bytes(),
                wake: None,
                listing: None,
            },
        }
    }

    /// One that often holds: what this thread knows of the item, or nearly.
    fn expectation(&mut self, key: &Key) -> Expect {
        let known = self.versions.get(key).copied().unwrap_or(0);
        match (self.random.below(6), known) {
            (0, _) => Expect::Exists,
            (1, _) => Expect::Version(known + 1),
            (_, 0) => Expect::Absent,
            _ => Expect::Version(known),
        }
    }
}
