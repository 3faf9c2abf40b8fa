//! The hash of a file's bytes, taken while they are decoded, so that a file is read once.
//!
//! ```text
//! text:     file ──▶ Passing ──▶ decompress ──▶ decode      every byte passes once, in order
//!                      └──▶ hash
//! Parquet:  file ──▶ decode                                 bytes are read in the order of columns,
//!           file ──▶ hash, on a thread beside               so the file is read twice, at the same time
//! ```

use super::InputFile;
use crate::error::{Error, ErrorKind, Result};
use crate::model::position::Content;
use parking_lot::Mutex;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Bytes that are read and hashed at a time.
const CHUNK: usize = 256 << 10;

/// A reader that hashes what passes through it. A clone is the same reader.
#[derive(Clone)]
pub(super) struct Passing(Arc<Mutex<Passed>>);

struct Passed {
    input: Box<dyn Read + Send>,
    /// Bytes that were looked at and not read yet.
    ahead: Vec<u8>,
    hasher: blake3::Hasher,
}

impl Passing {
    pub(super) fn new(input: impl Read + Send + 'static) -> Self {
        Passing(Arc::new(Mutex::new(Passed { input: Box::new(input), ahead: Vec::new(), hasher: Default::default() })))
    }

    /// The first bytes, fewer only where the input has no more of them. They are still to be read.
    pub(super) fn peek(&self, count: usize) -> Result<Vec<u8>> {
        let mut passed = self.0.lock();
        let Passed { input, ahead, hasher } = &mut *passed;
        let before = ahead.len();
        input.by_ref().take(count.saturating_sub(before) as u64).read_to_end(ahead)?;
        hasher.update(ahead.get(before..).unwrap_or_default());
        Ok(ahead.clone())
    }

    /// The hash of all bytes; those that nobody has read yet are read now.
    fn hash(&self) -> Result<[u8; 32]> {
        let mut passed = self.0.lock();
        let Passed { input, hasher, .. } = &mut *passed;
        for_each_chunk(input, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(*hasher.finalize().as_bytes())
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
        passed.hasher.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// A thread that hashes a file beside those that decode it.
pub(super) struct Beside {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<[u8; 32]>>>,
}

impl Beside {
    pub(super) fn begin(mut file: File) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let is_stopped = stop.clone();
        let hash = move || {
            let mut hasher = blake3::Hasher::new();
            for_each_chunk(&mut file, |bytes| {
                hasher.update(bytes);
                match is_stopped.load(Ordering::Relaxed) {
                    true => Err(std::io::Error::other("the batch was given up")),
                    false => Ok(()),
                }
            })?;
            Ok(*hasher.finalize().as_bytes())
        };
        let thread = std::thread::Builder::new().name("hash".to_owned()).spawn(hash)?;
        Ok(Beside { stop, thread: Some(thread) })
    }

    fn hash(&mut self) -> Result<[u8; 32]> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(hash)) => hash,
            _ => Err(Error::new(ErrorKind::Io, "the thread that hashed the input is gone")),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// How a file's hash comes about.
pub(super) enum Hashing {
    Passing(Passing),
    Beside(Beside),
}

/// The content of a file as it was when its position was made.
pub(super) struct FileContent {
    pub(super) file: InputFile,
    /// Size and time of last modification then.
    pub(super) stat: (u64, Option<i64>),
    pub(super) hashing: Hashing,
}

impl Content for FileContent {
    fn hash(&mut self) -> Result<[u8; 32]> {
        let hash = match &mut self.hashing {
            Hashing::Passing(passing) => passing.hash(),
            Hashing::Beside(beside) => beside.hash(),
        };
        let hash = hash.map_err(|e| e.at(self.file.place()))?;
        self.file.check_unchanged(self.stat)?;
        Ok(hash)
    }
}

/// Reads to the end.
pub(super) fn for_each_chunk(input: &mut dyn Read, mut sink: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<()> {
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
            let mut passing = Passing::new(Dripping(TEXT));
            assert_eq!(passing.peek(peeked).unwrap(), TEXT[..peeked.min(TEXT.len())]);
            let mut start = Vec::new();
            passing.by_ref().take(read).read_to_end(&mut start).unwrap();
            assert_eq!(start, TEXT[..(read as usize).min(TEXT.len())], "{peeked} {read}");
            assert_eq!(passing.hash().unwrap(), expected, "{peeked} {read}");
        }
    }

    #[test]
    fn a_thread_beside_gives_the_same_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..3 * CHUNK + 5).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut beside = Beside::begin(File::open(&path).unwrap()).unwrap();
        assert_eq!(beside.hash().unwrap(), *blake3::hash(&bytes).as_bytes());
        assert!(beside.hash().is_err(), "asked twice, it has nothing to say");
    }
}
