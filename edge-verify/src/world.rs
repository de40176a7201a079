//! A gate's world as Spin has it.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Either, Full, Limited};
use prooflane_gate::{SendError, World};
use spin_sdk::http::send;
use spin_sdk::key_value::Store;
use spin_sdk::wasip3::clocks::system_clock;
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::{IncomingResponseBody, RequestOptionsExtension};
use spin_sdk::wasip3::random::random::get_random_u64;
use std::time::Duration;

/// Bytes that are here, or an origin's that are passed on as they come.
pub(crate) type Body = Either<Full<Bytes>, IncomingResponseBody>;

/// A body of these bytes.
pub(crate) fn own(bytes: Vec<u8>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// How long a connection may take that nobody waits longer for anyway.
const CONNECT: Duration = Duration::from_secs(5);

/// The edge: Spin's clock, randomness, default key-value store and outgoing HTTP.
pub(crate) struct Edge;

impl World for Edge {
    type Body = Body;

    fn now_seconds(&self) -> u64 {
        // Before 1970 is no time that anything was paid.
        u64::try_from(system_clock::now().seconds).unwrap_or(0)
    }

    fn entropy(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&get_random_u64().to_le_bytes());
        bytes[8..].copy_from_slice(&get_random_u64().to_le_bytes());
        bytes
    }

    async fn kept(&self, key: &str) -> Option<Vec<u8>> {
        let store = Store::open_default().await;
        let kept = match store {
            Ok(store) => store.get(key).await,
            Err(error) => Err(error),
        };
        kept.unwrap_or_else(|error| {
            eprintln!("prooflane-edge: the key-value store cannot be read: {error}");
            None
        })
    }

    async fn keep(&self, key: &str, value: Vec<u8>) {
        let store = Store::open_default().await;
        let kept = match store {
            Ok(store) => store.set(key, value).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            eprintln!("prooflane-edge: the key-value store cannot be written: {error}");
        }
    }

    async fn send(
        &self,
        request: Request<Vec<u8>>,
        patience: Duration,
    ) -> Result<Response<Body>, SendError> {
        let mut request = request.map(|body| Full::new(Bytes::from(body)));
        let options = RequestOptions::new();
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).ok();
        // A runtime that knows no such option has limits of its own.
        let _ = options.set_connect_timeout(nanoseconds(CONNECT.min(patience)));
        let _ = options.set_first_byte_timeout(nanoseconds(patience));
        let _ = options.set_between_bytes_timeout(nanoseconds(patience));
        let options = RequestOptionsExtension(options);
        request.extensions_mut().insert(options);
        let answer = send(request).await.map_err(|error| send_error(&error))?;
        Ok(answer.map(Either::Right))
    }

    async fn read(&self, body: Body, most: usize) -> Result<Vec<u8>, SendError> {
        let body = Limited::new(body, most).collect().await;
        let body = body.map_err(|error| SendError::NoAnswer(error.to_string()))?;
        Ok(body.to_bytes().into())
    }

    fn body(&self, bytes: Vec<u8>) -> Body {
        own(bytes)
    }
}

/// Whether the other side may have got it.
fn send_error(error: &ErrorCode) -> SendError {
    let not_sent = matches!(
        error,
        ErrorCode::DnsTimeout
            | ErrorCode::DnsError(_)
            | ErrorCode::DestinationNotFound
            | ErrorCode::DestinationUnavailable
            | ErrorCode::DestinationIpProhibited
            | ErrorCode::DestinationIpUnroutable
            | ErrorCode::ConnectionRefused
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionLimitReached
            | ErrorCode::TlsCertificateError
            | ErrorCode::HttpRequestDenied
            | ErrorCode::HttpRequestMethodInvalid
            | ErrorCode::HttpRequestUriInvalid
    );
    if not_sent {
        SendError::NotSent(error.to_string())
    } else {
        SendError::NoAnswer(error.to_string())
    }
}
