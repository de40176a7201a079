//! The field, the hash and the commitment scheme that all proofs use, and how sound that is.

use p3_blake3::Blake3;
use p3_challenger::{HashChallenger, SerializingChallenger32};
use p3_commit::{ExtensionMmcs, Mmcs, Pcs};
use p3_dft::Radix2DitParallel;
use p3_field::Field;
use p3_field::extension::BinomialExtensionField;
use p3_fri::{FriParameters, TwoAdicFriPcs};
use p3_koala_bear::KoalaBear;
use p3_matrix::dense::RowMajorMatrix;
use p3_merkle_tree::MerkleTreeHidingMmcs;
use p3_security::fri::FriRegime;
use p3_security::grinding::GrindingSites;
use p3_security::shape::{InstanceShape, StarkAirParams};
use p3_security::stark::conjectured_security_report;
use p3_symmetric::{CompressionFunctionFromHasher, SerializingHasher};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// KoalaBear, 2^31 - 2^24 + 1: what cells hold.
pub(crate) type F = KoalaBear;
/// Its extension of degree 4: what challenges are drawn from.
pub(crate) type E = BinomialExtensionField<F, 4>;
/// Several elements in one register.
pub(crate) type Packed = <F as Field>::Packing;

/// Degree of [`E`].
pub(crate) const DEGREE: usize = 4;

type Leaves = SerializingHasher<Blake3>;
type Nodes = CompressionFunctionFromHasher<Blake3, 2, 32>;
/// Merkle trees of BLAKE3 whose leaves are salted with four elements, 124 bits.
type Trees = MerkleTreeHidingMmcs<F, u8, Leaves, Nodes, ChaCha20Rng, 2, 32, 4>;
type FoldedTrees = ExtensionMmcs<F, E, Trees>;
pub(crate) type Transform = Radix2DitParallel<F>;
/// The transcript, by BLAKE3.
pub(crate) type Challenger = SerializingChallenger32<F, HashChallenger<u8, Blake3, 32>>;
pub(crate) type Scheme = TwoAdicFriPcs<F, Transform, Trees, FoldedTrees>;
/// A commitment to matrices: the root of a Merkle tree.
pub(crate) type Root = <Scheme as Pcs<E, Challenger>>::Commitment;
/// What opens such a commitment.
pub(crate) type Tree = <Scheme as Pcs<E, Challenger>>::ProverData;
pub(crate) type Opening = <Scheme as Pcs<E, Challenger>>::Proof;
pub(crate) type OpeningError = <Scheme as Pcs<E, Challenger>>::Error;

/// Codewords have twice as many values as polynomials have coefficients.
pub(crate) const LOG_BLOWUP: usize = 1;
const FOLD_BY_LOG: usize = 3;
/// Positions at which all codewords are opened.
pub(crate) const QUERIES: usize = 92;
/// Work that each attempt at lucky queries costs, as a power of two.
const QUERY_WORK_BITS: usize = 16;
/// The same for the combination of all openings into one.
const BATCH_WORK_BITS: usize = 8;

/// How many values of one column a proof reveals at most: its openings at the queries and, four elements of the
/// field each, at the two points drawn outside of the domain. Twice for the queries, because the quotients' values
/// there depend on the next row too.
pub(crate) const REVEALED: usize = 2 * QUERIES + 2 * DEGREE;

fn trees(seed: [u8; 32]) -> Trees {
    let (leaves, nodes) = (Leaves::new(Blake3), Nodes::new(Blake3));
    Trees::new(leaves, nodes, 0, ChaCha20Rng::from_seed(seed))
}

/// The scheme, whose salts come from this seed.
pub(crate) fn scheme(seed: [u8; 32]) -> Scheme {
    let mut folded =
        blake3::Hasher::new_derive_key("prooflane 2026-11 stark salts of folded codewords");
    folded.update(&seed);
    let parameters = FriParameters {
        log_blowup: LOG_BLOWUP,
        log_final_poly_len: 0,
        max_log_arity: FOLD_BY_LOG,
        num_queries: QUERIES,
        commit_proof_of_work_bits: 0,
        query_proof_of_work_bits: QUERY_WORK_BITS,
        batch_proof_of_work_bits: BATCH_WORK_BITS,
        mmcs: FoldedTrees::new(trees(*folded.finalize().as_bytes())),
    };
    Scheme::new(Transform::default(), trees(seed), parameters)
}

/// The values of all columns on the coset where codewords live, rows in bit-reversed order.
pub(crate) fn codewords(tree: &Tree) -> Vec<&RowMajorMatrix<F>> {
    trees([0; 32]).get_matrices(tree)
}

/// Bits of security, under the conjecture of eprint 2025/2010, section 1.5, for a proof whose largest table has
/// 2^`log_rows` rows and which has so many constraints and columns in all. Lookups are among the constraints.
pub(crate) fn security_bits(
    log_rows: usize,
    constraints: usize,
    columns: usize,
    lookups: usize,
) -> f64 {
    let fri = FriRegime {
        log_blowup: LOG_BLOWUP,
        num_queries: QUERIES,
        log_final_poly_len: 0,
        max_log_arity: FOLD_BY_LOG,
        commit_pow_bits: 0,
        query_pow_bits: QUERY_WORK_BITS,
    };
    let air = StarkAirParams {
        num_constraints: constraints,
        max_constraint_degree: 2,
        num_quotient_chunks: 2,
        max_combo: 2,
    };
    let shape = InstanceShape {
        log_trace_length: log_rows,
        modulus_bits: 123,
        collision_resistance: 128,
        num_batched_functions: columns,
    };
    let grinding = GrindingSites {
        batch_combination: BATCH_WORK_BITS,
        ..GrindingSites::NONE
    };
    let report = conjectured_security_report(&fri, &air, &shape, &[], &grinding);
    // Fractions of equal sums: a rational function of the challenge with at most so many poles.
    let poles = (lookups.max(1) as f64).log2() + log_rows as f64;
    report.security_bits().min(123.0 - poles)
}
