//! What a digest tells of the rows of a bucket.

use std::fmt;

/// Row count, and the sums of the four 32-bit words of the rows' MD5 hashes, each on its own.
///
/// Sums are exact: no engine has to know a modulus, and 10¹⁰ rows need 66 bits, which every engine's decimals hold.
/// Printed, the sums are in decimal with `-` between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BucketDigest {
    /// How many rows.
    pub rows: u64,
    /// Sums of the first, second, third and last word.
    pub sums: [u128; 4],
}

impl BucketDigest {
    /// Adds a row by its MD5 hash.
    pub fn add(&mut self, md5: [u8; 16]) {
        self.rows = self.rows.saturating_add(1);
        let (words, _) = md5.as_chunks::<4>();
        for (sum, word) in self.sums.iter_mut().zip(words) {
            *sum = sum.saturating_add(u128::from(u32::from_be_bytes(*word)));
        }
    }

    /// Reads printed sums; `None` where the text is no such thing.
    pub fn parse(rows: u64, sums: &str) -> Option<BucketDigest> {
        let mut digest = BucketDigest { rows, ..BucketDigest::default() };
        let mut parts = sums.split('-');
        for sum in &mut digest.sums {
            *sum = parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
        }
        parts.next().is_none().then_some(digest)
    }
}

impl fmt::Display for BucketDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, two, three, four] = self.sums;
        write!(f, "{one}-{two}-{three}-{four}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_come_back_from_their_text() {
        let mut digest = BucketDigest::default();
        digest.add([0xff; 16]);
        digest.add([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]);
        assert_eq!(digest.to_string(), "4294967296-4294967297-4294967298-4294967299");
        assert_eq!(BucketDigest::parse(2, &digest.to_string()), Some(digest));
    }

    #[test]
    fn other_texts_are_no_sums() {
        for text in ["", "1-2-3", "1-2-3-4-5", "1-2-3-x", "1-2-3-+4", "1-2--3-4", "1.0-2-3-4"] {
            assert_eq!(BucketDigest::parse(1, text), None, "{text}");
        }
    }
}
