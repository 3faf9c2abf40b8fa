//! `sync`: all sources of a file, in order, once or again and again.

use super::Outcome;
use super::apply::Applying;
use super::applying::SyncArguments;
use super::interrupt;
use super::output::{Console, Shape, say};
use super::progress::Bars;
use super::report::{CountsJson, PositionJson, Report};
use super::sync_file::{self, Job};
use super::table::{Align, grouped, plural, table};
use crate::error::{Error, ErrorKind, Result};
use crate::model::text::rfc3339;
use crate::{Progress, SourceStatus};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(100);

pub(super) fn run(arguments: &SyncArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let jobs = chosen(sync_file::read(&arguments.file)?, &arguments.source)?;
    let stop = interrupt::flag()?;
    loop {
        let started = Instant::now();
        let result = round(&jobs, stop, console.shape(json), console);
        console.flush()?;
        let Some(every) = arguments.watch else { return result };
        match result {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => say(&error.to_string()),
            Ok(_) => {}
        }
        wait(started, every, stop)?;
    }
}

/// The sources that were asked for by name, or all.
fn chosen(jobs: Vec<Job>, names: &[String]) -> Result<Vec<Job>> {
    if let Some(name) = names.iter().find(|name| jobs.iter().all(|job| job.source != **name)) {
        let all: Vec<&str> = jobs.iter().map(|job| job.source.as_str()).collect();
        return Err(super::usage(format!("there is no source {name:?}"))
            .at("--source")
            .advice(format!("the sources are: {}", all.join(", "))));
    }
    Ok(jobs.into_iter().filter(|job| names.is_empty() || names.contains(&job.source)).collect())
}

/// Waits until so much time has passed since then.
fn wait(since: Instant, time: Duration, stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let left = time.saturating_sub(since.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(TICK));
    }
    Err(interrupt::error())
}

/// Applies what is new of each source. One that fails does not keep the others from their turn.
fn round(jobs: &[Job], stop: &AtomicBool, shape: Shape, console: &mut Console) -> Result<Outcome> {
    let mut done = Vec::with_capacity(jobs.len());
    for job in jobs {
        let synced = sync(job, stop);
        if let Some(error) = &synced.error {
            say(&format!("source {}: {error}", job.source));
        }
        if shape == Shape::Lines {
            console.json(&synced.json())?;
            console.flush()?;
        }
        let is_stopped = synced.error.as_ref().is_some_and(|error| error.kind() == ErrorKind::Interrupted);
        done.push(synced);
        if is_stopped {
            break;
        }
    }
    match shape {
        Shape::Json => {
            let sources = done.iter().map(Synced::json).collect();
            console.json(&SyncJson { schema: "eventmirror.sync/1", sources })?;
        }
        Shape::Table => console.line(sources_table(&done))?,
        Shape::Lines => {}
    }
    outcome(&done, jobs.len())
}

/// The outcome of all: the first error's kind where there is one.
fn outcome(done: &[Synced<'_>], all: usize) -> Result<Outcome> {
    let failed: Vec<&Synced<'_>> = done.iter().filter(|synced| synced.error.is_some()).collect();
    if let Some(error) = failed.last().and_then(|synced| synced.error.as_ref())
        && error.kind() == ErrorKind::Interrupted
    {
        return Err(interrupt::error().advice("run it again: it goes on from there"));
    }
    match failed.first().and_then(|synced| synced.error.as_ref()) {
        Some(first) => {
            let names: Vec<&str> = failed.iter().map(|synced| synced.job.source.as_str()).collect();
            let text = format!("{} of {} failed: {}", failed.len(), plural(all as u64, "source"), names.join(", "));
            Err(Error::new(first.kind(), text)
                .advice("what was committed stays, and running it again goes on from there"))
        }
        None if done.iter().any(|synced| synced.is_refused()) => Ok(Outcome::Refused),
        None => Ok(Outcome::Done),
    }
}

/// What became of a source in one round.
struct Synced<'a> {
    job: &'a Job,
    report: Report,
    /// Rows in the store, and its sequence.
    state: Option<(u64, u64)>,
    status: Option<SourceStatus>,
    /// Milliseconds since 1970.
    now: i64,
    error: Option<Error>,
}

fn sync<'a>(job: &'a Job, stop: &AtomicBool) -> Synced<'a> {
    let arguments = &job.arguments;
    let report = Report::new(arguments.store.display().to_string(), job.source.clone(), arguments.dry_run);
    let mut synced = Synced { job, report, state: None, status: None, now: 0, error: None };
    if let Err(error) = synced.run(stop) {
        synced.error = Some(error);
    }
    synced.now = jiff::Timestamp::now().as_millisecond();
    synced
}

impl Synced<'_> {
    fn run(&mut self, stop: &AtomicBool) -> Result<()> {
        if stop.load(Ordering::Relaxed) {
            return Err(interrupt::error());
        }
        let applying = Applying::begin(&self.job.arguments)?;
        let mut bars = Bars::new();
        let report = &mut self.report;
        let applied = applying.run(&self.job.arguments.inputs, stop, &mut |progress| {
            bars.show(&progress);
            match progress {
                Progress::Done(applied) => drop(report.add(applied)),
                other => report.note(&other),
            }
        });
        bars.finish();
        let snapshot = applying.store.snapshot();
        self.state = Some((snapshot.count(), snapshot.sequence()));
        let mut sources = applying.store.sources()?.into_iter();
        self.status = sources.find(|status| status.source == self.job.source);
        applied.map(drop)
    }

    fn is_refused(&self) -> bool {
        self.job.arguments.strict && self.report.is_refused()
    }

    /// How old the newest of what was applied is: since it was written, or where nobody knows, since it was applied.
    fn lag(&self) -> Option<Duration> {
        let status = self.status.as_ref()?;
        let newest = status.newest.unwrap_or(status.applied_at);
        Some(Duration::from_millis(u64::try_from(self.now.saturating_sub(newest)).unwrap_or(0)))
    }

    fn position(&self) -> Option<PositionJson> {
        self.status.as_ref().and_then(|status| match (&status.watermark, &status.last_name) {
            (Some(number), _) => Some(PositionJson::Number(*number)),
            (None, name) => name.clone().map(PositionJson::Name),
        })
    }

    fn json(&self) -> SourceJson<'_> {
        let status = self.status.as_ref();
        SourceJson {
            source: &self.job.source,
            store: &self.report.store,
            position: self.position(),
            lag_seconds: self.lag().map(|lag| lag.as_secs()),
            applied_at: status.map(|status| rfc3339(status.applied_at)),
            batches: self.report.applied_now(),
            already_applied: self.report.applied_before(),
            counts: (&self.report.totals).into(),
            rows: self.state.map(|(rows, _)| rows),
            commit_sequence: self.state.map(|(_, sequence)| sequence),
            error: self.error.as_ref().map(Error::to_string),
        }
    }
}

/// The documented form. Keys are public.
#[derive(Serialize)]
struct SyncJson<'a> {
    schema: &'static str,
    sources: Vec<SourceJson<'a>>,
}

#[derive(Serialize)]
struct SourceJson<'a> {
    source: &'a str,
    store: &'a str,
    position: Option<PositionJson>,
    lag_seconds: Option<u64>,
    applied_at: Option<String>,
    batches: usize,
    already_applied: usize,
    #[serde(flatten)]
    counts: CountsJson,
    rows: Option<u64>,
    commit_sequence: Option<u64>,
    error: Option<String>,
}

fn sources_table(done: &[Synced<'_>]) -> comfy_table::Table {
    let titles =
        ["source", "position", "lag", "batches", "read", "inserted", "updated", "deleted", "rejected", "rows in store"];
    let align = |title| (title, if matches!(title, "source" | "position") { Align::Left } else { Align::Right });
    let rows = done.iter().map(|synced| {
        let position = match synced.position() {
            Some(PositionJson::Number(number)) => number.to_string(),
            Some(PositionJson::Name(name)) => name,
            None => String::new(),
        };
        let counts = &synced.report.totals;
        let numbers = [counts.read, counts.inserted, counts.updated, counts.deleted, counts.rejected];
        let mark = if synced.error.is_some() { " (failed)" } else { "" };
        let texts = [format!("{}{mark}", synced.job.source), position, lag_text(synced.lag())];
        let batches = grouped(synced.report.applied_now() as u64);
        let rows = synced.state.map(|(rows, _)| grouped(rows)).unwrap_or_default();
        texts.into_iter().chain([batches]).chain(numbers.map(grouped)).chain([rows]).collect()
    });
    table(&titles.map(align), rows)
}

/// A length of time by its two largest units.
fn lag_text(lag: Option<Duration>) -> String {
    let Some(lag) = lag else { return String::new() };
    let seconds = lag.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(units.len() - 1);
    let parts = units[first..].iter().take(2);
    parts.map(|(count, unit)| format!("{count}{unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_its_time_has_passed_or_it_is_stopped() {
        let (go, stop) = (AtomicBool::new(false), AtomicBool::new(true));
        assert!(wait(Instant::now(), Duration::ZERO, &go).is_ok());
        let error = wait(Instant::now(), Duration::MAX, &stop).expect_err("it is stopped");
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn a_lag_is_told_by_its_two_largest_units() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (61, "1m 1s"), (7_200, "2h 0m"), (93_784, "1d 2h")] {
            assert_eq!(lag_text(Some(Duration::from_secs(seconds))), text);
        }
        assert_eq!(lag_text(None), "");
    }
}
