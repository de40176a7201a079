//! The journal: every movement of credits as a double entry. Entries are written in the commits
//! that move the counters, and explain them.

use crate::{Credits, Effect, ProverId, Task, TaskId, Timestamp};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who, or what, holds credits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LedgerAccount {
    /// `requester:<name>`: pays for tasks.
    Requester(String),
    /// `prover:<id>`: what a prover earned.
    Prover(ProverId),
    /// `stake:<id>`: what a prover loses for certain faults.
    Stake(ProverId),
    /// `escrow:<task>`: the reward of an open task.
    Escrow(TaskId),
    /// `network:mint`: owes what was ever granted or deposited; the only one below zero.
    Mint,
    /// `network:slashed`: what provers lost.
    Slashed,
}

/// A name that is no account's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "expected an account such as requester:<name>, prover:<id>, stake:<id>, escrow:<task>, \
     network:mint or network:slashed, got {0:?}"
)]
pub struct InvalidAccount(pub String);

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requester(name) => write!(f, "requester:{name}"),
            Self::Prover(id) => write!(f, "prover:{id}"),
            Self::Stake(id) => write!(f, "stake:{id}"),
            Self::Escrow(task) => write!(f, "escrow:{task}"),
            Self::Mint => f.write_str("network:mint"),
            Self::Slashed => f.write_str("network:slashed"),
        }
    }
}

impl FromStr for LedgerAccount {
    type Err = InvalidAccount;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidAccount(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(invalid)?;
        let prover = || ProverId::new(name).map_err(|_| invalid());
        match (kind, name) {
            ("network", "mint") => Ok(Self::Mint),
            ("network", "slashed") => Ok(Self::Slashed),
            ("requester", name) if crate::task::is_requester(name) => {
                Ok(Self::Requester(name.to_owned()))
            }
            ("prover", _) => Ok(Self::Prover(prover()?)),
            ("stake", _) => Ok(Self::Stake(prover()?)),
            ("escrow", task) => task
                .parse()
                .map(|id| Self::Escrow(TaskId(id)))
                .map_err(|_| invalid()),
            _ => Err(invalid()),
        }
    }
}

impl TryFrom<String> for LedgerAccount {
    type Error = InvalidAccount;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LedgerAccount> for String {
    fn from(account: LedgerAccount) -> Self {
        account.to_string()
    }
}

/// Why credits moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A task came in.
    Escrow,
    /// A verified proof was paid, and what was left went back.
    Payout,
    /// A task ended unproved.
    Refund,
    /// A stake was slashed; the task may have ended with it.
    Slash,
    /// A newcomer of an open network was given credits.
    Grant,
    /// The operator paid credits in.
    Deposit,
}

/// One side of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Posting {
    /// Whose.
    pub account: LedgerAccount,
    /// How much came in; negative for what went out.
    pub amount: i64,
}

/// One movement of credits. Its postings sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// By account, each once, none of them zero.
    pub postings: Vec<Posting>,
}

impl JournalEntry {
    /// From one account to another.
    #[must_use]
    pub fn transfer(
        at: Timestamp,
        reason: Reason,
        from: LedgerAccount,
        to: LedgerAccount,
        amount: Credits,
    ) -> Self {
        let mut moves = Moves::default();
        moves.transfer(from, to, amount);
        moves.entry(at, reason)
    }

    /// What a change of a task moves, in one entry. `held` says what a prover's stake holds:
    /// nothing more can be taken from it.
    #[must_use]
    pub fn of_effects(
        task: &Task,
        effects: &[Effect],
        held: impl Fn(&ProverId) -> Credits,
    ) -> Self {
        let escrow = || LedgerAccount::Escrow(task.id());
        let mut moves = Moves::default();
        let mut reason = Reason::Refund;
        for effect in effects {
            match effect {
                Effect::Pay { prover, amount } => {
                    reason = Reason::Payout;
                    moves.transfer(escrow(), LedgerAccount::Prover(prover.clone()), *amount);
                }
                Effect::Refund { amount } => {
                    let requester = LedgerAccount::Requester(task.spec.requester.clone());
                    moves.transfer(escrow(), requester, *amount);
                }
                Effect::Slash { prover, at_most } => {
                    reason = Reason::Slash;
                    let amount = (*at_most).min(held(prover));
                    let stake = LedgerAccount::Stake(prover.clone());
                    moves.transfer(stake, LedgerAccount::Slashed, amount);
                }
                Effect::Take { .. } | Effect::Release { .. } | Effect::Note { .. } => {}
            }
        }
        moves.entry(task.updated_at, reason)
    }

    /// Whether what came in went out.
    #[must_use]
    pub fn balances(&self) -> bool {
        let amounts = self.postings.iter().map(|p| i128::from(p.amount));
        amounts.sum::<i128>() == 0
    }
}

#[derive(Default)]
struct Moves(BTreeMap<LedgerAccount, i64>);

impl Moves {
    /// Amounts are at most [`Credits::MAX`], so that sums of a few fit.
    fn transfer(&mut self, from: LedgerAccount, to: LedgerAccount, amount: Credits) {
        let amount = amount.min(Credits::MAX).0.cast_signed();
        *self.0.entry(from).or_default() -= amount;
        *self.0.entry(to).or_default() += amount;
    }

    fn entry(self, at: Timestamp, reason: Reason) -> JournalEntry {
        let postings = self.0.into_iter().filter(|(_, amount)| *amount != 0);
        JournalEntry {
            at,
            reason,
            postings: postings
                .map(|(account, amount)| Posting { account, amount })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn prover() -> ProverId {
        ProverId::new("p1").unwrap()
    }

    #[test]
    fn an_account_is_read_as_it_is_written() {
        for account in [
            LedgerAccount::Requester("alice:the first".into()),
            LedgerAccount::Prover(prover()),
            LedgerAccount::Stake(prover()),
            LedgerAccount::Escrow(TaskId(Uuid::from_u128(7))),
            LedgerAccount::Mint,
            LedgerAccount::Slashed,
        ] {
            let json = serde_json::to_string(&account).unwrap();
            assert_eq!(json, format!("\"{account}\""));
            assert_eq!(
                serde_json::from_str::<LedgerAccount>(&json).unwrap(),
                account
            );
        }
    }

    #[test]
    fn what_is_no_account_is_refused_with_what_was_expected() {
        for none in [
            "",
            "alice",
            "requester:",
            "requester:a#b",
            "prover:a b",
            "stake:",
            "escrow:1",
            "network:treasury",
        ] {
            assert_eq!(
                none.parse::<LedgerAccount>(),
                Err(InvalidAccount(none.into()))
            );
        }
    }

    #[test]
    fn an_entry_balances_and_names_no_account_twice_or_for_nothing() {
        let (from, to) = (LedgerAccount::Mint, LedgerAccount::Requester("a".into()));
        let at = Timestamp(5);
        let entry = JournalEntry::transfer(at, Reason::Grant, from.clone(), to, Credits(7));
        assert!(entry.balances());
        assert_eq!(entry.postings.len(), 2);
        let nothing = JournalEntry::transfer(at, Reason::Grant, from.clone(), from, Credits(7));
        assert_eq!(nothing.postings, []);
    }
}
