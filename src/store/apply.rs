//! Applying a batch: the mutations of one window become visible together, or not at all.

use super::begin::Origin;
use super::classify::{Classified, classify};
use super::keyspace::pages::Entry;
use super::keyspace::{deltas, fingerprints, ledger, meta, names, rejections, watermarks};
use super::sorted_files::{self, SortedFiles};
use super::writer::Writer;
use super::{Committed, Inner, NameRecord, Store, now, recover, synced, write_rows};
use crate::error::{Error, ErrorKind, Result};
use crate::model::counts::{Counter, Counts};
use crate::model::fingerprint::Fingerprint;
use crate::model::ledger::{Applied, LedgerEntry, NearMatch};
use crate::model::mutation::{Effect, Mutation, MutationKind, MutationSet, Policies};
use crate::model::position::Position;
use crate::model::rejection::Rejected;
use crate::model::schema::Schema;
use crate::model::{event_json, key, row};
use parking_lot::MutexGuard;
use rocksdb::WriteBatch;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What may stop a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Guards {
    /// A batch that deletes more than this share of the rows is refused, where the store has at least 1,000.
    pub max_delete_percent: f64,
    /// Accept a numbered position that leaves others out.
    pub allow_gap: bool,
    /// Find out what the batch does and write nothing.
    pub dry_run: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Guards { max_delete_percent: 20.0, allow_gap: false, dry_run: false }
    }
}

/// Near matches kept of a batch: enough to see a pattern.
const NEAR_MATCHES: usize = 10;
/// UPDATEs without a match that are looked at for one: each costs a read of the table.
const NEAR_MATCH_READS: usize = 100;
/// The share of deletes is not looked at in smaller tables.
const GUARDED_ROWS: u64 = 1_000;

/// A batch that is being written. Dropped without [`commit`](BatchWriter::commit), it leaves nothing.
pub struct BatchWriter<'s> {
    store: &'s Store,
    pub(super) inner: &'s Inner,
    writer: MutexGuard<'s, Writer>,
    origin: Origin,
    pub(super) guards: Guards,
    pub(super) sequence: u64,
    /// Rows in the table before the batch.
    rows: u64,
    counts: Counts,
    /// Writes that go with the commit.
    pub(super) held: WriteBatch,
    /// Sorted files that are ingested right before the commit.
    pub(super) files: Option<SortedFiles>,
    /// The sorted file of pages, likewise.
    page_file: Option<PathBuf>,
    /// Changes of the index for the batch's list, and how many there are in all.
    entries: Vec<Entry>,
    changed: usize,
    changes: HashMap<u16, Fingerprint>,
    rejections: u64,
    near_matches: Vec<NearMatch>,
    /// How many UPDATEs without a match may still be looked at.
    near_match_reads: usize,
    pub(super) is_bulk: bool,
    has_written: bool,
    is_done: bool,
}

impl<'s> BatchWriter<'s> {
    /// A writer of nothing yet. `counts` is what is known of the batch before its rows.
    pub(super) fn new(
        store: &'s Store,
        mut writer: MutexGuard<'s, Writer>,
        origin: Origin,
        guards: Guards,
        counts: Counts,
    ) -> Result<Self> {
        let inner = &*store.0;
        let state = writer.state(inner)?;
        let (sequence, rows) = (state.sequence + 1, state.rows);
        Ok(BatchWriter {
            store,
            inner,
            writer,
            origin,
            guards,
            sequence,
            rows,
            counts,
            held: WriteBatch::default(),
            files: None,
            page_file: None,
            entries: Vec::new(),
            changed: 0,
            changes: HashMap::new(),
            rejections: 0,
            near_matches: Vec::new(),
            near_match_reads: NEAR_MATCH_READS,
            is_bulk: false,
            has_written: false,
            is_done: false,
        })
    }

    /// Where the batch covers several numbers: the last one that was applied before.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn applied_up_to(&self) -> Result<Option<u64>> {
        match self.origin.first {
            Some(_) => Ok(self.store.watermark(&self.origin.source)?.map(|(number, _)| number)),
            None => Ok(None),
        }
    }

    /// Says that the batch is far larger than one of its sets, which come in the order of their keys: its rows are
    /// written as sorted files.
    pub fn expect_bulk(&mut self) {
        self.is_bulk = true;
    }

    /// Writes mutations of the batch. Sets of one batch must not share keys.
    ///
    /// # Errors
    /// `InvalidInput` where the batch deletes more than the guard allows; whatever the disk says.
    pub fn write(&mut self, mut set: MutationSet, policies: &Policies, schema: &Schema) -> Result<()> {
        self.lay_patches_over(&mut set, schema)?;
        let state = self.writer.state(self.inner)?;
        let committed = self.inner.committed.read().sequence;
        let database = (&self.inner.db, self.inner.families());
        state.index.expect(database, committed, set.mutations.len(), self.rows)?;
        let classified = classify(self.inner, &mut state.index.pages, committed, &set, policies)?;
        self.counts.add(&classified.counts);
        self.check_deletes()?;
        self.keep_rejected(&set, &classified, schema)?;
        self.find_near_matches(&set, &classified)?;
        self.note_entries(&classified.entries)?;
        for (bucket, change) in &classified.changes {
            let sum = self.changes.entry(*bucket).or_default();
            *sum = sum.plus(*change);
        }
        if self.guards.dry_run { Ok(()) } else { write_rows::write(self, set, &classified.effects) }
    }

    /// Lays updates that bring only some columns over the rows that the store has.
    fn lay_patches_over(&self, set: &mut MutationSet, schema: &Schema) -> Result<()> {
        if !set.mutations.iter().any(|mutation| mutation.is_patch) {
            return Ok(());
        }
        let bad_row = |_| super::codec::corrupt("row", "its fields cannot be read");
        let snapshot = self.store.snapshot();
        let mut reader = snapshot.reader();
        let mut arena = Vec::new();
        for index in 0..set.mutations.len() {
            let mutation = set.mutations[index];
            if !mutation.is_patch {
                continue;
            }
            let Some((_, old)) = reader.row(set.key(&mutation))? else { continue };
            let offset = arena.len();
            arena.extend_from_slice(set.key(&mutation));
            let row_start = arena.len();
            row::merge(old, set.row(&mutation), &mut arena).map_err(bad_row)?;
            let row_hash = row::hash_fields(mutation.key_hash, &arena[row_start..], schema).map_err(bad_row)?;
            let merged = &mut set.mutations[index];
            (merged.arena, merged.offset) = (set.arenas.len() as u32, offset as u32);
            (merged.row_length, merged.row_hash) = ((arena.len() - row_start) as u32, row_hash);
        }
        set.arenas.push(arena.into());
        Ok(())
    }

    fn check_deletes(&self) -> Result<()> {
        let allowed = self.rows as f64 * self.guards.max_delete_percent / 100.0;
        if self.rows < GUARDED_ROWS || self.counts.deleted as f64 <= allowed {
            return Ok(());
        }
        let text = format!(
            "the batch deletes {} of {} rows, more than {} %",
            self.counts.deleted, self.rows, self.guards.max_delete_percent
        );
        Err(Error::new(ErrorKind::InvalidInput, text)
            .at(format!("source={} position={}", self.origin.source, self.origin.position))
            .advice("if that is meant, raise --max-delete-percent"))
    }

    fn keep_rejected(&mut self, set: &MutationSet, classified: &Classified, schema: &Schema) -> Result<()> {
        if classified.counts.rejected == 0 {
            return Ok(());
        }
        for (mutation, effect) in set.mutations.iter().zip(&classified.effects) {
            if let Effect::Rejected(rule) = effect {
                let detail = "the store's row contradicts the change".to_owned();
                let row = event_json::encoded(set.key(mutation), set.row(mutation), schema);
                self.keep(Rejected { rule: *rule, place: mutation.place, detail, row })?;
            }
        }
        Ok(())
    }

    /// Keeps rows that were rejected before they came to the store.
    pub fn reject(&mut self, rejected: Vec<Rejected>) -> Result<()> {
        rejected.into_iter().try_for_each(|rejected| self.keep(rejected))
    }

    fn keep(&mut self, rejected: Rejected) -> Result<()> {
        if self.guards.dry_run {
            return Ok(());
        }
        let key = rejections::key(self.sequence, self.rejections);
        let rejection = rejected.into_rejection(&self.origin.files);
        self.held.put_cf(self.inner.families().rejections(), key, rejections::encode(&rejection)?);
        self.rejections += 1;
        if self.held.size_in_bytes() >= self.inner.options.chunk_bytes { self.write_held() } else { Ok(()) }
    }

    /// Writes what is held before the commit, which makes the batch one of several writes.
    pub(super) fn write_held(&mut self) -> Result<()> {
        self.declare_intent()?;
        Ok(self.inner.db.write(std::mem::take(&mut self.held))?)
    }

    /// Says on disk that versions of this sequence may be there without being committed. Must come before the first of
    /// them; it is in the same log, or synced where they are in files of their own.
    pub(super) fn declare_intent(&mut self) -> Result<()> {
        if !self.has_written {
            self.has_written = true;
            let intent = meta::encode_sequence(self.sequence)?;
            self.inner.db.put_cf(self.inner.families().meta(), meta::INTENT, intent)?;
        }
        Ok(())
    }

    fn find_near_matches(&mut self, set: &MutationSet, classified: &Classified) -> Result<()> {
        let has_any = classified.counts.counters.contains_key(&Counter::UpdateWithoutMatch);
        if !has_any || self.near_match_reads == 0 || self.near_matches.len() >= NEAR_MATCHES {
            return Ok(());
        }
        let snapshot = self.store.snapshot();
        let has_no_match = |(mutation, effect): &(&Mutation, &Effect)| {
            let is_update = mutation.kind == MutationKind::Update;
            is_update && matches!(effect, Effect::Inserted | Effect::WithoutEffect | Effect::Rejected(_))
        };
        let unmatched = set.mutations.iter().zip(&classified.effects).filter(has_no_match);
        let mut same_ids = snapshot.rows_of_none();
        for (mutation, _) in unmatched.take(self.near_match_reads) {
            if self.near_matches.len() >= NEAR_MATCHES {
                break;
            }
            self.near_match_reads -= 1;
            let encoded = set.key(mutation);
            same_ids.seek(&encoded[..encoded.len() - key::TIME_BYTES], &[]);
            if let (Some(found), Some(key)) = (same_ids.next_row()?, key::decode(encoded))
                && let Some(found) = key::decode(found.key)
            {
                let offset = found.event_time.wrapping_sub(key.event_time);
                self.near_matches.push(NearMatch { key, offset });
            }
        }
        Ok(())
    }

    /// Makes the batch visible and durable: when this returns, a power cut loses nothing of it. `counts` are those of
    /// the rows that never became a mutation of the store. All parts of the batch must have been read, since the hash
    /// of its content is asked for here.
    pub fn commit(mut self, counts: &Counts, hazards: &[u128], schema: Schema) -> Result<Applied> {
        // Until here they are the rows that a policy rejected; each was counted as volume before the store was asked.
        let rejected_by_policy = self.counts.rejected;
        self.counts.add(counts);
        self.counts.event_volume = self.counts.event_volume.saturating_sub(rejected_by_policy);
        let rows = self.rows + self.counts.inserted - self.counts.deleted;
        let entry = LedgerEntry {
            sequence: self.sequence,
            source: std::mem::take(&mut self.origin.source),
            position: self.origin.position.complete()?,
            counts: std::mem::take(&mut self.counts),
            rows,
            committed_at: now(),
            near_matches: std::mem::take(&mut self.near_matches),
        };
        if !entry.counts.balances() {
            let text = format!("the counts of a batch do not balance: {:?}", entry.counts);
            return Err(Error::new(ErrorKind::Corrupt, text).advice("this is a fault of eventmirror: please report it"));
        }
        if !self.guards.dry_run {
            self.write_commit(&entry, hazards, &schema)?;
        }
        let state = self.writer.state(self.inner)?;
        (state.sequence, state.rows) = (entry.sequence, rows);
        state.index.shrink();
        self.is_done = true;
        if !self.guards.dry_run {
            let committed = Committed { sequence: entry.sequence, rows, schema: Arc::new(schema) };
            *self.inner.committed.write() = committed;
        }
        Ok(Applied { entry, already_applied: false, changed_after_apply: false })
    }

    fn write_commit(&mut self, entry: &LedgerEntry, hazards: &[u128], schema: &Schema) -> Result<()> {
        // What is held goes with the commit, so that a small batch takes a single write.
        let mut commit = std::mem::take(&mut self.held);
        self.put_position(entry, &mut commit)?;
        let inner = self.inner;
        let families = inner.families();
        commit.put_cf(families.ledger(), ledger::key(entry.sequence, ledger::Part::Entry), ledger::encode(entry)?);
        if !hazards.is_empty() {
            let key = ledger::key(entry.sequence, ledger::Part::Hazards);
            commit.put_cf(families.ledger(), key, ledger::encode_hazards(hazards));
        }
        if *schema != *inner.committed.read().schema {
            commit.put_cf(families.meta(), meta::SCHEMA, meta::encode_schema(schema)?);
        }
        self.put_fingerprints(entry.sequence, &mut commit)?;
        self.put_index(&mut commit)?;
        self.ingest_files()?;
        if self.has_written {
            commit.delete_cf(families.meta(), meta::INTENT);
        }
        let mut options = synced();
        // Its rows come in the order of their keys.
        options.set_memtable_insert_hint_per_batch(true);
        Ok(inner.db.write_opt(commit, &options)?)
    }

    fn put_position(&self, entry: &LedgerEntry, commit: &mut WriteBatch) -> Result<()> {
        let families = self.inner.families();
        match &entry.position {
            Position::Named(named) => {
                let record = NameRecord { named: named.clone(), sequence: entry.sequence };
                commit.put_cf(families.names(), names::key(&entry.source, &named.name), names::encode(&record)?);
            }
            Position::Numbered(number) => {
                commit.put_cf(families.watermarks(), &entry.source, watermarks::encode(*number, entry.sequence)?);
            }
        }
        Ok(())
    }

    fn put_fingerprints(&mut self, sequence: u64, commit: &mut WriteBatch) -> Result<()> {
        let families = self.inner.families();
        let changes = self.sorted_changes();
        let key = ledger::key(sequence, ledger::Part::FingerprintChanges);
        commit.put_cf(families.ledger(), key, fingerprints::encode(&changes));
        let folds = self.fold_is_due()?;
        let state = &mut self.writer.state(self.inner)?.fingerprints;
        if state.change(&changes) || folds {
            commit.delete_cf(families.fingerprints(), fingerprints::key(state.listed));
            commit.put_cf(families.fingerprints(), fingerprints::key(sequence), state.list(sequence));
        }
        Ok(())
    }

    fn sorted_changes(&self) -> Vec<(u16, Fingerprint)> {
        let changes = self.changes.iter().map(|(bucket, change)| (*bucket, *change));
        let mut changes: Vec<(u16, Fingerprint)> = changes.collect();
        changes.sort_unstable_by_key(|(bucket, _)| *bucket);
        changes
    }

    /// Keeps what changed in the index for the batch's list, unless the pages will be written whole.
    fn note_entries(&mut self, entries: &[Entry]) -> Result<()> {
        self.changed += entries.len();
        match self.fold_is_due()? {
            true => self.entries = Vec::new(),
            false => self.entries.extend_from_slice(entries),
        }
        Ok(())
    }

    fn fold_is_due(&mut self) -> Result<bool> {
        Ok(self.is_bulk || self.writer.state(self.inner)?.index.fold_is_due(self.changed))
    }

    /// Small batches write a list of what they changed; now and then, and for large ones, the pages are written.
    fn put_index(&mut self, commit: &mut WriteBatch) -> Result<()> {
        if self.fold_is_due()? {
            return self.fold_index(commit);
        }
        self.entries.sort_unstable_by_key(|entry| entry.key_hash);
        commit.put_cf(self.inner.families().deltas(), deltas::key(self.sequence), deltas::encode(&self.entries));
        self.writer.state(self.inner)?.index.note_list(self.entries.len());
        Ok(())
    }

    /// Pages go into a sorted file: it is a good deal of bytes, which the log need not carry too.
    fn fold_index(&mut self, commit: &mut WriteBatch) -> Result<()> {
        self.declare_intent()?;
        let inner = self.inner;
        let sequences = (inner.committed.read().sequence, self.sequence);
        let index = &mut self.writer.state(inner)?.index;
        let pages =
            sorted_files::write_pages(inner, |put| index.fold((&inner.db, inner.families()), sequences, commit, put))?;
        self.page_file = pages;
        Ok(())
    }

    fn ingest_files(&mut self) -> Result<()> {
        let rows = self.files.take().map_or(Ok(Vec::new()), |mut files| files.finish())?;
        let pages: Vec<PathBuf> = self.page_file.take().into_iter().collect();
        if rows.is_empty() && pages.is_empty() {
            return Ok(());
        }
        // The intent must be on disk before files that the log knows nothing of.
        self.inner.db.flush_wal(true)?;
        let mut options = rocksdb::IngestExternalFileOptions::default();
        options.set_move_files(true);
        options.set_snapshot_consistency(false);
        let families = self.inner.families();
        for (family, files) in [(families.rows(), rows), (families.pages(), pages)] {
            if !files.is_empty() {
                self.inner.db.ingest_external_file_cf_opts(family, &options, files)?;
            }
        }
        recover::remove_temporary_files(self.inner)
    }
}

impl Drop for BatchWriter<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.writer.forget();
            // Nothing may write into the folder that is taken away.
            self.files = None;
            self.writer.unfinished |= self.has_written;
        }
    }
}
