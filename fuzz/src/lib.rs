//! What the fuzz targets share: the bodies that `tests/it/saved_inputs.rs` runs with the saved inputs as well.
#![allow(missing_docs, dead_code, unused_imports)]
// Nobody else uses the helpers of the tests, so they need not be what a public type should be.
#![allow(clippy::new_without_default)]

#[path = "../../tests/it/support/mod.rs"]
pub mod support;
