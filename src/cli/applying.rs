//! Arguments of the commands that read changes. The comments here are the text of `--help` and of the man pages.

use super::arguments::one_of;
use super::parse;
use crate::ingest::IdRules;
use crate::model::change::Operation;
use crate::model::key::TimePrecision;
use crate::model::mutation::{Policy, UpdateMode};
use crate::model::value::TimeUnit;
use crate::source::{ColumnNames, CsvForm, Dialect, FileFormat, TableStart};
use clap::builder::{FalseyValueParser, TypedValueParser};
use clap::{ArgAction, Args};
use std::path::PathBuf;
use std::time::Duration;

fn dialect() -> impl TypedValueParser<Value = Dialect> {
    one_of(Dialect::ALL.map(|dialect| (dialect.name(), dialect)).into())
}

fn file_format() -> impl TypedValueParser<Value = FileFormat> {
    one_of(vec![("json", FileFormat::Json), ("csv", FileFormat::Csv), ("parquet", FileFormat::Parquet)])
}

pub(super) fn operation() -> impl TypedValueParser<Value = Operation> {
    one_of(vec![("insert", Operation::Insert), ("update", Operation::Update), ("delete", Operation::Delete)])
}

fn policy(apply: &'static str) -> impl TypedValueParser<Value = Policy> {
    one_of(vec![(apply, Policy::Apply), ("ignore", Policy::Ignore), ("reject", Policy::Reject)])
}

fn time_unit() -> impl TypedValueParser<Value = TimeUnit> {
    one_of(vec![
        ("s", TimeUnit::Second),
        ("ms", TimeUnit::Millisecond),
        ("us", TimeUnit::Microsecond),
        ("ns", TimeUnit::Nanosecond),
    ])
}

const APPLY_EXAMPLES: &str = "\
Examples:
  A folder of mutation files, in byte order of their names; again, and nothing changes:
    eventmirror apply ./mirror changes/ --dialect s3
  A first full load whose columns have other names, the insert id out of two of them:
    eventmirror apply ./mirror orders.parquet --dialect backfill \\
      --map user_id=CustomerID --map insert_id=InvoiceNo+StockCode --map event_time=InvoiceDate
  An unloaded Snowflake stream in Snowflake's own CSV form; and one folder a window, in byte order of their names:
    eventmirror apply ./mirror unload/2025-11-04/ --dialect snowflake \\
      --header 'USER_ID,INSERT_ID,TIME,EVENT_TYPE,EVENT_PROPERTIES,METADATA$ACTION,METADATA$ISUPDATE,METADATA$ROW_ID'
    eventmirror apply ./mirror unload/ --dialect snowflake --window-per-folder
  The change feed of a Databricks table, exported with table_changes('events', 41, 45):
    eventmirror apply ./mirror export/ --dialect databricks --from-version 41 --to-version 45
  A Delta table itself: all rows the first time, then what its change feed has since:
    eventmirror apply ./mirror s3://lake/events --dialect databricks
    eventmirror apply ./mirror /lake/events --dialect databricks --start 40 --to-version 45
  BigQuery's CHANGES() under other column names:
    eventmirror apply ./mirror changes-*.json.gz --dialect bigquery \\
      --map op=BQ_CDC_CHANGE_TYPE --map timestamp=changed_at --map is_update=is_half
  The objects of a bucket that are new since the last time; keys and endpoint are those of AWS_… variables:
    eventmirror apply ./mirror s3://bucket/changes/
    eventmirror apply ./mirror 's3://bucket/changes/2025-*/*.json.gz' --relist
    eventmirror apply ./mirror abfss://files@account.dfs.core.windows.net/changes/ gs://bucket/more/
  What would happen, and what the store refuses:
    eventmirror apply ./mirror changes/ --dry-run
    eventmirror apply ./mirror changes/ --strict --json > report.json
  Files as the vendor's S3 source reads them, by its converter:
    eventmirror apply ./mirror bucket/ --converter converter.json
  A table that moves from one source to another at a time:
    eventmirror apply ./mirror old/ --source old --scope \"event_time < 2025-11-05T00:00:00Z\"
    eventmirror apply ./mirror new/ --source new --scope \"event_time >= 2025-11-05T00:00:00Z\"";

#[derive(Debug, Args)]
#[command(after_help = APPLY_EXAMPLES)]
pub(super) struct ApplyArguments {
    /// Folder of the store; made if it is not there
    pub(super) store: PathBuf,
    /// Files, folders, patterns, and URLs of them (s3://, gs://, az://, abfss://; http:// and https:// for single
    /// files); - is standard input; or the folder or URL of one Delta table
    #[arg(required = true, value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    pub(super) reading: ReadingArguments,
    #[command(flatten)]
    pub(super) changes: ChangeArguments,
    /// List all objects of a URL, also those that sort far before what was applied last
    #[arg(long, env = "EVENTMIRROR_RELIST", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) relist: bool,
    /// Begin listing a URL so long before its newest applied object, so that late ones are found
    #[arg(long, env = "EVENTMIRROR_LOOK_BACK", default_value = "2d", value_parser = parse::duration)]
    #[arg(value_name = "TIME")]
    pub(super) look_back: Duration,
    /// Name of the source, within which each window is applied once [default: the dialect]
    #[arg(long, env = "EVENTMIRROR_SOURCE", value_name = "NAME")]
    pub(super) source: Option<String>,
    /// Which column is which field: user_id, insert_id, event_time; the dialect's own op, is_update, row_id, version,
    /// timestamp; insert_id=A+B takes two columns together [default: the usual names]
    #[arg(long, env = "EVENTMIRROR_MAP", value_name = "FIELD=COLUMN")]
    pub(super) map: Vec<String>,
    /// The vendor's converter (JSON), which makes events out of rows, instead of a map; its fileType is the format, and
    /// files that its filterPattern does not match are left out
    #[arg(long, env = "EVENTMIRROR_CONVERTER", value_name = "FILE")]
    pub(super) converter: Option<PathBuf>,
    /// The files of each folder in INPUT are a window of their own
    #[arg(long, env = "EVENTMIRROR_WINDOW_PER_FOLDER", action = ArgAction::SetTrue)]
    #[arg(value_parser = FalseyValueParser::new())]
    pub(super) window_per_folder: bool,
    /// Each file is a window of its own; always so for s3 and backfill, where all files of the call are one otherwise
    #[arg(long, env = "EVENTMIRROR_WINDOW_PER_FILE", action = ArgAction::SetTrue)]
    #[arg(value_parser = FalseyValueParser::new(), conflicts_with = "window_per_folder")]
    pub(super) window_per_file: bool,
    /// Number of the window; several windows take the numbers from here on [default: windows are known by name]
    #[arg(long, env = "EVENTMIRROR_POSITION", value_name = "N")]
    pub(super) position: Option<u64>,
    /// First commit version that databricks exports cover [default: the lowest in them], or whose changes are read of a
    /// Delta table [default: the one after the last that was applied]
    #[arg(long, env = "EVENTMIRROR_FROM_VERSION", value_name = "N")]
    pub(super) from_version: Option<u64>,
    /// Last commit version that databricks exports cover [default: the highest in them], or that is read of a Delta
    /// table [default: its latest]
    #[arg(long, env = "EVENTMIRROR_TO_VERSION", value_name = "N")]
    pub(super) to_version: Option<u64>,
    /// Where the mirror of a Delta table begins: with all rows of its latest version, with the changes of version 0, or
    /// with all rows of version N; ignored once a version was applied [default: latest]
    #[arg(long, env = "EVENTMIRROR_START", value_name = "latest|first|N", value_parser = parse::table_start)]
    pub(super) start: Option<TableStart>,
    /// Operations to apply; the others are skipped and counted
    #[arg(long, env = "EVENTMIRROR_OPS", value_delimiter = ',', value_parser = operation())]
    #[arg(value_name = "LIST", default_value = "insert,update,delete")]
    pub(super) ops: Vec<Operation>,
    /// The event times that this source is responsible for: "event_time < X", "event_time >= X", or both; rows of other
    /// times are skipped and counted. X is RFC 3339, or milliseconds since 1970
    #[arg(long, env = "EVENTMIRROR_SCOPE", value_delimiter = ',', value_name = "BOUND")]
    pub(super) scope: Vec<String>,
    /// An INSERT of a key that has another payload
    #[arg(long, env = "EVENTMIRROR_ON_INSERT_CONFLICT", default_value = "replace", value_parser = policy("replace"))]
    #[arg(value_name = "POLICY")]
    pub(super) on_insert_conflict: Policy,
    /// An UPDATE of a key that does not exist
    #[arg(long, env = "EVENTMIRROR_ON_UNMATCHED_UPDATE", default_value = "upsert", value_parser = policy("upsert"))]
    #[arg(value_name = "POLICY")]
    pub(super) on_unmatched_update: Policy,
    /// Whether an UPDATE replaces the row whole, or leaves the columns that it does not bring
    #[arg(long, env = "EVENTMIRROR_ON_UPDATE", default_value = "replace", value_name = "MODE")]
    #[arg(value_parser = one_of(vec![("replace", UpdateMode::Replace), ("merge", UpdateMode::Merge)]))]
    pub(super) on_update: UpdateMode,
    /// Precision of event times in a new store; an old one keeps its own [default: ms]
    #[arg(long, env = "EVENTMIRROR_PRECISION", value_name = "UNIT")]
    #[arg(value_parser = one_of(vec![("ms", TimePrecision::Millis), ("us", TimePrecision::Micros)]))]
    pub(super) precision: Option<TimePrecision>,
    /// Refuse a batch that deletes more of the rows than this
    #[arg(long, env = "EVENTMIRROR_MAX_DELETE_PERCENT", default_value = "20", value_parser = parse::percent)]
    #[arg(value_name = "PERCENT")]
    pub(super) max_delete_percent: f64,
    /// Go on where positions are missing between the store and the input
    #[arg(long, env = "EVENTMIRROR_ALLOW_GAP", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) allow_gap: bool,
    /// Report what would happen, and change nothing
    #[arg(long, env = "EVENTMIRROR_DRY_RUN", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) dry_run: bool,
    /// End with exit code 8 where a row is rejected or an applied file was changed
    #[arg(long, env = "EVENTMIRROR_STRICT", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) strict: bool,
}

/// How files are read, for all commands that read some.
#[derive(Debug, Args)]
pub(super) struct ReadingArguments {
    /// Format of the files [default: the converter's fileType, or told by name and content]
    #[arg(long, env = "EVENTMIRROR_FORMAT", value_parser = file_format())]
    pub(super) format: Option<FileFormat>,
    /// Names of the columns of CSV files that have no header row
    #[arg(long, env = "EVENTMIRROR_HEADER", value_name = "LIST", value_delimiter = ',')]
    pub(super) header: Option<Vec<String>>,
    /// How CSV cells are written that hold commas: quoted, or with backslashes as Snowflake unloads by default
    /// [default: quoted; escaped for snowflake with --header]
    #[arg(long, env = "EVENTMIRROR_CSV_FORM", value_name = "FORM")]
    #[arg(value_parser = one_of(vec![("quoted", CsvForm::Quoted), ("escaped", CsvForm::Escaped)]))]
    pub(super) csv_form: Option<CsvForm>,
    /// Names that columns get in the store: as they stand in the file, or EVENT_TYPE as event_type
    /// [default: lower for snowflake, as-is otherwise]
    #[arg(long, env = "EVENTMIRROR_COLUMN_NAMES", value_name = "CASE")]
    #[arg(value_parser = one_of(vec![("as-is", ColumnNames::AsIs), ("lower", ColumnNames::Lower)]))]
    pub(super) column_names: Option<ColumnNames>,
    /// What a converter's iso_time_now and ms_time_now give: RFC 3339, or milliseconds since 1970
    /// [default: the time at which the command starts]
    #[arg(long, env = "EVENTMIRROR_NOW", value_name = "TIME", allow_negative_numbers = true)]
    pub(super) now: Option<String>,
    /// Time zone of times that name none: an IANA name or an offset
    #[arg(long, env = "EVENTMIRROR_NAIVE_TZ", default_value = "UTC", value_parser = parse::time_zone)]
    #[arg(value_name = "ZONE", allow_hyphen_values = true)]
    pub(super) naive_tz: jiff::tz::TimeZone,
    /// Unit of event times that are plain numbers
    #[arg(long, env = "EVENTMIRROR_TIME_UNIT", default_value = "ms", value_parser = time_unit(), value_name = "UNIT")]
    pub(super) time_unit: TimeUnit,
    /// Memory to use, about: 512MB, 1GiB, bytes
    #[arg(long, env = "EVENTMIRROR_MEMORY", default_value = "512MB", value_parser = parse::memory, value_name = "SIZE")]
    pub(super) memory: usize,
    /// How long a request for a URL that fails is tried again
    #[arg(long, env = "EVENTMIRROR_RETRY_FOR", default_value = "3m", value_parser = parse::duration)]
    #[arg(value_name = "TIME")]
    pub(super) retry_for: Duration,
}

/// How rows are changes, for the commands that read changes.
#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    /// How the files tell their operations [default: s3, unless a column of another dialect stands in a file]
    #[arg(long, env = "EVENTMIRROR_DIALECT", value_parser = dialect())]
    pub(super) dialect: Option<Dialect>,
    /// Whether the case of operations matters
    #[arg(long, env = "EVENTMIRROR_OP_CASE", default_value = "exact", action = ArgAction::Set)]
    #[arg(value_parser = one_of(vec![("exact", false), ("insensitive", true)]), value_name = "CASE")]
    pub(super) op_case: bool,
    /// Other texts for operations: I=INSERT,U=UPDATE,D=DELETE
    #[arg(long, env = "EVENTMIRROR_OP_ALIAS", value_delimiter = ',', value_name = "ALIAS=OPERATION")]
    #[arg(value_parser = parse::alias)]
    pub(super) op_alias: Vec<(String, Operation)>,
    /// Rules for user ids: any, or those of the analytics vendor
    #[arg(long, env = "EVENTMIRROR_ID_RULES", default_value = "any", value_name = "RULES")]
    #[arg(value_parser = one_of(vec![("any", IdRules::Any), ("amplitude", IdRules::Amplitude)]))]
    pub(super) id_rules: IdRules,
}

const CONVERT_EXAMPLES: &str = "\
Examples:
  The first events, and why rows would be rejected:
    eventmirror convert bucket/ --converter converter.json --limit 10
  All of them, as files for another tool:
    eventmirror convert bucket/ --converter converter.json --strict > events.ndjson";

#[derive(Debug, Args)]
#[command(after_help = CONVERT_EXAMPLES)]
pub(super) struct ConvertArguments {
    /// Files, folders, patterns, and URLs of them; - is standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    pub(super) reading: ReadingArguments,
    #[command(flatten)]
    pub(super) changes: ChangeArguments,
    /// The vendor's converter (JSON)
    #[arg(long, env = "EVENTMIRROR_CONVERTER", value_name = "FILE")]
    pub(super) converter: PathBuf,
    /// At most so many events
    #[arg(long, env = "EVENTMIRROR_LIMIT", value_name = "N")]
    pub(super) limit: Option<u64>,
    /// End with exit code 8 where a row is rejected
    #[arg(long, env = "EVENTMIRROR_STRICT", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) strict: bool,
}

const SYNC_EXAMPLES: &str = "\
Examples:
  All sources, and again every five minutes until Ctrl-C, which exits with 7:
    eventmirror sync eventmirror.toml
    eventmirror sync eventmirror.toml --watch 5m
  One of them, for a script:
    eventmirror sync eventmirror.toml --source shop --json

The file (TOML). Settings are the flags of apply, with _ for -; those of a store hold for all of its sources. Paths are
relative to the file's folder. A switch is true; a flag that may be repeated is an array, or a table of its pairs:

  [stores.shop]
  path = \"./mirror\"
  memory = \"1GiB\"

  [[sources]]
  name = \"orders\"
  store = \"shop\"                   # may be left out where there is one store
  inputs = [\"s3://bucket/orders/\"]
  converter = \"converter.json\"
  ops = [\"insert\", \"update\"]
  scope = \"event_time < 2025-11-05T00:00:00Z\"

  [[sources]]
  name = \"web\"
  inputs = \"exports/*.parquet\"
  dialect = \"backfill\"
  map = { user_id = \"CustomerID\", insert_id = [\"InvoiceNo\", \"StockCode\"] }";

#[derive(Debug, Args)]
#[command(after_help = SYNC_EXAMPLES)]
pub(super) struct SyncArguments {
    /// File with the stores and sources (TOML)
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// This source only; may be repeated [default: all, in the order of the file]
    #[arg(long, env = "EVENTMIRROR_SOURCE", value_delimiter = ',', value_name = "NAME")]
    pub(super) source: Vec<String>,
    /// Go on, and begin again so long after the last beginning: 30s, 5m
    #[arg(long, env = "EVENTMIRROR_WATCH", value_parser = parse::duration, value_name = "TIME")]
    pub(super) watch: Option<Duration>,
}
