//! From what the network knows to what it shows.

use prooflane_client::wire;
use prooflane_coordinator::{Assignment, Entry, Error, StoredProof, TaskRecord};
use prooflane_market::{Ask, AttemptEnd, Prover, State, Timestamp, explain};
use prooflane_verifier::snarkjs::SnarkjsProof;
use prooflane_verifier::{Proof, Provenance};

pub(crate) fn task(record: &TaskRecord, now: Timestamp) -> wire::TaskView {
    let task = &record.task;
    let spec = &task.spec;
    let explanation = explain(task, now);
    let (assigned_prover, price, quality) = match &task.state {
        State::Completed {
            prover,
            price,
            quality,
            ..
        } => (
            Some(prover.to_string()),
            Some(price.0),
            Some(quality.as_f64()),
        ),
        _ => {
            let held = task.lease().map(|lease| lease.prover.to_string());
            let price = held
                .as_ref()
                .and_then(|_| task.attempts.last())
                .map(|a| a.price.0);
            (held, price, None)
        }
    };
    wire::TaskView {
        task_id: task.id().0,
        circuit: spec.circuit.clone(),
        status: task.status(),
        requester: spec.requester.clone(),
        privacy_level: spec.privacy_level.into(),
        reward_amount: spec.reward_amount.0,
        priority: spec.priority,
        deadline: spec.deadline.map(|at| at.0),
        min_reputation: spec.min_reputation.as_f64(),
        max_attempts: spec.max_attempts,
        created_at: task.created_at.0,
        updated_at: task.updated_at.0,
        assigned_prover,
        price,
        quality,
        public_inputs: record.public_inputs.clone(),
        key_id: record.key_id.clone(),
        attempts: task
            .attempts
            .iter()
            .map(|attempt| wire::AttemptView {
                number: attempt.number,
                prover: attempt.prover.to_string(),
                price: attempt.price.0,
                assigned_at: attempt.assigned_at.0,
                claimed_at: attempt.claimed_at.map(|at| at.0),
                end: attempt.end.as_ref().map(|end| ended(end).to_owned()),
            })
            .collect(),
        open_from: task.open_from.map(|at| at.0),
        explanation: wire::ExplanationView {
            why: explanation.why,
            next: explanation.next,
        },
    }
}

fn ended(end: &AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Proved => "proved",
        AttemptEnd::Failed => "failed",
        AttemptEnd::Abandoned => "abandoned",
        AttemptEnd::Invalid => "invalid",
        AttemptEnd::Overtaken => "overtaken",
        AttemptEnd::Unclaimed => "unclaimed",
        AttemptEnd::Outage => "outage",
        AttemptEnd::KeyReplaced => "key_replaced",
    }
}

/// Where a key comes from, in a word.
pub(crate) fn provenance(entry: &Entry) -> String {
    let provenance = entry.provenance();
    provenance
        .map_or("transparent", Provenance::as_str)
        .to_owned()
}

/// A proof of a circuit, as it is stored.
pub(crate) fn groth16(stored: &StoredProof) -> Result<Proof, Error> {
    Proof::from_compact(&stored.proof).map_err(|_| Error::Corrupt { what: "proof" })
}

pub(crate) fn proof(stored: &StoredProof, entry: &Entry) -> Result<wire::ProofView, Error> {
    let proof = groth16(stored)?;
    let view = task(&stored.record, stored.record.task.updated_at);
    Ok(wire::ProofView {
        task_id: view.task_id,
        circuit: view.circuit,
        key_id: view.key_id,
        provenance: provenance(entry),
        proof: SnarkjsProof::from(&proof),
        public_inputs: view.public_inputs,
        compact: format!("0x{}", hex::encode(&stored.proof)),
        prover: view.assigned_prover.unwrap_or_default(),
        price: view.price.unwrap_or_default(),
        quality: view.quality.unwrap_or_default(),
    })
}

pub(crate) fn ask(ask: &Ask) -> wire::AskView {
    wire::AskView {
        ask_id: ask.ask_id.0,
        circuits: ask.circuits.clone(),
        price: ask.price.0,
        capacity: ask.capacity,
        levels: ask.levels.iter().map(|level| (*level).into()).collect(),
        promised_ms: ask.promised.0,
        expires_at: ask.expires_at.map(|at| at.0),
    }
}

pub(crate) fn prover(prover: &Prover, now: Timestamp) -> wire::ProverView {
    let paused_until = prover.breaker.paused(now);
    wire::ProverView {
        prover_id: prover.prover_id.to_string(),
        fleet: prover.fleet,
        trusted: prover.trusted,
        capacity: prover.capacity,
        active: prover.active.len(),
        reputation: prover.reputation().as_f64(),
        proved: prover.record.proved,
        failed: prover.record.failed,
        asks: prover.asks.iter().map(ask).collect(),
        registered_at: prover.registered_at.0,
        seen_at: prover.seen_at.0,
        paused_until: paused_until.map(|at| at.0),
        paused_because: paused_until.and_then(|_| prover.breaker.reason()),
    }
}

/// An assignment as provers see it.
#[must_use]
pub fn assignment_view(assignment: Assignment) -> wire::AssignmentView {
    wire::AssignmentView {
        task_id: assignment.task_id.0,
        attempt: assignment.attempt,
        trace: assignment.trace.to_string(),
        circuit: assignment.circuit,
        key_id: assignment.key_id,
        inputs: assignment.inputs,
        inputs_at: None,
        public_inputs: assignment.public_inputs,
        price: assignment.price.0,
        lease_expires_at: assignment.lease_expires_at.0,
    }
}

/// A moment as RFC 3339 text.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    i64::try_from(at.0)
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .map(|at| at.to_string())
        .unwrap_or_default()
}
