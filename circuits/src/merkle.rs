//! `merkle@1`: a leaf belongs to a Poseidon Merkle tree of a public depth.

use ark_bn254::Fr;
use ark_ff::Zero;
use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::builder::{Builder, Num, Terms};
use crate::fields::{BYTES32, FIELD, Fields, bytes32_of, elements_of, field_of};
use crate::hash::bytes32_to_field;
use crate::poseidon::{poseidon, poseidon_gadget};
use crate::{InputError, Statement};

/// Greatest depth of a tree whose paths `merkle@1` proves.
pub const MAX_DEPTH: usize = 32;
/// Greatest number of leaves from which `merkle@1` builds the tree itself.
pub const MAX_LEAVES: usize = 1 << 16;

/// A binary Merkle tree over field elements, node = `Poseidon(left, right)`, held in memory.
///
/// The leaves are padded to a power of two with the empty leaf 0, of which nobody knows a preimage under
/// [`bytes32_to_field`]. A tree of one leaf has depth 0 and that leaf as its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleTree {
    /// Leaves first, root last; each without the padding on its right.
    levels: Vec<Vec<Fr>>,
}

impl MerkleTree {
    /// The tree over `leaves`; `None` if there are none. One Poseidon hash, some 12 microseconds, a leaf.
    pub fn new(leaves: Vec<Fr>) -> Option<Self> {
        let depth = leaves.len().checked_next_power_of_two()?.trailing_zeros();
        let mut empty = Fr::zero();
        let mut levels = vec![leaves];
        for _ in 0..depth {
            let parents = levels
                .last()?
                .chunks(2)
                .map(|pair| poseidon(&[pair[0], *pair.get(1).unwrap_or(&empty)]))
                .collect();
            levels.push(parents);
            empty = poseidon(&[empty, empty]);
        }
        levels[0].first()?;
        Some(Self { levels })
    }

    /// The root.
    pub fn root(&self) -> Fr {
        self.levels[self.depth()][0]
    }

    /// Number of levels above the leaves: the length of a path.
    pub fn depth(&self) -> usize {
        self.levels.len() - 1
    }

    /// Siblings from the leaf at `index` upwards; `None` past the last leaf.
    pub fn path(&self, index: usize) -> Option<Vec<Fr>> {
        self.levels[0].get(index)?;
        let mut empty = Fr::zero();
        let sibling = |(height, level): (usize, &Vec<Fr>)| {
            let sibling = level.get((index >> height) ^ 1).copied().unwrap_or(empty);
            empty = poseidon(&[empty, empty]);
            sibling
        };
        Some(
            self.levels[..self.depth()]
                .iter()
                .enumerate()
                .map(sibling)
                .collect(),
        )
    }
}

/// The root to which `path` (siblings from the leaf upwards) leads from `leaf` at `index`.
pub fn merkle_root(leaf: Fr, index: u64, path: &[Fr]) -> Fr {
    path.iter()
        .enumerate()
        .fold(leaf, |node, (height, sibling)| {
            match index.checked_shr(height as u32).unwrap_or(0) & 1 {
                0 => poseidon(&[node, *sibling]),
                _ => poseidon(&[*sibling, node]),
            }
        })
}

pub(crate) struct Merkle {
    pub(crate) root: Fr,
    pub(crate) leaf: Fr,
    pub(crate) depth: Fr,
    /// Whether each level is below the depth.
    pub(crate) active: [bool; MAX_DEPTH],
    /// Whether the node is the right child at each level.
    pub(crate) right: [bool; MAX_DEPTH],
    pub(crate) siblings: [Fr; MAX_DEPTH],
}

impl Drop for Merkle {
    fn drop(&mut self) {
        self.right.zeroize();
        self.siblings.zeroize();
    }
}

impl Merkle {
    fn new(leaf: Fr, index: u64, path: &[Fr]) -> Self {
        Self {
            root: merkle_root(leaf, index, path),
            leaf,
            depth: (path.len() as u64).into(),
            active: std::array::from_fn(|i| i < path.len()),
            right: std::array::from_fn(|i| index >> i & 1 == 1),
            siblings: std::array::from_fn(|i| path.get(i).copied().unwrap_or_default()),
        }
    }

    fn from_leaves(fields: &Fields<'_>) -> Result<Self, InputError> {
        if let Some(name) = ["leaf", "path", "index"]
            .into_iter()
            .find(|name| fields.get(name).is_some())
        {
            return Err(fields.error(name, "nothing beside leaves and leaf_index"));
        }
        let expected = format!("an array of 1 to {MAX_LEAVES} leaves");
        let list = fields.value("leaves", &expected)?.as_array();
        let list = list
            .filter(|l| (1..=MAX_LEAVES).contains(&l.len()))
            .ok_or_else(|| fields.error("leaves", &*expected))?;
        let index = fields.u64("leaf_index")?;
        if index >= list.len() as u64 {
            return Err(fields.error(
                "leaf_index",
                format!("an index below the number of leaves, {}", list.len()),
            ));
        }
        let index = index as usize;
        let leaves = elements_of(list, "leaves", BYTES32, |v| {
            bytes32_of(v).map(|bytes| bytes32_to_field(&bytes))
        })?;
        let leaf = leaves[index];
        let path = MerkleTree::new(leaves)
            .and_then(|tree| tree.path(index))
            .unwrap_or_default();
        Ok(Self::new(leaf, index as u64, &path))
    }

    fn from_path(fields: &Fields<'_>) -> Result<Self, InputError> {
        if fields.get("leaf_index").is_some() {
            return Err(fields.error(
                "leaf_index",
                "nothing beside leaf and path (the position is called index there)",
            ));
        }
        let leaf = bytes32_to_field(&fields.bytes32("leaf")?);
        let expected = format!("an array of at most {MAX_DEPTH} siblings, from the leaf upwards");
        let list = fields.value("path", &expected)?.as_array();
        let list = list
            .filter(|l| l.len() <= MAX_DEPTH)
            .ok_or_else(|| fields.error("path", &*expected))?;
        let path = elements_of(list, "path", FIELD, field_of)?;
        let index = if fields.get("index").is_some() {
            fields.u64("index")?
        } else {
            0
        };
        if index >> path.len() != 0 {
            return Err(fields.error(
                "index",
                format!(
                    "an index below 2^{} (the path has {} siblings)",
                    path.len(),
                    path.len()
                ),
            ));
        }
        Ok(Self::new(leaf, index, &path))
    }
}

impl Statement for Merkle {
    const ID: &'static str = "merkle@1";
    const ABOUT: &'static str = "a public leaf belongs to the Poseidon Merkle tree with a public root and depth, at a secret place";
    const PUBLIC: &'static [&'static str] = &["root", "leaf", "depth"];

    fn example() -> Value {
        let leaf = |i: u8| format!("0x{}", hex::encode([i; 32]));
        json!({ "leaves": (1..=5).map(leaf).collect::<Vec<_>>(), "leaf_index": 2 })
    }

    fn parse(inputs: &Value) -> Result<Self, InputError> {
        let fields = Fields::new(
            "inputs",
            inputs,
            &["root", "leaf"],
            &["path", "index", "leaves", "leaf_index"],
        )?;
        let from_leaves = fields.get("leaves").is_some();
        let merkle = if from_leaves {
            Self::from_leaves(&fields)?
        } else {
            Self::from_path(&fields)?
        };
        fields.matches(
            "root",
            merkle.root,
            "the root that the other inputs lead to",
        )?;
        Ok(merkle)
    }

    fn check(&self) -> Result<(), InputError> {
        Ok(()) // The root is computed from the rest.
    }

    fn public(&self) -> Vec<Fr> {
        vec![self.root, self.leaf, self.depth]
    }

    fn synthesize<T: Terms>(&self, b: &mut Builder<T>) {
        let [root, leaf, depth] = b.public();
        let active = self.active.map(|value| b.bit(value));
        let one = Num::one();
        b.equal(&Num::sum(active.iter().map(|bit| (1.into(), bit))), &depth);
        for pair in active.windows(2) {
            b.enforce(&pair[1], &(&one - &pair[0]), &Num::zero());
        }
        let mut node = leaf;
        for (i, active) in active.iter().enumerate() {
            let inactive = &one - active;
            let right = b.bit(self.right[i]);
            let sibling = b.private(self.siblings[i]);
            b.enforce(&right, &inactive, &Num::zero());
            b.enforce(&sibling, &inactive, &Num::zero());
            let first = b.select(&right, &sibling, &node);
            let second = &(&node + &sibling) - &first;
            let parent = poseidon_gadget(b, &[&first, &second], &[]);
            node = b.select(active, &parent, &node);
        }
        b.equal(&node, &root);
    }
}
