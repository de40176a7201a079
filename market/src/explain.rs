//! Why a task is where it is and what happens next, in words.

use crate::{FailReason, NoMatch, Obstacle, State, Task, Timestamp};
use serde::{Deserialize, Serialize};

/// A task's situation for a person to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Why it is where it is.
    pub why: String,
    /// What happens next, without anyone doing anything.
    pub next: String,
}

/// Explains a task.
#[must_use]
pub fn explain(task: &Task, now: Timestamp) -> Explanation {
    let attempts = task.spec.max_attempts;
    let (why, next) = match &task.state {
        State::Pending {
            next_auction_at,
            no_match: None,
        } => {
            let why = match task.attempts.last() {
                None => "It has just come in and waits for its first auction.".into(),
                Some(last) => format!(
                    "Attempt {} of {attempts} by {} ended without a proof ({}).",
                    last.number,
                    last.prover,
                    last.end.as_ref().map_or("running", |end| end.in_words()),
                ),
            };
            (
                why,
                format!("It is auctioned {}.", due(*next_auction_at, now)),
            )
        }
        State::Pending {
            next_auction_at,
            no_match: Some(no_match),
        } => {
            let mut next = format!(
                "It is auctioned again {}, or as soon as a new ask is placed.",
                due(*next_auction_at, now)
            );
            if let Some(deadline) = task.spec.deadline {
                next += &format!(
                    " If nobody has proved it {}, it expires and the reward goes back.",
                    due(deadline, now)
                );
            }
            (no_match.in_words(task), next)
        }
        State::Assigned { lease } => (
            format!(
                "Prover {} won auction {} and has not started yet.",
                lease.prover, lease.attempt
            ),
            format!(
                "If it has not started {}, the task goes back to auction.",
                due(lease.ends_at(), now)
            ),
        ),
        State::InProgress { lease } => (
            format!(
                "Prover {} is proving it (attempt {} of {attempts}).",
                lease.prover, lease.attempt
            ),
            format!(
                "The proof is verified and paid when it comes. Without a sign of life {}, the task \
                 goes back to auction.",
                due(lease.expires_at, now)
            ),
        ),
        State::Completed {
            prover,
            price,
            fulfilled: true,
            ..
        } => (
            format!(
                "Prover {prover} proved it when it was open to anyone; the proof was verified and {price} credits were paid."
            ),
            "Nothing: the proof is stored.".into(),
        ),
        State::Completed {
            prover,
            attempt,
            price,
            ..
        } => (
            format!(
                "Prover {prover} proved it in attempt {attempt}; the proof was verified and {price} credits were paid."
            ),
            "Nothing: the proof is stored.".into(),
        ),
        State::Failed {
            reason: FailReason::AttemptsExhausted { attempts },
        } => (
            match attempts {
                1 => "Its only attempt ended without a valid proof.".into(),
                _ => format!("All {attempts} attempts ended without a valid proof."),
            },
            "Nothing: the reward went back. Submit it as a new task to try again.".into(),
        ),
        State::Failed {
            reason: FailReason::KeyReplaced,
        } => (
            "The network changed the circuit's key after the task had come in.".into(),
            "Nothing: the reward went back. Submit it as a new task to have it proved under the \
             new key."
                .into(),
        ),
        State::Cancelled => (
            "The requester withdrew it.".into(),
            "Nothing: the reward went back.".into(),
        ),
        State::Expired => (
            "Its deadline passed before anyone had proved it.".into(),
            "Nothing: the reward went back. Submit it as a new task with a later deadline.".into(),
        ),
    };
    let cancelling = task.cancel_requested && !task.status().is_terminal();
    let next = if cancelling {
        format!(
            "{next} Cancellation was asked for: without a proof from this attempt, it ends as cancelled."
        )
    } else {
        next
    };
    Explanation { why, next }
}

fn due(at: Timestamp, now: Timestamp) -> String {
    match at.since(now).0 {
        0 => "now".into(),
        ms if ms < 10_000 => format!("in {}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms if ms < 600_000 => format!("in {} s", ms / 1_000),
        ms => format!("in {} min", ms / 60_000),
    }
}

impl crate::AttemptEnd {
    fn in_words(&self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Failed => "the prover gave up",
            Self::Abandoned => "the prover went silent",
            Self::Unclaimed => "the prover did not start",
            Self::Invalid => "the proof did not verify",
            Self::Overtaken => "another prover's proof came first",
            Self::Outage => "the network was away",
            Self::KeyReplaced => "the circuit's key was replaced",
        }
    }
}

impl NoMatch {
    fn in_words(&self, task: &Task) -> String {
        if self.obstacles.is_empty() {
            return "No prover is registered.".into();
        }
        let reasons: Vec<String> = self
            .obstacles
            .iter()
            .map(|(obstacle, count)| {
                let what = match obstacle {
                    Obstacle::Circuit => format!("offer no {}", task.spec.circuit),
                    Obstacle::Level => {
                        format!("do not offer privacy level {}", task.spec.privacy_level)
                    }
                    Obstacle::NotAllowed => {
                        format!(
                            "are not allowed for privacy level {}",
                            task.spec.privacy_level
                        )
                    }
                    Obstacle::Reputation => format!(
                        "have less than the reputation asked for ({:.2})",
                        task.spec.min_reputation.as_f64()
                    ),
                    Obstacle::Price => {
                        format!("ask more than the reward of {}", task.spec.reward_amount)
                    }
                    Obstacle::Capacity => "are busy".into(),
                    Obstacle::Silent => "have not been heard of lately".into(),
                    Obstacle::Paused => "are paused after failing repeatedly".into(),
                };
                format!("{count} {what}")
            })
            .collect();
        let mut words = format!(
            "No prover can take it: of those registered, {}.",
            reasons.join(", ")
        );
        if let Some(price) = self.lowest_price {
            words += &format!(" The lowest price asked is {price}.");
        }
        words
    }
}

#[cfg(test)]
mod tests;
