//! Where datasets come from, and what became of them.

use crate::ledger::View;
use crate::{Commitment, DatasetId, Known, Ledger, LedgerError, Operation};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{self, Write};

/// The most datasets and operations that are followed, and the most roots that these have together: some ten megabytes.
const MOST: usize = 20_000;
const MOST_ROOTS: usize = 100_000;

/// All datasets that one is connected to by transformations, and all operations on them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lineage {
    /// Which was asked for.
    pub dataset: DatasetId,
    /// The datasets.
    pub datasets: BTreeMap<DatasetId, Known>,
    /// The operations, by their numbers.
    pub operations: BTreeMap<u64, Operation>,
}

impl Ledger {
    /// Follows a dataset's transformations, both ways; operations are as an account may see them.
    ///
    /// # Errors
    /// [`LedgerError::UnknownDataset`], [`LedgerError::TooConnected`], [`LedgerError::Log`], [`LedgerError::Damaged`].
    pub async fn lineage(
        &self,
        by: Option<&str>,
        dataset: DatasetId,
    ) -> Result<Lineage, LedgerError> {
        self.index_to(self.size().await?).await?;
        let mut view = View::new(self, by);
        let mut lineage = Lineage {
            dataset,
            datasets: BTreeMap::new(),
            operations: BTreeMap::new(),
        };
        let mut waiting = vec![dataset];
        let mut roots = 0;
        while let Some(id) = waiting.pop() {
            if lineage.datasets.contains_key(&id) {
                continue;
            }
            let known = self.dataset(id).await?;
            let known = known.ok_or(LedgerError::UnknownDataset(id))?;
            roots += known.commitment.roots.len();
            lineage.datasets.insert(id, known);
            let mut after = None;
            loop {
                let page = self.page(&mut view, id, after).await?;
                for operation in page.operations {
                    waiting.extend(operation.entry.datasets());
                    lineage.operations.insert(operation.index, operation);
                }
                if lineage.datasets.len() + lineage.operations.len() > MOST || roots > MOST_ROOTS {
                    return Err(LedgerError::TooConnected(dataset));
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(lineage)
    }
}

/// How many datasets are below each other in a tree. What is made of the last one has a tree of its own, so that no line is long
/// and no recursion deep.
const DEEPEST: usize = 16;

/// A line of a tree, and what is below it.
struct Branch {
    line: String,
    below: Vec<Branch>,
}

impl Branch {
    const fn leaf(line: String) -> Self {
        let below = Vec::new();
        Self { line, below }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        for (number, branch) in self.below.iter().enumerate() {
            let last = number + 1 == self.below.len();
            let (fork, under) = if last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            writeln!(f, "{indent}{fork}{}", branch.line)?;
            branch.write(f, &format!("{indent}{under}"))?;
        }
        Ok(())
    }
}

/// Trees that grow, in the order in which they are shown.
struct Forest<'a> {
    lineage: &'a Lineage,
    /// The operations on each dataset.
    on: BTreeMap<DatasetId, Vec<&'a Operation>>,
    /// What has its place in a tree.
    seen: BTreeSet<DatasetId>,
    /// What trees grow from.
    roots: VecDeque<DatasetId>,
}

impl<'a> Forest<'a> {
    fn of(lineage: &'a Lineage) -> Vec<Branch> {
        let mut on = BTreeMap::<_, Vec<_>>::new();
        for operation in lineage.operations.values() {
            let inputs: BTreeSet<_> = operation.entry.inputs.iter().collect();
            for input in inputs {
                on.entry(*input).or_default().push(operation);
            }
        }
        let mut forest = Self {
            lineage,
            on,
            seen: BTreeSet::new(),
            roots: lineage.origins().collect(),
        };
        let mut trees = Vec::new();
        while let Some(root) = forest.roots.pop_front() {
            if !forest.seen.contains(&root) {
                trees.push(forest.grow(root, 1));
            }
        }
        trees
    }

    /// A dataset, the operations on it, and what they made.
    fn grow(&mut self, id: DatasetId, depth: usize) -> Branch {
        let line = self.lineage.title(id);
        if self.seen.contains(&id) {
            return Branch::leaf(format!("{line}  (above)"));
        }
        let operations = self.on.get(&id).cloned().unwrap_or_default();
        if depth == DEEPEST && !operations.is_empty() {
            self.roots.push_back(id);
            return Branch::leaf(format!("{line}  (below)"));
        }
        self.seen.insert(id);
        let below = operations.into_iter().map(|operation| Branch {
            line: format!("#{} {}", operation.index, operation.words),
            below: self.made_by(operation, depth),
        });
        Branch {
            line,
            below: below.collect(),
        }
    }

    fn made_by(&mut self, operation: &Operation, depth: usize) -> Vec<Branch> {
        let outputs = operation.entry.outputs.iter();
        let branch = |output: &DatasetId| match self.lineage.maker(*output, operation) {
            None => self.grow(*output, depth + 1),
            Some(made_by) => {
                let line = self.lineage.title(*output);
                Branch::leaf(format!("{line}  (made by #{made_by})"))
            }
        };
        outputs.map(branch).collect()
    }
}

impl Lineage {
    /// Datasets that were notarized, rather than made of others.
    fn origins(&self) -> impl Iterator<Item = DatasetId> {
        let made_of = |id: &DatasetId| {
            let made_by = self.datasets.get(id).map(|known| known.made_by);
            let operation = made_by.and_then(|index| self.operations.get(&index));
            operation.is_some_and(|operation| !operation.entry.inputs.is_empty())
        };
        let mut origins: Vec<_> = self
            .datasets
            .iter()
            .filter(|(id, _)| !made_of(id))
            .collect();
        origins.sort_by_key(|(_, known)| known.made_by);
        origins.into_iter().map(|(id, _)| *id)
    }

    /// Which other operation made an output of this one: of two that were recorded at once, the first counts.
    fn maker(&self, output: DatasetId, of: &Operation) -> Option<u64> {
        let made_by = self.datasets.get(&output)?.made_by;
        (made_by != of.index).then_some(made_by)
    }

    fn commitment(&self, id: DatasetId) -> Option<&Commitment> {
        self.datasets.get(&id).map(|known| &known.commitment)
    }

    fn title(&self, id: DatasetId) -> String {
        let mark = if id == self.dataset { "  ◄" } else { "" };
        let short = id.short();
        match self.commitment(id) {
            Some(commitment) => {
                let Commitment { name, rows, .. } = commitment;
                format!("{name}  {} rows  {short}{mark}", grouped(*rows))
            }
            None => short,
        }
    }

    /// For Graphviz: datasets are boxes, operations ellipses.
    #[must_use]
    pub fn dot(&self) -> String {
        // Names are anybody's text; as a JSON string they are a DOT string too.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut dot = String::from("digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n");
        for id in self.datasets.keys() {
            let style = if *id == self.dataset {
                ", style=bold"
            } else {
                ""
            };
            let _ = writeln!(
                dot,
                "  \"{id}\" [label={}{style}];",
                quoted(&self.title(*id))
            );
        }
        for (index, operation) in &self.operations {
            let words = quoted(&format!("#{index} {}", operation.words));
            let _ = writeln!(dot, "  \"#{index}\" [shape=ellipse, label={words}];");
            for input in &operation.entry.inputs {
                let _ = writeln!(dot, "  \"{input}\" -> \"#{index}\";");
            }
            for output in &operation.entry.outputs {
                let style = match self.maker(*output, operation) {
                    None => "",
                    Some(_) => " [style=dashed]",
                };
                let _ = writeln!(dot, "  \"#{index}\" -> \"{output}\"{style};");
            }
        }
        dot.push_str("}\n");
        dot
    }

    /// As a picture, SVG: the lines of the trees.
    #[must_use]
    pub fn svg(&self) -> String {
        const LINE: usize = 24;
        const INDENT: usize = 28;
        struct Drawn {
            svg: String,
            y: usize,
            width: usize,
        }
        fn draw(branch: &Branch, depth: usize, from: usize, drawn: &mut Drawn) {
            let (x, y) = (16 + depth * INDENT, drawn.y);
            drawn.y += LINE;
            let text = branch.line.replace('&', "&amp;").replace('<', "&lt;");
            drawn.width = drawn.width.max(x + 16 + text.chars().count() * 8);
            if depth > 0 {
                let (start, middle) = (x + 5 - INDENT, y - 5);
                let _ = writeln!(
                    drawn.svg,
                    "<path d=\"M{start} {from} V{middle} H{x}\" fill=\"none\" stroke=\"#9aa4b2\"/>"
                );
            }
            // Operations have a number.
            let (fill, weight) = if branch.line.starts_with('#') {
                ("#4a5568", "normal")
            } else {
                ("#111827", "bold")
            };
            let left = x + 4;
            let _ = writeln!(
                drawn.svg,
                "<text x=\"{left}\" y=\"{y}\" fill=\"{fill}\" font-weight=\"{weight}\">{text}</text>"
            );
            for below in &branch.below {
                draw(below, depth + 1, y + 5, drawn);
            }
        }
        let mut drawn = Drawn {
            svg: String::new(),
            y: 28,
            width: 0,
        };
        for tree in Forest::of(self) {
            draw(&tree, 0, 0, &mut drawn);
            drawn.y += LINE / 2;
        }
        let Drawn { svg, y, width } = drawn;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{y}\" \
             font-family=\"ui-monospace, monospace\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{svg}</svg>\n"
        )
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

impl fmt::Display for Lineage {
    /// Trees: datasets, below each the operations on it, and below these what they made.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tree in Forest::of(self) {
            writeln!(f, "{}", tree.line)?;
            tree.write(f, "")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytes32, Entry, Opening};
    use prooflane_dataset::{Algorithm, Column, Field, Kind, Schema, Table};
    use uuid::Uuid;

    fn id(number: u64) -> DatasetId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        DatasetId(Bytes32(bytes))
    }

    /// Operation `index` makes datasets of others.
    fn operation(index: u64, inputs: &[u64], outputs: &[u64]) -> (u64, Operation) {
        let ids = |of: &[u64]| of.iter().map(|number| id(*number)).collect();
        let entry = Entry {
            ledger: 1,
            id: Uuid::nil(),
            time: jiff::Timestamp::UNIX_EPOCH,
            by: None,
            operation: "permute".into(),
            inputs: ids(inputs),
            outputs: ids(outputs),
            evidence: Bytes32([0; 32]),
        };
        let words = "permute".into();
        let operation = Operation {
            index,
            entry,
            words,
        };
        (index, operation)
    }

    /// Of datasets 0, 1 and so on, each with the number of the operation that made it.
    fn lineage(made_by: &[u64], operations: BTreeMap<u64, Operation>) -> Lineage {
        let column = Column::from_keys(Kind::Bool, [Some(1)]).unwrap();
        let schema = Schema::new(vec![Field::new("b", Kind::Bool, false)]).unwrap();
        let table = Table::new(schema, vec![column]).unwrap();
        let opening = Opening::new("some", &table, Algorithm::Blake3).unwrap();
        let known = |(number, made_by): (u64, &u64)| {
            let mut commitment = opening.commitment().clone();
            commitment.name = format!("dataset-{number}");
            let known = Known {
                made_by: *made_by,
                owner: None,
                commitment,
            };
            (id(number), known)
        };
        Lineage {
            dataset: id(0),
            datasets: (0..).zip(made_by).map(known).collect(),
            operations,
        }
    }

    #[test]
    fn a_chain_of_any_length_is_shown() {
        let length = MOST as u64;
        let made_by: Vec<_> = (0..length).collect();
        let made = (1..length).map(|index| operation(index, &[index - 1], &[index]));
        let made = [operation(0, &[], &[0])].into_iter().chain(made).collect();
        let lineage = lineage(&made_by, made);
        let text = lineage.to_string();
        assert!(text.lines().all(|line| line.chars().count() < 200));
        let mut shown = BTreeMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let name = line.split_whitespace().find(|word| word.contains("set-"));
            shown.entry(name).or_default().push(line);
        }
        for number in 0..length {
            let name = format!("dataset-{number}");
            match &shown[&Some(&*name)][..] {
                [whole] => assert!(!whole.ends_with("(below)")),
                [cut, whole] => assert!(cut.ends_with("(below)") && whole.starts_with(&name)),
                more => panic!("{more:?}"),
            }
        }
        let operations = text.lines().filter(|line| line.contains("─ #"));
        assert_eq!(operations.count() as u64, length - 1);
        let svg = lineage.svg();
        assert_eq!(svg.matches("<text").count(), text.lines().count());
        assert_eq!(lineage.dot().matches("->").count() as u64, 2 * length - 1);
    }

    #[test]
    fn a_dataset_is_below_the_operation_that_made_it() {
        // Dataset 1 was notarized, and at the same time made of dataset 0.
        let operations = [
            operation(0, &[], &[0]),
            operation(1, &[], &[1]),
            operation(2, &[0], &[1]),
        ];
        let lineage = lineage(&[0, 1], operations.into());
        let expected = "dataset-0  1 rows  000000000000  ◄\n\
                        └─ #2 permute\n   \
                           └─ dataset-1  1 rows  000000000000  (made by #1)\n\
                        dataset-1  1 rows  000000000000\n";
        assert_eq!(lineage.to_string(), expected);
        let edge = format!("\"#2\" -> \"{}\" [style=dashed]", id(1));
        assert!(lineage.dot().contains(&edge));
    }
}
