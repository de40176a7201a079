//! Known bugs, planted in a copy of the sources: the simulator must find each, and say which
//! invariant it breaks. `tests/planted` holds them as patches, so that no product code does.

use crate::{cargo, root};
use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the simulator is made of.
const SOURCES: [&str; 14] = [
    "verifier",
    "circuits",
    "provers/formats",
    "provers/engine/kernels",
    "provers/engine",
    "market",
    "store",
    "ledger/dataset",
    "ledger/stark",
    "ledger/log",
    "ledger/core",
    "coordinator",
    "tests/faults",
    "tests/sim",
];
/// Simulations until a bug must have shown; all of them must pass without one.
const RUNS: &str = "30";

/// A bug, and the invariant it breaks.
struct Bug {
    name: String,
    patch: PathBuf,
    breaks: String,
}

/// Demands that every planted bug is found, and that nothing is found without one.
pub(crate) fn planted() -> anyhow::Result<()> {
    let bugs = bugs()?;
    let copy = copy()?;
    let (passed, said) = simulate(&copy)?;
    ensure!(
        passed,
        "the simulator finds a bug that nobody planted:\n{said}"
    );
    println!("as it is: {RUNS} simulations, no broken invariant");
    for bug in &bugs {
        apply(&copy, bug, &[])?;
        let (passed, said) = simulate(&copy)?;
        apply(&copy, bug, &["--reverse"])?;
        let found = format!("broken invariant {}", bug.breaks);
        ensure!(
            !passed && said.contains(&found),
            "{}: expected {found:?}, got:\n{said}",
            bug.name
        );
        println!("{}: found, {}", bug.name, bug.breaks);
    }
    Ok(())
}

fn bugs() -> anyhow::Result<Vec<Bug>> {
    let dir = root().join("tests/planted");
    let mut bugs = Vec::new();
    for entry in std::fs::read_dir(&dir).with_context(|| format!("{}", dir.display()))? {
        let patch = entry?.path();
        let text = std::fs::read_to_string(&patch)?;
        let breaks = text.lines().find_map(|line| line.strip_prefix("Breaks: "));
        let Some(breaks) = breaks else {
            bail!("{}: expected a line `Breaks: <invariant>`", patch.display());
        };
        bugs.push(Bug {
            name: patch
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            breaks: breaks.to_owned(),
            patch,
        });
    }
    ensure!(!bugs.is_empty(), "{}: no bugs to plant", dir.display());
    bugs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(bugs)
}

/// A workspace of its own. It keeps its place, so that only what differs is built again.
fn copy() -> anyhow::Result<PathBuf> {
    let copy = root().join("target/planted");
    let listed = Command::new("git")
        .args(["ls-files", "--"])
        .args(SOURCES)
        .args(["Cargo.lock", "rust-toolchain.toml"])
        .current_dir(root())
        .output()?;
    ensure!(listed.status.success(), "git cannot list the sources");
    for name in String::from_utf8(listed.stdout)?.lines() {
        update(&root().join(name), &copy.join(name))?;
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml"))?;
    let Some((_, rest)) = manifest.split_once("[workspace.package]") else {
        bail!("Cargo.toml: expected a section [workspace.package]");
    };
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = {SOURCES:?}\n\n[workspace.package]{rest}"
    );
    write(&copy.join("Cargo.toml"), manifest.as_bytes())?;
    Ok(copy)
}

fn update(from: &Path, to: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(from).with_context(|| from.display().to_string())?;
    write(to, &bytes)
}

/// Leaves a file that is right already as it is, so that nothing that depends on it is built again.
fn write(to: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(dir) = to.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(to, bytes).with_context(|| to.display().to_string())
}

fn apply(copy: &Path, bug: &Bug, how: &[&str]) -> anyhow::Result<()> {
    let applied = Command::new("git")
        .args(["apply", "--whitespace=nowarn"])
        .args(how)
        .arg(&bug.patch)
        .current_dir(copy)
        // The copy is no repository, and must not be taken for a part of the one around it.
        .env("GIT_CEILING_DIRECTORIES", copy.parent().unwrap_or(copy))
        .status()?;
    ensure!(
        applied.success(),
        "{} does not apply any more: make it anew",
        bug.patch.display()
    );
    Ok(())
}

/// Whether the simulations of a copy passed, and what was said.
fn simulate(copy: &Path) -> anyhow::Result<(bool, String)> {
    let build = ["build", "--package", "prooflane-sim", "--bin", "simulate"];
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |dir| root().join(dir));
    let mut build = cargo(&build);
    build.current_dir(copy).env("CARGO_TARGET_DIR", &target);
    build.arg("--quiet");
    ensure!(build.status()?.success(), "the copy does not build");
    let output = Command::new(target.join("debug/simulate"))
        .args(["--runs", RUNS, "--failures", "1"])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status.success(), said))
}
