//! Times of proofs about columns of random 64-bit values: `cargo run --release -p prooflane-stark --example measure [ROWS ...]`.

#![allow(clippy::unwrap_used, reason = "a measurement that fails says so")]

use prooflane_stark::{Claim, Column, Layout, Statistics, Values};
use std::time::{Duration, Instant};

fn timed<T>(of: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let value = of();
    (value, started.elapsed())
}

/// The largest memory this process has had, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kb = line.and_then(|line| line.split_whitespace().nth(1));
    kb.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let rows: Vec<u64> = std::env::args()
        .skip(1)
        .map(|rows| rows.parse().unwrap())
        .collect();
    let rows = if rows.is_empty() {
        vec![10_000, 100_000, 1_000_000, 4_000_000]
    } else {
        rows
    };
    println!("| rows | commit, ms | prove, ms | verify, ms | proof, KB | bits | peak, MB |");
    println!("|--:|--:|--:|--:|--:|--:|--:|");
    for rows in rows {
        let mut state = 1_u64;
        let keys: Vec<u64> = (0..rows)
            .map(|_| {
                // splitmix64
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            })
            .collect();
        let layout = Layout {
            rows,
            limbs: 4,
            nullable: false,
            proofs: 16,
        };
        let values = Values {
            keys: &keys,
            present: None,
        };
        let mut times = [(); 3].map(|()| Vec::new());
        let mut size = 0;
        let mut bits = 0.0;
        for _ in 0..3 {
            let (column, commit) = timed(|| Column::commit(layout, values, &[1; 32]).unwrap());
            let (claim, _) = timed(|| Statistics::of(&column));
            let (proof, prove) = timed(|| claim.prove(&column).unwrap());
            let (verified, verify) = timed(|| claim.verify(layout, column.commitment(), &proof));
            bits = verified.unwrap().security_bits;
            size = proof.to_bytes().len();
            for (times, time) in times.iter_mut().zip([commit, prove, verify]) {
                times.push(time);
            }
        }
        let [commit, prove, verify] = times.map(|mut times| {
            times.sort_unstable();
            times[1].as_secs_f64() * 1e3
        });
        println!(
            "| {rows} | {commit:.0} | {prove:.0} | {verify:.1} | {} | {bits:.0} | {} |",
            size / 1024,
            peak_mb()
        );
    }
}
