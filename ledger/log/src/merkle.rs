//! The Merkle tree of RFC 6962 with SHA-256: hashes, the proofs' shapes, and their verification.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::{fmt, ops::Range, str::FromStr};
use thiserror::Error;

/// A SHA-256 hash: of a leaf, of a node, or of a whole tree. Printed and parsed as Base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; Hash::BYTES]);

impl Hash {
    /// Its length.
    pub const BYTES: usize = 32;
    /// The root of the tree without leaves, SHA-256 of nothing (RFC 6962, 2.1).
    pub const EMPTY_ROOT: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// SHA-256(0x00 ‖ entry) (RFC 6962, 2.1).
    pub fn of_leaf(entry: &[u8]) -> Self {
        let mut sha = Sha256::new_with_prefix([0]);
        sha.update(entry);
        Self(sha.finalize().into())
    }

    /// SHA-256(0x01 ‖ left ‖ right) (RFC 6962, 2.1).
    pub fn of_node(left: &Self, right: &Self) -> Self {
        let mut message = [1; 1 + 2 * Self::BYTES];
        message[1..=Self::BYTES].copy_from_slice(&left.0);
        message[1 + Self::BYTES..].copy_from_slice(&right.0);
        Self(Sha256::digest(message).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Some text is not the Base64 of 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a hash is the Base64 of 32 bytes, got {0:?}")]
pub struct NotAHash(pub String);

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let bytes = STANDARD.decode(text).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| NotAHash(text.into()))
    }
}

/// A proof's hashes, a line each.
pub(crate) fn write_proof(f: &mut fmt::Formatter<'_>, proof: &[Hash]) -> fmt::Result {
    proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))
}

/// Reads the rest of some lines as a proof of at most so many hashes.
pub(crate) fn proof_lines<'a>(
    lines: impl Iterator<Item = &'a str>,
    most: usize,
) -> Result<Vec<Hash>, &'static str> {
    let hashes = lines.take(most + 1).map(str::parse);
    let proof = hashes.collect::<Result<Vec<Hash>, _>>();
    let proof = proof.map_err(|_| "a line of its proof is not the Base64 of a hash")?;
    if proof.len() > most {
        return Err("its proof has more hashes than any tree needs");
    }
    Ok(proof)
}

/// A full subtree: the leaves `index << height` up to `(index + 1) << height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// 0 for a leaf.
    pub height: u8,
    /// Which of its height, from the left.
    pub index: u64,
}

/// The full subtrees whose hashes, folded from the right, are the hash of these leaves in the tree. For the whole tree and
/// for the ranges of a proof, all of which begin at a multiple of a power of two at least as large as they are long.
pub fn cover(leaves: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = leaves.start;
    while start < leaves.end {
        let height = (leaves.end - start).ilog2() as u8;
        nodes.push(Node {
            height,
            index: start >> height,
        });
        start += 1 << height;
    }
    nodes
}

/// The hash of neighbouring full subtrees, from the largest on the left to the smallest on the right; of none, the empty
/// tree's.
pub fn fold(hashes: impl IntoIterator<Item = Hash, IntoIter: DoubleEndedIterator>) -> Hash {
    hashes
        .into_iter()
        .rev()
        .reduce(|right, left| Hash::of_node(&left, &right))
        .unwrap_or(Hash::EMPTY_ROOT)
}

/// The largest power of two below `leaves`, which is at least 2: where RFC 6962 splits a tree.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The leaves under each hash of the proof that leaf `index` is in the tree of `size`, from the leaf's sibling upwards:
/// PATH of RFC 6962, 2.1.1. Nothing where `index` is not in the tree.
pub fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut path = Vec::new();
    if index >= size {
        return path;
    }
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(middle..end);
            end = middle;
        } else {
            path.push(start..middle);
            start = middle;
        }
    }
    path.reverse();
    path
}

/// The leaves under each hash of the proof that the tree of `new` leaves extends the one of `old`: PROOF of RFC 6962,
/// 2.1.2. Nothing where `old` is 0 or not less than `new`.
pub fn consistency_ranges(old: u64, new: u64) -> Vec<Range<u64>> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return path;
    }
    let (mut start, mut end) = (0, new);
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(middle..end);
            end = middle;
        } else {
            path.push(start..middle);
            start = middle;
        }
    }
    if start > 0 {
        path.push(start..end);
    }
    path.reverse();
    path
}

/// Why a proof is no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// There is no such leaf.
    #[error("leaf {index} is not in a tree of {size}")]
    NotInTree {
        /// The leaf asked for.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A later tree is never smaller.
    #[error("a tree of {old} leaves cannot have become one of {new}")]
    Shrinks {
        /// The earlier size.
        old: u64,
        /// The later size.
        new: u64,
    },
    /// Too few or too many hashes.
    #[error("this proof has {expected} hashes, got {got}")]
    Length {
        /// How many belong there.
        expected: usize,
        /// How many are there.
        got: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to root {got}, expected {expected}")]
    Root {
        /// The root that was to be shown.
        expected: Hash,
        /// Where the proof leads.
        got: Hash,
    },
    /// The proof starts from another earlier root.
    #[error("the proof starts from root {got}, expected {expected}")]
    OldRoot {
        /// The earlier root that was given.
        expected: Hash,
        /// Where the proof starts.
        got: Hash,
    },
}

fn length(expected: usize, got: usize) -> Result<(), ProofError> {
    if expected == got {
        Ok(())
    } else {
        Err(ProofError::Length { expected, got })
    }
}

fn root(expected: Hash, got: Hash) -> Result<(), ProofError> {
    if expected == got {
        Ok(())
    } else {
        Err(ProofError::Root { expected, got })
    }
}

/// That leaf `index` of the tree with these `size` and `expected` root hashes to `leaf` (RFC 9162, 2.1.3.2).
///
/// # Errors
/// [`ProofError`], whatever does not fit.
pub fn verify_inclusion(
    index: u64,
    leaf: Hash,
    size: u64,
    expected: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NotInTree { index, size });
    }
    length(inclusion_ranges(index, size).len(), proof.len())?;
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if at & 1 == 1 || at == last {
            hash = Hash::of_node(sibling, &hash);
            // A subtree without a right sibling rises as it is.
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::of_node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    root(expected, hash)
}

/// That the tree of `new` leaves and `new_root` begins with the leaves of the tree of `old` and `old_root` (RFC 9162,
/// 2.1.4.2). Every tree extends the empty one, with an empty proof.
///
/// # Errors
/// [`ProofError`], whatever does not fit.
pub fn verify_consistency(
    old: u64,
    old_root: Hash,
    new: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Shrinks { old, new });
    }
    length(consistency_ranges(old, new).len(), proof.len())?;
    if old == 0 && old_root != Hash::EMPTY_ROOT {
        return Err(ProofError::OldRoot {
            expected: old_root,
            got: Hash::EMPTY_ROOT,
        });
    }
    if old == new {
        return root(new_root, old_root);
    }
    if old == 0 {
        return Ok(());
    }
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    // A whole left subtree of the new tree is the old tree itself, and is not sent.
    let mut rest = proof.iter();
    let start = if old.is_power_of_two() {
        Some(&old_root)
    } else {
        rest.next()
    };
    let Some(&start) = start else {
        return length(1, 0);
    };
    let (mut before, mut after) = (start, start);
    for hash in rest {
        if at & 1 == 1 || at == last {
            before = Hash::of_node(hash, &before);
            after = Hash::of_node(hash, &after);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = Hash::of_node(&after, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    if before != old_root {
        return Err(ProofError::OldRoot {
            expected: old_root,
            got: before,
        });
    }
    root(new_root, after)
}
