//! Every wrong input is refused with the name of its field, and without the value of a private one.

use super::*;

/// The example with the value at `pointer` replaced, or removed if there is none.
fn changed(example: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut inputs = example.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = inputs.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(map), Some(value)) => drop(map.insert(name.to_owned(), value)),
        (Value::Object(map), None) => drop(map.remove(name)),
        (Value::Array(list), Some(value)) => list[name.parse::<usize>().unwrap()] = value,
        (Value::Array(list), None) => list.clear(),
        (other, _) => panic!("nothing to change in {other}"),
    }
    inputs
}

/// Asserts that `inputs` is refused on account of `field`, and returns the message.
fn refused(id: &str, inputs: &Value, field: &str) -> String {
    let error = circuit(id)
        .public_inputs(inputs)
        .expect_err(&inputs.to_string());
    assert_eq!(circuit(id).witness(inputs).unwrap_err(), error);
    assert_eq!(error.field(), field, "{error}");
    assert!(
        error
            .to_string()
            .starts_with(&format!("{field}: expected ")),
        "{error}"
    );
    error.to_string()
}

const R: &str = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
/// A value that must not occur in an error about a private field.
const PRIVATE: &str = "31337-private";

fn check_field(id: &str, example: &Value, pointer: &str, optional: bool, bad: &[Value]) {
    let path = pointer.trim_start_matches('/').replace('/', ".");
    let field = format!("inputs.{path}");
    if !optional {
        assert!(refused(id, &changed(example, pointer, None), &field).ends_with("got nothing"));
    }
    let common = [
        json!(PRIVATE),
        json!(true),
        json!([PRIVATE]),
        json!({ PRIVATE: 1 }),
    ];
    for value in common.iter().chain(bad) {
        let inputs = changed(example, pointer, Some(value.clone()));
        match value {
            // Any text will do for these.
            Value::String(_) if ["/recipientKey", "/asset", "/txHash"].contains(&pointer) => {
                continue;
            }
            // These look inside.
            Value::Object(_) if ["/attestorKey", "/signature"].contains(&pointer) => continue,
            _ => refused(id, &inputs, &field),
        };
    }
}

fn bad_u64() -> Vec<Value> {
    vec![
        json!(""),
        json!("-1"),
        json!("+1"),
        json!("01"),
        json!("1.0"),
        json!("18446744073709551616"),
        json!(-1),
        json!(1.5),
        json!(1e30),
    ]
}

fn bad_fields() -> Vec<Value> {
    vec![
        json!(""),
        json!(R),
        json!("-1"),
        json!("007"),
        json!("0x"),
        json!("0xzz"),
        json!(7),
        json!(format!("0x{}", "ff".repeat(32))),
    ]
}

#[test]
fn payment_fields() {
    let id = "payment@1";
    let example = circuit(id).example();
    for name in [
        "minAmount",
        "maxBlockAge",
        "currentTime",
        "actualAmount",
        "paymentTime",
    ] {
        check_field(id, &example, &format!("/{name}"), false, &bad_u64());
    }
    for (pointer, optional) in [
        ("/binding", true),
        ("/nullifier", true),
        ("/payerSecret", false),
        ("/signature/s", false),
    ] {
        check_field(id, &example, pointer, optional, &bad_fields());
    }
    for pointer in ["/attestorKey/x", "/attestorKey/y"] {
        check_field(id, &example, pointer, false, &bad_fields());
    }
    for pointer in ["/recipientKey", "/asset", "/txHash", "/attestorKey"] {
        check_field(id, &example, pointer, false, &[json!(7)]);
    }
    check_field(
        id,
        &example,
        "/signature/r8",
        false,
        &[json!(["1"]), json!(["1", "2", "3"]), json!([R, "1"])],
    );
    check_field(
        id,
        &example,
        "/signature",
        false,
        &[json!("0x00"), json!(format!("0x{}", "ff".repeat(64)))],
    );
    refused(
        id,
        &changed(&example, "/recipientKey", Some(json!(""))),
        "inputs.recipientKey",
    );
    refused(
        id,
        &changed(&example, "/amount", Some(json!("1"))),
        "inputs.amount",
    );
    refused(
        id,
        &changed(&example, "/signature/S", Some(json!("1"))),
        "inputs.signature.S",
    );
    for inputs in [json!(null), json!([]), json!("payment")] {
        refused(id, &inputs, "inputs");
    }
}

#[test]
fn payment_relations() {
    let id = "payment@1";
    let example = circuit(id).example();
    for (pointer, value, field) in [
        ("/minAmount", json!(1_500_001), "inputs.actualAmount"),
        ("/currentTime", json!(1_699_999_949), "inputs.paymentTime"),
        ("/maxBlockAge", json!("49"), "inputs.paymentTime"),
        ("/attestorKey/x", json!("5"), "inputs.attestorKey"),
        (
            "/attestorKey",
            json!({ "x": "0", "y": "1" }),
            "inputs.attestorKey",
        ),
        ("/actualAmount", json!("1500001"), "inputs.signature"),
        ("/recipientKey", json!("merchant-2"), "inputs.signature"),
        ("/signature/r8", json!(["0", "1"]), "inputs.signature"),
        ("/nullifier", json!("1"), "inputs.nullifier"),
    ] {
        refused(id, &changed(&example, pointer, Some(value)), field);
    }
}

#[test]
fn private_values_are_not_repeated() {
    let example = circuit("payment@1").example();
    let message = |pointer: &str, value: Value| {
        circuit("payment@1")
            .witness(&changed(&example, pointer, Some(value)))
            .unwrap_err()
            .to_string()
    };
    for pointer in [
        "/actualAmount",
        "/payerSecret",
        "/paymentTime",
        "/signature",
        "/signature/s",
        "/signature/r8",
    ] {
        for value in [
            json!(PRIVATE),
            json!({ "x": PRIVATE }),
            json!([PRIVATE, PRIVATE]),
        ] {
            let message = message(pointer, value.clone());
            assert!(!message.contains("31337-private\""), "{message}");
            assert!(!message.contains("got 31337"), "{message}");
        }
    }
    assert!(
        message("/actualAmount", json!("31337")).contains("got less")
            && !message("/actualAmount", json!("31337")).contains("31337")
    );
    assert!(
        message("/minAmount", json!("x31337")).ends_with("got \"x31337\""),
        "public values are repeated"
    );
    assert!(
        message("/minAmount", json!("x".repeat(1000))).len() < 250,
        "but not at any length"
    );
}

#[test]
fn equal_forms() {
    let circuit = circuit("payment@1");
    let example = circuit.example();
    let public = circuit.public_inputs(&example).unwrap();
    let key = Attestor::from_seed(&[7; 32]);
    let signature = payment::Payment::parse(&example).unwrap().signature;
    let digits = hex::encode(ark_ff::BigInteger::to_bytes_be(
        &key.public_key().x.into_bigint(),
    ));
    let hexadecimal = format!("0x{}", digits.trim_start_matches('0'));
    for (pointer, value) in [
        (
            "/signature",
            json!(format!("0x{}", hex::encode(signature.pack()))),
        ),
        ("/minAmount", json!(1_000_000)),
        ("/currentTime", json!("1700000000")),
        ("/binding", json!("0x0")),
        ("/binding", Value::Null),
        ("/attestorKey/x", json!(hexadecimal)),
        ("/nullifier", json!(public[8].to_string())),
        ("/txHash", json!(format!("0x{}", "AB".repeat(32)))),
    ] {
        assert_eq!(
            circuit
                .public_inputs(&changed(&example, pointer, Some(value)))
                .unwrap(),
            public,
            "{pointer}"
        );
    }
    assert_eq!(
        circuit
            .public_inputs(&changed(&example, "/binding", None))
            .unwrap(),
        public
    );
}

#[test]
fn range_fields() {
    let id = "range@1";
    let example = circuit(id).example();
    for name in ["/value", "/min", "/max"] {
        check_field(id, &example, name, false, &bad_u64());
    }
    check_field(id, &example, "/blinding", false, &bad_fields());
    check_field(id, &example, "/commitment", true, &bad_fields());
    refused(
        id,
        &changed(&example, "/commitment", Some(json!("1"))),
        "inputs.commitment",
    );
    refused(
        id,
        &changed(&example, "/value", Some(json!("999999"))),
        "inputs.value",
    );
    refused(
        id,
        &changed(&example, "/value", Some(json!("2000001"))),
        "inputs.value",
    );
    refused(
        id,
        &changed(&example, "/secret", Some(json!("1"))),
        "inputs.secret",
    );
}

#[test]
fn merkle_fields() {
    let id = "merkle@1";
    let (leaves, path) = (circuit(id).example(), merkle_path(3));
    let bad_bytes = [
        json!("0x"),
        json!("0x12"),
        json!("ab".repeat(32)),
        json!(format!("0x{}", "g".repeat(64))),
    ];
    check_field(id, &path, "/leaf", false, &bad_bytes);
    check_field(
        id,
        &path,
        "/index",
        true,
        &[json!(8), json!("8"), json!(-1), json!(u64::MAX)],
    );
    check_field(id, &leaves, "/leaf_index", false, &[json!(5), json!(-1)]);
    refused(id, &changed(&path, "/path", None), "inputs.path");
    refused(
        id,
        &changed(&path, "/path", Some(json!(vec!["1"; 33]))),
        "inputs.path",
    );
    refused(
        id,
        &changed(&leaves, "/leaves", Some(json!([]))),
        "inputs.leaves",
    );
    refused(
        id,
        &changed(&leaves, "/leaves", Some(json!("0x"))),
        "inputs.leaves",
    );
    refused(
        id,
        &changed(
            &leaves,
            "/leaves",
            Some(json!(vec![bytes32(0); MAX_LEAVES + 1])),
        ),
        "inputs.leaves",
    );
    for value in bad_fields() {
        refused(
            id,
            &changed(&path, "/path/1", Some(value)),
            "inputs.path[1]",
        );
    }
    let modulus = format!(
        "0x{}",
        hex::encode(ark_ff::BigInteger::to_bytes_be(&Fr::MODULUS))
    );
    assert!(
        refused(
            id,
            &changed(&path, "/path/2", Some(json!(modulus))),
            "inputs.path[2]"
        )
        .contains("below the modulus")
    );
    for value in bad_bytes {
        refused(
            id,
            &changed(&leaves, "/leaves/4", Some(value)),
            "inputs.leaves[4]",
        );
    }
    refused(
        id,
        &changed(&path, "/root", Some(json!("1"))),
        "inputs.root",
    );
    refused(
        id,
        &changed(&path, "/leaf_index", Some(json!(1))),
        "inputs.leaf_index",
    );
    refused(
        id,
        &changed(&leaves, "/leaf", Some(json!(bytes32(0)))),
        "inputs.leaf",
    );
    refused(id, &json!({}), "inputs.leaf");
}

#[test]
fn row_fields() {
    let id = "dataset-row@1";
    let example = row_inputs(8, 3);
    for name in ["/low", "/high"] {
        check_field(id, &example, name, false, &bad_u64());
    }
    let outside = [json!(8), json!("8"), json!(60), json!(u64::MAX)];
    check_field(id, &example, "/column", false, &outside);
    check_field(id, &example, "/column", false, &bad_u64());
    let outside = [json!(1 << 22), json!(u64::MAX)];
    check_field(id, &example, "/index", false, &outside);
    check_field(id, &example, "/salt", false, &bad_fields());
    for name in ["/binding", "/root"] {
        check_field(id, &example, name, true, &bad_fields());
    }
    let replaced = |pointer: &str, value: Value| changed(&example, pointer, Some(value));
    for row in [json!([]), json!("0x"), json!({}), json!(vec![1; 61])] {
        refused(id, &replaced("/row", row), "inputs.row");
    }
    for key in bad_u64() {
        let message = refused(id, &replaced("/row/2", key), "inputs.row[2]");
        assert!(message.contains("to 2^64 - 1") && message.contains("or null"));
    }
    let level = || json!(["1", "2", "3"]);
    for path in [
        json!([]),
        json!(vec![level(); 10]),
        json!(vec![level(); 12]),
    ] {
        refused(id, &replaced("/path", path), "inputs.path");
    }
    for level in [json!([]), json!(["1", "2"]), json!(["1", "2", "3", "4"])] {
        refused(id, &replaced("/path/4", level), "inputs.path[4]");
    }
    for sibling in bad_fields() {
        refused(id, &replaced("/path/10/2", sibling), "inputs.path[10]");
    }
    refused(id, &replaced("/root", json!("1")), "inputs.root");
    refused(id, &replaced("/secret", json!("1")), "inputs.secret");
}

#[test]
fn row_relations() {
    let id = "dataset-row@1";
    let example = row_inputs(8, 3);
    let message = |pointer: &str, value: Value, field: &str| {
        let message = refused(id, &changed(&example, pointer, Some(value)), field);
        assert!(!message.contains("1003"), "{message}");
        message
    };
    for (pointer, value, end) in [
        (
            "/low",
            json!(1004),
            "a value that is at least low, got less",
        ),
        (
            "/high",
            json!(1002),
            "a value that is at most high, got more",
        ),
        (
            "/row/3",
            json!(1001),
            "a value that is at least low, got less",
        ),
        (
            "/row/3",
            json!(1005),
            "a value that is at most high, got more",
        ),
        ("/row/3", json!(null), "a value, got null"),
    ] {
        assert!(message(pointer, value, "inputs.row[3]").ends_with(end));
    }
    assert!(message("/column", json!(4), "inputs.row[4]").ends_with("got null"));
    // A root that was given is that of every other input.
    let root = circuit(id).public_inputs(&example).unwrap()[0].to_string();
    let rooted = changed(&example, "/root", Some(json!(root)));
    circuit(id).public_inputs(&rooted).unwrap();
    for (pointer, value) in [
        ("/row/0", json!(null)),
        ("/row/7", json!(1008)),
        ("/salt", json!("1")),
        ("/path/0/0", json!("1")),
        ("/index", json!(0)),
    ] {
        refused(id, &changed(&rooted, pointer, Some(value)), "inputs.root");
    }
    // Keys that a row does not have are nulls, and so is the next block's first: it is another row, though.
    let longer = changed(&example, "/row", Some(json!(vec![1003; 16])));
    assert_ne!(
        circuit(id).public_inputs(&longer).unwrap()[0].to_string(),
        root
    );
}
