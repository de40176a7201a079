//! The whole network under seeded faults in virtual time.
//!
//! One run is one thread: nodes (APIs, auctioneers, sweepers), provers and requesters are tasks of
//! a runtime whose time is virtual, over stores in memory. A seed decides how long every call takes,
//! and so who goes on; which calls fail, time out or are their node's last; which messages are lost,
//! late or repeated; whose clock is off by how much; and who lies. The same seed gives the same run.
//! When the faults stop, the world must come to rest, and every invariant must hold all along.

mod check;
mod fault;
mod memory;
mod node;
mod prover;
mod random;
mod request;
mod requester;
mod run;
mod statement;
mod trace;
mod world;

pub use check::Broken;
pub use fault::Fault;
pub use memory::{Change, MemoryBlobs, MemoryQueue, MemoryTable};
pub use run::{Failure, Report, simulate, standard};
