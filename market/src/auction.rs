//! The auction: who proves a task, and at what price.
//!
//! Sealed and reversed: provers ask, the best score wins. With ceiling `c` (the task's reward),
//! price `p <= c` and reputation `r` in 0..1,
//!
//! ```text
//! score = w_p (1 - p / c) + w_r r          w_p = 0.7, w_r = 0.3 by default
//! ```
//!
//! Because the price is scaled by the task's own ceiling, no ask can move another's score. Scores
//! are compared as exact integers over the common denominator `c * 10^12`.

use crate::{
    Ask, AskId, Credits, Millis, PaymentRule, PrivacyLevel, Prover, ProverId, Ratio, Rules, Task,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How price and reputation weigh; they add up to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Weights {
    price: Ratio,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            price: Ratio::ppm(700_000),
        }
    }
}

impl Weights {
    /// The price weighs this much, reputation the rest.
    #[must_use]
    pub fn price(price: Ratio) -> Self {
        Self { price }
    }

    fn price_ppm(self) -> u128 {
        u128::from(self.price.as_ppm())
    }

    fn reputation_ppm(self) -> u128 {
        u128::from(Ratio::SCALE - self.price.as_ppm())
    }

    /// What one credit saved, and one part per million of reputation for each credit of the ceiling,
    /// add to the score on the scale of [`Weights::scaled`].
    pub(crate) fn per_unit(self) -> (u64, u64) {
        let price = u64::from(self.price.as_ppm());
        let scale = u64::from(Ratio::SCALE);
        (price * scale, scale - price)
    }

    /// The score times `max(ceiling, 1) * 10^12`.
    fn scaled(self, ceiling: Credits, price: Credits, reputation: Ratio) -> u128 {
        let saved = u128::from(ceiling.saturating_sub(price).0);
        self.price_ppm() * saved * u128::from(Ratio::SCALE)
            + self.reputation_ppm() * u128::from(reputation.as_ppm()) * scale(ceiling)
    }

    /// The highest price at which a prover of this reputation still scores `scaled`.
    fn price_scoring(self, ceiling: Credits, reputation: Ratio, scaled: u128) -> Credits {
        let by_reputation =
            self.reputation_ppm() * u128::from(reputation.as_ppm()) * scale(ceiling);
        let to_save = scaled.saturating_sub(by_reputation);
        let per_credit = self.price_ppm() * u128::from(Ratio::SCALE);
        if per_credit == 0 {
            return ceiling;
        }
        let saved = u64::try_from(to_save.div_ceil(per_credit)).unwrap_or(u64::MAX);
        ceiling.saturating_sub(Credits(saved))
    }
}

fn scale(ceiling: Credits) -> u128 {
    u128::from(ceiling.0.max(1))
}

/// One prover's best eligible ask for a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bid {
    /// Whose.
    pub prover: ProverId,
    /// Which ask.
    pub ask_id: AskId,
    /// What it asks.
    pub price: Credits,
    /// The prover's reputation at the time.
    pub reputation: Ratio,
    /// The time it promises.
    pub promised: Millis,
    /// When the ask was placed.
    pub placed_at: Timestamp,
}

impl Bid {
    /// Its score, 0 to 1, for people; comparisons use the exact value.
    #[must_use]
    pub fn score(&self, ceiling: Credits, weights: Weights) -> Ratio {
        let scaled = weights.scaled(ceiling, self.price, self.reputation);
        let ppm = scaled / (scale(ceiling) * u128::from(Ratio::SCALE));
        Ratio::ppm(u32::try_from(ppm).unwrap_or(Ratio::SCALE))
    }
}

/// Everything an auction was decided from; [`Transcript::winner`] recomputes its result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transcript {
    /// When it was held.
    pub at: Timestamp,
    /// The task's reward.
    pub ceiling: Credits,
    /// The weights in force.
    pub weights: Weights,
    /// The payment rule in force.
    pub payment: PaymentRule,
    /// Every eligible prover's best ask, best score first.
    pub bids: Vec<Bid>,
}

/// Who proves, and what it is paid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Winner {
    /// Who.
    pub prover: ProverId,
    /// Under which ask.
    pub ask_id: AskId,
    /// What it is paid.
    pub price: Credits,
    /// The time it promised.
    pub promised: Millis,
}

impl Transcript {
    /// The winner; none where nobody bid.
    #[must_use]
    pub fn winner(&self) -> Option<Winner> {
        let mut ranked: Vec<&Bid> = self.bids.iter().collect();
        ranked.sort_by(|a, b| self.rank(a).cmp(&self.rank(b)));
        let best = *ranked.first()?;
        let terms = |bid: &Bid| (bid.price, bid.reputation);
        let runner_up = ranked.get(1).map(|bid| terms(bid));
        Some(Winner {
            prover: best.prover.clone(),
            ask_id: best.ask_id,
            price: payable(
                self.payment,
                self.weights,
                self.ceiling,
                terms(best),
                runner_up,
            ),
            promised: best.promised,
        })
    }

    /// Best first: score, then the earlier ask, then the ids, so that no two ever tie.
    fn rank<'a>(&self, bid: &'a Bid) -> (Reverse<u128>, Timestamp, AskId, &'a ProverId) {
        let score = self.weights.scaled(self.ceiling, bid.price, bid.reputation);
        (Reverse(score), bid.placed_at, bid.ask_id, &bid.prover)
    }
}

/// What the best of the bids is paid, from its own price and reputation and those of the runner-up.
pub(crate) fn payable(
    payment: PaymentRule,
    weights: Weights,
    ceiling: Credits,
    (asked, reputation): (Credits, Ratio),
    runner_up: Option<(Credits, Ratio)>,
) -> Credits {
    let price = match (payment, runner_up) {
        (PaymentRule::FirstPrice, _) => asked,
        (PaymentRule::SecondScore, None) => ceiling,
        (PaymentRule::SecondScore, Some((price, of))) => {
            let to_beat = weights.scaled(ceiling, price, of);
            weights.price_scoring(ceiling, reputation, to_beat)
        }
    };
    price.max(asked)
}

/// What kept a prover from bidding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// No unexpired ask for the circuit.
    Circuit,
    /// The privacy level is not offered.
    Level,
    /// Not allowed to see inputs of this privacy level.
    NotAllowed,
    /// Its reputation is below the task's minimum.
    Reputation,
    /// It asks more than the reward.
    Price,
    /// It holds as many assignments as it can.
    Capacity,
    /// It was not heard of for too long.
    Silent,
    /// It failed too often in a row; see [`crate::Breaker`].
    Paused,
}

/// Why an auction found nobody: what kept each prover from bidding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NoMatch {
    /// Provers by what kept them.
    pub obstacles: BTreeMap<Obstacle, u32>,
    /// The lowest price among provers kept by nothing else.
    pub lowest_price: Option<Credits>,
}

/// The result of an auction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clearing {
    /// Somebody proves it.
    Match {
        /// Who.
        winner: Winner,
        /// From what it was decided.
        transcript: Transcript,
    },
    /// Nobody can.
    NoMatch(NoMatch),
}

/// The asks of every prover.
#[derive(Clone, Debug, Default)]
pub struct Book {
    provers: BTreeMap<ProverId, Prover>,
}

impl FromIterator<Prover> for Book {
    fn from_iter<I: IntoIterator<Item = Prover>>(provers: I) -> Self {
        Self {
            provers: provers
                .into_iter()
                .map(|p| (p.prover_id.clone(), p))
                .collect(),
        }
    }
}

impl Book {
    /// A prover in the book.
    #[must_use]
    pub fn prover(&self, id: &ProverId) -> Option<&Prover> {
        self.provers.get(id)
    }

    /// Takes in a prover as it is now, so that a clearing's effects count before the next.
    pub fn update(&mut self, prover: Prover) {
        self.provers.insert(prover.prover_id.clone(), prover);
    }

    /// Every prover, by id.
    pub fn provers(&self) -> impl Iterator<Item = &Prover> {
        self.provers.values()
    }
}

/// Holds the auction for one task.
#[must_use]
pub fn clear(task: &Task, book: &Book, now: Timestamp, rules: &Rules) -> Clearing {
    let mut transcript = Transcript {
        at: now,
        ceiling: task.spec.reward_amount,
        weights: rules.weights,
        payment: rules.payment,
        bids: Vec::new(),
    };
    let mut no_match = NoMatch::default();
    for prover in book.provers() {
        match best_ask(task, prover, now, rules, &transcript) {
            Ok(bid) => transcript.bids.push(bid),
            Err((obstacle, price)) => {
                *no_match.obstacles.entry(obstacle).or_default() += 1;
                if let Some(price) = price {
                    let lowest = no_match.lowest_price.get_or_insert(price);
                    *lowest = price.min(*lowest);
                }
            }
        }
    }
    let mut bids = std::mem::take(&mut transcript.bids);
    bids.sort_by(|a, b| transcript.rank(a).cmp(&transcript.rank(b)));
    transcript.bids = bids;
    match transcript.winner() {
        Some(winner) => Clearing::Match { winner, transcript },
        None => Clearing::NoMatch(no_match),
    }
}

/// A prover's best-scoring eligible ask, or the furthest it came and, if only its price is in the
/// way, that price.
fn best_ask(
    task: &Task,
    prover: &Prover,
    now: Timestamp,
    rules: &Rules,
    transcript: &Transcript,
) -> Result<Bid, (Obstacle, Option<Credits>)> {
    let reputation = prover.reputation();
    if let Some(obstacle) = barred(task, prover, reputation, now, rules) {
        return Err((obstacle, None));
    }
    // An ask that only its price keeps out came furthest, the cheapest of them first.
    let far = |(obstacle, price): &(Obstacle, Option<Credits>)| (price.map(Reverse), *obstacle);
    let mut furthest = (Obstacle::Circuit, None);
    let mut best: Option<Bid> = None;
    for ask in &prover.asks {
        if !ask.proves(task, now) {
            continue;
        }
        let obstacle = if !ask.covers(task.spec.privacy_level) {
            (Obstacle::Level, None)
        } else if prover.room(ask) == 0 {
            (Obstacle::Capacity, None)
        } else if ask.price > task.spec.reward_amount {
            (Obstacle::Price, Some(ask.price))
        } else {
            let bid = Bid {
                prover: prover.prover_id.clone(),
                ask_id: ask.ask_id,
                price: ask.price,
                reputation,
                promised: ask.promised,
                placed_at: ask.placed_at,
            };
            if best
                .as_ref()
                .is_none_or(|b| transcript.rank(&bid) < transcript.rank(b))
            {
                best = Some(bid);
            }
            continue;
        };
        if far(&obstacle) > far(&furthest) {
            furthest = obstacle;
        }
    }
    best.ok_or(furthest)
}

/// What keeps a prover from a task whatever it asks.
fn barred(
    task: &Task,
    prover: &Prover,
    reputation: Ratio,
    now: Timestamp,
    rules: &Rules,
) -> Option<Obstacle> {
    let allowed = match task.spec.privacy_level.class() {
        PrivacyLevel::OPEN => true,
        PrivacyLevel::ALLOWED => {
            prover.trusted || task.spec.allowed_provers.contains(&prover.prover_id)
        }
        _ => prover.fleet,
    };
    if !allowed {
        Some(Obstacle::NotAllowed)
    } else if now.since(prover.seen_at) > rules.prover_silence {
        Some(Obstacle::Silent)
    } else if prover.breaker.paused(now).is_some() {
        Some(Obstacle::Paused)
    } else if reputation < task.spec.min_reputation {
        Some(Obstacle::Reputation)
    } else {
        None
    }
}

/// What keeps a prover from fulfilling a task that is open to anyone: as in an auction, but price
/// and capacity do not count.
#[must_use]
pub fn obstacle(task: &Task, prover: &Prover, now: Timestamp, rules: &Rules) -> Option<Obstacle> {
    let mut proves = prover.asks.iter().filter(|ask| ask.proves(task, now));
    barred(task, prover, prover.reputation(), now, rules).or_else(|| match proves.next() {
        None => Some(Obstacle::Circuit),
        Some(first) => {
            let covers = |ask: &Ask| ask.covers(task.spec.privacy_level);
            (!covers(first) && !proves.any(covers)).then_some(Obstacle::Level)
        }
    })
}

impl Ask {
    fn proves(&self, task: &Task, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| at > now)
            && (self.circuits.is_empty() || self.circuits.contains(&task.spec.circuit))
    }

    fn covers(&self, level: PrivacyLevel) -> bool {
        self.levels.iter().any(|l| l.class() == level.class())
    }
}

#[cfg(test)]
mod tests;
