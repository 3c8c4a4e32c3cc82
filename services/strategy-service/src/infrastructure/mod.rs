//! Strategies in a folder.

mod entry;
mod file_lock;
mod folder;

pub use folder::StrategyFolder;
