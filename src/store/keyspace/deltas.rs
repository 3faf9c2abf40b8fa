//! What batches changed in the existence index since the pages were last folded: one list a batch.
//!
//! ```text
//! key    | commit sequence, 8 bytes big-endian |
//! value  ( key hash, 16 bytes big-endian | row hash, 16 bytes little-endian, 0 for a deletion )*   key hashes rising
//! ```
//!
//! A small batch touches almost as many pages as it has changes; one list costs one write.

use super::pages::Entry;

pub(in crate::store) const FAMILY: &str = "deltas";
const ENTRY_BYTES: usize = 32;

/// The key of a batch's list.
pub(in crate::store) fn key(sequence: u64) -> [u8; 8] {
    sequence.to_be_bytes()
}

/// The value of a list.
pub(in crate::store) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for entry in entries {
        out.extend_from_slice(&entry.key_hash.to_be_bytes());
        out.extend_from_slice(&entry.row_hash.to_le_bytes());
    }
    out
}

/// The entries of a list; `None` where the bytes are no list.
pub(in crate::store) fn decode(value: &[u8]) -> Option<Vec<Entry>> {
    let (chunks, rest) = value.as_chunks::<ENTRY_BYTES>();
    let entry = |chunk: &[u8; ENTRY_BYTES]| {
        let key_hash = u128::from_be_bytes(*chunk.first_chunk::<16>()?);
        Some(Entry { key_hash, row_hash: u128::from_le_bytes(*chunk.last_chunk::<16>()?) })
    };
    let entries: Vec<Entry> = chunks.iter().map(entry).collect::<Option<_>>()?;
    (rest.is_empty() && entries.is_sorted_by(|a, b| a.key_hash < b.key_hash)).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_list_survives(hashes in prop::collection::btree_map(any::<u128>(), any::<u128>(), 0..9)) {
            let entries: Vec<Entry> = hashes.into_iter().map(|(key_hash, row_hash)| Entry { key_hash, row_hash }).collect();
            prop_assert_eq!(decode(&encode(&entries)), Some(entries));
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn damage_is_noticed() {
        let bytes = encode(&[Entry { key_hash: 1, row_hash: 2 }, Entry { key_hash: 3, row_hash: 0 }]);
        assert_eq!(decode(&bytes[1..]), None, "a cut list");
        assert_eq!(decode(&[&bytes[32..], &bytes[..32]].concat()), None, "entries out of order");
    }
}
