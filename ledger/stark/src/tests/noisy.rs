//! Noisy counts.

use super::{column, none_is_free_in, satisfied};
use crate::field::F;
use crate::noisy::Plan;
use crate::poseidon2::{ROWS, WIDTH};
use crate::{Column, Epsilon, NoiseCommitment, NoiseError, NoiseSeed, Noisy, Query};
use p3_field::PrimeCharacteristicRing;

const MAIN: usize = 0;
const DRAW: usize = 2;
/// The row in which noise is drawn.
const DRAWN: u64 = 2 * ROWS - 1;
/// Behind states, squares and cubes, what is read in that row only: low and high parts of four elements, then the noise.
const PARTS: usize = 3 * WIDTH;
const NOISE: usize = PARTS + 8;

fn query(range: [u64; 2], epsilon: (u32, u32)) -> Query {
    Query {
        first: range[0],
        last: range[1],
        epsilon: Epsilon {
            numerator: epsilon.0,
            denominator: epsilon.1,
        },
        beacon: [3; 32],
        context: [4; 32],
    }
}

fn seed() -> NoiseSeed {
    NoiseSeed::from_secret(&[5; 32])
}

fn plan(claim: &Noisy, column: &Column) -> Option<Plan> {
    Plan::new(claim, column.layout(), column.commitment().clone())
}

/// Values from a wide range, and an answer about some of them.
fn column_and_claim() -> (Column, Noisy) {
    let keys: Vec<u64> = (0..300_u64).map(|row| row.pow(3) * 0x0123_4567).collect();
    let column = column(&keys, None, 4, 7);
    let claim = Noisy::of(&column, query([keys[3], keys[99]], (1, 10)), &seed()).unwrap();
    (column, claim)
}

/// Satisfies the tables with the answer, and returns the noise in it.
fn noise(column: &Column, query: Query, exact: i64) -> i64 {
    let claim = Noisy::of(column, query, &seed()).unwrap();
    let plan = plan(&claim, column).unwrap();
    let own = plan.fill(column, &seed());
    satisfied(&plan.statement, &own, &[column.opened()]);
    assert!(claim.holds(column, &seed()));
    claim.count - exact
}

/// The same, proved and verified.
fn proved(column: &Column, query: Query, exact: i64) -> i64 {
    let claim = Noisy::of(column, query, &seed()).unwrap();
    assert!(claim.holds(column, &seed()));
    let proof = claim.prove(column, &seed()).unwrap();
    (claim.verify(column.layout(), column.commitment(), &proof)).unwrap();
    claim.count - exact
}

#[test]
fn true_answers_are_proved() {
    let keys = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];
    let small = column(&keys, None, 1, 7);
    // So much epsilon leaves no noise but for 2^-29 of all queries.
    assert_eq!(proved(&small, query([2, 5], (20, 1)), 6), 0);
    assert_eq!(noise(&small, query([0, 65_535], (20, 1)), 10), 0);
    assert_eq!(noise(&small, query([5, 5], (20, 1)), 2), 0);
    assert_eq!(noise(&small, query([7, 8], (20, 1)), 0), 0);
    let large = column(&[0, u64::MAX, 1 << 63, (1 << 63) - 1], None, 4, 7);
    assert_eq!(noise(&large, query([1 << 63, u64::MAX], (20, 1)), 2), 0);
    assert_eq!(proved(&large, query([0, u64::MAX], (20, 1)), 4), 0);
    let gaps = column(&[5, 0, 70_000], Some(&[true, false, true]), 2, 7);
    assert_eq!(proved(&gaps, query([0, 70_000], (20, 1)), 2), 0);
    let none = column(&[0, 0], Some(&[false, false]), 2, 7);
    assert_eq!(noise(&none, query([0, u64::from(u32::MAX)], (20, 1)), 0), 0);
    let empty = column(&[], None, 4, 7);
    assert_eq!(noise(&empty, query([0, u64::MAX], (20, 1)), 0), 0);

    // With so little there is some, and an answer may be negative.
    let by_beacon = |beacon| Query {
        beacon: [beacon; 32],
        ..query([0, 1 << 40], (1, 100))
    };
    let negative = (0..).find(|beacon| noise(&empty, by_beacon(*beacon), 0) < 0);
    assert!(proved(&empty, by_beacon(negative.unwrap()), 0) < 0);
    assert_ne!(proved(&small, query([2, 5], (27, 10_000)), 6), 0);
}

#[test]
fn noise_depends_on_all_that_is_asked_and_on_nothing_else() {
    let empty = |seed| column(&[], None, 4, seed);
    let of = |column: &Column, query, secret| {
        let seed = NoiseSeed::from_secret(&[secret; 32]);
        Noisy::of(column, query, &seed).unwrap().count
    };
    // The least epsilon: two independent draws agree once in hundreds.
    let asked = query([1, 9], (27, 10_000));
    let answer = of(&empty(7), asked, 5);
    assert_eq!(of(&empty(7), asked, 5), answer);
    let mut others = [asked; 5];
    others[0].first = 0;
    others[1].last = 10;
    others[2].epsilon = query([1, 9], (54, 20_000)).epsilon;
    others[3].beacon[31] ^= 1;
    others[4].context[0] ^= 128;
    for other in others {
        assert_ne!(of(&empty(7), other, 5), answer, "{other:?}");
    }
    assert_ne!(of(&empty(8), asked, 5), answer);
    assert_ne!(of(&empty(7), asked, 6), answer);
    let nullable = column(&[], Some(&[]), 4, 7);
    assert_ne!(of(&nullable, asked, 5), answer);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let column = column(&[1, 2, 3], None, 1, 7);
    for (numerator, denominator) in [(0, 1), (1, 0), (1, 1000), (45, 1)] {
        let refused = Noisy::of(&column, query([0, 9], (numerator, denominator)), &seed());
        let error = NoiseError::Epsilon {
            numerator,
            denominator,
        };
        assert_eq!(refused, Err(error));
    }
    for range in [[3, 2], [0, 65_536]] {
        let claim = Noisy::of(&column, query(range, (1, 1)), &seed()).unwrap();
        assert!(claim.prove(&column, &seed()).is_err());
        assert!(plan(&claim, &column).is_none());
        assert!(!claim.holds(&column, &seed()));
    }
    let claim = Noisy::of(&column, query([0, 9], (1, 1)), &seed()).unwrap();
    for count in [i64::MIN, -45, 48, i64::MAX, 3 + 0x7f00_0001] {
        let claim = Noisy { count, ..claim };
        assert!(plan(&claim, &column).is_none(), "{count}");
        assert!(!claim.holds(&column, &seed()), "{count}");
    }
    // A commitment that the field takes for another one.
    let bytes = postcard::to_stdvec(&claim.seed).unwrap();
    let mut numbers: [u32; 8] = postcard::from_bytes(&bytes).unwrap();
    numbers[0] += 0x7f00_0001;
    let bytes = postcard::to_stdvec(&numbers).unwrap();
    let congruent: NoiseCommitment = postcard::from_bytes(&bytes).unwrap();
    let claim = Noisy {
        seed: congruent,
        ..claim
    };
    assert!(plan(&claim, &column).is_none());
    assert!(!claim.holds(&column, &seed()));
}

#[test]
fn another_answer_another_question_or_another_column_is_rejected() {
    let (column, claim) = column_and_claim();
    let (layout, commitment) = (column.layout(), column.commitment());
    let proof = claim.prove(&column, &seed()).unwrap();
    claim.verify(layout, commitment, &proof).unwrap();
    let mut lies = [claim; 11];
    lies[0].count += 1;
    lies[1].count -= 1;
    lies[2].query.epsilon.numerator += 1;
    lies[3].query.epsilon = query([0, 0], (2, 20)).epsilon;
    lies[4].query.beacon[0] ^= 1;
    lies[5].query.context[31] ^= 1;
    lies[6].query.first += 1;
    lies[7].query.last += 1;
    lies[8].seed = NoiseSeed::from_secret(&[6; 32]).commitment();
    // The true count, and the noise alone.
    lies[9].count = 97;
    lies[10].count -= 97;
    assert_ne!(claim.count, 97);
    for (number, lie) in lies.into_iter().enumerate() {
        assert!(lie.verify(layout, commitment, &proof).is_err(), "{number}");
        assert!(lie.prove(&column, &seed()).is_err(), "{number}");
        assert!(!lie.holds(&column, &seed()), "{number}");
    }
    // One more, and another seed than the one committed to.
    let other = NoiseSeed::from_secret(&[6; 32]);
    assert!(claim.prove(&column, &other).is_err());
    assert!(!claim.holds(&column, &other));
    for (lie, seed) in [(lies[0], seed()), (claim, other)] {
        let plan = plan(&lie, &column).unwrap();
        let own = plan.fill(&column, &seed);
        let proof = plan.statement.prove_anyway(own, &[column.opened()]);
        let verified = lie.verify(layout, commitment, &proof.unwrap());
        assert!(verified.is_err());
    }

    let keys: Vec<u64> = (0..300).map(|row| column.get(row).unwrap()).collect();
    let again = super::column(&keys, None, 4, 8);
    assert!(claim.verify(layout, again.commitment(), &proof).is_err());
    // The noise of the same values under another commitment is another one.
    assert!(!claim.holds(&again, &seed()));
    let mut fewer = layout;
    fewer.rows -= 1;
    assert!(claim.verify(fewer, commitment, &proof).is_err());
}

#[test]
fn no_cell_is_free() {
    let keys = [300, 5, 70_000, 7, 65_535, 9, 70_001, 12, 300, 69_999, 0];
    let present = keys.map(|key| key != 0);
    let with_gaps = column(&keys, Some(&present), 2, 7);
    let of_gaps = Noisy::of(&with_gaps, query([9, 70_000], (1, 1)), &seed()).unwrap();
    for (column, claim) in [(with_gaps, of_gaps), column_and_claim()] {
        let plan = plan(&claim, &column).unwrap();
        let mut own = plan.fill(&column, &seed());
        let data = [column.opened()];
        satisfied(&plan.statement, &own, &data);
        none_is_free_in(&plan.statement, &mut own, &data, |table, column| {
            match (table, column) {
                (DRAW, 0..PARTS) => 0..DRAWN + 1,
                (DRAW, _) => DRAWN..DRAWN + 1,
                // In the second row not every place has a value.
                _ => 0..1,
            }
        });
    }
}

#[test]
fn whoever_lies_in_a_cell_is_rejected() {
    let (column, claim) = column_and_claim();
    let plan = plan(&claim, &column).unwrap();
    let data = [column.opened()];
    let drawn = DRAWN as usize;
    for (table, row, of) in [
        (MAIN, 0, 1),
        (MAIN, 2, 5),
        (1, 0, 0),
        (DRAW, 11, WIDTH),
        (DRAW, drawn, 15),
        (DRAW, drawn, PARTS),
        (DRAW, drawn, NOISE),
        (3, 437, 0),
        (4, 0, 3),
    ] {
        let mut own = plan.fill(&column, &seed());
        let width = own[table].width;
        own[table].values[row * width + of] += F::ONE;
        let proof = plan.statement.prove_anyway(own, &data).unwrap();
        let verified = claim.verify(column.layout(), column.commitment(), &proof);
        assert!(verified.is_err(), "table {table}, row {row}, column {of}");
    }
}

/// Changes the rows of the main table and the one where noise is drawn; the last is the main table's width.
type Lie = fn(&mut [F], &mut [F], usize);

/// Lies that no constraint sees, and only the bus does.
#[test]
fn whoever_lies_consistently_is_rejected() {
    let (column, claim) = column_and_claim();
    let data = [column.opened()];
    let more = Noisy {
        count: claim.count + 1,
        ..claim
    };
    let lies: [(&str, Noisy, Lie); 4] = [
        ("more noise", more, |_, drawn, _| drawn[NOISE] += F::ONE),
        ("a value out of range is picked", more, |main, _, width| {
            // The first value is less than all in the range. It is the first that is picked; the rank comes before it.
            main[2] += F::ONE;
            let rows = main.chunks_mut(width).skip(1);
            rows.for_each(|cells| cells[1] += F::ONE);
        }),
        ("an element cut otherwise", claim, |_, drawn, _| {
            drawn[PARTS] += F::from_u32(1 << 16);
            drawn[PARTS + 1] -= F::ONE;
        }),
        ("an element and the order added", claim, |_, drawn, _| {
            drawn[PARTS] += F::ONE;
            drawn[PARTS + 1] += F::from_u32(0x7f00);
        }),
    ];
    for (what, claim, lie) in lies {
        let plan = plan(&claim, &column).unwrap();
        let mut own = plan.fill(&column, &seed());
        let (width, of_draw) = (own[MAIN].width, own[DRAW].width);
        let counting = column.layout().counting() as usize;
        let [main, draw] = own.get_disjoint_mut([MAIN, DRAW]).unwrap();
        let drawn = &mut draw.values[DRAWN as usize * of_draw..];
        lie(&mut main.values[..counting * width], drawn, width);
        assert_eq!(plan.statement.violated(&own, &data), None, "{what}");
        assert!(plan.statement.unbalanced(&own, &data).is_some(), "{what}");
        let proof = plan.statement.prove_anyway(own, &data).unwrap();
        let verified = claim.verify(column.layout(), column.commitment(), &proof);
        assert!(verified.is_err(), "{what}");
    }
}

/// The chi-square test of answers about nothing against the probabilities of the discrete Laplace distribution.
#[test]
fn noise_is_distributed_as_it_should_be() {
    const DRAWS: u32 = 20_000;
    let empty = column(&[], None, 4, 7);
    let secret = [9; 32];
    println!("secret {secret:?}, beacons 0 to {DRAWS}");
    let seed = NoiseSeed::from_secret(&secret);
    // Up to -6, each from -5 to 5, from 6 on.
    let mut seen = [0_u32; 13];
    for number in 0..DRAWS {
        let mut query = query([0, u64::MAX], (1, 2));
        query.beacon[..4].copy_from_slice(&number.to_le_bytes());
        let noise = Noisy::of(&empty, query, &seed).unwrap().count;
        seen[(noise.clamp(-6, 6) + 6) as usize] += 1;
    }
    let a = (-0.5_f64).exp();
    let expected = |bin: i32| {
        let distance = (bin - 6).abs();
        let alone = if distance < 6 { 1.0 - a } else { 1.0 };
        f64::from(DRAWS) * alone * a.powi(distance) / (1.0 + a)
    };
    let bins = || (0..13).zip(seen);
    assert!((bins().map(|(bin, _)| expected(bin)).sum::<f64>() - f64::from(DRAWS)).abs() < 1e-6);
    let chi_square: f64 = bins()
        .map(|(bin, seen)| (f64::from(seen) - expected(bin)).powi(2) / expected(bin))
        .sum();
    println!("chi-square {chi_square:.1} with 12 degrees of freedom");
    // More than 32.9 has probability 0.001.
    assert!(chi_square < 32.9, "{chi_square}: {seen:?}");
}
