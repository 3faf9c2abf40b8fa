//! Sorted files of a batch that is too large for the write-ahead log, written while more of it is being prepared: one of
//! a batch that fits in memory; of a larger one those of the lower half of the buckets on one core, those of the upper
//! half on the other.
//!
//! Few files, since each one that overlaps others is a run of its own, which every later look-up asks.

use super::keyspace::{pages, rows};
use super::write_rows::Versions;
use super::{Inner, StoreOptions, options, recover};
use crate::error::Result;
use crate::model::mutation::MutationSet;
use crossbeam::channel::{self, Receiver, Sender};
use rocksdb::SstFileWriter;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A file takes about so many bytes of keys and rows: merging files takes as much room again.
const FILE_BYTES: usize = 256 << 20;

/// Versions of one half of the buckets, in the order of keys.
struct Job {
    set: Arc<MutationSet>,
    changing: Vec<u32>,
    sequence: u64,
}

/// A thread and the jobs that it waits for.
struct Half {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<Result<Vec<PathBuf>>>>,
}

/// Files that are being written. Dropped, it ends the writing; the files stay for whoever removes the folder.
pub(super) struct SortedFiles {
    halves: Vec<Half>,
}

impl SortedFiles {
    /// `is_bulk`: the batch does not fit in memory.
    pub(super) fn begin(inner: &Inner, is_bulk: bool) -> Result<Self> {
        let folder = make_folder(inner)?;
        let half = |name: &str| {
            let (jobs, receiver) = channel::bounded(1);
            let (options, path) = (inner.options.clone(), folder.join(name));
            let thread = std::thread::spawn(move || write_all(&receiver, &options, &path));
            Half { jobs: Some(jobs), thread: Some(thread) }
        };
        let names: &[&str] = if is_bulk { &["lower", "upper"] } else { &["all"] };
        Ok(SortedFiles { halves: names.iter().map(|name| half(name)).collect() })
    }

    /// Writes the changing mutations of a set, which are in the order of their keys. Sets must not overlap.
    pub(super) fn add(&mut self, set: MutationSet, mut changing: Vec<u32>, sequence: u64) -> Result<()> {
        let is_lower = |index: &u32| set.mutations[*index as usize].bucket <= u16::MAX / 2;
        let upper = match self.halves.len() {
            1 => Vec::new(),
            _ => changing.split_off(changing.partition_point(is_lower)),
        };
        let set = Arc::new(set);
        for (half, changing) in self.halves.iter().zip([changing, upper]) {
            let job = Job { set: set.clone(), changing, sequence };
            let is_taken = half.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
            if !is_taken {
                // The thread met an error.
                return self.finish().map(|_| ());
            }
        }
        Ok(())
    }

    /// The files, when all of them are on disk.
    pub(super) fn finish(&mut self) -> Result<Vec<PathBuf>> {
        // All of them end before one's error is told: then the folder is taken away.
        let mut files = Vec::new();
        for written in self.end() {
            files.append(&mut written.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(files)
    }

    fn end(&mut self) -> Vec<std::thread::Result<Result<Vec<PathBuf>>>> {
        self.halves.iter_mut().for_each(|half| half.jobs = None);
        self.halves.iter_mut().filter_map(|half| half.thread.take()).map(JoinHandle::join).collect()
    }
}

impl Drop for SortedFiles {
    fn drop(&mut self) {
        // What they say no longer matters: the batch was given up.
        drop(self.end());
    }
}

/// Writes all jobs of a half into files whose names begin with `path`.
fn write_all(jobs: &Receiver<Job>, options: &StoreOptions, path: &std::path::Path) -> Result<Vec<PathBuf>> {
    let options = options::ingested(rows::FAMILY, options);
    let mut files = Vec::new();
    let mut current: Option<(SstFileWriter<'_>, usize)> = None;
    let (mut key, mut value, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for job in jobs {
        for version in (Versions { set: &job.set, changing: &job.changing, sequence: job.sequence }).iter() {
            version.encode(&mut key, &mut value);
            // Rows of a partition that was split by the hashes of its keys come in several rising runs.
            if let Some((file, _)) = current.take_if(|(_, bytes)| *bytes >= FILE_BYTES || key <= last) {
                finish(file)?;
            }
            let (file, bytes) = match &mut current {
                Some(current) => current,
                empty => {
                    let path = path.with_extension(files.len().to_string());
                    let file = SstFileWriter::create(&options);
                    file.open(&path)?;
                    files.push(path);
                    empty.insert((file, 0))
                }
            };
            file.put(&key, &value)?;
            *bytes += key.len() + value.len();
            std::mem::swap(&mut key, &mut last);
        }
    }
    current.map_or(Ok(()), |(file, _)| finish(file))?;
    Ok(files)
}

fn finish(mut file: SstFileWriter<'_>) -> Result<()> {
    Ok(file.finish()?)
}

/// Takes a key and its value.
pub(super) type Put<'a> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'a;

/// Writes the sorted file of a fold: `fill` puts its pages, keys rising. `None` where there is none.
pub(super) fn write_pages(inner: &Inner, fill: impl FnOnce(&mut Put<'_>) -> Result<()>) -> Result<Option<PathBuf>> {
    let options = options::ingested(pages::FAMILY, &inner.options);
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
