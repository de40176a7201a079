#![doc = include_str!("../README.md")]

mod client;
pub mod wire;

pub use client::{Client, ClientError, EventStream, http};
