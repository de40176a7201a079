//! From connections to instances.

use crate::instances::Handler;
use crate::limits::Limits;
use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError};

/// Bytes of a request's line and headers, and as many for what is read ahead. The gate wants 4 KB.
const HEAD_BYTES: usize = 32 << 10;

/// Headers of a request.
const HEADERS: usize = 100;

/// How long a client may take for a request's line and headers.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// Accepts connections until the host stops; then waits for requests under way, as long as one may take.
pub(crate) async fn serve(
    listener: TcpListener,
    handler: Handler,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let turns = Arc::new(Semaphore::new(limits.requests));
    let connections = GracefulShutdown::new();
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.changed() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Of a connection that is gone already, or of a machine that is out of files: the next
                // may do better, but not at once.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        // Small answers are not held back.
        let _ = stream.set_nodelay(true);
        let (handler, turns) = (handler.clone(), Arc::clone(&turns));
        let answer = service_fn(move |request| {
            let (handler, turns) = (handler.clone(), Arc::clone(&turns));
            async move { Ok::<_, Infallible>(answer(&handler, &turns, request).await) }
        });
        let connection = protocol.serve_connection(TokioIo::new(stream), answer);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.time, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("stopped with requests under way");
    }
}

async fn answer(
    handler: &Handler,
    turns: &Semaphore,
    request: Request<Incoming>,
) -> Response<WasiBody> {
    let request = match placed(request) {
        Ok(request) => request,
        Err(why) => {
            // Who sends that is not listened to any longer.
            let mut refusal = plain(StatusCode::BAD_REQUEST, why);
            let close = HeaderValue::from_static("close");
            refusal.headers_mut().insert(header::CONNECTION, close);
            return refusal;
        }
    };
    let Ok(_turn) = turns.acquire().await else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the host stops");
    };
    match handler.handle((), request).await {
        Ok(response) => response,
        Err(error) if error.is::<ExpirationError>() => {
            plain(StatusCode::GATEWAY_TIMEOUT, "the component took too long")
        }
        Err(error) if error.is::<InstantiationError<()>>() => {
            tracing::error!("no instance of the component: {error:#}");
            plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "no instance of the component can be had",
            )
        }
        Err(error) => {
            tracing::error!("no answer from the component: {error:#}");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the component failed")
        }
    }
}

/// A request as a component takes it: with scheme and authority, which HTTP/1.1 has in `Host`.
fn placed(request: Request<Incoming>) -> Result<Request<WasiBody>, &'static str> {
    let (mut head, body) = request.into_parts();
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::try_from(host.as_bytes()).ok(),
        _ => None,
    };
    let host = host.filter(|host| !host.as_str().contains('@'));
    let host = host.ok_or("expected one valid Host header")?;
    let uri = std::mem::take(&mut head.uri).into_parts();
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        // RFC 9112, section 3.2.2: of a request in absolute form, Host does not count.
        .authority(uri.authority.unwrap_or(host))
        .path_and_query(uri.path_and_query.ok_or("expected a path")?);
    head.uri = uri
        .build()
        .map_err(|_| "the request's target cannot be read")?;
    let body = body.map_err(Into::into).boxed_unsync();
    Ok(Request::from_parts(head, body))
}

fn plain(status: StatusCode, text: &'static str) -> Response<WasiBody> {
    let body = Full::new(Bytes::from_static(text.as_bytes()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
