//! The gate before an origin and a home region that can fail at will, with real proofs.

mod facilitator;
mod hostile;
mod passing;
mod payer;
mod refusing;
mod street;
