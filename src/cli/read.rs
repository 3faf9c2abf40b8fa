//! `get` and `count`, and how a command opens a store to read it.

use super::Outcome;
use super::arguments::{CountArguments, GetArguments};
use super::output::{Console, say};
use super::parse::{self, Rounding};
use crate::error::Result;
use crate::model::event_json;
use crate::model::key::EventKey;
use crate::query;
use crate::{EventStore, Snapshot, StoreOptions};
use serde::Serialize;
use std::path::Path;

/// Opens a store for reading only, which works beside a writer.
pub(super) fn open(path: &Path) -> Result<EventStore> {
    EventStore::open(path, StoreOptions { create: false, read_only: true, ..StoreOptions::default() })
}

/// [`open`] with about so many bytes of memory for what is read of the store.
pub(super) fn open_within(path: &Path, memory: usize) -> Result<EventStore> {
    EventStore::open(path, StoreOptions { create: false, read_only: true, memory, ..StoreOptions::default() })
}

/// The table as it is, or as an earlier commit left it.
pub(super) fn snapshot(store: &EventStore, as_of: Option<u64>) -> Result<Snapshot> {
    as_of.map_or_else(|| Ok(store.snapshot()), |sequence| store.snapshot_at(sequence))
}

pub(super) fn get(arguments: &GetArguments, console: &mut Console) -> Result<Outcome> {
    let store = open(&arguments.store)?;
    let time = parse::time(&arguments.event_time, store.precision(), Rounding::Down, "--event-time")?;
    let snapshot = snapshot(&store, arguments.as_of)?;
    let key = EventKey::new(arguments.user_id.clone(), arguments.insert_id.clone(), time);
    let Some(event) = snapshot.get(&key)? else {
        say(&format!(
            "no event with this key at sequence {} user_id={:?} insert_id={:?} event_time={time}",
            snapshot.sequence(),
            key.user_id,
            key.insert_id
        ));
        return Ok(Outcome::NotFound);
    };
    let mut line = String::new();
    event_json::append_event(&event, &mut line);
    query::one_line(&mut line);
    console.line(line)?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct CountJson {
    schema: &'static str,
    rows: u64,
    as_of: u64,
}

pub(super) fn count(arguments: &CountArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let store = open(&arguments.store)?;
    let snapshot = snapshot(&store, arguments.as_of)?;
    match json {
        true => console.json(&CountJson {
            schema: "eventmirror.count/1",
            rows: snapshot.count(),
            as_of: snapshot.sequence(),
        })?,
        false => console.line(snapshot.count())?,
    }
    Ok(Outcome::Done)
}
