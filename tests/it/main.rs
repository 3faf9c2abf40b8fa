//! The integration tests, in one binary because each test binary links RocksDB.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::print_stdout)]
// Written past the harness, which holds back what `println!` prints of a test that passes.
#![allow(clippy::explicit_write, clippy::type_complexity)]

mod backward_compatibility;
mod command_line;
#[cfg(all(feature = "cli", feature = "delta", unix))]
mod comparison;
mod converter;
#[cfg(feature = "delta")]
mod delta;
mod dialects;
mod digest;
mod files;
mod gc;
mod laws;
#[cfg(all(feature = "cli", feature = "object-store"))]
mod objects;
mod opening;
mod readers;
mod readme;
mod real_data;
mod saved_inputs;
mod semantics;
mod shell;
// The crash test is a binary of its own and uses some of it too.
#[allow(dead_code)]
mod support;
mod sync;
mod tidy;
mod verify;
