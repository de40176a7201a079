//! Each thing that a file must not be, and what is said of it.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, Field, PrimeField};
use prooflane_formats::{FormatError, KeyProblem, Origin, R1csFile, Wtns, Zkey};

const R1CS: &[u8] = include_bytes!("../fixtures/multiplier.r1cs");
const WTNS: &[u8] = include_bytes!("../fixtures/multiplier.wtns");
const ZKEY: &[u8] = include_bytes!("../fixtures/final.zkey");

/// A file taken apart: what is before the number of sections, and the sections.
struct Parts {
    head: Vec<u8>,
    sections: Vec<(u32, Vec<u8>)>,
}

impl Parts {
    fn of(file: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let mut sections = Vec::new();
        let mut at = 12;
        while at < file.len() {
            let length = number(at + 4) as usize;
            sections.push((number(at), file[at + 12..at + 12 + length].to_vec()));
            at += 12 + length;
        }
        assert_eq!(number(8) as usize, sections.len());
        Self {
            head: file[..8].to_vec(),
            sections,
        }
    }

    fn section(&mut self, id: u32) -> &mut Vec<u8> {
        &mut self
            .sections
            .iter_mut()
            .find(|section| section.0 == id)
            .unwrap()
            .1
    }

    fn number(&mut self, id: u32, at: usize, number: u32) {
        self.section(id)[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.sections.len() as u32;
        let mut bytes = [&self.head[..], &count.to_le_bytes()].concat();
        for (id, content) in &self.sections {
            bytes.extend(id.to_le_bytes());
            bytes.extend((content.len() as u64).to_le_bytes());
            bytes.extend(content);
        }
        bytes
    }
}

/// What is said of a file so changed; `read` is one of the three readers.
fn refused<T>(
    file: &[u8],
    read: impl Fn(&[u8]) -> Result<T, FormatError>,
    change: impl Fn(&mut Parts),
) -> String {
    let mut parts = Parts::of(file);
    change(&mut parts);
    read(&parts.bytes())
        .err()
        .expect("it was accepted")
        .to_string()
}

fn key(change: impl Fn(&mut Parts)) -> String {
    refused(ZKEY, |bytes| Zkey::read(bytes, Origin::Anyone), change)
}

fn system(change: impl Fn(&mut Parts)) -> String {
    refused(R1CS, R1csFile::read, change)
}

fn witness(change: impl Fn(&mut Parts)) -> String {
    refused(WTNS, |bytes| Wtns::read(bytes).map(|_| ()), change)
}

#[track_caller]
fn says(said: String, words: &str) {
    assert!(said.contains(words), "expected {words:?} in {said:?}");
}

#[test]
fn containers() {
    type Of = fn(&dyn Fn(&mut Parts)) -> String;
    let kinds: [Of; 3] = [|c| key(c), |c| system(c), |c| witness(c)];
    for of in kinds {
        says(
            of(&|parts| parts.head[0] = b'x'),
            "file, whose first bytes are",
        );
        says(of(&|parts| parts.head[4] = 9), "got 9; write it again");
        says(
            of(&|parts| drop(parts.sections.pop())),
            "got a file without it",
        );
        says(
            of(&|parts| parts.sections.push(parts.sections[0].clone())),
            "got two",
        );
        says(
            of(&|parts| parts.sections.last_mut().unwrap().1.truncate(1)),
            "got",
        );
        says(
            of(&|parts| parts.sections.last_mut().unwrap().1.push(0)),
            "1 bytes more",
        );
        let many = |parts: &mut Parts| parts.sections.extend((20..60).map(|id| (id, vec![])));
        says(of(&many), "at most 32");
    }
    says(
        key(|parts| parts.sections.push((11, vec![]))),
        "section 11 is none",
    );
    says(
        witness(|parts| parts.sections.push((3, vec![]))),
        "section 3 is none",
    );
    let longer = [ZKEY, &[0]].concat();
    says(
        Zkey::read(&longer, Origin::Anyone).unwrap_err().to_string(),
        "1 bytes more",
    );
}

#[test]
fn constraint_systems() {
    says(
        system(|parts| parts.number(1, 0, 64)),
        "field: expected 32, got 64",
    );
    says(
        system(|parts| parts.section(1)[4] ^= 2),
        "the only curve read here",
    );
    says(system(|parts| parts.number(1, 36, 4)), "number of wires");
    says(
        system(|parts| parts.number(1, 36, 7)),
        "the labels of the wires: expected 56",
    );
    says(
        system(|parts| parts.number(1, 40, u32::MAX)),
        "number of wires",
    );
    says(system(|parts| parts.number(1, 60, 4)), "the constraints");
    says(
        system(|parts| parts.number(1, 60, 1 << 30)),
        "at most the 39",
    );
    says(
        system(|parts| parts.number(1, 60, 2)),
        "the constraints: expected its end",
    );
    // The first row of A has one term.
    says(
        system(|parts| parts.number(2, 0, u32::MAX)),
        "the constraints: expected",
    );
    says(
        system(|parts| parts.number(2, 4, 6)),
        "got one past the last",
    );
    says(
        system(|parts| parts.section(2)[8..40].fill(0xff)),
        "at or above the prime",
    );
    let twice = |parts: &mut Parts| {
        let term = parts.section(2)[4..40].to_vec();
        parts.number(2, 0, 2);
        parts.section(2).splice(4..4, term);
    };
    says(system(twice), "got one twice");
    says(
        system(|parts| parts.sections.push((4, vec![1, 0, 0, 0]))),
        "custom gates",
    );
    // What means nothing here is kept.
    let mut parts = Parts::of(R1CS);
    parts.sections.insert(1, (4, vec![0; 4]));
    parts.sections.push((77, vec![1, 2, 3]));
    assert_eq!(
        R1csFile::read(&parts.bytes()).unwrap().to_bytes(),
        parts.bytes()
    );
}

#[test]
fn witnesses() {
    says(
        witness(|parts| parts.number(1, 36, 7)),
        "expected 224 more bytes, got 192",
    );
    says(witness(|parts| parts.number(1, 36, 5)), "32 bytes more");
    says(
        witness(|parts| parts.section(2)[32..64].fill(0xff)),
        "number 1 (0 is the first)",
    );
    says(witness(|parts| parts.section(2)[0] = 2), "expected one");
    let none = |parts: &mut Parts| {
        parts.number(1, 36, 0);
        parts.section(2).clear();
    };
    says(witness(none), "expected one");
}

/// The bytes of a number that stands in Montgomery form.
fn bytes(integer: BigInt<4>) -> Vec<u8> {
    integer
        .0
        .iter()
        .flat_map(|limb| limb.to_le_bytes())
        .collect()
}

#[test]
fn heads_of_keys() {
    says(key(|parts| parts.number(1, 0, 2)), "1 is Groth16");
    says(key(|parts| parts.section(2)[4] ^= 2), "base field");
    says(key(|parts| parts.section(2)[40] ^= 2), "scalar field");
    says(key(|parts| parts.number(2, 72, 2)), "number of columns");
    says(key(|parts| parts.number(2, 72, 7)), "points of");
    says(key(|parts| parts.number(2, 76, 1)), "coefficients, number");
    says(
        key(|parts| parts.number(2, 80, 16)),
        "points of the domain: expected 8, got 16",
    );
    says(key(|parts| parts.number(2, 80, 7)), "points of the domain");
}

#[test]
fn coefficients_of_keys() {
    says(
        key(|parts| parts.number(4, 0, u32::MAX)),
        "the coefficients: expected",
    );
    says(key(|parts| parts.number(4, 4, 2)), "matrix 0 or 1");
    says(
        key(|parts| parts.number(4, 8, 3)),
        "a constraint past the first of those rows",
    );
    says(key(|parts| parts.number(4, 12, 6)), "one past the last");
    says(
        key(|parts| parts.section(4)[16..48].copy_from_slice(&bytes(Fr::MODULUS))),
        "above the prime",
    );
    // The rows for public inputs at the end of A: matrix, row, column, value.
    for (field, number) in [(0, 1), (4, 7), (8, 0), (12, 5)] {
        let change = |parts: &mut Parts| {
            let at = parts.section(4).len() - 44 + field;
            parts.number(4, at, number);
        };
        says(key(change), "rows of constraints, then in A one row each");
    }
    // More constraints than the domain has room for.
    let far = |parts: &mut Parts| {
        let length = parts.section(4).len();
        for (row, at) in
            (u32::MAX - 2..=u32::MAX).zip((4..length).step_by(44).skip((length - 4) / 44 - 3))
        {
            parts.number(4, at + 4, row);
        }
    };
    says(key(far), "domain: expected at most 134217728 points");
}

#[test]
fn points_of_keys() {
    // The last coordinate of the first point of each section that holds points, and of a contribution.
    for (section, what) in [
        (3, "the public inputs"),
        (5, "A"),
        (6, "B in G1"),
        (8, "L"),
        (9, "H"),
    ] {
        let off = |parts: &mut Parts| parts.section(section)[32..64].fill(1);
        says(key(off), &format!("points of {what}"));
        says(
            key(|parts| parts.section(section)[32..64].fill(0xff)),
            "at or above the prime",
        );
        // Infinity has one spelling: an x of the prime is none.
        let prime = |parts: &mut Parts| {
            parts.section(section)[..32].copy_from_slice(&bytes(Fq::MODULUS));
            parts.section(section)[32..64].fill(0);
        };
        says(key(prime), "at or above the prime");
    }
    says(key(|parts| parts.section(7)[96] ^= 1), "B in G2, number 0");
    says(
        key(|parts| parts.section(10)[68] ^= 1),
        "contribution, number 0",
    );

    let outside = outside_the_group();
    let coordinates = [outside.x.c0, outside.x.c1, outside.y.c0, outside.y.c1];
    let outside: Vec<u8> = coordinates.iter().flat_map(|c| bytes(c.0)).collect();
    for (section, at) in [(7, 128), (2, 84 + 128), (10, 68 + 3 * 64)] {
        let change =
            |parts: &mut Parts| parts.section(section)[at..at + 128].copy_from_slice(&outside);
        says(key(change), "outside the group");
        let mut parts = Parts::of(ZKEY);
        change(&mut parts);
        let taken_on_trust = Zkey::read(&parts.bytes(), Origin::Checked).unwrap();
        assert_eq!(taken_on_trust.to_bytes(), parts.bytes());
    }
}

/// A point of the twist that is not in the group of prime order.
fn outside_the_group() -> G2Affine {
    let points = (1_u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(x.into(), Fq::ONE), false));
    let mut outside = points.filter(|point| !point.is_in_correct_subgroup_assuming_on_curve());
    outside.next().unwrap()
}

#[test]
fn contributions_of_keys() {
    // The kind of the first contribution, the length of its parameters, the first of these.
    let kind = 68 + 3 * 64 + 128 + 64;
    says(
        key(|parts| parts.number(10, 64, 3)),
        "the ceremony: expected 64 more bytes",
    );
    says(
        key(|parts| parts.number(10, 64, u32::MAX)),
        "the ceremony: expected",
    );
    says(key(|parts| parts.number(10, 64, 1)), "bytes more");
    says(
        key(|parts| parts.number(10, kind, 1)),
        "0, or 1 with a beacon's parameters",
    );
    says(
        key(|parts| parts.number(10, kind, 2)),
        "0, or 1 with a beacon's parameters",
    );
    says(
        key(|parts| parts.number(10, kind + 4, u32::MAX)),
        "the ceremony: expected",
    );
    says(
        key(|parts| parts.section(10)[kind + 8] = 4),
        "types 1, 2 and 3, ascending",
    );
    says(
        key(|parts| parts.section(10)[kind + 8] = 0),
        "types 1, 2 and 3, ascending",
    );
    says(
        key(|parts| parts.section(10)[kind + 9] = 255),
        "the parameters of a contribution",
    );
}

#[test]
fn what_a_key_says_of_itself() {
    let good = Zkey::read(ZKEY, Origin::Anyone).unwrap();
    let problem = |change: &dyn Fn(&mut Zkey)| {
        let mut key = good.clone();
        change(&mut key);
        key.check().unwrap_err()
    };
    let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
    type Change = fn(&mut Zkey);
    let zeros: [(&str, Change); 4] = [
        ("alpha", |key| key.verifying.alpha = G1Affine::identity()),
        ("beta", |key| key.verifying.beta = G2Affine::identity()),
        ("gamma", |key| key.verifying.gamma = G2Affine::identity()),
        ("delta", |key| key.verifying.delta = G2Affine::identity()),
    ];
    for (name, change) in zeros {
        assert_eq!(problem(&change), KeyProblem::Zero(name));
    }
    assert_eq!(problem(&|key| key.beta_g1 = g1), KeyProblem::Groups("beta"));
    assert_eq!(
        problem(&|key| key.delta_g1 = g1),
        KeyProblem::Groups("delta")
    );
    for column in 0..good.columns() {
        let other = |point: G1Affine| (point + g1).into();
        assert_eq!(
            problem(&|key| key.b_g1[column] = other(key.b_g1[column])),
            KeyProblem::Groups("B")
        );
        let other = |point: G2Affine| (point + g2).into();
        assert_eq!(
            problem(&|key| key.b_g2[column] = other(key.b_g2[column])),
            KeyProblem::Groups("B")
        );
    }
    let last = good.ceremony.contributions.len() - 1;
    assert_eq!(
        problem(&|key| key.ceremony.contributions[last].delta_after = g1),
        KeyProblem::Delta
    );
    assert_eq!(
        problem(&|key| drop(key.ceremony.contributions.pop())),
        KeyProblem::Delta
    );
}

#[test]
fn keys_of_other_systems() {
    let key = Zkey::read(ZKEY, Origin::Anyone).unwrap();
    let good = R1csFile::read(R1CS).unwrap().system();
    let check = |change: &dyn Fn(&mut prooflane_circuits::R1cs)| {
        let mut system = good.clone();
        change(&mut system);
        key.check_system(&system)
    };
    assert_eq!(check(&|_| ()), Ok(()));
    let counted = |result| matches!(result, Err(KeyProblem::Count { .. }));
    assert!(counted(check(&|system| system.num_private += 1)));
    assert!(counted(check(&|system| (
        system.num_public,
        system.num_private
    ) = (1, 4))));
    assert!(counted(check(&|system| drop((
        system.a.pop(),
        system.b.pop(),
        system.c.pop()
    )))));
    for row in 0..3 {
        let a = check(&|system| system.a[row][0].0 += Fr::ONE);
        assert_eq!(a, Err(KeyProblem::Row { matrix: 'A', row }));
        let b = check(&|system| system.b[row][0].1 += 1);
        assert_eq!(b, Err(KeyProblem::Row { matrix: 'B', row }));
    }
    // C is in no key.
    assert_eq!(
        check(&|system| system.c.iter_mut().for_each(Vec::clear)),
        Ok(())
    );
}
