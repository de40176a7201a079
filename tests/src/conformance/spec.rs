//! What a [`prooflane_store::Table`] does when calls come one after the other, as simply as it can be said.

use prooflane_store::{CommitError, Index, IndexKey, Item, Key, Query, StoreError, Write};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// A table of one caller. Its keys are few, its bodies small and its counters far from their limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec(BTreeMap<Key, (Item, bool)>);

impl Hash for Spec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (key, (item, _)) in &self.0 {
            (key, item.version, &item.body, item.counter).hash(state);
        }
    }
}

/// What counts of an outcome: everything but the words.
pub fn wordless(mut result: Result<(), CommitError>) -> Result<(), CommitError> {
    if let Err(CommitError::Store(StoreError::Invalid(why))) = &mut result {
        why.clear();
    }
    result
}

impl Spec {
    /// The item.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Item> {
        self.0.get(key).map(|(item, _)| item.clone())
    }

    /// All of these writes or none.
    ///
    /// # Errors
    /// As the table's.
    pub fn commit(&mut self, writes: &[Write]) -> Result<(), CommitError> {
        let mut next = self.0.clone();
        for (index, write) in writes.iter().enumerate() {
            let key = write.key().clone();
            let there = self.0.get(&key);
            let got = there.map(|(item, _)| item.version);
            let is_counter = there.is_some_and(|(_, counter)| *counter);
            let invalid = || Err(StoreError::Invalid(String::new()).into());
            if let Write::Put { expect, .. }
            | Write::Delete { expect, .. }
            | Write::Check { expect, .. } = write
                && !expect.holds(got)
            {
                return Err(CommitError::Conflict {
                    index,
                    key,
                    expected: *expect,
                    got,
                });
            }
            let version = got.unwrap_or(0) + 1;
            match write {
                Write::Put { .. } if is_counter => return invalid(),
                Write::Put {
                    body,
                    wake,
                    listing,
                    ..
                } => {
                    let (body, wake, listing) = (body.clone(), wake.clone(), listing.clone());
                    next.insert(
                        key.clone(),
                        (
                            Item {
                                key,
                                version,
                                body,
                                counter: 0,
                                wake,
                                listing,
                            },
                            false,
                        ),
                    );
                }
                Write::Add { .. } if got.is_some() && !is_counter => return invalid(),
                Write::Add {
                    delta, at_least, ..
                } => {
                    let counter = there.map_or(0, |(item, _)| item.counter) + delta;
                    if counter < *at_least {
                        return Err(CommitError::Insufficient {
                            index,
                            key,
                            at_least: *at_least,
                            would_be: counter,
                        });
                    }
                    let item = Item {
                        key: key.clone(),
                        version,
                        body: vec![],
                        counter,
                        wake: None,
                        listing: None,
                    };
                    next.insert(key, (item, true));
                }
                Write::Delete { .. } => {
                    next.remove(&key);
                }
                Write::Check { .. } => {}
            }
        }
        self.0 = next;
        Ok(())
    }

    /// Every item of a query, whatever its limit.
    #[must_use]
    pub fn query(&self, query: &Query) -> Vec<Item> {
        let place = |item: &Item| match query.index {
            Index::Primary => Some(IndexKey::new(&item.key.partition, &item.key.sort)),
            Index::Wake => item.wake.clone(),
            Index::Listing => item.listing.clone(),
        };
        let mut found: Vec<_> = self
            .0
            .values()
            .filter_map(|(item, _)| Some((place(item)?, item.clone())))
            .filter(|(place, _)| {
                place.partition == query.partition
                    && query.from.as_ref().is_none_or(|from| place.sort >= *from)
                    && query.to.as_ref().is_none_or(|to| place.sort < *to)
            })
            .collect();
        found.sort_by_key(|(place, item)| (place.clone(), item.key.clone()));
        if query.descending {
            found.reverse();
        }
        found.into_iter().map(|(_, item)| item).collect()
    }
}
