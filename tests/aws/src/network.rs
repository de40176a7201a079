//! A whole network on an emulator: the stacks of the CDK app, the functions as processes of their
//! own, and workers that pull from SQS.

use crate::{Emulator, run, target_folder};
use prooflane_tests::node::Scripts;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The functions, each by its package.
const FUNCTIONS: [&str; 4] = ["api", "auction", "verify", "sweep"];
/// The class of the fleet that the workers here are of.
const CLASS: &str = "fleet-cpu";
/// A test can wait until such leases run out.
const RULES: &str = r#"{"lease":6000,"max_skew":1000,"reveal_after":1500,"leader_lease":3000}"#;

/// A deployed network; it ends with this value.
pub struct Network {
    emulator: Emulator,
    outputs: Value,
    /// Where clients reach it.
    pub url: String,
    /// The operator's API key.
    pub operator_key: String,
    workers: Vec<Child>,
}

impl Network {
    /// Builds the functions and the worker, deploys the stacks, makes keys, and puts the fleet's
    /// classes into the market. No worker runs yet.
    ///
    /// # Panics
    /// If any of it fails; the message says what.
    #[must_use]
    pub fn deploy(emulator: Emulator) -> Self {
        let programs = programs();
        // Installs what it needs.
        let _ = Scripts::of("infra/cdk").expect("Node.js");
        let mut deploy = Command::new("npm");
        deploy
            .args(["run", "--silent", "deploy-local", "--"])
            .args(["--endpoint", &emulator.url, "--functions"])
            .arg(programs.join("functions"))
            .args(["--context", &format!("rules={RULES}")])
            .current_dir(root().join("infra/cdk"));
        let outputs: Value = serde_json::from_slice(&run(&mut deploy)).expect("its outputs");
        let api = text(&outputs, "apiId");
        let url = format!("{}/_aws/execute-api/{api}/$default", emulator.url);
        let mut network = Self {
            emulator,
            outputs,
            url,
            operator_key: String::new(),
            workers: Vec::new(),
        };
        let made = run(network.fleet().args(["setup", "--json"]));
        let made: Value = serde_json::from_slice(&made).expect("what was made");
        network.operator_key = text(&made, "api_key").to_owned();
        // As the schedule does, but now.
        network.invoke("sweep", r#"{"schedule":"sweep"}"#);
        network
    }

    /// `prooflane-fleet`, with the environment that its machines have.
    #[must_use]
    pub fn fleet(&self) -> Command {
        let mut fleet = Command::new(programs().join("prooflane-fleet"));
        fleet
            .env("AWS_ENDPOINT_URL", &self.emulator.url)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            // No machine of EC2's: nothing is to be asked there.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PROOFLANE_TABLE", text(&self.outputs, "table"))
            .env("PROOFLANE_BUCKET", text(&self.outputs, "bucket"))
            .env("PROOFLANE_QUEUES", text(&self.outputs, "queuePrefix"))
            .env("PROOFLANE_RULES", RULES)
            .env("PROOFLANE_CLASS", CLASS)
            .env("PROOFLANE_STAGE", "dev")
            .env(
                "RUST_LOG",
                "info,prooflane_coordinator=debug,prooflane_worker=debug",
            );
        fleet
    }

    /// Starts a worker; its log goes to `log`.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_worker(&mut self, log: &Path) {
        let log = File::create(log).expect("a log");
        let worker = self
            .fleet()
            .args(["worker", "--slots", "1"])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        self.workers.push(worker.expect("the worker starts"));
    }

    /// Kills the newest worker, as a machine that is lost.
    ///
    /// # Panics
    /// If there is none.
    pub fn kill_worker(&mut self) {
        let mut worker = self.workers.pop().expect("a worker");
        worker.kill().expect("it is killed");
        worker.wait().expect("it is gone");
    }

    /// Lets the newest worker drain, and waits until it has gone.
    ///
    /// # Panics
    /// If there is none, or it does not end well.
    pub fn drain_worker(&mut self) {
        let mut worker = self.workers.pop().expect("a worker");
        let told = Command::new("kill").arg(worker.id().to_string()).status();
        assert!(told.expect("kill runs").success());
        assert!(worker.wait().expect("it is gone").success());
    }

    /// Calls a function directly and returns what it answered.
    ///
    /// # Panics
    /// If it cannot be called or fails.
    pub fn invoke(&self, function: &str, event: &str) -> Value {
        let name = text(&self.outputs["functions"], function);
        let url = format!(
            "{}/2015-03-31/functions/{name}/invocations",
            self.emulator.url
        );
        let answer = run(Command::new("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "--data", event])
            .args(["--header", "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"])
            .arg(url));
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert!(answer.get("errorMessage").is_none(), "{function}: {answer}");
        answer
    }

    /// Everything that a function has logged.
    ///
    /// # Panics
    /// If the emulator does not tell.
    #[must_use]
    pub fn log(&self, function: &str) -> String {
        let group = format!("/aws/lambda/{}", text(&self.outputs["functions"], function));
        let wanted = serde_json::json!({"logGroupName": group}).to_string();
        let answer = run(Command::new("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "--data", &wanted])
            .args(["--header", "X-Amz-Target: Logs_20140328.FilterLogEvents"])
            .args(["--header", "Content-Type: application/x-amz-json-1.1"])
            .args(["--header", "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0"])
            .arg(&self.emulator.url));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// What `prooflane-fleet fsck` finds.
    ///
    /// # Panics
    /// If it cannot be asked.
    #[must_use]
    pub fn fsck(&self) -> Value {
        let output = self.fleet().args(["fsck", "--json"]).output();
        let output = output.expect("it runs");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            let said = String::from_utf8_lossy(&output.stderr);
            panic!("{error}: {said}")
        })
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // One that has ended already is no error.
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("expected {name} in {value}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The functions as `functions/<name>/bootstrap`, and the worker `prooflane-fleet`, built like the
/// tests.
///
/// # Panics
/// If they do not build.
#[must_use]
pub fn programs() -> PathBuf {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let build = || {
        let target = target_folder();
        // `cargo xtask test` has built them already.
        if std::env::var_os("PROOFLANE_PROGRAMS_BUILT").is_none() {
            let workspace = ["build", "--workspace", "--bins", "--tests"];
            let mut build = Command::new(env!("CARGO"));
            build
                .args(workspace)
                .args(["--features", "prooflane-api/lambda"]);
            run(build.env("CARGO_TARGET_DIR", &target).current_dir(root()));
        }
        let folder = target.join("emulators/programs");
        // Tests of several processes may want them at the same time.
        std::fs::create_dir_all(&folder).expect("a folder");
        let lock = File::create(folder.with_extension("lock")).expect("a lock");
        lock.lock().expect("a lock");
        let copy = |from: &str, to: &str| {
            let (from, to) = (target.join("debug").join(from), folder.join(to));
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            // A program that runs cannot be written to, but it can be replaced.
            let beside = to.with_extension("new");
            std::fs::copy(&from, &beside).expect("it was built");
            std::fs::rename(beside, to).expect("it is put in place");
        };
        for function in FUNCTIONS {
            let bootstrap = format!("functions/{function}/bootstrap");
            copy(&format!("prooflane-{function}"), &bootstrap);
        }
        copy("prooflane-fleet", "prooflane-fleet");
        folder
    };
    BUILT.get_or_init(build).clone()
}
