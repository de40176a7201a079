//! What a dataset looks like, for its owner's eyes.

use crate::batch::{Batch, Column, Values};
use crate::key;
use crate::kind::Kind;
use crate::schema::{Field, Schema};
use datasketches::common::SearchCriteria;
use datasketches::hll::{HllSketch, HllType};
use datasketches::kll::KllSketch;
use rayon::iter::{
    IndexedParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator,
};
use serde::Serialize;
use std::fmt;

/// The ranks of the quantiles of a profile.
const RANKS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];
/// With it a quantile's rank is off by less than 0.2 % of the rows, 99 times of 100 (Karnin, Lang, Liberty, "Optimal
/// Quantile Approximation in Streams", FOCS 2016; the constant is the sketch's own), in 60 KB.
const KLL_K: u16 = 2_048;
/// 2^12 registers: a standard error of 1.6 % of the number of distinct values.
const HLL_LOG2_REGISTERS: u8 = 12;

/// A profile of a dataset. Its values are private: it is shown where asked for, and has no `Debug`.
#[derive(Clone, PartialEq, Serialize)]
pub struct Profile {
    /// How many rows.
    pub rows: u64,
    /// The columns, in order.
    pub columns: Vec<ColumnProfile>,
}

/// A profile of a column, its values in the column's notation. Where there is no value, they are none.
#[derive(Clone, PartialEq, Serialize)]
pub struct ColumnProfile {
    /// The column's name and type.
    #[serde(flatten)]
    pub column: Field,
    /// How many nulls.
    pub nulls: u64,
    /// How many floats are NaN. They count for nothing below.
    pub nan: u64,
    /// About how many values differ, with a standard error of 1.6 %.
    pub distinct: u64,
    /// The smallest value; of texts and bytes the fewest bytes.
    pub min: Option<String>,
    /// The values below which 5, 25, 50, 75 and 95 of 100 lie, exact in rank to 0.2 % of the rows (99 times of 100); of
    /// texts and bytes, their lengths.
    pub quantiles: Option<[String; 5]>,
    /// The largest value; of texts and bytes the most bytes.
    pub max: Option<String>,
    /// The mean: of booleans the share that is true, of dates and times rounded down to their unit, of texts and bytes
    /// that of their lengths.
    pub mean: Option<String>,
}

/// Makes a profile from batches. It holds sketches of fixed size.
pub struct Profiler {
    columns: Vec<Sketch>,
    rows: u64,
}

impl Profiler {
    /// Of a dataset of these columns.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let columns = schema
            .columns()
            .iter()
            .map(|field| Sketch::new(field.clone()))
            .collect();
        Self { columns, rows: 0 }
    }

    /// Takes the next rows, whose columns must be the schema's.
    ///
    /// # Panics
    /// If there are more or fewer columns.
    pub fn update(&mut self, batch: &Batch) {
        assert_eq!(
            batch.columns().len(),
            self.columns.len(),
            "a batch of another schema"
        );
        let columns = batch.columns().par_iter();
        self.columns
            .par_iter_mut()
            .zip(columns)
            .for_each(|(sketch, column)| sketch.update(column));
        self.rows += batch.rows() as u64;
    }

    /// The profile of all rows.
    #[must_use]
    pub fn finish(self) -> Profile {
        let columns = self.columns.into_iter().map(Sketch::finish).collect();
        Profile {
            rows: self.rows,
            columns,
        }
    }
}

/// What is kept of a column.
struct Sketch {
    field: Field,
    nulls: u64,
    nan: u64,
    count: u64,
    /// Of keys, lengths and, of wide decimals, keys of 128 bits.
    order: KllSketch<u128>,
    distinct: HllSketch,
    sum: Sum,
}

/// A sum of values: of integers exactly, of floats compensated (Neumaier, 1974).
#[derive(Default)]
struct Sum {
    exact: i128,
    float: f64,
    lost: f64,
}

impl Sum {
    fn add_float(&mut self, value: f64) {
        let sum = self.float + value;
        self.lost += if self.float.abs() >= value.abs() {
            (self.float - sum) + value
        } else {
            (value - sum) + self.float
        };
        self.float = sum;
    }
}

impl Sketch {
    fn new(field: Field) -> Self {
        // Both sizes are within what the sketches allow.
        let order = KllSketch::new(KLL_K).unwrap_or_default();
        let distinct = HllSketch::new(HLL_LOG2_REGISTERS, HllType::Hll8)
            .expect("2^12 is a size of this sketch");
        Self {
            field,
            nulls: 0,
            nan: 0,
            count: 0,
            order,
            distinct,
            sum: Sum::default(),
        }
    }

    fn update(&mut self, column: &Column) {
        let kind = self.field.kind.kind;
        let nan = kind
            .keys()
            .map(|(_, last)| last)
            .filter(|_| matches!(kind, Kind::Float32 | Kind::Float64));
        for row in 0..column.len() {
            if !column.is_present(row) {
                self.nulls += 1;
                continue;
            }
            match column.values() {
                Values::Keys(keys) if Some(keys[row]) == nan => {
                    self.nan += 1;
                    continue;
                }
                Values::Keys(keys) => {
                    let key = keys[row];
                    self.order.update(key.into());
                    self.distinct.update(key);
                    match kind {
                        Kind::Float32 => self.sum.add_float(key::to_f32(key).into()),
                        Kind::Float64 => self.sum.add_float(key::to_f64(key)),
                        _ => self.sum.exact += kind.integer(key).unwrap_or(0),
                    }
                }
                Values::Wide(keys) => {
                    self.order.update(keys[row]);
                    self.distinct.update(keys[row]);
                    self.sum.add_float(key::to_wide(keys[row]) as f64);
                }
                Values::Strings(strings) => {
                    let value = strings.get(row);
                    self.order.update(value.len() as u128);
                    self.distinct.update(value);
                    self.sum.exact += value.len() as i128;
                }
            }
            self.count += 1;
        }
    }

    fn finish(self) -> ColumnProfile {
        let kind = self.field.kind.kind;
        let show = |value: &u128| match kind {
            Kind::Decimal128(scale) => Kind::show_wide(scale, *value),
            Kind::Text | Kind::Bytes => value.to_string(),
            keyed => keyed.show(u64::try_from(*value).unwrap_or(u64::MAX)),
        };
        let quantile = |rank| {
            self.order
                .quantile(rank, SearchCriteria::Inclusive)
                .ok()
                .flatten()
        };
        let quantiles: Vec<String> = RANKS
            .into_iter()
            .filter_map(quantile)
            .map(|key| show(&key))
            .collect();
        ColumnProfile {
            nulls: self.nulls,
            nan: self.nan,
            distinct: self.distinct.estimate().round() as u64,
            min: self.order.min_item().map(show),
            quantiles: quantiles.try_into().ok(),
            max: self.order.max_item().map(show),
            mean: (self.count > 0).then(|| mean(kind, &self.sum, self.count)),
            column: self.field,
        }
    }
}

fn mean(kind: Kind, sum: &Sum, count: u64) -> String {
    // Infinities leave no number behind that could be compensated.
    let compensated = if sum.lost.is_finite() {
        sum.float + sum.lost
    } else {
        sum.float
    };
    let mean = |sum: f64, scale: u8| {
        // As the notation of floats has it: with an exponent where it would be long.
        format!("{:?}", sum / (count as f64 * 10f64.powi(scale.into())))
    };
    match kind {
        Kind::Float32 | Kind::Float64 => mean(compensated, 0),
        Kind::Decimal128(scale) => mean(compensated, scale),
        Kind::Decimal(scale) => mean(sum.exact as f64, scale),
        Kind::Date | Kind::Time | Kind::Timestamp { .. } => {
            let mean = kind.key_of_integer(sum.exact.div_euclid(count.into()));
            mean.map(|key| kind.show(key)).unwrap_or_default()
        }
        _ => mean(sum.exact as f64, 0),
    }
}

impl fmt::Display for Profile {
    /// A table, a line for each column.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = [
            "column", "type", "nulls", "NaN", "distinct", "min", "5 %", "25 %", "median", "75 %",
            "95 %", "max", "mean",
        ];
        let mut lines = vec![head.map(String::from).to_vec()];
        for column in &self.columns {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
            let Field { name, kind } = &column.column;
            let distinct = format!("~{}", column.distinct);
            let mut line = vec![
                name.clone(),
                kind.to_string(),
                column.nulls.to_string(),
                column.nan.to_string(),
                distinct,
            ];
            line.push(text(&column.min));
            line.extend(
                column
                    .quantiles
                    .clone()
                    .unwrap_or_else(|| std::array::from_fn(|_| "-".into())),
            );
            line.extend([text(&column.max), text(&column.mean)]);
            lines.push(line);
        }
        let width = |column: usize| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<_> = (0..head.len()).map(width).collect();
        for line in &lines {
            // Names and types to the left, numbers to the right.
            write!(f, "{:<2$}  {:<3$}", line[0], line[1], widths[0], widths[1])?;
            for (cell, width) in line.iter().zip(&widths).skip(2) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        write!(f, "{} rows", self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Width;

    fn profile(fields: Vec<Field>, columns: Vec<Column>) -> Profile {
        let schema = Schema::new(fields).unwrap();
        let mut profiler = Profiler::new(&schema);
        profiler.update(&Batch::new(&schema, columns).unwrap());
        profiler.finish()
    }

    #[test]
    fn as_a_table() {
        let (price, name) = (Kind::Decimal(2), Kind::Text);
        let columns = vec![
            Column::from_text(price, [Some("1.5"), None, Some("-20"), Some("1.5")]).unwrap(),
            Column::from_text(name, [Some("a"), Some(""), Some("é"), Some("b")]).unwrap(),
            Column::from_text(Kind::Float64, [Some("nan"); 4]).unwrap(),
        ];
        let fields = vec![
            Field::new("price", price, true),
            Field::new("name", name, false),
            Field::new("none", Kind::Float64, false),
        ];
        let expected = "\
column  type         nulls  NaN  distinct     min     5 %    25 %  median  75 %  95 %   max                mean
price   decimal(2)?      1    0        ~2  -20.00  -20.00  -20.00    1.50  1.50  1.50  1.50  -5.666666666666667
name    text             0    0        ~4       0       0       0       1     1     2     2                 1.0
none    float64          0    4        ~0       -       -       -       -     -     -     -                   -
4 rows";
        assert_eq!(profile(fields, columns).to_string(), expected);
    }

    #[test]
    fn quantiles_of_many_values_are_near() {
        const ROWS: u64 = 200_000;
        let kind = Kind::Uint(Width::W32);
        // Each number below ROWS once, in another order: 77,777 has no factor in common with it.
        let keys = (0..ROWS).map(|row| Some(row * 77_777 % ROWS));
        let column = Column::from_keys(kind, keys).unwrap();
        let profile = profile(vec![Field::new("a", kind, false)], vec![column]);
        let a = &profile.columns[0];
        assert_eq!(
            (a.min.as_deref(), a.max.as_deref()),
            (Some("0"), Some("199999"))
        );
        assert_eq!(a.mean.as_deref(), Some("99999.5"));
        for (rank, quantile) in RANKS.iter().zip(a.quantiles.as_ref().unwrap()) {
            let off = quantile.parse::<f64>().unwrap() / ROWS as f64 - rank;
            // Seven times what it stays below 99 times of 100.
            assert!(off.abs() < 0.01, "{rank}: {quantile}");
        }
        assert!(a.distinct.abs_diff(ROWS) < ROWS / 10, "{}", a.distinct);
    }
}
