//! Verifies proofs that the fleet has handed in, and settles.

use lambda_runtime::{Error, LambdaEvent};
use prooflane_coordinator::{Error as Problem, ResultMessage};
use prooflane_lambda::{Failed, Message, Messages, Network, failed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let network = Network::connect().await?;
    let answer = |event: LambdaEvent<_>| verify(&network, event);
    network.serve(answer).await
}

async fn verify(network: &Network, event: LambdaEvent<serde_json::Value>) -> Result<Failed, Error> {
    let messages = Messages::of(event.payload)?.records;
    let mut again = Vec::new();
    for message in &messages {
        if let Err(error) = accept(network, message).await {
            tracing::error!(message = message.body, error, "comes again");
            again.push(message);
        }
    }
    Ok(failed(again))
}

async fn accept(network: &Network, message: &Message) -> Result<(), String> {
    let result: ResultMessage =
        serde_json::from_str(&message.body).map_err(|error| error.to_string())?;
    match network.coordinator.accept_handed_in(&result).await {
        Ok(verdict) => tracing::info!(task = %result.task, accepted = verdict.accepted, "verified"),
        // Another attempt was faster, or the task is over: an ordinary event.
        Err(Problem::Refused(refusal)) => {
            tracing::info!(task = %result.task, %refusal, "not wanted")
        }
        Err(error) => return Err(error.to_string()),
    }
    Ok(())
}
