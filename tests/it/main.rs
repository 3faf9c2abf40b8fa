//! All integration tests in one binary, since each one links RocksDB.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod command_line;
