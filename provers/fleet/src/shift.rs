//! One machine's time in the fleet, from its first claim until it may go.

use crate::group::{Group, protection};
use crate::network::Fleet;
use prooflane_worker::{Drain, NetworkError, Offer, Prover, Summary, run_with};
use std::sync::Arc;
use std::time::Duration;

/// Proves until told to drain; its group is told what it should know.
///
/// # Errors
/// As [`run_with`].
pub async fn work(
    network: Arc<Fleet>,
    prover: Arc<dyn Prover>,
    offer: Offer,
    drain: Drain,
    group: Option<Arc<dyn Group>>,
    still_draining_every: Duration,
) -> Result<Summary, NetworkError> {
    let ended = Drain::default();
    let protection = group.clone().map(|group| {
        let busy = network.busy();
        tokio::spawn(protection(group, busy, ended.clone()))
    });
    let proving = run_with(network, prover, offer, drain.clone());
    let draining = async {
        drain.started().await;
        loop {
            tokio::time::sleep(still_draining_every).await;
            if let Some(group) = &group
                && let Err(error) = group.still_draining().await
            {
                tracing::info!(%error, "the group was not told that the machine still drains");
            }
        }
    };
    let summary = tokio::select! {
        summary = proving => summary,
        () = draining => unreachable!("it never ends"),
    };
    ended.start();
    if let Some(protection) = protection {
        // It ends by itself; a panic in it has been said already.
        let _ = protection.await;
    }
    let summary = summary?;
    if let Some(group) = &group
        && let Err(error) = group.drained().await
    {
        tracing::info!(%error, "the group was not told that the machine is drained");
    }
    Ok(summary)
}
