//! `gc`: row versions that nobody may ask for any more, and their disk.

use super::arguments::GcArguments;
use super::output::{Console, Shape, say};
use super::progress::TableBar;
use super::table::{Align, grouped, plural, table};
use super::{Outcome, interrupt};
use crate::error::Result;
use crate::model::text::rfc3339;
use crate::{Collected, EventStore, GcOptions, Horizon, Keep, StoreOptions};
use serde::Serialize;

pub(super) fn run(arguments: &GcArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let stop = interrupt::flag()?;
    let keep = arguments.before.map_or(Keep::For(arguments.history), Keep::From);
    let options = GcOptions { keep, dry_run: arguments.dry_run };
    // A dry run writes nothing, and works beside a writer.
    let opened = StoreOptions { create: false, read_only: arguments.dry_run, ..StoreOptions::default() };
    let store = EventStore::open(&arguments.store, opened)?;
    let bar = TableBar::new();
    let collected = store.gc_with(&options, stop, &mut |progress| bar.show(progress));
    bar.finish();
    let collected = collected?;
    match console.shape(json) {
        Shape::Table => console.line(facts(&collected))?,
        _ => console.json(&GcJson::new(arguments, &collected))?,
    }
    say(&summary(&collected, arguments.dry_run));
    Ok(Outcome::Done)
}

/// What was removed. Keys are public.
#[derive(Serialize)]
struct GcJson {
    schema: &'static str,
    store: String,
    horizon: Option<HorizonJson>,
    removed: u64,
    kept: u64,
    disk_bytes: DiskBytesJson,
    dry_run: bool,
}

#[derive(Serialize)]
struct DiskBytesJson {
    before: u64,
    after: u64,
}

/// The oldest commit that can be read.
#[derive(Serialize)]
pub(super) struct HorizonJson {
    commit_sequence: u64,
    committed_at: String,
}

impl From<Horizon> for HorizonJson {
    fn from(horizon: Horizon) -> Self {
        HorizonJson { commit_sequence: horizon.sequence, committed_at: rfc3339(horizon.committed_at) }
    }
}

impl GcJson {
    fn new(arguments: &GcArguments, collected: &Collected) -> GcJson {
        let disk_bytes = DiskBytesJson { before: collected.disk_bytes_before, after: collected.disk_bytes_after };
        GcJson {
            schema: "eventmirror.gc/1",
            store: arguments.store.display().to_string(),
            horizon: collected.horizon.map(Into::into),
            removed: collected.removed,
            kept: collected.kept,
            disk_bytes,
            dry_run: arguments.dry_run,
        }
    }
}

/// The oldest commit that can be read, for people.
pub(super) fn horizon_text(horizon: Option<Horizon>) -> String {
    horizon.map_or_else(
        || "none: every commit can be read".to_owned(),
        |horizon| format!("commit {} of {}", horizon.sequence, rfc3339(horizon.committed_at)),
    )
}

fn facts(collected: &Collected) -> comfy_table::Table {
    let facts = [
        ("horizon", horizon_text(collected.horizon)),
        ("versions removed", grouped(collected.removed)),
        ("versions kept", grouped(collected.kept)),
        ("bytes on disk before", grouped(collected.disk_bytes_before)),
        ("bytes on disk", grouped(collected.disk_bytes_after)),
    ];
    let facts = facts.map(|(name, value)| vec![name.to_owned(), value]);
    table(&[("collection", Align::Left), ("", Align::Left)], facts)
}

fn summary(collected: &Collected, dry_run: bool) -> String {
    let removed = plural(collected.removed, "row version");
    let what = match dry_run {
        true => format!("would remove {removed} and keep {}", grouped(collected.kept)),
        false => format!("removed {removed}, {} kept", grouped(collected.kept)),
    };
    match collected.horizon {
        Some(horizon) => format!("{what}; the oldest commit that can be read is {}", horizon.sequence),
        None => format!("{what}; every commit can be read"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::arguments::{Cli, Command};
    use super::*;
    use clap::Parser;
    use std::time::Duration;

    fn gc(words: &[&str]) -> GcArguments {
        let words = ["eventmirror", "gc", "mirror"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Gc(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    fn collected(horizon: Option<u64>) -> Collected {
        let horizon = horizon.map(|sequence| Horizon { sequence, committed_at: 5, collected_at: 6, is_finished: true });
        Collected { horizon, removed: 1_234, kept: 7, disk_bytes_before: 9_000, disk_bytes_after: 4_000 }
    }

    #[test]
    fn the_result_by_its_exact_text() {
        let json =
            |words: &[&str], horizon| serde_json::to_string(&GcJson::new(&gc(words), &collected(horizon))).unwrap();
        let tail = "\"removed\":1234,\"kept\":7,\"disk_bytes\":{\"before\":9000,\"after\":4000},\"dry_run\"";
        let head = "{\"schema\":\"eventmirror.gc/1\",\"store\":\"mirror\",\"horizon\":";
        let horizon = "{\"commit_sequence\":3,\"committed_at\":\"1970-01-01T00:00:00.005Z\"}";
        assert_eq!(json(&[], Some(3)), format!("{head}{horizon},{tail}:false}}"));
        assert_eq!(json(&["--dry-run"], None), format!("{head}null,{tail}:true}}"));
    }

    #[test]
    fn a_week_is_kept_by_default() {
        assert_eq!((gc(&[]).history, gc(&[]).before), (Duration::from_secs(7 * 86_400), None));
        assert_eq!(GcOptions { keep: Keep::For(gc(&[]).history), dry_run: gc(&[]).dry_run }, GcOptions::default());
        assert_eq!(gc(&["--before", "3"]).before, Some(3));
    }

    #[test]
    fn the_result_for_people() {
        let removed = "removed 1,234 row versions, 7 kept; the oldest commit that can be read is 3";
        assert_eq!(summary(&collected(Some(3)), false), removed);
        let would = "would remove 1,234 row versions and keep 7; every commit can be read";
        assert_eq!(summary(&collected(None), true), would);
        let text = facts(&collected(Some(3))).to_string();
        for line in ["commit 3 of 1970-01-01T00:00:00.005Z", "1,234", "9,000", "4,000"] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
