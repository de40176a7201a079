//! Poseidon2 (eprint 2023/323) over KoalaBear with 16 elements, in a table: one row for the input, one after each round.
//!
//! The constants are those that Plonky3 publishes for this width: 8 full and 20 partial rounds, S-box `x^3`, of which a column of
//! squares makes polynomials of degree two. Partial rounds change the first element alone; the other cubes are there all the
//! same, and nobody reads them.
//!
//! Here the permutation is a sponge of one block (Bertoni et al. 2008): the first [`RATE`] elements are a secret, the others a
//! public constant that says what it is hashed for, and no more than the first [`RATE`] come out.

use crate::field::F;
use crate::table::{At, Cell, Fixed, Linear, Quadratic, Table, next, put};
use p3_field::{Field, PrimeCharacteristicRing};
use p3_koala_bear::{
    KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL, KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL,
    KOALABEAR_POSEIDON2_RC_16_INTERNAL,
};
use p3_matrix::dense::RowMajorMatrix;

/// Elements of a state.
pub(crate) const WIDTH: usize = 16;
/// Elements that go in and come out.
pub(crate) const RATE: usize = 8;
/// Rows of a permutation: the input, what goes into each of 28 rounds, and the output.
pub(crate) const ROWS: u64 = 30;

/// What leads from a row to the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The mixing before the first round.
    Mixing,
    Full([F; WIDTH]),
    Partial(F),
    /// Nothing: the permutation is over.
    End,
}

impl Step {
    /// What is added before the S-boxes.
    fn constant(&self, element: usize) -> F {
        match self {
            Self::Full(constants) => constants[element],
            Self::Partial(constant) if element == 0 => *constant,
            Self::Mixing | Self::Partial(_) | Self::End => F::ZERO,
        }
    }
}

fn steps() -> Vec<Step> {
    let mut steps = vec![Step::Mixing];
    steps.extend(KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL.map(Step::Full));
    steps.extend(KOALABEAR_POSEIDON2_RC_16_INTERNAL.map(Step::Partial));
    steps.extend(KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL.map(Step::Full));
    steps.push(Step::End);
    steps
}

/// The matrix of full rounds: circulant blocks of four, twice as much on the diagonal.
fn external(row: usize, column: usize) -> F {
    let block = [2, 3, 1, 1][(4 + column - row % 4) % 4];
    F::from_u32(block << u32::from(row / 4 == column / 4))
}

/// The matrix of partial rounds: ones, and on the diagonal something more.
fn internal(row: usize, column: usize) -> F {
    if row != column {
        return F::ONE;
    }
    let over = |bits: u32| F::from_u32(1 << bits).inverse();
    let number = F::from_u32;
    let more = match row {
        0 => -number(2),
        1 => number(1),
        2 => number(2),
        3 => over(1),
        4 => number(3),
        5 => number(4),
        6 => -over(1),
        7 => -number(3),
        8 => -number(4),
        9 => over(8),
        10 => over(3),
        11 => over(24),
        12 => -over(8),
        13 => -over(3),
        14 => -over(4),
        _ => -over(24),
    };
    F::ONE + more
}

/// Permutations one below the other, from a table's first row on.
pub(crate) struct Permutations {
    pub(crate) state: [Cell; WIDTH],
    squares: [Cell; WIDTH],
    cubes: [Cell; WIDTH],
}

impl Permutations {
    /// So many, of inputs that are not demanded to be anything.
    pub(crate) fn new(table: &mut Table, count: usize) -> Self {
        let [state, squares, cubes] = [(); 3].map(|()| table.columns());
        let steps = steps();
        let mut column = |of: &dyn Fn(&Step) -> F| {
            let values = steps.iter().map(of).cycle();
            table.fixed(Fixed::Values(values.take(count * steps.len()).collect()))
        };
        let constants: [Cell; WIDTH] =
            std::array::from_fn(|element| column(&|step| step.constant(element)));
        let mixing = column(&|step| F::from_bool(*step == Step::Mixing));
        let full = column(&|step| F::from_bool(matches!(step, Step::Full(_))));
        let partial = column(&|step| F::from_bool(matches!(step, Step::Partial(_))));
        for element in 0..WIDTH {
            let x = Linear::from(state[element]) + constants[element].into();
            let square = Linear::from(squares[element]);
            table.demand(At::All, x.clone() * x.clone() - square.clone());
            table.demand(At::All, square * x - cubes[element].into());
        }
        let mut mostly_kept = state;
        mostly_kept[0] = cubes[0];
        for row in 0..WIDTH {
            let product = |matrix: fn(usize, usize) -> F, of: &[Cell; WIDTH]| {
                let mut sum = Linear::zero();
                for (column, cell) in of.iter().enumerate() {
                    sum += Linear::from(*cell) * matrix(row, column);
                }
                sum
            };
            let mut zero = Quadratic::default();
            for (step, becomes) in [
                (mixing, product(external, &state)),
                (full, product(external, &cubes)),
                (partial, product(internal, &mostly_kept)),
            ] {
                zero += Linear::from(step) * (becomes - next(state[row]));
            }
            table.demand(At::Transition, zero);
        }
        Self {
            state,
            squares,
            cubes,
        }
    }

    /// Writes the columns, from the inputs.
    pub(crate) fn fill(&self, own: &mut RowMajorMatrix<F>, inputs: &[[F; WIDTH]]) {
        let steps = steps();
        let width = own.width;
        let mut rows = own.values.chunks_mut(width);
        for input in inputs {
            let mut state = *input;
            for (step, cells) in steps.iter().zip(rows.by_ref()) {
                let mut cubes = [F::ZERO; WIDTH];
                for element in 0..WIDTH {
                    let x = state[element] + step.constant(element);
                    cubes[element] = x.cube();
                    put(cells, self.state[element], state[element]);
                    put(cells, self.squares[element], x.square());
                    put(cells, self.cubes[element], cubes[element]);
                }
                let product = |matrix: fn(usize, usize) -> F, of: [F; WIDTH]| {
                    std::array::from_fn(|row| {
                        let of = of.iter().enumerate();
                        of.map(|(column, element)| matrix(row, column) * *element)
                            .sum()
                    })
                };
                state = match step {
                    Step::Mixing => product(external, state),
                    Step::Full(_) => product(external, cubes),
                    Step::Partial(_) => {
                        state[0] = cubes[0];
                        product(internal, state)
                    }
                    Step::End => state,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Statement;
    use crate::prove::fill;
    use crate::table::index;
    use p3_koala_bear::default_koalabear_poseidon2_16;
    use p3_symmetric::Permutation;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn permutations_are_those_of_plonky3() {
        const COUNT: usize = 60;
        let seed = 20_261_122;
        println!("seed {seed}");
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let mut inputs = [[F::ZERO; WIDTH]; COUNT];
        inputs[1] = [-F::ONE; WIDTH];
        for input in &mut inputs[2..] {
            fill(input, &mut random);
        }
        let mut table = Table::of_rows(COUNT as u64 * ROWS);
        let permutations = Permutations::new(&mut table, COUNT);
        let statement = Statement {
            tables: vec![table],
            commitments: Vec::new(),
            public: Vec::new(),
        };
        let mut own = statement.blanks();
        permutations.fill(&mut own[0], &inputs);
        assert_eq!(statement.violated(&own, &[]), None);
        for (number, input) in inputs.iter().enumerate() {
            let row = (number + 1) * ROWS as usize - 1;
            let cells = &own[0].values[row * own[0].width..];
            let output = permutations.state.map(|cell| cells[index(cell)]);
            assert_eq!(output, default_koalabear_poseidon2_16().permute(*input));
        }
        for column in 0..statement.tables[0].width as usize {
            for row in 0..2 * ROWS {
                let free = statement.is_free(0, column, row, &mut own[0], &[]);
                assert!(!free, "column {column}, row {row}");
            }
        }
    }
}
