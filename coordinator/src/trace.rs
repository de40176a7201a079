//! One name for everything that is done for a task, from the request that brought it to its proof, in
//! the logs of every part of the network.

use prooflane_market::TaskId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A trace as W3C Trace Context names it (section 3.2.2.3, `trace-id`): 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TraceId(String);

impl TraceId {
    /// The trace of a `traceparent` header, if it is one.
    #[must_use]
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut fields = header.trim().split('-');
        // Later versions begin alike; ff is none.
        let version = fields.next()?;
        let sound = version.len() == 2 && is_hex(version) && version != "ff";
        sound.then(|| Self::from_digits(fields.next()?)).flatten()
    }

    /// The trace of an `X-Amzn-Trace-Id` header, such as `Root=1-5759e988-bd862e3fe1be46a994272793`:
    /// both of its numbers, as X-Ray maps them (AWS X-Ray Developer Guide, "Tracing header").
    #[must_use]
    pub fn from_xray(header: &str) -> Option<Self> {
        let mut fields = header.split(';').map(str::trim);
        let root = fields.find_map(|field| field.strip_prefix("Root=1-"))?;
        let (seconds, rest) = root.split_once('-')?;
        Self::from_digits(&format!("{seconds}{rest}"))
    }

    /// The trace of a task that was submitted outside any: named like the task.
    #[must_use]
    pub fn of_task(id: TaskId) -> Self {
        Self(id.0.simple().to_string())
    }

    fn from_digits(digits: &str) -> Option<Self> {
        let sound = digits.len() == 32 && is_hex(digits) && digits.bytes().any(|b| b != b'0');
        sound.then(|| Self(digits.to_owned()))
    }
}

fn is_hex(text: &str) -> bool {
    let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    text.bytes().all(digit)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn traces_are_read_from_both_headers() {
        let w3c = format!("00-{ID}-b7ad6b7169203331-01");
        assert_eq!(TraceId::from_traceparent(&w3c).unwrap().to_string(), ID);
        let xray = "Sampled=1; Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=53995c3f42cd8ad8";
        assert_eq!(TraceId::from_xray(xray).unwrap().to_string(), ID);
    }

    #[test]
    fn what_is_no_trace_is_none() {
        let zeros = "0".repeat(32);
        for odd in [
            "",
            "00",
            ID,
            &format!("00-{zeros}-b7ad6b7169203331-01"),
            &format!("ff-{ID}-b7ad6b7169203331-01"),
            &format!("00-{}-b7ad6b7169203331-01", ID.to_uppercase()),
            &format!("00-{ID}0-b7ad6b7169203331-01"),
        ] {
            assert_eq!(TraceId::from_traceparent(odd), None, "{odd}");
        }
        for odd in [
            "",
            "Root=1-",
            "Root=1-0af76519",
            "Root=2-0af76519-16cd43dd8448eb211c80319c",
        ] {
            assert_eq!(TraceId::from_xray(odd), None, "{odd}");
        }
    }
}
