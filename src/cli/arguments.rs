//! Commands, arguments and flags. The comments here are the text of `--help` and of the man pages.

use super::applying::{ApplyArguments, ConvertArguments, SyncArguments};
use super::comparing::{DiffArguments, VerifyArguments};
use super::digesting::DigestArguments;
use super::parse;
use crate::model::rejection::Rule;
use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  differences were found (verify, diff); the key is not in the store (get)
  2  wrong usage, or a store or file that this version cannot read
  3  an input is not what it claims to be, or reading or writing failed
  4  the store is damaged
  5  another process holds the store
  6  changes between the store's position and the input are missing
  7  interrupted; what was committed stays, the same command goes on from there
  8  done, but --strict was given and rows were rejected or an applied file was changed

Data goes to standard output, everything else to standard error. On a terminal results are tables,
otherwise one line of JSON a record; --json asks for the documented JSON form anywhere.
Each flag is also an environment variable: --id-rules is EVENTMIRROR_ID_RULES. NO_COLOR is honoured.

Examples:
  eventmirror apply ./mirror changes/ --dialect s3
  eventmirror verify ./mirror extract.parquet
  eventmirror scan ./mirror --user-id ann
  eventmirror rejected ./mirror";

/// Keeps an exact local mirror of a warehouse event table.
#[derive(Debug, Parser)]
#[command(name = "eventmirror", version, after_help = AFTER_HELP, max_term_width = 110)]
#[command(arg_required_else_help = true)]
pub(super) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(super) command: Command,
    /// Print the result in the documented JSON form
    #[arg(long, global = true, env = "EVENTMIRROR_JSON", action = ArgAction::SetTrue, display_order = 900)]
    #[arg(value_parser = FalseyValueParser::new())]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Apply change files to a store, each exactly once
    Apply(Box<ApplyArguments>),
    /// Apply what is new from all sources of a file, once or again and again
    Sync(SyncArguments),
    /// Show what a converter makes of files, and apply nothing
    Convert(Box<ConvertArguments>),
    /// Compare the store with an extract of the warehouse, row by row
    Verify(Box<VerifyArguments>),
    /// Show what differs between two stores, or two commits of one
    Diff(DiffArguments),
    /// Write the row counts and digests of all buckets, or the SQL that computes them in a warehouse
    Digest(Box<DigestArguments>),
    /// Print the event with a key as one line of JSON
    Get(GetArguments),
    /// Print or export events, each user's together
    Scan(ScanArguments),
    /// Print how many events the store has
    Count(CountArguments),
    /// Remove what only commits before the last few days show, and give its disk back
    Gc(GcArguments),
    /// List the applied batches and what became of their rows
    Log(LogArguments),
    /// Describe the store: columns, sources, size
    Status(StatusArguments),
    /// List the rows that were rejected, and why
    Rejected(RejectedArguments),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
    /// Print the man page, or write the pages of all commands into a folder
    Man(ManArguments),
}

/// A parser of one of several words, each with its value.
pub(super) fn one_of<T: Clone + Send + Sync + 'static>(
    choices: Vec<(&'static str, T)>,
) -> impl TypedValueParser<Value = T> {
    let words: Vec<&'static str> = choices.iter().map(|(word, _)| *word).collect();
    PossibleValuesParser::new(words).try_map(move |text| {
        let choice = choices.iter().find(|(word, _)| *word == text);
        choice.map(|(_, value)| value.clone()).ok_or("not one of the possible values")
    })
}

const GET_EXAMPLES: &str = "\
Examples:
  eventmirror get ./mirror --user-id ann --insert-id a1 --event-time 1505079720000
  eventmirror get ./mirror --user-id ann --insert-id a1 --event-time 2017-09-10T21:42:00Z --as-of 3";

#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES)]
pub(super) struct GetArguments {
    /// Folder of the store
    pub(super) store: PathBuf,
    /// The user
    #[arg(long, env = "EVENTMIRROR_USER_ID", value_name = "ID", allow_negative_numbers = true)]
    pub(super) user_id: String,
    /// The event's insert id
    #[arg(long, env = "EVENTMIRROR_INSERT_ID", value_name = "ID", allow_negative_numbers = true)]
    pub(super) insert_id: String,
    /// The event's time: a whole number in the store's unit, or RFC 3339
    #[arg(long, env = "EVENTMIRROR_EVENT_TIME", value_name = "TIME", allow_negative_numbers = true)]
    pub(super) event_time: String,
    /// As the store was after this commit [default: the last]
    #[arg(long, env = "EVENTMIRROR_AS_OF", value_name = "SEQUENCE")]
    pub(super) as_of: Option<u64>,
}

/// What `scan` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanFormat {
    Ndjson,
    Csv,
    Parquet,
    Table,
}

fn scan_format() -> impl TypedValueParser<Value = ScanFormat> {
    one_of(vec![
        ("ndjson", ScanFormat::Ndjson),
        ("json", ScanFormat::Ndjson),
        ("csv", ScanFormat::Csv),
        ("parquet", ScanFormat::Parquet),
        ("table", ScanFormat::Table),
    ])
}

const SCAN_EXAMPLES: &str = "\
Examples:
  eventmirror scan ./mirror --user-id ann
  eventmirror scan ./mirror --from 2017-09-10 --to 2017-09-11 --format csv -o day.csv
  eventmirror scan ./mirror --as-of 3 --format ndjson | sort > then.ndjson
  eventmirror scan ./mirror -o events.parquet";

#[derive(Debug, Args)]
#[command(after_help = SCAN_EXAMPLES)]
pub(super) struct ScanArguments {
    /// Folder of the store
    pub(super) store: PathBuf,
    /// Only this user's events
    #[arg(long, env = "EVENTMIRROR_USER_ID", value_name = "ID", allow_negative_numbers = true)]
    pub(super) user_id: Option<String>,
    /// Only events at this time or later: a whole number in the store's unit, RFC 3339, or a date in UTC
    #[arg(long, env = "EVENTMIRROR_FROM", value_name = "TIME", allow_negative_numbers = true)]
    pub(super) from: Option<String>,
    /// Only events before this time
    #[arg(long, env = "EVENTMIRROR_TO", value_name = "TIME", allow_negative_numbers = true)]
    pub(super) to: Option<String>,
    /// As the store was after this commit [default: the last]
    #[arg(long, env = "EVENTMIRROR_AS_OF", value_name = "SEQUENCE")]
    pub(super) as_of: Option<u64>,
    /// At most so many events [default: all; 50 in a table]
    #[arg(long, env = "EVENTMIRROR_LIMIT", value_name = "N")]
    pub(super) limit: Option<u64>,
    /// Format [default: by the ending of the output file; a table on a terminal, ndjson otherwise]
    #[arg(long, env = "EVENTMIRROR_FORMAT", value_parser = scan_format())]
    pub(super) format: Option<ScanFormat>,
    /// File to write, which appears whole or not at all [default: standard output]
    #[arg(long, short, env = "EVENTMIRROR_OUTPUT", value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

const COUNT_EXAMPLES: &str = "\
Examples:
  eventmirror count ./mirror
  eventmirror count ./mirror --as-of 3 --json";

#[derive(Debug, Args)]
#[command(after_help = COUNT_EXAMPLES)]
pub(super) struct CountArguments {
    /// Folder of the store
    pub(super) store: PathBuf,
    /// As the store was after this commit [default: the last]
    #[arg(long, env = "EVENTMIRROR_AS_OF", value_name = "SEQUENCE")]
    pub(super) as_of: Option<u64>,
}

const GC_EXAMPLES: &str = "\
Examples:
  eventmirror gc ./mirror --history 7d
  eventmirror gc ./mirror --before 42 --dry-run
  eventmirror gc ./mirror --history 0s --json

Older commits are refused afterwards by --as-of and the like; `status` and `log` still tell of them. Readers of this
store are not disturbed, batches are applied meanwhile by programs that embed it. The table is rewritten where anything
is removed, which takes as much disk as the table for a while: once a day is often enough.";

#[derive(Debug, Args)]
#[command(after_help = GC_EXAMPLES)]
pub(super) struct GcArguments {
    /// Folder of the store
    pub(super) store: PathBuf,
    /// Keep readable what the table was at any moment within so long before now: 12h, 7d; 0s for the last commit only
    #[arg(long, env = "EVENTMIRROR_HISTORY", value_parser = parse::duration, value_name = "TIME", default_value = "7d")]
    pub(super) history: Duration,
    /// Remove what only commits before this one show, however old it is
    #[arg(long, env = "EVENTMIRROR_BEFORE", value_name = "SEQUENCE", conflicts_with = "history")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) before: Option<u64>,
    /// Say what would be removed, and remove nothing
    #[arg(long, env = "EVENTMIRROR_DRY_RUN", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) dry_run: bool,
}

const LOG_EXAMPLES: &str = "\
Examples:
  eventmirror log ./mirror --reverse --limit 10
  eventmirror log ./mirror --json > batches.ndjson";

#[derive(Debug, Args)]
#[command(after_help = LOG_EXAMPLES)]
pub(super) struct LogArguments {
    /// Folder of the store
    pub(super) store: PathBuf,
    /// At most so many batches
    #[arg(long, env = "EVENTMIRROR_LIMIT", value_name = "N")]
    pub(super) limit: Option<u64>,
    /// The newest batch first
    #[arg(long, env = "EVENTMIRROR_REVERSE", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) reverse: bool,
}

const STATUS_EXAMPLES: &str = "\
Examples:
  eventmirror status ./mirror
  eventmirror status ./mirror --json";

#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLES)]
pub(super) struct StatusArguments {
    /// Folder of the store
    pub(super) store: PathBuf,
}

const REJECTED_EXAMPLES: &str = "\
Examples:
  eventmirror rejected ./mirror --limit 20
  eventmirror rejected ./mirror --rule missing_user_id --json > rejected.ndjson";

#[derive(Debug, Args)]
#[command(after_help = REJECTED_EXAMPLES)]
pub(super) struct RejectedArguments {
    /// Folder of the store
    pub(super) store: PathBuf,
    /// Only rows that this rule refused
    #[arg(long, env = "EVENTMIRROR_RULE", value_name = "NAME", value_parser = rule(), hide_possible_values = true)]
    pub(super) rule: Option<Rule>,
    /// At most so many rows
    #[arg(long, env = "EVENTMIRROR_LIMIT", value_name = "N")]
    pub(super) limit: Option<u64>,
}

fn rule() -> impl TypedValueParser<Value = Rule> {
    one_of(Rule::ALL.map(|rule| (rule.name(), rule)).into())
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  eventmirror completions bash > ~/.local/share/bash-completion/completions/eventmirror
  eventmirror completions fish > ~/.config/fish/completions/eventmirror.fish";

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(super) struct CompletionsArguments {
    /// The shell
    pub(super) shell: Shell,
}

const MAN_EXAMPLES: &str = "\
Examples:
  eventmirror man | man -l -
  eventmirror man ~/.local/share/man/man1";

#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(super) struct ManArguments {
    /// Folder for the pages of all commands; made if it is not there
    pub(super) folder: Option<PathBuf>,
}
