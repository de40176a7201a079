//! A table's polynomials, laid out to be computed many times.
//!
//! All cells that a row sees lie one after the other: the table's own columns, the same in the next row, the fixed ones, those of
//! each source.

use crate::field::{DEGREE, E, F};
use crate::table::{At, Cell, Linear, Quadratic, Table};
use p3_field::{Algebra, BasedVectorSpace, PrimeCharacteristicRing};

/// Where constraints are summed up: at a point of the extension, or at several points of the coset at once.
pub(crate) trait Space {
    /// What cells hold.
    type Value: Algebra<F> + Copy;
    /// The extension over it.
    type Extension: Algebra<E> + Algebra<Self::Value> + Copy;

    /// An element of the extension by its coefficients.
    fn extend(coefficients: [Self::Value; DEGREE]) -> Self::Extension;
}

/// Where each kind of cell begins.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    own: usize,
    sources: Vec<usize>,
    pub(crate) count: usize,
}

/// A polynomial of degree two, its terms sorted by what has to be done with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    constant: F,
    plus: Vec<u32>,
    minus: Vec<u32>,
    scaled: Vec<(u32, F)>,
    products: Vec<(u32, u32)>,
    scaled_products: Vec<(u32, u32, F)>,
}

/// A message's polynomials.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) kind: u32,
    pub(crate) fields: Vec<Form>,
    pub(crate) times: Form,
}

/// A table's polynomials.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) places: Places,
    pub(crate) constraints: Vec<(At, Form)>,
    pub(crate) messages: Vec<Sent>,
}

impl Places {
    /// A row of a table of which so many columns are its own, masks included.
    pub(crate) fn new(table: &Table, own: usize) -> Self {
        let mut count = 2 * own + table.fixed.len();
        let mut sources = Vec::new();
        for source in &table.sources {
            sources.push(count);
            count += source.width as usize;
        }
        Self {
            own,
            sources,
            count,
        }
    }

    /// Where a cell is.
    pub(crate) fn of(&self, cell: Cell) -> u32 {
        let place = match cell {
            Cell::Own(column) => column as usize,
            Cell::Next(column) => self.own + column as usize,
            Cell::Fixed(column) => 2 * self.own + column as usize,
            Cell::Data(source, column) => self.sources[source as usize] + column as usize,
        };
        place as u32
    }
}

impl Form {
    fn new(form: &Quadratic, places: &Places) -> Self {
        let mut of = Self::linear(&form.linear, places);
        for (a, b, factor) in &form.products {
            let (a, b) = (places.of(*a), places.of(*b));
            if *factor == F::ONE {
                of.products.push((a, b));
            } else {
                of.scaled_products.push((a, b, *factor));
            }
        }
        of
    }

    fn linear(form: &Linear, places: &Places) -> Self {
        let mut of = Self {
            constant: form.constant,
            ..Self::default()
        };
        for (cell, factor) in &form.terms {
            let place = places.of(*cell);
            if *factor == F::ONE {
                of.plus.push(place);
            } else if *factor == -F::ONE {
                of.minus.push(place);
            } else {
                of.scaled.push((place, *factor));
            }
        }
        of
    }

    /// Its value in a row.
    pub(crate) fn eval<V: Algebra<F> + Copy>(&self, cells: &[V]) -> V {
        let mut sum = V::from(self.constant);
        for place in &self.plus {
            sum += cells[*place as usize];
        }
        for place in &self.minus {
            sum -= cells[*place as usize];
        }
        for (place, factor) in &self.scaled {
            sum += cells[*place as usize] * *factor;
        }
        for (a, b) in &self.products {
            sum += cells[*a as usize] * cells[*b as usize];
        }
        for (a, b, factor) in &self.scaled_products {
            sum += cells[*a as usize] * cells[*b as usize] * *factor;
        }
        sum
    }
}

impl Sent {
    /// What stands for the message: `alpha` less its kind and fields, weighted by the powers of the other challenge.
    pub(crate) fn print(&self, cells: &[F], alpha: E, powers: &[E]) -> E {
        let mut print = alpha - E::from(F::from_u32(self.kind));
        for (field, power) in self.fields.iter().zip(powers) {
            print -= *power * field.eval(cells);
        }
        print
    }
}

impl Program {
    /// The polynomials of a table of which so many columns are its own, masks included.
    pub(crate) fn new(table: &Table, own: usize) -> Self {
        let places = Places::new(table, own);
        let constraints = table.constraints.iter();
        let messages = table.messages.iter();
        Self {
            constraints: constraints
                .map(|constraint| (constraint.at, Form::new(&constraint.zero, &places)))
                .collect(),
            messages: messages
                .map(|message| Sent {
                    kind: message.kind,
                    fields: (message.fields.iter())
                        .map(|field| Form::linear(field, &places))
                        .collect(),
                    times: Form::linear(&message.times, &places),
                })
                .collect(),
            places,
        }
    }
}

/// Adds `value` times an element of the extension.
#[inline]
pub(crate) fn add_scaled<V: Algebra<F> + Copy>(sum: &mut [V; DEGREE], value: V, factor: &E) {
    let factor: &[F] = factor.as_basis_coefficients_slice();
    for (sum, factor) in sum.iter_mut().zip(factor) {
        *sum += value * *factor;
    }
}
