//! What the root of a dataset's rows is good for, judged by the circuit that proves over it.

#![allow(clippy::unwrap_used, reason = "tests")]

use prooflane_circuits::{Circuit, find};
use prooflane_dataset::{Algorithm, Column, Field, Kind, Range, Schema, Table, Width};
use prooflane_ledger::{
    Commitment, Error, Evidence, Opening, Permission, Source, Statement, row_inputs,
};
use serde_json::Value;

/// Rows of 9 numbers: a key, four of a text, two of a wide decimal, two keys with nulls.
fn orders(rows: usize) -> Table {
    let fields = vec![
        Field::new("id", Kind::Int(Width::W32), false),
        Field::new("city", Kind::Text, true),
        Field::new("wide", Kind::Decimal128(3), false),
        Field::new("price", Kind::Decimal(2), true),
        Field::new("ratio", Kind::Float64, true),
    ];
    let text = |kind, of: &dyn Fn(usize) -> Option<String>| {
        let values: Vec<_> = (0..rows).map(of).collect();
        Column::from_text(kind, values.iter().map(Option::as_deref)).unwrap()
    };
    let columns = vec![
        text(fields[0].kind.kind, &|row| {
            Some((-(row as i64)).to_string())
        }),
        text(Kind::Text, &|row| {
            (row % 5 != 1).then(|| format!("city {row}"))
        }),
        text(fields[2].kind.kind, &|row| Some(format!("{row}.5"))),
        text(fields[3].kind.kind, &|row| {
            (row % 4 != 3).then(|| format!("{row}.25"))
        }),
        text(Kind::Float64, &|row| {
            [Some("nan"), Some("-inf"), None, Some("1.5")][row % 4].map(Into::into)
        }),
    ];
    Table::new(Schema::new(fields).unwrap(), columns).unwrap()
}

fn opening(table: &Table) -> Opening {
    Opening::new("orders", table, Algorithm::Blake3).unwrap()
}

fn circuit() -> &'static dyn Circuit {
    find("dataset-row@1").unwrap()
}

/// Inputs for a range given as texts.
fn inputs(
    opening: &Opening,
    table: &Table,
    row: usize,
    (column, low, high): (&str, Option<&str>, Option<&str>),
) -> Result<Value, Error> {
    let range = Range::parse(table.schema(), column, low, high)?;
    row_inputs(Source { opening, table }, row, &range, "0x2a")
}

fn root(statement: &Statement) -> &str {
    match statement {
        Statement::Rows { root } => root,
        other => panic!("expected a root of rows, got {other}"),
    }
}

#[test]
fn rows_lead_to_the_root() {
    for count in [1, 2, 4, 5, 16, 17, 70] {
        let table = orders(count);
        let opening = opening(&table);
        let statement = Statement::rows(&opening, &table).unwrap();
        assert_eq!(Statement::rows(&opening, &table).unwrap(), statement);
        for row in 0..count {
            let inputs = inputs(&opening, &table, row, ("id", None, Some("0"))).unwrap();
            let public = circuit().public_inputs(&inputs).unwrap();
            let public: Vec<_> = public.iter().map(ToString::to_string).collect();
            let low = "0"; // The key of the least of 32 bits.
            let high = (1_u64 << 31).to_string();
            assert_eq!(public, [root(&statement), "0", low, &high, "42"], "{row}");
        }
    }
}

#[test]
fn each_column_has_its_number() {
    let table = orders(9);
    let opening = opening(&table);
    let r1cs = circuit().r1cs().unwrap();
    for (column, low, high, row, number) in [
        ("id", "-8", "-8", 8, 0),
        ("price", "6.25", "6.25", 6, 7),
        ("price", "-1.00", "8.24", 6, 7),
        ("ratio", "1.5", "1.5", 7, 8),
        ("ratio", "-inf", "inf", 5, 8),
    ] {
        let range = (column, Some(low), Some(high));
        let inputs = inputs(&opening, &table, row, range).unwrap();
        assert_eq!(inputs["column"], number.to_string());
        let witness = circuit().witness(&inputs).unwrap();
        assert_eq!(r1cs.first_unsatisfied(witness.assignment()), None);
    }
}

#[test]
fn rows_that_are_not_in_the_range_are_refused() {
    let table = orders(9);
    let opening = opening(&table);
    let refused = |row, column, low, high| {
        let made = inputs(&opening, &table, row, (column, low, high));
        made.err().unwrap().to_string()
    };
    let price = |row, low, high| refused(row, "price", Some(low), Some(high));
    assert!(
        price(6, "6.26", "9.00")
            .ends_with("expected a value of price in the range, got a smaller one")
    );
    assert!(
        price(6, "1.00", "6.24")
            .ends_with("expected a value of price in the range, got a greater one")
    );
    assert!(price(6, "9.00", "1.00").contains("expected a value of price"));
    assert!(price(3, "0.00", "9.00").ends_with("expected a value of price in the range, got none"));
    // NaN is in no range, not even in one without bounds.
    assert!(refused(4, "ratio", None, None).ends_with("got a greater one"));
    assert!(refused(9, "price", None, None).contains("expected a row below 9, got 9"));
    for column in ["city", "wide"] {
        assert!(refused(0, column, None, None).contains(column));
    }
    assert!(refused(0, "none", None, None).contains("none"));
    let range = Range::parse(table.schema(), "id", None, None).unwrap();
    let source = Source {
        opening: &opening,
        table: &table,
    };
    let unbound = row_inputs(source, 0, &range, "-1");
    assert!(unbound.err().unwrap().to_string().contains("binding"));
}

/// Who changes anything of the row, its salt or its place gets another root.
#[test]
fn inputs_are_of_one_row() {
    let table = orders(30);
    let opening = opening(&table);
    let [first, second] =
        [10, 11].map(|row| inputs(&opening, &table, row, ("id", None, None)).unwrap());
    circuit().public_inputs(&first).unwrap();
    for name in ["row", "salt", "path", "index"] {
        assert_ne!(first[name], second[name], "{name}");
        let mut mixed = first.clone();
        mixed[name] = second[name].clone();
        let error = circuit().public_inputs(&mixed).unwrap_err();
        assert_eq!(error.field(), "inputs.root", "{name}");
    }
}

#[test]
fn roots_are_of_an_opening_and_its_data() {
    let (table, other) = (orders(5), orders(6));
    let (ours, anew) = (opening(&table), opening(&table));
    let [of_ours, of_anew] = [&ours, &anew].map(|of| Statement::rows(of, &table).unwrap());
    assert_ne!(of_ours, of_anew, "salts differ");
    let swapped = table.take(&[1, 0, 2, 3, 4]);
    for data in [&other, &swapped] {
        let made = Statement::rows(&ours, data);
        assert!(matches!(made, Err(Error::OtherData { .. })));
        let made = inputs(&ours, data, 0, ("id", None, None));
        assert!(matches!(made, Err(Error::OtherData { .. })));
    }
}

fn verify(
    statement: Statement,
    inputs: &[&Commitment],
    outputs: &[&Commitment],
) -> Result<Option<f64>, Error> {
    let owned = |of: &[&Commitment]| of.iter().copied().cloned().collect();
    let evidence = Evidence {
        statement,
        inputs: owned(inputs),
        outputs: owned(outputs),
        proofs: Vec::new(),
    };
    let read = Evidence::from_bytes(&evidence.to_bytes()?)?;
    Ok(read.verify()?.security_bits)
}

#[test]
fn a_root_is_recorded_of_one_dataset() {
    let table = orders(3);
    let opening = opening(&table);
    let of = opening.commitment();
    let statement = Statement::rows(&opening, &table).unwrap();
    assert_eq!(statement.name(), "rows");
    assert_eq!(Permission::to_record(&statement), Permission::Administer);
    assert!(statement.to_string().contains("nothing proves"));
    let figures = statement.figures(of).unwrap();
    let figures: Vec<_> = figures.iter().map(|f| (&*f.name, &*f.value)).collect();
    let columns = [
        ("column 0", "id"),
        ("column 7", "price"),
        ("column 8", "ratio"),
    ];
    assert_eq!(figures[0], ("root", root(&statement)));
    assert_eq!(figures[1..], columns);

    assert_eq!(verify(statement.clone(), &[of], &[]).unwrap(), None);
    assert!(verify(statement.clone(), &[], &[]).is_err());
    assert!(verify(statement.clone(), &[of, of], &[]).is_err());
    assert!(verify(statement, &[of], &[of]).is_err());
    let modulus = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
    for root in [modulus, "", "-1", "01", "0x1", "one"] {
        let statement = Statement::Rows { root: root.into() };
        let error = verify(statement, &[of], &[]).unwrap_err().to_string();
        assert!(error.contains("expected a root"), "{error}");
    }
}

#[test]
fn rows_are_not_too_long() {
    let kind = Kind::Bool;
    let of = |columns: usize| {
        let fields = (0..columns).map(|n| Field::new(format!("c{n}"), kind, false));
        let schema = Schema::new(fields.collect()).unwrap();
        let column = || Column::from_text(kind, [Some("true")]).unwrap();
        let table = Table::new(schema, (0..columns).map(|_| column()).collect()).unwrap();
        let opening = opening(&table);
        let statement = Statement::rows(&opening, &table);
        (opening, statement)
    };
    let (_, longest) = of(60);
    let (opening, too_long) = of(61);
    let error = too_long.err().unwrap().to_string();
    assert!(error.contains("1 to 60 numbers, got 61"), "{error}");
    assert!(verify(longest.unwrap(), &[opening.commitment()], &[]).is_err());
}
