//! The two queries, out of an engine's expressions.

use super::{DigestColumn, EventTime, Expressions, Settings, Table};
use crate::digest::file::{LEFT_OUT, SETTINGS};
use crate::digest::form::{self, Form};
use std::collections::BTreeSet;

/// Buckets on a line of an export query.
const BUCKETS_A_LINE: usize = 16;

pub(super) struct Query<'a> {
    sql: &'static dyn Expressions,
    settings: &'a Settings,
    table: &'a Table,
}

impl<'a> Query<'a> {
    pub(super) fn new(settings: &'a Settings, table: &'a Table) -> Self {
        Query { sql: table.engine.expressions(), settings, table }
    }

    /// Texts of all fields, then hashes of user and row, then their words, then sums.
    pub(super) fn digest(&self) -> String {
        let sql = self.sql;
        let mut texts = vec![self.id("user_id"), self.id("insert_id"), self.sql.text(&self.event_time())];
        texts.extend(self.settings.columns.iter().map(|column| self.column(column)));
        let names: Vec<String> = (0..texts.len()).map(|index| format!("t{index}")).collect();
        let texts: Vec<String> = texts.iter().zip(&names).map(|(text, name)| format!("{text} AS {name}")).collect();
        let fields: Vec<String> = names.iter().map(|name| self.field(name)).collect();
        let word = |index: usize| format!("{} AS w{index}", sql.word(&format!("SUBSTR(h, {}, 8)", 8 * index + 1), 8));
        let sums: Vec<String> = (0..4).map(|index| sql.sum(&format!("w{index}"))).collect();
        let (user, row) = (sql.md5("t0"), sql.md5(&fields.join("\n      || ")));
        let (table, rows, settings) = (&self.table.name, sql.quoted("rows"), sql.literal(&self.settings.to_json()));
        format!(
            "WITH digest_texts AS (\n  SELECT\n    {texts}\n  FROM {table}\n),\ndigest_hashes AS (\n  SELECT\n    \
             CASE WHEN t0 <> '' AND t1 <> '' AND t2 IS NOT NULL THEN {user} END AS u,\n    {row} AS h\n  FROM digest_texts\n),\n\
             digest_words AS (\n  SELECT\n    CASE WHEN u IS NULL THEN {LEFT_OUT} ELSE {bucket} END AS b,\n    {words}\n  \
             FROM digest_hashes\n)\nSELECT {SETTINGS} AS bucket, 0 AS {rows}, {settings} AS digest\nUNION ALL\n\
             SELECT b, COUNT(*), {sums}\nFROM digest_words\nGROUP BY b\nORDER BY 1\n",
            texts = texts.join(",\n    "),
            bucket = self.bucket_of("u"),
            words = (0..4).map(word).collect::<Vec<_>>().join(",\n    "),
            sums = sums.join("\n  || '-' || "),
        )
    }

    pub(super) fn export(&self, buckets: &BTreeSet<u16>) -> String {
        let numbers: Vec<String> = buckets.iter().map(u16::to_string).collect();
        let lines: Vec<String> = numbers.chunks(BUCKETS_A_LINE).map(|line| line.join(", ")).collect();
        let bucket = self.bucket_of(&self.sql.md5(&self.id("user_id")));
        format!("SELECT *\nFROM {}\nWHERE {bucket} IN (\n  {}\n)\n", self.table.name, lines.join(",\n  "))
    }

    /// The bucket of the MD5 of a user.
    fn bucket_of(&self, md5: &str) -> String {
        self.sql.word(&format!("SUBSTR({md5}, 1, 4)"), 4)
    }

    /// `length:text`, or `-` for null.
    fn field(&self, text: &str) -> String {
        let length = self.sql.text(&self.sql.byte_length(text));
        format!("COALESCE({length} || ':' || {text}, '-')")
    }

    fn id(&self, field: &str) -> String {
        let columns = self.columns_of(field);
        // As the map of `apply` joins them: JSON Pointer's escapes, so that no two tuples give one id.
        let part = |column: &String| format!("REPLACE(REPLACE({}, '~', '~0'), '/', '~1')", self.sql.text(column));
        match columns.as_slice() {
            [column] => self.sql.text(column),
            columns => columns.iter().map(part).collect::<Vec<_>>().join(" || '/' || "),
        }
    }

    /// The event time in the store's unit.
    fn event_time(&self) -> String {
        let column = self.columns_of("event_time").concat();
        let (x, unit) = match self.table.event_time {
            EventTime::Timestamp => (self.sql.micros(&column), 1),
            EventTime::Micros => (column, 1),
            EventTime::Millis => (column, 1_000),
            EventTime::Seconds => (column, 1_000_000),
        };
        let precision = self.settings.precision.micros();
        match unit < precision {
            true => self.sql.floor_div(&x, precision / unit),
            false if unit == precision => x,
            false => format!("({x} * {})", unit / precision),
        }
    }

    /// The names of a field's columns, as SQL has them.
    fn columns_of(&self, field: &str) -> Vec<String> {
        match self.table.columns.get(field) {
            Some(columns) => columns.iter().map(|column| self.sql.quoted(column)).collect(),
            None => vec![self.sql.column(field)],
        }
    }

    /// The text of a column; null where it is null.
    fn column(&self, column: &DigestColumn) -> String {
        let (sql, x) = (self.sql, self.columns_of(&column.name).concat());
        match column.form {
            Form::Text => sql.text(&x),
            Form::Bool => format!("CASE WHEN {x} THEN 'true' WHEN NOT {x} THEN 'false' END"),
            Form::Number => sql.number(&x),
            Form::Float(decimals) => self.float(&x, decimals),
            Form::Date => sql.text(&sql.days(&x)),
            Form::Timestamp => sql.text(&sql.micros(&x)),
            Form::Bytes => sql.hexadecimal(&x),
            // The mirror has nothing there: whatever the warehouse has differs.
            Form::Nothing => format!("CASE WHEN {x} IS NOT NULL THEN '!' END"),
        }
    }

    /// Beyond the limit, and for what is no number, a text that the mirror writes for nothing.
    fn float(&self, x: &str, decimals: u8) -> String {
        let sql = self.sql;
        let x = sql.double(x);
        let number = |number: &str| sql.double(number);
        let (limit, power) = (form::float_limit(decimals).to_string(), form::power(decimals).to_string());
        let rounded = format!("FLOOR({x} * {} + {})", number(&power), number("0.5"));
        format!(
            "CASE WHEN ABS({x}) < {} THEN {} WHEN {x} IS NOT NULL THEN '!' END",
            number(&limit),
            sql.text(&sql.whole(&rounded))
        )
    }
}
