//! Where a ledger is: in a folder of this machine, or at a network.

use crate::config::Settings;
use crate::home::Home;
use anyhow::Context;
use prooflane_client::wire::ledger::Grant;
use prooflane_client::{Client, ClientError};
use prooflane_ledger::{DatasetId, Known, Lineage, Operation, Permissions};
use prooflane_log::VerifyingKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A ledger that operations are recorded in. What can be asked of both kinds.
pub(crate) enum Place {
    Folder(Home),
    Network(Client),
}

/// The network's JSON is that of the ledger's own types.
fn as_own<T: DeserializeOwned>(view: &impl Serialize) -> anyhow::Result<T> {
    let own = serde_json::to_value(view).and_then(serde_json::from_value);
    own.context("the network's answer is not one of this version")
}

impl Place {
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        match settings.client()? {
            Some(client) => Ok(Self::Network(client)),
            None => Ok(Self::Folder(Home::open(&settings.folder)?)),
        }
    }

    /// What the log is called, and what its receipts are verified with.
    pub(crate) async fn keys(&self) -> anyhow::Result<(String, Vec<VerifyingKey>)> {
        match self {
            Self::Folder(home) => Ok((home.keys.origin().into(), home.keys.verifying())),
            Self::Network(client) => {
                let about = client.ledger().await?;
                let keys = about.log_keys.iter().map(|key| key.parse());
                let keys: Result<_, _> = keys.collect();
                Ok((about.origin, keys.context("the network's log keys")?))
            }
        }
    }

    pub(crate) async fn dataset(&self, id: DatasetId) -> anyhow::Result<Option<Known>> {
        match self {
            Self::Folder(home) => Ok(home.ledger().await?.dataset(id).await?),
            Self::Network(client) => match client.dataset(&id.to_string()).await {
                Ok(view) => Ok(Some(as_own(&view)?)),
                Err(error) if error.code() == Some("unknown_dataset") => Ok(None),
                Err(error) => Err(error.into()),
            },
        }
    }

    pub(crate) async fn record(&self, id: Uuid, evidence: Vec<u8>) -> anyhow::Result<Operation> {
        match self {
            Self::Folder(home) => {
                let ledger = home.ledger().await?;
                let (index, _) = ledger.record(None, id, evidence).await?;
                Ok(ledger.operation(None, index).await?)
            }
            Self::Network(client) => as_own(&client.record(id, evidence).await?),
        }
    }

    /// The newest operations, the newest last.
    pub(crate) async fn last(&self, count: u64) -> anyhow::Result<Vec<Operation>> {
        match self {
            Self::Folder(home) => {
                let ledger = home.ledger().await?;
                let size = ledger.size().await?;
                let newest = size.saturating_sub(count)..size;
                Ok(ledger.recorded(None, newest).await?)
            }
            Self::Network(client) => {
                const PAGE: u64 = 100;
                let size = client.ledger().await?.size;
                let mut operations = Vec::new();
                let mut from = size.saturating_sub(count);
                while from < size {
                    let page = client.operations(Some(from), PAGE.min(size - from)).await?;
                    if page.operations.is_empty() {
                        break;
                    }
                    from += page.operations.len() as u64;
                    operations.extend(as_own::<Vec<_>>(&page.operations)?);
                }
                Ok(operations)
            }
        }
    }

    pub(crate) async fn lineage(&self, dataset: DatasetId) -> anyhow::Result<Lineage> {
        match self {
            Self::Folder(home) => Ok(home.ledger().await?.lineage(None, dataset).await?),
            Self::Network(client) => as_own(&client.lineage(&dataset.to_string()).await?),
        }
    }

    /// An operation's receipt and its evidence.
    pub(crate) async fn receipt(&self, index: u64) -> anyhow::Result<(String, Vec<u8>)> {
        match self {
            Self::Folder(home) => {
                let ledger = home.ledger().await?;
                let receipt = ledger.receipt(index).await?.to_string();
                Ok((receipt, ledger.evidence(None, index).await?))
            }
            Self::Network(client) => {
                let receipt = client.operation_receipt(index).await?;
                Ok((receipt, client.evidence(index).await?))
            }
        }
    }

    pub(crate) async fn grant(
        &self,
        dataset: DatasetId,
        account: &str,
        permissions: &Permissions,
    ) -> anyhow::Result<()> {
        match self {
            Self::Folder(home) => {
                let ledger = home.ledger().await?;
                Ok(ledger.grant(None, dataset, account, permissions).await?)
            }
            Self::Network(client) => {
                let permissions = permissions.iter().map(ToString::to_string).collect();
                let grant = Grant { permissions };
                let given: Result<(), ClientError> =
                    client.grant(&dataset.to_string(), account, &grant).await;
                Ok(given?)
            }
        }
    }

    pub(crate) async fn grants(
        &self,
        dataset: DatasetId,
    ) -> anyhow::Result<BTreeMap<String, Permissions>> {
        match self {
            Self::Folder(home) => Ok(home.ledger().await?.grants(None, dataset).await?),
            Self::Network(client) => {
                let grants = client.grants(&dataset.to_string()).await?.grants;
                let own = grants.into_iter().map(|(account, grant)| {
                    let permissions = as_own(&grant.permissions)?;
                    Ok((account, permissions))
                });
                own.collect()
            }
        }
    }
}
