//! Every command, with its flags and their help.

use crate::config::{Everywhere, Settings};
use crate::data::{Notarized, Reading};
use crate::home::Home;
use crate::output::{Output, grouped, line};
use crate::place::Place;
use crate::prover::{By, Terms};
use crate::rows::{self, Row, Rows};
use crate::said::Said;
use crate::shown::{Picture, Trust};
use crate::{cosign, owner, shown};
use anyhow::Context;
use clap::{Parser, Subcommand};
use prooflane_dataset::{Algorithm, Profiler, Reader};
use prooflane_ledger::{Permission, Permissions, SealingKey};
use prooflane_log::VerifyingKey;
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Commit to datasets, prove things about them without showing them, and hand out receipts that verify offline.
#[derive(Parser)]
#[command(
    name = "prooflane ledger",
    bin_name = "prooflane ledger",
    version,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    everywhere: Everywhere,
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    pub(crate) fn output(&self) -> Output {
        self.everywhere.output()
    }
}

#[derive(Subcommand)]
enum Command {
    /// Make a ledger in a folder.
    Init {
        /// What it is called in checkpoints and receipts: a name that nobody else uses, such as a domain and a path.
        #[arg(long, default_value = "localhost/ledger")]
        origin: String,
    },
    /// Make a key that openings are sealed with.
    Keygen {
        /// The new file.
        file: PathBuf,
    },
    /// Show a dataset's columns: counts, ranges, quantiles. Nothing of it is kept.
    Profile {
        /// The dataset's file: CSV, JSON lines or Parquet.
        data: PathBuf,
        #[command(flatten)]
        reading: Reading,
    },
    /// Commit to a dataset, and record that.
    Notarize {
        /// The dataset's file: CSV, JSON lines or Parquet.
        data: PathBuf,
        #[command(flatten)]
        reading: Reading,
        /// What the ledger calls it; the file's name where not given.
        #[arg(long)]
        name: Option<String>,
        /// Digest it by SHA3-256 instead of BLAKE3.
        #[arg(long)]
        sha3: bool,
    },
    /// Show what everybody may know of a dataset that was notarized.
    Show(Notarized),
    /// Say whether a file is the dataset that was committed to.
    Check(Notarized),
    #[command(flatten)]
    Said(Said),
    /// Have the provers of a network prove a statement, and record it there. They see the columns that it is about, and of a noisy count
    /// the noise of all that are asked of the dataset; and so does the network.
    Prove {
        #[command(flatten)]
        terms: Terms,
        #[command(subcommand)]
        said: Said,
    },
    /// Record a root of the dataset's rows, over which zero-knowledge proofs about a single row can be made.
    Rows(Rows),
    /// Write the inputs of a proof that a row lies in a range, for `prooflane prove`.
    Row(Row),
    /// Record evidence that was made, but could not be recorded.
    Record {
        /// The file that it was kept in.
        #[arg(required_unless_present = "task")]
        evidence: Option<PathBuf>,
        /// Instead, what the network has proved: the task's id, as `prove` said it.
        #[arg(long, value_name = "UUID", conflicts_with = "evidence")]
        task: Option<Uuid>,
    },
    /// List operations, the newest last.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        last: u64,
    },
    /// Show where a dataset comes from and what became of it.
    Lineage {
        /// A dataset's id, or its file.
        dataset: String,
        /// As what.
        #[arg(long = "as", default_value = "tree")]
        picture: Picture,
    },
    /// Write an operation's receipt and evidence into files, for somebody who verifies them offline.
    Receipt {
        /// The operation's number.
        operation: u64,
        /// The new file; the evidence goes beside it, as .evidence.
        #[arg(long)]
        out: PathBuf,
    },
    /// Verify a receipt and its evidence. Needs nothing else.
    Verify {
        /// The receipt.
        receipt: PathBuf,
        /// The evidence; beside the receipt where not given.
        #[arg(long)]
        evidence: Option<PathBuf>,
        /// The log's verifying key, or a file of them as log.pub in the ledger's folder; that one where not given. May be given
        /// several times.
        #[arg(long)]
        log_key: Vec<String>,
        /// A witness's verifying key. May be given several times.
        #[arg(long)]
        witness: Vec<String>,
        /// How many of the witnesses must have cosigned; all where not given.
        #[arg(long)]
        quorum: Option<usize>,
    },
    /// Have a witness cosign the log, so that whoever verifies receipts need not believe one party alone.
    Cosign {
        /// Where the witness takes `add-checkpoint`, as `https://example.com/v1/ledger/witness` of a network that is one.
        url: String,
        /// The witness's verifying key.
        #[arg(long, value_name = "KEY")]
        witness: VerifyingKey,
    },
    /// Let an account of a network do things with a dataset: these, and no others.
    Grant {
        /// A dataset's id, or its file.
        dataset: String,
        /// The account's name.
        account: String,
        /// Any of read (see evidence), write (record datasets made of it), prove (record statements about it), administer (give
        /// others permissions, record roots of rows). None takes all away.
        #[arg(value_delimiter = ',', value_parser = permission)]
        permissions: Vec<Permission>,
    },
    /// List which accounts may do what with a dataset, besides its owner.
    Grants {
        /// A dataset's id, or its file.
        dataset: String,
    },
    /// The log's keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Copy all entries and evidence into a folder. Keys are not part of it: keep log.keys too.
    Backup {
        /// The folder.
        folder: PathBuf,
    },
    /// Make a ledger again from a backup, and check that it is the same. Its log.keys must be there.
    Restore {
        /// The backup's folder.
        folder: PathBuf,
    },
    /// Read everything and say what is wrong.
    Fsck,
}

#[derive(Subcommand)]
enum Keys {
    /// List the verifying keys, the oldest first. The last one signs.
    List,
    /// Let a new key sign from now on; a network that runs on this folder, from its next start. Receipts keep their old signatures,
    /// which the old key verifies.
    Rotate,
}

/// Runs a command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let settings = cli.everywhere.settings()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(dispatch(&settings, cli.command))
}

async fn dispatch(settings: &Settings, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init { origin } => init(settings, &origin),
        Command::Keygen { file } => keygen(settings, &file),
        Command::Profile { data, reading } => profile(settings, &data, &reading),
        Command::Notarize {
            data,
            reading,
            name,
            sha3,
        } => {
            let algorithm = if sha3 {
                Algorithm::Sha3
            } else {
                Algorithm::Blake3
            };
            owner::notarize(settings, &data, &reading, name, algorithm).await
        }
        Command::Show(of) => shown::show(settings, &of),
        Command::Check(of) => owner::check(settings, &of),
        Command::Said(said) => said.prove(settings, &By::Here).await,
        Command::Prove { terms, said } => said.prove(settings, &By::Network(terms)).await,
        Command::Rows(of) => rows::rows(settings, of).await,
        Command::Row(of) => rows::row(settings, &of),
        Command::Cosign { url, witness } => {
            settings.demand_folder("its operator has its log cosigned")?;
            cosign::cosign(settings, &url, &witness).await
        }
        Command::Record { evidence, task } => match (evidence, task) {
            (_, Some(task)) => owner::record_proved(settings, task).await,
            (Some(evidence), None) => owner::record_kept(settings, &evidence).await,
            // The parser demands one of them.
            (None, None) => Ok(()),
        },
        Command::Grant {
            dataset,
            account,
            permissions,
        } => grant(settings, &dataset, &account, permissions).await,
        Command::Grants { dataset } => grants(settings, &dataset).await,
        Command::List { last } => shown::list(settings, last).await,
        Command::Lineage { dataset, picture } => shown::lineage(settings, &dataset, picture).await,
        Command::Receipt { operation, out } => shown::receipt(settings, operation, &out).await,
        Command::Verify {
            receipt,
            evidence,
            log_key,
            witness,
            quorum,
        } => {
            let trust = Trust {
                log: log_key,
                witnesses: witness,
                quorum,
            };
            shown::verify(settings, &receipt, evidence, &trust)
        }
        Command::Keys(keys) => log_keys(settings, &keys).await,
        Command::Backup { folder } => {
            settings.demand_folder("its operator backs it up")?;
            let home = Home::open(&settings.folder)?;
            let operations = home.ledger().await?.backup(&folder).await?;
            counted(settings, "backed up", operations, &folder)
        }
        Command::Restore { folder } => {
            settings.demand_folder("its operator restores it")?;
            let home = Home::open(&settings.folder)?;
            let keys = home.keys.verifying();
            let operations = home.ledger().await?.restore(&folder, &keys).await?;
            counted(settings, "restored", operations, &folder)
        }
        Command::Fsck => {
            settings.demand_folder("its operator checks it")?;
            shown::fsck(settings).await
        }
    }
}

fn init(settings: &Settings, origin: &str) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Made {
        folder: PathBuf,
        log_key: String,
    }
    let home = Home::create(&settings.folder, origin)?;
    let made = Made {
        folder: settings.folder.clone(),
        log_key: home
            .keys
            .verifying()
            .last()
            .map(ToString::to_string)
            .unwrap_or_default(),
    };
    let lines = [
        line("ledger", format!("{origin} in {}", made.folder.display())),
        line(
            "log key",
            format!("{}, to verify receipts with", made.log_key),
        ),
    ];
    settings.output.say(&lines, &made)
}

fn keygen(settings: &Settings, path: &Path) -> anyhow::Result<()> {
    let key = SealingKey::generate()?.to_hex().context("a key is text")?;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = file.with_context(|| format!("{} cannot be made", path.display()))?;
    writeln!(file, "{}", *key)?;
    file.sync_all()?;
    let text = format!(
        "{}: whoever has it can open what is sealed with it; keep a copy",
        path.display()
    );
    settings
        .output
        .say(&[line("key", text)], &serde_json::json!({"key": path}))
}

fn profile(settings: &Settings, path: &Path, reading: &Reading) -> anyhow::Result<()> {
    let reader = Reader::open(path, &reading.options()?)?;
    let progress = crate::output::Progress::rows("reading", reader.rows());
    let mut profiler = Profiler::new(reader.schema());
    reader.for_each(|batch| {
        progress.add(batch.rows());
        profiler.update(&batch);
        Ok::<_, prooflane_dataset::Error>(())
    })?;
    progress.done();
    let profile = profiler.finish();
    settings.output.text(&format!("{profile}\n"), &profile)
}

fn permission(text: &str) -> Result<Permission, &'static str> {
    let of = [
        Permission::Read,
        Permission::Write,
        Permission::Prove,
        Permission::Administer,
    ];
    let found = of.into_iter().find(|of| of.to_string() == text);
    found.ok_or("expected read, write, prove or administer")
}

async fn grant(
    settings: &Settings,
    dataset: &str,
    account: &str,
    permissions: Vec<Permission>,
) -> anyhow::Result<()> {
    let dataset = shown::dataset(dataset)?;
    let permissions: Permissions = permissions.into_iter().collect();
    let place = Place::of(settings)?;
    place.grant(dataset, account, &permissions).await?;
    let object = serde_json::json!({
        "dataset": dataset,
        "account": account,
        "permissions": permissions,
    });
    settings
        .output
        .say(&[line(account, words(&permissions))], &object)
}

async fn grants(settings: &Settings, dataset: &str) -> anyhow::Result<()> {
    let dataset = shown::dataset(dataset)?;
    let grants = Place::of(settings)?.grants(dataset).await?;
    let lines = grants.iter();
    let mut lines: Vec<_> = lines
        .map(|(account, permissions)| line(account, words(permissions)))
        .collect();
    if lines.is_empty() {
        lines.push(line("nobody", "besides its owner may do anything with it"));
    }
    let object = serde_json::json!({"dataset": dataset, "grants": grants});
    settings.output.say(&lines, &object)
}

fn words(permissions: &Permissions) -> String {
    if permissions.is_empty() {
        return "nothing".into();
    }
    let words: Vec<_> = permissions.iter().map(ToString::to_string).collect();
    words.join(", ")
}

async fn log_keys(settings: &Settings, command: &Keys) -> anyhow::Result<()> {
    if let Keys::Rotate = command {
        settings.demand_folder("its operator rotates the keys of its log")?;
        Home::open(&settings.folder)?.keys.rotate()?;
    }
    let (_, keys) = Place::of(settings)?.keys().await?;
    let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
    let lines = keys.iter().enumerate();
    let lines: Vec<_> = lines
        .map(|(number, key)| line(&format!("version {}", number + 1), key))
        .collect();
    settings
        .output
        .say(&lines, &serde_json::json!({"log_keys": keys}))
}

fn counted(settings: &Settings, what: &str, operations: u64, folder: &Path) -> anyhow::Result<()> {
    let text = format!("{} operations, {}", grouped(operations), folder.display());
    let object = serde_json::json!({"operations": operations, "folder": folder});
    settings.output.say(&[line(what, text)], &object)
}
