//! What can be said of datasets, here or by the provers of a network: claims and transformations.

use crate::config::Settings;
use crate::data::{Notarized, Reading};
use crate::owner;
use crate::prover::By;
use clap::{Args, Subcommand};
use prooflane_ledger::{Bytes32, Statement, Transform};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Said {
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

impl Said {
    /// Proves it, and records it.
    pub(crate) async fn prove(self, settings: &Settings, by: &By) -> anyhow::Result<()> {
        let made = async |of: Notarized, out: PathBuf, transform: Transform| {
            owner::transform(settings, by, &[of], &transform, &[out]).await
        };
        match self {
            Self::Statistics { of, column } => {
                owner::claim(settings, by, &of, |owned| {
                    Statement::statistics(&column, &owned.opening, &owned.table)
                })
                .await
            }
            Self::Histogram { of, column, edges } => {
                owner::claim(settings, by, &of, |owned| {
                    Statement::histogram(&column, edges, &owned.opening, &owned.table)
                })
                .await
            }
            Self::Count { of, range } => {
                let InRange { column, from, to } = range;
                owner::claim(settings, by, &of, |owned| {
                    Statement::count(&column, from, to, &owned.table)
                })
                .await
            }
            Self::Noisy {
                of,
                range,
                epsilon,
                beacon,
            } => {
                let InRange { column, from, to } = range;
                owner::claim(settings, by, &of, |owned| {
                    Statement::noisy(&column, [from, to], epsilon, beacon, owned.source())
                })
                .await
            }
            Self::Groups {
                of,
                columns,
                at_least,
            } => {
                owner::claim(settings, by, &of, |_| {
                    Ok(Statement::Groups { columns, at_least })
                })
                .await
            }
            Self::Filter { of, range, out } => {
                let InRange { column, from, to } = range;
                let (low, high) = (from, to);
                made(of, out, Transform::Filter { column, low, high }).await
            }
            Self::Project { of, columns, out } => {
                made(of, out, Transform::Project { columns }).await
            }
            Self::Split { of, weights, out } => {
                owner::transform(settings, by, &[of], &Transform::Split { weights }, &out).await
            }
            Self::Permute { of, out } => made(of, out, Transform::Permute).await,
            Self::Sort {
                of,
                column,
                descending,
                out,
            } => made(of, out, Transform::Sort { column, descending }).await,
            Self::Concat { data, reading, out } => {
                let all = Notarized::all(data, &reading);
                owner::transform(settings, by, &all, &Transform::Concat, &[out]).await
            }
            Self::Scale {
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
            Self::Renew { of, out } => made(of, out, Transform::Renew).await,
        }
    }
}
