#![doc = include_str!("../README.md")]

pub mod commands;
mod files;
mod local;
pub mod node;
mod output;

pub use commands::{Cli, run};
pub use files::{AttestorFile, Payment, PaymentRequest, ReceiptFile, WalletFile};
