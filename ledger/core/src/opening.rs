//! What opens a commitment: the owner's secret.

use crate::commitment::{LEAST_PROOFS, numbers, parts};
use crate::{Bytes32, Commitment, Error};
use prooflane_dataset::{Algorithm, Digest, Table};
use prooflane_stark::{self as stark, Layout, NoiseSeed, Values};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// A commitment and what opens it: with the dataset's file, all that is needed to prove things about it. No `Debug`: whoever has it
/// can check guesses of the dataset.
#[derive(Clone)]
pub struct Opening {
    commitment: Commitment,
    secrets: Secrets,
}

/// What is secret of an opening.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    /// The digest of the canonical form, as text.
    digest: String,
    /// What the digest is hashed with.
    salt: [u8; 32],
    /// What the noise in each part is drawn from.
    seeds: Vec<[u8; 32]>,
    /// What the noise in answers is derived from.
    noise: [u8; 32],
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.digest.zeroize();
        self.salt.zeroize();
        self.seeds.zeroize();
        self.noise.zeroize();
    }
}

/// Random bytes of the operating system's generator.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut()).map_err(|error| Error::Randomness(error.to_string()))?;
    Ok(bytes)
}

/// A seed and the root of the commitment that it makes.
pub(crate) type Kept = (Bytes32, [u8; 32]);

impl Opening {
    /// Commits to a dataset, by fresh randomness.
    ///
    /// # Errors
    /// [`Error::Column`] for more than 2^22 rows, [`Error::Randomness`].
    pub fn new(name: &str, table: &Table, algorithm: Algorithm) -> Result<Self, Error> {
        let fresh = vec![None; table.schema().columns().len()];
        Self::with(name, table, algorithm, fresh, drop)
    }

    /// Commits to a dataset; columns that come from another one keep their commitments. `each` gets the others, in their order.
    pub(crate) fn with(
        name: &str,
        table: &Table,
        algorithm: Algorithm,
        kept: Vec<Option<Vec<Kept>>>,
        mut each: impl FnMut(stark::Column),
    ) -> Result<Self, Error> {
        let rows = table.rows().rows() as u64;
        let proofs = Layout::roomy(rows, 4, false, LEAST_PROOFS)?.proofs;
        let digest = table.digest(algorithm);
        let (salt, noise) = (random()?, random()?);
        let mut commitment = Commitment {
            name: name.into(),
            schema: table.schema().clone(),
            rows,
            digest: salted(&digest, &salt),
            proofs,
            roots: Vec::new(),
            noise: NoiseSeed::from_secret(&noise).commitment(),
        };
        let mut seeds = Vec::new();
        for (index, kept) in kept.into_iter().enumerate() {
            let kind = table.schema().columns()[index].kind.kind;
            if let Some(kept) = kept {
                for (root, seed) in kept {
                    commitment.roots.push(root);
                    seeds.push(seed);
                }
                continue;
            }
            let column = &table.rows().columns()[index];
            for (limbs, keys) in parts(kind).into_iter().zip(numbers(column)) {
                let seed = random()?;
                let layout = Layout {
                    rows,
                    limbs,
                    nullable: table.schema().columns()[index].kind.nullable,
                    proofs,
                };
                let present = column.present();
                let values = Values {
                    keys: &keys,
                    present,
                };
                let committed = stark::Column::commit(layout, values, &seed)?;
                commitment
                    .roots
                    .push(Bytes32(committed.commitment().root()));
                seeds.push(*seed);
                each(committed);
            }
        }
        let secrets = Secrets {
            digest: digest.to_string(),
            salt: *salt,
            seeds,
            noise: *noise,
        };
        Ok(Self {
            commitment,
            secrets,
        })
    }

    /// Puts together what a file has.
    ///
    /// # Errors
    /// [`Error::Commitment`] if the two do not belong together.
    pub(crate) fn of(commitment: Commitment, secrets: Secrets) -> Result<Self, Error> {
        commitment.check()?;
        let problem = |problem: &str| Error::Commitment {
            problem: problem.into(),
        };
        if secrets.seeds.len() != commitment.roots.len() {
            return Err(problem("expected a seed for each root"));
        }
        let opening = Self {
            commitment,
            secrets,
        };
        let digest = opening.digest();
        let digest = digest.ok_or_else(|| problem("expected the text of a digest"))?;
        let noise = opening.noise().commitment();
        if salted(&digest, &opening.secrets.salt) != opening.commitment.digest
            || noise != opening.commitment.noise
        {
            return Err(problem(
                "expected the digest and the noise that were committed to",
            ));
        }
        Ok(opening)
    }

    /// What everybody may know.
    #[must_use]
    pub const fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// The digest of the canonical form.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.secrets.digest.parse().ok()
    }

    pub(crate) const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// What noise in answers is derived from.
    pub(crate) fn noise(&self) -> NoiseSeed {
        NoiseSeed::from_secret(&self.secrets.noise)
    }

    /// What the salts of rows are derived from.
    pub(crate) fn row_salts(&self) -> [u8; 32] {
        blake3::derive_key("prooflane 2026-11 ledger salts of rows", &self.secrets.salt)
    }

    /// A column's roots and seeds, for another dataset with that column.
    pub(crate) fn kept(&self, column: usize) -> Vec<Kept> {
        let parts = self.commitment.parts(column);
        let roots = self.commitment.roots[parts.clone()].iter().copied();
        roots
            .zip(self.secrets.seeds[parts].iter().copied())
            .collect()
    }

    /// That these are the data, all of them: of the digest and of what proofs are about. For whoever may see the data and is shown
    /// the opening.
    ///
    /// # Errors
    /// [`Error::OtherData`].
    pub fn check(&self, table: &Table) -> Result<(), Error> {
        self.check_shape(table)?;
        let digest = self.digest().map(|digest| table.digest(digest.algorithm));
        if digest != self.digest() {
            return Err(self.other("the same values in the same order"));
        }
        // What proofs are about.
        self.columns(table, self.commitment.all()).map(drop)
    }

    fn check_shape(&self, table: &Table) -> Result<(), Error> {
        let got = table.rows().rows() as u64;
        if got != self.commitment.rows {
            return Err(self.other(&format!("{} rows, and not {got},", self.commitment.rows)));
        }
        if table.schema() != &self.commitment.schema {
            return Err(self.other("columns of the same names and types"));
        }
        Ok(())
    }

    fn other(&self, what: &str) -> Error {
        Error::OtherData {
            dataset: self.commitment.id(),
            what: what.into(),
        }
    }

    /// Commits again to some parts, which proves that these are the data.
    ///
    /// # Errors
    /// [`Error::OtherData`].
    pub(crate) fn columns(
        &self,
        table: &Table,
        wanted: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<stark::Column>, Error> {
        self.check_shape(table)?;
        let label = self.commitment.id().0.0;
        let wanted: Vec<usize> = wanted.into_iter().collect();
        let mut committed = Vec::new();
        for (index, field) in self.commitment.schema.columns().iter().enumerate() {
            let of_column = self.commitment.parts(index);
            if !wanted.iter().any(|part| of_column.contains(part)) {
                continue;
            }
            let column = &table.rows().columns()[index];
            for (part, keys) in of_column.zip(numbers(column)) {
                if !wanted.contains(&part) {
                    continue;
                }
                let (layout, commitment) = self.commitment.part(part)?;
                let values = Values {
                    keys: &keys,
                    present: column.present(),
                };
                let seed = &self.secrets.seeds[part];
                let again = stark::Column::commit(layout, values, seed)?.labelled(label);
                if *again.commitment() != commitment {
                    return Err(self.other(&format!("column {:?}", field.name)));
                }
                committed.push((part, again));
            }
        }
        // In the order in which they are wanted.
        let columns = wanted.iter().map(|part| {
            let found = committed.iter().position(|(of, _)| of == part);
            let found = found.ok_or_else(|| self.other("as many columns, each wanted once"))?;
            Ok(committed.swap_remove(found).1)
        });
        columns.collect()
    }

    /// Writes what a witness of a statement about some parts has of the dataset ([`crate::Witness`]).
    pub(crate) fn write(
        &self,
        table: &Table,
        noise: bool,
        wanted: &[usize],
        bytes: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.check_shape(table)?;
        if noise {
            bytes.extend_from_slice(&self.secrets.noise);
        }
        let layouts: Vec<_> = self.commitment.layouts().collect();
        for (index, column) in table.rows().columns().iter().enumerate() {
            let of_column = self.commitment.parts(index);
            if !wanted.iter().any(|part| of_column.contains(part)) {
                continue;
            }
            for (part, keys) in of_column.zip(numbers(column)) {
                if !wanted.contains(&part) {
                    continue;
                }
                bytes.extend_from_slice(&self.secrets.seeds[part]);
                if layouts[part].nullable {
                    let there = |row| column.present().is_none_or(|present| present[row]);
                    bytes.extend((0..keys.len()).step_by(8).map(|first| {
                        let rows = (first..keys.len()).take(8);
                        let bits = rows.map(|row| u8::from(there(row)) << (row - first));
                        bits.fold(0, |byte, bit| byte | bit)
                    }));
                }
                let length = 2 * layouts[part].limbs as usize;
                let keys = keys
                    .iter()
                    .flat_map(|key| key.to_le_bytes().into_iter().take(length));
                bytes.extend(keys);
            }
        }
        Ok(())
    }
}

fn salted(digest: &Digest, salt: &[u8; 32]) -> Bytes32 {
    let hash = blake3::keyed_hash(salt, digest.to_string().as_bytes());
    Bytes32(*hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use prooflane_dataset::{Column, Field, Kind, Schema, Width};

    fn numbers(keys: [u64; 3]) -> Table {
        let kind = Kind::Uint(Width::W16);
        let column = Column::from_keys(kind, keys.map(Some)).unwrap();
        let schema = Schema::new(vec![Field::new("n", kind, false)]).unwrap();
        Table::new(schema, vec![column]).unwrap()
    }

    #[test]
    fn who_checks_the_data_checks_what_proofs_are_about() {
        let (shown, proved) = (numbers([1, 2, 3]), numbers([9, 9, 9]));
        let new = |table| Opening::new("n", table, Algorithm::Blake3).unwrap();
        let (mut forged, other) = (new(&shown), new(&proved));
        forged.check(&shown).unwrap();
        // The digest is that of the data; what proofs are about is something else.
        forged.commitment.roots.clone_from(&other.commitment.roots);
        forged.secrets.seeds.clone_from(&other.secrets.seeds);
        let checked = forged.check(&shown);
        assert!(matches!(checked, Err(Error::OtherData { .. })));
        // Nor does a root of the rows that are shown belong to it.
        let rows = crate::Statement::rows(&forged, &shown);
        assert!(matches!(rows, Err(Error::OtherData { .. })));
        assert!(matches!(
            forged.check(&proved),
            Err(Error::OtherData { .. })
        ));

        let mut noisy = new(&shown);
        noisy.commitment.noise = other.commitment.noise;
        let again = Opening::of(noisy.commitment.clone(), noisy.secrets.clone());
        assert!(matches!(again, Err(Error::Commitment { .. })));
    }
}
