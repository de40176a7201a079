//! What belongs to one instance.

use crate::clock::Clock;
use crate::outgoing::{Allowed, Outgoing};
use crate::store::{self, Stores};
use crate::variables::{self, Variables};
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime::{StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// What all instances share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) variables: Variables,
    pub(crate) stores: Stores,
    pub(crate) allowed: Arc<Allowed>,
    pub(crate) clock: Clock,
}

/// The data of an instance's wasmtime `Store`.
pub(crate) struct State {
    shared: Shared,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    pub(crate) limits: StoreLimits,
}

impl State {
    pub(crate) fn new(shared: &Shared, memory_bytes: usize) -> Self {
        // No files, no sockets, no environment, no arguments: only what a panic says comes out.
        let wasi = WasiCtxBuilder::new()
            .inherit_stderr()
            .wall_clock(shared.clock.clone())
            .build();
        let limits = StoreLimitsBuilder::new().memory_size(memory_bytes);
        Self {
            shared: shared.clone(),
            table: ResourceTable::new(),
            wasi,
            http: WasiHttpCtx::new(),
            outgoing: Outgoing(Arc::clone(&shared.allowed)),
            limits: limits.trap_on_grow_failure(true).build(),
        }
    }

    pub(crate) fn key_value(&mut self) -> store::View<'_> {
        store::View {
            stores: &self.shared.stores,
            table: &mut self.table,
        }
    }

    pub(crate) fn variables(&mut self) -> variables::View<'_> {
        variables::View(&self.shared.variables)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outgoing,
        }
    }
}
