#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answers;
mod binding;
mod check;
mod claims;
mod config;
mod facilitator;
mod gate;
mod header;
mod offer;
mod path;
mod refusal;
#[cfg(test)]
mod tests;
pub mod wire;
mod world;

pub use binding::{binding, to_hex};
pub use config::{Attestor, Claims, Config, ConfigError, Gate, Price, Route, Secrets, pack};
pub use gate::MAX_BODY;
pub use header::{
    PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE, X_PAYMENT, X_PAYMENT_RESPONSE,
    payment_header, read_header,
};
pub use refusal::Refusal;
pub use world::{SendError, World};

/// JSON of a type of this crate, none of which has a map whose keys are no strings.
fn to_json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("only maps with other keys than strings fail")
}

/// Reads JSON by way of a [`serde_json::Value`]: the component then has one reader of text, and not one for each type.
fn from_json<T: serde::de::DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_value(serde_json::from_slice(json)?)
}
