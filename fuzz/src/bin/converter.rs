//! See `tests/it/support/fuzz_bodies/converter.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eventmirror_fuzz::support::fuzz_bodies::converter(bytes));
