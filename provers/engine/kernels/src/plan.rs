//! How a multi-scalar multiplication is laid out.

use crate::digits;

/// How much a table holds and how its digits are spread.
///
/// Digit `w` of a scalar, of `window_bits` bits, belongs to level `w / sets` and set `w % sets`. The
/// table holds `2^(window_bits * sets * level)` times every point, so that the digits of all levels
/// share the buckets of their set. The sets' results are put together by doublings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bits of a digit, 2 to 20.
    pub window_bits: u32,
    /// Multiples of a point in the table.
    pub levels: u32,
    /// Sets of `2^(window_bits - 1)` buckets.
    pub sets: u32,
}

impl Plan {
    /// The plan of least work for sums of about `dense` full-size scalars, with tables of `points`
    /// points of `point_bytes` bytes that keep to a budget; one level, if that is too small for more.
    pub fn choose(points: usize, dense: usize, point_bytes: usize, budget_bytes: usize) -> Self {
        let most = (budget_bytes / (points * point_bytes).max(1)).max(1) as u64;
        let mut best = (
            u64::MAX,
            Self {
                window_bits: 2,
                levels: 1,
                sets: digits::windows(2),
            },
        );
        for window_bits in 2..=20 {
            let windows = u64::from(digits::windows(window_bits));
            let sets = windows.div_ceil(most);
            let levels = windows.div_ceil(sets);
            // One addition a digit, two a bucket, by each of a few threads; a set has its last rounds.
            let work = dense as u64 * windows + sets * ((4 << (window_bits - 1)) + 2000);
            let plan = Self {
                window_bits,
                levels: levels as u32,
                sets: sets as u32,
            };
            if work < best.0 {
                best = (work, plan);
            }
        }
        best.1
    }

    /// Whether all digits of a scalar have their place, and no level or set is there for nothing.
    pub(crate) fn is_sound(self) -> bool {
        let Self {
            window_bits,
            levels,
            sets,
        } = self;
        if !(2..=20).contains(&window_bits)
            || !(1..128).contains(&levels)
            || !(1..128).contains(&sets)
        {
            return false;
        }
        let windows = digits::windows(window_bits);
        levels * sets >= windows && (levels - 1) * sets < windows && levels * (sets - 1) < windows
    }

    /// Buckets of one set.
    pub(crate) fn buckets(self) -> usize {
        1 << (self.window_bits - 1)
    }

    /// Doublings from a level to the next.
    pub(crate) fn level_bits(self) -> u32 {
        self.window_bits * self.sets
    }
}
