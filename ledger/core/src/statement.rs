//! What can be said of datasets, in the columns' own notation.

use crate::{Bytes32, Commitment, Error};
use prooflane_dataset::{Kind, Schema};
use prooflane_stark::{self as stark, Epsilon};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an entry of the ledger says. Texts that name values are in the notation of their column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Statement {
    /// A dataset was committed to, by somebody who has all of its columns: one output.
    Notarize,
    /// Of a column of the input: how many values are there, the least, the greatest, and sums.
    Statistics {
        /// The column.
        column: String,
        /// The claim, in keys.
        claim: stark::Statistics,
    },
    /// How many values of a column lie between edges.
    Histogram {
        /// The column.
        column: String,
        /// Where intervals after the first begin, in ascending order.
        edges: Vec<String>,
        /// How many values lie in each: one more than there are edges.
        counts: Vec<u64>,
    },
    /// How many rows satisfy a range predicate.
    Count {
        /// The column.
        column: String,
        /// The least value that satisfies it; without one, all smaller do.
        low: Option<String>,
        /// The greatest; without one, all greater do.
        high: Option<String>,
        /// How many do.
        count: u64,
    },
    /// How many rows satisfy a range predicate, plus noise that makes the answer differentially private.
    Noisy {
        /// The column.
        column: String,
        /// As of a count.
        low: Option<String>,
        /// As of a count.
        high: Option<String>,
        /// How private it is: a decimal number.
        epsilon: String,
        /// What nobody could know when the dataset was recorded and the question and epsilon were fixed, such as a later round of
        /// a public beacon.
        beacon: Bytes32,
        /// The count plus the noise.
        count: i64,
    },
    /// Rows that agree in some columns are at least so many.
    Groups {
        /// The columns.
        columns: Vec<String>,
        /// How many.
        at_least: u64,
    },
    /// A second commitment to the input's rows, of Poseidon hashes, over which `dataset-row@1` of `prooflane-circuits` proves things
    /// about a row. That the rows are the same is the word of whoever recorded it: nothing proves it.
    Rows {
        /// A field element in decimal.
        root: String,
    },
    /// The output is those rows of the input, in their order, that satisfy a range predicate.
    Filter {
        /// The column.
        column: String,
        /// As of a count.
        low: Option<String>,
        /// As of a count.
        high: Option<String>,
    },
    /// The output is some columns of the input, in this order.
    Project {
        /// The columns.
        columns: Vec<String>,
    },
    /// Each row of the input is in exactly one of the outputs, and they have no others.
    Split,
    /// The output is the input's rows in another order.
    Permute,
    /// The output is the input's rows in the order of a column, nulls last.
    Sort {
        /// The column.
        column: String,
        /// The greatest first.
        descending: bool,
    },
    /// The output is the inputs' rows, one input after the other.
    Concat,
    /// The output is the input with a column's values times `factor` plus `offset`; of decimals, of their integers.
    Scale {
        /// The column.
        column: String,
        /// Between -8192 and 8192.
        factor: i64,
        /// What is added.
        offset: i64,
    },
    /// The output is the input, committed to anew.
    Renew,
}

impl Statement {
    /// Its name in an entry.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Notarize => "notarize",
            Self::Statistics { .. } => "statistics",
            Self::Histogram { .. } => "histogram",
            Self::Count { .. } => "count",
            Self::Noisy { .. } => "noisy",
            Self::Groups { .. } => "groups",
            Self::Rows { .. } => "rows",
            Self::Filter { .. } => "filter",
            Self::Project { .. } => "project",
            Self::Split => "split",
            Self::Permute => "permute",
            Self::Sort { .. } => "sort",
            Self::Concat => "concat",
            Self::Scale { .. } => "scale",
            Self::Renew => "renew",
        }
    }

    /// Whether it makes datasets of others, rather than telling something of one.
    #[must_use]
    pub const fn transforms(&self) -> bool {
        !matches!(
            self,
            Self::Notarize
                | Self::Statistics { .. }
                | Self::Histogram { .. }
                | Self::Count { .. }
                | Self::Noisy { .. }
                | Self::Groups { .. }
                | Self::Rows { .. }
        )
    }
}

/// A range predicate in words.
struct InRange<'a>(&'a str, &'a Option<String>, &'a Option<String>);

impl fmt::Display for InRange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(column, low, high) = self;
        match (low, high) {
            (Some(low), Some(high)) => write!(f, "{column} from {low} to {high}"),
            (Some(low), None) => write!(f, "{column} at least {low}"),
            (None, Some(high)) => write!(f, "{column} at most {high}"),
            (None, None) => write!(f, "{column} not null"),
        }
    }
}

impl fmt::Display for Statement {
    /// A line in words, without the figures that it claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statistics { column, .. } => write!(f, "statistics of {column}"),
            Self::Histogram { column, .. } => write!(f, "histogram of {column}"),
            Self::Count {
                column, low, high, ..
            } => write!(f, "count of rows with {}", InRange(column, low, high)),
            Self::Noisy {
                column, low, high, ..
            } => write!(f, "noisy count of rows with {}", InRange(column, low, high)),
            Self::Groups { columns, at_least } => {
                write!(
                    f,
                    "groups by {} of at least {at_least} rows",
                    columns.join(", ")
                )
            }
            Self::Rows { .. } => {
                f.write_str("root of rows; nothing proves that they are the same rows")
            }
            Self::Filter { column, low, high } => {
                write!(f, "filter: rows with {}", InRange(column, low, high))
            }
            Self::Project { columns } => write!(f, "project to {}", columns.join(", ")),
            Self::Sort { column, descending } => {
                let order = if *descending { ", descending" } else { "" };
                write!(f, "sort by {column}{order}")
            }
            Self::Scale {
                column,
                factor,
                offset,
            } => write!(f, "scale {column} by {factor}, plus {offset}"),
            other => f.write_str(other.name()),
        }
    }
}

/// A line of a claim: what, and its value as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// What.
    pub name: String,
    /// How much, in the column's notation.
    pub value: String,
}

impl Statement {
    /// What is claimed, as figures, of the dataset that it is about. Sums and means are given for integers, decimals and booleans.
    ///
    /// # Errors
    /// [`Error`], if it is not about such a dataset.
    pub fn figures(&self, of: &Commitment) -> Result<Vec<Figure>, Error> {
        let figure = |name: &str, value: String| Figure {
            name: name.into(),
            value,
        };
        match self {
            Self::Statistics { column, claim } => {
                let kind = of.keyed(column)?.kind;
                let mut figures = vec![
                    figure("rows", of.rows.to_string()),
                    figure("nulls", (of.rows.saturating_sub(claim.present)).to_string()),
                ];
                if claim.present > 0 {
                    figures.push(figure("min", kind.show(claim.low)));
                    figures.push(figure("max", kind.show(claim.high)));
                    if let Some(sums) = Sums::of(kind, claim) {
                        figures.push(figure("sum", sums.sum));
                        figures.push(figure("mean", sums.mean));
                        figures.push(figure("variance", sums.variance));
                    }
                }
                Ok(figures)
            }
            Self::Histogram { edges, counts, .. } => {
                let from = [None].into_iter().chain(edges.iter().map(Some));
                let to = edges.iter().map(Some).chain([None]);
                let names = from.zip(to).map(|ends| match ends {
                    (None, None) => "all".into(),
                    (None, Some(to)) => format!("below {to}"),
                    (Some(from), None) => format!("{from} and above"),
                    (Some(from), Some(to)) => format!("{from} to below {to}"),
                });
                let counts = names.zip(counts);
                Ok(counts
                    .map(|(name, count): (String, _)| figure(&name, count.to_string()))
                    .collect())
            }
            Self::Count { count, .. } => Ok(vec![figure("rows", count.to_string())]),
            Self::Noisy { epsilon, count, .. } => {
                let delta = parse_epsilon(epsilon)?.delta();
                Ok(vec![
                    figure("rows", format!("about {count}")),
                    figure("epsilon", epsilon.clone()),
                    figure(
                        "delta",
                        delta.map_or("1".into(), |delta| format!("{delta:.1e}")),
                    ),
                ])
            }
            Self::Rows { root } => {
                // Proofs are about numbers of columns.
                let columns = of.schema.columns().iter().enumerate();
                let keyed = columns.filter(|(_, field)| field.kind.kind.keys().is_some());
                let numbers = keyed.map(|(index, field)| {
                    let number = of.parts(index).start;
                    figure(&format!("column {number}"), field.name.clone())
                });
                let root = figure("root", root.clone());
                Ok([root].into_iter().chain(numbers).collect())
            }
            Self::Groups { at_least, .. } => Ok(vec![figure("at least", at_least.to_string())]),
            _ => Ok(Vec::new()),
        }
    }
}

/// Sums of a claim in a kind's own notation.
struct Sums {
    sum: String,
    mean: String,
    variance: String,
}

impl Sums {
    /// Nothing for kinds whose keys are no numbers to add up: floats, dates and times.
    fn of(kind: Kind, claim: &stark::Statistics) -> Option<Self> {
        let scale = match kind {
            Kind::Decimal(scale) => scale,
            Kind::Int(_) | Kind::Uint(_) | Kind::Bool => 0,
            _ => return None,
        };
        let low = kind.integer(claim.low)?;
        // At most 2^22 values of 64 bits: 2^86.
        let above = i128::try_from(claim.sum).ok()?;
        let sum = low * i128::from(claim.present) + above;
        let unit = 10_f64.powi(scale.into());
        let mean = low as f64 + claim.sum as f64 / claim.present as f64;
        Some(Self {
            sum: decimal(sum, scale),
            mean: format!("{:?}", mean / unit),
            variance: format!("{:?}", claim.variance() / (unit * unit)),
        })
    }
}

/// An integer times 10^-scale.
fn decimal(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

/// A decimal number of at most nine digits as a fraction.
pub(crate) fn parse_epsilon(text: &str) -> Result<Epsilon, Error> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    let numerator = digits.parse().ok().filter(|_| plain && digits.len() <= 9);
    let numerator = numerator.ok_or_else(|| {
        Error::Misfit("expected epsilon as a decimal number of at most nine digits".into())
    })?;
    let denominator = 10_u32.pow(u32::try_from(fraction.len()).unwrap_or(0));
    // However it is written, it is one question, which has one answer.
    let common = gcd(numerator, denominator);
    Ok(Epsilon {
        numerator: numerator / common,
        denominator: denominator / common,
    })
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// That two datasets have the same columns, nulls allowed in the same.
pub(crate) fn same_columns(a: &Schema, b: &Schema) -> Result<(), Error> {
    if a == b {
        return Ok(());
    }
    let problem = "expected the same columns, of the same types, with nulls allowed in the same ones; \
                   notarize with types that say so";
    Err(Error::Misfit(problem.into()))
}
