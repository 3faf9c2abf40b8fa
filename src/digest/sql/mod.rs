//! The query that computes a digest inside a warehouse, and the one that exports the rows of some buckets.
//!
//! Both are made of the same few expressions, which each engine writes in its own way: `Expressions`, one file an
//! engine, each with the vendor's pages that say what its functions do.

mod bigquery;
mod databricks;
mod duckdb;
mod postgres;
mod query;
mod snowflake;
mod source;

pub use source::{EventTime, Table};

use super::columns::DigestColumn;
use super::file::Settings;
use std::collections::BTreeSet;

/// An engine that SQL is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Snowflake.
    Snowflake,
    /// Databricks SQL, and Spark SQL from 3.3 on.
    Databricks,
    /// BigQuery (GoogleSQL).
    BigQuery,
    /// PostgreSQL from 14 on.
    Postgres,
    /// DuckDB.
    DuckDb,
}

impl Engine {
    /// All engines.
    pub const ALL: [Engine; 5] =
        [Engine::Snowflake, Engine::Databricks, Engine::BigQuery, Engine::Postgres, Engine::DuckDb];

    /// The name on the command line and in digest files.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Snowflake => "snowflake",
            Engine::Databricks => "databricks",
            Engine::BigQuery => "bigquery",
            Engine::Postgres => "postgres",
            Engine::DuckDb => "duckdb",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.name() == name)
    }

    fn expressions(self) -> &'static dyn Expressions {
        match self {
            Engine::Snowflake => &snowflake::Snowflake,
            Engine::Databricks => &databricks::Databricks,
            Engine::BigQuery => &bigquery::BigQuery,
            Engine::Postgres => &postgres::Postgres,
            Engine::DuckDb => &duckdb::DuckDb,
        }
    }
}

/// The query whose result is a digest file. `settings` are those of the file; its table says where the rows are.
///
/// `None` where the settings name no table.
pub fn digest(settings: &Settings) -> Option<String> {
    let table = settings.table.as_ref()?;
    Some(query::Query::new(settings, table).digest())
}

/// The query that gives the rows of these buckets as they are; `None` where the settings name no table.
pub fn export(settings: &Settings, buckets: &BTreeSet<u16>) -> Option<String> {
    let table = settings.table.as_ref()?;
    Some(query::Query::new(settings, table).export(buckets))
}

/// What the engines write differently. `x` is an expression, a text is one of the engine's character type.
trait Expressions {
    /// A column's name as it was given.
    fn quoted(&self, name: &str) -> String;

    /// The name of a column whose case was not given.
    fn column(&self, name: &str) -> String {
        self.quoted(name)
    }

    fn literal(&self, text: &str) -> String;

    fn text(&self, x: &str) -> String;

    /// Bytes of a text in UTF-8.
    fn byte_length(&self, text: &str) -> String;

    /// MD5 of a text in UTF-8, as 32 lower-case hexadecimal digits.
    fn md5(&self, text: &str) -> String;

    /// The whole number of `digits` hexadecimal digits, at most eight.
    fn word(&self, hexadecimal: &str, digits: usize) -> String;

    /// An exact number as a plain decimal without superfluous zeros.
    fn number(&self, x: &str) -> String {
        trimmed(&self.text(x))
    }

    fn double(&self, x: &str) -> String;

    /// A double that is a whole number below 2⁵³, as a type that is written without point and exponent.
    fn whole(&self, x: &str) -> String;

    /// Whole number divided by a positive one, toward the past.
    fn floor_div(&self, x: &str, by: i64) -> String;

    /// Whole microseconds of a timestamp since 1970-01-01T00:00:00Z.
    fn micros(&self, x: &str) -> String;

    /// Whole days of a date since 1970-01-01.
    fn days(&self, x: &str) -> String;

    /// Bytes as lower-case hexadecimal digits.
    fn hexadecimal(&self, x: &str) -> String;

    /// The exact sum of whole numbers below 2³², as text, for any number of rows.
    fn sum(&self, x: &str) -> String;
}

/// A decimal's text without superfluous zeros, where `RTRIM` takes the characters as its second argument.
fn trimmed(text: &str) -> String {
    format!("CASE WHEN {text} LIKE '%.%' THEN RTRIM(RTRIM({text}, '0'), '.') ELSE {text} END")
}

/// `text` with `mark` before each `mark` in it, between `mark`s: how SQL quotes names and texts.
fn doubled(text: &str, mark: char) -> String {
    format!("{mark}{}{mark}", text.replace(mark, &format!("{mark}{mark}")))
}

/// A literal of engines that know backslash escapes.
fn escaped(text: &str) -> String {
    let mut out = String::from("'");
    for character in text.chars() {
        match character {
            '\\' | '\'' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            character => out.push(character),
        }
    }
    out.push('\'');
    out
}
