//! DuckDB.
//!
//! - [`md5`, `strlen`](https://duckdb.org/docs/stable/sql/functions/text): 32 hexadecimal digits; bytes.
//! - A text `0x…` is [cast](https://duckdb.org/docs/stable/sql/data_types/typecasting) to an integer by its hexadecimal
//!   digits.
//! - [`epoch_us`](https://duckdb.org/docs/stable/sql/functions/timestamp); a timestamp without a time zone counts as UTC.
//! - [`//`](https://duckdb.org/docs/stable/sql/functions/numeric) and `%` cut toward zero.
//! - [`hex`](https://duckdb.org/docs/stable/sql/functions/blob): upper case.
//! - [`sum`](https://duckdb.org/docs/stable/sql/functions/aggregates) of a `BIGINT` is a `HUGEINT`.

use super::{Expressions, doubled, trimmed};

pub(super) struct DuckDb;

impl Expressions for DuckDb {
    fn quoted(&self, name: &str) -> String {
        doubled(name, '"')
    }

    fn literal(&self, text: &str) -> String {
        doubled(text, '\'')
    }

    fn text(&self, x: &str) -> String {
        format!("CAST({x} AS VARCHAR)")
    }

    fn byte_length(&self, text: &str) -> String {
        format!("STRLEN({text})")
    }

    fn md5(&self, text: &str) -> String {
        format!("MD5({text})")
    }

    fn word(&self, hexadecimal: &str, _digits: usize) -> String {
        format!("CAST('0x' || {hexadecimal} AS BIGINT)")
    }

    /// A decimal whose digits all stand behind the point is written without a zero before it: `.5`.
    fn number(&self, x: &str) -> String {
        let text = self.text(x);
        trimmed(&format!(
            "CASE WHEN {text} LIKE '.%' THEN '0' || {text} WHEN {text} LIKE '-.%' THEN '-0' || SUBSTR({text}, 2) \
             ELSE {text} END"
        ))
    }

    fn double(&self, x: &str) -> String {
        format!("CAST({x} AS DOUBLE)")
    }

    fn whole(&self, x: &str) -> String {
        format!("CAST({x} AS BIGINT)")
    }

    fn floor_div(&self, x: &str, by: i64) -> String {
        format!("(({x} - ({x} % {by} + {by}) % {by}) // {by})")
    }

    fn micros(&self, x: &str) -> String {
        format!("EPOCH_US({x})")
    }

    fn days(&self, x: &str) -> String {
        format!("(CAST({x} AS DATE) - DATE '1970-01-01')")
    }

    fn hexadecimal(&self, x: &str) -> String {
        format!("LOWER(HEX({x}))")
    }

    fn sum(&self, x: &str) -> String {
        format!("CAST(SUM({x}) AS VARCHAR)")
    }
}
