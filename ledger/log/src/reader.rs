use crate::checkpoint::SignedCheckpoint;
use crate::error::LogError;
use crate::layout::Layout;
use crate::merkle::{Hash, consistency_ranges, cover, fold, inclusion_ranges};
use crate::tile::{Level, Tile, WIDTH, entries};
use futures::{StreamExt, TryStreamExt, stream};
use prooflane_store::Blobs;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Tiles in one generation of the cache: of 8 KB, so that both generations take at most 32 MB.
const CACHED: usize = 2048;
/// Blobs asked for at once.
pub(crate) const AT_ONCE: usize = 16;

/// Answers from tiles alone: what it reads may come from a bucket that a CDN serves. It believes the tiles; whoever gets a
/// proof checks it against a checkpoint.
pub struct Reader {
    blobs: Arc<dyn Blobs>,
    layout: Layout,
    cache: Mutex<Cache>,
}

/// Forgets in halves: when the young generation is full, it becomes the old one.
#[derive(Default)]
struct Cache {
    young: HashMap<Tile, Arc<[u8]>>,
    old: HashMap<Tile, Arc<[u8]>>,
}

impl Cache {
    fn get(&mut self, tile: &Tile) -> Option<Arc<[u8]>> {
        if let Some(bytes) = self.young.get(tile) {
            return Some(bytes.clone());
        }
        let bytes = self.old.remove(tile)?;
        self.put(*tile, bytes.clone());
        Some(bytes)
    }

    fn put(&mut self, tile: Tile, bytes: Arc<[u8]>) {
        if self.young.len() == CACHED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(tile, bytes);
    }
}

impl Reader {
    /// Reads the log `name`.
    ///
    /// # Errors
    /// [`LogError::Store`] for a name that is not one segment of a blob's name.
    pub fn new(blobs: Arc<dyn Blobs>, name: &str) -> Result<Self, LogError> {
        Ok(Self::of(blobs, Layout::new(name)?))
    }

    pub(crate) fn of(blobs: Arc<dyn Blobs>, layout: Layout) -> Self {
        Self {
            blobs,
            layout,
            cache: Mutex::default(),
        }
    }

    /// The published checkpoint, which may lag behind the log's; none if none was published yet.
    ///
    /// # Errors
    /// [`LogError::Store`], [`LogError::Damaged`].
    pub async fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        let Some(bytes) = self.blobs.get(&self.layout.checkpoint()).await? else {
            return Ok(None);
        };
        let parsed = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.parse().ok());
        let damaged = || LogError::Damaged("the published checkpoint".into());
        parsed.map(Some).ok_or_else(damaged)
    }

    /// The bytes of a tile or bundle, as a tree that has it so has them. A partial one may have been deleted once it was
    /// full, and then is cut from that.
    ///
    /// # Errors
    /// [`LogError::Missing`], [`LogError::Damaged`], [`LogError::Store`].
    pub async fn tile(&self, tile: Tile) -> Result<Arc<[u8]>, LogError> {
        let cached = matches!(tile.level, Level::Hashes(_));
        if cached && let Some(bytes) = self.cache().get(&tile) {
            return Ok(bytes);
        }
        let bytes: Arc<[u8]> = match self.blobs.get(&self.layout.tile(tile)).await? {
            Some(bytes) => bytes,
            None if tile.is_full() => return Err(LogError::Missing(tile.to_string())),
            None => {
                let full = self.blobs.get(&self.layout.tile(tile.full())).await?;
                let full = full.ok_or_else(|| LogError::Missing(tile.to_string()))?;
                check(tile.full(), &full)?;
                full[..first(tile, &full)].into()
            }
        }
        .into();
        check(tile, &bytes)?;
        if cached {
            self.cache().put(tile, bytes.clone());
        }
        Ok(bytes)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Entry `index` of a tree of `size` entries.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`], and those of [`Reader::tile`].
    pub async fn entry(&self, index: u64, size: u64) -> Result<Vec<u8>, LogError> {
        below(index, size)?;
        let width = u64::from(WIDTH);
        let tile = Tile::of_tree(Level::Entries, index / width, size);
        let tile = tile.ok_or(LogError::OutOfRange { index, size })?;
        let bytes = self.tile(tile).await?;
        let entry =
            entries(&bytes).and_then(|all| Some(all.get((index % width) as usize)?.to_vec()));
        entry.ok_or_else(|| LogError::Damaged(tile.to_string()))
    }

    /// The proof that entry `index` is in the tree of `size` entries, from the leaf's sibling upwards.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`], and those of [`Reader::tile`].
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        below(index, size)?;
        self.proof(inclusion_ranges(index, size), size).await
    }

    /// The proof that the tree of `new` entries extends that of `old`.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] where `old` is above `new`, and those of [`Reader::tile`].
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, LogError> {
        if old > new {
            let (index, size) = (old, new);
            return Err(LogError::OutOfRange { index, size });
        }
        self.proof(consistency_ranges(old, new), new).await
    }

    /// The hash of each of these ranges of leaves.
    async fn proof(&self, ranges: Vec<Range<u64>>, size: u64) -> Result<Vec<Hash>, LogError> {
        let nodes: Vec<Vec<_>> = ranges.into_iter().map(cover).collect();
        let outside = || LogError::Damaged(format!("a node outside of the tree of {size}"));
        let mut wanted = Vec::new();
        for node in nodes.iter().flatten() {
            wanted.push(Tile::of_node(*node, size).ok_or_else(outside)?);
        }
        wanted.sort_unstable();
        wanted.dedup();
        let tiles: HashMap<Tile, Arc<[u8]>> = stream::iter(wanted)
            .map(async |tile| Ok::<_, LogError>((tile, self.tile(tile).await?)))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let hash = |node| {
            let tile = Tile::of_node(node, size)?;
            tile.hash_of(tiles.get(&tile)?, node)
        };
        let hashes = nodes.into_iter().map(|nodes| {
            let hashes: Option<Vec<Hash>> = nodes.into_iter().map(hash).collect();
            hashes.map(fold).ok_or_else(outside)
        });
        hashes.collect()
    }
}

fn below(index: u64, size: u64) -> Result<(), LogError> {
    if index < size {
        Ok(())
    } else {
        Err(LogError::OutOfRange { index, size })
    }
}

/// As many hashes or entries as the tile is wide.
fn check(tile: Tile, bytes: &[u8]) -> Result<(), LogError> {
    let count = match tile.level {
        Level::Hashes(_) => bytes
            .len()
            .is_multiple_of(Hash::BYTES)
            .then_some(bytes.len() / Hash::BYTES),
        Level::Entries => entries(bytes).map(|entries| entries.len()),
    };
    if count == Some(tile.width.into()) {
        Ok(())
    } else {
        Err(LogError::Damaged(tile.to_string()))
    }
}

/// How many bytes of the full tile the partial `tile` has.
pub(crate) fn first(tile: Tile, full: &[u8]) -> usize {
    let width = usize::from(tile.width);
    match tile.level {
        Level::Hashes(_) => width * Hash::BYTES,
        Level::Entries => entries(full)
            .unwrap_or_default()
            .iter()
            .take(width)
            .map(|entry| 2 + entry.len())
            .sum(),
    }
}
