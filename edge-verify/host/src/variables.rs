//! `spin:variables@3.0.0`.

use crate::state::State;
use spin::variables::variables::{Error, Host, HostWithStore};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker};

wasmtime::component::bindgen!({
    inline: "
        package prooflane:variables-host;

        world imports {
            import spin:variables/variables@3.0.0;
        }

        package spin:variables@3.0.0 {
            interface variables {
                get: async func(name: string) -> result<string, error>;
                variant error {
                    invalid-name(string),
                    undefined(string),
                    provider(string),
                    other(string),
                }
            }
        }
    ",
});

/// The component's variables by name. Some are secrets: no `Debug`.
pub(crate) type Variables = Arc<BTreeMap<String, String>>;

struct HasVariables;

impl HasData for HasVariables {
    type Data<'a> = View<'a>;
}

/// What `get` reads.
pub(crate) struct View<'a>(pub(crate) &'a Variables);

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    spin::variables::variables::add_to_linker::<_, HasVariables>(linker, State::variables)
}

impl<T> HostWithStore<T> for HasVariables {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, Error> {
        let value = accessor.with(|mut access| access.get().0.get(&name).cloned());
        value.ok_or(Error::Undefined(name))
    }
}

impl Host for View<'_> {}
