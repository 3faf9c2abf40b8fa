//! The row groups of an object. They stand one after the other in the file, so the object is read once from its first
//! byte to its last, a row group ahead of the decoder, and hashed on the way; only the footer is read before.
//!
//! ```text
//! | magic | row group 1 | row group 2 | … | footer |
//!           decoded       on the way        first of all
//! ```
//!
//! A row group is held in memory, or in an unnamed temporary file where it is large.

use super::claims::{self, Checked};
use super::span::Span;
use crate::error::{Error, ErrorKind, Result};
use crate::source::inputs::content::Passing;
use crate::source::inputs::scattered::Ranges;
use crossbeam::channel::{Receiver, Sender, bounded};
use parquet::file::metadata::ParquetMetaData;
use std::io::{Read, Seek, Write};
use std::ops::Range;

/// The end of a file that is read first: most footers are shorter.
const TAIL: u64 = 256 << 10;
/// A row group above this share of the memory goes to a temporary file.
const SHARE: usize = 8;
const CHUNK: usize = 256 << 10;

/// The footer of an object, and what stands before it as far as it was read along.
pub(super) fn read_tail(ranges: &Ranges, memory: u64) -> Result<Span> {
    let tail = tail(ranges, TAIL)?;
    match claims::footer_length(&tail, memory) {
        // What is wrong with it is found when the footer is checked.
        Ok(length) if length <= TAIL => Ok(tail),
        Ok(length) => self::tail(ranges, length),
        Err(_) => Ok(tail),
    }
}

fn tail(ranges: &Ranges, length: u64) -> Result<Span> {
    let start = ranges.size.saturating_sub(length);
    let mut bytes = Vec::new();
    (ranges.read)(start..ranges.size).read_to_end(&mut bytes)?;
    Ok(Span::in_memory(ranges.size, start, bytes))
}

/// Where the row groups stand. Overlapping ones would be read again and again.
pub(super) fn places(metadata: &ParquetMetaData, size: u64) -> Checked<Vec<Range<u64>>> {
    let mut places = Vec::with_capacity(metadata.num_row_groups());
    let mut sum = 0_u64;
    for group in metadata.row_groups() {
        let mut place: Option<Range<u64>> = None;
        for chunk in group.columns() {
            let (start, end) = claims::byte_range(chunk, size)?;
            place = Some(place.map_or(start..end, |place| place.start.min(start)..place.end.max(end)));
        }
        let place = place.unwrap_or(0..0);
        sum = sum.saturating_add(place.end - place.start);
        places.push(place);
    }
    if sum > size { Err("its row groups overlap".to_owned()) } else { Ok(places) }
}

/// Row groups as they come.
pub(super) struct Coming(Receiver<Result<Span>>);

impl Coming {
    /// Begins to read them. `input` is the whole object from its first byte on.
    pub(super) fn begin(ranges: Ranges, input: Passing, places: Vec<Range<u64>>, memory: usize) -> Result<Self> {
        // With room for none: one is decoded, one waits to be taken.
        let (sender, receiver) = bounded(0);
        let read = move || send(&ranges, input, places, memory, &sender);
        std::thread::Builder::new().name("row groups".to_owned()).spawn(read)?;
        Ok(Coming(receiver))
    }

    pub(super) fn next_group(&mut self) -> Result<Span> {
        let gone = |_| Error::new(ErrorKind::Io, "the thread that reads the object is gone");
        self.0.recv().map_err(gone)?
    }
}

/// Sends row groups until nobody takes them.
fn send(ranges: &Ranges, mut input: Passing, places: Vec<Range<u64>>, memory: usize, sender: &Sender<Result<Span>>) {
    let mut at = 0;
    for place in places {
        let span = if place.start >= at {
            let skipped = std::io::copy(&mut input.by_ref().take(place.start - at), &mut std::io::sink());
            at = place.end;
            skipped.map_err(Error::from).and_then(|_| hold(&mut input, &place, ranges.size, memory))
        } else {
            hold(&mut (ranges.read)(place.clone()), &place, ranges.size, memory)
        };
        let failed = span.is_err();
        if sender.send(span).is_err() || failed {
            return;
        }
    }
}

fn hold(input: &mut dyn Read, place: &Range<u64>, size: u64, memory: usize) -> Result<Span> {
    let length = place.end - place.start;
    let mut input = input.take(length);
    if length <= (memory / SHARE) as u64 {
        let mut bytes = Vec::with_capacity(length as usize);
        input.read_to_end(&mut bytes)?;
        return Ok(Span::in_memory(size, place.start, bytes));
    }
    let mut file = tempfile::tempfile()?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer)? {
            0 => break,
            read => file.write_all(buffer.get(..read).unwrap_or_default())?,
        }
    }
    file.rewind()?;
    Ok(Span::in_file(size, place.start, file))
}
