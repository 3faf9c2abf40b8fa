//! All change records of a batch into one net mutation a key.
//!
//! Records of one key are ordered by sequence; at one sequence puts outrank deletes, since a delete and a put at one
//! instant are the halves of an update; the order of rows breaks the rest.
//!
//! | records of one key, in order | what survives |
//! |---|---|
//! | … → put | that put |
//! | … → delete | the delete, even when the batch inserted the key: the store may know it from an earlier delivery |
//! | pre-image + put at the same sequence | the put |
//! | pre-image alone | a delete: the put's half was filtered out or went to another key |
//! | two different puts at the last sequence | none: both are rejected as `conflict` |
//! | two equal puts at the last sequence | one of them |
//!
//! A put is an *insert* where all of them are INSERTs, an *update* where all are UPDATEs or their old halves, else an
//! *upsert*: only the first two promise something about the store. This function does not look at the store; see
//! [`effect`](crate::model::mutation::effect).

use super::halves::LoneHalves;
use super::prepare::{PreparedRow, PreparedRows};
use super::sort::{self, Place};
use crate::model::change::{Operation, WindowKind};
use crate::model::counts::{Counter, Counts};
use crate::model::event_json;
use crate::model::mutation::{Mutation, MutationKind, MutationSet, UpdateMode};
use crate::model::rejection::{Rejected, Rule};
use crate::model::row;
use crate::model::schema::Schema;

/// The net mutations of change records, with what became of the others.
#[derive(Debug, Default)]
pub struct Coalesced {
    /// One mutation a key.
    pub set: MutationSet,
    /// Records coalesced and rejected here; nothing of what `prepare` counted.
    pub counts: Counts,
    /// Records rejected here.
    pub rejections: Vec<Rejected>,
    /// Hashes of the keys with an order hazard.
    pub hazards: Vec<u128>,
    /// Halves of updates whose other half is not among the records of their key.
    pub lone_halves: LoneHalves,
}

/// Below this many records a second thread costs more than it saves.
const PARALLEL_FROM: usize = 8_192;

/// How the records of a batch are coalesced.
#[derive(Debug, Clone, Copy)]
pub struct Coalescing {
    /// How they make up a window.
    pub window: WindowKind,
    /// What an update does to the columns that it does not bring.
    pub mode: UpdateMode,
    /// Whether halves of updates are looked at: where there are old ones, and nothing names them.
    pub notes_halves: bool,
}

/// Leaves one net mutation a key. All records of a key must be among `parts`. Large batches are worked on by both cores,
/// half of the buckets each.
pub fn coalesce(parts: Vec<PreparedRows>, how: Coalescing, schema: &Schema) -> Coalesced {
    let half = |merged_arena: usize| Half { parts: &parts, schema, how, merged_arena: merged_arena as u32 };
    let records: usize = parts.iter().map(|part| part.rows.len()).sum();
    let middle = u16::MAX / 2;
    let mut all = match records < PARALLEL_FROM {
        true => vec![half(parts.len()).run(&|_| true)],
        false => std::thread::scope(|scope| {
            let high = scope.spawn(|| half(parts.len() + 1).run(&|bucket| bucket > middle));
            let low = half(parts.len()).run(&|bucket| bucket <= middle);
            vec![low, high.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
        }),
    };
    let mut out = Coalesced::default();
    out.set.mutations.reserve_exact(all.iter().map(|(half, _)| half.set.mutations.len()).sum());
    out.set.arenas = parts.into_iter().map(|part| part.arena).collect();
    for (half, merged) in &mut all {
        out.set.mutations.append(&mut half.set.mutations);
        out.set.arenas.push(std::mem::take(merged).into());
        out.counts.add(&half.counts);
        out.rejections.append(&mut half.rejections);
        out.hazards.append(&mut half.hazards);
        out.lone_halves.append(std::mem::take(&mut half.lone_halves));
    }
    out
}

/// The records of some of the buckets.
struct Half<'a> {
    parts: &'a [PreparedRows],
    schema: &'a Schema,
    how: Coalescing,
    /// Which arena the rows go to that are made of several updates.
    merged_arena: u32,
}

impl Half<'_> {
    /// What is coalesced, without its arenas, and the arena of merged rows.
    fn run(&self, takes: &dyn Fn(u16) -> bool) -> (Coalesced, Vec<u8>) {
        let (mut out, mut merged) = (Coalesced::default(), Vec::new());
        let row = |place: Place| &self.parts[place.part as usize].rows[place.row as usize];
        let key = |place: Place| {
            let row = row(place);
            &self.parts[place.part as usize].arena[row.offset as usize..(row.offset + row.key_length) as usize]
        };
        let tie = |place: Place| {
            let row = row(place);
            (row.sequence, is_put(row.operation), row.order)
        };
        let count = self.parts.iter().flat_map(|part| &part.rows).filter(|row| takes(row.bucket)).count();
        out.set.mutations.reserve_exact(count);
        let places = self.parts.iter().enumerate().flat_map(|(part, rows)| {
            let taken = rows.rows.iter().enumerate().filter(|(_, row)| takes(row.bucket));
            taken.map(move |(row, _)| Place { part: part as u32, row: row as u32 })
        });
        sort::by_key(count, places, &key, &tie, &mut |run| {
            Group { half: self, merged: &mut merged, out: &mut out }.resolve(run);
        });
        (out, merged)
    }
}

fn is_put(operation: Operation) -> bool {
    matches!(operation, Operation::Insert | Operation::Update)
}

struct Group<'a> {
    half: &'a Half<'a>,
    /// Bytes of rows that are made of several updates.
    merged: &'a mut Vec<u8>,
    out: &'a mut Coalesced,
}

impl Group<'_> {
    fn row(&self, place: Place) -> &PreparedRow {
        &self.half.parts[place.part as usize].rows[place.row as usize]
    }

    /// `run` are the records of one key, in order.
    fn resolve(&mut self, run: &[Place]) {
        let Some(&last) = run.last() else { return };
        if self.half.how.notes_halves {
            self.note_halves(run);
        }
        if run.len() > 1 {
            self.count_group(run);
            if self.reject_conflict(run, *self.row(last)) {
                return;
            }
        }
        self.out.counts.coalesced += run.len() as u64 - 1;
        let net = *self.row(last);
        let kind = self.kind(run, net.operation);
        self.count_volume(run, kind);
        let mut mutation = Mutation {
            key_hash: net.key_hash,
            row_hash: net.row_hash,
            place: net.place,
            arena: last.part,
            offset: net.offset,
            key_length: net.key_length,
            row_length: net.row_length,
            bucket: net.bucket,
            kind,
            is_patch: false,
        };
        if self.half.how.mode == UpdateMode::Merge && net.operation == Operation::Update {
            self.merge_updates(run, &mut mutation);
        }
        self.out.set.mutations.push(mutation);
    }

    fn note_halves(&mut self, run: &[Place]) {
        let parts = self.half.parts;
        let row = |place: &Place| &parts[place.part as usize].rows[place.row as usize];
        for instant in run.chunk_by(|a, b| row(a).sequence == row(b).sequence) {
            let Some(sequence) = instant.first().map(|first| row(first).sequence) else { continue };
            self.out.lone_halves.add(sequence, instant.iter().map(|place| row(place).operation));
        }
    }

    /// Where updates bring only some columns, later ones are laid over earlier ones, down to the insert or delete that
    /// they follow; without one they are a patch of the row that the store has.
    fn merge_updates(&mut self, run: &[Place], mutation: &mut Mutation) {
        let base = run.iter().rposition(|place| self.row(*place).operation != Operation::Update);
        mutation.is_patch = base.is_none();
        let first = base.unwrap_or(0);
        let mut fields = Vec::new();
        for place in &run[first..] {
            let (row, arena) = (self.row(*place), &self.half.parts[place.part as usize].arena);
            let start = (row.offset + row.key_length) as usize;
            let mut laid_over = Vec::new();
            // Both are rows that `prepare` encoded, so the merge cannot fail.
            if row::merge(&fields, &arena[start..start + row.row_length as usize], &mut laid_over).is_ok() {
                fields = laid_over;
            }
        }
        let Ok(row_hash) = row::hash_fields(mutation.key_hash, &fields, self.half.schema) else { return };
        let last = run[run.len() - 1];
        let offset = self.merged.len();
        let key = mutation.offset as usize..(mutation.offset + mutation.key_length) as usize;
        self.merged.extend_from_slice(&self.half.parts[last.part as usize].arena[key]);
        self.merged.extend_from_slice(&fields);
        (mutation.arena, mutation.offset) = (self.half.merged_arena, offset as u32);
        (mutation.row_length, mutation.row_hash) = (fields.len() as u32, row_hash);
    }

    fn kind(&self, run: &[Place], net: Operation) -> MutationKind {
        let all = |wanted: &[Operation]| run.iter().all(|place| wanted.contains(&self.row(*place).operation));
        match is_put(net) {
            true if all(&[Operation::Insert]) => MutationKind::Insert,
            true if all(&[Operation::Update, Operation::PreImage]) => MutationKind::Update,
            true => MutationKind::Upsert,
            false if run.iter().any(|place| is_put(self.row(*place).operation)) => MutationKind::DeleteAfterPut,
            false => MutationKind::Delete,
        }
    }

    fn count_group(&mut self, run: &[Place]) {
        let mut cut_off: Vec<u32> = run.iter().map(|place| self.row(*place).cut_off).collect();
        cut_off.sort_unstable();
        cut_off.dedup();
        self.out.counts.count(Counter::KeyCollision, cut_off.len() as u64 - 1);
        if self.half.how.window == WindowKind::Operations {
            self.out.counts.count(Counter::OrderHazard, 1);
            self.out.hazards.push(self.row(run[0]).key_hash);
        }
    }

    /// Two different puts at the last sequence contradict each other: nothing of the key is applied.
    fn reject_conflict(&mut self, run: &[Place], last: PreparedRow) -> bool {
        let rivals: Vec<Place> = run
            .iter()
            .copied()
            .filter(|place| self.row(*place).sequence == last.sequence && is_put(self.row(*place).operation))
            .collect();
        if rivals.iter().all(|place| self.row(*place).row_hash == last.row_hash) {
            return false;
        }
        for place in &rivals {
            let (row, arena) = (*self.row(*place), &self.half.parts[place.part as usize].arena);
            let (key_end, start) = ((row.offset + row.key_length) as usize, row.offset as usize);
            self.out.rejections.push(Rejected {
                rule: Rule::Conflict,
                place: row.place,
                detail: format!("{} different rows for one key at sequence {}", rivals.len(), row.sequence),
                row: event_json::encoded(
                    &arena[start..key_end],
                    &arena[key_end..][..row.row_length as usize],
                    self.half.schema,
                ),
            });
        }
        let others = (run.len() - rivals.len()) as u64;
        self.out.counts.reject(Rule::Conflict, rivals.len() as u64);
        self.out.counts.coalesced += others;
        if self.half.how.window == WindowKind::Operations {
            self.out.counts.event_volume += others;
        }
        true
    }

    /// Operations count one by one; a net window counts a key once, and not at all where it came and went.
    fn count_volume(&mut self, run: &[Place], kind: MutationKind) {
        self.out.counts.event_volume += match self.half.how.window {
            WindowKind::Operations => run.len() as u64,
            WindowKind::Net if kind.is_delete() && self.came_within(run) => 0,
            WindowKind::Net => 1,
        };
    }

    /// Whether a key that is gone at the end of a window came within it: it was inserted, or an event moved to it. The
    /// latter has a new half without an old one, in a feed that does bring old halves.
    fn came_within(&self, run: &[Place]) -> bool {
        let ends = run.first().zip(run.last()).map(|(a, b)| (self.row(*a).operation, self.row(*b).operation));
        matches!(ends, Some((Operation::Insert, _) | (Operation::Update, Operation::PreImage)))
    }
}
