//! Memory for the bytes of rows that is used again.
//!
//! Rows are built in large buffers that live for a moment. Taking such memory fresh from the system each time costs more
//! than filling it, because the system clears every page first.

use parking_lot::Mutex;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A buffer that goes back to its pool when it is dropped.
#[derive(Debug, Default)]
pub struct Arena {
    bytes: Vec<u8>,
    home: Option<Pool>,
}

impl Deref for Arena {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Arena {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl From<Vec<u8>> for Arena {
    fn from(bytes: Vec<u8>) -> Self {
        Arena { bytes, home: None }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.take_back(std::mem::take(&mut self.bytes));
        }
    }
}

/// A buffer up to this size is given to whoever wants a smaller one.
const SMALL: usize = 64 << 10;

/// Buffers that wait for their next use. Clones are one pool.
#[derive(Debug, Clone)]
pub struct Pool(Arc<Waiting>);

#[derive(Debug)]
struct Waiting {
    /// Buffers and their bytes in all.
    buffers: Mutex<(Vec<Vec<u8>>, usize)>,
    most: usize,
}

impl Pool {
    /// A pool that keeps at most so many bytes.
    pub fn new(most: usize) -> Self {
        Pool(Arc::new(Waiting { buffers: Mutex::default(), most }))
    }

    /// An empty buffer with room for so many bytes.
    pub fn arena(&self, bytes: usize) -> Arena {
        let waiting = {
            let (buffers, kept) = &mut *self.0.buffers.lock();
            // Large buffers wait for large rows.
            let fits = bytes..=bytes.saturating_mul(4).max(SMALL);
            let found = buffers.iter().enumerate().filter(|(_, buffer)| fits.contains(&buffer.capacity()));
            found.min_by_key(|(_, buffer)| buffer.capacity()).map(|(at, _)| at).map(|at| {
                let buffer = buffers.remove(at);
                *kept -= buffer.capacity();
                buffer
            })
        };
        Arena { bytes: waiting.unwrap_or_else(|| Vec::with_capacity(bytes)), home: Some(self.clone()) }
    }

    fn take_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let (buffers, kept) = &mut *self.0.buffers.lock();
        *kept += buffer.capacity();
        buffers.push(buffer);
        // The oldest go first: they were too small for what is asked for now.
        while *kept > self.0.most && !buffers.is_empty() {
            *kept -= buffers.remove(0).capacity();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_and_with_its_room() {
        let pool = Pool::new(1000);
        let mut arena = pool.arena(100);
        arena.extend_from_slice(&[7; 100]);
        let address = arena.as_ptr();
        drop(arena);
        let again = pool.arena(50);
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
        assert_ne!(pool.arena(50).as_ptr(), address, "it is in use");
    }

    #[test]
    fn a_pool_keeps_no_more_than_it_may() {
        let pool = Pool::new(1000);
        let arenas: Vec<Arena> = (0..5).map(|_| pool.arena(300)).collect();
        drop(arenas);
        let (buffers, kept) = &*pool.0.buffers.lock();
        assert_eq!((buffers.len(), *kept), (3, 900));
    }
}
