//! Records about the store itself.
//!
//! ```text
//! "format"  Format, version 1        what the store is written as; checked at every opening
//! "schema"  Vec<Column>, version 1   the columns, ids in their order
//! "intent"  u64, version 1           a sequence whose rows are being written and not yet committed
//! "folded"  u64, version 1           the sequence up to which the pages hold everything
//! "horizon" Horizon, version 1       the oldest commit that can be read, where a collection removed versions
//! "listed" · length of the source, varint · source · input
//!           Option<i64>, version 1   the newest object of an input that was listed and applied whole
//! ```

use crate::error::{Error, ErrorKind, Result};
use crate::model::key::TimePrecision;
use crate::model::schema::{Column, Schema};
use crate::store::codec;
use serde::{Deserialize, Serialize};

pub(in crate::store) const FAMILY: &str = "meta";
pub(in crate::store) const FORMAT: &str = "format";
pub(in crate::store) const SCHEMA: &str = "schema";
pub(in crate::store) const INTENT: &str = "intent";
pub(in crate::store) const FOLDED: &str = "folded";
pub(in crate::store) const HORIZON: &str = "horizon";
const LISTED: &str = "listed";
const VERSION: u8 = 1;

/// The format version that this crate writes; it reads those before it too. `docs/format.md` lists the changes.
pub(in crate::store) const FORMAT_VERSION: u32 = 2;
/// The first format version that has one list of fingerprints, in the place of an entry a bucket.
pub(in crate::store) const FINGERPRINT_LISTS: u32 = 2;

/// What a store is written as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Format {
    pub(in crate::store) version: u32,
    pub(in crate::store) precision: TimePrecision,
    pub(in crate::store) created_at: i64,
}

impl Format {
    pub(in crate::store) fn encode(&self) -> Result<Vec<u8>> {
        codec::encode(VERSION, self)
    }

    pub(in crate::store) fn decode(value: &[u8]) -> Result<Format> {
        let format: Format = codec::decode(VERSION, value, "format stamp")?;
        if (1..=FORMAT_VERSION).contains(&format.version) {
            return Ok(format);
        }
        let text = format!("the store has format {}, this eventmirror reads 1 to {FORMAT_VERSION}", format.version);
        let advice = match format.version > FORMAT_VERSION {
            true => "use a newer eventmirror",
            false => "use an older eventmirror, or build the store again from its sources",
        };
        Err(Error::new(ErrorKind::Unsupported, text).advice(advice))
    }
}

/// The oldest commit that can be read: a collection removed what only older ones show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Horizon {
    /// The commit.
    pub sequence: u64,
    /// When it was made, milliseconds since 1970.
    pub committed_at: i64,
    /// When the collection began that moved the horizon here, milliseconds since 1970.
    pub collected_at: i64,
    /// Whether a collection came to its end since.
    pub is_finished: bool,
}

impl Horizon {
    pub(in crate::store) fn encode(&self) -> Result<Vec<u8>> {
        codec::encode(VERSION, self)
    }

    pub(in crate::store) fn decode(value: &[u8]) -> Result<Horizon> {
        codec::decode(VERSION, value, "record of the horizon")
    }
}

pub(in crate::store) fn encode_schema(schema: &Schema) -> Result<Vec<u8>> {
    codec::encode(VERSION, &schema.columns())
}

pub(in crate::store) fn decode_schema(value: &[u8]) -> Result<Schema> {
    codec::decode::<Vec<Column>>(VERSION, value, "schema").map(Schema::new)
}

pub(in crate::store) fn encode_sequence(sequence: u64) -> Result<Vec<u8>> {
    codec::encode(VERSION, &sequence)
}

pub(in crate::store) fn decode_sequence(value: &[u8]) -> Result<u64> {
    codec::decode(VERSION, value, "sequence record")
}

/// The key of how far an input was listed.
pub(in crate::store) fn listed_key(source: &str, input: &str) -> Vec<u8> {
    let mut out = LISTED.as_bytes().to_vec();
    super::put_text(source, &mut out);
    out.extend_from_slice(input.as_bytes());
    out
}

pub(in crate::store) fn encode_listed(newest: Option<i64>) -> Result<Vec<u8>> {
    codec::encode(VERSION, &newest)
}

pub(in crate::store) fn decode_listed(value: &[u8]) -> Result<Option<i64>> {
    codec::decode(VERSION, value, "record of a listing")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stamp(version: u32) -> Format {
        Format { version, precision: TimePrecision::Micros, created_at: 1 }
    }

    #[test]
    fn the_own_format_and_earlier_ones_open_and_others_are_refused_with_both_numbers() {
        for version in 1..=FORMAT_VERSION {
            assert_eq!(Format::decode(&stamp(version).encode().unwrap()).unwrap(), stamp(version));
        }
        for version in [0, FORMAT_VERSION + 1] {
            let error = Format::decode(&stamp(version).encode().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(&format!("format {version}")), "{error}");
            assert!(error.to_string().contains(&format!("reads 1 to {FORMAT_VERSION}")), "{error}");
        }
    }

    #[test]
    fn a_horizon_survives_and_damage_is_noticed() {
        let horizon = Horizon { sequence: 5, committed_at: -1, collected_at: 7, is_finished: true };
        let bytes = horizon.encode().unwrap();
        assert_eq!(Horizon::decode(&bytes).unwrap(), horizon);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex[..66],
            ["656d010119000000", "0500000000000000", "ffffffffffffffff", "0700000000000000", "01"].concat()
        );
        assert!(Horizon::decode(&bytes[1..]).is_err());
    }

    #[test]
    fn a_schema_survives_and_damage_is_noticed() {
        let mut schema = Schema::default();
        schema.id_or_add("b");
        schema.id_or_add("a");
        schema.note_types(1, 8);
        let bytes = encode_schema(&schema).unwrap();
        assert_eq!(decode_schema(&bytes).unwrap(), schema);
        assert!(decode_schema(&bytes[1..]).is_err());
    }

    #[test]
    fn a_listing_survives_and_keys_of_sources_do_not_mix() {
        for newest in [None, Some(-1)] {
            let bytes = encode_listed(newest).unwrap();
            assert_eq!(decode_listed(&bytes).unwrap(), newest);
            assert!(decode_listed(&bytes[1..]).is_err());
        }
        assert_ne!(listed_key("a", "bc"), listed_key("ab", "c"));
    }
}
