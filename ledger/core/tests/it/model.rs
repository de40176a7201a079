//! What a ledger must show, from nothing but what was recorded and granted.

use crate::support::{Said, datasets, log_key};
use prooflane_ledger::{
    DatasetId, Ledger, LedgerError, Operation, Operations, Permission, Permissions,
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Everybody who asks: an operator, and accounts.
pub(crate) const ACCOUNTS: [Option<&str>; 4] = [None, Some("alice"), Some("bob"), Some("carol")];

/// An entry of the log.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) by: Option<&'static str>,
    pub(crate) id: Uuid,
    pub(crate) said: &'static Said,
}

impl Line {
    fn same(&self, other: &Self) -> bool {
        (self.by, self.id) == (other.by, other.id) && self.said.bytes == other.said.bytes
    }

    fn datasets(&self) -> BTreeSet<DatasetId> {
        let Said {
            inputs, outputs, ..
        } = self.said;
        inputs.iter().chain(outputs).copied().collect()
    }
}

/// Why the ledger does not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownDataset(DatasetId),
    Forbidden(DatasetId, Permission),
    Recorded(DatasetId),
    IdTaken(u64),
}

/// An answer with its refusal, which must be one of those.
pub(crate) fn answer<T>(answer: Result<T, LedgerError>) -> Result<T, Refusal> {
    answer.map_err(|error| match error {
        LedgerError::UnknownDataset(of) => Refusal::UnknownDataset(of),
        LedgerError::Forbidden {
            dataset,
            permission,
            ..
        } => Refusal::Forbidden(dataset, permission),
        LedgerError::Recorded(of) => Refusal::Recorded(of),
        LedgerError::IdTaken { index } => Refusal::IdTaken(index),
        other => panic!("{other}"),
    })
}

/// A ledger that is right.
#[derive(Clone, Default)]
pub(crate) struct Model {
    /// In the log's order.
    pub(crate) lines: Vec<Line>,
    grants: BTreeMap<(DatasetId, &'static str), Permissions>,
}

impl Model {
    /// The line that a dataset came with: of several, the first.
    fn made_by(&self, dataset: DatasetId) -> Option<usize> {
        let mut lines = self.lines.iter();
        lines.position(|line| line.said.outputs.contains(&dataset))
    }

    fn permissions(&self, account: &'static str, dataset: DatasetId) -> Option<Permissions> {
        use Permission::{Administer, Prove, Read, Write};
        let made_by = self.made_by(dataset)?;
        if self.lines[made_by].by == Some(account) {
            return Some([Read, Write, Prove, Administer].into());
        }
        let granted = self.grants.get(&(dataset, account)).cloned();
        Some(granted.unwrap_or_default())
    }

    fn demand(
        &self,
        by: Option<&'static str>,
        dataset: DatasetId,
        permission: Permission,
    ) -> Result<(), Refusal> {
        let unknown = Refusal::UnknownDataset(dataset);
        let Some(account) = by else {
            return self.made_by(dataset).map(drop).ok_or(unknown);
        };
        let permissions = self.permissions(account, dataset).ok_or(unknown)?;
        if permissions.contains(&permission) {
            return Ok(());
        }
        Err(Refusal::Forbidden(dataset, permission))
    }

    /// What recording comes to.
    pub(crate) fn record(&mut self, line: Line) -> Result<u64, Refusal> {
        let permission = Permission::to_record(&line.said.read.statement);
        for input in &line.said.inputs {
            self.demand(line.by, *input, permission)?;
        }
        for output in &line.said.outputs {
            let made_by = self.made_by(*output);
            if made_by.is_some_and(|index| self.lines[index].id != line.id) {
                return Err(Refusal::Recorded(*output));
            }
        }
        match self.lines.iter().position(|known| known.id == line.id) {
            Some(index) if self.lines[index].same(&line) => Ok(index as u64),
            Some(index) => Err(Refusal::IdTaken(index as u64)),
            None => {
                self.lines.push(line);
                Ok(self.lines.len() as u64 - 1)
            }
        }
    }

    pub(crate) fn grant(
        &mut self,
        by: Option<&'static str>,
        dataset: DatasetId,
        account: &'static str,
        permissions: &Permissions,
    ) -> Result<(), Refusal> {
        self.demand(by, dataset, Permission::Administer)?;
        self.grants.insert((dataset, account), permissions.clone());
        Ok(())
    }

    fn may_read(&self, by: Option<&'static str>, index: usize) -> Result<(), Refusal> {
        let datasets = self.lines[index].datasets();
        let mut demands = datasets.into_iter();
        demands.try_for_each(|dataset| self.demand(by, dataset, Permission::Read))
    }

    /// An operation is this line's, in the words that are for this account.
    fn is(&self, by: Option<&'static str>, index: usize, shown: &Operation) {
        let Line {
            by: recorded_by,
            id,
            said,
        } = &self.lines[index];
        let statement = &said.read.statement;
        let words = match self.may_read(by, index) {
            Ok(()) => statement.to_string(),
            Err(_) => statement.name().to_owned(),
        };
        let entry = &shown.entry;
        assert_eq!((shown.index, &shown.words), (index as u64, &words));
        assert_eq!((entry.by.as_deref(), entry.id), (*recorded_by, *id));
        assert_eq!(
            (&entry.inputs, &entry.outputs),
            (&said.inputs, &said.outputs)
        );
        assert_eq!(entry.operation, statement.name());
    }

    /// All operations are as an account may see them.
    pub(crate) async fn check_recorded(&self, ledger: &Ledger, by: Option<&'static str>) {
        let size = self.lines.len() as u64;
        let recorded = ledger.recorded(by, 0..size + 3).await.unwrap();
        assert_eq!(recorded.len() as u64, size);
        assert_eq!(ledger.size().await.unwrap(), size);
        for (index, shown) in recorded.iter().enumerate() {
            self.is(by, index, shown);
            let one = ledger.operation(by, index as u64).await.unwrap();
            assert_eq!(&one, shown);
        }
        let beyond = ledger.operation(by, size).await;
        assert!(matches!(beyond, Err(LedgerError::UnknownOperation { .. })));
    }

    /// Evidence is given to those who may read it, and to nobody else.
    pub(crate) async fn check_evidence(&self, ledger: &Ledger, by: Option<&'static str>) {
        for (index, line) in self.lines.iter().enumerate() {
            let expected = self.may_read(by, index).map(|()| line.said.bytes.clone());
            let got = answer(ledger.evidence(by, index as u64).await);
            assert!(got == expected, "the evidence of operation {index}");
        }
    }

    /// A dataset has its maker, its owner, its operations, its permissions.
    pub(crate) async fn check_dataset(
        &self,
        ledger: &Ledger,
        by: Option<&'static str>,
        dataset: DatasetId,
    ) {
        let known = ledger.dataset(dataset).await.unwrap();
        let expected = self.made_by(dataset);
        assert_eq!(known.is_some(), expected.is_some(), "dataset {dataset}");
        if let (Some(known), Some(made_by)) = (known, expected) {
            assert_eq!(known.made_by, made_by as u64);
            assert_eq!(known.owner.as_deref(), self.lines[made_by].by);
            assert_eq!(known.commitment.id(), dataset);
        }
        if let Some(account) = by {
            let permissions = answer(ledger.permissions(account, dataset).await);
            let expected = self.permissions(account, dataset);
            assert_eq!(
                permissions,
                expected.ok_or(Refusal::UnknownDataset(dataset))
            );
        }
    }

    pub(crate) async fn check_operations(
        &self,
        ledger: &Ledger,
        by: Option<&'static str>,
        dataset: DatasetId,
    ) {
        let Operations { operations, next } = ledger.operations(by, dataset, None).await.unwrap();
        assert_eq!(next, None);
        let of = self.of(dataset);
        assert_eq!(operations.len(), of.len(), "operations on {dataset}");
        for (index, shown) in of.into_iter().zip(&operations) {
            self.is(by, index, shown);
        }
    }

    /// Lines about a dataset.
    fn of(&self, dataset: DatasetId) -> Vec<usize> {
        let lines = self.lines.iter().enumerate();
        let of = lines.filter(|(_, line)| line.datasets().contains(&dataset));
        of.map(|(index, _)| index).collect()
    }

    pub(crate) async fn check_lineage(
        &self,
        ledger: &Ledger,
        by: Option<&'static str>,
        dataset: DatasetId,
    ) {
        let lineage = answer(ledger.lineage(by, dataset).await);
        if self.made_by(dataset).is_none() {
            assert_eq!(lineage.err(), Some(Refusal::UnknownDataset(dataset)));
            return;
        }
        let (mut connected, mut operations) = (BTreeSet::from([dataset]), BTreeSet::new());
        // Every round reaches at least one more, or all are reached.
        for _ in 0..datasets().len() {
            operations = connected.iter().flat_map(|id| self.of(*id)).collect();
            let of = |index: &usize| self.lines[*index].datasets();
            connected.extend(operations.iter().flat_map(of));
        }
        let lineage = lineage.unwrap();
        assert!(lineage.datasets.keys().eq(&connected));
        assert_eq!(lineage.operations.len(), operations.len());
        for (index, shown) in operations.into_iter().zip(lineage.operations.values()) {
            self.is(by, index, shown);
        }
    }

    pub(crate) async fn check_grants(
        &self,
        ledger: &Ledger,
        by: Option<&'static str>,
        dataset: DatasetId,
    ) {
        let grants = self.grants.iter();
        let grants = grants.filter(|((of, _), given)| *of == dataset && !given.is_empty());
        let expected = grants.map(|((_, account), given)| ((*account).to_owned(), given.clone()));
        let expected = self
            .demand(by, dataset, Permission::Administer)
            .map(|()| expected.collect());
        assert_eq!(answer(ledger.grants(by, dataset).await), expected);
    }

    /// Everything, as everybody sees it.
    pub(crate) async fn check(&self, ledger: &Ledger) {
        for by in ACCOUNTS {
            self.check_recorded(ledger, by).await;
            self.check_evidence(ledger, by).await;
            for dataset in datasets() {
                self.check_dataset(ledger, by, dataset).await;
                self.check_operations(ledger, by, dataset).await;
                self.check_lineage(ledger, by, dataset).await;
                self.check_grants(ledger, by, dataset).await;
            }
        }
    }

    /// Everything, and nothing is found wrong.
    pub(crate) async fn check_all(&self, ledger: &Ledger) {
        self.check(ledger).await;
        let keys = [log_key().verifying().clone()];
        let report = ledger.fsck(&keys).await.unwrap();
        assert_eq!(report.findings, []);
        assert_eq!(report.operations, self.lines.len() as u64);
    }
}
