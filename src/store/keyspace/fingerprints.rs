//! The fingerprint of each bucket: what a verification compares before it reads any row.
//!
//! ```text
//! key    | commit sequence, 8 bytes big-endian |
//! value  ( bucket, 2 bytes big-endian | rows, 8 bytes little-endian | sum of row hashes modulo 2^128, 16 bytes little-endian )*
//! changes of a batch (in `ledger`):
//!        the same, with differences of rows modulo 2^64
//! ```
//!
//! There is one list, as of the commit that wrote it: of all buckets that have rows, buckets rising. The changes of
//! batches, kept in their ledger entries, take it to any other commit.
//!
//! Format version 1 has an entry a bucket, as of the last commit: `bucket → rows · sum`.

use crate::model::fingerprint::Fingerprint;

pub(in crate::store) const FAMILY: &str = "fingerprints";
const BYTES: usize = 26;

/// The key of the list that a commit wrote.
pub(in crate::store) fn key(sequence: u64) -> [u8; 8] {
    sequence.to_be_bytes()
}

/// The commit of a list's key.
pub(in crate::store) fn sequence(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}

/// The value of a list, or of the changes of a batch; buckets rising.
pub(in crate::store) fn encode(list: &[(u16, Fingerprint)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.len() * BYTES);
    for (bucket, fingerprint) in list {
        out.extend_from_slice(&bucket.to_be_bytes());
        out.extend_from_slice(&fingerprint.rows.to_le_bytes());
        out.extend_from_slice(&fingerprint.sum.to_le_bytes());
    }
    out
}

/// What a value lists; `None` where the bytes are no list.
pub(in crate::store) fn decode(value: &[u8]) -> Option<Vec<(u16, Fingerprint)>> {
    let (chunks, rest) = value.as_chunks::<BYTES>();
    let decode = |chunk: &[u8; BYTES]| {
        let (bucket, numbers) = chunk.split_first_chunk::<2>()?;
        decode_single(bucket, numbers)
    };
    let list: Vec<_> = chunks.iter().map(decode).collect::<Option<_>>()?;
    rest.is_empty().then_some(list)
}

/// The fingerprint of an entry of format version 1.
pub(in crate::store) fn decode_single(key: &[u8], value: &[u8]) -> Option<(u16, Fingerprint)> {
    let (rows, sum) = value.split_first_chunk::<8>()?;
    let sum = u128::from_le_bytes(sum.try_into().ok()?);
    Some((u16::from_be_bytes(key.try_into().ok()?), Fingerprint { rows: u64::from_le_bytes(*rows), sum }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_list_survives(list in prop::collection::vec((any::<u16>(), any::<u64>(), any::<u128>()), 0..9)) {
            let list: Vec<_> = list.into_iter().map(|(bucket, rows, sum)| (bucket, Fingerprint { rows, sum })).collect();
            let bytes = encode(&list);
            prop_assert_eq!(decode(&bytes), Some(list.clone()));
            prop_assert_eq!(decode(bytes.get(1..).unwrap_or(&[0])), None);
            for (one, bytes) in list.iter().zip(bytes.chunks(BYTES)) {
                prop_assert_eq!(decode_single(&bytes[..2], &bytes[2..]), Some(*one));
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (decode(&bytes), decode_single(&bytes, &bytes), sequence(&bytes));
        }
    }

    #[test]
    fn lists_sort_by_their_commits() {
        assert!(key(255) < key(256));
        assert_eq!(sequence(&key(256)), Some(256));
    }
}
