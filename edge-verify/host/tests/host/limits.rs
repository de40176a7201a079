//! A request that takes too much is ended, and nothing else.

use crate::parts::{Origin, ask, get, guest};
use std::time::Duration;

#[tokio::test]
async fn memory() {
    let host = guest(|config| config.limits.memory_bytes = 8 << 20).await;
    assert_eq!(get(&host, "/allocate/1000000").await.ok(), "1000000");
    assert_eq!(get(&host, "/allocate/10000000").await.status, 500);
    // Another instance.
    assert_eq!(get(&host, "/served").await.ok(), "1");
    host.stop().await;
}

#[tokio::test]
async fn time_of_one_that_computes() {
    let host = guest(|config| config.limits.time = Duration::from_millis(500)).await;
    let (computes, serves) = tokio::join!(get(&host, "/spin"), async {
        // More than one thread's worth, since this test's runtime has one.
        for _ in 0..5 {
            assert!(get(&host, "/served").await.ok().parse::<u64>().unwrap() > 0);
        }
    });
    let () = serves;
    assert_eq!(computes.status, 500);
    assert!(get(&host, "/served").await.ok().parse::<u64>().unwrap() > 0);
    host.stop().await;
}

#[tokio::test]
async fn time_of_one_that_waits() {
    let origin = Origin::start(|_| std::future::pending()).await;
    let host = guest(|config| {
        config.limits.time = Duration::from_millis(500);
        config.variables.insert("other".into(), origin.url.clone());
    });
    let host = host.await;
    let (waits, serves) = tokio::join!(
        ask(&host, "POST", "/fetch", &origin.url),
        get(&host, "/served")
    );
    assert_eq!(waits.status, 504, "{waits:?}");
    serves.ok();
    get(&host, "/served").await.ok();
    host.stop().await;
}

#[tokio::test]
async fn a_trap() {
    let host = guest(|_| ()).await;
    for _ in 0..3 {
        assert_eq!(get(&host, "/trap").await.status, 500);
        assert_eq!(get(&host, "/served").await.ok(), "1", "another instance");
    }
    host.stop().await;
}

#[tokio::test]
async fn what_is_kept() {
    let host = guest(|config| config.limits.kept_bytes = 1000).await;
    ask(&host, "POST", "/keep/default/a", &"a".repeat(900))
        .await
        .ok();
    let full = ask(&host, "POST", "/keep/default/b", &"b".repeat(900)).await;
    assert!(full.failed().contains("1000 bytes at most"));
    // Nothing is forgotten for it.
    assert_eq!(get(&host, "/kept/default/a").await.ok().len(), 900);
    host.stop().await;
}
