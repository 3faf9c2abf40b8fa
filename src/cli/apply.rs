//! `apply`: the flags into options, the batches into a report.

use super::applying::ApplyArguments;
use super::output::{Console, Shape, is_closed_pipe, say};
use super::progress::Bars;
use super::report::{self, Report};
use super::table::{Align, grouped, plural, table};
use super::{Outcome, interrupt, parse, reading};
use crate::error::{Error, Result};
use crate::ingest::EnabledOperations;
use crate::model::change::Operation;
use crate::model::ledger::Applied;
use crate::model::mutation::Policies;
use crate::model::scope::Scope;
use crate::source::{InputOptions, Mapping, SourceOptions, WindowFiles};
use crate::{ApplyOptions, Guards, Progress, apply_files};
use crate::{EventStore, StoreOptions};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

pub(super) fn run(arguments: &ApplyArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let stop = interrupt::flag()?;
    let applying = Applying::begin(arguments)?;
    let report = applying.report(arguments);
    let mut printer = Printer { report, shape: console.shape(json), console, lines: VecDeque::new(), failed: None };
    let mut bars = Bars::new();
    let result = applying.run(&arguments.inputs, stop, &mut |progress| {
        bars.show(&progress);
        printer.tell(&progress);
    });
    bars.finish();
    // Batches that are committed are reported even where a later one failed.
    let snapshot = applying.store.snapshot();
    let printed = printer.finish((snapshot.count(), snapshot.sequence()), result.is_err());
    result?;
    printed.map(|report| if arguments.strict && report.is_refused() { Outcome::Refused } else { Outcome::Done })
}

/// A store that is open, and how files are applied to it.
pub(super) struct Applying {
    pub(super) store: EventStore,
    source: SourceOptions,
    options: ApplyOptions,
    /// The folder of a passing store.
    _folder: Option<TempDir>,
}

impl Applying {
    pub(super) fn begin(arguments: &ApplyArguments) -> Result<Applying> {
        let (source, options) = (source_options(arguments)?, options(arguments)?);
        let (store, _folder) = open(arguments)?;
        Ok(Applying { store, source, options, _folder })
    }

    /// A report without batches.
    pub(super) fn report(&self, arguments: &ApplyArguments) -> Report {
        let source = self.source.source_name().to_owned();
        Report::new(arguments.store.display().to_string(), source, arguments.dry_run)
    }

    pub(super) fn run(
        &self,
        inputs: &[String],
        stop: &AtomicBool,
        told: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Vec<Applied>> {
        apply_files(&self.store, inputs, &self.source, &self.options, stop, told)
    }
}

/// Opens the store. A dry run writes nothing, so it reads the store, or a passing one in place of one that is not
/// there yet; the folder of that lives as long as it is held.
fn open(arguments: &ApplyArguments) -> Result<(EventStore, Option<TempDir>)> {
    let writing =
        StoreOptions { precision: arguments.precision, memory: arguments.reading.memory, ..StoreOptions::default() };
    if !arguments.dry_run {
        return Ok((EventStore::open(&arguments.store, writing)?, None));
    }
    if is_absent(&arguments.store) {
        say(&format!("dry run: the store {} would be created", arguments.store.display()));
        let folder = tempfile::tempdir()?;
        return Ok((EventStore::open(folder.path().join("store"), writing)?, Some(folder)));
    }
    let reading = StoreOptions { create: false, read_only: true, ..writing };
    Ok((EventStore::open(&arguments.store, reading)?, None))
}

/// Whether `apply` would make a store here: there is nothing, or an empty folder.
fn is_absent(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

pub(super) fn source_options(arguments: &ApplyArguments) -> Result<SourceOptions> {
    if arguments.source.as_deref() == Some("") {
        return Err(super::usage("a source needs a name").at("--source"));
    }
    let reading = reading::change_options(&arguments.reading, &arguments.changes, arguments.converter.as_deref())?;
    let options = SourceOptions {
        source: arguments.source.clone(),
        inputs: InputOptions { relist: arguments.relist, look_back: arguments.look_back, ..reading.inputs },
        window: match (arguments.window_per_folder, arguments.window_per_file) {
            (true, _) => Some(WindowFiles::Folder),
            (_, true) => Some(WindowFiles::File),
            _ => None,
        },
        position: arguments.position,
        from_version: arguments.from_version,
        to_version: arguments.to_version,
        start: arguments.start,
        mapping: Mapping::parse(&parse::mappings(&arguments.map))?,
        // The store and the batch that is being applied have the larger part.
        memory: reading.memory / 4,
        ..reading
    };
    options.check()?;
    Ok(options)
}

pub(super) fn options(arguments: &ApplyArguments) -> Result<ApplyOptions> {
    let is_on = |operation| arguments.ops.contains(&operation);
    Ok(ApplyOptions {
        operations: EnabledOperations {
            insert: is_on(Operation::Insert),
            update: is_on(Operation::Update),
            delete: is_on(Operation::Delete),
        },
        id_rules: arguments.changes.id_rules,
        policies: Policies {
            on_insert_conflict: arguments.on_insert_conflict,
            on_unmatched_update: arguments.on_unmatched_update,
            update_mode: arguments.on_update,
        },
        guards: Guards {
            max_delete_percent: arguments.max_delete_percent,
            allow_gap: arguments.allow_gap,
            dry_run: arguments.dry_run,
        },
        scope: Scope::parse(&arguments.scope)?,
    })
}

/// Batches that a table shows.
const TABLE_ROWS: usize = 20;

/// Prints batches as they are done.
pub(super) struct Printer<'a> {
    pub(super) report: Report,
    pub(super) shape: Shape,
    pub(super) console: &'a mut Console,
    /// The last rows of the table.
    pub(super) lines: VecDeque<Vec<String>>,
    /// The first error of writing. Applying goes on: who closed our output did not ask to stop.
    pub(super) failed: Option<Error>,
}

impl Printer<'_> {
    fn tell(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Done(applied) => self.batch(applied),
            other => self.report.note(other),
        }
    }

    pub(super) fn batch(&mut self, applied: &Applied) {
        let batch = self.report.add(applied);
        match self.shape {
            Shape::Json => self.report.batches.push(batch),
            Shape::Lines => {
                let written = self.console.json(&batch).and_then(|()| self.console.flush());
                self.note(written);
            }
            Shape::Table => {
                if self.lines.len() == TABLE_ROWS {
                    self.lines.pop_front();
                }
                self.lines.push_back(table_row(applied, self.report.dry_run));
            }
        }
    }

    fn note(&mut self, written: Result<()>) {
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }

    /// Prints what comes at the end. Where the run failed before its first batch there is nothing to print.
    pub(super) fn finish(mut self, (rows, sequence): (u64, u64), has_failed: bool) -> Result<Report> {
        if !(has_failed && self.report.seen == 0) {
            let written = match self.shape {
                Shape::Json => self.console.json(&self.report.json()),
                Shape::Lines => Ok(()),
                Shape::Table => self.table(),
            };
            self.note(written);
            let sentence = summary(&self.report, rows, sequence);
            match self.shape {
                Shape::Table => {
                    let written = self.console.line(sentence);
                    self.note(written);
                }
                _ => say(&sentence),
            }
        }
        match self.failed.take() {
            // As quiet as a closed pipe is elsewhere, but `--strict` still has its say.
            Some(error) if !is_closed_pipe(&error) => Err(error),
            _ => Ok(self.report),
        }
    }

    fn table(&mut self) -> Result<()> {
        let titles = ["commit", "position", "read", "inserted", "updated", "deleted", "unchanged", "other", "rejected"];
        let align = |title| (title, if title == "position" { Align::Left } else { Align::Right });
        let more = self.report.seen - self.lines.len();
        if more > 0 {
            self.console.line(format!("… and {} more before these", plural(more as u64, "batch")))?;
        }
        self.console.line(table(&titles.map(align), self.lines.drain(..)))?;
        totals(&self.report).into_iter().try_for_each(|line| self.console.line(line))
    }
}

fn table_row(applied: &Applied, is_dry_run: bool) -> Vec<String> {
    let counts = report::counts_now(applied);
    let commit = match (applied.changed_after_apply, applied.already_applied, is_dry_run) {
        (true, ..) => "changed".to_owned(),
        (_, true, _) => format!("{} (already)", applied.entry.sequence),
        (_, _, true) => "-".to_owned(),
        _ => applied.entry.sequence.to_string(),
    };
    let other = counts.coalesced + counts.without_effect + counts.skipped;
    let numbers =
        [counts.read, counts.inserted, counts.updated, counts.deleted, counts.unchanged, other, counts.rejected];
    [commit, applied.entry.position.to_string()].into_iter().chain(numbers.map(grouped)).collect()
}

/// The sums that are not zero.
fn totals(report: &Report) -> Vec<String> {
    let totals = &report.totals;
    let counts = [
        ("read", totals.read),
        ("inserted", totals.inserted),
        ("updated", totals.updated),
        ("deleted", totals.deleted),
        ("unchanged", totals.unchanged),
        ("coalesced", totals.coalesced),
        ("without_effect", totals.without_effect),
        ("skipped", totals.skipped),
        ("rejected", totals.rejected),
        ("event_volume", totals.event_volume),
    ];
    let list = |title: &str, pairs: Vec<(&str, u64)>| {
        let pairs: Vec<String> =
            pairs.iter().filter(|(_, by)| *by > 0).map(|(name, by)| format!("{name} {}", grouped(*by))).collect();
        (!pairs.is_empty()).then(|| format!("{title}: {}", pairs.join(", ")))
    };
    let counters = totals.counters.iter().map(|(counter, by)| (counter.name(), *by)).collect();
    let rejections = totals.rejections.iter().map(|(rule, by)| (rule.name(), *by)).collect();
    [list("totals", counts.into()), list("counters", counters), list("rejected by rule", rejections)]
        .into_iter()
        .flatten()
        .collect()
}

/// What happened, in one sentence.
pub(super) fn summary(report: &Report, rows: u64, sequence: u64) -> String {
    let verb = if report.dry_run { "would apply" } else { "applied" };
    let mut text = format!("{verb} {}", plural(report.applied_now() as u64, "batch"));
    let already = report.applied_before();
    if already > 0 {
        text.push_str(&format!(", {} already applied", grouped(already as u64)));
    }
    if report.changed > 0 {
        text.push_str(&format!(", {} changed after being applied and left out", grouped(report.changed as u64)));
    }
    if report.totals.rejected > 0 {
        text.push_str(&format!(", {} rejected", plural(report.totals.rejected, "row")));
    }
    let state = format!("{} in the store at sequence {sequence}", plural(rows, "row"));
    match report.dry_run {
        true => format!("dry run: {text}; nothing was changed, {state}"),
        false => format!("{text}; {state}"),
    }
}
