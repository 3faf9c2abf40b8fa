//! `verify`: the flags into options, what was found into a report.

use super::comparing::VerifyArguments;
use super::export::write_file;
use super::output::{Console, Shape, say};
use super::parse::Rounding;
use super::report::PositionJson;
use super::table::{Align, grouped, plural, shown, table};
use super::{Outcome, interrupt, parse, read, reading, usage, verify_digest};
use crate::diff::Kind;
use crate::diff::times::Shift;
use crate::error::Result;
use crate::ingest::EnabledOperations;
use crate::model::change::Operation;
use crate::model::event_json;
use crate::model::key::{EventKey, TimePrecision};
use crate::model::rejection::Rule;
use crate::model::text;
use crate::model::value::{Event, Value};
use crate::query;
use crate::report::{self, Subject};
use crate::source::{Mapping, SourceOptions};
use crate::verify::{
    Cause, Columns, Comparison, Extract, Sample, Touched, Verdict, Verification, VerifyOptions, verify,
};
use crate::{EventStore, ScanRange, Scope};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

pub(super) fn run(arguments: &VerifyArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    if let Some(file) = &arguments.digest {
        return verify_digest::run(arguments, file, json, console);
    }
    let source = source_options(arguments)?;
    let stop = interrupt::flag()?;
    let store = read::open_within(&arguments.store, arguments.reading.memory)?;
    let snapshot = read::snapshot(&store, as_of(arguments, &store)?)?;
    let extract = Extract::open(&arguments.extract, source)?;
    let options = VerifyOptions { stop: Some(stop), ..options(arguments, store.precision())? };
    let mut result = Verification::default();
    match &arguments.repair {
        None => result = verify(&snapshot, &extract, options)?,
        Some(path) => {
            write_file(path, |out: &mut (dyn Write + Send)| {
                result = verify(&snapshot, &extract, VerifyOptions { repair: Some(out), ..options })?;
                Ok(result.repairs)
            })?;
            say(&repaired(&result, &path.display().to_string()));
        }
    }
    let accepted: BTreeSet<Cause> = arguments.accept.iter().copied().collect();
    let is_accepted = result.verdict() == Verdict::Identical || result.is_accepted(&accepted);
    write_reports(arguments, &result, store.precision(), is_accepted)?;
    print(&result, store.precision(), json, console)?;
    Ok(if is_accepted { Outcome::Done } else { Outcome::Different })
}

fn write_reports(
    arguments: &VerifyArguments,
    result: &Verification,
    precision: TimePrecision,
    is_accepted: bool,
) -> Result<()> {
    let (store, repair) = (arguments.store.display().to_string(), arguments.repair.as_ref());
    let repair = repair.map(|path| path.display().to_string());
    let subject = Subject {
        verification: result,
        store: &store,
        extract: &arguments.extract,
        precision,
        now: jiff::Timestamp::now().as_millisecond(),
        is_accepted,
        repair: repair.as_deref(),
    };
    let write = |path: &Path, text: String| -> Result<()> {
        let written = write_file(path, |out| {
            out.write_all(text.as_bytes())?;
            Ok(text.len() as u64)
        });
        written.map(drop)
    };
    if let Some(path) = &arguments.report {
        write(path, report::html(&subject))?;
    }
    match &arguments.junit {
        Some(path) => write(path, report::junit(&subject)?),
        None => Ok(()),
    }
}

/// The commit that is asked for, if one is.
pub(super) fn as_of(arguments: &VerifyArguments, store: &EventStore) -> Result<Option<u64>> {
    let Some(text) = &arguments.as_of_position else { return Ok(arguments.as_of) };
    let Some((source, position)) = text.split_once('=') else {
        return Err(usage(format!("{text:?} is no position of a source"))
            .at("--as-of-position")
            .advice("write SOURCE=POSITION, as in s3=changes/2026-11-01.json.gz"));
    };
    store.sequence_at(source, position).map(Some)
}

fn options<'a>(arguments: &VerifyArguments, precision: TimePrecision) -> Result<VerifyOptions<'a>> {
    let names = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    let columns = match (arguments.columns.as_slice(), arguments.ignore_columns.as_slice()) {
        ([], []) => Columns::All,
        ([], ignored) => Columns::AllBut(names(ignored)),
        (columns, _) => Columns::Only(names(columns)),
    };
    let bound = |text: &Option<String>, flag: &str| {
        text.as_deref().map(|text| parse::time(text, precision, Rounding::Up, flag)).transpose()
    };
    let has = |operation| arguments.ops.contains(&operation);
    Ok(VerifyOptions {
        full: arguments.full,
        comparison: Comparison { columns, tolerances: arguments.tolerance.iter().cloned().collect() },
        range: ScanRange {
            user_id: arguments.user_id.clone(),
            from: bound(&arguments.from, "--from")?,
            to: bound(&arguments.to, "--to")?,
        },
        scope: Scope::parse(&arguments.scope)?,
        operations: EnabledOperations {
            insert: has(Operation::Insert),
            update: has(Operation::Update),
            delete: has(Operation::Delete),
        },
        buckets: arguments.buckets.as_ref().map(|buckets| buckets.iter().copied().collect()),
        limit: arguments.limit,
        memory: arguments.reading.memory,
        ..VerifyOptions::default()
    })
}

fn source_options(arguments: &VerifyArguments) -> Result<SourceOptions> {
    Ok(SourceOptions {
        to_version: arguments.table_version,
        mapping: Mapping::parse(&parse::mappings(&arguments.map))?,
        ..reading::options(&arguments.reading, arguments.converter.as_deref())?
    })
}

fn repaired(result: &Verification, path: &str) -> String {
    format!("{} written to {path}; `eventmirror apply` takes it", plural(result.repairs, "mutation"))
}

fn print(result: &Verification, precision: TimePrecision, json: bool, console: &mut Console) -> Result<()> {
    match console.shape(json) {
        Shape::Json | Shape::Lines => console.json(&VerifyJson::new(result, precision)),
        Shape::Table => {
            let titles = [("kind", Align::Left), ("rows", Align::Right)];
            let kinds = [Kind::Missing, Kind::Unexpected, Kind::Mismatched];
            let row = |(name, count): (&str, u64)| vec![name.to_owned(), grouped(count)];
            let counts = [("expected", result.expected), ("actual", result.actual)];
            let counts = counts.into_iter().chain(kinds.map(|kind| (kind.name(), result.count(kind))));
            console.line(table(&titles, counts.map(row)))?;
            if !result.samples.is_empty() {
                console.line(samples(&result.samples))?;
            }
            notes(result, precision).into_iter().try_for_each(|note| console.line(note))
        }
    }?;
    say(&sentence(result));
    Ok(())
}

/// What was found, in one sentence.
fn sentence(result: &Verification) -> String {
    let rows = format!("{} expected, {} in the store", plural(result.expected, "row"), grouped(result.actual));
    let found = match result.verdict() {
        Verdict::Identical => "identical".to_owned(),
        verdict => format!("{}, {}", verdict.name(), plural(result.total(), "difference")),
    };
    format!("{found}: {rows} at sequence {}", result.as_of)
}

/// What the tables do not say.
fn notes(result: &Verification, precision: TimePrecision) -> Vec<String> {
    let mut notes = Vec::new();
    if !result.causes.is_empty() {
        let causes: Vec<String> =
            result.causes.iter().map(|(cause, count)| format!("{} {}", cause.name(), grouped(*count))).collect();
        notes.push(format!("causes: {}", causes.join(", ")));
    }
    notes.extend(result.shift.map(|(shift, pairs)| shift_text(shift, pairs, precision)));
    let rules: Vec<String> =
        result.left_out.iter().map(|(rule, count)| format!("{} {}", rule.name(), grouped(*count))).collect();
    if !rules.is_empty() {
        notes.push(format!("rows of the extract left out: {}", rules.join(", ")));
    }
    if result.out_of_range > 0 {
        notes.push(format!(
            "{} of the extract left out by --user-id, --from and --to",
            plural(result.out_of_range, "row")
        ));
    }
    if result.within_tolerance > 0 {
        notes.push(format!("{} equal by --tolerance only", plural(result.within_tolerance, "row")));
    }
    if result.repeated > 0 {
        notes.push(format!("{} of the extract repeated, counted once", plural(result.repeated, "row")));
    }
    notes
}

fn shift_text(shift: Shift, pairs: u64, precision: TimePrecision) -> String {
    let what = match shift {
        Shift::Offset(offset) => {
            let millis = millis(offset, precision);
            format!("are {millis} ms later in the store than in the extract: is --naive-tz the right time zone?")
        }
        Shift::Multiplied(factor) => format!("are {factor} times the extract's in the store: is --time-unit right?"),
        Shift::Divided(factor) => {
            format!("are the extract's divided by {factor} in the store: is --time-unit right?")
        }
        Shift::Floored(unit) => format!(
            "are the extract's in the store but for digits that were cut off, down to whole {} ms",
            millis(unit, precision)
        ),
    };
    format!("the times of {} {what}", plural(pairs, "near match"))
}

fn samples(samples: &[Sample]) -> comfy_table::Table {
    let titles = ["kind", "user_id", "insert_id", "event_time", "cause", "what", "last batch"];
    let titles = titles.map(|title| (title, Align::Left));
    let rows = samples.iter().map(|sample| {
        let touched = sample.touched.as_ref();
        vec![
            sample.kind.name().to_owned(),
            sample.key.user_id.clone(),
            sample.key.insert_id.clone(),
            sample.key.event_time.to_string(),
            sample.cause.map(Cause::name).unwrap_or_default().to_owned(),
            what(sample),
            touched.map(|touched| format!("{} {}", touched.sequence, touched.position)).unwrap_or_default(),
        ]
    });
    table(&titles, rows)
}

/// The columns that differ, expected → actual.
fn what(sample: &Sample) -> String {
    let plain = |value: &Option<Value>| {
        let mut text = String::new();
        match value {
            Some(value) => text::append_plain(value.as_ref(), &mut text),
            None => text.push_str("(null)"),
        }
        text
    };
    let columns = sample.columns.iter();
    let columns =
        columns.map(|found| format!("{}: {} → {}", found.column, plain(&found.expected), plain(&found.actual)));
    shown(&columns.collect::<Vec<_>>().join("; "))
}

/// A time difference in milliseconds.
fn millis(offset: i64, precision: TimePrecision) -> serde_json::Number {
    let micros = i128::from(offset) * i128::from(precision.micros());
    match i64::try_from(micros / 1_000).ok().filter(|_| micros % 1_000 == 0) {
        Some(millis) => millis.into(),
        None => serde_json::Number::from_f64(micros as f64 / 1_000.0).unwrap_or_else(|| 0.into()),
    }
}

/// The documented form. Keys are public.
#[derive(Serialize)]
struct VerifyJson<'a> {
    schema: &'static str,
    verdict: &'static str,
    as_of: u64,
    rows: RowsJson,
    differences: DifferencesJson,
    causes: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shift: Option<ShiftJson>,
    left_out: BTreeMap<&'static str, u64>,
    out_of_range: u64,
    repeated: u64,
    within_tolerance: u64,
    buckets_read: u64,
    samples: Vec<SampleJson<'a>>,
}

#[derive(Serialize)]
struct RowsJson {
    expected: u64,
    actual: u64,
}

#[derive(Serialize)]
struct DifferencesJson {
    missing: u64,
    unexpected: u64,
    mismatched: u64,
}

#[derive(Serialize)]
struct ShiftJson {
    #[serde(flatten)]
    by: ShiftByJson,
    pairs: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ShiftByJson {
    OffsetMs(serde_json::Number),
    MultipliedBy(i64),
    DividedBy(i64),
    FlooredToMs(serde_json::Number),
}

#[derive(Serialize)]
struct SampleJson<'a> {
    kind: &'static str,
    key: &'a EventKey,
    columns: Vec<ColumnJson<'a>>,
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause_batch: Option<BatchJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset_ms: Option<serde_json::Number>,
    expected: Option<Box<RawValue>>,
    actual: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extract: Option<PlaceJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_batch: Option<BatchJson<'a>>,
}

#[derive(Serialize)]
struct ColumnJson<'a> {
    column: &'a str,
    expected: Option<Box<RawValue>>,
    actual: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct PlaceJson<'a> {
    file: &'a str,
    row_number: u64,
}

#[derive(Serialize)]
struct BatchJson<'a> {
    commit_sequence: u64,
    source: &'a str,
    position: PositionJson,
}

impl<'a> VerifyJson<'a> {
    fn new(result: &'a Verification, precision: TimePrecision) -> Self {
        let mut causes: BTreeMap<&str, u64> =
            result.causes.iter().map(|(cause, count)| (cause.name(), *count)).collect();
        if let Some(count) = result.left_out.get(&Rule::MissingUserId) {
            causes.insert("no_user_id", *count);
        }
        let shift = result.shift.map(|(shift, pairs)| {
            let by = match shift {
                Shift::Offset(offset) => ShiftByJson::OffsetMs(millis(offset, precision)),
                Shift::Multiplied(factor) => ShiftByJson::MultipliedBy(factor),
                Shift::Divided(factor) => ShiftByJson::DividedBy(factor),
                Shift::Floored(unit) => ShiftByJson::FlooredToMs(millis(unit, precision)),
            };
            ShiftJson { by, pairs }
        });
        VerifyJson {
            schema: "eventmirror.verify/1",
            verdict: result.verdict().name(),
            as_of: result.as_of,
            rows: RowsJson { expected: result.expected, actual: result.actual },
            differences: DifferencesJson {
                missing: result.count(Kind::Missing),
                unexpected: result.count(Kind::Unexpected),
                mismatched: result.count(Kind::Mismatched),
            },
            causes,
            shift,
            left_out: result.left_out.iter().map(|(rule, count)| (rule.name(), *count)).collect(),
            out_of_range: result.out_of_range,
            repeated: result.repeated,
            within_tolerance: result.within_tolerance,
            buckets_read: result.buckets_read,
            samples: result.samples.iter().map(|sample| SampleJson::new(sample, precision)).collect(),
        }
    }
}

impl<'a> SampleJson<'a> {
    fn new(sample: &'a Sample, precision: TimePrecision) -> Self {
        let columns = sample.columns.iter().map(|found| ColumnJson {
            column: &found.column,
            expected: value_json(&found.expected),
            actual: value_json(&found.actual),
        });
        SampleJson {
            kind: sample.kind.name(),
            key: &sample.key,
            columns: columns.collect(),
            cause: sample.cause.map(Cause::name),
            cause_batch: sample.cause_batch.as_ref().map(BatchJson::new),
            rule: sample.rule.map(Rule::name),
            offset_ms: sample.offset.map(|offset| millis(offset, precision)),
            expected: sample.expected.as_ref().map(event_json),
            actual: sample.actual.as_ref().map(event_json),
            extract: sample.place.as_ref().map(|at| PlaceJson { file: &at.file, row_number: at.row_number }),
            last_batch: sample.touched.as_ref().map(BatchJson::new),
        }
    }
}

impl<'a> BatchJson<'a> {
    fn new(batch: &'a Touched) -> Self {
        BatchJson { commit_sequence: batch.sequence, source: &batch.source, position: (&batch.position).into() }
    }
}

fn value_json(value: &Option<Value>) -> Option<Box<RawValue>> {
    let mut json = String::new();
    text::append_json(value.as_ref()?.as_ref(), &mut json);
    Some(raw(json))
}

pub(super) fn event_json(event: &Event) -> Box<RawValue> {
    let mut json = String::new();
    event_json::append_event(event, &mut json);
    raw(json)
}

/// JSON on one line; as a text, where it is none.
fn raw(mut json: String) -> Box<RawValue> {
    query::one_line(&mut json);
    RawValue::from_string(json.clone()).unwrap_or_else(|_| {
        let mut quoted = String::new();
        text::append_json(crate::model::value::ValueRef::Text(&json), &mut quoted);
        RawValue::from_string(quoted).unwrap_or_else(|_| RawValue::NULL.to_owned())
    })
}
