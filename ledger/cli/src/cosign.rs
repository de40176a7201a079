//! Collecting a witness's cosignature.

use crate::config::Settings;
use crate::home::Home;
use crate::output::{grouped, line};
use anyhow::{Context, bail};
use prooflane_log::VerifyingKey;
use std::time::Duration;

/// Has a witness (c2sp.org/tlog-witness) cosign the log as it is now. Receipts from then on carry it.
pub(crate) async fn cosign(
    settings: &Settings,
    url: &str,
    witness: &VerifyingKey,
) -> anyhow::Result<()> {
    let home = Home::open(&settings.folder)?;
    let ledger = home.ledger().await?;
    let log = ledger.log();
    let Some(last) = ledger.size().await?.checked_sub(1) else {
        bail!("there is no operation yet that a witness could cosign");
    };
    let checkpoint = log.await_inclusion(last).await?;
    let size = checkpoint.checkpoint().size;
    let http = prooflane_client::http().timeout(Duration::from_secs(30));
    let http = http.build().context("no HTTP client")?;
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    // Mostly the witness stands where it cosigned last; otherwise it says where.
    let cosigned = log.cosigned().await?;
    let mut old = cosigned.map_or(0, |cosigned| cosigned.checkpoint().size);
    for _ in 0..2 {
        let request = log.witness_request(checkpoint.clone(), old).await?;
        let answer = http.post(&url).body(request.to_string()).send().await;
        let answer = answer.with_context(|| format!("{url} does not answer"))?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        match status {
            200 => {
                let keys = std::slice::from_ref(witness);
                log.add_cosignatures(&checkpoint, &text, keys).await?;
                let said = format!("{} operations, by {}", grouped(size), witness.name());
                let object = serde_json::json!({"operations": size, "witness": witness.name()});
                return settings.output.say(&[line("cosigned", said)], &object);
            }
            409 => {
                let known = text.trim().parse();
                old = known.with_context(|| format!("{url} answered {text:?}"))?;
                if old > size {
                    bail!(
                        "the witness has cosigned {old} operations of this log, and it has {size}: \
                         was it restored from an old backup?"
                    );
                }
            }
            _ => bail!("{url} answered {status}: {}", text.trim()),
        }
    }
    bail!("somebody else has this log cosigned at the same time; try again")
}
