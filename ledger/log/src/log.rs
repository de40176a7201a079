use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::{AppendError, LogError, settled};
use crate::integrate::Edge;
use crate::layout::{Layout, put};
use crate::merkle::{Hash, verify_inclusion};
use crate::note::{Kind, SigningKey, VerifyingKey};
use crate::reader::Reader;
use crate::receipt::Receipt;
use crate::sequence::{Sequencer, read_sequence};
use prooflane_store::{Blobs, CommitError, Expect, StoreError, Table};
use std::sync::{Arc, atomic::AtomicU64};

/// Names a process that appends. No two may ever have the same: draw it at random at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writer(pub [u8; 16]);

/// How often a lost race or an unknown outcome is looked at again before the caller is told to come back later.
pub(crate) const ATTEMPTS: usize = 16;

/// A transparency log over a [`Table`] and [`Blobs`]. Any number of processes may append to one and integrate it at once.
pub struct Log {
    pub(crate) table: Arc<dyn Table>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) layout: Layout,
    signer: SigningKey,
    reader: Reader,
    sequencer: Arc<Sequencer>,
    /// The right edge of the tree as this process integrated it last; held while it integrates.
    pub(crate) edge: tokio::sync::Mutex<Option<Edge>>,
    /// The size of the checkpoint that this process saw published last, plus one.
    pub(crate) published: AtomicU64,
}

/// A tree that durably is, or was, the log's latest: read from the table, or acknowledged by it. Only such a tree is signed.
pub(crate) struct Head {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) version: u64,
}

impl Log {
    /// Opens the log `name` of the store, or founds it. Its origin is the name of `signer`, a key of type 0x01.
    ///
    /// # Errors
    /// [`LogError::Origin`] where another log has this name, [`LogError::KeyType`], [`LogError::Damaged`],
    /// [`LogError::Store`].
    pub async fn open(
        table: Arc<dyn Table>,
        blobs: Arc<dyn Blobs>,
        name: &str,
        signer: SigningKey,
        writer: Writer,
    ) -> Result<Self, LogError> {
        if signer.verifying().kind() != Kind::Ed25519 {
            return Err(LogError::KeyType);
        }
        let layout = Layout::new(name)?;
        let sequencer = Sequencer::new(table.clone(), layout.clone(), writer.0);
        let log = Self {
            reader: Reader::of(blobs.clone(), layout.clone()),
            sequencer: Arc::new(sequencer),
            table,
            blobs,
            layout,
            signer,
            edge: tokio::sync::Mutex::default(),
            published: AtomicU64::new(0),
        };
        log.found().await?;
        let (expected, got) = (log.origin().to_owned(), log.head().await?.checkpoint.origin);
        if expected != got {
            return Err(LogError::Origin { expected, got });
        }
        Ok(log)
    }

    /// Whether there is a log `name` in a table.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn is_founded(table: &dyn Table, name: &str) -> Result<bool, LogError> {
        let layout = Layout::new(name)?;
        Ok(table.get(&layout.head()).await?.is_some())
    }

    /// Makes sure that there is a head and a sequence.
    async fn found(&self) -> Result<(), LogError> {
        let empty = Checkpoint {
            origin: self.origin().into(),
            size: 0,
            root: Hash::EMPTY_ROOT,
        };
        let writes = [
            put(self.layout.head(), Expect::Absent, empty.to_string()),
            put(self.layout.sequence(), Expect::Absent, "0"),
        ];
        for _ in 0..ATTEMPTS {
            if self.table.get(&self.layout.head()).await?.is_some() {
                return Ok(());
            }
            match self.table.commit(&writes).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict { index: 1, .. }) => {
                    return Err(LogError::Damaged("a sequence without a head".into()));
                }
                Err(CommitError::Conflict { .. } | CommitError::Unknown(_)) => {}
                Err(error) => return Err(settled(error).into()),
            }
        }
        Err(StoreError::Unavailable("the log could not be founded".into()).into())
    }

    fn origin(&self) -> &str {
        self.signer.verifying().name()
    }

    /// The key that checks the log's signatures.
    pub fn key(&self) -> &VerifyingKey {
        self.signer.verifying()
    }

    /// Reads from tiles.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Appends an entry of at most [`crate::tile::ENTRY_BYTES`] and returns its index, which is durable and final. It may not
    /// be in the tree yet: [`Log::await_inclusion`].
    ///
    /// The same entry under the same `key` is appended once, whoever tries however often. A key is any bytes, and is kept for
    /// ever; keys that begin with the time, such as UUIDv7, are the quickest.
    /// To be called within a tokio runtime.
    ///
    /// # Errors
    /// [`AppendError`]; after [`AppendError::Unknown`] append again under the same key.
    pub async fn append(&self, entry: Vec<u8>, key: Option<&[u8]>) -> Result<u64, AppendError> {
        self.sequencer.append(entry, key).await
    }

    /// The next free index: how many entries have been appended, in the tree or not.
    ///
    /// # Errors
    /// [`LogError::Store`], [`LogError::Damaged`].
    pub async fn next_index(&self) -> Result<u64, LogError> {
        Ok(read_sequence(&*self.table, &self.layout).await?.1)
    }

    /// The latest checkpoint, signed, with the cosignatures that were collected for it.
    ///
    /// # Errors
    /// [`LogError::Store`], [`LogError::Damaged`].
    pub async fn checkpoint(&self) -> Result<SignedCheckpoint, LogError> {
        let head = self.head().await?;
        self.signed(head).await
    }

    /// Waits until entry `index` is in the tree, by integrating whatever was appended, and returns the latest checkpoint.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] if no entry has this index yet, [`LogError::Store`], [`LogError::Damaged`].
    pub async fn await_inclusion(&self, index: u64) -> Result<SignedCheckpoint, LogError> {
        let mut head = self.head().await?;
        if head.checkpoint.size <= index {
            let size = self.next_index().await?;
            if index >= size {
                return Err(LogError::OutOfRange { index, size });
            }
            head = self.grow(Some(index)).await?;
        }
        self.signed(head).await
    }

    /// A receipt for entry `index`: in the latest cosigned tree if that has it, otherwise in the latest.
    ///
    /// # Errors
    /// As [`Log::await_inclusion`].
    pub async fn receipt(&self, index: u64, extra: Option<Vec<u8>>) -> Result<Receipt, LogError> {
        let cosigned = self.cosigned().await?;
        let cosigned = cosigned.filter(|cosigned| cosigned.checkpoint().size > index);
        let checkpoint = match cosigned {
            Some(cosigned) => cosigned,
            None => self.await_inclusion(index).await?,
        };
        self.receipt_in(checkpoint, index, extra).await
    }

    /// A receipt for entry `index` in the tree of `checkpoint`, checked before it is given out.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`], and those of [`Reader::tile`]; [`LogError::Damaged`] where the proof does not hold.
    pub async fn receipt_in(
        &self,
        checkpoint: SignedCheckpoint,
        index: u64,
        extra: Option<Vec<u8>>,
    ) -> Result<Receipt, LogError> {
        let Checkpoint { size, root, .. } = *checkpoint.checkpoint();
        let proof = self.reader.inclusion(index, size).await?;
        let entry = self.reader.entry(index, size).await?;
        verify_inclusion(index, Hash::of_leaf(&entry), size, root, &proof)
            .map_err(|e| LogError::Damaged(format!("entry {index} or its path: {e}")))?;
        Ok(Receipt {
            extra,
            index,
            proof,
            checkpoint,
        })
    }

    pub(crate) async fn head(&self) -> Result<Head, LogError> {
        let item = self.table.get(&self.layout.head()).await?;
        let read = item.and_then(|item| {
            let checkpoint = std::str::from_utf8(&item.body).ok()?.parse().ok()?;
            let version = item.version;
            Some(Head {
                checkpoint,
                version,
            })
        });
        read.ok_or_else(|| LogError::Damaged("the head is missing or no checkpoint".into()))
    }

    /// The one place where a tree is signed. The table has it as the head, so whatever is signed later extends it.
    pub(crate) async fn signed(&self, head: Head) -> Result<SignedCheckpoint, LogError> {
        let mut signed = SignedCheckpoint::sign(head.checkpoint, &self.signer);
        if let Some(cosigned) = self.cosigned().await?
            && cosigned.checkpoint() == signed.checkpoint()
        {
            let own = |line: &&crate::note::Signature| line.name() != self.origin();
            let others = cosigned.note().signatures().iter().filter(own).cloned();
            signed.add(others);
        }
        Ok(signed)
    }
}
