//! Any bytes as a header, by the harness of the tests: `cargo fuzz run header` in the folder above.
#![no_main]

#[path = "../tests/header/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    harness::payment(bytes);
});
