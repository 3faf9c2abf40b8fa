//! Delta tables as sources: which versions a run applies.
//!
//! | the store's watermark of the source | `--start` | batches, each with its last version as position |
//! |---|---|---|
//! | none | `latest`, the default | all rows of the last version |
//! | none | `first` | the changes of versions 0 to the last |
//! | none | N | all rows of version N; the changes after it |
//! | none, but `--from-version` is given | | the changes from there on |
//! | W | ignored, so that the same command can be repeated | the changes of versions W + 1 to the last |
//!
//! The last version is the table's latest, or `--to-version`. All changes of a run are one batch: they become visible at
//! once, and each key's net effect over all versions counts.

use super::{ApplyOptions, Progress, apply_batch};
use crate::error::{Error, ErrorKind, Result};
use crate::event_store::EventStore;
use crate::model::ledger::Applied;
use crate::source::{DeltaTable, Dialect, SourceOptions, TableStart};
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;

/// The inputs, if they are a Delta table.
///
/// # Errors
/// `Usage` where a table stands beside other inputs, or the dialect is another one: its files hold rows that were removed
/// long ago.
pub(super) fn table_among<'a>(inputs: &'a [String], source: &SourceOptions) -> Result<Option<&'a str>> {
    // Only the folder of a table and, where tables are asked for, a URL may be one.
    let may_be = |input: &&String| source.dialect == Dialect::Databricks || !input.contains("://");
    for input in inputs.iter().filter(may_be) {
        if !DeltaTable::is_table(input)? {
            continue;
        }
        let usage =
            |text: &str, advice: &str| Err(Error::new(ErrorKind::Usage, text).at(input.as_str()).advice(advice));
        if source.dialect != Dialect::Databricks {
            return usage("the input is a Delta table", "read it with --dialect databricks");
        }
        if inputs.len() > 1 {
            return usage("a Delta table is applied alone", "give one --source and one call to each table");
        }
        if source.converter.is_some() {
            return usage("a converter makes events out of files, not of a Delta table", "leave out --converter");
        }
        return Ok(Some(input));
    }
    match source.start {
        None => Ok(None),
        Some(_) => Err(Error::new(ErrorKind::Usage, "--start is for Delta tables, and no input is one")
            .advice("give the folder that has _delta_log in it")),
    }
}

/// Applies what is new in a table; see [`apply_files`](super::apply_files).
pub(super) fn apply_table(
    store: &EventStore,
    input: &str,
    source: &SourceOptions,
    options: &ApplyOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Applied>> {
    let table = DeltaTable::open(input, source)?;
    let watermark = store.0.watermark(source.source_name())?;
    let plan = plan(watermark.map(|(version, _)| version), table.latest(), source);
    let steps = plan.map_err(|error| error.at(input))?;
    let mut all = Vec::with_capacity(steps.len());
    for step in &steps {
        let (batch, bytes) = match step {
            Step::Backfill(version) => (table.backfill(*version, source)?, 0),
            Step::Changes(range) => {
                let feed = table.feed(range.clone(), source)?;
                feed.notices.iter().for_each(|notice| progress(Progress::Notice(notice)));
                (feed.batch, feed.bytes)
            }
        };
        if all.is_empty() {
            progress(Progress::Found { windows: steps.len(), bytes });
        }
        progress(Progress::Window { name: &step.to_string(), bytes });
        let applied = apply_batch(store, batch, options, stop, progress).map_err(|error| error.at(input))?;
        progress(Progress::Done(&applied));
        all.push(applied);
    }
    if let (true, Some((_, sequence))) = (steps.is_empty(), watermark) {
        let applied = store.0.known(sequence, false)?;
        progress(Progress::Done(&applied));
        all.push(applied);
    }
    Ok(all)
}

/// What is applied as one batch.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// All rows of a version.
    Backfill(u64),
    /// The changes of some versions.
    Changes(RangeInclusive<u64>),
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Backfill(version) => write!(f, "version {version}"),
            Step::Changes(range) => write!(f, "versions {} to {}", range.start(), range.end()),
        }
    }
}

/// The steps of a run; none where all that is asked for was applied before.
fn plan(watermark: Option<u64>, latest: u64, source: &SourceOptions) -> Result<Vec<Step>> {
    let last = source.to_version.unwrap_or(latest);
    let first = source.from_version;
    let invalid = |text: String| Error::new(ErrorKind::InvalidInput, text);
    if last > latest {
        return Err(invalid(format!("the table has no version {last}, its latest is {latest}")));
    }
    if let Some(first) = first.filter(|first| *first > last) {
        return Err(invalid(format!("version {first} is behind version {last}, the last that is asked for or there")));
    }
    if let Some(watermark) = watermark {
        if watermark > latest {
            let text = format!("the store has version {watermark} of the table, whose latest is {latest}");
            return Err(Error::new(ErrorKind::HistoryGap, text).advice(
                "it is another table, or was made anew: give it another --source, or fill an empty store with --start latest",
            ));
        }
        let first = first.unwrap_or(0).max(watermark + 1);
        return Ok(if first > last { Vec::new() } else { vec![Step::Changes(first..=last)] });
    }
    match (first, source.start) {
        (Some(_), Some(_)) => Err(Error::new(ErrorKind::Usage, "--from-version and --start contradict each other")
            .advice(
                "--start N takes all rows of version N and the changes after it, --from-version N the changes alone",
            )),
        (Some(first), None) => Ok(vec![Step::Changes(first..=last)]),
        (None, Some(TableStart::First)) => Ok(vec![Step::Changes(0..=last)]),
        (None, None | Some(TableStart::Latest)) => Ok(vec![Step::Backfill(last)]),
        (None, Some(TableStart::At(version))) if version > last => {
            Err(invalid(format!("version {version} is behind version {last}, the last that is asked for or there")))
        }
        (None, Some(TableStart::At(version))) => {
            let changes = (version < last).then(|| Step::Changes(version + 1..=last));
            Ok(std::iter::once(Step::Backfill(version)).chain(changes).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options(start: Option<TableStart>, from_version: Option<u64>, to_version: Option<u64>) -> SourceOptions {
        SourceOptions { start, from_version, to_version, dialect: Dialect::Databricks, ..SourceOptions::default() }
    }

    #[test]
    fn a_run_begins_where_the_table_of_this_module_says() {
        use Step::{Backfill, Changes};
        use TableStart::{At, First, Latest};
        for (watermark, start, from, to, steps) in [
            (None, None, None, None, vec![Backfill(9)]),
            (None, Some(Latest), None, Some(7), vec![Backfill(7)]),
            (None, Some(First), None, None, vec![Changes(0..=9)]),
            (None, Some(At(4)), None, None, vec![Backfill(4), Changes(5..=9)]),
            (None, Some(At(4)), None, Some(4), vec![Backfill(4)]),
            (None, None, Some(3), Some(6), vec![Changes(3..=6)]),
            (Some(4), None, None, None, vec![Changes(5..=9)]),
            (Some(4), Some(At(1)), None, None, vec![Changes(5..=9)]),
            (Some(4), None, Some(2), Some(6), vec![Changes(5..=6)]),
            (Some(4), None, Some(7), None, vec![Changes(7..=9)]),
            (Some(9), None, None, None, vec![]),
            (Some(4), None, Some(2), Some(3), vec![]),
        ] {
            let planned = plan(watermark, 9, &options(start, from, to)).unwrap();
            assert_eq!(planned, steps, "{watermark:?} {start:?} {from:?} {to:?}");
        }
    }

    #[test]
    fn what_the_table_does_not_have_is_refused() {
        let kind = |watermark, start, from, to| plan(watermark, 9, &options(start, from, to)).unwrap_err().kind();
        assert_eq!(kind(None, None, None, Some(10)), ErrorKind::InvalidInput);
        assert_eq!(kind(None, None, Some(10), None), ErrorKind::InvalidInput);
        assert_eq!(kind(Some(2), None, Some(7), Some(6)), ErrorKind::InvalidInput);
        assert_eq!(kind(None, Some(TableStart::At(5)), None, Some(4)), ErrorKind::InvalidInput);
        assert_eq!(kind(Some(10), None, None, None), ErrorKind::HistoryGap);
        assert_eq!(kind(None, Some(TableStart::First), Some(0), None), ErrorKind::Usage);
    }
}
