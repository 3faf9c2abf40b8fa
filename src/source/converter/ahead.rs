//! A step of the pipeline on several threads: what goes in comes out in its order, with few pieces under way at once.

use crate::error::Result;
use crossbeam::channel::{self, Receiver, Sender};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;

/// More threads would only hold more rows in memory: reading the file is one thread's work.
const MOST_THREADS: usize = 3;

type Step<I, O> = Arc<dyn Fn(I) -> Result<Vec<O>> + Send + Sync>;

/// Turns each item into several, ahead of who asks for them.
pub(super) struct Ahead<I, O> {
    input: Box<dyn Iterator<Item = Result<I>> + Send>,
    step: Step<I, O>,
    threads: usize,
    workers: Option<Workers<I, O>>,
    ready: VecDeque<O>,
    /// How the input ended.
    end: Option<Result<()>>,
    /// Whether the first item was asked for.
    is_begun: bool,
}

impl<I: Send + 'static, O: Send + 'static> Ahead<I, O> {
    pub(super) fn new(
        input: Box<dyn Iterator<Item = Result<I>> + Send>,
        step: impl Fn(I) -> Result<Vec<O>> + Send + Sync + 'static,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ahead {
            input,
            step: Arc::new(step),
            threads: cores.min(MOST_THREADS),
            workers: None,
            ready: VecDeque::new(),
            end: None,
            is_begun: false,
        }
    }

    fn next_item(&mut self) -> Result<Option<O>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            let made = match self.is_begun && self.threads > 1 {
                true => self.take_from_workers()?,
                // Most files have one part: it needs no thread.
                false => self.take_input().map(|item| (self.step)(item)).transpose()?,
            };
            self.is_begun = true;
            match made {
                Some(items) => self.ready.extend(items),
                None => return self.end.take().unwrap_or(Ok(())).map(|()| None),
            }
        }
    }

    fn take_input(&mut self) -> Option<I> {
        if self.end.is_some() {
            return None;
        }
        match self.input.next() {
            Some(Ok(item)) => return Some(item),
            Some(Err(error)) => self.end = Some(Err(error)),
            None => self.end = Some(Ok(())),
        }
        None
    }

    /// Gives the workers what they can take, and waits for the next of their results.
    fn take_from_workers(&mut self) -> Result<Option<Vec<O>>> {
        loop {
            let under_way = self.workers.as_ref().map_or(0, Workers::under_way);
            if under_way > self.threads || self.end.is_some() {
                break;
            }
            let Some(item) = self.take_input() else { break };
            let (step, threads) = (&self.step, self.threads);
            self.workers.get_or_insert_with(|| Workers::start(step, threads)).send(item);
        }
        self.workers.as_mut().and_then(Workers::take).transpose()
    }
}

impl<I: Send + 'static, O: Send + 'static> Iterator for Ahead<I, O> {
    type Item = Result<O>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.next_item().transpose();
        if matches!(item, Some(Err(_))) {
            // After an error nothing follows.
            self.ready.clear();
            self.workers = None;
            self.end = Some(Ok(()));
        }
        item
    }
}

struct Workers<I, O> {
    jobs: Option<Sender<(u64, I)>>,
    results: Receiver<(u64, Result<Vec<O>>)>,
    /// Results that came before their turn.
    early: BTreeMap<u64, Result<Vec<O>>>,
    sent: u64,
    taken: u64,
    threads: Vec<JoinHandle<()>>,
}

impl<I: Send + 'static, O: Send + 'static> Workers<I, O> {
    fn start(step: &Step<I, O>, threads: usize) -> Self {
        let (jobs, waiting) = channel::unbounded::<(u64, I)>();
        let (finished, results) = channel::unbounded();
        let work = |_| {
            let (step, waiting, finished) = (step.clone(), waiting.clone(), finished.clone());
            std::thread::spawn(move || {
                for (number, item) in waiting {
                    if finished.send((number, step(item))).is_err() {
                        break;
                    }
                }
            })
        };
        let threads = (0..threads).map(work).collect();
        Workers { jobs: Some(jobs), results, early: BTreeMap::new(), sent: 0, taken: 0, threads }
    }

    fn under_way(&self) -> usize {
        (self.sent - self.taken) as usize
    }

    fn send(&mut self, item: I) {
        if self.jobs.as_ref().is_some_and(|jobs| jobs.send((self.sent, item)).is_ok()) {
            self.sent += 1;
        }
    }

    /// The next result in order; `None` where nothing is under way.
    fn take(&mut self) -> Option<Result<Vec<O>>> {
        if self.taken == self.sent {
            return None;
        }
        loop {
            if let Some(result) = self.early.remove(&self.taken) {
                self.taken += 1;
                return Some(result);
            }
            match self.results.recv() {
                Ok((number, result)) => {
                    self.early.insert(number, result);
                }
                // All of them are gone, which only a panic does.
                Err(_) => self.join(),
            }
        }
    }

    fn join(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl<I, O> Drop for Workers<I, O> {
    fn drop(&mut self) {
        // The threads end when nothing can come any more; what they still work on is little.
        self.jobs = None;
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::error::{Error, ErrorKind};

    fn ahead(input: Vec<Result<u64>>, threads: usize) -> Ahead<u64, u64> {
        let step = |n: u64| {
            std::thread::sleep(std::time::Duration::from_micros((n * 7919) % 300));
            if n == 13 { Err(Error::new(ErrorKind::InvalidInput, "thirteen")) } else { Ok(vec![n; (n % 3) as usize]) }
        };
        Ahead { threads, ..Ahead::new(Box::new(input.into_iter()), step) }
    }

    fn expected(count: u64) -> Vec<u64> {
        (0..count).flat_map(|n| vec![n; (n % 3) as usize]).collect()
    }

    #[test]
    fn everything_comes_out_in_order_whatever_the_threads() {
        for threads in [1, 2, 4] {
            for count in [0, 1, 2, 12] {
                let out: Result<Vec<u64>> = ahead((0..count).map(Ok).collect(), threads).collect();
                assert_eq!(out.unwrap(), expected(count), "{threads} threads");
            }
        }
    }

    #[test]
    fn an_error_comes_in_its_place_and_ends_everything() {
        for threads in [1, 3] {
            let mut failing: Vec<Result<u64>> = (0..5).map(Ok).collect();
            failing.push(Err(Error::new(ErrorKind::Io, "gone")));
            failing.extend((6..9).map(Ok));
            let mut out = ahead(failing, threads);
            assert_eq!(out.by_ref().take(4).map(|n| n.unwrap()).collect::<Vec<_>>(), expected(5));
            assert_eq!(out.next().unwrap().unwrap_err().kind(), ErrorKind::Io);
            assert!(out.next().is_none());
            let mut out = ahead((0..30).map(Ok).collect(), threads);
            assert_eq!(out.by_ref().take(12).map(|n| n.unwrap()).collect::<Vec<_>>(), expected(13)[..12]);
            assert_eq!(out.next().unwrap().unwrap_err().to_string(), "thirteen");
            assert!(out.next().is_none());
        }
    }

    #[test]
    fn what_nobody_asks_for_ends_with_its_owner() {
        let mut out = ahead((0..1_000).map(Ok).collect(), 3);
        assert_eq!(out.next().unwrap().unwrap(), 1);
        drop(out);
    }
}
