//! `prooflane fsck`: whether a store holds what it should.

use super::Context;
use crate::node::{TABLE, open_data};
use crate::output::No;
use anyhow::bail;
use console::style;
use prooflane_coordinator::Severity;
use prooflane_market::Rules;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The data directory of a network that does not run.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<()> {
    if !args.data.join(TABLE).is_file() {
        bail!(
            "expected the data directory of a network, got {}: there is no {TABLE} in it",
            args.data.display()
        );
    }
    let (coordinator, _keys) = open_data(&args.data, Rules::default()).await?;
    let findings = coordinator.fsck().await?;
    context
        .output
        .object(&serde_json::json!({"findings": &findings}))?;
    let broken = |severity| severity == Severity::Broken;
    for finding in &findings {
        let head = if broken(finding.severity) {
            style("broken ").red()
        } else {
            style("untidy ").dim()
        };
        context.output.row(head, finding);
    }
    let count = findings.iter().filter(|f| broken(f.severity)).count();
    if count > 0 {
        return Err(No(format!("{count} invariants are broken")).into());
    }
    context.output.line("No invariant is broken.");
    Ok(())
}
