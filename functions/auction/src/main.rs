//! Clears shards of the market that it leads: those whose hints a queue feeds to it, and all of them
//! on a schedule, for hints that were lost.

use lambda_runtime::{Error, LambdaEvent};
use prooflane_coordinator::Auctioneer;
use prooflane_lambda::{Failed, Message, Messages, Network, failed, variable};
use prooflane_market::Millis;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long it waits for a leader that does not beat any more to be deposed.
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function {
        network: Network::connect().await?,
        prefix: variable("PROOFLANE_QUEUES")?,
        // Of all instances of this function only this one has that name.
        name: variable("AWS_LAMBDA_LOG_STREAM_NAME")?,
        started: Instant::now(),
        auctioneers: Mutex::default(),
    };
    let answer = |event: LambdaEvent<_>| function.clear(event);
    function.network.serve(answer).await
}

struct Function {
    network: Network,
    prefix: String,
    name: String,
    started: Instant,
    /// What this instance knows of the leadership of each shard, from one event to the next.
    auctioneers: Mutex<BTreeMap<u8, Auctioneer>>,
}

impl Function {
    async fn clear(&self, event: LambdaEvent<Value>) -> Result<Failed, Error> {
        let messages = Messages::of(event.payload)?.records;
        let mut shards: BTreeMap<u8, Vec<&Message>> = BTreeMap::new();
        for message in &messages {
            match message.queue(&self.prefix).strip_prefix("auction-") {
                Some(shard) => shards.entry(shard.parse()?).or_default().push(message),
                None => tracing::error!(message = message.body, "not a hint"),
            }
        }
        if messages.is_empty() {
            let all = 0..self.network.coordinator.rules().market_shards.max(1);
            shards = all.map(|shard| (shard, Vec::new())).collect();
        }
        let mut again = Vec::new();
        for (shard, hints) in shards {
            again.extend(self.clear_shard(shard, hints).await?);
        }
        Ok(failed(again))
    }

    /// Clears one shard; which hints are to come again.
    async fn clear_shard<'a>(
        &self,
        shard: u8,
        hints: Vec<&'a Message>,
    ) -> Result<Vec<&'a Message>, Error> {
        let mut auctioneers = self.auctioneers.lock().await;
        let auctioneer = auctioneers.entry(shard).or_insert_with(|| {
            let started = self.started;
            let elapsed = move || {
                let millis = started.elapsed().as_millis();
                Millis(u64::try_from(millis).unwrap_or(u64::MAX))
            };
            Auctioneer::new(self.name.clone(), shard, elapsed)
        });
        let bodies: Vec<&str> = hints.iter().map(|hint| &*hint.body).collect();
        let coordinator = &self.network.coordinator;
        let batch = coordinator
            .auction_batch(auctioneer, &bodies, PATIENCE)
            .await?;
        if let Err(error) = batch.result {
            tracing::error!(shard, %error, "some hints come again");
        }
        tracing::info!(
            shard,
            leads = auctioneer.leads(),
            assigned = batch.assigned,
            "cleared"
        );
        if !auctioneer.leads() {
            // Somebody else does, and beats: all open tasks are cleared there, these among them.
            return Ok(Vec::new());
        }
        let done = hints.into_iter().zip(batch.done);
        Ok(done
            .filter(|(_, done)| !done)
            .map(|(hint, _)| hint)
            .collect())
    }
}
