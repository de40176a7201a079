//! Every operation against arkworks, on IFMA and on checked plain arithmetic.

use super::*;
use crate::simd::{Kernel, LANES, Machine, Portable, Simd};
use crate::testing::{ifma, on_every_vector};
use ark_bn254::{Fq2, FqConfig, FrConfig};
use ark_ff::{
    AdditiveGroup, BigInteger, Field, Fp256, MontBackend, MontConfig, PrimeField, UniformRand,
};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use proptest::prelude::*;

type Element<C> = Fp256<MontBackend<C, 4>>;

/// Elements whose limbs are special, then random ones.
fn edges<C: MontConfig<4>>() -> Vec<Element<C>> {
    let mut edges: Vec<Element<C>> = [0u64, 1, 2, 3, (1 << 52) - 1, 1 << 52, u64::MAX]
        .map(Element::from)
        .to_vec();
    for bits in [51, 52, 53, 103, 104, 155, 156, 207, 208, 252, 253] {
        edges.push(Element::from(2u64).pow([bits]) - Element::from(1u64));
    }
    edges.extend(edges.clone().iter().map(|x| -*x));
    // Those whose Montgomery forms, here and in arkworks, are special.
    let shift = Element::<C>::from(2u64)
        .pow([260])
        .inverse()
        .expect("not zero");
    let ark_shift = Element::<C>::from(2u64)
        .pow([256])
        .inverse()
        .expect("not zero");
    edges.extend(
        edges
            .clone()
            .iter()
            .flat_map(|x| [*x * shift, *x * ark_shift]),
    );
    edges
}

struct Check<C: MontConfig<4>> {
    a: [Element<C>; LANES],
    b: [Element<C>; LANES],
    c: [Element<C>; LANES],
    lift: [u64; LANES],
}

impl<S: Simd, C: MontConfig<4>> Kernel<S> for Check<C> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self { a, b, c, lift } = self;
        let each = |f: fn(Element<C>, Element<C>, Element<C>) -> Element<C>| {
            core::array::from_fn::<_, LANES, _>(|i| f(a[i], b[i], c[i]))
        };
        let same = |what: &str, value: Prime8<S, C>, expected: [Element<C>; LANES]| {
            assert!(value.is_normal(), "{what} leaves its bound");
            assert_eq!(value.to_ark(), expected, "{what} of {a:?} {b:?} {c:?}");
        };
        let load = |x: &[Element<C>; LANES]| Prime8::<S, C>::from_ark(simd, x).canonical();
        // Normal values: up to three times the modulus higher. Wide ones: up to eight.
        let x = load(&a).lifted(lift.map(|k| k % 4));
        let y = load(&b).lifted(lift.map(|k| k / 4 % 4));
        let z = load(&c).lifted(lift.map(|k| (k / 8) % 4));
        let (wide_x, wide_y) = (
            load(&a).lifted(lift.map(|k| k % 9)),
            load(&b).lifted(lift.map(|k| (k + 3) % 9)),
        );

        same("from_ark", x, a);
        same("reduce", wide_x.reduce(), a);
        same("canonical", wide_x.canonical(), a);
        same("add", x.add(y), each(|a, b, _| a + b));
        same("add_wide", x.add_wide(y).reduce(), each(|a, b, _| a + b));
        same("sub", x.sub(y), each(|a, b, _| a - b));
        same("sub_wide", x.sub_wide(y).reduce(), each(|a, b, _| a - b));
        same("neg", x.neg(), each(|a, _, _| -a));
        same("double", x.double(), each(|a, _, _| a.double()));
        same("mul", wide_x.mul(wide_y), each(|a, b, _| a * b));
        same("square", wide_x.square(), each(|a, _, _| a.square()));
        same(
            "mul_minus",
            wide_x.mul_minus(wide_y, z),
            each(|a, b, c| a * b - c),
        );
        same(
            "square_minus",
            wide_x.square_minus(y, load(&c)),
            each(|a, b, c| a.square() - b - c),
        );
        same(
            "negate_canonical",
            load(&a).negate_canonical(0xff),
            each(|a, _, _| -a),
        );
        same("one", Prime8::one(simd), [Element::from(1u64); LANES]);
        let mut block = Block::ZERO;
        x.store(&mut block);
        same("load", Prime8::load(simd, &block), a);
        same(
            "select",
            Prime8::select(0x55, x, y),
            core::array::from_fn(|i| if i % 2 == 0 { a[i] } else { b[i] }),
        );

        assert_eq!(x.to_integers(), a.map(|a| a.into_bigint().0), "to_integers");
        // Integers that are not reduced: p and 2p higher, where four words hold that.
        let raised = core::array::from_fn(|i| {
            let mut integer = a[i].into_bigint();
            (0..lift[i] % 3).for_each(|_| assert!(!integer.add_with_carry(&C::MODULUS)));
            integer.0
        });
        same("from_integers", Prime8::from_integers(simd, &raised), a);
        for (i, (zero, perhaps)) in bits(wide_x.is_zero())
            .zip(bits(wide_x.may_be_zero()))
            .enumerate()
        {
            assert_eq!(zero, a[i] == Element::ZERO, "is_zero");
            assert!(perhaps || !zero, "may_be_zero says no of a zero");
        }
        let inverse = a[0].inverse().unwrap_or(Element::ZERO);
        same("inverse_of_first", x.inverse_of_first(), [inverse; LANES]);
        let difference = x.sub_wide(x);
        assert_eq!(difference.may_be_zero() & difference.is_zero(), 0xff);
    }
}

fn bits(mask: u8) -> impl Iterator<Item = bool> {
    (0..LANES).map(move |i| mask >> i & 1 == 1)
}

fn check_edges<C: MontConfig<4>>() {
    let edges = edges::<C>();
    let at = |i: usize| edges[i % edges.len()];
    for shift in 0..edges.len() {
        for base in (0..edges.len()).step_by(LANES) {
            on_every_vector!(Check::<C> {
                a: core::array::from_fn(|i| at(base + i)),
                b: core::array::from_fn(|i| at(base + i + shift)),
                c: core::array::from_fn(|i| at(base + i + 2 * shift + 1)),
                lift: core::array::from_fn(|i| (base + i + 5 * shift) as u64 % 72),
            });
        }
    }
}

#[test]
fn base_field_edges() {
    check_edges::<FqConfig>();
}

#[test]
fn scalar_field_edges() {
    check_edges::<FrConfig>();
}

struct CheckQuadratic {
    a: [Fq2; LANES],
    b: [Fq2; LANES],
    c: [Fq2; LANES],
    lift: [u64; LANES],
}

impl<S: Simd> Kernel<S> for CheckQuadratic {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self { a, b, c, lift } = self;
        let each = |f: fn(Fq2, Fq2, Fq2) -> Fq2| {
            core::array::from_fn::<_, LANES, _>(|i| f(a[i], b[i], c[i]))
        };
        let same = |what: &str, value: Quadratic8<S>, expected: [Fq2; LANES]| {
            assert!(
                value.c0.is_normal() && value.c1.is_normal(),
                "{what} leaves its bound"
            );
            assert_eq!(value.to_ark(), expected, "{what} of {a:?} {b:?} {c:?}");
        };
        let load = |x: &[Fq2; LANES], by: u64, modulus: u64| {
            let x = Quadratic8::from_ark(simd, x);
            Quadratic8::new(
                x.c0.canonical().lifted(lift.map(|k| k / by % modulus)),
                x.c1.canonical()
                    .lifted(lift.map(|k| (k + 1) / by % modulus)),
            )
        };
        let (x, y, z, wide) = (
            load(&a, 1, 4),
            load(&b, 2, 4),
            load(&c, 3, 4),
            load(&a, 1, 9),
        );
        same("add", x.add(y), each(|a, b, _| a + b));
        same("sub", x.sub(y), each(|a, b, _| a - b));
        same("neg", x.neg(), each(|a, _, _| -a));
        same("double", x.double(), each(|a, _, _| a.double()));
        same("mul", wide.mul(y), each(|a, b, _| a * b));
        same("square", x.square(), each(|a, _, _| a.square()));
        same("mul_minus", wide.mul_minus(y, z), each(|a, b, c| a * b - c));
        same(
            "square_minus",
            x.square_minus(y, load(&c, 1, 1)),
            each(|a, b, c| a.square() - b - c),
        );
        same(
            "sub_wide",
            x.sub_wide(y).mul(Quadratic8::one(simd)),
            each(|a, b, _| a - b),
        );
        same(
            "select",
            Quadratic8::select(0xf0, x, y),
            core::array::from_fn(|i| if i > 3 { a[i] } else { b[i] }),
        );
        for (i, zero) in bits(wide.is_zero()).enumerate() {
            assert_eq!(zero, a[i] == Fq2::ZERO, "is_zero");
        }
        same("zero", Quadratic8::zero(simd), [Fq2::ZERO; LANES]);
    }
}

#[test]
fn quadratic_edges() {
    let edges = edges::<FqConfig>();
    let at = |i: usize| {
        Fq2::new(
            edges[i % edges.len()],
            edges[(i * 7 + i / edges.len()) % edges.len()],
        )
    };
    for i in 0..2 * edges.len() {
        on_every_vector!(CheckQuadratic {
            a: core::array::from_fn(|lane| at(i + lane)),
            b: core::array::from_fn(|lane| at(3 * i + 5 * lane)),
            c: core::array::from_fn(|lane| at(11 * i + lane + 1)),
            lift: core::array::from_fn(|lane| (i + lane) as u64 % 36),
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn random(seed: u64, lift: [u8; LANES]) {
        let mut rng = StdRng::seed_from_u64(seed);
        let lift = lift.map(|k| u64::from(k) % 72);
        fn eight<T: UniformRand>(rng: &mut StdRng) -> [T; LANES] {
            core::array::from_fn(|_| T::rand(rng))
        }
        let (a, b, c) = (eight(&mut rng), eight(&mut rng), eight(&mut rng));
        on_every_vector!(Check::<FqConfig> { a, b, c, lift });
        let (a, b, c) = (eight(&mut rng), eight(&mut rng), eight(&mut rng));
        on_every_vector!(Check::<FrConfig> { a, b, c, lift });
        let (a, b, c) = (eight(&mut rng), eight(&mut rng), eight(&mut rng));
        on_every_vector!(CheckQuadratic { a, b, c, lift: lift.map(|k| k % 36) });
    }
}
