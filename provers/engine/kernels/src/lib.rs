#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod field;
pub mod simd;

#[cfg(test)]
mod testing;
