//! Emulators of AWS, each started for one test process on a port of its own.

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `ministack`, in a virtual environment of its own under `target/`.
pub struct Ministack {
    process: Child,
    /// Where it listens.
    pub url: String,
}

impl Ministack {
    /// Installs it as `requirements.txt` says, and starts it; none, with the reason printed, where
    /// there is no Python.
    ///
    /// # Panics
    /// If it cannot be installed or does not start, and in CI if there is no Python.
    #[must_use]
    pub fn start() -> Option<Self> {
        let python = |args: &[&str]| Command::new("python3").args(args).output();
        if python(&["-c", "import venv, ensurepip"]).is_ok_and(|out| out.status.success()) {
            let installed = install();
            // Somebody could take the port in between; then it does not start and the test says so.
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = free.local_addr().expect("an address").port();
            drop(free);
            return Some(Self::run(&installed, port));
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "CI needs python3 with venv"
        );
        println!("skipped: there is no python3 with venv here");
        None
    }

    fn run(installed: &Path, port: u16) -> Self {
        let log = File::create(installed.join(format!("ministack-{port}.log"))).expect("a log");
        let mut process = Command::new(installed.join("bin/ministack"))
            .env("GATEWAY_PORT", port.to_string())
            .current_dir(installed)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("ministack starts");
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = process.try_wait().expect("its state");
            assert!(ended.is_none(), "ministack ended: {ended:?}");
            assert!(Instant::now() < until, "ministack does not listen");
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

impl Drop for Ministack {
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

/// A virtual environment with `requirements.txt`, made once and made anew when that changes.
fn install() -> PathBuf {
    let wanted = include_str!("../requirements.txt");
    // target/<profile>/deps/<test>-<hash>
    let test = std::env::current_exe().expect("the test's own path");
    let target = test.ancestors().nth(3).expect("the target folder");
    let folder = target.join("emulators");
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    // Tests of several processes may want it at the same time.
    let lock = File::create(folder.join("lock")).expect("a lock");
    lock.lock().expect("a lock");
    let done = folder.join("installed.txt");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return folder;
    }
    let run = |program: &Path, args: &[&str]| {
        let output = Command::new(program).args(args).output();
        let output = output.expect("python runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
    };
    let path = folder.to_str().expect("a path in UTF-8");
    run(Path::new("python3"), &["-m", "venv", "--clear", path]);
    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, wanted).expect("requirements are written");
    let requirements = requirements.to_str().expect("a path in UTF-8");
    run(
        &folder.join("bin/python"),
        &[
            "-m",
            "pip",
            "install",
            "--quiet",
            "--requirement",
            requirements,
        ],
    );
    std::fs::write(done, wanted).expect("a note is written");
    folder
}
