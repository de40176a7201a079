//! Who proves.

use crate::cases::Files;
use crate::{Arguments, Result};
use prooflane_engine::Backend;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A prover that is here.
pub(crate) struct Prover {
    who: &'static str,
    kind: Kind,
    threads: usize,
    folder: PathBuf,
}

enum Kind {
    /// This program, as `serve` has it, with this value of the variable that forces a backend.
    Own(&'static str),
    /// A folder with snarkjs.
    Snarkjs(PathBuf),
    /// A program that proves once and ends.
    Program(PathBuf),
}

impl Prover {
    /// Those asked for that are here; what is not is said on standard error.
    pub(crate) fn all(arguments: &Arguments) -> Result<Vec<Self>> {
        let mut provers = Vec::new();
        for who in &arguments.who {
            let (who, kind) = match who.as_str() {
                "ifma" if Backend::Ifma.is_available() => ("engine, IFMA", Some(Kind::Own("ifma"))),
                "ifma" => ("engine, IFMA", None),
                "scalar" => ("engine, scalar", Some(Kind::Own("scalar"))),
                "arkworks" => ("arkworks", Some(Kind::Own("arkworks"))),
                "snarkjs" => ("snarkjs", arguments.snarkjs.clone().map(Kind::Snarkjs)),
                "rapidsnark" => (
                    "rapidsnark",
                    arguments.rapidsnark.clone().map(Kind::Program),
                ),
                "gnark" => ("gnark", arguments.gnark.clone().map(Kind::Program)),
                _ => return Err(format!("nobody is called {who}").into()),
            };
            match kind {
                Some(kind) => {
                    let (threads, folder) = (arguments.threads, arguments.folder.clone());
                    provers.push(Self {
                        who,
                        kind,
                        threads,
                        folder,
                    });
                }
                None => eprintln!("{who} is not here and left out"),
            }
        }
        Ok(provers)
    }

    /// Lets it write what it keeps on disk: the engine's tables.
    pub(crate) fn prepare(&self, files: &Files) -> Result<()> {
        if matches!(self.kind, Kind::Own("ifma" | "scalar")) {
            self.start(files)?;
        }
        Ok(())
    }

    pub(crate) fn start(&self, files: &Files) -> Result<Running> {
        let process = match &self.kind {
            Kind::Own(name) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args([
                    "--serve",
                    name,
                    "--cases",
                    &files.name,
                    "--threads",
                    &self.threads.to_string(),
                ]);
                command.arg("--folder").arg(&self.folder);
                if *name != "arkworks" {
                    command.env("PROOFLANE_ENGINE", name);
                }
                Process::Server(Server::start(command)?)
            }
            Kind::Snarkjs(folder) => {
                let script = files.dir.join("snarkjs.mjs");
                std::fs::write(&script, include_str!("snarkjs.mjs"))?;
                let mut command = Command::new("node");
                command.args([
                    &script,
                    &std::path::absolute(folder)?,
                    &files.zkey,
                    &files.wtns,
                ]);
                Process::Server(Server::start(command)?)
            }
            Kind::Program(program) => {
                let mut command = Command::new(program);
                command.args([&files.zkey, &files.wtns]);
                command.args([files.dir.join("proof.json"), files.dir.join("public.json")]);
                command
                    .env("OMP_NUM_THREADS", self.threads.to_string())
                    .stdout(Stdio::null());
                Process::Each {
                    command,
                    peak_mb: None,
                }
            }
        };
        let mut running = Running {
            who: self.who,
            process,
            first_ms: None,
        };
        let first = match &mut running.process {
            Process::Server(server) => server.answer()?,
            Process::Each { .. } => running.prove()?,
        };
        running.first_ms = matches!(self.kind, Kind::Own("ifma" | "scalar")).then_some(first);
        Ok(running)
    }
}

/// A prover at work on a case.
pub(crate) struct Running {
    pub(crate) who: &'static str,
    /// From nothing in memory to the first proof, key files in the system's cache.
    pub(crate) first_ms: Option<f64>,
    process: Process,
}

enum Process {
    Server(Server),
    Each {
        command: Command,
        peak_mb: Option<f64>,
    },
}

impl Running {
    /// Milliseconds of one proof.
    pub(crate) fn prove(&mut self) -> Result<f64> {
        match &mut self.process {
            Process::Server(server) => server.ask("prove"),
            Process::Each { command, peak_mb } => {
                let started = Instant::now();
                let mut child = command.spawn()?;
                let status = loop {
                    if let Some(now) = peak_of(child.id()) {
                        *peak_mb = Some(peak_mb.map_or(now, |peak| peak.max(now)));
                    }
                    if let Some(status) = child.try_wait()? {
                        break status;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                };
                if !status.success() {
                    return Err(format!("{command:?}: {status}").into());
                }
                Ok(started.elapsed().as_secs_f64() * 1e3)
            }
        }
    }

    /// Proofs a second, where it can make several at once.
    pub(crate) fn sustained(&mut self, seconds: u64) -> Result<Option<f64>> {
        match &mut self.process {
            Process::Server(server) if self.who != "snarkjs" => {
                server.ask(&format!("sustain {seconds}")).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The most memory that it has had, file pages included.
    pub(crate) fn peak_mb(&self) -> Option<f64> {
        match &self.process {
            Process::Server(server) => peak_of(server.child.id()),
            Process::Each { peak_mb, .. } => *peak_mb,
        }
    }
}

/// A process that answers a line with a line, and ends when it hears nothing more.
struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("no output")?);
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    fn ask(&mut self, line: &str) -> Result<f64> {
        let input = self.input.as_mut().ok_or("no input")?;
        writeln!(input, "{line}")?;
        input.flush()?;
        self.answer()
    }

    fn answer(&mut self) -> Result<f64> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.trim()
            .parse()
            .map_err(|_| "a prover ended early: its message is above".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The peak of a process's resident memory (Linux only).
fn peak_of(process: u32) -> Option<f64> {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))
            .ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}
