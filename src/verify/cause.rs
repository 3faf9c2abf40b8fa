//! Why a key differs, where the store knows.

use crate::diff::times::{self, Lone, Near, Shift};
use crate::model::hash;
use crate::model::key;
use std::collections::HashMap;

/// Why a key differs (`spec/amplitude.md` section 12.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The extract has different rows with this key.
    DuplicateInExtract,
    /// The user was forgotten; the rows are kept out of the mirror on purpose.
    Suppressed,
    /// Several operations on the key stood in one window of a source that promises no order.
    Indeterminate,
    /// The other side has an event with the same user and insert id, and another time.
    KeyNearMatch,
    /// The columns differ in nothing but their type: `20` and `"20"`.
    TypeDrift,
}

impl Cause {
    /// All causes.
    pub const ALL: [Cause; 5] =
        [Cause::DuplicateInExtract, Cause::Suppressed, Cause::Indeterminate, Cause::KeyNearMatch, Cause::TypeDrift];

    /// The public name.
    pub fn name(self) -> &'static str {
        match self {
            Cause::DuplicateInExtract => "duplicate_in_extract",
            Cause::Suppressed => "suppressed",
            Cause::Indeterminate => "indeterminate",
            Cause::KeyNearMatch => "key_near_match",
            Cause::TypeDrift => "type_drift",
        }
    }

    /// Whether the mirror did what it should: the difference comes from the extract, from a rule, or from an order that
    /// nobody knows.
    pub fn is_harmless(self) -> bool {
        matches!(self, Cause::DuplicateInExtract | Cause::Suppressed | Cause::Indeterminate)
    }
}

/// A key as one that only one side has.
pub(super) fn lone(encoded: &[u8], key_hash: u128) -> Option<Lone> {
    let (ids, _) = encoded.split_last_chunk::<{ key::TIME_BYTES }>()?;
    Some(Lone { ids: hash::key_hash(ids), time: key::decode(encoded)?.event_time, key_hash })
}

/// The near matches of both sides' lone keys.
#[derive(Debug, Default)]
pub(super) struct NearMatches {
    offsets: HashMap<u128, Option<i64>>,
    /// What all of them have in common.
    pub(super) shift: Option<Shift>,
}

impl NearMatches {
    pub(super) fn find(missing: &[Lone], unexpected: &[Lone]) -> NearMatches {
        let pairs = times::pair(missing, unexpected);
        let both = |near: &Near| [(near.missing, near.offset()), (near.unexpected, near.offset())];
        NearMatches { offsets: pairs.iter().flat_map(both).collect(), shift: times::shift(&pairs) }
    }

    /// The mirror's time minus the extract's of a key that has a near match.
    pub(super) fn offset(&self, key_hash: u128) -> Option<Option<i64>> {
        self.offsets.get(&key_hash).copied()
    }
}
