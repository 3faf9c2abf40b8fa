//! `verify`: the flags into options, what was found into a report.

use super::comparing::VerifyArguments;
use super::export::write_file;
use super::output::{Console, Shape, say};
use super::report::PositionJson;
use super::table::{Align, grouped, plural, shown, table};
use super::{Outcome, interrupt, parse, read, reading};
use crate::diff::Kind;
use crate::diff::times::Shift;
use crate::error::Result;
use crate::model::event_json;
use crate::model::key::{EventKey, TimePrecision};
use crate::model::text;
use crate::model::value::{Event, Value};
use crate::query;
use crate::source::{Mapping, SourceOptions};
use crate::verify::{Cause, Extract, Sample, Verdict, Verification, VerifyOptions, verify};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

pub(super) fn run(arguments: &VerifyArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let source = source_options(arguments)?;
    let stop = interrupt::flag()?;
    let store = read::open(&arguments.store)?;
    let snapshot = read::snapshot(&store, arguments.as_of)?;
    let extract = Extract::open(&arguments.extract, source)?;
    let (full, limit, stop) = (arguments.full, arguments.limit, Some(stop));
    let mut result = Verification::default();
    match &arguments.repair {
        None => result = verify(&snapshot, &extract, VerifyOptions { full, limit, repair: None, stop })?,
        Some(path) => {
            write_file(path, |out: &mut (dyn Write + Send)| {
                result = verify(&snapshot, &extract, VerifyOptions { full, limit, repair: Some(out), stop })?;
                Ok(result.repairs)
            })?;
            say(&repaired(&result, &path.display().to_string()));
        }
    }
    print(&result, store.precision(), json, console)?;
    let accepted: BTreeSet<Cause> = arguments.accept.iter().copied().collect();
    Ok(match result.verdict() {
        Verdict::Identical => Outcome::Done,
        _ if result.is_accepted(&accepted) => Outcome::Done,
        _ => Outcome::Different,
    })
}

fn source_options(arguments: &VerifyArguments) -> Result<SourceOptions> {
    Ok(SourceOptions {
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
    notes.extend(result.shift.map(|shift| shift_text(shift, precision)));
    let rules: Vec<String> =
        result.left_out.iter().map(|(rule, count)| format!("{} {}", rule.name(), grouped(*count))).collect();
    if !rules.is_empty() {
        notes.push(format!("rows of the extract left out: {}", rules.join(", ")));
    }
    if result.repeated > 0 {
        notes.push(format!("{} of the extract repeated, counted once", plural(result.repeated, "row")));
    }
    notes
}

fn shift_text(shift: Shift, precision: TimePrecision) -> String {
    match shift {
        Shift::Offset(offset) => format!(
            "all near matches are {} ms later in the store than in the extract: is --naive-tz the right time zone?",
            millis(offset, precision)
        ),
        Shift::Multiplied(factor) => {
            format!("all near matches have {factor} times the extract's time in the store: is --time-unit right?")
        }
        Shift::Divided(factor) => {
            format!("all near matches have the extract's time divided by {factor} in the store: is --time-unit right?")
        }
    }
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
    repeated: u64,
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
#[serde(rename_all = "snake_case")]
enum ShiftJson {
    OffsetMs(serde_json::Number),
    MultipliedBy(i64),
    DividedBy(i64),
}

#[derive(Serialize)]
struct SampleJson<'a> {
    kind: &'static str,
    key: &'a EventKey,
    columns: Vec<ColumnJson<'a>>,
    cause: Option<&'static str>,
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
        let rule = crate::model::rejection::Rule::MissingUserId;
        if let Some(count) = result.left_out.get(&rule) {
            causes.insert("no_user_id", *count);
        }
        let shift = result.shift.map(|shift| match shift {
            Shift::Offset(offset) => ShiftJson::OffsetMs(millis(offset, precision)),
            Shift::Multiplied(factor) => ShiftJson::MultipliedBy(factor),
            Shift::Divided(factor) => ShiftJson::DividedBy(factor),
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
            repeated: result.repeated,
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
            offset_ms: sample.offset.map(|offset| millis(offset, precision)),
            expected: sample.expected.as_ref().map(event_json),
            actual: sample.actual.as_ref().map(event_json),
            extract: sample.place.as_ref().map(|at| PlaceJson { file: &at.file, row_number: at.row_number }),
            last_batch: sample.touched.as_ref().map(|touched| BatchJson {
                commit_sequence: touched.sequence,
                source: &touched.source,
                position: (&touched.position).into(),
            }),
        }
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
