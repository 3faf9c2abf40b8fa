//! What reports say in words.

use super::Subject;
use super::words::{grouped, shown};
use crate::diff::times::Shift;
use crate::model::key::TimePrecision;
use crate::model::text;
use crate::model::value::{TimeUnit, Value, ValueRef};
use crate::verify::{Cause, Sample, Verdict};
use maud::{Markup, Render, html};
use std::collections::BTreeSet;

/// Characters of a value that are shown at most.
const LONGEST: usize = 600;

/// Text of users: control characters are written out, and what is too long is cut.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        shown(self.0, LONGEST, &['\n', '\t']).as_str().render_to(buffer);
    }
}

/// Milliseconds since 1970 as RFC 3339.
pub(super) fn time(millis: i64) -> String {
    plain(ValueRef::Timestamp(millis, TimeUnit::Millisecond))
}

fn plain(value: ValueRef<'_>) -> String {
    let mut out = String::new();
    text::append_plain(value, &mut out);
    out
}

pub(super) fn event_time(time: i64, precision: TimePrecision) -> String {
    let unit = match precision {
        TimePrecision::Millis => TimeUnit::Millisecond,
        TimePrecision::Micros => TimeUnit::Microsecond,
    };
    format!("{} ({time})", plain(ValueRef::Timestamp(time, unit)))
}

/// How much later or earlier the store's time is.
pub(super) fn offset(offset: i64, precision: TimePrecision) -> String {
    let micros = (i128::from(offset) * i128::from(precision.micros())).unsigned_abs();
    // Offsets of time zones are whole minutes.
    let length = match micros {
        _ if micros.is_multiple_of(60_000_000) => format!("{} min", micros / 60_000_000),
        _ if micros.is_multiple_of(1_000) => format!("{} ms", micros / 1_000),
        _ => format!("{micros} µs"),
    };
    format!("{length} {} in the store", if offset < 0 { "earlier" } else { "later" })
}

/// What was found, in one sentence.
pub(super) fn sentence(subject: &Subject<'_>) -> String {
    let found = subject.verification;
    let (expected, actual) = (grouped(found.expected), grouped(found.actual));
    match found.verdict() {
        Verdict::Identical => format!("The store has exactly the {expected} rows of the extract."),
        Verdict::Explained => format!(
            "{} of {expected} rows differ, each for a harmless reason; the store has {actual}.",
            grouped(found.total())
        ),
        Verdict::Different => format!("{} of {expected} rows differ; the store has {actual}.", grouped(found.total())),
    }
}

pub(super) fn meaning(cause: Cause) -> &'static str {
    match cause {
        Cause::Pending => "the extract is newer than what was applied: a later batch brings or brought it",
        Cause::Stale => {
            "the extract has what the row was before a batch changed it: the extract is older, or a change was lost at the source"
        }
        Cause::Rejected => "a rule refused the row when it was applied",
        Cause::Suppressed => "the user was forgotten and stays out of the store",
        Cause::DuplicateInExtract => "the extract has different rows with one key",
        Cause::KeyNearMatch => "the other side has the event with another time",
        Cause::OutOfScope => "the store's source is not responsible for the event's time",
        Cause::OpDisabled => "the operation that would have made it equal is switched off",
        Cause::Indeterminate => "several operations on the key stood in one window, in no certain order",
        Cause::TypeDrift => "the values are the same in another type, such as 20 and \"20\"",
    }
}

/// What most near matches have in common.
pub(super) fn shift(subject: &Subject<'_>) -> Option<String> {
    let (shift, pairs) = subject.verification.shift?;
    let pairs = grouped(pairs);
    Some(match shift {
        Shift::Offset(by) => format!(
            "{pairs} events are {}: is the time zone of the extract or of the changes (--naive-tz) right?",
            offset(by, subject.precision)
        ),
        Shift::Multiplied(by) => {
            format!("{pairs} events have {by} times the extract's time in the store: is --time-unit right?")
        }
        Shift::Divided(by) => {
            format!("{pairs} events have the extract's time divided by {by} in the store: is --time-unit right?")
        }
        Shift::Floored(to) => {
            format!("{pairs} events have the extract's time cut to whole multiples of {to} in the store")
        }
    })
}

/// Both sides of a column.
pub(super) struct ColumnRow {
    pub(super) column: String,
    pub(super) expected: Option<String>,
    pub(super) actual: Option<String>,
    pub(super) differs: bool,
}

/// The columns of both sides, those that differ first.
pub(super) fn column_rows(sample: &Sample) -> Vec<ColumnRow> {
    let columns = |event: &Option<crate::model::value::Event>| -> Vec<(String, Value)> {
        event.as_ref().map(|event| event.columns.clone()).unwrap_or_default()
    };
    let (expected, actual) = (columns(&sample.expected), columns(&sample.actual));
    let names: BTreeSet<&str> = expected.iter().chain(&actual).map(|(name, _)| name.as_str()).collect();
    let value = |side: &[(String, Value)], name: &str| {
        side.iter().find(|(column, _)| column == name).map(|(_, value)| typed(value))
    };
    let differs = |name: &str| sample.columns.iter().any(|found| found.column == name);
    let mut rows: Vec<ColumnRow> = names
        .into_iter()
        .map(|name| ColumnRow {
            column: name.to_owned(),
            expected: value(&expected, name),
            actual: value(&actual, name),
            differs: differs(name),
        })
        .collect();
    rows.sort_by_key(|row| !row.differs);
    rows
}

/// A value as JSON, so that a number and its text look different.
fn typed(value: &Value) -> String {
    let mut out = String::new();
    text::append_json(value.as_ref(), &mut out);
    out
}

/// One side of a column, with what the other one has not marked.
pub(super) fn marked(value: &Option<String>, other: &Option<String>, differs: bool) -> Markup {
    let Some(value) = value else { return html! { span.none { "—" } } };
    if !differs {
        return html! { (Text(value)) };
    }
    let other = other.as_deref().unwrap_or_default();
    let (start, end) = common_ends(value, other);
    let (before, rest) = value.split_at(start);
    let (middle, after) = rest.split_at(rest.len() - end);
    html! { (Text(&tail(before))) mark { (Text(middle)) } (Text(after)) }
}

/// The end of a long text: what comes before a difference far inside it is of little use.
fn tail(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(80);
    match skipped {
        0 => text.to_owned(),
        _ => format!("…{}", text.chars().skip(skipped).collect::<String>()),
    }
}

/// Bytes that two texts share at their beginnings and, behind that, at their ends.
fn common_ends(a: &str, b: &str) -> (usize, usize) {
    let start: usize = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let (rest_a, rest_b) = (&a[start..], &b[start..]);
    let ends = rest_a.chars().rev().zip(rest_b.chars().rev());
    (start, ends.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum())
}

/// A piece of advice.
pub(super) struct Step {
    pub(super) text: &'static str,
    pub(super) command: Option<String>,
}

pub(super) fn next_steps(subject: &Subject<'_>) -> Vec<Step> {
    let found = subject.verification;
    let has = |cause| found.causes.contains_key(&cause);
    let step = |text, command| Step { text, command };
    if found.verdict() == Verdict::Identical {
        return vec![step("Nothing. Keep this page with the extract as the proof.", None)];
    }
    let mut steps = Vec::new();
    if has(Cause::Pending) {
        steps.push(step(
            "Some rows are newer than what was applied: apply what is new, or verify as of the extract's time.",
            None,
        ));
    }
    if has(Cause::Rejected) {
        steps.push(step(
            "Rows were refused: see why, and mend them at their source.",
            Some(format!("eventmirror rejected {}", subject.store)),
        ));
    }
    if found.shift.is_some() {
        steps.push(step(
            "Times are read differently on the two sides: mend that first, most near matches go away with it.",
            None,
        ));
    }
    if has(Cause::TypeDrift) {
        steps.push(step(
            "A column changed its type: cast it in the extract or in the export of changes, so that both give the same.",
            None,
        ));
    }
    if found.verdict() == Verdict::Different {
        steps.push(match subject.repair {
            Some(repair) => step(
                "If the extract is right, apply the repair and verify again.",
                Some(format!("eventmirror apply {} {repair}", subject.store)),
            ),
            None => step(
                "If the extract is right, write the changes that make the store equal to it, look at them, and apply them.",
                Some(format!(
                    "eventmirror verify {} {} --repair repair.json.gz\neventmirror apply {} repair.json.gz",
                    subject.store,
                    subject.extract.join(" "),
                    subject.store
                )),
            ),
        });
        steps.push(step("If the store is right, the extract is not what the warehouse has: take it again.", None));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_between_what_is_shared() {
        for (a, b, expected) in [
            ("\"pro\"", "\"free\"", (1, 1)),
            ("100", "1000", (3, 0)),
            ("1000", "100", (3, 0)),
            ("aéb", "aèb", (1, 1)),
            ("", "x", (0, 0)),
            ("aaa", "aa", (2, 0)),
        ] {
            assert_eq!(common_ends(a, b), expected, "{a} {b}");
        }
        let mark = |a: &str, b: &str| marked(&Some(a.into()), &Some(b.into()), true).into_string();
        assert_eq!(mark("\"<b>\"", "\"<i>\""), "&quot;&lt;<mark>b</mark>&gt;&quot;");
        assert_eq!(marked(&None, &Some("1".into()), true).into_string(), "<span class=\"none\">—</span>");
    }

    #[test]
    fn an_offset_is_told_in_its_largest_whole_unit() {
        let told = |by| offset(by, TimePrecision::Micros);
        assert_eq!(told(-3_600_000_000), "60 min earlier in the store");
        assert_eq!(told(1_500_000), "1500 ms later in the store");
        assert_eq!(told(-1_500), "1500 µs earlier in the store");
        assert_eq!(offset(i64::MIN, TimePrecision::Millis), "9223372036854775808 ms earlier in the store");
    }
}
