//! Who clears a shard of the market: one auctioneer at a time, by a lease that is judged on the
//! observer's own clock and an epoch that every clearing commit checks.
//!
//! Two items stand for it. The *epoch* item changes only when leadership does; a clearing commit
//! carries a check of its version, so an auctioneer that was deposed can write nothing, however
//! late it wakes up. The *beat* item is rewritten by the leader; an observer that has seen the same
//! version of it for a whole lease takes over. No two clocks are ever compared.

use crate::{Millis, Rules};
use serde::{Deserialize, Serialize};

/// Grows by one with each change of leadership.
pub type Epoch = u64;

/// The epoch item of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leadership {
    /// Who leads.
    pub holder: String,
    /// Since which change of leadership.
    pub epoch: Epoch,
}

/// The beat item of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Beat {
    /// Of which epoch.
    pub epoch: Epoch,
    /// One more with each renewal.
    pub beat: u64,
}

/// What an observer read: the epoch item with its version, none before the first leader, and the
/// beat item's version, 0 where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The epoch item and its version.
    pub leadership: Option<(Leadership, u64)>,
    /// The beat item's version.
    pub beat_version: u64,
}

/// To take over, one commit writes both items: `leadership` if the epoch item is still at
/// `epoch_version` (0: absent), `beat` if the beat item is still at `beat_version` (0: absent).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TakeOver {
    /// The new epoch item.
    pub leadership: Leadership,
    /// The epoch item's version now.
    pub epoch_version: u64,
    /// The new beat item.
    pub beat: Beat,
    /// The beat item's version now.
    pub beat_version: u64,
}

/// To stay leader, one commit writes `beat` if the beat item is still at `beat_version`, and
/// checks that the epoch item is still at `epoch_version`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Renewal {
    /// The new beat item.
    pub beat: Beat,
    /// The beat item's version now.
    pub beat_version: u64,
    /// The epoch item's version.
    pub epoch_version: u64,
}

/// What an auctioneer does next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Reads the table's standing and gives it to [`Candidate::observe`].
    Observe,
    /// Renews its lease, then clears.
    Renew(Renewal),
    /// Clears; every commit checks that the epoch item is at this version.
    Lead {
        /// The epoch item's version.
        epoch_version: u64,
    },
}

/// One auctioneer of one shard, and what it knows of the leadership. It is a value of its own:
/// nothing else remembers anything between calls. Times are on its own clock, from any origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    holder: String,
    role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Role {
    /// Has not looked yet.
    Fresh,
    /// Somebody else leads: these versions were first seen then.
    Observing {
        epoch_version: u64,
        beat_version: u64,
        since: Millis,
    },
    /// It leads, as far as it knows.
    Leading {
        epoch: Epoch,
        epoch_version: u64,
        beat: u64,
        beat_version: u64,
        renewed_at: Millis,
    },
}

impl Candidate {
    /// An auctioneer that knows nothing yet. No two that run at the same time may have one name;
    /// one that is started again under its old name takes its own place at once.
    #[must_use]
    pub fn new(holder: impl Into<String>) -> Self {
        Self {
            holder: holder.into(),
            role: Role::Fresh,
        }
    }

    /// Its name.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// The version of the epoch item under which it leads, as far as it knows.
    #[must_use]
    pub fn leads(&self) -> Option<u64> {
        match self.role {
            Role::Leading { epoch_version, .. } => Some(epoch_version),
            _ => None,
        }
    }

    /// What to do now. A leader renews three times in a lease.
    #[must_use]
    pub fn step(&self, now: Millis, rules: &Rules) -> Step {
        match self.role {
            Role::Leading {
                epoch,
                epoch_version,
                beat,
                beat_version,
                renewed_at,
            } => {
                if now.0.saturating_sub(renewed_at.0) < rules.leader_lease.0 / 3 {
                    return Step::Lead { epoch_version };
                }
                Step::Renew(Renewal {
                    beat: Beat {
                        epoch,
                        beat: beat + 1,
                    },
                    beat_version,
                    epoch_version,
                })
            }
            Role::Fresh | Role::Observing { .. } => Step::Observe,
        }
    }

    /// Judges what was read: returns what to commit where leadership is free, having been given up
    /// by silence, by its own predecessor of the same name, or never having been taken.
    pub fn observe(&mut self, standing: &Standing, now: Millis, rules: &Rules) -> Option<TakeOver> {
        let (current, epoch_version) = match &standing.leadership {
            Some((leadership, version)) => (Some(leadership), *version),
            None => (None, 0),
        };
        let beat_version = standing.beat_version;
        let fresh = self.role == Role::Fresh;
        let since = match self.role {
            Role::Observing {
                epoch_version: e,
                beat_version: b,
                since,
            } if (e, b) == (epoch_version, beat_version) => since,
            _ => now,
        };
        self.role = Role::Observing {
            epoch_version,
            beat_version,
            since,
        };
        let own = fresh && current.is_some_and(|leadership| leadership.holder == self.holder);
        let silent = now.0.saturating_sub(since.0) >= rules.leader_lease.0;
        if current.is_some() && !own && !silent {
            return None;
        }
        let epoch = current.map_or(0, |leadership| leadership.epoch) + 1;
        Some(TakeOver {
            leadership: Leadership {
                holder: self.holder.clone(),
                epoch,
            },
            epoch_version,
            beat: Beat { epoch, beat: 0 },
            beat_version,
        })
    }

    /// The take-over was committed; `now` is a moment before the commit was sent.
    pub fn took_over(&mut self, taken: &TakeOver, now: Millis) {
        self.role = Role::Leading {
            epoch: taken.leadership.epoch,
            epoch_version: taken.epoch_version + 1,
            beat: taken.beat.beat,
            beat_version: taken.beat_version + 1,
            renewed_at: now,
        };
    }

    /// The renewal was committed; `now` is a moment before the commit was sent.
    pub fn renewed(&mut self, renewal: &Renewal, now: Millis) {
        self.role = Role::Leading {
            epoch: renewal.beat.epoch,
            epoch_version: renewal.epoch_version,
            beat: renewal.beat.beat,
            beat_version: renewal.beat_version + 1,
            renewed_at: now,
        };
    }

    /// A commit failed although nobody else has taken over: a store may refuse by chance, and a call
    /// of its own that was given up for lost may have landed. It looks as if for the first time.
    pub fn look_anew(&mut self) {
        self.role = Role::Fresh;
    }

    /// A commit failed because somebody else leads: it observes, from what it reads next.
    pub fn deposed(&mut self) {
        self.role = Role::Observing {
            epoch_version: 0,
            beat_version: 0,
            since: Millis(0),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two items of a shard, as conditional writes leave them.
    #[derive(Default)]
    struct Items(Standing);

    impl Items {
        fn take_over(&mut self, taken: &TakeOver) -> bool {
            let epoch_version = self
                .0
                .leadership
                .as_ref()
                .map_or(0, |(_, version)| *version);
            let free =
                (epoch_version, self.0.beat_version) == (taken.epoch_version, taken.beat_version);
            if free {
                self.0.leadership = Some((taken.leadership.clone(), epoch_version + 1));
                self.0.beat_version += 1;
            }
            free
        }

        fn renew(&mut self, renewal: &Renewal) -> bool {
            let holds = self.may_clear(renewal.epoch_version)
                && self.0.beat_version == renewal.beat_version;
            self.0.beat_version += u64::from(holds);
            holds
        }

        fn may_clear(&self, epoch_version: u64) -> bool {
            let current = self.0.leadership.as_ref().map(|(_, version)| *version);
            current == Some(epoch_version)
        }

        /// One call of an auctioneer; whether it may clear.
        fn call(&mut self, candidate: &mut Candidate, now: u64) -> bool {
            let (now, rules) = (Millis(now), Rules::default());
            match candidate.step(now, &rules) {
                Step::Lead { epoch_version } => {
                    if !self.may_clear(epoch_version) {
                        candidate.deposed();
                        return false;
                    }
                }
                Step::Renew(renewal) => {
                    if !self.renew(&renewal) {
                        candidate.deposed();
                        return false;
                    }
                    candidate.renewed(&renewal, now);
                }
                Step::Observe => {
                    let Some(taken) = candidate.observe(&self.0, now, &rules) else {
                        return false;
                    };
                    if !self.take_over(&taken) {
                        candidate.deposed();
                        return false;
                    }
                    candidate.took_over(&taken, now);
                }
            }
            true
        }

        fn epoch(&self) -> Epoch {
            self.0.leadership.as_ref().map_or(0, |(l, _)| l.epoch)
        }
    }

    fn two() -> (Items, Candidate, Candidate) {
        (Items::default(), Candidate::new("a"), Candidate::new("b"))
    }

    #[test]
    fn a_paused_leader_that_wakes_up_can_clear_nothing_and_observes() {
        let (mut items, mut a, mut b) = two();
        assert!(items.call(&mut a, 0));
        assert!(!items.call(&mut b, 5_000));
        assert!(items.call(&mut b, 15_000), "a was silent for a whole lease");
        assert!(!items.may_clear(a.leads().unwrap()));
        assert!(!items.call(&mut a, 2_000), "however late, by its own clock");
        assert_eq!(a.leads(), None);
        assert!(!items.call(&mut a, 2_001));
        assert_eq!(items.epoch(), 2);
    }

    #[test]
    fn a_leader_that_beats_is_not_deposed_whatever_the_clocks_say() {
        let (mut items, mut a, mut b) = two();
        for round in 0..50 {
            assert!(items.call(&mut a, 4_000 * round));
            // A clock with another origin.
            assert!(!items.call(&mut b, 9_000_000_000 + 4_000 * round));
        }
        assert_eq!(items.epoch(), 1);
    }

    #[test]
    fn an_observer_counts_from_when_it_first_saw_the_beat() {
        let (mut items, mut a, mut b) = two();
        assert!(items.call(&mut a, 0));
        assert!(!items.call(&mut b, 60_000), "its first look tells nothing");
        assert!(!items.call(&mut b, 69_999));
        assert!(items.call(&mut b, 70_000));
    }

    #[test]
    fn of_two_that_take_over_at_once_one_does() {
        let (mut items, mut a, mut b) = two();
        let rules = Rules::default();
        let first = a.observe(&items.0, Millis(0), &rules).unwrap();
        let second = b.observe(&items.0, Millis(0), &rules).unwrap();
        assert!(items.take_over(&first));
        assert!(!items.take_over(&second));
        assert_eq!(items.epoch(), 1);
    }

    #[test]
    fn a_leader_that_beats_in_the_last_moment_stays() {
        let (mut items, mut a, mut b) = two();
        let rules = Rules::default();
        assert!(items.call(&mut a, 0));
        assert!(!items.call(&mut b, 0));
        let taken = b.observe(&items.0, Millis(10_000), &rules).unwrap();
        assert!(items.call(&mut a, 10_000), "it renews before b commits");
        assert!(!items.take_over(&taken));
    }

    #[test]
    fn one_that_is_started_again_takes_its_own_place_at_once_but_only_once() {
        let (mut items, mut a, _) = two();
        assert!(items.call(&mut a, 0));
        let mut again = Candidate::new("a");
        assert!(items.call(&mut again, 0));
        assert!(!items.call(&mut a, 1), "the old one is deposed");
        assert!(!items.call(&mut a, 2), "and waits like any other");
        assert!(items.call(&mut again, 3));
    }
}
