//! Credits: counters that only move in pairs, each move with an entry in the journal in the same
//! commit. The sum over all accounts, stakes and open escrows, the mint's debt included, is always
//! zero.

use crate::tasks::{Committed, TRIES, decode, journal};
use crate::{Coordinator, Error, layout};
use prooflane_market::{Credits, JournalEntry, LedgerAccount, ProverId, Reason};
use prooflane_store::{CommitError, Expect, Index, IndexKey, Query, Write};

/// An account's standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `requester:<name>`, `prover:<id>`, or one of the network's own (`network:mint`, which owes
    /// what was ever granted or deposited, and `network:slashed`).
    pub name: String,
    /// Free credits; negative only for the mint.
    pub balance: i64,
    /// Credits at stake, for provers.
    pub stake: i64,
}

/// A deposit, and whether this call made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposited {
    /// The account as it is now.
    pub account: Account,
    /// False where an earlier call of the same id had made it.
    pub created: bool,
}

/// The id of the journal's entry of a grant: no deposit may have it.
const GRANT: &str = "grant";

impl Coordinator {
    /// Every account: requesters, provers with their stakes, the mint, and what was slashed. What
    /// open tasks hold in escrow stands with the tasks.
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
        for own in [LedgerAccount::Mint, LedgerAccount::Slashed] {
            accounts.push(self.account(&own.to_string()).await?);
        }
        Ok(accounts)
    }

    /// One account; one never heard of holds nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn account(&self, name: &str) -> Result<Account, Error> {
        Ok(Account {
            name: name.to_owned(),
            balance: self.counter_at(&layout::balance(name)).await?,
            stake: self.counter_at(&layout::stake(name)).await?,
        })
    }

    /// What an account holds by its counter; nothing for an escrow, which has none.
    pub(crate) async fn counter(&self, account: &LedgerAccount) -> Result<i64, Error> {
        match layout::counter(account) {
            Some(key) => self.counter_at(&key).await,
            None => Ok(0),
        }
    }

    async fn counter_at(&self, key: &prooflane_store::Key) -> Result<i64, Error> {
        let item = self.ports.table.get(key).await?;
        Ok(item.map_or(0, |item| item.counter))
    }

    /// Pays credits in from outside the network, once for each `id` of an account: a requester's
    /// (`requester:<name>`), a prover's (`prover:<id>`), or a prover's stake (`stake:<id>`).
    ///
    /// # Errors
    /// [`Error::Invalid`] for an account that takes no deposits, an amount or an id out of range;
    /// [`Error::DepositIdReused`] where the id stands for another deposit; the store's.
    pub async fn deposit(
        &self,
        account: &LedgerAccount,
        amount: Credits,
        id: &str,
    ) -> Result<Deposited, Error> {
        let name = owner(account).ok_or_else(|| {
            let problem = format!("expected requester:, prover: or stake:, got {account}");
            Error::invalid("account", problem)
        })?;
        if !(1..=Credits::MAX.0).contains(&amount.0) {
            let problem = format!("expected 1 to {}, got {amount}", Credits::MAX);
            return Err(Error::invalid("amount", problem));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
        if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) || id == GRANT {
            let problem = format!("expected 1 to 64 of A-Z a-z 0-9 _ - . :, got {id:?}");
            return Err(Error::invalid("deposit_id", problem));
        }
        let key = layout::account_entry(&name, id);
        let entry = JournalEntry::transfer(
            self.now(),
            Reason::Deposit,
            LedgerAccount::Mint,
            account.clone(),
            amount,
        );
        for tries in 0..TRIES {
            if let Some(item) = self.ports.table.get(&key).await? {
                let known: JournalEntry = decode(&item, "journal entry")?;
                if known.postings != entry.postings {
                    return Err(Error::DepositIdReused(id.to_owned()));
                }
                return Ok(Deposited {
                    account: self.account(&name).await?,
                    // An earlier try of this call may have landed without being able to say so.
                    created: tries > 0 && known.at == entry.at,
                });
            }
            let mut writes = journal(key.clone(), &entry);
            writes.extend(self.listed(&name).await?);
            if matches!(self.commit(&writes).await?, Committed::Yes) {
                return Ok(Deposited {
                    account: self.account(&name).await?,
                    created: true,
                });
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// That a requester could pay this now, for what would be dear to find out later.
    ///
    /// # Errors
    /// [`Error::InsufficientCredits`]; the store's.
    pub(crate) async fn afford(
        &self,
        account: &LedgerAccount,
        needed: Credits,
    ) -> Result<(), Error> {
        if self.counter(account).await? < needed.0.cast_signed() {
            self.open_account(account, needed).await?;
        }
        Ok(())
    }

    /// Gives a newcomer of an open network its grant, once.
    ///
    /// # Errors
    /// [`Error::InsufficientCredits`] where there is nothing to give or it was given before.
    pub(crate) async fn open_account(
        &self,
        account: &LedgerAccount,
        needed: Credits,
    ) -> Result<(), Error> {
        let grant = self.rules.requester_grant;
        if grant > Credits(0) && self.grant(account, grant).await? {
            return Ok(());
        }
        let available = self.counter(account).await?;
        if available >= needed.0.cast_signed() {
            return Ok(());
        }
        Err(Error::InsufficientCredits {
            account: account.to_string(),
            available,
            needed: needed.0,
        })
    }

    /// Gives a new prover of an open network its stake, once.
    pub(crate) async fn open_stake(&self, prover: &ProverId) -> Result<(), Error> {
        let stake = LedgerAccount::Stake(prover.clone());
        self.grant(&stake, self.rules.stake_grant).await?;
        Ok(())
    }

    /// Moves credits from the mint to an account that never had a grant; false if it had. An account
    /// without one is listed all the same.
    async fn grant(&self, account: &LedgerAccount, amount: Credits) -> Result<bool, Error> {
        let Some(name) = owner(account) else {
            return Ok(false);
        };
        let key = layout::account_entry(&name, GRANT);
        let entry = JournalEntry::transfer(
            self.now(),
            Reason::Grant,
            LedgerAccount::Mint,
            account.clone(),
            amount,
        );
        for _ in 0..TRIES {
            if self.ports.table.get(&key).await?.is_some() {
                return Ok(false);
            }
            let mut writes = journal(key.clone(), &entry);
            writes.extend(self.listed(&name).await?);
            if writes.is_empty() {
                return Ok(false);
            }
            match self.ports.table.commit(&writes).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Store(error)) => return Err(error.into()),
                // A store may call it a conflict when others write to the mint at the same time, and
                // what timed out may have landed: the next try tells.
                Err(
                    CommitError::Conflict { .. }
                    | CommitError::Insufficient { .. }
                    | CommitError::Unknown(_),
                ) => {}
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// The write that puts an account on the list of accounts, if it is not there.
    async fn listed(&self, name: &str) -> Result<Option<Write>, Error> {
        let key = layout::account(name);
        if self.ports.table.get(&key).await?.is_some() {
            return Ok(None);
        }
        Ok(Some(Write::Put {
            key,
            expect: Expect::Absent,
            body: Vec::new(),
            wake: None,
            listing: Some(IndexKey {
                partition: layout::ACCOUNTS.into(),
                sort: name.to_owned(),
            }),
        }))
    }
}

/// The account that a holding is listed under; none for those that take no credits from outside.
fn owner(account: &LedgerAccount) -> Option<String> {
    match account {
        LedgerAccount::Stake(id) => Some(LedgerAccount::Prover(id.clone()).to_string()),
        LedgerAccount::Requester(_) | LedgerAccount::Prover(_) => Some(account.to_string()),
        LedgerAccount::Escrow(_) | LedgerAccount::Mint | LedgerAccount::Slashed => None,
    }
}
