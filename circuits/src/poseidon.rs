//! Poseidon over BN254's scalar field with circomlib's parameters.
//!
//! The permutation is that of <https://eprint.iacr.org/2019/458>: x^5, 8 full rounds, 56 to 63 partial ones. As in circomlib the
//! state of `t = inputs + 1` elements starts as `[0, inputs..]` and the hash is element 0 of the result.

use std::ops::Range;
use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::{BigInteger256, Field, PrimeField, Zero};

use crate::builder::{Builder, Num, Terms};

/// The most inputs that [`poseidon`] takes.
pub const MAX_INPUTS: usize = 6;

const FULL_ROUNDS: usize = 8;
/// Partial rounds for t = 2, 3, .. (circomlib's `poseidon.circom`).
const PARTIAL_ROUNDS: [usize; MAX_INPUTS] = [56, 57, 56, 60, 60, 63];

struct Parameters {
    /// Constants added before the S-boxes: `rounds * t`, round by round.
    constants: Vec<Fr>,
    /// `t` rows of `t`.
    mds: Vec<Vec<Fr>>,
    /// Rounds in which only element 0 passes the S-box.
    partial: Range<usize>,
}

static PARAMETERS: [LazyLock<Parameters>; MAX_INPUTS] = [
    LazyLock::new(|| Parameters::generate(2)),
    LazyLock::new(|| Parameters::generate(3)),
    LazyLock::new(|| Parameters::generate(4)),
    LazyLock::new(|| Parameters::generate(5)),
    LazyLock::new(|| Parameters::generate(6)),
    LazyLock::new(|| Parameters::generate(7)),
];

impl Parameters {
    /// Round constants and MDS matrix from the Grain LFSR, section F and supplementary script of eprint 2019/458.
    fn generate(t: usize) -> Self {
        let partial_rounds = PARTIAL_ROUNDS[t - 2];
        let mut grain = Grain::new(t, partial_rounds);
        let constants = (0..(FULL_ROUNDS + partial_rounds) * t)
            .map(|_| {
                std::iter::repeat_with(|| grain.integer())
                    .find_map(Fr::from_bigint)
                    .unwrap_or_default()
            })
            .collect();
        // A Cauchy matrix, 1 / (x_i + y_j); its elements are reduced modulo r instead of drawn again.
        let xy: Vec<Fr> = (0..2 * t)
            .map(|_| Fr::from_le_bytes_mod_order(&bytes(grain.integer())))
            .collect();
        let mds = (0..t)
            .map(|i| {
                (0..t)
                    .map(|j| (xy[i] + xy[t + j]).inverse().unwrap_or_default())
                    .collect()
            })
            .collect();
        Self {
            constants,
            mds,
            partial: FULL_ROUNDS / 2..FULL_ROUNDS / 2 + partial_rounds,
        }
    }

    fn of(inputs: usize) -> &'static Self {
        assert!(
            (1..=MAX_INPUTS).contains(&inputs),
            "expected 1 to {MAX_INPUTS} inputs, got {inputs}"
        );
        &PARAMETERS[inputs - 1]
    }

    /// Each round's constants, and how many elements pass the S-box in it.
    fn rounds(&self) -> impl Iterator<Item = (&[Fr], usize)> {
        let t = self.mds.len();
        self.constants
            .chunks(t)
            .enumerate()
            .map(move |(i, c)| (c, if self.partial.contains(&i) { 1 } else { t }))
    }
}

fn bytes(n: BigInteger256) -> Vec<u8> {
    use ark_ff::BigInteger;
    n.to_bytes_le()
}

/// The self-shrinking 80-bit Grain LFSR; bit 0 is the oldest.
struct Grain(u128);

impl Grain {
    fn new(t: usize, partial_rounds: usize) -> Self {
        // Field type, S-box type, field size in bits, t, full and partial rounds, thirty ones; each most significant bit first.
        let seed = [
            (1, 2),
            (0, 4),
            (Fr::MODULUS_BIT_SIZE.into(), 12),
            (t as u128, 12),
            (FULL_ROUNDS as u128, 10),
            (partial_rounds as u128, 10),
            ((1 << 30) - 1, 30),
        ];
        let bits = seed
            .iter()
            .flat_map(|(value, width)| (0..*width).rev().map(move |i| value >> i & 1));
        let mut grain = Self(bits.enumerate().fold(0, |state, (i, bit)| state | bit << i));
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let bit = [62, 51, 38, 23, 13, 0]
            .iter()
            .fold(0, |bit, tap| bit ^ self.0 >> tap & 1);
        self.0 = self.0 >> 1 | bit << 79;
        bit == 1
    }

    /// The second of each pair of bits whose first is 1.
    fn bit(&mut self) -> bool {
        while !self.step() {
            self.step();
        }
        self.step()
    }

    /// As many bits as the modulus has, most significant first.
    fn integer(&mut self) -> BigInteger256 {
        let mut limbs = [0u64; 4];
        for i in (0..Fr::MODULUS_BIT_SIZE as usize).rev() {
            limbs[i / 64] |= u64::from(self.bit()) << (i % 64);
        }
        BigInteger256::new(limbs)
    }
}

/// Poseidon hash of 1 to [`MAX_INPUTS`] field elements, equal to circomlib's `Poseidon(n)`.
///
/// # Panics
/// With no or more inputs.
pub fn poseidon(inputs: &[Fr]) -> Fr {
    match inputs.len() {
        1 => hash::<2>(inputs),
        2 => hash::<3>(inputs),
        3 => hash::<4>(inputs),
        4 => hash::<5>(inputs),
        5 => hash::<6>(inputs),
        _ => hash::<7>(inputs),
    }
}

/// [`poseidon`] of `T - 1` inputs.
fn hash<const T: usize>(inputs: &[Fr]) -> Fr {
    let parameters = Parameters::of(inputs.len());
    let mds: [[Fr; T]; T] = std::array::from_fn(|i| std::array::from_fn(|j| parameters.mds[i][j]));
    let mut state = [Fr::zero(); T];
    state[1..].copy_from_slice(inputs);
    for (constants, boxes) in parameters.rounds() {
        state.iter_mut().zip(constants).for_each(|(x, c)| *x += c);
        state[..boxes]
            .iter_mut()
            .for_each(|x| *x *= x.square().square());
        state = std::array::from_fn(|i| Fr::sum_of_products(&mds[i], &state));
    }
    state[0]
}

/// [`poseidon`] of `inputs` and then `constants`, in constraints: 3 for every S-box whose input is not constant.
pub(crate) fn poseidon_gadget<T: Terms>(
    b: &mut Builder<T>,
    inputs: &[&Num<T>],
    constants: &[Fr],
) -> Num<T> {
    match inputs.len() + constants.len() {
        1 => permuted::<T, 2>(b, inputs, constants),
        2 => permuted::<T, 3>(b, inputs, constants),
        3 => permuted::<T, 4>(b, inputs, constants),
        4 => permuted::<T, 5>(b, inputs, constants),
        5 => permuted::<T, 6>(b, inputs, constants),
        _ => permuted::<T, 7>(b, inputs, constants),
    }
}

/// [`poseidon_gadget`] of `N - 1` inputs and constants.
fn permuted<T: Terms, const N: usize>(
    b: &mut Builder<T>,
    inputs: &[&Num<T>],
    constants: &[Fr],
) -> Num<T> {
    let parameters = Parameters::of(inputs.len() + constants.len());
    let mds: [[Fr; N]; N] = std::array::from_fn(|i| std::array::from_fn(|j| parameters.mds[i][j]));
    let known = std::iter::once(Num::zero()).chain(inputs.iter().copied().cloned());
    let mut state = known.chain(constants.iter().map(|c| Num::constant(*c)));
    let mut state: [Num<T>; N] = std::array::from_fn(|_| state.next().unwrap_or_else(Num::zero));
    for (round, (added, boxes)) in parameters.rounds().enumerate() {
        for (i, (x, c)) in state.iter_mut().zip(added).enumerate() {
            *x = &*x + *c;
            if round == 0 && (i == 0 || i > inputs.len()) {
                *x = Num::constant(x.value.pow([5]));
            } else if i < boxes {
                *x = fifth_power(b, x);
            }
        }
        state = std::array::from_fn(|i| Num::dot(&mds[i], &state));
    }
    state.into_iter().next().unwrap_or_else(Num::zero)
}

fn fifth_power<T: Terms>(b: &mut Builder<T>, x: &Num<T>) -> Num<T> {
    let square = b.mul(x, x);
    let fourth = b.mul(&square, &square);
    b.mul(&fourth, x)
}
