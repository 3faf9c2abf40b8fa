//! A small fixed workload, made in the program: also that of `benches/instructions`.

use eventmirror::{Change, ChangeBatch, Event, EventKey, EventStore, Position, StoreOptions, Value, query};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

const USERS: u64 = 500;

pub(crate) fn key(number: u64) -> EventKey {
    EventKey::new(user(number), format!("event-{number}"), 1_767_225_600_000 + number as i64)
}

pub(crate) fn user(number: u64) -> String {
    format!("user-{}", number % USERS)
}

pub(crate) fn event(number: u64, version: u64) -> Event {
    let properties = format!(r#"{{"item":"sku-{number}","price_cents":{},"version":{version}}}"#, number * 7 % 50_000);
    Event::new(key(number))
        .with("event_type", Value::Text(["page_view", "cart_add", "search"][(number % 3) as usize].into()))
        .with("platform", Value::Text("web".into()))
        .with("revenue", Value::Float(number as f64 / 100.0))
        .with("event_properties", Value::Json(properties))
}

/// A store with the first version of so many events.
pub(crate) fn filled(path: &Path, events: u64, options: StoreOptions) -> eventmirror::Result<EventStore> {
    let store = EventStore::open(path, options)?;
    let changes = (0..events).map(|number| Change::Insert(event(number, 0))).collect();
    store.apply(ChangeBatch::of_changes("bench", Position::Numbered(0), changes))?;
    Ok(store)
}

/// New versions of events that lie all over the table.
pub(crate) fn updated(version: u64, size: u64, events: u64) -> impl Iterator<Item = Event> {
    (0..size).map(move |number| event((number * 37 + version) % events, version))
}

/// Every so many events have another version in an extract with differences.
const DIFFERING: u64 = 1_000;

/// The events of a [`filled`] store, or what differs from them in a few.
pub(crate) fn extract(events: u64, has_differences: bool) -> impl Iterator<Item = Event> {
    (0..events).map(move |number| event(number, u64::from(has_differences && number % DIFFERING == 0)))
}

/// Events as a file in the format that its name says, with the columns of a store.
pub(crate) fn write(store: &EventStore, path: &Path, events: impl Iterator<Item = Event>) -> eventmirror::Result<()> {
    let (snapshot, out, events) = (store.snapshot(), BufWriter::new(File::create(path)?), events.map(Ok));
    let columns = snapshot.schema().columns();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => {
            let plan = query::ParquetPlan::new(columns);
            query::write_parquet(events, columns, &plan, store.precision(), out)?
        }
        Some("csv") => query::write_csv(events, columns, out)?,
        _ => query::write_ndjson(events, out)?,
    };
    Ok(())
}
