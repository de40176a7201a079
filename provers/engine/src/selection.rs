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
        let bits: usize = self.scalars(values, &[]).iter().map(bits).sum();
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

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{G1Affine, G1Projective, G2Affine, g1};
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::UniformRand;
    use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
    use prooflane_kernels::{Backend, FixedBases, Plan};
    use proptest::prelude::*;

    fn sum(bases: &[G1Affine], values: &[Fr]) -> G1Projective {
        bases
            .iter()
            .zip(values)
            .map(|(base, value)| *base * value)
            .sum()
    }

    /// Infinite, equal and opposite bases, and whatever else a generator makes of few points.
    fn bases(rng: &mut StdRng, size: usize, points: usize) -> Vec<G1Affine> {
        let points: Vec<G1Affine> = (0..points)
            .map(|_| G1Projective::rand(rng).into_affine())
            .collect();
        (0..size)
            .map(
                |_| match (rng.gen_range(0..4), points[rng.gen_range(0..points.len())]) {
                    (0, _) => G1Affine::zero(),
                    (1, point) => -point,
                    (_, point) => point,
                },
            )
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sums_stay_the_same(seed: u64, size in 0usize..60, points in 1usize..20) {
            let mut rng = StdRng::seed_from_u64(seed);
            let all = bases(&mut rng, size, points);
            let values: Vec<Fr> = (0..size).map(|_| Fr::rand(&mut rng)).collect();
            let (selection, mut kept) = Selection::of(&all);
            prop_assert_eq!(kept.len(), selection.len());
            prop_assert!(kept.len() <= points);
            let extra = G1Projective::rand(&mut rng).into_affine();
            kept.push(extra);
            let five = Fr::from(5);
            let scalars = selection.scalars(&values, &[five]);
            prop_assert_eq!(sum(&kept, &scalars), sum(&all, &values) + extra * five);
            for backend in [Backend::Scalar, Backend::Ifma].into_iter().filter(|backend| backend.is_available()) {
                let plan = Plan::choose(kept.len(), kept.len(), 64, 1 << 16);
                let table = FixedBases::<g1::Config>::build(&kept, plan, backend, |_| ()).unwrap();
                prop_assert_eq!(table.msm(&scalars), Ok(sum(&kept, &scalars)));
            }

            let mut words = vec![];
            selection.write(&mut words);
            words.push(7);
            let mut rest = &words[..];
            prop_assert_eq!(Selection::read(&mut rest, size), Some(selection.clone()));
            prop_assert_eq!(rest, &[7][..]);
            // Of a system with fewer columns, or cut.
            if let Some(last) = selection.first.iter().chain(selection.more.iter().map(|further| &further.column)).max() {
                prop_assert_eq!(Selection::read(&mut &words[..], *last as usize), None);
                prop_assert_eq!(Selection::read(&mut &words[..words.len() - 2], size), None);
            }
        }
    }

    #[test]
    fn infinite_equal_and_opposite() {
        let (p, q) = (
            G1Affine::generator(),
            (G1Projective::generator() * Fr::from(3)).into_affine(),
        );
        let all = [G1Affine::zero(), p, q, -p, p, G1Affine::identity(), -q];
        let (selection, kept) = Selection::of(&all);
        assert_eq!(kept, [p, q]);
        let values = [1u64, 2, 3, 4, 5, 6, 7].map(Fr::from);
        assert_eq!(
            *selection.scalars(&values, &[]),
            [Fr::from(2 - 4 + 5), -Fr::from(4)]
        );
        let g2 = G2Affine::generator();
        assert_eq!(Selection::of(&[g2, -g2]).1, [g2]);
        assert_eq!(Selection::of::<g1::Config>(&[]).0.len(), 0);
    }

    #[test]
    fn small_values_count_little() {
        let bases = vec![G1Affine::generator(); 1];
        let (selection, _) = Selection::of(&bases);
        assert_eq!(selection.dense(&[Fr::ZERO]), 0);
        assert_eq!(selection.dense(&[-Fr::from(1)]), 1);
        let bases: Vec<G1Affine> = (1..=254u64)
            .map(|i| (G1Projective::generator() * Fr::from(i)).into_affine())
            .collect();
        let (selection, _) = Selection::of(&bases);
        assert_eq!(selection.dense(&[-Fr::from(1); 254]), 1);
    }
}
