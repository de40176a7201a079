//! Looking at tasks, waiting for them, fetching proofs.

use crate::tasks::{Decision, TaskRecord};
use crate::watch::Watch;
use crate::{Coordinator, Error, layout};
use prooflane_market::{Status, Task, TaskId};
use prooflane_store::{Cursor, Index, Query, StoreError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Only this requester's.
    pub requester: Option<String>,
    /// Only those in this state.
    pub status: Option<Status>,
    /// At most this many.
    pub limit: usize,
    /// Where the previous page ended.
    pub after: Option<Cursor>,
}

/// Some tasks, newest first.
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<TaskRecord>,
    /// Where the next page starts; none for the last.
    pub next: Option<Cursor>,
}

/// A verified proof and what it is a proof of.
pub struct StoredProof {
    /// The task as it ended.
    pub record: TaskRecord,
    /// The proof: of a circuit 128 bytes, of a statement evidence.
    pub proof: Vec<u8>,
}

impl Coordinator {
    /// One task.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], the store's.
    pub async fn task(&self, id: TaskId) -> Result<TaskRecord, Error> {
        Ok(self.load(id).await?.value)
    }

    /// Tasks, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<TaskPage, Error> {
        let partition = match &filter.requester {
            Some(requester) => layout::by_requester(requester),
            None => layout::TASKS.to_owned(),
        };
        let mut query = Query::new(Index::Primary, partition).limit(filter.limit);
        query.descending = true;
        query.after.clone_from(&filter.after);
        let mut tasks = Vec::new();
        loop {
            let page = self.ports.table.query(&query).await;
            let page = page.map_err(|error| match error {
                StoreError::Invalid(problem) if query.after.is_some() => {
                    Error::invalid("after", problem)
                }
                error => error.into(),
            })?;
            for pointer in &page.items {
                let id = std::str::from_utf8(&pointer.body)
                    .ok()
                    .and_then(|s| s.parse().ok());
                let id = TaskId(id.ok_or(Error::Corrupt {
                    what: "task pointer",
                })?);
                let record = self.load(id).await?.value;
                if filter
                    .status
                    .is_none_or(|status| status == record.task.status())
                {
                    tasks.push(record);
                }
            }
            // A filter can empty a page; then look on, one page at a time, so that none is cut.
            if !tasks.is_empty() || page.next.is_none() {
                return Ok(TaskPage {
                    tasks,
                    next: page.next,
                });
            }
            query.after = page.next;
        }
    }

    /// Waits until the task satisfies a condition or the time is up; returns it as it is then.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], the store's.
    pub async fn wait(
        &self,
        id: TaskId,
        longest: Duration,
        until: impl Fn(&Task) -> bool,
    ) -> Result<TaskRecord, Error> {
        let end = Instant::now() + longest;
        loop {
            let called = self.watch.slot(id).notified();
            tokio::pin!(called);
            called.as_mut().enable();
            let record = self.load(id).await?.value;
            if until(&record.task) || Instant::now() >= end {
                return Ok(record);
            }
            let look_again = (Instant::now() + Watch::LOOK_AGAIN).min(end);
            // Called or not, the table is read again.
            let _ = timeout_at(look_again, called).await;
        }
    }

    /// Withdraws a task; see [`Task::cancel`].
    ///
    /// # Errors
    /// [`Error::Refused`] if it has ended, [`Error::UnknownTask`], the store's.
    pub async fn cancel(&self, id: TaskId) -> Result<TaskRecord, Error> {
        let now = self.now();
        let (record, ()) = self
            .change(id, |task| {
                if task.status() == Status::Cancelled {
                    return Ok(Decision::Keep(()));
                }
                Ok(Decision::Change(task.cancel(now)?, ()))
            })
            .await?;
        Ok(record)
    }

    /// A completed task's proof.
    ///
    /// # Errors
    /// [`Error::NoProof`] if there is none, [`Error::UnknownTask`], the store's.
    pub async fn proof(&self, id: TaskId) -> Result<StoredProof, Error> {
        let record = self.load(id).await?.value;
        let Some(blob) = layout::completed_blob(&record.task) else {
            return Err(Error::NoProof {
                task: id,
                status: record.task.status(),
            });
        };
        let lost = Error::Corrupt { what: "proof" };
        let proof = self.ports.blobs.get(&blob).await?.ok_or(lost)?;
        Ok(StoredProof { record, proof })
    }

    /// The blob with a completed task's evidence.
    ///
    /// # Errors
    /// [`Error::NoEvidence`] for a circuit's task; as [`Self::proof`].
    pub async fn evidence_blob(&self, id: TaskId) -> Result<String, Error> {
        let record = self.load(id).await?.value;
        let entry = self.catalogue.find(&record.task.spec.circuit)?;
        if let Ok(entry) = entry.groth16() {
            return Err(Error::NoEvidence(entry.circuit.id()));
        }
        layout::completed_blob(&record.task).ok_or(Error::NoProof {
            task: id,
            status: record.task.status(),
        })
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// The store's.
    pub async fn ping(&self) -> Result<(), Error> {
        self.ports.table.get(&layout::sweeper()).await?;
        Ok(())
    }
}
