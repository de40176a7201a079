//! For every group of constraints, an assignment that breaks this group and, where that is possible, nothing else. All are made
//! without native checks and judged by the constraints.

use ark_ec::twisted_edwards::TECurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, BigInteger256, Field, Zero};
use std::sync::LazyLock;

use super::*;
use crate::dataset_row::DatasetRow;
use crate::merkle::Merkle;
use crate::payment::Payment;
use crate::range::Range;

/// Judges assignments of one circuit.
struct Judge<S>(R1cs, PhantomData<S>);

impl<S: Statement> Judge<S> {
    fn new() -> Self {
        Self(circuit(S::ID).r1cs().unwrap(), PhantomData)
    }

    fn accepts(&self, statement: &S) -> bool {
        let accepted = self
            .0
            .first_unsatisfied(statement.assign().assignment())
            .is_none();
        assert_eq!(
            accepted,
            statement.check().is_ok(),
            "the native check and the constraints disagree"
        );
        accepted
    }
}

static PAYMENT: LazyLock<Judge<Payment>> = LazyLock::new(Judge::new);

fn attestor() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

/// The example, changed, and then attested and nullified as changed: all is well but for the change.
fn attested(change: impl FnOnce(&mut Payment)) -> Payment {
    let mut payment = Payment::parse(&Payment::example()).unwrap();
    change(&mut payment);
    payment.signature = attestor().sign(payment.message());
    payment.nullifier = nullifier(payment.payer_secret, payment.tx_hash);
    payment
}

fn accepted(payment: &Payment) -> bool {
    PAYMENT.accepts(payment)
}

/// Whether the example satisfies the constraints after a change that is not attested.
fn accepted_after(change: impl FnOnce(&mut Payment)) -> bool {
    let mut payment = attested(|_| ());
    change(&mut payment);
    accepted(&payment)
}

const MIN: u64 = 1_000_000;
const NOW: u64 = 1_700_000_000;
const AGE: u64 = 60;

fn two64() -> Fr {
    fr(2).pow([64])
}

#[test]
fn the_honest_payment_and_the_limits_are_accepted() {
    assert!(accepted(&attested(|_| ())));
    assert!(accepted(&attested(|p| p.amount = fr(MIN))));
    assert!(accepted(&attested(|p| p.amount = fr(u64::MAX))));
    assert!(accepted(&attested(|p| p.payment_time = fr(NOW))));
    assert!(accepted(&attested(|p| p.payment_time = fr(NOW - AGE))));
    assert!(accepted(&attested(|p| (
        p.payment_time,
        p.current_time,
        p.max_block_age
    ) =
        (fr(0), fr(u64::MAX), fr(u64::MAX)))));
    assert!(
        accepted_after(|p| p.binding = scramble(5)),
        "the binding is the prover's choice before proving"
    );
}

#[test]
fn too_little_too_old_too_early() {
    assert!(!accepted(&attested(|p| p.amount = fr(MIN - 1))));
    assert!(!accepted(&attested(|p| p.payment_time = fr(NOW - AGE - 1))));
    assert!(!accepted(&attested(|p| p.payment_time = fr(NOW + 1))));
}

/// Each of these satisfies the differences modulo r, or with 64-bit wrap-around, and is refused for a value outside 64 bits.
/// The native check starts from 64-bit integers and cannot be asked, hence no [`Judge`].
#[test]
fn values_outside_64_bits() {
    let refused = |p: Payment| {
        PAYMENT
            .0
            .first_unsatisfied(p.assign().assignment())
            .is_some()
    };
    assert!(refused(attested(|p| p.amount = two64() + fr(MIN))));
    assert!(refused(attested(|p| p.amount = -fr(1))));
    assert!(refused(attested(
        |p| (p.amount, p.min_amount) = (fr(0), -fr(1))
    )));
    assert!(refused(attested(
        |p| (p.amount, p.min_amount) = (two64() + fr(1), two64())
    )));
    assert!(refused(attested(|p| p.payment_time = -fr(1))));
    assert!(refused(attested(
        |p| (p.payment_time, p.current_time) = (-fr(1), fr(10))
    )));
    assert!(refused(attested(
        |p| (p.payment_time, p.current_time) = (two64(), two64() + fr(1))
    )));
    assert!(refused(attested(
        |p| (p.payment_time, p.current_time) = (fr(u64::MAX), two64())
    )));
    assert!(refused(attested(|p| p.max_block_age = two64())));
    assert!(refused(attested(|p| p.max_block_age = -fr(1))));
    assert!(refused(attested(
        |p| (p.max_block_age, p.payment_time) = (two64(), fr(NOW - 1))
    )));
}

#[test]
fn nothing_in_the_receipt_can_be_changed() {
    assert!(!accepted_after(
        |p| p.recipient = recipient_to_field("merchant-2")
    ));
    assert!(!accepted_after(
        |p| p.asset = asset_to_field("eip155:1/erc20:usdc")
    ));
    assert!(!accepted_after(|p| p.amount += fr(1)));
    assert!(!accepted_after(|p| p.payment_time += fr(1)));
    assert!(!accepted_after(|p| p.tx_hash += fr(1)));
    assert!(!accepted_after(
        |p| (p.tx_hash, p.nullifier) = (fr(1), nullifier(p.payer_secret, fr(1)))
    ));
    assert!(!accepted_after(|p| p.payer_secret += fr(1)));
    assert!(!accepted_after(
        |p| (p.payer_secret, p.nullifier) = (fr(1), nullifier(fr(1), p.tx_hash))
    ));
}

#[test]
fn another_attestor_or_nullifier() {
    assert!(!accepted_after(
        |p| p.attestor = SecretKey::from_seed(&[8; 32]).public_key()
    ));
    assert!(!accepted_after(|p| p.attestor = -p.attestor));
    // The native check cannot see a wrong nullifier: it computes it.
    for wrong in [fr(0), scramble(1)] {
        let mut payment = attested(|_| ());
        payment.nullifier = wrong;
        assert!(
            PAYMENT
                .0
                .first_unsatisfied(payment.assign().assignment())
                .is_some()
        );
    }
}

/// A finished assignment whose public inputs are changed, as by someone who found the proof.
#[test]
fn each_public_input_is_tied_in() {
    let honest = attested(|_| ()).assign();
    for (i, name) in Payment::PUBLIC.iter().enumerate() {
        let mut z = honest.assignment().to_vec();
        z[1 + i] += fr(1);
        assert!(PAYMENT.0.first_unsatisfied(&z).is_some(), "{name}");
    }
}

#[test]
fn changed_signatures() {
    assert!(!accepted_after(|p| p.signature.r8 = -p.signature.r8));
    assert!(
        !accepted_after(|p| p.signature.r8.x += fr(1)),
        "R8 off the curve"
    );
    assert!(!accepted_after(
        |p| p.signature.r8 = Point::new_unchecked(fr(0), fr(0))
    ));
    assert!(!accepted_after(|p| p.signature.s = 0u64.into()));
    assert!(!accepted_after(|p| {
        p.signature.s.add_with_carry(&1u64.into());
    }));
    let torsion = low_order_points();
    assert!(
        !accepted_after(|p| p.signature.r8 = (p.signature.r8 + torsion[1]).into_affine()),
        "R8 outside the subgroup"
    );
}

/// S + order satisfies the equation and fits 251 bits for some signatures; only the bound on S refuses it.
#[test]
fn a_response_above_the_order() {
    let mut bound: BigInteger256 = 1u64.into();
    bound <<= 251;
    let malleable = |amount| {
        let mut payment = attested(|p| p.amount = fr(amount));
        payment.signature.s.add_with_carry(&Scalar::MODULUS);
        (payment.signature.s < bound).then_some(payment)
    };
    let payment = (MIN..MIN + 100).find_map(malleable).unwrap();
    let message = payment.message();
    let Signature { r8, s } = payment.signature;
    let key = payment.attestor;
    let h = poseidon(&[r8.x, r8.y, key.x, key.y, message]);
    let right = key
        .mul_by_cofactor_to_group()
        .into_affine()
        .mul_bigint(h.into_bigint())
        + r8;
    assert_eq!(
        BabyJubjub::GENERATOR.mul_bigint(s),
        right,
        "the equation holds"
    );
    assert!(!accepted(&payment));
}

/// The 8 points of low order, the neutral one first.
pub(crate) fn low_order_points() -> Vec<Point> {
    let any = (2..)
        .map(fr)
        .find_map(|y| Point::get_point_from_y_unchecked(y, false));
    let points = (2..)
        .map(fr)
        .filter_map(|y| Point::get_point_from_y_unchecked(y, false));
    let generator = any
        .into_iter()
        .chain(points)
        .map(|p| p.mul_bigint(Scalar::MODULUS))
        .find(|p| !(*p + p + p + p).is_zero())
        .unwrap();
    let multiples =
        std::iter::successors(Some(Point::zero().into_group()), |p| Some(*p + generator));
    multiples.take(8).map(|p| p.into_affine()).collect()
}

/// Under a key of low order 8 h A vanishes, so (5 Base8, 5) would sign everything.
#[test]
fn attestors_of_low_order() {
    let points = low_order_points();
    assert_eq!(
        points
            .iter()
            .filter(|p| p.is_on_curve() && p.mul_by_cofactor().is_zero())
            .count(),
        8
    );
    for attestor in points {
        let forged = Signature {
            r8: BabyJubjub::GENERATOR.mul_bigint([5u64]).into_affine(),
            s: 5u64.into(),
        };
        let payment = attested(|_| ());
        let payment = Payment {
            attestor,
            signature: forged,
            ..payment.clone()
        };
        let Signature { r8, s } = payment.signature;
        let nothing = attestor.mul_by_cofactor();
        assert_eq!(
            (BabyJubjub::GENERATOR.mul_bigint(s) - nothing).into_affine(),
            r8,
            "the equation holds for any message"
        );
        assert!(!accepted(&payment), "{attestor}");
    }
}

/// The formulas for multiples would take points of other curves as well; the curve's equation is what refuses them, and the first
/// constraint of the signature that does not hold.
#[test]
fn attestors_off_the_curve() {
    let row_of_the_equation = {
        let honest = attested(|_| ()).assign();
        let [x, y] = [1, 2].map(|column| honest.assignment()[column]);
        let products = |row: &usize| {
            let terms = |m: &[Row]| {
                m[*row]
                    .iter()
                    .map(|(_, column)| honest.assignment()[*column])
                    .collect::<Vec<_>>()
            };
            (terms(&PAYMENT.0.a), terms(&PAYMENT.0.b)) == (vec![x * x], vec![y * y])
        };
        (0..PAYMENT.0.constraints()).find(products).unwrap()
    };
    let points = [(0, 0), (0, 2), (2, 0), (2, 2)].map(|(x, y)| Point::new_unchecked(fr(x), fr(y)));
    let mut near = attestor().public_key();
    near.x += fr(1);
    for attestor in points.into_iter().chain([near]) {
        assert!(!accepted_after(|p| p.attestor = attestor));
        let mut payment = attested(|_| ());
        payment.attestor = attestor;
        assert!(
            !PAYMENT
                .0
                .holds(row_of_the_equation, payment.assign().assignment())
        );
    }
}

/// Public key plus a point of low order: circomlib accepts these, so do both sides here.
#[test]
fn an_attestor_outside_the_subgroup() {
    let key = attestor();
    let shifted = (key.public_key() + low_order_points()[3]).into_affine();
    let mut payment = attested(|p| p.attestor = shifted);
    // S = r + 8 h a with h over the shifted key.
    let (nonce, h) = (Scalar::from(1234u64), |r8: Point, m| {
        poseidon(&[r8.x, r8.y, shifted.x, shifted.y, m])
    });
    let r8 = (BabyJubjub::GENERATOR * nonce).into_affine();
    let h = Scalar::from_le_bytes_mod_order(&h(r8, payment.message()).into_bigint().to_bytes_le());
    payment.signature = Signature {
        r8,
        s: (nonce + h * key.scalar_for_tests()).into_bigint(),
    };
    assert!(accepted(&payment));
}

#[test]
fn ranges() {
    let judge = Judge::<Range>::new();
    let refuses = |value: Fr, min: Fr, max: Fr| {
        let (blinding, commitment) = (fr(9), poseidon(&[value, fr(9)]));
        judge
            .0
            .first_unsatisfied(
                Range {
                    commitment,
                    min,
                    max,
                    value,
                    blinding,
                }
                .assign()
                .assignment(),
            )
            .is_some()
    };
    assert!(!refuses(fr(5), fr(5), fr(5)));
    assert!(!refuses(fr(u64::MAX), fr(0), fr(u64::MAX)));
    assert!(refuses(fr(4), fr(5), fr(9)));
    assert!(refuses(fr(10), fr(5), fr(9)));
    assert!(
        refuses(two64(), fr(5), two64()),
        "value and max outside 64 bits"
    );
    assert!(refuses(two64() + fr(1), two64(), two64() + fr(2)));
    assert!(refuses(-fr(1), fr(0), fr(9)));
    assert!(refuses(fr(0), -fr(1), fr(9)), "min outside 64 bits");
    assert!(refuses(fr(9), fr(0), two64()), "max outside 64 bits");
    let changes: [fn(&mut Range); 3] = [
        |r| r.commitment += fr(1),
        |r| r.blinding += fr(1),
        |r| r.value += fr(1),
    ];
    for change in changes {
        let mut range = Range::parse(&Range::example()).unwrap();
        change(&mut range);
        assert!(
            judge
                .0
                .first_unsatisfied(range.assign().assignment())
                .is_some()
        );
    }
}

#[test]
fn memberships() {
    let judge = Judge::<Merkle>::new();
    let refuses = |change: &dyn Fn(&mut Merkle)| {
        let mut merkle = Merkle::parse(&merkle_path(5)).unwrap();
        change(&mut merkle);
        judge
            .0
            .first_unsatisfied(merkle.assign().assignment())
            .is_some()
    };
    assert!(!refuses(&|_| ()));
    assert!(refuses(&|m| m.root += fr(1)));
    assert!(refuses(&|m| m.leaf += fr(1)));
    assert!(refuses(&|m| m.siblings[0] += fr(1)));
    assert!(refuses(&|m| m.right[4] = !m.right[4]));
    // The path of an inner node, with the depth of a leaf, one more, or as told by the switches.
    let inner = |m: &mut Merkle, switches: usize| {
        m.leaf = if m.right[0] {
            poseidon(&[m.siblings[0], m.leaf])
        } else {
            poseidon(&[m.leaf, m.siblings[0]])
        };
        m.siblings.rotate_left(1);
        m.siblings[31] = fr(0);
        m.right.rotate_left(1);
        m.right[31] = false;
        m.active = std::array::from_fn(|i| i < switches);
    };
    assert!(
        !refuses(&|m| {
            inner(m, 4);
            m.depth = fr(4);
        }),
        "an inner node is a leaf of a shallower tree"
    );
    assert!(
        refuses(&|m| inner(m, 4)),
        "switches for depth 4, public depth 5"
    );
    assert!(refuses(&|m| inner(m, 5)));
    assert!(
        refuses(&|m| {
            inner(m, 4);
            m.active[10] = true;
        }),
        "switches not in one run"
    );
    // Switched-off levels take no values.
    assert!(refuses(&|m| m.siblings[20] = fr(1)));
    assert!(refuses(&|m| m.right[20] = true));
    assert!(refuses(&|m| m.depth = fr(33)));
    assert!(refuses(&|m| m.depth = -fr(1)));
}

/// [`DatasetRow`] over 40 parts of which the prover opens the 21st, changed and then committed to as changed.
fn committed(change: impl FnOnce(&mut DatasetRow)) -> DatasetRow {
    let mut row = DatasetRow::parse(&row_inputs(40, 20)).unwrap();
    change(&mut row);
    let path = siblings(&row);
    row.climb(&path);
    row
}

fn siblings(row: &DatasetRow) -> Vec<[Fr; 3]> {
    let of = |(family, digit): (&[Fr; 4], usize)| {
        let others: Vec<Fr> = (0..4).filter(|i| *i != digit).map(|i| family[i]).collect();
        [others[0], others[1], others[2]]
    };
    row.families.iter().zip(row.digits).map(of).collect()
}

#[test]
fn rows() {
    let judge = Judge::<DatasetRow>::new();
    let refuses = |row: &DatasetRow| {
        let assigned = row.assign();
        judge.0.first_unsatisfied(assigned.assignment()).is_some()
    };
    let refuses_after = |change: &dyn Fn(&mut DatasetRow)| {
        let mut row = committed(|_| ());
        change(&mut row);
        refuses(&row)
    };
    assert!(!refuses_after(&|_| ()));
    assert!(!refuses_after(&|r| r.binding = scramble(5)));
    // The ends of the range, and one beyond; 1020 is the value.
    for (low, high, accepted) in [
        (1020, 1020, true),
        (0, u64::MAX, true),
        (0, 1019, false),
        (1021, u64::MAX, false),
        (1021, 1019, false),
        (1030, 1010, false),
    ] {
        let ends = |r: &mut DatasetRow| (r.low, r.high) = (fr(low), fr(high));
        assert_eq!(!refuses_after(&ends), accepted, "{low} to {high}");
    }
    assert!(refuses_after(&|r| (r.low, r.high) = (-fr(1), two64())));
    assert!(refuses_after(&|r| r.low = -fr(1)), "low outside 64 bits");
    assert!(refuses_after(&|r| r.high = two64()), "high outside 64 bits");

    // Another row, salt or place than was committed to.
    assert!(refuses_after(&|r| r.root += fr(1)));
    assert!(refuses_after(&|r| r.salt += fr(1)));
    assert!(refuses_after(&|r| r.elements[0] += fr(1)));
    assert!(refuses_after(&|r| r.elements[6] += fr(1)));
    assert!(refuses_after(&|r| r.families[0][r.digits[0]] += fr(1)));
    assert!(refuses_after(
        &|r| r.families[10][(r.digits[10] + 1) % 4] += fr(1)
    ));
    for level in 0..ROW_LEVELS {
        for turn in 1..4 {
            assert!(refuses_after(
                &|r| r.digits[level] = (r.digits[level] + turn) % 4
            ));
        }
    }
    // A node for a row: as the leaf there is only what hashes to it.
    assert!(refuses_after(&|r| r.families.rotate_left(1)));
    assert!(refuses_after(
        &|r| (r.families[0], r.digits[0]) = ([fr(0); 4], 0)
    ));

    // Another column than the public one.
    for column in [0, 19, 21, 39, 60, 61] {
        assert!(refuses_after(&|r| r.column = fr(column)), "{column}");
    }
    assert!(refuses_after(&|r| r.column = -fr(1)));
    assert!(refuses_after(&|r| r.element = 5));
    assert!(refuses_after(&|r| r.place = 0));
    assert!(refuses_after(&|r| r.element = 20), "no element");
    assert!(refuses_after(&|r| r.place = 3), "no place");
    // 6 * 3 + 2 = 20 = 5 * 3 + 5: a place beyond three would be another name.
    assert!(refuses_after(&|r| (r.element, r.place) = (5, 5)));
}

/// Rows that somebody committed to who is not honest.
#[test]
fn rows_of_dishonest_owners() {
    let judge = Judge::<DatasetRow>::new();
    let refuses = |row: &DatasetRow| {
        let assigned = row.assign();
        judge.0.first_unsatisfied(assigned.assignment()).is_some()
    };
    let broken = |row: &DatasetRow| {
        let assigned = row.assign();
        let holds = |row: &usize| judge.0.holds(*row, assigned.assignment());
        (0..judge.0.constraints()).filter(|row| !holds(row)).count()
    };
    let place = |n: u64| fr(2).pow([65 * n]);
    assert!(!refuses(&committed(|_| ())));
    // A value of the element's third place, with the least and the greatest that it can be.
    let valued = |value: Fr, low: u64, high: u64| {
        committed(|r| {
            r.elements[6] = value * place(2);
            (r.low, r.high) = (fr(low), fr(high));
        })
    };
    assert!(!refuses(&valued(fr(0), 0, 0)));
    assert!(!refuses(&valued(fr(u64::MAX), u64::MAX, u64::MAX)));
    for value in [
        two64(),
        two64() + fr(5),
        two64() + fr(u64::MAX),
        place(1),
        -fr(1),
    ] {
        assert!(refuses(&valued(value, 0, u64::MAX)), "{value}");
    }
    // What is above three places is no part of any of them.
    assert!(refuses(&committed(|r| r.elements[6] += place(3))));
    assert!(refuses(&committed(|r| r.elements[6] = -r.elements[6])));

    // An element that the leaf does not have.
    let unhashed = |r: &mut DatasetRow, element: usize| {
        r.elements[element] = fr(7);
        (r.element, r.place) = (element, 0);
        (r.column, r.low, r.high) = (fr(3 * element as u64), fr(7), fr(7));
    };
    assert!(!refuses(&committed(|r| unhashed(r, 14))));
    for element in 15..20 {
        let row = committed(|r| unhashed(r, element));
        assert_eq!(broken(&row), 1, "{element}");
    }
    for blocks in 1..=4 {
        let row = committed(|r| {
            r.more = std::array::from_fn(|i| i + 1 < blocks);
            unhashed(r, 5 * blocks - 1);
        });
        assert!(!refuses(&row), "{blocks} blocks");
    }
    // A second block read as the third or fourth: only that switches are a run refuses it.
    for hashed in [
        [false, true, false],
        [false, false, true],
        [true, false, true],
    ] {
        let row = committed(|r| {
            r.more = hashed;
            unhashed(r, 5 * (1 + hashed.iter().rposition(|on| *on).unwrap()));
        });
        assert_eq!(broken(&row), 1, "{hashed:?}");
    }
    // A leaf of three blocks read as one of the last two, or of the last: the root says how many there are.
    for skipped in 1..3 {
        let mut row = committed(|_| ());
        row.salt = row.elements[..5 * skipped]
            .chunks(5)
            .fold(row.salt, |state, block| {
                poseidon(&[state, block[0], block[1], block[2], block[3], block[4]])
            });
        row.elements.rotate_left(5 * skipped);
        row.more = std::array::from_fn(|i| i + 1 < 3 - skipped);
        row.element -= 5 * skipped.min(1);
        row.column = fr((3 * row.element + row.place) as u64);
        let shown = row.root;
        let path = siblings(&row);
        row.climb(&path);
        if skipped == 1 {
            assert!(!refuses(&row), "it is a leaf of another dataset");
        }
        row.root = shown;
        assert!(refuses(&row), "{skipped}");
    }
}

/// What the prover finds on the way, one bit or switch for another: two elements at once, none, bits that are none, blocks hashed
/// that are not in one run.
#[test]
fn switches_of_rows() {
    let judge = Judge::<DatasetRow>::new();
    let honest = committed(|_| ()).assign();
    let z = honest.assignment();
    let bits = |row: &usize| {
        let (a, b, c) = (&judge.0.a[*row], &judge.0.b[*row], &judge.0.c[*row]);
        a.len() == 1 && b.len() == 2 && b[0] == (-fr(1), 0) && b[1].1 == a[0].1 && c.is_empty()
    };
    let bits: Vec<usize> = (0..judge.0.constraints()).filter(bits).collect();
    // Blocks, path, elements, places, three places of the element, three comparisons of 16 bits.
    assert_eq!(bits.len(), 3 + 22 + 20 + 3 + 195 + 3 * 64 + 2 * 16);
    for row in bits {
        let column = judge.0.a[row][0].1;
        for other in [fr(2), -fr(1), scramble(3), fr(1) - z[column]] {
            let mut changed = z.to_vec();
            changed[column] = other;
            assert!(judge.0.first_unsatisfied(&changed).is_some(), "{column}");
        }
    }
}

#[test]
fn each_public_input_of_a_row_is_tied_in() {
    let judge = Judge::<DatasetRow>::new();
    let honest = committed(|_| ()).assign();
    for (i, name) in DatasetRow::PUBLIC.iter().enumerate() {
        for other in [fr(1), -fr(1), scramble(1)] {
            let mut z = honest.assignment().to_vec();
            z[1 + i] += other;
            assert!(judge.0.first_unsatisfied(&z).is_some(), "{name}");
        }
    }
}
