//! [`Simd`] on plain arrays, with every bound checked: what Miri would be for safe code, the check
//! that lazy reduction never loses a bit.

use super::{Kernel, LANES, Machine, Simd};

/// Eight lanes in a plain array. Slow, for tests: additions panic where they would leave the signed
/// 64-bit range, and [`Simd::claim_below`] panics where a claim does not hold.
#[derive(Clone, Copy)]
pub struct Portable;

const LIMB: u64 = (1 << 52) - 1;

#[inline(always)]
fn each(f: impl FnMut(usize) -> u64) -> [u64; LANES] {
    core::array::from_fn(f)
}

fn signed(result: Option<i64>) -> u64 {
    result.expect("a lane left the signed 64-bit range") as u64
}

fn mask(mut bit: impl FnMut(usize) -> bool) -> u8 {
    (0..LANES).fold(0, |mask, i| mask | (u8::from(bit(i)) << i))
}

impl Machine for Portable {
    fn run<K: Kernel<Self>>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

impl Simd for Portable {
    type V = [u64; LANES];

    fn splat(self, word: u64) -> Self::V {
        [word; LANES]
    }

    fn load(self, words: &[u64; LANES]) -> Self::V {
        *words
    }

    fn store(self, v: Self::V, words: &mut [u64; LANES]) {
        *words = v;
    }

    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| signed((a[i] as i64).checked_add(b[i] as i64)))
    }

    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| signed((a[i] as i64).checked_sub(b[i] as i64)))
    }

    fn and(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| a[i] & b[i])
    }

    fn or(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| a[i] | b[i])
    }

    fn shl<const N: u32>(self, a: Self::V) -> Self::V {
        each(|i| a[i] << N)
    }

    fn shr<const N: u32>(self, a: Self::V) -> Self::V {
        each(|i| a[i] >> N)
    }

    fn sra<const N: u32>(self, a: Self::V) -> Self::V {
        each(|i| ((a[i] as i64) >> N) as u64)
    }

    fn madd_lo(self, sum: Self::V, a: Self::V, b: Self::V) -> Self::V {
        each(|i| {
            let product = u128::from(a[i] & LIMB) * u128::from(b[i] & LIMB);
            signed((sum[i] as i64).checked_add(product as i64 & LIMB as i64))
        })
    }

    fn madd_hi(self, sum: Self::V, a: Self::V, b: Self::V) -> Self::V {
        each(|i| {
            let product = u128::from(a[i] & LIMB) * u128::from(b[i] & LIMB);
            signed((sum[i] as i64).checked_add((product >> 52) as i64))
        })
    }

    fn lookup(self, table: &[u64; LANES], index: Self::V) -> Self::V {
        each(|i| table[(index[i] % 8) as usize])
    }

    fn select(self, mask: u8, yes: Self::V, no: Self::V) -> Self::V {
        each(|i| if mask >> i & 1 == 1 { yes[i] } else { no[i] })
    }

    fn equal(self, a: Self::V, b: Self::V) -> u8 {
        mask(|i| a[i] == b[i])
    }

    fn negative(self, a: Self::V) -> u8 {
        mask(|i| (a[i] as i64) < 0)
    }

    fn rotate<const N: i32>(self, a: Self::V) -> Self::V {
        each(|i| a[(i + N as usize) % LANES])
    }

    fn transpose(self, rows: [Self::V; 8]) -> [Self::V; 8] {
        core::array::from_fn(|i| each(|j| rows[j][i]))
    }

    fn columns(self, rows: [Self::V; 4]) -> [Self::V; 4] {
        core::array::from_fn(|j| each(|i| rows[i / 2][i % 2 * 4 + j]))
    }

    fn rows(self, columns: [Self::V; 4]) -> [Self::V; 4] {
        core::array::from_fn(|i| each(|j| columns[j % 4][2 * i + j / 4]))
    }

    fn claim_below(self, v: Self::V, bound: u64) {
        assert!(
            v.iter().all(|lane| *lane < bound),
            "a lane reaches {bound:#x}: {v:x?}"
        );
    }
}
