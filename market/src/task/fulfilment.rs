//! Fulfilment: once an attempt's exclusive time is over, any eligible prover may prove the task
//! without an assignment. It commits to its proof first and reveals it a moment later: whoever sees
//! a proof on its way would have needed a commitment of its own before.

use super::Settlement;
use crate::{
    CommitmentDigest, Credits, Effect, EventKind, Fault, Millis, Prover, ProverId, Refusal, Rules,
    Task, Timestamp, obstacle,
};
use serde::{Deserialize, Serialize};

/// A prover at work on a task that is open to anyone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Who.
    pub prover: ProverId,
    /// Since when.
    pub joined_at: Timestamp,
    /// The proof it has committed to.
    pub commitment: Option<Commitment>,
}

/// A proof that is there but not shown yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Commitment {
    /// Binds the task, the prover, the proof and a salt.
    pub digest: CommitmentDigest,
    /// When it came.
    pub at: Timestamp,
}

impl Fulfilment {
    /// Whether its place is free again: it came to nothing in the time an attempt may take, or did
    /// not reveal what it had committed to.
    fn lapsed(&self, now: Timestamp, rules: &Rules) -> bool {
        match &self.commitment {
            None => now.since(self.joined_at) > rules.longest_attempt,
            Some(commitment) => now.since(commitment.at) > rules.reveal_within,
        }
    }
}

impl Task {
    /// A prover without an assignment starts on a task that is open to anyone. Joining again
    /// changes nothing.
    ///
    /// # Errors
    /// [`Refusal`] if the task has ended or is its assigned prover's alone, or the prover may not
    /// fulfil it, or enough others are at it.
    pub fn join(&mut self, prover: &Prover, now: Timestamp, rules: &Rules) -> Result<(), Refusal> {
        self.may_fulfil(now)?;
        if let Some(obstacle) = obstacle(self, prover, now, rules) {
            return Err(Refusal::NotEligible {
                prover: prover.prover_id.clone(),
                obstacle,
            });
        }
        let joined = |f: &&Fulfilment| !f.lapsed(now, rules);
        let mut at_work: Vec<Fulfilment> =
            self.fulfilments.iter().filter(joined).cloned().collect();
        if at_work.iter().any(|f| f.prover == prover.prover_id) {
            return Ok(());
        }
        let most = rules.most_fulfilments;
        if at_work.len() >= most as usize {
            return Err(Refusal::Crowded { most });
        }
        at_work.push(Fulfilment {
            prover: prover.prover_id.clone(),
            joined_at: now,
            commitment: None,
        });
        self.fulfilments = at_work;
        self.updated_at = now;
        self.mention(
            now,
            EventKind::Joined {
                prover: prover.prover_id.clone(),
            },
        );
        Ok(())
    }

    /// A prover that has joined commits to a proof. The same digest again changes nothing; another
    /// one takes its place, and its time starts anew.
    ///
    /// # Errors
    /// [`Refusal`] if the task has ended or is its assigned prover's alone, or this prover has not
    /// joined it.
    pub fn commit(
        &mut self,
        prover: &ProverId,
        digest: CommitmentDigest,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        self.may_fulfil(now)?;
        let index = self.joined(prover, now, rules)?;
        let commitment = &mut self.fulfilments[index].commitment;
        if commitment.as_ref().is_some_and(|c| c.digest == digest) {
            return Ok(());
        }
        *commitment = Some(Commitment { digest, at: now });
        self.updated_at = now;
        self.mention(
            now,
            EventKind::Committed {
                prover: prover.clone(),
            },
        );
        Ok(())
    }

    /// Whether the proof behind this commitment may be revealed now: worth asking before verifying.
    ///
    /// # Errors
    /// [`Refusal`] if the task has ended, or this prover has not committed to it, or only just now,
    /// or too long ago.
    pub fn may_reveal(
        &self,
        prover: &ProverId,
        digest: &CommitmentDigest,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        self.committed(prover, digest, now, rules).map(|_| ())
    }

    /// A revealed proof verifies: the task is completed with it, at the newest attempt's price.
    /// Whoever holds a running attempt is let go without a mark.
    ///
    /// # Errors
    /// As [`Task::may_reveal`].
    pub fn fulfil(
        &mut self,
        prover: &ProverId,
        digest: &CommitmentDigest,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<Vec<Effect>, Refusal> {
        let index = self.committed(prover, digest, now, rules)?;
        let since = self.fulfilments[index].joined_at;
        let newest = self.attempts.last();
        let proof = Settlement {
            prover: prover.clone(),
            attempt: newest.map_or(0, |a| a.number),
            price: newest.map_or(Credits(0), |a| a.price),
            promised: newest.map_or(Millis(0), |a| a.promised),
            since,
            fulfilled: true,
            earns: true,
        };
        let mut effects = self.overtake(None);
        effects.extend(self.settle(proof, now));
        Ok(effects)
    }

    /// A revealed proof does not verify: the commitment is void, the place is lost, and the prover's
    /// record says so.
    ///
    /// # Errors
    /// As [`Task::may_reveal`].
    pub fn void(
        &mut self,
        prover: &ProverId,
        digest: &CommitmentDigest,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<Vec<Effect>, Refusal> {
        let index = self.committed(prover, digest, now, rules)?;
        self.fulfilments.remove(index);
        self.updated_at = now;
        self.mention(
            now,
            EventKind::Voided {
                prover: prover.clone(),
            },
        );
        Ok(self.mark(prover, Fault::InvalidReveal, rules))
    }

    fn may_fulfil(&self, now: Timestamp) -> Result<(), Refusal> {
        let status = self.status();
        if status.is_terminal() {
            return Err(Refusal::Ended { status });
        }
        match self.open_from {
            Some(at) if at <= now => Ok(()),
            open_from => Err(Refusal::Exclusive { open_from }),
        }
    }

    fn joined(&self, prover: &ProverId, now: Timestamp, rules: &Rules) -> Result<usize, Refusal> {
        let theirs = |f: &Fulfilment| f.prover == *prover && !f.lapsed(now, rules);
        self.fulfilments
            .iter()
            .position(theirs)
            .ok_or_else(|| Refusal::NotJoined {
                prover: prover.clone(),
            })
    }

    fn committed(
        &self,
        prover: &ProverId,
        digest: &CommitmentDigest,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<usize, Refusal> {
        let status = self.status();
        if status.is_terminal() {
            return Err(Refusal::Ended { status });
        }
        let index = self.joined(prover, now, rules)?;
        match &self.fulfilments[index].commitment {
            Some(commitment) if commitment.digest == *digest => {
                let from = commitment.at + rules.reveal_after;
                if now < from {
                    Err(Refusal::TooEarly { from })
                } else {
                    Ok(index)
                }
            }
            _ => Err(Refusal::NotCommitted {
                prover: prover.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
