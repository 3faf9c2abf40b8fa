//! The fingerprint of each bucket: what a verification compares before it reads any row.
//!
//! ```text
//! key    | bucket, 2 bytes big-endian |
//! value  | rows, 8 bytes little-endian | sum of row hashes modulo 2^128, 16 bytes little-endian |
//! changes of a batch (in `ledger`):
//!        ( bucket, 2 bytes big-endian | rows, 8 bytes little-endian, signed | sum, 16 bytes little-endian )*
//! ```
//!
//! A bucket without rows has no entry. The changes of a batch, kept in its ledger entry, take a fingerprint back to an
//! earlier sequence.

use crate::model::fingerprint::Fingerprint;

pub(in crate::store) const FAMILY: &str = "fingerprints";
const VALUE_BYTES: usize = 24;
const CHANGE_BYTES: usize = 26;

/// The key of a bucket.
pub(in crate::store) fn key(bucket: u16) -> [u8; 2] {
    bucket.to_be_bytes()
}

/// The bucket of a key.
pub(in crate::store) fn bucket(key: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(key.try_into().ok()?))
}

/// The value of a fingerprint.
pub(in crate::store) fn encode(fingerprint: Fingerprint) -> [u8; VALUE_BYTES] {
    let mut out = [0; VALUE_BYTES];
    out[..8].copy_from_slice(&fingerprint.rows.to_le_bytes());
    out[8..].copy_from_slice(&fingerprint.sum.to_le_bytes());
    out
}

/// The fingerprint of a value.
pub(in crate::store) fn decode(value: &[u8]) -> Option<Fingerprint> {
    let value: &[u8; VALUE_BYTES] = value.try_into().ok()?;
    let rows = u64::from_le_bytes(*value.first_chunk::<8>()?);
    Some(Fingerprint { rows, sum: u128::from_le_bytes(*value.last_chunk::<16>()?) })
}

/// The changes of a batch, buckets rising.
pub(in crate::store) fn encode_changes(changes: &[(u16, Fingerprint)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(changes.len() * CHANGE_BYTES);
    for (bucket, change) in changes {
        out.extend_from_slice(&key(*bucket));
        out.extend_from_slice(&encode(*change));
    }
    out
}

/// The changes of a batch; `None` where the bytes are none. Row counts are differences modulo 2^64.
pub(in crate::store) fn decode_changes(value: &[u8]) -> Option<Vec<(u16, Fingerprint)>> {
    let (chunks, rest) = value.as_chunks::<CHANGE_BYTES>();
    let changes: Vec<_> =
        chunks.iter().map(|chunk| Some((bucket(&chunk[..2])?, decode(&chunk[2..])?))).collect::<Option<_>>()?;
    rest.is_empty().then_some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fingerprints_and_changes_survive(bucket in any::<u16>(), rows in any::<u64>(), sum in any::<u128>()) {
            let fingerprint = Fingerprint { rows, sum };
            prop_assert_eq!(decode(&encode(fingerprint)), Some(fingerprint));
            let changes = vec![(bucket, fingerprint); 2];
            prop_assert_eq!(decode_changes(&encode_changes(&changes)), Some(changes));
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (decode(&bytes), decode_changes(&bytes), bucket(&bytes));
        }
    }
}
