//! The ledger itself: entries in a log, evidence in blobs, and an index of datasets in the table.

use crate::access::{Permission, Permissions};
use crate::opening::random;
use crate::{Bytes32, Commitment, DatasetId, Entry, Error, Evidence};
use prooflane_log::{AppendError, Log, LogError, Receipt, SigningKey, Writer};
use prooflane_store::{
    Blobs, Clock, CommitError, Cursor, Expect, Index, Key, PutMode, Query, StoreError, Table, Write,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use uuid::Uuid;

/// The log's name in the store.
pub const LOG: &str = "ledger";
/// The most datasets that one statement names: the index takes all of them in one commit.
pub const MOST_DATASETS: usize = 32;
/// The largest commitment, as JSON, and how much of a statement's words the index keeps: together below what an item holds.
const COMMITMENT_BYTES: usize = 256 << 10;
const WORDS: usize = 1_000;
/// All commitments that one statement makes.
const COMMITMENTS_BYTES: usize = 2 << 20;
/// How often in all nobody may know what became of the index, each time perhaps after seconds, before the caller is told.
const UNKNOWNS: usize = 4;

/// Why the ledger does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The evidence does not hold, or cannot be read.
    #[error(transparent)]
    Evidence(#[from] Error),
    /// A statement about a dataset that nobody has recorded.
    #[error("dataset {0} is not in this ledger: notarize it here first")]
    UnknownDataset(DatasetId),
    /// There is no such operation.
    #[error("expected the number of an operation below {size}, got {index}")]
    UnknownOperation {
        /// What was asked for.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// The account may not do that.
    #[error("{account} may not {permission} dataset {dataset}: ask whoever administers it")]
    Forbidden {
        /// Who asked.
        account: String,
        /// What for.
        permission: Permission,
        /// Of this dataset.
        dataset: DatasetId,
    },
    /// A statement names too many datasets.
    #[error(
        "a statement names at most {MOST_DATASETS} datasets, got {got}: do it in several steps"
    )]
    TooMany {
        /// How many.
        got: usize,
    },
    /// Commitments that are too large for the index.
    #[error(
        "commitments take at most {COMMITMENT_BYTES} bytes each and {COMMITMENTS_BYTES} in one statement, got {got}: project the dataset to fewer columns"
    )]
    TooLarge {
        /// How many bytes.
        got: usize,
    },
    /// A lineage that is too large for one answer.
    #[error(
        "too much is connected with dataset {0} for one answer: follow its operations step by step"
    )]
    TooConnected(DatasetId),
    /// A dataset that somebody else has recorded.
    #[error("dataset {0} is recorded already, by another operation")]
    Recorded(DatasetId),
    /// Another operation was recorded under this id.
    #[error("operation {index} was recorded under this id, and it is another one: draw a new id")]
    IdTaken {
        /// Which.
        index: u64,
    },
    /// It may or may not have been recorded.
    #[error("it may or may not have been recorded: record it again under the same id ({0})")]
    Unknown(String),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What is stored is not what this ledger wrote.
    #[error("the ledger's data are damaged, run fsck: {0}")]
    Damaged(String),
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// A dataset, as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The operation that it came with.
    pub made_by: u64,
    /// Who recorded it.
    pub owner: Option<String>,
    /// Its commitment.
    pub commitment: Commitment,
}

/// An operation that a dataset took part in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number.
    pub index: u64,
    /// Its entry.
    pub entry: Entry,
    /// In words, for who may read all of its datasets; for others its name.
    pub words: String,
}

/// One page of operations.
pub struct Operations {
    /// In their order.
    pub operations: Vec<Operation>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
}

/// A ledger over a table and blobs. Any number of processes may be one.
pub struct Ledger {
    log: Log,
    table: Arc<dyn Table>,
    blobs: Arc<dyn Blobs>,
    clock: Arc<dyn Clock>,
}

fn dataset_partition(id: DatasetId) -> String {
    format!("ledger#dataset#{id}")
}

fn known_key(id: DatasetId) -> Key {
    Key::new(dataset_partition(id), "known")
}

fn operation_key(id: DatasetId, index: u64) -> Key {
    // After "known", in the order of numbers.
    Key::new(dataset_partition(id), format!("operation#{index:020}"))
}

fn grants_partition(id: DatasetId) -> String {
    format!("ledger#access#{id}")
}

fn grant_key(id: DatasetId, account: &str) -> Key {
    Key::new(grants_partition(id), account)
}

/// How many entries the index has.
fn indexed_key() -> Key {
    Key::new("ledger", "indexed")
}

/// Where evidence is in the store.
fn evidence_blob(digest: &Bytes32) -> String {
    format!("evidence/{digest}")
}

fn put(key: Key, expect: Expect, body: &impl Serialize) -> Result<Write, LedgerError> {
    let body = serde_json::to_vec(body).map_err(|error| LedgerError::Damaged(error.to_string()))?;
    Ok(Write::Put {
        key,
        expect,
        body,
        wake: None,
        listing: None,
    })
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8], what: &str) -> Result<T, LedgerError> {
    serde_json::from_slice(body).map_err(|error| LedgerError::Damaged(format!("{what}: {error}")))
}

/// That the index can hold what evidence says.
fn fits(evidence: &Evidence) -> Result<(), LedgerError> {
    let got = evidence.inputs.len() + evidence.outputs.len();
    if got > MOST_DATASETS {
        return Err(LedgerError::TooMany { got });
    }
    let mut all = 0;
    for output in &evidence.outputs {
        let written = serde_json::to_vec(output);
        let got = written
            .map_err(|error| LedgerError::Damaged(error.to_string()))?
            .len();
        all += got;
        if got > COMMITMENT_BYTES || all > COMMITMENTS_BYTES {
            return Err(LedgerError::TooLarge { got: got.max(all) });
        }
    }
    Ok(())
}

/// What an account may see. It looks each dataset's permissions up once.
pub(crate) struct View<'a> {
    ledger: &'a Ledger,
    by: Option<&'a str>,
    may_read: HashMap<DatasetId, bool>,
}

impl<'a> View<'a> {
    pub(crate) fn new(ledger: &'a Ledger, by: Option<&'a str>) -> Self {
        Self {
            ledger,
            by,
            may_read: HashMap::new(),
        }
    }

    /// An operation without its words, if they are not for this account.
    async fn of(&mut self, mut operation: Operation) -> Result<Operation, LedgerError> {
        for dataset in operation.entry.datasets() {
            if !self.may_read(dataset).await? {
                operation.words.clone_from(&operation.entry.operation);
                break;
            }
        }
        Ok(operation)
    }

    async fn may_read(&mut self, dataset: DatasetId) -> Result<bool, LedgerError> {
        let Some(account) = self.by else {
            return Ok(true);
        };
        if let Some(may) = self.may_read.get(&dataset) {
            return Ok(*may);
        }
        let permissions = self.ledger.permissions(account, dataset).await?;
        let may = permissions.contains(&Permission::Read);
        self.may_read.insert(dataset, may);
        Ok(may)
    }
}

impl Ledger {
    /// Opens the ledger of a store, or founds it. Its origin is the name of `signer`.
    ///
    /// # Errors
    /// [`LedgerError::Log`], [`Error::Randomness`].
    pub async fn open(
        table: Arc<dyn Table>,
        blobs: Arc<dyn Blobs>,
        clock: Arc<dyn Clock>,
        signer: SigningKey,
    ) -> Result<Self, LedgerError> {
        let writer = Writer(*random()?);
        Ok(Self {
            log: Log::open(table.clone(), blobs.clone(), LOG, signer, writer).await?,
            table,
            blobs,
            clock,
        })
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Verifies evidence and records it, once for each `id`: the same again gets the same operation. `by` is the account of whoever
    /// asks; none may do everything. Of two operations that make one dataset at once the log may have both: the first counts, and
    /// whoever recorded the other gets [`LedgerError::Recorded`].
    ///
    /// # Errors
    /// [`LedgerError`]. After [`LedgerError::Unknown`] record it again under the same id.
    pub async fn record(
        &self,
        by: Option<&str>,
        id: Uuid,
        evidence: Vec<u8>,
    ) -> Result<(u64, Entry), LedgerError> {
        let digest = Evidence::digest(&evidence);
        let read = Evidence::from_bytes(&evidence)?;
        fits(&read)?;
        let ids = |of: &[Commitment]| of.iter().map(Commitment::id).collect::<Vec<_>>();
        let entry = Entry {
            ledger: 1,
            id,
            time: self.now(),
            by: by.map(Into::into),
            operation: read.statement.name().into(),
            inputs: ids(&read.inputs),
            outputs: ids(&read.outputs),
            evidence: digest,
        };
        let permission = Permission::to_record(&read.statement);
        for input in &entry.inputs {
            self.demand(by, *input, permission).await?;
        }
        // Verifying takes milliseconds, but no runtime should wait for that.
        let verified = tokio::task::spawn_blocking(move || read.verify()).await;
        verified.map_err(|error| LedgerError::Damaged(error.to_string()))??;
        self.demand_new(&entry).await?;
        self.keep_evidence(&digest, &evidence).await?;
        let bytes = entry.to_bytes();
        let bytes = bytes.map_err(|error| LedgerError::Damaged(error.to_string()))?;
        let index = match self.append(&entry, bytes).await {
            // Perhaps it was recorded before, at another time.
            Ok(index) | Err(LedgerError::IdTaken { index }) => index,
            Err(other) => return Err(other),
        };
        let settled = self.settle(index, entry).await;
        settled.map_err(|error| match error {
            // It may be in the log by now, whatever the store does not do any more.
            LedgerError::Log(LogError::Store(error)) => LedgerError::Unknown(error.to_string()),
            other => other,
        })
    }

    /// What has become of an entry whose id is at `index` of the log.
    async fn settle(&self, index: u64, entry: Entry) -> Result<(u64, Entry), LedgerError> {
        let recorded = self.entry(index).await?;
        let same = Entry {
            time: recorded.time,
            ..entry
        };
        if recorded != same {
            return Err(LedgerError::IdTaken { index });
        }
        self.index_to(index + 1).await?;
        // Of two that were recorded at once, the first counts.
        for output in &recorded.outputs {
            let known = self.dataset(*output).await?;
            if known.is_some_and(|known| known.made_by != index) {
                return Err(LedgerError::Recorded(*output));
            }
        }
        Ok((index, recorded))
    }

    /// That what a statement makes is not there yet, unless this very operation made it: who sees a dataset's commitment cannot
    /// record another origin for it.
    async fn demand_new(&self, entry: &Entry) -> Result<(), LedgerError> {
        for output in &entry.outputs {
            let Some(known) = self.dataset(*output).await? else {
                continue;
            };
            if self.entry(known.made_by).await?.id != entry.id {
                return Err(LedgerError::Recorded(*output));
            }
        }
        Ok(())
    }

    fn now(&self) -> jiff::Timestamp {
        let millis = i64::try_from(self.clock.now_millis()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
    }

    /// An operation's entry.
    ///
    /// # Errors
    /// [`LedgerError::UnknownOperation`], [`LedgerError::Log`], [`LedgerError::Damaged`].
    pub async fn entry(&self, index: u64) -> Result<Entry, LedgerError> {
        let bytes = self.entry_bytes(index).await?;
        Entry::from_bytes(&bytes)
            .map_err(|error| LedgerError::Damaged(format!("entry {index}: {error}")))
    }

    async fn entry_bytes(&self, index: u64) -> Result<Vec<u8>, LedgerError> {
        let checkpoint = self
            .log
            .await_inclusion(index)
            .await
            .map_err(|error| match error {
                LogError::OutOfRange { index, size } => {
                    LedgerError::UnknownOperation { index, size }
                }
                other => other.into(),
            })?;
        let size = checkpoint.checkpoint().size;
        Ok(self.log.reader().entry(index, size).await?)
    }

    /// An operation, as an account may see it.
    ///
    /// # Errors
    /// As [`Self::entry`].
    pub async fn operation(&self, by: Option<&str>, index: u64) -> Result<Operation, LedgerError> {
        let mut operations = self.recorded(by, index..index.saturating_add(1)).await?;
        let size = self.size().await?;
        operations
            .pop()
            .ok_or(LedgerError::UnknownOperation { index, size })
    }

    /// Operations in their order, as an account may see them; only those that there are.
    ///
    /// # Errors
    /// [`LedgerError::Log`], [`LedgerError::Damaged`].
    pub async fn recorded(
        &self,
        by: Option<&str>,
        range: Range<u64>,
    ) -> Result<Vec<Operation>, LedgerError> {
        let end = range.end.min(self.size().await?);
        self.index_to(end).await?;
        let mut view = View::new(self, by);
        let mut operations = Vec::new();
        for index in range.start..end {
            let entry = self.entry(index).await?;
            // Its words are with each of its datasets.
            let of = entry.datasets().first().copied();
            let of = of.ok_or_else(|| LedgerError::Damaged(format!("entry {index} names none")))?;
            let item = self.table.get(&operation_key(of, index)).await?;
            let item =
                item.ok_or_else(|| LedgerError::Damaged(format!("the index lacks entry {index}")))?;
            operations.push(view.of(read(&item.body, "an operation")?).await?);
        }
        Ok(operations)
    }

    /// What the index has of an operation.
    async fn indexed(&self, index: u64) -> Result<Operation, LedgerError> {
        let entry = self.entry(index).await?;
        let evidence = self.stored(&entry.evidence).await?;
        Ok(Operation {
            index,
            words: evidence.statement.to_string().chars().take(WORDS).collect(),
            entry,
        })
    }

    /// How many operations there are.
    ///
    /// # Errors
    /// [`LedgerError::Log`].
    pub async fn size(&self) -> Result<u64, LedgerError> {
        Ok(self.log.next_index().await?)
    }

    /// A receipt that verifies offline: that an operation is in the log. The entry comes along, as the receipt's extra data.
    ///
    /// # Errors
    /// As [`Self::entry`].
    pub async fn receipt(&self, index: u64) -> Result<Receipt, LedgerError> {
        let bytes = self.entry_bytes(index).await?;
        Ok(self.log.receipt(index, Some(bytes)).await?)
    }

    /// The evidence of an operation, for an account that may read all of its datasets.
    ///
    /// # Errors
    /// [`LedgerError::Forbidden`]; as [`Self::entry`].
    pub async fn evidence(&self, by: Option<&str>, index: u64) -> Result<Vec<u8>, LedgerError> {
        let digest = self.readable(by, index).await?.evidence;
        self.evidence_bytes(&digest).await
    }

    /// Where that evidence is among the store's blobs, for an account that may read all of the operation's datasets.
    ///
    /// # Errors
    /// As [`Self::evidence`].
    pub async fn evidence_at(&self, by: Option<&str>, index: u64) -> Result<String, LedgerError> {
        let digest = self.readable(by, index).await?.evidence;
        Ok(evidence_blob(&digest))
    }

    async fn readable(&self, by: Option<&str>, index: u64) -> Result<Entry, LedgerError> {
        let entry = self.entry(index).await?;
        for dataset in entry.datasets() {
            self.demand(by, dataset, Permission::Read).await?;
        }
        Ok(entry)
    }

    pub(crate) async fn keep_evidence(
        &self,
        digest: &Bytes32,
        evidence: &[u8],
    ) -> Result<(), LedgerError> {
        let blob = evidence_blob(digest);
        self.blobs.put(&blob, evidence, PutMode::IfAbsent).await?;
        Ok(())
    }

    /// Appends an entry, once for each id.
    pub(crate) async fn append(&self, entry: &Entry, bytes: Vec<u8>) -> Result<u64, LedgerError> {
        let index = self.log.append(bytes, Some(entry.id.as_bytes())).await;
        let index = index.map_err(|error| match error {
            AppendError::KeyTaken { index } => LedgerError::IdTaken { index },
            AppendError::Log(error) => error.into(),
            AppendError::Unknown(why) => LedgerError::Unknown(why),
            other @ AppendError::TooLong { .. } => LedgerError::Damaged(other.to_string()),
        })?;
        Ok(index)
    }

    pub(crate) async fn evidence_bytes(&self, digest: &Bytes32) -> Result<Vec<u8>, LedgerError> {
        let bytes = self.blobs.get(&evidence_blob(digest)).await?;
        bytes.ok_or_else(|| LedgerError::Damaged(format!("evidence {digest} is missing")))
    }

    pub(crate) async fn stored(&self, digest: &Bytes32) -> Result<Evidence, LedgerError> {
        let bytes = self.evidence_bytes(digest).await?;
        if Evidence::digest(&bytes) != *digest {
            return Err(LedgerError::Damaged(format!(
                "evidence {digest} has changed"
            )));
        }
        Ok(Evidence::from_bytes(&bytes)?)
    }

    /// A dataset; none if nobody has recorded it.
    ///
    /// # Errors
    /// [`LedgerError::Log`], [`LedgerError::Damaged`].
    pub async fn dataset(&self, id: DatasetId) -> Result<Option<Known>, LedgerError> {
        if let Some(item) = self.table.get(&known_key(id)).await? {
            return read(&item.body, "a dataset").map(Some);
        }
        // Whoever recorded it may have stopped before it was in the index.
        self.index_to(self.size().await?).await?;
        let item = self.table.get(&known_key(id)).await?;
        item.map(|item| read(&item.body, "a dataset")).transpose()
    }

    /// The operations that a dataset took part in, in their order, as an account may see them.
    ///
    /// # Errors
    /// [`LedgerError::Log`], [`LedgerError::Damaged`].
    pub async fn operations(
        &self,
        by: Option<&str>,
        id: DatasetId,
        after: Option<Cursor>,
    ) -> Result<Operations, LedgerError> {
        self.index_to(self.size().await?).await?;
        self.page(&mut View::new(self, by), id, after).await
    }

    /// A page of operations of an index that is up to date.
    pub(crate) async fn page(
        &self,
        view: &mut View<'_>,
        id: DatasetId,
        after: Option<Cursor>,
    ) -> Result<Operations, LedgerError> {
        let query = Query::new(Index::Primary, dataset_partition(id)).from("operation#");
        let page = self.table.query(&query.after(after)).await?;
        let mut operations = Vec::new();
        for item in &page.items {
            operations.push(view.of(read(&item.body, "an operation")?).await?);
        }
        Ok(Operations {
            operations,
            next: page.next,
        })
    }

    /// Gives an account permissions to a dataset, or takes them: it then has these and no others.
    ///
    /// # Errors
    /// [`LedgerError::Forbidden`] for whoever may not administer it, [`LedgerError::UnknownDataset`], [`LedgerError::Log`].
    pub async fn grant(
        &self,
        by: Option<&str>,
        dataset: DatasetId,
        account: &str,
        permissions: &Permissions,
    ) -> Result<(), LedgerError> {
        self.demand(by, dataset, Permission::Administer).await?;
        let key = grant_key(dataset, account);
        loop {
            let item = self.table.get(&key).await?;
            let expect = item.map_or(Expect::Absent, |item| Expect::Version(item.version));
            match self
                .table
                .commit(&[put(key.clone(), expect, permissions)?])
                .await
            {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(other) => return Err(LedgerError::Unknown(other.to_string())),
            }
        }
    }

    /// What an account may do with a dataset.
    ///
    /// # Errors
    /// [`LedgerError::UnknownDataset`], [`LedgerError::Log`].
    pub async fn permissions(
        &self,
        account: &str,
        dataset: DatasetId,
    ) -> Result<Permissions, LedgerError> {
        let known = self.dataset(dataset).await?;
        let known = known.ok_or(LedgerError::UnknownDataset(dataset))?;
        if known.owner.as_deref() == Some(account) {
            use Permission::{Administer, Prove, Read, Write};
            return Ok([Read, Write, Prove, Administer].into());
        }
        let item = self.table.get(&grant_key(dataset, account)).await?;
        item.map_or_else(
            || Ok(Permissions::new()),
            |item| read(&item.body, "permissions"),
        )
    }

    /// Who has been given permissions to a dataset besides its owner.
    ///
    /// # Errors
    /// [`LedgerError::Forbidden`] for whoever may not administer it, [`LedgerError::UnknownDataset`], [`LedgerError::Log`].
    pub async fn grants(
        &self,
        by: Option<&str>,
        dataset: DatasetId,
    ) -> Result<BTreeMap<String, Permissions>, LedgerError> {
        self.demand(by, dataset, Permission::Administer).await?;
        let mut grants = BTreeMap::new();
        let mut after = None;
        loop {
            let query = Query::new(Index::Primary, grants_partition(dataset)).after(after);
            let page = self.table.query(&query).await?;
            for item in page.items {
                let permissions: Permissions = read(&item.body, "permissions")?;
                if !permissions.is_empty() {
                    grants.insert(item.key.sort, permissions);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(grants);
            }
        }
    }

    /// That whoever asks may.
    async fn demand(
        &self,
        by: Option<&str>,
        dataset: DatasetId,
        permission: Permission,
    ) -> Result<(), LedgerError> {
        let Some(account) = by else {
            let known = self.dataset(dataset).await?;
            return known.map(drop).ok_or(LedgerError::UnknownDataset(dataset));
        };
        if self
            .permissions(account, dataset)
            .await?
            .contains(&permission)
        {
            return Ok(());
        }
        Err(LedgerError::Forbidden {
            account: account.into(),
            permission,
            dataset,
        })
    }

    pub(crate) fn table(&self) -> &dyn Table {
        &*self.table
    }

    pub(crate) fn blobs(&self) -> &dyn Blobs {
        &*self.blobs
    }

    /// Whether the index has what follows from an entry.
    pub(crate) async fn is_indexed(&self, index: u64) -> Result<bool, LedgerError> {
        let operation = self.indexed(index).await?;
        for dataset in operation.entry.datasets() {
            let item = self.table.get(&operation_key(dataset, index)).await?;
            let same = |body: &[u8]| serde_json::from_slice(body).ok().as_ref() == Some(&operation);
            if !item.is_some_and(|item| same(&item.body)) {
                return Ok(false);
            }
        }
        let evidence = self.stored(&operation.entry.evidence).await?;
        for commitment in evidence.outputs {
            let expected = Known {
                made_by: index,
                owner: operation.entry.by.clone(),
                commitment,
            };
            let item = self.table.get(&known_key(expected.commitment.id())).await?;
            // Of two that were recorded at once, the first counts.
            let same = |known: Known| {
                known == expected
                    || known.made_by < index && known.commitment == expected.commitment
            };
            let known = item.and_then(|item| serde_json::from_slice(&item.body).ok());
            if !known.is_some_and(same) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Brings the index up to so many entries. Whoever finds it behind does so.
    pub(crate) async fn index_to(&self, size: u64) -> Result<(), LedgerError> {
        let mut unknowns = 0;
        loop {
            let item = self.table.get(&indexed_key()).await?;
            let (indexed, expect) = match &item {
                None => (0, Expect::Absent),
                Some(item) => (
                    read::<u64>(&item.body, "the index")?,
                    Expect::Version(item.version),
                ),
            };
            if indexed >= size {
                return Ok(());
            }
            let mut writes = vec![put(indexed_key(), expect, &(indexed + 1))?];
            writes.extend(self.index_entry(indexed).await?);
            match self.table.commit(&writes).await {
                // Somebody else was quicker.
                Ok(()) | Err(CommitError::Conflict { index: 0, .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
                // The next look says whether it came to pass.
                Err(CommitError::Unknown(why)) => {
                    unknowns += 1;
                    if unknowns == UNKNOWNS {
                        return Err(StoreError::Unavailable(why).into());
                    }
                }
                Err(other) => return Err(LedgerError::Damaged(format!("the index: {other}"))),
            }
        }
    }

    /// What the index has of an entry.
    async fn index_entry(&self, index: u64) -> Result<Vec<Write>, LedgerError> {
        let operation = self.indexed(index).await?;
        let evidence = self.stored(&operation.entry.evidence).await?;
        let mut writes = Vec::new();
        for dataset in operation.entry.datasets() {
            let key = operation_key(dataset, index);
            writes.push(put(key, Expect::Absent, &operation)?);
        }
        let mut made = HashSet::new();
        for commitment in evidence.outputs {
            let id = commitment.id();
            // Of two that were recorded at once, the first counts. Two parts of a split may be one dataset.
            if !made.insert(id) || self.table.get(&known_key(id)).await?.is_some() {
                continue;
            }
            let known = Known {
                made_by: index,
                owner: operation.entry.by.clone(),
                commitment,
            };
            writes.push(put(known_key(id), Expect::Absent, &known)?);
        }
        Ok(writes)
    }
}
