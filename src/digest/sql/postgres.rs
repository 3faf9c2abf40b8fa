//! PostgreSQL.
//!
//! - [`MD5`, `CONVERT_TO`, `ENCODE`, `OCTET_LENGTH`](https://www.postgresql.org/docs/current/functions-binarystring.html).
//! - `'x…'` as [bits](https://www.postgresql.org/docs/current/datatype-bit.html) is read as hexadecimal digits, and
//!   becomes a `BIGINT` without a sign.
//! - [`TRIM_SCALE`](https://www.postgresql.org/docs/current/functions-math.html): superfluous zeros away.
//! - [`EXTRACT(EPOCH …)`](https://www.postgresql.org/docs/current/functions-datetime.html) is an exact `NUMERIC` from
//!   version 14 on; a timestamp without a time zone counts as UTC.
//! - [`SUM`](https://www.postgresql.org/docs/current/functions-aggregate.html) of a `BIGINT` is a `NUMERIC`.

use super::{Expressions, doubled};

pub(super) struct Postgres;

impl Expressions for Postgres {
    fn quoted(&self, name: &str) -> String {
        doubled(name, '"')
    }

    fn literal(&self, text: &str) -> String {
        doubled(text, '\'')
    }

    fn text(&self, x: &str) -> String {
        format!("CAST({x} AS TEXT)")
    }

    fn byte_length(&self, text: &str) -> String {
        format!("OCTET_LENGTH(CONVERT_TO({text}, 'UTF8'))")
    }

    fn md5(&self, text: &str) -> String {
        format!("MD5(CONVERT_TO({text}, 'UTF8'))")
    }

    fn word(&self, hexadecimal: &str, digits: usize) -> String {
        format!("CAST(CAST('x' || {hexadecimal} AS BIT({})) AS BIGINT)", 4 * digits)
    }

    fn number(&self, x: &str) -> String {
        format!("CAST(TRIM_SCALE(CAST({x} AS NUMERIC)) AS TEXT)")
    }

    fn double(&self, x: &str) -> String {
        format!("CAST({x} AS DOUBLE PRECISION)")
    }

    fn whole(&self, x: &str) -> String {
        format!("CAST({x} AS BIGINT)")
    }

    fn floor_div(&self, x: &str, by: i64) -> String {
        format!("FLOOR(CAST({x} AS NUMERIC) / {by})")
    }

    fn micros(&self, x: &str) -> String {
        format!("FLOOR(EXTRACT(EPOCH FROM {x}) * 1000000)")
    }

    fn days(&self, x: &str) -> String {
        format!("(CAST({x} AS DATE) - DATE '1970-01-01')")
    }

    fn hexadecimal(&self, x: &str) -> String {
        format!("ENCODE({x}, 'hex')")
    }

    fn sum(&self, x: &str) -> String {
        format!("CAST(SUM({x}) AS TEXT)")
    }
}
