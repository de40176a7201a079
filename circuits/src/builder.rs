//! The constraint builder that the gadgets are written against.
//!
//! A [`Num`] is the value of a linear combination of variables together with what is kept of the combination itself, its
//! [`Terms`]. Additions and multiplications by constants are free; each product costs one constraint. Every gadget is written
//! once, generically over the terms, and serves both uses of a circuit:
//! - [`Builder::matrices`] keeps each combination as a [`Row`] and records the constraints, once per circuit;
//! - [`Builder::values`] keeps nothing, `()`: a [`Num`] is a field element then, and synthesis computes the assignment, proof by
//!   proof, without a trace of the constraints left in the compiled code.
//!
//! This is 300 lines of our own rather than `ark-r1cs-std`, because that crate opens a `tracing` span with the operands, values
//! included, as fields at every operation: a service that logs would write private inputs into its spans.

use std::ops::{Add, Mul, Neg, Sub};

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, One, Zero};
use zeroize::Zeroize;

use crate::r1cs::{R1cs, Row, Witness};

/// What is kept of a linear combination besides its value.
pub(crate) trait Terms: Clone {
    /// `coefficient * the variable in column`.
    fn of(coefficient: Fr, column: usize) -> Self;
    /// `sum of coefficient * terms`.
    fn sum<'a>(terms: impl IntoIterator<Item = (Fr, &'a Self)>) -> Self
    where
        Self: 'a;
    /// Appends the constraint `a * b = c`.
    fn record(r1cs: &mut R1cs, a: &Self, b: &Self, c: &Self);
}

impl Terms for () {
    fn of(_: Fr, _: usize) -> Self {}
    fn sum<'a>(_: impl IntoIterator<Item = (Fr, &'a Self)>) -> Self {}
    fn record(_: &mut R1cs, _: &Self, _: &Self, _: &Self) {}
}

impl Terms for Row {
    fn of(coefficient: Fr, column: usize) -> Self {
        if coefficient.is_zero() {
            vec![]
        } else {
            vec![(coefficient, column)]
        }
    }

    fn sum<'a>(terms: impl IntoIterator<Item = (Fr, &'a Self)>) -> Self {
        let scaled =
            |(k, row): (Fr, &'a Self)| row.iter().map(move |(c, column)| (*c * k, *column));
        let mut sum: Row = terms.into_iter().flat_map(scaled).collect();
        sum.sort_unstable_by_key(|(_, column)| *column);
        sum.dedup_by(|(c, i), (kept, j)| {
            let same = i == j;
            if same {
                *kept += *c;
            }
            same
        });
        sum.retain(|(c, _)| !c.is_zero());
        sum
    }

    fn record(r1cs: &mut R1cs, a: &Self, b: &Self, c: &Self) {
        r1cs.a.push(a.clone());
        r1cs.b.push(b.clone());
        r1cs.c.push(c.clone());
    }
}

/// A linear combination of variables: its value, and its terms as far as they are kept.
#[derive(Clone)]
pub(crate) struct Num<T> {
    pub(crate) value: Fr,
    terms: T,
}

impl<T: Terms> Num<T> {
    /// The same value in every assignment.
    pub(crate) fn constant(value: Fr) -> Self {
        Self {
            value,
            terms: T::of(value, 0),
        }
    }

    pub(crate) fn zero() -> Self {
        Self::constant(Fr::zero())
    }

    pub(crate) fn one() -> Self {
        Self::constant(Fr::one())
    }

    /// `sum of coefficient * term`.
    pub(crate) fn sum<'a, I>(terms: I) -> Self
    where
        I: IntoIterator<Item = (Fr, &'a Self), IntoIter: Clone>,
        T: 'a,
    {
        let terms = terms.into_iter();
        Self {
            value: terms.clone().map(|(k, term)| k * term.value).sum(),
            terms: T::sum(terms.map(|(k, term)| (k, &term.terms))),
        }
    }

    /// `sum of coefficients[i] * terms[i]`.
    pub(crate) fn dot<const N: usize>(coefficients: &[Fr; N], terms: &[Self; N]) -> Self {
        use ark_ff::Field;
        let values = std::array::from_fn(|i| terms[i].value);
        Self {
            value: Fr::sum_of_products(coefficients, &values),
            terms: T::sum((0..N).map(|i| (coefficients[i], &terms[i].terms))),
        }
    }

    /// `sum of base^i * digits[i]`, by Horner's rule.
    pub(crate) fn digits(base: Fr, digits: &[Self]) -> Self {
        let powers = std::iter::successors(Some(Fr::one()), |power| Some(*power * base));
        Self {
            value: digits
                .iter()
                .rfold(Fr::zero(), |sum, digit| sum * base + digit.value),
            terms: T::sum(powers.zip(digits.iter().map(|digit| &digit.terms))),
        }
    }

    /// `sum of 2^i * bits[i]`.
    pub(crate) fn from_bits(bits: &[Self]) -> Self {
        let powers = std::iter::successors(Some(Fr::one()), |power| Some(power.double()));
        Self {
            value: bits
                .iter()
                .rfold(Fr::zero(), |sum, bit| sum.double() + bit.value),
            terms: T::sum(powers.zip(bits.iter().map(|bit| &bit.terms))),
        }
    }
}

impl<T: Terms> Add for &Num<T> {
    type Output = Num<T>;
    fn add(self, other: &Num<T>) -> Num<T> {
        Num {
            value: self.value + other.value,
            terms: T::sum([(Fr::one(), &self.terms), (Fr::one(), &other.terms)]),
        }
    }
}

impl<T: Terms> Sub for &Num<T> {
    type Output = Num<T>;
    fn sub(self, other: &Num<T>) -> Num<T> {
        Num {
            value: self.value - other.value,
            terms: T::sum([(Fr::one(), &self.terms), (-Fr::one(), &other.terms)]),
        }
    }
}

impl<T: Terms> Neg for &Num<T> {
    type Output = Num<T>;
    fn neg(self) -> Num<T> {
        Num {
            value: -self.value,
            terms: T::sum([(-Fr::one(), &self.terms)]),
        }
    }
}

impl<T: Terms> Add<Fr> for &Num<T> {
    type Output = Num<T>;
    fn add(self, constant: Fr) -> Num<T> {
        self + &Num::constant(constant)
    }
}

impl<T: Terms> Mul<Fr> for &Num<T> {
    type Output = Num<T>;
    fn mul(self, constant: Fr) -> Num<T> {
        Num {
            value: self.value * constant,
            terms: T::sum([(constant, &self.terms)]),
        }
    }
}

/// Variables and constraints in the making.
pub(crate) struct Builder<T> {
    assignment: Vec<Fr>,
    r1cs: R1cs,
    terms: std::marker::PhantomData<T>,
}

/// More than any circuit has variables.
const CAPACITY: usize = 1 << 14;

impl Builder<Row> {
    /// Runs `synthesize` and returns the matrices that it describes, and the assignment that it computes, satisfying or not.
    pub(crate) fn matrices(public: &[Fr], synthesize: impl FnOnce(&mut Self)) -> (R1cs, Witness) {
        let mut builder = Self::run(public, synthesize);
        (std::mem::take(&mut builder.r1cs), builder.witness())
    }
}

impl Builder<()> {
    /// Runs `synthesize` and returns the assignment that it computes, satisfying or not.
    pub(crate) fn values(public: &[Fr], synthesize: impl FnOnce(&mut Self)) -> Witness {
        Self::run(public, synthesize).witness()
    }
}

impl<T: Terms> Builder<T> {
    fn run(public: &[Fr], synthesize: impl FnOnce(&mut Self)) -> Self {
        // One allocation, so that growing leaves no unwiped copies behind.
        let mut assignment = Vec::with_capacity(CAPACITY);
        assignment.push(Fr::one());
        assignment.extend_from_slice(public);
        let mut builder = Self {
            assignment,
            r1cs: R1cs {
                num_public: public.len(),
                ..R1cs::default()
            },
            terms: std::marker::PhantomData,
        };
        synthesize(&mut builder);
        builder.r1cs.num_private = builder.assignment.len() - 1 - public.len();
        builder
    }

    fn witness(mut self) -> Witness {
        Witness::new(std::mem::take(&mut self.assignment), self.r1cs.num_public)
    }

    fn variable(&self, column: usize) -> Num<T> {
        Num {
            value: self.assignment[column],
            terms: T::of(Fr::one(), column),
        }
    }

    /// The public inputs, in order.
    pub(crate) fn public<const N: usize>(&self) -> [Num<T>; N] {
        assert_eq!(N, self.r1cs.num_public);
        std::array::from_fn(|i| self.variable(1 + i))
    }

    /// A new private variable, in no constraint yet.
    pub(crate) fn private(&mut self, value: Fr) -> Num<T> {
        self.assignment.push(value);
        self.variable(self.assignment.len() - 1)
    }

    /// Constrains `a * b = c`.
    pub(crate) fn enforce(&mut self, a: &Num<T>, b: &Num<T>, c: &Num<T>) {
        T::record(&mut self.r1cs, &a.terms, &b.terms, &c.terms);
    }

    /// Constrains `a = b`.
    pub(crate) fn equal(&mut self, a: &Num<T>, b: &Num<T>) {
        self.enforce(&(a - b), &Num::one(), &Num::zero());
    }

    /// `a * b`: one constraint.
    pub(crate) fn mul(&mut self, a: &Num<T>, b: &Num<T>) -> Num<T> {
        let product = self.private(a.value * b.value);
        self.enforce(a, b, &product);
        product
    }

    /// The `q` with `q * denominator = numerator`, given its value: one constraint. Unique only where the denominator cannot be
    /// zero, which the caller must know.
    pub(crate) fn quotient(
        &mut self,
        value: Fr,
        denominator: &Num<T>,
        numerator: &Num<T>,
    ) -> Num<T> {
        let quotient = self.private(value);
        self.enforce(&quotient, denominator, numerator);
        quotient
    }

    /// `if bit { yes } else { no }` for a `bit` known to be 0 or 1: one constraint.
    pub(crate) fn select(&mut self, bit: &Num<T>, yes: &Num<T>, no: &Num<T>) -> Num<T> {
        &self.mul(bit, &(yes - no)) + no
    }

    /// A new variable constrained to 0 or 1: one constraint.
    pub(crate) fn bit(&mut self, value: bool) -> Num<T> {
        let bit = self.private(Fr::from(value));
        self.enforce(&bit, &(&bit + -Fr::one()), &Num::zero());
        bit
    }
}

impl<T> Drop for Builder<T> {
    fn drop(&mut self) {
        self.assignment.zeroize();
    }
}
