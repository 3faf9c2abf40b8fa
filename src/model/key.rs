//! The key of an event and its order-preserving codec.
//!
//! ```text
//! | bucket, 2 bytes | user_id | insert_id | event_time, 8 bytes big-endian, sign flipped |
//!   bucket: the first 16 bits of MD5(user_id), so that every warehouse can compute it in SQL
//!   id:     00 02 · 16 bytes                  an id in lower-case UUID form
//!           bytes, 00 written as 00 FF · 00 00  any other id
//! ```
//!
//! Byte order within a bucket is the order of `(user_id, insert_id, event_time)`, with ids in UUID form before all
//! others. No encoded key is a prefix of another.

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// What identifies an event: all three fields must match, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventKey {
    /// The user. Never empty.
    pub user_id: String,
    /// Unique and immutable within the user's instant. Never empty.
    pub insert_id: String,
    /// Milliseconds (or microseconds, as the store was created) since 1970-01-01T00:00:00Z.
    pub event_time: i64,
}

impl EventKey {
    /// A key out of its three fields.
    pub fn new(user_id: impl Into<String>, insert_id: impl Into<String>, event_time: i64) -> Self {
        EventKey { user_id: user_id.into(), insert_id: insert_id.into(), event_time }
    }

    /// The encoded key, bucket included.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + self.user_id.len() + self.insert_id.len() + 12);
        encode(bucket(&self.user_id), &self.user_id, &self.insert_id, self.event_time, &mut out);
        out
    }
}

/// The precision of event times in a store, fixed when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum TimePrecision {
    /// Milliseconds: the analytics vendor's.
    #[default]
    Millis,
    /// Microseconds.
    Micros,
}

impl TimePrecision {
    /// Microseconds in one unit.
    pub fn micros(self) -> i64 {
        match self {
            TimePrecision::Millis => 1_000,
            TimePrecision::Micros => 1,
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            TimePrecision::Millis => "ms",
            TimePrecision::Micros => "us",
        }
    }
}

/// Bytes of the bucket in front of every encoded key.
pub const BUCKET_BYTES: usize = 2;
/// Bytes of the event time at the end of every encoded key.
pub const TIME_BYTES: usize = 8;
const UUID_MARK: [u8; 2] = [0x00, 0x02];
const END: [u8; 2] = [0x00, 0x00];
const ESCAPED_NUL: [u8; 2] = [0x00, 0xff];

/// The bucket of a user: the first 16 bits of MD5(user_id).
pub fn bucket(user_id: &str) -> u16 {
    let digest = Md5::digest(user_id.as_bytes());
    u16::from_be_bytes([digest[0], digest[1]])
}

/// Appends an encoded key. `bucket` is [`bucket`] of the user, given because callers keep it for a user's many events.
pub fn encode(bucket: u16, user_id: &str, insert_id: &str, event_time: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&bucket.to_be_bytes());
    encode_id(user_id, out);
    encode_id(insert_id, out);
    out.extend_from_slice(&time_bytes(event_time));
}

/// Appends the bytes that all keys of a user begin with.
pub fn encode_user(user_id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&bucket(user_id).to_be_bytes());
    encode_id(user_id, out);
}

/// Appends one id.
pub fn encode_id(id: &str, out: &mut Vec<u8>) {
    let bytes = id.as_bytes();
    if let Some(uuid) = pack_uuid(bytes) {
        out.extend_from_slice(&UUID_MARK);
        out.extend_from_slice(&uuid);
        return;
    }
    let mut rest = bytes;
    while let Some(nul) = rest.iter().position(|&byte| byte == 0) {
        out.extend_from_slice(&rest[..nul]);
        out.extend_from_slice(&ESCAPED_NUL);
        rest = &rest[nul + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&END);
}

/// The bytes of an event time, in an order that is the order of times.
pub fn time_bytes(event_time: i64) -> [u8; TIME_BYTES] {
    ((event_time as u64) ^ (1 << 63)).to_be_bytes()
}

/// The event time of its bytes.
pub fn time_of(bytes: [u8; TIME_BYTES]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)) as i64
}

/// The bucket of an encoded key.
pub fn encoded_bucket(encoded: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*encoded.first()?, *encoded.get(1)?]))
}

/// Reads an encoded key, bucket included; `None` where the bytes are no such key.
pub fn decode(encoded: &[u8]) -> Option<EventKey> {
    let mut rest = encoded.get(BUCKET_BYTES..)?;
    let user_id = decode_id(&mut rest)?;
    let insert_id = decode_id(&mut rest)?;
    let time: [u8; TIME_BYTES] = rest.try_into().ok()?;
    let event_time = time_of(time);
    (encoded_bucket(encoded)? == bucket(&user_id)).then_some(EventKey { user_id, insert_id, event_time })
}

fn decode_id(rest: &mut &[u8]) -> Option<String> {
    if let Some(packed) = rest.strip_prefix(&UUID_MARK) {
        let (uuid, tail) = packed.split_first_chunk::<16>()?;
        *rest = tail;
        return Some(unpack_uuid(uuid));
    }
    let mut id = Vec::new();
    loop {
        let nul = rest.iter().position(|&byte| byte == 0)?;
        id.extend_from_slice(&rest[..nul]);
        let mark = rest.get(nul..nul + 2)?;
        *rest = &rest[nul + 2..];
        if mark == END {
            let id = String::from_utf8(id).ok()?;
            return pack_uuid(id.as_bytes()).is_none().then_some(id);
        }
        if mark != ESCAPED_NUL {
            return None;
        }
        id.push(0);
    }
}

const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const HEX_PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Value of a lower-case hex digit, 0xff for every other byte.
const NIBBLES: [u8; 256] = {
    let mut table = [0xffu8; 256];
    let mut digit = 0;
    while digit < 16 {
        table[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digit += 1;
    }
    table
};

fn pack_uuid(id: &[u8]) -> Option<[u8; 16]> {
    let id: &[u8; 36] = id.try_into().ok()?;
    if HYPHENS.iter().any(|&at| id[at] != b'-') {
        return None;
    }
    let mut uuid = [0u8; 16];
    let mut seen = 0u8;
    for (byte, at) in uuid.iter_mut().zip(HEX_PAIRS) {
        let (high, low) = (NIBBLES[id[at] as usize], NIBBLES[id[at + 1] as usize]);
        seen |= high | low;
        *byte = high << 4 | (low & 0x0f);
    }
    (seen < 0x10).then_some(uuid)
}

fn unpack_uuid(uuid: &[u8; 16]) -> String {
    let mut id = String::with_capacity(36);
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        for nibble in [byte >> 4, byte & 0x0f] {
            id.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const UUID: &str = "8c1a2b3c-4d5e-4f60-8172-93a4b5c6d7e8";

    fn ids() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-c\u{0}\u{1}\u{ff}\u{10ffff}]{1,4}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9A-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            any::<String>().prop_filter("no id is empty", |id| !id.is_empty()),
        ]
    }

    fn keys() -> impl Strategy<Value = EventKey> {
        (ids(), ids(), any::<i64>()).prop_map(|(user, insert, time)| EventKey::new(user, insert, time))
    }

    fn is_uuid(id: &str) -> bool {
        pack_uuid(id.as_bytes()).is_some()
    }

    proptest! {
        #[test]
        fn a_key_survives(key in keys()) {
            prop_assert_eq!(decode(&key.encode()), Some(key));
        }

        #[test]
        fn order_of_bytes_is_order_of_keys(user in ids(), a in (ids(), any::<i64>()), b in (ids(), any::<i64>())) {
            let rank = |(insert, time): &(String, i64)| (!is_uuid(insert), insert.clone(), *time);
            let key = |(insert, time): &(String, i64)| EventKey::new(user.clone(), insert.clone(), *time).encode();
            prop_assert_eq!(key(&a).cmp(&key(&b)), rank(&a).cmp(&rank(&b)));
        }

        #[test]
        fn no_key_is_a_prefix_of_another(a in keys(), b in keys()) {
            prop_assert!(a == b || !b.encode().starts_with(&a.encode()));
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(key) = decode(&bytes) {
                prop_assert_eq!(key.encode(), bytes);
            }
        }

        #[test]
        fn a_flipped_byte_is_never_the_same_key(key in keys(), at in any::<prop::sample::Index>(), with in 1u8..) {
            let mut bytes = key.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= with;
            prop_assert_ne!(decode(&bytes), Some(key));
        }
    }

    #[test]
    fn golden_bytes() {
        let hex = |key: EventKey| key.encode().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(EventKey::new("ann", "a1", 0)), "7e0d616e6e000061310000".to_owned() + "8000000000000000");
        let uuid = "7e0d616e6e00000002".to_owned() + &UUID.replace('-', "") + "7fffffffffffffff";
        assert_eq!(hex(EventKey::new("ann", UUID, -1)), uuid);
    }

    #[test]
    fn a_bucket_is_the_start_of_the_md5() {
        // MD5("abc") = 900150983cd24fb0d6963f7d28e17f72 (RFC 1321, A.5).
        assert_eq!(bucket("abc"), 0x9001);
    }
}
