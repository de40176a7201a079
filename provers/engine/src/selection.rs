//! Which bases are there to be multiplied, and by what.

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::Affine;
use ark_ff::AdditiveGroup;
use prooflane_kernels::Curve;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// The columns whose bases are left once infinities are dropped and equal and opposite ones merged: a base that several
/// columns share is multiplied by the sum of their values, each with its sign.
///
/// Real keys have all three kinds: `u_i(tau)` is zero where column `i` is not in A, and equal or opposite for columns
/// that appear in the same constraints alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The first column of each base; a base is that of its first column.
    first: Vec<u32>,
    /// Further columns.
    more: Vec<Further>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Further {
    base: u32,
    column: u32,
    negative: bool,
}

impl Selection {
    /// The selection from one base a column, and its bases.
    pub(crate) fn of<C: Curve>(bases: &[Affine<C>]) -> (Self, Vec<Affine<C>>) {
        let (mut first, mut more, mut kept) = (vec![], vec![], vec![]);
        let mut known: HashMap<C::BaseField, u32> = HashMap::with_capacity(bases.len());
        for (column, base) in (0u32..).zip(bases) {
            let Some((x, y)) = base.xy() else { continue };
            let new = first.len() as u32;
            let index = *known.entry(x).or_insert(new);
            if index == new {
                first.push(column);
                kept.push(*base);
            } else {
                // Two points of one x are equal or opposite, and no point of either group has y = 0.
                let negative = kept[index as usize].y != y;
                more.push(Further {
                    base: index,
                    column,
                    negative,
                });
            }
        }
        (Self { first, more }, kept)
    }

    /// Number of bases.
    pub(crate) fn len(&self) -> usize {
        self.first.len()
    }

    /// What each base is to be multiplied by, and then what is appended; `values` has one value a column.
    pub(crate) fn scalars(&self, values: &[Fr], appended: &[Fr]) -> Zeroizing<Vec<Fr>> {
        let mut scalars = Zeroizing::new(Vec::with_capacity(self.first.len() + appended.len()));
        scalars.extend(self.first.iter().map(|column| values[*column as usize]));
        for further in &self.more {
            let value = &values[further.column as usize];
            let scalar: &mut Fr = &mut scalars[further.base as usize];
            if further.negative {
                *scalar -= value;
            } else {
                *scalar += value;
            }
        }
        scalars.extend_from_slice(appended);
        scalars
    }

    /// As words: the numbers of both kinds, then the kinds.
    pub(crate) fn write(&self, words: &mut Vec<u64>) {
        words.extend([self.first.len() as u64, self.more.len() as u64]);
        words.extend(self.first.iter().map(|column| u64::from(*column)));
        for Further {
            base,
            column,
            negative,
        } in &self.more
        {
            let column = u64::from(*column) << 1 | u64::from(*negative);
            words.push(u64::from(*base) << 33 | column);
        }
    }

    /// What [`Selection::write`] wrote, of a system with so many columns. Words that mean nothing are refused.
    pub(crate) fn read(words: &mut &[u64], columns: usize) -> Option<Self> {
        let ([bases, further], rest) = words.split_first_chunk()?;
        let (first, rest) = rest.split_at_checked(usize::try_from(*bases).ok()?)?;
        let (more, rest) = rest.split_at_checked(usize::try_from(*further).ok()?)?;
        *words = rest;
        let column_of = |word: u64| {
            let column = u32::try_from(word).ok()?;
            ((column as usize) < columns).then_some(column)
        };
        let more = more.iter().map(|word| {
            let base = u32::try_from(word >> 33).ok()?;
            Some(Further {
                base: ((base as usize) < first.len()).then_some(base)?,
                column: column_of((word >> 1) & u64::from(u32::MAX))?,
                negative: word & 1 == 1,
            })
        });
        Some(Self {
            more: more.collect::<Option<_>>()?,
            first: first
                .iter()
                .map(|word| column_of(*word))
                .collect::<Option<_>>()?,
        })
    }

    /// How many values of full size would be as much work as these: what a table's plan depends on.
    pub(crate) fn dense(&self, values: &[Fr]) -> usize {
        let bits: usize = self
            .scalars(values, &[])
            .iter()
            .map(|value| bits(value))
            .sum();
        bits.div_ceil(254)
    }
}

/// Bits of a value or its negative, whichever is shorter.
fn bits(value: &Fr) -> usize {
    use ark_ff::{BigInteger, PrimeField};
    if *value == Fr::ZERO {
        return 0;
    }
    let [value, negative] = [value.into_bigint(), (-*value).into_bigint()];
    value.min(negative).num_bits() as usize
}
