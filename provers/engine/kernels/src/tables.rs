//! Tables of multiples of known points.

use crate::backend::{Backend, BackendError};
use crate::batch::Batch;
use crate::curve::{Curve, Radix, Vector};
use crate::msm::{self, Term};
use crate::plan::Plan;
use crate::words::Plain;
use ark_bn254::Fr;
use ark_ec::short_weierstrass::{Affine, Projective};
use rayon::prelude::*;
use std::marker::PhantomData;

/// Multiples of points that are known in advance, for sums over them.
///
/// # Layout
/// Words of 64 bits, little-endian in a file: a line of eight for the header, then the points, those
/// of one base together, level by level, as [`Curve::Packed`]. The header's words are: `PLNTABLE`,
/// version 1, the group (1 or 2), the radix of the Montgomery form (52 for [`Backend::Ifma`], 64 for
/// [`Backend::Scalar`]), bits of a digit, levels, sets, the number of bases.
pub struct FixedBases<C, W = Words> {
    words: W,
    plan: Plan,
    backend: Backend,
    bases: usize,
    curve: PhantomData<C>,
}

/// Why words are not a table, or a sum cannot be had from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The machine cannot compute with it.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Not a table of this group and version.
    #[error(
        "header word {word} of the table is {got:#x}, expected {expected}; build the table again"
    )]
    Header {
        /// Which word of the header.
        word: usize,
        /// What is there.
        got: u64,
        /// What could be.
        expected: &'static str,
    },
    /// Too few words or too many.
    #[error("a table of {got} words, expected {expected}; build the table again")]
    Size {
        /// Words that the header asks for.
        expected: u128,
        /// Words there are.
        got: usize,
    },
    /// The words do not begin at a multiple of 64 bytes, and points would straddle cache lines.
    #[error("the table begins {0} bytes after a multiple of 64; map it at the start of a page")]
    Alignment(usize),
    /// A plan that leaves digits without a place, or too large a one.
    #[error(
        "no table with {0:?}: levels times sets must cover all digits, and no more; use Plan::choose"
    )]
    Plan(Plan),
    /// More points than a table can hold.
    #[error("{0} bases are too many: all levels of a table may have 2^30 points; split them")]
    Bases(usize),
    /// One scalar is needed for each base.
    #[error("{scalars} scalars for {bases} bases; pass one for each")]
    Scalars {
        /// Bases in the table.
        bases: usize,
        /// Scalars given.
        scalars: usize,
    },
    /// Tables that do not go into one sum.
    #[error("tables of one sum differ in plan or backend; build them with the same")]
    Mixed,
}

const MAGIC: u64 = u64::from_le_bytes(*b"PLNTABLE");
const VERSION: u64 = 1;
const HEADER_WORDS: usize = 8;
/// Slots of 32 bits can name so many points.
const MOST_POINTS: usize = 1 << 30;

/// Words that begin at a multiple of 64 bytes.
pub struct Words {
    words: Vec<u64>,
    start: usize,
}

impl Words {
    fn zeros(length: usize) -> Self {
        let mut words = vec![0; length + 7];
        let start = words.as_ptr().align_offset(64).min(7);
        words.truncate(start + length);
        Self { words, start }
    }

    fn as_mut(&mut self) -> &mut [u64] {
        &mut self.words[self.start..]
    }
}

impl AsRef<[u64]> for Words {
    fn as_ref(&self) -> &[u64] {
        &self.words[self.start..]
    }
}

impl<C: Curve> FixedBases<C> {
    /// Computes the multiples of the points, on all threads of the current pool. `progress` is told,
    /// from any of them, how many more bases are done.
    ///
    /// # Errors
    /// A backend that this machine lacks, a plan that is not sound, or too many points.
    pub fn build(
        points: &[Affine<C>],
        plan: Plan,
        backend: Backend,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Self, TableError> {
        if !backend.is_available() {
            return Err(BackendError::Unavailable.into());
        }
        if !plan.is_sound() {
            return Err(TableError::Plan(plan));
        }
        let levels = plan.levels as usize;
        if points.len() > MOST_POINTS / levels {
            return Err(TableError::Bases(points.len()));
        }
        let mut words = Words::zeros(HEADER_WORDS + points.len() * levels * C::WORDS);
        let (header, table) = words.as_mut().split_at_mut(HEADER_WORDS);
        header.copy_from_slice(&[
            MAGIC,
            VERSION,
            C::NUMBER,
            backend.radix_bits(),
            plan.window_bits.into(),
            plan.levels.into(),
            plan.sets.into(),
            points.len() as u64,
        ]);
        let table = C::points_mut(table);
        match backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => {
                let ifma = crate::simd::Ifma::detect().ok_or(BackendError::Unavailable)?;
                fill::<C::Lanes<_>>(ifma, points, plan, table, progress);
            }
            #[cfg(not(target_arch = "x86_64"))]
            Backend::Ifma => return Err(BackendError::Unavailable.into()),
            Backend::Scalar => fill_scalar::<C>(points, plan, table, progress),
        }
        Ok(Self {
            words,
            plan,
            backend,
            bases: points.len(),
            curve: PhantomData,
        })
    }
}

impl<C: Curve, W: AsRef<[u64]> + Sync> FixedBases<C, W> {
    /// Takes words that [`FixedBases::as_words`] gave, for instance mapped from a file. Every size is
    /// checked; that coordinates are those of the right points is for a checksum to say: with others,
    /// sums are wrong, and nothing worse.
    ///
    /// # Errors
    /// Whatever makes it not such a table, or one of another machine.
    pub fn from_words(words: W) -> Result<Self, TableError> {
        let all = words.as_ref();
        let (header, table) = all.split_at_checked(HEADER_WORDS).ok_or(TableError::Size {
            expected: HEADER_WORDS as u128,
            got: all.len(),
        })?;
        let expect = |word: usize, holds: bool, expected| {
            if holds {
                Ok(())
            } else {
                Err(TableError::Header {
                    word,
                    got: header[word],
                    expected,
                })
            }
        };
        expect(0, header[0] == MAGIC, "PLNTABLE")?;
        expect(1, header[1] == VERSION, "version 1")?;
        expect(2, header[2] == C::NUMBER, "the group of this key's part")?;
        let backend = match header[3] {
            52 => Backend::Ifma,
            64 => Backend::Scalar,
            _ => {
                return Err(TableError::Header {
                    word: 3,
                    got: header[3],
                    expected: "52 or 64",
                });
            }
        };
        for word in 4..7 {
            expect(word, header[word] < 128, "a small number")?;
        }
        let points = u128::from(header[7]) * u128::from(header[5]);
        expect(
            7,
            points <= MOST_POINTS as u128,
            "at most 2^30 points, of all levels",
        )?;
        let plan = Plan {
            window_bits: header[4] as u32,
            levels: header[5] as u32,
            sets: header[6] as u32,
        };
        if !plan.is_sound() {
            return Err(TableError::Plan(plan));
        }
        let expected = points * C::WORDS as u128;
        if table.len() as u128 != expected {
            return Err(TableError::Size {
                expected: expected + HEADER_WORDS as u128,
                got: all.len(),
            });
        }
        let offset = all.as_ptr().addr() % 64;
        if offset != 0 {
            return Err(TableError::Alignment(offset));
        }
        if !backend.is_available() {
            return Err(BackendError::Unavailable.into());
        }
        let bases = header[7] as usize;
        Ok(Self {
            words,
            plan,
            backend,
            bases,
            curve: PhantomData,
        })
    }

    /// Header and table, for [`FixedBases::from_words`].
    pub fn as_words(&self) -> &[u64] {
        self.words.as_ref()
    }

    /// Header and table themselves.
    pub fn into_words(self) -> W {
        self.words
    }

    /// How the table is laid out.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// What can compute with it.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// How many bases there are.
    pub fn len(&self) -> usize {
        self.bases
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bases == 0
    }

    /// The sum of the bases times the scalars.
    ///
    /// # Errors
    /// Another number of scalars than of bases.
    pub fn msm(&self, scalars: &[Fr]) -> Result<Projective<C>, TableError> {
        Self::msm_of(&[(self, scalars)])
    }

    /// The sum over several tables, whose buckets are shared.
    ///
    /// It takes as many threads of the current rayon pool as are worth it.
    ///
    /// # Errors
    /// Another number of scalars than of bases, or tables of different plans or backends.
    pub fn msm_of(terms: &[(&Self, &[Fr])]) -> Result<Projective<C>, TableError> {
        let Some((first, _)) = terms.first() else {
            return Ok(Projective::default());
        };
        let mut sums = Vec::with_capacity(terms.len());
        for (bases, scalars) in terms {
            if scalars.len() != bases.len() {
                return Err(TableError::Scalars {
                    bases: bases.len(),
                    scalars: scalars.len(),
                });
            }
            if (bases.plan, bases.backend) != (first.plan, first.backend) {
                return Err(TableError::Mixed);
            }
            let table = C::points(&bases.as_words()[HEADER_WORDS..]);
            sums.push(Term { table, scalars });
        }
        match first.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => {
                let ifma = crate::simd::Ifma::detect().ok_or(BackendError::Unavailable)?;
                Ok(msm::sum::<C::Lanes<_>>(ifma, first.plan, &sums))
            }
            #[cfg(not(target_arch = "x86_64"))]
            Backend::Ifma => Err(BackendError::Unavailable.into()),
            Backend::Scalar => Ok(sum_scalar::<C>(first.plan, &sums)),
        }
    }
}

impl Backend {
    /// Bits of a limb, by which tables name their Montgomery form.
    fn radix_bits(self) -> u64 {
        match self {
            Self::Ifma => 52,
            Self::Scalar => 64,
        }
    }
}

/// [`fill`], with the best multiplication of words there is.
fn fill_scalar<C: Curve>(
    points: &[Affine<C>],
    plan: Plan,
    table: &mut [C::Packed],
    progress: impl Fn(usize) + Sync,
) {
    #[cfg(target_arch = "x86_64")]
    if let Some(adx) = crate::words::Adx::detect() {
        return fill::<C::Single<_>>(adx, points, plan, table, progress);
    }
    fill::<C::Single<_>>(Plain, points, plan, table, progress);
}

/// [`msm::sum`], with the best multiplication of words there is.
fn sum_scalar<C: Curve>(plan: Plan, terms: &[Term<'_, C>]) -> Projective<C> {
    #[cfg(target_arch = "x86_64")]
    if let Some(adx) = crate::words::Adx::detect() {
        return msm::sum::<C::Single<_>>(adx, plan, terms);
    }
    msm::sum::<C::Single<_>>(Plain, plan, terms)
}

/// Writes every level of the points.
pub(crate) fn fill<V: Vector>(
    machine: V::Machine,
    points: &[Affine<V::Curve>],
    plan: Plan,
    table: &mut [<V::Curve as Curve>::Packed],
    progress: impl Fn(usize) + Sync,
) {
    let levels = plan.levels as usize;
    let at_a_time = V::BATCH * V::LANES;
    points
        .par_chunks(at_a_time)
        .zip(table.par_chunks_mut(at_a_time * levels))
        .for_each_init(
            || {
                (
                    Batch::<V>::new(machine),
                    vec![V::Curve::INFINITY; at_a_time],
                )
            },
            |(batch, packed), (points, table)| {
                let radix: Radix = V::RADIX;
                packed.fill(V::Curve::INFINITY);
                for (packed, point) in packed.iter_mut().zip(points) {
                    *packed = V::Curve::pack(point, radix);
                }
                let vectors = points.len().div_ceil(V::LANES);
                let slots: Vec<u32> = (0..(vectors * V::LANES) as u32).map(|i| 2 * i).collect();
                let starts: Vec<u32> = (0..vectors as u32).map(|v| v * V::LANES as u32).collect();
                batch.set(packed, &slots, &starts);
                for level in 0..levels {
                    if level > 0 {
                        batch.double(vectors, plan.level_bits());
                        batch.write(&mut packed[..vectors * V::LANES]);
                    }
                    for (i, packed) in packed[..points.len()].iter().enumerate() {
                        table[i * levels + level] = *packed;
                    }
                }
                progress(points.len());
            },
        );
}
