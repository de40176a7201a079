//! Instances of the component, and the requests they are given.
//!
//! WASI 0.3 lets one instance serve many requests, one after the other and, where they wait, at the same
//! time; wasmtime's [`ProxyHandler`] hands them out. An instance is made when a request finds none free.
//! It goes when it traps, when a request exceeded its time, when it has been idle for long, or at the end
//! of its life in requests.

use crate::limits::Limits;
use crate::state::{Shared, State};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::Sleep;
use wasmtime::component::{Component, GuestTaskId, Linker};
use wasmtime::{Engine, PoolingAllocationConfig, Result, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, WorkerExpiration, WorkerState,
    WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// How long an instance without requests is kept.
const IDLE: Duration = Duration::from_secs(60);

/// How often a component that computes lets go, so that its time can be looked at.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What hands requests to instances.
pub(crate) type Handler = ProxyHandler<Instances>;

/// The engine that components are compiled for and run in.
pub(crate) fn engine(limits: &Limits) -> Result<Engine> {
    // An instance that is about to go may outlive its last request.
    let instances = u32::try_from(limits.requests.saturating_mul(2)).unwrap_or(u32::MAX);
    // Beside the component's own module there are small ones that adapt its calls.
    let modules = instances.saturating_mul(8);
    // Each stack has a page of its own to guard it, which takes its time before the first answer.
    let stacks = instances.saturating_mul(2);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(modules)
        .total_tables(modules)
        .total_memories(instances)
        .total_stacks(stacks)
        .max_memory_size(limits.memory_bytes);
    let mut config = wasmtime::Config::new();
    config
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .allocation_strategy(pool);
    Engine::new(&config)
}

/// Makes instances of one component.
pub(crate) struct Instances {
    service: ServicePre<State>,
    shared: Shared,
    limits: Limits,
    /// Becomes true when the host stops.
    stopped: watch::Receiver<bool>,
}

impl Instances {
    /// # Errors
    /// If the component asks for what this host has not, or serves no HTTP.
    pub(crate) fn new(
        component: &Component,
        shared: Shared,
        limits: Limits,
        stopped: watch::Receiver<bool>,
    ) -> Result<Self> {
        let mut linker = Linker::new(component.engine());
        // Rust's standard library is on WASI 0.2, the SDK on 0.3.
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        crate::store::add_to_linker(&mut linker)?;
        crate::variables::add_to_linker(&mut linker)?;
        Ok(Self {
            service: ServicePre::new(linker.instantiate_pre(component)?)?,
            shared,
            limits,
            stopped,
        })
    }
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Life;

    async fn instantiate(&self) -> Result<Instance<State, Expiration, Life>> {
        let state = State::new(&self.shared, self.limits.memory_bytes);
        let mut store = Store::new(self.service.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let service = self.service.instantiate_async(&mut store);
        let service = tokio::time::timeout(self.limits.time, service).await??;
        let mut stopped = self.stopped.clone();
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: State::http,
            expiration: Expiration {
                time: self.limits.time,
                sleep: Box::pin(tokio::time::sleep(IDLE)),
                stopped: Box::pin(async move {
                    // A host that is gone has stopped.
                    let _ = stopped.wait_for(|stopped| *stopped).await;
                }),
            },
            state: Life(self.limits),
        })
    }
}

/// When an instance has to go.
pub(crate) struct Expiration {
    time: Duration,
    sleep: Pin<Box<Sleep>>,
    stopped: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        if self.stopped.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let limit = match status {
            // Each request has a limit of its own; this one is for a component that computes and lets
            // nothing else be looked at.
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.time,
            WorkerStatus::Idle => IDLE,
        };
        let end = tokio::time::Instant::from_std(start + limit);
        if self.sleep.deadline() != end {
            self.sleep.as_mut().reset(end);
        }
        self.sleep.as_mut().poll(context)
    }
}

/// What an instance takes on.
pub(crate) struct Life(Limits);

impl WorkerState for Life {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, at_once: usize, before: usize) -> ShouldAccept {
        if before >= self.0.requests_in_a_life {
            ShouldAccept::Never
        } else if at_once >= self.0.requests_of_an_instance {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(tokio::time::sleep(self.0.time))
    }

    fn drop(&self, _: Store<State>, result: Result<()>) {
        if let Err(error) = result {
            tracing::error!("an instance is gone: {error:#}");
        }
    }
}
