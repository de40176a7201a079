//! What a component finds in a host.

use crate::parts::{Origin, ask, get, guest};
use edge_host::Clock;
use futures::future::join_all;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{Barrier, Notify};

#[tokio::test]
async fn an_instance_serves_many_requests() {
    let host = guest(|_| ()).await;
    for n in 1..=20 {
        assert_eq!(get(&host, "/served").await.ok(), n.to_string());
    }
    host.stop().await;
}

#[tokio::test]
async fn an_instance_ends_with_its_life() {
    let host = guest(|config| config.limits.requests_in_a_life = 2).await;
    let mut served = Vec::new();
    for _ in 0..4 {
        served.push(get(&host, "/served").await.ok());
    }
    assert_eq!(served, ["1", "2", "1", "2"]);
    host.stop().await;
}

#[tokio::test]
async fn requests_that_wait_are_served_at_once() {
    // It answers when all have come.
    let all = Arc::new(Barrier::new(8));
    let origin = Origin::start(move |_| {
        let all = Arc::clone(&all);
        async move {
            all.wait().await;
            "met".to_owned()
        }
    });
    let origin = origin.await;
    let host = guest(|config| {
        config.variables.insert("other".into(), origin.url.clone());
    });
    let host = host.await;
    let url = format!("{}/meet", origin.url);
    let answers = join_all((0..8).map(|_| ask(&host, "POST", "/fetch", &url))).await;
    for answer in answers {
        assert_eq!(answer.ok(), "met");
    }
    host.stop().await;
}

#[tokio::test]
async fn a_stopping_host_answers_what_is_under_way() {
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let origin = Origin::start({
        let (came, go) = (Arc::clone(&came), Arc::clone(&go));
        move |_| {
            let (came, go) = (Arc::clone(&came), Arc::clone(&go));
            async move {
                came.notify_one();
                go.notified().await;
                "late".to_owned()
            }
        }
    });
    let origin = origin.await;
    let host = guest(|config| {
        config.variables.insert("other".into(), origin.url.clone());
    });
    let host = host.await;
    let address = host.address();
    let body = origin.url.clone();
    let head = format!(
        "POST /fetch HTTP/1.0\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let under_way = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    came.notified().await;
    let stopped = tokio::spawn(host.stop());
    go.notify_one();
    let answer = under_way.await.unwrap();
    assert!(answer.ends_with("\r\n\r\nlate"), "{answer}");
    stopped.await.unwrap();
    let after = tokio::net::TcpStream::connect(address).await;
    assert!(after.is_err(), "it still listens");
}

#[tokio::test]
async fn the_address_is_that_of_the_host_header() {
    let host = guest(|_| ()).await;
    let uri = get(&host, "/uri?a=b").await.ok();
    assert_eq!(uri, "http://edge.example/uri?a=b");
    host.stop().await;
}

#[tokio::test]
async fn variables_are_those_of_the_manifest() {
    let host = guest(|_| ()).await;
    assert_eq!(get(&host, "/variable/greeting").await.ok(), "hello, s");
    // Of the application, not of the component.
    let secret = get(&host, "/variable/secret").await.failed();
    assert!(secret.contains("Undefined"), "{secret}");
    host.stop().await;
}

#[tokio::test]
async fn the_clock_can_be_set() {
    let clock = Clock::default();
    let host = guest(|config| config.clock = clock.clone()).await;
    let here = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        i64::try_from(now.unwrap().as_secs()).unwrap()
    };
    for offset in [0, 3600, -3600] {
        clock.set_offset_seconds(offset);
        let before = here() + offset;
        let there: i64 = get(&host, "/now").await.ok().parse().unwrap();
        assert!((before..=here() + offset).contains(&there));
    }
    host.stop().await;
}

#[tokio::test]
async fn randomness_differs_between_requests_and_instances() {
    let host = guest(|config| config.limits.requests_in_a_life = 2).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        assert!(seen.insert(get(&host, "/entropy").await.ok()));
    }
    host.stop().await;
}

#[tokio::test]
async fn stores_are_apart_and_shared_by_instances() {
    let host = guest(|config| config.limits.requests_in_a_life = 1).await;
    let other = guest(|_| ()).await;
    assert_eq!(
        ask(&host, "POST", "/keep/default/a", "value").await.ok(),
        "kept"
    );
    assert_eq!(get(&host, "/kept/default/a").await.ok(), "value");
    assert_eq!(get(&host, "/kept/other/a").await.failed(), "nothing");
    assert_eq!(get(&host, "/kept/default/b").await.failed(), "nothing");
    assert_eq!(get(&other, "/kept/default/a").await.failed(), "nothing");
    let denied = get(&host, "/kept/undeclared/a").await.failed();
    assert!(denied.contains("AccessDenied"), "{denied}");
    host.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn only_hosts_of_the_manifest_are_called() {
    let origin = Origin::start(async |_| "origin".to_owned()).await;
    let host = guest(|config| {
        config.variables.insert("other".into(), origin.url.clone());
    });
    let host = host.await;
    assert_eq!(
        ask(&host, "POST", "/fetch", &origin.url).await.ok(),
        "origin"
    );
    let elsewhere = Origin::start(async |_| "elsewhere".to_owned()).await;
    for url in [&elsewhere.url, &host.url(), "https://localhost:1"] {
        let refused = ask(&host, "POST", "/fetch", url).await.failed();
        assert!(refused.contains("HttpRequestDenied"), "{url}: {refused}");
    }
    host.stop().await;
}
