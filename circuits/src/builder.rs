//! The constraint builder that the gadgets are written against.
//!
//! A [`Num`] is a linear combination of variables together with its value. Additions and multiplications by constants are free;
//! each product costs one constraint. One synthesis function serves both uses of a circuit: [`Builder::matrices`] records the
//! constraints, [`Builder::values`] only computes the assignment and skips all bookkeeping of combinations.
//!
//! This is 200 lines of our own rather than `ark-r1cs-std`, because that crate opens a `tracing` span with the operands, values
//! included, as fields at every operation: a service that logs would write private inputs into its spans.

use std::ops::{Add, Mul, Sub};

use ark_bn254::Fr;
use ark_ff::{BigInteger, One, PrimeField, Zero};
use zeroize::Zeroize;

use crate::r1cs::{R1cs, Row, Witness};

/// A linear combination of variables and its value.
#[derive(Clone)]
pub(crate) struct Num {
    pub(crate) value: Fr,
    /// `None` if it contains variables whose values alone are of interest.
    row: Option<Row>,
}

impl Default for Num {
    fn default() -> Self {
        Self::constant(Fr::zero())
    }
}

impl Num {
    /// The same value in every assignment.
    pub(crate) fn constant(value: Fr) -> Self {
        let row = if value.is_zero() {
            vec![]
        } else {
            vec![(value, 0)]
        };
        Self {
            value,
            row: Some(row),
        }
    }

    /// `sum of coefficient * term`.
    pub(crate) fn sum<'a, T>(terms: T) -> Self
    where
        T: IntoIterator<Item = (Fr, &'a Num), IntoIter: Clone>,
    {
        let terms = terms.into_iter();
        let value = terms
            .clone()
            .map(|(coefficient, term)| coefficient * term.value)
            .sum();
        let mut row = Some(vec![]);
        for (coefficient, term) in terms {
            row = row.zip(term.row.as_ref()).map(|(mut row, term)| {
                row.extend(term.iter().map(|(c, column)| (*c * coefficient, *column)));
                row
            });
        }
        Self {
            value,
            row: row.map(compact),
        }
    }
}

/// Columns ascending and distinct, no coefficient zero.
fn compact(mut row: Row) -> Row {
    row.sort_unstable_by_key(|(_, column)| *column);
    row.dedup_by(|(c, i), (kept, j)| {
        let same = i == j;
        if same {
            *kept += *c;
        }
        same
    });
    row.retain(|(c, _)| !c.is_zero());
    row
}

impl Add for &Num {
    type Output = Num;
    fn add(self, other: &Num) -> Num {
        Num::sum([(Fr::one(), self), (Fr::one(), other)])
    }
}

impl Sub for &Num {
    type Output = Num;
    fn sub(self, other: &Num) -> Num {
        Num::sum([(Fr::one(), self), (-Fr::one(), other)])
    }
}

impl Add<Fr> for &Num {
    type Output = Num;
    fn add(self, constant: Fr) -> Num {
        match &self.row {
            Some(_) => self + &Num::constant(constant),
            None => Num {
                value: self.value + constant,
                row: None,
            },
        }
    }
}

impl Mul<Fr> for &Num {
    type Output = Num;
    fn mul(self, constant: Fr) -> Num {
        Num::sum([(constant, self)])
    }
}

/// Variables and constraints in the making.
pub(crate) struct Builder {
    assignment: Vec<Fr>,
    r1cs: R1cs,
    record: bool,
}

impl Builder {
    fn new(public: &[Fr], record: bool) -> Self {
        let assignment = std::iter::once(Fr::one())
            .chain(public.iter().copied())
            .collect();
        Self {
            assignment,
            r1cs: R1cs {
                num_public: public.len(),
                ..R1cs::default()
            },
            record,
        }
    }

    /// Runs `synthesize` and returns the matrices it describes.
    pub(crate) fn matrices(public: &[Fr], synthesize: impl FnOnce(&mut Self)) -> R1cs {
        let mut builder = Self::new(public, true);
        synthesize(&mut builder);
        builder.r1cs.num_private = builder.assignment.len() - 1 - public.len();
        builder.assignment.zeroize();
        builder.r1cs
    }

    /// Runs `synthesize` and returns the assignment it computes, satisfying or not.
    pub(crate) fn values(public: &[Fr], synthesize: impl FnOnce(&mut Self)) -> Witness {
        let mut builder = Self::new(public, false);
        // One allocation, so that growing leaves no unwiped copies behind.
        builder.assignment.reserve_exact(1 << 14);
        synthesize(&mut builder);
        Witness::new(builder.assignment, public.len())
    }

    fn variable(&self, column: usize) -> Num {
        let row = self.record.then(|| vec![(Fr::one(), column)]);
        Num {
            value: self.assignment[column],
            row,
        }
    }

    /// The public inputs, in order.
    pub(crate) fn public<const N: usize>(&self) -> [Num; N] {
        assert_eq!(N, self.r1cs.num_public);
        std::array::from_fn(|i| self.variable(1 + i))
    }

    /// A new private variable, in no constraint yet.
    pub(crate) fn private(&mut self, value: Fr) -> Num {
        self.assignment.push(value);
        self.variable(self.assignment.len() - 1)
    }

    /// Constrains `a * b = c`.
    pub(crate) fn enforce(&mut self, a: &Num, b: &Num, c: &Num) {
        if self.record {
            let matrices = [&mut self.r1cs.a, &mut self.r1cs.b, &mut self.r1cs.c];
            for (matrix, num) in matrices.into_iter().zip([a, b, c]) {
                matrix.push(
                    num.row
                        .clone()
                        .expect("a builder that records gives every variable a row"),
                );
            }
        }
    }

    /// Constrains `a = b`.
    pub(crate) fn equal(&mut self, a: &Num, b: &Num) {
        self.enforce(&(a - b), &Num::constant(Fr::one()), &Num::default());
    }

    /// `a * b`: one constraint.
    pub(crate) fn mul(&mut self, a: &Num, b: &Num) -> Num {
        let product = self.private(a.value * b.value);
        self.enforce(a, b, &product);
        product
    }

    /// The `q` with `q * denominator = numerator`, given its value: one constraint. Unique only where the denominator cannot be
    /// zero, which the caller must know.
    pub(crate) fn quotient(&mut self, value: Fr, denominator: &Num, numerator: &Num) -> Num {
        let quotient = self.private(value);
        self.enforce(&quotient, denominator, numerator);
        quotient
    }

    /// `if bit { yes } else { no }` for a `bit` known to be 0 or 1: one constraint.
    pub(crate) fn select(&mut self, bit: &Num, yes: &Num, no: &Num) -> Num {
        &self.mul(bit, &(yes - no)) + no
    }

    /// A new variable constrained to 0 or 1: one constraint.
    pub(crate) fn bit(&mut self, value: bool) -> Num {
        let bit = self.private(Fr::from(value));
        self.enforce(&bit, &(&bit + -Fr::one()), &Num::default());
        bit
    }

    /// The low `n` bits of `value` as new bits, least significant first: `n` constraints.
    pub(crate) fn low_bits(&mut self, value: impl BigInteger, n: usize) -> Vec<Num> {
        (0..n).map(|i| self.bit(value.get_bit(i))).collect()
    }

    /// Constrains `0 <= x < 2^n`, `n` < 254, and returns the bits, least significant first: `n + 1` constraints.
    pub(crate) fn bits(&mut self, x: &Num, n: usize) -> Vec<Num> {
        let bits = self.low_bits(x.value.into_bigint(), n);
        self.equal(&from_bits(&bits), x);
        bits
    }

    /// Constrains the integer with these `bits` (least significant first, as many as `max` has) to be at most `max`.
    ///
    /// Walking down from the top, `prefix` is 1 while all bits equal those of `max`'s ones so far. Below a run of ones in `max`
    /// the prefix is multiplied on; in a run of zeros, either the prefix is broken already, or all these bits are 0: the sum of
    /// the bits of the run times the prefix is 0 (the sum is small, it cannot wrap).
    pub(crate) fn at_most(&mut self, bits: &[Num], max: impl BigInteger) {
        assert_eq!(bits.len(), max.num_bits() as usize);
        let mut prefix = Num::constant(Fr::one());
        let mut zeros = vec![];
        for (i, bit) in bits.iter().enumerate().rev() {
            if max.get_bit(i) {
                self.all_zero_if(&prefix, &mut zeros);
                prefix = if i + 1 == bits.len() {
                    bit.clone()
                } else {
                    self.mul(&prefix, bit)
                };
            } else {
                zeros.push((Fr::one(), bit));
            }
        }
        self.all_zero_if(&prefix, &mut zeros);
    }

    fn all_zero_if(&mut self, condition: &Num, terms: &mut Vec<(Fr, &Num)>) {
        if !terms.is_empty() {
            self.enforce(condition, &Num::sum(terms.iter().copied()), &Num::default());
            terms.clear();
        }
    }

    /// The 254 bits of `x` in its one canonical form (the integer is below the field's modulus), least significant first.
    pub(crate) fn canonical_bits(&mut self, x: &Num) -> Vec<Num> {
        let mut max = Fr::MODULUS;
        max.sub_with_borrow(&1u64.into());
        let bits = self.bits(x, Fr::MODULUS_BIT_SIZE as usize);
        self.at_most(&bits, max);
        bits
    }
}

/// `sum of 2^i * bits[i]`.
pub(crate) fn from_bits(bits: &[Num]) -> Num {
    let powers = std::iter::successors(Some(Fr::one()), |p| Some(p + p));
    Num::sum(powers.zip(bits))
}
