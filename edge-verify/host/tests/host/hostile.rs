//! Requests that no honest client sends.

use crate::parts::{Answer, get, guest, raw};
use edge_host::Host;

async fn status(host: &Host, request: &str) -> Answer {
    raw(host, request.as_bytes()).await
}

#[tokio::test]
async fn are_refused_before_the_component_sees_them() {
    let host = guest(|_| ()).await;
    let long = "a".repeat(100_000);
    let many = "a: b\r\n".repeat(200);
    for (request, expected) in [
        (
            format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n"),
            431,
        ),
        (format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n"), 431),
        (format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), 431),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nhost: user@a\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n".into(), 400),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n".into(),
            400,
        ),
        ("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n".into(), 400),
        ("GET /\r\n\r\n".into(), 400),
        ("\0\0\0\0\r\n\r\n".into(), 400),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n".into(),
            400,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".into(),
            400,
        ),
    ] {
        let answer = status(&host, &request).await;
        let shown = &request[..request.len().min(80)];
        assert_eq!(answer.status, expected, "{shown:?}: {answer:?}");
    }
    // None of them was given to an instance.
    assert_eq!(get(&host, "/served").await.ok(), "1");
    host.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_body() {
    let host = guest(|_| ()).await;
    let head = "POST /keep/default/a HTTP/1.1\r\nhost: a\r\n";
    for rest in [
        "content-length: 100\r\n\r\nshort",
        "transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n",
    ] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(host.address())
            .await
            .unwrap();
        stream
            .write_all(format!("{head}{rest}").as_bytes())
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let kept = get(&host, "/kept/default/a").await;
        assert_eq!(kept.failed(), "nothing");
    }
    host.stop().await;
}
