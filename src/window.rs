//! The rows of a batch until all of them are read: in memory while they fit, in temporary files by bucket beyond that.
//!
//! A batch is coalesced by key, so all records of a key must be seen together. Buckets keep them together: each
//! partition of buckets is coalesced on its own, and partitions in their order are keys in their order.

mod pairs;

use crate::error::{Error, ErrorKind, Result};
use crate::ingest::{PreparedRow, PreparedRows};
use crate::model::arena::Pool;
use crate::model::change::{Operation, RowPlace};
use crate::model::counts::Counts;
use crate::model::rejection::Rejected;
use crate::model::schema::ColumnId;
use pairs::Pairs;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Partitions of the first level. A user's rows are in one of them; further levels split by key hash.
const PARTITIONS: usize = 64;
/// Key hashes split a partition that is still too large; deeper than this, all rows are of a few keys.
const MAX_LEVEL: u32 = 4;
/// Named halves of updates may take this share of the memory besides.
const PAIRS_SHARE: usize = 8;
/// A partition of fewer bytes is never split: files would cost more than they save.
const SMALLEST_SPLIT: usize = 16 << 10;

/// Files of the partitions, each made when its first row comes.
type Partitions = Vec<Mutex<Option<File>>>;

/// The rows of a batch while it is read. Several threads add to it.
pub(crate) struct Window {
    folder: PathBuf,
    memory: usize,
    pool: Pool,
    level: u32,
    held: Mutex<Held>,
    /// Halves of updates that have a name. They are written to files under a lock of their own.
    pairs: Mutex<Pairs>,
    /// Set once the rows do not fit in memory; from then on each part goes to the files at once.
    partitions: OnceLock<Partitions>,
}

struct Held {
    parts: Vec<PreparedRows>,
    bytes: usize,
    noted: Noted,
    rejection_bytes: usize,
}

/// What was read beside the rows.
pub(crate) struct Noted {
    /// What was read, skipped and rejected.
    pub(crate) counts: Counts,
    /// Rejected rows.
    pub(crate) rejections: Vec<Rejected>,
    /// Whether there are old halves of updates.
    pub(crate) has_old_halves: bool,
    /// Types of values seen, by column.
    pub(crate) types: BTreeMap<ColumnId, u16>,
}

impl Window {
    /// An empty window that keeps about `memory` bytes of rows, and others in unnamed files below `folder`. What it
    /// reads from them goes into memory of `pool`.
    pub(crate) fn new(folder: &Path, memory: usize, pool: &Pool) -> Self {
        Window::at_level(folder, memory, pool, 0)
    }

    fn at_level(folder: &Path, memory: usize, pool: &Pool, level: u32) -> Self {
        let noted =
            Noted { counts: Counts::default(), rejections: Vec::new(), has_old_halves: false, types: BTreeMap::new() };
        let held = Mutex::new(Held { parts: Vec::new(), bytes: 0, noted, rejection_bytes: 0 });
        let pairs = Mutex::new(Pairs::new(folder.to_owned(), memory / PAIRS_SHARE));
        Window {
            folder: folder.to_owned(),
            memory,
            pool: pool.clone(),
            level,
            held,
            pairs,
            partitions: OnceLock::new(),
        }
    }

    /// Memory for the rows to add.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Adds the rows of a part.
    pub(crate) fn add(&self, mut rows: PreparedRows) -> Result<()> {
        if !rows.pairs.is_empty() {
            self.pairs.lock().add(&mut rows.pairs)?;
        }
        let spilling = self.held.lock().take(rows, self.partitions.get().map_or(self.memory, |_| 0));
        if spilling.is_empty() {
            return Ok(());
        }
        let partitions = self.partitions.get_or_init(|| (0..PARTITIONS).map(|_| Mutex::default()).collect());
        spilling.iter().try_for_each(|part| self.spill(part, partitions))
    }

    /// The rejected rows by their places, if there are more than `bytes` of them.
    pub(crate) fn take_rejections(&self, bytes: usize) -> Vec<Rejected> {
        let mut held = self.held.lock();
        if held.rejection_bytes <= bytes {
            return Vec::new();
        }
        held.rejection_bytes = 0;
        in_order(std::mem::take(&mut held.noted.rejections))
    }

    /// How many updates moved an event to another key; `None` where no half has a name. Asked for once, at the end of
    /// reading.
    pub(crate) fn key_changes(&self) -> Result<Option<u64>> {
        std::mem::replace(&mut *self.pairs.lock(), Pairs::new(self.folder.clone(), 0)).count()
    }

    /// The end of reading.
    pub(crate) fn finish(self) -> Result<(Noted, Records)> {
        if let Some(partitions) = self.partitions.get() {
            // They came while others were being spilled for the first time.
            let parts = std::mem::take(&mut self.held.lock().parts);
            parts.iter().try_for_each(|part| self.spill(part, partitions))?;
        }
        let Window { folder, memory, pool, level, held, partitions, .. } = self;
        let Held { parts, mut noted, .. } = held.into_inner();
        noted.rejections = in_order(noted.rejections);
        let files = partitions.into_inner().map(|files| files.into_iter().map(Mutex::into_inner).collect());
        Ok((noted, Records { folder, memory, pool, level, parts, files }))
    }

    /// Appends the rows of a part to the files of their partitions, one block a file.
    fn spill(&self, part: &PreparedRows, partitions: &Partitions) -> Result<()> {
        let mut order: Vec<(u8, u32)> =
            part.rows.iter().zip(0..).map(|(row, index)| (partition(row, self.level) as u8, index)).collect();
        order.sort_unstable();
        let mut block = Vec::new();
        for rows in order.chunk_by(|a, b| a.0 == b.0) {
            block.clear();
            block.extend_from_slice(&[0; BLOCK_HEAD]);
            rows.iter().for_each(|(_, row)| put_row(&part.rows[*row as usize], &part.arena, &mut block));
            let length = block.len() - BLOCK_HEAD;
            block[..8].copy_from_slice(&(length as u64).to_le_bytes());
            block[8..BLOCK_HEAD].copy_from_slice(&(rows.len() as u64).to_le_bytes());
            let mut file = partitions[usize::from(rows[0].0)].lock();
            let file = match &mut *file {
                Some(file) => file,
                empty => empty.insert(tempfile::tempfile_in(&self.folder)?),
            };
            file.write_all(&block)?;
        }
        Ok(())
    }
}

impl Held {
    /// Takes a part over. What is beyond `memory` comes back, to be spilled.
    fn take(&mut self, mut rows: PreparedRows, memory: usize) -> Vec<PreparedRows> {
        self.noted.counts.add(&std::mem::take(&mut rows.counts));
        self.rejection_bytes += rows.rejections.iter().map(|rejection| rejection.row.len() + 64).sum::<usize>();
        self.noted.rejections.append(&mut rows.rejections);
        self.noted.has_old_halves |= rows.has_old_halves;
        rows.types.drain(..).for_each(|(column, types)| *self.noted.types.entry(column).or_default() |= types);
        if rows.rows.is_empty() {
            return Vec::new();
        }
        self.bytes += rows.bytes();
        self.parts.push(rows);
        if self.bytes <= memory {
            return Vec::new();
        }
        self.bytes = 0;
        std::mem::take(&mut self.parts)
    }
}

/// Parts are prepared on several threads and come in any order.
fn in_order(mut rejections: Vec<Rejected>) -> Vec<Rejected> {
    rejections.sort_by_key(|rejection| rejection.place);
    rejections
}

/// All rows of a batch, to be taken some at a time.
pub(crate) struct Records {
    folder: PathBuf,
    memory: usize,
    pool: Pool,
    level: u32,
    parts: Vec<PreparedRows>,
    /// One a partition, where it has rows.
    files: Option<Vec<Option<File>>>,
}

impl Records {
    /// Whether the rows did not fit in memory.
    pub(crate) fn is_spilled(&self) -> bool {
        self.files.is_some()
    }

    /// All records of a key come in one call. Where they did not fit in memory, each call has rows of the lower and of the
    /// upper half of the buckets, so that two cores have work, and each half comes in the order of its buckets.
    pub(crate) fn drain(self, take: &mut dyn FnMut(Vec<PreparedRows>) -> Result<()>) -> Result<()> {
        let Some(mut lower) = self.files else { return take(self.parts) };
        let upper = lower.split_off(lower.len() / 2);
        // Small neighbours come together, so that what is written for them is not in small pieces.
        let mut together = Together { parts: Vec::new(), bytes: 0, most: self.memory / 8, take };
        for mut file in lower.into_iter().zip(upper).flat_map(|(low, high)| [low, high]).flatten() {
            let length = file.stream_position()? as usize;
            file.rewind()?;
            if length > self.memory.max(SMALLEST_SPLIT) && self.level + 1 < MAX_LEVEL {
                together.flush()?;
                // A partition that does not fit in memory is split once more.
                let inner = Window::at_level(&self.folder, self.memory.max(SMALLEST_SPLIT), &self.pool, self.level + 1);
                while let Some(part) = read_blocks(&mut file, self.memory / 16, &self.pool)? {
                    inner.add(part)?;
                }
                inner.finish()?.1.drain(together.take)?;
                continue;
            }
            together.expect(length)?;
            while let Some(part) = read_blocks(&mut file, PIECE_BYTES, &self.pool)? {
                together.parts.push(part);
            }
        }
        together.flush()
    }
}

/// Partitions that are given away together.
struct Together<'a> {
    parts: Vec<PreparedRows>,
    bytes: usize,
    most: usize,
    take: &'a mut dyn FnMut(Vec<PreparedRows>) -> Result<()>,
}

impl Together<'_> {
    /// Gives away what there is unless a partition of so many bytes may join it.
    fn expect(&mut self, bytes: usize) -> Result<()> {
        if self.bytes + bytes > self.most {
            self.flush()?;
        }
        self.bytes += bytes;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.bytes = 0;
        if self.parts.is_empty() { Ok(()) } else { (self.take)(std::mem::take(&mut self.parts)) }
    }
}

fn partition(row: &PreparedRow, level: u32) -> usize {
    match level {
        0 => usize::from(row.bucket) / ((1 << 16) / PARTITIONS),
        _ => (row.key_hash >> (level * 6)) as usize % PARTITIONS,
    }
}

/// A partition is read in pieces of about so many bytes, so that the memory of one fits the next.
const PIECE_BYTES: usize = 4 << 20;
/// A block of rows in a temporary file begins with its length and the number of its rows.
const BLOCK_HEAD: usize = 16;
/// Numbers of a row in a block; key and row follow.
const HEAD: usize = 16 + 16 + 8 + 8 + 8 + 4 + 4 + 4 + 2 + 1;

fn put_row(row: &PreparedRow, arena: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&row.key_hash.to_le_bytes());
    out.extend_from_slice(&row.row_hash.to_le_bytes());
    let numbers = [row.sequence, row.order, row.place.to_bits()];
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    [row.key_length, row.row_length, row.cut_off]
        .iter()
        .for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    out.extend_from_slice(&row.bucket.to_le_bytes());
    out.push(row.operation as u8);
    let start = row.offset as usize;
    out.extend_from_slice(&arena[start..start + (row.key_length + row.row_length) as usize]);
}

/// Blocks until they have `bytes`, as one part; `None` at the end of the file. The rows stay where they were read to.
fn read_blocks(file: &mut File, bytes: usize, pool: &Pool) -> Result<Option<PreparedRows>> {
    let damaged = || Error::new(ErrorKind::Io, "a temporary file was damaged while it was in use");
    let mut part = PreparedRows { arena: pool.arena(bytes + bytes / 4), ..PreparedRows::default() };
    let mut head = Vec::with_capacity(BLOCK_HEAD);
    while part.arena.len() < bytes.max(1) {
        head.clear();
        file.take(BLOCK_HEAD as u64).read_to_end(&mut head)?;
        let ([length, rows], []) = head.as_chunks::<8>() else { break };
        let (length, rows) = (u64::from_le_bytes(*length), u64::from_le_bytes(*rows));
        if rows > length / HEAD as u64 {
            return Err(damaged());
        }
        part.rows.reserve(rows as usize);
        let before = part.arena.len();
        file.take(length).read_to_end(&mut part.arena)?;
        if (part.arena.len() - before) as u64 != length {
            return Err(damaged());
        }
    }
    let mut at = 0;
    while let Some(head) = part.arena.get(at..).and_then(|rest| rest.first_chunk::<HEAD>()) {
        let row = read_row(head, at + HEAD).ok_or_else(damaged)?;
        at += HEAD + row.key_length as usize + row.row_length as usize;
        part.rows.push(row);
    }
    if at != part.arena.len() {
        return Err(damaged());
    }
    Ok((!part.rows.is_empty()).then_some(part))
}

fn read_row(head: &[u8; HEAD], offset: usize) -> Option<PreparedRow> {
    let mut rest = head.as_slice();
    let mut take = |bytes: usize| {
        let (number, tail) = rest.split_at_checked(bytes)?;
        rest = tail;
        let mut wide = [0u8; 16];
        wide[..bytes].copy_from_slice(number);
        Some(u128::from_le_bytes(wide))
    };
    Some(PreparedRow {
        key_hash: take(16)?,
        row_hash: take(16)?,
        sequence: take(8)? as u64,
        order: take(8)? as u64,
        place: RowPlace::from_bits(take(8)? as u64),
        offset: u32::try_from(offset).ok()?,
        key_length: take(4)? as u32,
        row_length: take(4)? as u32,
        cut_off: take(4)? as u32,
        bucket: take(2)? as u16,
        operation: match take(1)? {
            0 => Operation::Insert,
            1 => Operation::Update,
            2 => Operation::Delete,
            3 => Operation::PreImage,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Rows of a kilobyte whose keys are theirs alone; `users` share the buckets.
    fn rows(count: u64, users: u64) -> PreparedRows {
        let mut part = PreparedRows::default();
        for number in 0..count {
            let offset = part.arena.len() as u32;
            part.arena.extend_from_slice(&number.to_be_bytes());
            part.arena.resize((number as usize + 1) * 1024, number as u8);
            part.rows.push(PreparedRow {
                key_hash: u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                row_hash: u128::from(number),
                sequence: number,
                order: number,
                place: RowPlace::new(0, number + 1),
                offset,
                key_length: 8,
                row_length: 1016,
                cut_off: 0,
                bucket: (number % users * 997) as u16,
                operation: Operation::Update,
            });
        }
        part
    }

    /// Every row that comes back, with the bytes that its numbers name.
    fn drained(window: Window, most: usize) -> Vec<(u16, u64)> {
        let mut found = Vec::new();
        let records = window.finish().unwrap().1;
        records
            .drain(&mut |parts| {
                assert!(parts.iter().map(|part| part.arena.len()).sum::<usize>() <= most);
                for part in &parts {
                    for row in &part.rows {
                        let bytes = &part.arena[row.offset as usize..][..1024];
                        assert_eq!(bytes[..8], row.sequence.to_be_bytes());
                        assert!(bytes[8..].iter().all(|byte| *byte == row.sequence as u8));
                        found.push((row.bucket, row.sequence));
                    }
                }
                Ok(())
            })
            .unwrap();
        found
    }

    #[test]
    fn rows_beyond_the_memory_come_back_whole_and_in_pieces_that_fit() {
        let folder = tempfile::tempdir().unwrap();
        for users in [1, 50] {
            let window = Window::new(folder.path(), 100 << 10, &Pool::new(1 << 20));
            for _ in 0..4 {
                window.add(rows(300, users)).unwrap();
            }
            assert!(window.partitions.get().is_some());
            let mut found = drained(window, 300 << 10);
            found.sort_unstable();
            let mut expected: Vec<_> = (0..300u64).map(|number| ((number % users * 997) as u16, number)).collect();
            expected = expected.into_iter().flat_map(|row| [row; 4]).collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{users} users");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "temporary files have no name");
    }

    #[test]
    fn rows_that_fit_are_never_written() {
        let window = Window::new(Path::new("/no such folder"), 10 << 20, &Pool::new(0));
        window.add(rows(20, 3)).unwrap();
        assert!(window.partitions.get().is_none());
        assert_eq!(drained(window, 10 << 20).len(), 20);
    }
}
