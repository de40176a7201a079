//! Both sets of words against arkworks, at their bounds and in between.

use super::Fq;
use alloc::vec::Vec;
use ark_bn254::Fq as Judge;
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
use proptest::prelude::*;

/// An integer below 2^256, as often near a bound as not.
fn integers() -> impl Strategy<Value = [u64; 4]> {
    let modulus = Judge::MODULUS.0;
    let near = (0_u64..3)
        .prop_map(move |below| [modulus[0] - 1 - below, modulus[1], modulus[2], modulus[3]]);
    let small = (0_u64..3).prop_map(|word| [word, 0, 0, 0]);
    let word = prop_oneof![Just(0), Just(u64::MAX), any::<u64>()];
    let any = prop::array::uniform4(word).prop_map(|mut words| {
        words[3] %= Judge::MODULUS.0[3];
        words
    });
    prop_oneof![near, small, any]
}

macro_rules! words_are_those_of_arkworks {
    ($words:ident, $bits:literal) => {
        mod $words {
            use super::super::$words::*;
            use super::*;

            fn judge(words: &Words) -> Judge {
                // None for p.
                let below_p = Judge::from_bigint(BigInt::new(to_integer(*words)));
                below_p.unwrap_or(Judge::ZERO)
            }

            /// Below p, the value of this.
            fn is(words: Words, expected: Judge) {
                assert_eq!(BigInt::new(to_integer(words)), expected.into_bigint());
            }

            fn check(a: [Words; 6], b: [Words; 6]) {
                let r = Judge::from(2).pow([$bits]).inverse().unwrap();
                let sum = |n: usize| -> Judge { (0..n).map(|i| judge(&a[i]) * judge(&b[i])).sum() };
                is(dot([&a[0]], [&b[0]]), sum(1) * r);
                is(dot([&a[0], &a[1]], [&b[0], &b[1]]), sum(2) * r);
                is(dot([&a[0], &a[1], &a[2]], [&b[0], &b[1], &b[2]]), sum(3) * r);
                is(nine_times_plus(&a[0], &b[0]), Judge::from(9) * judge(&a[0]) + judge(&b[0]));
            }

            fn check_complex(a: [Words; 6], b: [Words; 6]) {
                let r = Judge::from(2).pow([$bits]).inverse().unwrap();
                let sum = |n: usize, left: usize| -> Judge {
                    let terms = (0..n).map(|i| judge(&a[2 * i]) * judge(&b[2 * i + left]));
                    terms.sum()
                };
                let other = |n: usize, right: usize| -> Judge {
                    let terms = (0..n).map(|i| judge(&a[2 * i + 1]) * judge(&b[2 * i + right]));
                    terms.sum()
                };
                fn rows<const N: usize>(x: &[Words; 6]) -> [[&Words; 2]; N] {
                    core::array::from_fn(|i| [&x[2 * i], &x[2 * i + 1]])
                }
                let results = [
                    complex_dot::<1>(rows(&a), rows(&b)),
                    complex_dot::<2>(rows(&a), rows(&b)),
                    complex_dot::<3>(rows(&a), rows(&b)),
                ];
                for (n, [re, im]) in (1..).zip(results) {
                    is(re, (sum(n, 0) - other(n, 1)) * r);
                    is(im, (sum(n, 1) + other(n, 0)) * r);
                }
                is(add(&a[0], &b[0]), judge(&a[0]) + judge(&b[0]));
                is(sub(&a[0], &b[0]), judge(&a[0]) - judge(&b[0]));
                assert_eq!(judge(&minus(&a[0])), -judge(&a[0]));
            }

            #[test]
            fn at_the_bounds() {
                assert_eq!(BigInt::new(to_integer(P)), Judge::MODULUS);
                is(R_SQUARED, Judge::from(2).pow([2 * $bits]));
                let zero = from_integer([0; 4]);
                // p itself, which only dot and nine_times_plus take.
                assert_eq!(minus(&zero), P);
                let below = sub(&zero, &from_integer([1, 0, 0, 0]));
                for a in [zero, below, P] {
                    for b in [zero, below, P] {
                        check([a; 6], [b; 6]);
                    }
                }
                // Karatsuba's three products at their largest, and either sign of the real part.
                for set in 0_u32..1 << 12 {
                    let choose = |i: usize| if set >> i & 1 == 1 { below } else { zero };
                    check_complex(core::array::from_fn(choose), core::array::from_fn(|i| choose(i + 6)));
                }
            }

            proptest! {
                #[test]
                fn between_them(a in prop::array::uniform6(integers()), b in prop::array::uniform6(integers())) {
                    let (a, b) = (a.map(from_integer), b.map(from_integer));
                    check(a, b);
                    check_complex(a, b);
                    prop_assert_eq!(a.map(to_integer).map(from_integer), a);
                }
            }
        }
    };
}

words_are_those_of_arkworks!(words64, 256);
words_are_those_of_arkworks!(words29, 261);

#[test]
fn quotients_are_estimated_from_below_and_by_less_than_two() {
    // p / 2^134 rounded down, so that all fits into 128 bits.
    let [_, _, word2, word3] = Judge::MODULUS.0;
    let p = (u128::from(word3) << 64 | u128::from(word2)) >> 6;
    for above in 0_u128..16 {
        let quotient = (above * 169) >> 8;
        assert!(quotient * (p + 1) <= above << 119);
        assert!((above + 1) << 119 <= (quotient + 2) * p);
    }
}

proptest! {
    #[test]
    fn elements_go_there_and_back(integers in prop::collection::vec(integers(), 0..5)) {
        let judges: Vec<Judge> = integers.into_iter().map(|i| BigInt::new(i).into()).collect();
        let mut elements: Vec<Fq> = judges.iter().map(|judge| Fq::from(*judge)).collect();
        for (element, judge) in elements.iter().zip(&judges) {
            prop_assert_eq!(Judge::from(*element), *judge);
            prop_assert_eq!(Judge::from(-*element), -*judge);
            prop_assert_eq!(Judge::from(element.square()), judge.square());
        }
        Fq::invert(&mut elements);
        for (element, judge) in elements.iter().zip(&judges) {
            prop_assert_eq!(Judge::from(*element), judge.inverse().unwrap_or(Judge::ZERO));
        }
    }
}
