//! Provers and what they ask.

use crate::{
    AskId, AttemptNo, Credits, Millis, Outcome, PrivacyLevel, ProverId, Ratio, Record, Rules,
    TaskId, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An offer to prove: which circuits, at what price, how many at once, until when.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ask {
    /// Names the ask.
    pub ask_id: AskId,
    /// Circuits (`name@version`) offered; empty means every circuit of the network.
    pub circuits: Vec<String>,
    /// Credits for one proof.
    pub price: Credits,
    /// Proofs at once under this ask.
    pub capacity: u32,
    /// Privacy classes offered; see [`PrivacyLevel::class`].
    pub levels: Vec<PrivacyLevel>,
    /// Time within which a proof is promised after assignment.
    pub promised: Millis,
    /// When it was placed; ties in an auction go to the earlier ask.
    pub placed_at: Timestamp,
    /// When it stops counting; none for until it is replaced.
    pub expires_at: Option<Timestamp>,
}

/// An assignment that a prover holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Active {
    /// Under which ask.
    pub ask_id: AskId,
    /// Which attempt of the task.
    pub attempt: AttemptNo,
}

/// The circuit breaker: who fails again and again is not assigned anything for a growing pause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Breaker {
    /// Failures since its last valid proof.
    pub failures: u32,
    /// The newest of them.
    pub last: Option<Outcome>,
    /// When the pause ends, or ended.
    pub paused_until: Option<Timestamp>,
}

impl Breaker {
    fn note(&mut self, outcome: Outcome, now: Timestamp, rules: &Rules) {
        if matches!(outcome, Outcome::Proved { .. }) {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.last = Some(outcome);
        if let Some(pause) = rules.breaker(self.failures) {
            self.paused_until = self.paused_until.max(Some(now + pause));
        }
    }

    /// When the pause ends, if there is one now.
    #[must_use]
    pub fn paused(&self, now: Timestamp) -> Option<Timestamp> {
        self.paused_until.filter(|until| *until > now)
    }

    /// Why there is a pause, for its prover to read.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let last = match self.last? {
            Outcome::Proved { .. } => return None,
            Outcome::Failed => "it gave up",
            Outcome::Abandoned => "it claimed a task and went silent",
            Outcome::Unclaimed => "it did not claim what it won",
            Outcome::Invalid => "its proof did not verify",
        };
        Some(format!(
            "{} failures in a row, in the last one {last}; a valid proof ends the count",
            self.failures
        ))
    }
}

/// A registered prover: what it offers, what it holds, and its record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prover {
    /// Names it.
    pub prover_id: ProverId,
    /// Who may act for it: the name on the API key that registered it; none on an open network.
    pub owner: Option<String>,
    /// The operator's own: may take tasks of privacy level 3 and above.
    pub fleet: bool,
    /// Allowed by the operator for tasks of privacy level 2.
    pub trusted: bool,
    /// Assignments it can hold at once over all its asks.
    pub capacity: u32,
    /// Its asks, at most [`Prover::MAX_ASKS`].
    pub asks: Vec<Ask>,
    /// Assignments it holds.
    pub active: BTreeMap<TaskId, Active>,
    /// What it did so far.
    pub record: Record,
    /// Whether it fails too often to be assigned anything now.
    #[serde(default)]
    pub breaker: Breaker,
    /// When it registered.
    pub registered_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
}

/// Why an ask cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProverError {
    /// Too many asks.
    #[error(
        "expected at most {max} asks of one prover, got one more; let one expire or replace it"
    )]
    TooManyAsks {
        /// The limit.
        max: usize,
    },
    /// A capacity of 0 or above the limit.
    #[error("capacity: expected 1 to {max}, got {got}")]
    Capacity {
        /// The limit.
        max: u32,
        /// What was given.
        got: u32,
    },
    /// No privacy level offered.
    #[error("levels: expected at least one privacy level, got none")]
    NoLevels,
    /// A promise beyond the longest attempt.
    #[error("promised_ms: expected at most {}, got {}", .max.0, .got.0)]
    Promised {
        /// The limit.
        max: Millis,
        /// What was given.
        got: Millis,
    },
    /// A price no account could hold.
    #[error("price: expected at most {max}, got {got}", max = Credits::MAX)]
    Price {
        /// What was given.
        got: Credits,
    },
}

impl Prover {
    /// Asks that one prover may have at once.
    pub const MAX_ASKS: usize = 32;
    /// Assignments that one prover may hold at once.
    pub const MAX_CAPACITY: u32 = 1_024;

    /// Its reputation.
    #[must_use]
    pub fn reputation(&self) -> Ratio {
        self.record.reputation()
    }

    /// How many more assignments it can hold under `ask`.
    #[must_use]
    pub fn room(&self, ask: &Ask) -> u32 {
        self.overall_room().min(self.room_under(ask))
    }

    /// How many more it can hold over all its asks.
    pub(crate) fn overall_room(&self) -> u32 {
        let held = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        self.capacity.saturating_sub(held)
    }

    /// How many more the ask's own capacity allows.
    pub(crate) fn room_under(&self, ask: &Ask) -> u32 {
        let under = |a: &&Active| a.ask_id == ask.ask_id;
        let held = self.active.values().filter(under).count();
        ask.capacity
            .saturating_sub(u32::try_from(held).unwrap_or(u32::MAX))
    }

    /// Adds or replaces (same id) an ask; expired ones fall away.
    ///
    /// # Errors
    /// [`ProverError`], and nothing has changed.
    pub fn place(&mut self, ask: Ask, now: Timestamp, rules: &Rules) -> Result<(), ProverError> {
        if !(1..=Self::MAX_CAPACITY).contains(&ask.capacity) {
            return Err(ProverError::Capacity {
                max: Self::MAX_CAPACITY,
                got: ask.capacity,
            });
        }
        if ask.levels.is_empty() {
            return Err(ProverError::NoLevels);
        }
        if ask.price > Credits::MAX {
            return Err(ProverError::Price { got: ask.price });
        }
        if ask.promised > rules.longest_attempt {
            return Err(ProverError::Promised {
                max: rules.longest_attempt,
                got: ask.promised,
            });
        }
        let kept = |a: &&Ask| a.ask_id != ask.ask_id && a.expires_at.is_none_or(|at| at > now);
        let mut asks: Vec<Ask> = self.asks.iter().filter(kept).cloned().collect();
        if asks.len() == Self::MAX_ASKS {
            return Err(ProverError::TooManyAsks {
                max: Self::MAX_ASKS,
            });
        }
        asks.push(ask);
        self.asks = asks;
        Ok(())
    }

    /// Takes an assignment on.
    pub fn take(&mut self, task: TaskId, ask_id: AskId, attempt: AttemptNo) {
        self.active.insert(task, Active { ask_id, attempt });
    }

    /// Lets an assignment go. Doing it twice changes nothing more, and a later attempt stays.
    pub fn release(&mut self, task: TaskId, attempt: AttemptNo) {
        if self.active.get(&task).is_some_and(|a| a.attempt == attempt) {
            self.active.remove(&task);
        }
    }

    /// Writes a finished attempt into the record and the circuit breaker.
    pub fn note(&mut self, outcome: Outcome, now: Timestamp, rules: &Rules) {
        self.record.add(outcome);
        self.breaker.note(outcome, now, rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVED: Outcome = Outcome::Proved {
        quality: Ratio::ONE,
        efficiency: Ratio::ONE,
    };

    #[test]
    fn from_the_third_failure_in_a_row_on_the_pause_doubles_up_to_an_hour() {
        let (mut breaker, rules, now) = (Breaker::default(), Rules::default(), Timestamp(1_000));
        let mut pauses = Vec::new();
        for outcome in [Outcome::Failed, Outcome::Abandoned, Outcome::Invalid]
            .into_iter()
            .chain([Outcome::Unclaimed; 10])
        {
            breaker.note(outcome, now, &rules);
            let until = breaker.paused(now);
            pauses.push(until.map_or(0, |until| until.since(now).0 / 1_000));
        }
        let expected = [
            0, 0, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600,
        ];
        assert_eq!(pauses, expected);
        assert!(
            breaker
                .reason()
                .unwrap()
                .starts_with("13 failures in a row")
        );
    }

    #[test]
    fn a_pause_ends_with_its_time_and_a_valid_proof_ends_the_count() {
        let (mut breaker, rules, now) = (Breaker::default(), Rules::default(), Timestamp(1_000));
        for _ in 0..3 {
            breaker.note(Outcome::Failed, now, &rules);
        }
        assert_eq!(breaker.paused(Timestamp(10_999)), Some(Timestamp(11_000)));
        assert_eq!(breaker.paused(Timestamp(11_000)), None);
        // A clock that went back shortens nothing.
        breaker.note(Outcome::Failed, Timestamp(0), &rules);
        assert_eq!(breaker.paused_until, Some(Timestamp(20_000)));
        breaker.note(PROVED, now, &rules);
        assert_eq!(breaker, Breaker::default());
        assert_eq!(breaker.reason(), None);
    }
}
