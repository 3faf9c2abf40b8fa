//! The rows of a batch until all of them are read: in memory while they fit, in temporary files by bucket beyond that.
//!
//! A batch is coalesced by key, so all records of a key must be seen together. Buckets keep them together: each
//! partition of buckets is coalesced on its own, and partitions in their order are keys in their order.

use crate::error::{Error, ErrorKind, Result};
use crate::ingest::{Pair, PreparedRow, PreparedRows};
use crate::model::change::Operation;
use crate::model::counts::Counts;
use crate::model::rejection::Rejection;
use crate::model::schema::ColumnId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Partitions of the first level. A user's rows are in one of them; further levels split by key hash.
const PARTITIONS: usize = 64;
/// Key hashes split a partition that is still too large; deeper than this, all rows are of a few keys.
const MAX_LEVEL: u32 = 4;

/// A partition of fewer bytes is never split: files would cost more than they save.
const SMALLEST_SPLIT: usize = 16 << 10;

/// The rows of a batch.
pub(crate) struct Window {
    folder: PathBuf,
    memory: usize,
    level: u32,
    parts: Vec<PreparedRows>,
    bytes: usize,
    /// One file a partition, made when its first row comes.
    spilled: Option<Vec<Option<BufWriter<File>>>>,
    /// What was read, skipped and rejected.
    pub(crate) counts: Counts,
    rejections: Vec<Rejection>,
    rejection_bytes: usize,
    /// Halves of updates.
    pub(crate) pairs: Vec<Pair>,
    /// Types of values seen, by column.
    pub(crate) types: BTreeMap<ColumnId, u16>,
}

impl Window {
    /// An empty window that keeps about `memory` bytes of rows, and others in unnamed files below `folder`.
    pub(crate) fn new(folder: &Path, memory: usize) -> Self {
        Window::at_level(folder, memory, 0)
    }

    fn at_level(folder: &Path, memory: usize, level: u32) -> Self {
        Window {
            folder: folder.to_owned(),
            memory,
            level,
            parts: Vec::new(),
            bytes: 0,
            spilled: None,
            counts: Counts::default(),
            rejections: Vec::new(),
            rejection_bytes: 0,
            pairs: Vec::new(),
            types: BTreeMap::new(),
        }
    }

    /// Adds the rows of a part.
    pub(crate) fn add(&mut self, mut rows: PreparedRows) -> Result<()> {
        self.counts.add(&std::mem::take(&mut rows.counts));
        self.rejection_bytes += rows.rejections.iter().map(|rejection| rejection.row.len() + 64).sum::<usize>();
        self.rejections.append(&mut rows.rejections);
        self.pairs.append(&mut rows.pairs);
        rows.types.drain(..).for_each(|(column, types)| *self.types.entry(column).or_default() |= types);
        if rows.rows.is_empty() {
            return Ok(());
        }
        self.bytes += rows.bytes();
        self.parts.push(rows);
        if self.bytes > self.memory && self.level < MAX_LEVEL { self.spill() } else { Ok(()) }
    }

    /// Whether the rows did not fit in memory.
    pub(crate) fn is_spilled(&self) -> bool {
        self.spilled.is_some()
    }

    /// The rejected rows by their numbers, if there are more than `bytes` of them.
    pub(crate) fn take_rejections(&mut self, bytes: usize) -> Vec<Rejection> {
        if self.rejection_bytes <= bytes {
            return Vec::new();
        }
        self.rejection_bytes = 0;
        // Parts are prepared on several threads and come in any order.
        self.rejections.sort_by_key(|rejection| rejection.row_number);
        std::mem::take(&mut self.rejections)
    }

    fn spill(&mut self) -> Result<()> {
        let files = self.spilled.get_or_insert_with(|| (0..PARTITIONS).map(|_| None).collect());
        for part in self.parts.drain(..) {
            for row in &part.rows {
                let file = match &mut files[partition(row, self.level)] {
                    Some(file) => file,
                    empty => empty.insert(BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(&self.folder)?)),
                };
                write_row(row, &part.arena, file)?;
            }
        }
        self.bytes = 0;
        Ok(())
    }

    /// The rows, some at a time: all records of a key come in one call.
    pub(crate) fn drain(&mut self, take: &mut dyn FnMut(Vec<PreparedRows>) -> Result<()>) -> Result<()> {
        if self.spilled.is_none() {
            return take(std::mem::take(&mut self.parts));
        }
        self.spill()?;
        let level = self.level;
        // Small neighbours come together, so that what is written for them is not in small pieces.
        let mut together = Vec::new();
        let mut bytes = 0;
        for file in self.spilled.take().unwrap_or_default().into_iter().flatten() {
            let mut file = file.into_inner().map_err(|error| Error::from(error.into_error()))?;
            let length = file.stream_position()? as usize;
            if length > self.memory.max(SMALLEST_SPLIT) && level + 1 < MAX_LEVEL {
                take_together(&mut together, take)?;
                bytes = 0;
                self.drain_partition(file, take)?;
                continue;
            }
            if bytes + length > self.memory / 2 {
                take_together(&mut together, take)?;
                bytes = 0;
            }
            bytes += length;
            file.rewind()?;
            let mut reader = BufReader::with_capacity(1 << 18, file);
            while let Some(part) = read_part(&mut reader, self.memory / 16)? {
                together.push(part);
            }
        }
        take_together(&mut together, take)
    }

    /// A partition that does not fit in memory is split once more.
    fn drain_partition(&self, mut file: File, take: &mut dyn FnMut(Vec<PreparedRows>) -> Result<()>) -> Result<()> {
        file.rewind()?;
        let mut inner = Window::at_level(&self.folder, self.memory.max(SMALLEST_SPLIT), self.level + 1);
        let mut reader = BufReader::with_capacity(1 << 18, file);
        while let Some(part) = read_part(&mut reader, self.memory / 16)? {
            inner.add(part)?;
        }
        inner.drain(take)
    }
}

fn take_together(
    together: &mut Vec<PreparedRows>,
    take: &mut dyn FnMut(Vec<PreparedRows>) -> Result<()>,
) -> Result<()> {
    if together.is_empty() { Ok(()) } else { take(std::mem::take(together)) }
}

fn partition(row: &PreparedRow, level: u32) -> usize {
    match level {
        0 => usize::from(row.bucket) / ((1 << 16) / PARTITIONS),
        _ => (row.key_hash >> (level * 6)) as usize % PARTITIONS,
    }
}

/// Numbers of a row in a temporary file; key and row follow.
const HEAD: usize = 16 + 16 + 8 + 8 + 8 + 4 + 4 + 4 + 2 + 1;

fn write_row(row: &PreparedRow, arena: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(&row.key_hash.to_le_bytes());
    head.extend_from_slice(&row.row_hash.to_le_bytes());
    [row.sequence, row.order, row.row_number].iter().for_each(|number| head.extend_from_slice(&number.to_le_bytes()));
    [row.key_length, row.row_length, row.cut_off]
        .iter()
        .for_each(|number| head.extend_from_slice(&number.to_le_bytes()));
    head.extend_from_slice(&row.bucket.to_le_bytes());
    head.push(row.operation as u8);
    out.write_all(&head)?;
    let start = row.offset as usize;
    out.write_all(&arena[start..start + (row.key_length + row.row_length) as usize])
}

/// About `bytes` of rows; `None` at the end of the file.
fn read_part(file: &mut impl Read, bytes: usize) -> Result<Option<PreparedRows>> {
    let mut part = PreparedRows::default();
    let mut head = [0u8; HEAD];
    while part.arena.len() < bytes.max(1) {
        match file.read(&mut head[..1])? {
            0 => break,
            _ => file.read_exact(&mut head[1..])?,
        }
        let row = read_row(&head, part.arena.len());
        let row = row.ok_or_else(|| Error::new(ErrorKind::Io, "a temporary file was damaged while it was in use"))?;
        part.arena.resize(part.arena.len() + (row.key_length + row.row_length) as usize, 0);
        file.read_exact(&mut part.arena[row.offset as usize..])?;
        part.rows.push(row);
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
        row_number: take(8)? as u64,
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
            part.arena.resize(part.arena.len() + 1016, number as u8);
            part.rows.push(PreparedRow {
                key_hash: u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                row_hash: u128::from(number),
                sequence: number,
                order: number,
                row_number: number + 1,
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
    fn drained(mut window: Window, most: usize) -> Vec<(u16, u64)> {
        let mut found = Vec::new();
        window
            .drain(&mut |parts| {
                assert!(parts.iter().map(PreparedRows::bytes).sum::<usize>() <= most);
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
            let mut window = Window::new(folder.path(), 100 << 10);
            for _ in 0..4 {
                window.add(rows(300, users)).unwrap();
            }
            assert!(window.is_spilled());
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
        let mut window = Window::new(Path::new("/no such folder"), 10 << 20);
        window.add(rows(20, 3)).unwrap();
        assert!(!window.is_spilled());
        assert_eq!(drained(window, 10 << 20).len(), 20);
    }
}
