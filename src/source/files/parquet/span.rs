//! Some bytes of a Parquet file, read in any order: all of a local file, or a row group of an object.

use super::claims::Checked;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Bytes that are named by their place in the file.
#[derive(Clone)]
pub(super) struct Span {
    /// The size of the whole file.
    size: u64,
    /// Where the held bytes begin in the file.
    start: u64,
    held: Held,
}

#[derive(Clone)]
enum Held {
    File(Arc<File>),
    Memory(Bytes),
}

impl Span {
    /// All of a file.
    pub(super) fn whole(file: File) -> std::io::Result<Self> {
        Ok(Span { size: file.metadata()?.len(), start: 0, held: Held::File(Arc::new(file)) })
    }

    /// Bytes in memory, of a file of `size` bytes.
    pub(super) fn in_memory(size: u64, start: u64, bytes: Vec<u8>) -> Self {
        Span { size, start, held: Held::Memory(bytes.into()) }
    }

    /// Bytes in a file of their own, of a file of `size` bytes.
    pub(super) fn in_file(size: u64, start: u64, file: File) -> Self {
        Span { size, start, held: Held::File(Arc::new(file)) }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Reads on from a place. Readers of one file share its cursor: each is used up before the next is made.
    pub(super) fn read_from(&self, at: u64) -> std::io::Result<SpanReader> {
        let outside = || std::io::Error::other("the file refers to bytes outside of the row group at hand");
        let offset = at.checked_sub(self.start).ok_or_else(outside)?;
        Ok(match &self.held {
            Held::File(file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(offset))?;
                SpanReader::File(BufReader::new(file))
            }
            Held::Memory(bytes) => {
                let offset = usize::try_from(offset).ok().filter(|offset| *offset <= bytes.len());
                SpanReader::Memory(Cursor::new(bytes.slice(offset.ok_or_else(outside)?..)))
            }
        })
    }

    /// Fills a buffer.
    pub(super) fn read_at(&self, at: u64, buffer: &mut [u8]) -> Checked<()> {
        let read = match (&self.held, at.checked_sub(self.start)) {
            // Without the buffer of `read_from`, which small reads would waste.
            (Held::File(file), Some(offset)) => {
                let mut file = file.as_ref();
                file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer))
            }
            _ => self.read_from(at).and_then(|mut reader| reader.read_exact(buffer)),
        };
        read.map_err(|e| format!("the file cannot be read: {e}"))
    }
}

/// Reads on from a place of a span.
pub(super) enum SpanReader {
    File(BufReader<File>),
    Memory(Cursor<Bytes>),
}

impl Read for SpanReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            SpanReader::File(file) => file.read(buffer),
            SpanReader::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Length for Span {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Span {
    type T = SpanReader;

    fn get_read(&self, start: u64) -> ParquetResult<SpanReader> {
        Ok(self.read_from(start)?)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if let (Held::Memory(bytes), Some(offset)) = (&self.held, start.checked_sub(self.start)) {
            let end = usize::try_from(offset).ok().and_then(|offset| Some((offset, offset.checked_add(length)?)));
            let range = end.filter(|(_, end)| *end <= bytes.len());
            return range
                .map(|(offset, end)| bytes.slice(offset..end))
                .ok_or_else(|| ParquetError::EOF(format!("{length} bytes at {start} are not at hand")));
        }
        let mut buffer = vec![0; length];
        self.read_at(start, &mut buffer).map_err(ParquetError::EOF)?;
        Ok(buffer.into())
    }
}
