//! Sums over the integers of private numbers times public ones, digit by digit.
//!
//! A private number is below 2^30 and has two words of 16 bits. A public one has bytes. Row by row, one byte times one word
//! is added to what was carried; where a digit of base 256 is complete, it is compared with the result's digit and the
//! rest is carried on. The carry is below 2^23, so nothing ever wraps: at most 94 products below 2^24 and a carry are added
//! for one digit, and the field's order is above 2^30.9.

use crate::field::F;
use crate::table::{At, Cell, Fixed, Linear, Table, next, put, set};
use crate::words::{Lookups, WORD};
use p3_field::{Field, PrimeCharacteristicRing};
use p3_matrix::dense::RowMajorMatrix;

/// Message: the number of a private number, and that number.
pub(crate) const NUMBER: u32 = 4;
/// Message: the number of a word, and that word.
const WORD_OF: u32 = 5;

/// `sum of factor * number = result`, where numbers are told apart by their index. All little-endian bytes.
pub(crate) struct Equation {
    pub(crate) terms: Vec<(usize, Vec<u8>)>,
    pub(crate) result: Vec<u8>,
}

/// One row: a word times a byte.
#[derive(Clone, Copy)]
struct Step {
    word: usize,
    byte: u8,
    /// If a digit is complete after it, that of the result.
    ends: Option<u8>,
}

/// The tables that hold the private numbers and check equations of them.
pub(crate) struct Digits {
    pub(crate) numbers: Table,
    pub(crate) sums: Table,
    count: usize,
    word: Cell,
    steps: Vec<Step>,
    factor_word: Cell,
    sum: Cell,
    carries: [Cell; 2],
}

impl Digits {
    /// Equations of `count` private numbers, each of which somebody sends as [`NUMBER`], once.
    pub(crate) fn new(count: usize, equations: &[Equation]) -> Self {
        let mut steps = Vec::new();
        let mut ends = Vec::new();
        for equation in equations {
            let digits = equation.terms.iter().map(|(_, factor)| factor.len() + 2);
            let digits = digits.max().unwrap_or(0).max(equation.result.len()) + 5;
            for digit in 0..digits {
                let start = steps.len();
                for (number, factor) in &equation.terms {
                    // The word `half` of a number weighs 256^(2 half).
                    for half in 0..2 {
                        let byte = digit.checked_sub(2 * half).and_then(|at| factor.get(at));
                        if let Some(byte) = byte.copied().filter(|byte| *byte != 0) {
                            let word = 2 * number + half;
                            steps.push(Step {
                                word,
                                byte,
                                ends: None,
                            });
                        }
                    }
                }
                if steps.len() == start {
                    steps.push(Step {
                        word: 0,
                        byte: 0,
                        ends: None,
                    });
                }
                let result = equation.result.get(digit).copied().unwrap_or(0);
                steps.last_mut().expect("one was pushed").ends = Some(result);
            }
            ends.push(steps.len() as u64);
        }
        let mut uses = vec![0; 2 * count];
        steps.iter().for_each(|step| uses[step.word] += 1);
        let (numbers, word) = numbers(count, &uses);

        let mut sums = Table::of_rows(steps.len() as u64 + 1);
        let [factor_word, sum, low, high] = sums.columns();
        let column = |of: &dyn Fn(&Step) -> u64| {
            Fixed::Values(steps.iter().map(|step| F::from_u64(of(step))).collect())
        };
        let byte = sums.fixed(column(&|step| u64::from(step.byte)));
        let index = sums.fixed(column(&|step| step.word as u64));
        let result = sums.fixed(column(&|step| u64::from(step.ends.unwrap_or(0))));
        let ends_here = sums.fixed(column(&|step| u64::from(step.ends.is_some())));
        let used = sums.fixed(column(&|_| 1));
        sums.send(
            WORD_OF,
            vec![Linear::from(index), Linear::from(factor_word)],
            used,
        );
        let carry = Linear::from(low) + Linear::from(high) * F::from_u32(1 << 16);
        // In rows where no digit ends nothing is carried, and what is carried is below 2^23.
        for cell in [low, high] {
            sums.demand(
                At::All,
                Linear::from(cell) * (Linear::one() - Linear::from(ends_here)),
            );
        }
        for field in [
            Linear::from(low),
            Linear::from(high),
            Linear::from(high) * F::from_u32(1 << 9),
        ] {
            sums.send(WORD, vec![field], Linear::one());
        }
        // sum' = sum + byte word - result - 255 carry; where a digit ends, also sum' = carry.
        sums.demand(
            At::Transition,
            Linear::from(byte) * Linear::from(factor_word)
                + (Linear::from(sum)
                    - Linear::from(result)
                    - carry.clone() * F::from_u32(255)
                    - next(sum)),
        );
        sums.demand(
            At::Transition,
            Linear::from(ends_here) * (next(sum) - carry),
        );
        for row in [0].into_iter().chain(ends) {
            sums.demand(At::Row(row), Linear::from(sum));
        }
        Self {
            numbers,
            sums,
            count,
            word,
            steps,
            factor_word,
            sum,
            carries: [low, high],
        }
    }

    /// Writes both tables' columns, from the private numbers.
    pub(crate) fn fill(
        &self,
        numbers: &[u64],
        [of_numbers, of_sums]: [&mut RowMajorMatrix<F>; 2],
        lookups: &Lookups,
    ) {
        assert_eq!(numbers.len(), self.count);
        let words: Vec<u64> = (numbers.iter())
            .flat_map(|number| [number & 0xffff, number >> 16])
            .collect();
        let width = of_numbers.width;
        for (row, word) in words.iter().enumerate() {
            set(&mut of_numbers.values[row * width..], self.word, *word);
            lookups.count(WORD, *word);
            if row % 2 == 1 {
                lookups.count(WORD, 4 * word);
            }
        }
        lookups.count_times(WORD, 0, (self.numbers.rows as usize - words.len()) as u32);

        let width = of_sums.width;
        let mut sum = F::ZERO;
        let rows = self.sums.rows as usize;
        for row in 0..rows {
            let cells = &mut of_sums.values[row * width..(row + 1) * width];
            put(cells, self.sum, sum);
            let mut carries = [0, 0];
            if let Some(step) = self.steps.get(row) {
                let word = words[step.word];
                set(cells, self.factor_word, word);
                sum += F::from_u64(u64::from(step.byte) * word);
                if let Some(result) = step.ends {
                    use p3_field::PrimeField32;
                    // If the equation does not hold, this is no small number, and is missed in the table of words.
                    let carry = (sum - F::from_u32(u32::from(result))) * F::from_u32(256).inverse();
                    let number = u64::from(carry.as_canonical_u32());
                    carries = [number & 0xffff, number >> 16];
                    sum = carry;
                }
            }
            for (cell, carry) in self.carries.into_iter().zip(carries) {
                set(cells, cell, carry);
                lookups.count(WORD, carry);
            }
            lookups.count(WORD, carries[1] << 9);
        }
    }
}

/// The table of private numbers: in each row a word, low ones and high ones in turns.
fn numbers(count: usize, uses: &[u32]) -> (Table, Cell) {
    let mut table = Table::of_rows(2 * count as u64 + 1);
    let word = table.column();
    let values = |of: &dyn Fn(usize) -> u64| {
        Fixed::Values((0..2 * count).map(|row| F::from_u64(of(row))).collect())
    };
    let index = table.fixed(values(&|row| row as u64));
    let number = table.fixed(values(&|row| row as u64 / 2));
    let low = table.fixed(values(&|row| u64::from(row % 2 == 0)));
    let high = table.fixed(values(&|row| u64::from(row % 2 == 1)));
    let used = table.fixed(values(&|row| u64::from(uses[row])));
    let whole = Linear::from(word) + next(word) * F::from_u32(1 << 16);
    table.receive(NUMBER, vec![Linear::from(number), whole], low);
    table.send(WORD, vec![Linear::from(word)], Linear::one());
    // High words are below 2^14.
    table.send(WORD, vec![Linear::from(word) * F::from_u32(4)], high);
    table.receive(WORD_OF, vec![Linear::from(index), Linear::from(word)], used);
    (table, word)
}
