//! The final exponentiation.

use super::fq12::Fq12;
use alloc::vec::Vec;
use ark_bn254::Config;
use ark_ec::bn::BnConfig;
use ark_ff::{BigInt, BigInteger};

/// Digits of x: 0, 1, -1, 3, .. -7, so that at most one in four is not 0.
const WINDOW: usize = 4;

/// `f^(2 x (6 x^2 + 3 x + 1) (p^12 - 1) / r)`, as arkworks has it (Fuentes-Castaneda, Knapp,
/// Rodriguez-Henriquez, SAC 2011, section 5); None for zero. The factor before (p^12 - 1) is prime to r, so
/// this is 1 where the pairing is.
pub(crate) fn final_exponentiation(f: &Fq12) -> Option<Fq12> {
    // The easy part, (p^6 - 1)(p^2 + 1). What comes out of it has its conjugate for inverse.
    let f = f.conjugate().times(&f.inverse()?);
    let f = f.frobenius().frobenius().times(&f);
    // The hard part, with exponents.
    let x = to_x(&f).conjugate(); // -x
    let x2 = x.cyclotomic_square(); // -2x
    let x6 = x2.cyclotomic_square().times(&x2); // -6x
    let xx6 = to_x(&x6).conjugate(); // 6x^2
    let xxx12 = to_x(&xx6.cyclotomic_square()); // 12x^3
    let a = xxx12.times(&xx6).times(&x6.conjugate()); // 12x^3 + 6x^2 + 6x
    let b = a.times(&x2); // 12x^3 + 6x^2 + 4x
    let one = a.times(&xx6).times(&f); // 12x^3 + 12x^2 + 6x + 1
    let p1 = b.frobenius();
    let p2 = a.frobenius().frobenius();
    let p3 = f.conjugate().times(&b).frobenius().frobenius().frobenius();
    Some(one.times(&p1).times(&p2).times(&p3))
}

/// The x-th power of an element after the easy part.
fn to_x(f: &Fq12) -> Fq12 {
    let square = f.cyclotomic_square();
    let odd = core::iter::successors(Some(*f), |last| Some(last.times(&square)));
    let odd: Vec<_> = odd.take(1 << (WINDOW - 2)).collect();
    let digits = BigInt::<1>::new([Config::X[0]])
        .find_wnaf(WINDOW)
        .expect("2 <= WINDOW < 64");
    let mut power: Option<Fq12> = None;
    for digit in digits.iter().rev() {
        power = power.map(|power| power.cyclotomic_square());
        if *digit != 0 {
            // The power d is entry (d - 1) / 2.
            let factor = odd[(digit.unsigned_abs() / 2) as usize];
            let factor = if *digit < 0 {
                factor.conjugate()
            } else {
                factor
            };
            power = Some(power.map_or(factor, |power| power.times(&factor)));
        }
    }
    power.unwrap_or_else(Fq12::one)
}
