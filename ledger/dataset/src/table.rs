//! A whole dataset in memory, and the transformations that the ledger proves.

use crate::batch::{Batch, Column, Values};
use crate::canonical::{Algorithm, Digest, Digester};
use crate::kind::Kind;
use crate::schema::{Field, Schema};
use crate::{Error, ValueProblem, key};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

/// A range predicate on one column: `low <= key <= high`. A null satisfies none, and a NaN none that ends at a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The column.
    pub column: String,
    /// The smallest key that satisfies it.
    pub low: u64,
    /// The largest.
    pub high: u64,
}

impl Range {
    /// From bounds in the column's notation, both inclusive. Without a lower or an upper one all smaller or larger
    /// values satisfy it; NaN is neither.
    ///
    /// # Errors
    /// If there is no such column, it has no keys, or a bound is no value of its kind or NaN.
    pub fn parse(
        schema: &Schema,
        column: &str,
        low: Option<&str>,
        high: Option<&str>,
    ) -> Result<Self, Error> {
        let kind = schema.kind(column)?;
        let stated = |problem| Error::Stated {
            column: column.into(),
            expected: kind,
            problem,
        };
        let (least, mut most) = kind.keys().ok_or_else(|| stated(ValueProblem::Keyless))?;
        match kind {
            Kind::Float32 => most = key::from_f32(f32::INFINITY),
            Kind::Float64 => most = key::from_f64(f64::INFINITY),
            _ => {}
        }
        let bound = |text: &str| {
            let key = kind.key(text).map_err(stated)?;
            (key <= most)
                .then_some(key)
                .ok_or_else(|| stated(ValueProblem::Range))
        };
        Ok(Self {
            column: column.into(),
            low: low.map_or(Ok(least), bound)?,
            high: high.map_or(Ok(most), bound)?,
        })
    }
}

/// A dataset in memory. There is no `Debug`: rows are private.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    schema: Schema,
    rows: Batch,
}

impl Table {
    /// Columns with their schema.
    ///
    /// # Errors
    /// As [`Batch::new`], and if there are 2^32 rows or more.
    pub fn new(schema: Schema, columns: Vec<Column>) -> Result<Self, Error> {
        let rows = Batch::new(&schema, columns)?;
        Self { schema, rows }.counted()
    }

    /// All rows of a file.
    ///
    /// # Errors
    /// As the reader, and if there are 2^32 rows or more.
    #[cfg(feature = "files")]
    pub fn read(reader: crate::Reader) -> Result<Self, Error> {
        Self::read_with(reader, |_| {})
    }

    /// All rows of a file; `progress` is told of each batch's rows.
    ///
    /// # Errors
    /// As [`Self::read`].
    #[cfg(feature = "files")]
    pub fn read_with(
        reader: crate::Reader,
        mut progress: impl FnMut(usize) + Send,
    ) -> Result<Self, Error> {
        let schema = reader.schema().clone();
        let mut batches = Vec::new();
        reader.for_each(|batch| {
            progress(batch.rows());
            batches.push(batch);
            Ok::<_, Error>(())
        })?;
        let batches: Vec<_> = batches.iter().collect();
        let rows = concat(&schema, &batches);
        Self { schema, rows }.counted()
    }

    fn counted(self) -> Result<Self, Error> {
        let rows = self.rows.rows();
        let expected = || Error::Rows {
            expected: "fewer than 2^32".into(),
            got: rows,
        };
        u32::try_from(rows).map_err(|_| expected())?;
        Ok(self)
    }

    /// The columns' names and types.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The rows.
    #[must_use]
    pub const fn rows(&self) -> &Batch {
        &self.rows
    }

    /// The digest of the canonical form.
    #[must_use]
    pub fn digest(&self, algorithm: Algorithm) -> Digest {
        let mut digester = Digester::new(&self.schema, algorithm);
        digester.update(&self.rows);
        digester.finish()
    }

    /// A column.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn column(&self, name: &str) -> Result<&Column, Error> {
        Ok(&self.rows.columns()[self.schema.index(name)?])
    }

    fn keys(&self, name: &str) -> Result<(&Column, &[u64]), Error> {
        let column = self.column(name)?;
        let keyless = || Error::Column {
            column: name.into(),
            expected: "numbers, booleans, dates or times, whose order can be proved",
        };
        Ok((column, column.keys().ok_or_else(keyless)?))
    }

    /// For each row whether it satisfies a predicate.
    ///
    /// # Errors
    /// If there is no such column, or it has no keys.
    pub fn satisfying(&self, range: &Range) -> Result<Vec<bool>, Error> {
        let (column, keys) = self.keys(&range.column)?;
        let mut satisfies: Vec<_> = keys
            .iter()
            .map(|key| (range.low..=range.high).contains(key))
            .collect();
        if let Some(present) = column.present() {
            for (satisfies, present) in satisfies.iter_mut().zip(present) {
                *satisfies &= present;
            }
        }
        Ok(satisfies)
    }

    /// The rows that satisfy a predicate, in their order.
    ///
    /// # Errors
    /// As [`Self::satisfying`].
    pub fn filter(&self, range: &Range) -> Result<Self, Error> {
        let satisfying = self.satisfying(range)?;
        Ok(self.take(&positions(&satisfying, true)))
    }

    /// Some columns, in the order given.
    ///
    /// # Errors
    /// If there is no column of a name, a name comes twice, or there is no name.
    pub fn project(&self, names: &[&str]) -> Result<Self, Error> {
        let indices: Vec<_> = names
            .iter()
            .map(|name| self.schema.index(name))
            .collect::<Result<_, _>>()?;
        let fields = indices
            .iter()
            .map(|index| self.schema.columns()[*index].clone());
        let columns = indices
            .iter()
            .map(|index| self.rows.columns()[*index].clone());
        Ok(Self {
            schema: Schema::new(fields.collect())?,
            rows: Batch::of(columns.collect()),
        })
    }

    /// The rows at some positions, in the order given: a permutation, if each comes once.
    ///
    /// # Panics
    /// If there is no row at a position.
    #[must_use]
    pub fn take(&self, positions: &[u32]) -> Self {
        let columns: Vec<_> = self
            .rows
            .columns()
            .par_iter()
            .map(|column| column.take(positions))
            .collect();
        Self {
            schema: self.schema.clone(),
            rows: Batch::of(columns),
        }
    }

    /// The positions of the rows in the ascending or descending order of a column, nulls last, equal ones as they were.
    /// It holds four bytes a row, and while it sorts as many again.
    ///
    /// # Errors
    /// If there is no such column, or it has no keys.
    pub fn order(&self, name: &str, descending: bool) -> Result<Vec<u32>, Error> {
        let (column, keys) = self.keys(name)?;
        // `counted` sees to it that positions fit.
        let mut order: Vec<u32> = (0..u32::try_from(keys.len()).unwrap_or(u32::MAX)).collect();
        // Descending keys ascend with their bits flipped.
        let flip = if descending { u64::MAX } else { 0 };
        order.par_sort_by_key(|row| {
            let row = *row as usize;
            (!column.is_present(row), keys[row] ^ flip)
        });
        Ok(order)
    }

    /// The rows sorted by a column, as [`Self::order`] says. Besides [`Self::order`]'s, it holds the result.
    ///
    /// # Errors
    /// As [`Self::order`].
    pub fn sort(&self, name: &str, descending: bool) -> Result<Self, Error> {
        Ok(self.take(&self.order(name, descending)?))
    }

    /// Parts of consecutive rows, as long as given.
    ///
    /// # Errors
    /// If the lengths do not add up to the rows there are.
    pub fn split_rows(&self, lengths: &[usize]) -> Result<Vec<Self>, Error> {
        let rows = self.rows.rows();
        let sum = lengths
            .iter()
            .try_fold(0usize, |sum, length| sum.checked_add(*length));
        if sum != Some(rows) {
            let expected = sum.map_or("fewer".into(), |sum| format!("{sum}, the parts' sum,"));
            return Err(Error::Rows {
                expected,
                got: rows,
            });
        }
        let mut start = 0;
        let part = lengths.iter().map(|length| {
            let end = start + u32::try_from(*length).unwrap_or(u32::MAX);
            let positions: Vec<_> = (start..end).collect();
            start = end;
            self.take(&positions)
        });
        Ok(part.collect())
    }

    /// For each row the part that a seed assigns it to, parts having the weights given: 80 and 20, say.
    ///
    /// Row i goes to the first part p with `h(i) * W < w(p) * 2^64`, where w(p) is the sum of the weights up to p, W the
    /// sum of all, and h(i) the little-endian number in bytes 8i to 8i + 7 of BLAKE3's extended output, keyed with the
    /// seed, for the input `prooflane-split/1`.
    ///
    /// # Errors
    /// If all weights are 0, there is none, or there are more than 256.
    pub fn assignment(&self, seed: &[u8; 32], weights: &[u32]) -> Result<Vec<u8>, Error> {
        let sums: Vec<u128> = weights
            .iter()
            .scan(0u128, |sum, weight| {
                *sum += u128::from(*weight);
                Some(*sum)
            })
            .collect();
        let total = sums.last().copied().unwrap_or(0);
        if total == 0 || weights.len() > 256 {
            return Err(Error::Rows {
                expected: "1 to 256 weights that are not all 0 to divide the".into(),
                got: self.rows.rows(),
            });
        }
        let mut output = blake3::Hasher::new_keyed(seed)
            .update(b"prooflane-split/1")
            .finalize_xof();
        let mut block = [0; 8 * 1_024];
        let mut assigned = Vec::with_capacity(self.rows.rows());
        while assigned.len() < self.rows.rows() {
            output.fill(&mut block);
            let numbers = block
                .as_chunks::<8>()
                .0
                .iter()
                .map(|bytes| u128::from(u64::from_le_bytes(*bytes)));
            assigned.extend(
                numbers
                    .take(self.rows.rows() - assigned.len())
                    .map(|number| {
                        let part = sums.partition_point(|sum| *sum << 64 <= number * total);
                        u8::try_from(part).unwrap_or(u8::MAX)
                    }),
            );
        }
        Ok(assigned)
    }

    /// Parts that together are the dataset, each row in the part that [`Self::assignment`] says, in its order.
    ///
    /// # Errors
    /// As [`Self::assignment`].
    pub fn split(&self, seed: &[u8; 32], weights: &[u32]) -> Result<Vec<Self>, Error> {
        let assignment = self.assignment(seed, weights)?;
        let part = |part| self.take(&positions(&assignment, part));
        Ok((0..weights.len())
            .map(|index| part(u8::try_from(index).unwrap_or(u8::MAX)))
            .collect())
    }

    /// A column's values times `factor` plus `offset`, of integers and of decimals' integers: an offset of 150 adds 1.50
    /// to a `decimal(2)`. Nulls stay nulls.
    ///
    /// # Errors
    /// If there is no such column, it holds neither integers nor decimals of 64 bits, or a result is beyond its range.
    pub fn scale(&self, name: &str, factor: i64, offset: i64) -> Result<Self, Error> {
        let index = self.schema.index(name)?;
        let kind = self.schema.columns()[index].kind.kind;
        let column = &self.rows.columns()[index];
        let (Kind::Int(_) | Kind::Uint(_) | Kind::Decimal(_), Some(keys)) = (kind, column.keys())
        else {
            let expected = "integers, or decimals of at most 18 digits";
            return Err(Error::Column {
                column: name.into(),
                expected,
            });
        };
        let scaled = keys.iter().enumerate().map(|(row, key)| {
            if !column.is_present(row) {
                return Ok(0);
            }
            // Two factors of 64 bits and a term of 64 bits are within 128.
            let value = kind.integer(*key).unwrap_or(0) * i128::from(factor) + i128::from(offset);
            kind.key_of_integer(value).ok_or_else(|| Error::Overflow {
                row: row + 1,
                column: name.into(),
                expected: kind,
            })
        });
        let scaled = Values::Keys(scaled.collect::<Result<_, _>>()?);
        let mut columns = self.rows.columns().to_vec();
        columns[index] = Column::new(column.present().map(<[bool]>::to_vec), scaled);
        Ok(Self {
            schema: self.schema.clone(),
            rows: Batch::of(columns),
        })
    }

    /// The rows of datasets, one after the other.
    ///
    /// # Errors
    /// If their columns differ, there is no dataset, or there are 2^32 rows or more.
    pub fn concat(tables: &[&Self]) -> Result<Self, Error> {
        let first = tables.first().ok_or(Error::NoColumns)?;
        if let Some(other) = tables
            .iter()
            .position(|table| !table.schema.agrees(&first.schema))
        {
            return Err(Error::Schemas { number: other + 1 });
        }
        let nullable = |index: usize| {
            tables
                .iter()
                .any(|table| table.schema.columns()[index].kind.nullable)
        };
        let fields = first.schema.columns().iter().enumerate();
        let fields = fields
            .map(|(index, field)| Field::new(field.name.clone(), field.kind.kind, nullable(index)));
        let schema = Schema::new(fields.collect())?;
        let batches: Vec<_> = tables.iter().map(|table| &table.rows).collect();
        let rows = concat(&schema, &batches);
        Self { schema, rows }.counted()
    }
}

fn concat(schema: &Schema, batches: &[&Batch]) -> Batch {
    let columns = schema.columns().iter().enumerate().map(|(index, field)| {
        Column::concat(
            field.kind.kind,
            batches.iter().map(|batch| &batch.columns()[index]),
        )
    });
    Batch::of(columns.collect())
}

/// Where a value is.
fn positions<T: PartialEq>(values: &[T], wanted: T) -> Vec<u32> {
    let here = (0u32..).zip(values).filter(|(_, value)| **value == wanted);
    here.map(|(position, _)| position).collect()
}
