//! Rows that a rule refused.
//!
//! ```text
//! key    | commit sequence, 8 bytes big-endian | number within the batch, 8 bytes big-endian |
//! value  Rejection in the metadata envelope, version 1
//! ```

use crate::error::Result;
use crate::model::rejection::Rejection;
use crate::store::codec;

pub(in crate::store) const FAMILY: &str = "rejections";
const VERSION: u8 = 1;

/// The key of a rejection.
pub(in crate::store) fn key(sequence: u64, number: u64) -> [u8; 16] {
    (u128::from(sequence) << 64 | u128::from(number)).to_be_bytes()
}

/// The commit sequence of a stored key.
pub(in crate::store) fn sequence(stored: &[u8]) -> Option<u64> {
    let (sequence, number) = super::split_u64(stored)?;
    (number.len() == 8).then_some(sequence)
}

/// The value of a rejection.
pub(in crate::store) fn encode(rejection: &Rejection) -> Result<Vec<u8>> {
    codec::encode(VERSION, rejection)
}

/// The rejection of a value.
pub(in crate::store) fn decode(value: &[u8]) -> Result<Rejection> {
    codec::decode(VERSION, value, "rejected row")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::rejection::Rule;

    #[test]
    fn a_rejection_survives_and_damage_is_noticed() {
        for rule in Rule::ALL {
            let rejection = Rejection { rule, row_number: 7, detail: "why".into(), row: "{}".into() };
            let bytes = encode(&rejection).unwrap();
            assert_eq!(decode(&bytes).unwrap(), rejection);
            assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        }
    }

    #[test]
    fn the_code_of_a_rule_never_changes() {
        // Rules are stored by their place in the enum: reordering them would rename stored rejections.
        let codes: Vec<u32> = Rule::ALL.iter().map(|rule| *rule as u32).collect();
        assert_eq!(codes, (0..Rule::ALL.len() as u32).collect::<Vec<_>>());
        assert_eq!((Rule::MissingUserId as u32, Rule::Conflict as u32, Rule::NotAnObject as u32), (0, 9, 13));
    }

    #[test]
    fn keys_sort_by_sequence_then_number() {
        assert!(key(1, u64::MAX) < key(2, 0));
        assert_eq!(sequence(&key(9, 3)), Some(9));
    }
}
