//! Where datasets come from, and what became of them.

use crate::ledger::View;
use crate::{Commitment, DatasetId, Known, Ledger, LedgerError, Operation};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

/// The most datasets that are followed.
const MOST: usize = 10_000;

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
    /// [`LedgerError::UnknownDataset`], [`LedgerError::Log`], [`LedgerError::Damaged`].
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
        while let Some(id) = waiting.pop() {
            if lineage.datasets.contains_key(&id) {
                continue;
            }
            let known = self.dataset(id).await?;
            let known = known.ok_or(LedgerError::UnknownDataset(id))?;
            lineage.datasets.insert(id, known);
            if lineage.datasets.len() > MOST {
                return Err(LedgerError::Damaged(format!(
                    "more than {MOST} datasets are connected"
                )));
            }
            let mut after = None;
            loop {
                let page = self.page(&mut view, id, after).await?;
                for operation in page.operations {
                    waiting.extend(operation.entry.datasets());
                    lineage.operations.insert(operation.index, operation);
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

/// A line of the tree, and what is below it.
struct Branch {
    line: String,
    below: Vec<Branch>,
}

impl Branch {
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

    fn branch(&self, id: DatasetId, seen: &mut BTreeSet<DatasetId>) -> Branch {
        let line = self.title(id);
        if !seen.insert(id) {
            let line = format!("{line}  (above)");
            return Branch {
                line,
                below: Vec::new(),
            };
        }
        let operations = self.operations.values();
        let from_here = operations.filter(|operation| operation.entry.inputs.contains(&id));
        let below = from_here.map(|operation| Branch {
            line: format!("#{} {}", operation.index, operation.words),
            below: operation
                .entry
                .outputs
                .iter()
                .map(|output| self.branch(*output, seen))
                .collect(),
        });
        Branch {
            line,
            below: below.collect(),
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
                let _ = writeln!(dot, "  \"#{index}\" -> \"{output}\";");
            }
        }
        dot.push_str("}\n");
        dot
    }

    /// As a picture, SVG: the lines of the tree.
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
        let mut seen = BTreeSet::new();
        for origin in self.origins() {
            draw(&self.branch(origin, &mut seen), 0, 0, &mut drawn);
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
    /// A tree: datasets, below each the operations on it, and below these what they made.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen = BTreeSet::new();
        for origin in self.origins() {
            let branch = self.branch(origin, &mut seen);
            writeln!(f, "{}", branch.line)?;
            branch.write(f, "")?;
        }
        Ok(())
    }
}
