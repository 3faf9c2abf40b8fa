//! The integration tests, in one binary because each test binary links RocksDB.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::print_stdout)]

mod command_line;
mod laws;
mod opening;
mod readers;
mod semantics;
mod support;
mod tidy;
