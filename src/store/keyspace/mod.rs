//! The column families: one file each, with a drawing of its key and value.

pub(super) mod deltas;
pub(super) mod fingerprints;
pub(super) mod ledger;
pub(super) mod meta;
pub(super) mod names;
pub(super) mod pages;
pub(super) mod rejections;
pub(super) mod rows;
pub(super) mod suppressions;
pub(super) mod watermarks;

/// Names of all column families, `default` (which stays empty) left out.
pub(super) const FAMILIES: [&str; 10] = [
    rows::FAMILY,
    pages::FAMILY,
    deltas::FAMILY,
    fingerprints::FAMILY,
    ledger::FAMILY,
    watermarks::FAMILY,
    names::FAMILY,
    rejections::FAMILY,
    suppressions::FAMILY,
    meta::FAMILY,
];

/// The bytes of an integer in front of other bytes, big-endian, so that byte order is number order.
pub(super) fn split_u64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*head), rest))
}

/// A text in front of other bytes of a key: its length first, so that no text is taken for the start of another.
pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    crate::model::varint::put(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}
