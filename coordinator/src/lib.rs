#![doc = include_str!("../README.md")]

mod access;
mod accounts;
mod catalogue;
mod claim;
mod clear;
mod error;
mod fsck;
mod fulfil;
mod layout;
mod leader;
mod payments;
mod ports;
mod provers;
mod pull;
mod read;
mod result;
mod secrets;
mod submit;
mod sweep;
mod tasks;
mod trace;
mod uploads;
mod watch;

pub use access::{Access, ApiKey, IssuedKey, Role};
pub use accounts::{Account, Deposited};
pub use catalogue::{Catalogue, CatalogueError, Entry, Groth16};
pub use claim::{Assignment, ClaimRequest};
pub use clear::{Batch, Quote};
pub use error::Error;
pub use fsck::{Finding, Severity};
pub use fulfil::{LateTask, OpenTask};
pub use leader::Auctioneer;
pub use payments::{Attempt, PaymentClaim, Redeemed, Redemption};
pub use ports::{Entropy, OsEntropy, Ports};
pub use prooflane_store::Cursor;
pub use prooflane_verifier::Provenance;
pub use provers::{FleetClass, Registration};
pub use pull::{Pulled, ResultMessage};
pub use read::{StoredProof, TaskFilter, TaskPage};
pub use result::Verdict;
pub use submit::{Submission, Submitted};
pub use tasks::TaskRecord;
pub use trace::TraceId;
pub use uploads::{Inputs, UploadId};

use prooflane_market::{Rules, Timestamp};
use std::sync::Arc;
use tokio::sync::Semaphore;
use watch::Watch;

/// The use-cases of one network. Cheap to clone; holds no state between calls but the ports, the
/// rules, the verifying keys, and who waits for which task in this process.
#[derive(Clone)]
pub struct Coordinator {
    ports: Ports,
    rules: Arc<Rules>,
    catalogue: Arc<Catalogue>,
    watch: Arc<Watch>,
    /// One statement is checked at a time: it takes many times the memory of its witness.
    statements: Arc<Semaphore>,
}

impl Coordinator {
    /// A coordinator over these ports.
    #[must_use]
    pub fn new(ports: Ports, rules: Rules, catalogue: Catalogue) -> Self {
        Self {
            ports,
            rules: Arc::new(rules),
            catalogue: Arc::new(catalogue),
            watch: Arc::default(),
            statements: Arc::new(Semaphore::new(1)),
        }
    }

    /// What it reaches the world through.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The circuits this network proves, with their verifying keys.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The network's constants.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The present, as this network's clock tells it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.ports.clock.now_millis())
    }
}
