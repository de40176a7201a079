//! Who may do what.

use crate::tasks::{Committed, decode, encode};
use crate::{Coordinator, Error, layout};
use prooflane_store::{Expect, Index, IndexKey, Query, Write};
use serde::{Deserialize, Serialize};

/// What an API key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Submits, reads and cancels its own tasks; verifies; redeems payments.
    Requester,
    /// Registers provers and acts for those it registered.
    Prover,
    /// Everything.
    Operator,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Requester => "requester",
            Self::Prover => "prover",
            Self::Operator => "operator",
        })
    }
}

/// An API key's record; the key itself is not stored, only its digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiKey {
    /// The account it acts for.
    pub name: String,
    /// What it is good for.
    pub roles: Vec<Role>,
}

impl ApiKey {
    /// Whether it is good for everything.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.roles.contains(&Role::Operator)
    }
}

/// An API key that was made, without itself: it is stored nowhere.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    /// What it is revoked by: its digest.
    pub id: String,
    /// For whom, and for what.
    pub key: ApiKey,
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Access {
    /// Anybody, on an open network: may do everything.
    Open,
    /// The holder of a key.
    Key(ApiKey),
}

impl Access {
    /// Whether the caller is the operator.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        match self {
            Self::Open => true,
            Self::Key(key) => key.is_operator(),
        }
    }

    /// Demands a role; operators have all of them.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn demand(&self, role: Role) -> Result<(), Error> {
        match self {
            Self::Key(key) if !self.is_operator() && !key.roles.contains(&role) => Err(
                Error::Forbidden(format!("this needs an API key with the role {role}")),
            ),
            _ => Ok(()),
        }
    }

    /// The name on the key; none on an open network.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Open => None,
            Self::Key(key) => Some(&key.name),
        }
    }

    /// The account a submission is charged to: the key's own, or, for an operator and on an open
    /// network, the one named.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where a key names an account that is not its own.
    pub fn requester(&self, named: Option<&str>) -> Result<String, Error> {
        match (self.name(), named) {
            (None, named) => Ok(named.unwrap_or("anonymous").to_owned()),
            (Some(own), None) => Ok(own.to_owned()),
            (Some(own), Some(named)) if own == named || self.is_operator() => Ok(named.to_owned()),
            (Some(own), Some(named)) => Err(Error::Forbidden(format!(
                "this API key acts for requester {own}, not for {named}"
            ))),
        }
    }
}

impl Coordinator {
    /// Makes an API key; this is the only time that it is shown.
    ///
    /// # Errors
    /// The store's.
    pub async fn create_api_key(&self, record: &ApiKey) -> Result<String, Error> {
        let mut bytes = [0; 32];
        self.ports.entropy.fill(&mut bytes);
        let key = format!("plk_{}", hex::encode(bytes));
        let write = Write::Put {
            key: layout::api_key(&digest(&key)),
            expect: Expect::Absent,
            body: encode(record),
            wake: None,
            listing: Some(IndexKey {
                partition: layout::API_KEYS.into(),
                sort: record.name.clone(),
            }),
        };
        match self.commit(&[write]).await? {
            Committed::Yes => Ok(key),
            Committed::Conflict => Err(Error::Contention(1)),
        }
    }

    /// Every API key, by the name of its holder.
    ///
    /// # Errors
    /// The store's.
    pub async fn api_keys(&self) -> Result<Vec<IssuedKey>, Error> {
        let mut keys = Vec::new();
        let mut query = Query::new(Index::Listing, layout::API_KEYS).limit(200);
        loop {
            let page = self.ports.table.query(&query).await?;
            for item in &page.items {
                let (_, digest) = item.key.partition.split_once('#').unwrap_or_default();
                keys.push(IssuedKey {
                    id: digest.to_owned(),
                    key: decode(item, "API key")?,
                });
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(keys),
            }
        }
    }

    /// Makes an API key worthless, from the next call on.
    ///
    /// # Errors
    /// [`Error::UnknownKey`]; [`Error::Forbidden`] for the only operator's key: nobody could make
    /// another. The store's.
    pub async fn revoke_api_key(&self, id: &str) -> Result<(), Error> {
        let keys = self.api_keys().await?;
        let found = keys.iter().find(|key| key.id == id);
        let found = found.ok_or_else(|| Error::UnknownKey(id.to_owned()))?;
        let operators = keys.iter().filter(|issued| issued.key.is_operator());
        if found.key.is_operator() && operators.count() == 1 {
            let why = "this is the only operator's key; make another first";
            return Err(Error::Forbidden(why.into()));
        }
        let delete = Write::Delete {
            key: layout::api_key(id),
            expect: Expect::Exists,
        };
        // A conflict or an unknown outcome: it is gone, or it is tried again.
        match self.commit(&[delete]).await? {
            Committed::Yes => Ok(()),
            Committed::Conflict if self.ports.table.get(&layout::api_key(id)).await?.is_none() => {
                Ok(())
            }
            Committed::Conflict => Err(Error::Contention(1)),
        }
    }

    /// Who holds this key.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] if nobody does, the store's.
    pub async fn authenticate(&self, key: &str) -> Result<Access, Error> {
        let item = self.ports.table.get(&layout::api_key(&digest(key))).await?;
        let item = item.ok_or(Error::Unauthorized)?;
        Ok(Access::Key(decode(&item, "API key")?))
    }
}

/// A key has 256 random bits: a plain digest cannot be reversed, and looking it up takes no
/// comparison whose time could tell anything.
fn digest(key: &str) -> String {
    blake3::derive_key("prooflane api key v1", key.as_bytes())
        .map(|b| format!("{b:02x}"))
        .concat()
}
