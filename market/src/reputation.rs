//! What a prover's past says of it.

use crate::{Millis, Ratio};
use serde::{Deserialize, Serialize};

/// How one attempt ended, as far as its prover's reputation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A valid proof.
    Proved {
        /// See [`quality`].
        quality: Ratio,
        /// See [`time_efficiency`].
        efficiency: Ratio,
    },
    /// A failure that the prover reported in time.
    Failed,
    /// Claimed, then the lease ran out.
    Abandoned,
    /// Never claimed: no part of the record, since the message may have been lost, but a failure
    /// to the circuit breaker.
    Unclaimed,
    /// A proof that does not verify.
    Invalid,
}

/// The quality of a valid proof: 1 when it came within the promised time, else promised / taken.
/// An invalid proof has quality 0.
#[must_use]
pub fn quality(promised: Millis, taken: Millis) -> Ratio {
    Ratio::of(promised.0, taken.0)
}

/// How much of the promised time was left: 1 for none used, 0 for all of it or more.
#[must_use]
pub fn time_efficiency(promised: Millis, taken: Millis) -> Ratio {
    if promised.0 == 0 {
        return Ratio::ZERO;
    }
    Ratio::of(promised.0.saturating_sub(taken.0), promised.0)
}

/// A prover's record: sums over its finished attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// Attempts that ended in a valid proof.
    pub proved: u64,
    /// Attempts that did not.
    pub failed: u64,
    /// Sum of qualities over all finished attempts, in parts per million.
    pub quality_sum: u64,
    /// Sum of time efficiencies over all finished attempts, in parts per million.
    pub efficiency_sum: u64,
}

impl Record {
    /// A newcomer counts as if it had already finished this many attempts, ...
    pub const PRIOR_ATTEMPTS: u64 = 4;
    /// ... each of which went half well. So a newcomer's reputation is 0.5, and no single attempt
    /// moves it far.
    pub const PRIOR: Ratio = Ratio::ppm(500_000);

    /// Adds one finished attempt.
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Proved {
                quality,
                efficiency,
            } => {
                self.proved += 1;
                self.quality_sum += u64::from(quality.as_ppm());
                self.efficiency_sum += u64::from(efficiency.as_ppm());
            }
            Outcome::Failed | Outcome::Abandoned | Outcome::Invalid => self.failed += 1,
            Outcome::Unclaimed => {}
        }
    }

    /// 50 % success rate + 30 % mean quality + 20 % mean time efficiency, each mean over the
    /// finished attempts and the prior.
    #[must_use]
    pub fn reputation(&self) -> Ratio {
        let attempts = u128::from(self.proved + self.failed + Self::PRIOR_ATTEMPTS);
        let prior = u128::from(Self::PRIOR_ATTEMPTS) * u128::from(Self::PRIOR.as_ppm());
        let successes = u128::from(self.proved) * u128::from(Ratio::SCALE) + prior;
        let quality = u128::from(self.quality_sum) + prior;
        let efficiency = u128::from(self.efficiency_sum) + prior;
        let parts = (50 * successes + 30 * quality + 20 * efficiency) / (100 * attempts);
        Ratio::ppm(u32::try_from(parts).unwrap_or(Ratio::SCALE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEST: Outcome = Outcome::Proved {
        quality: Ratio::ONE,
        efficiency: Ratio::ONE,
    };

    #[test]
    fn a_newcomer_stands_in_the_middle() {
        assert_eq!(Record::default().reputation(), Ratio::ppm(500_000));
    }

    #[test]
    fn success_raises_and_failure_lowers() {
        let mut record = Record::default();
        record.add(BEST);
        let after_success = record.reputation();
        assert!(after_success > Record::PRIOR);
        record.add(Outcome::Invalid);
        assert!(record.reputation() < after_success);
    }

    #[test]
    fn an_assignment_that_was_never_claimed_is_no_part_of_the_record() {
        let mut record = Record::default();
        record.add(Outcome::Unclaimed);
        assert_eq!(record, Record::default());
    }

    #[test]
    fn the_three_parts_weigh_50_30_20() {
        // So many attempts that the prior no longer shows.
        let many = 1_000_000_000;
        let record = |proved, quality_sum, efficiency_sum| Record {
            proved,
            failed: many - proved,
            quality_sum,
            efficiency_sum,
        };
        assert_eq!(record(many, 0, 0).reputation().as_ppm() / 1_000, 500);
        assert_eq!(
            record(0, many * 1_000_000, 0).reputation().as_ppm() / 1_000,
            300
        );
        assert_eq!(
            record(0, 0, many * 1_000_000).reputation().as_ppm() / 1_000,
            200
        );
    }

    #[test]
    fn lateness_costs_quality_and_haste_earns_efficiency() {
        assert_eq!(quality(Millis(100), Millis(100)), Ratio::ONE);
        assert_eq!(quality(Millis(100), Millis(400)), Ratio::ppm(250_000));
        assert_eq!(
            time_efficiency(Millis(100), Millis(25)),
            Ratio::ppm(750_000)
        );
        assert_eq!(time_efficiency(Millis(100), Millis(101)), Ratio::ZERO);
    }
}
