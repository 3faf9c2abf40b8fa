//! See `tests/it/support/fuzz_bodies/key_and_row.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eventmirror_fuzz::support::fuzz_bodies::key_and_row(bytes));
