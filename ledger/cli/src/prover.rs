//! Who proves: this machine, or the provers of a network.

use crate::config::Settings;
use crate::output::{Progress, grouped};
use anyhow::bail;
use clap::Args;
use prooflane_client::wire::SubmitTask;
use prooflane_client::{Client, ClientError};
use prooflane_ledger::task::{self, Place, Sealed};
use prooflane_ledger::{Evidence, Instance, Owned, Statement, Witness, hand_out};
use std::fmt;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What is asked of a network's provers.
#[derive(Args)]
pub(crate) struct Terms {
    /// The most you pay, in credits.
    #[arg(long, default_value_t = SubmitTask::DEFAULT_REWARD, value_name = "CREDITS")]
    reward: u64,
    /// Who may prove it, and so see the columns that it is about: 1 any prover, 2 those that you or the operator allow, 3 the
    /// operator's own.
    #[arg(long, default_value_t = 3, value_name = "N")]
    privacy_level: u8,
    /// A prover that you allow for privacy level 2.
    #[arg(long = "allow", value_name = "PROVER")]
    allowed_provers: Vec<String>,
}

/// Who proves.
pub(crate) enum By {
    /// This machine.
    Here,
    /// The network's provers.
    Network(Terms),
}

/// Evidence, and the id that it is recorded under.
pub(crate) struct Proved {
    pub(crate) evidence: Evidence,
    pub(crate) id: Uuid,
}

/// A task was submitted and what became of it is not known: it may still be proved.
#[derive(Debug)]
pub(crate) struct GoesOn {
    task: Uuid,
    place: String,
    why: String,
}

impl fmt::Display for GoesOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, place, why } = self;
        write!(
            f,
            "{why}; task {task} goes on: `prooflane ledger record --task {task} {place}` records what comes of it"
        )
    }
}

impl std::error::Error for GoesOn {}

/// Witnesses up to this size are sent with their task; larger ones are uploaded.
const IN_A_REQUEST: usize = 256 << 10;
/// A network that does not answer is asked again for this long.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_secs(1);

impl By {
    /// Whether they can be asked at all, before anything is read.
    pub(crate) fn check(&self, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Self::Here => Ok(()),
            Self::Network(_) => settings.prover_client().map(drop),
        }
    }

    /// Counts and makes the proofs of a statement.
    pub(crate) async fn prove(
        &self,
        settings: &Settings,
        statement: Statement,
        inputs: &mut [Owned],
        outputs: &mut [Owned],
    ) -> anyhow::Result<Proved> {
        let Self::Network(terms) = self else {
            let progress = Progress::work("proving");
            let evidence = prooflane_ledger::prove(statement, inputs, outputs)?;
            progress.done();
            let id = Uuid::now_v7();
            return Ok(Proved { evidence, id });
        };
        let client = settings.prover_client()?;
        let instance = Instance::of(statement, inputs, outputs);
        instance.demand_size()?;
        let witness = hand_out(&instance, inputs, outputs)?;
        // The operation is recorded under the task's id: once, however often it is tried.
        let id = Uuid::now_v7();
        let goes_on = |error: &dyn fmt::Display| GoesOn {
            task: id,
            place: settings.place(),
            why: error.to_string(),
        };
        let progress = Progress::work("sending the columns");
        let inputs = task_inputs(&client, &instance, &witness).await?;
        progress.done();
        let task = terms.task(id, serde_json::to_value(inputs)?);
        // Whether it arrived is not known where there is no answer: the same once more finds it.
        patiently(|| client.submit(&task)).await.map_err(|error| {
            if passes(&error) {
                return goes_on(&error).into();
            }
            anyhow::Error::from(error)
        })?;
        // Whoever stops waiting here needs its name.
        eprintln!("task {id}");
        let progress = Progress::work("the network's provers are at it");
        let proved = patiently(|| client.wait_until_proved(id)).await;
        proved.map_err(|error| match error {
            // It has ended without a proof.
            ClientError::NoProof(_) => anyhow::Error::from(error),
            error => goes_on(&error).into(),
        })?;
        let bytes = patiently(|| client.task_evidence(id)).await;
        let bytes = bytes.map_err(|error| goes_on(&error))?;
        progress.done();
        let evidence = Evidence::from_bytes(&bytes)?;
        if evidence.instance() != instance {
            bail!(
                "expected evidence of {}, got that of another statement",
                instance.statement
            );
        }
        if let Ok(task) = client.task(id).await {
            let prover = task.assigned_prover.unwrap_or_default();
            let price = grouped(task.price.unwrap_or_default());
            eprintln!("proved by {prover} for {price} credits");
        }
        Ok(Proved { evidence, id })
    }
}

impl Terms {
    fn task(&self, id: Uuid, inputs: serde_json::Value) -> SubmitTask {
        SubmitTask {
            task_id: Some(id),
            privacy_level: self.privacy_level,
            reward_amount: self.reward,
            allowed_provers: self.allowed_provers.clone(),
            ..SubmitTask::new(task::CIRCUIT, inputs)
        }
    }
}

/// The inputs of a task; a large witness is uploaded, under a key that is in them.
async fn task_inputs(
    client: &Client,
    instance: &Instance,
    witness: &Witness,
) -> anyhow::Result<task::Inputs> {
    if witness.as_bytes().len() <= IN_A_REQUEST {
        return Ok(task::Inputs::new(instance.clone(), witness));
    }
    let (key, sealed) = witness.seal(instance)?;
    let upload = patiently(|| client.upload(None, sealed.clone())).await?;
    let place = Place::Sealed(Sealed::new(upload, &key));
    Ok(task::Inputs::of(instance.clone(), place))
}

/// Whether the same call may be answered later: nothing is known of what became of it.
fn passes(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } => true,
        ClientError::Problem(problem) => problem.status >= 500 || problem.status == 429,
        _ => false,
    }
}

/// Asks a network that does not answer again, for a while.
async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let started = Instant::now();
    loop {
        match call().await {
            Err(error) if passes(&error) && started.elapsed() < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}
