//! TBD
use xxhash_rust::xxh3::xxh3_128;
pub fn value_hash(c: &[u8]) -> u128 { xxh3_128(c) }
pub fn column_constant(n: &str) -> u128 { xxh3_128(n.as_bytes()) | 1 }
pub fn row_hash(k: u128, s: u128) -> u128 { let mut b=[0u8;32]; b[..16].copy_from_slice(&k.to_le_bytes()); b[16..].copy_from_slice(&s.to_le_bytes()); xxh3_128(&b) }
pub fn key_hash(e: &[u8]) -> u128 { xxh3_128(e) }
