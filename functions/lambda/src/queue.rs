//! Events of SQS. Only what the functions need of them is read, so that nothing else can break it
//! (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").

use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A message that SQS feeds to a function.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Names it in the answer.
    pub message_id: String,
    /// What was sent.
    pub body: String,
    #[serde(rename = "eventSourceARN")]
    source: String,
}

impl Message {
    /// The queue it comes from, without what the names of all queues begin with.
    #[must_use]
    pub fn queue(&self, prefix: &str) -> &str {
        let name = self.source.rsplit(':').next().unwrap_or_default();
        name.strip_prefix(prefix).unwrap_or(name)
    }
}

/// The messages of one event.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Messages {
    /// In no order.
    #[serde(rename = "Records", default)]
    pub records: Vec<Message>,
}

impl Messages {
    /// The messages of an event; none of one that is no event of SQS, such as a schedule's.
    ///
    /// # Errors
    /// If it looks like one and cannot be read.
    pub fn of(event: Value) -> Result<Self, Error> {
        Ok(serde_json::from_value(event)?)
    }
}

/// The answer to such an event: which of its messages are to come again.
#[derive(Clone, Debug, Serialize)]
pub struct Failed(Value);

/// The answer that lets these messages come again and lets SQS forget the others.
pub fn failed<'a>(again: impl IntoIterator<Item = &'a Message>) -> Failed {
    let failures: Vec<Value> = again
        .into_iter()
        .map(|message| json!({"itemIdentifier": message.message_id}))
        .collect();
    Failed(json!({"batchItemFailures": failures}))
}
