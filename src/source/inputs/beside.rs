//! The hash of a local file that is decoded out of order: a thread reads it beside the decoder.

use super::content::for_each_chunk;
use crate::error::{Error, ErrorKind, Result};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A thread that hashes a file beside those that decode it.
pub(in crate::source) struct Beside {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<[u8; 32]>>>,
}

impl Beside {
    pub(in crate::source) fn begin(mut file: Box<dyn Read + Send>) -> Result<Self> {
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

    pub(super) fn hash(&mut self) -> Result<[u8; 32]> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::content::CHUNK;
    use super::*;

    #[test]
    fn a_thread_beside_gives_the_same_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..3 * CHUNK + 5).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut beside = Beside::begin(Box::new(std::fs::File::open(&path).unwrap())).unwrap();
        assert_eq!(beside.hash().unwrap(), *blake3::hash(&bytes).as_bytes());
        assert!(beside.hash().is_err(), "asked twice, it has nothing to say");
    }
}
