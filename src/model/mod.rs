//! The vocabulary: plain data without I/O. Every other module speaks in these types.

pub mod arena;
pub mod canonical;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod canonical_laws;
pub mod change;
pub mod changes;
pub mod counts;
mod escape;
pub mod event_json;
pub mod fingerprint;
pub mod hash;
pub mod json;
pub mod key;
pub mod ledger;
pub mod mutation;
mod number;
pub mod plain_number;
pub mod position;
pub mod rejection;
pub mod row;
pub mod schema;
pub mod scope;
pub mod text;
pub mod typed;
pub mod value;
pub mod varint;
