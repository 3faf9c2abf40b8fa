//! Reading events: one by its key, and all of one user.

use super::Failure;
use super::data::Data;
use super::line::Measured;
use eventmirror::{Event, EventStore};
use std::time::Instant;

/// Measures each question in a second round; the first one warms the caches.
pub(super) fn warm<Q>(
    questions: &[Q],
    mut ask: impl FnMut(&Q) -> Result<(u64, bool), Failure>,
) -> Result<Measured, Failure> {
    let mut measured = Measured { rows: 0, seconds: Vec::with_capacity(questions.len()), ok: true };
    for question in questions {
        measured.ok &= ask(question)?.1;
    }
    for question in questions {
        let started = Instant::now();
        let (rows, ok) = ask(question)?;
        measured.seconds.push(started.elapsed().as_secs_f64());
        measured.rows += rows;
        measured.ok &= ok;
    }
    Ok(measured)
}

pub(super) fn lookup(store: &EventStore, data: &Data<'_>) -> Result<Measured, Failure> {
    let snapshot = store.snapshot();
    let mut reader = snapshot.reader();
    warm(&data.probe_keys()?, |key| {
        let found = reader.get(key)?;
        Ok((1, found.is_some_and(|event| event.key == *key)))
    })
}

pub(super) fn user(store: &EventStore, data: &Data<'_>) -> Result<Measured, Failure> {
    let snapshot = store.snapshot();
    let mut measured = warm(&data.probe_users()?, |user_id| {
        let events: Vec<Event> = snapshot.user_events(user_id)?.collect::<eventmirror::Result<_>>()?;
        let is_theirs = events.iter().all(|event| event.key.user_id == *user_id);
        Ok((events.len() as u64, is_theirs && !events.is_empty()))
    })?;
    measured.ok &= data.manifest.get("probe_user_rows").is_none_or(|rows| *rows == measured.rows);
    Ok(measured)
}
