//! Go's own `sumdb` packages, and transparency-dev's of witnesses, as judges of what lies in the blobs (`tests/judge`).

use crate::support::*;
use prooflane_log::Witness;
use prooflane_store::{Blobs, ManualClock};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

const ENTRIES: u64 = 66_000;
const OLD: u64 = 40_007;

fn go(args: &[&str]) -> Option<Output> {
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge");
    Command::new("go")
        .args(args)
        .current_dir(judge)
        .output()
        .ok()
}

/// Whether there is Go, and the judge's modules are here or can be had; otherwise says why not.
fn go_is_here() -> bool {
    let missing = match go(&["mod", "download"]) {
        None => "there is no Go here".into(),
        Some(output) if output.status.success() => return true,
        Some(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    println!("skipped: {missing}");
    false
}

fn words(proof: &[prooflane_log::Hash]) -> String {
    proof.iter().map(|hash| format!(" {hash}")).collect()
}

#[tokio::test]
async fn go_accepts_tiles_checkpoint_proofs_and_receipt() {
    if !go_is_here() {
        return;
    }
    let ground = Ground::new();
    let log = ground.open(1).await;
    let append = async |from: u64, to: u64| {
        let appends = (from..to).map(|n| log.append(format!("entry {n}").into_bytes(), None));
        futures::future::join_all(appends).await;
        log.await_inclusion(to - 1).await.unwrap()
    };
    let old = append(0, OLD).await;
    let checkpoint = append(OLD, ENTRIES).await;
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let witness = Witness::new(
        ground.table.clone(),
        clock,
        witness_key(1),
        vec![log.key().clone()],
    )
    .unwrap();
    for checkpoint in [&old, &checkpoint] {
        let known = if checkpoint == &old { 0 } else { OLD };
        let request = log
            .witness_request(checkpoint.clone(), known)
            .await
            .unwrap();
        let line = witness.add_checkpoint(&request.to_string()).await.unwrap();
        let keys = [witness_key(1).verifying().clone()];
        log.add_cosignatures(checkpoint, &format!("{line}\n"), &keys)
            .await
            .unwrap();
    }

    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let prefix = format!("{NAME}/");
    let mut after = None;
    loop {
        let names = ground
            .blobs
            .list(&prefix, after.as_deref(), 1000)
            .await
            .unwrap();
        let Some(last) = names.last() else { break };
        after = Some(last.clone());
        for name in &names {
            write(
                &name[prefix.len()..],
                &ground.blobs.get(name).await.unwrap().unwrap(),
            );
        }
    }
    write("old-checkpoint", old.to_string().as_bytes());
    let keys = format!("{}\n{}\n", log.key(), witness_key(1).verifying());
    write("keys", keys.as_bytes());
    let proof = log.reader().consistency(OLD, ENTRIES).await.unwrap();
    let mut proofs = format!("consistency {OLD}{}\n", words(&proof));
    let edges = [0, 255, 256, 65_535, 65_536, ENTRIES - 1];
    let indices = edges.into_iter().chain((0..ENTRIES).step_by(977));
    let mut count = 2;
    for index in indices {
        let proof = log.reader().inclusion(index, ENTRIES).await.unwrap();
        proofs += &format!("inclusion {index}{}\n", words(&proof));
        count += 1;
    }
    write("proofs", proofs.as_bytes());
    let receipt = log.receipt(12_345, None).await.unwrap();
    write("receipt", receipt.to_string().as_bytes());
    write("entry", b"entry 12345");

    let output = go(&["run", ".", dir.path().to_str().unwrap()]).unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(printed.trim(), count.to_string());
}
