//! [`Simd`] in AVX-512 instructions: one intrinsic a function.
#![allow(unsafe_code)]

use super::{Kernel, LANES, Machine, Simd};
use core::arch::x86_64::*;

/// The proof that this machine has AVX-512 with IFMA: see [`Ifma::detect`].
#[derive(Clone, Copy)]
pub struct Ifma(());

impl Ifma {
    /// Asks the processor (and, through it, the operating system).
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("adx")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt"))
        .then_some(Self(()))
    }
}

#[target_feature(
    enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma,bmi1,bmi2,adx,lzcnt,popcnt"
)]
fn with_features<K: Kernel<Ifma>>(ifma: Ifma, kernel: K) -> K::Output {
    kernel.run(ifma)
}

/// An intrinsic, called on the strength of an `Ifma`.
macro_rules! intrinsic {
    ($($call:tt)*) => {
        // SAFETY: the caller holds an `Ifma`, which only `Ifma::detect` makes, after it has seen every
        // feature these intrinsics need. None of them touches memory.
        unsafe { $($call)* }
    };
}

impl Machine for Ifma {
    #[inline]
    fn run<K: Kernel<Self>>(self, kernel: K) -> K::Output {
        // SAFETY: an `Ifma` exists only where the features it is compiled with were detected.
        unsafe { with_features(self, kernel) }
    }
}

impl Simd for Ifma {
    type V = __m512i;

    #[inline(always)]
    fn splat(self, word: u64) -> __m512i {
        intrinsic!(_mm512_set1_epi64(word as i64))
    }

    #[inline(always)]
    fn load(self, words: &[u64; LANES]) -> __m512i {
        // SAFETY: reads the 64 bytes of the array; the instruction wants no alignment. The feature is
        // there because an `Ifma` is.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, v: __m512i, words: &mut [u64; LANES]) {
        // SAFETY: writes the 64 bytes of the array; the instruction wants no alignment. The feature is
        // there because an `Ifma` is.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), v) }
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_add_epi64(a, b))
    }

    #[inline(always)]
    fn sub(self, a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_sub_epi64(a, b))
    }

    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_and_si512(a, b))
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_or_si512(a, b))
    }

    #[inline(always)]
    fn shl<const N: u32>(self, a: __m512i) -> __m512i {
        intrinsic!(_mm512_slli_epi64::<N>(a))
    }

    #[inline(always)]
    fn shr<const N: u32>(self, a: __m512i) -> __m512i {
        intrinsic!(_mm512_srli_epi64::<N>(a))
    }

    #[inline(always)]
    fn sra<const N: u32>(self, a: __m512i) -> __m512i {
        intrinsic!(_mm512_srai_epi64::<N>(a))
    }

    #[inline(always)]
    fn madd_lo(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_madd52lo_epu64(sum, a, b))
    }

    #[inline(always)]
    fn madd_hi(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_madd52hi_epu64(sum, a, b))
    }

    #[inline(always)]
    fn lookup(self, table: &[u64; LANES], index: __m512i) -> __m512i {
        let table = self.load(table);
        intrinsic!(_mm512_permutexvar_epi64(index, table))
    }

    #[inline(always)]
    fn select(self, mask: u8, yes: __m512i, no: __m512i) -> __m512i {
        intrinsic!(_mm512_mask_blend_epi64(mask, no, yes))
    }

    #[inline(always)]
    fn equal(self, a: __m512i, b: __m512i) -> u8 {
        intrinsic!(_mm512_cmpeq_epi64_mask(a, b))
    }

    #[inline(always)]
    fn negative(self, a: __m512i) -> u8 {
        intrinsic!(_mm512_movepi64_mask(a))
    }

    #[inline(always)]
    fn rotate<const N: i32>(self, a: __m512i) -> __m512i {
        intrinsic!(_mm512_alignr_epi64::<N>(a, a))
    }

    #[inline(always)]
    fn transpose(self, r: [__m512i; 8]) -> [__m512i; 8] {
        intrinsic!({
            // Pairs of words, then pairs of 128-bit blocks twice.
            let lo01 = _mm512_unpacklo_epi64(r[0], r[1]);
            let hi01 = _mm512_unpackhi_epi64(r[0], r[1]);
            let lo23 = _mm512_unpacklo_epi64(r[2], r[3]);
            let hi23 = _mm512_unpackhi_epi64(r[2], r[3]);
            let lo45 = _mm512_unpacklo_epi64(r[4], r[5]);
            let hi45 = _mm512_unpackhi_epi64(r[4], r[5]);
            let lo67 = _mm512_unpacklo_epi64(r[6], r[7]);
            let hi67 = _mm512_unpackhi_epi64(r[6], r[7]);
            // Blocks 0 and 2, 1 and 3 of two vectors.
            let a = _mm512_shuffle_i64x2::<0x88>(lo01, lo23);
            let b = _mm512_shuffle_i64x2::<0xdd>(lo01, lo23);
            let c = _mm512_shuffle_i64x2::<0x88>(lo45, lo67);
            let d = _mm512_shuffle_i64x2::<0xdd>(lo45, lo67);
            let e = _mm512_shuffle_i64x2::<0x88>(hi01, hi23);
            let f = _mm512_shuffle_i64x2::<0xdd>(hi01, hi23);
            let g = _mm512_shuffle_i64x2::<0x88>(hi45, hi67);
            let h = _mm512_shuffle_i64x2::<0xdd>(hi45, hi67);
            [
                _mm512_shuffle_i64x2::<0x88>(a, c),
                _mm512_shuffle_i64x2::<0x88>(e, g),
                _mm512_shuffle_i64x2::<0x88>(b, d),
                _mm512_shuffle_i64x2::<0x88>(f, h),
                _mm512_shuffle_i64x2::<0xdd>(a, c),
                _mm512_shuffle_i64x2::<0xdd>(e, g),
                _mm512_shuffle_i64x2::<0xdd>(b, d),
                _mm512_shuffle_i64x2::<0xdd>(f, h),
            ]
        })
    }

    #[inline(always)]
    fn columns(self, r: [__m512i; 4]) -> [__m512i; 4] {
        intrinsic!({
            let words01 = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
            let words23 = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
            let a = _mm512_permutex2var_epi64(r[0], words01, r[1]);
            let b = _mm512_permutex2var_epi64(r[2], words01, r[3]);
            let c = _mm512_permutex2var_epi64(r[0], words23, r[1]);
            let d = _mm512_permutex2var_epi64(r[2], words23, r[3]);
            [
                _mm512_shuffle_i64x2::<0x44>(a, b),
                _mm512_shuffle_i64x2::<0xee>(a, b),
                _mm512_shuffle_i64x2::<0x44>(c, d),
                _mm512_shuffle_i64x2::<0xee>(c, d),
            ]
        })
    }

    #[inline(always)]
    fn rows(self, c: [__m512i; 4]) -> [__m512i; 4] {
        intrinsic!({
            let even = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
            let odd = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
            let low01 = _mm512_shuffle_i64x2::<0x44>(c[0], c[1]);
            let low23 = _mm512_shuffle_i64x2::<0x44>(c[2], c[3]);
            let high01 = _mm512_shuffle_i64x2::<0xee>(c[0], c[1]);
            let high23 = _mm512_shuffle_i64x2::<0xee>(c[2], c[3]);
            [
                _mm512_permutex2var_epi64(low01, even, low23),
                _mm512_permutex2var_epi64(low01, odd, low23),
                _mm512_permutex2var_epi64(high01, even, high23),
                _mm512_permutex2var_epi64(high01, odd, high23),
            ]
        })
    }

    #[inline(always)]
    fn claim_below(self, _: __m512i, _: u64) {}
}
