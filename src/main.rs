//! The `eventmirror` binary: an allocator, and the command line of the library.

use std::process::ExitCode;

/// A load mostly costs touching fresh memory, which this allocator keeps and gives out again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    eventmirror::cli::main()
}
