//! What a check costs at the edge: `cargo xtask bench edge [-- --json]`.
//!
//! The component in its host and the same gate natively, in turns, over the same requests. Checks are `POST /verify`:
//! decoding, terms, times and the proof, without the claim. `GET /health` beside it tells what HTTP itself costs.

#![allow(clippy::unwrap_used, reason = "a measurement that fails says so")]

use edge_host::{Clock, Host, Limits};
use futures::StreamExt as _;
use http::{Request, Response};
use prooflane::edge::{Edge, Setup};
use prooflane::payer::circuit;
use prooflane_gate::wire::PaymentPayload;
use prooflane_gate::{Gate, Secrets, SendError, World};
use prooflane_tests_edge::{AMOUNT, Street, component, manifest, now, refusal, sold, variables};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Payments that are made, each of a receipt of its own.
const PAYMENTS: usize = 200;
/// Requests at once, where it is about throughput.
const AT_ONCE: usize = 8;

struct Row {
    case: &'static str,
    who: &'static str,
    median: Option<Duration>,
    per_second: Option<f64>,
}

#[tokio::main]
async fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let street = Street::start(|_| {}).await;
    let native = native(&street).await;
    let http = prooflane_client::http().build().unwrap();
    let gates = [("component", street.host.url()), ("native", native.url())];
    let purchase = street.purchase("/reports");
    let asked = street.asked(&purchase).await;
    let payment = street.pay(&asked, &street.receipt(), now()).await;
    let question = json!({
        "x402Version": 2, "paymentPayload": payment, "paymentRequirements": payment.accepted,
    });
    let mut rows = cold_start(&street, &question).await;
    rows.push(in_process(&street, &question).await);

    // One at a time, in turns.
    let mut times = vec![[Vec::new(), Vec::new()]; 2];
    for _ in 0..200 {
        for ((_, url), times) in gates.iter().zip(&mut times) {
            let started = Instant::now();
            let health = http.get(format!("{url}/health")).send().await.unwrap();
            assert!(health.status().is_success());
            let _ = health.bytes().await.unwrap();
            times[0].push(started.elapsed());
            let started = Instant::now();
            let check = http
                .post(format!("{url}/verify"))
                .json(&question)
                .send()
                .await
                .unwrap();
            let answer: Value = check.json().await.unwrap();
            times[1].push(started.elapsed());
            assert_eq!(answer["isValid"], true, "{answer}");
        }
    }
    for ((who, _), times) in gates.iter().zip(times) {
        for (case, times) in ["health", "check"].into_iter().zip(times) {
            rows.push(Row {
                case,
                who,
                median: Some(median(times)),
                per_second: None,
            });
        }
    }

    // Many at once, each gate alone.
    for (who, url) in &gates {
        let mut payments = Vec::new();
        for _ in 0..PAYMENTS {
            let mut purchase = street.purchase("/reports");
            let path = format!("{url}/reports");
            purchase.url = path.parse().unwrap();
            let asked = street.asked(&purchase).await;
            payments.push(street.pay(&asked, &street.receipt(), now()).await);
        }
        let all = |header: fn(&PaymentPayload) -> String, expected: u16| {
            let (http, url) = (&http, format!("{url}/reports"));
            let requests: Vec<_> = payments.iter().map(header).collect();
            async move {
                let started = Instant::now();
                let count = requests.len();
                let answers = requests.into_iter().map(|header| {
                    let request = http.get(&url).header("PAYMENT-SIGNATURE", header);
                    async move { request.send().await.unwrap() }
                });
                let answers: Vec<_> = futures::stream::iter(answers)
                    .buffer_unordered(AT_ONCE)
                    .collect()
                    .await;
                let rate = count as f64 / started.elapsed().as_secs_f64();
                for answer in answers {
                    let status = answer.status().as_u16();
                    if status != expected {
                        panic!("expected {expected}, got {:?}", refusal(answer).await);
                    }
                }
                rate
            }
        };
        let garbage = |_: &PaymentPayload| "e30=".to_owned();
        let stale = |payment: &PaymentPayload| {
            let mut payment = payment.clone();
            payment.payload["nonce"] = json!("0".repeat(64));
            header(&payment)
        };
        let forged = |payment: &PaymentPayload| {
            let mut payment = payment.clone();
            payment.payload["nullifier"] = json!(format!("0x{:064x}", 7));
            header(&payment)
        };
        for (case, rate) in [
            ("no payment in the header", all(garbage, 400).await),
            ("a nonce of nobody's", all(stale, 402).await),
            ("a proof of something else", all(forged, 402).await),
            ("distinct payments, claimed at home", all(header, 200).await),
        ] {
            rows.push(Row {
                case,
                who,
                median: None,
                per_second: Some(rate),
            });
        }
    }
    print(&rows, as_json);
    drop(native);
    street.stop().await;
}

fn header(payment: &PaymentPayload) -> String {
    let (_, value) = prooflane_gate::payment_header(payment);
    value.to_str().unwrap().to_owned()
}

/// The same gate in this process.
async fn native(street: &Street) -> Edge {
    let key = street.node.keys.get(circuit().unwrap()).unwrap();
    let mut config = sold("", &street.origin.url, &street.node.url(), &street.attestor);
    config.as_object_mut().unwrap().remove("publicOrigin");
    Edge::here(Setup {
        config,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        home: street.node.url(),
        key: key.verifying_key().clone(),
        secrets: Secrets {
            home_key: String::new(),
            nonce_secret: [7; 32],
        },
    })
    .await
    .unwrap()
}

/// The gate itself, called without HTTP.
async fn in_process(street: &Street, question: &Value) -> Row {
    let key = street.node.keys.get(circuit().unwrap()).unwrap();
    let (origin, home) = (&street.origin.url, street.node.url());
    let config = sold("http://shop.example", origin, &home, &street.attestor);
    let secrets = Secrets {
        home_key: String::new(),
        nonce_secret: [7; 32],
    };
    let key = key.verifying_key().to_compact();
    let gate = Gate::new(&config.to_string(), &key, secrets).unwrap();
    let body = serde_json::to_vec(question).unwrap();
    let mut times = Vec::new();
    for _ in 0..200 {
        let request = Request::post("/verify").body(body.clone()).unwrap();
        let started = Instant::now();
        let answer = gate.serve(request, &Alone).await.into_body();
        times.push(started.elapsed());
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["isValid"], true, "{answer}");
    }
    Row {
        case: "check, without HTTP",
        who: "native",
        median: Some(median(times)),
        per_second: None,
    }
}

/// A world that remembers nothing and knows nobody.
struct Alone;

impl World for Alone {
    type Body = Vec<u8>;

    fn now_seconds(&self) -> u64 {
        now()
    }

    fn entropy(&self) -> [u8; 16] {
        [0; 16]
    }

    async fn kept(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    async fn keep(&self, _: &str, _: Vec<u8>) {}

    async fn send(&self, _: Request<Vec<u8>>, _: Duration) -> Result<Response<Vec<u8>>, SendError> {
        Err(SendError::NotSent("there is nobody".to_owned()))
    }

    async fn read(&self, body: Vec<u8>, _: usize) -> Result<Vec<u8>, SendError> {
        Ok(body)
    }

    fn body(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}

/// From the precompiled module to the first answer, and on to the first proof that is checked.
async fn cold_start(street: &Street, question: &Value) -> Vec<Row> {
    let http = prooflane_client::http().build().unwrap();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..20 {
        let variables = variables(street);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let started = Instant::now();
        let host = Host::start(edge_host::Config {
            component: component(),
            manifest: manifest(),
            variables,
            listen,
            limits: Limits::default(),
            clock: Clock::default(),
        })
        .await
        .unwrap();
        let url = host.url();
        let health = http.get(format!("{url}/health")).send().await.unwrap();
        assert!(health.status().is_success());
        times[0].push(started.elapsed());
        let check = http.post(format!("{url}/verify")).json(question);
        let answer: Value = check.send().await.unwrap().json().await.unwrap();
        times[1].push(started.elapsed());
        assert_eq!(answer["isValid"], true, "{answer}");
        host.stop().await;
    }
    let cases = ["start to first answer", "start to first check"];
    let rows = cases.into_iter().zip(times);
    let rows = rows.map(|(case, times)| Row {
        case,
        who: "component",
        median: Some(median(times)),
        per_second: None,
    });
    rows.collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn print(rows: &[Row], as_json: bool) {
    if !as_json {
        println!("one payment costs {AMOUNT}; {AT_ONCE} requests at once where it is per second");
        println!("| case | who | median, ms | per second |\n|---|---|--:|--:|");
    }
    for Row {
        case,
        who,
        median,
        per_second,
    } in rows
    {
        let ms = median.map(|time| time.as_secs_f64() * 1e3);
        if as_json {
            let row = json!({
                "bench": "edge", "case": case, "who": who, "median_ms": ms, "per_second": per_second,
            });
            println!("{row}");
        } else {
            let ms = ms.map_or(String::new(), |ms| format!("{ms:.2}"));
            let rate = per_second.map_or(String::new(), |rate| format!("{rate:.0}"));
            println!("| {case} | {who} | {ms} | {rate} |");
        }
    }
}
