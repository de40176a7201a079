//! What holds for any dataset.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_dataset::{
    Algorithm, Column, CsvWriter, Digester, Error, Field, Kind, Options, ParquetWriter, Range,
    Reader, Schema, Table, Type, Types, Unit, Width,
};
use proptest::prelude::*;
use std::path::Path;

const KINDS: [Kind; 22] = [
    Kind::Bool,
    Kind::Int(Width::W8),
    Kind::Int(Width::W16),
    Kind::Int(Width::W32),
    Kind::Int(Width::W64),
    Kind::Uint(Width::W8),
    Kind::Uint(Width::W16),
    Kind::Uint(Width::W32),
    Kind::Uint(Width::W64),
    Kind::Decimal(0),
    Kind::Decimal(18),
    Kind::Decimal128(38),
    Kind::Float32,
    Kind::Float64,
    Kind::Date,
    Kind::Time,
    Kind::Timestamp {
        unit: Unit::Micros,
        utc: false,
    },
    Kind::Timestamp {
        unit: Unit::Micros,
        utc: true,
    },
    Kind::Timestamp {
        unit: Unit::Nanos,
        utc: false,
    },
    Kind::Timestamp {
        unit: Unit::Nanos,
        utc: true,
    },
    Kind::Text,
    Kind::Bytes,
];

/// A column before it has a kind: numbers from which any kind's values can be made. It is not private.
type Raw = Vec<Option<u64>>;

/// Columns of any kinds, with as many rows each.
fn plan(rows: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(Kind, Raw)>> {
    let number = prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0u64..4];
    let values =
        move |rows| prop::collection::vec(prop::option::weighted(0.8, number.clone()), rows);
    let column = move |rows| (prop::sample::select(&KINDS[..]), values(rows));
    rows.prop_flat_map(move |rows| prop::collection::vec(column(rows), 2..5))
}

fn column(kind: Kind, raw: &[Option<u64>]) -> Column {
    let text = |number: u64| -> String {
        let alphabet = [
            'a', 'é', '"', ',', '\n', '\r', ' ', '\u{feff}', '0', '\0', '漢', '𝄞', '-', '\'', '\\',
            ';',
        ];
        (0..number % 7)
            .map(|place| alphabet[(number >> (8 + 4 * place)) as usize % 16])
            .collect()
    };
    match kind {
        Kind::Text => {
            let texts: Vec<_> = raw.iter().map(|number| number.map(text)).collect();
            Column::from_text(kind, texts.iter().map(Option::as_deref)).unwrap()
        }
        Kind::Bytes => {
            let bytes = |number: u64| hex::encode(&number.to_le_bytes()[..(number % 9) as usize]);
            let texts: Vec<_> = raw.iter().map(|number| number.map(bytes)).collect();
            Column::from_text(kind, texts.iter().map(Option::as_deref)).unwrap()
        }
        Kind::Decimal128(_) => {
            let digits = |number: u64| {
                format!("-0.{number:020}{number:018.18}")
                    .chars()
                    .take(41)
                    .collect::<String>()
            };
            let texts: Vec<_> = raw.iter().map(|number| number.map(digits)).collect();
            Column::from_text(kind, texts.iter().map(Option::as_deref)).unwrap()
        }
        keyed => {
            let (low, high) = keyed.keys().unwrap();
            let key = |number: u64| {
                let key =
                    (u128::from(low) + u128::from(number) % (u128::from(high - low) + 1)) as u64;
                if keyed.is_key(key) { key } else { high }
            };
            Column::from_keys(keyed, raw.iter().map(|number| number.map(key))).unwrap()
        }
    }
}

fn table(plan: &[(Kind, Raw)]) -> Table {
    let columns: Vec<_> = plan.iter().map(|(kind, raw)| column(*kind, raw)).collect();
    let name = |index| format!("column \"{index}\", ü");
    let fields = plan.iter().zip(&columns).enumerate();
    let fields = fields
        .map(|(index, ((kind, _), column))| Field::new(name(index), *kind, column.nulls() > 0));
    Table::new(Schema::new(fields.collect()).unwrap(), columns).unwrap()
}

fn types(table: &Table) -> Types {
    let types = table.schema().columns().iter();
    let types: Vec<(String, Type)> = types
        .map(|field| (field.name.clone(), field.kind))
        .collect();
    Types::new(types).unwrap()
}

fn write_parquet(table: &Table, file: &Path) {
    let mut writer = ParquetWriter::create(file, table.schema()).unwrap();
    for part in table.split_rows(&halves(table.rows().rows())).unwrap() {
        writer.write(part.rows()).unwrap();
    }
    writer.finish().unwrap();
}

fn write_csv(table: &Table, file: &Path) {
    let mut writer = CsvWriter::create(file, table.schema()).unwrap();
    for part in table.split_rows(&halves(table.rows().rows())).unwrap() {
        writer.write(part.rows()).unwrap();
    }
    writer.finish().unwrap();
}

fn halves(rows: usize) -> [usize; 2] {
    [rows / 2, rows - rows / 2]
}

/// The rows as text, to compare without printing them.
fn rows(table: &Table) -> Vec<Vec<Option<String>>> {
    let fields = table.schema().columns().iter().zip(table.rows().columns());
    let fields: Vec<_> = fields.collect();
    let row = |row| {
        fields
            .iter()
            .map(|(field, column)| column.show(field.kind.kind, row))
            .collect()
    };
    (0..table.rows().rows()).map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parquet_and_back(plan in plan(0..40)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.parquet");
        let table = table(&plan);
        write_parquet(&table, &file);
        let read = Table::read(Reader::open(&file, &Options::default()).unwrap()).unwrap();
        prop_assert_eq!(read.schema(), table.schema());
        prop_assert!(read == table);
    }

    #[test]
    fn csv_and_back(plan in plan(0..40)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        let table = table(&plan);
        write_csv(&table, &file);
        let options = Options { types: types(&table), ..Options::default() };
        let read = Table::read(Reader::open(&file, &options).unwrap()).unwrap();
        prop_assert!(read == table);
        // Whatever types are inferred, it is read.
        let inferred = Table::read(Reader::open(&file, &Options::default()).unwrap()).unwrap();
        prop_assert_eq!(inferred.rows().rows(), table.rows().rows());
    }

    #[test]
    fn a_digest_knows_no_batches(plan in plan(0..300), cuts in prop::collection::vec(0usize..300, 0..6)) {
        let table = table(&plan);
        let count = table.rows().rows();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(count)).chain([0, count]).collect();
        cuts.sort_unstable();
        let lengths: Vec<_> = cuts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for algorithm in [Algorithm::Blake3, Algorithm::Sha3] {
            let mut digester = Digester::new(table.schema(), algorithm);
            for part in table.split_rows(&lengths).unwrap() {
                digester.update(part.rows());
            }
            prop_assert_eq!(digester.finish(), table.digest(algorithm));
        }
    }

    #[test]
    fn another_dataset_has_another_digest(
        plan in plan(1..20), row in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), change in 0..5
    ) {
        let before = table(&plan);
        let mut plan = plan;
        let rows = before.rows().rows();
        let (row, at) = (row.index(rows), at.index(plan.len()));
        let last = plan.len() - 1;
        match change {
            0 => plan[at].1[row] = match plan[at].1[row] { None => Some(0), Some(_) => None },
            1 => plan.iter_mut().for_each(|(_, raw)| raw.push(None)),
            2 => plan.iter_mut().for_each(|(_, raw)| { raw.remove(row); }),
            3 => plan.iter_mut().for_each(|(_, raw)| raw.swap(row, 0)),
            _ => plan.swap(at, last),
        }
        let after = table(&plan);
        // Nullability is no part of the canonical form.
        let same = before.schema().agrees(after.schema()) && before.rows() == after.rows();
        prop_assert_eq!(before.digest(Algorithm::Blake3) == after.digest(Algorithm::Blake3), same);
        prop_assert!(change >= 3 || !same, "{}", change);
    }

    #[test]
    fn transformations(plan in plan(0..60), bounds in any::<(u64, u64)>(), seed in any::<[u8; 32]>()) {
        let table = table(&plan);
        let field = &table.schema().columns()[0];
        let (name, kind) = (field.name.as_str(), field.kind.kind);
        let all = rows(&table);

        let parts = table.split(&seed, &[3, 0, 1]).unwrap();
        let assignment = table.assignment(&seed, &[3, 0, 1]).unwrap();
        let merged: Vec<_> = assignment.iter().scan([0; 3], |next, part| {
            let part = usize::from(*part);
            next[part] += 1;
            Some(rows(&parts[part])[next[part] - 1].clone())
        }).collect();
        prop_assert!(merged == all);
        prop_assert_eq!(parts.iter().map(|part| part.rows().rows()).sum::<usize>(), all.len());
        prop_assert_eq!(parts[1].rows().rows(), 0);
        let joined = Table::concat(&table.split_rows(&halves(all.len())).unwrap().iter().collect::<Vec<_>>()).unwrap();
        prop_assert!(joined == table);
        let last = table.schema().columns().last().unwrap().name.as_str();
        let projected = table.project(&[last, name]).unwrap();
        prop_assert!(rows(&projected).iter().zip(&all).all(|(two, all)| two[0] == all[all.len() - 1] && two[1] == all[0]));

        let Some(keys) = table.rows().columns()[0].keys() else {
            prop_assert!(table.sort(name, false).is_err());
            prop_assert!(Range::parse(table.schema(), name, None, None).is_err());
            return Ok(());
        };
        let range = Range { column: name.into(), low: bounds.0.min(bounds.1), high: bounds.0.max(bounds.1) };
        let kept = (0..all.len()).filter(|row| {
            table.rows().columns()[0].is_present(*row) && range.low <= keys[*row] && keys[*row] <= range.high
        });
        let kept: Vec<_> = kept.map(|row| all[row].clone()).collect();
        prop_assert!(rows(&table.filter(&range).unwrap()) == kept);
        let open = Range::parse(table.schema(), name, None, None).unwrap();
        let numbers = all.iter().filter(|row| row[0].as_deref().is_some_and(|text| text != "NaN")).count();
        prop_assert_eq!(table.filter(&open).unwrap().rows().rows(), numbers);

        for descending in [false, true] {
            let order = table.order(name, descending).unwrap();
            let by = |row: u32| {
                let key = i128::from(keys[row as usize]);
                (!table.rows().columns()[0].is_present(row as usize), if descending { -key } else { key })
            };
            prop_assert!(order.is_sorted_by(|a, b| (by(*a), a) < (by(*b), b)));
            let sorted: Vec<_> = order.iter().map(|row| all[*row as usize].clone()).collect();
            prop_assert!(rows(&table.sort(name, descending).unwrap()) == sorted);
        }

        match table.scale(name, 2, -1) {
            Ok(scaled) => {
                let numbers = scaled.rows().columns()[0].keys().unwrap().iter().zip(keys).enumerate();
                for (row, (after, before)) in numbers.filter(|(row, _)| table.rows().columns()[0].is_present(*row)) {
                    let (after, before) = (kind.integer(*after).unwrap(), kind.integer(*before).unwrap());
                    prop_assert_eq!(after, 2 * before - 1, "row {}", row);
                }
            }
            Err(Error::Overflow { row, .. }) => {
                let before = kind.integer(keys[row - 1]).unwrap();
                prop_assert!(kind.key_of_integer(2 * before - 1).is_none());
            }
            Err(Error::Column { .. }) => {
                prop_assert!(!matches!(kind, Kind::Int(_) | Kind::Uint(_) | Kind::Decimal(_)));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

proptest! {
    // Many, because the decoder's own weak spots are rare.
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_is_an_error_or_other_data(plan in plan(1..40), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.parquet");
        write_parquet(&table(&plan), &file);
        let mut bytes = std::fs::read(&file).unwrap();
        let read = || Reader::open(&file, &Options::default()).and_then(Table::read);
        let place = place.index(bytes.len());
        std::fs::write(&file, &bytes[..place]).unwrap();
        prop_assert!(read().is_err());
        bytes[place] ^= byte;
        std::fs::write(&file, &bytes).unwrap();
        // It must come back at all.
        let _ = read();
    }
}

/// The same rows as CSV, as JSON lines and as Parquet, no types given.
#[test]
fn a_digest_knows_no_format() {
    let columns: [(&str, Kind, [Option<&str>; 3]); 8] = [
        (
            "int",
            Kind::Int(Width::W64),
            [
                Some("-9223372036854775808"),
                Some("9223372036854775807"),
                None,
            ],
        ),
        (
            "uint",
            Kind::Uint(Width::W64),
            [Some("18446744073709551615"), Some("0"), Some("1")],
        ),
        ("float", Kind::Float64, [Some("0.1"), Some("-1e300"), None]),
        ("bool", Kind::Bool, [Some("true"), None, Some("false")]),
        (
            "date",
            Kind::Date,
            [
                Some("2024-02-29"),
                Some("-000001-01-01"),
                Some("+123456-12-31"),
            ],
        ),
        (
            "local",
            Kind::Timestamp {
                unit: Unit::Micros,
                utc: false,
            },
            [Some("2024-02-29T12:00:00.5"), None, None],
        ),
        (
            "utc",
            Kind::Timestamp {
                unit: Unit::Nanos,
                utc: true,
            },
            [Some("2024-02-29T12:00:00.000000001Z"), None, None],
        ),
        ("text", Kind::Text, [Some("é, \"\n"), Some(""), None]),
    ];
    let fields = columns
        .iter()
        .map(|(name, kind, _)| Field::new(*name, *kind, true));
    let made = columns
        .iter()
        .map(|(_, kind, rows)| Column::from_text(*kind, *rows).unwrap());
    let table = Table::new(Schema::new(fields.collect()).unwrap(), made.collect()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [parquet, csv, jsonl] =
        ["parquet", "csv", "jsonl"].map(|end| folder.path().join(format!("a.{end}")));
    write_parquet(&table, &parquet);
    write_csv(&table, &csv);
    let line = |row: usize| {
        let entry = |(name, kind, rows): &(&str, Kind, [Option<&str>; 3])| {
            let value = match (kind, rows[row]) {
                (_, None) => "null".to_owned(),
                (Kind::Int(_) | Kind::Uint(_) | Kind::Float64 | Kind::Bool, Some(text)) => {
                    text.to_owned()
                }
                (_, Some(text)) => serde_json::to_string(text).unwrap(),
            };
            format!("\"{name}\": {value}")
        };
        format!(
            "{{{}}}\n",
            columns.iter().map(entry).collect::<Vec<_>>().join(", ")
        )
    };
    std::fs::write(&jsonl, (0..3).map(line).collect::<String>()).unwrap();
    for file in [parquet, csv, jsonl] {
        let read = Table::read(Reader::open(&file, &Options::default()).unwrap()).unwrap();
        assert!(read.schema().agrees(table.schema()), "{:?}", read.schema());
        assert_eq!(
            read.digest(Algorithm::Blake3),
            table.digest(Algorithm::Blake3),
            "{}",
            file.display()
        );
    }
}

/// Parquet read as other types than its own.
#[test]
fn conversions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.parquet");
    let read = |from: &str, values: [Option<&str>; 2], to: &str| {
        let kind = from.parse().unwrap();
        let schema = Schema::new(vec![Field::new("a", kind, true)]).unwrap();
        let column = Column::from_text(kind, values).unwrap();
        write_parquet(&Table::new(schema, vec![column]).unwrap(), &file);
        let types = Types::new(vec![("a".into(), to.parse().unwrap())]).unwrap();
        let table = Table::read(Reader::open(
            &file,
            &Options {
                types,
                ..Options::default()
            },
        )?)?;
        let to = table.schema().columns()[0].kind.kind;
        Ok::<_, Error>(
            [0, 1].map(|row| table.rows().columns()[0].show(to, row).unwrap_or_default()),
        )
    };
    let same = |from, values: [&str; 2], to| {
        let got = read(
            from,
            values.map(|text| (!text.is_empty()).then_some(text)),
            to,
        );
        assert_eq!(
            got.map_err(|error| error.to_string()),
            Ok(values.map(String::from)),
            "{from} as {to}"
        );
    };
    same("int64", ["-128", ""], "int8?");
    same("int8", ["127", "0"], "uint64");
    same("uint64", ["18446744073709551615", "0"], "uint64");
    same("float32", ["0.5", "NaN"], "float64");
    same("decimal128(2)", ["9999999999999999.99", ""], "decimal(2)?");
    same(
        "timestamp[ns]",
        ["2024-01-01T00:00:00.000001", ""],
        "timestamp[us]?",
    );
    same(
        "timestamp[us, UTC]",
        ["2024-01-01T00:00:00.000001Z", ""],
        "timestamp[ns, UTC]?",
    );

    same("decimal(2)", ["-0.01", ""], "decimal128(2)?");
    assert_eq!(
        read("bytes", [Some("c3a9"), None], "text?").unwrap_or_default(),
        ["é".to_owned(), String::new()]
    );

    for (from, value, to) in [
        ("bytes", "ff", "text?"),
        ("int64", "128", "int8?"),
        ("int64", "-1", "uint64?"),
        ("decimal128(2)", "10000000000000000.00", "decimal(2)?"),
        (
            "timestamp[ns]",
            "2024-01-01T00:00:00.000000001",
            "timestamp[us]?",
        ),
        ("timestamp[us]", "9999-12-31T00:00:00", "timestamp[ns]?"),
        ("int64", "1", "int64"),
    ] {
        let values = if to == "int64" {
            [Some(value), None]
        } else {
            [None, Some(value)]
        };
        match read(from, values, to) {
            Err(Error::Value { place, .. }) => {
                assert!(place.to_string().ends_with("row 2"), "{place}")
            }
            other => panic!(
                "{from} as {to}: {:?}",
                other.map_err(|error| error.to_string())
            ),
        }
    }
    for (from, value, to) in [
        ("int64", "1", "text?"),
        ("float64", "1.0", "float32?"),
        ("decimal(2)", "1.00", "decimal(3)?"),
        (
            "timestamp[us]",
            "2024-01-01T00:00:00",
            "timestamp[us, UTC]?",
        ),
        ("text", "1", "int64?"),
    ] {
        let refused = read(from, [None, Some(value)], to);
        assert!(
            matches!(refused, Err(Error::Conversion { .. })),
            "{from} as {to}"
        );
    }
}
