//! A component that does what its request asks for, also what it should not: the tests of `edge-host`
//! run it.
#![cfg_attr(target_family = "wasm", no_main)]

#[cfg(target_family = "wasm")]
mod guest;
