//! `.wtns`: the values of all wires of a circuit.

use crate::FormatError;
use crate::binfile::{self, Kind, Sections, put_count};
use crate::field::{self, ELEMENT};
use ark_bn254::Fr;
use ark_ff::Field;
use prooflane_circuits::Witness;
use zeroize::{Zeroize, Zeroizing};

const KIND: Kind = Kind {
    magic: "wtns",
    version: 2,
    required: &[HEADER, VALUES],
};
const HEADER: u32 = 1;
const VALUES: u32 = 2;
const VALUE: &str = "value of the witness";

/// The values of all wires: the constant one, outputs, public inputs, private values. They are wiped on drop; there is no
/// `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Wtns {
    values: Vec<Fr>,
    order: Vec<u32>,
}

impl Wtns {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FormatError`]; nothing in it tells a value.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let sections = Sections::read(&KIND, bytes)?;
        let order = sections.order_of_known(&KIND)?;
        let mut header = sections.section(HEADER, "the header of the witness")?;
        field::expect_prime::<Fr>("the witness's field", &mut header)?;
        let count = header.u32()? as usize;
        header.end()?;
        let mut content = sections.section(VALUES, "the values of the witness")?;
        let chunks = content.all_of(count, ELEMENT)?.chunks_exact(ELEMENT);
        // One allocation, so that growing leaves no unwiped copies behind.
        let mut values = Zeroizing::new(Vec::with_capacity(chunks.len()));
        for (index, bytes) in chunks.enumerate() {
            values.push(field::plain(bytes).ok_or(FormatError::Element {
                what: VALUE,
                index,
                expected: "a field element",
                got: "a number at or above the prime",
            })?);
        }
        if values.first() != Some(&Fr::ONE) {
            return Err(FormatError::Element {
                what: VALUE,
                index: 0,
                expected: "one",
                got: "another value or none",
            });
        }
        let values = std::mem::take(&mut *values);
        Ok(Self { values, order })
    }

    /// The file. It is as secret as the witness.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Room for all of it, so that nothing is moved and left behind.
        let size = self.values.len() * ELEMENT + 128;
        let mut room = Vec::with_capacity(size);
        binfile::write(&mut room, &KIND, &self.order, |id, out| match id {
            HEADER => {
                field::put_prime::<Fr>(out);
                put_count(out, self.values.len());
            }
            _ => self
                .values
                .iter()
                .for_each(|value| field::put_plain(out, value)),
        });
        Zeroizing::new(room)
    }

    /// All values.
    #[must_use]
    pub fn values(&self) -> &[Fr] {
        &self.values
    }

    /// The witness of a circuit with so many public inputs.
    ///
    /// # Errors
    /// [`FormatError::Value`] if there are fewer values.
    pub fn into_witness(mut self, num_public: usize) -> Result<Witness, FormatError> {
        if self.values.len() <= num_public {
            let expected = format!("at least {} values", num_public + 1);
            return Err(FormatError::value(
                "the witness",
                expected,
                self.values.len(),
            ));
        }
        Ok(Witness::new(std::mem::take(&mut self.values), num_public))
    }
}

impl From<&Witness> for Wtns {
    fn from(witness: &Witness) -> Self {
        Self {
            values: witness.assignment().to_vec(),
            order: KIND.required.to_vec(),
        }
    }
}

impl Drop for Wtns {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}
