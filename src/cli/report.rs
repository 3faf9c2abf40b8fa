//! The report of `apply`: what became of each batch, and the sums. Keys are public and their order is fixed.

use super::output::say;
use super::reading;
use crate::Progress;
use crate::model::counts::{Counter, Counts};
use crate::model::ledger::{Applied, NearMatch};
use crate::model::position::Position;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// What became of rows, as every report prints it.
#[derive(Debug, Serialize)]
pub(super) struct CountsJson {
    read: u64,
    inserted: u64,
    updated: u64,
    deleted: u64,
    unchanged: u64,
    coalesced: u64,
    without_effect: u64,
    skipped: u64,
    rejected: u64,
    #[serde(serialize_with = "named")]
    counters: Vec<(&'static str, u64)>,
    #[serde(serialize_with = "named")]
    rejections: Vec<(&'static str, u64)>,
    event_volume: u64,
}

fn named<S: Serializer>(pairs: &[(&'static str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, count) in pairs {
        map.serialize_entry(name, count)?;
    }
    map.end()
}

impl From<&Counts> for CountsJson {
    fn from(counts: &Counts) -> Self {
        CountsJson {
            read: counts.read,
            inserted: counts.inserted,
            updated: counts.updated,
            deleted: counts.deleted,
            unchanged: counts.unchanged,
            coalesced: counts.coalesced,
            without_effect: counts.without_effect,
            skipped: counts.skipped,
            rejected: counts.rejected,
            counters: counts.counters.iter().map(|(counter, by)| (counter.name(), *by)).collect(),
            rejections: counts.rejections.iter().map(|(rule, by)| (rule.name(), *by)).collect(),
            event_volume: counts.event_volume,
        }
    }
}

/// A position: a number where it is numbered, its name otherwise.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum PositionJson {
    Number(u64),
    Name(String),
}

impl From<&Position> for PositionJson {
    fn from(position: &Position) -> Self {
        match position {
            Position::Numbered(number) => PositionJson::Number(*number),
            Position::Named(named) => PositionJson::Name(named.name.clone()),
        }
    }
}

/// The key that an UPDATE without a match probably meant.
#[derive(Debug, Serialize)]
pub(super) struct NearMatchJson {
    user_id: String,
    insert_id: String,
    event_time: i64,
    offset: i64,
}

impl From<&NearMatch> for NearMatchJson {
    fn from(near: &NearMatch) -> Self {
        NearMatchJson {
            user_id: near.key.user_id.clone(),
            insert_id: near.key.insert_id.clone(),
            event_time: near.key.event_time,
            offset: near.offset,
        }
    }
}

/// One batch of this run.
#[derive(Debug, Serialize)]
pub(super) struct BatchJson {
    pub(super) position: PositionJson,
    /// The commit that applied it, now or earlier; none in a dry run.
    commit_sequence: Option<u64>,
    already_applied: bool,
    #[serde(flatten)]
    counts: CountsJson,
    rows: u64,
    near_matches: Vec<NearMatchJson>,
}

/// Sums over the batches of this run.
#[derive(Debug, Serialize)]
struct TotalsJson {
    batches: usize,
    already_applied: usize,
    #[serde(flatten)]
    counts: CountsJson,
    files_left_out: usize,
}

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct ReportJson<'a> {
    schema: &'static str,
    store: String,
    source: &'a str,
    dry_run: bool,
    batches: &'a [BatchJson],
    totals: TotalsJson,
}

/// Collects the batches of a run.
pub(super) struct Report {
    pub(super) store: String,
    pub(super) source: String,
    pub(super) dry_run: bool,
    /// The batches' JSON, kept for the whole report only.
    pub(super) batches: Vec<BatchJson>,
    pub(super) totals: Counts,
    pub(super) seen: usize,
    pub(super) already_applied: usize,
    pub(super) changed: usize,
    /// Inputs that the converter's `filterPattern` leaves out.
    pub(super) files_left_out: usize,
    /// Those of either kind.
    known: usize,
    /// Objects that were applied before and are counted only: a listing may have millions.
    pub(super) unlisted: usize,
}

impl Report {
    pub(super) fn new(store: String, source: String, dry_run: bool) -> Report {
        Report {
            store,
            source,
            dry_run,
            batches: Vec::new(),
            totals: Counts::default(),
            seen: 0,
            already_applied: 0,
            changed: 0,
            files_left_out: 0,
            known: 0,
            unlisted: 0,
        }
    }

    /// Counts what is no batch, and says what people should know of it.
    pub(super) fn note(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::LeftOut(names) => {
                self.files_left_out = names.len();
                say(&reading::left_out(names));
            }
            Progress::Known(count) => self.unlisted += *count as usize,
            _ => {}
        }
    }

    /// Counts a batch and returns its JSON. A batch that was applied before counts nothing: nothing was read now.
    pub(super) fn add(&mut self, applied: &Applied) -> BatchJson {
        let counts = counts_now(applied);
        self.totals.add(&counts);
        self.seen += 1;
        self.already_applied += usize::from(applied.already_applied);
        self.changed += usize::from(applied.changed_after_apply);
        self.known += usize::from(is_known(applied));
        let is_committed = is_known(applied) || !self.dry_run;
        let near_matches = match is_known(applied) {
            true => Vec::new(),
            false => applied.entry.near_matches.iter().map(NearMatchJson::from).collect(),
        };
        BatchJson {
            position: (&applied.entry.position).into(),
            commit_sequence: is_committed.then_some(applied.entry.sequence),
            already_applied: applied.already_applied,
            counts: (&counts).into(),
            rows: applied.entry.rows,
            near_matches,
        }
    }

    /// The batches that were applied now.
    pub(super) fn applied_now(&self) -> usize {
        self.seen - self.known
    }

    /// The batches that an earlier run applied, from files that are as they were.
    pub(super) fn applied_before(&self) -> usize {
        self.known - self.changed + self.unlisted
    }

    /// Whether `--strict` has something to refuse.
    pub(super) fn is_refused(&self) -> bool {
        self.totals.rejected > 0 || self.changed > 0
    }

    pub(super) fn json(&self) -> ReportJson<'_> {
        ReportJson {
            schema: "eventmirror.apply/1",
            store: self.store.clone(),
            source: &self.source,
            dry_run: self.dry_run,
            batches: &self.batches,
            totals: TotalsJson {
                batches: self.seen + self.unlisted,
                already_applied: self.already_applied + self.unlisted,
                counts: (&self.totals).into(),
                files_left_out: self.files_left_out,
            },
        }
    }
}

/// Whether an earlier run applied the batch.
pub(super) fn is_known(applied: &Applied) -> bool {
    applied.already_applied || applied.changed_after_apply
}

/// What became of a batch's rows in this run.
pub(super) fn counts_now(applied: &Applied) -> Counts {
    if !is_known(applied) {
        return applied.entry.counts.clone();
    }
    let mut counts = Counts::default();
    counts.count(Counter::ChangedAfterApply, u64::from(applied.changed_after_apply));
    counts
}
