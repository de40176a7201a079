//! How many values a column has, their least and greatest, their sum and the sum of their squares.
//!
//! For each value `v` that is there, the prover shows `v = low + s k + u` with a bit `s` and `u` below `box`, where
//! `k + box = high - low + 1` and `k < box`. So `v` lies between `low` and `high`, and every such value can be written so. `u` is
//! given by its bytes, which are looked up; `box` is a multiple of a power of 2^16, so that bounding the highest word of `u`
//! bounds `u`. One value equals `low` and one `high`.
//!
//! Sums are of bytes and of products of two bytes, over the whole column or over 128 rows, so that they stay below the
//! field's order: no sum of 2^22 bytes reaches 2^30, and 128 rows of eight values have products of at most
//! 128 * 8 * 8 * 255^2 < 2^29 for one weight. `digits.rs` puts them together to the claimed sums over the integers:
//!
//! - sum of `v - low` = `k` sum of `s` + sum of `u`,
//! - sum of `(v - low)^2` = `k^2` sum of `s` + `2k` sum of `s u` + sum of `u^2`.

use crate::claim::{Claim, Prepared, Tables};
use crate::column::{BLOCK, Column, Layout, Live, VALUES};
use crate::digits::{Digits, Equation, NUMBER};
use crate::field::F;
use crate::proof::{Commitment, Statement};
use crate::table::{
    At, Cell, Fixed, Linear, Quadratic, Table, carried, index, next, put, set, word,
};
use crate::words::{BOUNDED, BYTES, Lookups, WORD, Words};
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Message: the number of a block of rows, and the sums of products before it.
const SUMS_BEFORE: u32 = 6;

/// What is claimed of a column: exact integers, of values as their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// How many values are there.
    pub present: u64,
    /// The least; 0 if there is none.
    pub low: u64,
    /// The greatest; 0 if there is none.
    pub high: u64,
    /// The sum of what they exceed the least by. In JSON a text from 2^64 on: many readers take a larger number for a fraction.
    #[serde(with = "wide")]
    pub sum: u128,
    /// The sum of the squares of that, lowest word first.
    pub squares: [u64; 3],
}

/// Numbers that 64 bits may not hold, in JSON.
mod wide {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub(super) fn serialize<S: Serializer>(number: &u128, to: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(*number) {
            Ok(small) => to.serialize_u64(small),
            Err(_) => to.collect_str(number),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        from.deserialize_any(Number)
    }

    struct Number;

    impl Visitor<'_> for Number {
        type Value = u128;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer below 2^128, as a text from 2^64 on")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u128, E> {
            Ok(number.into())
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u128, E> {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| digits);
            number.ok_or_else(|| E::custom("expected an integer below 2^128"))
        }
    }
}

impl Statistics {
    /// Of a column's values, in one pass after the bounds are known.
    pub fn of(column: &Column) -> Self {
        let values = || {
            (0..column.layout().rows)
                .into_par_iter()
                .filter_map(|row| column.get(row))
        };
        let low = values().min().unwrap_or(0);
        let high = values().max().unwrap_or(0);
        let add = |a: (u64, u128, [u64; 3]), b: (u64, u128, [u64; 3])| {
            let mut squares = a.2;
            let mut carry = 0;
            for (square, other) in squares.iter_mut().zip(b.2) {
                let sum = u128::from(*square) + u128::from(other) + carry;
                *square = sum as u64;
                carry = sum >> 64;
            }
            (a.0 + b.0, a.1 + b.1, squares)
        };
        let (present, sum, squares) = values()
            .map(|value| {
                let above = u128::from(value - low);
                let square = above * above;
                (1, above, [square as u64, (square >> 64) as u64, 0])
            })
            .reduce(|| (0, 0, [0; 3]), add);
        Self {
            present,
            low,
            high,
            sum,
            squares,
        }
    }

    /// The mean of the keys.
    pub fn mean(&self) -> f64 {
        self.low as f64 + self.sum as f64 / self.present as f64
    }

    /// The variance of the keys, of the whole column taken as the population.
    pub fn variance(&self) -> f64 {
        let squares = self.squares.iter().rev();
        let squares = squares.fold(0.0, |sum, word| sum * 2_f64.powi(64) + *word as f64);
        let (count, sum) = (self.present as f64, self.sum as f64);
        (squares - sum / count * sum) / count
    }
}

impl Claim for Statistics {
    fn tables(&self, layout: Layout, commitment: &Commitment) -> Option<Tables> {
        Plan::new(self, layout, commitment.clone()).map(Tables::from)
    }

    fn holds(&self, column: &Column) -> bool {
        *self == Self::of(column)
    }
}

/// `high - low + 1 = k + box`, where `box` is `(top + 1)` times 2^16 to the power `highest`.
#[derive(Clone, Copy)]
struct Cover {
    low: u64,
    k: u64,
    /// The greatest value of the highest word of `u`.
    top: u64,
    /// Which word that is.
    highest: usize,
}

impl Cover {
    fn new(low: u64, high: u64, limbs: usize) -> Self {
        let size = u128::from(high - low) + 1;
        let highest = (size.ilog2() as usize / 16).min(limbs - 1);
        let boxes = size >> (16 * highest);
        Self {
            low,
            k: (size - (boxes << (16 * highest))) as u64,
            top: (boxes - 1) as u64,
            highest,
        }
    }

    fn words(&self) -> usize {
        self.highest + 1
    }

    /// The kind of message by which a word of `u` is looked up.
    fn kind(&self, number: usize) -> u32 {
        if number == self.highest {
            BOUNDED
        } else {
            BYTES
        }
    }

    /// `s` and `u` of a value.
    fn split(&self, value: u64) -> (bool, u64) {
        let above = value.wrapping_sub(self.low);
        let beyond = above >> (16 * self.highest) > self.top;
        (
            beyond,
            if beyond {
                above.wrapping_sub(self.k)
            } else {
                above
            },
        )
    }
}

/// Cells of one of the eight values of a row.
struct Place {
    /// Of each word of `u`, the low and the high byte.
    bytes: Vec<Cell>,
    s: Cell,
    carries: Vec<Cell>,
    is_low: Cell,
    is_high: Cell,
}

/// The tables and where their columns are.
pub(crate) struct Plan {
    pub(crate) statement: Statement,
    layout: Layout,
    claim: Statistics,
    cover: Cover,
    words: Words,
    digits: Digits,
    places: Vec<Place>,
    live: Live,
    /// Sums over the rows before this one: values there, those that are the least and the greatest, and what is told.
    present: Option<Cell>,
    attained: [Cell; 2],
    told: Vec<Cell>,
    products: Vec<Cell>,
    block: Cell,
    out: Cell,
    blocks: Blocks,
}

/// The table that cuts sums of products to pieces that can be summed up further.
struct Blocks {
    table: Table,
    count: u64,
    number: Cell,
    counts: Cell,
    before: Vec<Cell>,
    low: Vec<Cell>,
    high: Vec<Cell>,
    sums: Vec<Cell>,
    out: Cell,
}

const MAIN: usize = 0;
const BLOCKS: usize = 1;
const WORDS: usize = 2;
const NUMBERS: usize = 3;
const SUMS: usize = 4;

impl Plan {
    /// Nothing, if the claim cannot be true of any column.
    pub(crate) fn new(claim: &Statistics, layout: Layout, commitment: Commitment) -> Option<Self> {
        layout.check().ok()?;
        let limbs = layout.limbs as usize;
        let possible = claim.low <= claim.high
            && (limbs == 4 || claim.high >> (16 * limbs) == 0)
            && claim.present <= layout.rows
            && (layout.nullable || claim.present == layout.rows)
            && (claim.present > 0
                || *claim
                    == Statistics {
                        present: 0,
                        low: 0,
                        high: 0,
                        sum: 0,
                        squares: [0; 3],
                    });
        if !possible {
            return None;
        }
        let cover = Cover::new(claim.low, claim.high, limbs);
        let mut table = layout.table();
        let source = table.source(0, layout.width());
        let live = Live::new(&mut table, &layout);
        let last = layout.counting() - 1;
        let one = Linear::one;

        let mut places = Vec::new();
        let mut there = Vec::new();
        for place in 0..VALUES {
            let p = live.demand_presence(&mut table, &layout, source, place);
            let cells = Place {
                bytes: (0..2 * cover.words()).map(|_| table.column()).collect(),
                s: table.column(),
                carries: (1..limbs).map(|_| table.column()).collect(),
                is_low: table.column(),
                is_high: table.column(),
            };
            for bit in cells
                .carries
                .iter()
                .chain([&cells.s, &cells.is_low, &cells.is_high])
            {
                table.demand_bit(*bit);
            }
            for only_there in [cells.s, cells.is_low, cells.is_high] {
                table.demand(At::All, Linear::from(only_there) * (one() - p.clone()));
            }
            // p (a - low) - s (low + k - low) - carry in + 2^16 carry out - u = 0, for each limb.
            for limb in 0..limbs {
                let a = layout.limb(source, place, limb);
                let base = |of: u64| F::from_u64(word(of, limb));
                let mut rest =
                    Linear::from(cells.s) * (base(cover.low) - base(cover.low + cover.k));
                rest += carried(&cells.carries, limb);
                if limb < cover.words() {
                    rest -= Linear::from(cells.bytes[2 * limb]);
                    rest -= Linear::from(cells.bytes[2 * limb + 1]) * F::from_u32(256);
                }
                let above = a.clone() - Linear::from(base(cover.low));
                table.demand(At::All, p.clone() * above.clone() + rest);
                table.demand(At::All, Linear::from(cells.is_low) * above);
                let below = a - Linear::from(base(claim.high));
                table.demand(At::All, Linear::from(cells.is_high) * below);
            }
            for (number, pair) in cells.bytes.chunks(2).enumerate() {
                let bytes = pair.iter().map(|byte| Linear::from(*byte));
                table.send(cover.kind(number), bytes.collect(), one());
            }
            there.push(p);
            places.push(cells);
        }

        let sum_up = |table: &mut Table, of: Quadratic, total: Option<u64>| {
            let sum = table.column();
            table.demand(At::Row(0), Linear::from(sum));
            table.demand(At::Transition, of + (Linear::from(sum) - next(sum)));
            if let Some(total) = total {
                table.demand(At::Row(last), Linear::from(sum) - Linear::number(total));
            }
            sum
        };
        let all = |of: &dyn Fn(&Place) -> Linear| {
            let mut sum = Linear::zero();
            places.iter().for_each(|place| sum += of(place));
            Quadratic::from(sum)
        };
        let present = layout.nullable.then(|| {
            let mut sum = Linear::zero();
            there.iter().for_each(|there| sum += there.clone());
            sum_up(&mut table, sum.into(), Some(claim.present))
        });
        let some = claim.present.min(1);
        let attained = [
            sum_up(&mut table, all(&|place| place.is_low.into()), Some(some)),
            sum_up(&mut table, all(&|place| place.is_high.into()), Some(some)),
        ];
        let bytes = 2 * cover.words();
        let mut told = vec![sum_up(&mut table, all(&|place| place.s.into()), None)];
        for byte in 0..bytes {
            told.push(sum_up(
                &mut table,
                all(&|place| place.bytes[byte].into()),
                None,
            ));
        }
        for byte in 0..bytes {
            let products = (places.iter()).map(|place| (place.s, place.bytes[byte], F::ONE));
            told.push(sum_up(&mut table, sum_of(products), None));
        }
        let mut products = Vec::new();
        for weight in 0..2 * bytes - 1 {
            let pairs = places.iter().flat_map(|place| {
                (0..bytes)
                    .filter_map(move |low| Some((low, weight.checked_sub(low)?)))
                    .filter(|(low, high)| low <= high && *high < bytes)
                    .map(|(low, high)| {
                        let twice = F::from_u32(1 + u32::from(low != high));
                        (place.bytes[low], place.bytes[high], twice)
                    })
            });
            products.push(sum_up(&mut table, sum_of(pairs), None));
        }
        let block = table.column();
        let ends = table.fixed(Fixed::Ends(BLOCK));
        let starts = table.fixed(Fixed::Starts(BLOCK));
        table.demand(At::Row(0), Linear::from(block));
        table.demand(
            At::Transition,
            Linear::from(block) + Linear::from(ends) - next(block),
        );
        let fields = [&block].into_iter().chain(&products);
        let fields = fields.map(|cell| Linear::from(*cell)).collect();
        table.send(SUMS_BEFORE, fields, starts);
        let out = table.column();
        tell(&mut table, &told, 0, out);

        let blocks = Blocks::new(last / BLOCK, products.len(), told.len());
        let words = Words::new(cover.top);
        let digits = Digits::new(
            told.len() + 2 * products.len(),
            &equations(claim, &cover, products.len()),
        );
        let statement = Statement {
            tables: vec![
                table,
                blocks.table.clone(),
                words.table.clone(),
                digits.numbers.clone(),
                digits.sums.clone(),
            ],
            commitments: vec![commitment],
            public: Vec::new(),
        };
        Some(Self {
            statement,
            layout,
            claim: *claim,
            cover,
            words,
            digits,
            places,
            live,
            present,
            attained,
            told,
            products,
            block,
            out,
            blocks,
        })
    }
}

impl Prepared for Plan {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn fill(&self, column: &Column) -> Vec<RowMajorMatrix<F>> {
        let mut own = self.statement.blanks();
        let lookups = Lookups::new();
        let rows = 0..self.layout.rows;
        let first = |wanted: u64| {
            rows.clone()
                .into_par_iter()
                .find_first(|row| column.get(*row) == Some(wanted))
        };
        let [at_low, at_high] = [first(self.claim.low), first(self.claim.high)];
        let width = own[MAIN].width;
        let counting = self.layout.counting() as usize;
        let filled = self.layout.filled() as usize;
        own[MAIN].values[..counting * width]
            .par_chunks_mut(width)
            .enumerate()
            .for_each(|(row, cells)| {
                self.live.fill(cells, row as u64);
                set(cells, self.block, row as u64 / BLOCK);
                if row < filled {
                    let marks = [at_low, at_high];
                    self.fill_row(column, row as u64, marks, cells, &lookups);
                }
            });
        let unused = ((counting - filled) * VALUES) as u32;
        for number in 0..self.cover.words() {
            lookups.count_times(self.cover.kind(number), 0, unused);
        }
        let told = self.sum_up(&mut own[MAIN]);
        let products = self
            .blocks
            .fill(&self.products, own_pair(&mut own, MAIN, BLOCKS), &lookups);
        let numbers: Vec<u64> = told.into_iter().chain(products).collect();
        let [of_numbers, of_sums] = own_pair(&mut own, NUMBERS, SUMS);
        self.digits.fill(&numbers, [of_numbers, of_sums], &lookups);
        self.words.fill(&mut own[WORDS], &lookups);
        own
    }
}

impl Plan {
    /// The cells of a row's values, and in the columns of sums what the row adds to them.
    fn fill_row(
        &self,
        column: &Column,
        row: u64,
        marks: [Option<u64>; 2],
        cells: &mut [F],
        lookups: &Lookups,
    ) {
        let bytes = 2 * self.cover.words();
        let mut told = [0_u64; 17];
        let mut products = [0_u64; 15];
        let (mut present, mut attained) = (0, [0, 0]);
        for (place, of) in self.places.iter().enumerate() {
            let index = row * VALUES as u64 + place as u64;
            let value = column.get(index);
            let (s, u) = value.map_or((false, 0), |value| self.cover.split(value));
            for number in 0..self.cover.words() {
                lookups.count(self.cover.kind(number), word(u, number));
            }
            let Some(_) = value else { continue };
            present += 1;
            for (sum, mark) in attained.iter_mut().zip(marks) {
                *sum += u64::from(mark == Some(index));
            }
            set(cells, of.is_low, u64::from(marks[0] == Some(index)));
            set(cells, of.is_high, u64::from(marks[1] == Some(index)));
            set(cells, of.s, u64::from(s));
            let base = self.cover.low + if s { self.cover.k } else { 0 };
            let mut carry = 0;
            for (limb, cell) in of.carries.iter().enumerate() {
                carry = (word(base, limb) + word(u, limb) + carry) >> 16;
                set(cells, *cell, carry);
            }
            let mut byte = [0; 8];
            for (number, (byte, cell)) in byte.iter_mut().zip(&of.bytes).enumerate() {
                *byte = u >> (8 * number) & 255;
                set(cells, *cell, *byte);
                told[1 + number] += *byte;
                told[1 + bytes + number] += *byte * u64::from(s);
            }
            told[0] += u64::from(s);
            for low in 0..bytes {
                for high in 0..bytes {
                    products[low + high] += byte[low] * byte[high];
                }
            }
        }
        for (cell, added) in self.told.iter().zip(told) {
            set(cells, *cell, added);
        }
        for (cell, added) in self.products.iter().zip(products) {
            set(cells, *cell, added);
        }
        for (cell, added) in self.attained.iter().zip(attained) {
            set(cells, *cell, added);
        }
        if let Some(cell) = self.present {
            set(cells, cell, present);
        }
    }

    /// Turns what each row adds into the sums of all rows before it, and tells those that are told.
    fn sum_up(&self, own: &mut RowMajorMatrix<F>) -> Vec<u64> {
        let cells = self.told.iter().chain(&self.products).chain(&self.attained);
        let columns: Vec<usize> = cells
            .chain(&self.present)
            .map(|cell| index(*cell))
            .collect();
        let mut sums = vec![F::ZERO; columns.len()];
        let width = own.width;
        let counting = self.layout.counting() as usize;
        for cells in own.values[..counting * width].chunks_mut(width) {
            for (sum, column) in sums.iter_mut().zip(&columns) {
                let before = *sum;
                *sum += cells[*column];
                cells[*column] = before;
            }
        }
        let told = &sums[..self.told.len()];
        for (number, sum) in told.iter().enumerate() {
            let row = telling(counting as u64, number) as usize;
            put(&mut own.values[row * width..], self.out, *sum);
        }
        told.iter()
            .map(|sum| u64::from(sum.as_canonical_u32()))
            .collect()
    }
}

impl Blocks {
    fn new(count: u64, weights: usize, first_number: usize) -> Self {
        let numbers = 2 * weights;
        let mut table = Table::of_rows(count + 2 + numbers as u64);
        let last = table.rows - 1;
        let [number, counts] = table.columns();
        let mut columns = || (0..weights).map(|_| table.column()).collect::<Vec<_>>();
        let [before, low, high] = [columns(), columns(), columns()];
        let end = table.fixed(Fixed::Row(count - 1));
        let after = table.fixed(Fixed::Row(count));
        let one = Linear::one;
        table.demand(At::Row(0), Linear::from(number));
        table.demand(At::Transition, Linear::from(number) + one() - next(number));
        table.demand(At::Row(0), Linear::from(counts) - one());
        table.demand(
            At::Transition,
            Linear::from(counts) - Linear::from(end) - next(counts),
        );
        let fields = [&number].into_iter().chain(&before);
        let fields = fields.map(|cell| Linear::from(*cell)).collect();
        table.receive(
            SUMS_BEFORE,
            fields,
            Linear::from(counts) + Linear::from(after),
        );
        let mut sums = Vec::new();
        for (before, (low, high)) in before.iter().zip(low.iter().zip(&high)) {
            let cut = Linear::from(*low) + Linear::from(*high) * F::from_u32(1 << 16);
            table.demand(
                At::Transition,
                Linear::from(counts) * (next(*before) - Linear::from(*before) - cut),
            );
            for part in [low, high] {
                table.demand(
                    At::All,
                    Linear::from(*part) * (one() - Linear::from(counts)),
                );
                table.send(WORD, vec![Linear::from(*part)], one());
                let sum = table.column();
                table.demand(At::Row(0), Linear::from(sum));
                table.demand(
                    At::Transition,
                    Linear::from(sum) + Linear::from(*part) - next(sum),
                );
                sums.push(sum);
            }
            // High parts are below 2^14: none but the difference itself is congruent to it.
            table.send(WORD, vec![Linear::from(*high) * F::from_u32(4)], one());
        }
        debug_assert!(telling(last + 1, numbers - 1) > count);
        let out = table.column();
        tell(&mut table, &sums, first_number, out);
        Self {
            table,
            count,
            number,
            counts,
            before,
            low,
            high,
            sums,
            out,
        }
    }

    /// Writes the columns from those of the main table; the sums of all parts.
    fn fill(
        &self,
        products: &[Cell],
        [main, own]: [&mut RowMajorMatrix<F>; 2],
        lookups: &Lookups,
    ) -> Vec<u64> {
        let before = |block: u64, weight: usize| {
            let row = (block * BLOCK) as usize * main.width;
            main.values[row + index(products[weight])]
        };
        let width = own.width;
        let mut sums = vec![0; self.sums.len()];
        for row in 0..self.table.rows {
            let cells = &mut own.values[row as usize * width..(row as usize + 1) * width];
            set(cells, self.number, row);
            set(cells, self.counts, u64::from(row < self.count));
            for weight in 0..self.before.len() {
                for (sum, cell) in sums[2 * weight..]
                    .iter()
                    .zip(&self.sums[2 * weight..])
                    .take(2)
                {
                    set(cells, *cell, *sum);
                }
                if row <= self.count {
                    put(cells, self.before[weight], before(row, weight));
                }
                let mut parts = [0, 0];
                if row < self.count {
                    let difference = before(row + 1, weight) - before(row, weight);
                    let difference = u64::from(difference.as_canonical_u32());
                    parts = [difference & 0xffff, difference >> 16];
                }
                set(cells, self.low[weight], parts[0]);
                set(cells, self.high[weight], parts[1]);
                for (part, sum) in parts.into_iter().zip(&mut sums[2 * weight..]) {
                    lookups.count(WORD, part);
                    *sum += part;
                }
                lookups.count(WORD, 4 * parts[1]);
            }
        }
        for (number, sum) in sums.iter().enumerate() {
            let row = telling(self.table.rows, number) as usize;
            set(&mut own.values[row * width..], self.out, *sum);
        }
        sums
    }
}

/// The row in which a sum is told: the last ones that count, in turns.
fn telling(counting: u64, number: usize) -> u64 {
    counting - 2 - number as u64
}

/// Tells sums, one in a row, as the numbers from `first` on.
fn tell(table: &mut Table, sums: &[Cell], first: usize, out: Cell) {
    let counting = table.rows;
    let mut told = Quadratic::from(-Linear::from(out));
    let mut times = Linear::zero();
    let mut number = Linear::zero();
    for (index, sum) in sums.iter().enumerate() {
        let here = table.fixed(Fixed::Row(telling(counting, index)));
        told += Linear::from(here) * Linear::from(*sum);
        times += Linear::from(here);
        number += Linear::from(here) * F::from_usize(first + index);
    }
    table.demand(At::All, told);
    table.send(NUMBER, vec![number, Linear::from(out)], times);
}

/// The two equations of the module's documentation, of the numbers in the order in which they are told: the sum of `s`, those
/// of the bytes of `u`, those of `s` times them; and, for each weight, those of the low and of the high parts of products.
fn equations(claim: &Statistics, cover: &Cover, weights: usize) -> [Equation; 2] {
    let bytes = 2 * cover.words();
    let power = |weight: usize, factor: u128| {
        let mut number = vec![0; weight];
        number.extend(factor.to_le_bytes());
        number
    };
    let k = u128::from(cover.k);
    let mut sum = vec![(0, power(0, k))];
    sum.extend((0..bytes).map(|byte| (1 + byte, power(byte, 1))));
    let mut squares = vec![(0, power(0, k * k))];
    squares.extend((0..bytes).map(|byte| (1 + bytes + byte, power(byte, 2 * k))));
    for weight in 0..weights {
        let low = 1 + 2 * bytes + 2 * weight;
        squares.push((low, power(weight, 1)));
        squares.push((low + 1, power(weight + 2, 1)));
    }
    let result = claim.squares.iter().flat_map(|word| word.to_le_bytes());
    [
        Equation {
            terms: sum,
            result: claim.sum.to_le_bytes().to_vec(),
        },
        Equation {
            terms: squares,
            result: result.collect(),
        },
    ]
}

fn sum_of(products: impl Iterator<Item = (Cell, Cell, F)>) -> Quadratic {
    let mut sum = Quadratic::default();
    for (a, b, factor) in products {
        sum.products.push((a.min(b), a.max(b), factor));
    }
    sum
}

/// Two tables' columns at once.
fn own_pair(
    own: &mut [RowMajorMatrix<F>],
    first: usize,
    second: usize,
) -> [&mut RowMajorMatrix<F>; 2] {
    own.get_disjoint_mut([first, second])
        .expect("two different tables")
}
