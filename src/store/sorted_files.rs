//! Sorted files of a batch that is too large for the write-ahead log, written on all cores while more of the batch is
//! being prepared.

use super::keyspace::{pages, rows};
use super::write_rows::Versions;
use super::{Inner, StoreOptions, options, recover};
use crate::error::Result;
use crate::model::mutation::MutationSet;
use crossbeam::channel::{self, Receiver, Sender};
use rocksdb::{Cache, SstFileWriter};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A file takes about so many bytes of keys and rows: enough that it is worth a file, few enough that several cores
/// have work.
const FILE_BYTES: usize = 24 << 20;

/// Versions that go into one file.
struct Job {
    path: PathBuf,
    set: Arc<MutationSet>,
    changing: Arc<Vec<u32>>,
    range: Range<usize>,
    sequence: u64,
}

/// Files that are being written. Dropped, it ends the writing; the files stay for whoever removes the folder.
pub(super) struct SortedFiles {
    folder: PathBuf,
    next: usize,
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<Result<Vec<PathBuf>>>>,
}

impl SortedFiles {
    pub(super) fn begin(inner: &Inner) -> Result<Self> {
        let folder = make_folder(inner)?;
        let (jobs, receiver) = channel::bounded(1);
        let spawn = |_| {
            let (jobs, options): (Receiver<Job>, _) = (receiver.clone(), inner.options.clone());
            std::thread::spawn(move || jobs.iter().map(|job| job.write(&options)).collect())
        };
        let threads = (0..std::thread::available_parallelism().map_or(1, usize::from)).map(spawn).collect();
        Ok(SortedFiles { folder, next: 0, jobs: Some(jobs), threads })
    }

    /// Writes the changing mutations of a set. Sets must not overlap.
    pub(super) fn add(&mut self, set: MutationSet, changing: Vec<u32>, sequence: u64) -> Result<()> {
        let (set, changing) = (Arc::new(set), Arc::new(changing));
        let mut start = 0;
        while start < changing.len() {
            let mut bytes = 0;
            let fits = |index: &&u32| {
                let mutation = &set.mutations[**index as usize];
                bytes += (mutation.key_length + mutation.row_length) as usize;
                bytes < FILE_BYTES
            };
            let end = start + changing[start..].iter().take_while(fits).count().max(1);
            let path = self.folder.join(self.next.to_string());
            self.next += 1;
            let job = Job { path, set: set.clone(), changing: changing.clone(), range: start..end, sequence };
            let is_taken = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
            if !is_taken {
                // Every thread met an error.
                return self.finish().map(|_| ());
            }
            start = end;
        }
        Ok(())
    }

    /// The files, when all of them are on disk.
    pub(super) fn finish(&mut self) -> Result<Vec<PathBuf>> {
        self.jobs = None;
        // All of them end before one's error is told: then the folder is taken away.
        let ended: Vec<_> = self.threads.drain(..).map(JoinHandle::join).collect();
        let mut files = Vec::new();
        for written in ended {
            files.append(&mut written.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(files)
    }
}

impl Drop for SortedFiles {
    fn drop(&mut self) {
        self.jobs = None;
        // What they say no longer matters: the batch was given up.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

impl Job {
    fn write(self, options: &StoreOptions) -> Result<PathBuf> {
        let cache = Cache::new_lru_cache(0);
        let options = options::family(rows::FAMILY, options, &cache);
        let versions = Versions { set: &self.set, changing: &self.changing[self.range], sequence: self.sequence };
        let mut file = SstFileWriter::create(&options);
        file.open(&self.path)?;
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for version in versions.iter() {
            version.encode(&mut key, &mut value);
            file.put(&key, &value)?;
        }
        file.finish()?;
        Ok(self.path)
    }
}

/// Takes a key and its value.
pub(super) type Put<'a> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'a;

/// Writes the sorted file of a fold: `fill` puts its pages, keys rising. `None` where there is none.
pub(super) fn write_pages(inner: &Inner, fill: impl FnOnce(&mut Put<'_>) -> Result<()>) -> Result<Option<PathBuf>> {
    let options = options::family(pages::FAMILY, &inner.options, &Cache::new_lru_cache(0));
    let path = recover::temporary_folder(inner).join(pages::FAMILY);
    let mut begun: Option<SstFileWriter<'_>> = None;
    fill(&mut |key, value| {
        let file = match &mut begun {
            Some(file) => file,
            empty => {
                make_folder(inner)?;
                let file = SstFileWriter::create(&options);
                file.open(&path)?;
                empty.insert(file)
            }
        };
        Ok(file.put(key, value)?)
    })?;
    let Some(mut file) = begun else { return Ok(None) };
    file.finish()?;
    Ok(Some(path))
}

fn make_folder(inner: &Inner) -> Result<PathBuf> {
    let folder = recover::temporary_folder(inner);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
