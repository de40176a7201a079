use super::held;
use async_trait::async_trait;
use prooflane_store::{
    CommitError, Cursor, Found, Index, IndexKey, Item, Key, Page, Query, StoreError, Table, Write,
    limits,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Mutex;

/// What a commit did to one item.
#[derive(Clone, Debug)]
pub struct Change {
    /// As it was.
    pub before: Option<Item>,
    /// As it is now.
    pub after: Option<Item>,
}

/// A table in memory.
#[derive(Default)]
pub struct MemoryTable(Mutex<State>);

#[derive(Default)]
struct State {
    items: BTreeMap<Key, Stored>,
    primary: Places,
    wake: Places,
    listing: Places,
}

#[derive(Clone)]
struct Stored {
    item: Item,
    is_counter: bool,
}

/// By partition of an index: sort and item.
type Places = BTreeMap<String, BTreeSet<(String, Key)>>;

impl MemoryTable {
    /// Every item, by key.
    pub fn items(&self) -> Vec<Item> {
        let state = held(&self.0);
        state.items.values().map(|s| s.item.clone()).collect()
    }

    /// As [`Table::get`].
    ///
    /// # Errors
    /// What [`limits`] refuses.
    pub fn read(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        limits::key(key)?;
        Ok(held(&self.0).items.get(key).map(|s| s.item.clone()))
    }

    /// As [`Table::query`].
    ///
    /// # Errors
    /// What [`limits`] refuses.
    pub fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let after = limits::query(query)?;
        Ok(held(&self.0).page(query, after))
    }

    /// As [`Table::commit`]; says what it changed, in the order of the writes.
    ///
    /// # Errors
    /// As [`Table::commit`], but never an unknown outcome.
    pub fn apply(&self, writes: &[Write]) -> Result<Vec<Change>, CommitError> {
        limits::commit(writes)?;
        let mut state = held(&self.0);
        let mut decided = Vec::with_capacity(writes.len());
        for (index, write) in writes.iter().enumerate() {
            let before = state.items.get(write.key()).cloned();
            let after = decide(index, write, before.as_ref())?;
            decided.push((before, after));
        }
        let change = |(before, after): (Option<Stored>, Option<Stored>)| {
            if let Some(before) = &before {
                state.remove(&before.item);
            }
            if let Some(after) = &after {
                state.insert(after.clone());
            }
            Change {
                before: before.map(|s| s.item),
                after: after.map(|s| s.item),
            }
        };
        Ok(decided.into_iter().map(change).collect())
    }
}

/// The item after a write, if the write may happen.
fn decide(
    index: usize,
    write: &Write,
    before: Option<&Stored>,
) -> Result<Option<Stored>, CommitError> {
    let found = before.map(|s| Found {
        version: s.item.version,
        counter: s.is_counter.then_some(s.item.counter),
    });
    write.decide(index, found)?;
    let version = found.map_or(0, |found| found.version) + 1;
    Ok(match write {
        Write::Put {
            key,
            body,
            wake,
            listing,
            ..
        } => Some(Stored {
            item: Item {
                key: key.clone(),
                version,
                body: body.clone(),
                counter: 0,
                wake: wake.clone(),
                listing: listing.clone(),
            },
            is_counter: false,
        }),
        Write::Add { key, delta, .. } => Some(Stored {
            item: Item {
                key: key.clone(),
                version,
                body: Vec::new(),
                counter: before.map_or(0, |s| s.item.counter) + delta,
                wake: None,
                listing: None,
            },
            is_counter: true,
        }),
        Write::Delete { .. } => None,
        Write::Check { .. } => before.cloned(),
    })
}

impl State {
    fn places(&mut self, index: Index) -> &mut Places {
        match index {
            Index::Primary => &mut self.primary,
            Index::Wake => &mut self.wake,
            Index::Listing => &mut self.listing,
        }
    }

    fn insert(&mut self, stored: Stored) {
        for index in INDEXES {
            if let Some(place) = place(&stored.item, index) {
                let sorts = self.places(index).entry(place.partition).or_default();
                sorts.insert((place.sort, stored.item.key.clone()));
            }
        }
        self.items.insert(stored.item.key.clone(), stored);
    }

    fn remove(&mut self, item: &Item) {
        self.items.remove(&item.key);
        for index in INDEXES {
            if let Some(place) = place(item, index)
                && let Some(sorts) = self.places(index).get_mut(&place.partition)
            {
                sorts.remove(&(place.sort, item.key.clone()));
            }
        }
    }

    fn page(&self, query: &Query, after: Option<limits::Position>) -> Page {
        let places = match query.index {
            Index::Primary => &self.primary,
            Index::Wake => &self.wake,
            Index::Listing => &self.listing,
        };
        let end = Page {
            items: Vec::new(),
            next: None,
        };
        let Some(sorts) = places.get(&query.partition) else {
            return end;
        };
        let first = |sort: &String| (sort.clone(), Key::new("", ""));
        let mut lower = query
            .from
            .as_ref()
            .map_or(Bound::Unbounded, |sort| Bound::Included(first(sort)));
        let mut upper = query
            .to
            .as_ref()
            .map_or(Bound::Unbounded, |sort| Bound::Excluded(first(sort)));
        if let (Some(from), Some(to)) = (&query.from, &query.to)
            && from >= to
        {
            return end;
        }
        if let Some(last) = after {
            let beyond = Bound::Excluded((last.sort, last.key));
            // The cursor lies within the range, so it replaces the end that the walk started from.
            let (start, other) = if query.descending {
                (&mut upper, &lower)
            } else {
                (&mut lower, &upper)
            };
            if *other == beyond {
                return end;
            }
            *start = beyond;
        }
        let range = sorts.range((lower, upper));
        let walk: Box<dyn Iterator<Item = &(String, Key)>> = if query.descending {
            Box::new(range.rev())
        } else {
            Box::new(range)
        };
        let mut page = end;
        let mut bytes = 0;
        for (_, key) in walk {
            let Some(stored) = self.items.get(key) else {
                continue;
            };
            bytes += stored.item.body.len();
            if let Some(last) = page.items.last()
                && (page.items.len() == query.limit || bytes > limits::PAGE_BYTES)
            {
                page.next = Some(cursor(last, query));
                break;
            }
            page.items.push(stored.item.clone());
        }
        page
    }
}

const INDEXES: [Index; 3] = [Index::Primary, Index::Wake, Index::Listing];

fn place(item: &Item, index: Index) -> Option<IndexKey> {
    match index {
        Index::Primary => Some(IndexKey::new(&item.key.partition, &item.key.sort)),
        Index::Wake => item.wake.clone(),
        Index::Listing => item.listing.clone(),
    }
}

fn cursor(last: &Item, query: &Query) -> Cursor {
    let sort = place(last, query.index).map(|place| place.sort);
    limits::Position {
        sort: sort.unwrap_or_default(),
        key: last.key.clone(),
    }
    .cursor(query)
}

#[async_trait]
impl Table for MemoryTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.read(key)
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.page(query)
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        self.apply(writes).map(|_| ())
    }
}
