//! What happened, in order: the last of it in words, all of it as a digest.

use std::collections::VecDeque;

/// Events that are kept in words.
const KEPT: usize = 80;

#[derive(Default)]
pub(crate) struct Trace {
    last: VecDeque<String>,
    digest: blake3::Hasher,
}

impl Trace {
    pub(crate) fn add(&mut self, event: String) {
        self.digest.update(event.as_bytes());
        self.digest.update(b"\n");
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(event);
    }

    pub(crate) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }

    pub(crate) fn digest(&self) -> String {
        self.digest.finalize().to_hex().to_string()
    }
}
