//! The constants of a network, in one place, all of them adjustable by its operator.

use crate::{Credits, Millis, Ratio, Weights};
use serde::{Deserialize, Serialize};

/// What the winner of an auction is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentRule {
    /// What the runner-up's score would have allowed, never above the ceiling (a scoring auction's
    /// second-score rule: Che, RAND Journal of Economics 24(4), 1993).
    SecondScore,
    /// What the winner asked.
    FirstPrice,
}

/// The constants of a network. As JSON they name only what differs from the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// How price and reputation weigh in an auction.
    pub weights: Weights,
    /// What the winner is paid.
    pub payment: PaymentRule,
    /// An assignment that is neither claimed nor kept alive by heartbeats for this long runs out.
    pub lease: Millis,
    /// How long an assignment of the operator's own fleet may wait to be claimed, where that is
    /// longer than the lease: machines may have to be started first.
    pub fleet_start: Millis,
    /// The longest that heartbeats can keep one attempt alive.
    pub longest_attempt: Millis,
    /// By how much the clocks of two nodes may differ: a lease counts as run out this much later.
    pub max_skew: Millis,
    /// When the sweeper has not been there for longer than this, the network was away: must be
    /// longer than the pause between two sweeps.
    pub outage: Millis,
    /// Provers without an assignment that may be at work on one open task at the same time.
    pub most_fulfilments: u32,
    /// A committed proof may be revealed this much later, ... More than `max_skew`: otherwise a
    /// commitment heard by a node whose clock is behind could be revealed at once at another.
    pub reveal_after: Millis,
    /// ... and no later than this.
    pub reveal_within: Millis,
    /// A prover that was not heard of for this long is not assigned anything.
    pub prover_silence: Millis,
    /// The pause before the second auction of a task; it doubles with each.
    pub first_pause: Millis,
    /// The longest pause between two auctions of a task.
    pub longest_pause: Millis,
    /// Failures in a row after which a prover is paused.
    pub breaker_failures: u32,
    /// The first such pause; it doubles with each further failure.
    pub breaker_pause: Millis,
    /// The longest such pause.
    pub longest_breaker_pause: Millis,
    /// What one point of priority is worth in waiting time.
    pub priority_point: Millis,
    /// Parts of the market that are cleared side by side; 0 counts as 1.
    pub market_shards: u8,
    /// An auctioneer whose beat stands still for this long is replaced.
    pub leader_lease: Millis,
    /// How often a task may be attempted where it does not say.
    pub max_attempts: u32,
    /// Of an attempt's price, the part of the stake that an invalid proof costs.
    pub slash_invalid: Ratio,
    /// Of an attempt's price, the part of the stake that an abandoned attempt costs.
    pub slash_abandoned: Ratio,
    /// What an open network gives a requester it sees for the first time; 0 on a closed one.
    pub requester_grant: Credits,
    /// The stake an open network gives a prover it sees for the first time; 0 on a closed one.
    pub stake_grant: Credits,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            payment: PaymentRule::SecondScore,
            lease: Millis(30_000),
            fleet_start: Millis(0),
            longest_attempt: Millis(15 * 60_000),
            max_skew: Millis(5_000),
            outage: Millis(10_000),
            most_fulfilments: 8,
            reveal_after: Millis(6_000),
            reveal_within: Millis(60_000),
            prover_silence: Millis(60_000),
            first_pause: Millis(1_000),
            longest_pause: Millis(60_000),
            breaker_failures: 3,
            breaker_pause: Millis(10_000),
            longest_breaker_pause: Millis(60 * 60_000),
            priority_point: Millis(6_000),
            market_shards: 1,
            leader_lease: Millis(10_000),
            max_attempts: 5,
            slash_invalid: Ratio::ONE,
            slash_abandoned: Ratio::ppm(100_000),
            requester_grant: Credits(0),
            stake_grant: Credits(0),
        }
    }
}

impl Rules {
    /// The rules of a network that is open to whoever reaches it (a loopback address): newcomers
    /// are given credits, so that a first task needs no administrator.
    #[must_use]
    pub fn open() -> Self {
        Self {
            requester_grant: Credits(1_000_000_000),
            stake_grant: Credits(10_000),
            ..Self::default()
        }
    }

    /// The pause before auction number `round + 1`, after `round` auctions found no prover.
    #[must_use]
    pub fn pause(&self, round: u32) -> Millis {
        doubled(self.first_pause, round.saturating_sub(1)).min(self.longest_pause)
    }

    /// How long a prover is not assigned anything after this many failures in a row.
    #[must_use]
    pub fn breaker(&self, failures: u32) -> Option<Millis> {
        let beyond = failures.checked_sub(self.breaker_failures.max(1))?;
        Some(doubled(self.breaker_pause, beyond).min(self.longest_breaker_pause))
    }
}

fn doubled(first: Millis, times: u32) -> Millis {
    let factor = 1_u64.checked_shl(times).unwrap_or(u64::MAX);
    Millis(first.0.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_only_what_differs() {
        let read = |json| serde_json::from_str::<Rules>(json);
        let changed = Rules {
            outage: Millis(150_000),
            ..Rules::default()
        };
        assert_eq!(read(r#"{"outage":150000}"#).unwrap(), changed);
        assert_eq!(read("{}").unwrap(), Rules::default());
        let misspelt = read(r#"{"outtage":150000}"#).unwrap_err();
        assert!(misspelt.to_string().contains("unknown field"));
    }
}
