//! Pure: digests that the mirror and a warehouse compute alike, so that they are compared without moving a row.
//!
//! ```text
//! key and columns ──text──▶ MD5 ──words──▶ sums by bucket ──file──▶ CSV: bucket, rows, digest
//! columns ──sql──▶ a query that does the same inside the warehouse
//! ```
//!
//! The text is specified in [the documentation](crate::docs::canonical#the-canonical-text): other than the canonical
//! bytes, it is made of what the SQL of five engines can write alike. No file, no clock, no RocksDB.

mod columns;
pub mod file;
mod form;
pub mod sql;
mod sums;
mod text;

pub use columns::{Choice, Chosen, DigestColumn, LeftOut};
pub use form::Form;
pub use sums::BucketDigest;
pub use text::RowText;
