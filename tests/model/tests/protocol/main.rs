//! The lease and assignment protocol, checked exhaustively for small numbers of tasks, provers,
//! auctioneers, attempts and faults. Every transition is the market's own.
//!
//! Each configuration looks closely at a part of the protocol: all of it at once has too many states.

mod properties;
mod protocol;
mod table;

use properties::sometimes::*;
use properties::*;
use protocol::{Faults, Mistake, Protocol};
use stateright::{Checker, HasDiscoveries, Model};
use std::time::Instant;

/// One task, one prover, two attempts, two handlers, no auctioneers: any handler may clear. The clock
/// of the sweeper is ahead by as much as the rules allow.
fn small() -> Protocol {
    Protocol {
        rules: Protocol::rules(),
        tasks: 1,
        provers: 1,
        auctioneers: 0,
        handlers: 2,
        attempts: 2,
        deadline: None,
        horizon: 4,
        sweeper_ahead: 1,
        cancels: false,
        outages: false,
        fulfils: false,
        faults: Faults::default(),
        examples: Vec::new(),
        mistake: None,
    }
}

fn holds(name: &str, model: Protocol) {
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failing = HasDiscoveries::AnyFailures;
    let checker = model.checker().finish_when(failing).threads(threads);
    let checked = checker.spawn_dfs().join();
    println!(
        "{name}: {} states, {} of them different, in {:.1?}",
        checked.state_count(),
        checked.unique_state_count(),
        began.elapsed()
    );
    checked.assert_properties();
}

#[test]
fn a_prover_that_dies_or_gives_up_and_tries_again() {
    let faults = Faults {
        deaths: 1,
        failures: 1,
        ..Faults::default()
    };
    let examples = vec![STALE, SECOND, EXHAUSTED, SLASHED_STAKE];
    holds(
        "one prover",
        Protocol {
            faults,
            examples,
            ..small()
        },
    );
}

#[test]
fn two_provers_one_after_the_other_and_a_requester_that_cancels() {
    let model = Protocol {
        provers: 2,
        cancels: true,
        faults: Faults {
            failures: 1,
            ..Faults::default()
        },
        examples: vec![STALE, SECOND, LATE, CANCELLED],
        ..small()
    };
    holds("two provers", model);
}

#[test]
fn a_prover_that_lies() {
    let model = Protocol {
        provers: 2,
        faults: Faults {
            lies: 1,
            ..Faults::default()
        },
        examples: vec![STALE, SECOND, LATE, SLASHED_STAKE],
        ..small()
    };
    holds("lies", model);
}

#[test]
fn commits_of_unknown_outcome() {
    let model = Protocol {
        faults: Faults {
            failures: 1,
            timeouts: 1,
            ..Faults::default()
        },
        examples: vec![LANDED, SECOND, EXHAUSTED],
        ..small()
    };
    holds("unknown outcomes", model);
}

#[test]
fn three_attempts_with_every_fault_of_a_prover() {
    let model = Protocol {
        provers: 2,
        handlers: 1,
        attempts: 3,
        horizon: 6,
        faults: Faults {
            deaths: 1,
            failures: 1,
            lies: 1,
            ..Faults::default()
        },
        examples: vec![SECOND, LATE, EXHAUSTED, SLASHED_STAKE],
        ..small()
    };
    holds("three attempts", model);
}

#[test]
fn a_network_that_was_away() {
    let model = Protocol {
        outages: true,
        horizon: 5,
        examples: vec![GIVEN_ANEW, SLASHED_STAKE],
        ..small()
    };
    holds("outages", model);
}

#[test]
fn a_deadline() {
    let model = Protocol {
        deadline: Some(3),
        cancels: true,
        faults: Faults {
            failures: 1,
            ..Faults::default()
        },
        examples: vec![EXPIRED, SECOND, CANCELLED],
        ..small()
    };
    holds("deadline", model);
}

#[test]
fn anyone_may_fulfil_a_task_that_stays_open() {
    let model = Protocol {
        provers: 2,
        handlers: 1,
        fulfils: true,
        faults: Faults {
            lies: 1,
            ..Faults::default()
        },
        examples: vec![FULFILLED, SECOND, LATE],
        ..small()
    };
    holds("fulfilment", model);
}

#[test]
fn two_tasks_and_a_prover_with_room_for_one() {
    let model = Protocol {
        tasks: 2,
        handlers: 1,
        horizon: 5,
        examples: vec![BOTH, SECOND],
        ..small()
    };
    holds("two tasks", model);
}

/// Two auctioneers, one of which may be paused for as long as it takes.
fn led() -> Protocol {
    Protocol {
        auctioneers: 2,
        handlers: 1,
        horizon: 5,
        examples: vec![TAKEN_OVER, DEPOSED, SECOND],
        ..small()
    }
}

#[test]
fn two_auctioneers_of_which_one_leads() {
    holds("auctioneers", led());
}

#[test]
fn an_auctioneer_that_is_started_again() {
    let model = Protocol {
        horizon: 4,
        attempts: 1,
        faults: Faults {
            restarts: 1,
            ..Faults::default()
        },
        examples: vec![TAKEN_OVER, DEPOSED],
        ..led()
    };
    holds("restarts", model);
}

/// The model finds a way to break `property`; prints the shortest.
fn breaks(property: &'static str, model: Protocol) {
    let name = model
        .mistake
        .map_or("this".into(), |mistake| format!("{mistake:?}"));
    let found = HasDiscoveries::AllOf([property].into());
    let checked = model.checker().finish_when(found).spawn_bfs().join();
    let path = checked.discovery(property);
    let path = path.unwrap_or_else(|| panic!("{name} was not noticed"));
    println!("{name} breaks \"{property}\":");
    for action in path.into_actions() {
        println!("  {action:?}");
    }
}

fn with(mistake: Mistake) -> Protocol {
    Protocol {
        mistake: Some(mistake),
        ..small()
    }
}

#[test]
fn a_commit_that_ignores_versions_is_noticed() {
    breaks(TERMINAL, with(Mistake::IgnoresVersions));
    breaks(KEPT_ALIVE, with(Mistake::IgnoresVersions));
    breaks(ACTIVE, with(Mistake::IgnoresVersions));
}

#[test]
fn a_failure_without_an_attempt_check_is_noticed() {
    let faults = Faults {
        failures: 1,
        ..Faults::default()
    };
    let model = with(Mistake::FailsTheRunningAttempt);
    breaks(FENCED, Protocol { faults, ..model });
}

#[test]
fn a_payout_before_verification_is_noticed() {
    let faults = Faults {
        lies: 1,
        ..Faults::default()
    };
    let model = with(Mistake::PaysUnverified);
    breaks(VALID, Protocol { faults, ..model });
}

#[test]
fn an_escrow_apart_from_its_task_is_noticed() {
    breaks(CONSERVATION, with(Mistake::SplitsEscrow));
}

#[test]
fn a_clearing_without_an_epoch_check_is_noticed() {
    let mistake = Some(Mistake::ClearsInAnyEpoch);
    breaks(EPOCH, Protocol { mistake, ..led() });
}

#[test]
fn a_sweeper_that_forgets_an_outage_is_noticed() {
    let model = Protocol {
        outages: true,
        horizon: 5,
        ..with(Mistake::ForgetsOutages)
    };
    breaks(SLASHED, model);
}

#[test]
fn clocks_further_apart_than_the_rules_allow_are_noticed() {
    let sweeper_ahead = 2;
    breaks(
        KEPT_ALIVE,
        Protocol {
            sweeper_ahead,
            ..small()
        },
    );
}
