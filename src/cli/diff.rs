//! `diff`: two stores, or two commits of one.

use super::comparing::DiffArguments;
use super::output::{Console, Shape, say};
use super::table::{grouped, plural};
use super::verify::event_json;
use super::{Outcome, interrupt, read};
use crate::Snapshot;
use crate::error::Result;
use crate::verify::{StoreDifference, diff};
use serde::Serialize;
use serde_json::value::RawValue;

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
    let most = if arguments.stat { 0 } else { most };
    let mut counts = Counts::default();
    let mut rows = Vec::new();
    diff(&from, &to, stop, &mut |found| {
        let is_shown = counts.total() < most;
        let row = Row::new(&found, &mut counts);
        match is_shown {
            true if is_json => rows.push(row),
            true => row.lines().try_for_each(|line| console.line(line))?,
            false => {}
        }
        Ok(())
    })?;
    if is_json {
        console.json(&DiffJson::new((&from, &to), counts, rows))?;
    } else if arguments.stat {
        console.line(counts.text())?;
    }
    say(&format!("{}: sequence {} → {}", counts.text(), from.sequence(), to.sequence()));
    Ok(if counts.total() == 0 { Outcome::Done } else { Outcome::Different })
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Counts {
    added: u64,
    removed: u64,
    changed: u64,
}

impl Counts {
    fn total(&self) -> u64 {
        self.added + self.removed + self.changed
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
    differences: Counts,
    samples: Vec<Row>,
}

#[derive(Serialize)]
struct SideJson {
    as_of: u64,
    rows: u64,
}

impl DiffJson {
    fn new((from, to): (&Snapshot, &Snapshot), differences: Counts, samples: Vec<Row>) -> Self {
        let side = |snapshot: &Snapshot| SideJson { as_of: snapshot.sequence(), rows: snapshot.count() };
        DiffJson { schema: "eventmirror.diff/1", from: side(from), to: side(to), differences, samples }
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
    fn new(found: &StoreDifference, counts: &mut Counts) -> Row {
        match found {
            StoreDifference::Added(event) => {
                counts.added += 1;
                Row { kind: "added", before: None, after: Some(event_json(event)) }
            }
            StoreDifference::Removed(event) => {
                counts.removed += 1;
                Row { kind: "removed", before: Some(event_json(event)), after: None }
            }
            StoreDifference::Changed { before, after } => {
                counts.changed += 1;
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
