//! Requesters, as clients of the network.

use crate::memory::held;
use crate::node::{Act, Net, NoAnswer};
use crate::request::Request;
use crate::statement::{self, Statement};
use crate::world::pass;
use prooflane_coordinator::{Coordinator, Error, Submission};
use prooflane_market::{Credits, PrivacyLevel, Ratio, TaskId, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

/// What a requester asks for, and asks for again in the same words.
#[derive(Clone)]
struct Order {
    task_id: Option<TaskId>,
    statement: &'static Statement,
    privacy_level: PrivacyLevel,
    reward_amount: Credits,
    priority: u8,
    requester: String,
    deadline: Option<Timestamp>,
    min_reputation: Ratio,
    max_attempts: u32,
}

impl Order {
    fn submission(&self) -> Submission {
        Submission {
            task_id: self.task_id,
            circuit: statement::CIRCUIT.into(),
            inputs: self.statement.inputs.clone().into(),
            privacy_level: self.privacy_level,
            reward_amount: self.reward_amount,
            priority: self.priority,
            requester: self.requester.clone(),
            deadline: self.deadline,
            min_reputation: self.min_reputation,
            max_attempts: Some(self.max_attempts),
            allowed_provers: Vec::new(),
        }
    }
}

/// Submits one task within `within` milliseconds, and follows it up.
pub(crate) async fn request(net: Arc<Net>, requester: String, within: u64) {
    let world = &net.world;
    pass(world.roll(|r| r.within(0..within))).await;
    let now = world.now();
    let order = world.roll(|r| {
        let mut id = [0; 16];
        r.fill(&mut id);
        Order {
            // Few leave the name to the network: those cannot be sure of a retry.
            task_id: (!r.chance(100)).then(|| TaskId(Uuid::from_bytes(id))),
            statement: r.pick(statement::statements()),
            privacy_level: *r.pick(&[
                PrivacyLevel::OPEN,
                PrivacyLevel::OPEN,
                PrivacyLevel::ALLOWED,
                PrivacyLevel::FLEET,
            ]),
            reward_amount: Credits(*r.pick(&[0, 20, 100, 100, 100, 100, 100, 500])),
            priority: *r.pick(&[0, 50, 50, 100]),
            requester,
            deadline: r
                .chance(250)
                .then(|| Timestamp(now + r.within(10_000..300_000))),
            min_reputation: *r.pick(&[Ratio::ZERO, Ratio::ZERO, Ratio::ppm(300_000)]),
            max_attempts: u32::try_from(r.within(1..8)).unwrap_or(1),
        }
    });
    let submit = {
        let order = order.clone();
        move |c: Coordinator| -> Act<TaskId> {
            let submission = order.submission();
            Box::pin(async move { Ok(c.submit(submission).await?.record.task.id()) })
        }
    };
    let submitted = if order.task_id.is_some() {
        net.insist(Request::Submit, submit.clone()).await
    } else {
        match net.ask(Request::Submit, submit.clone()).await {
            Ok(id) => Ok(id),
            Err(NoAnswer::Refused(error)) => Err(error),
            Err(NoAnswer::Silence) => return,
        }
    };
    let Ok(id) = submitted else {
        return;
    };
    held(&world.checker).accepted(id);
    match world.roll(|r| r.within(0..8)) {
        0 => {
            pass(world.roll(|r| r.within(0..120_000))).await;
            cancel(&net, id).await;
        }
        1 if order.task_id.is_some() => {
            pass(world.roll(|r| r.within(0..120_000))).await;
            let _ = net.insist(Request::Submit, submit).await;
        }
        _ => {}
    }
}

async fn cancel(net: &Net, id: TaskId) {
    let cancel = move |c: Coordinator| -> Act<_> {
        Box::pin(async move {
            match c.cancel(id).await {
                Ok(record) => Ok(record.task.status()),
                Err(Error::Refused(_)) => Ok(c.task(id).await?.task.status()),
                Err(error) => Err(error),
            }
        })
    };
    if let Ok(status) = net.insist(Request::Cancel, cancel).await {
        let told = held(&net.world.checker).told(id, status);
        if let Err(broken) = told {
            net.world.break_down(broken);
        }
    }
}
