//! Builds the component of `edge-verify`, on a machine with or without rustup's Wasm target.

use crate::lambdas::target_folder;
use crate::{answers, cargo, root, run};
use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Components of WASI 0.2; what the SDK adds of WASI 0.3 needs no target of its own.
const TARGET: &str = "wasm32-wasip2";

/// What the component may weigh: an edge fetches it before the first answer.
const LIMIT_BYTES: u64 = 500_000;

/// Debian's packages of a compiler whose standard library can be built for Wasm.
const DEBIAN: [&str; 4] = ["rustc-web", "rust-web-src", "wasi-libc", "lld-19"];

/// What npm calls Binaryen.
const BINARYEN: &str = "binaryen@132.0.0";

/// What Rust's target has beyond the first version of Wasm, as Binaryen names it.
const FEATURES: [&str; 6] = [
    "bulk-memory",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

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

/// Lints what only a Wasm target compiles, where there is one.
pub(crate) fn lint() -> anyhow::Result<()> {
    if !has_target() && !answers(Command::new("rustup").args(["target", "add", TARGET])) {
        println!("{TARGET} is not here, so the component's own lines are not linted.");
        return Ok(());
    }
    let packages = [
        "--package",
        "prooflane-edge-verify",
        "--package",
        "edge-guest",
    ];
    let mut clippy = cargo(&["clippy", "--target", TARGET]);
    run(clippy.args(packages).args(["--", "-D", "warnings"]))
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

/// `cargo build` of these packages, with these further flags for the compiler.
fn component(packages: &[&str], mut flags: Vec<String>, ld: &Path) -> anyhow::Result<Command> {
    // Panics name files; not where this machine has them.
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let here = root().canonicalize()?;
    for (folder, name) in [(home, "cargo"), (Some(here), "prooflane")] {
        let from = folder.as_deref().map(Path::display);
        flags.extend(from.map(|from| format!("--remap-path-prefix={from}={name}")));
    }
    if let Some(optimizer) = optimizer()? {
        let linker = shrinking_linker(ld, &optimizer)?;
        flags.push(format!("-Clink-arg=--wasm-ld-path={}", linker.display()));
    } else {
        println!("edge: no wasm-opt and no npm to get it by; the component is larger without");
        flags.push(format!("-Clink-arg=--wasm-ld-path={}", ld.display()));
    }
    let mut build = cargo(&["build", "--profile", "edge", "--target", TARGET]);
    for package in packages {
        build.args(["--package", package]);
    }
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Ok(build)
}

fn with_target(packages: &[&str]) -> anyhow::Result<PathBuf> {
    let ld = component_linker()?.with_file_name("gcc-ld/wasm-ld");
    run(&mut component(packages, Vec::new(), &ld)?)?;
    Ok(target_folder().join(TARGET).join("edge"))
}

fn with_debian(packages: &[&str]) -> anyhow::Result<PathBuf> {
    let linker = component_linker()?;
    let installed = |package: &&str| answers(Command::new("dpkg").args(["--status", package]));
    let missing = DEBIAN.into_iter().filter(|package| !installed(package));
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        let words = missing.join(" ");
        let mut install = Command::new("apt-get");
        install.args(["install", "--yes", "--no-install-recommends"]);
        run(install.args(&missing)).with_context(|| {
            format!("install {words} by apt as root, or the target {TARGET} by rustup")
        })?;
    }
    let flags = ["-L".to_owned(), "native=/usr/lib/wasm32-wasi".to_owned()];
    // Another compiler's artefacts are of no use to this one.
    let folder = target_folder().join("edge-debian");
    let mut build = component(packages, flags.into(), Path::new("/usr/bin/wasm-ld-19"))?;
    build
        .args(["-Zbuild-std=std,panic_abort", "--target-dir"])
        .arg(&folder)
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_WASIP2_LINKER", linker);
    run(&mut build)?;
    Ok(folder.join(TARGET).join("edge"))
}

/// Binaryen's `wasm-opt`: the one that is installed, or npm's; none where there is neither.
fn optimizer() -> anyhow::Result<Option<PathBuf>> {
    if answers(Command::new("wasm-opt").arg("--version")) {
        return Ok(Some("wasm-opt".into()));
    }
    let tools = std::path::absolute(target_folder())?.join("edge-tools");
    let optimizer = tools.join("node_modules/.bin/wasm-opt");
    std::fs::create_dir_all(&tools)?;
    let mut install = Command::new("npm");
    install.args([
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--silent",
        "--prefix",
    ]);
    let install = install.arg(&tools).arg(BINARYEN);
    let there = answers(Command::new(&optimizer).arg("--version")) || answers(install);
    Ok(there.then_some(optimizer))
}

/// A linker that calls `ld` and then lets the optimizer make the module smaller, before it becomes a component.
fn shrinking_linker(ld: &Path, optimizer: &Path) -> anyhow::Result<PathBuf> {
    let linker = std::path::absolute(target_folder())?.join("edge-tools/wasm-ld");
    let features = FEATURES
        .map(|feature| format!("--enable-{feature}"))
        .join(" ");
    let (ld, optimizer) = (ld.display(), optimizer.display());
    let script = format!(
        r#"#!/bin/sh
set -e
"{ld}" "$@"
while [ "$1" != -o ]; do shift; done
"{optimizer}" -Oz {features} "$2" -o "$2"
"#
    );
    std::fs::create_dir_all(linker.parent().context("a folder")?)?;
    // Rewritten only when it changes: another build may be running it.
    if std::fs::read_to_string(&linker).ok().as_ref() != Some(&script) {
        std::fs::write(&linker, script)?;
        run(Command::new("chmod").arg("+x").arg(&linker))?;
    }
    Ok(linker)
}

/// The linker that makes components; it comes with rustup's compiler for any target.
fn component_linker() -> anyhow::Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()?;
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
    let component = std::fs::read(&from);
    let component = component.with_context(|| format!("{} cannot be read", from.display()))?;
    let component = without_names(&component).context("no component was built")?;
    let bytes = component.len().try_into()?;
    std::fs::write(&beside, component)?;
    std::fs::rename(beside, &to)?;
    Ok((to, bytes))
}

/// A component without the names of its parts, which the linker adds for debuggers: the outermost sections with id 0, as the
/// component model's binary format has it. `None` if it is no component.
fn without_names(component: &[u8]) -> Option<Vec<u8>> {
    let (head, mut rest) = component.split_at_checked(8)?;
    let mut kept = head.to_vec();
    while let [id, after @ ..] = rest {
        // The size, as LEB128.
        let digits = after.iter().position(|byte| byte & 0x80 == 0)? + 1;
        let size = after[..digits].iter().rev();
        let size = size.fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        let (section, next) = rest.split_at_checked(1 + digits + size)?;
        if *id != 0 {
            kept.extend(section);
        }
        rest = next;
    }
    Some(kept)
}
