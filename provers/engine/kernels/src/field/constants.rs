//! What depends on the modulus alone, computed by the compiler.

use ark_ff::MontConfig;
use core::marker::PhantomData;

pub(crate) const LIMB_BITS: u32 = 52;
pub(crate) const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// Constants of the field that `C` describes.
pub(crate) struct Constants<C>(PhantomData<C>);

impl<C: MontConfig<4>> Constants<C> {
    /// The modulus.
    pub(crate) const P: [u64; 5] = Self::times(1);
    /// `-1/p mod 2^52`.
    pub(crate) const NEGATIVE_INVERSE: u64 = C::INV & LIMB_MASK;
    /// `1/2^52 mod p`: folds a low limb into the five above it.
    pub(crate) const FOLD: [u64; 5] = limbs(halve(1, LIMB_BITS, &C::MODULUS.0));
    /// Row `j` of entry `i` is limb `j` of `floor(i * 2^254 / p) * p`.
    pub(crate) const MULTIPLES: [[u64; 8]; 5] = {
        let mut table = [[0; 8]; 5];
        let mut quotient = 0;
        let mut i = 0;
        while i < 8 {
            while at_most(&Self::times(quotient + 1), &[0, 0, 0, 0, (i as u64) << 46]) {
                quotient += 1;
            }
            let multiple = Self::times(quotient);
            let mut j = 0;
            while j < 5 {
                table[j][i] = multiple[j];
                j += 1;
            }
            i += 1;
        }
        table
    };
    /// 9p bounds a wide value; one above its top limb.
    pub(crate) const WIDE_TOP: u64 = Self::times(9)[4] + 1;
    /// 4p bounds a normal value; one above its top limb.
    pub(crate) const NORMAL_TOP: u64 = Self::times(4)[4] + 1;

    /// `2^260`, the Montgomery form of one.
    pub(crate) const ONE: [u64; 5] = Self::power_of_two(260);
    /// Multiplying by it takes an integer to Montgomery form.
    pub(crate) const FROM_INTEGER: [u64; 5] = Self::power_of_two(520);
    /// Multiplying by it takes Montgomery form with 2^256, arkworks's, to the one with 2^260.
    pub(crate) const FROM_ARK: [u64; 5] = Self::power_of_two(264);
    /// Multiplying by it takes Montgomery form with 2^260 to the one with 2^256.
    pub(crate) const TO_ARK: [u64; 5] = Self::power_of_two(256);

    /// Multiplying by it takes the inverse of a Montgomery form, as an integer, to the Montgomery form
    /// of the inverse.
    pub(crate) const FROM_INVERSE: [u64; 5] = Self::power_of_two(780);

    /// The bounds of this module were worked out for such moduli.
    pub(crate) const FITS: () = assert!(
        C::MODULUS.0[3] >> 61 == 1 && C::MODULUS.0[3] >> 60 == 3,
        "a modulus between 0.75 and 1 times 2^254"
    );

    /// `k * p`, for small `k`.
    pub(crate) const fn times(k: u64) -> [u64; 5] {
        let p = limbs(C::MODULUS.0);
        let mut result = [0; 5];
        let mut carry = 0;
        let mut j = 0;
        while j < 5 {
            let sum = p[j] as u128 * k as u128 + carry;
            result[j] = sum as u64 & LIMB_MASK;
            carry = sum >> LIMB_BITS;
            j += 1;
        }
        assert!(carry == 0);
        result
    }

    /// `2^n mod p`.
    pub(crate) const fn power_of_two(n: u32) -> [u64; 5] {
        let p = &C::MODULUS.0;
        let mut x = [1, 0, 0, 0];
        let mut i = 0;
        while i < n {
            // p has two spare bits, so 2x does not overflow.
            let mut carry = 0;
            let mut j = 0;
            while j < 4 {
                let next = x[j] >> 63;
                x[j] = x[j] << 1 | carry;
                carry = next;
                j += 1;
            }
            let (reduced, borrow) = subtract(&x, p);
            if !borrow {
                x = reduced;
            }
            i += 1;
        }
        limbs(x)
    }
}

/// `start / 2^n mod p`.
const fn halve(start: u64, n: u32, p: &[u64; 4]) -> [u64; 4] {
    let mut x = [start, 0, 0, 0];
    let mut i = 0;
    while i < n {
        if x[0] & 1 == 1 {
            let mut carry = 0;
            let mut j = 0;
            while j < 4 {
                let sum = x[j] as u128 + p[j] as u128 + carry;
                x[j] = sum as u64;
                carry = sum >> 64;
                j += 1;
            }
        }
        let mut j = 0;
        while j < 4 {
            x[j] = x[j] >> 1 | if j < 3 { x[j + 1] << 63 } else { 0 };
            j += 1;
        }
        i += 1;
    }
    x
}

const fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let mut result = [0; 4];
    let mut borrow = false;
    let mut j = 0;
    while j < 4 {
        let (x, under) = a[j].overflowing_sub(b[j]);
        let (x, again) = x.overflowing_sub(borrow as u64);
        result[j] = x;
        borrow = under | again;
        j += 1;
    }
    (result, borrow)
}

const fn at_most(a: &[u64; 5], b: &[u64; 5]) -> bool {
    let mut j = 5;
    while j > 0 {
        j -= 1;
        if a[j] != b[j] {
            return a[j] < b[j];
        }
    }
    true
}

/// Four words of 64 bits as five limbs of 52.
pub(super) const fn limbs(w: [u64; 4]) -> [u64; 5] {
    [
        w[0] & LIMB_MASK,
        (w[0] >> 52 | w[1] << 12) & LIMB_MASK,
        (w[1] >> 40 | w[2] << 24) & LIMB_MASK,
        (w[2] >> 28 | w[3] << 36) & LIMB_MASK,
        w[3] >> 16,
    ]
}
