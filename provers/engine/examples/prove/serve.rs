//! A prover of this workspace as a process: commands by line, answers by line.

use crate::Result;
use crate::cases::Files;
use prooflane_circuits::{Circuit, Witness};
use prooflane_engine::{Keys, ProvingKey, prove, reference};
use prooflane_formats::{Origin, Zkey};
use prooflane_verifier::{Fr, PreparedKey, Proof};
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

/// Loads the key, proves once and says how long both took; then for each line `prove` proves and says how long it took
/// in milliseconds, and for each line `sustain SECONDS` says how many proofs it made a second.
pub(crate) fn serve(who: &str, files: &Files) -> Result<()> {
    let witness = files.witness()?;
    let started = Instant::now();
    let prover: Box<dyn Fn() -> Result<Proof> + Sync> = if who == "arkworks" {
        arkworks(files, witness.clone())?
    } else {
        let key = Keys::open(&files.dir)?.get(&files.circuit)?;
        let witness = witness.clone();
        Box::new(move || Ok(prove(&key, &witness)?))
    };
    prover()?;
    say(millis(started))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if let Some(seconds) = line.strip_prefix("sustain ") {
            say(sustained(&prover, Duration::from_secs(seconds.parse()?)))?;
        } else {
            let started = Instant::now();
            prover()?;
            say(millis(started))?;
        }
    }
    Ok(())
}

/// arkworks' arithmetic on the same key. As fair: it verifies what it made, and its randomness is not free either.
fn arkworks(files: &Files, witness: Witness) -> Result<Box<dyn Fn() -> Result<Proof> + Sync>> {
    let key = ProvingKey::from(Zkey::read(&std::fs::read(&files.zkey)?, Origin::Checked)?);
    let prepared = PreparedKey::new(&key.verifying);
    let (r1cs, assignment) = (files.circuit.r1cs()?, witness.assignment().to_vec());
    Ok(Box::new(move || {
        if r1cs.first_unsatisfied(&assignment).is_some() {
            return Err("the witness does not satisfy the circuit".into());
        }
        let proof = reference::prove(
            &key,
            &assignment,
            &Fr::from(0x1234_5678),
            &-Fr::from(0x9abc_def0u64),
        );
        prepared.verify(&proof, witness.public_inputs())?;
        Ok(proof)
    }))
}

/// Proofs a second, two at a time.
fn sustained(prover: &(dyn Fn() -> Result<Proof> + Sync), time: Duration) -> f64 {
    let started = Instant::now();
    let proofs: usize = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut proofs = 0;
                    while started.elapsed() < time {
                        proofs += usize::from(prover().is_ok());
                    }
                    proofs
                })
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap_or(0)).sum()
    });
    proofs as f64 / started.elapsed().as_secs_f64()
}

fn millis(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e3
}

fn say(number: f64) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{number}")?;
    out.flush()?;
    Ok(())
}
