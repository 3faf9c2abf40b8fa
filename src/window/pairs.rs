//! Halves of updates until all of them are read, so that key changes can be counted: in memory while they fit, in
//! temporary files by the halves' name beyond that.

use super::MAX_LEVEL;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::{Pair, key_changes};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::PathBuf;

const PARTITIONS: usize = 64;
/// Bits of a name that choose the partition at each level.
const LEVEL_BITS: u32 = PARTITIONS.trailing_zeros();
/// Bytes of a half in a temporary file.
const RECORD: usize = 16 + 16 + 1;

pub(crate) struct Pairs {
    folder: PathBuf,
    /// Halves that are kept in memory at most.
    most: usize,
    level: u32,
    held: Vec<Pair>,
    spilled: Option<Vec<Option<BufWriter<File>>>>,
}

impl Pairs {
    /// No halves yet; about `memory` bytes of them are kept, others are in unnamed files below `folder`.
    pub(super) fn new(folder: PathBuf, memory: usize) -> Self {
        // Sorting takes no memory of its own.
        let most = (memory / size_of::<Pair>()).max(1 << 10);
        Pairs { folder, most, level: 0, held: Vec::new(), spilled: None }
    }

    pub(super) fn add(&mut self, pairs: &mut Vec<Pair>) -> Result<()> {
        self.held.append(pairs);
        if self.held.len() > self.most && self.level < MAX_LEVEL { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        let files = self.spilled.get_or_insert_with(|| (0..PARTITIONS).map(|_| None).collect());
        for pair in self.held.drain(..) {
            let partition = (pair.id >> (self.level * LEVEL_BITS)) as usize % PARTITIONS;
            let file = match &mut files[partition] {
                Some(file) => file,
                empty => empty.insert(BufWriter::with_capacity(1 << 14, tempfile::tempfile_in(&self.folder)?)),
            };
            let mut record = [0u8; RECORD];
            record[..16].copy_from_slice(&pair.id.to_le_bytes());
            record[16..32].copy_from_slice(&pair.key_hash.to_le_bytes());
            record[32] = u8::from(pair.is_preimage);
            file.write_all(&record)?;
        }
        Ok(())
    }

    /// How many updates moved an event to another key; `None` where no half has a name.
    pub(crate) fn count(self) -> Result<Option<u64>> {
        let is_empty = self.held.is_empty() && self.spilled.is_none();
        if is_empty { Ok(None) } else { self.key_changes().map(Some) }
    }

    fn key_changes(mut self) -> Result<u64> {
        if self.spilled.is_none() {
            return Ok(key_changes(self.held));
        }
        self.spill()?;
        let mut sum = 0;
        for file in self.spilled.take().unwrap_or_default().into_iter().flatten() {
            let mut file = file.into_inner().map_err(|error| Error::from(error.into_error()))?;
            file.rewind()?;
            let mut inner = Pairs {
                folder: self.folder.clone(),
                most: self.most,
                level: self.level + 1,
                held: Vec::new(),
                spilled: None,
            };
            read_into(BufReader::with_capacity(1 << 16, file), &mut inner)?;
            sum += inner.key_changes()?;
        }
        Ok(sum)
    }
}

fn read_into(mut file: impl Read, pairs: &mut Pairs) -> Result<()> {
    let mut record = [0u8; RECORD];
    loop {
        match file.read(&mut record[..1])? {
            0 => return Ok(()),
            _ => file.read_exact(&mut record[1..])?,
        }
        let number = |from: usize| record.get(from..)?.first_chunk().map(|bytes| u128::from_le_bytes(*bytes));
        let damaged = || Error::new(ErrorKind::Io, "a temporary file was damaged while it was in use");
        let (id, key_hash) = number(0).zip(number(16)).ok_or_else(damaged)?;
        pairs.add(&mut vec![Pair { id, key_hash, is_preimage: record[32] == 1 }])?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Two halves an id; every third event moves.
    fn halves(count: u64) -> Vec<Pair> {
        let half = |id: u64, is_preimage: bool| Pair {
            id: u128::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            key_hash: u128::from(id * 2 + u64::from(id.is_multiple_of(3) && is_preimage)),
            is_preimage,
        };
        (0..count).map(|id| half(id, true)).chain((0..count).map(|id| half(id, false))).collect()
    }

    #[test]
    fn halves_beyond_the_memory_are_counted_as_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut pairs = Pairs::new(folder.path().to_owned(), 0);
        for part in halves(9_000).chunks(700) {
            pairs.add(&mut part.to_vec()).unwrap();
        }
        assert!(pairs.spilled.is_some());
        assert_eq!(pairs.key_changes().unwrap(), 3_000);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "temporary files have no name");
    }

    #[test]
    fn halves_that_fit_are_never_written() {
        let mut pairs = Pairs::new("/no such folder".into(), 1 << 20);
        pairs.add(&mut halves(9)).unwrap();
        assert_eq!(pairs.key_changes().unwrap(), 3);
    }

    #[test]
    fn many_halves_of_one_name_end_at_the_last_level() {
        let folder = tempfile::tempdir().unwrap();
        let mut pairs = Pairs::new(folder.path().to_owned(), 0);
        let mut same = halves(5_000);
        same.iter_mut().for_each(|half| half.id = 7);
        pairs.add(&mut same).unwrap();
        // 1,667 old halves left a key that no new half has, and as many new halves came to one that no old half had.
        assert_eq!(pairs.key_changes().unwrap(), 1_667);
    }
}
