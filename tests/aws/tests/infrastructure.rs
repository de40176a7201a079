//! The CDK app's own tests, and what AWS's linters say of the templates that it writes.

use prooflane_tests::node::Scripts;
use prooflane_tests_aws::{lint_folder, programs};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn passes(command: &mut Command) {
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
}

#[test]
fn the_app_passes_its_tests() {
    if Scripts::of("infra/cdk").is_some() {
        let app = root().join("infra/cdk");
        passes(
            Command::new("npm")
                .args(["test", "--silent"])
                .current_dir(app),
        );
    }
}

#[test]
fn the_templates_pass_the_linters() {
    let (Some(_), Some(lint)) = (Scripts::of("infra/cdk"), lint_folder()) else {
        return;
    };
    let programs = programs();
    let context = |name: &str, path: &str| format!("{name}={}", programs.join(path).display());
    let app = root().join("infra/cdk");
    // Where `samconfig.toml` looks for them.
    passes(
        Command::new("npm")
            .args(["run", "--silent", "synth", "--"])
            .args(["-c", &context("functions", "functions")])
            .args(["-c", &context("worker", "prooflane-fleet")])
            .current_dir(&app),
    );
    for stack in ["Data", "Api", "Fleet", "Watch"] {
        let template = app.join(format!("cdk.out/Prooflane-dev-{stack}.template.json"));
        passes(
            Command::new(lint.join("bin/cfn-lint"))
                // CDK lets a function wait for its role's policy, which is needless but harmless.
                .args(["--ignore-checks", "W3005", "--"])
                .arg(template),
        );
    }
    passes(
        Command::new(lint.join("bin/sam"))
            .arg("validate")
            .env("SAM_CLI_TELEMETRY", "0")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .current_dir(root()),
    );
}
