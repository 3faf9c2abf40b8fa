//! Arguments, exit codes and the report of `apply`, by their exact texts: they are public.

#![allow(clippy::unwrap_used)]

use super::apply::{Printer, options, source_options, summary};
use super::applying::ApplyArguments;
use super::arguments::{Cli, Command, ScanArguments, ScanFormat};
use super::output::{Console, Shape};
use super::report::Report;
use super::{Outcome, exit_code, export};
use crate::error::{Error, ErrorKind};
use crate::ingest::IdRules;
use crate::model::change::Operation;
use crate::model::counts::{Counter, Counts};
use crate::model::key::{EventKey, TimePrecision};
use crate::model::ledger::{Applied, LedgerEntry, NearMatch};
use crate::model::mutation::{Policy, UpdateMode};
use crate::model::position::{Named, Position};
use crate::model::rejection::Rule;
use crate::model::value::TimeUnit;
use crate::source::{ColumnNames, CsvForm, Dialect, FileFormat, WindowFiles};
use clap::{CommandFactory, Parser};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex};

fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("eventmirror").chain(words.iter().copied()))
}

fn apply(words: &[&str]) -> ApplyArguments {
    match parse(&[&["apply", "mirror", "in"], words].concat()).unwrap().command {
        Command::Apply(arguments) => *arguments,
        other => panic!("{other:?}"),
    }
}

fn scan(words: &[&str]) -> ScanArguments {
    match parse(&[&["scan", "mirror"], words].concat()).unwrap().command {
        Command::Scan(arguments) => arguments,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

/// All commands, and the commands of commands.
fn all_commands() -> Vec<clap::Command> {
    let commands: Vec<clap::Command> = Cli::command().get_subcommands().cloned().collect();
    let inner: Vec<clap::Command> = commands.iter().flat_map(|command| command.get_subcommands().cloned()).collect();
    [commands, inner].concat()
}

#[test]
fn every_flag_is_an_environment_variable_and_every_command_has_examples() {
    for command in all_commands() {
        assert!(command.get_after_help().is_some_and(|help| help.to_string().contains("eventmirror ")));
        for flag in command.get_arguments().filter_map(|flag| flag.get_long().map(|long| (long, flag.get_env()))) {
            let expected = format!("EVENTMIRROR_{}", flag.0.replace('-', "_").to_uppercase());
            assert_eq!(flag.1.map(|name| name.to_string_lossy().into_owned()), Some(expected), "--{}", flag.0);
        }
    }
}

#[test]
fn apply_by_default() {
    let arguments = apply(&[]);
    let (source, options) = (source_options(&arguments).unwrap(), options(&arguments).unwrap());
    assert_eq!((source.dialect, source.source, source.format), (Dialect::S3, None, None));
    assert_eq!((source.time_unit, source.op_case_insensitive), (TimeUnit::Millisecond, false));
    assert!(source.op_aliases.is_empty());
    assert_eq!(source.inputs, crate::InputOptions::default());
    let operations = options.operations;
    assert!(operations.insert && operations.update && operations.delete);
    assert_eq!((options.id_rules, options.policies), (IdRules::Any, Default::default()));
    let guards = options.guards;
    assert_eq!((guards.max_delete_percent, guards.allow_gap, guards.dry_run), (20.0, false, false));
    assert_eq!((arguments.reading.memory, arguments.precision, arguments.strict), (512_000_000, None, false));
}

#[test]
fn apply_with_every_flag() {
    let words = "--dialect backfill --source orders --format parquet --map user_id=A --map insert_id=B+C \
        --ops insert,delete --op-case insensitive --op-alias I=INSERT,D=DELETE --id-rules amplitude \
        --on-insert-conflict ignore --on-unmatched-update reject --on-update merge --naive-tz -05:00 --time-unit us \
         --precision us --scope event_time>=5,event_time<1970-01-02 --max-delete-percent 99.5 --allow-gap --memory 1GiB \
         --dry-run --strict --relist --look-back 12h --retry-for 30s";
    let arguments = apply(&words.split_whitespace().collect::<Vec<_>>());
    let (source, options) = (source_options(&arguments).unwrap(), options(&arguments).unwrap());
    assert_eq!((source.dialect, source.source.as_deref()), (Dialect::Backfill, Some("orders")));
    assert_eq!((source.format, source.time_unit), (Some(FileFormat::Parquet), TimeUnit::Microsecond));
    assert!(source.op_case_insensitive && source.inputs.relist);
    assert_eq!((source.inputs.look_back.as_secs(), source.inputs.retry_for.as_secs()), (43_200, 30));
    let aliases = [("I".to_owned(), Operation::Insert), ("D".to_owned(), Operation::Delete)];
    assert_eq!(source.op_aliases, aliases);
    assert_eq!(source.naive_tz, jiff::tz::TimeZone::fixed(jiff::tz::offset(-5)));
    let operations = options.operations;
    assert!(operations.insert && !operations.update && operations.delete);
    assert_eq!(options.id_rules, IdRules::Amplitude);
    assert_eq!(options.policies.on_insert_conflict, Policy::Ignore);
    assert_eq!(options.policies.on_unmatched_update, Policy::Reject);
    assert_eq!(options.policies.update_mode, UpdateMode::Merge);
    let contained = [4, 5, 86_399_999, 86_400_000].map(|time| options.scope.contains(time, TimePrecision::Millis));
    assert_eq!(contained, [false, true, true, false]);
    let guards = options.guards;
    assert_eq!((guards.max_delete_percent, guards.allow_gap, guards.dry_run), (99.5, true, true));
    assert_eq!((arguments.reading.memory, arguments.precision), (1 << 30, Some(TimePrecision::Micros)));
    assert!(arguments.strict);
}

#[test]
fn apply_windows_of_the_warehouses() {
    let source = |words: &str| source_options(&apply(&words.split_whitespace().collect::<Vec<_>>()));
    let snowflake = source(
        "--dialect snowflake --header A,B --csv-form quoted --column-names as-is --window-per-folder --position 7",
    )
    .unwrap();
    assert_eq!((snowflake.header, snowflake.csv_form), (Some(vec!["A".into(), "B".into()]), Some(CsvForm::Quoted)));
    assert_eq!((snowflake.column_names, snowflake.position), (Some(ColumnNames::AsIs), Some(7)));
    assert_eq!((snowflake.window, snowflake.is_dialect_given), (Some(WindowFiles::Folder), true));
    let databricks = source("--dialect databricks --window-per-file --from-version 41 --to-version 45").unwrap();
    assert_eq!((databricks.from_version, databricks.to_version), (Some(41), Some(45)));
    assert_eq!(databricks.window, Some(WindowFiles::File));
    assert!(!source("").unwrap().is_dialect_given);
    for (words, place) in [
        ("--dialect databricks --position 7", "--position"),
        ("--from-version 7", "--from-version"),
        ("--dialect bigquery --map row_id=r", "--map row_id"),
        ("--header A,B,A", "--header"),
        ("--header A,,B", "--header"),
    ] {
        let error = source(words).unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains(place)), (ErrorKind::Usage, true), "{error}");
    }
}

#[test]
fn wrong_usage_is_refused() {
    for words in [
        "apply",
        "apply mirror",
        "apply mirror in --dialect oracle",
        "apply mirror in --ops merge",
        "apply mirror in --op-alias I",
        "apply mirror in --on-insert-conflict upsert",
        "apply mirror in --on-unmatched-update replace",
        "apply mirror in --memory lots",
        "apply mirror in --max-delete-percent 101",
        "convert in",
        "digest",
        "digest sql",
        "digest sql mirror",
        "digest sql mirror --for oracle",
        "digest sql mirror --for duckdb --event-time-as day",
        "digest mirror --form a",
        "digest mirror --form a=float16",
        "verify mirror",
        "verify mirror in --digest d.csv",
        "verify mirror --digest d.csv --repair r.json.gz",
        "verify mirror in --export-sql e.sql",
        "verify mirror --digest d.csv --map user_id=u",
        "verify mirror in --buckets 65536",
        "convert --converter c.json",
        "apply mirror in --look-back 2",
        "apply mirror in --window-per-folder --window-per-file",
        "apply mirror in --csv-form tabs",
        "get mirror --user-id ann",
        "scan mirror --format xml",
        "scan mirror --limit -1",
        "rejected mirror --rule none",
        "count",
        "nonsense",
        "",
    ] {
        let error = parse(&words.split_whitespace().collect::<Vec<_>>()).unwrap_err();
        assert_eq!((error.exit_code(), error.use_stderr()), (2, true), "{words}");
    }
}

#[test]
fn json_is_understood_before_and_behind_the_command() {
    assert!(parse(&["--json", "count", "mirror"]).unwrap().json);
    assert!(parse(&["count", "mirror", "--json"]).unwrap().json);
    assert!(!parse(&["count", "mirror"]).unwrap().json);
}

#[test]
fn the_format_of_a_scan() {
    for (words, json, is_terminal, expected) in [
        ("", false, true, ScanFormat::Table),
        ("", false, false, ScanFormat::Ndjson),
        ("", true, true, ScanFormat::Ndjson),
        ("--format csv", false, true, ScanFormat::Csv),
        ("-o a.csv", false, true, ScanFormat::Csv),
        ("-o a.parquet", false, true, ScanFormat::Parquet),
        ("-o a.txt", false, true, ScanFormat::Ndjson),
        ("-o a.csv --format table", false, false, ScanFormat::Table),
    ] {
        let arguments = scan(&words.split_whitespace().collect::<Vec<_>>());
        assert_eq!(export::format(&arguments, json, is_terminal), expected, "{words}");
    }
}

#[test]
fn every_end_has_its_exit_code() {
    let codes = [
        (ErrorKind::Usage, 2),
        (ErrorKind::Unsupported, 2),
        (ErrorKind::InvalidInput, 3),
        (ErrorKind::Io, 3),
        (ErrorKind::Corrupt, 4),
        (ErrorKind::Locked, 5),
        (ErrorKind::HistoryGap, 6),
        (ErrorKind::Interrupted, 7),
    ];
    for (kind, code) in codes {
        assert_eq!(exit_code(kind), code, "{kind:?}");
    }
    let outcomes = [(Outcome::Done, 0), (Outcome::NotFound, 1), (Outcome::Refused, 8)];
    for (outcome, code) in outcomes {
        assert_eq!(outcome.exit_code(), code);
    }
}

/// A ledger entry whose numbers follow from its sequence.
pub(super) fn entry(sequence: u64, name: &str) -> LedgerEntry {
    let mut counts = Counts { read: 4, inserted: 2, updated: 1, event_volume: 3, ..Counts::default() };
    counts.reject(Rule::MissingUserId, 1);
    counts.count(Counter::UpdateWithoutMatch, 1);
    LedgerEntry {
        sequence,
        source: "s3".into(),
        position: Position::Named(Named { name: name.into(), size: 1, modified: None, hash: [0; 32] }),
        counts,
        rows: sequence * 10,
        committed_at: sequence as i64,
        near_matches: vec![NearMatch { key: EventKey::new("ann", "a1", 5), offset: -2 }],
    }
}

fn applied(sequence: u64, already_applied: bool, changed_after_apply: bool) -> Applied {
    Applied { entry: entry(sequence, &format!("{sequence:04}.json")), already_applied, changed_after_apply }
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What `apply` prints of these batches.
fn printed(shape: Shape, batches: &[Applied], has_failed: bool) -> (String, Report) {
    let captured = Captured::default();
    let mut console = Console::new(captured.clone(), shape == Shape::Table);
    let report = Report::new("mirror".into(), "s3".into(), false);
    let mut printer = Printer { report, shape, console: &mut console, lines: VecDeque::new(), failed: None };
    batches.iter().for_each(|batch| printer.batch(batch));
    let report = printer.finish((30, 3), has_failed).unwrap();
    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    (text, report)
}

const NEW: &str = "{\"position\":\"0003.json\",\"commit_sequence\":3,\"already_applied\":false,\"read\":4,\"inserted\":2,\
    \"updated\":1,\"deleted\":0,\"unchanged\":0,\"coalesced\":0,\"without_effect\":0,\"skipped\":0,\"rejected\":1,\
    \"counters\":{\"update_without_match\":1},\"rejections\":{\"missing_user_id\":1},\"event_volume\":3,\"rows\":30,\
    \"near_matches\":[{\"user_id\":\"ann\",\"insert_id\":\"a1\",\"event_time\":5,\"offset\":-2}]}";
const KNOWN: &str = "{\"position\":\"0001.json\",\"commit_sequence\":1,\"already_applied\":true,\"read\":0,\"inserted\":0,\
    \"updated\":0,\"deleted\":0,\"unchanged\":0,\"coalesced\":0,\"without_effect\":0,\"skipped\":0,\"rejected\":0,\
    \"counters\":{},\"rejections\":{},\"event_volume\":0,\"rows\":10,\"near_matches\":[]}";

#[test]
fn the_report_by_its_exact_text() {
    let (text, _) = printed(Shape::Json, &[applied(1, true, false), applied(3, false, false)], false);
    let expected = "{\"schema\":\"eventmirror.apply/1\",\"store\":\"mirror\",\"source\":\"s3\",\"dry_run\":false,\
        \"batches\":["
        .to_owned()
        + KNOWN
        + ","
        + NEW
        + "],\"totals\":{\"batches\":2,\"already_applied\":1,\"read\":4,\"inserted\":2,\"updated\":1,\"deleted\":0,\
        \"unchanged\":0,\"coalesced\":0,\"without_effect\":0,\"skipped\":0,\"rejected\":1,\
        \"counters\":{\"update_without_match\":1},\"rejections\":{\"missing_user_id\":1},\"event_volume\":3,\
        \"files_left_out\":0}}\n";
    assert_eq!(text, expected);
}

#[test]
fn a_pipe_gets_a_line_a_batch() {
    let (text, _) = printed(Shape::Lines, &[applied(1, true, false), applied(3, false, false)], true);
    assert_eq!(text, format!("{KNOWN}\n{NEW}\n"));
}

#[test]
fn a_run_that_fails_prints_the_batches_before() {
    assert_eq!(printed(Shape::Json, &[], true).0, "");
    assert_eq!(printed(Shape::Table, &[], true).0, "");
    assert!(printed(Shape::Json, &[], false).0.contains("\"batches\":[]"));
    assert!(printed(Shape::Json, &[applied(3, false, false)], true).0.contains(NEW));
}

#[test]
fn a_table_shows_the_last_batches() {
    let batches: Vec<Applied> = (1..=25).map(|sequence| applied(sequence, false, false)).collect();
    let (text, _) = printed(Shape::Table, &batches, false);
    assert!(text.starts_with("… and 5 batches more before these\n"), "{text}");
    assert!(!text.contains("0005.json") && text.contains("0006.json") && text.contains("0025.json"));
    assert!(text.contains("totals: read 100, inserted 50, updated 25, rejected 25, event_volume 75\n"));
    assert!(text.contains("counters: update_without_match 25\n"));
    assert!(text.contains("rejected by rule: missing_user_id 25\n"));
    assert!(text.ends_with("applied 25 batches, 25 rows rejected; 30 rows in the store at sequence 3\n"));
}

#[test]
fn a_changed_file_is_counted_and_refused_under_strict() {
    // Whichever way the library flags it.
    for already_applied in [false, true] {
        let (text, report) = printed(Shape::Lines, &[applied(1, already_applied, true)], false);
        assert!(text.contains("\"read\":0") && text.contains("\"counters\":{\"changed_after_apply\":1}"), "{text}");
        assert!(report.is_refused());
        let expected = "applied 0 batches, 1 changed after being applied and left out; 12,345 rows in the store at \
            sequence 7";
        assert_eq!(summary(&report, 12_345, 7), expected);
    }
    assert!(!printed(Shape::Lines, &[applied(1, true, false)], false).1.is_refused());
    assert!(printed(Shape::Lines, &[applied(1, false, false)], false).1.is_refused(), "it has a rejected row");
}

#[test]
fn a_dry_run_commits_nothing() {
    let mut report = Report::new("mirror".into(), "s3".into(), true);
    let text = serde_json::to_string(&report.add(&applied(3, false, false))).unwrap();
    assert!(text.contains("\"commit_sequence\":null"), "{text}");
    let text = serde_json::to_string(&report.add(&applied(1, true, false))).unwrap();
    assert!(text.contains("\"commit_sequence\":1"), "{text}");
    let expected = "dry run: would apply 1 batch, 1 already applied, 1 row rejected; nothing was changed, 10 rows in \
        the store at sequence 1";
    assert_eq!(summary(&report, 10, 1), expected);
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_does_not_end_an_apply() {
    let mut console = Console::new(Closed, false);
    let report = Report::new("mirror".into(), "s3".into(), false);
    let shape = Shape::Lines;
    let mut printer = Printer { report, shape, console: &mut console, lines: VecDeque::new(), failed: None };
    printer.batch(&applied(1, false, false));
    printer.batch(&applied(2, false, false));
    assert!(printer.failed.is_some());
    assert_eq!(printer.finish((0, 2), false).map_err(|error: Error| error.to_string()).unwrap().seen, 2);
}

/// Commands of a text, a line each; a line that ends with `\` goes on, and `#` begins a comment.
fn commands(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("eventmirror "));
    let words = |line: &str| {
        let (mut words, mut quote) = (vec![String::new()], None);
        for c in line.chars() {
            match (c, quote) {
                ('#', None) if words.last().is_some_and(String::is_empty) => break,
                ('>' | '|', None) if words.last().is_some_and(String::is_empty) => break,
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                (' ', None) => words.push(String::new()),
                (c, _) => words.last_mut().unwrap().push(c),
            }
        }
        words.into_iter().filter(|word| !word.is_empty()).collect()
    };
    lines.map(words).collect()
}

#[test]
fn every_command_that_the_readme_and_the_help_show_is_one() {
    let readme = include_str!("../../README.md");
    let blocks: String = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let mut all = vec![("README".to_owned(), blocks)];
    for command in all_commands() {
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        all.push((command.get_name().to_owned(), examples));
    }
    for (place, text) in all {
        let commands = commands(&text);
        assert!(!commands.is_empty(), "{place}");
        for words in commands {
            let parsed = Cli::try_parse_from(&words);
            assert!(parsed.is_ok(), "{place}: {words:?}: {}", parsed.unwrap_err());
        }
    }
}
