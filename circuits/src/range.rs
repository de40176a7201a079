//! `range@1`: a committed value lies in a public range.

use ark_bn254::Fr;
use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::builder::{Builder, Terms};
use crate::fields::Fields;
use crate::poseidon::{poseidon, poseidon_gadget};
use crate::{InputError, Statement};

/// The commitment that `range@1` opens: `Poseidon(value, blinding)`, hiding as long as `blinding` is uniformly random.
pub fn commit(value: u64, blinding: Fr) -> Fr {
    poseidon(&[value.into(), blinding])
}

pub(crate) struct Range {
    pub(crate) commitment: Fr,
    pub(crate) min: Fr,
    pub(crate) max: Fr,
    pub(crate) value: Fr,
    pub(crate) blinding: Fr,
}

impl Drop for Range {
    fn drop(&mut self) {
        self.value.zeroize();
        self.blinding.zeroize();
    }
}

impl Statement for Range {
    const ID: &'static str = "range@1";
    const ABOUT: &'static str = "a committed 64-bit value lies between two public bounds";
    const PUBLIC: &'static [&'static str] = &["commitment", "min", "max"];

    fn example() -> Value {
        json!({ "value": "1500000", "blinding": "987654321", "min": "1000000", "max": "2000000" })
    }

    fn parse(inputs: &Value) -> Result<Self, InputError> {
        let fields = Fields::new("inputs", inputs, Self::PUBLIC, &["value", "blinding"])?;
        let (value, blinding) = (fields.u64("value")?, fields.field("blinding")?);
        let (min, max) = (fields.u64("min")?, fields.u64("max")?);
        let commitment = commit(value, blinding);
        fields.matches("commitment", commitment, "Poseidon(value, blinding)")?;
        Ok(Self {
            commitment,
            min: min.into(),
            max: max.into(),
            value: value.into(),
            blinding,
        })
    }

    fn check(&self) -> Result<(), InputError> {
        let outside = |bound, got| InputError::invalid("inputs.value", bound, got);
        match () {
            () if self.value < self.min => Err(outside("at least min", "less")),
            () if self.value > self.max => Err(outside("at most max", "more")),
            () => Ok(()),
        }
    }

    fn public(&self) -> Vec<Fr> {
        vec![self.commitment, self.min, self.max]
    }

    fn synthesize<T: Terms>(&self, b: &mut Builder<T>) {
        let [commitment, min, max] = b.public();
        let value = b.private(self.value);
        let blinding = b.private(self.blinding);
        let opened = poseidon_gadget(b, &[&value, &blinding], &[]);
        b.equal(&opened, &commitment);
        let [value, min, max] = [&value, &min, &max].map(|x| b.u64(x));
        b.u64_at_most(&min, &value);
        b.u64_at_most(&value, &max);
    }
}
