//! Builds what runs on AWS, as the CDK app takes it: `target/functions/<function>/bootstrap`, and the
//! fleet's worker as `target/functions/worker/prooflane-fleet`.

use crate::{cargo, root, run};
use anyhow::Context;
use std::path::PathBuf;

/// Each function by what follows `prooflane-` in its package.
const FUNCTIONS: [&str; 4] = ["api", "auction", "verify", "sweep"];

/// Everything that is deployed.
pub(crate) fn build(target: Option<&str>) -> anyhow::Result<()> {
    functions(target)?;
    worker()
}

/// The functions alone.
pub(crate) fn functions(target: Option<&str>) -> anyhow::Result<()> {
    let mut build = cargo(&["build", "--profile", "lambda"]);
    for function in FUNCTIONS {
        build.args(["--package", &format!("prooflane-{function}")]);
    }
    build.args(["--features", "prooflane-api/lambda"]);
    if let Some(target) = target {
        build.args(["--target", target]);
    }
    run(&mut build)?;
    let built = target_folder()
        .join(target.unwrap_or_default())
        .join("lambda");
    for function in FUNCTIONS {
        let folder = target_folder().join("functions").join(function);
        std::fs::create_dir_all(&folder)?;
        let (from, to) = (
            built.join(format!("prooflane-{function}")),
            folder.join("bootstrap"),
        );
        let bytes = std::fs::copy(&from, &to);
        let bytes = bytes.with_context(|| format!("{} cannot be copied", from.display()))?;
        println!(
            "{function:8} {:5.1} MB  {}",
            bytes as f64 / 1e6,
            to.display()
        );
    }
    Ok(())
}

fn worker() -> anyhow::Result<()> {
    // Its arithmetic is what it is for, and its machines are like this one.
    run(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "prooflane-fleet",
    ]))?;
    let folder = target_folder().join("functions/worker");
    std::fs::create_dir_all(&folder)?;
    let from = target_folder().join("release/prooflane-fleet");
    let bytes = std::fs::copy(&from, folder.join("prooflane-fleet"))?;
    println!(
        "worker   {:5.1} MB  {}",
        bytes as f64 / 1e6,
        folder.display()
    );
    Ok(())
}

/// Where cargo builds.
pub(crate) fn target_folder() -> PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR");
    chosen.map_or_else(|| root().join("target"), PathBuf::from)
}
