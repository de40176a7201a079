#![doc = include_str!("../README.md")]

mod network;
mod remote;
mod work;

pub use network::{Network, NetworkError};
pub use remote::Remote;
pub use work::{Drain, Offer, Summary, run};
