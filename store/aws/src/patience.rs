//! What to do about a call that did not go well: throttled ones are repeated after a growing,
//! jittered pause; of the others it must be known whether something may have happened.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use prooflane_store::StoreError;
use std::time::Duration;

/// How a call failed.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    /// The service answered with an error of this call's own.
    Answered(E),
    /// Too many requests, or another transaction was at the same items; nothing happened.
    Busy,
    /// The request never made sense, or never left; nothing happened.
    Refused(StoreError),
    /// No answer, or one that says nothing: it may have happened.
    Unknown(String),
}

impl<E> Failure<E> {
    pub(crate) fn map<T>(self, answer: impl FnOnce(E) -> T) -> Failure<T> {
        match self {
            Self::Answered(error) => Failure::Answered(answer(error)),
            Self::Busy => Failure::Busy,
            Self::Refused(error) => Failure::Refused(error),
            Self::Unknown(why) => Failure::Unknown(why),
        }
    }
}

/// Error codes with which AWS says: not now, and nothing happened.
const BUSY: [&str; 9] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "RequestThrottled",
    "TransactionConflictException",
    "ReplicatedWriteConflictException",
    "SlowDown",
    "TooManyRequestsException",
];

pub(crate) fn failure<E>(error: SdkError<E, HttpResponse>) -> Failure<E>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let error = answer.into_err();
            let code = error.code().unwrap_or_default();
            if BUSY.contains(&code) || status == 429 {
                return Failure::Busy;
            }
            match status {
                500.. => Failure::Unknown(format!("status {status}, {code}")),
                _ => Failure::Answered(error),
            }
        }
        SdkError::ConstructionFailure(error) => Failure::Refused(StoreError::Unavailable(format!(
            "the request could not be made: {error:?}"
        ))),
        other => Failure::Unknown(cause(&other)),
    }
}

fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// An answer that is no success and means nothing more to its caller.
pub(crate) fn refused<E: ProvideErrorMetadata>(error: &E) -> StoreError {
    let code = error.code().unwrap_or("no code");
    let message = error.message().unwrap_or("no message");
    match code {
        "ValidationException" | "ValidationError" => StoreError::Invalid(message.to_owned()),
        _ => StoreError::Unavailable(format!("{code}: {message}")),
    }
}

/// Repeats what may be repeated: pauses of 20 ms doubling to 2 s, each of a random length up to that
/// ("full jitter": Brooker, Exponential Backoff And Jitter, AWS Architecture Blog 2015).
#[derive(Default)]
pub(crate) struct Patience(u32);

impl Patience {
    const TRIES: u32 = 10;

    /// Pauses; false once patience is at an end.
    pub(crate) async fn pause(&mut self) -> bool {
        self.0 += 1;
        if self.0 >= Self::TRIES {
            return false;
        }
        let longest = (20_u64 << self.0).min(2_000);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=longest))).await;
        true
    }
}

/// A call that changes nothing, or that may happen twice: repeated until it is answered or patience
/// ends. The inner result is the service's own answer.
pub(crate) async fn repeated<T, E, F>(call: impl Fn() -> F) -> Result<Result<T, E>, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let mut patience = Patience::default();
    loop {
        let last = match call().await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) => match failure(error) {
                Failure::Answered(error) => return Ok(Err(error)),
                Failure::Refused(error) => return Err(error),
                Failure::Busy => StoreError::Throttled,
                Failure::Unknown(why) => StoreError::Unavailable(why),
            },
        };
        if !patience.pause().await {
            return Err(last);
        }
    }
}
