//! BigQuery.
//!
//! - [`MD5`](https://cloud.google.com/bigquery/docs/reference/standard-sql/hash_functions#md5): 16 bytes;
//!   [`TO_HEX`](https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#to_hex): lower case.
//! - [`CAST`](https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast_as_integer) of
//!   `'0x…'` to `INT64` reads hexadecimal digits.
//! - [`BYTE_LENGTH`](https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#byte_length).
//! - [`UNIX_MICROS`](https://cloud.google.com/bigquery/docs/reference/standard-sql/timestamp_functions#unix_micros) and
//!   [`UNIX_DATE`](https://cloud.google.com/bigquery/docs/reference/standard-sql/date_functions#unix_date). A `DATETIME`
//!   becomes a `TIMESTAMP` in UTC.
//! - [`DIV` and `MOD`](https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions#div) cut
//!   toward zero.
//! - [`SUM`](https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions#sum) of a `NUMERIC` is
//!   one, with 29 digits before the point; that of an `INT64` could overflow.
//! - [Names and texts](https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical) know backslash escapes.

use super::{Expressions, escaped};

pub(super) struct BigQuery;

impl Expressions for BigQuery {
    fn quoted(&self, name: &str) -> String {
        format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
    }

    fn literal(&self, text: &str) -> String {
        escaped(text)
    }

    fn text(&self, x: &str) -> String {
        format!("CAST({x} AS STRING)")
    }

    fn byte_length(&self, text: &str) -> String {
        format!("BYTE_LENGTH({text})")
    }

    fn md5(&self, text: &str) -> String {
        format!("TO_HEX(MD5({text}))")
    }

    fn word(&self, hexadecimal: &str, _digits: usize) -> String {
        format!("CAST(CONCAT('0x', {hexadecimal}) AS INT64)")
    }

    fn double(&self, x: &str) -> String {
        format!("CAST({x} AS FLOAT64)")
    }

    fn whole(&self, x: &str) -> String {
        format!("CAST({x} AS INT64)")
    }

    fn floor_div(&self, x: &str, by: i64) -> String {
        format!("DIV({x} - MOD(MOD({x}, {by}) + {by}, {by}), {by})")
    }

    fn micros(&self, x: &str) -> String {
        format!("UNIX_MICROS(CAST({x} AS TIMESTAMP))")
    }

    fn days(&self, x: &str) -> String {
        format!("UNIX_DATE(CAST({x} AS DATE))")
    }

    fn hexadecimal(&self, x: &str) -> String {
        format!("TO_HEX({x})")
    }

    fn sum(&self, x: &str) -> String {
        format!("CAST(SUM(CAST({x} AS NUMERIC)) AS STRING)")
    }
}
