//! CSV and JSON lines as they come from elsewhere.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_dataset::{At, Error, Kind, Options, Reader, Table, Types, ValueProblem};
use std::io::Write;

fn read(name: &str, content: impl AsRef<[u8]>, options: &Options) -> Result<Table, Error> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::File::create(&file)
        .unwrap()
        .write_all(content.as_ref())
        .unwrap();
    Table::read(Reader::open(&file, options)?)
}

fn csv(content: impl AsRef<[u8]>) -> Result<Table, Error> {
    read("a.csv", content, &Options::default())
}

fn jsonl(content: impl AsRef<[u8]>) -> Result<Table, Error> {
    read("a.jsonl", content, &Options::default())
}

fn typed(types: &str) -> Options {
    Options {
        types: Types::from_json(types).unwrap(),
        ..Options::default()
    }
}

/// The rows as text, nulls as `-`.
fn rows(table: &Table) -> Vec<String> {
    let columns = table.schema().columns().iter().zip(table.rows().columns());
    let columns: Vec<_> = columns
        .map(|(field, column)| (field.kind.kind, column))
        .collect();
    let cell = |kind: Kind, value: Option<String>| match value {
        None => "-".into(),
        Some(text) if kind == Kind::Text => format!("'{text}'"),
        Some(text) => text,
    };
    let row = |row| {
        let cells: Vec<_> = columns
            .iter()
            .map(|(kind, column)| cell(*kind, column.show(*kind, row)))
            .collect();
        cells.join(" ")
    };
    (0..table.rows().rows()).map(row).collect()
}

fn types(table: &Table) -> Vec<String> {
    let columns = table.schema().columns().iter();
    columns
        .map(|column| format!("{}: {}", column.name, column.kind))
        .collect()
}

fn error<T>(result: Result<T, Error>) -> Error {
    match result {
        Ok(_) => panic!("it is read"),
        Err(error) => error,
    }
}

fn line(error: &Error) -> u64 {
    match error {
        Error::Syntax { place, .. }
        | Error::Ragged { place, .. }
        | Error::Value { place, .. }
        | Error::Mixed { place, .. } => match place.at {
            At::Line(line) => line,
            At::Row(row) => panic!("row {row}"),
        },
        other => panic!("{other}"),
    }
}

#[test]
fn marks_line_ends_and_quotes() {
    let expected = [
        "1 'x, \"y\"' 0.5",
        "- '' -1.0",
        "3 'two\r\nlines' NaN",
        "4 - inf",
    ];
    for end in ["\n", "\r\n", "\r"] {
        for mark in ["", "\u{feff}"] {
            for last in ["", end] {
                let lines = [
                    "id,text,\"ratio\"",
                    "1,\"x, \"\"y\"\"\",0.5",
                    ",\"\",-1",
                    "3,\"two\r\nlines\",nan",
                    "",
                    "4,,\"inf\"",
                ];
                let table = csv(format!("{mark}{}{last}", lines.join(end))).unwrap();
                assert_eq!(rows(&table), expected);
                assert_eq!(
                    types(&table),
                    ["id: int64?", "text: text?", "ratio: float64"]
                );
            }
        }
    }
}

#[test]
fn cells_without_values() {
    // A number that is empty in quotes is null all the same.
    let table = csv("a,b\n\"\",\"\"\n1,x\n").unwrap();
    assert_eq!(types(&table), ["a: int64?", "b: text"]);
    assert_eq!(rows(&table), ["- ''", "1 'x'"]);
    let options = Options {
        nulls: vec!["NA".into()],
        ..Options::default()
    };
    let table = read("a.csv", "a,b\nNA,\"NA\"\n1,NA\n", &options).unwrap();
    assert_eq!(types(&table), ["a: int64?", "b: text?"]);
    assert_eq!(rows(&table), ["- 'NA'", "1 -"]);
    let table = csv("a\n\n\n1\n").unwrap();
    assert_eq!(rows(&table), ["1"]);
    let table = csv("a,\n,\n").unwrap();
    assert_eq!(types(&table), ["a: text?", ": text?"]);
    assert_eq!(rows(&table), ["- -"]);
}

#[test]
fn ragged_rows_and_where() {
    for (content, expected) in [
        ("a,b\n1,2\n3\n", 3),
        ("a,b\r\n1,2\r\n\r\n3,4,5\r\n", 4),
        ("a,b\n\"x\n\ny\",2\n3,4,\n", 5),
        ("a,b\n1", 2),
        ("a,b\n1,2\n\"\n3,4\n", 3),
    ] {
        let error = error(csv(content));
        assert_eq!(line(&error), expected, "{error}");
    }
    let ragged = error(csv("a,b\n1,2,3,4\n"));
    assert!(
        matches!(
            ragged,
            Error::Ragged {
                expected: 2,
                got: 3,
                ..
            }
        ),
        "{ragged}"
    );
}

#[test]
fn what_is_no_csv() {
    for (content, expected) in [
        (&b""[..], 1),
        (b"a,b\n1,\"2\n", 2),
        (b"a,b\n1,\"2\"x\n", 2),
        (b"a,b\n1,2\n1,\"2\" \n", 3),
        (b"a,b\n1,\"", 2),
        (b"a,b\n1,2\n\xff,2\n", 3),
        (b"\xff,b\n", 1),
    ] {
        let error = error(csv(content));
        assert!(matches!(error, Error::Syntax { .. }), "{error}");
        assert_eq!(line(&error), expected, "{error}");
    }
    // A quote inside a cell without quotes is a character.
    assert_eq!(rows(&csv("a,b\n5\" disk,x\n").unwrap()), ["'5\" disk' 'x'"]);
    let twice = error(csv("a,b,a\n1,2,3\n"));
    assert!(
        matches!(&twice, Error::SameName { column } if column == "a"),
        "{twice}"
    );
    assert!(matches!(
        error(read("a.txt", "a\n1\n", &Options::default())),
        Error::Format { .. }
    ));
    let gone = Reader::open("/nowhere/a.csv".as_ref(), &Options::default());
    assert!(matches!(error(gone), Error::Io { .. }));
}

#[test]
fn inference_looks_at_the_last_row_too() {
    let numbers: String = (0..200_000).map(|row| format!("{row}\n")).collect();
    let table = csv(format!("a\n{numbers}x\n")).unwrap();
    assert_eq!(types(&table), ["a: text"]);
    assert_eq!(table.rows().rows(), 200_001);
    let table = csv(format!("a\n{numbers}")).unwrap();
    assert_eq!(types(&table), ["a: int64"]);
    assert_eq!(
        table.column("a").unwrap().keys().unwrap()[199_999],
        (1 << 63) + 199_999
    );
}

#[test]
fn given_types() {
    let types = r#"{"price": "decimal(2)", "day": "date?", "raw": "bytes", "zip": "text"}"#;
    let table = read(
        "a.csv",
        "price,day,raw,zip\n12.5,,00ff,01234\n-3,2024-02-29,\"\",1\n",
        &typed(types),
    )
    .unwrap();
    assert_eq!(
        rows(&table),
        ["12.50 - 00ff '01234'", "-3.00 2024-02-29  '1'"]
    );

    let wrong = error(read(
        "a.csv",
        "price\n1.00\n1.005\n",
        &typed(r#"{"price": "decimal(2)"}"#),
    ));
    assert!(
        matches!(
            &wrong,
            Error::Value {
                problem: ValueProblem::Precision,
                ..
            }
        ),
        "{wrong}"
    );
    assert_eq!(line(&wrong), 3);
    // The value itself is nobody's business.
    assert!(!wrong.to_string().contains("1.005"), "{wrong}");
    let null = error(read("a.csv", "a,b\n1,\n", &typed(r#"{"b": "int8"}"#)));
    assert!(
        matches!(
            &null,
            Error::Value {
                problem: ValueProblem::Null,
                ..
            }
        ),
        "{null}"
    );
    let unknown = error(read("a.csv", "a\n1\n", &typed(r#"{"b": "int8"}"#)));
    assert!(
        matches!(&unknown, Error::UnknownColumn { column, .. } if column == "b"),
        "{unknown}"
    );
    let tabs = read("a.tsv", "a\tb\n1\t2,3\n", &Options::default()).unwrap();
    assert_eq!(rows(&tabs), ["1 '2,3'"]);
    let semicolons = Options {
        delimiter: Some(b';'),
        ..Options::default()
    };
    assert_eq!(
        rows(&read("a.csv", "a;b\n1;2,3\n", &semicolons).unwrap()),
        ["1 '2,3'"]
    );
}

#[test]
fn a_header_alone() {
    let table = csv("a,b").unwrap();
    assert_eq!(types(&table), ["a: text", "b: text"]);
    assert_eq!(table.rows().rows(), 0);
}

#[test]
fn long_cells() {
    let long = "é,\"\n".repeat(300_000);
    let table = csv(format!("a,b\n1,\"{}\"\n2,y\n", long.replace('"', "\"\""))).unwrap();
    assert_eq!(
        table.column("b").unwrap().strings().unwrap().get(0),
        long.as_bytes()
    );
    // More text than one batch holds.
    let cell = "x".repeat(1 << 20);
    let table = csv(format!("a\n{}", format!("{cell}\n").repeat(150))).unwrap();
    assert_eq!(table.rows().rows(), 150);
}

#[test]
fn json_lines() {
    let content = "\u{feff}{\"a\": 1, \"b\": \"x\\u00e9\\n\", \"c\": true}\r\n\n  {\"c\": null, \"d\": 1.5, \"b\": \"\"}\n\
                   {\"d\": -0, \"when\": \"2024-02-29T12:00:00+01:00\"}";
    let table = jsonl(content).unwrap();
    assert_eq!(
        types(&table),
        [
            "a: int64?",
            "b: text?",
            "c: bool?",
            "d: float64?",
            "when: timestamp[us, UTC]?"
        ]
    );
    assert_eq!(
        rows(&table),
        [
            "1 'xé\n' true - -",
            "- '' - 1.5 -",
            "- - - 0.0 2024-02-29T11:00:00Z"
        ]
    );
    // Names may be written with escapes, and numbers beyond any float.
    let table = read(
        "a.ndjson",
        r#"{"\u0061": 12345678901234567890123456789.25}"#,
        &typed(r#"{"a": "decimal128(2)"}"#),
    );
    assert_eq!(rows(&table.unwrap()), ["12345678901234567890123456789.25"]);
}

#[test]
fn what_is_no_json_lines() {
    for (content, expected) in [
        (&b"{\"a\": 1}\n[1]\n"[..], 2),
        (b"{\"a\": 1}\n\n{\"a\": }\n", 3),
        (b"{\"a\": 1}\n{\"a\": NaN}\n", 2),
        (b"{\"a\": 1} {\"a\": 2}\n", 1),
        (b"{\"a\": 1, \"a\": 2}\n", 1),
        (b"{\"a\": \"\xff\"}\n", 1),
        (b"{\"a\": \"\\ud800\"}\n", 1),
    ] {
        let error = error(jsonl(content));
        assert!(matches!(error, Error::Syntax { .. }), "{error}");
        assert_eq!(line(&error), expected, "{error}");
    }
    let mixed = error(jsonl("{\"a\": 1}\n{\"a\": \"secret\"}\n"));
    assert!(
        matches!(&mixed, Error::Mixed { column, .. } if column == "a"),
        "{mixed}"
    );
    assert_eq!(line(&mixed), 2);
    let text = read(
        "a.jsonl",
        "{\"a\": 1.0}\n{\"a\": \"x\"}\n{\"a\": false}",
        &typed(r#"{"a": "text"}"#),
    )
    .unwrap();
    assert_eq!(rows(&text), ["'1.0'", "'x'", "'false'"]);
    for (nested, got) in [
        ("{\"a\": [1]}", "an array in line 1"),
        ("{\"a\": {\"b\": 1}}", "an object in line 1"),
    ] {
        let refused = error(jsonl(nested));
        assert!(
            matches!(&refused, Error::Unsupported { column, got: is, .. } if column == "a" && is == got),
            "{refused}"
        );
    }
    assert!(matches!(error(jsonl("")), Error::NoColumns));
}
