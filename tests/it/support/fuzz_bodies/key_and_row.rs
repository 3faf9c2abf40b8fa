//! Any bytes as an encoded key and an encoded row: `length of the key, 1 byte · key · row`.

use super::Bytes;
use eventmirror::model::row::{BadRow, Fields, fields, hash_fields, merge, put};
use eventmirror::model::value::ValueRef;
use eventmirror::model::{event_json, key};
use eventmirror::{EventKey, Schema};

pub fn key_and_row(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let length = usize::from(bytes.byte());
    let key_bytes = bytes.take(length);
    if let Some(key) = key::decode(key_bytes) {
        assert_eq!(key.encode(), key_bytes, "a key has one encoding: {key:?}");
    }
    built_key(key_bytes);
    row(key_bytes, bytes.0);
}

/// A key whose ids hold the bytes, cut in two.
fn built_key(bytes: &[u8]) {
    let ids = String::from_utf8_lossy(bytes);
    let middle = (0..=ids.len() / 2).rev().find(|at| ids.is_char_boundary(*at)).unwrap_or_default();
    let (user_id, insert_id) = ids.split_at(middle);
    let key =
        EventKey::new(user_id, insert_id, i64::from_le_bytes(std::array::from_fn(|at| *bytes.get(at).unwrap_or(&0))));
    assert_eq!(key::decode(&key.encode()), Some(key));
}

fn row(key_bytes: &[u8], bytes: &[u8]) {
    let mut schema = Schema::default();
    for column in 0..16 {
        schema.id_or_add(&format!("column {column}"));
    }
    let hash = hash_fields(1, bytes, &schema);
    let shown = event_json::encoded(key_bytes, bytes, &schema);
    let Some(encoded) = again(fields(bytes)) else {
        assert_eq!(hash, Err(BadRow), "what cannot be read has no hash");
        assert_eq!(merge(bytes, &[], &mut Vec::new()), Err(BadRow));
        return;
    };
    assert!(encoded.len() <= bytes.len(), "an encoding is the shortest");
    assert_eq!(again(fields(&encoded)).as_ref(), Some(&encoded), "what is encoded is decoded to the same");
    assert_eq!(hash_fields(1, &encoded, &schema), hash, "equal columns have equal hashes");
    for (old, new) in [(bytes, bytes), (bytes, &[][..]), (&[][..], bytes)] {
        let mut merged = Vec::new();
        merge(old, new, &mut merged).unwrap();
        assert_eq!(merged, encoded, "a row over itself, or over nothing, is itself");
    }
    if hash.is_ok() && key::decode(key_bytes).is_some() && fields(bytes).flatten().all(|(_, value)| is_plain(value)) {
        serde_json::from_str::<serde_json::Value>(&shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
    }
}

/// The fields, encoded anew; `None` where the bytes are no row.
fn again(fields: Fields<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for field in fields {
        let (column, value) = field.ok()?;
        put(column, value, &mut out);
    }
    Some(out)
}

/// Text that claims to be JSON or a number is written as it is.
fn is_plain(value: ValueRef<'_>) -> bool {
    !matches!(value, ValueRef::Json(_) | ValueRef::Decimal(_))
}
