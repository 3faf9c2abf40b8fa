//! Databricks SQL.
//!
//! - [`md5`](https://docs.databricks.com/aws/en/sql/language-manual/functions/md5): 32 hexadecimal digits of a `BINARY`.
//! - [`conv`](https://docs.databricks.com/aws/en/sql/language-manual/functions/conv): from base 16 to base 10, as text.
//! - [`octet_length`](https://docs.databricks.com/aws/en/sql/language-manual/functions/octet_length): bytes.
//! - [`unix_micros`](https://docs.databricks.com/aws/en/sql/language-manual/functions/unix_micros) and
//!   [`unix_date`](https://docs.databricks.com/aws/en/sql/language-manual/functions/unix_date).
//! - [`pmod`](https://docs.databricks.com/aws/en/sql/language-manual/functions/pmod): the positive remainder;
//!   [`div`](https://docs.databricks.com/aws/en/sql/language-manual/functions/div): the whole quotient.
//! - [`sum`](https://docs.databricks.com/aws/en/sql/language-manual/functions/sum) of a `DECIMAL` has ten digits more.
//! - [`cast`](https://docs.databricks.com/aws/en/sql/language-manual/functions/cast) of a small `DECIMAL` to text may have
//!   an exponent; [`format_number`](https://docs.databricks.com/aws/en/sql/language-manual/functions/format_number) has
//!   none, but commas.
//! - [`trim`](https://docs.databricks.com/aws/en/sql/language-manual/functions/trim) takes the characters first.
//! - [Texts](https://docs.databricks.com/aws/en/sql/language-manual/data-types/string-type) know backslash escapes.

use super::{Expressions, doubled, escaped};

pub(super) struct Databricks;

impl Expressions for Databricks {
    fn quoted(&self, name: &str) -> String {
        doubled(name, '`')
    }

    fn literal(&self, text: &str) -> String {
        escaped(text)
    }

    fn text(&self, x: &str) -> String {
        format!("CAST({x} AS STRING)")
    }

    fn byte_length(&self, text: &str) -> String {
        format!("OCTET_LENGTH({text})")
    }

    fn md5(&self, text: &str) -> String {
        format!("MD5(CAST({text} AS BINARY))")
    }

    fn word(&self, hexadecimal: &str, _digits: usize) -> String {
        format!("CAST(CONV({hexadecimal}, 16, 10) AS BIGINT)")
    }

    fn number(&self, x: &str) -> String {
        let text = self.text(x);
        let plain = format!("REPLACE(FORMAT_NUMBER({x}, 38), ',', '')");
        let plain = format!("CASE WHEN {text} LIKE '%E%' THEN {plain} ELSE {text} END");
        format!(
            "CASE WHEN {plain} LIKE '%.%' THEN TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {plain})) ELSE {plain} END"
        )
    }

    fn double(&self, x: &str) -> String {
        format!("CAST({x} AS DOUBLE)")
    }

    fn whole(&self, x: &str) -> String {
        format!("CAST({x} AS BIGINT)")
    }

    fn floor_div(&self, x: &str, by: i64) -> String {
        format!("(({x} - PMOD({x}, {by})) DIV {by})")
    }

    fn micros(&self, x: &str) -> String {
        format!("UNIX_MICROS({x})")
    }

    fn days(&self, x: &str) -> String {
        format!("UNIX_DATE(CAST({x} AS DATE))")
    }

    fn hexadecimal(&self, x: &str) -> String {
        format!("LOWER(HEX({x}))")
    }

    fn sum(&self, x: &str) -> String {
        format!("CAST(SUM(CAST({x} AS DECIMAL(20, 0))) AS STRING)")
    }
}
