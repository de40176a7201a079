//! Who waits for which task in this process. It only makes waiting prompt: whoever waits reads the
//! table, and reads it again after a while even if nobody called.

use prooflane_market::TaskId;
use std::time::Duration;
use tokio::sync::Notify;

const SLOTS: usize = 256;

pub(crate) struct Watch {
    slots: Vec<Notify>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            slots: std::iter::repeat_with(Notify::new).take(SLOTS).collect(),
        }
    }
}

impl Watch {
    pub(crate) fn call(&self, task: TaskId) {
        self.slot(task).notify_waiters();
    }

    /// Registers before the caller reads, so that no change between reading and waiting is missed.
    pub(crate) fn slot(&self, task: TaskId) -> &Notify {
        &self.slots[usize::from(task.0.as_bytes()[0]) % SLOTS]
    }

    /// Another process may have changed the task: look again at least this often.
    pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(500);
}
