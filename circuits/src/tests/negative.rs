//! For every group of constraints, an assignment that breaks this group and, where that is possible, nothing else. All are made
//! without native checks and judged by the constraints.

use ark_ec::twisted_edwards::TECurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, BigInteger256, Field, Zero};
use std::sync::LazyLock;

use super::*;
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
