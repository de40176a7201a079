//! Where everything is in the one table. Sort keys are fixed-width, so that bytewise order is the
//! order of the numbers in them.

use prooflane_market::{AttemptNo, ProverId, Rules, State, Task, TaskId, Timestamp};
use prooflane_store::{IndexKey, Key};

/// The wake index is split, so that no single partition takes every write.
pub(crate) const WAKE_SHARDS: u8 = 4;
pub(crate) const OPEN: &str = "open";
pub(crate) const PROVERS: &str = "provers";
pub(crate) const ACCOUNTS: &str = "accounts";
pub(crate) const TASKS: &str = "tasks";
pub(crate) const MINT: &str = "network:mint";
pub(crate) const SLASHED: &str = "network:slashed";

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

pub(crate) fn requester_account(requester: &str) -> String {
    format!("requester:{requester}")
}

pub(crate) fn prover_account(id: &ProverId) -> String {
    format!("prover:{id}")
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

/// Where a task stands among others: open ones by priority and age, held ones under their prover.
pub(crate) fn listing(task: &Task) -> Option<IndexKey> {
    let id = task.id();
    match &task.state {
        State::Pending { .. } => Some(IndexKey {
            partition: OPEN.into(),
            sort: format!(
                "{:03}#{}",
                100 - task.spec.priority.min(100),
                created(task.created_at, id)
            ),
        }),
        State::Assigned { lease } | State::InProgress { lease } => Some(IndexKey {
            partition: held_by(&lease.prover),
            sort: created(task.created_at, id),
        }),
        _ => None,
    }
}

/// A moment as a sort key: 16 digits reach beyond the year 300,000.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{:016}", at.0)
}
