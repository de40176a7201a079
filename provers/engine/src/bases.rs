//! The sums of a proof over bases known in advance.

use crate::cancel::{Cancel, Cancelled};
use crate::csr::System;
use crate::selection::Selection;
use crate::{ProvingKey, tables};
use ark_bn254::{Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::CurveGroup;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::Field;
use prooflane_kernels::{
    Backend, BackendError, Curve, Domain, DomainError, FixedBases, Plan, Section, TableError, Words,
};
use prooflane_verifier::{Proof, VerifyingKey};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why there are no tables to prove with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TablesError {
    /// The backend asked for is none, or not on this machine.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// No transforms of the key's size.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// No table of the key's bases.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The mapped file no longer has the content that was written.
    #[error(
        "{0}: expected the tables that were written, got others; the file is removed, try again"
    )]
    Damaged(PathBuf),
}

/// Where a table lies.
pub(crate) enum Storage {
    Memory(Words),
    File(Section),
}

impl AsRef<[u64]> for Storage {
    fn as_ref(&self) -> &[u64] {
        match self {
            Self::Memory(words) => words.as_ref(),
            Self::File(section) => section.as_ref(),
        }
    }
}

/// Bases of one group, and which values they are multiplied by.
pub(crate) struct Set<C: Curve> {
    pub(crate) selection: Selection,
    /// The bases selected, then those appended.
    pub(crate) table: FixedBases<C, Storage>,
}

impl<C: Curve> Set<C> {
    fn sum(&self, values: &[Fr], appended: &[Fr]) -> Result<Projective<C>, TableError> {
        self.table.msm(&self.selection.scalars(values, appended))
    }
}

/// Everything of a key that a proof is computed from, but for the matrices: tables of multiples of its bases.
pub(crate) struct Bases {
    pub(crate) domain: Domain,
    /// `[u_i(tau)]_1`; and `[delta]_1`.
    pub(crate) a: Set<g1::Config>,
    /// `[v_i(tau)]_1`; and `[beta]_1`.
    pub(crate) b_g1: Set<g1::Config>,
    /// `[v_i(tau)]_2`; and `[delta]_2`.
    pub(crate) b_g2: Set<g2::Config>,
    /// `[(beta u_i + alpha v_i + w_i) / delta]_1` of the private columns.
    pub(crate) l: Set<g1::Config>,
    /// `[L_(2j+1)(tau) / delta]_1`.
    pub(crate) h: FixedBases<g1::Config, Storage>,
    /// The file that is mapped.
    pub(crate) file: Option<tables::Opened>,
}

/// The default budget: what makes sums over a domain of so many points nearly as fast as they get.
pub(crate) fn default_budget_bytes(domain: usize) -> usize {
    const BYTES_A_POINT: usize = 6 << 10;
    const MOST: usize = 2 << 30;
    domain.saturating_mul(BYTES_A_POINT).clamp(16 << 20, MOST)
}

/// Bases and plans, before any table is made.
pub(crate) struct Parts {
    pub(crate) a: (Selection, Vec<G1Affine>, Plan),
    pub(crate) b_g1: (Selection, Vec<G1Affine>, Plan),
    pub(crate) b_g2: (Selection, Vec<G2Affine>, Plan),
    pub(crate) l: (Selection, Vec<G1Affine>, Plan),
    pub(crate) h: (Vec<G1Affine>, Plan),
}

impl Parts {
    /// `sample` is an assignment like those to be proved: it tells how many values are small, and nothing else of it
    /// shows in the plans.
    pub(crate) fn new(key: &ProvingKey, budget_bytes: usize, sample: &[Fr]) -> Self {
        let (a, mut a_bases) = Selection::of(&key.a);
        let (b_g1, mut b_g1_bases) = Selection::of(&key.b_g1);
        let (b_g2, mut b_g2_bases) = Selection::of(&key.b_g2);
        let (l, l_bases) = Selection::of(&key.l);
        a_bases.push(key.delta_g1);
        b_g1_bases.push(key.beta_g1);
        b_g2_bases.push(key.verifying.delta);
        // C is one sum over L and H.
        let c_points = l_bases.len() + key.h.len();
        let c_dense = l.dense(&sample[1 + key.num_public()..]) + key.h.len();
        let wanted = [
            (a_bases.len(), a.dense(sample), <g1::Config as Curve>::WORDS),
            (
                b_g1_bases.len(),
                b_g1.dense(sample),
                <g1::Config as Curve>::WORDS,
            ),
            (
                b_g2_bases.len(),
                b_g2.dense(sample),
                <g2::Config as Curve>::WORDS,
            ),
            (c_points, c_dense, <g1::Config as Curve>::WORDS),
        ];
        let [a_plan, b_g1_plan, b_g2_plan, c_plan] = plans(wanted, budget_bytes);
        Self {
            a: (a, a_bases, a_plan),
            b_g1: (b_g1, b_g1_bases, b_g1_plan),
            b_g2: (b_g2, b_g2_bases, b_g2_plan),
            l: (l, l_bases, c_plan),
            h: (key.h.clone(), c_plan),
        }
    }

    /// Number of bases.
    pub(crate) fn len(&self) -> usize {
        self.a.1.len() + self.b_g1.1.len() + self.b_g2.1.len() + self.l.1.len() + self.h.0.len()
    }
}

/// A plan for each set of so many points, so many of them dense, of so many words; together within a budget, which they
/// share as they would take without one.
fn plans(wanted: [(usize, usize, usize); 4], budget_bytes: usize) -> [Plan; 4] {
    let choose = |(points, dense, words): (usize, usize, usize), budget| {
        Plan::choose(points, dense, 8 * words, budget)
    };
    let bytes = |(points, _, words): (usize, usize, usize), plan: Plan| {
        8 * points * words * plan.levels as usize
    };
    let free = wanted.map(|set| bytes(set, choose(set, usize::MAX)));
    let total: usize = free.iter().sum();
    let mut index = 0;
    wanted.map(|set| {
        let share = free[index] as u128 * budget_bytes as u128 / total.max(1) as u128;
        index += 1;
        choose(
            set,
            if total <= budget_bytes {
                usize::MAX
            } else {
                share as usize
            },
        )
    })
}

/// Builds a table.
pub(crate) fn table<C: Curve>(
    points: &[Affine<C>],
    plan: Plan,
    backend: Backend,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<FixedBases<C>, TableError> {
    FixedBases::build(points, plan, backend, progress)
}

impl Bases {
    /// Tables in memory.
    pub(crate) fn in_memory(
        parts: Parts,
        backend: Backend,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self, TablesError> {
        fn stored<C: Curve>(
            points: &[Affine<C>],
            plan: Plan,
            backend: Backend,
            progress: &(dyn Fn(usize) + Sync),
        ) -> Result<FixedBases<C, Storage>, TableError> {
            let words = table(points, plan, backend, progress)?.into_words();
            FixedBases::from_words(Storage::Memory(words))
        }
        let g1 = |(selection, points, plan): (Selection, Vec<G1Affine>, Plan)| {
            let table = stored(&points, plan, backend, progress)?;
            Ok::<_, TableError>(Set { selection, table })
        };
        let Parts {
            a,
            b_g1,
            b_g2,
            l,
            h,
        } = parts;
        Ok(Self {
            domain: Domain::new(h.0.len(), backend)?,
            a: g1(a)?,
            b_g1: g1(b_g1)?,
            b_g2: Set {
                table: stored(&b_g2.1, b_g2.2, backend, progress)?,
                selection: b_g2.0,
            },
            l: g1(l)?,
            h: stored(&h.0, h.1, backend, progress)?,
            file: None,
        })
    }

    /// Makes tables and writes them to a file, which is mapped; or keeps them in memory, where it cannot be written.
    pub(crate) fn at(
        path: &Path,
        identity: &tables::Identity,
        backend: Backend,
        verifying: &VerifyingKey,
        system: &System,
        parts: Parts,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, TablesError> {
        let total = parts.len();
        let done = AtomicUsize::new(0);
        let progress = |more: usize| {
            let before = done.fetch_add(more, Ordering::Relaxed);
            progress(before + more, total);
        };
        match tables::create(
            path, identity, backend, verifying, system, &parts, &progress,
        ) {
            Ok(bases) => Ok(bases),
            Err(tables::CreateError::Tables(error)) => Err(error),
            Err(tables::CreateError::Io(error)) => {
                tracing::warn!(path = %path.display(), %error, "tables are kept in memory: they cannot be written");
                done.store(0, Ordering::Relaxed);
                Self::in_memory(parts, backend, &progress)
            }
        }
    }

    /// Bytes of all tables.
    pub(crate) fn bytes(&self) -> usize {
        let g1 = [&self.a.table, &self.b_g1.table, &self.l.table, &self.h];
        let words: usize = g1.iter().map(|table| table.as_words().len()).sum();
        8 * (words + self.b_g2.table.as_words().len())
    }

    /// A proof with given randomness (eprint 2016/260, section 3.2, Prove); `a` and `b` are the matrices' products with
    /// the assignment, which must satisfy the constraints.
    ///
    /// C is `sum w_i L_i + sum h_j H_j + s A + r B1 - r s delta`, where B1 is B in the first group: without its `s delta`,
    /// it leaves `r (beta + sum w_i [v_i]_1)`.
    pub(crate) fn prove(
        &self,
        verifying: &VerifyingKey,
        assignment: &[Fr],
        [a_values, b_values]: [&[Fr]; 2],
        [r, s]: [&Fr; 2],
        cancel: &Cancel,
    ) -> Result<Proof, Stopped> {
        let private = &assignment[1 + verifying.public_inputs()..];
        let sum_l_h = || -> Sum<g1::Config> {
            cancel.check()?;
            let h = self.domain.quotient(a_values, b_values);
            cancel.check()?;
            let l = self.l.selection.scalars(private, &[]);
            Ok(FixedBases::msm_of(&[(&self.l.table, &l), (&self.h, &h)])?)
        };
        let sum_a = || -> Result<_, Stopped> {
            cancel.check()?;
            let a = self.a.sum(assignment, &[*r])? + verifying.alpha;
            Ok((a, a * s))
        };
        let sum_b_g1 = || -> Sum<g1::Config> {
            cancel.check()?;
            Ok(self.b_g1.sum(assignment, &[Fr::ONE])? * r)
        };
        let sum_b_g2 = || -> Sum<g2::Config> {
            cancel.check()?;
            Ok(self.b_g2.sum(assignment, &[*s])? + verifying.beta)
        };
        let (l_h, (b, (a, b_g1))) = rayon::join(sum_l_h, || {
            rayon::join(sum_b_g2, || rayon::join(sum_a, sum_b_g1))
        });
        let (a, a_times_s) = a?;
        let c = l_h? + a_times_s + b_g1?;
        Ok(Proof {
            a: a.into_affine(),
            b: b?.into_affine(),
            c: c.into_affine(),
        })
    }
}

/// About how many bytes one proof takes beside tables and matrices: products, transforms, scalars, digits and buckets.
pub(crate) fn working_bytes(domain: usize, columns: usize) -> usize {
    const ELEMENT: usize = 32;
    const LIMBS: usize = 40;
    /// Of a thread: digits to be sorted and where they go, and buckets.
    const THREAD: usize = 48 << 20;
    let scalars = 4 * columns + domain;
    let threads = rayon::current_num_threads() * THREAD.min(1024 * domain);
    domain * (3 * ELEMENT + 3 * LIMBS) + 2 * ELEMENT * scalars + threads
}

/// A sum of a proof, unless that was stopped.
type Sum<C> = Result<Projective<C>, Stopped>;

/// Why a proof stopped.
pub(crate) enum Stopped {
    Cancelled,
    Table(TableError),
}

impl From<Cancelled> for Stopped {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<TableError> for Stopped {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}
