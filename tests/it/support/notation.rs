//! Batches and tables as text, so that a case is one line.
//!
//! ```text
//! "+ ann a1 10:00 plan=free | ~ ann a1 10:00 plan=pro || - ann a1 10:00"      two batches
//! "ann a1 10:00 plan=pro"                                                     a table of one row
//! ```
//!
//! | text | meaning |
//! |---|---|
//! | `+` `~` `-` `<` `?` `.` | INSERT, UPDATE, DELETE, old half of an update, unknown operation, a row to leave out |
//! | `ann a1 10:00` | user id, insert id, event time; `_` is null, `''` is empty |
//! | `10:00`, `10:00:01.5`, `-0.000001`, `1500` | time of 1970-01-01, or milliseconds, down to nanoseconds |
//! | `@7` | sequence 7 |
//! | `%3` | pair 3: what joins the halves of an update |
//! | `!bad_event_time` | the source refuses the row by this rule |
//! | `a=1` `a=1.50` `a='1'` `a=x` `a=true` `a={"b":1}` `a=null` | integer, decimal, text, text, boolean, JSON, null |
//! | `|` `||` | next record, next batch |

use super::batch::{Batch, Record};
use super::oracle::{Oracle, Outcome, Report};
use super::{Table, dump, fast_folder, rejections_of};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{Applied, ApplyOptions, EventStore, Position, Rule, StoreOptions, Value};
use std::collections::BTreeMap;

/// Reads the batches of a text. They are numbered from 1.
pub fn batches(text: &str, window: WindowKind) -> Vec<Batch> {
    let number =
        |(index, text): (usize, &str)| Batch::new("test", Position::Numbered(index as u64 + 1), window, records(text));
    text.split("||").enumerate().map(number).collect()
}

/// Reads the records of one batch.
pub fn records(text: &str) -> Vec<Record> {
    text.split('|').map(str::trim).filter(|text| !text.is_empty()).map(record).collect()
}

fn record(text: &str) -> Record {
    let (operation, rest) = text.split_at(1);
    let operation = match operation {
        "+" => Operation::Insert,
        "~" => Operation::Update,
        "-" => Operation::Delete,
        "<" => Operation::PreImage,
        "?" => Operation::Unknown,
        "." => Operation::Ignored,
        other => panic!("{other:?} is no operation in {text:?}"),
    };
    let mut words = rest.split_whitespace();
    let mut next = || words.next().unwrap_or_else(|| panic!("a record has three key fields: {text:?}"));
    let id = |word: &str| (word != "_").then(|| word.trim_matches('\'').to_owned());
    let mut record = Record::new(operation, "", "", 0);
    (record.user_id, record.insert_id) = (id(next()), id(next()));
    record.time = Some(next()).filter(|word| *word != "_").map(time);
    for word in words {
        match word.split_at(1) {
            ("@", sequence) => record.sequence = Some(sequence.parse().unwrap()),
            ("%", pair) => record.pair = Some(pair.parse().unwrap()),
            ("!", rule) => record.refused = Rule::ALL.into_iter().find(|known| known.name() == rule),
            _ => {
                let (name, text) = word.split_once('=').unwrap_or_else(|| panic!("{word:?} is no column in {text:?}"));
                record.columns.insert(name.to_owned(), value(text));
            }
        }
    }
    record
}

/// Microseconds, and the nanoseconds beyond them.
fn time(text: &str) -> (i64, u16) {
    let (clock, millis) = match text.split_once(':') {
        Some((hours, rest)) => {
            let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
            let minutes: i128 = hours.parse::<i128>().unwrap() * 60 + minutes.parse::<i128>().unwrap();
            (minutes * 60_000_000_000, nanos(seconds, 9))
        }
        None => (0, nanos(text, 6)),
    };
    let nanos = clock + millis;
    ((nanos.div_euclid(1_000)) as i64, nanos.rem_euclid(1_000) as u16)
}

/// A decimal number times ten to the power of `digits`.
fn nanos(text: &str, digits: usize) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let padded = format!("{whole}{part:0<digits$}");
    padded.parse().unwrap_or_else(|_| panic!("{text:?} is no time"))
}

fn value(text: &str) -> Option<Value> {
    let decimal = |text: &str| text.parse::<f64>().is_ok() && text.ends_with(|last: char| last.is_ascii_digit());
    Some(match text {
        "null" => return None,
        "true" | "false" => Value::Bool(text == "true"),
        _ if text.starts_with('\'') => Value::Text(text.trim_matches('\'').to_owned()),
        _ if text.starts_with(['{', '[']) => Value::Json(text.to_owned()),
        _ => match text.parse() {
            Ok(number) => Value::Int(number),
            Err(_) if decimal(text) => Value::Decimal(text.to_owned()),
            Err(_) => Value::Text(text.to_owned()),
        },
    })
}

/// Reads a table: records without their operation, times in whole milliseconds.
pub fn table(text: &str) -> Table {
    let row = |text: &str| {
        let record = record(&format!("+ {text}"));
        let columns: BTreeMap<String, Value> =
            record.columns.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let millis = record.time.unwrap().0.div_euclid(1_000);
        ((record.user_id.unwrap(), record.insert_id.unwrap(), millis), columns)
    };
    text.split('|').map(str::trim).filter(|text| !text.is_empty()).map(row).collect()
}

/// A store and its twin, to which a case applies its batches one after the other.
pub struct Case {
    pub store: EventStore,
    pub oracle: Oracle,
    pub options: ApplyOptions,
    pub window: WindowKind,
    /// Behind the store, so that it is closed before its folder is removed.
    _folder: tempfile::TempDir,
}

impl Case {
    pub fn new() -> Case {
        Case::with_store(StoreOptions::default())
    }

    pub fn with_store(options: StoreOptions) -> Case {
        let folder = fast_folder();
        let nanos = options.precision.unwrap_or_default().micros() * 1_000;
        let store = EventStore::open(folder.path().join("store"), options).unwrap();
        let oracle = Oracle::new(nanos.into());
        let (options, window) = (ApplyOptions::default(), WindowKind::Net);
        Case { _folder: folder, store, oracle, options, window }
    }

    /// Windows of operations that stand alone, as S3 has them.
    pub fn of_operations() -> Case {
        Case { window: WindowKind::Operations, ..Case::new() }
    }

    pub fn with(options: ApplyOptions) -> Case {
        Case { options, ..Case::new() }
    }

    /// Applies the batches of a text behind those applied before. Returns the last one's report.
    pub fn apply(&mut self, text: &str) -> Report {
        let mut last = Report::default();
        for mut batch in batches(text, self.window) {
            batch.position = Position::Numbered(self.oracle.sequence + 1);
            last = self.apply_batch(&batch);
        }
        last
    }

    /// Applies a batch that must be accepted, and compares all there is with the oracle.
    pub fn apply_batch(&mut self, batch: &Batch) -> Report {
        let applied = self.store.apply_with(batch.to_change_batch(), &self.options).unwrap();
        let Outcome::Applied(expected) = self.oracle.apply(batch, &self.options) else {
            panic!("the oracle refuses {batch:?}")
        };
        let found = report(&self.store, &applied);
        assert_eq!(found, expected, "the report of {batch:?}");
        assert!(applied.entry.counts.balances());
        assert_eq!(dump(&self.store.snapshot()).unwrap(), self.oracle.table, "the table after {batch:?}");
        assert_eq!(self.store.snapshot().count(), self.oracle.table.len() as u64);
        found
    }

    /// The table must be this one.
    #[track_caller]
    pub fn holds(&self, text: &str) -> &Case {
        assert_eq!(dump(&self.store.snapshot()).unwrap(), table(text));
        self
    }
}

/// What a store says of a batch, in the oracle's form.
pub fn report(store: &EventStore, applied: &Applied) -> Report {
    let near = |near: &eventmirror::NearMatch| {
        ((near.key.user_id.clone(), near.key.insert_id.clone(), near.key.event_time), near.offset)
    };
    let mut near_matches: Vec<_> = applied.entry.near_matches.iter().map(near).collect();
    near_matches.sort();
    let rejections = rejections_of(store, applied.entry.sequence).unwrap();
    Report { counts: applied.entry.counts.clone(), rejections, near_matches }
}

/// Applies the batches of `text` to an empty store; the table must then be `expected`. Returns the last batch's report.
#[track_caller]
pub fn check(text: &str, expected: &str) -> Report {
    let mut case = Case::new();
    let report = case.apply(text);
    case.holds(expected);
    report
}

/// A report in short, for one-line comparisons: what is not zero, by its public name, in a fixed order.
pub fn short(report: &Report) -> String {
    let counts = &report.counts;
    let rejected: Vec<_> =
        counts.rejections.iter().map(|(rule, by)| (format!("rejected:{}", rule.name()), *by)).collect();
    let out: Vec<String> = [
        ("inserted", counts.inserted),
        ("updated", counts.updated),
        ("deleted", counts.deleted),
        ("unchanged", counts.unchanged),
        ("coalesced", counts.coalesced),
        ("without_effect", counts.without_effect),
        ("skipped", counts.skipped),
    ]
    .into_iter()
    .chain(rejected.iter().map(|(rule, by)| (rule.as_str(), *by)))
    .chain(counts.counters.iter().map(|(counter, by)| (counter.name(), *by)))
    .chain([("volume", counts.event_volume)])
    .filter(|(_, by)| *by > 0)
    .map(|(name, by)| if by == 1 { name.to_owned() } else { format!("{name}={by}") })
    .collect();
    out.join(" ")
}
