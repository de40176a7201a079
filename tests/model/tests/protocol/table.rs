//! The table: versioned items and counters, changed by conditional commits, all or nothing.

use prooflane_market::{Beat, Leadership, Prover, Task};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A value that is hashed once, when it is made, and compared by that hash.
#[derive(Debug)]
pub(crate) struct Digested<T> {
    value: Arc<T>,
    digest: u64,
}

impl<T: Hash> Digested<T> {
    pub(crate) fn new(value: T) -> Self {
        let digest = BuildHasherDefault::<DefaultHasher>::default().hash_one(&value);
        let value = Arc::new(value);
        Self { value, digest }
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }
}

impl<T> Clone for Digested<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            digest: self.digest,
        }
    }
}

impl<T> Deref for Digested<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> PartialEq for Digested<T> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl<T> Hash for Digested<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

/// An item: a value, and how often it was written. Version 0 is none.
#[derive(Debug, PartialEq)]
pub(crate) struct Item<T> {
    pub(crate) version: u64,
    pub(crate) value: Digested<T>,
}

impl<T> Clone for Item<T> {
    fn clone(&self) -> Self {
        let value = self.value.clone();
        Self { value, ..*self }
    }
}

/// Without the version: only whether it is the one that somebody read matters, see [`Table::lag`].
impl<T> Hash for Item<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

/// Where credits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Account {
    /// Where they come from; the only one that may be below zero.
    Mint,
    Requester,
    Prover(usize),
    Stake(usize),
    Slashed,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct Table {
    pub(crate) tasks: Vec<Option<Item<Task>>>,
    pub(crate) provers: Vec<Item<Prover>>,
    pub(crate) leadership: Option<Item<Leadership>>,
    pub(crate) beat: Option<Item<Beat>>,
    pub(crate) accounts: BTreeMap<Account, i64>,
}

/// Writes of one commit, each with the version it was decided from; 0 expects none to be there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commit {
    pub(crate) task: Option<(usize, u64, Task)>,
    pub(crate) provers: BTreeMap<usize, (u64, Prover)>,
    pub(crate) moves: BTreeMap<Account, i64>,
    /// Only if the epoch item is at this version.
    pub(crate) epoch: Option<u64>,
    pub(crate) leadership: Option<(u64, Leadership)>,
    pub(crate) beat: Option<(u64, Beat)>,
}

/// Without the versions, likewise.
impl Hash for Commit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.task.as_ref().map(|(_, _, task)| task).hash(state);
        for (index, (_, prover)) in &self.provers {
            (index, prover).hash(state);
        }
        self.moves.hash(state);
    }
}

fn version<T>(item: Option<&Item<T>>) -> u64 {
    item.map_or(0, |item| item.version)
}

fn next<T: Clone + Hash>(version: u64, value: &T) -> Item<T> {
    Item {
        version: version + 1,
        value: Digested::new(value.clone()),
    }
}

impl Table {
    pub(crate) fn task(&self, index: usize) -> Option<&Item<Task>> {
        self.tasks[index].as_ref()
    }

    pub(crate) fn epoch_version(&self) -> u64 {
        version(self.leadership.as_ref())
    }

    pub(crate) fn beat_version(&self) -> u64 {
        version(self.beat.as_ref())
    }

    /// Whether every version that the commit was decided from is still there.
    pub(crate) fn expects(&self, commit: &Commit) -> bool {
        let task = commit.task.as_ref();
        let provers = &commit.provers;
        task.is_none_or(|(index, read, _)| version(self.task(*index)) == *read)
            && provers
                .iter()
                .all(|(index, (read, _))| self.provers[*index].version == *read)
            && commit.epoch.is_none_or(|read| self.epoch_version() == read)
            && (commit.leadership.as_ref()).is_none_or(|(read, _)| self.epoch_version() == *read)
            && (commit.beat.as_ref()).is_none_or(|(read, _)| self.beat_version() == *read)
    }

    /// How often each item of the commit was written since it was read, or 2 where that is more: all
    /// that is ever asked of versions.
    pub(crate) fn lag(&self, commit: &Commit) -> impl Iterator<Item = u64> {
        let since = |now: u64, read: u64| now.saturating_sub(read).min(2);
        let task = commit.task.as_ref();
        let task = task.map(|(index, read, _)| since(version(self.task(*index)), *read));
        let provers = commit.provers.iter();
        let provers =
            provers.map(move |(index, (read, _))| since(self.provers[*index].version, *read));
        let epoch = commit.epoch.map(|read| since(self.epoch_version(), read));
        task.into_iter().chain(provers).chain(epoch)
    }

    /// Whether no account would be left below zero.
    pub(crate) fn affords(&self, commit: &Commit) -> bool {
        let mut moves = commit.moves.iter();
        moves
            .all(|(account, amount)| *account == Account::Mint || self.held(*account) + amount >= 0)
    }

    pub(crate) fn held(&self, account: Account) -> i64 {
        self.accounts.get(&account).copied().unwrap_or(0)
    }

    /// Writes it all, whatever it expects.
    pub(crate) fn write(&mut self, commit: &Commit) {
        if let Some((index, _, task)) = &commit.task {
            self.tasks[*index] = Some(next(version(self.task(*index)), task));
        }
        for (index, (_, prover)) in &commit.provers {
            self.provers[*index] = next(self.provers[*index].version, prover);
        }
        for (account, amount) in &commit.moves {
            *self.accounts.entry(*account).or_default() += amount;
        }
        if let Some((_, leadership)) = &commit.leadership {
            self.leadership = Some(next(self.epoch_version(), leadership));
        }
        if let Some((_, beat)) = &commit.beat {
            self.beat = Some(next(self.beat_version(), beat));
        }
    }

    /// What a commit of unknown outcome did, read back from its first item.
    pub(crate) fn landed(&self, commit: &Commit) -> bool {
        if let Some((index, read, task)) = &commit.task {
            let there = self.task(*index);
            there.is_some_and(|item| item.version == read + 1 && *item.value == *task)
        } else if let Some((read, leadership)) = &commit.leadership {
            let there = self.leadership.as_ref();
            there.is_some_and(|item| item.version == read + 1 && *item.value == *leadership)
        } else {
            false
        }
    }
}
