//! `dataset-row@1`: a row is in a committed dataset, and one of its columns lies in a public range.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, MontFp, PrimeField};
use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::builder::{Builder, Num, Terms};
use crate::fields::{FIELD, Fields, U64, elements_of, field_of, kind, u64_of};
use crate::poseidon::{poseidon, poseidon_gadget};
use crate::{InputError, Statement};

/// Levels of four-way nodes above a row: there are at most 4^11 = 2^22 rows.
pub const ROW_LEVELS: usize = 11;
/// The most parts that a row has; a column has one or several.
pub const ROW_PARTS: usize = ELEMENTS * PLACES;

/// Parts that one field element holds, of [`PLACE_BITS`] each.
const PLACES: usize = 3;
/// A 64-bit key, or [`NULL`], which is none.
const PLACE_BITS: usize = 65;
/// Field elements that one hash takes in, and how many times it can.
const IN_BLOCK: usize = 5;
const BLOCKS: usize = 4;
const ELEMENTS: usize = IN_BLOCK * BLOCKS;
/// Children of a node.
const ARITY: usize = 4;

/// What stands for a null, and for parts that a row does not have: 2^64, which lies in no range.
const NULL: Fr = MontFp!("18446744073709551616");

/// Up to three parts in one element, the first one lowest.
fn packed(parts: &[Option<u64>]) -> Fr {
    let part = |place: usize| parts.get(place).copied().flatten().map_or(NULL, Fr::from);
    // 2^65 is 2 NULL.
    (0..PLACES).rfold(Fr::ZERO, |sum, place| sum * NULL.double() + part(place))
}

fn blocks_of(parts: usize) -> usize {
    parts.div_ceil(PLACES * IN_BLOCK)
}

fn fold<'a>(salt: Fr, blocks: impl Iterator<Item = &'a [Fr]>) -> Fr {
    blocks.fold(salt, |state, block| {
        let mut inputs = [state; 1 + IN_BLOCK];
        inputs[1..].copy_from_slice(block);
        poseidon(&inputs)
    })
}

/// The leaf of a row with these parts, null where none. It hides them as long as the salt is uniformly random and the row's own.
///
/// Parts are packed by three; the salt and five of these are hashed, then that hash and the next five, and so on.
///
/// # Panics
/// With no parts, or more than [`ROW_PARTS`].
pub fn row_leaf(parts: &[Option<u64>], salt: &[u8; 31]) -> Fr {
    let elements = row_elements(parts);
    let blocks = elements.chunks(IN_BLOCK).take(blocks_of(parts.len()));
    fold(Fr::from_be_bytes_mod_order(salt), blocks)
}

fn row_elements(parts: &[Option<u64>]) -> [Fr; ELEMENTS] {
    let count = parts.len();
    assert!(
        (1..=ROW_PARTS).contains(&count),
        "expected 1 to {ROW_PARTS} parts, got {count}"
    );
    let mut elements = [packed(&[]); ELEMENTS];
    for (element, parts) in elements.iter_mut().zip(parts.chunks(PLACES)) {
        *element = packed(parts);
    }
    elements
}

/// The node over four nodes or leaves. An empty leaf is 0, of which nobody knows a row.
pub fn row_node(children: [Fr; ARITY]) -> Fr {
    poseidon(&children)
}

/// The root of a dataset, of the node on top of [`ROW_LEVELS`] levels and the number of its parts: how often hashing went on within
/// a leaf is part of it, or a leaf could be read as a shorter one.
///
/// # Panics
/// With no parts, or more than [`ROW_PARTS`].
pub fn rows_root(top: Fr, parts: usize) -> Fr {
    assert!(
        (1..=ROW_PARTS).contains(&parts),
        "expected 1 to {ROW_PARTS} parts, got {parts}"
    );
    poseidon(&[top, (blocks_of(parts) as u64).into()])
}

pub(crate) struct DatasetRow {
    pub(crate) root: Fr,
    pub(crate) column: Fr,
    pub(crate) low: Fr,
    pub(crate) high: Fr,
    pub(crate) binding: Fr,
    pub(crate) salt: Fr,
    pub(crate) elements: [Fr; ELEMENTS],
    /// Which blocks of elements after the first one are hashed.
    pub(crate) more: [bool; BLOCKS - 1],
    /// The nodes from the row's leaf upwards, among their siblings, and where they are.
    pub(crate) families: [[Fr; ARITY]; ROW_LEVELS],
    pub(crate) digits: [usize; ROW_LEVELS],
    /// Which element holds the column, and where in it.
    pub(crate) element: usize,
    pub(crate) place: usize,
    /// The column's value; none for a null.
    value: Option<u64>,
}

impl Drop for DatasetRow {
    fn drop(&mut self) {
        self.salt.zeroize();
        self.elements.zeroize();
        self.families.zeroize();
        self.digits.zeroize();
        self.value.zeroize();
    }
}

impl DatasetRow {
    /// Puts the leaf and the nodes above it among their siblings, and computes the root.
    pub(crate) fn climb(&mut self, path: &[[Fr; ARITY - 1]]) {
        let hashed = std::iter::once(true).chain(self.more);
        let blocks = self.elements.chunks(IN_BLOCK).zip(hashed);
        let blocks = blocks.filter(|(_, hashed)| *hashed);
        let count = blocks.clone().count() as u64;
        let mut node = fold(self.salt, blocks.map(|(block, _)| block));
        for ((family, siblings), digit) in self.families.iter_mut().zip(path).zip(self.digits) {
            let (before, after) = siblings.split_at(digit);
            family[..digit].copy_from_slice(before);
            family[digit] = node;
            family[digit + 1..].copy_from_slice(after);
            node = row_node(*family);
        }
        self.root = poseidon(&[node, count.into()]);
    }
}

/// The row's parts.
fn row_of(fields: &Fields<'_>) -> Result<Vec<Option<u64>>, InputError> {
    let expected = format!("an array of 1 to {ROW_PARTS} keys");
    let list = fields.value("row", &expected)?.as_array();
    let list = list
        .filter(|list| (1..=ROW_PARTS).contains(&list.len()))
        .ok_or_else(|| fields.error("row", &*expected))?;
    let key = |value: &Value| match value {
        Value::Null => Some(None),
        other => u64_of(other).map(Some),
    };
    elements_of(list, "row", &format!("{U64}; or null"), key)
}

/// Three siblings for each level.
fn path_of(fields: &Fields<'_>) -> Result<Vec<[Fr; ARITY - 1]>, InputError> {
    let expected = format!("an array of {ROW_LEVELS} arrays of 3 siblings, from the leaf upwards");
    let list = fields.value("path", &expected)?.as_array();
    let list = list
        .filter(|list| list.len() == ROW_LEVELS)
        .ok_or_else(|| fields.error("path", &*expected))?;
    let siblings = |value: &Value| match value.as_array()?.as_slice() {
        [a, b, c] => Some([field_of(a)?, field_of(b)?, field_of(c)?]),
        _ => None,
    };
    elements_of(
        list,
        "path",
        &format!("an array of 3 siblings, each {FIELD}"),
        siblings,
    )
}

impl Statement for DatasetRow {
    const ID: &'static str = "dataset-row@1";
    const ABOUT: &'static str = "a secret row is in the dataset that a public root commits to, and a column of it lies between two public bounds";
    const PUBLIC: &'static [&'static str] = &["root", "column", "low", "high", "binding"];

    fn example() -> Value {
        let level = |level: usize| [1, 2, 3].map(|i| (3 * level + i).to_string());
        json!({
            "column": "2",
            "low": "1000000",
            "high": "2000000",
            "binding": "0",
            "row": ["20260101", null, "1500000"],
            "salt": format!("0x{}", "5a".repeat(31)),
            "path": (0..ROW_LEVELS).map(level).collect::<Vec<_>>(),
            "index": "54321",
        })
    }

    fn parse(inputs: &Value) -> Result<Self, InputError> {
        let fields = Fields::new(
            "inputs",
            inputs,
            Self::PUBLIC,
            &["row", "salt", "path", "index"],
        )?;
        let (row, path) = (row_of(&fields)?, path_of(&fields)?);
        let column = fields.u64("column")?;
        let place = usize::try_from(column).ok().filter(|c| *c < row.len());
        let place = place.ok_or_else(|| {
            let parts = row.len();
            fields.error(
                "column",
                format!("a number below {parts}, that of the row's keys"),
            )
        })?;
        let index = fields.u64("index")?;
        if index >> (2 * ROW_LEVELS) != 0 {
            return Err(fields.error("index", "an index below 2^22"));
        }
        let mut statement = Self {
            root: Fr::ZERO,
            column: column.into(),
            low: fields.u64("low")?.into(),
            high: fields.u64("high")?.into(),
            binding: if fields.get("binding").is_some() {
                fields.field("binding")?
            } else {
                Fr::ZERO
            },
            salt: fields.field("salt")?,
            elements: row_elements(&row),
            more: std::array::from_fn(|i| i + 1 < blocks_of(row.len())),
            families: Default::default(),
            digits: std::array::from_fn(|level| (index >> (2 * level)) as usize % ARITY),
            element: place / PLACES,
            place: place % PLACES,
            value: row[place],
        };
        statement.climb(&path);
        fields.matches(
            "root",
            statement.root,
            "the root that the other inputs lead to",
        )?;
        Ok(statement)
    }

    fn check(&self) -> Result<(), InputError> {
        let wrong = |expected: &str, got: &str| {
            let field = format!("inputs.row[{}]", self.element * PLACES + self.place);
            Err(InputError::invalid(field, expected, got))
        };
        match self.value.map(Fr::from) {
            None => wrong("a value", kind(&Value::Null)),
            Some(value) if value < self.low => wrong("a value that is at least low", "less"),
            Some(value) if value > self.high => wrong("a value that is at most high", "more"),
            Some(_) => Ok(()),
        }
    }

    fn public(&self) -> Vec<Fr> {
        vec![self.root, self.column, self.low, self.high, self.binding]
    }

    fn synthesize<T: Terms>(&self, b: &mut Builder<T>) {
        let [root, column, low, high, binding] = b.public();
        let one = Num::one();
        let salt = b.private(self.salt);
        let elements = self.elements.map(|element| b.private(element));
        let families = self
            .families
            .map(|family| family.map(|node| b.private(node)));

        // The leaf: the first block and as many of the others as there are, which is a run.
        let more = self.more.map(|hashed| b.bit(hashed));
        for pair in more.windows(2) {
            b.enforce(&pair[1], &(&one - &pair[0]), &Num::zero());
        }
        let mut node = salt;
        for (i, block) in elements.chunks(IN_BLOCK).enumerate() {
            let inputs: Vec<_> = std::iter::once(&node).chain(block).collect();
            let hash = poseidon_gadget(b, &inputs, &[]);
            node = match i.checked_sub(1) {
                None => hash,
                Some(i) => b.select(&more[i], &hash, &node),
            };
        }
        let others = Num::sum(more.iter().map(|bit| (1.into(), bit)));

        // It is in the tree: at each level the node is the one of four that two bits choose.
        for (family, digit) in families.iter().zip(self.digits) {
            let [odd, upper] = [digit & 1, digit >> 1].map(|bit| b.bit(bit == 1));
            let left = b.select(&odd, &family[1], &family[0]);
            let right = b.select(&odd, &family[3], &family[2]);
            b.enforce(&upper, &(&right - &left), &(&node - &left));
            node = poseidon_gadget(b, &family.each_ref(), &[]);
        }
        let committed = poseidon_gadget(b, &[&node, &(&one + &others)], &[]);
        b.equal(&committed, &root);

        // The column's element, of a block that was hashed, and its place there.
        let at: [Num<T>; ELEMENTS] = std::array::from_fn(|i| b.bit(i == self.element));
        let place: [Num<T>; PLACES] = std::array::from_fn(|i| b.bit(i == self.place));
        for switches in [&at[..], &place] {
            b.equal(&Num::sum(switches.iter().map(|bit| (1.into(), bit))), &one);
        }
        let number = |width: usize| (0..).step_by(width).map(|n: u64| Fr::from(n));
        let numbers = number(PLACES).zip(&at).chain(number(1).zip(&place));
        b.equal(&Num::sum(numbers), &column);
        for (of_block, hashed) in at.chunks(IN_BLOCK).skip(1).zip(&more) {
            let within = Num::sum(of_block.iter().map(|bit| (1.into(), bit)));
            b.enforce(&within, &(&one - hashed), &Num::zero());
        }
        let element = chosen(b, &at, &elements);
        let bits = b.bits(&element, PLACES * PLACE_BITS);
        let parts: Vec<_> = bits.chunks(PLACE_BITS).map(Num::from_bits).collect();
        let value = chosen(b, &place, &parts);

        let [value, low, high] = [&value, &low, &high].map(|x| b.u64(x));
        b.u64_at_most(&low, &value);
        b.u64_at_most(&value, &high);

        // As in `payment@1`: it occurs in a constraint, so that a proof is for this binding.
        b.mul(&binding, &binding);
    }
}

/// The one of `values` whose switch is on.
fn chosen<T: Terms>(b: &mut Builder<T>, switches: &[Num<T>], values: &[Num<T>]) -> Num<T> {
    let products: Vec<_> = switches
        .iter()
        .zip(values)
        .map(|(switch, value)| b.mul(switch, value))
        .collect();
    Num::sum(products.iter().map(|product| (1.into(), product)))
}
