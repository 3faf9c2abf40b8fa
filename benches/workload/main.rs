//! One phase of the generated workload as one JSON line.
//!
//! ```text
//! cargo bench --bench workload -- DATA STORE load|b|c|lookup|user|verify|verify_equal|diff_equal|idle|d
//! cargo bench --bench workload -- DATA FILE read|decode
//! cargo bench --bench workload -- DATA STORE load|b|c|lookup|d rocksdb
//! ```
//!
//! DATA is a folder that `benches/compare/workload.py` wrote. `load` makes the store, the others open it; `read` and
//! `decode` need none. The line has the form of the other peers of `benches/compare`: `ok` is true only when every count,
//! sum and difference is that of the generator.
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]

mod phases;

use phases::Failure;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (data, store, phase, peer) = match arguments.as_slice() {
        [data, store, phase] => (data, store, phase, "eventmirror"),
        [data, store, phase, peer] => (data, store, phase, peer.as_str()),
        _ => {
            eprintln!("usage: cargo bench --bench workload -- DATA STORE PHASE [PEER], see benches/workload/main.rs");
            return Ok(());
        }
    };
    let line = phases::run(peer, phase, Path::new(data), Path::new(store))?;
    println!("{line}");
    if line["ok"] == true { Ok(()) } else { Err("what came out is not what the generator says".into()) }
}
