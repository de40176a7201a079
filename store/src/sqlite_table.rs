use crate::sqlite::{lock, lock_path, prepare};
use crate::{
    CommitError, Cursor, Found, Index, IndexKey, Item, Key, Page, Query, StoreError, Table, Write,
    limits,
};
use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{
    CachedStatement, Connection, OpenFlags, OptionalExtension, Row, params, params_from_iter,
};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const SCHEMA_VERSION: i64 = 1;
/// A document has a body and no counter, a counter has a counter and no body.
const SCHEMA: &str = "
    CREATE TABLE items (
        pk TEXT NOT NULL, sk TEXT NOT NULL, version INTEGER NOT NULL, body BLOB, counter INTEGER,
        wake_pk TEXT, wake_sk TEXT, list_pk TEXT, list_sk TEXT,
        PRIMARY KEY (pk, sk), CHECK ((body IS NULL) <> (counter IS NULL))
    ) STRICT;
    CREATE INDEX wake ON items (wake_pk, wake_sk, pk, sk) WHERE wake_pk IS NOT NULL;
    CREATE INDEX listing ON items (list_pk, list_sk, pk, sk) WHERE list_pk IS NOT NULL;";
const COLUMNS: &str = "pk, sk, version, body, counter, wake_pk, wake_sk, list_pk, list_sk";

/// Most commits, and most bytes of bodies, that share one fsync.
const BATCH_COMMITS: usize = 256;
const BATCH_BYTES: usize = 8 << 20;
/// Commits that may wait before callers have to.
const WAITING: usize = 1024;
/// Idle connections kept for readers.
const READERS: usize = 8;

type Verdict = Result<(), CommitError>;

struct Job {
    writes: Vec<Write>,
    reply: oneshot::Sender<Verdict>,
}

/// A [`Table`] in one SQLite file. What it acknowledged survives `kill -9` and loss of power.
///
/// One thread writes: it takes every commit that is waiting, applies them in one transaction and acknowledges them after its
/// single fsync. Readers have connections of their own and never wait for it.
pub struct SqliteTable {
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Readers,
    _lock: Option<File>,
}

enum Readers {
    /// Idle connections to a file.
    Pool(PathBuf, Mutex<Vec<Connection>>),
    /// A database in memory has one connection for all.
    Shared(Arc<Mutex<Connection>>),
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readers {
    fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Readers::Shared(conn) => read(&held(conn)),
            Readers::Pool(path, idle) => {
                let waiting = held(idle).pop();
                let conn = waiting.map_or_else(|| reader(path), Ok)?;
                let result = read(&conn);
                let mut idle = held(idle);
                if result.is_ok() && idle.len() < READERS {
                    idle.push(conn);
                }
                result
            }
        }
    }
}

fn reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.pragma_update(None, "mmap_size", 1_i64 << 30)?;
    Ok(conn)
}

impl SqliteTable {
    /// Opens or makes the database file `path`, which no other process may have open; its directory must exist.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file is in use or cannot be written, [`StoreError::Corrupt`] where it is
    /// no database, [`StoreError::Invalid`] where another version of this program wrote it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = lock(lock_path(path))?;
        let mut conn = Connection::open(path)?;
        prepare(&mut conn, "FULL", SCHEMA_VERSION, SCHEMA)?;
        let readers = Readers::Pool(path.into(), Mutex::default());
        Self::start(Arc::new(Mutex::new(conn)), readers, Some(lock))
    }

    /// A table that is gone when dropped: for tests and demonstrations.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where no thread or memory is to be had.
    pub fn memory() -> Result<Self, StoreError> {
        let mut conn = Connection::open_in_memory()?;
        prepare(&mut conn, "OFF", SCHEMA_VERSION, SCHEMA)?;
        let conn = Arc::new(Mutex::new(conn));
        Self::start(conn.clone(), Readers::Shared(conn), None)
    }

    fn start(
        conn: Arc<Mutex<Connection>>,
        readers: Readers,
        lock: Option<File>,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(WAITING);
        let writer = thread::Builder::new()
            .name("table-writer".into())
            .spawn(move || write_batches(&conn, queue))
            .map_err(|e| StoreError::Unavailable(format!("no thread for the table: {e}")))?;
        Ok(Self {
            jobs: Some(jobs),
            writer: Some(writer),
            readers,
            _lock: lock,
        })
    }
}

/// Lets the writer finish what was handed to it, then closes the file. The writer's connection goes last, because the
/// last one folds the write-ahead log into the database.
impl Drop for SqliteTable {
    fn drop(&mut self) {
        if let Readers::Pool(_, idle) = &self.readers {
            held(idle).clear();
        }
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            writer.join().ok();
        }
    }
}

fn write_batches(conn: &Mutex<Connection>, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.blocking_recv() {
        let mut bytes = size(&first);
        let mut batch = vec![first];
        while batch.len() < BATCH_COMMITS && bytes < BATCH_BYTES {
            let Ok(job) = queue.try_recv() else { break };
            bytes += size(&job);
            batch.push(job);
        }
        let verdicts = write_batch(&mut held(conn), &batch);
        for (job, verdict) in batch.into_iter().zip(verdicts) {
            job.reply.send(verdict).ok();
        }
    }
}

fn size(job: &Job) -> usize {
    job.writes
        .iter()
        .map(|w| {
            if let Write::Put { body, .. } = w {
                body.len()
            } else {
                0
            }
        })
        .sum()
}

/// One transaction for all; a verdict for each. When SQLite itself fails, nothing of the batch is applied, unless it
/// fails in the commit: then nobody can know.
fn write_batch(conn: &mut Connection, batch: &[Job]) -> Vec<Verdict> {
    let failed = |error: CommitError| batch.iter().map(|_| Err(error.clone())).collect();
    let tx = match conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate) {
        Ok(tx) => tx,
        Err(e) => return failed(StoreError::from(e).into()),
    };
    match batch
        .iter()
        .map(|job| apply(&tx, &job.writes))
        .collect::<Result<Vec<_>, _>>()
    {
        Err(e) => failed(e.into()),
        Ok(verdicts) => match tx.commit() {
            Ok(()) => verdicts,
            Err(e) => failed(CommitError::Unknown(e.to_string())),
        },
    }
}

/// Decides all of a commit before writing any of it, which works because it names each key once.
/// The outer error is SQLite's and ends the batch.
fn apply(conn: &Connection, writes: &[Write]) -> Result<Verdict, StoreError> {
    let mut current =
        conn.prepare_cached("SELECT version, counter FROM items WHERE pk = ?1 AND sk = ?2")?;
    let mut versions = Vec::with_capacity(writes.len());
    for (index, write) in writes.iter().enumerate() {
        let key = write.key();
        let found = current
            .query_row([&key.partition, &key.sort], |row| {
                Ok(Found {
                    version: row.get(0)?,
                    counter: row.get(1)?,
                })
            })
            .optional()?;
        if let Err(refusal) = write.decide(index, found) {
            return Ok(Err(refusal));
        }
        versions.push(found.map_or(0, |found| found.version));
    }
    for (write, version) in writes.iter().zip(versions) {
        execute(conn, write, version + 1)?;
    }
    Ok(Ok(()))
}

fn execute(conn: &Connection, write: &Write, version: u64) -> Result<(), StoreError> {
    match write {
        Write::Put {
            key,
            body,
            wake,
            listing,
            ..
        } => {
            let (wake, listing) = (wake.as_ref(), listing.as_ref());
            conn.prepare_cached(
                "INSERT INTO items VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET
                 version = ?3, body = ?4, wake_pk = ?5, wake_sk = ?6, list_pk = ?7, list_sk = ?8",
            )?
            .execute(params![
                key.partition,
                key.sort,
                version,
                body,
                wake.map(|w| &w.partition),
                wake.map(|w| &w.sort),
                listing.map(|l| &l.partition),
                listing.map(|l| &l.sort),
            ])?;
        }
        Write::Add { key, delta, .. } => {
            conn.prepare_cached(
                "INSERT INTO items (pk, sk, version, counter) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT DO UPDATE SET version = version + 1, counter = counter + ?3",
            )?
            .execute(params![key.partition, key.sort, delta])?;
        }
        Write::Delete { key, .. } => {
            conn.prepare_cached("DELETE FROM items WHERE pk = ?1 AND sk = ?2")?
                .execute([&key.partition, &key.sort])?;
        }
        Write::Check { .. } => {}
    }
    Ok(())
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let place = |at: usize| -> rusqlite::Result<Option<IndexKey>> {
        Ok(row
            .get::<_, Option<String>>(at)?
            .zip(row.get(at + 1)?)
            .map(|(p, s)| IndexKey {
                partition: p,
                sort: s,
            }))
    };
    Ok(Item {
        key: Key {
            partition: row.get(0)?,
            sort: row.get(1)?,
        },
        version: row.get(2)?,
        body: row.get::<_, Option<_>>(3)?.unwrap_or_default(),
        counter: row.get::<_, Option<_>>(4)?.unwrap_or_default(),
        wake: place(5)?,
        listing: place(7)?,
    })
}

fn select<'c>(
    conn: &'c Connection,
    query: &Query,
    after: Option<limits::Position>,
) -> Result<(CachedStatement<'c>, Vec<Value>), StoreError> {
    let (partition, sort, order) = match query.index {
        Index::Primary => ("pk", "sk", "sk"),
        Index::Wake => ("wake_pk", "wake_sk", "wake_sk, pk, sk"),
        Index::Listing => ("list_pk", "list_sk", "list_sk, pk, sk"),
    };
    let mut sql = format!("SELECT {COLUMNS} FROM items WHERE {partition} = ?");
    let mut values = vec![Value::from(query.partition.clone())];
    let ends = [(&query.from, ">=", false), (&query.to, "<", true)];
    for (end, compare, upper) in ends {
        match (end, &after) {
            // The cursor lies within the range, so it replaces the end that the walk started from.
            (_, Some(last)) if upper == query.descending => {
                let beyond = if upper { '<' } else { '>' };
                if query.index == Index::Primary {
                    sql += &format!(" AND sk {beyond} ?");
                    values.push(last.sort.clone().into());
                } else {
                    sql += &format!(" AND ({order}) {beyond} (?, ?, ?)");
                    values.extend(
                        [&last.sort, &last.key.partition, &last.key.sort].map(|v| v.clone().into()),
                    );
                }
            }
            (Some(end), _) => {
                sql += &format!(" AND {sort} {compare} ?");
                values.push(end.clone().into());
            }
            (None, _) => {}
        }
    }
    let direction = if query.descending { " DESC" } else { "" };
    sql += &format!(
        " ORDER BY {} LIMIT {}",
        order.replace(',', &format!("{direction},")) + direction,
        query.limit + 1
    );
    Ok((conn.prepare_cached(&sql)?, values))
}

fn page(
    conn: &Connection,
    query: &Query,
    after: Option<limits::Position>,
) -> Result<Page, StoreError> {
    let (mut statement, values) = select(conn, query, after)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut items: Vec<Item> = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let item = item(row)?;
        bytes += item.body.len();
        if let Some(last) = items.last()
            && (items.len() == query.limit || bytes > limits::PAGE_BYTES)
        {
            let next = Some(cursor(last, query));
            return Ok(Page { items, next });
        }
        items.push(item);
    }
    Ok(Page { items, next: None })
}

fn cursor(last: &Item, query: &Query) -> Cursor {
    let sort = match query.index {
        Index::Primary => Some(&last.key.sort),
        Index::Wake => last.wake.as_ref().map(|w| &w.sort),
        Index::Listing => last.listing.as_ref().map(|l| &l.sort),
    };
    limits::Position {
        sort: sort.cloned().unwrap_or_default(),
        key: last.key.clone(),
    }
    .cursor(query)
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        limits::key(key)?;
        self.readers.with(|conn| {
            let mut statement = conn.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM items WHERE pk = ?1 AND sk = ?2"
            ))?;
            Ok(statement
                .query_row([&key.partition, &key.sort], item)
                .optional()?)
        })
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let after = limits::query(query)?;
        self.readers.with(|conn| page(conn, query, after))
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        limits::commit(writes)?;
        let stopped = || StoreError::Unavailable("the table's writer has stopped".into());
        let (reply, verdict) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(Job {
            writes: writes.to_vec(),
            reply,
        })
        .await
        .map_err(|_| stopped())?;
        verdict
            .await
            .unwrap_or_else(|_| Err(CommitError::Unknown("the table's writer stopped".into())))
    }
}
