//! Named positions that were applied: exactly once per name.
//!
//! ```text
//! key    | length of the source, varint | source | name |
//! value  NameRecord in the metadata envelope, version 1
//! ```

use crate::error::Result;
use crate::model::position::Named;
use crate::store::codec;
use serde::{Deserialize, Serialize};

pub(in crate::store) const FAMILY: &str = "names";
const VERSION: u8 = 1;

/// What is kept of an applied name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    /// The name with the size and hash that its content had.
    pub named: Named,
    /// The commit sequence that applied it.
    pub sequence: u64,
}

/// The key of a name.
pub(in crate::store) fn key(source: &str, name: &str) -> Vec<u8> {
    let mut out = prefix(source);
    out.extend_from_slice(name.as_bytes());
    out
}

/// What the keys of all names of a source begin with.
pub(in crate::store) fn prefix(source: &str) -> Vec<u8> {
    let mut out = Vec::new();
    super::put_text(source, &mut out);
    out
}

/// The value of a name.
pub(in crate::store) fn encode(record: &NameRecord) -> Result<Vec<u8>> {
    codec::encode(VERSION, record)
}

/// The record of a value.
pub(in crate::store) fn decode(value: &[u8]) -> Result<NameRecord> {
    codec::decode(VERSION, value, "record of an applied name")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_survives_and_damage_is_noticed() {
        let named = Named { name: "a".into(), size: 1, modified: None, hash: [2; 32] };
        let record = NameRecord { named, sequence: 3 };
        let bytes = encode(&record).unwrap();
        assert_eq!(decode(&bytes).unwrap(), record);
        assert!(decode(&bytes[1..]).is_err());
    }

    #[test]
    fn names_of_sources_do_not_mix_and_sort_in_byte_order() {
        assert!(!key("ab", "c").starts_with(&prefix("a")));
        assert!(key("s", "2") > key("s", "10"));
    }
}
