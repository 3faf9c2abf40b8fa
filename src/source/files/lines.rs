//! Lines of a text file, numbered, none longer than memory allows.

use super::compression::Compression;
use crate::error::{Error, ErrorKind, Result};
use std::io::{BufRead, Read};

/// No column of a part may reach 2 GiB, what 32-bit offsets address: a part's text stays below this before its last
/// line, and a line below it too.
pub(super) const MOST_TEXT: usize = 1 << 29;

/// Reads a text file line by line.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    compression: Compression,
    place: String,
    longest: usize,
    /// The number of the line read last, from 1.
    number: u64,
    at_start: bool,
}

impl Lines {
    pub(super) fn new(input: Box<dyn BufRead + Send>, compression: Compression, place: String, memory: usize) -> Self {
        // A line is held twice: as it was read and as a column's text; and buffers grow by doubling.
        Lines { input, compression, place, longest: (memory / 4).min(MOST_TEXT), number: 0, at_start: true }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Appends the next line with its end to `buffer`, which stays below the longest line. `false` at the end.
    pub(super) fn append_to(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        if self.at_start {
            self.at_start = false;
            self.skip_byte_order_mark()?;
        }
        let room = self.longest.saturating_sub(buffer.len()) as u64 + 1;
        let read = self.input.by_ref().take(room).read_until(b'\n', buffer);
        let read = read.map_err(|e| failed(e, self.compression, &self.place))?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        match buffer.len() > self.longest {
            true => Err(self
                .error(self.number, format!("the line is longer than {} bytes", self.longest))
                .advice("give more --memory, or check that the file has one record a line")),
            false => Ok(true),
        }
    }

    fn skip_byte_order_mark(&mut self) -> Result<()> {
        let start = self.input.fill_buf().map_err(|e| failed(e, self.compression, &self.place))?;
        if start.starts_with(super::BYTE_ORDER_MARK) {
            self.input.consume(super::BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    /// The input is wrong at a line.
    pub(super) fn error(&self, line: u64, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, message).at(format!("{}, line {line}", self.place))
    }

    /// The input is wrong as a whole.
    pub(super) fn file_error(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, message).at(self.place.clone())
    }
}

/// A failed read is the system's fault, or that of a damaged compressed file. An error of eventmirror stays itself.
pub(super) fn failed(error: std::io::Error, compression: Compression, place: &str) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(own) => return own.at(place),
        Err(error) => error,
    };
    match compression != Compression::None && error.raw_os_error().is_none() {
        false => Error::new(ErrorKind::Io, "the input cannot be read").at(place).because(error),
        true => Error::new(ErrorKind::InvalidInput, format!("the {} data is damaged or cut short", compression.name()))
            .at(place)
            .advice("get the file again; nothing of it was applied")
            .because(error),
    }
}

/// A line without its end.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
