//! Simulations with fixed seeds, and the standard scenario with every store call of it failing.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_sim::{Fault, Report, simulate, standard};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does something for each of these on every core.
fn each<T: Sync>(of: &[T], act: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(one) = of.get(next.fetch_add(1, Ordering::Relaxed)) {
                    act(one);
                }
            });
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let digest = |seed| simulate(seed).unwrap().digest;
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7), digest(8));
}

#[test]
fn no_invariant_breaks_under_faults_of_every_kind() {
    let reports = std::sync::Mutex::new(Vec::<Report>::new());
    each(&Vec::from_iter(0..25), |seed| {
        let report = simulate(*seed).unwrap_or_else(|failure| panic!("{failure}"));
        reports.lock().unwrap().push(report);
    });
    let reports = reports.into_inner().unwrap();
    let some = |of: fn(&Report) -> u64| assert!(reports.iter().map(of).sum::<u64>() > 0);
    some(|r| r.reassignments);
    some(|r| r.late_settlements);
    some(|r| r.fulfilments);
    some(|r| r.slashes);
    for fault in [
        "outage",
        "killed before a call",
        "killed after a call",
        "time-out, landed",
        "time-out, lost",
        "time-out, landed late",
        "throttled",
        "store error",
        "stalled call",
        "hint lost",
        "request lost",
        "answer lost",
    ] {
        let injected = |r: &Report| r.faults.contains_key(fault);
        assert!(reports.iter().any(injected), "{fault}");
    }
}

/// One store call fails, in every way and in turn, and the network heals.
#[test]
fn every_store_call_may_fail() {
    let (report, calls) = standard(None).unwrap_or_else(|failure| panic!("{failure}"));
    eprintln!("{} store calls: {report:?}", calls.len());
    assert!(report.reassignments > 0 && report.settlements > 2 && report.slashes > 0);
    let mut faults = Vec::new();
    for (index, is_commit) in calls.into_iter().enumerate() {
        let always = [Fault::Refused, Fault::KillBefore];
        let of_commits = [Fault::Landed, Fault::Lost, Fault::KillAfter];
        let here = always.iter().chain(of_commits.iter().filter(|_| is_commit));
        faults.extend(here.map(|fault| (index as u64, *fault)));
    }
    each(&faults, |(index, fault)| {
        if let Err(failure) = standard(Some((*index, *fault))) {
            panic!("{fault:?} at store call {index}: {failure}");
        }
    });
}
