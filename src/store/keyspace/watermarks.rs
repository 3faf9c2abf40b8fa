//! Progress of sources with numbered positions.
//!
//! ```text
//! key    | source |
//! value  (number, commit sequence) in the metadata envelope, version 1
//! ```

use crate::error::Result;
use crate::store::codec;

pub(in crate::store) const FAMILY: &str = "watermarks";
const VERSION: u8 = 1;

/// The value of a watermark: the highest number applied, and the commit sequence that applied it.
pub(in crate::store) fn encode(number: u64, sequence: u64) -> Result<Vec<u8>> {
    codec::encode(VERSION, &(number, sequence))
}

/// Number and commit sequence of a value.
pub(in crate::store) fn decode(value: &[u8]) -> Result<(u64, u64)> {
    codec::decode(VERSION, value, "watermark")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_watermark_survives_and_damage_is_noticed() {
        let bytes = encode(7, 3).unwrap();
        assert_eq!(decode(&bytes).unwrap(), (7, 3));
        assert!((0..bytes.len()).all(|at| {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            decode(&damaged).is_err()
        }));
    }
}
