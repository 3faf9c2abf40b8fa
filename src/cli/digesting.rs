//! Arguments of `digest`. The comments here are the text of `--help` and of the man pages.

use super::arguments::one_of;
use crate::digest::Form;
use crate::digest::sql::{Engine, EventTime};
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const DIGEST_EXAMPLES: &str = "\
Examples:
  A file of row counts and digests, four megabytes at most for any number of rows:
    eventmirror digest ./mirror -o mirror.digest
  The SQL that computes such a file in the warehouse, and the comparison:
    eventmirror digest sql ./mirror --for postgres --table events > digest.sql
    eventmirror verify ./mirror --digest digest.csv";

#[derive(Debug, Args)]
#[command(after_help = DIGEST_EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct DigestArguments {
    #[command(subcommand)]
    pub(super) command: Option<DigestCommand>,
    /// Folder of the store; one that is named like a subcommand is written ./sql
    #[arg(required = true)]
    pub(super) store: Option<PathBuf>,
    /// As the store was after this commit [default: the last]
    #[arg(long, env = "EVENTMIRROR_AS_OF", value_name = "SEQUENCE")]
    pub(super) as_of: Option<u64>,
    #[command(flatten)]
    pub(super) columns: ColumnArguments,
    /// File to write, which appears whole or not at all [default: standard output]
    #[arg(long, short, env = "EVENTMIRROR_OUTPUT", value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum DigestCommand {
    /// Print the SQL that computes row counts and digests in a warehouse
    Sql(DigestSqlArguments),
}

/// Which columns are compared, and how.
#[derive(Debug, Args)]
pub(super) struct ColumnArguments {
    /// Compare these columns only [default: all that can be compared]
    #[arg(long, env = "EVENTMIRROR_COLUMNS", value_name = "LIST", value_delimiter = ',')]
    pub(super) columns: Vec<String>,
    /// Do not compare these columns
    #[arg(long, env = "EVENTMIRROR_IGNORE_COLUMNS", value_name = "LIST", value_delimiter = ',')]
    pub(super) ignore_columns: Vec<String>,
    /// How the values of a column are written: text, bool, number, float0 to float15 (doubles, rounded to so many
    /// decimals), date, timestamp, bytes [default: what the store has in it; doubles float6; JSON is left out]
    #[arg(long, env = "EVENTMIRROR_FORM", value_name = "COLUMN=FORM", value_delimiter = ',', value_parser = form)]
    pub(super) form: Vec<(String, Form)>,
}

fn form(text: &str) -> Result<(String, Form), String> {
    let (column, form) = text.rsplit_once('=').ok_or("a form is given as COLUMN=FORM, as in price=float2")?;
    let parsed = Form::parse(form).ok_or_else(|| {
        format!("{form:?} is no form: text, bool, number, float0 to float15, date, timestamp, bytes, nothing")
    })?;
    Ok((column.to_owned(), parsed))
}

const SQL_EXAMPLES: &str = "\
Examples:
  Run it, and save its result as CSV with the header:
    eventmirror digest sql ./mirror --for duckdb --table events > digest.sql
    eventmirror digest sql ./mirror --for bigquery --table shop.events --map user_id=CustomerID
  Amounts that the store has as doubles, and JSON whose text the warehouse keeps as it was delivered:
    eventmirror digest sql ./mirror --for snowflake --form revenue=float2 --form event_properties=text
  Event times that the warehouse has as numbers:
    eventmirror digest sql ./mirror --for databricks --event-time-as ms";

#[derive(Debug, Args)]
#[command(after_help = SQL_EXAMPLES)]
pub(super) struct DigestSqlArguments {
    /// Folder of the store, which says which columns there are
    pub(super) store: PathBuf,
    /// The engine that will run it
    #[arg(long = "for", env = "EVENTMIRROR_FOR", value_name = "ENGINE", value_parser = engine())]
    pub(super) engine: Engine,
    /// The table as SQL names it, with its quotes where it needs some
    #[arg(long, env = "EVENTMIRROR_TABLE", value_name = "TABLE", default_value = "events")]
    pub(super) table: String,
    /// Columns that have another name in the warehouse: user_id, insert_id, event_time, or a column of the store;
    /// insert_id=A+B takes two columns together
    #[arg(long, env = "EVENTMIRROR_MAP", value_name = "FIELD=COLUMN")]
    pub(super) map: Vec<String>,
    /// How the warehouse has event times: as timestamps, or as whole numbers of a unit since 1970
    #[arg(long, env = "EVENTMIRROR_EVENT_TIME_AS", value_name = "TYPE", default_value = "timestamp")]
    #[arg(value_parser = event_time())]
    pub(super) event_time_as: EventTime,
    #[command(flatten)]
    pub(super) columns: ColumnArguments,
}

fn engine() -> impl TypedValueParser<Value = Engine> {
    one_of(Engine::ALL.map(|engine| (engine.name(), engine)).into())
}

fn event_time() -> impl TypedValueParser<Value = EventTime> {
    one_of(vec![
        ("timestamp", EventTime::Timestamp),
        ("s", EventTime::Seconds),
        ("ms", EventTime::Millis),
        ("us", EventTime::Micros),
    ])
}
