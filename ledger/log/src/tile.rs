//! How the tree lies in files: tiles of 256 hashes, bundles of 256 entries (c2sp.org/tlog-tiles).

use crate::merkle::{Hash, Node, fold};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u16 = 256;
/// Levels of the tree that one tile spans.
const HEIGHT: u8 = 8;
/// Levels of tiles that 2^64 leaves have.
const LEVELS: u8 = 8;
/// The highest level of a tile that the specification has names for.
const TOP_LEVEL: u8 = 63;
/// Longest entry: its length is sixteen bits.
pub const ENTRY_BYTES: usize = u16::MAX as usize;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Hashes of full subtrees of 256^level leaves each; level 0 holds the leaves' own.
    Hashes(u8),
    /// The entries themselves, each with its length before it.
    Entries,
}

impl Level {
    /// How many hashes (or entries) a tree of `size` leaves has on this level.
    pub fn count(self, size: u64) -> u64 {
        match self {
            Level::Entries => size,
            Level::Hashes(level) => size
                .checked_shr(u32::from(level) * u32::from(HEIGHT))
                .unwrap_or(0),
        }
    }
}

/// The name of a tile or of an entry bundle. Printed and parsed as its path, `tile/0/x001/234.p/56`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// What it holds.
    pub level: Level,
    /// Which one of its level, from the left.
    pub index: u64,
    /// How many hashes or entries, 1 to [`WIDTH`].
    pub width: u16,
}

impl Tile {
    /// Tile number `index` of `level` as a tree of `size` leaves has it; none where it has none of that number.
    pub fn of_tree(level: Level, index: u64, size: u64) -> Option<Self> {
        let rest = level
            .count(size)
            .checked_sub(index.checked_mul(WIDTH.into())?)?;
        let width = rest.min(WIDTH.into()) as u16;
        (width > 0).then_some(Self {
            level,
            index,
            width,
        })
    }

    /// All tiles and bundles of a tree of `size` leaves.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        let levels = (0..LEVELS).map(Level::Hashes);
        levels.chain([Level::Entries]).flat_map(move |level| {
            let tiles = level.count(size).div_ceil(WIDTH.into());
            (0..tiles).filter_map(move |index| Self::of_tree(level, index, size))
        })
    }

    /// The tile of a tree of `size` leaves from which the hash of `node` follows.
    pub fn of_node(node: Node, size: u64) -> Option<Self> {
        let (level, below) = (node.height / HEIGHT, node.height % HEIGHT);
        let first = node.index << below;
        let tile = Self::of_tree(Level::Hashes(level), first / u64::from(WIDTH), size)?;
        let end = first % u64::from(WIDTH) + (1 << below);
        (end <= tile.width.into()).then_some(tile)
    }

    /// The same tile when it is full.
    pub fn full(self) -> Self {
        Self {
            width: WIDTH,
            ..self
        }
    }

    /// Whether nothing will be added to it.
    pub fn is_full(self) -> bool {
        self.width == WIDTH
    }

    /// The hash of a node whose tile this is ([`Tile::of_node`]), from its bytes; none where they are too short.
    pub fn hash_of(self, bytes: &[u8], node: Node) -> Option<Hash> {
        let below = node.height % HEIGHT;
        let first = ((node.index << below) % u64::from(WIDTH)) as usize;
        let bytes = bytes.get(first * Hash::BYTES..(first + (1 << below)) * Hash::BYTES)?;
        Some(subtree(&hashes(bytes)?))
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Hashes(level) => write!(f, "tile/{level}/")?,
            Level::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups[1..].iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if !self.is_full() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// Some text is no tile's path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no path of a tile (tile/<level>/<index>[.p/<width>]): {0:?}")]
pub struct NotATile(pub String);

impl FromStr for Tile {
    type Err = NotATile;

    fn from_str(path: &str) -> Result<Self, NotATile> {
        let parse = || -> Option<Self> {
            let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
            let level = if level == "entries" {
                Level::Entries
            } else {
                Level::Hashes(level.parse().ok().filter(|level| *level <= TOP_LEVEL)?)
            };
            let (index, width) = match rest.split_once(".p/") {
                Some((index, width)) => (index, width.parse().ok().filter(|w| *w < WIDTH)?),
                None => (rest, WIDTH),
            };
            let mut number = 0u64;
            for group in index.split('/') {
                let group = group.strip_prefix('x').unwrap_or(group);
                number = number
                    .checked_mul(1000)?
                    .checked_add(group.parse::<u16>().ok()?.into())?;
            }
            Some(Self {
                level,
                index: number,
                width,
            })
        };
        // One name for one tile: whatever is not how it is printed is refused.
        parse()
            .filter(|tile| tile.width > 0 && tile.to_string() == path)
            .ok_or_else(|| NotATile(path.into()))
    }
}

/// The hash of a full subtree from 2^n hashes in a row.
fn subtree(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Hash::of_node(&subtree(left), &subtree(right))
        }
    }
}

/// The hashes in a tile's bytes; none where a part of one is left over.
pub fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (whole, rest) = bytes.as_chunks();
    rest.is_empty()
        .then(|| whole.iter().map(|hash| Hash(*hash)).collect())
}

/// Adds an entry to a bundle: its length in sixteen bits, big-endian, and its bytes, of which there are at most
/// [`ENTRY_BYTES`].
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    debug_assert!(entry.len() <= ENTRY_BYTES);
    bundle.extend_from_slice(&(entry.len() as u16).to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries in a bundle's bytes; none where its last one is cut off.
pub fn entries(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}

/// The right edge of a tree: on each level the hashes of the tile that is not full yet. All that is needed to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Frontier {
    /// The partial tiles of a tree of `size` leaves, which [`Frontier::restore`] wants in this order.
    pub fn tiles(size: u64) -> Vec<Tile> {
        let partial = |level| {
            let level = Level::Hashes(level);
            Tile::of_tree(level, level.count(size) / u64::from(WIDTH), size)
        };
        (0..LEVELS).filter_map(partial).collect()
    }

    /// The edge of a tree of `size` leaves from the bytes of its partial tiles; none where one is not as long as it must be.
    pub fn restore(size: u64, tiles: &[(Tile, Vec<u8>)]) -> Option<Self> {
        let mut levels = Vec::new();
        let mut given = tiles.iter().peekable();
        for level in (0..LEVELS).map(Level::Hashes) {
            if level.count(size) == 0 {
                break;
            }
            let here = given.next_if(|(tile, _)| tile.level == level);
            let hashes = here.map_or(Some(Vec::new()), |(_, bytes)| hashes(bytes))?;
            if hashes.len() as u64 != level.count(size) % u64::from(WIDTH) {
                return None;
            }
            levels.push(hashes);
        }
        given.next().is_none().then_some(Self { size, levels })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    pub fn root(&self) -> Hash {
        let mut peaks = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut rest = &hashes[..];
            while !rest.is_empty() {
                let (left, right) = rest.split_at(1 << rest.len().ilog2());
                peaks.push(subtree(left));
                rest = right;
            }
        }
        fold(peaks)
    }

    /// Adds a leaf; gives every tile that this fills to `full`, from the leaves upwards.
    pub fn push(&mut self, leaf: Hash, mut full: impl FnMut(Tile, Vec<u8>)) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() < WIDTH.into() {
                return;
            }
            let level = Level::Hashes(level as u8);
            let tile = Tile {
                level,
                index: level.count(self.size) / u64::from(WIDTH) - 1,
                width: WIDTH,
            };
            full(tile, bytes(hashes));
            hash = subtree(hashes);
            hashes.clear();
        }
    }

    /// The tiles that are not full, with their bytes.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, Vec<u8>)> {
        let levels = self.levels.iter().enumerate();
        levels.filter_map(|(level, hashes)| {
            let level = Level::Hashes(level as u8);
            let index = level.count(self.size) / u64::from(WIDTH);
            let tile = Tile::of_tree(level, index, self.size)?;
            Some((tile, bytes(hashes)))
        })
    }
}

/// A tile's bytes: its hashes in a row.
fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = |level, index, width| Tile {
            level,
            index,
            width,
        };
        for (tile, path) in [
            (
                tile(Level::Hashes(0), 1_234_067, WIDTH),
                "tile/0/x001/x234/067",
            ),
            (tile(Level::Hashes(3), 7, 255), "tile/3/007.p/255"),
            (tile(Level::Hashes(63), 999, 1), "tile/63/999.p/1"),
            (tile(Level::Entries, 1000, 56), "tile/entries/x001/000.p/56"),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
        }
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/00/000",
            "tile/64/000",
            "tile/+1/000",
            "tile/0/0",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/x1000/000",
            "tile/data/000",
            "tile/8/0/000",
            "/tile/0/000",
            "tile/0/000/",
            "tile/0/+01",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
        ] {
            assert_eq!(path.parse::<Tile>(), Err(NotATile(path.into())));
        }
    }

    #[test]
    fn a_tree_of_70_000_has_the_tiles_of_the_specification() {
        let count = |level, full| {
            let tiles = Tile::all(70_000).filter(|t| t.level == level && t.is_full() == full);
            let widths: Vec<u16> = tiles.map(|t| t.width).collect();
            (widths.len(), widths.first().copied())
        };
        assert_eq!(count(Level::Hashes(0), true), (273, Some(256)));
        assert_eq!(count(Level::Hashes(0), false), (1, Some(112)));
        assert_eq!(count(Level::Hashes(1), true), (1, Some(256)));
        assert_eq!(count(Level::Hashes(1), false), (1, Some(17)));
        assert_eq!(count(Level::Hashes(2), true), (0, None));
        assert_eq!(count(Level::Hashes(2), false), (1, Some(1)));
        assert_eq!(count(Level::Entries, true), (273, Some(256)));
        assert_eq!(count(Level::Entries, false), (1, Some(112)));
        assert_eq!(Tile::all(70_000).count(), 277 + 274);
        assert_eq!(
            Tile::all(256)
                .filter(|t| t.level == Level::Hashes(1))
                .count(),
            1
        );
        assert_eq!(Tile::all(0).count(), 0);
    }

    #[test]
    fn a_cut_bundle_is_no_bundle() {
        let mut bundle = Vec::new();
        for entry in [&b""[..], b"one", &[7; ENTRY_BYTES]] {
            push_entry(&mut bundle, entry);
        }
        assert_eq!(
            entries(&bundle),
            Some(vec![&b""[..], b"one", &[7; ENTRY_BYTES]])
        );
        assert_eq!(entries(&bundle[..bundle.len() - 1]), None);
        assert_eq!(entries(&bundle[..1]), None);
        assert_eq!(entries(&[]), Some(vec![]));
    }
}
