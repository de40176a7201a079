//! Every statement is proved and verified, and lies about it are not.

#![allow(clippy::unwrap_used, reason = "tests")]

use prooflane_dataset::{Algorithm, Column, Field, Kind, Schema, Table, Width};
use prooflane_ledger::{
    Bytes32, Commitment, Error, Evidence, Instance, Opening, OpeningFile, Owned, SealingKey,
    Source, Statement, Transform, Witness, notarize, prove, task,
};
use std::path::Path;
use tempfile::TempDir;

/// A dataset of every way in which values become numbers, with nulls.
fn orders() -> Table {
    let fields = vec![
        Field::new("id", Kind::Int(Width::W64), false),
        Field::new("price", Kind::Decimal(2), true),
        Field::new("city", Kind::Text, true),
        Field::new("wide", Kind::Decimal128(3), false),
        Field::new("ratio", Kind::Float64, false),
        Field::new("new", Kind::Bool, false),
    ];
    let cities = ["Bern", "Graz", "Bern", "Graz", "Bern", "Oslo", "Oslo"];
    let prices = ["12.50", "-3.00", "7.25", "0.01", "99.99", "12.50", "5.00"];
    let rows = 0..cities.len();
    let text = |kind, of: &dyn Fn(usize) -> Option<String>| {
        let values: Vec<_> = rows.clone().map(of).collect();
        Column::from_text(kind, values.iter().map(Option::as_deref)).unwrap()
    };
    let columns = vec![
        text(fields[0].kind.kind, &|row| {
            Some((7 - row as i64 * 3).to_string())
        }),
        text(fields[1].kind.kind, &|row| {
            (row != 3).then(|| prices[row].into())
        }),
        text(Kind::Text, &|row| Some(cities[row].into())),
        text(fields[3].kind.kind, &|row| Some(format!("{row}.5"))),
        text(Kind::Float64, &|row| {
            Some(["nan", "-inf", "1.5"][row % 3].into())
        }),
        text(Kind::Bool, &|row| Some((row % 2 == 0).to_string())),
    ];
    Table::new(Schema::new(fields).unwrap(), columns).unwrap()
}

fn key() -> SealingKey {
    SealingKey::from_hex(&"07".repeat(32)).unwrap()
}

/// Commits to a dataset whose opening is in this folder.
fn owned(folder: &Path, name: &str, table: Table) -> Owned {
    let file = folder.join(format!("{name}.opening"));
    let (owned, evidence) = notarize(name, table, Algorithm::Blake3, &file, &key()).unwrap();
    let bits = evidence.verify().unwrap().security_bits.unwrap();
    assert!(bits > 90.0, "{bits}");
    owned
}

fn sources(owned: &[Owned]) -> Vec<Source<'_>> {
    owned.iter().map(Owned::source).collect()
}

/// Proves a statement as somebody does who has its witness and nothing else, and demands that no other witness passes for it.
fn proved_elsewhere(statement: &Statement, inputs: &[Owned], outputs: &[Owned]) {
    let instance = Instance::of(statement.clone(), inputs, outputs);
    let witness = Witness::new(&instance, &sources(inputs), &sources(outputs));
    if matches!(statement, Statement::Project { .. }) {
        assert!(
            matches!(witness, Err(Error::Misfit(_))),
            "there is no proof"
        );
        return;
    }
    let witness = witness.unwrap();
    assert_eq!(witness.as_bytes().len(), instance.witness_bytes().unwrap());
    let (key, sealed) = witness.seal(&instance).unwrap();
    let opened = Witness::open(&instance, &key, &sealed).unwrap();
    instance.check(&opened).unwrap();
    let evidence = instance.prove(&opened).unwrap();
    assert_eq!(evidence.instance(), instance);
    assert!(evidence.proves(&instance.digest()));
    assert!(!evidence.proves(&Bytes32([7; 32])));

    // A witness is one of its instance alone, and whole.
    let mut renamed = instance.clone();
    let dataset = renamed.inputs.iter_mut().chain(&mut renamed.outputs).next();
    dataset.unwrap().name.push('x');
    assert_ne!(renamed.digest(), instance.digest());
    assert!(Witness::open(&renamed, &key, &sealed).is_err());
    let (other, _) = witness.seal(&instance).unwrap();
    assert!(Witness::open(&instance, &other, &sealed).is_err());
    let whole = witness.as_bytes();
    for cut in [0, 5, whole.len() - 1] {
        let cut = Witness::from_bytes(whole[..cut].to_vec().into());
        assert!(matches!(instance.check(&cut), Err(Error::Witness(_))));
        assert!(matches!(instance.prove(&cut), Err(Error::Witness(_))));
    }
    // Each byte after the first line is a seed's, a flag's or a key's.
    let first = b"prooflane-witness/1\n".len();
    for at in (first..whole.len()).step_by(97).chain([whole.len() - 1]) {
        let mut other = whole.to_vec();
        other[at] ^= 1;
        let other = Witness::from_bytes(other.into());
        let checked = instance.check(&other);
        assert!(checked.is_err(), "{statement}: byte {at}");
    }
}

/// Proves a statement of one dataset.
fn claimed(of: Owned, statement: Statement) -> Evidence {
    proved_elsewhere(&statement, std::slice::from_ref(&of), &[]);
    let evidence = prove(statement, &mut [of], &mut []).unwrap();
    let read = Evidence::from_bytes(&evidence.to_bytes().unwrap()).unwrap();
    let bits = read.verify().unwrap().security_bits.unwrap();
    assert!(bits > 90.0, "{bits}");
    read
}

/// Makes datasets of others and proves it.
fn transformed(
    folder: &TempDir,
    mut inputs: Vec<Owned>,
    transform: &Transform,
    outputs: usize,
) -> Evidence {
    let names: Vec<_> = (0..outputs)
        .map(|number| format!("made-{number}"))
        .collect();
    let made = transform.apply(&inputs, &names).unwrap();
    let made = made.into_iter().zip(&names).map(|(made, name)| {
        let file = folder.path().join(format!("{name}.opening"));
        made.keep(&mut inputs[0].file, &file, &key()).unwrap()
    });
    let mut made: Vec<_> = made.collect();
    proved_elsewhere(&transform.statement(), &inputs, &made);
    let evidence = prove(transform.statement(), &mut inputs, &mut made).unwrap();
    let read = Evidence::from_bytes(&evidence.to_bytes().unwrap()).unwrap();
    read.verify().unwrap();
    // Nobody else's datasets.
    for number in 0..read.inputs.len() + read.outputs.len() {
        let (mut lie, fresh) = (
            read.clone(),
            Opening::new("x", &orders(), Algorithm::Blake3).unwrap(),
        );
        let of = match number.checked_sub(lie.inputs.len()) {
            None => &mut lie.inputs[number],
            Some(number) => &mut lie.outputs[number],
        };
        for (root, other) in of.roots.iter_mut().zip(&fresh.commitment().roots) {
            *root = *other;
        }
        assert!(lie.verify().is_err(), "dataset {number}");
        lie.clone_from(&read);
        let of = match number.checked_sub(lie.inputs.len()) {
            None => &mut lie.inputs[number],
            Some(number) => &mut lie.outputs[number],
        };
        of.rows += 1;
        assert!(lie.verify().is_err(), "rows of dataset {number}");
    }
    if !read.proofs.is_empty() {
        let mut less = read.clone();
        less.proofs.pop();
        assert!(matches!(less.verify(), Err(Error::Misfit(_))));
    }
    read
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn statistics(of: &Owned, column: &str) -> Statement {
    Statement::statistics(column, &of.opening, &of.table).unwrap()
}

#[test]
fn statistics_in_the_columns_notation() {
    let folder = folder();
    let figures = |column: &str, name: &str| {
        let of = owned(folder.path(), name, orders());
        let statement = statistics(&of, column);
        let evidence = claimed(of, statement);
        let figures = evidence.statement.figures(&evidence.inputs[0]).unwrap();
        let text: Vec<_> = figures
            .iter()
            .map(|of| format!("{} {}", of.name, of.value))
            .collect();
        text.join(", ")
    };
    assert_eq!(
        figures("id", "a"),
        "rows 7, nulls 0, min -11, max 7, sum -14, mean -2.0, variance 36.0"
    );
    assert_eq!(
        figures("price", "b"),
        "rows 7, nulls 1, min -3.00, max 99.99, sum 134.24, mean 22.373333333333335, variance 1232.277722222222"
    );
    assert_eq!(
        figures("new", "c"),
        "rows 7, nulls 0, min false, max true, sum 4, mean 0.5714285714285714, variance 0.2448979591836735"
    );
    assert_eq!(figures("ratio", "d"), "rows 7, nulls 0, min -inf, max NaN");
}

#[test]
fn claims_are_proved_and_lies_are_not() {
    let folder = folder();
    let id = |text: &str| Some(text.to_owned());
    let (column, edges) = ("id".to_owned(), vec!["-5".to_owned(), "2".to_owned()]);
    let histogram = |counts: &[u64]| Statement::Histogram {
        column: column.clone(),
        edges: edges.clone(),
        counts: counts.to_vec(),
    };
    let count = |low: Option<String>, high: Option<String>, count| Statement::Count {
        column: column.clone(),
        low,
        high,
        count,
    };
    let groups = |columns: &[&str], at_least| Statement::Groups {
        columns: columns.iter().map(|name| (*name).into()).collect(),
        at_least,
    };
    let truths = [
        (histogram(&[2, 3, 2]), histogram(&[2, 2, 3])),
        (count(id("-5"), id("4"), 4), count(id("-5"), id("4"), 5)),
        (count(None, id("4"), 6), count(None, id("7"), 6)),
        (count(None, None, 7), count(id("0"), None, 7)),
        (groups(&["city"], 2), groups(&["city"], 3)),
        (groups(&["new"], 3), groups(&["new", "city"], 3)),
    ];
    for (number, (truth, lie)) in truths.into_iter().enumerate() {
        let of = owned(folder.path(), &number.to_string(), orders());
        assert!(
            matches!(
                lie.prove(
                    &[Source {
                        opening: &of.opening,
                        table: &of.table
                    }],
                    &[]
                ),
                Err(Error::Prove(_))
            ),
            "{lie:?}"
        );
        let instance = Instance {
            statement: lie.clone(),
            inputs: vec![of.opening.commitment().clone()],
            outputs: Vec::new(),
        };
        let witness = Witness::new(&instance, &[of.source()], &[]).unwrap();
        let checked = instance.check(&witness);
        assert!(matches!(checked, Err(Error::False)), "{lie:?}");
        let evidence = claimed(of, truth);
        let other = Evidence {
            statement: lie,
            ..evidence.clone()
        };
        assert!(
            matches!(other.verify(), Err(Error::Verify { .. })),
            "{}",
            other.statement
        );
        let fresh = Opening::new("x", &orders(), Algorithm::Blake3).unwrap();
        let mut renamed = evidence.inputs[0].clone();
        renamed.name = "another".into();
        for other in [fresh.commitment().clone(), renamed] {
            let other = Evidence {
                inputs: vec![other],
                ..evidence.clone()
            };
            assert!(other.verify().is_err(), "{}", other.statement);
        }
    }
}

#[test]
fn who_notarizes_has_the_columns() {
    let folder = folder();
    let path = folder.path().join("a.opening");
    let (of, evidence) = notarize("a", orders(), Algorithm::Blake3, &path, &key()).unwrap();
    let read = Evidence::from_bytes(&evidence.to_bytes().unwrap()).unwrap();
    assert_eq!(read.proofs.len(), 1);
    let commitment = of.opening.commitment();
    let openings = Statement::Notarize.openings(&[], std::slice::from_ref(commitment));
    assert_eq!(openings.unwrap(), [vec![1; 10]]);
    read.verify().unwrap();

    let mut without = read.clone();
    without.proofs.clear();
    assert!(matches!(without.verify(), Err(Error::Misfit(_))));
    // Whoever sees it has the roots and the proof, and may call them what he likes.
    let other = Opening::new("a", &orders(), Algorithm::Blake3).unwrap();
    let claimed: [fn(&mut Commitment, &Commitment); 5] = [
        |copy, _| copy.name = "mine".into(),
        |copy, other| copy.noise = other.noise,
        |copy, other| copy.digest = other.digest,
        |copy, other| copy.roots[3] = other.roots[3],
        |copy, other| copy.roots.clone_from(&other.roots),
    ];
    for (number, claim) in claimed.into_iter().enumerate() {
        let mut copied = read.clone();
        claim(&mut copied.outputs[0], other.commitment());
        let refused = copied.verify();
        assert!(matches!(refused, Err(Error::Verify { .. })), "{number}");
    }

    // Recorded or not, it can be proved again; that is counted too.
    let before = of.file.left()[0];
    let mut again = [of];
    let proved = prove(Statement::Notarize, &mut [], &mut again).unwrap();
    proved.verify().unwrap();
    assert_eq!(again[0].file.left(), [before - 1; 10]);
}

#[test]
fn datasets_without_rows_are_notarized() {
    let folder = folder();
    let none = orders().take(&[]);
    assert_eq!(owned(folder.path(), "none", none).table.rows().rows(), 0);
}

/// Four texts in a row have as many numbers as there may be; several proofs open them, each many.
#[test]
fn as_many_columns_as_there_may_be_are_notarized() {
    let folder = folder();
    let names = (0..256).map(|number| format!("c{number}"));
    let fields: Vec<_> = names
        .map(|name| Field::new(name, Kind::Text, true))
        .collect();
    let column = |_| Column::from_text(Kind::Text, [Some("a"), None, Some("b")]).unwrap();
    let columns = (0..fields.len()).map(column).collect();
    let table = Table::new(Schema::new(fields).unwrap(), columns).unwrap();
    let file = folder.path().join("wide.opening");
    let (_, evidence) = notarize("wide", table, Algorithm::Blake3, &file, &key()).unwrap();
    assert_eq!(evidence.outputs[0].roots.len(), 1_024);
    let bytes = evidence.to_bytes().unwrap();
    let read = Evidence::from_bytes(&bytes).unwrap();
    let started = std::time::Instant::now();
    let bits = read.verify().unwrap().security_bits.unwrap();
    println!(
        "{} proofs, {} bytes, {bits} bits, verified in {:?}",
        read.proofs.len(),
        bytes.len(),
        started.elapsed()
    );
    assert!(read.proofs.len() > 1 && bits > 90.0);
}

#[test]
fn a_count_tells_nothing_but_the_count() {
    let text = serde_json::to_string(&Statement::Count {
        column: "id".into(),
        low: None,
        high: Some("4".into()),
        count: 6,
    });
    assert_eq!(
        text.unwrap(),
        r#"{"count":{"column":"id","low":null,"high":"4","count":6}}"#
    );
}

#[test]
fn rows_are_filtered_divided_shuffled_sorted_and_joined() {
    let folder = folder();
    let mut number = 0;
    let mut orders = || {
        number += 1;
        owned(folder.path(), &format!("orders-{number}"), orders())
    };
    let transforms = [
        (
            Transform::Filter {
                column: "price".into(),
                low: Some("5".into()),
                high: None,
            },
            1,
        ),
        (
            Transform::Split {
                weights: vec![80, 20],
            },
            2,
        ),
        (Transform::Permute, 1),
        (
            Transform::Sort {
                column: "price".into(),
                descending: true,
            },
            1,
        ),
    ];
    for (transform, outputs) in transforms {
        let made = tempfile::tempdir_in(folder.path()).unwrap();
        let evidence = transformed(&made, vec![orders()], &transform, outputs);
        let sum: u64 = evidence.outputs.iter().map(|output| output.rows).sum();
        let expected = if let Transform::Filter { .. } = transform {
            5
        } else {
            7
        };
        assert_eq!(sum, expected, "{transform:?}");
    }
    let both = vec![orders(), orders()];
    let evidence = transformed(&folder, both, &Transform::Concat, 1);
    assert_eq!(evidence.outputs[0].rows, 14);
}

#[test]
fn other_rows_are_not_what_was_filtered() {
    let folder = folder();
    let input = owned(folder.path(), "orders", orders());
    let filter = |low: &str| Transform::Filter {
        column: "id".into(),
        low: Some(low.into()),
        high: None,
    };
    let made = filter("0")
        .apply(std::slice::from_ref(&input), &["made".into()])
        .unwrap();
    let file = folder.path().join("made.opening");
    let mut input = [input];
    let made = made
        .into_iter()
        .next()
        .unwrap()
        .keep(&mut input[0].file, &file, &key());
    let mut made = [made.unwrap()];
    let lie = prove(filter("1").statement(), &mut input, &mut made);
    assert!(lie.is_ok(), "no row has 0, so that it is no lie");
    let lie = prove(filter("2").statement(), &mut input, &mut made);
    assert!(matches!(lie, Err(Error::Prove(_))));
    let lie = prove(Statement::Permute, &mut input, &mut made);
    assert!(matches!(lie, Err(Error::Prove(_))));
}

#[test]
fn columns_are_kept_scaled_and_committed_to_anew() {
    let folder = folder();
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let input = owned(folder.path(), "a", orders());
    let before = input.file.left().to_vec();
    let project = Transform::Project {
        columns: names(&["city", "id"]),
    };
    let evidence = transformed(&folder, vec![input], &project, 1);
    assert_eq!(evidence.outputs[0].roots.len(), 5);
    let after = OpeningFile::read(&folder.path().join("a.opening")).unwrap();
    let made = OpeningFile::read(&folder.path().join("made-0.opening")).unwrap();
    assert_eq!(
        after.left()[0] + made.left()[4],
        before[0],
        "noise is shared"
    );
    assert_eq!(after.left()[1], before[1]);
    let mut renamed = evidence.clone();
    renamed.outputs[0].schema = evidence.inputs[0].schema.clone();
    assert!(renamed.verify().is_err());

    for (column, factor, offset) in [("price", -3, 150), ("id", 8192, i64::MIN), ("id", 0, 5)] {
        let scale = Transform::Scale {
            column: column.into(),
            factor,
            offset,
        };
        let made = tempfile::tempdir_in(folder.path()).unwrap();
        if offset == i64::MIN {
            let input = owned(made.path(), "x", orders());
            assert!(matches!(
                scale.apply(&[input], &names(&["y"])),
                Err(Error::Dataset(_))
            ));
            continue;
        }
        let input = owned(made.path(), "b", orders());
        let evidence = transformed(&made, vec![input], &scale, 1);
        let lie = Evidence {
            statement: Statement::Scale {
                column: column.into(),
                factor,
                offset: offset + 1,
            },
            ..evidence
        };
        assert!(lie.verify().is_err());
    }
    let made = tempfile::tempdir_in(folder.path()).unwrap();
    let input = owned(made.path(), "c", orders());
    let evidence = transformed(&made, vec![input], &Transform::Renew, 1);
    assert!(
        evidence.inputs[0]
            .roots
            .iter()
            .all(|root| !evidence.outputs[0].roots.contains(root))
    );
}

#[test]
fn what_cannot_be_said_is_refused() {
    let folder = folder();
    let of = owned(folder.path(), "orders", orders());
    let commitment = of.opening.commitment().clone();
    let filter = Statement::Filter {
        column: "city".into(),
        low: None,
        high: None,
    };
    let refused = |statement: &Statement, inputs: &[Commitment], outputs: &[Commitment]| {
        statement
            .verify(inputs, outputs, &[])
            .unwrap_err()
            .to_string()
    };
    let one = std::slice::from_ref(&commitment);
    assert!(refused(&filter, one, one).contains("city"));
    assert!(refused(&Statement::Renew, &[], one).contains("expected one input, got 0"));
    assert!(refused(&Statement::Notarize, one, one).contains("expected no input"));
    assert!(refused(&Statement::Notarize, &[], &[]).contains("expected one output"));
    assert!(refused(&Statement::Permute, one, one).contains("expected 1 proofs, got 0"));
    // However often a column is named, no more is read than there is.
    let columns = vec!["city".to_owned(); 1_000_000];
    let often = Statement::Project { columns };
    assert!(refused(&often, one, one).contains("expected each column once"));
    let mut damaged = commitment.clone();
    damaged.roots.pop();
    assert!(refused(&Statement::Notarize, &[], &[damaged]).contains("expected 10 roots, got 9"));
    let mut larger = commitment;
    larger.rows = 1 << 40;
    assert!(refused(&Statement::Notarize, &[], &[larger]).contains("split the dataset"));
}

#[test]
fn openings_are_sealed() {
    let folder = folder();
    let path = folder.path().join("a.opening");
    let passphrase = SealingKey::Passphrase("correct horse".to_owned().into());
    let (of, _) = notarize("a", orders(), Algorithm::Sha3, &path, &passphrase).unwrap();
    let file = OpeningFile::read(&path).unwrap();
    assert_eq!(file.commitment(), of.opening.commitment());
    let opened = file.open(&passphrase).unwrap();
    assert_eq!(opened.digest(), Some(orders().digest(Algorithm::Sha3)));
    opened.check(&orders()).unwrap();
    let other = orders().take(&[1, 0, 2, 3, 4, 5, 6]);
    assert!(matches!(opened.check(&other), Err(Error::OtherData { .. })));
    let other = Statement::statistics("id", &opened, &other);
    assert!(matches!(other, Err(Error::OtherData { .. })));

    let wrong = SealingKey::Passphrase("correct house".to_owned().into());
    let error = file.open(&wrong).err().unwrap().to_string();
    assert!(
        error.ends_with("expected the passphrase that it was sealed with"),
        "{error}"
    );
    assert!(file.open(&key()).is_err());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&orders().digest(Algorithm::Sha3).to_string()));
    // Of another dataset.
    std::fs::write(&path, text.replace("\"name\": \"a\"", "\"name\": \"b\"")).unwrap();
    assert!(OpeningFile::read(&path).unwrap().open(&passphrase).is_err());
    assert!(matches!(
        notarize("a", orders(), Algorithm::Blake3, &path, &key()),
        Err(Error::Io { .. })
    ));
}

#[test]
fn proofs_are_counted_before_they_are_made() {
    let folder = folder();
    let mut of = owned(folder.path(), "a", orders());
    let most = of.opening.commitment().proofs;
    // Notarizing has opened each column once.
    assert_eq!(of.file.left(), vec![most - 1; 10]);
    let mut needed = vec![0; 10];
    needed[0] = most - 3;
    of.file.spend(&needed, 1).unwrap();
    let again = OpeningFile::read(&folder.path().join("a.opening")).unwrap();
    assert_eq!(again.left()[..2], [2, most - 1]);
    let statement = statistics(&of, "id");
    let mut of = [of];
    prove(statement.clone(), &mut of, &mut []).unwrap();
    let refused = prove(statement, &mut of, &mut []);
    assert!(matches!(
        refused,
        Err(Error::NoiseUsedUp {
            left: 0,
            needed: 1,
            ..
        })
    ));
    // One proof is left, that another commitment is to the same values.
    let renewed = transformed(&folder, of.into(), &Transform::Renew, 1);
    assert_eq!(renewed.outputs[0].rows, 7);
}

#[test]
fn noisy_counts_are_proved_and_lies_are_not() {
    let folder = folder();
    let of = owned(folder.path(), "a", orders());
    let beacon: Bytes32 = "5a".repeat(32).parse().unwrap();
    let source = Source {
        opening: &of.opening,
        table: &of.table,
    };
    let ask = |epsilon: &str, beacon| {
        let range = [Some("-5".into()), None];
        Statement::noisy("id", range, epsilon.into(), beacon, source)
    };
    let truth = ask("0.5", beacon).unwrap();
    assert_eq!(
        truth,
        ask("0.5", beacon).unwrap(),
        "one answer to one query"
    );
    assert!(matches!(ask("0.0001", beacon), Err(Error::Noise(_))));
    assert!(matches!(ask("-1", beacon), Err(Error::Misfit(_))));
    assert!(matches!(ask("1/2", beacon), Err(Error::Misfit(_))));
    let Statement::Noisy { count, .. } = truth else {
        panic!("a noisy count")
    };
    let evidence = claimed(of, truth.clone());
    let lies = [
        ("0.5", count + 1, beacon),
        ("0.6", count, beacon),
        ("0.5", count, Bytes32([0; 32])),
    ];
    for (epsilon, count, beacon) in lies {
        let statement = Statement::Noisy {
            column: "id".into(),
            low: Some("-5".into()),
            high: None,
            epsilon: epsilon.into(),
            beacon,
            count,
        };
        let lie = Evidence {
            statement,
            ..evidence.clone()
        };
        assert!(lie.verify().is_err(), "{epsilon} {count}");
    }
    let mut other = evidence;
    other.inputs[0].noise = owned(folder.path(), "b", orders())
        .opening
        .commitment()
        .noise;
    assert!(other.verify().is_err(), "another seed");
}

#[test]
fn each_transformation_is_what_it_says() {
    let folder = folder();
    let input = || owned(folder.path(), &uuid::Uuid::now_v7().to_string(), orders());
    // Makes datasets in one way and says that they were made in another.
    let lie = |inputs: Vec<Owned>, transform: &Transform, statement: Statement| {
        let mut inputs = inputs;
        let names: Vec<_> = match transform {
            Transform::Split { weights } => weights.iter().map(|_| "x".to_owned()).collect(),
            _ => vec!["x".to_owned()],
        };
        let made = transform.apply(&inputs, &names).unwrap();
        let made = made.into_iter().map(|made| {
            let file = folder.path().join(uuid::Uuid::now_v7().to_string());
            made.keep(&mut inputs[0].file, &file, &key()).unwrap()
        });
        let mut made: Vec<_> = made.collect();
        let proved = prove(statement.clone(), &mut inputs, &mut made);
        assert!(proved.is_err(), "{transform:?} as {statement}");
    };
    let sort = |descending| Transform::Sort {
        column: "price".into(),
        descending,
    };
    lie(vec![input()], &sort(false), sort(true).statement());
    lie(vec![input()], &sort(true), sort(false).statement());
    lie(vec![input()], &Transform::Permute, sort(true).statement());
    lie(vec![input()], &sort(true), Statement::Renew);
    lie(
        vec![input(), input()],
        &Transform::Concat,
        Statement::Permute,
    );
    let half = Transform::Filter {
        column: "id".into(),
        low: Some("0".into()),
        high: None,
    };
    lie(vec![input()], &half, Statement::Split);
    lie(vec![input()], &half, Statement::Concat);
    let scale = |factor| Transform::Scale {
        column: "id".into(),
        factor,
        offset: 0,
    };
    lie(vec![input()], &scale(2), scale(3).statement());
    lie(vec![input()], &scale(1), scale(i64::MIN).statement());
    lie(vec![input()], &scale(2), Statement::Renew);
    let other = Transform::Scale {
        column: "price".into(),
        factor: 2,
        offset: 0,
    };
    lie(vec![input()], &other, scale(2).statement());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let project = |columns: &[&str]| Transform::Project {
        columns: names(columns),
    };
    lie(
        vec![input()],
        &project(&["id", "new"]),
        project(&["new", "id"]).statement(),
    );
}

#[test]
fn an_opening_is_bound_to_its_commitment() {
    let folder = folder();
    owned(folder.path(), "a", orders());
    let other = owned(folder.path(), "b", orders());
    let text = std::fs::read_to_string(folder.path().join("a.opening")).unwrap();
    let mut forged: serde_json::Value = serde_json::from_str(&text).unwrap();
    forged["commitment"]["roots"] = serde_json::json!(other.opening.commitment().roots);
    let path = folder.path().join("c.opening");
    std::fs::write(&path, forged.to_string()).unwrap();
    let opened = OpeningFile::read(&path).unwrap().open(&key());
    assert!(matches!(opened, Err(Error::Sealed { .. })));
}

#[test]
fn names_that_would_mislead_are_refused() {
    let mut of = Opening::new("a", &orders(), Algorithm::Blake3)
        .unwrap()
        .commitment()
        .clone();
    of.check().unwrap();
    of.name = "orders\nproof  statistics of price \u{2713}".into();
    assert!(matches!(of.check(), Err(Error::Commitment { .. })));
    let twice = Statement::Groups {
        columns: vec!["city".into(); 2],
        at_least: 2,
    };
    let of = Opening::new("a", &orders(), Algorithm::Blake3)
        .unwrap()
        .commitment()
        .clone();
    assert!(matches!(
        twice.verify(&[of], &[], &[]),
        Err(Error::Misfit(_))
    ));
}

/// Its commitments are random: `UPDATE_DOCS=1` makes another one.
#[test]
fn the_example_of_a_task_is_true() {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let kind = Kind::Uint(Width::W32);
        let amounts = [Some("1200"), Some("560"), Some("3400")];
        let column = Column::from_text(kind, amounts).unwrap();
        let schema = Schema::new(vec![Field::new("amount", kind, false)]).unwrap();
        let table = Table::new(schema, vec![column]).unwrap();
        let count = Statement::count("amount", Some("1000".into()), None, &table).unwrap();
        let of = owned(folder().path(), "payments", table);
        let instance = Instance::of(count, std::slice::from_ref(&of), &[]);
        let witness = Witness::new(&instance, &[of.source()], &[]).unwrap();
        let json = serde_json::to_string_pretty(&task::Inputs::new(instance, &witness)).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/task/example.json");
        std::fs::write(path, json + "\n").unwrap();
        return;
    }
    let example = task::Inputs::example();
    let inputs: task::Inputs = serde_json::from_value(example.clone()).unwrap();
    let digest = inputs.check(None).unwrap();
    let evidence = inputs.prove(None).unwrap();
    let count = evidence.statement.figures(&evidence.inputs[0]).unwrap();
    assert_eq!(count[0].value, "2");
    assert!(evidence.proves(&digest));
    assert_eq!(serde_json::to_value(inputs).unwrap(), example);
}

/// Commitments say how much memory a check takes; nothing of it is taken before that is known.
#[test]
fn a_task_that_would_take_too_much_memory_is_refused_by_its_commitments_alone() {
    let example: task::Inputs = serde_json::from_value(task::Inputs::example()).unwrap();
    assert!(example.instance().demand_size().is_ok());
    let columns = |count: usize, rows: u64, proofs: u32| {
        let mut instance = example.instance();
        let of = &mut instance.inputs[0];
        let field = |number| Field::new(format!("c{number}"), Kind::Uint(Width::W64), true);
        of.schema = Schema::new((0..count).map(field).collect()).unwrap();
        of.roots = vec![of.roots[0]; count];
        (of.rows, of.proofs) = (rows, proofs);
        instance.outputs = std::mem::take(&mut instance.inputs);
        instance.statement = Statement::Notarize;
        instance
    };
    let mut many = columns(1, 8, 32);
    many.outputs = vec![many.outputs[0].clone(); 33];
    many.inputs = vec![many.outputs[0].clone()];
    many.statement = Statement::Split;
    let mut renewed = columns(250, 8, 1);
    renewed.inputs.clone_from(&renewed.outputs);
    renewed.statement = Statement::Renew;
    let groups = |rows| {
        let mut grouped = columns(1, rows, 32);
        grouped.inputs = std::mem::take(&mut grouped.outputs);
        let columns = vec!["c0".to_owned()];
        let at_least = 1;
        grouped.statement = Statement::Groups { columns, at_least };
        grouped
    };
    for (too, instance) in [
        (None, columns(1, 1_000_000, 32)),
        (Some("bytes of committed columns"), columns(2, 1 << 22, 32)),
        (
            Some("bytes of committed columns"),
            columns(256, 100_000, 32),
        ),
        // No rows at all, and much noise.
        (Some("bytes of committed columns"), columns(256, 0, 10_000)),
        (Some("datasets"), many),
        (Some("bytes of evidence"), renewed),
        (None, groups(100_000)),
        (Some("cells of tables"), groups(4_000_000)),
    ] {
        match (instance.demand_size(), too) {
            (Ok(()), None) => continue,
            (Err(Error::TooLarge { what, .. }), Some(too)) => assert_eq!(what, too),
            (got, _) => panic!("expected {too:?}, got {got:?}"),
        }
        let witness = Witness::from_bytes(Vec::new().into());
        let inputs = task::Inputs::new(instance, &witness);
        assert!(matches!(inputs.check(None), Err(Error::TooLarge { .. })));
    }
}

/// A sum of 64-bit values has more bits, which JSON's values do not.
#[test]
fn large_sums_survive_every_form_of_json() {
    let kind = Kind::Uint(Width::W64);
    let values = [0, u64::MAX, u64::MAX].map(Some);
    let column = Column::from_keys(kind, values).unwrap();
    let schema = Schema::new(vec![Field::new("n", kind, false)]).unwrap();
    let table = Table::new(schema, vec![column]).unwrap();
    let of = owned(folder().path(), "large", table);
    let statement = statistics(&of, "n");
    let text = serde_json::to_string(&statement).unwrap();
    assert!(text.contains(r#""sum":"36893488147419103230""#), "{text}");
    let value = serde_json::to_value(&statement).unwrap();
    for read in [
        serde_json::from_str(&text).unwrap(),
        serde_json::from_value(value).unwrap(),
    ] {
        let read: Statement = read;
        assert_eq!(read, statement);
    }
    for no in [
        "\"+1\"",
        "\"\"",
        "-1",
        "1.5",
        "36893488147419103230",
        "\"340282366920938463463374607431768211456\"",
    ] {
        let text = text.replace("\"36893488147419103230\"", no);
        assert!(serde_json::from_str::<Statement>(&text).is_err(), "{no}");
    }
    let instance = Instance::of(statement, std::slice::from_ref(&of), &[]);
    let witness = Witness::new(&instance, &[of.source()], &[]).unwrap();
    let inputs = serde_json::to_value(task::Inputs::new(instance, &witness)).unwrap();
    let inputs: task::Inputs = serde_json::from_value(inputs).unwrap();
    let digest = inputs.check(None).unwrap();
    assert!(inputs.prove(None).unwrap().proves(&digest));
}
