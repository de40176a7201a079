//! Appending: entries that wait are given consecutive indices together, in one conditional commit.

use crate::error::{AppendError, LogError};
use crate::layout::{BATCH_BYTES, Batch, BatchId, KeyName, KeyRecord, Layout, Sequenced, put};
use crate::merkle::Hash;
use crate::tile::ENTRY_BYTES;
use prooflane_store::{CommitError, Expect, StoreError, Table, limits};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Most entries in a commit. Each that has a key is a write of its own, beside the sequence and the batch.
const BATCH_ENTRIES: usize = 1024;
const BATCH_KEYS: usize = limits::WRITES - 2;
/// How often a batch is tried before its callers are told to come again later: each loss of a race is a gain of another
/// process, so this many in a row are a crowd or a broken store.
const ATTEMPTS: usize = 64;
/// How often in all nobody may know, each time perhaps after seconds, before the callers are told.
const UNKNOWNS: usize = 4;

struct Pending {
    sequenced: Sequenced,
    reply: oneshot::Sender<Result<u64, AppendError>>,
}

impl Pending {
    fn leaf(&self) -> Hash {
        Hash::of_leaf(&self.sequenced.entry)
    }

    fn answer(self, answer: Result<u64, AppendError>) {
        // Whoever no longer listens does not want to know.
        self.reply.send(answer).ok();
    }
}

/// The next free index, and the version of the item that says so.
#[derive(Clone, Copy)]
struct Cursor {
    version: u64,
    next: u64,
}

#[derive(Default)]
struct Pool {
    waiting: VecDeque<Pending>,
    /// Whether a task is emptying the pool; it alone uses what is below.
    flushing: bool,
    cursor: Option<Cursor>,
    batches: u64,
}

/// One process's appends.
pub(crate) struct Sequencer {
    table: Arc<dyn Table>,
    layout: Layout,
    writer: [u8; 16],
    pool: Mutex<Pool>,
}

impl Sequencer {
    pub(crate) fn new(table: Arc<dyn Table>, layout: Layout, writer: [u8; 16]) -> Self {
        Self {
            table,
            layout,
            writer,
            pool: Mutex::default(),
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an entry to the pool and waits for its index. While one commit is on its way the next batch gathers, so that a
    /// lone entry waits for nobody and a crowd shares a commit. A task of its own commits, so that dropping this future loses
    /// nobody's entry.
    pub(crate) async fn append(
        self: &Arc<Self>,
        entry: Vec<u8>,
        key: Option<&[u8]>,
    ) -> Result<u64, AppendError> {
        if entry.len() > ENTRY_BYTES {
            let (limit, got) = (ENTRY_BYTES, entry.len());
            return Err(AppendError::TooLong { limit, got });
        }
        let (reply, index) = oneshot::channel();
        let key = key.map(KeyName::new);
        let sequenced = Sequenced { key, entry };
        if self.wait(Pending { sequenced, reply }) {
            tokio::spawn(self.clone().flush());
        }
        let stopped = |_| Err(AppendError::Unknown("the process is stopping".into()));
        index.await.unwrap_or_else(stopped)
    }

    /// Lets it wait in the pool; whether somebody has to be called to empty that.
    fn wait(&self, pending: Pending) -> bool {
        let mut pool = self.pool();
        pool.waiting.push_back(pending);
        !std::mem::replace(&mut pool.flushing, true)
    }

    /// Commits what waits until nothing does.
    async fn flush(self: Arc<Self>) {
        let cut_short = CutShort(&self);
        let mut cursor = self.pool().cursor.take();
        while let Some((batch, number)) = self.take(cursor) {
            cursor = self.commit(batch, number, cursor).await;
        }
        std::mem::forget(cut_short);
    }

    /// The longest batch that fits into one commit, and its number; none, and the pool is idle, when nothing waits. The
    /// second of two entries with one key waits for the next batch, which finds the first in the table.
    fn take(&self, cursor: Option<Cursor>) -> Option<(Vec<Pending>, u64)> {
        let mut pool = self.pool();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut keys = HashSet::new();
        while let Some(Pending { sequenced, .. }) = pool.waiting.front() {
            bytes += sequenced.bytes();
            let key_fits = sequenced
                .key
                .clone()
                .is_none_or(|key| keys.len() < BATCH_KEYS && keys.insert(key));
            if bytes > BATCH_BYTES || batch.len() == BATCH_ENTRIES || !key_fits {
                break;
            }
            batch.extend(pool.waiting.pop_front());
        }
        if batch.is_empty() {
            pool.flushing = false;
            pool.cursor = cursor;
            return None;
        }
        pool.batches += 1;
        Some((batch, pool.batches))
    }

    /// Gives the batch its indices and answers everyone in it. Returns where the sequence then stands, if it is known.
    async fn commit(
        &self,
        mut batch: Vec<Pending>,
        number: u64,
        mut cursor: Option<Cursor>,
    ) -> Option<Cursor> {
        let id: BatchId = std::array::from_fn(|at| match at.checked_sub(16) {
            None => self.writer[at],
            Some(at) => number.to_be_bytes()[at],
        });
        // Why nobody knows what became of the attempt before, which then is repeated unchanged until it is decided.
        let mut unknown: Option<String> = None;
        let mut unknowns = 0;
        for _ in 0..ATTEMPTS {
            if batch.is_empty() {
                return cursor;
            }
            let at = match cursor {
                Some(cursor) => cursor,
                None => match self.cursor().await {
                    Ok(at) => at,
                    Err(error) => return refuse(batch, unknown, error),
                },
            };
            cursor = Some(at);
            let after = Cursor {
                version: at.version + 1,
                next: at.next + batch.len() as u64,
            };
            let index = match self.try_commit(&batch, &id, at, after).await {
                Ok(()) => {
                    acknowledge(batch, at.next);
                    return Some(after);
                }
                Err(CommitError::Unknown(why)) => {
                    unknowns += 1;
                    if unknowns == UNKNOWNS {
                        let away = StoreError::Unavailable(why.clone());
                        return refuse(batch, Some(why), away.into());
                    }
                    unknown = Some(why);
                    continue;
                }
                Err(CommitError::Conflict { index, .. }) => index,
                Err(error) => return refuse(batch, unknown, crate::error::settled(error).into()),
            };
            // Refused, and so will be every late arrival of the same attempt, unless it is what stands in the way.
            if unknown.is_some() {
                match self.is_ours(at.next, &id).await {
                    Ok(true) => {
                        acknowledge(batch, at.next);
                        return None;
                    }
                    Ok(false) => unknown = None,
                    Err(error) => return refuse(batch, unknown, error),
                }
            }
            match index {
                0 => cursor = None,
                1 => {
                    let why = format!("a batch at {} that the sequence does not know", at.next);
                    return refuse(batch, None, LogError::Damaged(why));
                }
                _ => match self.answer_known(batch).await {
                    Ok(rest) => batch = rest,
                    Err((rest, error)) => return refuse(rest, None, error),
                },
            }
        }
        let crowd = StoreError::Unavailable(format!("{ATTEMPTS} attempts to append failed"));
        refuse(batch, unknown, crowd.into())
    }

    async fn try_commit(
        &self,
        batch: &[Pending],
        id: &BatchId,
        at: Cursor,
        after: Cursor,
    ) -> Result<(), CommitError> {
        let entries = batch.iter().map(|pending| &pending.sequenced);
        let mut writes = vec![
            put(
                self.layout.sequence(),
                Expect::Version(at.version),
                after.next.to_string(),
            ),
            put(
                self.layout.batch(at.next),
                Expect::Absent,
                Batch::encode(id, entries),
            ),
        ];
        for (index, pending) in (at.next..).zip(batch) {
            let leaf = pending.leaf();
            let record = KeyRecord { index, leaf }.encode();
            let key = pending.sequenced.key.as_ref();
            let key = key.map(|key| self.layout.key(key));
            writes.extend(key.map(|key| put(key, Expect::Absent, record)));
        }
        self.table.commit(&writes).await
    }

    async fn cursor(&self) -> Result<Cursor, LogError> {
        let (version, next) = read_sequence(&*self.table, &self.layout).await?;
        Ok(Cursor { version, next })
    }

    /// Whether the batch that got these indices is this one.
    async fn is_ours(&self, first: u64, id: &BatchId) -> Result<bool, LogError> {
        let item = self.table.get(&self.layout.batch(first)).await?;
        Ok(item.is_some_and(|item| item.body.starts_with(id)))
    }

    /// Answers those whose key is taken; gives back the others.
    async fn answer_known(
        &self,
        batch: Vec<Pending>,
    ) -> Result<Vec<Pending>, (Vec<Pending>, LogError)> {
        let mut rest = Vec::new();
        let mut batch = batch.into_iter();
        while let Some(pending) = batch.next() {
            let record = match &pending.sequenced.key {
                None => Ok(None),
                Some(key) => read_key(&*self.table, &self.layout, key).await,
            };
            match record {
                Ok(None) => rest.push(pending),
                Ok(Some(KeyRecord { index, leaf })) => {
                    let same = leaf == pending.leaf();
                    pending.answer(same.then_some(index).ok_or(AppendError::KeyTaken { index }));
                }
                Err(error) => {
                    rest.push(pending);
                    rest.extend(batch);
                    return Err((rest, error));
                }
            }
        }
        Ok(rest)
    }
}

/// Dropped when a flush does not come to its end, because its runtime goes away or the store panics: the next append calls
/// another.
struct CutShort<'s>(&'s Sequencer);

impl Drop for CutShort<'_> {
    fn drop(&mut self) {
        self.0.pool().flushing = false;
    }
}

fn acknowledge(batch: Vec<Pending>, first: u64) {
    for (index, pending) in (first..).zip(batch) {
        pending.answer(Ok(index));
    }
}

/// Tells everyone in the batch why; and forgets where the sequence stands.
fn refuse(batch: Vec<Pending>, unknown: Option<String>, error: LogError) -> Option<Cursor> {
    for pending in batch {
        pending.answer(Err(match &unknown {
            Some(why) => AppendError::Unknown(why.clone()),
            None => error.clone().into(),
        }));
    }
    None
}

/// The version of the sequence's item, and the next free index.
pub(crate) async fn read_sequence(
    table: &dyn Table,
    layout: &Layout,
) -> Result<(u64, u64), LogError> {
    let item = table.get(&layout.sequence()).await?;
    let read = item.and_then(|item| {
        let next = crate::checkpoint::decimal(std::str::from_utf8(&item.body).ok()?)?;
        Some((item.version, next))
    });
    read.ok_or_else(|| LogError::Damaged("the sequence is missing or no number".into()))
}

pub(crate) async fn read_key(
    table: &dyn Table,
    layout: &Layout,
    key: &KeyName,
) -> Result<Option<KeyRecord>, LogError> {
    let item = table.get(&layout.key(key)).await?;
    item.map(|item| {
        KeyRecord::decode(&item.body)
            .ok_or_else(|| LogError::Damaged(format!("the record of key {}", item.key)))
    })
    .transpose()
}
