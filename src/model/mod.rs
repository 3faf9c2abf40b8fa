//! The vocabulary: plain data without I/O. Every other module speaks in these types.

pub mod canonical;
pub mod change;
pub mod counts;
pub mod event_json;
pub mod fingerprint;
pub mod hash;
pub mod key;
pub mod ledger;
pub mod mutation;
pub mod position;
pub mod rejection;
pub mod row;
pub mod schema;
pub mod value;
pub mod varint;
