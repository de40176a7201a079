//! The asks that can win something now, arranged so that the winner among thousands is found
//! without looking at most of them.
//!
//! [`Supply::best`] gives exactly the winner and the price of [`clear`](crate::clear), and nothing
//! else: no bids, no reasons. Whoever writes an assignment takes the transcript from the same book.
//!
//! Asks lie by circuit, cheapest first. A task's scan ends where even the best reputation at that
//! price would not reach the runner-up. Scores are exact; they are computed in 64 bits where the
//! ceiling shows that they fit, which is up to 18 million credits.

use crate::{
    AskId, Book, Credits, Millis, PaymentRule, PrivacyLevel, ProverId, Ratio, Rules, Task,
    Timestamp, Weights, Winner, auction::payable,
};
use core::ops::{Add, Mul};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A prover that may bid.
struct Seat {
    prover: ProverId,
    trusted: bool,
    fleet: bool,
    room: u32,
}

/// An ask, once for every circuit it names.
#[derive(Clone)]
struct Lot {
    price: Credits,
    reputation: Ratio,
    /// One bit for each privacy class.
    classes: u8,
    seat: usize,
    /// Index into the rooms of asks.
    ask: usize,
    placed_at: Timestamp,
    ask_id: AskId,
    promised: Millis,
}

/// Asks of one circuit, cheapest first.
#[derive(Default)]
struct Shelf {
    lots: Vec<Lot>,
    best_reputation: Ratio,
}

/// The asks of a book that can win something now.
pub struct Supply {
    weights: Weights,
    payment: PaymentRule,
    seats: Vec<Seat>,
    seat_of: BTreeMap<ProverId, usize>,
    ask_rooms: Vec<u32>,
    ask_of: BTreeMap<(usize, AskId), usize>,
    /// Asks for a circuit by name; ...
    by_circuit: BTreeMap<String, Shelf>,
    /// ... and those for every circuit.
    any_circuit: Shelf,
}

/// The two best bids so far, of different provers.
struct Podium<'a, S> {
    first: Option<(S, &'a Lot)>,
    second: Option<(S, &'a Lot)>,
}

impl Supply {
    /// The asks that count at this moment: of provers that are there and not paused, not expired,
    /// with room.
    #[must_use]
    pub fn new(book: &Book, now: Timestamp, rules: &Rules) -> Self {
        let mut supply = Self {
            weights: rules.weights,
            payment: rules.payment,
            seats: Vec::new(),
            seat_of: BTreeMap::new(),
            ask_rooms: Vec::new(),
            ask_of: BTreeMap::new(),
            by_circuit: BTreeMap::new(),
            any_circuit: Shelf::default(),
        };
        for prover in book.provers() {
            let away = now.since(prover.seen_at) > rules.prover_silence;
            if away || prover.breaker.paused(now).is_some() {
                continue;
            }
            let seat = supply.seats.len();
            supply.seats.push(Seat {
                prover: prover.prover_id.clone(),
                trusted: prover.trusted,
                fleet: prover.fleet,
                room: prover.overall_room(),
            });
            supply.seat_of.insert(prover.prover_id.clone(), seat);
            let reputation = prover.reputation();
            for ask in &prover.asks {
                let room = prover.room(ask);
                if room == 0 || ask.expires_at.is_some_and(|at| at <= now) {
                    continue;
                }
                let lot = Lot {
                    price: ask.price,
                    reputation,
                    classes: ask
                        .levels
                        .iter()
                        .fold(0, |bits, level| bits | class(*level)),
                    seat,
                    ask: supply.ask_rooms.len(),
                    placed_at: ask.placed_at,
                    ask_id: ask.ask_id,
                    promised: ask.promised,
                };
                supply.ask_of.insert((seat, ask.ask_id), lot.ask);
                supply.ask_rooms.push(prover.room_under(ask));
                for circuit in &ask.circuits {
                    let shelf = supply.by_circuit.entry(circuit.clone()).or_default();
                    shelf.lots.push(lot.clone());
                }
                if ask.circuits.is_empty() {
                    supply.any_circuit.lots.push(lot);
                }
            }
        }
        for shelf in supply.shelves() {
            shelf.lots.sort_by_key(|lot| lot.price);
            let reputations = shelf.lots.iter().map(|lot| lot.reputation);
            shelf.best_reputation = reputations.max().unwrap_or_default();
        }
        supply
    }

    fn shelves(&mut self) -> impl Iterator<Item = &mut Shelf> {
        self.by_circuit
            .values_mut()
            .chain(std::iter::once(&mut self.any_circuit))
    }

    /// Whether nobody can take anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let mut shelves = self.by_circuit.values();
        self.any_circuit.lots.is_empty() && shelves.all(|shelf| shelf.lots.is_empty())
    }

    /// Who wins a task now, and at what price; none if nobody bids.
    #[must_use]
    pub fn best(&self, task: &Task) -> Option<Winner> {
        // Scores are at most the ceiling times 10^12.
        const FITS: u64 = u64::MAX / 1_000_000_000_000;
        if task.spec.reward_amount.0 <= FITS {
            self.best_in::<u64>(task)
        } else {
            self.best_in::<u128>(task)
        }
    }

    fn best_in<S>(&self, task: &Task) -> Option<Winner>
    where
        S: Copy + Ord + From<u64> + Add<Output = S> + Mul<Output = S>,
    {
        let mut podium = Podium::<S> {
            first: None,
            second: None,
        };
        if let Some(shelf) = self.by_circuit.get(&task.spec.circuit) {
            self.scan(shelf, task, &mut podium);
        }
        self.scan(&self.any_circuit, task, &mut podium);
        let (_, best) = podium.first?;
        let ceiling = task.spec.reward_amount;
        let runner_up = podium.second.map(|(_, lot)| (lot.price, lot.reputation));
        let own = (best.price, best.reputation);
        Some(Winner {
            prover: self.seats[best.seat].prover.clone(),
            ask_id: best.ask_id,
            price: payable(self.payment, self.weights, ceiling, own, runner_up),
            promised: best.promised,
        })
    }

    fn scan<'a, S>(&'a self, shelf: &'a Shelf, task: &Task, podium: &mut Podium<'a, S>)
    where
        S: Copy + Ord + From<u64> + Add<Output = S> + Mul<Output = S>,
    {
        let spec = &task.spec;
        let (per_credit, per_reputation) = self.weights.per_unit();
        let ceiling = spec.reward_amount;
        let saved = |price| S::from(per_credit) * S::from(ceiling.saturating_sub(price).0);
        let standing = |reputation: Ratio| {
            S::from(per_reputation * u64::from(reputation.as_ppm())) * S::from(ceiling.0.max(1))
        };
        let at_most = standing(shelf.best_reputation);
        let class = class(spec.privacy_level);
        for lot in &shelf.lots {
            if lot.price > ceiling {
                break;
            }
            let saved = saved(lot.price);
            if let Some((second, _)) = podium.second
                && saved + at_most < second
            {
                break;
            }
            let score = saved + standing(lot.reputation);
            if podium.second.is_some_and(|(second, _)| score < second)
                || lot.reputation < spec.min_reputation
                || lot.classes & class == 0
                || !self.may(task, lot)
            {
                continue;
            }
            self.place(podium, score, lot);
        }
    }

    /// Whether a prover with room may see the inputs.
    fn may(&self, task: &Task, lot: &Lot) -> bool {
        let seat = &self.seats[lot.seat];
        let allowed = match task.spec.privacy_level.class() {
            PrivacyLevel::OPEN => true,
            PrivacyLevel::ALLOWED => {
                seat.trusted || task.spec.allowed_provers.contains(&seat.prover)
            }
            _ => seat.fleet,
        };
        allowed && seat.room > 0 && self.ask_rooms[lot.ask] > 0
    }

    fn place<'a, S: Copy + Ord>(&'a self, podium: &mut Podium<'a, S>, score: S, lot: &'a Lot) {
        let rank = |score: S, lot: &'a Lot| {
            let prover = &self.seats[lot.seat].prover;
            (Reverse(score), lot.placed_at, lot.ask_id, prover)
        };
        let ahead = |other: &(S, &'a Lot)| rank(score, lot) < rank(other.0, other.1);
        match &podium.first {
            None => podium.first = Some((score, lot)),
            Some(first) if ahead(first) => {
                if first.1.seat != lot.seat {
                    podium.second = podium.first;
                }
                podium.first = Some((score, lot));
            }
            Some(first) if first.1.seat == lot.seat => {}
            Some(_) => {
                if podium.second.as_ref().is_none_or(ahead) {
                    podium.second = Some((score, lot));
                }
            }
        }
    }

    /// A winner takes a task on: it has less room for the next.
    pub fn take(&mut self, winner: &Winner) {
        let Some(&seat) = self.seat_of.get(&winner.prover) else {
            return;
        };
        let Some(&ask) = self.ask_of.get(&(seat, winner.ask_id)) else {
            return;
        };
        self.seats[seat].room = self.seats[seat].room.saturating_sub(1);
        self.ask_rooms[ask] = self.ask_rooms[ask].saturating_sub(1);
        let full = self.seats[seat].room == 0;
        if full || self.ask_rooms[ask] == 0 {
            for shelf in self.shelves() {
                shelf
                    .lots
                    .retain(|lot| lot.ask != ask && !(full && lot.seat == seat));
            }
        }
    }
}

fn class(level: PrivacyLevel) -> u8 {
    1 << u8::from(level.class()).min(7)
}

#[cfg(test)]
mod tests;
