//! The canonical form and its digest, as `docs/dataset-format.md` specifies them.

use crate::batch::{Batch, Column, Values};
use crate::kind::Kind;
use crate::schema::{Field, Schema};
use rayon::iter::{
    IndexedParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator,
};
use sha3::Digest as _;
use std::fmt;
use std::str::FromStr;

/// What a manifest begins with; the number is the version of the canonical form.
pub const MAGIC: &[u8] = b"prooflane-dataset/1\n";

/// How a dataset is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// BLAKE3.
    #[default]
    Blake3,
    /// SHA3-256 (FIPS 202).
    Sha3,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha3 => "sha3-256",
        }
    }
}

/// The digest of a dataset. As text `blake3:` or `sha3-256:` and 64 hexadecimal digits.
///
/// It is no commitment: who guesses all rows can check the guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// How it was made.
    pub algorithm: Algorithm,
    /// Its bytes.
    pub bytes: [u8; 32],
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), hex::encode(self.bytes))
    }
}

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected blake3: or sha3-256: and 64 hexadecimal digits, got another text")]
pub struct NoDigest;

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let (name, digits) = text.split_once(':').ok_or(NoDigest)?;
        let known = [Algorithm::Blake3, Algorithm::Sha3];
        let algorithm = known
            .into_iter()
            .find(|known| known.name() == name)
            .ok_or(NoDigest)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| NoDigest)?;
        Ok(Self { algorithm, bytes })
    }
}

enum Hasher {
    Blake3(Box<blake3::Hasher>),
    Sha3(sha3::Sha3_256),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Blake3 => Self::Blake3(Box::default()),
            Algorithm::Sha3 => Self::Sha3(sha3::Sha3_256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha3(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> [u8; 32] {
        match self {
            Self::Blake3(hasher) => *hasher.finalize().as_bytes(),
            Self::Sha3(hasher) => hasher.finalize().into(),
        }
    }
}

/// The three streams of a column, as far as they have been hashed.
struct Streams {
    kind: Kind,
    presence: Hasher,
    /// Bits of rows that do not fill a byte yet.
    bits: u8,
    /// How many they are.
    held: u32,
    values: Hasher,
    /// Of texts and bytes only.
    bytes: Option<Hasher>,
}

impl Streams {
    fn new(kind: Kind, algorithm: Algorithm) -> Self {
        let strings = matches!(kind, Kind::Text | Kind::Bytes);
        Self {
            kind,
            presence: Hasher::new(algorithm),
            bits: 0,
            held: 0,
            values: Hasher::new(algorithm),
            bytes: strings.then(|| Hasher::new(algorithm)),
        }
    }

    fn update(&mut self, column: &Column) {
        match column.present() {
            Some(present) => self.update_presence(present.iter().copied(), present.len()),
            None => self.update_presence(std::iter::repeat(true), column.len()),
        }
        match column.values() {
            // A kind of keys has bits.
            Values::Keys(keys) => match self.kind.bits().unwrap_or(64) {
                8 => self.update_values(keys, |key| low::<1>(*key)),
                16 => self.update_values(keys, |key| low::<2>(*key)),
                32 => self.update_values(keys, |key| low::<4>(*key)),
                _ => self.update_values(keys, |key| key.to_le_bytes()),
            },
            Values::Wide(keys) => self.update_values(keys, |key| key.to_le_bytes()),
            Values::Strings(strings) => {
                // The builder sees to it that a value has less than 4 GiB.
                let length = |row: usize| u32::try_from(strings.get(row).len()).unwrap_or(u32::MAX);
                let lengths: Vec<_> = (0..strings.len()).map(length).collect();
                self.update_values(&lengths, |length| length.to_le_bytes());
                if let Some(hasher) = &mut self.bytes {
                    hasher.update(strings.data());
                }
            }
        }
    }

    fn update_presence(&mut self, present: impl Iterator<Item = bool>, rows: usize) {
        let mut bytes = Vec::with_capacity(rows / 8 + 1);
        for present in present.take(rows) {
            self.bits |= u8::from(present) << self.held;
            self.held += 1;
            if self.held == 8 {
                bytes.push(self.bits);
                (self.bits, self.held) = (0, 0);
            }
        }
        self.presence.update(&bytes);
    }

    /// Hashes values of N bytes, in blocks that stay in the cache.
    fn update_values<T, const N: usize>(&mut self, values: &[T], bytes: impl Fn(&T) -> [u8; N]) {
        const BLOCK: usize = 8_192;
        let mut block = vec![[0; N]; BLOCK.min(values.len())];
        for values in values.chunks(BLOCK) {
            let block = &mut block[..values.len()];
            for (place, value) in block.iter_mut().zip(values) {
                *place = bytes(value);
            }
            self.values.update(block.as_flattened());
        }
    }

    /// Its entry in the manifest.
    fn finish(mut self, column: &Field, manifest: &mut Vec<u8>) {
        if self.held > 0 {
            self.presence.update(&[self.bits]);
        }
        // The schema sees to it that a name has less than 4 GiB.
        let length = u32::try_from(column.name.len()).unwrap_or(u32::MAX);
        manifest.extend(length.to_le_bytes());
        manifest.extend(column.name.as_bytes());
        manifest.extend(self.kind.code());
        manifest.extend(self.presence.finish());
        manifest.extend(self.values.finish());
        if let Some(bytes) = self.bytes {
            manifest.extend(bytes.finish());
        }
    }
}

/// The lowest bytes of a key.
fn low<const N: usize>(key: u64) -> [u8; N] {
    let bytes = key.to_le_bytes();
    std::array::from_fn(|index| bytes[index])
}

/// Makes a dataset's digest from its batches, in order, whatever their sizes. It holds no rows.
pub struct Digester {
    algorithm: Algorithm,
    schema: Schema,
    streams: Vec<Streams>,
    rows: u64,
}

impl Digester {
    /// Of a dataset of these columns.
    #[must_use]
    pub fn new(schema: &Schema, algorithm: Algorithm) -> Self {
        let streams = schema.columns().iter();
        let streams = streams
            .map(|column| Streams::new(column.kind.kind, algorithm))
            .collect();
        Self {
            algorithm,
            schema: schema.clone(),
            streams,
            rows: 0,
        }
    }

    /// Takes the next rows, whose columns must be the schema's.
    ///
    /// # Panics
    /// If there are more or fewer columns.
    pub fn update(&mut self, batch: &Batch) {
        assert_eq!(
            batch.columns().len(),
            self.streams.len(),
            "a batch of another schema"
        );
        let columns = batch.columns().par_iter();
        self.streams
            .par_iter_mut()
            .zip(columns)
            .for_each(|(streams, column)| streams.update(column));
        self.rows += batch.rows() as u64;
    }

    /// The manifest: schema, row count and the digests of the columns' streams.
    #[must_use]
    pub fn manifest(self) -> Vec<u8> {
        let mut manifest = MAGIC.to_vec();
        manifest.extend(self.rows.to_le_bytes());
        // Columns that are in memory are fewer than 2^32.
        let columns = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        manifest.extend(columns.to_le_bytes());
        for (streams, column) in self.streams.into_iter().zip(self.schema.columns()) {
            streams.finish(column, &mut manifest);
        }
        manifest
    }

    /// The digest of all rows: that of the manifest.
    #[must_use]
    pub fn finish(self) -> Digest {
        let algorithm = self.algorithm;
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&self.manifest());
        Digest {
            algorithm,
            bytes: hasher.finish(),
        }
    }
}
