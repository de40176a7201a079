//! A gate's world as Spin has it.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use prooflane_gate::{SendError, World};
use spin_sdk::http::send;
use spin_sdk::key_value::Store;
use spin_sdk::wasip3::clocks::system_clock;
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::{IncomingResponseBody, RequestOptionsExtension};
use spin_sdk::wasip3::random::random::get_random_u64;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The body of an answer.
pub(crate) enum Body {
    /// Bytes that are here.
    Own(Full<Bytes>),
    /// An origin's, passed on as they come.
    Origin(IncomingResponseBody),
}

/// A body that did not come whole. Why is of no use to whom it was meant for, and its text would weigh.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body broke off")]
pub(crate) struct BrokenOff;

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Own(body) => {
                let frame = Pin::new(body).poll_frame(context);
                frame.map_err(|never| match never {})
            }
            Self::Origin(body) => Pin::new(body).poll_frame(context).map_err(|_| BrokenOff),
        }
    }
}

/// A body of these bytes.
pub(crate) fn own(bytes: Vec<u8>) -> Body {
    Body::Own(Full::new(bytes.into()))
}

/// Reads a whole body of at most so many bytes; `None` if it is longer.
pub(crate) async fn read<B>(mut body: B, most: usize) -> Result<Option<Vec<u8>>, BrokenOff>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| BrokenOff)?.into_data() {
            if bytes.len() + data.len() > most {
                return Ok(None);
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Some(bytes))
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
        Ok(answer.map(Body::Origin))
    }

    async fn read(&self, body: Body, most: usize) -> Result<Vec<u8>, SendError> {
        let body = read(body, most).await;
        let body = body.map_err(|broken| SendError::NoAnswer(broken.to_string()))?;
        body.ok_or_else(|| SendError::NoAnswer(format!("its body has more than {most} bytes")))
    }

    fn body(&self, bytes: Vec<u8>) -> Body {
        own(bytes)
    }
}

/// Whether the other side may have got it.
fn send_error(error: &ErrorCode) -> SendError {
    let not_sent = match error {
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => "its name was not resolved",
        ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached => "there was no connection",
        ErrorCode::TlsCertificateError => "its certificate does not count",
        ErrorCode::HttpRequestDenied => "the manifest's allowed_outbound_hosts do not list it",
        ErrorCode::HttpRequestMethodInvalid | ErrorCode::HttpRequestUriInvalid => {
            "the request cannot be written"
        }
        _ => return SendError::NoAnswer("the connection broke off or took too long".to_owned()),
    };
    SendError::NotSent(not_sent.to_owned())
}
