//! `edge-host` as a process.

use crate::parts::component;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_edge-host"));
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/spin.toml");
    program.arg("--manifest").arg(manifest);
    program.args(["--listen", "127.0.0.1:0"]);
    program.arg("--component").arg(component("edge_guest.wasm"));
    program.env_remove("RUST_LOG");
    program
}

#[test]
fn says_where_it_is_serves_and_stops() {
    let mut program = program();
    program.args(["--variable", "greeting=a=b"]);
    program.env("SPIN_VARIABLE_SECRET", "from the environment");
    let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut url = String::new();
    lines.read_line(&mut url).unwrap();
    let address = url.trim().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = b"GET /variable/greeting HTTP/1.0\r\nhost: a\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.ends_with("\r\n\r\na=b, from the environment"),
        "{answer}"
    );
    let pid = child.id().to_string();
    let signal = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(signal.unwrap().success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("not Spin"), "{rest}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn says_what_is_missing() {
    let mut program = program();
    let output = program.env_remove("SPIN_VARIABLE_SECRET").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--variable secret=VALUE"), "{said}");
}

#[test]
fn help_says_that_it_is_not_spin() {
    let output = program().arg("--help").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("not Spin"));
}
