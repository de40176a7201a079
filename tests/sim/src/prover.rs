//! Provers of every kind, as clients of the network.

use crate::memory::held;
use crate::node::{Act, Net, NoAnswer};
use crate::request::Request;
use crate::statement;
use crate::world::pass;
use prooflane_coordinator::{Assignment, ClaimRequest, Coordinator, Error, Registration};
use prooflane_market::{
    Ask, AskId, AttemptNo, CommitmentDigest, Credits, Millis, PrivacyLevel, ProverId, Status, Task,
    TaskId, Timestamp,
};
use prooflane_verifier::Proof;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// How a prover behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Proves, and says so.
    Honest,
    /// Honest, and far slower than it promises.
    Slow,
    /// Honest, and sends everything several times.
    Duplicating,
    /// Honest, and loses what it holds now and then.
    Restarting,
    /// Honest, and gives up every other attempt.
    GivingUp,
    /// Honest, and proves what others were assigned and have not proved in time.
    Volunteer,
    /// Claims, and is never heard of again for minutes.
    Dead,
    /// Stalls until its lease is gone, and then goes on as if nothing had happened.
    Zombie,
    /// Sends wrong proofs, and meddles with the tasks of others.
    Lying,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Honest,
        Self::Slow,
        Self::Duplicating,
        Self::Restarting,
        Self::GivingUp,
        Self::Volunteer,
        Self::Dead,
        Self::Zombie,
        Self::Lying,
    ];

    /// Does what it claims, and keeps its attempts alive while it is at it.
    pub(crate) fn is_honest(self) -> bool {
        !matches!(self, Self::Dead | Self::Zombie | Self::Lying)
    }

    /// Works on once the world has healed.
    pub(crate) fn survives(self) -> bool {
        matches!(
            self,
            Self::Honest | Self::Slow | Self::Duplicating | Self::Volunteer
        )
    }
}

pub(crate) struct Prover {
    pub(crate) net: Arc<Net>,
    pub(crate) id: ProverId,
    pub(crate) kind: Kind,
    pub(crate) price: u64,
    pub(crate) capacity: u32,
    pub(crate) fleet: bool,
    /// Tasks it works on.
    pub(crate) holding: Mutex<BTreeMap<TaskId, AttemptNo>>,
    /// Set once the world has healed.
    pub(crate) healed: Arc<std::sync::atomic::AtomicBool>,
}

impl Prover {
    fn roll(&self, range: std::ops::Range<u64>) -> u64 {
        self.net.world.roll(|r| r.within(range))
    }

    fn is_over(&self) -> bool {
        let healed = self.healed.load(std::sync::atomic::Ordering::Relaxed);
        healed && !self.kind.survives()
    }

    pub(crate) async fn live(self: Arc<Self>) {
        if self.kind.is_honest() {
            held(&self.net.world.checker).honest(&self.id);
        }
        while self.offer().await.is_err() {
            pass(1_000).await;
        }
        while !self.is_over() {
            // What it does between two restarts.
            let mut work = JoinSet::new();
            let until = match self.kind {
                Kind::Restarting => self.roll(20_000..120_000),
                _ => u64::MAX / 4,
            };
            let living = self.clone().work(&mut work);
            let _ = tokio::time::timeout(Duration::from_millis(until), living).await;
            drop(work);
            held(&self.holding).clear();
            pass(self.roll(500..10_000)).await;
        }
    }

    async fn offer(&self) -> Result<(), Error> {
        let (id, capacity, fleet) = (self.id.clone(), self.capacity, self.fleet);
        let register = move |c: Coordinator| -> Act<()> {
            let registration = Registration {
                prover_id: id.clone(),
                owner: None,
                capacity,
                fleet,
                trusted: fleet,
            };
            Box::pin(async move { c.register(registration).await.map(|_| ()) })
        };
        self.net.insist(Request::Offer, register).await?;
        let (id, price) = (self.id.clone(), Credits(self.price));
        let place = move |c: Coordinator| -> Act<()> {
            let ask = Ask {
                ask_id: AskId(uuid::Uuid::from_u128(1)),
                circuits: Vec::new(),
                price,
                capacity,
                levels: vec![
                    PrivacyLevel::OPEN,
                    PrivacyLevel::ALLOWED,
                    PrivacyLevel::FLEET,
                ],
                promised: Millis(10_000),
                placed_at: Timestamp(crate::world::BEGIN),
                expires_at: None,
            };
            let id = id.clone();
            Box::pin(async move { c.place_ask(&id, ask).await.map(|_| ()) })
        };
        self.net.insist(Request::Offer, place).await
    }

    async fn work(self: Arc<Self>, jobs: &mut JoinSet<()>) {
        while !self.is_over() {
            while jobs.try_join_next().is_some() {}
            let holding: BTreeSet<TaskId> = held(&self.holding).keys().copied().collect();
            let free = (self.capacity as usize).saturating_sub(holding.len());
            if free == 0 {
                pass(500).await;
                continue;
            }
            match self.kind {
                Kind::Lying => self.meddle().await,
                Kind::Volunteer => {
                    let volunteer = self.clone();
                    jobs.spawn(async move { volunteer.fulfil().await });
                }
                _ => {}
            }
            let sent = self.net.world.now();
            match self.claim(free, holding).await {
                Ok(assignments) => {
                    for assignment in assignments {
                        let (task, attempt) = (assignment.task_id, assignment.attempt);
                        held(&self.holding).insert(task, attempt);
                        held(&self.net.world.checker).kept(task, attempt, sent);
                        let prover = self.clone();
                        jobs.spawn(async move {
                            prover.prove(assignment).await;
                            held(&prover.holding).remove(&task);
                        });
                    }
                    if self.kind == Kind::Dead && !held(&self.holding).is_empty() {
                        // Nobody hears of it, and it forgets.
                        pass(self.roll(60_000..240_000)).await;
                        held(&self.holding).clear();
                    }
                }
                Err(_) => pass(self.roll(200..1_500)).await,
            }
        }
    }

    async fn claim(
        &self,
        max: usize,
        holding: BTreeSet<TaskId>,
    ) -> Result<Vec<Assignment>, NoAnswer> {
        let id = self.id.clone();
        // A dead one keeps no count of what it holds.
        let holding = (self.kind != Kind::Dead).then_some(holding);
        let claim = move |c: Coordinator| -> Act<_> {
            let request = ClaimRequest {
                prover: id.clone(),
                max,
                holding: holding.clone(),
                wait: Duration::from_secs(20),
            };
            Box::pin(async move { c.claim(&request).await })
        };
        let request = Request::Claim(self.id.clone());
        if self.kind == Kind::Duplicating {
            let (net, again) = (self.net.clone(), request.clone());
            let twice = claim.clone();
            tokio::spawn(async move { net.ask(again, twice).await.map(|_: Vec<Assignment>| ()) });
        }
        self.net.ask(request, claim).await
    }

    async fn prove(self: &Arc<Self>, assignment: Assignment) {
        let (task, attempt) = (assignment.task_id, assignment.attempt);
        let Some(statement) = statement::of(&assignment.public_inputs) else {
            return;
        };
        let millis = match self.kind {
            Kind::Slow => self.roll(20_000..150_000),
            _ => self.roll(500..12_000),
        };
        match self.kind {
            Kind::Dead => {}
            Kind::Zombie => {
                let rules = &self.net.world.rules;
                let gone = rules.lease.0 + rules.max_skew.0;
                pass(self.roll(gone / 2..gone * 3)).await;
                if self.roll(0..2) == 0 {
                    let _ = self.fail(task, attempt).await;
                }
                let _ = self.hand_in(task, attempt, &statement.proof, true).await;
            }
            Kind::Lying => {
                pass(millis).await;
                let wrong = statement::not_of(&assignment.public_inputs);
                let _ = self.hand_in(task, attempt, wrong, false).await;
            }
            _ => {
                // Beats until the attempt is over, the handing in included.
                let beats = self.clone().beats(task, attempt);
                let work = self.finish(task, attempt, millis, &statement.proof);
                tokio::select! {
                    biased;
                    () = work => {}
                    () = beats => {}
                }
            }
        }
    }

    async fn finish(&self, task: TaskId, attempt: AttemptNo, millis: u64, proof: &Proof) {
        pass(millis).await;
        if self.kind == Kind::GivingUp && self.roll(0..2) == 0 {
            let _ = self.fail(task, attempt).await;
            return;
        }
        if self.kind == Kind::Duplicating {
            let (a, b) = (
                self.hand_in(task, attempt, proof, true),
                self.hand_in(task, attempt, proof, true),
            );
            let _ = futures::future::join(a, b).await;
        }
        let _ = self.hand_in(task, attempt, proof, true).await;
    }

    /// Returns when the network says that the attempt is over.
    async fn beats(self: Arc<Self>, task: TaskId, attempt: AttemptNo) {
        let (over, mut is_over) = tokio::sync::watch::channel(false);
        let over = Arc::new(over);
        loop {
            let every = Duration::from_millis(self.net.world.rules.lease.0 / 5);
            if tokio::time::timeout(every, is_over.changed()).await.is_ok() {
                return;
            }
            // One that is not answered must not hold the next one up.
            let (prover, over) = (self.clone(), over.clone());
            tokio::spawn(async move {
                let sent = prover.net.world.now();
                match prover.heartbeat(&prover.id, task, attempt).await {
                    Ok(()) => held(&prover.net.world.checker).kept(task, attempt, sent),
                    Err(NoAnswer::Refused(_)) => {
                        over.send_replace(true);
                    }
                    Err(NoAnswer::Silence) => {}
                }
            });
        }
    }

    async fn heartbeat(
        &self,
        prover: &ProverId,
        task: TaskId,
        attempt: AttemptNo,
    ) -> Result<(), NoAnswer> {
        let id = prover.clone();
        let beat = move |c: Coordinator| -> Act<()> {
            let id = id.clone();
            Box::pin(async move { c.heartbeat(&id, task, attempt).await.map(|_| ()) })
        };
        let request = Request::Heartbeat(prover.clone(), task, attempt);
        self.net.ask(request, beat).await
    }

    async fn fail(&self, task: TaskId, attempt: AttemptNo) -> Result<(), Error> {
        let id = self.id.clone();
        let fail = move |c: Coordinator| -> Act<()> {
            let id = id.clone();
            Box::pin(async move { c.fail(&id, task, attempt, "no memory").await.map(|_| ()) })
        };
        let request = Request::Failure(self.id.clone(), task, attempt);
        self.net.insist(request, fail).await
    }

    async fn hand_in(
        &self,
        task: TaskId,
        attempt: AttemptNo,
        proof: &Proof,
        valid: bool,
    ) -> Result<bool, Error> {
        let (id, proof) = (self.id.clone(), proof.to_compact());
        let accept = move |c: Coordinator| -> Act<bool> {
            let (id, proof) = (id.clone(), proof);
            Box::pin(async move { Ok(c.accept(&id, task, attempt, &proof).await?.accepted) })
        };
        let request = Request::Result(self.id.clone(), task, attempt, valid);
        let accepted = self.net.insist(request, accept).await?;
        if accepted {
            self.told_completed(task);
        }
        Ok(accepted)
    }

    /// Proves a task that is open to anyone.
    async fn fulfil(&self) {
        let now = self.net.world.now();
        let open: Vec<TaskId> = {
            let checker = held(&self.net.world.checker);
            let open = |t: &&Task| {
                let open = t.open_from.is_some_and(|from| from.0 < now);
                open && !t.status().is_terminal()
            };
            checker
                .tasks()
                .map(|(t, _)| t)
                .filter(open)
                .map(Task::id)
                .collect()
        };
        if open.is_empty() {
            return;
        }
        let task = self.net.world.roll(|r| *r.pick(&open));
        let id = self.id.clone();
        let join = move |c: Coordinator| -> Act<Vec<String>> {
            let id = id.clone();
            Box::pin(async move { Ok(c.join(&id, task).await?.public_inputs) })
        };
        let joined = self
            .net
            .ask(Request::Join(self.id.clone(), task), join)
            .await;
        let Some(statement) = joined.ok().and_then(|public| statement::of(&public)) else {
            return;
        };
        pass(self.roll(500..12_000)).await;
        let mut salt = [0; 32];
        self.net.world.roll(|r| r.fill(&mut salt));
        if self.commit(task, &statement.proof, &salt).await.is_ok() {
            let rules = &self.net.world.rules;
            pass(rules.reveal_after.0 + self.roll(0..10_000)).await;
            let _ = self.reveal(task, &statement.proof, &salt, true).await;
        }
    }

    async fn commit(&self, task: TaskId, proof: &Proof, salt: &[u8; 32]) -> Result<(), Error> {
        let id = self.id.clone();
        let digest = CommitmentDigest::of(task, &id, &proof.to_compact(), salt);
        let commit = move |c: Coordinator| -> Act<()> {
            let id = id.clone();
            Box::pin(async move { c.commit_to(&id, task, digest).await.map(|_| ()) })
        };
        let request = Request::Commit(self.id.clone(), task);
        self.net.insist(request, commit).await
    }

    async fn reveal(
        &self,
        task: TaskId,
        proof: &Proof,
        salt: &[u8; 32],
        valid: bool,
    ) -> Result<bool, Error> {
        let (id, proof, salt) = (self.id.clone(), proof.to_compact(), *salt);
        let reveal = move |c: Coordinator| -> Act<bool> {
            let (id, proof) = (id.clone(), proof);
            Box::pin(async move { Ok(c.reveal(&id, task, &proof, &salt).await?.accepted) })
        };
        let request = Request::Reveal(self.id.clone(), task, valid);
        let accepted = self.net.insist(request, reveal).await?;
        if accepted {
            self.told_completed(task);
        }
        Ok(accepted)
    }

    fn told_completed(&self, task: TaskId) {
        let world = &self.net.world;
        let told = held(&world.checker).told(task, Status::Completed);
        if let Err(broken) = told {
            world.break_down(broken);
        }
    }

    /// Sends what it has no right to: for any task, any attempt.
    async fn meddle(&self) {
        let tasks: Vec<(TaskId, AttemptNo, Vec<String>)> = {
            let checker = held(&self.net.world.checker);
            let known = checker.tasks();
            known
                .map(|(t, public)| (t.id(), t.attempt(), public.to_vec()))
                .collect()
        };
        if tasks.is_empty() {
            return;
        }
        let (task, newest, public) = self.net.world.roll(|r| r.pick(&tasks).clone());
        let attempt = match self.roll(0..4) {
            0 => newest + 1,
            1 => newest.saturating_sub(1),
            _ => newest,
        };
        match self.roll(0..5) {
            3 | 4 => {
                // A proof seen in flight, or a wrong one, and no time for a commitment.
                let statement = &statement::statements()[self.roll(0..3) as usize];
                let valid = statement.public == public;
                let (id, salt) = (self.id.clone(), [7; 32]);
                let join = move |c: Coordinator| -> Act<()> {
                    let id = id.clone();
                    Box::pin(async move { c.join(&id, task).await.map(|_| ()) })
                };
                let _ = self
                    .net
                    .ask(Request::Join(self.id.clone(), task), join)
                    .await;
                let _ = self.commit(task, &statement.proof, &salt).await;
                pass(self.roll(0..3) * 4_000).await;
                let _ = self.reveal(task, &statement.proof, &salt, valid).await;
            }
            0 => {
                let _ = self.heartbeat(&self.id, task, attempt).await;
            }
            1 => {
                let _ = self.fail(task, attempt).await;
            }
            _ => {
                let statement = &statement::statements()[self.roll(0..3) as usize];
                let valid = statement.public == public;
                let _ = self.hand_in(task, attempt, &statement.proof, valid).await;
            }
        }
    }
}
