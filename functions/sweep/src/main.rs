//! Wakes what is due, on a schedule, and keeps the fleet's classes in the market.

use lambda_runtime::{Error, LambdaEvent};
use prooflane_coordinator::FleetClass;
use prooflane_lambda::{Network, json_variable};
use serde_json::{Value, json};
use std::time::Duration;

/// The classes of the fleet, as JSON.
const FLEET: &str = "PROOFLANE_FLEET";
/// So much of its time a function leaves for one last sweep.
const RESERVE: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let network = Network::connect().await?;
    let fleet: Vec<FleetClass> = json_variable(FLEET)?.unwrap_or_default();
    let answer = |event: LambdaEvent<_>| sweep(&network, &fleet, event);
    network.serve(answer).await
}

async fn sweep(
    network: &Network,
    fleet: &[FleetClass],
    event: LambdaEvent<Value>,
) -> Result<Value, Error> {
    for class in fleet {
        // One that is described wrongly must not keep tasks from being woken.
        if let Err(error) = network.coordinator.enlist(class).await {
            tracing::error!(class = %class.prover_id, %error, "not in the market");
        }
        let queue = format!("prover-{}", class.prover_id);
        if let Err(error) = network.queue.touch(&queue).await {
            tracing::warn!(queue, %error, "SQS may stop measuring it");
        }
    }
    let deadline = event.context.deadline();
    let mut woken = 0;
    loop {
        let due = network.coordinator.sweep().await?;
        woken += due;
        let left = deadline.duration_since(std::time::SystemTime::now());
        if due == 0 || left.unwrap_or_default() < RESERVE {
            return Ok(json!({"woken": woken}));
        }
    }
}
