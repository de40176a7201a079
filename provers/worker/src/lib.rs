#![doc = include_str!("../README.md")]

mod network;
mod prove;
mod remote;
mod work;

pub use network::{Network, NetworkError};
pub use prove::{InProcess, Prover, is_statement, prove};
pub use remote::Remote;
pub use work::{Drain, Offer, Summary, run, run_with};
