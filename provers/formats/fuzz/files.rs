//! Any bytes as a file, by the harness of the tests: `cargo fuzz run files fuzz/corpus fixtures` in the folder above.
#![no_main]

#[path = "../tests/hostile/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    harness::any(bytes);
});
