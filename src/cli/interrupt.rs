//! Ctrl-C and the termination signal: the work at hand is given up in order, what was committed stays.

use super::output::say;
use crate::error::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// Turns signals to stop into a flag, once a process. A second signal ends the process at once, which loses nothing
/// but the batch at hand either.
pub(super) fn flag() -> Result<&'static AtomicBool> {
    let handler = || {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(super::exit_code(ErrorKind::Interrupted)));
        }
        say("stopping; once more to stop at once");
    };
    match ctrlc::set_handler(handler) {
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(&STOP),
        Err(error) => Err(Error::new(ErrorKind::Io, "signals cannot be caught").because(error)),
    }
}

/// The error for work that was given up.
pub(super) fn error() -> Error {
    Error::new(ErrorKind::Interrupted, "stopped as asked")
}
