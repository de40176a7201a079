//! Median times of everything a proof takes: `cargo run --release -p prooflane-engine --example measure`

use prooflane_engine::{Keys, prove};
use prooflane_verifier::{PreparedKey, Proof, Statement};
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The median of `n` runs.
fn median<T>(n: usize, mut work: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..n)
        .map(|_| {
            let started = Instant::now();
            black_box(work());
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[n / 2]
}

fn main() -> Result<(), Box<dyn Error>> {
    let cores = std::thread::available_parallelism()?;
    println!("median times in milliseconds, {cores} cores");
    println!(
        "| circuit | constraints | key file KB | make | load | install | matrices | witness | prove | decode \
         | prepare | verify | each of 100 |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for circuit in prooflane_circuits::registry() {
        let circuit = *circuit;
        let dir = tempfile::tempdir()?;
        let keys = Keys::open(dir.path())?;
        let path = keys.path(circuit.id());
        let make = median(3, || {
            let _ = std::fs::remove_file(&path);
            Keys::open(dir.path())?.get(circuit)
        });
        let load = median(9, || Keys::open(dir.path())?.get(circuit));
        let key = keys.get(circuit)?;
        let (file, id) = (std::fs::read(&path)?, key.key_id().to_string());
        let install = median(3, || keys.install(circuit, &file, &id));
        let matrices = median(9, || circuit.r1cs());
        let example = circuit.example();
        let make_witness = median(25, || circuit.witness(&example));
        let witness = circuit.witness(&example)?;
        let proving = median(15, || prove(&key, &witness));
        let proof = prove(&key, &witness)?;
        let inputs = witness.public_inputs();
        key.prepared().verify(&proof, inputs)?;
        let bytes = proof.to_compact();
        let decode = median(50, || Proof::from_compact(&bytes));
        let prepare = median(50, || PreparedKey::new(key.verifying_key()));
        let verify = median(50, || key.prepared().verify(&proof, inputs));
        let statement = Statement {
            proof,
            public_inputs: inputs.to_vec(),
        };
        let batch = vec![statement; 100];
        let each = median(9, || key.prepared().verify_batch(&batch, &[1; 32])) / 100;
        let ms = [
            make,
            load,
            install,
            matrices,
            make_witness,
            proving,
            decode,
            prepare,
            verify,
            each,
        ]
        .map(|time| format!("{:.2}", time.as_secs_f64() * 1e3));
        println!(
            "| `{}` | {} | {} | {} |",
            circuit.id(),
            key.constraints(),
            file.len() / 1000,
            ms.join(" | ")
        );
    }
    Ok(())
}
