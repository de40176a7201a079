use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_smithy_http_client::{Builder, tls};
use std::time::Duration;

/// Region, credentials and endpoints from the environment, as every AWS tool takes them
/// (`loader().load().await`; `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB`, instance and task roles, ...).
///
/// The SDK's own retries are off: it would repeat a conditional write that had landed, and then
/// report the conflict with itself. The adapters repeat what may be repeated.
#[must_use]
pub fn loader() -> ConfigLoader {
    let http = Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(2))
                // A long poll of SQS waits for up to 20 s.
                .operation_attempt_timeout(Duration::from_secs(25))
                .build(),
        )
}
