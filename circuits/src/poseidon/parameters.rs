//! Poseidon's constants and matrices, and what they become in the permutation's fast form.

use ark_bn254::Fr;
use ark_ff::{BigInteger, BigInteger256, Field, PrimeField, Zero};

const FULL_ROUNDS: usize = 8;
/// Full rounds before the partial ones, and after them.
pub(super) const HALF: usize = FULL_ROUNDS / 2;
/// Partial rounds for N = 2, 3, .. (circomlib's `poseidon.circom`).
const PARTIAL_ROUNDS: [usize; super::MAX_INPUTS] = [56, 57, 56, 60, 60, 63];

type Matrix<const N: usize> = [[Fr; N]; N];

/// The permutation of `N` elements.
///
/// A partial round adds a vector, passes element 0 through the S-box and multiplies by the MDS matrix. What does not touch element 0
/// can be done before the S-box as well as after it (eprint 2019/458, appendix B). So the constants of all elements but 0 move on
/// to the next round, and of the matrix, which is a product `sparse * diag(1, block)`, the second factor moves into the round
/// before. What is left of the matrix is its first row and column, and ones on the rest of the diagonal.
pub(super) struct Parameters<const N: usize> {
    /// Constants added before the S-boxes in the full rounds.
    pub(super) full: [[Fr; N]; FULL_ROUNDS],
    pub(super) partial: Vec<Partial<N>>,
    pub(super) mds: Matrix<N>,
    /// The matrix of the full round before the partial ones.
    pub(super) before: Matrix<N>,
}

/// A partial round.
pub(super) struct Partial<const N: usize> {
    /// Added to element 0 before the S-box.
    pub(super) constant: Fr,
    /// Element 0 becomes the product of this and the state.
    pub(super) row: [Fr; N],
    /// Times element 0, what the others grow by; its own entry is 0.
    pub(super) column: [Fr; N],
}

impl<const N: usize> Parameters<N> {
    /// Round constants and MDS matrix from the Grain LFSR, section F and supplementary script of eprint 2019/458.
    pub(super) fn generate() -> Self {
        let partial_rounds = PARTIAL_ROUNDS[N - 2];
        let mut grain = Grain::new(N, partial_rounds);
        let constant = |grain: &mut Grain| {
            std::iter::repeat_with(|| grain.integer())
                .find_map(Fr::from_bigint)
                .unwrap_or_default()
        };
        let constants: Vec<[Fr; N]> = (0..FULL_ROUNDS + partial_rounds)
            .map(|_| std::array::from_fn(|_| constant(&mut grain)))
            .collect();
        // A Cauchy matrix, 1 / (x_i + y_j); its elements are reduced modulo r instead of drawn again.
        let mut element = || Fr::from_le_bytes_mod_order(&grain.integer().to_bytes_le());
        let x: [Fr; N] = std::array::from_fn(|_| element());
        let y: [Fr; N] = std::array::from_fn(|_| element());
        let mds = x.map(|x| y.map(|y| (x + y).inverse().unwrap_or_default()));

        let after = HALF + partial_rounds;
        let mut full =
            std::array::from_fn(|i| constants[if i < HALF { i } else { i + partial_rounds }]);
        let mut carried = [Fr::zero(); N];
        let mut own = vec![];
        for constants in &constants[HALF..after] {
            let mut sum: [Fr; N] = std::array::from_fn(|i| constants[i] + carried[i]);
            own.push(std::mem::take(&mut sum[0]));
            carried = mds.map(|row| Fr::sum_of_products(&row, &sum));
        }
        full[HALF]
            .iter_mut()
            .zip(carried)
            .for_each(|(c, more)| *c += more);

        let mut before = mds;
        let mut partial = vec![];
        for constant in own.into_iter().rev() {
            let (row, column) = sparse(&before);
            partial.push(Partial {
                constant,
                row,
                column,
            });
            let block = before;
            before = std::array::from_fn(|i| match i {
                0 => mds[0],
                _ => std::array::from_fn(|j| (1..N).map(|k| block[i][k] * mds[k][j]).sum()),
            });
        }
        partial.reverse();
        Self {
            full,
            partial,
            mds,
            before,
        }
    }
}

/// First row and column of the sparse factor of `matrix` = sparse * diag(1, block), where block is the matrix without its first
/// row and column: the column is the matrix's, the row r solves `r * diag(1, block) = the matrix's`.
fn sparse<const N: usize>(matrix: &Matrix<N>) -> ([Fr; N], [Fr; N]) {
    let column = std::array::from_fn(|i| if i == 0 { Fr::zero() } else { matrix[i][0] });
    // Gauss and Jordan on the columns; a pivot that is 0 is exchanged.
    let mut rows: Vec<[Fr; N]> = (0..N)
        .map(|j| std::array::from_fn(|i| matrix[i][j]))
        .collect();
    for pivot in 1..N {
        if let Some(other) = (pivot..N).find(|other| !rows[*other][pivot].is_zero()) {
            rows.swap(pivot, other);
        }
        let inverse = rows[pivot][pivot].inverse().unwrap_or_default();
        rows[pivot].iter_mut().for_each(|x| *x *= inverse);
        let scaled = rows[pivot];
        for row in rows
            .iter_mut()
            .enumerate()
            .filter(|(i, _)| *i > 0 && *i != pivot)
        {
            let factor = row.1[pivot];
            row.1
                .iter_mut()
                .zip(scaled)
                .for_each(|(x, y)| *x -= factor * y);
        }
    }
    let row = std::array::from_fn(|i| if i == 0 { matrix[0][0] } else { rows[i][0] });
    (row, column)
}

/// The self-shrinking 80-bit Grain LFSR; bit 0 is the oldest.
struct Grain(u128);

impl Grain {
    fn new(t: usize, partial_rounds: usize) -> Self {
        // Field type, S-box type, field size in bits, t, full and partial rounds, thirty ones; each most significant bit first.
        let seed = [
            (1, 2),
            (0, 4),
            (Fr::MODULUS_BIT_SIZE.into(), 12),
            (t as u128, 12),
            (FULL_ROUNDS as u128, 10),
            (partial_rounds as u128, 10),
            ((1 << 30) - 1, 30),
        ];
        let bits = seed
            .iter()
            .flat_map(|(value, width)| (0..*width).rev().map(move |i| value >> i & 1));
        let mut grain = Self(bits.enumerate().fold(0, |state, (i, bit)| state | bit << i));
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let bit = [62, 51, 38, 23, 13, 0]
            .iter()
            .fold(0, |bit, tap| bit ^ self.0 >> tap & 1);
        self.0 = self.0 >> 1 | bit << 79;
        bit == 1
    }

    /// The second of each pair of bits whose first is 1.
    fn bit(&mut self) -> bool {
        while !self.step() {
            self.step();
        }
        self.step()
    }

    /// As many bits as the modulus has, most significant first.
    fn integer(&mut self) -> BigInteger256 {
        let mut limbs = [0u64; 4];
        for i in (0..Fr::MODULUS_BIT_SIZE as usize).rev() {
            limbs[i / 64] |= u64::from(self.bit()) << (i % 64);
        }
        BigInteger256::new(limbs)
    }
}
