//! `spin:key-value@3.0.0`, in memory.

use crate::state::State;
use spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::component::{Accessor, HasData, Linker, Resource, ResourceTable, ResourceTableError};

// The functions of Spin's interface that the SDK's `Store` has, but for the stream of all keys, which
// nothing here asks for: a component that does is refused when it is loaded.
wasmtime::component::bindgen!({
    inline: "
        package prooflane:key-value-host;

        world imports {
            import spin:key-value/key-value@3.0.0;
        }

        package spin:key-value@3.0.0 {
            interface key-value {
                resource store {
                    open: static async func(label: string) -> result<store, error>;
                    get: async func(key: string) -> result<option<list<u8>>, error>;
                    set: async func(key: string, value: list<u8>) -> result<_, error>;
                    delete: async func(key: string) -> result<_, error>;
                    exists: async func(key: string) -> result<bool, error>;
                }
                variant error {
                    store-table-full,
                    no-such-store,
                    access-denied,
                    other(string),
                }
            }
        }
    ",
    imports: { default: trappable },
    with: { "spin:key-value/key-value.store": Open },
});

/// A store that a component has opened: its label.
#[expect(unreachable_pub, reason = "the bindings export it again")]
pub struct Open(String);

/// All stores of a host, shared by its instances.
#[derive(Clone)]
pub(crate) struct Stores(Arc<Inner>);

struct Inner {
    /// Those that the manifest grants.
    labels: BTreeSet<String>,
    limit_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    values: HashMap<(String, String), Vec<u8>>,
    bytes: usize,
}

impl Stores {
    pub(crate) fn new(labels: BTreeSet<String>, limit_bytes: usize) -> Self {
        let kept = Mutex::default();
        Self(Arc::new(Inner {
            labels,
            limit_bytes,
            kept,
        }))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No step in between leaves it half changed.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, label: &str, key: String, value: Vec<u8>) -> Result<(), Error> {
        let size = |key: &String, value: &Vec<u8>| label.len() + key.len() + value.len();
        let new = size(&key, &value);
        let place = (label.to_owned(), key);
        let mut kept = self.kept();
        let old = kept.values.get(&place);
        let old = old.map_or(0, |old| size(&place.1, old));
        let bytes = kept.bytes - old + new;
        let limit = self.0.limit_bytes;
        if bytes > limit {
            return Err(Error::Other(format!(
                "the host keeps {limit} bytes at most, and this would make {bytes}"
            )));
        }
        kept.bytes = bytes;
        kept.values.insert(place, value);
        Ok(())
    }

    fn delete(&self, label: &str, key: String) {
        let place = (label.to_owned(), key);
        let mut kept = self.kept();
        if let Some(value) = kept.values.remove(&place) {
            kept.bytes -= place.0.len() + place.1.len() + value.len();
        }
    }
}

/// What the functions work on: the stores, and the instance's table of resources.
pub(crate) struct View<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) table: &'a mut ResourceTable,
}

/// Names [`View`] for the linker.
struct KeyValue;

impl HasData for KeyValue {
    type Data<'a> = View<'a>;
}

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    spin::key_value::key_value::add_to_linker::<_, KeyValue>(linker, State::key_value)
}

/// The stores, and the label of an open one.
fn opened<T>(
    accessor: &Accessor<T, KeyValue>,
    store: &Resource<Open>,
) -> Result<(Stores, String), ResourceTableError> {
    accessor.with(|mut access| {
        let view = access.get();
        let label = view.table.get(store)?.0.clone();
        Ok((view.stores.clone(), label))
    })
}

impl<T> HostStoreWithStore<T> for KeyValue {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<Open>, Error>> {
        accessor.with(|mut access| {
            let view = access.get();
            if !view.stores.0.labels.contains(&label) {
                return Ok(Err(Error::AccessDenied));
            }
            Ok(view
                .table
                .push(Open(label))
                .map_err(|_| Error::StoreTableFull))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Open>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let (stores, label) = opened(accessor, &store)?;
        let value = stores.kept().values.get(&(label, key)).cloned();
        Ok(Ok(value))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Open>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (stores, label) = opened(accessor, &store)?;
        Ok(stores.set(&label, key, value))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Open>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (stores, label) = opened(accessor, &store)?;
        stores.delete(&label, key);
        Ok(Ok(()))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Open>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let (stores, label) = opened(accessor, &store)?;
        let exists = stores.kept().values.contains_key(&(label, key));
        Ok(Ok(exists))
    }
}

impl HostStore for View<'_> {
    fn drop(&mut self, store: Resource<Open>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl Host for View<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_no_more_than_it_may_and_counts_what_goes() {
        let stores = Stores::new(BTreeSet::new(), 30);
        let set = |key: &str, bytes| stores.set("a", key.to_owned(), vec![0; bytes]);
        set("1", 8).unwrap();
        set("2", 18).unwrap();
        assert!(matches!(set("3", 0), Err(Error::Other(_))), "30 of 30");
        set("1", 0).expect("smaller than before");
        set("3", 6).expect("and this is free now");
        stores.delete("a", "2".to_owned());
        stores.delete("a", "2".to_owned());
        set("4", 18).unwrap();
        assert!(set("5", 0).is_err());
    }
}
