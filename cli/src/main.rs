//! `prooflane`; see `prooflane --help`.

use std::process::ExitCode;

use clap::Parser;
use prooflane::{Cli, run};

fn main() -> ExitCode {
    if lacks_avx2() {
        eprintln!(
            "error: this `prooflane` was built for processors with AVX2 (x86-64-v3), and this one has none.\n\
             Build it here without: RUSTFLAGS= cargo build --release"
        );
        return ExitCode::from(2);
    }
    run(Cli::parse())
}

/// Whether the program holds instructions that this processor does not know (`.cargo/config.toml`). Not by
/// `is_x86_feature_detected!`, which believes what the compiler was told.
#[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
fn lacks_avx2() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    // Leaf 7, EBX: bit 5 is AVX2, bit 8 BMI2.
    __cpuid(0).eax < 7 || __cpuid_count(7, 0).ebx & 0x120 != 0x120
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "avx2")))]
fn lacks_avx2() -> bool {
    false
}
