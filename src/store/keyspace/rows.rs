//! The table: every version of every row.
//!
//! ```text
//! key    | encoded key (bucket · user_id · insert_id · event_time) | ~commit sequence, 8 bytes big-endian |
//! value  | row hash, 16 bytes little-endian | row |            a version with a payload
//!        (empty)                                               a tombstone
//! ```
//!
//! The sequence is inverted so that the newest version of a key comes first. A reader at sequence *s* takes the first
//! version whose sequence is at most *s*. The hash comes first so that a comparison can skip the row.

use rocksdb::SliceTransform;

pub(in crate::store) const FAMILY: &str = "rows";
const SEQUENCE_BYTES: usize = 8;
const HASH_BYTES: usize = 16;

/// The bytes of a sequence behind a key.
pub(in crate::store) fn sequence_bytes(sequence: u64) -> [u8; SEQUENCE_BYTES] {
    (!sequence).to_be_bytes()
}

/// Splits a stored key into the encoded event key and the sequence.
pub(in crate::store) fn split_key(stored: &[u8]) -> Option<(&[u8], u64)> {
    let (key, sequence) = stored.split_last_chunk::<SEQUENCE_BYTES>()?;
    Some((key, !u64::from_be_bytes(*sequence)))
}

/// Appends the value of a version with a payload.
pub(in crate::store) fn put_value(row_hash: u128, row: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&row_hash.to_le_bytes());
    out.extend_from_slice(row);
}

/// What a stored version holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Version<'a> {
    Tombstone,
    Row { hash: u128, row: &'a [u8] },
}

/// Reads a value; `None` where the bytes are none.
pub(in crate::store) fn version(value: &[u8]) -> Option<Version<'_>> {
    if value.is_empty() {
        return Some(Version::Tombstone);
    }
    let (hash, row) = value.split_first_chunk::<HASH_BYTES>()?;
    Some(Version::Row { hash: u128::from_le_bytes(*hash), row })
}

/// The part of a stored key that all versions of a row share, for the prefix filter: a point read then skips files
/// that cannot hold the row although it seeks and does not get.
pub(in crate::store) fn prefix_extractor() -> SliceTransform {
    fn without_sequence(key: &[u8]) -> &[u8] {
        &key[..key.len().saturating_sub(SEQUENCE_BYTES)]
    }
    SliceTransform::create("eventmirror.key", without_sequence, Some(|key: &[u8]| key.len() > SEQUENCE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::EventKey;
    use proptest::prelude::*;

    fn stored(key: &EventKey, sequence: u64) -> Vec<u8> {
        let mut out = key.encode();
        out.extend_from_slice(&sequence_bytes(sequence));
        out
    }

    proptest! {
        #[test]
        fn newer_versions_come_first_within_a_key(user in "[a-c]{1,3}", a in any::<(i64, u64)>(), b in any::<(i64, u64)>()) {
            let key = |time| EventKey::new(user.clone(), "i", time);
            let order = (a.0, !a.1).cmp(&(b.0, !b.1));
            prop_assert_eq!(stored(&key(a.0), a.1).cmp(&stored(&key(b.0), b.1)), order);
            let encoded = key(a.0).encode();
            let stored = stored(&key(a.0), a.1);
            prop_assert_eq!(split_key(&stored), Some((encoded.as_slice(), a.1)));
        }

        #[test]
        fn a_value_survives(hash in any::<u128>(), row in prop::collection::vec(any::<u8>(), 0..9)) {
            let mut value = Vec::new();
            put_value(hash, &row, &mut value);
            prop_assert_eq!(version(&value), Some(Version::Row { hash, row: &row }));
        }
    }

    #[test]
    fn an_empty_value_is_a_tombstone_and_a_cut_one_is_noticed() {
        assert_eq!(version(&[]), Some(Version::Tombstone));
        assert_eq!(version(&[1; 15]), None);
        assert_eq!(split_key(&[1; 7]), None);
    }
}
