//! One path for each thing to do; what follows the second slash is what to do it with.

use http_body_util::BodyExt;
use spin_sdk::http::{EmptyBody, Request, StatusCode, send};
use spin_sdk::key_value::Store;
use spin_sdk::{http_service, variables, wasip3};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many requests this instance was given.
static SERVED: AtomicU64 = AtomicU64::new(0);

#[http_service]
async fn handle(request: Request) -> (StatusCode, String) {
    let served = SERVED.fetch_add(1, Ordering::Relaxed) + 1;
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let (verb, rest) = path.split_once('/').unwrap_or((&path, ""));
    let done = match verb {
        "served" => Ok(served.to_string()),
        "uri" => Ok(request.uri().to_string()),
        "now" => Ok(wasip3::clocks::system_clock::now().seconds.to_string()),
        "entropy" => Ok(wasip3::random::random::get_random_u64().to_string()),
        "variable" => variables::get(rest)
            .await
            .map_err(|error| error.to_string()),
        "keep" => keep(rest, request).await,
        "kept" => kept(rest).await,
        "fetch" => fetch(request).await,
        "spin" => loop {
            std::hint::spin_loop();
        },
        "allocate" => Ok(allocate(rest).to_string()),
        "trap" => std::process::abort(),
        _ => Err("no such thing".to_owned()),
    };
    match done {
        Ok(text) => (StatusCode::OK, text),
        Err(text) => (StatusCode::BAD_GATEWAY, text),
    }
}

/// `/keep/STORE/KEY`: the body under that key.
async fn keep(place: &str, request: Request) -> Result<String, String> {
    let (store, key) = place.split_once('/').ok_or("no key")?;
    let value = request
        .into_body()
        .collect()
        .await
        .map_err(said)?
        .to_bytes();
    let store = Store::open(store).await.map_err(said)?;
    store.set(key, value).await.map_err(said)?;
    Ok("kept".to_owned())
}

/// `/kept/STORE/KEY`.
async fn kept(place: &str) -> Result<String, String> {
    let (store, key) = place.split_once('/').ok_or("no key")?;
    let store = Store::open(store).await.map_err(said)?;
    let value = store.get(key).await.map_err(said)?.ok_or("nothing")?;
    String::from_utf8(value).map_err(said)
}

/// `/fetch`: what the URL answers that is the body.
async fn fetch(request: Request) -> Result<String, String> {
    let url = request
        .into_body()
        .collect()
        .await
        .map_err(said)?
        .to_bytes();
    let request = http::Request::get(url.as_ref())
        .body(EmptyBody::new())
        .map_err(said)?;
    let response = send(request).await.map_err(said)?;
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(said)?
        .to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// `/allocate/BYTES`, and says their sum.
fn allocate(bytes: &str) -> u64 {
    let bytes = vec![1u8; bytes.parse().unwrap_or(0)];
    std::hint::black_box(bytes)
        .iter()
        .map(|&byte| u64::from(byte))
        .sum()
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
