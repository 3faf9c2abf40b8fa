//! See `tests/it/support/fuzz_bodies/change_file.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: {
        // libFuzzer's hook aborts at every panic. A panic of the Parquet reader is an error to us, and no crash; one
        // that nobody catches still ends the process.
        let _ = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| {
            let is_ours = panic.location().is_some_and(|at| !at.file().contains("/registry/") && !at.file().starts_with("/rustc/"));
            if is_ours {
                eprintln!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
            }
        }));
    },
    |bytes: &[u8]| eventmirror_fuzz::support::fuzz_bodies::change_file(bytes)
);
