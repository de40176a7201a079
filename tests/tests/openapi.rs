//! The committed descriptions are those of the code, and complete.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use serde_json::Value;
use std::path::Path;

/// Compares, or with `UPDATE_DOCS` writes.
fn is_committed(file: &str, current: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, current).unwrap();
        return;
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == current,
        "docs/{file} is not what the code says: run `cargo xtask openapi`, and commit it"
    );
}

#[test]
fn the_committed_description_is_that_of_the_code() {
    is_committed("openapi.json", &prooflane_api::openapi_json());
}

#[test]
fn the_committed_errors_are_those_of_the_code() {
    is_committed("errors.md", &prooflane_api::errors_markdown());
    for code in prooflane_api::CODES {
        assert!(
            !code.title.is_empty() && !code.caller.is_empty(),
            "{}",
            code.code
        );
    }
}

fn description() -> Value {
    serde_json::from_str(&prooflane_api::openapi_json()).unwrap()
}

#[test]
fn every_route_that_is_promised_is_described() {
    let description = description();
    let paths = description["paths"].as_object().unwrap();
    for route in [
        "POST /v1/tasks",
        "GET /v1/tasks",
        "GET /v1/tasks/{}",
        "GET /v1/tasks/{}/proof",
        "GET /v1/tasks/{}/events",
        "DELETE /v1/tasks/{}",
        "POST /v1/provers",
        "GET /v1/provers",
        "POST /v1/provers/{}/asks",
        "POST /v1/provers/{}/claim",
        "POST /v1/assignments/{}/{}/heartbeat",
        "POST /v1/assignments/{}/{}/result",
        "POST /v1/assignments/{}/{}/failure",
        "GET /v1/tasks/{}/transcripts",
        "GET /v1/provers/{}/late",
        "POST /v1/tasks/{}/fulfilment/join",
        "POST /v1/tasks/{}/fulfilment/commitment",
        "POST /v1/tasks/{}/fulfilment/reveal",
        "GET /v1/accounts",
        "POST /v1/accounts/{}/deposits",
        "GET /v1/circuits",
        "GET /v1/circuits/{}/verifying-key",
        "POST /v1/verify",
        "POST /v1/payments/redeem",
        "POST /v1/attestations",
        "POST /v1/quote",
        "GET /v1/ledger",
        "GET /v1/ledger/checkpoint",
        "GET /v1/ledger/tile/{}",
        "POST /v1/ledger/witness/add-checkpoint",
        "POST /v1/ledger/operations",
        "GET /v1/ledger/operations",
        "GET /v1/ledger/operations/{}",
        "GET /v1/ledger/operations/{}/receipt",
        "GET /v1/ledger/operations/{}/evidence",
        "GET /v1/ledger/datasets/{}",
        "GET /v1/ledger/datasets/{}/operations",
        "GET /v1/ledger/datasets/{}/lineage",
        "GET /v1/ledger/datasets/{}/permissions",
        "PUT /v1/ledger/datasets/{}/permissions/{}",
        "GET /health",
        "GET /metrics",
        "POST /api/v1/proofs",
        "GET /api/v1/proofs/{}",
        "POST /api/v1/tasks/merkle",
        "GET /api/v1/tasks/{}",
        "POST /tasks",
        "GET /tasks/{}/status",
        "POST /provers/register",
        "POST /provers/heartbeat",
        "GET /provers",
        "GET /tasks/assign/{}",
        "POST /tasks/result",
        "POST /generate-proof",
    ] {
        let (method, wanted) = route.split_once(' ').unwrap();
        let described = paths.iter().any(|(path, methods)| {
            let blank = |part| {
                if str::starts_with(part, '{') {
                    "{}"
                } else {
                    part
                }
            };
            let path: Vec<_> = path.split('/').map(blank).collect();
            path.join("/") == wanted && !methods[method.to_lowercase()].is_null()
        });
        assert!(described, "{route}");
    }
}

#[test]
fn every_reference_resolves_and_every_path_parameter_is_declared() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let description = description();
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
    for (path, methods) in description["paths"].as_object().unwrap() {
        let named = path.split('/').filter_map(|part| part.strip_prefix('{'));
        let named: Vec<_> = named.map(|part| part.trim_end_matches('}')).collect();
        for method in methods.as_object().unwrap().values() {
            let none = Vec::new();
            let parameters = method["parameters"].as_array().unwrap_or(&none);
            let declared = parameters.iter().filter(|p| p["in"] == "path");
            let declared: Vec<_> = declared.map(|p| p["name"].as_str().unwrap()).collect();
            assert_eq!(declared, named, "{path}");
        }
    }
}
