//! What the kernels cost on this machine: medians of interleaved runs, next to arkworks.
//!
//! `cargo run --release -p prooflane-kernels --example measure [LOG2]`, `LOG2` being the largest size of
//! a sum (18 if it is left out).

use ark_bn254::{Fq, Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::UniformRand;
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use prooflane_kernels::{Backend, Curve, FixedBases, Plan};
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

const MIB: usize = 1 << 20;
/// Tables of one sum may take so much.
const BUDGET_BYTES: usize = 512 * MIB;

type Candidate<'a> = (&'a str, Box<dyn FnMut() + 'a>);

/// Medians in nanoseconds, all candidates taking turns.
fn medians(rounds: usize, candidates: &mut [Candidate<'_>]) -> Vec<f64> {
    let mut times = vec![Vec::new(); candidates.len()];
    for _ in 0..rounds {
        for ((_, run), times) in candidates.iter_mut().zip(&mut times) {
            let start = Instant::now();
            run();
            times.push(start.elapsed().as_nanos() as f64);
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect()
}

#[cfg(target_arch = "x86_64")]
mod lanes {
    use ark_bn254::Fq;
    use prooflane_kernels::field::Fq8;
    use prooflane_kernels::simd::{Ifma, Kernel, Machine, Simd};

    struct Multiply<'a> {
        elements: &'a mut [Fq; 8],
        times: usize,
    }

    impl<S: Simd> Kernel<S> for Multiply<'_> {
        type Output = ();

        #[inline(always)]
        fn run(self, simd: S) {
            let factor = Fq8::from_ark(simd, self.elements);
            let mut products = [factor; 2];
            for _ in 0..self.times / 2 {
                products[0] = products[0].mul(factor);
                products[1] = products[1].mul(factor);
            }
            *self.elements = products[0].add(products[1]).to_ark();
        }
    }

    /// Eight elements raised to some power, or nothing where the instructions are missing.
    pub(super) fn multiply(elements: &mut [Fq; 8], times: usize) {
        if let Some(ifma) = Ifma::detect() {
            ifma.run(Multiply { elements, times });
        }
    }
}

fn fields(rng: &mut StdRng) {
    const TIMES: usize = 20_000;
    let mut elements: [Fq; 8] = core::array::from_fn(|_| Fq::rand(rng));
    let (mut product, factor) = (elements[0], elements[1]);
    let mut candidates: Vec<Candidate<'_>> = vec![(
        "arkworks",
        Box::new(move || {
            (0..TIMES).for_each(|_| product *= factor);
            black_box(product);
        }),
    )];
    #[cfg(target_arch = "x86_64")]
    if Backend::Ifma.is_available() {
        candidates.push((
            "ifma, a lane",
            Box::new(move || lanes::multiply(black_box(&mut elements), TIMES)),
        ));
    }
    let times = medians(101, &mut candidates);
    for ((name, _), time) in candidates.iter().zip(times) {
        let lanes = if *name == "arkworks" { 1.0 } else { 8.0 };
        println!(
            "field multiplication | {name} | {:.2} ns",
            time / (TIMES as f64 * lanes)
        );
    }
}

fn backends() -> impl Iterator<Item = Backend> {
    [Backend::Ifma, Backend::Scalar]
        .into_iter()
        .filter(|backend| {
            if !backend.is_available() {
                println!("this machine has no {backend}");
            }
            backend.is_available()
        })
}

/// Points with unknown relations, as far as the formulas can tell.
fn points<C: Curve>(rng: &mut StdRng, size: usize) -> Vec<Affine<C>> {
    let generator = Projective::<C>::generator();
    let mut point = Projective::<C>::rand(rng);
    let chain: Vec<_> = (0..size)
        .map(|_| {
            point += generator;
            point
        })
        .collect();
    Projective::normalize_batch(&chain)
}

fn pool(threads: usize) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()
}

/// Scalars of one digit each: one addition, with the sorting it takes.
fn additions<C: Curve>(group: &str, rng: &mut StdRng) -> Result<(), Box<dyn Error>> {
    const SIZE: usize = 1 << 16;
    let plan = Plan {
        window_bits: 12,
        levels: 1,
        sets: 22,
    };
    let (points, pool) = (points::<C>(rng, SIZE), pool(1)?);
    let scalars: Vec<Fr> = (0..SIZE)
        .map(|_| Fr::from(rng.gen_range(1u64..=1 << 11)))
        .collect();
    for backend in backends() {
        let bases = FixedBases::build(&points, plan, backend, |_| ())?;
        let mut run: Vec<Candidate<'_>> = vec![(
            "",
            Box::new(|| {
                black_box(pool.install(|| bases.msm(&scalars)).is_ok());
            }),
        )];
        println!(
            "{group} addition in a bucket | {backend} | {:.1} ns",
            medians(31, &mut run)[0] / SIZE as f64
        );
    }
    Ok(())
}

fn sums<C: Curve>(group: &str, rng: &mut StdRng, largest: u32) -> Result<(), Box<dyn Error>> {
    let (one, two) = (pool(1)?, pool(2)?);
    for log in (12..=largest.min(18)).step_by(2) {
        let size = 1 << log;
        let points = points::<C>(rng, size);
        let scalars: Vec<Fr> = (0..size).map(|_| Fr::rand(rng)).collect();
        let plan = Plan::choose(size, size, C::WORDS * 8, BUDGET_BYTES);
        let mut tables = Vec::new();
        for backend in backends() {
            let start = Instant::now();
            tables.push(FixedBases::build(&points, plan, backend, |_| ())?);
            println!(
                "{group} 2^{log} | {backend} | table built in {:.1} s",
                start.elapsed().as_secs_f64()
            );
        }
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        for (threads, pool) in [("1 thread", &one), ("2 threads", &two)] {
            for bases in &tables {
                let (pool, scalars) = (pool, &scalars);
                candidates.push((
                    threads,
                    Box::new(move || {
                        black_box(pool.install(|| bases.msm(scalars)).is_ok());
                    }),
                ));
            }
            let (points, scalars) = (&points, &scalars);
            candidates.push((
                threads,
                Box::new(move || {
                    black_box(
                        pool.install(|| Projective::<C>::msm(points, scalars))
                            .is_ok(),
                    );
                }),
            ));
        }
        let names: Vec<String> = tables
            .iter()
            .map(|table| table.backend().to_string())
            .chain(["arkworks".to_owned()])
            .collect();
        let times = medians(if log < 16 { 15 } else { 5 }, &mut candidates);
        let mib = size * plan.levels as usize * C::WORDS * 8 / MIB;
        for (i, ((threads, _), time)) in candidates.iter().zip(times).enumerate() {
            let name = &names[i % names.len()];
            println!(
                "{group} 2^{log} | {name} | {threads} | {:.2} ms | {plan:?}, {mib} MiB",
                time / 1e6
            );
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let largest = std::env::args()
        .nth(1)
        .map_or(Ok(18), |argument| argument.parse())?;
    let mut rng = StdRng::seed_from_u64(1);
    fields(&mut rng);
    additions::<g1::Config>("G1", &mut rng)?;
    additions::<g2::Config>("G2", &mut rng)?;
    sums::<g1::Config>("G1", &mut rng, largest)?;
    sums::<g2::Config>("G2", &mut rng, largest)
}
