//! Panics of libraries that trust what they read. They are caught where the library is called.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `read`; where it panics, gives the text of the panic. What `read` works on must not be used after that.
pub(super) fn caught<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
    })
}
