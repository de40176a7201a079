//! What every adapter of a port of `prooflane-store` must do, one named check per property.
//!
//! A check gets the adapter behind its port and nothing else. Each works under names of its own, so that all of them can
//! run at once on one store, even on one that is shared and never emptied.

pub mod blobs;
pub mod linear;
pub mod queue;
pub mod spec;
pub mod table;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A property by name, and the check of it on a store `S`.
pub type Check<S> = (
    &'static str,
    fn(S) -> Pin<Box<dyn Future<Output = ()> + Send>>,
);

/// Names each check after its function.
macro_rules! checks {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), |store| Box::pin($name(store)))),*] };
}
pub(crate) use checks;

/// Runs all checks at once, each on what `store` gives it.
///
/// # Panics
/// After all have ended, when any failed, with the names of those.
pub async fn run<S: 'static>(checks: &[Check<S>], store: impl Fn() -> S) {
    let running: Vec<_> = checks
        .iter()
        .map(|(name, check)| (*name, tokio::spawn(check(store()))))
        .collect();
    let mut failed = Vec::new();
    for (name, check) in running {
        if let Err(error) = check.await {
            eprintln!("{name}: {error}");
            failed.push(name);
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} checks failed: {failed:?}",
        failed.len(),
        checks.len()
    );
}

/// A name that nobody else uses, now or in another run.
pub(crate) fn fresh(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    format!("{name}-{millis}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Waits until `got` gives what is `expected`: an index may lag behind.
///
/// # Panics
/// When that takes longer than 5 s.
pub(crate) async fn eventually<T, F>(expected: T, mut got: impl FnMut() -> F)
where
    T: PartialEq + std::fmt::Debug,
    F: Future<Output = T>,
{
    for _ in 0..100 {
        if got().await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(got().await, expected);
}

/// Repeatable randomness: splitmix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
