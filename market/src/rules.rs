//! The constants of a network, in one place, all of them adjustable by its operator.

use crate::{Credits, Millis, Ratio, Weights};
use serde::{Deserialize, Serialize};

/// What the winner of an auction is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentRule {
    /// What the runner-up's score would have allowed, never above the ceiling (a scoring auction's
    /// second-score rule: Che, RAND Journal of Economics 24(4), 1993).
    SecondScore,
    /// What the winner asked.
    FirstPrice,
}

/// The constants of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// How price and reputation weigh in an auction.
    pub weights: Weights,
    /// What the winner is paid.
    pub payment: PaymentRule,
    /// An assignment that is neither claimed nor kept alive by heartbeats for this long runs out.
    pub lease: Millis,
    /// The longest that heartbeats can keep one attempt alive.
    pub longest_attempt: Millis,
    /// A prover that was not heard of for this long is not assigned anything.
    pub prover_silence: Millis,
    /// The pause before the second auction of a task; it doubles with each.
    pub first_pause: Millis,
    /// The longest pause between two auctions of a task.
    pub longest_pause: Millis,
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
            longest_attempt: Millis(15 * 60_000),
            prover_silence: Millis(60_000),
            first_pause: Millis(1_000),
            longest_pause: Millis(60_000),
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
        let doubled = 1_u64
            .checked_shl(round.saturating_sub(1))
            .unwrap_or(u64::MAX);
        Millis(
            self.first_pause
                .0
                .saturating_mul(doubled)
                .min(self.longest_pause.0),
        )
    }
}
