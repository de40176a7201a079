//! Where everything is in the one table. Sort keys are fixed-width, so that bytewise order is the
//! order of the numbers in them.

use prooflane_market::{AttemptNo, LedgerAccount, ProverId, Rules, State, Task, TaskId, Timestamp};
use prooflane_store::{IndexKey, Key};

/// The wake index is split, so that no single partition takes every write.
pub(crate) const WAKE_SHARDS: u8 = 4;
pub(crate) const PROVERS: &str = "provers";
pub(crate) const ACCOUNTS: &str = "accounts";
pub(crate) const API_KEYS: &str = "apikeys";
pub(crate) const TASKS: &str = "tasks";

pub(crate) fn task(id: TaskId) -> Key {
    Key::new(format!("task#{id}"), "task")
}

pub(crate) fn input(id: TaskId) -> Key {
    Key::new(format!("task#{id}"), "input")
}

pub(crate) fn input_secret(id: TaskId) -> Key {
    Key::new(format!("task#{id}"), "secret")
}

pub(crate) fn transcript(id: TaskId, attempt: AttemptNo) -> Key {
    Key::new(format!("task#{id}"), format!("transcript#{attempt:05}"))
}

/// The bids of a transcript that is too large for the table. Named by its content as well: of two
/// auctioneers that race, each keeps its own.
pub(crate) fn transcript_blob(id: TaskId, attempt: AttemptNo, digest: &str) -> String {
    format!("transcripts/{id}/{attempt}/{digest}")
}

/// The journal's entry of the commit that brings a task to this version.
pub(crate) fn task_entry(id: TaskId, version: u64) -> Key {
    Key::new(format!("task#{id}"), format!("entry#{version:05}"))
}

/// The journal's entry of a grant or deposit.
pub(crate) fn account_entry(name: &str, id: &str) -> Key {
    Key::new(format!("account#{name}"), format!("entry#{id}"))
}

/// Who leads a shard of the market.
pub(crate) fn leader_epoch(shard: u8) -> Key {
    Key::new(format!("leader#{shard}"), "epoch")
}

/// That the leader of a shard is alive.
pub(crate) fn leader_beat(shard: u8) -> Key {
    Key::new(format!("leader#{shard}"), "beat")
}

/// That the sweeper, and so the network, is there.
pub(crate) fn sweeper() -> Key {
    Key::new("network#sweeper", "alive")
}

/// The shard of the market that a task is cleared in.
pub(crate) fn shard(id: TaskId, rules: &Rules) -> u8 {
    id.0.as_bytes()[0] % rules.market_shards.max(1)
}

/// The open tasks of a shard.
pub(crate) fn open(shard: u8) -> String {
    format!("open#{shard}")
}

/// Hints for the auctioneer of a shard.
pub(crate) fn auction_queue(shard: u8) -> String {
    format!("auction-{shard}")
}

pub(crate) fn by_requester(requester: &str) -> String {
    format!("requester#{requester}")
}

pub(crate) fn created(at: Timestamp, id: TaskId) -> String {
    format!("{}#{id}", moment(at))
}

pub(crate) fn prover(id: &ProverId) -> Key {
    Key::new(format!("prover#{id}"), "prover")
}

pub(crate) fn prover_listing(id: &ProverId) -> IndexKey {
    IndexKey {
        partition: PROVERS.into(),
        sort: id.to_string(),
    }
}

pub(crate) fn prover_queue(id: &ProverId) -> String {
    format!("prover-{id}")
}

pub(crate) fn held_by(id: &ProverId) -> String {
    format!("held#{id}")
}

/// Held tasks that their prover has not started yet; ...
pub(crate) const HELD_ASSIGNED: &str = "0";
/// ... and those that it has.
pub(crate) const HELD_IN_PROGRESS: &str = "1";

/// The counter of an account: a prover's stake stands beside its balance. None for an escrow, which
/// is what its task says.
pub(crate) fn counter(account: &LedgerAccount) -> Option<Key> {
    match account {
        LedgerAccount::Escrow(_) => None,
        LedgerAccount::Stake(id) => {
            let prover = LedgerAccount::Prover(id.clone());
            Some(stake(&prover.to_string()))
        }
        other => Some(balance(&other.to_string())),
    }
}

pub(crate) fn account(name: &str) -> Key {
    Key::new(format!("account#{name}"), "account")
}

pub(crate) fn balance(name: &str) -> Key {
    Key::new(format!("account#{name}"), "balance")
}

pub(crate) fn stake(name: &str) -> Key {
    Key::new(format!("account#{name}"), "stake")
}

pub(crate) fn api_key(digest: &str) -> Key {
    Key::new(format!("apikey#{digest}"), "key")
}

pub(crate) fn nullifier(hex: &str) -> Key {
    Key::new(format!("nullifier#{hex}"), "claim")
}

pub(crate) fn proof_blob(id: TaskId, attempt: AttemptNo) -> String {
    format!("proofs/{id}/{attempt}")
}

/// A proof of a prover without an attempt.
pub(crate) fn revealed_blob(id: TaskId, prover: &ProverId) -> String {
    format!("proofs/{id}/by-{prover}")
}

/// Where a completed task's proof is.
pub(crate) fn completed_blob(task: &Task) -> Option<String> {
    let id = task.id();
    match &task.state {
        State::Completed {
            prover,
            fulfilled: true,
            ..
        } => Some(revealed_blob(id, prover)),
        State::Completed { attempt, .. } => Some(proof_blob(id, *attempt)),
        _ => None,
    }
}

/// What was uploaded for tasks to come.
pub(crate) const UPLOADS: &str = "uploads/";

pub(crate) fn input_blob(id: TaskId, digest: &str) -> String {
    format!("inputs/{id}/{digest}")
}

pub(crate) fn wake_partition(shard: u8) -> String {
    format!("wake#{shard}")
}

/// Where a task stands in the wake index: every task that has not ended has a place there.
pub(crate) fn wake(task: &Task, rules: &Rules) -> Option<IndexKey> {
    let id = task.id();
    let shard = id.0.as_bytes()[15] % WAKE_SHARDS;
    task.wake_at(rules).map(|at| IndexKey {
        partition: wake_partition(shard),
        sort: format!("{}#{id}", moment(at)),
    })
}

/// Where a task stands among others: open ones by age, where each point of priority counts as time
/// waited, so that none starves; held ones under their prover, those not started first.
pub(crate) fn listing(task: &Task, rules: &Rules) -> Option<IndexKey> {
    let id = task.id();
    match &task.state {
        State::Pending { .. } => {
            let priority = u64::from(task.spec.priority);
            let ahead = priority.saturating_mul(rules.priority_point.0);
            let counted_from = Timestamp(task.created_at.0.saturating_sub(ahead));
            Some(IndexKey {
                partition: open(shard(id, rules)),
                sort: created(counted_from, id),
            })
        }
        State::Assigned { lease } => Some(held(HELD_ASSIGNED, &lease.prover, task)),
        State::InProgress { lease } => Some(held(HELD_IN_PROGRESS, &lease.prover, task)),
        _ => None,
    }
}

fn held(state: &str, prover: &ProverId, task: &Task) -> IndexKey {
    IndexKey {
        partition: held_by(prover),
        sort: format!("{state}#{}", created(task.created_at, task.id())),
    }
}

/// A moment as a sort key: 16 digits reach beyond the year 300,000.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{:016}", at.0)
}
