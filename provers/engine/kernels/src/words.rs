//! The fields of BN254 one element at a time, in four words of 64 bits.
//!
//! Elements are in arkworks's Montgomery form, `R = 2^256`, but only below `2p`: a product of two such
//! is again below `4p^2 / 2^256 + p < 1.76p`, without a subtraction at its end. No operation branches
//! on values: half of such branches would be mispredicted, at the cost of a multiplication each. What
//! depends on a carry or a sign is looked up in an array, since compilers make branches of masks.

#[cfg(target_arch = "x86_64")]
mod adx;

use crate::simd::{Kernel, Machine};
use ark_bn254::FqConfig;
use ark_ff::MontConfig;
use core::marker::PhantomData;

#[cfg(target_arch = "x86_64")]
pub(crate) use adx::Adx;

/// Constants of the field that `C` describes.
struct Modulus<C>(PhantomData<C>);

impl<C: MontConfig<4>> Modulus<C> {
    const P: &'static [u64; 4] = &C::MODULUS.0;
    const TWICE_P: [u64; 4] = {
        let p = C::MODULUS.0;
        // The bounds of this module, below 5p, are those of four words.
        assert!(p[3] >> 62 == 0 && (p[3] as u128 * 5) >> 64 == 0);
        [
            p[0] << 1,
            p[1] << 1 | p[0] >> 63,
            p[2] << 1 | p[1] >> 63,
            p[3] << 1 | p[2] >> 63,
        ]
    };
    /// Nothing, or what takes a difference that fell below zero back above it.
    const RAISE: &'static [[u64; 4]; 2] = &[[0; 4], Self::TWICE_P];
    /// The same with `p`.
    const RAISE_ONCE: &'static [[u64; 4]; 2] = &[[0; 4], C::MODULUS.0];
    /// What the negative of a number has more than its complement, modulo `p`: `-a` is `!a + 1`.
    const RAISE_COMPLEMENT: &'static [[u64; 4]; 2] = {
        let p = C::MODULUS.0;
        &[[0; 4], [p[0] + 1, p[1], p[2], p[3]]]
    };
}

/// All bits as told.
static MASKS: [u64; 2] = [0, u64::MAX];

/// A way to compute modulo `2p`, of words below `2p`.
pub trait Words: Machine {
    /// `a * b / 2^256`.
    fn multiply<C: MontConfig<4>>(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4];

    /// `a + b`.
    #[inline(always)]
    fn add<C: MontConfig<4>>(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        // From -2p to 2p.
        let (lowered, _) = subtract(b, &Modulus::<C>::TWICE_P);
        let (sum, carry) = add(a, &lowered);
        add(&sum, &Modulus::<C>::RAISE[usize::from(!carry)]).0
    }

    /// `a - b`.
    #[inline(always)]
    fn subtract<C: MontConfig<4>>(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let (difference, borrow) = subtract(a, b);
        add(&difference, &Modulus::<C>::RAISE[usize::from(borrow)]).0
    }

    /// `a * b`, of any words.
    fn multiply_wide(self, a: &[u64; 4], b: &[u64; 4]) -> Wide;

    /// `a / 2^256` modulo `p`, not above `a / 2^256 + p`, which must be below `2^256`.
    fn reduce<C: MontConfig<4>>(self, a: &Wide) -> [u64; 4];

    /// `a - b`; where that is below zero, `2^256 p` more.
    #[inline(always)]
    fn subtract_wide<C: MontConfig<4>>(self, a: &Wide, b: &Wide) -> Wide {
        let mut difference = [0; 8];
        let mut borrow = false;
        for j in 0..8 {
            (difference[j], borrow) = a[j].borrowing_sub(b[j], borrow);
        }
        let mut carry = false;
        for j in 0..4 {
            let raise = Modulus::<C>::RAISE_ONCE[usize::from(borrow)][j];
            (difference[4 + j], carry) = difference[4 + j].carrying_add(raise, carry);
        }
        difference
    }
}

/// A product, lowest word first.
type Wide = [u64; 8];

/// The instructions that every machine has.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Machine for Plain {
    fn run<K: Kernel<Self>>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

impl Words for Plain {
    /// Word by word, with the quotient of each: Koç, Acar and Kaliski's CIOS, less the carries that
    /// the spare bits of `p` make impossible (gnark-crypto's "no-carry" form).
    #[inline(always)]
    fn multiply<C: MontConfig<4>>(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let p = Modulus::<C>::P;
        let mut t = [0u64; 4];
        for word in b {
            let (low, mut carry) = multiply_add(a[0], *word, t[0], 0);
            let quotient = low.wrapping_mul(C::INV);
            let (_, mut reduced) = multiply_add(quotient, p[0], low, 0);
            for j in 1..4 {
                let sum;
                (sum, carry) = multiply_add(a[j], *word, t[j], carry);
                (t[j - 1], reduced) = multiply_add(quotient, p[j], sum, reduced);
            }
            t[3] = carry + reduced;
        }
        t
    }

    #[inline(always)]
    fn multiply_wide(self, a: &[u64; 4], b: &[u64; 4]) -> Wide {
        let mut t = [0; 8];
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..4 {
                (t[i + j], carry) = multiply_add(a[j], b[i], t[i + j], carry);
            }
            t[i + 4] = carry;
        }
        t
    }

    #[inline(always)]
    fn reduce<C: MontConfig<4>>(self, a: &Wide) -> [u64; 4] {
        let p = Modulus::<C>::P;
        let [mut t, high] = [[a[0], a[1], a[2], a[3]], [a[4], a[5], a[6], a[7]]];
        for _ in 0..4 {
            let quotient = t[0].wrapping_mul(C::INV);
            let (_, mut carry) = multiply_add(quotient, p[0], t[0], 0);
            for j in 1..4 {
                (t[j - 1], carry) = multiply_add(quotient, p[j], t[j], carry);
            }
            t[3] = carry;
        }
        add(&t, &high).0
    }
}

/// `a * b + c + d` in two words.
#[inline(always)]
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (sum as u64, (sum >> 64) as u64)
}

/// An element, below `2p`.
pub struct Word<M, C = FqConfig> {
    words: [u64; 4],
    machine: M,
    field: PhantomData<C>,
}

impl<M: Copy, C> Clone for Word<M, C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Copy, C> Copy for Word<M, C> {}

impl<M: Words, C: MontConfig<4>> Word<M, C> {
    #[inline(always)]
    pub(crate) fn new(machine: M, words: [u64; 4]) -> Self {
        Self {
            words,
            machine,
            field: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn one(machine: M) -> Self {
        Self::new(machine, C::R.0)
    }

    #[inline(always)]
    pub(crate) fn machine(self) -> M {
        self.machine
    }

    /// The words as they are: below `2p`.
    #[inline(always)]
    pub(crate) fn words(self) -> [u64; 4] {
        self.words
    }

    /// The words of the representative below `p`.
    #[inline(always)]
    pub(crate) fn canonical(self) -> [u64; 4] {
        less(self.words, *Modulus::<C>::P)
    }

    #[inline(always)]
    pub(crate) fn add(self, rhs: Self) -> Self {
        Self::new(self.machine, self.machine.add::<C>(&self.words, &rhs.words))
    }

    #[inline(always)]
    pub(crate) fn sub(self, rhs: Self) -> Self {
        Self::new(
            self.machine,
            self.machine.subtract::<C>(&self.words, &rhs.words),
        )
    }

    /// `p - a` where asked for, of an `a` of at most `p`; stays at most `p`.
    #[inline(always)]
    pub(crate) fn negate_canonical(self, negate: bool) -> Self {
        let mask = MASKS[usize::from(negate)];
        let flipped = self.words.map(|word| word ^ mask);
        Self::new(
            self.machine,
            add(
                &flipped,
                &Modulus::<C>::RAISE_COMPLEMENT[usize::from(negate)],
            )
            .0,
        )
    }

    #[inline(always)]
    pub(crate) fn mul(self, rhs: Self) -> Self {
        Self::new(
            self.machine,
            self.machine.multiply::<C>(&self.words, &rhs.words),
        )
    }

    /// `(a + bu) (c + du)` with `u^2 = -1`: three products (A. Karatsuba and Y. Ofman, 1963), but only two reductions.
    #[inline(always)]
    pub(crate) fn mul_quadratic([a, b]: [&Self; 2], [c, d]: [&Self; 2]) -> [Self; 2] {
        let machine = a.machine;
        let low = machine.multiply_wide(&a.words, &c.words);
        let high = machine.multiply_wide(&b.words, &d.words);
        // Sums below 4p, which four words hold.
        let mixed = machine.multiply_wide(&add(&a.words, &b.words).0, &add(&c.words, &d.words).0);
        // Between -4p^2 and 4p^2, then between 0 and 2^256 p: reduced, below 2p.
        let real = machine.reduce::<C>(&machine.subtract_wide::<C>(&low, &high));
        // Below 8p^2: reduced, below 2.6p.
        let mixed = machine.subtract_wide::<C>(&machine.subtract_wide::<C>(&mixed, &low), &high);
        let imaginary = machine.reduce::<C>(&mixed);
        let imaginary = machine.subtract::<C>(&imaginary, &Modulus::<C>::TWICE_P);
        [real, imaginary].map(|words| Self::new(machine, words))
    }

    /// Certain where it says no; where it says yes, wrong once in `2^63` elements.
    #[inline(always)]
    pub(crate) fn may_be_zero(self) -> bool {
        self.words[0] == 0 || self.words[0] == Modulus::<C>::P[0]
    }

    /// Zero, if the element is zero.
    pub(crate) fn invert(self) -> Self {
        // The inverse of `aR` is `1/a` over `R`: it lacks `R^3 / R`.
        let r2 = Self::new(self.machine, C::R2.0);
        let inverse = crate::field::inverse::<C>(&self.canonical());
        Self::new(self.machine, inverse).mul(r2).mul(r2)
    }
}

/// `a - b`, or `a` if that is less than `b`.
#[inline(always)]
fn less(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let (difference, borrow) = subtract(&a, &b);
    let mask = MASKS[usize::from(borrow)];
    core::array::from_fn(|j| (a[j] & mask) | (difference[j] & !mask))
}

#[inline(always)]
fn add(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let mut sum = [0; 4];
    let mut carry = false;
    for j in 0..4 {
        (sum[j], carry) = a[j].carrying_add(b[j], carry);
    }
    (sum, carry)
}

#[inline(always)]
fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let mut difference = [0; 4];
    let mut borrow = false;
    for j in 0..4 {
        (difference[j], borrow) = a[j].borrowing_sub(b[j], borrow);
    }
    (difference, borrow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::FrConfig;
    use ark_ff::{AdditiveGroup, BigInt, Field, Fp256, MontBackend, UniformRand};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    type Element<C> = Fp256<MontBackend<C, 4>>;

    fn check<M: Words, C: MontConfig<4>>(machine: M) {
        let p = Modulus::<C>::P;
        let mut rng = StdRng::seed_from_u64(11);
        let mut elements = [0u64, 1, 2].map(Element::<C>::from).to_vec();
        elements.extend([-elements[1], -elements[2]]);
        // Montgomery forms 1, 2^64 - 1 and p - 1.
        for words in [
            [1, 0, 0, 0],
            [u64::MAX, 0, 0, 0],
            [p[0] - 1, p[1], p[2], p[3]],
        ] {
            elements.push(Element::new_unchecked(BigInt(words)));
        }
        elements.extend((0..60).map(|_| Element::rand(&mut rng)));
        let both = |x: Element<C>| {
            [x.0.0, add(&x.0.0, p).0].map(|words| Word::<M, C>::new(machine, words))
        };
        let same = |what: &str, got: Word<M, C>, expected: Element<C>| {
            assert!(
                subtract(&got.words, &Modulus::<C>::TWICE_P).1,
                "{what} leaves its bound"
            );
            assert_eq!(got.canonical(), expected.0.0, "{what}");
        };
        let last = elements[elements.len() - 1];
        for a in &elements {
            for x in both(*a) {
                for b in &elements {
                    for y in both(*b) {
                        same("add", x.add(y), a + b);
                        same("sub", x.sub(y), a - b);
                        same("mul", x.mul(y), a * b);
                        for [(c, z), (d, w)] in [
                            [(a, x), (b, y)],
                            [(b, y), (a, x)],
                            [(&last, both(last)[0]), (a, x)],
                            [(b, y), (&last, both(last)[1])],
                        ] {
                            let [real, imaginary] = Word::mul_quadratic([&x, &y], [&z, &w]);
                            same("real part", real, *a * *c - *b * *d);
                            same("imaginary part", imaginary, *a * *d + *b * *c);
                        }
                    }
                }
                same("invert", x.invert(), a.inverse().unwrap_or(Element::ZERO));
                assert!(
                    x.may_be_zero() || *a != Element::ZERO,
                    "may_be_zero says no of a zero"
                );
            }
            let x = Word::<M, C>::new(machine, a.0.0);
            same("negate_canonical", x.negate_canonical(true), -*a);
            same("negate_canonical", x.negate_canonical(false), *a);
        }
    }

    #[test]
    fn plain() {
        check::<_, FqConfig>(Plain);
        check::<_, FrConfig>(Plain);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn adx() {
        match Adx::detect() {
            Some(adx) => {
                check::<_, FqConfig>(adx);
                check::<_, FrConfig>(adx);
            }
            None => eprintln!("NOT TESTED: this machine has no ADX and BMI2"),
        }
    }
}
