//! What a file claims to hold is not what is allocated for it. A test of its own, for it counts what the whole process
//! allocates.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use peak_alloc::PeakAlloc;
use prooflane_formats::{Origin, R1csFile, Wtns, Zkey};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What reading a few KB may take at most. A point in memory takes 1.1 times its bytes, a row of a matrix a few dozen bytes more;
/// the pool of threads that reads points takes some when it is first used.
const MOST: usize = 1 << 20;

const FILES: [&[u8]; 3] = [
    include_bytes!("../fixtures/multiplier.r1cs"),
    include_bytes!("../fixtures/multiplier.wtns"),
    include_bytes!("../fixtures/final.zkey"),
];

#[test]
fn no_count_makes_reading_allocate_more_than_the_file_holds() {
    // The pool of threads, once for all.
    Zkey::read(FILES[2], Origin::Anyone).unwrap();
    for file in FILES {
        for at in 0..=file.len() - 8 {
            for number in [u64::MAX, u64::from(u32::MAX), 1 << 31, 1 << 27, 1 << 24] {
                for bytes in [&number.to_le_bytes()[..4], &number.to_le_bytes()[..]] {
                    let mut spoiled = file.to_vec();
                    spoiled[at..at + bytes.len()].copy_from_slice(bytes);
                    let before = HEAP.current_usage();
                    HEAP.reset_peak_usage();
                    let _ = R1csFile::read(&spoiled);
                    let _ = Wtns::read(&spoiled);
                    let _ = Zkey::read(&spoiled, Origin::Checked);
                    let taken = HEAP.peak_usage() - before;
                    assert!(taken < MOST, "{taken} bytes for {number} at {at}");
                }
            }
        }
    }
}
