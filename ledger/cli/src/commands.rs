//! Every command, with its flags and their help.

use crate::config::{Everywhere, Settings};
use crate::data::{Notarized, Reading};
use crate::home::Home;
use crate::output::{Output, grouped, line};
use crate::place::Place;
use crate::rows::{self, Row, Rows};
use crate::shown::{Picture, Trust};
use crate::{cosign, owner, shown};
use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use prooflane_dataset::{Algorithm, Profiler, Reader};
use prooflane_ledger::{Bytes32, Permission, Permissions, SealingKey, Statement, Transform};
use prooflane_log::VerifyingKey;
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
    /// Prove a column's count, least and greatest value, sum, mean and variance.
    Statistics {
        #[command(flatten)]
        of: Notarized,
        /// The column.
        #[arg(long)]
        column: String,
    },
    /// Prove how many values of a column lie between edges.
    Histogram {
        #[command(flatten)]
        of: Notarized,
        /// The column.
        #[arg(long)]
        column: String,
        /// Where intervals after the first begin, ascending.
        #[arg(
            long,
            value_delimiter = ',',
            required = true,
            allow_hyphen_values = true
        )]
        edges: Vec<String>,
    },
    /// Prove how many rows satisfy a range predicate.
    Count {
        #[command(flatten)]
        of: Notarized,
        #[command(flatten)]
        range: InRange,
    },
    /// Prove a differentially private count of rows that satisfy a range predicate.
    Noisy {
        #[command(flatten)]
        of: Notarized,
        #[command(flatten)]
        range: InRange,
        /// How private the answer is, a decimal number: the less, the more noise. Answers about one dataset add up.
        #[arg(long)]
        epsilon: String,
        /// 32 bytes in hexadecimal that nobody could know when the dataset was recorded and the question was fixed, such as a
        /// later round of a public beacon.
        #[arg(long, value_name = "HEX")]
        beacon: Bytes32,
    },
    /// Prove that rows which agree in some columns are at least so many.
    Groups {
        #[command(flatten)]
        of: Notarized,
        /// The columns.
        #[arg(long, value_delimiter = ',', required = true)]
        columns: Vec<String>,
        /// How many rows each group has at least.
        #[arg(long, value_name = "K")]
        at_least: u64,
    },
    /// Record a root of the dataset's rows, over which zero-knowledge proofs about a single row can be made.
    Rows(Rows),
    /// Write the inputs of a proof that a row lies in a range, for `prooflane prove`.
    Row(Row),
    /// Make a dataset of the rows that satisfy a range predicate.
    Filter {
        #[command(flatten)]
        of: Notarized,
        #[command(flatten)]
        range: InRange,
        /// The new file, .parquet or .csv.
        #[arg(long)]
        out: PathBuf,
    },
    /// Make a dataset of some columns.
    Project {
        #[command(flatten)]
        of: Notarized,
        /// The columns, in their new order.
        #[arg(long, value_delimiter = ',', required = true)]
        columns: Vec<String>,
        /// The new file, .parquet or .csv.
        #[arg(long)]
        out: PathBuf,
    },
    /// Divide a dataset's rows at random.
    Split {
        #[command(flatten)]
        of: Notarized,
        /// The parts' shares: 80,20.
        #[arg(long, value_delimiter = ',', required = true)]
        weights: Vec<u32>,
        /// A new file for each part.
        #[arg(long, value_delimiter = ',', required = true)]
        out: Vec<PathBuf>,
    },
    /// Shuffle a dataset's rows.
    Permute {
        #[command(flatten)]
        of: Notarized,
        /// The new file, .parquet or .csv.
        #[arg(long)]
        out: PathBuf,
    },
    /// Sort a dataset's rows by a column, missing values last.
    Sort {
        #[command(flatten)]
        of: Notarized,
        /// The column.
        #[arg(long)]
        column: String,
        /// The greatest first.
        #[arg(long)]
        descending: bool,
        /// The new file, .parquet or .csv.
        #[arg(long)]
        out: PathBuf,
    },
    /// Put datasets with the same columns one after the other.
    Concat {
        /// The datasets' files, as they were notarized.
        #[arg(required = true)]
        data: Vec<PathBuf>,
        #[command(flatten)]
        reading: Reading,
        /// The new file, .parquet or .csv.
        #[arg(long)]
        out: PathBuf,
    },
    /// Replace a column's values by themselves times a factor plus an offset.
    Scale {
        #[command(flatten)]
        of: Notarized,
        /// The column, of integers or decimals.
        #[arg(long)]
        column: String,
        /// Between -8192 and 8192.
        #[arg(long, allow_hyphen_values = true)]
        factor: i64,
        /// What is added; to decimals, in units of their last digit.
        #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
        offset: i64,
        /// The new file, .parquet or .csv.
        #[arg(long)]
        out: PathBuf,
    },
    /// Commit to a dataset anew, when it is good for few more proofs.
    Renew {
        #[command(flatten)]
        of: Notarized,
        /// The new file, .parquet or .csv.
        #[arg(long)]
        out: PathBuf,
    },
    /// Record evidence that was made, but could not be recorded.
    Record {
        /// The file that it was kept in.
        evidence: PathBuf,
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

/// A range predicate.
#[derive(Args)]
pub(crate) struct InRange {
    /// The column.
    #[arg(long)]
    pub(crate) column: String,
    /// The least value that satisfies it; without one, all smaller ones do.
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// The greatest value that satisfies it; without one, all greater ones do.
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
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
    let made = async |of: Notarized, out: PathBuf, transform: Transform| {
        owner::transform(settings, &[of], &transform, &[out]).await
    };
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
        Command::Statistics { of, column } => {
            owner::claim(settings, &of, |owned| {
                Statement::statistics(&column, &owned.opening, &owned.table)
            })
            .await
        }
        Command::Histogram { of, column, edges } => {
            owner::claim(settings, &of, |owned| {
                Statement::histogram(&column, edges, &owned.opening, &owned.table)
            })
            .await
        }
        Command::Count { of, range } => {
            let InRange { column, from, to } = range;
            owner::claim(settings, &of, |owned| {
                Statement::count(&column, from, to, &owned.table)
            })
            .await
        }
        Command::Noisy {
            of,
            range,
            epsilon,
            beacon,
        } => {
            let InRange { column, from, to } = range;
            owner::claim(settings, &of, |owned| {
                Statement::noisy(&column, [from, to], epsilon, beacon, owned.source())
            })
            .await
        }
        Command::Groups {
            of,
            columns,
            at_least,
        } => {
            owner::claim(settings, &of, |_| {
                Ok(Statement::Groups { columns, at_least })
            })
            .await
        }
        Command::Rows(of) => rows::rows(settings, of).await,
        Command::Row(of) => rows::row(settings, &of),
        Command::Filter { of, range, out } => {
            let InRange { column, from, to } = range;
            let (low, high) = (from, to);
            made(of, out, Transform::Filter { column, low, high }).await
        }
        Command::Project { of, columns, out } => {
            made(of, out, Transform::Project { columns }).await
        }
        Command::Split { of, weights, out } => {
            owner::transform(settings, &[of], &Transform::Split { weights }, &out).await
        }
        Command::Permute { of, out } => made(of, out, Transform::Permute).await,
        Command::Sort {
            of,
            column,
            descending,
            out,
        } => made(of, out, Transform::Sort { column, descending }).await,
        Command::Concat { data, reading, out } => {
            let all = Notarized::all(data, &reading);
            owner::transform(settings, &all, &Transform::Concat, &[out]).await
        }
        Command::Scale {
            of,
            column,
            factor,
            offset,
            out,
        } => {
            let scale = Transform::Scale {
                column,
                factor,
                offset,
            };
            made(of, out, scale).await
        }
        Command::Renew { of, out } => made(of, out, Transform::Renew).await,
        Command::Cosign { url, witness } => {
            settings.demand_folder("its operator has its log cosigned")?;
            cosign::cosign(settings, &url, &witness).await
        }
        Command::Record { evidence } => owner::record_kept(settings, &evidence).await,
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
