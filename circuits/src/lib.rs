#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod babyjub;
mod blake512;
mod builder;
mod dataset_row;
mod eddsa;
mod edwards;
mod error;
mod fields;
mod hash;
mod integers;
mod merkle;
mod montgomery;
mod multiples;
mod payment;
mod poseidon;
mod r1cs;
mod range;
mod receipt;

pub use ark_bn254::Fr;
pub use babyjub::{BabyJubjub, Point, Scalar, ScalarConfig, pack_point, unpack_point};
pub use dataset_row::{ROW_LEVELS, ROW_PARTS, row_leaf, row_node, rows_root};
pub use eddsa::{SecretKey, Signature, is_public_key, verify};
pub use error::{CircuitError, InputError};
pub use hash::bytes32_to_field;
pub use merkle::{MAX_DEPTH, MAX_LEAVES, MerkleTree, merkle_root};
pub use poseidon::{MAX_INPUTS, poseidon};
pub use prooflane_verifier::field::text_to_field;
pub use r1cs::{R1cs, Row, Witness};
pub use range::commit;
pub use receipt::{
    Attestor, NULLIFIER_DOMAIN, PAYER_DOMAIN, PayerSecret, Receipt, asset_to_field, nullifier,
    payer_commitment, recipient_to_field, tx_hash_to_field,
};

use std::marker::PhantomData;

use builder::{Builder, Terms};
use serde_json::Value;

/// A statement that can be proved: a fixed constraint system and the JSON inputs that fill it in.
pub trait Circuit: Send + Sync {
    /// `name@version`; the version changes with the constraint system.
    fn id(&self) -> &'static str;
    /// What a proof says, in one line.
    fn about(&self) -> &'static str;
    /// Names of the public inputs, in the order in which a verifier takes them.
    fn public_names(&self) -> &'static [&'static str];
    /// The constraint system; the same for all inputs.
    ///
    /// # Errors
    /// [`CircuitError::Example`] if the circuit's own example is refused, which would be a defect of the circuit.
    fn r1cs(&self) -> Result<R1cs, CircuitError>;
    /// Names the code that makes [`Circuit::r1cs`]: whoever has seen the system once need not make it again while this is
    /// the same. None where nothing is known about the code; the system is then made whenever it matters.
    fn code(&self) -> Option<[u8; 32]> {
        None
    }
    /// Parses `inputs` strictly (unknown fields are refused), checks natively that the statement holds, and returns the public
    /// inputs that a proof for them has, in the order of [`Circuit::public_names`]. Cheap: it makes no witness.
    ///
    /// # Errors
    /// [`InputError`] naming the field that is malformed or for which the statement does not hold.
    fn public_inputs(&self, inputs: &Value) -> Result<Vec<Fr>, InputError>;
    /// The full assignment for `inputs`, after the same checks as [`Circuit::public_inputs`].
    ///
    /// # Errors
    /// As [`Circuit::public_inputs`].
    fn witness(&self, inputs: &Value) -> Result<Witness, InputError>;
    /// Valid inputs, always the same, for documentation and tests.
    fn example(&self) -> Value;
}

/// All circuits of this build.
pub fn registry() -> &'static [&'static dyn Circuit] {
    &[
        &Of::<payment::Payment>(PhantomData),
        &Of::<merkle::Merkle>(PhantomData),
        &Of::<range::Range>(PhantomData),
        &Of::<dataset_row::DatasetRow>(PhantomData),
    ]
}

/// The circuit called `id` (`name@version`), if this build has it.
pub fn find(id: &str) -> Option<&'static dyn Circuit> {
    registry()
        .iter()
        .copied()
        .find(|circuit| circuit.id() == id)
}

/// SHA-256 of this crate's sources (`build.rs`): it changes whenever a constraint could have.
const CODE: &[u8; 32] = include_bytes!(concat!(env!("OUT_DIR"), "/code"));

/// What each circuit's module provides: a parsed statement that can be checked natively and synthesised. [`Of`] makes a
/// [`Circuit`] of it.
trait Statement: Sized {
    const ID: &'static str;
    const ABOUT: &'static str;
    const PUBLIC: &'static [&'static str];
    fn example() -> Value;
    /// Reads the form of the inputs; says nothing about whether the statement holds.
    fn parse(inputs: &Value) -> Result<Self, InputError>;
    /// Whether the statement holds.
    fn check(&self) -> Result<(), InputError>;
    /// The public inputs in the order of `PUBLIC`.
    fn public(&self) -> Vec<Fr>;
    /// Computes all variables and states all constraints, whether or not they hold.
    fn synthesize<T: Terms>(&self, b: &mut Builder<T>);

    fn checked(inputs: &Value) -> Result<Self, InputError> {
        let statement = Self::parse(inputs)?;
        statement.check()?;
        Ok(statement)
    }

    /// The assignment, without a check that it satisfies anything.
    fn assign(&self) -> Witness {
        Builder::values(&self.public(), |b| self.synthesize(b))
    }
}

struct Of<S>(PhantomData<fn() -> S>);

impl<S: Statement> Circuit for Of<S> {
    fn id(&self) -> &'static str {
        S::ID
    }
    fn about(&self) -> &'static str {
        S::ABOUT
    }
    fn public_names(&self) -> &'static [&'static str] {
        S::PUBLIC
    }
    fn r1cs(&self) -> Result<R1cs, CircuitError> {
        let statement = S::parse(&S::example()).map_err(|source| CircuitError::Example {
            circuit: S::ID,
            source,
        })?;
        let (r1cs, _) = Builder::matrices(&statement.public(), |b| statement.synthesize(b));
        Ok(r1cs)
    }
    fn code(&self) -> Option<[u8; 32]> {
        Some(*CODE)
    }
    fn public_inputs(&self, inputs: &Value) -> Result<Vec<Fr>, InputError> {
        Ok(S::checked(inputs)?.public())
    }
    fn witness(&self, inputs: &Value) -> Result<Witness, InputError> {
        Ok(S::checked(inputs)?.assign())
    }
    fn example(&self) -> Value {
        S::example()
    }
}

#[cfg(test)]
mod tests;
