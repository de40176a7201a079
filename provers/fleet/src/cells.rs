//! Proofs in processes of their own, each with a limit on its time and its memory: what goes wrong in
//! one proof ends that proof and nothing else.

use async_trait::async_trait;
use prooflane_client::wire::AssignmentView;
use prooflane_engine::{CircuitKey, KeyError, Keys};
use prooflane_worker::{Prover, is_statement};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// What one proof may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time, the first reading of its key included.
    pub time: Duration,
    /// Address space of the process that makes it, in MB; 0 for no limit.
    pub memory_mb: u64,
}

/// The proving processes of one machine. They live from proof to proof, so that keys stay loaded; there
/// are as many as proofs are made at once.
pub struct Cells {
    program: PathBuf,
    args: Vec<String>,
    limits: Limits,
    idle: Mutex<Vec<Cell>>,
}

/// A proving process: an assignment in JSON goes in on one line, an [`Answer`] comes out on one line.
struct Cell {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Whether it said that memory ran out.
    out_of_memory: JoinHandle<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// In hex.
    Proof(String),
    /// What to tell the network.
    Failure(String),
}

/// How a Rust program says that memory ran out.
const OUT_OF_MEMORY: &str = "memory allocation of";

impl Cells {
    /// Processes of this `program`, called with `args`: an assignment in JSON goes in on a line, a
    /// proof comes out on a line. The program sees to the limit on memory itself.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, args: Vec<String>, limits: Limits) -> Self {
        Self {
            program: program.into(),
            args,
            limits,
            idle: Mutex::default(),
        }
    }

    fn cell(&self) -> std::io::Result<Cell> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut cell) = idle.pop() {
            // The system may have ended it meanwhile.
            if matches!(cell.process.try_wait(), Ok(None)) {
                return Ok(cell);
            }
        }
        drop(idle);
        self.start()
    }

    fn start(&self) -> std::io::Result<Cell> {
        let mut process = Command::new(&self.program)
            .args(&self.args)
            // Each of glibc's arenas takes 64 MB of address space, and there would be one a thread.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lost = || std::io::Error::other("a pipe is missing");
        let errors = process.stderr.take().ok_or_else(lost)?;
        // A crash may quote private inputs: nothing of what it says goes anywhere.
        let out_of_memory = tokio::spawn(async move {
            let mut lines = BufReader::new(errors).lines();
            let mut seen = false;
            while let Ok(Some(line)) = lines.next_line().await {
                seen |= line.starts_with(OUT_OF_MEMORY);
            }
            seen
        });
        Ok(Cell {
            input: process.stdin.take().ok_or_else(lost)?,
            output: BufReader::new(process.stdout.take().ok_or_else(lost)?),
            out_of_memory,
            process,
        })
    }

    async fn ask(&self, assignment: &AssignmentView) -> Result<Answer, String> {
        let cannot = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "no proving process");
            "this prover cannot start a proving process; its log says why".to_owned()
        };
        let mut request = Zeroizing::new(Vec::new());
        serde_json::to_writer(&mut *request, assignment).map_err(|error| cannot(&error))?;
        request.push(b'\n');
        let mut cell = self.cell().map_err(|error| cannot(&error))?;
        match tokio::time::timeout(self.limits.time, cell.ask(&request)).await {
            Ok(Ok(answer)) => {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.push(cell);
                Ok(answer)
            }
            Ok(Err(_)) => Err(cell.autopsy(self.limits).await),
            // It is killed when it is dropped here.
            Err(_) => Err(format!(
                "no proof within {} s, which is the limit of this prover",
                self.limits.time.as_secs_f64()
            )),
        }
    }
}

impl Cell {
    async fn ask(&mut self, request: &[u8]) -> std::io::Result<Answer> {
        self.input.write_all(request).await?;
        self.input.flush().await?;
        let mut line = String::new();
        self.output.read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Why it did not answer.
    async fn autopsy(mut self, limits: Limits) -> String {
        // It is ending already where it did not answer; one that talks nonsense is ended.
        let _ = self.process.start_kill();
        let status = self.process.wait().await;
        if limits.memory_mb > 0 && self.out_of_memory.await.unwrap_or(false) {
            return format!(
                "the proof takes more than {} MB of memory, which is the limit of this prover",
                limits.memory_mb
            );
        }
        match status {
            Ok(status) => format!("the prover crashed on these inputs ({status})"),
            Err(_) => "the prover crashed on these inputs".into(),
        }
    }
}

#[async_trait]
impl Prover for Cells {
    /// The process reads the key from its file, which is there and was checked if this one has it.
    async fn prove(
        &self,
        _: Option<Arc<CircuitKey>>,
        assignment: AssignmentView,
    ) -> Result<Vec<u8>, String> {
        let answer = self.ask(&assignment).await;
        if let Err(message) = &answer {
            let (task, attempt) = (assignment.task_id, assignment.attempt);
            tracing::warn!(%task, attempt, message, "a proving process was ended");
        }
        match answer? {
            Answer::Proof(proof) => hex::decode(proof)
                .map_err(|_| "the proving process made something that is no proof".into()),
            Answer::Failure(message) => Err(message),
        }
    }
}

/// What a proving process does, until its input ends: proves one line after the other.
///
/// # Errors
/// If a limit cannot be set, or its input or output breaks.
pub(crate) fn serve(keys: &Path, threads: usize, memory_mb: u64) -> anyhow::Result<()> {
    // Neither a core dump nor a debugger of another process is to see private inputs.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // Threads before the limit: one that cannot be started would look like a crash.
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()?;
    if memory_mb > 0 {
        let bytes = Some(memory_mb.saturating_mul(1 << 20));
        let limit = Rlimit {
            current: bytes,
            maximum: bytes,
        };
        rustix::process::setrlimit(Resource::As, limit)?;
    }
    let mut store = Keys::open(keys)?;
    let mut input = std::io::stdin().lock();
    let mut output = std::io::stdout().lock();
    loop {
        let mut line = Zeroizing::new(String::new());
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let assignment: AssignmentView = serde_json::from_str(&line)
            // Its own message could quote what it read.
            .map_err(|_| anyhow::anyhow!("expected an assignment in JSON, got something else"))?;
        let answer = match prove(&mut store, keys, &assignment) {
            Ok(proof) => Answer::Proof(hex::encode(proof)),
            Err(message) => Answer::Failure(message),
        };
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
}

fn prove(store: &mut Keys, dir: &Path, assignment: &AssignmentView) -> Result<Vec<u8>, String> {
    if is_statement(assignment) {
        return prooflane_worker::prove(None, assignment);
    }
    let AssignmentView {
        circuit, key_id, ..
    } = assignment;
    let circuit = prooflane_circuits::find(circuit)
        .ok_or_else(|| format!("this prover does not know {circuit}"))?;
    let unreadable = |error: KeyError| match error {
        KeyError::Io { source, .. } if source.kind() == ErrorKind::OutOfMemory => {
            // As the allocator does where it is not asked so politely.
            eprintln!("{OUT_OF_MEMORY} a key failed");
            std::process::abort()
        }
        _ => "this prover cannot read its keys".to_owned(),
    };
    let mut key = store.find(circuit, key_id).map_err(unreadable)?;
    if key.is_none() {
        // The key in memory may have been replaced since.
        *store = Keys::open(dir).map_err(unreadable)?;
        key = store.find(circuit, key_id).map_err(unreadable)?;
    }
    let key = key.ok_or_else(|| format!("this prover has no key {key_id} any more"))?;
    prooflane_worker::prove(Some(&key), assignment)
}
