//! What is done of a window before its turn, while the one before it is applied: commits wait for the disk, and a core is
//! free meanwhile.

use super::{ApplyOptions, applied_before, rules};
use crate::error::Result;
use crate::event_store::EventStore;
use crate::ingest::{self, PreparedRows, Rules, Scratch};
use crate::model::change::{ChangeBatch, ChangePart};
use crate::model::ledger::Applied;
use crate::model::schema::Schema;
use crate::source::{self, InputWindow, SourceOptions};
use parking_lot::Mutex;
use std::sync::Arc;

/// Parts that are decoded ahead. A window of no more of them is prepared ahead too.
pub(super) const PARTS: usize = 8;

/// A window that was looked at ahead of its turn.
pub(super) enum Ahead {
    /// It was applied before.
    Applied(Applied),
    /// It is opened, and its first parts are decoded.
    Opened(ChangeBatch),
    /// All of it is prepared; the batch has no parts any more.
    Prepared(ChangeBatch, Prepared),
}

/// The rows of a window, prepared by what was known then.
pub(super) struct Prepared {
    pub(super) rows: Vec<PreparedRows>,
    /// The columns, those that the window brought included.
    pub(super) schema: Schema,
    /// The columns before.
    before: Arc<Schema>,
    rules: Rules,
}

impl Ahead {
    /// Opens a window and decodes up to so many of its parts.
    pub(super) fn open(
        store: &EventStore,
        window: &InputWindow,
        parts: usize,
        source: &SourceOptions,
        options: &ApplyOptions,
    ) -> Result<Ahead> {
        if let Some(applied) = applied_before(store, window, source, options.guards.dry_run)? {
            return Ok(Ahead::Applied(applied));
        }
        let mut batch = source::open_window(window, source)?;
        if parts == 0 {
            return Ok(Ahead::Opened(batch));
        }
        let first: Vec<Result<ChangePart>> = batch.parts.by_ref().take(parts + 1).collect();
        // The rows of a window that covers several numbers depend on those before it.
        let is_whole = first.len() <= parts && first.iter().all(Result::is_ok) && window.is_named();
        if is_whole && let Ok(prepared) = Prepared::new(store, first.iter().flatten(), options) {
            return Ok(Ahead::Prepared(batch, prepared));
        }
        batch.parts = Box::new(first.into_iter().chain(batch.parts));
        Ok(Ahead::Opened(batch))
    }
}

impl Prepared {
    fn new<'a>(
        store: &EventStore,
        parts: impl Iterator<Item = &'a ChangePart>,
        options: &ApplyOptions,
    ) -> Result<Prepared> {
        let (before, rules) = (store.0.schema(), rules(store, options, None));
        let schema = Mutex::new(Schema::clone(&before));
        let mut scratch = Scratch::new(store.0.pool());
        let mut order = 0;
        let prepare = |part: &ChangePart| {
            let rows = ingest::prepare(part, order, &schema, &rules, &mut scratch);
            order += part.rows.num_rows() as u64;
            rows
        };
        let rows = parts.map(prepare).collect::<Result<_>>()?;
        Ok(Prepared { rows, schema: schema.into_inner(), before, rules })
    }

    /// Whether the rows would be prepared as they are by what is known now.
    pub(super) fn is_current(&self, store: &EventStore, rules: &Rules) -> bool {
        *store.0.schema() == *self.before && self.rules == *rules
    }
}
