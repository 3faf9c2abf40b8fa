//! eventmirror keeps an exact local mirror of a warehouse event table.
mod error;
pub mod docs {
    //! Documentation pages.
    #[doc = include_str!("docs/canonical.md")]
    pub mod canonical {}
}
pub mod model;
pub use error::{Error, ErrorKind, Result};
