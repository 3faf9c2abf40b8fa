//! Variable-length integers (LEB128) as rows and pages write them.

/// Appends an unsigned integer, seven bits a byte, lowest first.
pub fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads an unsigned integer and moves `bytes` behind it; `None` where the bytes end first or it exceeds 64 bits.
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        let part = u64::from(byte & 0x7f);
        if index == 9 && part > 1 {
            return None;
        }
        value |= part << (7 * index);
        if byte < 0x80 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

/// Maps signed to unsigned so that small absolute values stay short.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_length_survive() {
        for value in (0..64).flat_map(|bit| [1u64 << bit, (1u64 << bit) - 1, u64::MAX >> bit]) {
            let mut out = Vec::new();
            put(value, &mut out);
            let mut bytes = out.as_slice();
            assert_eq!(take(&mut bytes), Some(value));
            assert!(bytes.is_empty());
            assert_eq!(take(&mut &out[..out.len() - 1]), None, "a cut integer is noticed");
            assert_eq!(unzigzag(zigzag(value as i64)), value as i64);
        }
    }

    #[test]
    fn more_than_64_bits_are_noticed() {
        assert_eq!(take(&mut [0xff; 9].iter().copied().chain([2]).collect::<Vec<_>>().as_slice()), None);
        assert_eq!(take(&mut [0xff; 11].as_slice()), None);
    }
}
