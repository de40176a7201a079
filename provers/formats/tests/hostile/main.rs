//! Files that somebody made to do harm, or that the way here damaged.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod harness;

use proptest::prelude::*;

const R1CS: &[u8] = include_bytes!("../../fixtures/multiplier.r1cs");
const WTNS: &[u8] = include_bytes!("../../fixtures/multiplier.wtns");
const INITIAL: &[u8] = include_bytes!("../../fixtures/initial.zkey");
const FINAL: &[u8] = include_bytes!("../../fixtures/final.zkey");

/// A way to spoil a file. Places are given as parts of its length.
#[derive(Clone, Debug)]
enum Spoil {
    Flip(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    Extend(Vec<u8>),
    /// Puts a number where a count or an index may stand.
    Number(prop::sample::Index, u32),
    /// Leaves out some bytes.
    Remove(prop::sample::Index, usize),
    /// Writes some bytes once more behind themselves.
    Repeat(prop::sample::Index, usize),
    /// Writes bytes of one place over another.
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let at = any::<prop::sample::Index>;
    let numbers = prop_oneof![
        (0..40_u32),
        Just(u32::MAX),
        Just(u32::MAX / 36),
        Just(1 << 28),
        any::<u32>()
    ];
    prop_oneof![
        3 => (at(), 0..8_u8).prop_map(|(at, bit)| Spoil::Flip(at, bit)),
        1 => at().prop_map(Spoil::Truncate),
        1 => prop::collection::vec(any::<u8>(), 1..64).prop_map(Spoil::Extend),
        3 => (at(), numbers).prop_map(|(at, number)| Spoil::Number(at, number)),
        1 => (at(), 1..80_usize).prop_map(|(at, length)| Spoil::Remove(at, length)),
        1 => (at(), 1..80_usize).prop_map(|(at, length)| Spoil::Repeat(at, length)),
        1 => (at(), at(), 1..80_usize).prop_map(|(from, to, length)| Spoil::Copy(from, to, length)),
    ]
}

fn spoiled(seed: &[u8], how: &[Spoil]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for how in how {
        if bytes.is_empty() {
            return bytes;
        }
        let length = bytes.len();
        let span = |at: usize, wanted: usize| at..length.min(at + wanted);
        match how {
            Spoil::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Spoil::Truncate(at) => bytes.truncate(at.index(length)),
            Spoil::Extend(more) => bytes.extend(more),
            Spoil::Number(at, number) => {
                // Numbers stand at multiples of 4 in these files, but for those behind a name.
                let span = span(at.index(length) / 4 * 4, 4);
                let number = number.to_le_bytes();
                bytes[span.clone()].copy_from_slice(&number[..span.len()]);
            }
            Spoil::Remove(at, wanted) => drop(bytes.drain(span(at.index(length), *wanted))),
            Spoil::Repeat(at, wanted) => {
                let span = span(at.index(length), *wanted);
                let again = bytes[span.clone()].to_vec();
                bytes.splice(span.end..span.end, again);
            }
            Spoil::Copy(from, to, wanted) => {
                let from = span(from.index(length), *wanted);
                let again = bytes[from].to_vec();
                let to = span(to.index(length), again.len());
                bytes[to.clone()].copy_from_slice(&again[..to.len()]);
            }
        }
    }
    bytes
}

fn few() -> impl Strategy<Value = Vec<Spoil>> {
    prop::collection::vec(spoil(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn spoiled_constraint_systems(how in few()) {
        harness::r1cs(&spoiled(R1CS, &how));
    }

    #[test]
    fn spoiled_witnesses(how in few()) {
        harness::wtns(&spoiled(WTNS, &how));
    }

    #[test]
    fn spoiled_keys(how in few(), contributed in any::<bool>()) {
        harness::zkey(&spoiled(if contributed { FINAL } else { INITIAL }, &how));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0..3_usize) {
        let header = [&R1CS[..12], &WTNS[..12], &FINAL[..12]][kind];
        let bytes = [header, &bytes].concat();
        prop_assert!(!harness::any(&bytes));
    }
}

#[test]
fn the_seeds_themselves_are_in_order() {
    assert!(
        harness::r1cs(R1CS)
            && harness::wtns(WTNS)
            && harness::zkey(INITIAL)
            && harness::zkey(FINAL)
    );
}

#[test]
fn no_part_of_a_file_is_a_file() {
    for length in 0..R1CS.len() {
        assert!(!harness::r1cs(&R1CS[..length]), "{length}");
    }
    for length in 0..WTNS.len() {
        assert!(!harness::wtns(&WTNS[..length]), "{length}");
    }
    for length in 0..FINAL.len() {
        assert!(!harness::zkey(&FINAL[..length]), "{length}");
    }
}

#[test]
fn one_kind_of_file_is_not_taken_for_another() {
    assert!(!harness::r1cs(WTNS) && !harness::wtns(FINAL) && !harness::zkey(R1CS));
}
