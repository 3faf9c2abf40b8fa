//! Hashes of values, rows and keys: what fingerprints add up and pages keep.
//!
//! The rules, their reasons and test vectors are in [the canonical form](crate::docs::canonical#hashes). A row's sum is
//!
//! ```
//! use eventmirror::model::{canonical::append, hash, value::ValueRef};
//! let mut sum = 0u128;
//! for (column, value) in [("plan", ValueRef::Text("pro")), ("price", ValueRef::Float(9.5))] {
//!     let mut canonical = Vec::new();
//!     append(value, &mut canonical);
//!     sum = sum.wrapping_add(hash::value_hash(&canonical).wrapping_mul(hash::column_constant(column)));
//! }
//! let row = hash::row_hash(hash::key_hash(b"encoded key"), sum);
//! # assert_ne!(row, sum);
//! ```

use xxhash_rust::xxh3::xxh3_128;

/// The hash of one value, given its [canonical bytes](super::canonical).
#[inline]
pub fn value_hash(canonical: &[u8]) -> u128 {
    xxh3_128(canonical)
}

/// The factor of a column's values in a row's sum, from the column's name in UTF-8.
///
/// Odd, so that multiplying by it modulo 2¹²⁸ loses nothing: different value hashes give different products.
pub fn column_constant(name: &str) -> u128 {
    xxh3_128(name.as_bytes()) | 1
}

/// The hash of a row, from the hash of its key and the sum, modulo 2¹²⁸, of value hash · column constant over the
/// columns that are not null.
#[inline]
pub fn row_hash(key_hash: u128, row_sum: u128) -> u128 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&key_hash.to_le_bytes());
    bytes[16..].copy_from_slice(&row_sum.to_le_bytes());
    xxh3_128(&bytes)
}

/// The hash of a key, given its encoding without bucket and commit sequence.
#[inline]
pub fn key_hash(encoded: &[u8]) -> u128 {
    xxh3_128(encoded)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::canonical::append;
    use crate::model::value::{TimeUnit, Value};

    const PAGE: &str = include_str!("../docs/canonical.md");

    /// The fields of the page's table rows that have so many fields and are vectors, code marks taken off.
    fn vectors(fields: usize) -> Vec<Vec<&'static str>> {
        let rows = PAGE.lines().skip_while(|line| *line != "## Test vectors");
        let rows = rows.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
        let rows = rows.map(|row| row.split('|').map(|field| field.trim().trim_matches('`')).collect::<Vec<_>>());
        rows.filter(|row| row.len() == fields && row[0] != "type" && row[0] != "hash").collect()
    }

    fn value(kind: &str, text: &str) -> Value {
        let bytes = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
        match kind {
            "bool" => Value::Bool(text.parse().unwrap()),
            "int" => Value::Int(text.parse().unwrap()),
            "uint" => Value::UInt(text.parse().unwrap()),
            "float" => Value::Float(text.parse().unwrap()),
            "decimal" => Value::Decimal(text.to_owned()),
            "text" => Value::Text(text.to_owned()),
            "bytes" => Value::Bytes((0..text.len() / 2).map(bytes).collect()),
            "date" => Value::Date(text.parse().unwrap()),
            "s" => Value::Timestamp(text.parse().unwrap(), TimeUnit::Second),
            "ms" => Value::Timestamp(text.parse().unwrap(), TimeUnit::Millisecond),
            "us" => Value::Timestamp(text.parse().unwrap(), TimeUnit::Microsecond),
            "ns" => Value::Timestamp(text.parse().unwrap(), TimeUnit::Nanosecond),
            "json" => Value::Json(text.to_owned()),
            other => panic!("the page has a value of type {other}"),
        }
    }

    fn canonical(kind: &str, text: &str) -> Vec<u8> {
        let mut out = vec![];
        append(value(kind, text).as_ref(), &mut out);
        out
    }

    #[test]
    fn values_have_the_bytes_and_hashes_of_the_page() {
        let vectors = vectors(4);
        assert_eq!(vectors.len(), 54, "vectors went missing");
        for row in vectors {
            let [kind, text, bytes, hash] = row[..] else { panic!("{row:?}") };
            let canonical = canonical(kind, text);
            let hexadecimal: String = canonical.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hexadecimal, bytes, "{kind} {text}");
            assert_eq!(format!("{:032x}", value_hash(&canonical)), hash, "{kind} {text}");
        }
    }

    #[test]
    fn rows_have_the_hashes_of_the_page() {
        let vectors = vectors(3);
        assert_eq!(vectors.len(), 13, "vectors went missing");
        let key = vectors.iter().find(|row| row[0] == "key hash").map(|row| key_hash(row[1].as_bytes())).unwrap();
        for row in vectors {
            let [kind, of, hash] = row[..] else { panic!("{row:?}") };
            let result = match kind {
                "column constant" => column_constant(of),
                "key hash" => key,
                "row sum" => row_sum(of),
                "row hash" => row_hash(key, row_sum(of)),
                other => panic!("the page has a {other}"),
            };
            assert_eq!(format!("{result:032x}"), hash, "{kind} {of}");
        }
    }

    /// Of columns as the page writes them: `plan = text pro, price = float 9.5`.
    fn row_sum(columns: &str) -> u128 {
        let columns = columns.split(", ").filter_map(|column| column.split_once(" = "));
        columns.fold(0, |sum, (name, value)| {
            let (kind, text) = value.split_once(' ').unwrap();
            sum.wrapping_add(value_hash(&canonical(kind, text)).wrapping_mul(column_constant(name)))
        })
    }

    /// The tags of the page's first table are those of the code, so that a new one gets its line.
    #[test]
    fn the_page_lists_all_tags() {
        use crate::model::canonical::tag::*;
        let tags =
            [NULL, FALSE, TRUE, INT, FLOAT, DECIMAL, TEXT, BYTES, DATE, TIMESTAMP, ARRAY, OBJECT, MALFORMED, END];
        let distinct: std::collections::BTreeSet<_> = tags.iter().collect();
        assert_eq!(distinct.len(), tags.len());
        for (tag, name) in [(NULL, "NULL"), (INT, "INT"), (FLOAT, "FLOAT"), (DECIMAL, "DECIMAL"), (TEXT, "TEXT")]
            .into_iter()
            .chain([(BYTES, "BYTES"), (DATE, "DATE"), (TIMESTAMP, "TIMESTAMP"), (ARRAY, "ARRAY"), (OBJECT, "OBJECT")])
            .chain([(MALFORMED, "MALFORMED"), (END, "END")])
        {
            assert!(PAGE.contains(&format!("\n| {tag} | {name} |")), "{name} is not on the page as {tag}");
        }
        assert!(PAGE.contains(&format!("\n| {FALSE}, {TRUE} | FALSE, TRUE |")));
    }
}
