//! Proofs of all small trees, and of large ones at random, against RFC 6962 word for word and against a port of Go's `sumdb`.

use crate::support::rfc6962;
use prooflane_log::Hash;
use prooflane_log::merkle::{
    Node, consistency_ranges, cover, fold, inclusion_ranges, verify_consistency, verify_inclusion,
};
use prooflane_log::tile::{Frontier, hashes};
use proptest::prelude::*;
use std::collections::HashMap;
use std::ops::Range;

const SIZES: u64 = 260;

fn leaves(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(|n| n.to_string().into_bytes()).collect()
}

/// The hash of every full subtree of these leaves.
fn subtrees(leaves: &[Vec<u8>]) -> HashMap<Node, Hash> {
    let mut hashes = HashMap::new();
    for height in 0..=leaves.len().ilog2() as u8 {
        for (index, leaves) in leaves.chunks_exact(1 << height).enumerate() {
            let index = index as u64;
            hashes.insert(Node { height, index }, rfc6962::mth(leaves));
        }
    }
    hashes
}

/// Our proofs are ranges of leaves; here their hashes come straight from the leaves.
fn hash(subtrees: &HashMap<Node, Hash>, ranges: Vec<Range<u64>>) -> Vec<Hash> {
    let of = |range| fold(cover(range).into_iter().map(|node| subtrees[&node]));
    ranges.into_iter().map(of).collect()
}

fn flip(hash: &mut Hash, bit: usize) {
    hash.0[bit / 8] ^= 1 << (bit % 8);
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

#[test]
fn inclusion_in_every_small_tree_is_proved_and_nothing_else_is() {
    let mut random = fastrand::Rng::with_seed(6962);
    for size in 1..=SIZES {
        let leaves = leaves(size);
        let (root, subtrees) = (rfc6962::mth(&leaves), subtrees(&leaves));
        for index in 0..size {
            let proof = hash(&subtrees, inclusion_ranges(index, size));
            assert_eq!(proof, rfc6962::path(index as usize, &leaves));
            let leaf = Hash::of_leaf(&leaves[index as usize]);
            let verify = |index, leaf, size, root, proof: &[Hash]| {
                let ours = verify_inclusion(index, leaf, size, root, proof);
                let proof = proof.iter().copied().map(theirs).collect();
                let (root, leaf) = (theirs(root), theirs(leaf));
                let judged = tlog_tiles::check_record(&proof, size, root, index, leaf);
                assert_eq!(ours.is_ok(), judged.is_ok());
                ours
            };
            assert_eq!(verify(index, leaf, size, root, &proof), Ok(()));
            // Every bit of every hash in the smaller trees, one of each in the larger ones.
            let bits = |random: &mut fastrand::Rng| {
                let one = random.usize(..256);
                if size <= 33 { 0..256 } else { one..one + 1 }
            };
            for at in 0..proof.len() {
                for bit in bits(&mut random) {
                    let mut lie = proof.clone();
                    flip(&mut lie[at], bit);
                    assert!(verify(index, leaf, size, root, &lie).is_err());
                }
            }
            for bit in bits(&mut random) {
                let (mut other_leaf, mut other_root) = (leaf, root);
                flip(&mut other_leaf, bit);
                flip(&mut other_root, bit);
                assert!(verify(index, other_leaf, size, root, &proof).is_err());
                assert!(verify(index, leaf, size, other_root, &proof).is_err());
            }
            assert!(verify(index ^ 1, leaf, size, root, &proof).is_err());
            let (mut longer, mut shorter) = (proof.clone(), proof.clone());
            longer.push(root);
            assert!(verify(index, leaf, size, root, &longer).is_err());
            if shorter.pop().is_some() {
                assert!(verify(index, leaf, size, root, &shorter).is_err());
            }
            assert!(verify_inclusion(size, leaf, size, root, &proof).is_err());
        }
    }
}

#[test]
fn consistency_of_every_two_small_trees_is_proved_and_nothing_else_is() {
    let mut random = fastrand::Rng::with_seed(9162);
    let leaves = leaves(SIZES);
    let subtrees = subtrees(&leaves);
    let roots: Vec<Hash> = (0..=SIZES)
        .map(|n| rfc6962::mth(&leaves[..n as usize]))
        .collect();
    for new in 1..=SIZES {
        let new_root = roots[new as usize];
        for old in 1..=new {
            let old_root = roots[old as usize];
            let proof = hash(&subtrees, consistency_ranges(old, new));
            assert_eq!(proof, rfc6962::proof(old as usize, &leaves[..new as usize]));
            let verify = |old_root, new_root, proof: &[Hash]| {
                let ours = verify_consistency(old, old_root, new, new_root, proof);
                let proof = proof.iter().copied().map(theirs).collect();
                let (old_root, new_root) = (theirs(old_root), theirs(new_root));
                let judged = tlog_tiles::check_tree(&proof, new, new_root, old, old_root);
                assert_eq!(ours.is_ok(), judged.is_ok());
                ours
            };
            assert_eq!(verify(old_root, new_root, &proof), Ok(()));
            let bits = |random: &mut fastrand::Rng| {
                let one = random.usize(..256);
                if new <= 33 { 0..256 } else { one..one + 1 }
            };
            for at in 0..proof.len() {
                for bit in bits(&mut random) {
                    let mut lie = proof.clone();
                    flip(&mut lie[at], bit);
                    assert!(verify(old_root, new_root, &lie).is_err());
                }
            }
            for bit in bits(&mut random) {
                let (mut other_old, mut other_new) = (old_root, new_root);
                flip(&mut other_old, bit);
                flip(&mut other_new, bit);
                assert!(verify(other_old, new_root, &proof).is_err());
                assert!(verify(old_root, other_new, &proof).is_err());
            }
            let mut longer = proof.clone();
            longer.push(new_root);
            assert!(verify(old_root, new_root, &longer).is_err());
            if old < new {
                assert!(verify_consistency(new, new_root, old, old_root, &proof).is_err());
            }
        }
        // Everything extends nothing, and only nothing is empty.
        assert_eq!(
            verify_consistency(0, Hash::EMPTY_ROOT, new, new_root, &[]),
            Ok(())
        );
        assert!(verify_consistency(0, new_root, new, new_root, &[]).is_err());
        assert!(verify_consistency(0, Hash::EMPTY_ROOT, new, new_root, &[new_root]).is_err());
    }
    assert_eq!(
        verify_consistency(0, Hash::EMPTY_ROOT, 0, Hash::EMPTY_ROOT, &[]),
        Ok(())
    );
    assert!(verify_consistency(0, Hash::EMPTY_ROOT, 0, roots[1], &[]).is_err());
}

#[test]
fn the_root_grows_leaf_by_leaf() {
    let leaves = leaves(SIZES * 3);
    let mut frontier = Frontier::default();
    let mut full = Vec::new();
    for size in 0..leaves.len() {
        assert_eq!(frontier.size(), size as u64);
        assert_eq!(frontier.root(), rfc6962::mth(&leaves[..size]));
        let partial: Vec<_> = frontier.partial().collect();
        let names: Vec<_> = partial.iter().map(|(tile, _)| *tile).collect();
        assert_eq!(names, Frontier::tiles(size as u64));
        assert_eq!(
            Frontier::restore(size as u64, &partial).map(|f| f.root()),
            Some(frontier.root())
        );
        assert_eq!(Frontier::restore(size as u64 + 1, &partial), None);
        frontier.push(Hash::of_leaf(&leaves[size]), |tile, bytes| {
            full.push((tile, bytes))
        });
    }
    assert_eq!(full.len(), 3);
    for (at, (tile, bytes)) in full.iter().enumerate() {
        assert_eq!(tile.to_string(), format!("tile/0/00{at}"));
        let expected: Vec<_> = leaves[at * 256..][..256]
            .iter()
            .map(|l| Hash::of_leaf(l))
            .collect();
        assert_eq!(hashes(bytes), Some(expected));
    }
}

proptest! {
    #[test]
    fn proofs_of_huge_trees_have_the_length_that_the_judge_wants(index: u64, size in 1..u64::MAX >> 1, old: u64) {
        // With one hash for every leaf, proofs of any size are cheap to make: the hash of a range depends on its length.
        let (index, old) = (index % size, 1 + old % size);
        let mut full = vec![Hash::of_leaf(b"")];
        for height in 0..63 {
            full.push(Hash::of_node(&full[height], &full[height]));
        }
        let of = |range: Range<u64>| fold(cover(range).into_iter().map(|node| full[usize::from(node.height)]));
        let proof: Vec<_> = inclusion_ranges(index, size).into_iter().map(of).collect();
        prop_assert_eq!(verify_inclusion(index, full[0], size, of(0..size), &proof), Ok(()));
        let judged = proof.into_iter().map(theirs).collect();
        prop_assert!(tlog_tiles::check_record(&judged, size, theirs(of(0..size)), index, theirs(full[0])).is_ok());
        let proof: Vec<_> = consistency_ranges(old, size).into_iter().map(of).collect();
        prop_assert_eq!(verify_consistency(old, of(0..old), size, of(0..size), &proof), Ok(()));
        let judged = proof.into_iter().map(theirs).collect();
        prop_assert!(tlog_tiles::check_tree(&judged, size, theirs(of(0..size)), old, theirs(of(0..old))).is_ok());
    }
}
