//! Scripts that run in Node.js.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

/// A folder of the repository with a `package.json`.
pub struct Scripts(PathBuf);

impl Scripts {
    /// Its packages installed as its lock file says; none, with the reason printed, where there is
    /// no Node.js.
    ///
    /// # Panics
    /// If the packages cannot be installed, and in CI if there is no Node.js.
    #[must_use]
    pub fn of(folder: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(folder);
        let missing = |tool: &&str| Command::new(tool).arg("--version").output().is_err();
        if let Some(tool) = ["node", "npm"].iter().find(|tool| missing(tool)) {
            assert!(std::env::var_os("CI").is_none(), "CI needs {tool}");
            println!("skipped: there is no {tool} here");
            return None;
        }
        // Tests that want the same folder must not install into it side by side.
        static INSTALLING: Mutex<()> = Mutex::new(());
        let _installing = INSTALLING.lock().unwrap();
        let age = |file: &str| {
            folder
                .join(file)
                .metadata()
                .and_then(|file| file.modified())
        };
        let installed = age("node_modules/.package-lock.json");
        if installed.is_err() || installed.unwrap() < age("package-lock.json").unwrap() {
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund"])
                .current_dir(&folder);
            succeeded(&npm.output().unwrap());
        }
        Some(Self(folder))
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Runs a script; returns what it printed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> String {
        let output = Command::new("node")
            .args(args)
            .current_dir(&self.0)
            .output()
            .unwrap();
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap()
    }
}

/// snarkjs's command line.
pub struct Snarkjs(PathBuf);

impl Snarkjs {
    /// As npm installed it; none, with the reason printed, where there is no Node.js.
    #[must_use]
    pub fn installed() -> Option<Self> {
        let Scripts(folder) = Scripts::of("tests/snarkjs")?;
        let program = folder.join("node_modules/snarkjs/build/cli.cjs");
        Some(Self(program.canonicalize().unwrap()))
    }

    /// Runs a command in a folder; its words are what spaces divide.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn run(&self, folder: &Path, command: &str) -> Output {
        // Into a file: it ends without waiting until a pipe has taken all that it printed.
        let mut printed = tempfile::tempfile().unwrap();
        let mut node = Command::new("node");
        node.arg(&self.0)
            .args(command.split(' '))
            .current_dir(folder);
        node.stdout(printed.try_clone().unwrap());
        let mut output = node.output().unwrap();
        printed.rewind().unwrap();
        printed.read_to_end(&mut output.stdout).unwrap();
        output
    }

    /// As [`Self::run`], expecting success; returns what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub fn ok(&self, folder: &Path, command: &str) -> String {
        let output = self.run(folder, command);
        println!("snarkjs {command}");
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap()
    }
}

fn succeeded(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}
