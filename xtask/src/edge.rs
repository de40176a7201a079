//! Builds the component of `edge-verify`, on a machine with or without rustup's Wasm target.

use crate::lambdas::target_folder;
use crate::{answers, cargo, run};
use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Components of WASI 0.2; what the SDK adds of WASI 0.3 needs no target of its own.
const TARGET: &str = "wasm32-wasip2";

/// What the component may weigh: an edge fetches it before the first answer.
const LIMIT_BYTES: u64 = 500_000;

/// Debian's packages of a compiler whose standard library can be built for Wasm.
const DEBIAN: [&str; 4] = ["rustc-web", "rust-web-src", "wasi-libc", "lld-19"];

/// The component; with the one that the host is tested with if that is wanted.
pub(crate) fn build(guest: bool, debian: bool) -> anyhow::Result<()> {
    let mut packages = vec!["prooflane-edge-verify"];
    if guest {
        packages.push("edge-guest");
    }
    let built = if !debian && has_target() {
        println!("edge: with the compiler's own {TARGET}");
        with_target(&packages)?
    } else if !debian && answers(Command::new("rustup").args(["target", "add", TARGET])) {
        println!("edge: with {TARGET} from rustup");
        with_target(&packages)?
    } else {
        println!("edge: with Debian's compiler, which builds the standard library for {TARGET}");
        with_debian(&packages)?
    };
    let folder = target_folder().join("edge");
    std::fs::create_dir_all(&folder)?;
    if guest {
        put(&built, &folder, "edge_guest.wasm")?;
    }
    let (path, bytes) = put(&built, &folder, "edge_verify.wasm")?;
    println!("edge: {} has {bytes} bytes", path.display());
    ensure!(
        bytes <= LIMIT_BYTES,
        "expected a component of at most {LIMIT_BYTES} bytes"
    );
    Ok(())
}

/// Whether the compiler that cargo calls has the target's standard library.
fn has_target() -> bool {
    let folder = ["--print", "target-libdir", "--target", TARGET];
    let output = Command::new("rustc").args(folder).output();
    output.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

fn component(packages: &[&str]) -> Command {
    let mut build = cargo(&["build", "--profile", "edge", "--target", TARGET]);
    for package in packages {
        build.args(["--package", package]);
    }
    build
}

fn with_target(packages: &[&str]) -> anyhow::Result<PathBuf> {
    run(&mut component(packages))?;
    Ok(target_folder().join(TARGET).join("edge"))
}

fn with_debian(packages: &[&str]) -> anyhow::Result<PathBuf> {
    let linker = component_linker()?;
    let installed = |package: &&str| answers(Command::new("dpkg").args(["--status", package]));
    let missing: Vec<_> = DEBIAN.into_iter().filter(|package| !installed(package)).collect();
    if !missing.is_empty() {
        let words = missing.join(" ");
        let mut install = Command::new("apt-get");
        install.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
        run(&mut install).with_context(|| {
            format!("install {words} by apt as root, or the target {TARGET} by rustup")
        })?;
    }
    // Another compiler's artefacts are of no use to this one.
    let folder = target_folder().join("edge-debian");
    let mut build = component(packages);
    build
        .args(["-Zbuild-std=std,panic_abort", "--target-dir"])
        .arg(&folder)
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_WASIP2_LINKER", linker)
        .env(
            "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
            "-L native=/usr/lib/wasm32-wasi -C link-arg=--wasm-ld-path=/usr/bin/wasm-ld-19",
        );
    run(&mut build)?;
    Ok(folder.join(TARGET).join("edge"))
}

/// The linker that makes components; it comes with rustup's compiler for any target.
fn component_linker() -> anyhow::Result<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    for host in std::fs::read_dir(sysroot.join("lib/rustlib"))? {
        let linker = host?.path().join("bin/wasm-component-ld");
        if linker.is_file() {
            return Ok(linker);
        }
    }
    bail!(
        "there is no wasm-component-ld under {}: use rustup's compiler",
        sysroot.display()
    )
}

/// Copies a component there; where it then is, and its size in bytes.
fn put(from: &Path, folder: &Path, name: &str) -> anyhow::Result<(PathBuf, u64)> {
    let (from, to) = (from.join(name), folder.join(name));
    // A host that reads it meanwhile gets the one or the other.
    let beside = to.with_extension("new");
    let bytes = std::fs::copy(&from, &beside);
    let bytes = bytes.with_context(|| format!("{} cannot be copied", from.display()))?;
    std::fs::rename(beside, &to)?;
    Ok((to, bytes))
}
