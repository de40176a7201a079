//! Credits: balances and stakes, as counters that only move in pairs. The sum over all accounts,
//! stakes and open escrows, the mint's debt included, is always zero.

use crate::tasks::{Moves, TRIES};
use crate::{Coordinator, Error, layout};
use prooflane_market::{Credits, ProverId};
use prooflane_store::{CommitError, Expect, Index, IndexKey, Query, Write};

/// An account's standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `requester:<name>`, `prover:<id>`, or one of the network's own (`network:mint`, which owes
    /// what was ever granted, and `network:slashed`).
    pub name: String,
    /// Free credits; negative only for the mint.
    pub balance: i64,
    /// Credits at stake, for provers.
    pub stake: i64,
}

impl Coordinator {
    /// Every account, and how much the open tasks hold in escrow is not among them.
    ///
    /// # Errors
    /// The store's.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let mut accounts = Vec::new();
        let mut query = Query::new(Index::Listing, layout::ACCOUNTS).limit(200);
        loop {
            let page = self.ports.table.query(&query).await?;
            for item in page.items {
                if let Some(listing) = item.listing {
                    accounts.push(self.account(&listing.sort).await?);
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        for own in [layout::MINT, layout::SLASHED] {
            accounts.push(self.account(own).await?);
        }
        Ok(accounts)
    }

    /// One account; one never heard of holds nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn account(&self, name: &str) -> Result<Account, Error> {
        let counter = async |key| {
            Ok::<_, Error>(
                self.ports
                    .table
                    .get(&key)
                    .await?
                    .map_or(0, |item| item.counter),
            )
        };
        Ok(Account {
            name: name.to_owned(),
            balance: counter(layout::balance(name)).await?,
            stake: counter(layout::stake(name)).await?,
        })
    }

    /// Gives a newcomer of an open network its grant, once.
    ///
    /// # Errors
    /// [`Error::InsufficientCredits`] where there is nothing to give or it was given before.
    pub(crate) async fn open_account(&self, name: &str, needed: Credits) -> Result<(), Error> {
        let grant = self.rules.requester_grant;
        if grant > Credits(0) && self.grant(name, layout::balance(name), grant).await? {
            return Ok(());
        }
        let available = self.account(name).await?.balance;
        if available >= needed.0.cast_signed() {
            return Ok(());
        }
        Err(Error::InsufficientCredits {
            account: name.to_owned(),
            available,
            needed: needed.0,
        })
    }

    /// Gives a new prover of an open network its stake, once.
    pub(crate) async fn open_stake(&self, prover: &ProverId) -> Result<(), Error> {
        let name = layout::prover_account(prover);
        self.grant(&name, layout::stake(&name), self.rules.stake_grant)
            .await?;
        Ok(())
    }

    /// Moves credits from the mint to a new account; false if the account is not new.
    async fn grant(
        &self,
        name: &str,
        to: prooflane_store::Key,
        amount: Credits,
    ) -> Result<bool, Error> {
        let mut moves = Moves::default();
        moves.add(to, amount.0.cast_signed());
        moves.add(layout::balance(layout::MINT), -amount.0.cast_signed());
        let mut writes = vec![Write::Put {
            key: layout::account(name),
            expect: Expect::Absent,
            body: Vec::new(),
            wake: None,
            listing: Some(IndexKey {
                partition: layout::ACCOUNTS.into(),
                sort: name.to_owned(),
            }),
        }];
        if amount > Credits(0) {
            writes.extend(moves.into_writes());
        }
        for _ in 0..TRIES {
            match self.ports.table.commit(&writes).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Store(error)) => return Err(error.into()),
                // A store may call it a conflict when others write to the mint at the same time.
                Err(CommitError::Conflict { .. } | CommitError::Insufficient { .. }) => {
                    if self
                        .ports
                        .table
                        .get(&layout::account(name))
                        .await?
                        .is_some()
                    {
                        return Ok(false);
                    }
                }
                // The next try tells: it conflicts if this one happened.
                Err(CommitError::Unknown(_)) => {}
            }
        }
        Err(Error::Contention(TRIES))
    }
}
