//! What happened: one entry a batch, with what it changed.
//!
//! ```text
//! key    | commit sequence, 8 bytes big-endian | 0 |   value: LedgerEntry in the metadata envelope, version 1
//! key    | commit sequence, 8 bytes big-endian | 1 |   value: changes of fingerprints, see `fingerprints`
//! key    | commit sequence, 8 bytes big-endian | 2 |   value: ( key hash, 16 bytes big-endian )* with an order hazard
//! ```
//!
//! The entry with the highest sequence says up to where the store is committed.

use crate::error::Result;
use crate::model::ledger::LedgerEntry;
use crate::store::codec;

pub(in crate::store) const FAMILY: &str = "ledger";
const VERSION: u8 = 1;

/// What a ledger key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Part {
    Entry = 0,
    FingerprintChanges = 1,
    Hazards = 2,
}

/// The key of a part of a batch's entry.
pub(in crate::store) fn key(sequence: u64, part: Part) -> [u8; 9] {
    let mut out = [part as u8; 9];
    out[..8].copy_from_slice(&sequence.to_be_bytes());
    out
}

/// Sequence of a stored key, and whether it leads to the entry itself.
pub(in crate::store) fn split_key(stored: &[u8]) -> Option<(u64, bool)> {
    let (sequence, _) = super::split_u64(stored)?;
    Some((sequence, part(stored)? == Part::Entry))
}

/// What a stored key leads to.
pub(in crate::store) fn part(stored: &[u8]) -> Option<Part> {
    match super::split_u64(stored)?.1 {
        [0] => Some(Part::Entry),
        [1] => Some(Part::FingerprintChanges),
        [2] => Some(Part::Hazards),
        _ => None,
    }
}

/// The value of an entry.
pub(in crate::store) fn encode(entry: &LedgerEntry) -> Result<Vec<u8>> {
    codec::encode(VERSION, entry)
}

/// The entry of a value.
pub(in crate::store) fn decode(value: &[u8]) -> Result<LedgerEntry> {
    codec::decode(VERSION, value, "ledger entry")
}

/// The value that lists order hazards.
pub(in crate::store) fn encode_hazards(key_hashes: &[u128]) -> Vec<u8> {
    key_hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect()
}

/// The key hashes of such a value; `None` where the bytes are none.
pub(in crate::store) fn decode_hazards(value: &[u8]) -> Option<impl Iterator<Item = u128>> {
    let (hashes, rest) = value.as_chunks::<16>();
    rest.is_empty().then(|| hashes.iter().map(|hash| u128::from_be_bytes(*hash)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::counts::Counts;
    use crate::model::position::{Named, Position};

    fn entry() -> LedgerEntry {
        let named = Named { name: "a.json".into(), size: 3, modified: Some(4), hash: [5; 32] };
        LedgerEntry {
            sequence: 7,
            source: "s3".into(),
            position: Position::Named(named),
            counts: Counts { read: 1, inserted: 1, ..Counts::default() },
            rows: 1,
            committed_at: 2,
            near_matches: Vec::new(),
        }
    }

    #[test]
    fn an_entry_survives_and_damage_is_noticed() {
        let bytes = encode(&entry()).unwrap();
        assert_eq!(decode(&bytes).unwrap(), entry());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(decode(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn hazards_survive_and_a_cut_list_is_noticed() {
        let bytes = encode_hazards(&[7, u128::MAX]);
        assert_eq!(decode_hazards(&bytes).unwrap().collect::<Vec<_>>(), [7, u128::MAX]);
        assert!(decode_hazards(&bytes[1..]).is_none());
    }

    #[test]
    fn keys_sort_by_sequence_and_split() {
        assert!(key(1, Part::Hazards) < key(2, Part::Entry));
        assert!(key(255, Part::Entry) < key(256, Part::Entry));
        assert_eq!(split_key(&key(9, Part::Entry)), Some((9, true)));
        assert_eq!(split_key(&key(9, Part::Hazards)), Some((9, false)));
        assert_eq!(split_key(&[0; 8]), None);
    }
}
