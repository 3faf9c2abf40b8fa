//! Forgotten users, whose rows are rejected until the suppression is lifted.
//!
//! ```text
//! key    | user_id |
//! value  time of suppression, milliseconds since 1970, in the metadata envelope, version 1
//! ```

use crate::error::Result;
use crate::store::codec;

pub(in crate::store) const FAMILY: &str = "suppressions";
const VERSION: u8 = 1;

/// The value of a suppression.
pub(in crate::store) fn encode(since: i64) -> Result<Vec<u8>> {
    codec::encode(VERSION, &since)
}

/// Time of a suppression.
pub(in crate::store) fn decode(value: &[u8]) -> Result<i64> {
    codec::decode(VERSION, value, "suppression")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_suppression_survives_and_damage_is_noticed() {
        let bytes = encode(-5).unwrap();
        assert_eq!(decode(&bytes).unwrap(), -5);
        assert!(decode(&bytes[1..]).is_err());
    }
}
