//! Emulators of AWS, each started for one test on a port of its own, and whole networks on them.

mod network;
mod proxy;
mod runtime;

pub use network::{Network, programs};
pub use proxy::{Call, Fault, Plan, Proxy};
pub use runtime::{Answer, Function};

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use prooflane_coordinator::{OsEntropy, Ports};
use prooflane_store::SystemClock;
use prooflane_store_aws::{DynamoTable, S3Blobs, SqsQueue};
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running emulator; it ends with this value.
pub struct Emulator {
    process: Child,
    /// Where it listens.
    pub url: String,
}

impl Emulator {
    /// `ministack`: DynamoDB, SQS, S3, Lambda, API Gateway and CloudFormation in one process, from a
    /// virtual environment. None, with the reason printed, where there is no Python.
    ///
    /// # Panics
    /// If it cannot be installed or does not start, and in CI if there is no Python.
    #[must_use]
    pub fn ministack() -> Option<Self> {
        if !there("python3", &["-c", "import venv, ensurepip"]) {
            return None;
        }
        let folder = ministack_folder();
        let port = free_port();
        let mut command = Command::new(folder.join("bin/ministack"));
        command.env("GATEWAY_PORT", port.to_string());
        Some(Self::start("ministack", &folder, command, port))
    }

    /// AWS's own DynamoDB Local. None, with the reason printed, where there is no Java or no Maven.
    ///
    /// # Panics
    /// If it cannot be installed or does not start, and in CI if there is no Java or no Maven.
    #[must_use]
    pub fn dynamodb_local() -> Option<Self> {
        if !there("java", &["-version"]) || !there("mvn", &["--version"]) {
            return None;
        }
        let folder = dynamodb_local_folder();
        let port = free_port();
        let mut command = Command::new("java");
        command
            .args(["-Djava.library.path=lib", "-cp", "lib/*"])
            .arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner")
            .args(["-inMemory", "-disableTelemetry", "-port", &port.to_string()]);
        Some(Self::start("dynamodb-local", &folder, command, port))
    }

    fn start(name: &str, folder: &Path, mut command: Command, port: u16) -> Self {
        let log = File::create(folder.join(format!("{name}-{port}.log"))).expect("a log");
        let mut process = command
            .current_dir(folder)
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = process.try_wait().expect("its state");
            assert!(ended.is_none(), "{name} ended: {ended:?}");
            assert!(Instant::now() < until, "{name} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// How the adapters reach it.
    pub async fn config(&self) -> SdkConfig {
        config(&self.url).await
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // One that has ended already is no error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The adapters' configuration for an emulator at `url`.
pub async fn config(url: &str) -> SdkConfig {
    prooflane_store_aws::loader()
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .endpoint_url(url)
        .load()
        .await
}

/// The ports of a network whose table and bucket are made here and whose queues are when used.
///
/// # Panics
/// If they cannot be made.
pub async fn ports(table: &SdkConfig, others: &SdkConfig) -> Ports {
    let table = DynamoTable::new(table, "prooflane");
    table.create().await.expect("the table is made");
    let blobs = S3Blobs::new(others, "prooflane");
    blobs.create().await.expect("the bucket is made");
    Ports {
        table: Arc::new(table),
        queue: Arc::new(SqsQueue::new(others, "prooflane-").creating()),
        blobs: Arc::new(blobs),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    }
}

/// Whether a program is there and answers.
fn there(program: &str, args: &[&str]) -> bool {
    let answered = Command::new(program).args(args).output();
    let there = answered.is_ok_and(|output| output.status.success());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "CI needs {program}");
        println!("skipped: `{program} {}` does not work here", args.join(" "));
    }
    there
}

/// The folder that cargo builds into.
fn target_folder() -> PathBuf {
    // target/<profile>/deps/<test>-<hash>, or target/<profile>/<program>
    let program = std::env::current_exe().expect("the program's own path");
    let profile = program.ancestors().find(|path| {
        let name = path.file_name().unwrap_or_default();
        name == "debug" || name == "release"
    });
    let target = profile.and_then(Path::parent);
    target.expect("a folder for a profile").to_owned()
}

/// Somebody could take it before the emulator does; then that does not start, and the test says so.
fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address").port()
}

fn ministack_folder() -> PathBuf {
    let wanted = include_str!("../emulators/requirements.txt");
    virtual_environment("ministack", wanted)
}

/// A virtual environment with cfn-lint and the SAM CLI. None, with the reason printed, where there is
/// no Python.
///
/// # Panics
/// If it cannot be made, and in CI if there is no Python.
#[must_use]
pub fn lint_folder() -> Option<PathBuf> {
    let python = there("python3", &["-c", "import venv, ensurepip"]);
    python.then(|| virtual_environment("lint", include_str!("../emulators/lint.txt")))
}

fn virtual_environment(name: &str, wanted: &str) -> PathBuf {
    installed(name, wanted, |folder| {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder));
        let requirements = folder.join("requirements.txt");
        std::fs::write(&requirements, wanted).expect("requirements are written");
        run(Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(requirements));
    })
}

/// The libraries that `pom.xml` names.
fn dynamodb_local_folder() -> PathBuf {
    let wanted = include_str!("../emulators/pom.xml");
    installed("dynamodb-local", wanted, |folder| {
        std::fs::write(folder.join("pom.xml"), wanted).expect("a project is written");
        run(Command::new("mvn")
            .args(["--quiet", "--batch-mode", "dependency:copy-dependencies"])
            .args(["-DincludeScope=runtime", "-DoutputDirectory=lib"])
            .current_dir(folder));
    })
}

/// A folder under `target/`, filled once and anew when what is `wanted` in it changes.
fn installed(name: &str, wanted: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let folder = target_folder().join("emulators").join(name);
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    // Tests of several processes may want it at the same time.
    let lock = File::create(folder.with_extension("lock")).expect("a lock");
    lock.lock().expect("a lock");
    let note = folder.with_extension("installed");
    if std::fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return folder;
    }
    fill(&folder);
    std::fs::write(note, wanted).expect("a note is written");
    folder
}

/// Runs a command to its end; what it printed.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}
