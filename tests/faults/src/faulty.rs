use async_trait::async_trait;
use prooflane_store::{
    Blobs, CommitError, Item, Key, Page, PutMode, PutOutcome, Query, StoreError, Table, Write,
};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// It does not happen, and the caller is told so.
    Refused,
    /// It does not happen, and of a commit nobody can say so.
    LostUnknown,
    /// It happens, and the answer is lost.
    LandsUnknown,
    /// A commit whose answer is lost, and which happens only after the store's next two calls; others are lost.
    LandsLate,
    /// The process stops for ever before it.
    StopsBefore,
    /// The process stops for ever after it.
    StopsAfter,
}

/// How a call goes on.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Happens,
    Fails,
    HappensAndFails,
    Late,
}

#[derive(Default)]
struct Progress {
    /// Whether calls are counted yet.
    begun: bool,
    calls: usize,
    stopped: bool,
    /// What the fault came to, for whoever reads a failure.
    call: Option<String>,
    /// A commit under way, and before which call it arrives.
    late: Option<(usize, Vec<Write>)>,
}

/// A table and blobs, with a fault at one call.
pub struct Faulty {
    table: Arc<dyn Table>,
    blobs: Arc<dyn Blobs>,
    fault: Fault,
    at: usize,
    progress: Mutex<Progress>,
    stop: Notify,
}

impl Faulty {
    /// Goes on as these do, until it is [begun](Self::begin); then this fault is at call number `at`, the first being 0.
    pub fn new(table: Arc<dyn Table>, blobs: Arc<dyn Blobs>, fault: Fault, at: usize) -> Self {
        Self {
            table,
            blobs,
            fault,
            at,
            progress: Mutex::default(),
            stop: Notify::new(),
        }
    }

    /// Calls are counted from here on.
    ///
    /// # Panics
    /// If another test thread panicked at it.
    pub fn begin(&self) {
        self.progress.lock().unwrap().begun = true;
    }

    /// Until the process has stopped, if that is the fault.
    pub async fn stopped(&self) {
        self.stop.notified().await;
    }

    /// What was on its way when the process died arrives now at the latest. Says at which call the fault came, if it did.
    ///
    /// # Panics
    /// If another test thread panicked at it.
    pub async fn settle(&self) -> Option<String> {
        let (late, call) = {
            let mut progress = self.progress.lock().unwrap();
            (progress.late.take(), progress.call.take())
        };
        if let Some((_, writes)) = late {
            self.table.commit(&writes).await.ok();
        }
        call
    }

    /// Counts a call and decides it.
    async fn meet(&self, call: impl FnOnce() -> String) -> Fate {
        let (number, late) = {
            let mut progress = self.progress.lock().unwrap();
            if !progress.begun {
                return Fate::Happens;
            }
            let number = progress.calls;
            progress.calls += 1;
            if number == self.at {
                progress.call = Some(call());
            }
            let late = &progress.late;
            let due = late.as_ref().is_some_and(|(due, _)| *due <= number);
            (number, due.then(|| progress.late.take()).flatten())
        };
        if let Some((_, writes)) = late {
            // Refused or not, nobody hears of it.
            self.table.commit(&writes).await.ok();
        }
        if self.progress.lock().unwrap().stopped {
            std::future::pending::<()>().await;
        }
        if number != self.at {
            return Fate::Happens;
        }
        match self.fault {
            Fault::Refused | Fault::LostUnknown => Fate::Fails,
            Fault::LandsUnknown | Fault::StopsAfter => Fate::HappensAndFails,
            Fault::LandsLate => Fate::Late,
            Fault::StopsBefore => {
                self.halt().await;
                Fate::Fails
            }
        }
    }

    /// Nothing ever goes on from here.
    async fn halt(&self) {
        self.progress.lock().unwrap().stopped = true;
        self.stop.notify_one();
        std::future::pending::<()>().await;
    }

    async fn call<T>(
        &self,
        name: impl FnOnce() -> String,
        happens: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let away = || Err(StoreError::Unavailable("it is away".into()));
        match self.meet(name).await {
            Fate::Happens => happens.await,
            Fate::Fails | Fate::Late => away(),
            Fate::HappensAndFails => {
                happens.await?;
                if self.fault == Fault::StopsAfter {
                    self.halt().await;
                }
                away()
            }
        }
    }
}

#[async_trait]
impl Table for Faulty {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let name = || format!("get {key}");
        self.call(name, self.table.get(key)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let name = || format!("query {}", query.partition);
        self.call(name, self.table.query(query)).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        let unknown = || Err(CommitError::Unknown("it timed out".into()));
        let name = || format!("commit of {} and others", writes[0].key());
        match self.meet(name).await {
            Fate::Happens => self.table.commit(writes).await,
            Fate::Fails if self.fault == Fault::Refused => {
                Err(StoreError::Unavailable("it is away".into()).into())
            }
            Fate::Fails => unknown(),
            Fate::HappensAndFails => {
                self.table.commit(writes).await?;
                if self.fault == Fault::StopsAfter {
                    self.halt().await;
                }
                unknown()
            }
            Fate::Late => {
                self.progress.lock().unwrap().late = Some((self.at + 3, writes.to_vec()));
                unknown()
            }
        }
    }
}

#[async_trait]
impl Blobs for Faulty {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        let name = || format!("put {key}");
        let put = self.blobs.put(key, bytes, mode);
        self.call(name, put).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = || format!("get {key}");
        self.call(name, self.blobs.get(key)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let name = || format!("delete {key}");
        self.call(name, self.blobs.delete(key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let name = || format!("list {prefix}");
        let listed = self.blobs.list(prefix, after, limit);
        self.call(name, listed).await
    }
}
