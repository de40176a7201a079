//! Provers: registration, asks, signs of life.

use crate::tasks::{Committed, TRIES, put_prover};
use crate::{Coordinator, Error, layout};
use prooflane_market::{
    Ask, AskId, Breaker, Credits, Millis, PrivacyLevel, Prover, ProverId, Record,
};
use prooflane_store::{Expect, Index, Query};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a prover says of itself.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its name.
    pub prover_id: ProverId,
    /// The name on the API key that acts for it; none on an open network.
    pub owner: Option<String>,
    /// Assignments it can hold at once.
    pub capacity: u32,
    /// The operator's own.
    pub fleet: bool,
    /// Allowed for privacy level 2 by the operator.
    pub trusted: bool,
}

/// A class of provers of the operator's own: many machines, started where there is work, that are one
/// prover of the market and share its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetClass {
    /// Its name in the market.
    pub prover_id: ProverId,
    /// Circuits it proves; empty for all.
    #[serde(default)]
    pub circuits: Vec<String>,
    /// Credits a proof.
    pub price: Credits,
    /// Assignments that all machines together can hold at once.
    pub capacity: u32,
    /// Privacy levels it takes.
    pub levels: Vec<PrivacyLevel>,
    /// Time within which it promises a proof.
    pub promised_ms: Millis,
}

/// A sign of life is written at most this often.
const SEEN_EVERY: Millis = Millis(10_000);

impl Coordinator {
    /// Registers a prover, or changes what a registered one says of itself; its record, its asks
    /// and what it holds stay.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if another owner registered it; [`Error::Invalid`]; the store's.
    pub async fn register(&self, registration: Registration) -> Result<Prover, Error> {
        if !(1..=Prover::MAX_CAPACITY).contains(&registration.capacity) {
            let problem = format!(
                "expected 1 to {}, got {}",
                Prover::MAX_CAPACITY,
                registration.capacity
            );
            return Err(Error::invalid("capacity", problem));
        }
        let id = &registration.prover_id;
        self.open_stake(id).await?;
        for _ in 0..TRIES {
            let now = self.now();
            let known = match self.load_prover(id).await {
                Ok(known) => Some(known),
                Err(Error::UnknownProver(_)) => None,
                Err(error) => return Err(error),
            };
            let (mut prover, expect) = match known {
                Some(known) => (known.value, Expect::Version(known.version)),
                None => {
                    let newcomer = Prover {
                        prover_id: id.clone(),
                        owner: registration.owner.clone(),
                        fleet: false,
                        trusted: false,
                        capacity: 0,
                        asks: Vec::new(),
                        active: BTreeMap::new(),
                        record: Record::default(),
                        breaker: Breaker::default(),
                        registered_at: now,
                        seen_at: now,
                    };
                    (newcomer, Expect::Absent)
                }
            };
            if prover.owner != registration.owner {
                return Err(Error::Forbidden(format!(
                    "prover {id} was registered by another key"
                )));
            }
            prover.capacity = registration.capacity;
            prover.fleet = registration.fleet;
            prover.trusted = registration.trusted;
            prover.seen_at = now;
            if matches!(
                self.commit(&[put_prover(&prover, expect)]).await?,
                Committed::Yes
            ) {
                return Ok(prover);
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// Places an ask, or replaces the one of the same id; open tasks are auctioned again.
    ///
    /// # Errors
    /// [`Error::UnknownProver`], [`Error::UnknownCircuit`], [`Error::InvalidAsk`], the store's.
    pub async fn place_ask(&self, id: &ProverId, ask: Ask) -> Result<Prover, Error> {
        for circuit in &ask.circuits {
            self.catalogue.find(circuit)?;
        }
        let now = self.now();
        let prover = self
            .change_prover(id, |prover| {
                prover.place(ask.clone(), now, &self.rules)?;
                prover.seen_at = now;
                Ok(true)
            })
            .await?;
        self.hint_open().await;
        Ok(prover)
    }

    /// Sees to it that a class of the fleet is in the market as it is described, and counts as alive,
    /// even while none of its machines runs: winning tasks is what starts them.
    ///
    /// # Errors
    /// As [`Coordinator::register`] and [`Coordinator::place_ask`].
    pub async fn enlist(&self, class: &FleetClass) -> Result<(), Error> {
        let id = &class.prover_id;
        let ask = Ask {
            // One ask a class, so that a changed description replaces it.
            ask_id: AskId(Uuid::from_u128(1)),
            circuits: class.circuits.clone(),
            price: class.price,
            capacity: class.capacity,
            levels: class.levels.clone(),
            promised: class.promised_ms,
            placed_at: self.now(),
            expires_at: None,
        };
        let known = match self.load_prover(id).await {
            Ok(known) => Some(known.value),
            Err(Error::UnknownProver(_)) => None,
            Err(error) => return Err(error),
        };
        let as_described = known.is_some_and(|prover| {
            let asks = |known: &Ask| {
                Ask {
                    placed_at: known.placed_at,
                    ..ask.clone()
                } == *known
            };
            prover.fleet && prover.capacity == class.capacity && prover.asks.iter().any(asks)
        });
        if as_described {
            return self.seen(id).await;
        }
        self.register(Registration {
            prover_id: id.clone(),
            owner: None,
            capacity: class.capacity,
            fleet: true,
            trusted: true,
        })
        .await?;
        self.place_ask(id, ask).await?;
        tracing::info!(prover = %id, "a class of the fleet is in the market as described");
        Ok(())
    }

    /// Notes that a prover is alive. One that had been silent too long is back in the market.
    ///
    /// # Errors
    /// [`Error::UnknownProver`], the store's.
    pub async fn seen(&self, id: &ProverId) -> Result<(), Error> {
        let now = self.now();
        let before = self.load_prover(id).await?.value.seen_at;
        if now.since(before) < SEEN_EVERY {
            return Ok(());
        }
        self.change_prover(id, |prover| {
            prover.seen_at = prover.seen_at.max(now);
            Ok(true)
        })
        .await?;
        if now.since(before) > self.rules.prover_silence {
            self.hint_open().await;
        }
        Ok(())
    }

    /// One prover.
    ///
    /// # Errors
    /// [`Error::UnknownProver`], the store's.
    pub async fn prover(&self, id: &ProverId) -> Result<Prover, Error> {
        Ok(self.load_prover(id).await?.value)
    }

    /// Every prover, by id.
    ///
    /// # Errors
    /// The store's.
    pub async fn provers(&self) -> Result<Vec<Prover>, Error> {
        let mut provers = Vec::new();
        let mut query = Query::new(Index::Listing, layout::PROVERS).limit(200);
        loop {
            let page = self.ports.table.query(&query).await?;
            for item in &page.items {
                provers.push(crate::tasks::decode(item, "prover")?);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(provers),
            }
        }
    }
}
