//! Snowflake.
//!
//! - [`MD5`](https://docs.snowflake.com/en/sql-reference/functions/md5): 32 lower-case hexadecimal digits.
//! - [`TO_NUMBER`](https://docs.snowflake.com/en/sql-reference/functions/to_decimal) with the format element `X` of the
//!   [format models](https://docs.snowflake.com/en/sql-reference/sql-format-models): hexadecimal digits; `NUMBER(38, 0)`.
//! - [`OCTET_LENGTH`](https://docs.snowflake.com/en/sql-reference/functions/octet_length): bytes.
//! - [`DATE_PART`](https://docs.snowflake.com/en/sql-reference/functions/date_part) of `EPOCH_NANOSECOND`; a timestamp
//!   without a time zone counts as UTC. Nothing is said of years that 64 bits of nanoseconds cannot tell (before 1678,
//!   after 2261).
//! - [`HEX_ENCODE`](https://docs.snowflake.com/en/sql-reference/functions/hex_encode) with 0: lower case.
//! - [`SUM`](https://docs.snowflake.com/en/sql-reference/functions/sum) of a `NUMBER` has 38 digits.
//! - [Names](https://docs.snowflake.com/en/sql-reference/identifiers-syntax) that are not quoted are stored in upper case.
//! - [Texts](https://docs.snowflake.com/en/sql-reference/data-types-text) in single quotes know backslash escapes.

use super::{Expressions, doubled, escaped};

pub(super) struct Snowflake;

impl Expressions for Snowflake {
    fn quoted(&self, name: &str) -> String {
        doubled(name, '"')
    }

    fn column(&self, name: &str) -> String {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match is_plain {
            true => self.quoted(&name.to_ascii_uppercase()),
            false => self.quoted(name),
        }
    }

    fn literal(&self, text: &str) -> String {
        escaped(text)
    }

    fn text(&self, x: &str) -> String {
        format!("TO_VARCHAR({x})")
    }

    fn byte_length(&self, text: &str) -> String {
        format!("OCTET_LENGTH({text})")
    }

    fn md5(&self, text: &str) -> String {
        format!("MD5({text})")
    }

    fn word(&self, hexadecimal: &str, digits: usize) -> String {
        format!("TO_NUMBER({hexadecimal}, '{}')", "X".repeat(digits))
    }

    fn double(&self, x: &str) -> String {
        format!("CAST({x} AS DOUBLE)")
    }

    fn whole(&self, x: &str) -> String {
        format!("CAST({x} AS NUMBER(38, 0))")
    }

    /// A quotient has six decimals more than the dividend, which is exact for powers of ten up to a million.
    fn floor_div(&self, x: &str, by: i64) -> String {
        format!("CAST(FLOOR({x} / {by}) AS NUMBER(38, 0))")
    }

    fn micros(&self, x: &str) -> String {
        self.floor_div(&format!("DATE_PART(EPOCH_NANOSECOND, {x})"), 1_000)
    }

    fn days(&self, x: &str) -> String {
        format!("DATEDIFF(DAY, DATE '1970-01-01', CAST({x} AS DATE))")
    }

    fn hexadecimal(&self, x: &str) -> String {
        format!("HEX_ENCODE({x}, 0)")
    }

    fn sum(&self, x: &str) -> String {
        format!("TO_VARCHAR(SUM({x}))")
    }
}
