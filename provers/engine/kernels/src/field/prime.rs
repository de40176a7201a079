//! Prime fields in eight lanes.

use super::Constants;
use super::constants::{LIMB_MASK, limbs};
use super::inverse::inverse;
use crate::simd::{LANES, Simd};
use ark_bn254::{FqConfig, FrConfig};
use ark_ff::{BigInt, Fp256, MontBackend, MontConfig};
use core::marker::PhantomData;

/// Eight elements of the base field of BN254.
pub type Fq8<S> = Prime8<S, FqConfig>;
/// Eight elements of the scalar field of BN254.
pub type Fr8<S> = Prime8<S, FrConfig>;

/// Eight elements as they lie in memory: row `j` holds limb `j` of each.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Block(pub [[u64; LANES]; 5]);

impl Block {
    /// Eight zeros.
    pub const ZERO: Self = Self([[0; LANES]; 5]);
}

/// Eight elements of the prime field `C`, side by side. See [`crate::field`] for what they are made of.
pub struct Prime8<S: Simd, C> {
    limbs: [S::V; 5],
    simd: S,
    field: PhantomData<C>,
}

impl<S: Simd, C> Clone for Prime8<S, C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Simd, C> Copy for Prime8<S, C> {}

/// Sums of limb products or of limbs, before carries: lanes are signed.
type Columns<S, const N: usize> = [<S as Simd>::V; N];

impl<S: Simd, C: MontConfig<4>> Prime8<S, C> {
    #[inline(always)]
    fn new(simd: S, limbs: [S::V; 5]) -> Self {
        let () = Constants::<C>::FITS;
        Self {
            limbs,
            simd,
            field: PhantomData,
        }
    }

    /// The instructions this value is computed with.
    #[inline(always)]
    pub fn simd(self) -> S {
        self.simd
    }

    /// The limbs of one element, canonical.
    pub(crate) fn limbs(element: Fp256<MontBackend<C, 4>>) -> [u64; 5] {
        limbs((element * Fp256::from(16u64)).0.0)
    }

    /// The same limbs in every lane.
    #[inline(always)]
    pub(crate) fn splat(simd: S, limbs: &[u64; 5]) -> Self {
        let mut result = [simd.splat(0); 5];
        for j in 0..5 {
            result[j] = simd.splat(limbs[j]);
        }
        Self::new(simd, result)
    }

    /// Zero in every lane.
    #[inline(always)]
    pub fn zero(simd: S) -> Self {
        Self::new(simd, [simd.splat(0); 5])
    }

    /// One in every lane.
    #[inline(always)]
    pub fn one(simd: S) -> Self {
        Self::splat(simd, &Constants::<C>::ONE)
    }

    /// Reads a block that [`Prime8::store`] wrote.
    #[inline(always)]
    pub fn load(simd: S, block: &Block) -> Self {
        let mut limbs = [simd.splat(0); 5];
        for j in 0..5 {
            limbs[j] = simd.load(&block.0[j]);
        }
        Self::new(simd, limbs)
    }

    /// Writes the limbs as they are.
    #[inline(always)]
    pub fn store(self, block: &mut Block) {
        for j in 0..5 {
            self.simd.store(self.limbs[j], &mut block.0[j]);
        }
    }

    /// From four words of 64 bits: row `j` holds word `j` of each element. The value stays what it is
    /// (any below 2^256 will do, as 2^256 is less than 6p); normal if it was below 4p, else wide.
    #[inline(always)]
    pub(crate) fn from_words(simd: S, w: [S::V; 4]) -> Self {
        let mask = simd.splat(LIMB_MASK);
        let s = simd;
        Self::new(
            simd,
            [
                s.and(w[0], mask),
                s.and(s.or(s.shr::<52>(w[0]), s.shl::<12>(w[1])), mask),
                s.and(s.or(s.shr::<40>(w[1]), s.shl::<24>(w[2])), mask),
                s.and(s.or(s.shr::<28>(w[2]), s.shl::<36>(w[3])), mask),
                s.shr::<16>(w[3]),
            ],
        )
    }

    /// To four words of 64 bits. The value must be below 2^256: normal will do.
    #[inline(always)]
    pub(crate) fn to_words(self) -> [S::V; 4] {
        let (s, l) = (self.simd, self.limbs);
        s.claim_below(l[4], 1 << 48);
        [
            s.or(l[0], s.shl::<52>(l[1])),
            s.or(s.shr::<12>(l[1]), s.shl::<40>(l[2])),
            s.or(s.shr::<24>(l[2]), s.shl::<28>(l[3])),
            s.or(s.shr::<36>(l[3]), s.shl::<16>(l[4])),
        ]
    }

    /// From eight elements as arkworks holds them (one multiplication).
    #[inline(always)]
    pub fn from_ark(simd: S, elements: &[Fp256<MontBackend<C, 4>>; LANES]) -> Self {
        let mut words = [[0; 4]; LANES];
        for i in 0..LANES {
            words[i] = elements[i].0.0;
        }
        Self::from_rows(simd, &words).mul(Self::splat(simd, &Constants::<C>::FROM_ARK))
    }

    /// To eight elements as arkworks holds them (one multiplication).
    #[inline(always)]
    pub fn to_ark(self) -> [Fp256<MontBackend<C, 4>>; LANES] {
        let words = self
            .mul(Self::splat(self.simd, &Constants::<C>::TO_ARK))
            .canonical()
            .to_rows();
        let mut result = [Fp256::new_unchecked(BigInt([0; 4])); LANES];
        for i in 0..LANES {
            result[i].0.0 = words[i];
        }
        result
    }

    /// The same element in every lane.
    #[inline(always)]
    pub fn splat_ark(simd: S, element: Fp256<MontBackend<C, 4>>) -> Self {
        Self::from_ark(simd, &[element; LANES])
    }

    /// The inverse of lane 0, in every lane; zero if that is zero.
    #[inline(always)]
    pub(crate) fn inverse_of_first(self) -> Self {
        let first = self.canonical().to_rows()[0];
        let inverse = inverse::<C>(&first);
        Self::from_rows(self.simd, &[inverse; LANES])
            .mul(Self::splat(self.simd, &Constants::<C>::FROM_INVERSE))
    }

    /// Lane `i` is lane `i + N mod 8`.
    #[inline(always)]
    pub(crate) fn rotated<const N: i32>(self) -> Self {
        let mut limbs = self.limbs;
        for limb in &mut limbs {
            *limb = self.simd.rotate::<N>(*limb);
        }
        Self::new(self.simd, limbs)
    }

    /// From eight integers of four words, any below 2^256 (one multiplication).
    #[inline(always)]
    pub fn from_integers(simd: S, integers: &[[u64; 4]; LANES]) -> Self {
        Self::from_rows(simd, integers).mul(Self::splat(simd, &Constants::<C>::FROM_INTEGER))
    }

    /// To eight integers below `p` (one multiplication).
    #[inline(always)]
    pub fn to_integers(self) -> [[u64; 4]; LANES] {
        self.mul(Self::splat(self.simd, &[1, 0, 0, 0, 0]))
            .canonical()
            .to_rows()
    }

    #[inline(always)]
    fn from_rows(simd: S, rows: &[[u64; 4]; LANES]) -> Self {
        let mut pairs = [simd.splat(0); 4];
        for i in 0..4 {
            let (a, b) = (rows[2 * i], rows[2 * i + 1]);
            pairs[i] = simd.load(&[a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]]);
        }
        Self::from_words(simd, simd.columns(pairs))
    }

    #[inline(always)]
    fn to_rows(self) -> [[u64; 4]; LANES] {
        let pairs = self.simd.rows(self.to_words());
        let mut rows = [[0; 4]; LANES];
        for i in 0..4 {
            let mut pair = [0; LANES];
            self.simd.store(pairs[i], &mut pair);
            let [a, b, c, d, e, f, g, h] = pair;
            rows[2 * i] = [a, b, c, d];
            rows[2 * i + 1] = [e, f, g, h];
        }
        rows
    }

    /// Carries. The value as a whole must be at least 0 and below 2^260.
    #[inline(always)]
    fn carried(simd: S, mut columns: Columns<S, 5>) -> Self {
        let mask = simd.splat(LIMB_MASK);
        for j in 0..4 {
            let carry = simd.sra::<52>(columns[j]);
            columns[j] = simd.and(columns[j], mask);
            columns[j + 1] = simd.add(columns[j + 1], carry);
        }
        simd.claim_below(columns[4], LIMB_MASK + 1);
        Self::new(simd, columns)
    }

    /// Carries, having taken off a multiple of `p` found from the top column alone: the value as a
    /// whole must be from 2^210 (or be all limbs already) to 10.5p, and becomes less than 2.3p.
    ///
    /// The top column counts 2^208; carries into it amount to less than 2^12 of those, so that
    /// `top / 2^46` is the quotient by 2^254, too large by one only just above a multiple of 2^254,
    /// where the remainder by `p` is far from 0.
    #[inline(always)]
    fn reduced(simd: S, mut columns: Columns<S, 5>) -> Self {
        let quotient = simd.sra::<46>(columns[4]);
        simd.claim_below(quotient, 8);
        for j in 0..5 {
            let multiple = simd.lookup(&Constants::<C>::MULTIPLES[j], quotient);
            columns[j] = simd.sub(columns[j], multiple);
        }
        Self::carried(simd, columns)
    }

    /// Column by column `a + b`.
    #[inline(always)]
    fn plus(simd: S, a: Columns<S, 5>, b: Columns<S, 5>) -> Columns<S, 5> {
        let mut result = a;
        for j in 0..5 {
            result[j] = simd.add(a[j], b[j]);
        }
        result
    }

    /// Column by column `a - b`.
    #[inline(always)]
    fn minus(simd: S, a: Columns<S, 5>, b: Columns<S, 5>) -> Columns<S, 5> {
        let mut result = a;
        for j in 0..5 {
            result[j] = simd.sub(a[j], b[j]);
        }
        result
    }

    /// Column by column `a + kp`.
    #[inline(always)]
    fn plus_modulus<const K: u64>(simd: S, a: Columns<S, 5>) -> Columns<S, 5> {
        let multiple = const { Constants::<C>::times(K) };
        let mut result = a;
        for j in 0..5 {
            result[j] = simd.add(a[j], simd.splat(multiple[j]));
        }
        result
    }

    /// Wide to normal.
    #[inline(always)]
    pub fn reduce(self) -> Self {
        Self::reduced(self.simd, self.limbs)
    }

    /// The representative below `p`, of a wide value.
    #[inline(always)]
    pub fn canonical(self) -> Self {
        // Below 2.3p, then two conditional subtractions.
        let mut result = self.reduce();
        for _ in 0..2 {
            result = result.subtract_once();
        }
        result
    }

    #[inline(always)]
    fn subtract_once(self) -> Self {
        let s = self.simd;
        let p = Self::splat(s, &Constants::<C>::P);
        let mut less = Self::minus(s, self.limbs, p.limbs);
        for j in 0..4 {
            let carry = s.sra::<52>(less[j]);
            less[j] = s.and(less[j], s.splat(LIMB_MASK));
            less[j + 1] = s.add(less[j + 1], carry);
        }
        Self::select(s.negative(less[4]), self, Self::new(s, less))
    }

    /// Lane by lane `yes` where the bit is set, `no` elsewhere.
    #[inline(always)]
    pub fn select(mask: u8, yes: Self, no: Self) -> Self {
        let mut limbs = no.limbs;
        for j in 0..5 {
            limbs[j] = no.simd.select(mask, yes.limbs[j], no.limbs[j]);
        }
        Self::new(no.simd, limbs)
    }

    /// Which lanes hold a multiple of `p`. Takes wide values.
    #[inline(always)]
    pub fn is_zero(self) -> u8 {
        let s = self.simd;
        let l = self.canonical().limbs;
        let any = s.or(s.or(s.or(l[0], l[1]), s.or(l[2], l[3])), l[4]);
        s.equal(any, s.splat(0))
    }

    /// Whether each lane *may* hold a multiple of `p`, for wide values: certain where the answer is
    /// no, wrong once in 2^48 where it is yes. Compares the lowest limb with those of 0 to 9p.
    #[inline(always)]
    pub(crate) fn may_be_zero(self) -> u8 {
        let s = self.simd;
        let mut mask = s.equal(self.limbs[0], s.splat(0));
        mask |= s.equal(
            self.limbs[0],
            s.splat(const { Constants::<C>::times(1)[0] }),
        );
        mask |= s.equal(
            self.limbs[0],
            s.splat(const { Constants::<C>::times(2)[0] }),
        );
        mask |= s.equal(
            self.limbs[0],
            s.splat(const { Constants::<C>::times(3)[0] }),
        );
        mask |= s.equal(
            self.limbs[0],
            s.splat(const { Constants::<C>::times(4)[0] }),
        );
        mask |= s.equal(
            self.limbs[0],
            s.splat(const { Constants::<C>::times(5)[0] }),
        );
        mask |= s.equal(
            self.limbs[0],
            s.splat(const { Constants::<C>::times(6)[0] }),
        );
        mask |= s.equal(
            self.limbs[0],
            s.splat(const { Constants::<C>::times(7)[0] }),
        );
        mask |= s.equal(
            self.limbs[0],
            s.splat(const { Constants::<C>::times(8)[0] }),
        );
        mask
    }

    /// `a + b` of normal values, normal.
    #[inline(always)]
    pub fn add(self, rhs: Self) -> Self {
        Self::reduced(self.simd, Self::plus(self.simd, self.limbs, rhs.limbs))
    }

    /// `a + b` of normal values, wide (below 8p).
    #[inline(always)]
    pub fn add_wide(self, rhs: Self) -> Self {
        Self::carried(self.simd, Self::plus(self.simd, self.limbs, rhs.limbs))
    }

    /// `a - b` of normal values, normal.
    #[inline(always)]
    pub fn sub(self, rhs: Self) -> Self {
        Self::reduced(self.simd, self.minus_columns(rhs))
    }

    /// `a - b` of normal values, wide.
    #[inline(always)]
    pub fn sub_wide(self, rhs: Self) -> Self {
        Self::carried(self.simd, self.minus_columns(rhs))
    }

    /// `a - b + 5p`: from p to 9p.
    #[inline(always)]
    fn minus_columns(self, rhs: Self) -> Columns<S, 5> {
        let difference = Self::minus(self.simd, self.limbs, rhs.limbs);
        Self::plus_modulus::<5>(self.simd, difference)
    }

    /// `-a` of a normal value, normal.
    #[inline(always)]
    pub fn neg(self) -> Self {
        Self::zero(self.simd).sub(self)
    }

    /// `2a` of a normal value, normal.
    #[inline(always)]
    pub fn double(self) -> Self {
        self.add(self)
    }

    /// `p - a` in the lanes of the mask, of a canonical value; stays at most `p`.
    #[inline(always)]
    pub(crate) fn negate_canonical(self, mask: u8) -> Self {
        let s = self.simd;
        let p = Self::splat(s, &Constants::<C>::P);
        let negative = Self::carried(s, Self::minus(s, p.limbs, self.limbs));
        Self::select(mask, negative, self)
    }

    /// `a * b` of wide values, normal (below 3p).
    #[inline(always)]
    pub fn mul(self, rhs: Self) -> Self {
        self.times(rhs).carry()
    }

    /// `a^2` of a wide value, normal (below 3p).
    #[inline(always)]
    pub fn square(self) -> Self {
        self.times_itself().carry()
    }

    /// `a * b - c` of wide values `a`, `b` and a normal `c`, normal.
    #[inline(always)]
    pub(crate) fn mul_minus(self, rhs: Self, c: Self) -> Self {
        self.times(rhs).minus(c)
    }

    /// `c + a * b` and `c - a * b` of wide values `a`, `b` and a normal `c`, normal.
    #[inline(always)]
    pub(crate) fn plus_and_minus(self, b: Self, c: Self) -> (Self, Self) {
        let (sum, difference) = self.plus_and_minus_columns(b, c);
        (
            Self::reduced(self.simd, sum),
            Self::reduced(self.simd, difference),
        )
    }

    /// As [`Prime8::plus_and_minus`], but wide.
    #[inline(always)]
    pub(crate) fn plus_and_minus_wide(self, b: Self, c: Self) -> (Self, Self) {
        let (sum, difference) = self.plus_and_minus_columns(b, c);
        (
            Self::carried(self.simd, sum),
            Self::carried(self.simd, difference),
        )
    }

    /// From 0.5p to 8.5p, as a product is below 3.5p.
    #[inline(always)]
    fn plus_and_minus_columns(self, b: Self, c: Self) -> (Columns<S, 5>, Columns<S, 5>) {
        let s = self.simd;
        let product = self.times(b).columns;
        let sum = Self::plus(s, Self::plus_modulus::<1>(s, c.limbs), product);
        let difference = Self::minus(s, Self::plus_modulus::<4>(s, c.limbs), product);
        (sum, difference)
    }

    /// Vector `j` gets in lane `i` what vector `i` has in lane `j`.
    #[inline(always)]
    pub(crate) fn transposed(rows: [Self; LANES]) -> [Self; LANES] {
        let mut columns = rows;
        for j in 0..5 {
            let mut limb = [rows[0].limbs[j]; LANES];
            for i in 0..LANES {
                limb[i] = rows[i].limbs[j];
            }
            let limb = rows[0].simd.transpose(limb);
            for i in 0..LANES {
                columns[i].limbs[j] = limb[i];
            }
        }
        columns
    }

    /// `a^2 - c - d` of a wide value `a`, a normal `c` and a `d` of at most `p`, normal.
    #[inline(always)]
    pub(crate) fn square_minus(self, c: Self, d: Self) -> Self {
        self.times_itself().minus_both(c, d)
    }

    /// `a * b` of wide values, its carries pending.
    #[inline(always)]
    pub(crate) fn times(self, rhs: Self) -> Pending<S, C> {
        self.claim_wide();
        rhs.claim_wide();
        let s = self.simd;
        Pending::new(
            s,
            Self::montgomery(s, Self::product(s, self.limbs, rhs.limbs)),
        )
    }

    /// `a^2` of a wide value, its carries pending.
    #[inline(always)]
    pub(crate) fn times_itself(self) -> Pending<S, C> {
        self.claim_wide();
        let s = self.simd;
        Pending::new(s, Self::montgomery(s, Self::squared(s, self.limbs)))
    }

    /// `a0 b0 - a1 b1` and `a0 b1 + a1 b0` of wide `a` and normal `b`, carries pending: Karatsuba's
    /// three products, two reductions.
    ///
    /// The sums of the halves are below 18p and 8p; what is reduced lies between -36p^2 and 72p^2,
    /// less than p (of 2^260) either way.
    #[inline(always)]
    pub(crate) fn multiply_pairs(a: [Self; 2], b: [Self; 2]) -> [Pending<S, C>; 2] {
        let s = a[0].simd;
        for j in 0..2 {
            a[j].claim_wide();
            b[j].claim_normal();
        }
        let low = Self::product(s, a[0].limbs, b[0].limbs);
        let high = Self::product(s, a[1].limbs, b[1].limbs);
        let a = Self::carried(s, Self::plus(s, a[0].limbs, a[1].limbs));
        let b = Self::carried(s, Self::plus(s, b[0].limbs, b[1].limbs));
        let mut mixed = Self::product(s, a.limbs, b.limbs);
        let mut difference = low;
        for j in 0..10 {
            difference[j] = s.sub(low[j], high[j]);
            mixed[j] = s.sub(mixed[j], s.add(low[j], high[j]));
        }
        let difference = Self::plus_modulus::<1>(s, Self::montgomery(s, difference));
        [
            Pending::new(s, difference),
            Pending::new(s, Self::montgomery(s, mixed)),
        ]
    }

    #[inline(always)]
    fn claim_normal(self) {
        self.claim_limbs(Constants::<C>::NORMAL_TOP);
    }

    #[inline(always)]
    fn claim_wide(self) {
        self.claim_limbs(Constants::<C>::WIDE_TOP);
    }

    #[inline(always)]
    fn claim_limbs(self, top: u64) {
        for j in 0..4 {
            self.simd.claim_below(self.limbs[j], LIMB_MASK + 1);
        }
        self.simd.claim_below(self.limbs[4], top);
    }

    /// The ten columns of a product: 50 multiply-adds.
    #[inline(always)]
    fn product(s: S, a: [S::V; 5], b: [S::V; 5]) -> Columns<S, 10> {
        let mut t = [s.splat(0); 10];
        for i in 0..5 {
            for j in 0..5 {
                t[i + j] = s.madd_lo(t[i + j], a[i], b[j]);
                t[i + j + 1] = s.madd_hi(t[i + j + 1], a[i], b[j]);
            }
        }
        t
    }

    /// The ten columns of a square: 30 multiply-adds, the mixed products being doubled together
    /// (Drucker and Gueron, "Fast modular squaring with AVX512IFMA", 2018).
    #[inline(always)]
    fn squared(s: S, a: [S::V; 5]) -> Columns<S, 10> {
        let mut t = [s.splat(0); 10];
        for i in 0..5 {
            for j in i + 1..5 {
                t[i + j] = s.madd_lo(t[i + j], a[i], a[j]);
                t[i + j + 1] = s.madd_hi(t[i + j + 1], a[i], a[j]);
            }
        }
        for column in &mut t[1..9] {
            *column = s.add(*column, *column);
        }
        for i in 0..5 {
            t[2 * i] = s.madd_lo(t[2 * i], a[i], a[i]);
            t[2 * i + 1] = s.madd_hi(t[2 * i + 1], a[i], a[i]);
        }
        t
    }

    /// Divides by 2^260 modulo `p`: a value `t` becomes one in `(t / 2^260, t / 2^260 + 2p)`. 51
    /// multiply-adds.
    ///
    /// Four times the lowest limb `m` is folded into the five above it as `m / 2^52 mod p`, which
    /// needs no quotient and no wait for one. That is adding `m * k * p` for the `k` below 2^52 with
    /// `k * p = -1 mod 2^52`, so that all four together add less than `2^208 * 2^52 * p`. The fifth
    /// time a step of Montgomery's adds less than `2^260 * p` again.
    #[inline(always)]
    fn montgomery(simd: S, mut t: Columns<S, 10>) -> Columns<S, 5> {
        let s = simd;
        for i in 0..4 {
            let m = t[i];
            t[i + 1] = s.add(t[i + 1], s.sra::<52>(m));
            for j in 0..5 {
                let fold = s.splat(Constants::<C>::FOLD[j]);
                t[i + j + 1] = s.madd_lo(t[i + j + 1], m, fold);
                t[i + j + 2] = s.madd_hi(t[i + j + 2], m, fold);
            }
        }
        let m = s.madd_lo(s.splat(0), t[4], s.splat(Constants::<C>::NEGATIVE_INVERSE));
        for j in 0..5 {
            let p = s.splat(Constants::<C>::P[j]);
            t[4 + j] = s.madd_lo(t[4 + j], m, p);
            t[5 + j] = s.madd_hi(t[5 + j], m, p);
        }
        t[5] = s.add(t[5], s.sra::<52>(t[4]));
        [t[5], t[6], t[7], t[8], t[9]]
    }
}

/// A product below 3.5p whose carries wait for what else is to be added. Its value is not yet in limbs.
pub(crate) struct Pending<S: Simd, C> {
    columns: Columns<S, 5>,
    simd: S,
    field: PhantomData<C>,
}

impl<S: Simd, C: MontConfig<4>> Pending<S, C> {
    #[inline(always)]
    fn new(simd: S, columns: Columns<S, 5>) -> Self {
        Self {
            columns,
            simd,
            field: PhantomData,
        }
    }

    /// The product itself, normal.
    #[inline(always)]
    pub(crate) fn carry(self) -> Prime8<S, C> {
        Prime8::carried(self.simd, self.columns)
    }

    /// Less a normal value, normal.
    #[inline(always)]
    pub(crate) fn minus(self, c: Prime8<S, C>) -> Prime8<S, C> {
        // From p to 8.5p.
        let columns = Prime8::<S, C>::plus_modulus::<5>(self.simd, self.columns);
        Prime8::reduced(
            self.simd,
            Prime8::<S, C>::minus(self.simd, columns, c.limbs),
        )
    }

    /// Less a normal value and one of at most `p`, normal.
    #[inline(always)]
    pub(crate) fn minus_both(self, c: Prime8<S, C>, d: Prime8<S, C>) -> Prime8<S, C> {
        // From p to 9.5p.
        let columns = Prime8::<S, C>::plus_modulus::<6>(self.simd, self.columns);
        let both = Prime8::<S, C>::plus(self.simd, c.limbs, d.limbs);
        Prime8::reduced(self.simd, Prime8::<S, C>::minus(self.simd, columns, both))
    }
}

#[cfg(test)]
impl<S: Simd, C: MontConfig<4>> Prime8<S, C> {
    /// The same elements, each `multiples[i] * p` higher.
    pub(super) fn lifted(self, multiples: [u64; LANES]) -> Self {
        let mut columns = self.limbs;
        for j in 0..5 {
            let mut words = [0; LANES];
            for i in 0..LANES {
                words[i] = Constants::<C>::times(multiples[i])[j];
            }
            columns[j] = self.simd.add(columns[j], self.simd.load(&words));
        }
        Self::carried(self.simd, columns)
    }

    /// Whether every lane is normal.
    pub(super) fn is_normal(self) -> bool {
        let bound = Self::splat(self.simd, &Constants::<C>::times(4));
        let mut less = Self::minus(self.simd, self.limbs, bound.limbs);
        for j in 0..4 {
            let carry = self.simd.sra::<52>(less[j]);
            less[j + 1] = self.simd.add(less[j + 1], carry);
        }
        self.simd.negative(less[4]) == 0xff
    }
}
