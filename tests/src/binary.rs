//! The `prooflane` binary of this build, as a process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

/// Builds it, once per process, in the profile of the tests, and says where it is.
///
/// # Panics
/// If it does not build.
pub fn prooflane() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // target/<profile>/deps/<test>-<hash>
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().unwrap().parent().unwrap();
        // `cargo xtask test` has built it already.
        if std::env::var_os("PROOFLANE_PROGRAMS_BUILT").is_some() {
            return profile.join("prooflane");
        }
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--package",
            "prooflane",
            "--bin",
            "prooflane",
        ]);
        // What cargo tells this test of its package would make build scripts that watch such variables
        // run again, and half the workspace with them.
        let of_the_test =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars().filter(|(name, _)| of_the_test(name)) {
            build.env_remove(name);
        }
        if profile.ends_with("release") {
            build.arg("--release");
        }
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        assert!(
            build.status().unwrap().success(),
            "prooflane does not build"
        );
        profile.join("prooflane")
    })
}

/// `prooflane ARGS`, piped, with nothing from the environment that changes what it says.
///
/// # Panics
/// If the binary does not build.
#[must_use]
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(prooflane());
    command.args(args).stdin(Stdio::null());
    for name in [
        "PROOFLANE_NETWORK",
        "PROOFLANE_API_KEY",
        "PROOFLANE_PROFILE",
        "RUST_LOG",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(name);
    }
    // No configuration file of whoever runs this.
    command.env("PROOFLANE_CONFIG", "/dev/null");
    command
}

/// A `prooflane` process that runs until it is told to stop.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

/// What a process said and did until its end.
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// The lines it wrote that were not read before.
    pub lines: Vec<String>,
}

impl Running {
    /// Starts `prooflane ARGS`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(args: &[&str]) -> Self {
        let mut command = command(args);
        command.env("RUST_LOG", "error").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Starts `prooflane up --json` on a free port; returns it with its URL.
    ///
    /// # Panics
    /// If it does not announce its URL.
    #[must_use]
    pub fn up(data: &Path, more: &[&str]) -> (Self, String) {
        let data = data.to_str().unwrap();
        let mut args = vec!["up", "--json", "--listen", "127.0.0.1:0", "--data", data];
        args.extend(more);
        let mut up = Self::start(&args);
        let first: serde_json::Value = serde_json::from_str(&up.line()).unwrap();
        (up, first["url"].as_str().unwrap().to_owned())
    }

    /// The next line it writes.
    ///
    /// # Panics
    /// If it ends before.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(
            self.lines.read_line(&mut line).unwrap() > 0,
            "it ended early"
        );
        line
    }

    /// `kill -9`; returns once it is gone.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; returns once it is gone.
    ///
    /// # Panics
    /// If the signal cannot be sent.
    #[must_use]
    pub fn terminate(mut self) -> Ended {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        let lines = rest.lines().map(str::to_owned).collect();
        Ended {
            status: self.child.wait().unwrap(),
            lines,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A failed test leaves nothing running; one that has ended already is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
