//! Section 10 of a `.zkey`: what came of the ceremony's second phase, contribution by contribution (eprint 2017/1050).

use crate::binfile::{Reader, put_count, put_u32};
use crate::field::{self, FilePoint, G1, G2};
use crate::{FormatError, Origin};
use ark_bn254::{G1Affine, G2Affine};
use blake2::{Blake2b512, Digest};

/// The ceremony that a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// What snarkjs calls the circuit hash: BLAKE2b-512 of the key before any contribution. Zeros where no ceremony was.
    pub circuit_hash: [u8; 64],
    /// Contributions, first to last.
    pub contributions: Vec<Contribution>,
}

/// One contribution: delta multiplied by a secret, with proofs that its maker knew the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// `[delta]_1` after it.
    pub delta_after: G1Affine,
    /// A point, and that point times the secret.
    pub g1_s: G1Affine,
    /// See [`Self::g1_s`].
    pub g1_sx: G1Affine,
    /// The point of G2 that the transcript hashes to, times the secret.
    pub g2_spx: G2Affine,
    /// BLAKE2b-512 of everything before.
    pub transcript: [u8; 64],
    /// What the contributor is called, in UTF-8.
    pub name: Option<Vec<u8>>,
    /// Set where the secret comes from a random beacon.
    pub beacon: Option<Beacon>,
}

/// A public value that nobody could foresee, and how often it is hashed to a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The logarithm to base 2 of the number of hashes.
    pub iterations_log2: u8,
    /// The public value.
    pub value: Vec<u8>,
}

const NAME: u8 = 1;
const ITERATIONS: u8 = 2;
const VALUE: u8 = 3;

impl Ceremony {
    /// Of a key that one machine made by itself.
    #[must_use]
    pub fn none() -> Self {
        Self {
            circuit_hash: [0; 64],
            contributions: Vec::new(),
        }
    }

    pub(crate) fn read(mut reader: Reader, origin: Origin) -> Result<Self, FormatError> {
        let circuit_hash = reader.array()?;
        let count = reader.u32()?;
        let mut contributions = Vec::new();
        for index in 0..count as usize {
            contributions.push(Contribution::read(&mut reader, index, origin)?);
        }
        reader.end()?;
        Ok(Self {
            circuit_hash,
            contributions,
        })
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.circuit_hash);
        put_count(out, self.contributions.len());
        self.contributions.iter().for_each(|c| c.put(out));
    }
}

impl Contribution {
    fn read(reader: &mut Reader, index: usize, origin: Origin) -> Result<Self, FormatError> {
        let what = "contribution";
        let mut g1 = || field::point(what, index, reader.take(G1 as u64)?, origin);
        let (delta_after, g1_s, g1_sx) = (g1()?, g1()?, g1()?);
        let g2_spx = field::point(what, index, reader.take(G2 as u64)?, origin)?;
        let transcript = reader.array()?;
        let kind = reader.u32()?;
        let length = reader.u32()?;
        let mut parameters = Reader::new(
            "the parameters of a contribution",
            reader.take(length.into())?,
        );
        let (mut name, mut iterations, mut value) = (None, None, None);
        let mut last = 0;
        while parameters.left() > 0 {
            let parameter = parameters.u8()?;
            if parameter <= last || parameter > VALUE {
                let expected = "types 1, 2 and 3, ascending";
                return Err(FormatError::value(
                    "parameter of a contribution",
                    expected,
                    parameter,
                ));
            }
            last = parameter;
            // Of the number of iterations it is the number itself.
            let length = parameters.u8()?;
            match parameter {
                NAME => name = Some(parameters.take(length.into())?.to_vec()),
                ITERATIONS => iterations = Some(length),
                _ => value = Some(parameters.take(length.into())?.to_vec()),
            }
        }
        let beacon = match (kind, iterations, value) {
            (0, None, None) => None,
            (1, Some(iterations_log2), Some(value)) => Some(Beacon {
                iterations_log2,
                value,
            }),
            _ => {
                let expected = "0, or 1 with a beacon's parameters";
                return Err(FormatError::value("kind of a contribution", expected, kind));
            }
        };
        Ok(Self {
            delta_after,
            g1_s,
            g1_sx,
            g2_spx,
            transcript,
            name,
            beacon,
        })
    }

    /// What snarkjs calls the contribution's hash, which contributors note and publish: BLAKE2b-512 of the points,
    /// uncompressed, and the transcript (snarkjs 0.7.6, `zkey_utils.js`, `hashPubKey`).
    #[must_use]
    pub fn hash(&self) -> [u8; 64] {
        let mut bytes = Vec::with_capacity(3 * G1 + G2 + 64);
        [&self.delta_after, &self.g1_s, &self.g1_sx]
            .iter()
            .for_each(|p| field::put_uncompressed(&mut bytes, *p));
        field::put_uncompressed(&mut bytes, &self.g2_spx);
        bytes.extend_from_slice(&self.transcript);
        Blake2b512::digest(&bytes).into()
    }

    fn put(&self, out: &mut Vec<u8>) {
        [&self.delta_after, &self.g1_s, &self.g1_sx]
            .iter()
            .for_each(|p| p.put(out));
        self.g2_spx.put(out);
        out.extend_from_slice(&self.transcript);
        put_u32(out, self.beacon.is_some().into());
        let mut parameters = Vec::new();
        if let Some(name) = &self.name {
            put_text(&mut parameters, NAME, name);
        }
        if let Some(beacon) = &self.beacon {
            parameters.extend_from_slice(&[ITERATIONS, beacon.iterations_log2]);
            put_text(&mut parameters, VALUE, &beacon.value);
        }
        put_count(out, parameters.len());
        out.extend_from_slice(&parameters);
    }
}

/// # Panics
/// If the text is longer than the format can say.
fn put_text(out: &mut Vec<u8>, parameter: u8, text: &[u8]) {
    let length = u8::try_from(text.len()).expect("a name or a beacon has at most 255 bytes");
    out.extend_from_slice(&[parameter, length]);
    out.extend_from_slice(text);
}
