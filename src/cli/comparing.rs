//! Arguments of the commands that compare. The comments here are the text of `--help` and of the man pages.

use super::applying::{ReadingArguments, operation};
use super::arguments::one_of;
use super::parse;
use crate::model::change::Operation;
use crate::verify::Cause;
use clap::builder::{FalseyValueParser, TypedValueParser};
use clap::{ArgAction, Args};
use std::path::PathBuf;

fn cause() -> impl TypedValueParser<Value = Cause> {
    one_of(Cause::ALL.map(|cause| (cause.name(), cause)).into())
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  Exit code 0 says that the store has exactly the rows of the extract:
    eventmirror verify ./mirror extract/
    eventmirror verify ./mirror orders.parquet --map user_id=CustomerID --map event_time=InvoiceDate
  An extract that was taken after the batch of commit 41, while newer ones are applied:
    eventmirror verify ./mirror extract.csv --as-of 41 --json > verification.json
  One month of one user; some columns; numbers that may differ in their last digits:
    eventmirror verify ./mirror extract/ --user-id ann --from 2026-11-01 --to 2026-12-01
    eventmirror verify ./mirror extract/ --ignore-columns loaded_at --tolerance price=0.005
  What the analytics vendor exported, read by the converter that imports it again, and another mirror:
    eventmirror verify ./mirror export.zip --converter reimport.json
    eventmirror verify ./mirror ./other-mirror
  Differences that are known and harmless, and the mutations that mend the others:
    eventmirror verify ./mirror extract/ --accept duplicate_in_extract,suppressed --repair repair.json.gz
    eventmirror apply ./mirror repair.json.gz
  A page for people, and results for a CI system:
    eventmirror verify ./mirror extract/ --report verification.html --junit verification.xml
  Without an extract: the warehouse computes digests, and exports the rows of the buckets that differ:
    eventmirror digest sql ./mirror --for snowflake --table shop.public.events > digest.sql
    eventmirror verify ./mirror --digest digest.csv --export-sql export.sql
    eventmirror verify ./mirror rows.csv --buckets 17,4242";

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(super) struct VerifyArguments {
    /// Folder of the store
    pub(super) store: PathBuf,
    /// Files, folders, patterns, and URLs of them, with all rows of the table; - is standard input; a ZIP file of the
    /// vendor's Export API; the folder of another store; or the folder or URL of one Delta table
    #[arg(required_unless_present = "digest", value_name = "EXTRACT")]
    pub(super) extract: Vec<String>,
    /// Instead of an extract the result of the query of `digest sql`, as CSV: no row is moved
    #[arg(long, env = "EVENTMIRROR_DIGEST", value_name = "FILE")]
    #[arg(conflicts_with_all = ["extract", "full", "repair", "accept", "buckets", "report", "junit", "columns", "ignore_columns",
        "tolerance", "user_id", "from", "to", "scope", "map", "converter", "table_version"])]
    pub(super) digest: Option<PathBuf>,
    /// File for the SQL that exports the rows of the buckets that differ by their digests
    #[arg(long, env = "EVENTMIRROR_EXPORT_SQL", value_name = "FILE", requires = "digest", conflicts_with = "extract")]
    pub(super) export_sql: Option<PathBuf>,
    /// The extract has the rows of these buckets only; those of others are left out on both sides
    #[arg(long, env = "EVENTMIRROR_BUCKETS", value_name = "LIST", value_delimiter = ',')]
    pub(super) buckets: Option<Vec<u16>>,
    /// Version of a Delta table [default: its latest]
    #[arg(long, env = "EVENTMIRROR_TABLE_VERSION", value_name = "N")]
    pub(super) table_version: Option<u64>,
    /// As the store was after this commit [default: the last]
    #[arg(long, env = "EVENTMIRROR_AS_OF", value_name = "SEQUENCE")]
    pub(super) as_of: Option<u64>,
    /// As the store was when a source had come to a position: a name, or a number
    #[arg(long, env = "EVENTMIRROR_AS_OF_POSITION", value_name = "SOURCE=POSITION", conflicts_with = "as_of")]
    pub(super) as_of_position: Option<String>,
    /// Compare these columns only
    #[arg(long, env = "EVENTMIRROR_COLUMNS", value_name = "LIST", value_delimiter = ',')]
    pub(super) columns: Vec<String>,
    /// Compare all columns but these
    #[arg(long, env = "EVENTMIRROR_IGNORE_COLUMNS", value_name = "LIST", value_delimiter = ',')]
    #[arg(conflicts_with = "columns")]
    pub(super) ignore_columns: Vec<String>,
    /// Numbers of a column that differ by no more count as equal: price=0.005
    #[arg(long, env = "EVENTMIRROR_TOLERANCE", value_name = "COLUMN=NUMBER", value_delimiter = ',')]
    #[arg(value_parser = parse::tolerance)]
    pub(super) tolerance: Vec<(String, f64)>,
    /// Compare only events of this user
    #[arg(long, env = "EVENTMIRROR_USER_ID", value_name = "ID", allow_negative_numbers = true)]
    pub(super) user_id: Option<String>,
    /// Compare only events from this time on: RFC 3339, or a whole number in the store's unit
    #[arg(long, env = "EVENTMIRROR_FROM", value_name = "TIME", allow_negative_numbers = true)]
    pub(super) from: Option<String>,
    /// Compare only events before this time
    #[arg(long, env = "EVENTMIRROR_TO", value_name = "TIME", allow_negative_numbers = true)]
    pub(super) to: Option<String>,
    /// The event times that the store was told to take (`apply --scope`); differences at others are out_of_scope
    #[arg(long, env = "EVENTMIRROR_SCOPE", value_delimiter = ',', value_name = "BOUND")]
    pub(super) scope: Vec<String>,
    /// The operations that the store was told to take (`apply --ops`); differences for want of another are op_disabled
    #[arg(long, env = "EVENTMIRROR_OPS", value_delimiter = ',', value_parser = operation())]
    #[arg(value_name = "LIST", default_value = "insert,update,delete")]
    pub(super) ops: Vec<Operation>,
    /// Read every row of the store, compute its hash anew, and trust no fingerprint
    #[arg(long, env = "EVENTMIRROR_FULL", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) full: bool,
    /// Samples of each kind of difference at most
    #[arg(long, env = "EVENTMIRROR_LIMIT", value_name = "N", default_value_t = 100)]
    pub(super) limit: usize,
    /// Causes whose differences do not make the exit code 1
    #[arg(long, env = "EVENTMIRROR_ACCEPT", value_name = "CAUSES", value_delimiter = ',', value_parser = cause())]
    pub(super) accept: Vec<Cause>,
    /// File for the mutations that make the store equal to the extract (gzip, one JSON object a line), for `apply`
    #[arg(long, env = "EVENTMIRROR_REPAIR", value_name = "FILE")]
    #[arg(conflicts_with_all = ["as_of", "as_of_position"])]
    pub(super) repair: Option<PathBuf>,
    /// File for a report for people: one HTML page
    #[arg(long, env = "EVENTMIRROR_REPORT", value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// File for a report for CI systems: JUnit XML
    #[arg(long, env = "EVENTMIRROR_JUNIT", value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Which column is which field: user_id, insert_id, event_time; insert_id=A+B takes two columns together
    /// [default: the usual names]
    #[arg(long, env = "EVENTMIRROR_MAP", value_name = "FIELD=COLUMN")]
    pub(super) map: Vec<String>,
    /// The vendor's converter (JSON), which makes events out of rows, instead of a map
    #[arg(long, env = "EVENTMIRROR_CONVERTER", value_name = "FILE")]
    pub(super) converter: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reading: ReadingArguments,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  What one batch, or all since one, changed:
    eventmirror diff ./mirror --from 41 --to 42
    eventmirror diff ./mirror --from 41 --stat
    eventmirror diff ./mirror --from 41 --summary
  Two mirrors of one table:
    eventmirror diff ./mirror ./other-mirror --json";

#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(super) struct DiffArguments {
    /// Folder of the store; of the older one, where there are two
    pub(super) store: PathBuf,
    /// Folder of another store [default: the same, at two commits]
    #[arg(required_unless_present_any = ["from", "to"])]
    pub(super) other: Option<PathBuf>,
    /// The first as it was after this commit; 0 is the empty store [default: the last; 0 where there is one store]
    #[arg(long, env = "EVENTMIRROR_FROM", value_name = "SEQUENCE")]
    pub(super) from: Option<u64>,
    /// The second as it was after this commit [default: the last]
    #[arg(long, env = "EVENTMIRROR_TO", value_name = "SEQUENCE")]
    pub(super) to: Option<u64>,
    /// Count the differences, and show none
    #[arg(long, env = "EVENTMIRROR_STAT", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) stat: bool,
    /// Count the differences and the columns in which changed rows differ, and show none
    #[arg(long, env = "EVENTMIRROR_SUMMARY", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) summary: bool,
    /// Show at most so many rows [default: all; 100 in the JSON form]
    #[arg(long, env = "EVENTMIRROR_LIMIT", value_name = "N")]
    pub(super) limit: Option<u64>,
}
