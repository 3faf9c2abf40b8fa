//! The existence index: which keys exist, and with which row.
//!
//! ```text
//! key    | page: first 16 bits of the key hash, big-endian | ~commit sequence, 8 bytes big-endian |
//! value  ( rest of the key hash, 14 bytes big-endian | row hash, 16 bytes little-endian )*   key hashes rising
//! ```
//!
//! A page is written whole when a fold brings it up to date; the batches since the last fold are in `deltas`. Page by
//! key hash, so that no user skews it. A page of a sequence that was never committed is not there.

pub(in crate::store) const FAMILY: &str = "pages";
pub(in crate::store) const PAGES: usize = 1 << 16;
const ENTRY_BYTES: usize = 30;

/// A key that exists, by its hash, and the hash of its row. Row hash 0 is a deletion in a list of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Entry {
    pub(in crate::store) key_hash: u128,
    pub(in crate::store) row_hash: u128,
}

/// The page of a key hash.
pub(in crate::store) fn page_of(key_hash: u128) -> u16 {
    (key_hash >> 112) as u16
}

/// The key of a page's version.
pub(in crate::store) fn key(page: u16, sequence: u64) -> [u8; 10] {
    let mut out = [0; 10];
    out[..2].copy_from_slice(&page.to_be_bytes());
    out[2..].copy_from_slice(&(!sequence).to_be_bytes());
    out
}

/// Page and sequence of a stored key.
pub(in crate::store) fn split_key(stored: &[u8]) -> Option<(u16, u64)> {
    let (page, sequence) = stored.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*page), !u64::from_be_bytes(sequence.try_into().ok()?)))
}

/// Appends the value of a page.
pub(in crate::store) fn encode(entries: &[Entry], out: &mut Vec<u8>) {
    out.reserve(entries.len() * ENTRY_BYTES);
    for entry in entries {
        out.extend_from_slice(&entry.key_hash.to_be_bytes()[2..]);
        out.extend_from_slice(&entry.row_hash.to_le_bytes());
    }
}

/// The entries of a page; `None` where the bytes are no page.
pub(in crate::store) fn decode(page: u16, value: &[u8]) -> Option<Vec<Entry>> {
    let (chunks, rest) = value.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let mut entries = Vec::with_capacity(chunks.len() + 4);
    for chunk in chunks {
        let mut key_hash = [0; 16];
        key_hash[..2].copy_from_slice(&page.to_be_bytes());
        key_hash[2..].copy_from_slice(&chunk[..14]);
        let row_hash = u128::from_le_bytes(*chunk.last_chunk::<16>()?);
        entries.push(Entry { key_hash: u128::from_be_bytes(key_hash), row_hash });
    }
    entries.is_sorted_by(|a, b| a.key_hash < b.key_hash).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(entries: &[Entry]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(entries, &mut out);
        out
    }

    proptest! {
        #[test]
        fn a_page_survives(page in any::<u16>(), hashes in prop::collection::btree_map(any::<u128>(), any::<u128>(), 0..9)) {
            let mask = u128::MAX >> 16;
            let hashes: std::collections::BTreeMap<_, _> =
                hashes.into_iter().map(|(key, row)| (u128::from(page) << 112 | key & mask, row)).collect();
            let entries: Vec<Entry> = hashes.into_iter().map(|(key_hash, row_hash)| Entry { key_hash, row_hash }).collect();
            prop_assert_eq!(decode(page, &encoded(&entries)), Some(entries));
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = decode(7, &bytes);
            let _ = split_key(&bytes);
        }

        #[test]
        fn newer_versions_come_first_within_a_page(a in any::<(u16, u64)>(), b in any::<(u16, u64)>()) {
            prop_assert_eq!(key(a.0, a.1).cmp(&key(b.0, b.1)), (a.0, !a.1).cmp(&(b.0, !b.1)));
            prop_assert_eq!(split_key(&key(a.0, a.1)), Some(a));
        }
    }

    #[test]
    fn damage_is_noticed() {
        let entries = [Entry { key_hash: 1, row_hash: 2 }, Entry { key_hash: 3, row_hash: 4 }];
        let bytes = encoded(&entries);
        assert_eq!(decode(0, &bytes[1..]), None, "a cut page");
        let swapped = [&bytes[30..], &bytes[..30]].concat();
        assert_eq!(decode(0, &swapped), None, "entries out of order");
    }
}
