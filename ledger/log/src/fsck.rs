use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::LogError;
use crate::integrate::{Edge, Walk};
use crate::layout::{KEY_PARTITIONS, KeyName, KeyRecord, Layout};
use crate::merkle::Hash;
use crate::note::VerifyingKey;
use crate::reader::first;
use crate::sequence::{read_key, read_sequence};
use crate::tile::{Level, Tile, WIDTH};
use prooflane_store::{Blobs, Index, Query, StoreError, Table, limits};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// An item is missing or cannot be read: the head, the sequence, a batch, a key's record, the cosigned checkpoint.
    Unreadable(String),
    /// The batches end here, but the sequence says another next index.
    Sequence {
        /// What the sequence says.
        next: u64,
        /// Where the batches end.
        batches: u64,
    },
    /// The tree has more leaves than the sequence has given out.
    HeadBeyondSequence {
        /// The head's size.
        size: u64,
        /// Where the batches end.
        batches: u64,
    },
    /// A checkpoint's root is not that of the entries in the sequence.
    Root {
        /// Which checkpoint: the head, the published or the cosigned one.
        of: &'static str,
        /// Its size.
        size: u64,
        /// The root that the entries have.
        expected: Hash,
        /// The root that it says.
        got: Hash,
    },
    /// A checkpoint is not of this log or not signed by its key.
    Signature {
        /// Which checkpoint.
        of: &'static str,
        /// Why it is refused.
        why: String,
    },
    /// A published or cosigned checkpoint is larger than the head.
    BeyondHead {
        /// Which checkpoint.
        of: &'static str,
        /// Its size.
        size: u64,
        /// The head's.
        head: u64,
    },
    /// A tile or bundle of the head's tree is missing.
    Missing(Tile),
    /// A tile or bundle has other bytes than the sequence's entries give it.
    Differs(Tile),
    /// A blob among the tiles that is no tile of this sequence.
    Stray(String),
    /// An entry was appended under a key, and the key's record is missing or says something else.
    Key {
        /// The entry.
        index: u64,
    },
    /// Keys' records that belong to no entry.
    StrayKeys(u64),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(what) => write!(f, "{what} is missing or cannot be read"),
            Self::Sequence { next, batches } => {
                write!(
                    f,
                    "the sequence goes on at {next}, its batches end at {batches}"
                )
            }
            Self::HeadBeyondSequence { size, batches } => {
                write!(
                    f,
                    "the head has {size} leaves, the batches end at {batches}"
                )
            }
            Self::Root {
                of,
                size,
                expected,
                got,
            } => write!(
                f,
                "the {of} has root {got} at size {size}, the entries have {expected}"
            ),
            Self::Signature { of, why } => write!(f, "the {of} is not this log's: {why}"),
            Self::BeyondHead { of, size, head } => {
                write!(f, "the {of} has size {size}, the head only {head}")
            }
            Self::Missing(tile) => write!(f, "{tile} is missing"),
            Self::Differs(tile) => write!(f, "{tile} is not what the entries give"),
            Self::Stray(blob) => write!(f, "{blob} is no tile of this log"),
            Self::Key { index } => {
                write!(f, "the key's record of entry {index} is missing or differs")
            }
            Self::StrayKeys(count) => write!(f, "{count} keys' records belong to no entry"),
        }
    }
}

/// What was read and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries in the sequence.
    pub entries: u64,
    /// Leaves of the head's tree.
    pub size: u64,
    /// Tiles and bundles that were compared.
    pub tiles: u64,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
}

const HEAD: &str = "head";
const PUBLISHED: &str = "published checkpoint";
const COSIGNED: &str = "cosigned checkpoint";

/// Reads the whole log `name` and computes every hash anew from the entries in the table's sequence, which it takes as the
/// truth. `keys` are the log's verifying keys, of which one must have signed what is published. To be run while nobody
/// integrates; appends do no harm. Holds one tile of each level and the names of all tiles.
///
/// # Errors
/// Only what the store fails with: what is wrong with the log is in the report.
pub async fn fsck(
    table: &dyn Table,
    blobs: &dyn Blobs,
    name: &str,
    keys: &[VerifyingKey],
) -> Result<Report, LogError> {
    let layout = Layout::new(name)?;
    let mut check = Check {
        table,
        blobs,
        layout: &layout,
        report: Report::default(),
        roots: BTreeMap::new(),
        listed: HashMap::new(),
        keys: 0,
    };
    check.checkpoints(keys).await?;
    check.list().await?;
    let edge = check.sequence().await?;
    check.edge(&edge).await?;
    check.keys().await?;
    Ok(check.report)
}

struct Check<'c> {
    table: &'c dyn Table,
    blobs: &'c dyn Blobs,
    layout: &'c Layout,
    report: Report,
    /// The checkpoints whose roots are to be compared, by size.
    roots: BTreeMap<u64, Vec<(&'static str, Hash)>>,
    /// The widths in which each tile is there.
    listed: HashMap<(Level, u64), Vec<u16>>,
    keys: u64,
}

impl Check<'_> {
    fn found(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    /// Notes a damaged item as a finding; passes other errors on.
    fn unless_damaged<T>(&mut self, read: Result<T, LogError>) -> Result<Option<T>, LogError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(LogError::Damaged(what)) => {
                self.found(Finding::Unreadable(what));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The head, what is published, and what is cosigned: signatures now, roots when the walk comes by.
    async fn checkpoints(&mut self, keys: &[VerifyingKey]) -> Result<(), StoreError> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
        let head = self.table.get(&self.layout.head()).await?;
        let head = head.and_then(|item| text(item.body).parse::<Checkpoint>().ok());
        let Some(head) = head else {
            self.found(Finding::Unreadable("the head".into()));
            return Ok(());
        };
        self.report.size = head.size;
        self.roots
            .entry(head.size)
            .or_default()
            .push((HEAD, head.root));
        let published = self.blobs.get(&self.layout.checkpoint()).await?;
        let cosigned = self.table.get(&self.layout.cosigned()).await?;
        let cosigned = cosigned.map(|item| item.body);
        for (of, bytes) in [(PUBLISHED, published), (COSIGNED, cosigned)] {
            let Some(bytes) = bytes else { continue };
            let Ok(signed) = text(bytes).parse::<SignedCheckpoint>() else {
                self.found(Finding::Unreadable(format!("the {of}")));
                continue;
            };
            let (checkpoint, head) = (signed.checkpoint(), head.size);
            let verdicts: Vec<_> = keys.iter().map(|key| signed.verify(key)).collect();
            if let (false, Some(Err(e))) = (verdicts.iter().any(Result::is_ok), verdicts.first()) {
                let why = e.to_string();
                self.found(Finding::Signature { of, why });
            }
            if checkpoint.size > head {
                let size = checkpoint.size;
                self.found(Finding::BeyondHead { of, size, head });
            }
            let roots = self.roots.entry(checkpoint.size).or_default();
            roots.push((of, checkpoint.root));
        }
        Ok(())
    }

    /// The names of all blobs among the tiles.
    async fn list(&mut self) -> Result<(), StoreError> {
        let prefix = self.layout.tiles();
        let mut after: Option<String> = None;
        loop {
            let names = self
                .blobs
                .list(&prefix, after.as_deref(), limits::PAGE_ITEMS)
                .await?;
            let Some(last) = names.last().cloned() else {
                return Ok(());
            };
            for name in names {
                match self.layout.parse(&name) {
                    Some(tile) => {
                        let widths = self.listed.entry((tile.level, tile.index)).or_default();
                        widths.push(tile.width);
                    }
                    None => self.found(Finding::Stray(name)),
                }
            }
            after = Some(last);
        }
    }

    /// Walks along the whole sequence and compares every tile that it fills.
    async fn sequence(&mut self) -> Result<Edge, LogError> {
        let mut edge = Edge::default();
        self.compare_roots(&edge);
        let mut walk = Walk::new(self.layout, 0);
        loop {
            let page = walk.page(self.table).await;
            let Some(Some(page)) = self.unless_damaged(page)? else {
                break;
            };
            for (first, batch) in page {
                for (index, sequenced) in (first..).zip(batch.entries) {
                    let leaf = Hash::of_leaf(&sequenced.entry);
                    if let Some(key) = sequenced.key {
                        self.key(&key, KeyRecord { index, leaf }).await?;
                    }
                    let mut full = Vec::new();
                    edge.push(leaf, &sequenced.entry, &mut full);
                    for (tile, bytes) in full {
                        self.compare(tile, &bytes).await?;
                    }
                    self.compare_roots(&edge);
                }
            }
        }
        let batches = edge.size();
        self.report.entries = batches;
        let next = read_sequence(self.table, self.layout).await;
        if let Some((_, next)) = self.unless_damaged(next)?
            && next != batches
        {
            self.found(Finding::Sequence { next, batches });
        }
        if self.report.size > batches {
            let size = self.report.size;
            self.found(Finding::HeadBeyondSequence { size, batches });
        }
        Ok(edge)
    }

    fn compare_roots(&mut self, edge: &Edge) {
        let size = edge.size();
        for (of, got) in self.roots.remove(&size).unwrap_or_default() {
            let expected = edge.root();
            if expected != got {
                self.found(Finding::Root {
                    of,
                    size,
                    expected,
                    got,
                });
            }
        }
    }

    /// Compares every width in which this tile is there with its widest form's bytes, and says if one that the head needs is
    /// not.
    async fn compare(&mut self, widest: Tile, bytes: &[u8]) -> Result<(), StoreError> {
        let place = (widest.level, widest.index);
        let widths = self.listed.remove(&place).unwrap_or_default();
        let needed = Tile::of_tree(widest.level, widest.index, self.report.size);
        if let Some(needed) = needed
            && !widths.contains(&needed.width)
            && !widths.contains(&WIDTH)
        {
            self.found(Finding::Missing(needed));
        }
        for width in widths {
            let tile = Tile { width, ..widest };
            if width > widest.width {
                self.found(Finding::Stray(tile.to_string()));
                continue;
            }
            let there = self.blobs.get(&self.layout.tile(tile)).await?;
            self.report.tiles += 1;
            if there.as_deref() != Some(&bytes[..first(tile, bytes)]) {
                self.found(Finding::Differs(tile));
            }
        }
        Ok(())
    }

    /// The tiles at the right edge; whatever is left then belongs nowhere.
    async fn edge(&mut self, edge: &Edge) -> Result<(), StoreError> {
        for (tile, bytes) in edge.partial(0) {
            self.compare(tile, &bytes).await?;
        }
        let mut strays: Vec<_> = self.listed.drain().collect();
        strays.sort_unstable();
        for ((level, index), widths) in strays {
            for width in widths {
                let tile = Tile {
                    level,
                    index,
                    width,
                };
                self.found(Finding::Stray(tile.to_string()));
            }
        }
        Ok(())
    }

    /// The record of an entry's key.
    async fn key(&mut self, key: &KeyName, expected: KeyRecord) -> Result<(), LogError> {
        self.keys += 1;
        let got = read_key(self.table, self.layout, key).await;
        if self.unless_damaged(got)? != Some(Some(expected)) {
            let index = expected.index;
            self.found(Finding::Key { index });
        }
        Ok(())
    }

    /// As many records as entries with keys: each of those has its own.
    async fn keys(&mut self) -> Result<(), StoreError> {
        let mut records = 0;
        for partition in 0..KEY_PARTITIONS {
            let mut after = None;
            loop {
                let query = Query::new(Index::Primary, self.layout.keys(partition))
                    .limit(limits::PAGE_ITEMS)
                    .after(after);
                let page = self.table.query(&query).await?;
                records += page.items.len() as u64;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        if records > self.keys {
            self.found(Finding::StrayKeys(records - self.keys));
        }
        Ok(())
    }
}
