//! `diff`: two stores, or two commits of one.

use super::comparing::DiffArguments;
use super::output::{Console, Shape, say};
use super::table::{grouped, plural};
use super::verify::event_json;
use super::{Outcome, interrupt, read};
use crate::Snapshot;
use crate::diff::columns::{self, Comparison};
use crate::error::Result;
use crate::verify::{StoreDifference, diff};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Rows of the JSON form, which is built in memory.
const JSON_ROWS: u64 = 100;

pub(super) fn run(arguments: &DiffArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let stop = interrupt::flag()?;
    let store = read::open(&arguments.store)?;
    let other = arguments.other.as_deref().map(read::open).transpose()?;
    // One store is compared with the empty table unless a commit is named.
    let from = arguments.from.or(other.is_none().then_some(0));
    let from = read::snapshot(&store, from)?;
    let to = read::snapshot(other.as_ref().unwrap_or(&store), arguments.to)?;
    let is_json = console.shape(json) == Shape::Json;
    let most = arguments.limit.unwrap_or(if is_json { JSON_ROWS } else { u64::MAX });
    let most = if arguments.stat || arguments.summary { 0 } else { most };
    let mut counts = Counts::default();
    let mut rows = Vec::new();
    diff(&from, &to, stop, &mut |found| {
        let is_shown = counts.total() < most;
        counts.note(&found);
        match is_shown {
            true if is_json => rows.push(Row::new(&found)),
            true => Row::new(&found).lines().try_for_each(|line| console.line(line))?,
            false => {}
        }
        Ok(())
    })?;
    if is_json {
        console.json(&DiffJson::new((&from, &to), &counts, rows))?;
    } else if arguments.stat || arguments.summary {
        console.line(counts.text())?;
        let columns = counts.columns.iter().filter(|_| arguments.summary);
        columns
            .map(|(column, rows)| format!("~{} {column}", grouped(*rows)))
            .try_for_each(|line| console.line(line))?;
    }
    say(&format!("{}: sequence {} → {}", counts.text(), from.sequence(), to.sequence()));
    Ok(if counts.total() == 0 { Outcome::Done } else { Outcome::Different })
}

#[derive(Debug, Default)]
struct Counts {
    added: u64,
    removed: u64,
    changed: u64,
    /// Changed rows by the columns in which they differ.
    columns: BTreeMap<String, u64>,
}

impl Counts {
    fn total(&self) -> u64 {
        self.added + self.removed + self.changed
    }

    fn note(&mut self, found: &StoreDifference) {
        match found {
            StoreDifference::Added(_) => self.added += 1,
            StoreDifference::Removed(_) => self.removed += 1,
            StoreDifference::Changed { before, after } => {
                self.changed += 1;
                for found in columns::compare(before, after, &Comparison::default()) {
                    *self.columns.entry(found.column).or_default() += 1;
                }
            }
        }
    }

    fn text(&self) -> String {
        let (added, removed, changed) = (grouped(self.added), grouped(self.removed), grouped(self.changed));
        match self.total() {
            0 => "no difference".to_owned(),
            total => format!("{}: +{added} -{removed} ~{changed}", plural(total, "difference")),
        }
    }
}

#[derive(Serialize)]
struct DiffJson {
    schema: &'static str,
    from: SideJson,
    to: SideJson,
    differences: CountsJson,
    columns: BTreeMap<String, u64>,
    samples: Vec<Row>,
}

#[derive(Serialize)]
struct CountsJson {
    added: u64,
    removed: u64,
    changed: u64,
}

#[derive(Serialize)]
struct SideJson {
    as_of: u64,
    rows: u64,
}

impl DiffJson {
    fn new((from, to): (&Snapshot, &Snapshot), counts: &Counts, samples: Vec<Row>) -> Self {
        let side = |snapshot: &Snapshot| SideJson { as_of: snapshot.sequence(), rows: snapshot.count() };
        let differences = CountsJson { added: counts.added, removed: counts.removed, changed: counts.changed };
        let (schema, columns) = ("eventmirror.diff/1", counts.columns.clone());
        DiffJson { schema, from: side(from), to: side(to), differences, columns, samples }
    }
}

/// A row that differs.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    before: Option<Box<RawValue>>,
    after: Option<Box<RawValue>>,
}

impl Row {
    fn new(found: &StoreDifference) -> Row {
        match found {
            StoreDifference::Added(event) => Row { kind: "added", before: None, after: Some(event_json(event)) },
            StoreDifference::Removed(event) => Row { kind: "removed", before: Some(event_json(event)), after: None },
            StoreDifference::Changed { before, after } => {
                Row { kind: "changed", before: Some(event_json(before)), after: Some(event_json(after)) }
            }
        }
    }

    /// `+` a row that came, `-` one that went, `~` one that changed, as it was and as it is.
    fn lines(&self) -> impl Iterator<Item = String> {
        let lines = match (&self.before, &self.after) {
            (Some(before), Some(after)) => vec![format!("~- {before}"), format!("~+ {after}")],
            (Some(before), None) => vec![format!("- {before}")],
            (None, Some(after)) => vec![format!("+ {after}")],
            (None, None) => Vec::new(),
        };
        lines.into_iter()
    }
}
