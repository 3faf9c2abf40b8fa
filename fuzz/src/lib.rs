//! What the fuzz targets share: the bodies that `tests/it/saved_inputs.rs` runs with the saved inputs as well.
#![allow(missing_docs, dead_code, unused_imports)]

#[path = "../../tests/it/support/mod.rs"]
pub mod support;
