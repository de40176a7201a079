#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod commands;
pub mod edge;
mod files;
mod local;
pub mod node;
mod output;
pub mod payer;
mod profile;

pub use commands::{Cli, run};
pub use files::{AttestorFile, Payment, PaymentRequest, ReceiptFile, WalletFile};
