//! The envelope of metadata records.
//!
//! ```text
//! | "em" | codec id, 1 byte | version, 1 byte | length, 4 bytes little-endian | payload | CRC-32C, 4 bytes little-endian |
//! ```
//!
//! The checksum covers everything before it. Codec 1 is bincode 1.3.3: fixed-width integers, little-endian, no
//! trailing bytes. The version is the record's own, so that one record can change without the others.

use crate::error::{Error, ErrorKind, Result};
use bincode::Options;
use serde::{Serialize, de::DeserializeOwned};

const MAGIC: [u8; 2] = *b"em";
const BINCODE_1: u8 = 1;
const HEAD: usize = 8;
const TAIL: usize = 4;

fn bincode_options() -> impl Options {
    bincode::DefaultOptions::new().with_fixint_encoding().reject_trailing_bytes().with_limit(u64::from(u32::MAX))
}

/// A record in its envelope.
pub(super) fn encode<T: Serialize>(version: u8, record: &T) -> Result<Vec<u8>> {
    let payload = bincode_options()
        .serialize(record)
        .map_err(|error| Error::new(ErrorKind::InvalidInput, "a record is too large to be stored").because(error))?;
    let mut out = Vec::with_capacity(HEAD + payload.len() + TAIL);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[BINCODE_1, version]);
    // The limit of `bincode_options` keeps the length below 2^32.
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&payload);
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    Ok(out)
}

/// The record of an envelope; `what` names it in errors.
pub(super) fn decode<T: DeserializeOwned>(version: u8, bytes: &[u8], what: &str) -> Result<T> {
    let corrupt = |why: &str| corrupt(what, why);
    let (body, tail) = bytes.split_last_chunk::<TAIL>().ok_or_else(|| corrupt("it is too short"))?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*tail) {
        return Err(corrupt("its checksum does not match"));
    }
    let (head, payload) = body.split_first_chunk::<HEAD>().ok_or_else(|| corrupt("it is too short"))?;
    let [m0, m1, codec, found, l0, l1, l2, l3] = *head;
    if [m0, m1] != MAGIC || u32::from_le_bytes([l0, l1, l2, l3]) as usize != payload.len() {
        return Err(corrupt("its head is damaged"));
    }
    if codec != BINCODE_1 || found != version {
        let text = format!(
            "the {what} is written with codec {codec} version {found}, this eventmirror reads 1 version {version}"
        );
        return Err(Error::new(ErrorKind::Unsupported, text).advice("use the eventmirror that wrote the store"));
    }
    bincode_options().deserialize(payload).map_err(|error| corrupt("its payload is damaged").because(error))
}

/// The error for stored bytes that are not what was written.
pub(super) fn corrupt(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the {what} is damaged: {why}"))
        .advice("restore the store from a backup, or build it again from its sources")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_survives() {
        let record = ("name".to_string(), 7u64, vec![1u8, 2]);
        let bytes = encode(3, &record).unwrap();
        assert_eq!(decode::<(String, u64, Vec<u8>)>(3, &bytes, "record").unwrap(), record);
        let hex: String = encode(1, &5u16).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(&hex[..20], "656d0101020000000500", "golden bytes");
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let bytes = encode(1, &("name".to_string(), 7u64)).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let error = decode::<(String, u64)>(1, &damaged, "record").unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at} bit {bit}");
            }
        }
        assert!(decode::<(String, u64)>(1, &bytes[..5], "record").is_err());
    }

    #[test]
    fn another_version_is_refused_with_both_numbers() {
        let error = decode::<u64>(1, &encode(2, &7u64).unwrap(), "record").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("version 2") && error.to_string().contains("version 1"));
    }
}
