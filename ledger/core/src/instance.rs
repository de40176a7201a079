//! A statement that somebody else proves: an instance, which is public, and a witness, which is not.

use crate::pieces::Columns;
use crate::{
    Bytes32, Commitment, Error, Evidence, MAX_BYTES, MOST_DATASETS, Owned, Source, Statement,
};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use prooflane_stark::{self as stark, Layout, NoiseSeed, Values};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use zeroize::Zeroizing;

/// What is said, and of which datasets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// What is said.
    pub statement: Statement,
    /// Of these.
    pub inputs: Vec<Commitment>,
    /// And of what was made of them.
    pub outputs: Vec<Commitment>,
}

/// Memory that the columns of a task take when they are committed to again: those of one with four million 64-bit values take 285 MB.
const MOST_COMMITTED: u64 = 320 << 20;
/// Cells of the tables of a task's largest proof, of some 14 bytes each, so that provers with four gigabytes can make it: statistics of four
/// million values have 167 million and take 2.4 GB.
const MOST_CELLS: u64 = 3 << 26;
/// A proof without the columns that it opens, and what it has of one of these, at the most.
const BYTES_OF_PROOF: u64 = 640 << 10;
const BYTES_OF_OPENED: u64 = 100 << 10;

/// A key for one witness.
pub type WitnessKey = Zeroizing<[u8; 32]>;

impl Instance {
    /// A statement of datasets that are here.
    #[must_use]
    pub fn of(statement: Statement, inputs: &[Owned], outputs: &[Owned]) -> Self {
        let of = |owned: &[Owned]| {
            let commitments = owned.iter().map(|owned| owned.opening.commitment().clone());
            commitments.collect()
        };
        Self {
            statement,
            inputs: of(inputs),
            outputs: of(outputs),
        }
    }

    /// Its name: the BLAKE3 hash of its JSON, without spaces and with the fields in their order.
    #[must_use]
    pub fn digest(&self) -> Bytes32 {
        let mut hash = blake3::Hasher::new_derive_key("prooflane 2026-11 ledger instance");
        // Structs of texts and numbers are JSON.
        let written = serde_json::to_writer(&mut hash, self);
        debug_assert!(written.is_ok());
        Bytes32(*hash.finalize().as_bytes())
    }

    fn datasets(&self) -> impl Iterator<Item = &Commitment> {
        self.inputs.iter().chain(&self.outputs)
    }

    /// The parts of each dataset that proofs are about, inputs first.
    fn parts(&self) -> Result<Vec<Vec<usize>>, Error> {
        let openings = self.statement.openings(&self.inputs, &self.outputs)?;
        let opened = |counts: Vec<u32>| {
            let counts = counts.into_iter().enumerate();
            let opened = counts.filter(|(_, count)| *count > 0);
            opened.map(|(part, _)| part).collect::<Vec<_>>()
        };
        let parts: Vec<_> = openings.into_iter().map(opened).collect();
        if parts.iter().all(Vec::is_empty) {
            let problem = "expected a statement that has proofs: record this one as it is";
            return Err(Error::Misfit(problem.into()));
        }
        Ok(parts)
    }

    /// Where everything is in a witness's bytes, inputs first.
    fn places(&self) -> Result<Vec<Places>, Error> {
        let mut end = MAGIC.len();
        let mut place = |bytes: u64| {
            let start = end;
            // At most 2^22 rows of at most 1,024 parts, and as many datasets as a request has room for.
            end = end.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX));
            start..end
        };
        let places = self.datasets().zip(self.parts()?).map(|(of, parts)| {
            let noisy = matches!(self.statement, Statement::Noisy { .. });
            let noise = noisy.then(|| place(32));
            // Both are in ascending order.
            let mut parts = parts.into_iter().peekable();
            let layouts = of.layouts().enumerate();
            let opened = layouts.filter(|(part, _)| parts.next_if_eq(part).is_some());
            let parts = opened.map(|(part, layout)| PartPlaces {
                part,
                layout,
                seed: place(32),
                present: layout.nullable.then(|| place(layout.rows.div_ceil(8))),
                keys: place(layout.rows * bytes_of_key(&layout) as u64),
            });
            Places {
                noise,
                parts: parts.collect(),
            }
        });
        Ok(places.collect())
    }

    /// How many bytes its witness has.
    ///
    /// # Errors
    /// [`Error`], if the statement cannot be about these datasets or has no proofs.
    pub fn witness_bytes(&self) -> Result<usize, Error> {
        let places = self.places()?;
        let last = places.iter().rev().find_map(Places::end);
        Ok(last.unwrap_or(MAGIC.len()))
    }

    /// That a network takes it: that checking, proving and verifying it stay within bounds, which follow from what is public.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; as [`Self::witness_bytes`].
    pub fn demand_size(&self) -> Result<(), Error> {
        let demand = |what, most: u64, got: u64| {
            let too_large = Error::TooLarge { what, most, got };
            if got <= most { Ok(()) } else { Err(too_large) }
        };
        let datasets = self.datasets().count() as u64;
        demand("datasets", MOST_DATASETS as u64, datasets)?;
        let (mut committed, mut opened) = (0_u64, 0);
        for (of, parts) in self.datasets().zip(self.parts()?) {
            let layouts: Vec<_> = of.layouts().collect();
            opened += parts.len() as u64;
            let layouts = parts.into_iter().filter_map(|part| layouts.get(part));
            let bytes = layouts.map(Layout::bytes);
            committed = bytes.fold(committed, u64::saturating_add);
        }
        demand("bytes of committed columns", MOST_COMMITTED, committed)?;
        let size = self.statement.size(&self.inputs, &self.outputs)?;
        demand("cells of tables", MOST_CELLS, size.cells)?;
        let evidence = size.proofs * BYTES_OF_PROOF + opened * BYTES_OF_OPENED;
        demand("bytes of evidence", MAX_BYTES as u64, evidence)
    }

    /// Whether the statement is true of the data, so that it can be proved.
    ///
    /// # Errors
    /// [`Error::False`] if it is not; [`Error::OtherData`] if these data were not committed to.
    pub fn check(&self, witness: &Witness) -> Result<(), Error> {
        let of = self.opened(witness)?;
        let (inputs, outputs) = self.divided(&of);
        if self.statement.holds(&inputs, &outputs)? {
            Ok(())
        } else {
            Err(Error::False)
        }
    }

    /// Proves it.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn prove(&self, witness: &Witness) -> Result<Evidence, Error> {
        let of = self.opened(witness)?;
        let (inputs, outputs) = self.divided(&of);
        Ok(Evidence {
            proofs: self.statement.prove_of(&inputs, &outputs, None)?,
            statement: self.statement.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
        })
    }

    fn opened<'a>(&'a self, witness: &'a Witness) -> Result<Vec<OfDataset<'a>>, Error> {
        witness.fits(self)?;
        let of = self.datasets().zip(self.places()?);
        let of = of.map(|(commitment, places)| OfDataset {
            commitment,
            places,
            bytes: &witness.0,
        });
        Ok(of.collect())
    }

    fn divided<'a>(&self, of: &'a [OfDataset<'_>]) -> (Vec<&'a dyn Columns>, Vec<&'a dyn Columns>) {
        let mut inputs: Vec<_> = of.iter().map(|of| of as &dyn Columns).collect();
        let outputs = inputs.split_off(self.inputs.len());
        (inputs, outputs)
    }
}

/// The first bytes of a witness.
const MAGIC: &[u8] = b"prooflane-witness/1\n";

const fn bytes_of_key(layout: &Layout) -> usize {
    2 * layout.limbs as usize
}

/// Where a dataset's part of a witness is.
struct Places {
    noise: Option<Range<usize>>,
    parts: Vec<PartPlaces>,
}

impl Places {
    fn end(&self) -> Option<usize> {
        let keys = self.parts.last().map(|part| part.keys.end);
        keys.or_else(|| Some(self.noise.as_ref()?.end))
    }
}

struct PartPlaces {
    part: usize,
    layout: Layout,
    seed: Range<usize>,
    present: Option<Range<usize>>,
    keys: Range<usize>,
}

/// What an instance is proved from: the values that it is about, and what opens their commitments. No `Debug`.
///
/// As bytes: a line `prooflane-witness/1`; then for each dataset, inputs first, the seed of noise where the statement is noisy, and for
/// each part that proofs are about, in order, its seed of 32 bytes, a bit for each row that says whether a value is there, where values may be
/// missing, the lowest bit first, and the keys, each of as many bytes as its limbs have, the lowest first. Commitments say how long
/// each is.
pub struct Witness(Zeroizing<Vec<u8>>);

impl Witness {
    /// The witness of an instance, of datasets that are here.
    ///
    /// # Errors
    /// [`Error`]: the statement has no proofs, or the datasets are others.
    pub fn new(
        instance: &Instance,
        inputs: &[Source<'_>],
        outputs: &[Source<'_>],
    ) -> Result<Self, Error> {
        let sources: Vec<_> = inputs.iter().chain(outputs).collect();
        let commitments = sources.iter().map(|source| source.opening.commitment());
        if !commitments.eq(instance.datasets()) {
            let problem = "expected the datasets of the instance";
            return Err(Error::Witness(problem.into()));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(instance.witness_bytes()?));
        bytes.extend_from_slice(MAGIC);
        for (source, places) in sources.iter().zip(instance.places()?) {
            let wanted: Vec<_> = places.parts.iter().map(|place| place.part).collect();
            let noise = places.noise.is_some();
            source
                .opening
                .write(source.table, noise, &wanted, &mut bytes)?;
        }
        let witness = Self(bytes);
        witness.fits(instance)?;
        Ok(witness)
    }

    /// From bytes that [`Self::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// As bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn fits(&self, instance: &Instance) -> Result<(), Error> {
        if !self.0.starts_with(MAGIC) {
            let problem = "its first line is not prooflane-witness/1";
            return Err(Error::Witness(problem.into()));
        }
        let (expected, got) = (instance.witness_bytes()?, self.0.len());
        if expected != got {
            let problem = format!("expected {expected} bytes, got {got}");
            return Err(Error::Witness(problem));
        }
        Ok(())
    }

    /// Encrypts it under a fresh key (ChaCha20-Poly1305, RFC 8439), bound to its instance. A key encrypts one message, so the nonce
    /// is constant.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn seal(&self, instance: &Instance) -> Result<(WitnessKey, Vec<u8>), Error> {
        let key = crate::opening::random()?;
        let cipher = ChaCha20Poly1305::new((&*key).into());
        let payload = Payload {
            msg: &self.0,
            aad: &instance.digest().0,
        };
        let sealed = cipher.encrypt(&Nonce::default(), payload);
        let sealed = sealed.map_err(|_| Error::Witness("it is too large to encrypt".into()))?;
        Ok((key, sealed))
    }

    /// Opens what was sealed.
    ///
    /// # Errors
    /// [`Error::Witness`] if it was not sealed so.
    pub fn open(instance: &Instance, key: &WitnessKey, sealed: &[u8]) -> Result<Self, Error> {
        let cipher = ChaCha20Poly1305::new((&**key).into());
        let payload = Payload {
            msg: sealed,
            aad: &instance.digest().0,
        };
        let opened = cipher.decrypt(&Nonce::default(), payload);
        let opened =
            opened.map_err(|_| Error::Witness("expected one that this key opens".into()))?;
        Ok(Self(Zeroizing::new(opened)))
    }
}

/// A dataset's part of a witness.
struct OfDataset<'a> {
    commitment: &'a Commitment,
    places: Places,
    bytes: &'a [u8],
}

impl OfDataset<'_> {
    fn array(&self, place: &Range<usize>) -> Result<Zeroizing<[u8; 32]>, Error> {
        let bytes = self.bytes[place.clone()].try_into();
        let bytes = bytes.map_err(|_| Error::Witness("expected a seed of 32 bytes".into()))?;
        Ok(Zeroizing::new(bytes))
    }
}

impl OfDataset<'_> {
    /// Commits again to a part.
    fn column(&self, place: &PartPlaces) -> Result<stark::Column, Error> {
        let layout = place.layout;
        let keys = self.bytes[place.keys.clone()].chunks_exact(bytes_of_key(&layout));
        let key = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |key, byte| key << 8 | u64::from(*byte))
        };
        let keys = Zeroizing::new(keys.map(key).collect::<Vec<u64>>());
        let present = place.present.as_ref().map(|place| {
            let bits = &self.bytes[place.clone()];
            let there = |row: usize| bits[row / 8] >> (row % 8) & 1 == 1;
            (0..keys.len()).map(there).collect::<Vec<bool>>()
        });
        let values = Values {
            keys: &keys,
            present: present.as_deref(),
        };
        let seed = self.array(&place.seed)?;
        Ok(stark::Column::commit(layout, values, &seed)?)
    }
}

impl Columns for OfDataset<'_> {
    fn commitment(&self) -> &Commitment {
        self.commitment
    }

    fn columns(&self, parts: &[usize]) -> Result<Vec<stark::Column>, Error> {
        let expected = self.commitment.dataset(parts.iter().copied())?.columns;
        let id = self.commitment.id();
        let columns = parts.iter().zip(expected).map(|(number, (_, commitment))| {
            let place = self.places.parts.iter().find(|place| place.part == *number);
            let place = place.ok_or_else(|| Error::Witness(format!("part {number} is missing")))?;
            let column = self.column(place)?.labelled(id.0.0);
            if *column.commitment() == commitment {
                return Ok(column);
            }
            Err(Error::OtherData {
                dataset: id,
                what: format!("part {number}"),
            })
        });
        columns.collect()
    }

    fn noise(&self) -> Result<NoiseSeed, Error> {
        let place = self.places.noise.as_ref();
        let place = place.ok_or_else(|| Error::Witness("the seed of noise is missing".into()))?;
        Ok(NoiseSeed::from_secret(&*self.array(place)?))
    }
}
