//! Modular inversion of one integer.

use ark_ff::MontConfig;

/// Steps between updates of the full-size integers: what fits into half a word.
const STEPS: u32 = 31;
/// All steps that two integers of 254 bits can take, in rounds: 2 * 254 - 1, divided by 31.
const ROUNDS: u32 = 17;

/// `1 / a mod p` as integers below `p`; zero, if `a` is. Takes the same time for every `a`.
///
/// T. Pornin, "Optimized Binary GCD for Modular Inversion" (ePrint 2020/972), algorithm 2: a binary
/// GCD whose decisions are taken on 31 low and 33 high bits, 31 steps at a time. Its branches cannot
/// be predicted in the textbook form, and cost several times as much as the arithmetic.
pub(crate) fn inverse<C: MontConfig<4>>(a: &[u64; 4]) -> [u64; 4] {
    let p = C::MODULUS.0;
    // `x = u * a` and `y = v * a` modulo p, throughout.
    let (mut x, mut y) = (*a, p);
    let (mut u, mut v) = ([1, 0, 0, 0], [0; 4]);
    for _ in 0..ROUNDS {
        let [f, g] = steps(&x, &y);
        let (next_x, negative_x) = combine(&x, &y, f);
        let (next_y, negative_y) = combine(&x, &y, g);
        (x, y) = (next_x, next_y);
        let (f, g) = (
            f.map(|k| if negative_x { -k } else { k }),
            g.map(|k| if negative_y { -k } else { k }),
        );
        (u, v) = (
            combine_modulo::<C>(&u, &v, f),
            combine_modulo::<C>(&u, &v, g),
        );
    }
    v
}

/// The factors of 31 steps: `x` becomes `f0 x + f1 y`, `y` becomes `g0 x + g1 y`, over 2^31.
#[inline(always)]
fn steps(x: &[u64; 4], y: &[u64; 4]) -> [[i64; 2]; 2] {
    // The highest word that either uses, with what lies below it.
    let (mut high_x, mut high_y, mut next_x, mut next_y) = (x[1], y[1], x[0], y[0]);
    for j in 2..4 {
        let used = x[j] | y[j] != 0;
        (high_x, next_x) = if used {
            (x[j], x[j - 1])
        } else {
            (high_x, next_x)
        };
        (high_y, next_y) = if used {
            (y[j], y[j - 1])
        } else {
            (high_y, next_y)
        };
    }
    // Where both are zero nothing comes of it, but the shift must be one.
    let spare = (high_x | high_y).leading_zeros().min(63);
    let top = |high: u64, next: u64| (high << spare) | (next >> 1 >> (63 - spare));
    let small = high_x | high_y == 0;
    let approximate = |low: u64, high: u64, next: u64| {
        let mixed = (top(high, next) >> STEPS << STEPS) | (low & ((1 << STEPS) - 1));
        if small { low } else { mixed }
    };
    let (mut a, mut b) = (
        approximate(x[0], high_x, next_x),
        approximate(y[0], high_y, next_y),
    );
    let ([mut f0, mut f1], [mut g0, mut g1]) = ([1i64, 0], [0i64, 1]);
    for _ in 0..STEPS {
        let odd = (a & 1).wrapping_neg();
        let swap = odd & u64::from(a < b).wrapping_neg();
        let exchange = |x: &mut u64, y: &mut u64| {
            let difference = (*x ^ *y) & swap;
            *x ^= difference;
            *y ^= difference;
        };
        let exchange_signed = |x: &mut i64, y: &mut i64| {
            let difference = (*x ^ *y) & swap as i64;
            *x ^= difference;
            *y ^= difference;
        };
        exchange(&mut a, &mut b);
        exchange_signed(&mut f0, &mut g0);
        exchange_signed(&mut f1, &mut g1);
        a = a.wrapping_sub(b & odd) >> 1;
        f0 -= g0 & odd as i64;
        f1 -= g1 & odd as i64;
        g0 <<= 1;
        g1 <<= 1;
    }
    [[f0, f1], [g0, g1]]
}

/// The absolute value of `(f0 x + f1 y) / 2^31`, and whether it was negative.
#[inline(always)]
fn combine(x: &[u64; 4], y: &[u64; 4], f: [i64; 2]) -> ([u64; 4], bool) {
    let (words, top) = linear(x, y, f);
    let mut result = shifted(&words, top);
    let negative = top < 0;
    let mask = if negative { u64::MAX } else { 0 };
    let mut carry = u64::from(negative);
    for word in &mut result {
        let (sum, over) = (*word ^ mask).overflowing_add(carry);
        (*word, carry) = (sum, u64::from(over));
    }
    (result, negative)
}

/// `(f0 u + f1 v) / 2^31 mod p`, of `u` and `v` below `p`.
#[inline(always)]
fn combine_modulo<C: MontConfig<4>>(u: &[u64; 4], v: &[u64; 4], f: [i64; 2]) -> [u64; 4] {
    let p = C::MODULUS.0;
    let (mut words, mut top) = linear(u, v, f);
    // Adding this multiple of p makes the low 31 bits zero.
    let quotient = words[0].wrapping_mul(C::INV) & ((1 << STEPS) - 1);
    let mut carry = 0;
    for j in 0..4 {
        let sum = u128::from(words[j]) + u128::from(quotient) * u128::from(p[j]) + carry;
        (words[j], carry) = (sum as u64, sum >> 64);
    }
    top += carry as i64;
    let result = shifted(&words, top);
    // From -p to 2p: one multiple of p up or down.
    let raised = add(&result, &p);
    let lowered = subtract(&result, &p);
    match (top < 0, lowered.1) {
        (true, _) => raised,
        (false, true) => result,
        (false, false) => lowered.0,
    }
}

/// `f0 x + f1 y` in four words and a signed fifth.
#[inline(always)]
fn linear(x: &[u64; 4], y: &[u64; 4], f: [i64; 2]) -> ([u64; 4], i64) {
    let mut words = [0; 4];
    let mut carry = 0i128;
    for j in 0..4 {
        // Below 2^31 * 2^64 each, so that the sum stays in 128 bits.
        let sum = i128::from(x[j]) * i128::from(f[0]) + i128::from(y[j]) * i128::from(f[1]) + carry;
        (words[j], carry) = (sum as u64, sum >> 64);
    }
    (words, carry as i64)
}

/// The low four words of five, over 2^31.
#[inline(always)]
fn shifted(words: &[u64; 4], top: i64) -> [u64; 4] {
    let above = |j: usize| if j < 3 { words[j + 1] } else { top as u64 };
    core::array::from_fn(|j| words[j] >> STEPS | above(j) << (64 - STEPS))
}

fn add(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let mut carry = false;
    let mut sum = [0; 4];
    for j in 0..4 {
        (sum[j], carry) = a[j].carrying_add(b[j], carry);
    }
    sum
}

fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let mut borrow = false;
    let mut difference = [0; 4];
    for j in 0..4 {
        (difference[j], borrow) = a[j].borrowing_sub(b[j], borrow);
    }
    (difference, borrow)
}
