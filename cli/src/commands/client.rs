//! Commands that use a network.

use super::Context;
use super::offline::InputArgs;
use crate::files;
use crate::output::No;
use anyhow::{Context as _, bail};
use clap::Subcommand;
use console::style;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use prooflane_client::Client;
use prooflane_client::wire::{
    CreateKey, ProofForm, ProofView, QuoteRequest, Redeem, SubmitTask, TaskView,
};
use prooflane_market::{AttemptEnd, Event, EventKind, Status};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

#[derive(clap::Args)]
pub(super) struct SubmitArgs {
    /// The circuit, name@version.
    circuit: String,
    #[command(flatten)]
    inputs: InputArgs,
    /// The task's id, so that a repeat returns the same task.
    #[arg(long, value_name = "UUID")]
    task_id: Option<Uuid>,
    /// The most you pay, in credits.
    #[arg(long, default_value_t = SubmitTask::DEFAULT_REWARD, value_name = "CREDITS")]
    reward: u64,
    /// 0 to 100, higher first.
    #[arg(long, default_value_t = 50, value_name = "N")]
    priority: u8,
    /// 1: any prover; 2: provers you or the operator allow; 3 and above: the operator's own.
    #[arg(long, default_value_t = 1, value_name = "N")]
    privacy_level: u8,
    /// The least reputation a prover needs, 0 to 1.
    #[arg(long, value_name = "RATIO")]
    min_reputation: Option<f64>,
    /// How often it may be attempted.
    #[arg(long, value_name = "N")]
    max_attempts: Option<u32>,
    /// When it expires unproved, in milliseconds since 1970.
    #[arg(long, value_name = "MILLISECONDS")]
    deadline: Option<u64>,
    /// The account that pays.
    #[arg(long, value_name = "NAME")]
    requester: Option<String>,
    /// A prover you allow for privacy level 2.
    #[arg(long = "allow", value_name = "PROVER")]
    allowed_provers: Vec<String>,
    /// Follow it to its end and fetch the proof.
    #[arg(long)]
    wait: bool,
    /// With --wait: where the proof goes, as snarkjs's proof.json; a statement's as evidence.
    #[arg(long, value_name = "FILE", requires = "wait")]
    out: Option<PathBuf>,
    /// With --wait: where the public inputs go, as snarkjs's public.json.
    #[arg(long, value_name = "FILE", requires = "wait")]
    public: Option<PathBuf>,
    /// With --wait: where the circuit's verifying key goes, as snarkjs's verification_key.json.
    #[arg(long, value_name = "FILE", requires = "wait")]
    verifying_key: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(super) struct TaskArg {
    /// The task's id.
    task: Uuid,
}

#[derive(clap::Args)]
pub(super) struct TasksArgs {
    /// Only those in this state.
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only this requester's.
    #[arg(long, value_name = "NAME")]
    requester: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
}

#[derive(clap::Args)]
pub(super) struct ProofArgs {
    /// The task's id.
    task: Uuid,
    /// Where the proof goes, as snarkjs's proof.json, a statement's as evidence; - for standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Where the public inputs go, as snarkjs's public.json.
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Where the circuit's verifying key goes, as snarkjs's verification_key.json.
    #[arg(long, value_name = "FILE")]
    verifying_key: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(super) struct RedeemArgs {
    /// The proof, as snarkjs's proof.json.
    #[arg(long, default_value = "proof.json", value_name = "FILE")]
    proof: PathBuf,
    /// Its public inputs, as snarkjs's public.json.
    #[arg(long, default_value = "public.json", value_name = "FILE")]
    public: PathBuf,
    /// You, as you are named in receipts.
    #[arg(long, value_name = "TEXT")]
    recipient: String,
    /// The asset you accept, as it is named in receipts.
    #[arg(long, value_name = "TEXT")]
    asset: String,
    /// The least amount you ask.
    #[arg(long, value_name = "AMOUNT")]
    min_amount: String,
    /// The greatest age of a payment you accept.
    #[arg(long, default_value = "3600", value_name = "SECONDS")]
    max_age: String,
    /// What is being paid for, as a field element.
    #[arg(long, default_value = "0", value_name = "FIELD")]
    binding: String,
}

#[derive(clap::Args)]
pub(super) struct QuoteArgs {
    /// The circuit, name@version.
    circuit: String,
    /// The most you would pay, in credits.
    #[arg(long, default_value_t = SubmitTask::DEFAULT_REWARD, value_name = "CREDITS")]
    reward: u64,
    /// As for a task.
    #[arg(long, default_value_t = 1, value_name = "N")]
    privacy_level: u8,
    /// As for a task.
    #[arg(long, value_name = "RATIO")]
    min_reputation: Option<f64>,
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Make an API key; it is shown this once.
    Create {
        /// The account it acts for.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What it is good for: requester, prover, operator.
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<String>,
    },
    /// List the keys that were made, without the keys themselves.
    List,
    /// Make a key worthless.
    Revoke {
        /// Its id, as the list shows it.
        id: String,
    },
}

pub(super) async fn submit(context: &Context, args: SubmitArgs) -> anyhow::Result<()> {
    if args.circuit == prooflane_ledger::task::CIRCUIT {
        demand_neither(args.public.as_deref(), args.verifying_key.as_deref())?;
    }
    let client = context.client()?;
    let task = client
        .submit(&SubmitTask {
            task_id: args.task_id,
            circuit: args.circuit,
            inputs: args.inputs.read()?,
            upload: None,
            privacy_level: args.privacy_level,
            reward_amount: args.reward,
            priority: args.priority,
            requester: args.requester,
            deadline: args.deadline,
            min_reputation: args.min_reputation,
            max_attempts: args.max_attempts,
            allowed_provers: args.allowed_provers,
        })
        .await?;
    if !args.wait {
        context.output.object(&task)?;
        context.output.line(task.task_id);
        return Ok(());
    }
    context.output.line(format_args!("Task {}", task.task_id));
    follow(context, &client, &task).await?;
    client.wait_until_proved(task.task_id).await?;
    let proved = Proved::fetch(&client, task.task_id).await?;
    context.output.object(&proved.shown(task.task_id)?)?;
    proved.save(context, args.out.as_deref(), args.public.as_deref())?;
    proved
        .save_key(context, &client, args.verifying_key.as_deref())
        .await?;
    if let Some(out) = args.out.filter(|out| out.as_os_str() != "-") {
        context
            .output
            .line(format_args!("The proof is in {}.", out.display()));
    }
    Ok(())
}

/// What a completed task has.
enum Proved {
    /// The proof of a circuit.
    Groth16(Box<ProofView>),
    /// The proof of a statement of the dataset ledger.
    Evidence(Vec<u8>),
}

impl Proved {
    async fn fetch(client: &Client, task: Uuid) -> anyhow::Result<Self> {
        match client.proof(task).await {
            Ok(proof) => Ok(Self::Groth16(Box::new(proof))),
            Err(error) if error.code() == Some("not_groth16") => {
                Ok(Self::Evidence(client.task_evidence(task).await?))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// For programs.
    fn shown(&self, task: Uuid) -> anyhow::Result<Value> {
        Ok(match self {
            Self::Groth16(proof) => serde_json::to_value(proof)?,
            Self::Evidence(evidence) => json!({
                "task_id": task,
                "circuit": prooflane_ledger::task::CIRCUIT,
                "evidence_bytes": evidence.len(),
            }),
        })
    }

    fn save(
        &self,
        context: &Context,
        out: Option<&Path>,
        public: Option<&Path>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Groth16(proof) => {
                if let Some(out) = out {
                    context.output.document(out, &proof.proof)?;
                }
                if let Some(public) = public {
                    context.output.document(public, &proof.public_inputs)?;
                }
            }
            Self::Evidence(evidence) => {
                demand_neither(public, None)?;
                if let Some(out) = out {
                    context.output.bytes(out, evidence)?;
                }
            }
        }
        Ok(())
    }

    async fn save_key(
        &self,
        context: &Context,
        client: &Client,
        out: Option<&Path>,
    ) -> anyhow::Result<()> {
        match (out, self) {
            (None, _) => Ok(()),
            (Some(out), Self::Groth16(proof)) => {
                let key = client.verifying_key(&proof.circuit).await?;
                context.output.document(out, &key)
            }
            (Some(_), Self::Evidence(_)) => demand_neither(None, out),
        }
    }
}

/// What only a circuit has.
fn demand_neither(public: Option<&Path>, verifying_key: Option<&Path>) -> anyhow::Result<()> {
    if public.is_some() {
        bail!("a statement's public inputs are in its evidence: expected no --public");
    }
    if verifying_key.is_some() {
        bail!("a statement is proved without a key: expected no --verifying-key");
    }
    Ok(())
}

/// Shows what happens to a task until it ends.
pub(super) async fn follow(
    context: &Context,
    client: &Client,
    task: &TaskView,
) -> anyhow::Result<Vec<Event>> {
    let spinner = ProgressBar::new_spinner();
    if context.output.json || !console::user_attended_stderr() {
        spinner.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    spinner.set_style(ProgressStyle::with_template(
        "  {elapsed:>6} {spinner} {msg}",
    )?);
    spinner.enable_steady_tick(Duration::from_millis(80));
    spinner.set_message("waiting");
    let mut seen: Vec<Event> = Vec::new();
    loop {
        // Asked before the events are: a task may end between the last of a stream and this.
        let ended = client.task(task.task_id).await?.status.is_terminal();
        let after = seen.last().map_or(0, |event| event.seq);
        let mut events = client.events(task.task_id, after).await?;
        while let Some(event) = events.next().await {
            let event = event?;
            let at = event.at.0.saturating_sub(task.created_at);
            let after = style(format!("{:>11} ", format!("+{at} ms"))).dim();
            spinner.suspend(|| context.output.row(after, in_words(&event)));
            if let EventKind::Claimed { prover, .. } = &event.kind {
                spinner.set_message(format!("{prover} is proving"));
            }
            seen.push(event);
        }
        if ended {
            spinner.finish_and_clear();
            return Ok(seen);
        }
    }
}

fn in_words(event: &Event) -> String {
    match &event.kind {
        EventKind::Submitted => "submitted, the reward is in escrow".into(),
        EventKind::Unmatched { .. } => "auctioned: no prover can take it yet".into(),
        EventKind::Assigned {
            prover,
            price,
            bids,
            ..
        } => {
            let bids = if *bids == 1 {
                "the only bid".into()
            } else {
                format!("{bids} bids")
            };
            format!("auctioned: {prover} wins ({bids}) and is to be paid {price} credits")
        }
        EventKind::Claimed { prover, .. } => format!("assigned: {prover} starts proving"),
        EventKind::AttemptEnded {
            prover,
            end,
            message,
            ..
        } => {
            let end = match end {
                AttemptEnd::Failed => "gave up",
                AttemptEnd::Abandoned => "went silent",
                AttemptEnd::Invalid => "sent a proof that does not verify",
                AttemptEnd::Unclaimed => "did not start",
                AttemptEnd::Outage => "could not be reached while the network was away",
                AttemptEnd::KeyReplaced => "can no longer prove it: the circuit's key was replaced",
                AttemptEnd::Proved | AttemptEnd::Overtaken => "is done",
            };
            let message = message
                .as_ref()
                .map(|m| format!(" ({m})"))
                .unwrap_or_default();
            format!("{prover} {end}{message}; back to auction")
        }
        EventKind::Joined { prover } => {
            format!("open to anyone: {prover} starts proving without an assignment")
        }
        EventKind::Committed { prover } => format!("{prover} has committed to a proof"),
        EventKind::Voided { prover } => {
            format!("{prover} revealed a proof that does not verify")
        }
        EventKind::LeaseGivenAnew { prover, .. } => {
            format!("the network was away: {prover} has its time anew")
        }
        EventKind::CancelRequested => "cancellation asked for".into(),
        EventKind::Completed {
            prover,
            price,
            quality,
            ..
        } => format!(
            "verified: {prover} is paid {price} credits, quality {:.2}",
            quality.as_f64()
        ),
        EventKind::Failed { .. } => "failed, the reward went back".into(),
        EventKind::Cancelled => "cancelled, the reward went back".into(),
        EventKind::Expired => "expired, the reward went back".into(),
    }
}

fn colored(status: Status) -> console::StyledObject<&'static str> {
    let text = style(status.as_str());
    match status {
        Status::Completed => text.green(),
        Status::Failed | Status::Expired => text.red(),
        Status::Cancelled => text.dim(),
        Status::Pending => text.yellow(),
        Status::Assigned | Status::InProgress => text.cyan(),
    }
}

pub(super) async fn tasks(context: &Context, args: TasksArgs) -> anyhow::Result<()> {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.status.map(|status| ("status", status)));
    query.extend(args.requester.map(|requester| ("requester", requester)));
    let list = context.client()?.tasks(&query).await?;
    context.output.object(&list)?;
    if list.tasks.is_empty() {
        context.output.line("No tasks.");
    }
    if !list.tasks.is_empty() {
        let head = format!("{:<36} {:<11} {:<19} prover", "task", "status", "circuit");
        context.output.line(style(head).dim());
    }
    for task in &list.tasks {
        let status = console::pad_str(
            &colored(task.status).to_string(),
            11,
            console::Alignment::Left,
            None,
        )
        .into_owned();
        let prover = task.assigned_prover.as_deref().unwrap_or("-");
        context.output.line(format_args!(
            "{} {status} {:<19} {prover}",
            task.task_id, task.circuit
        ));
    }
    Ok(())
}

pub(super) async fn status(context: &Context, args: TaskArg) -> anyhow::Result<()> {
    let task = context.client()?.task(args.task).await?;
    context.output.object(&task)?;
    let row = |name: &str, value: String| {
        let name = format!("{name:<10}");
        context
            .output
            .line(format_args!("{} {value}", style(name).dim()));
    };
    row("task", task.task_id.to_string());
    row("circuit", task.circuit.clone());
    row("status", colored(task.status).to_string());
    row(
        "attempts",
        format!("{} of {}", task.attempts.len(), task.max_attempts),
    );
    if let Some(prover) = &task.assigned_prover {
        row("prover", prover.clone());
    }
    if let Some(price) = task.price {
        row(
            "price",
            format!("{price} of at most {} credits", task.reward_amount),
        );
    }
    if let Some(quality) = task.quality {
        row("quality", format!("{quality:.2}"));
    }
    Ok(())
}

pub(super) async fn explain(context: &Context, args: TaskArg) -> anyhow::Result<()> {
    let task = context.client()?.task(args.task).await?;
    context.output.object(&task.explanation)?;
    context.output.line(format_args!(
        "Task {} is {}.",
        task.task_id,
        colored(task.status)
    ));
    context.output.row("Why:  ", task.explanation.why);
    context.output.row("Next: ", task.explanation.next);
    Ok(())
}

pub(super) async fn proof(context: &Context, args: ProofArgs) -> anyhow::Result<()> {
    let client = context.client()?;
    let proved = Proved::fetch(&client, args.task).await?;
    proved
        .save_key(context, &client, args.verifying_key.as_deref())
        .await?;
    if context.output.json && args.out.as_os_str() == "-" {
        return context.output.object(&proved.shown(args.task)?);
    }
    proved.save(context, Some(&args.out), args.public.as_deref())?;
    if args.out.as_os_str() != "-" {
        context.output.object(&proved.shown(args.task)?)?;
        context
            .output
            .line(format_args!("The proof is in {}.", args.out.display()));
    }
    Ok(())
}

pub(super) async fn redeem(context: &Context, args: RedeemArgs) -> anyhow::Result<()> {
    let public: Vec<String> = files::read(&args.public)?;
    let payment = prooflane_circuits::find("payment@1").context("payment@1 is missing")?;
    let named = |name: &str| {
        let names = payment.public_names().iter();
        let value = names.zip(&public).find(|(known, _)| **known == name);
        value
            .map(|(_, value)| value.clone())
            .with_context(|| format!("{}: there is no {name} in it", args.public.display()))
    };
    let current_time = named("current_time")?;
    let answer = context
        .client()?
        .redeem(&Redeem {
            proof: ProofForm::Snarkjs(files::read(&args.proof)?),
            attestor_key: None,
            recipient_key: args.recipient,
            asset: args.asset,
            min_amount: args.min_amount,
            max_block_age: args.max_age,
            current_time: current_time
                .parse()
                .with_context(|| format!("current_time: expected seconds, got {current_time}"))?,
            binding: args.binding,
            nullifier: named("nullifier")?,
            window: 0,
            attempt: None,
            replaces: None,
        })
        .await?;
    context.output.object(&answer)?;
    if !answer.admitted {
        return Err(No(format!("not admitted: {}", answer.reason)).into());
    }
    context.output.line("Admitted: paid for, to you, once.");
    Ok(())
}

pub(super) async fn cancel(context: &Context, args: TaskArg) -> anyhow::Result<()> {
    let task = context.client()?.cancel(args.task).await?;
    context.output.object(&task)?;
    match task.status {
        Status::Cancelled => context.output.line("Cancelled; the reward went back."),
        _ => context.output.row("", "An attempt is running. It may still complete the task; if it does not, the task ends as cancelled."),
    }
    Ok(())
}

pub(super) async fn quote(context: &Context, args: QuoteArgs) -> anyhow::Result<()> {
    let quote = context
        .client()?
        .quote(&QuoteRequest {
            circuit: args.circuit,
            reward_amount: args.reward,
            privacy_level: args.privacy_level,
            min_reputation: args.min_reputation,
            allowed_provers: Vec::new(),
        })
        .await?;
    context.output.object(&quote)?;
    match (&quote.price, &quote.prover) {
        (Some(price), Some(prover)) => {
            context.output.row(
                "",
                format_args!("{prover} would prove it for {price} credits. {}", quote.why),
            );
            for taker in quote.takers.iter().take(10) {
                context.output.line(format_args!(
                    "  {:<20} asks {:>8}, score {:.3}",
                    taker.prover, taker.price, taker.score
                ));
            }
            Ok(())
        }
        _ => Err(No(quote.why).into()),
    }
}

pub(super) async fn provers(context: &Context) -> anyhow::Result<()> {
    let list = context.client()?.provers().await?;
    context.output.object(&list)?;
    if list.provers.is_empty() {
        context.output.line("No provers.");
        return Ok(());
    }
    let head = format!(
        "{:<20} {:>10} {:>8} {:>8} {:>8} {:>8}",
        "prover", "reputation", "proved", "failed", "load", "price"
    );
    context.output.line(style(head).dim());
    for prover in &list.provers {
        let price = prover.asks.iter().map(|ask| ask.price).min();
        context.output.line(format_args!(
            "{:<20} {:>10.3} {:>8} {:>8} {:>8} {:>8}",
            prover.prover_id,
            prover.reputation,
            prover.proved,
            prover.failed,
            format!("{}/{}", prover.active, prover.capacity),
            price.map_or_else(|| "-".into(), |price| price.to_string()),
        ));
        if let Some(why) = &prover.paused_because {
            context.output.row("  paused: ", why);
        }
    }
    Ok(())
}

pub(super) async fn keys(context: &Context, command: KeysCommand) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        KeysCommand::Create { name, roles } => {
            let made = client.create_key(&CreateKey { name, roles }).await?;
            context.output.object(&made)?;
            context.output.line(made.api_key);
        }
        KeysCommand::List => {
            let list = client.keys().await?;
            context.output.object(&list)?;
            for key in &list.keys {
                let roles = key.roles.join(", ");
                context
                    .output
                    .line(format_args!("{}  {} ({roles})", key.key_id, key.name));
            }
        }
        KeysCommand::Revoke { id } => {
            client.revoke_key(&id).await?;
            context.output.object(&json!({"revoked": id}))?;
            context.output.line("Revoked.");
        }
    }
    Ok(())
}
