//! Files of pyarrow and polars, whose digests and profiles a second implementation of the specification computes.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_dataset::{
    Algorithm, ColumnProfile, Digester, Error, Kind, Options, Profiler, Reader, Types,
};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn files_of_pyarrow_and_polars() {
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let expected = reference(&python, &["files", folder.path().to_str().unwrap()]);
    let mut read = 0;
    for line in expected.lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        let name = expected["file"].as_str().unwrap();
        let file = folder.path().join(name);
        match expected["refused"].as_str() {
            Some(column) => is_refused(&file, column),
            None => agrees(&file, &expected),
        }
        read += 1;
    }
    assert!(read >= 25, "{expected}");
}

/// The vectors are what the specification's second implementation says.
#[test]
fn vectors_are_those_of_the_reference() {
    let Some(python) = python() else {
        return;
    };
    assert_eq!(
        reference(&python, &["vectors"]),
        include_str!("../vectors/1.json")
    );
}

fn is_refused(file: &Path, refused: &str) {
    match Reader::open(file, &Options::default()).err() {
        Some(Error::Unsupported { column, .. }) => assert_eq!(column, refused),
        Some(error) => panic!("{}: {error}", file.display()),
        None => panic!("{} is read", file.display()),
    }
}

fn agrees(file: &Path, expected: &Value) {
    let types = Types::from_json(&expected["types"].to_string()).unwrap();
    let options = Options {
        types,
        ..Options::default()
    };
    let reader = Reader::open(file, &options).unwrap();
    let (schema, rows) = (reader.schema().clone(), reader.rows());
    let mut blake3 = Digester::new(&schema, Algorithm::Blake3);
    let mut sha3 = Digester::new(&schema, Algorithm::Sha3);
    let mut profiler = Profiler::new(&schema);
    let read = reader.for_each(|batch| {
        blake3.update(&batch);
        sha3.update(&batch);
        profiler.update(&batch);
        Ok::<_, Error>(())
    });
    read.unwrap();
    let profile = profiler.finish();
    assert_eq!(profile.rows, expected["rows"].as_u64().unwrap());
    assert_eq!(rows, Some(profile.rows), "{}", file.display());
    for column in &profile.columns {
        let name = &column.column.name;
        is_profile(
            column,
            &expected["profile"][name],
            &format!("{}, {name}", file.display()),
        );
    }
    assert_eq!(
        blake3.finish().to_string(),
        expected["blake3"].as_str().unwrap(),
        "{}",
        file.display()
    );
    assert_eq!(
        sha3.finish().to_string(),
        expected["sha3-256"].as_str().unwrap(),
        "{}",
        file.display()
    );
}

fn is_profile(got: &ColumnProfile, expected: &Value, place: &str) {
    let text = |name: &str| expected[name].as_str().map(String::from);
    let single = got.column.kind.kind == Kind::Float32;
    let number = |text: &Option<String>| {
        let text = text.as_ref()?;
        let parsed = if single {
            text.parse::<f32>().map(f64::from)
        } else {
            text.parse()
        };
        Some(parsed.unwrap())
    };
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    assert_eq!(got.nulls, expected["nulls"].as_u64().unwrap(), "{place}");
    assert_eq!(got.nan, expected["nan"].as_u64().unwrap(), "{place}");
    // Ten times the standard error.
    let distinct = expected["distinct"].as_u64().unwrap();
    assert!(
        got.distinct.abs_diff(distinct) * 6 <= distinct,
        "{place}: {distinct}"
    );
    if expected.get("min_float").is_some() {
        for (got, expected) in [
            (&got.min, &expected["min_float"]),
            (&got.max, &expected["max_float"]),
        ] {
            // JSON has no infinities.
            let infinite = number(got).is_some_and(f64::is_infinite);
            assert!(
                infinite && expected.is_null() || number(got) == expected.as_f64(),
                "{place}"
            );
        }
    } else {
        assert_eq!(got.min, text("min"), "{place}");
        assert_eq!(got.max, text("max"), "{place}");
    }
    if let Some(mean) = expected["mean"].as_f64() {
        assert!(
            got.mean
                .as_ref()
                .is_some_and(|got| close(got.parse().unwrap(), mean)),
            "{place}: {mean}"
        );
    }
    if let Some(mean) = text("mean_text") {
        assert_eq!(got.mean, Some(mean), "{place}");
    }
    if let Some(quantiles) = expected["quantiles"].as_array() {
        let quantiles = quantiles.iter().map(|value| value.as_str().unwrap());
        assert!(got.quantiles.iter().flatten().eq(quantiles), "{place}");
    }
}

fn reference(python: &Path, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference.py");
    let printed = run(Command::new(python).arg(script).args(arguments));
    String::from_utf8(printed).unwrap()
}

/// The interpreter of a virtual environment with what `requirements.txt` names. None, with the reason printed, where
/// there is no Python; in CI that is a failure.
fn python() -> Option<PathBuf> {
    let answer = Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .output();
    if !answer.is_ok_and(|answer| answer.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI needs python3 with venv"
        );
        println!("skipped: there is no python3 with venv here");
        return None;
    }
    let wanted = include_str!("requirements.txt");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reference");
    fs::create_dir_all(&folder).unwrap();
    // Tests run side by side.
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let python = folder.join("bin/python");
    let note = folder.with_extension("installed");
    if !fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder));
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, wanted).unwrap();
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(requirements));
        fs::write(note, wanted).unwrap();
    }
    Some(python)
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}
