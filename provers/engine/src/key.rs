//! What proving a circuit takes.

use crate::bases::{self, Bases, Parts, TablesError};
use crate::csr::System;
use crate::setup::{ToxicWaste, set_up};
use crate::tables::{self, Tables};
use crate::{ProveError, ProvingKey};
use ark_bn254::Fr;
use prooflane_circuits::{Circuit, CircuitError, R1cs, Witness};
use prooflane_formats::{FormatError, KeyProblem, Zkey};
use prooflane_kernels::Backend;
use prooflane_verifier::{KeyId, PreparedKey, Provenance, VerifyingKey};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Everything that stays the same from proof to proof of one circuit.
///
/// The tables that proofs are made from are opened or built with the first proof: who only verifies needs none.
pub struct CircuitKey {
    pub(crate) circuit: String,
    pub(crate) provenance: Provenance,
    pub(crate) system: System,
    verifying: VerifyingKey,
    prepared: PreparedKey,
    key_id: KeyId,
    bases: OnceLock<Bases>,
    /// What tables are made from, until there are some. Locked while they are made.
    points: Mutex<Option<Box<ProvingKey>>>,
    /// Where the tables' file goes.
    home: Option<Home>,
    options: TableOptions,
}

/// Where tables are kept, and of which key.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    pub(crate) identity: tables::Identity,
}

/// How tables are made.
#[derive(Clone, Default)]
pub struct TableOptions {
    /// The most bytes that the tables of one key may take; without it, as many as suit its size. Fewer make slower
    /// proofs. Tables that are there already are used as they are.
    pub budget_bytes: Option<usize>,
    /// Told how the building of tables goes on, from any thread.
    pub progress: Option<OnProgress>,
}

/// Hears how the building of tables goes on.
pub type OnProgress = Arc<dyn Fn(TableProgress<'_>) + Send + Sync>;

/// How far the building of a key's tables is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableProgress<'a> {
    /// The circuit of the key.
    pub circuit: &'a str,
    /// Bases done.
    pub done: usize,
    /// Bases there are.
    pub total: usize,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is damaged or no key file.
    #[error("{path}: {problem}; delete the file to have a new development key made")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The key is for another version of the circuit.
    #[error(
        "{path}: made for another shape of {circuit} (its constraints have changed since); delete \
         the file to have a new development key made"
    )]
    Stale {
        /// Which file.
        path: PathBuf,
        /// Which circuit.
        circuit: String,
    },
    /// Somebody else's key file cannot be used.
    #[error("the key file offered for {circuit}: {problem}")]
    Offered {
        /// Which circuit.
        circuit: String,
        /// What is wrong.
        problem: String,
    },
    /// The key is not the one expected.
    #[error("expected the verifying key {expected}, got {got}; fetch the key again")]
    WrongKey {
        /// Its id.
        expected: String,
        /// The id found.
        got: String,
    },
    /// The circuit cannot be built.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The set-up did not succeed.
    #[error("set-up of {0}: its constraint system is too large")]
    TooLarge(String),
    /// A `.zkey` cannot be read.
    #[error("the .zkey offered for {circuit}: {source}")]
    Format {
        /// Which circuit.
        circuit: String,
        /// What is wrong.
        source: FormatError,
    },
    /// A `.zkey` is not a key for the circuit, or no sound one.
    #[error("the .zkey offered for {circuit}: {source}")]
    Problem {
        /// Which circuit.
        circuit: String,
        /// What is wrong.
        source: KeyProblem,
    },
    /// A `.zkey` to which nobody has contributed: who made it, or after snarkjs's set-up anyone, could forge proofs.
    #[error("the .zkey offered for {0}: expected contributions of a ceremony, got none")]
    NoCeremony(String),
    /// The circuit's example cannot be proved with a `.zkey`.
    #[error("the .zkey offered for {circuit} proves nothing: {source}")]
    Useless {
        /// Which circuit.
        circuit: String,
        /// What came of trying.
        source: ProveError,
    },
    /// A key from a ceremony is there already.
    #[error("{path}: expected no key from a ceremony, got one ({key_id}); move it away first")]
    Kept {
        /// Which file.
        path: PathBuf,
        /// The id of the key there.
        key_id: String,
    },
}

impl KeyError {
    /// The same of a file that is not one's own, for which deleting a file is no remedy.
    pub(crate) fn of_an_offered_file(self, circuit: &str) -> Self {
        let problem = match self {
            Self::Damaged { problem, .. } => problem,
            Self::Stale { .. } => {
                "made for another shape of the circuit; both sides must run the same version".into()
            }
            other => return other,
        };
        let circuit = circuit.to_owned();
        Self::Offered { circuit, problem }
    }
}

impl CircuitKey {
    pub(crate) fn new(
        circuit: &dyn Circuit,
        provenance: Provenance,
        key: Zkey,
        r1cs: &R1cs,
        home: Option<Home>,
        options: TableOptions,
    ) -> Self {
        let points = ProvingKey::from(key);
        Self {
            circuit: circuit.id().to_owned(),
            provenance,
            system: System::from(r1cs),
            prepared: PreparedKey::new(&points.verifying),
            key_id: points.verifying.id(),
            verifying: points.verifying.clone(),
            bases: OnceLock::new(),
            points: Mutex::new(Some(Box::new(points))),
            home,
            options,
        }
    }

    /// From a key file whose tables are there: nothing else of it is needed.
    pub(crate) fn with_tables(
        circuit: &dyn Circuit,
        provenance: Provenance,
        tables: Tables,
    ) -> Self {
        let verifying = tables.verifying;
        Self {
            circuit: circuit.id().to_owned(),
            provenance,
            system: tables.system,
            prepared: PreparedKey::new(&verifying),
            key_id: verifying.id(),
            verifying,
            bases: OnceLock::from(tables.bases),
            points: Mutex::default(),
            home: None,
            options: TableOptions::default(),
        }
    }

    /// The tables: those at hand, or opened or built now. `sample` is an assignment like those to come.
    pub(crate) fn bases(&self, sample: &[Fr]) -> Result<&Bases, TablesError> {
        if let Some(bases) = self.bases.get() {
            return Ok(bases);
        }
        // A panic while tables are made leaves the points where they are.
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*points {
            let bases = on_own_threads(|| self.build(key, sample))?;
            *points = None;
            // Nobody else sets it: that takes the lock.
            return Ok(self.bases.get_or_init(|| bases));
        }
        Ok(self
            .bases
            .get()
            .expect("points are kept until there are tables"))
    }

    fn build(&self, key: &ProvingKey, sample: &[Fr]) -> Result<Bases, TablesError> {
        let backend = Backend::from_environment()?;
        let progress = |done, total| {
            if let Some(progress) = &self.options.progress {
                progress(TableProgress {
                    circuit: &self.circuit,
                    done,
                    total,
                });
            }
        };
        let Some(Home { dir, identity }) = &self.home else {
            return Bases::in_memory(self.parts(key, sample), backend, &|_| ());
        };
        let path = tables::path(dir, &self.circuit, self.key_id, backend);
        if let Some(tables) = tables::open(&path, identity, backend) {
            return Ok(tables.bases);
        }
        let started = Instant::now();
        let parts = self.parts(key, sample);
        let bases = Bases::at(
            &path,
            identity,
            backend,
            &self.verifying,
            &self.system,
            parts,
            &progress,
        )?;
        let (millis, bytes) = (started.elapsed().as_millis(), bases.bytes());
        tracing::info!(circuit = self.circuit, millis, bytes, "made tables");
        if let Err(error) = tables::remove_others(dir, &self.circuit, self.key_id) {
            tracing::warn!(dir = %dir.display(), %error, "tables of other keys stay");
        }
        Ok(bases)
    }

    /// What tables are made of. A plan tells a little of what it was made by: a circuit's example, where there is one.
    fn parts(&self, key: &ProvingKey, sample: &[Fr]) -> Parts {
        let known = prooflane_circuits::find(&self.circuit);
        let example = known.and_then(|circuit| circuit.witness(&circuit.example()).ok());
        let example = example.as_ref().map(Witness::assignment);
        let example = example.filter(|example| example.len() == sample.len());
        Parts::new(key, self.budget_bytes(), example.unwrap_or(sample))
    }

    fn budget_bytes(&self) -> usize {
        let domain = prooflane_formats::domain_size(self.constraints(), self.system.num_public);
        let default = || bases::default_budget_bytes(domain);
        self.options.budget_bytes.unwrap_or_else(default)
    }

    /// Opens or builds the tables that the first proof would; `sample` is a witness like those to come, by which they are
    /// laid out.
    ///
    /// # Errors
    /// [`TablesError`].
    pub fn warm(&self, sample: &Witness) -> Result<(), TablesError> {
        self.bases(sample.assignment()).map(|_| ())
    }

    /// About how many bytes proving takes: matrices, tables, and what one proof works on.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let domain = prooflane_formats::domain_size(self.constraints(), self.system.num_public);
        let tables = self
            .bases
            .get()
            .map_or_else(|| self.budget_bytes(), Bases::bytes);
        self.system.bytes() + tables + bases::working_bytes(domain, self.system.columns)
    }

    /// `name@version` of the circuit.
    #[must_use]
    pub fn circuit(&self) -> &str {
        &self.circuit
    }

    /// Where it comes from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The key that its proofs are verified with.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The same, ready for use.
    #[must_use]
    pub fn prepared(&self) -> &PreparedKey {
        &self.prepared
    }

    /// Names the verifying key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Constraints of the circuit.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.system.constraints()
    }
}

/// Makes a development key with fresh randomness that is wiped at once.
pub(crate) fn development(circuit: &dyn Circuit, r1cs: &R1cs) -> Result<Zkey, KeyError> {
    set_up(r1cs, &ToxicWaste::random()).ok_or_else(|| KeyError::TooLarge(circuit.id().to_owned()))
}

/// Runs work on rayon threads of its own, and waits. Who waits inside rayon takes up other work meanwhile, which must not
/// happen under a lock that the other work may want too.
fn on_own_threads<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let threads = rayon::current_num_threads();
    let run = || match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    };
    let joined = std::thread::scope(|scope| scope.spawn(run).join());
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
