//! Components, hosts of them, requests to hosts, and an origin behind them.

use edge_host::manifest::Manifest;
use edge_host::{Clock, Config, Host, Limits};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What the tests' component is granted.
pub(crate) const GUEST: &str = include_str!("../../guest/spin.toml");

/// What the gate is granted where it is deployed.
pub(crate) const GATE: &str = include_str!("../../../spin.toml");

/// A component, built once per process as `cargo xtask edge` builds it.
pub(crate) fn component(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        // target/<profile>/deps/<test>-<hash>
        let test = std::env::current_exe().unwrap();
        let target = test.ancestors().nth(3).unwrap().to_owned();
        // `cargo xtask test` has built them already.
        if std::env::var_os("PROOFLANE_PROGRAMS_BUILT").is_none() {
            let mut build = Command::new(env!("CARGO"));
            build.args([
                "run",
                "--quiet",
                "--package",
                "xtask",
                "--",
                "edge",
                "--guest",
            ]);
            // What cargo tells this test of its package is not for others.
            let of_the_test =
                |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
            for (name, _) in std::env::vars().filter(|(name, _)| of_the_test(name)) {
                build.env_remove(name);
            }
            build.env("CARGO_TARGET_DIR", &target);
            build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
            assert!(build.status().unwrap().success(), "no component was built");
        }
        target.join("edge")
    });
    folder.join(name)
}

/// A component on a free port.
pub(crate) fn config(component: PathBuf, manifest: &str, variables: &[(&str, &str)]) -> Config {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Config {
        component,
        manifest: Manifest::parse(manifest).unwrap(),
        variables: variables.iter().map(own).collect::<BTreeMap<_, _>>(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        limits: Limits {
            // Each test has an engine of its own; they need not reserve memory for so many.
            requests: 16,
            ..Limits::default()
        },
        clock: Clock::default(),
    }
}

/// A host of the tests' component.
pub(crate) async fn guest(change: impl FnOnce(&mut Config)) -> Host {
    let mut config = config(component("edge_guest.wasm"), GUEST, &[("secret", "s")]);
    change(&mut config);
    Host::start(config).await.unwrap()
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body of a success.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.body
    }

    /// What the tests' component says it could not do.
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.status, 502, "{self:?}");
        self.body
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }
}

/// Sends these bytes, and reads until the other side is done.
pub(crate) async fn raw(host: &Host, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    // A host that has seen enough closes before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// One request on a connection of its own; of HTTP/1.0, so that the answer is not chunked.
pub(crate) async fn ask(host: &Host, method: &str, path: &str, body: &str) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.0\r\nhost: edge.example\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    raw(host, (head + body).as_bytes()).await
}

pub(crate) async fn get(host: &Host, path: &str) -> Answer {
    ask(host, "GET", path, "").await
}

/// A server that answers each request, from its text, as it is told; until it is dropped.
pub(crate) struct Origin {
    pub(crate) url: String,
    server: AbortHandle,
}

impl Origin {
    pub(crate) async fn start<A>(answer: impl Fn(String) -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = String> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move { serve(stream, &*answer).await });
            }
        });
        Self {
            url,
            server: server.abort_handle(),
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve<A: Future<Output = String>>(mut stream: TcpStream, answer: &impl Fn(String) -> A) {
    let mut request = Vec::new();
    // The head is enough: the tests' bodies are of no interest here.
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let body = answer(String::from_utf8_lossy(&request).into_owned()).await;
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all((head + &body).as_bytes()).await;
}
