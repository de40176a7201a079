#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![deny(unsafe_code)]

mod clock;
mod compiled;
mod host;
mod instances;
mod limits;
pub mod manifest;
mod outgoing;
mod serve;
mod state;
mod store;
mod variables;

pub use clock::Clock;
pub use host::{Config, Host, HostError};
pub use limits::Limits;
