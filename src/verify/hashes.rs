//! The rows of an extract by their hashes, until they are joined with the mirror's: in memory while they fit, in
//! temporary files by range of buckets beyond that.

use crate::diff::Entry;
use crate::error::{Error, Result};
use crate::model::change::RowPlace;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};

/// A row of the extract by its hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) bucket: u16,
    pub(super) entry: Entry,
    /// Which input it stands in, and which row of it; nothing, where the extract is a store.
    pub(super) place: RowPlace,
}

/// Files that rows are spilled to, each of a range of buckets.
const PARTITIONS: u32 = 64;
const BUCKETS_OF_ALL: u32 = 1 << 16;
/// Bytes of a row in a file.
const BYTES: usize = 2 + 16 + 16 + 8;
/// A partition of fewer rows is never read in slices.
const SMALLEST_SLICE: usize = 1 << 10;

/// The rows while they are read.
#[derive(Debug)]
pub(super) struct Hashes {
    /// How many rows may be held.
    most: usize,
    count: usize,
    held: Vec<Vec<Seen>>,
    /// None until rows are spilled; then one a partition.
    files: Vec<BufWriter<File>>,
}

/// All rows of the extract that stand in some of the buckets and, where they would not fit in memory, in one of several
/// slices of the keys.
#[derive(Debug)]
pub(super) struct Chunk {
    first: u16,
    last: u16,
    slice: u64,
    slices: u64,
    /// The rows, sorted.
    pub(super) rows: Vec<Seen>,
}

impl Chunk {
    /// Those of the buckets that the chunk is about.
    pub(super) fn buckets(&self, all: &BTreeSet<u16>) -> BTreeSet<u16> {
        all.range(self.first..=self.last).copied().collect()
    }

    /// Whether a key of its buckets is in its slice.
    pub(super) fn has(&self, key_hash: u128) -> bool {
        self.slices == 1 || key_hash as u64 % self.slices == self.slice
    }
}

impl Hashes {
    /// None yet. Rows are held in about `memory` bytes.
    pub(super) fn new(memory: usize) -> Hashes {
        Hashes { most: memory / size_of::<Seen>(), count: 0, held: Vec::new(), files: Vec::new() }
    }

    /// Adds rows.
    pub(super) fn add(&mut self, rows: Vec<Seen>) -> Result<()> {
        self.count += rows.len();
        self.held.push(rows);
        if self.count > self.most { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        if self.files.is_empty() {
            let file = |_| Ok(BufWriter::with_capacity(1 << 16, tempfile::tempfile()?));
            self.files = (0..PARTITIONS).map(file).collect::<Result<_>>()?;
        }
        for row in self.held.drain(..).flatten() {
            let file = &mut self.files[(u32::from(row.bucket) / (BUCKETS_OF_ALL / PARTITIONS)) as usize];
            file.write_all(&row.bucket.to_le_bytes())?;
            file.write_all(&row.entry.key_hash.to_le_bytes())?;
            file.write_all(&row.entry.row_hash.to_le_bytes())?;
            file.write_all(&row.place.to_bits().to_le_bytes())?;
        }
        self.count = 0;
        Ok(())
    }

    /// The rows of these buckets, chunk by chunk: each of the buckets is in some of the chunks, also one without rows.
    pub(super) fn drain(mut self, buckets: &BTreeSet<u16>, take: &mut dyn FnMut(Chunk) -> Result<()>) -> Result<()> {
        if self.files.is_empty() {
            let mut is_wanted = vec![false; BUCKETS_OF_ALL as usize];
            buckets.iter().for_each(|bucket| is_wanted[usize::from(*bucket)] = true);
            let wanted = |row: &Seen| is_wanted[usize::from(row.bucket)];
            let mut rows = Vec::new();
            self.held.drain(..).for_each(|part| rows.extend(part.into_iter().filter(wanted)));
            rows.sort_unstable();
            return take(Chunk { first: 0, last: u16::MAX, slice: 0, slices: 1, rows });
        }
        self.spill()?;
        let most = self.most.max(SMALLEST_SLICE);
        for (file, number) in self.files.into_iter().zip(0..) {
            let mut file = file.into_inner().map_err(|error| Error::from(error.into_error()))?;
            let first = number * (BUCKETS_OF_ALL / PARTITIONS);
            let last = (first + BUCKETS_OF_ALL / PARTITIONS - 1) as u16;
            let mut wanted = 0;
            for_each_row(&mut file, &mut |row| wanted += usize::from(buckets.contains(&row.bucket)))?;
            let slices = wanted.div_ceil(most).max(1) as u64;
            for slice in 0..slices {
                let mut chunk = Chunk { first: first as u16, last, slice, slices, rows: Vec::new() };
                chunk.rows.reserve(wanted / slices as usize);
                for_each_row(&mut file, &mut |row| {
                    if buckets.contains(&row.bucket) && chunk.has(row.entry.key_hash) {
                        chunk.rows.push(row);
                    }
                })?;
                chunk.rows.sort_unstable();
                take(chunk)?;
            }
        }
        Ok(())
    }
}

fn for_each_row(file: &mut File, each: &mut dyn FnMut(Seen)) -> Result<()> {
    file.rewind()?;
    let mut input = BufReader::with_capacity(1 << 18, file);
    let mut bytes = [0; BYTES];
    while input.read(&mut bytes[..1])? > 0 {
        input.read_exact(&mut bytes[1..])?;
        let [low, high, hashes @ ..] = bytes;
        let (hashes, place) = hashes.as_chunks::<16>();
        let mut hashes = hashes.iter().map(|hash| u128::from_le_bytes(*hash));
        let mut hash = || hashes.next().unwrap_or_default();
        let entry = Entry { key_hash: hash(), row_hash: hash() };
        let place = RowPlace::from_bits(place.try_into().map(u64::from_le_bytes).unwrap_or_default());
        each(Seen { bucket: u16::from_le_bytes([low, high]), entry, place });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::hash;

    fn rows(count: u64, buckets: u64) -> Vec<Seen> {
        let row = |number: u64| Seen {
            bucket: (number * 7_919 % buckets * 211) as u16,
            entry: Entry { key_hash: hash::key_hash(&number.to_le_bytes()), row_hash: u128::from(number) << 70 },
            place: RowPlace::new(3, number + 1),
        };
        (0..count).map(row).collect()
    }

    /// All rows that come back, and in how many chunks.
    fn drained(hashes: Hashes, wanted: &BTreeSet<u16>, most: usize) -> (Vec<Seen>, usize) {
        let (mut all, mut chunks, mut covered) = (Vec::new(), 0, BTreeSet::new());
        let mut take = |chunk: Chunk| {
            assert!(chunk.rows.is_sorted() && chunk.rows.len() <= most);
            let buckets = chunk.buckets(wanted);
            assert!(chunk.rows.iter().all(|row| buckets.contains(&row.bucket) && chunk.has(row.entry.key_hash)));
            covered.extend(buckets);
            all.extend(chunk.rows);
            chunks += 1;
            Ok(())
        };
        hashes.drain(wanted, &mut take).unwrap();
        assert_eq!(&covered, wanted);
        all.sort_unstable();
        (all, chunks)
    }

    #[test]
    fn rows_come_back_whether_or_not_they_fit() {
        let some: BTreeSet<u16> = rows(300, 300).iter().step_by(3).map(|row| row.bucket).chain([5]).collect();
        for wanted in [BTreeSet::from_iter(0..=u16::MAX), some] {
            let mut expected = rows(20_000, 300);
            expected.retain(|row| wanted.contains(&row.bucket));
            expected.sort_unstable();
            for (memory, expected_chunks) in [(1 << 30, 1), (100 << 10, 64)] {
                let mut hashes = Hashes::new(memory);
                rows(20_000, 300).chunks(700).for_each(|part| hashes.add(part.to_vec()).unwrap());
                let (found, chunks) = drained(hashes, &wanted, memory / size_of::<Seen>());
                assert_eq!((found == expected, chunks), (true, expected_chunks));
            }
        }
    }

    #[test]
    fn a_bucket_that_does_not_fit_comes_in_slices() {
        let mut expected = rows(20_000, 1);
        let mut hashes = Hashes::new(100 << 10);
        expected.chunks(700).for_each(|part| hashes.add(part.to_vec()).unwrap());
        let (found, chunks) = drained(hashes, &BTreeSet::from([0]), 3_000);
        expected.sort_unstable();
        assert_eq!((found == expected, chunks), (true, 63 + 20_000usize.div_ceil(100 * 1024 / size_of::<Seen>())));
    }
}
