use crate::patience::{refused, repeated};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use prooflane_store::{Delivery, Queue, Receipt, StoreError, limits};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// [`Queue`]s in SQS, each named `<prefix><queue>`.
///
/// The infrastructure makes the queues. A message to one that it did not make is dropped: it has no
/// reader, and a hint that is lost costs time only. Whoever receives from such a queue waits in vain.
#[derive(Debug)]
pub struct SqsQueue {
    client: Client,
    prefix: String,
    creating: bool,
    urls: Mutex<HashMap<String, Option<String>>>,
}

impl SqsQueue {
    /// Queues whose names begin with `prefix`.
    #[must_use]
    pub fn new(config: &SdkConfig, prefix: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            prefix: prefix.into(),
            creating: false,
            urls: Mutex::default(),
        }
    }

    /// Makes queues when they are first used, for tests and emulators.
    #[must_use]
    pub fn creating(mut self) -> Self {
        self.creating = true;
        self
    }

    /// Asks about a queue, so that SQS does not stop measuring it: of one that nobody has touched for
    /// six hours it reports nothing, and a fleet that is scaled by it would start late (Amazon SQS
    /// Developer Guide, "Available CloudWatch metrics for Amazon SQS").
    ///
    /// # Errors
    /// The service's.
    pub async fn touch(&self, queue: &str) -> Result<(), StoreError> {
        let Some(url) = self.url(queue).await? else {
            return Ok(());
        };
        let request = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
        let answer = repeated(|| request.clone().send()).await?;
        answer.map(drop).map_err(|error| refused(&error))
    }

    /// None if there is no such queue.
    async fn url(&self, queue: &str) -> Result<Option<String>, StoreError> {
        let known = |urls: &Mutex<HashMap<String, Option<String>>>| {
            let urls = urls.lock().unwrap_or_else(PoisonError::into_inner);
            urls.get(queue).cloned()
        };
        if let Some(url) = known(&self.urls) {
            return Ok(url);
        }
        let name = format!("{}{queue}", self.prefix);
        let found = repeated(|| self.client.get_queue_url().queue_name(&name).send()).await?;
        let url = match found {
            Ok(found) => found.queue_url,
            Err(error) if error.is_queue_does_not_exist() && self.creating => {
                let create = self.client.create_queue().queue_name(&name);
                let made = repeated(|| create.clone().send()).await?;
                made.map_err(|error| refused(&error))?.queue_url
            }
            Err(error) if error.is_queue_does_not_exist() => None,
            // Of queues that are not the network's, nobody is told whether they exist.
            Err(error)
                if error
                    .code()
                    .is_some_and(|code| code.contains("AccessDenied")) =>
            {
                tracing::info!(queue = name, "not a queue of this network");
                None
            }
            Err(error) => return Err(refused(&error)),
        };
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        urls.insert(queue.to_owned(), url.clone());
        Ok(url)
    }
}

/// SQS counts in whole seconds.
fn seconds(span: Duration) -> i32 {
    let whole = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

/// The message is not this receipt's any more.
fn stale(error: &impl ProvideErrorMetadata) -> bool {
    let code = error.code().unwrap_or_default();
    [
        "MessageNotInflight",
        "ReceiptHandleIsInvalid",
        "InvalidParameterValue",
        "InvalidIdFormat",
    ]
    .iter()
    .any(|known| code.ends_with(known))
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, queue: &str, body: &str, delay: Duration) -> Result<(), StoreError> {
        limits::send(queue, body, delay)?;
        let Some(url) = self.url(queue).await? else {
            return Ok(());
        };
        let request = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(body)
            .delay_seconds(seconds(delay));
        let sent = repeated(|| request.clone().send()).await?;
        sent.map(drop).map_err(|error| refused(&error))
    }

    async fn receive(
        &self,
        queue: &str,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, StoreError> {
        let max = limits::receive(queue, max, visibility, wait)?;
        let Some(url) = self.url(queue).await? else {
            tokio::time::sleep(wait).await;
            return Ok(Vec::new());
        };
        let request = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(max).unwrap_or(10))
            .visibility_timeout(seconds(visibility))
            .wait_time_seconds(seconds(wait))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let answer = repeated(|| request.clone().send()).await?;
        let answer = answer.map_err(|error| refused(&error))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages
            .filter_map(|message| {
                let receives = message
                    .attributes
                    .as_ref()
                    .and_then(|a| a.get(&MessageSystemAttributeName::ApproximateReceiveCount))
                    .and_then(|count| count.parse().ok());
                Some(Delivery {
                    receipt: Receipt {
                        queue: queue.to_owned(),
                        handle: message.receipt_handle?,
                    },
                    body: message.body?,
                    receives: receives.unwrap_or(1),
                })
            })
            .collect())
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<(), StoreError> {
        limits::queue(&receipt.queue)?;
        limits::visibility(visibility)?;
        let Some(url) = self.url(&receipt.queue).await? else {
            return Ok(());
        };
        let request = self
            .client
            .change_message_visibility()
            .queue_url(url)
            .receipt_handle(&receipt.handle)
            .visibility_timeout(seconds(visibility));
        match repeated(|| request.clone().send()).await? {
            Err(error) if !stale(&error) => Err(refused(&error)),
            _ => Ok(()),
        }
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), StoreError> {
        limits::queue(&receipt.queue)?;
        let Some(url) = self.url(&receipt.queue).await? else {
            return Ok(());
        };
        let request = self
            .client
            .delete_message()
            .queue_url(url)
            .receipt_handle(&receipt.handle);
        match repeated(|| request.clone().send()).await? {
            Err(error) if !stale(&error) => Err(refused(&error)),
            _ => Ok(()),
        }
    }
}
