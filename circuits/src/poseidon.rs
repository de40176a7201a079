//! Poseidon over BN254's scalar field with circomlib's parameters.
//!
//! The permutation is that of <https://eprint.iacr.org/2019/458>: x^5, 8 full rounds, 56 to 63 partial ones. As in circomlib the
//! state of `inputs + 1` elements starts as `[0, inputs..]` and the hash is element 0 of the result.

mod parameters;

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::Field;

use crate::builder::{Builder, Num, Terms};
use parameters::{HALF, Parameters};

/// The most inputs that [`poseidon`] takes.
pub const MAX_INPUTS: usize = 6;

static OF_1: LazyLock<Parameters<2>> = LazyLock::new(Parameters::generate);
static OF_2: LazyLock<Parameters<3>> = LazyLock::new(Parameters::generate);
static OF_3: LazyLock<Parameters<4>> = LazyLock::new(Parameters::generate);
static OF_4: LazyLock<Parameters<5>> = LazyLock::new(Parameters::generate);
static OF_5: LazyLock<Parameters<6>> = LazyLock::new(Parameters::generate);
static OF_6: LazyLock<Parameters<7>> = LazyLock::new(Parameters::generate);

/// Poseidon hash of 1 to [`MAX_INPUTS`] field elements, equal to circomlib's `Poseidon(n)`.
///
/// # Panics
/// With no or more inputs.
pub fn poseidon(inputs: &[Fr]) -> Fr {
    let inputs = inputs.iter().map(|x| Num::<()>::constant(*x));
    hash(inputs, |_, _, x| {
        Num::constant(x.value.square().square() * x.value)
    })
    .value
}

/// [`poseidon`] of `inputs` and then `constants`, in constraints: 3 for every S-box whose input is not constant.
pub(crate) fn poseidon_gadget<T: Terms>(
    b: &mut Builder<T>,
    inputs: &[&Num<T>],
    constants: &[Fr],
) -> Num<T> {
    let mut all: Vec<Num<T>> = inputs.iter().copied().cloned().collect();
    all.extend(constants.iter().map(|c| Num::constant(*c)));
    hash(all.into_iter(), |round, element, x| {
        if round == 0 && !(1..=inputs.len()).contains(&element) {
            return Num::constant(x.value.pow([5]));
        }
        let square = b.mul(x, x);
        let fourth = b.mul(&square, &square);
        b.mul(&fourth, x)
    })
}

/// The hash of `inputs`, given how a full round's (counted from 0) or a partial round's S-box is applied to an element.
fn hash<T: Terms>(
    inputs: impl ExactSizeIterator<Item = Num<T>>,
    sbox: impl FnMut(usize, usize, &Num<T>) -> Num<T>,
) -> Num<T> {
    match inputs.len() {
        1 => permuted(&OF_1, inputs, sbox),
        2 => permuted(&OF_2, inputs, sbox),
        3 => permuted(&OF_3, inputs, sbox),
        4 => permuted(&OF_4, inputs, sbox),
        5 => permuted(&OF_5, inputs, sbox),
        6 => permuted(&OF_6, inputs, sbox),
        n => panic!("expected 1 to {MAX_INPUTS} inputs, got {n}"),
    }
}

/// [`hash`] of `N - 1` inputs.
fn permuted<T: Terms, const N: usize>(
    parameters: &Parameters<N>,
    mut inputs: impl Iterator<Item = Num<T>>,
    mut sbox: impl FnMut(usize, usize, &Num<T>) -> Num<T>,
) -> Num<T> {
    let mut state: [Num<T>; N] = std::array::from_fn(|i| match i {
        0 => Num::zero(),
        _ => inputs.next().unwrap_or_else(Num::zero),
    });
    for (round, constants) in parameters.full.iter().enumerate() {
        if round == HALF {
            for partial in &parameters.partial {
                state[0] = sbox(round, 0, &(&state[0] + partial.constant));
                let first = Num::dot(&partial.row, &state);
                let (head, tail) = state.split_at_mut(1);
                for (x, k) in tail.iter_mut().zip(&partial.column[1..]) {
                    *x = &*x + &(&head[0] * *k);
                }
                state[0] = first;
            }
        }
        state = std::array::from_fn(|i| sbox(round, i, &(&state[i] + constants[i])));
        let matrix = if round + 1 == HALF {
            &parameters.before
        } else {
            &parameters.mds
        };
        state = std::array::from_fn(|i| Num::dot(&matrix[i], &state));
    }
    state[0].clone()
}
