//! Integration: entries that have an index become tiles; then the head moves, in one conditional write.

use crate::checkpoint::Checkpoint;
use crate::error::{LogError, settled};
use crate::layout::{Batch, Layout, batch_sort, put};
use crate::log::{ATTEMPTS, Head, Log};
use crate::merkle::Hash;
use crate::reader::AT_ONCE;
use crate::tile::{Frontier, Level, Tile, WIDTH, entries, push_entry};
use futures::{StreamExt, TryStreamExt, stream};
use prooflane_store::{
    CommitError, Cursor, Expect, Index, PutMode, PutOutcome, Query, StoreError, Table, limits,
};
use std::sync::atomic::Ordering;

/// Most entries, and about how many bytes of them, that one move of the head takes in.
const STEP_ENTRIES: usize = 1 << 16;
const STEP_BYTES: usize = 32 << 20;

/// The right edge of the tree: the partial tiles, and the bundle that is not full.
#[derive(Default)]
pub(crate) struct Edge {
    frontier: Frontier,
    bundle: Vec<u8>,
}

/// A tile and its bytes.
pub(crate) type Blob = (Tile, Vec<u8>);

impl Edge {
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(crate) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Adds an entry and its leaf's hash; gives what it fills to `full`.
    pub(crate) fn push(&mut self, leaf: Hash, entry: &[u8], full: &mut Vec<Blob>) {
        push_entry(&mut self.bundle, entry);
        self.frontier
            .push(leaf, |tile, bytes| full.push((tile, bytes)));
        let width = u64::from(WIDTH);
        if self.size().is_multiple_of(width) {
            let tile = Tile {
                level: Level::Entries,
                index: self.size() / width - 1,
                width: WIDTH,
            };
            full.push((tile, std::mem::take(&mut self.bundle)));
        }
    }

    /// The tiles and the bundle that are not full and that a tree of `old` leaves did not have.
    pub(crate) fn partial(&self, old: u64) -> impl Iterator<Item = Blob> {
        let bundle = last_bundle(self.size()).map(|tile| (tile, self.bundle.clone()));
        let new = move |(tile, _): &Blob| Tile::of_tree(tile.level, tile.index, old) != Some(*tile);
        self.frontier.partial().chain(bundle).filter(new)
    }

    fn checkpoint(&self, origin: &str) -> Checkpoint {
        Checkpoint {
            origin: origin.into(),
            size: self.size(),
            root: self.root(),
        }
    }
}

/// The bundle that is not full in a tree of `size` leaves.
fn last_bundle(size: u64) -> Option<Tile> {
    Tile::of_tree(Level::Entries, size / u64::from(WIDTH), size)
}

impl Log {
    /// Takes everything that has been appended into the tree and publishes its checkpoint. Any process may do so at any time;
    /// a host calls it now and then for entries that nobody waits for.
    ///
    /// # Errors
    /// [`LogError::Store`], [`LogError::Damaged`]; calling again goes on.
    pub async fn integrate(&self) -> Result<Checkpoint, LogError> {
        Ok(self.grow(None).await?.checkpoint)
    }

    /// Integrates until the tree has entry `index`, or everything that was there when it began.
    pub(crate) async fn grow(&self, index: Option<u64>) -> Result<Head, LogError> {
        // One at a time in this process: whoever waits here finds the work done.
        let mut edge = self.edge.lock().await;
        let end = match index {
            Some(index) => index + 1,
            None => self.next_index().await?,
        };
        for _ in 0..ATTEMPTS {
            let mut head = self.head().await?;
            while head.checkpoint.size < end {
                match self.step(&head, &mut edge).await? {
                    Some(next) => head = next,
                    None => break,
                }
            }
            if head.checkpoint.size >= end {
                self.publish().await?;
                return Ok(head);
            }
        }
        Err(StoreError::Unavailable(format!("{ATTEMPTS} attempts to integrate failed")).into())
    }

    /// Moves the head from `head` on; none where another process moved it, or nobody knows.
    async fn step(&self, head: &Head, edge: &mut Option<Edge>) -> Result<Option<Head>, LogError> {
        let old = head.checkpoint.size;
        let origin = &head.checkpoint.origin;
        let known = edge
            .take()
            .filter(|edge| edge.checkpoint(origin) == head.checkpoint);
        let mut grown = match known {
            Some(edge) => edge,
            None => self.restore(&head.checkpoint).await?,
        };
        let mut blobs = Vec::new();
        let mut walk = Walk::new(&self.layout, old);
        let (mut count, mut bytes) = (0, 0);
        while count < STEP_ENTRIES && bytes < STEP_BYTES {
            let Some(page) = walk.page(&*self.table).await? else {
                break;
            };
            for (_, batch) in page {
                for sequenced in batch.entries {
                    let leaf = Hash::of_leaf(&sequenced.entry);
                    grown.push(leaf, &sequenced.entry, &mut blobs);
                    count += 1;
                    bytes += sequenced.entry.len();
                }
            }
        }
        if count == 0 {
            // The sequence is ahead, so the batch must be there: only a moment ago it was not.
            return Ok(None);
        }
        blobs.extend(grown.partial(old));
        self.store(blobs).await?;
        let checkpoint = grown.checkpoint(origin);
        let write = put(
            self.layout.head(),
            Expect::Version(head.version),
            checkpoint.to_string(),
        );
        match self.table.commit(&[write]).await {
            Ok(()) => {
                *edge = Some(grown);
                self.forget_partial(old, checkpoint.size).await?;
                let version = head.version + 1;
                Ok(Some(Head {
                    checkpoint,
                    version,
                }))
            }
            Err(CommitError::Conflict { .. } | CommitError::Unknown(_)) => Ok(None),
            Err(error) => Err(settled(error).into()),
        }
    }

    /// The edge of this tree, from its tiles, checked against its root.
    async fn restore(&self, checkpoint: &Checkpoint) -> Result<Edge, LogError> {
        let size = checkpoint.size;
        let mut tiles = Vec::new();
        for tile in Frontier::tiles(size) {
            tiles.push((tile, self.reader().tile(tile).await?.to_vec()));
        }
        let damaged = |what: &str| LogError::Damaged(format!("{what} of the tree of {size}"));
        let frontier = Frontier::restore(size, &tiles).ok_or_else(|| damaged("the right edge"))?;
        let bundle = match last_bundle(size) {
            None => Vec::new(),
            Some(tile) => self.reader().tile(tile).await?.to_vec(),
        };
        let leaves: Option<Vec<u8>> =
            entries(&bundle).map(|all| all.into_iter().flat_map(|e| Hash::of_leaf(e).0).collect());
        let expected = tiles
            .first()
            .filter(|(tile, _)| tile.level == Level::Hashes(0));
        if leaves.as_ref() != Some(expected.map_or(&Vec::new(), |(_, bytes)| bytes)) {
            return Err(damaged("the last bundle"));
        }
        let edge = Edge { frontier, bundle };
        if edge.root() != checkpoint.root {
            return Err(damaged("the root"));
        }
        Ok(edge)
    }

    /// Stores tiles, which never change: what is there already must be the same.
    async fn store(&self, blobs: Vec<Blob>) -> Result<(), LogError> {
        stream::iter(blobs)
            .map(async |(tile, bytes)| {
                let name = self.layout.tile(tile);
                match self.blobs.put(&name, &bytes, PutMode::IfAbsent).await? {
                    PutOutcome::Written => Ok(()),
                    PutOutcome::AlreadyThere => match self.blobs.get(&name).await? {
                        // Gone again: another process filled it meanwhile and has deleted the part.
                        None if !tile.is_full() => Ok(()),
                        Some(there) if there == bytes => Ok(()),
                        _ => Err(LogError::Damaged(format!("{tile} has other bytes"))),
                    },
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Deletes the parts of tiles that are full since the tree grew from `old` to `new`. What stays behind if this stops is
    /// in nobody's way.
    async fn forget_partial(&self, old: u64, new: u64) -> Result<(), LogError> {
        for tile in Frontier::tiles(old).into_iter().chain(last_bundle(old)) {
            if Tile::of_tree(tile.level, tile.index, new).is_some_and(Tile::is_full) {
                let prefix = format!("{}.p/", self.layout.tile(tile.full()));
                let parts = self.blobs.list(&prefix, None, WIDTH.into()).await?;
                for part in parts {
                    self.blobs.delete(&part).await?;
                }
            }
        }
        Ok(())
    }

    /// Publishes the latest checkpoint for readers of the blobs, unless this process knows that it is. Of processes that
    /// publish at once the last one looks again, so that an older checkpoint does not stay; one that dies in between leaves
    /// one behind, which is old but true, until the tree grows.
    pub(crate) async fn publish(&self) -> Result<(), LogError> {
        let mut head = self.head().await?;
        while self.published.load(Ordering::SeqCst) <= head.checkpoint.size {
            let size = head.checkpoint.size;
            self.write_checkpoint(head).await?;
            self.published.fetch_max(size + 1, Ordering::SeqCst);
            head = self.head().await?;
        }
        Ok(())
    }

    pub(crate) async fn write_checkpoint(&self, head: Head) -> Result<(), LogError> {
        let text = self.signed(head).await?.to_string();
        let name = self.layout.checkpoint();
        self.blobs
            .put(&name, text.as_bytes(), PutMode::Overwrite)
            .await?;
        Ok(())
    }
}

/// Walks along the batches from one that begins at `first`.
pub(crate) struct Walk<'l> {
    layout: &'l Layout,
    next: u64,
    after: Option<Cursor>,
    ended: bool,
}

impl<'l> Walk<'l> {
    pub(crate) fn new(layout: &'l Layout, first: u64) -> Self {
        Self {
            layout,
            next: first,
            after: None,
            ended: false,
        }
    }

    /// The next batches with their first indices; none at the end. A page of a query is no snapshot: a batch may be seen and
    /// the one before it not, so the walk ends before a gap.
    ///
    /// # Errors
    /// [`LogError::Damaged`] for a batch that cannot be read.
    pub(crate) async fn page(
        &mut self,
        table: &dyn Table,
    ) -> Result<Option<Vec<(u64, Batch)>>, LogError> {
        if self.ended {
            return Ok(None);
        }
        let query = Query::new(Index::Primary, self.layout.batches())
            .from(batch_sort(self.next))
            .limit(limits::PAGE_ITEMS)
            .after(self.after.take());
        let page = table.query(&query).await?;
        self.after = page.next;
        self.ended = self.after.is_none();
        let mut batches = Vec::new();
        for item in page.items {
            if item.key.sort != batch_sort(self.next) {
                self.ended = true;
                break;
            }
            let Some(batch) = Batch::decode(&item.body) else {
                if batches.is_empty() {
                    return Err(LogError::Damaged(format!("batch {}", item.key)));
                }
                // Those before it first; the next page begins with it.
                (self.after, self.ended) = (None, false);
                break;
            };
            let first = self.next;
            self.next += batch.entries.len() as u64;
            batches.push((first, batch));
        }
        Ok(Some(batches))
    }
}
