//! A task comes in.

use crate::secrets::InputKey;
use crate::tasks::{InputPlace, TRIES, TaskRecord, journal};
use crate::uploads::inputs_of;
use crate::{Coordinator, Entry, Error, Inputs, TraceId, UploadId, clear, layout};
use prooflane_market::{
    Credits, JournalEntry, LedgerAccount, NewTask, PrivacyLevel, ProverId, Ratio, Reason, Task,
    TaskId, Timestamp,
};
use prooflane_store::{CommitError, Expect, PutMode, Write};
use serde_json::json;

/// What a requester submits.
pub struct Submission {
    /// Chosen by the requester, so that a retry is recognised; else by the network.
    pub task_id: Option<TaskId>,
    /// `name@version`.
    pub circuit: String,
    /// As the circuit wants them. Private: never logged.
    pub inputs: Inputs,
    /// 1 to 255.
    pub privacy_level: PrivacyLevel,
    /// The ceiling of the auction.
    pub reward_amount: Credits,
    /// 0 to 100.
    pub priority: u8,
    /// Who pays.
    pub requester: String,
    /// When it expires unproved.
    pub deadline: Option<Timestamp>,
    /// The least reputation a prover needs.
    pub min_reputation: Ratio,
    /// How often it may be attempted; the network's default where not given.
    pub max_attempts: Option<u32>,
    /// Provers allowed for privacy level 2.
    pub allowed_provers: Vec<ProverId>,
}

/// The task, and whether this call made it.
pub struct Submitted {
    /// The task as it is now.
    pub record: TaskRecord,
    /// False where an earlier call with the same content had made it.
    pub created: bool,
}

/// Inputs up to this size stay in the table; larger ones go to the blob store.
const INLINE_INPUT: usize = 64 * 1024;

impl Coordinator {
    /// Checks a submission, puts its reward into escrow, and opens it for auction.
    ///
    /// The inputs are checked against the circuit's relation here, so that no prover is paid or
    /// blamed for inputs that nothing can be proved about; the public inputs that a proof must have
    /// are fixed here too. A repeat with the same `task_id` and content returns the same task.
    ///
    /// # Errors
    /// [`Error::UnknownCircuit`], [`Error::InvalidInputs`], [`Error::Invalid`],
    /// [`Error::TaskIdReused`], [`Error::InsufficientCredits`], or the store's.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        self.submit_within(submission, None).await
    }

    /// The same for a request that is part of a trace.
    ///
    /// # Errors
    /// As [`Coordinator::submit`].
    pub async fn submit_within(
        &self,
        submission: Submission,
        trace: Option<TraceId>,
    ) -> Result<Submitted, Error> {
        let now = self.now();
        let entry = self.catalogue.find(&submission.circuit)?;
        let content = content_digest(&submission);
        let id = submission.task_id.unwrap_or_else(|| self.new_task_id());
        let task = Task::submit(
            NewTask {
                task_id: id,
                circuit: entry.id().to_owned(),
                privacy_level: submission.privacy_level,
                reward_amount: submission.reward_amount,
                priority: submission.priority,
                requester: submission.requester,
                deadline: submission.deadline,
                min_reputation: submission.min_reputation,
                max_attempts: submission.max_attempts.unwrap_or(self.rules.max_attempts),
                allowed_provers: submission.allowed_provers,
            },
            now,
        );
        // A repeat is a repeat even where its deadline has passed meanwhile.
        let task = match (task, submission.task_id) {
            (Ok(task), _) => task,
            (Err(error), Some(id)) => {
                return self
                    .repeated(id, &content)
                    .await?
                    .ok_or_else(|| error.into());
            }
            (Err(error), None) => return Err(error.into()),
        };
        let upload = match &submission.inputs {
            Inputs::Here(_) => None,
            Inputs::Uploaded(_) if submission.privacy_level.encrypts() => {
                let problem = "inputs of privacy level 2 and up are sent with the task: what is \
                    uploaded is not encrypted under a key of the task's own";
                return Err(Error::invalid("upload", problem));
            }
            Inputs::Uploaded(upload) => Some(*upload),
        };
        let requester = &task.spec.requester;
        let inputs = match submission.inputs {
            Inputs::Here(inputs) => inputs,
            Inputs::Uploaded(upload) => {
                let brought = self.brought(submission.task_id, &content, requester, upload);
                match brought.await? {
                    Ok(bytes) => inputs_of(upload, &bytes)?,
                    Err(submitted) => return Ok(submitted),
                }
            }
        };
        let sealed = entry.sealed(&inputs)?;
        let alone = if entry.groth16().is_err() {
            let account = LedgerAccount::Requester(requester.clone());
            if let Err(error) = self.afford(&account, submission.reward_amount).await {
                // A repeat costs nothing.
                return match submission.task_id {
                    Some(id) => self.repeated(id, &content).await?.ok_or(error),
                    None => Err(error),
                };
            }
            self.statements.clone().acquire_owned().await.ok()
        } else {
            None
        };
        let witness = match sealed {
            None => None,
            Some(upload) => {
                let brought = self.brought(submission.task_id, &content, requester, upload);
                match brought.await? {
                    Ok(bytes) => Some(bytes),
                    Err(submitted) => return Ok(submitted),
                }
            }
        };
        let plain = zeroize::Zeroizing::new(crate::tasks::encode(&inputs));
        let check = entry.check();
        let check = move || {
            let public_inputs = check(&inputs, witness.as_deref());
            // Whoever asked may be gone by now: the next one waits for the end of this.
            drop(alone);
            Ok((public_inputs?, witness))
        };
        let (public_inputs, witness) = self.checked(entry, plain.len(), check).await?;
        let key = submission
            .privacy_level
            .encrypts()
            .then(|| InputKey::generate(&*self.ports.entropy));
        let stored = match &key {
            Some(key) => key.encrypt(id, &plain)?,
            None => plain.to_vec(),
        };
        let record = TaskRecord {
            task,
            public_inputs,
            key_id: entry.key_id(),
            content,
            input: InputPlace {
                // Named by its content: two submissions that race for one id keep two blobs.
                blob: (stored.len() > INLINE_INPUT)
                    .then(|| layout::input_blob(id, &blake3::hash(&stored).to_hex())),
                encrypted: key.is_some(),
                witness: witness
                    .as_ref()
                    .map(|bytes| layout::input_blob(id, &blake3::hash(bytes).to_hex())),
            },
            trace,
        };
        let put = |key, body| Write::Put {
            key,
            expect: Expect::Absent,
            body,
            wake: None,
            listing: None,
        };
        let account = LedgerAccount::Requester(record.task.spec.requester.clone());
        let reward = record.task.spec.reward_amount;
        let created = layout::created(now, id);
        let pointer = |partition: String| {
            put(
                prooflane_store::Key::new(partition, created.clone()),
                id.to_string().into_bytes(),
            )
        };
        let mut writes = vec![
            record.put(Expect::Absent, &self.rules),
            pointer(layout::TASKS.into()),
            pointer(layout::by_requester(&record.task.spec.requester)),
        ];
        let escrow = LedgerAccount::Escrow(id);
        let entry = JournalEntry::transfer(now, Reason::Escrow, account.clone(), escrow, reward);
        writes.extend(journal(layout::task_entry(id, 1), &entry));
        let blobs = &self.ports.blobs;
        if let (Some(blob), Some(bytes)) = (&record.input.witness, &witness) {
            blobs.put(blob, bytes, PutMode::IfAbsent).await?;
        }
        if let Some(blob) = &record.input.blob {
            blobs.put(blob, &stored, PutMode::IfAbsent).await?;
        } else {
            writes.push(put(layout::input(id), stored));
        }
        if let Some(key) = &key {
            writes.push(put(layout::input_secret(id), key.as_bytes().to_vec()));
        }
        let mut unknown = false;
        for _ in 0..TRIES {
            let outcome = self.ports.table.commit(&writes).await;
            unknown |= matches!(outcome, Err(CommitError::Unknown(_)));
            match outcome {
                Ok(()) => {
                    metrics::counter!("prooflane_tasks_submitted_total").increment(1);
                    tracing::debug!(task = %id, trace = %record.trace(), "submitted");
                    self.hint_task(id).await;
                    for upload in [upload, sealed].into_iter().flatten() {
                        self.drop_upload(upload).await;
                    }
                    return Ok(Submitted {
                        record,
                        created: true,
                    });
                }
                Err(CommitError::Conflict { .. } | CommitError::Unknown(_)) => {
                    // Either the task is there already, whoever wrote it, or nothing happened.
                    if let Some(mut submitted) = self.repeated(id, &record.content).await? {
                        // It may have ended meanwhile: then this call has put its witness back.
                        self.drop_witness(&submitted.record).await;
                        // It is this call's if it came in at this call's moment: one of its own
                        // commits landed without being able to say so.
                        submitted.created =
                            unknown && submitted.record.task.created_at == record.task.created_at;
                        self.hint_task(id).await;
                        return Ok(submitted);
                    }
                }
                Err(CommitError::Insufficient { .. }) => {
                    self.open_account(&account, reward).await?
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// Checks inputs, of which there are so many bytes, where that holds nobody up.
    async fn checked<T: Send + 'static>(
        &self,
        entry: &Entry,
        bytes: usize,
        check: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // A long list of leaves takes seconds; a statement's columns are committed to.
        if bytes > INLINE_INPUT || entry.groth16().is_err() {
            let checked = tokio::task::spawn_blocking(check).await;
            checked.map_err(|_| Error::InvalidInputs("checking the inputs crashed".into()))?
        } else {
            check()
        }
    }

    /// What was uploaded for a task; or the task, where it has come in already and used the upload.
    async fn brought(
        &self,
        id: Option<TaskId>,
        content: &str,
        requester: &str,
        upload: UploadId,
    ) -> Result<Result<Vec<u8>, Submitted>, Error> {
        let sent_again = async || match id {
            Some(id) => self.repeated(id, content).await,
            None => Ok(None),
        };
        if let Some(submitted) = sent_again().await? {
            self.drop_upload(upload).await;
            return Ok(Err(submitted));
        }
        match self.uploaded(requester, upload).await {
            // An earlier try that was still under way has used it meanwhile.
            Err(error @ Error::UnknownUpload(_)) => sent_again().await?.map(Err).ok_or(error),
            bytes => bytes.map(Ok),
        }
    }

    /// The task of that id, if it has that content; none if there is no such task.
    async fn repeated(&self, id: TaskId, content: &str) -> Result<Option<Submitted>, Error> {
        match self.load(id).await {
            Ok(found) if found.value.content == content => Ok(Some(Submitted {
                record: found.value,
                created: false,
            })),
            Ok(_) => Err(Error::TaskIdReused(id)),
            Err(Error::UnknownTask(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn new_task_id(&self) -> TaskId {
        let mut bytes = [0; 16];
        self.ports.entropy.fill(&mut bytes);
        TaskId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The task id that stands for a requester's own idempotency key.
    #[must_use]
    pub fn task_id_for(requester: &str, idempotency_key: &str) -> TaskId {
        let mut hasher = blake3::Hasher::new_derive_key("prooflane idempotency key v1");
        hasher.update(&(requester.len() as u64).to_le_bytes());
        hasher.update(requester.as_bytes());
        hasher.update(idempotency_key.as_bytes());
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        TaskId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Whoever clears the task's shard looks at it.
    pub(crate) async fn hint_task(&self, id: TaskId) {
        let queue = layout::auction_queue(layout::shard(id, &self.rules));
        self.hint(&queue, &id.to_string()).await;
    }

    /// Something in the market changed: every open task may find a prover now.
    pub(crate) async fn hint_open(&self) {
        for shard in 0..self.rules.market_shards.max(1) {
            self.hint(&layout::auction_queue(shard), clear::ALL_OPEN)
                .await;
        }
    }

    /// A queue message is a hint: losing it costs time, never correctness, so a failure to send it
    /// is noted and nothing more.
    pub(crate) async fn hint(&self, queue: &str, body: &str) {
        if let Err(error) = self
            .ports
            .queue
            .send(queue, body, std::time::Duration::ZERO)
            .await
        {
            tracing::warn!(queue, %error, "a hint was not sent; the sweeper makes up for it");
        }
    }
}

/// Everything the submitter said but the id; `serde_json` maps are sorted, so equal content has
/// equal digests whatever the order of its fields.
fn content_digest(submission: &Submission) -> String {
    let inputs = match &submission.inputs {
        Inputs::Here(inputs) => inputs.clone(),
        // Its name stands for its bytes.
        Inputs::Uploaded(upload) => json!({"upload": upload.to_string()}),
    };
    let content = json!({
        "circuit": submission.circuit,
        "inputs": inputs,
        "privacy_level": submission.privacy_level,
        "reward_amount": submission.reward_amount,
        "priority": submission.priority,
        "requester": submission.requester,
        "deadline": submission.deadline,
        "min_reputation": submission.min_reputation,
        "max_attempts": submission.max_attempts,
        "allowed_provers": submission.allowed_provers,
    });
    blake3::hash(&crate::tasks::encode(&content))
        .to_hex()
        .to_string()
}
