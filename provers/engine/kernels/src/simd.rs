//! Eight 64-bit lanes, as traits.
//!
//! A value of a type that implements [`Simd`] is the proof that the machine has the instructions: it
//! can be had only from run-time detection. What is written over it is safe code, and the same code
//! runs on [`Ifma`] and on [`Portable`], whose arithmetic is checked.
//!
//! Whatever lies between [`Machine::run`] and an instruction must be `#[inline(always)]`, closures
//! avoided: a function that is left outside is compiled without the vector instructions, and then
//! every one of them becomes a call.

#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;
mod prefetch;

#[cfg(target_arch = "x86_64")]
pub use ifma::Ifma;
pub use portable::Portable;
pub(crate) use prefetch::prefetch;

/// How many elements a vector holds.
pub const LANES: usize = 8;

/// Work that is compiled anew for each kind of machine: see [`Machine::run`].
pub trait Kernel<M> {
    /// What comes out.
    type Output;

    /// The work. Implementations are `#[inline(always)]`.
    fn run(self, machine: M) -> Self::Output;
}

/// A set of instructions; a value is the proof that they are there.
pub trait Machine: Copy + Send + Sync + 'static {
    /// Runs a kernel with these instructions switched on.
    fn run<K: Kernel<Self>>(self, kernel: K) -> K::Output;
}

/// Eight unsigned 64-bit lanes with the 52-bit multiply-add of AVX-512 IFMA.
///
/// Addition and subtraction wrap on hardware; the arithmetic above never lets them, seen as signed
/// numbers, and [`Portable`] checks that.
pub trait Simd: Machine {
    /// A vector of eight lanes.
    type V: Copy + Send + Sync;

    /// The same word in every lane.
    fn splat(self, word: u64) -> Self::V;
    /// Lane `i` is `words[i]`.
    fn load(self, words: &[u64; LANES]) -> Self::V;
    /// `words[i]` becomes lane `i`.
    fn store(self, v: Self::V, words: &mut [u64; LANES]);

    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise and.
    fn and(self, a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise or.
    fn or(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a << N`, losing the high bits.
    fn shl<const N: u32>(self, a: Self::V) -> Self::V;
    /// `a >> N`, unsigned.
    fn shr<const N: u32>(self, a: Self::V) -> Self::V;
    /// `a >> N`, signed.
    fn sra<const N: u32>(self, a: Self::V) -> Self::V;
    /// `sum + (a * b mod 2^52)`, of the low 52 bits of `a` and `b`.
    fn madd_lo(self, sum: Self::V, a: Self::V, b: Self::V) -> Self::V;
    /// `sum + (a * b >> 52)`, of the low 52 bits of `a` and `b`.
    fn madd_hi(self, sum: Self::V, a: Self::V, b: Self::V) -> Self::V;

    /// Lane `i` is `table[index_i mod 8]`.
    fn lookup(self, table: &[u64; LANES], index: Self::V) -> Self::V;
    /// Lane `i` is `yes_i` where bit `i` of the mask is set, `no_i` elsewhere.
    fn select(self, mask: u8, yes: Self::V, no: Self::V) -> Self::V;
    /// Bit `i` says whether `a_i = b_i`.
    fn equal(self, a: Self::V, b: Self::V) -> u8;
    /// Bit `i` says whether `a_i`, signed, is below zero.
    fn negative(self, a: Self::V) -> u8;

    /// Lane `i` is lane `i + N mod 8`.
    fn rotate<const N: i32>(self, a: Self::V) -> Self::V;
    /// Lane `i` of vector `j` becomes lane `j` of vector `i`.
    fn transpose(self, rows: [Self::V; 8]) -> [Self::V; 8];
    /// Eight rows of four words, two rows a vector, to four columns: lane `i` of vector `j` is word
    /// `j` of row `i`.
    fn columns(self, rows: [Self::V; 4]) -> [Self::V; 4];
    /// The inverse of [`Simd::columns`].
    fn rows(self, columns: [Self::V; 4]) -> [Self::V; 4];

    /// States that every lane is below `bound`. [`Portable`] panics where it is not; hardware does
    /// not look.
    fn claim_below(self, v: Self::V, bound: u64);
}
