#![doc = include_str!("../README.md")]

mod cells;
mod command;
mod group;
mod machine;
mod network;
mod setup;
mod shift;

pub use cells::{Cells, Limits};
pub use command::{Cli, run};
pub use group::{AutoScaling, Group, GroupError};
pub use machine::{Machine, NoMetadata, Notice};
pub use network::{Fleet, Waits};
pub use setup::{Done, Options, set_up};
pub use shift::work;
