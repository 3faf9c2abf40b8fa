//! The beginning of a batch: whether its position was applied before.

use super::Store;
use super::apply::{BatchWriter, Guards};
use super::keyspace::names;
use crate::error::{Error, ErrorKind, Result};
use crate::model::counts::{Counter, Counts};
use crate::model::ledger::Applied;
use crate::model::position::{BatchPosition, Named, Position, Unread};
use std::sync::Arc;

/// Where a batch comes from; see [`ChangeBatch`](crate::model::change::ChangeBatch).
pub struct Origin {
    /// The source.
    pub source: String,
    /// Its position in the source.
    pub position: BatchPosition,
    /// The first of the numbers that it covers, where it covers several.
    pub first: Option<u64>,
    /// Names of the files that it is read from.
    pub files: Arc<[String]>,
}

/// How a batch begins.
pub enum Start<'s> {
    /// It is new: write its mutations and commit.
    Ready(Box<BatchWriter<'s>>),
    /// Its position was applied before; nothing is to be done.
    Known(Box<Applied>),
}

impl Store {
    /// Begins a batch. Waits for a batch that another thread is applying. Where a name was applied before and only its
    /// content can tell whether it is the same, the content is read here.
    ///
    /// # Errors
    /// `HistoryGap` where a numbered position leaves others out.
    pub fn begin(&self, mut origin: Origin, guards: Guards) -> Result<Start<'_>> {
        let inner = &*self.0;
        if !guards.dry_run {
            self.check_writable()?;
        }
        let mut writer = inner.writer.lock();
        let mut counts = Counts::default();
        let source = origin.source.as_str();
        let known = match &mut origin.position {
            BatchPosition::Known(Position::Numbered(number)) => {
                self.known_number(source, *number, origin.first, guards.allow_gap)?
            }
            BatchPosition::Known(Position::Named(named)) => {
                self.known_name(source, &named.name, |known| Ok(known.hash != named.hash), &mut counts)?
            }
            BatchPosition::Unread(Unread { name, size, content, .. }) => {
                let is_changed = |known: &Named| Ok(known.size != *size || known.hash != content.hash()?);
                self.known_name(source, name, is_changed, &mut counts)?
            }
        };
        if let Some(applied) = known {
            return Ok(Start::Known(Box::new(applied)));
        }
        if !guards.dry_run {
            writer.forget_dry_runs(inner.committed.read().sequence);
        }
        Ok(Start::Ready(Box::new(BatchWriter::new(self, writer, origin, guards, counts)?)))
    }

    fn known_name(
        &self,
        source: &str,
        name: &str,
        is_changed: impl FnOnce(&Named) -> Result<bool>,
        counts: &mut Counts,
    ) -> Result<Option<Applied>> {
        if let Some(record) = self.name(source, name)? {
            return self.known(record.sequence, is_changed(&record.named)?).map(Some);
        }
        let mut iterator = self.0.db.raw_iterator_cf(self.0.families().names());
        iterator.seek(names::key(source, name));
        let is_late = iterator.key().is_some_and(|key| key.starts_with(&names::prefix(source)));
        iterator.status()?;
        counts.count(Counter::LateFile, u64::from(is_late));
        Ok(None)
    }

    fn known_number(&self, source: &str, number: u64, first: Option<u64>, allow_gap: bool) -> Result<Option<Applied>> {
        let Some((watermark, sequence)) = self.watermark(source)? else { return Ok(None) };
        if number <= watermark {
            // From the newest on, since what is replayed was mostly applied a short while ago.
            let mut found = sequence;
            for earlier in (1..=sequence).rev() {
                let entry = self.ledger_entry(earlier)?;
                if entry.is_some_and(|entry| entry.source == source && entry.position == Position::Numbered(number)) {
                    found = earlier;
                    break;
                }
            }
            return self.known(found, false).map(Some);
        }
        let begins_at = first.unwrap_or(number);
        if begins_at > watermark + 1 && !allow_gap {
            let text = format!("positions {} to {} of source {source} are missing", watermark + 1, begins_at - 1);
            let advice = match first {
                None => "apply them first, or accept the gap with --allow-gap and verify the mirror",
                Some(_) => {
                    "apply them first; if those commits changed no row, say from which version on the input covers the \
                     table with --from-version; or accept the gap with --allow-gap and verify the mirror"
                }
            };
            let place = format!("position={number} watermark={watermark}");
            return Err(Error::new(ErrorKind::HistoryGap, text).at(place).advice(advice));
        }
        Ok(None)
    }

    /// The result for a position that commit `sequence` applied.
    pub fn known(&self, sequence: u64, changed_after_apply: bool) -> Result<Applied> {
        let entry = self.ledger_entry(sequence)?;
        let entry =
            entry.ok_or_else(|| super::codec::corrupt("ledger", "the entry of an applied position is missing"))?;
        Ok(Applied { entry, already_applied: true, changed_after_apply })
    }
}
