//! Commands about credits and auctions.

use super::Context;
use crate::output::{No, grouped};
use console::style;
use prooflane_client::Client;
use prooflane_client::wire::{AttemptView, MakeDeposit, TranscriptView};
use serde::Serialize;
use uuid::Uuid;

#[derive(clap::Args)]
pub(super) struct DepositArgs {
    /// requester:<name>, prover:<id>, or stake:<id> for what a prover has at stake.
    account: String,
    /// How many credits.
    credits: u64,
    /// Names the deposit, so that a repeat changes nothing; made up where not given.
    #[arg(long, value_name = "ID")]
    deposit_id: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct AuditArgs {
    /// The tasks' ids; every task you may see where none is given.
    #[arg(value_name = "TASK")]
    tasks: Vec<Uuid>,
}

/// A task whose auctions do not recompute.
#[derive(Serialize)]
struct Difference {
    task_id: Uuid,
    attempt: u32,
    difference: String,
}

pub(super) async fn accounts(context: &Context) -> anyhow::Result<()> {
    let list = context.client()?.accounts().await?;
    context.output.object(&list)?;
    let head = format!("{:<32} {:>18} {:>14}", "account", "balance", "stake");
    context.output.line(style(head).dim());
    for account in &list.accounts {
        context.output.line(format_args!(
            "{:<32} {:>18} {:>14}",
            account.name,
            signed(account.balance),
            signed(account.stake)
        ));
    }
    Ok(())
}

fn signed(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(amount.unsigned_abs()))
}

pub(super) async fn deposit(context: &Context, args: DepositArgs) -> anyhow::Result<()> {
    let deposit = MakeDeposit {
        deposit_id: args
            .deposit_id
            .unwrap_or_else(|| Uuid::new_v4().to_string()),
        amount: args.credits,
    };
    let account = context.client()?.deposit(&args.account, &deposit).await?;
    context.output.object(&account)?;
    context.output.line(format_args!(
        "Deposit {}: {} holds {} credits, {} at stake.",
        deposit.deposit_id,
        account.name,
        signed(account.balance),
        signed(account.stake)
    ));
    Ok(())
}

pub(super) async fn audit(context: &Context, args: AuditArgs) -> anyhow::Result<()> {
    let client = context.client()?;
    let tasks = if args.tasks.is_empty() {
        every_task(&client).await?
    } else {
        args.tasks
    };
    let (mut transcripts, mut differences) = (0, Vec::new());
    for task_id in &tasks {
        let kept = client.transcripts(*task_id).await?.transcripts;
        let attempts = client.task(*task_id).await?.attempts;
        transcripts += kept.len();
        for attempt in &attempts {
            let transcript = kept.iter().find(|kept| kept.attempt == attempt.number);
            if let Some(difference) = difference(attempt, transcript) {
                differences.push(Difference {
                    task_id: *task_id,
                    attempt: attempt.number,
                    difference,
                });
            }
        }
    }
    context.output.object(&serde_json::json!({
        "tasks": tasks.len(),
        "transcripts": transcripts,
        "differences": &differences,
    }))?;
    for found in &differences {
        let head = format!("Task {}, attempt {}: ", found.task_id, found.attempt);
        context.output.row(head, &found.difference);
    }
    if !differences.is_empty() {
        let count = differences.len();
        return Err(No(format!("{count} auctions do not recompute")).into());
    }
    context.output.line(format_args!(
        "Every auction recomputes to the same winner and price: {transcripts} of {} tasks.",
        tasks.len()
    ));
    Ok(())
}

/// What an attempt says of its auction that its transcript does not.
fn difference(attempt: &AttemptView, kept: Option<&TranscriptView>) -> Option<String> {
    let Some(kept) = kept else {
        return Some("there is no transcript".into());
    };
    let got = (attempt.prover.as_str(), attempt.price);
    match kept.transcript.winner() {
        None => Some("the transcript has no bids".into()),
        Some(winner) => {
            let expected = (winner.prover.as_str(), winner.price.0);
            (expected != got).then(|| {
                format!(
                    "expected {} for {} credits, got {} for {}",
                    expected.0, expected.1, got.0, got.1
                )
            })
        }
    }
}

async fn every_task(client: &Client) -> anyhow::Result<Vec<Uuid>> {
    let mut tasks = Vec::new();
    let mut query = vec![("limit", "200".to_owned())];
    loop {
        let page = client.tasks(&query).await?;
        tasks.extend(page.tasks.iter().map(|task| task.task_id));
        match page.next {
            Some(next) => {
                query.truncate(1);
                query.push(("after", next));
            }
            None => return Ok(tasks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prooflane_market::{
        AskId, Bid, Credits, Millis, PaymentRule, ProverId, Ratio, Timestamp, Transcript, Weights,
    };

    fn kept() -> TranscriptView {
        let bid = |name: &str, price| Bid {
            prover: ProverId::new(name).unwrap(),
            ask_id: AskId(Uuid::nil()),
            price: Credits(price),
            reputation: Ratio::ppm(500_000),
            promised: Millis(1),
            placed_at: Timestamp(0),
        };
        TranscriptView {
            attempt: 1,
            transcript: Transcript {
                at: Timestamp(0),
                ceiling: Credits(100),
                weights: Weights::default(),
                payment: PaymentRule::SecondScore,
                bids: vec![bid("a", 30), bid("b", 45)],
            },
        }
    }

    fn attempt(prover: &str, price: u64) -> AttemptView {
        AttemptView {
            number: 1,
            prover: prover.into(),
            price,
            assigned_at: 0,
            claimed_at: None,
            end: None,
        }
    }

    #[test]
    fn an_attempt_is_compared_with_what_its_transcript_gives() {
        assert_eq!(difference(&attempt("a", 45), Some(&kept())), None);
        let other = difference(&attempt("b", 45), Some(&kept())).unwrap();
        assert_eq!(other, "expected a for 45 credits, got b for 45");
        let dearer = difference(&attempt("a", 46), Some(&kept())).unwrap();
        assert_eq!(dearer, "expected a for 45 credits, got a for 46");
        let mut empty = kept();
        empty.transcript.bids.clear();
        assert!(difference(&attempt("a", 45), Some(&empty)).is_some());
        assert!(difference(&attempt("a", 45), None).is_some());
    }
}
