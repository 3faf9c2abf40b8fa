//! The hash of a file's bytes, taken while they are decoded, so that a file is read once.
//!
//! ```text
//! text, objects:  file ──▶ Passing ──▶ decode       every byte passes once, in order
//!                             └──▶ hash
//! local Parquet:  file ──▶ decode                   bytes are read in the order of columns,
//!                 file ──▶ hash, on a thread beside  so the file is read twice, at the same time
//! ```

#[cfg(feature = "parquet")]
use super::beside::Beside;
use super::{InputFile, Stat};
use crate::error::Result;
use crate::model::position::Content;
use parking_lot::Mutex;
use std::io::Read;
use std::sync::{Arc, OnceLock};

/// Bytes that are read and hashed at a time.
pub(super) const CHUNK: usize = 64 << 10;

/// A reader that hashes what passes through it. A clone is the same reader.
#[derive(Clone)]
pub(in crate::source) struct Passing(Arc<Mutex<Passed>>);

struct Passed {
    input: Box<dyn Read + Send>,
    /// Bytes that were looked at and not read yet.
    ahead: Vec<u8>,
    hasher: Option<blake3::Hasher>,
}

impl Passing {
    /// `is_hashed`: whether anybody will ask for the hash.
    pub(in crate::source) fn new(input: Box<dyn Read + Send>, is_hashed: bool) -> Self {
        let hasher = is_hashed.then(blake3::Hasher::new);
        Passing(Arc::new(Mutex::new(Passed { input, ahead: Vec::new(), hasher })))
    }

    /// The first bytes, fewer only where the input has no more of them. They are still to be read.
    pub(in crate::source) fn peek(&self, count: usize) -> Result<Vec<u8>> {
        let mut passed = self.0.lock();
        let Passed { input, ahead, hasher } = &mut *passed;
        let before = ahead.len();
        input.by_ref().take(count.saturating_sub(before) as u64).read_to_end(ahead)?;
        note(hasher, ahead.get(before..).unwrap_or_default());
        Ok(ahead.clone())
    }

    /// The hash of all bytes, if it was asked for; those that nobody has read yet are read now.
    fn hash(&self) -> Result<Option<[u8; 32]>> {
        let mut passed = self.0.lock();
        let Passed { input, hasher, .. } = &mut *passed;
        let Some(hasher) = hasher else { return Ok(None) };
        for_each_chunk(input, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(Some(*hasher.finalize().as_bytes()))
    }
}

impl Read for Passing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut passed = self.0.lock();
        if !passed.ahead.is_empty() {
            let read = passed.ahead.as_slice().read(buffer)?;
            passed.ahead.drain(..read);
            return Ok(read);
        }
        let read = passed.input.read(buffer)?;
        note(&mut passed.hasher, buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

fn note(hasher: &mut Option<blake3::Hasher>, bytes: &[u8]) {
    if let Some(hasher) = hasher {
        hasher.update(bytes);
    }
}

/// How a file's hash comes about, if it was asked for.
pub(in crate::source) enum Hashing {
    #[cfg(feature = "parquet")]
    Unasked,
    Passing(Passing),
    #[cfg(feature = "parquet")]
    Beside(Beside),
}

impl Hashing {
    /// The hash of all bytes, if it was asked for; those that nobody has read yet are read now.
    pub(in crate::source) fn hash(self) -> Result<Option<[u8; 32]>> {
        match self {
            #[cfg(feature = "parquet")]
            Hashing::Unasked => Ok(None),
            Hashing::Passing(passing) => passing.hash(),
            #[cfg(feature = "parquet")]
            Hashing::Beside(mut beside) => beside.hash().map(Some),
        }
    }
}

/// A file of a batch as it was when the batch was opened.
pub(in crate::source) struct OpenedFile {
    pub(in crate::source) file: InputFile,
    /// Size and time of last modification then.
    pub(in crate::source) stat: Stat,
    /// The hash, once it is known.
    hash: OnceLock<[u8; 32]>,
    /// Whether the hash is to be taken while the file is decoded.
    pub(in crate::source) is_hashed: bool,
}

impl OpenedFile {
    pub(in crate::source) fn new(file: &InputFile, stat: Stat, is_hashed: bool) -> Self {
        let hash = file.known_hash().map_or_else(OnceLock::new, OnceLock::from);
        let is_hashed = is_hashed && hash.get().is_none();
        OpenedFile { file: file.clone(), stat, hash, is_hashed }
    }

    /// The file was decoded to its end.
    pub(in crate::source) fn was_decoded(&self, hashing: Hashing) -> Result<()> {
        if let Some(hash) = hashing.hash().map_err(|e| e.at(self.file.place()))? {
            self.hash.get_or_init(|| hash);
        }
        Ok(())
    }

    /// The hash; the file is read for it where it was not decoded to its end.
    fn hash(&self) -> Result<[u8; 32]> {
        let hash = match self.hash.get() {
            Some(hash) => *hash,
            None => self.file.hash()?,
        };
        self.file.check_unchanged(self.stat)?;
        Ok(hash)
    }
}

/// The content of a batch's files. A clone of `files` is with those who decode them.
pub(in crate::source) struct FilesContent {
    pub(in crate::source) files: Arc<[OpenedFile]>,
}

impl Content for FilesContent {
    fn hash(&mut self) -> Result<[u8; 32]> {
        Ok(together(self.files.iter().map(OpenedFile::hash).collect::<Result<_>>()?))
    }
}

/// One hash of the hashes of several files, whatever their names are: BLAKE3 of the sorted hashes. That of one file is
/// its own.
pub(in crate::source) fn together(mut hashes: Vec<[u8; 32]>) -> [u8; 32] {
    if let [one] = hashes.as_slice() {
        return *one;
    }
    hashes.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for hash in &hashes {
        hasher.update(hash);
    }
    *hasher.finalize().as_bytes()
}

/// Reads to the end.
pub(in crate::source) fn for_each_chunk(
    input: &mut dyn Read,
    mut sink: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => sink(buffer.get(..n).unwrap_or_default())?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Gives at most three bytes a call.
    struct Dripping(&'static [u8]);

    impl Read for Dripping {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(3);
            self.0.read(&mut buffer[..most])
        }
    }

    const TEXT: &[u8] = b"some bytes that are read in pieces";

    #[test]
    fn what_passes_is_hashed_once_however_much_of_it_was_read_or_looked_at() {
        let expected = *blake3::hash(TEXT).as_bytes();
        for (peeked, read) in [(0, 0), (4, 0), (4, 2), (0, 7), (4, 4), (40, 40), (4, 40)] {
            let mut passing = Passing::new(Box::new(Dripping(TEXT)), true);
            assert_eq!(passing.peek(peeked).unwrap(), TEXT[..peeked.min(TEXT.len())]);
            let mut start = Vec::new();
            passing.by_ref().take(read).read_to_end(&mut start).unwrap();
            assert_eq!(start, TEXT[..(read as usize).min(TEXT.len())], "{peeked} {read}");
            assert_eq!(passing.hash().unwrap(), Some(expected), "{peeked} {read}");
        }
    }
}
