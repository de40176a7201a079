//! What can go wrong with an attempt, and what it costs.

use crate::{AttemptEnd, Outcome, Ratio, Rules};

/// Why an attempt, or a fulfilment, came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The proof handed in does not verify.
    InvalidProof,
    /// A revealed proof does not verify.
    InvalidReveal,
    /// Claimed, then the lease ran out.
    Abandoned,
    /// The lease ran out without a claim: an idle prover, or a lost message.
    Unclaimed,
    /// The prover gave up in time.
    Reported,
    /// The lease ran out, and the network itself was away while it ran.
    Outage,
    /// The network changed the circuit's key: no proof of this attempt can be right any more.
    KeyReplaced,
}

/// Of the price, the part of the stake that a fault costs: the one table of slashing. Only what the
/// network is sure of is slashed, and never what may have been its own doing.
#[must_use]
pub fn slash(fault: Fault, rules: &Rules) -> Ratio {
    match fault {
        Fault::InvalidProof => rules.slash_invalid,
        Fault::Abandoned => rules.slash_abandoned,
        Fault::InvalidReveal
        | Fault::Unclaimed
        | Fault::Reported
        | Fault::Outage
        | Fault::KeyReplaced => Ratio::ZERO,
    }
}

impl Fault {
    /// The mark it leaves on its prover; none where the network is at fault.
    #[must_use]
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::InvalidProof | Self::InvalidReveal => Some(Outcome::Invalid),
            Self::Abandoned => Some(Outcome::Abandoned),
            Self::Unclaimed => Some(Outcome::Unclaimed),
            Self::Reported => Some(Outcome::Failed),
            Self::Outage | Self::KeyReplaced => None,
        }
    }

    /// How it ends an attempt.
    pub(crate) fn end(self) -> AttemptEnd {
        match self {
            Self::InvalidProof | Self::InvalidReveal => AttemptEnd::Invalid,
            Self::Abandoned => AttemptEnd::Abandoned,
            Self::Unclaimed => AttemptEnd::Unclaimed,
            Self::Reported => AttemptEnd::Failed,
            Self::Outage => AttemptEnd::Outage,
            Self::KeyReplaced => AttemptEnd::KeyReplaced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Fault; 7] = [
        Fault::InvalidProof,
        Fault::InvalidReveal,
        Fault::Abandoned,
        Fault::Unclaimed,
        Fault::Reported,
        Fault::Outage,
        Fault::KeyReplaced,
    ];

    #[test]
    fn only_an_invalid_proof_and_an_abandoned_attempt_are_slashed() {
        let rules = Rules::default();
        for fault in ALL {
            let expected = match fault {
                Fault::InvalidProof => Ratio::ONE,
                Fault::Abandoned => Ratio::ppm(100_000),
                _ => Ratio::ZERO,
            };
            assert_eq!(slash(fault, &rules), expected, "{fault:?}");
        }
    }

    #[test]
    fn the_faults_of_the_network_leave_no_mark() {
        let unmarked = ALL.into_iter().filter(|fault| fault.outcome().is_none());
        assert!(unmarked.eq([Fault::Outage, Fault::KeyReplaced]));
    }
}
