//! Where a table's columns live, and what tells its rows apart there.
//!
//! Row `i` of 2^n is the point `w^i` of the subgroup `H` of that order. Quotients are computed on the coset `gK`, where `K`
//! has twice the order. The rows that count are the first; `blind` vanishes on the others.

use crate::field::{E, F, LOG_BLOWUP, Transform};
use crate::table::{At, Fixed, Table};
use p3_dft::TwoAdicSubgroupDft;
use p3_field::{
    ExtensionField, Field, PrimeCharacteristicRing, TwoAdicField, batch_multiplicative_inverse,
};
use p3_matrix::Matrix;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;

/// What constraints of each kind are multiplied with so that the sum is a polynomial exactly if all hold; and the fixed
/// columns.
pub(crate) struct Selectors<V> {
    /// For [`At::All`]: `blind / (x^N - 1)`.
    pub(crate) all: V,
    /// For [`At::Transition`]: that times `x - w^last`.
    pub(crate) transition: V,
    /// For [`At::Row`]: `1 / (x - w^row)`.
    pub(crate) rows: Vec<(u64, V)>,
    /// 1 in the first row and 0 in all others.
    pub(crate) first: V,
    /// The fixed columns.
    pub(crate) fixed: Vec<V>,
}

impl<V: Clone> Selectors<V> {
    pub(crate) fn of(&self, at: At) -> V {
        match at {
            At::All => self.all.clone(),
            At::Transition => self.transition.clone(),
            At::Row(row) => {
                let found = self.rows.iter().find(|(known, _)| *known == row);
                found.expect("all rows of constraints are listed").1.clone()
            }
        }
    }
}

/// The generator of the subgroup of rows.
pub(crate) fn generator(table: &Table) -> F {
    F::two_adic_generator(table.log_rows)
}

fn special_rows(table: &Table) -> Vec<u64> {
    let rows = table
        .constraints
        .iter()
        .filter_map(|constraint| match constraint.at {
            At::Row(row) => Some(row),
            At::All | At::Transition => None,
        });
    let mut rows: Vec<u64> = rows.chain([0, table.rows - 1]).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The selectors at one point outside of all domains.
pub(crate) fn at_point(table: &Table, x: E) -> Selectors<E> {
    let w = generator(table);
    let order = 1_u64 << table.log_rows;
    let vanishing = x.exp_power_of_2(table.log_rows) - E::ONE;
    let mut root = w.exp_u64(table.rows);
    let mut blind = E::ONE;
    for _ in table.rows..order {
        blind *= x - root;
        root *= w;
    }
    let all = blind * vanishing.inverse();
    let lagrange = vanishing * F::from_u64(order).inverse();
    let in_one_row = |row: u64| {
        let root = w.exp_u64(row);
        lagrange * (x - root).inverse() * root
    };
    let lengths = table.fixed.iter().map(|fixed| match fixed {
        Fixed::Values(values) => values.len(),
        Fixed::Row(_) | Fixed::Ends(_) | Fixed::Starts(_) => 0,
    });
    // `w^row / (x - w^row)`, for all columns of values.
    let roots: Vec<F> = w.powers().collect_n(lengths.max().unwrap_or(0));
    let differences: Vec<E> = roots.iter().map(|root| x - *root).collect();
    let inverses = batch_multiplicative_inverse(&differences);
    let weights: Vec<E> = (inverses.into_iter().zip(roots))
        .map(|(inverse, root)| inverse * root)
        .collect();
    let fixed = table.fixed.iter().map(|fixed| match fixed {
        Fixed::Row(row) => in_one_row(*row),
        Fixed::Ends(rows) => every(order, *rows, x * w),
        Fixed::Starts(rows) => every(order, *rows, x),
        Fixed::Values(values) => {
            let terms = values.iter().zip(&weights);
            lagrange * terms.map(|(value, weight)| *weight * *value).sum::<E>()
        }
    });
    Selectors {
        all,
        transition: all * (x - w.exp_u64(table.rows - 1)),
        rows: special_rows(table)
            .into_iter()
            .map(|row| (row, (x - w.exp_u64(row)).inverse()))
            .collect(),
        first: in_one_row(0),
        fixed: fixed.collect(),
    }
}

/// With `y = x^(N/b)`, which is 1 in the rows that are multiples of `b` and another root of unity of order `b` in all others:
/// the mean of the powers of `y`, which is `(1 + y)(1 + y^2)(1 + y^4)... / b`.
fn every<V: ExtensionField<F>>(order: u64, rows: u64, x: V) -> V {
    let mut y = x.exp_u64(order / rows);
    let mut sum = V::ONE;
    for _ in 0..rows.ilog2() {
        sum *= V::ONE + y;
        y = y.square();
    }
    sum * F::from_u64(rows).inverse()
}

/// The selectors on the whole coset, in the order of its points.
pub(crate) fn on_coset(table: &Table) -> Selectors<Vec<F>> {
    let w = generator(table);
    let order = 1_usize << table.log_rows;
    let size = order << LOG_BLOWUP;
    let k = F::two_adic_generator(table.log_rows + LOG_BLOWUP);
    let points: Vec<F> = k.shifted_powers(F::GENERATOR).collect_n(size);
    // `x^N - 1` has as many values as the coset is larger than the subgroup.
    let vanishing: Vec<F> = points[..1 << LOG_BLOWUP]
        .iter()
        .map(|x| x.exp_power_of_2(table.log_rows) - F::ONE)
        .collect();
    let inverse = batch_multiplicative_inverse(&vanishing);
    let mask = vanishing.len() - 1;
    let blind = blind_coefficients(table);
    let mut coefficients = F::zero_vec(size);
    coefficients[..blind.len()].copy_from_slice(&blind);
    let blind = Transform::default()
        .coset_dft_batch(RowMajorMatrix::new_col(coefficients), F::GENERATOR)
        .to_row_major_matrix()
        .values;
    let all: Vec<F> = (blind.into_par_iter().enumerate())
        .map(|(j, blind)| blind * inverse[j & mask])
        .collect();
    let last = w.exp_u64(table.rows - 1);
    let transition = (all.par_iter().zip(&points))
        .map(|(all, x)| *all * (*x - last))
        .collect();
    // 1 / (x - w^row) is 1 / (x' - 1) / w^row with x' = x / w^row, another point of the coset: one column gives all.
    let differences: Vec<F> = points.par_iter().map(|x| *x - F::ONE).collect();
    let from_one = batch_multiplicative_inverse(&differences);
    let away = |row: u64, scale: F| -> Vec<F> {
        let turned = size - ((row as usize) << LOG_BLOWUP);
        (0..size)
            .into_par_iter()
            .map(|j| from_one[(j + turned) & (size - 1)] * scale)
            .collect()
    };
    // (w^row / N) (x^N - 1) / (x - w^row)
    let in_one_row = |row: u64| {
        let mut column = away(row, F::from_usize(order).inverse());
        (column.par_iter_mut().enumerate()).for_each(|(j, value)| *value *= vanishing[j & mask]);
        column
    };
    let periodic = |rows: u64, shift: F| -> Vec<F> {
        let period = &points[..(rows as usize) << LOG_BLOWUP];
        let values: Vec<F> = (period.iter())
            .map(|x| every(order as u64, rows, *x * shift))
            .collect();
        (0..size).map(|j| values[j % values.len()]).collect()
    };
    let fixed = table.fixed.iter().map(|fixed| match fixed {
        Fixed::Row(row) => in_one_row(*row),
        Fixed::Ends(rows) => periodic(*rows, w),
        Fixed::Starts(rows) => periodic(*rows, F::ONE),
        Fixed::Values(values) => {
            let mut column = F::zero_vec(order);
            column[..values.len()].copy_from_slice(values);
            let column = RowMajorMatrix::new_col(column);
            let codeword = Transform::default().coset_lde_batch(column, LOG_BLOWUP, F::GENERATOR);
            codeword.to_row_major_matrix().values
        }
    });
    let fixed = fixed.collect();
    let rows = special_rows(table);
    Selectors {
        all,
        transition,
        rows: (rows.into_iter())
            .map(|row| (row, away(row, w.exp_u64(row).inverse())))
            .collect(),
        first: in_one_row(0),
        fixed,
    }
}

/// The fixed columns' values in one row.
pub(crate) fn in_row(table: &Table, row: u64) -> impl Iterator<Item = F> {
    table.fixed.iter().map(move |fixed| match fixed {
        Fixed::Row(only) => F::from_bool(*only == row),
        Fixed::Ends(rows) => F::from_bool((row + 1).is_multiple_of(*rows)),
        Fixed::Starts(rows) => F::from_bool(row.is_multiple_of(*rows)),
        Fixed::Values(values) => values.get(row as usize).copied().unwrap_or(F::ZERO),
    })
}

/// The polynomial that vanishes on the rows that do not count, by the q-binomial theorem.
fn blind_coefficients(table: &Table) -> Vec<F> {
    let w = generator(table);
    let count = (1_usize << table.log_rows) - table.rows as usize;
    let first = w.exp_u64(table.rows);
    let powers: Vec<F> = w.powers().collect_n(count + 1);
    let differences: Vec<F> = powers[1..].iter().map(|power| F::ONE - *power).collect();
    let inverses = batch_multiplicative_inverse(&differences);
    let mut coefficients = F::zero_vec(count + 1);
    // (-a)^j q^(j(j-1)/2) [count, j]_q, for x^(count - j).
    let mut coefficient = F::ONE;
    coefficients[count] = coefficient;
    for j in 1..=count {
        let choices = (F::ONE - powers[count - j + 1]) * inverses[j - 1];
        coefficient *= -first * powers[j - 1] * choices;
        coefficients[count - j] = coefficient;
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Linear;

    #[test]
    fn selectors_are_what_they_say() {
        let mut table = Table::new(9, 300);
        table.fixed(Fixed::Row(17));
        table.fixed(Fixed::Ends(8));
        table.fixed(Fixed::Starts(16));
        table.fixed(Fixed::Starts(1));
        table.fixed(Fixed::Values([3, 0, 5].map(F::from_u32).to_vec()));
        let cell = table.column();
        table.demand(At::Row(5), Linear::from(cell));
        let on_coset = on_coset(&table);
        let k = F::two_adic_generator(10);
        for j in [0_usize, 1, 2, 77, 511, 1023] {
            let x = F::GENERATOR * k.exp_u64(j as u64);
            let at = at_point(&table, E::from(x));
            assert_eq!(at.all, E::from(on_coset.all[j]));
            assert_eq!(at.transition, E::from(on_coset.transition[j]));
            assert_eq!(at.first, E::from(on_coset.first[j]));
            for ((_, here), (_, there)) in at.rows.iter().zip(&on_coset.rows) {
                assert_eq!(*here, E::from(there[j]));
            }
            for (here, there) in at.fixed.iter().zip(&on_coset.fixed) {
                assert_eq!(*here, E::from(there[j]));
            }
        }
        // The fixed columns, interpolated from the coset, in the rows themselves.
        let transform = Transform::default();
        for (number, column) in on_coset.fixed.iter().enumerate() {
            let column = RowMajorMatrix::new_col(column.clone());
            let coefficients = transform.coset_idft_batch(column, F::GENERATOR).values;
            assert!(coefficients[512..].iter().all(|c| *c == F::ZERO));
            let rows = RowMajorMatrix::new_col(coefficients[..512].to_vec());
            let rows = transform.dft_batch(rows).to_row_major_matrix().values;
            for (row, value) in rows.iter().enumerate() {
                assert_eq!(
                    *value,
                    in_row(&table, row as u64).nth(number).unwrap(),
                    "{number} in {row}"
                );
            }
        }
    }
}
