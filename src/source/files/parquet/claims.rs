//! What a Parquet file claims about itself, checked before a reader allocates by it. A claim that is refused here would
//! make a reader allocate without bound, overflow its stack, or read outside of the file.

use super::span::Span;
use super::thrift::{I32, LIST, STRUCT, Thrift};
use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;
use std::io::Read;

const MAGIC: &[u8] = b"PAR1";
const ENCRYPTED_MAGIC: &[u8] = b"PARE";
/// Length of the footer and magic, at the end of the file.
const TAIL: u64 = 8;
const DEEPEST_SCHEMA: usize = 64;
/// A page that claims more than this, and this many times its compressed size, is a bomb.
const LARGE_PAGE: u64 = 64 << 20;
const ABSURD_RATIO: u64 = 2_000;
/// The most that a byte of Deflate and of LZ4 can stand for.
const DEFLATE_RATIO: u64 = 1_032;
const LZ4_RATIO: u64 = 255;
/// Page headers are read in windows of these sizes: statistics can make them long.
const HEADER_WINDOWS: [u64; 3] = [1 << 10, 64 << 10, 16 << 20];
/// Encodings as page headers number them.
const PLAIN_DICTIONARY: i64 = 2;
const RLE_DICTIONARY: i64 = 8;
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;

/// A check's result: the refusal as a sentence.
pub(super) type Checked<T> = Result<T, String>;

/// The length that the footer claims for itself and the eight bytes behind it.
pub(super) fn footer_length(file: &Span, memory: u64) -> Checked<u64> {
    let mut tail = [0; TAIL as usize];
    let size = file.size();
    if size < TAIL + MAGIC.len() as u64 {
        return Err(format!("{size} bytes are too few for a Parquet file"));
    }
    file.read_at(size - TAIL, &mut tail)?;
    let [l0, l1, l2, l3, magic @ ..] = tail;
    if magic == ENCRYPTED_MAGIC {
        return Err("the file is encrypted".to_owned());
    }
    if magic != MAGIC {
        return Err("the file does not end as Parquet files do".to_owned());
    }
    let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    if length > size - TAIL {
        return Err("the footer is longer than the file".to_owned());
    }
    if length > memory / 8 {
        return Err(format!("the footer of {length} bytes needs more memory than allowed"));
    }
    Ok(length + TAIL)
}

/// Checks the footer's lengths and the depth of the schema.
pub(super) fn check_footer(file: &Span, memory: u64) -> Checked<()> {
    let length = footer_length(file, memory)?;
    let mut footer = vec![0; (length - TAIL) as usize];
    file.read_at(file.size() - length, &mut footer)?;
    let mut deepest = 0;
    let mut thrift = Thrift { rest: &footer };
    let read = thrift.structure(|id, kind, thrift| match (id, kind) {
        (2, LIST) => {
            deepest = schema_depth(thrift)?;
            Some(true)
        }
        _ => Some(false),
    });
    read.ok_or("the footer is damaged")?;
    match deepest > DEEPEST_SCHEMA {
        true => Err(format!("the schema nests {deepest} deep, more than {DEEPEST_SCHEMA}")),
        false => Ok(()),
    }
}

/// How deep the schema's groups nest. It is a list in which each group is followed by its children.
fn schema_depth(thrift: &mut Thrift<'_>) -> Option<usize> {
    let (size, kind) = thrift.list()?;
    let (mut open, mut deepest) = (Vec::new(), 0);
    for _ in 0..size {
        if kind != STRUCT {
            return None;
        }
        let mut children = 0;
        thrift.structure(|id, kind, thrift| {
            if (id, kind) == (5, I32) {
                children = thrift.signed()?;
                return Some(true);
            }
            Some(false)
        })?;
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            open.push(children);
        }
        deepest = deepest.max(open.len());
    }
    Some(deepest)
}

/// What the pages of a column chunk are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pages {
    /// Bytes of the largest page, decompressed.
    pub(super) largest: u64,
    /// Values of the dictionary, and memory for it.
    pub(super) dictionary_values: u64,
    pub(super) dictionary_bytes: u64,
    /// A data page without dictionary codes.
    pub(super) any_plain: bool,
    /// A dictionary with too many values for its row group to be worth keeping.
    pub(super) any_wide: bool,
    /// A data page whose lengths are themselves encoded: they are checked by decoding.
    pub(super) any_lengths: bool,
    /// A data page in which a value may repeat the start of the one before: they grow without bound.
    pub(super) any_prefixes: bool,
}

/// Checks a column chunk's place in the file and the headers of all its pages.
pub(super) fn check_chunk(file: &Span, chunk: &ColumnChunkMetaData, memory: u64) -> Checked<Pages> {
    let (mut at, end) = byte_range(chunk, file.size())?;
    let mut pages = Pages::default();
    while at < end {
        let (header_length, header) = read_header(file, at, end)?;
        at += header_length;
        let compressed = u64::try_from(header.compressed).unwrap_or(u64::MAX);
        let claimed = u64::try_from(header.uncompressed).map_err(|_| "a page has a negative size")?;
        if claimed > memory || claimed > LARGE_PAGE && claimed / ABSURD_RATIO > compressed {
            return Err(format!("a page of {compressed} bytes claims to decompress to {claimed}"));
        }
        if compressed > end - at {
            return Err("a page reaches beyond its column".to_owned());
        }
        check_codec(file, at, compressed, claimed, chunk.compression(), memory)?;
        pages.add(&header, claimed)?;
        at += compressed;
    }
    Ok(pages)
}

/// Where a column chunk stands in a file of `size` bytes.
pub(super) fn byte_range(chunk: &ColumnChunkMetaData, size: u64) -> Checked<(u64, u64)> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let range = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
    let end = range.and_then(|(start, length)| start.checked_add(length)).filter(|end| *end <= size);
    match (range, end) {
        (Some((start, _)), Some(end)) if chunk.num_values() >= 0 => Ok((start, end)),
        _ => Err("a column lies outside of the file".to_owned()),
    }
}

/// The reader gives some codecs no limit, so what they make of a page is counted before.
fn check_codec(file: &Span, at: u64, compressed: u64, claimed: u64, codec: Compression, memory: u64) -> Checked<()> {
    let page = || file.read_from(at).map(|page| page.take(compressed)).map_err(|e| e.to_string());
    match codec {
        Compression::GZIP(_) if compressed.saturating_mul(DEFLATE_RATIO) > memory => {
            count(flate2::read::MultiGzDecoder::new(page()?), claimed)
        }
        Compression::BROTLI(_) => count(brotli_decompressor::Decompressor::new(page()?, 64 << 10), claimed),
        Compression::LZ4 if compressed.saturating_mul(LZ4_RATIO) > memory => {
            Err("a page in the outdated LZ4 form is too large to be checked; write the file with LZ4_RAW".to_owned())
        }
        _ => Ok(()),
    }
}

fn count(mut input: impl Read, claimed: u64) -> Checked<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        match input.read(&mut buffer) {
            // The reader compares the exact size, and knows whether a page's levels stand before what is compressed.
            Ok(0) => return Ok(()),
            Ok(read) => total += read as u64,
            // What cannot be decompressed here, the reader refuses with its own words.
            Err(_) => return Ok(()),
        }
        if total > claimed {
            return Err(format!("a page decompresses to more than the {claimed} bytes it claims"));
        }
    }
}

impl Pages {
    fn add(&mut self, header: &Header, claimed: u64) -> Checked<()> {
        self.largest = self.largest.max(claimed);
        if let Some(values) = header.dictionary_values {
            let values = u64::try_from(values).map_err(|_| "a dictionary has a negative size")?;
            if values > claimed {
                return Err(format!("a dictionary of {claimed} bytes claims {values} values"));
            }
            self.dictionary_values = self.dictionary_values.max(values);
            // The reader keeps an entry of 16 bytes a value beside the values themselves.
            self.dictionary_bytes = self.dictionary_bytes.max(claimed + 16 * values);
        }
        if let Some(encoding) = header.encoding {
            self.any_plain |= !matches!(encoding, PLAIN_DICTIONARY | RLE_DICTIONARY);
            self.any_prefixes |= encoding == DELTA_BYTE_ARRAY;
            self.any_lengths |= matches!(encoding, DELTA_BYTE_ARRAY | DELTA_LENGTH_BYTE_ARRAY);
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Header {
    uncompressed: i64,
    compressed: i64,
    /// Of a data page.
    encoding: Option<i64>,
    dictionary_values: Option<i64>,
}

fn read_header(file: &Span, at: u64, end: u64) -> Checked<(u64, Header)> {
    for window in HEADER_WINDOWS {
        let length = window.min(end - at);
        let mut bytes = vec![0; length as usize];
        file.read_at(at, &mut bytes)?;
        let mut thrift = Thrift { rest: &bytes };
        if let Some(header) = Header::read(&mut thrift) {
            return Ok((length - thrift.rest.len() as u64, header));
        }
        if length < window {
            break;
        }
    }
    Err("the header of a page is damaged".to_owned())
}

impl Header {
    fn read(thrift: &mut Thrift<'_>) -> Option<Header> {
        let mut header = Header::default();
        let (mut has_uncompressed, mut has_compressed) = (false, false);
        thrift.structure(|id, kind, thrift| {
            match (id, kind) {
                (2, I32) => (header.uncompressed, has_uncompressed) = (thrift.signed()?, true),
                (3, I32) => (header.compressed, has_compressed) = (thrift.signed()?, true),
                // Data page: its second field is the encoding. Version 2: the fourth.
                (5, STRUCT) => header.encoding = number(thrift, 2)?.or(header.encoding),
                (8, STRUCT) => header.encoding = number(thrift, 4)?.or(header.encoding),
                (7, STRUCT) => header.dictionary_values = number(thrift, 1)?,
                _ => return Some(false),
            }
            Some(true)
        })?;
        (has_uncompressed && has_compressed).then_some(header)
    }
}

/// A structure's number in the field `wanted`.
fn number(thrift: &mut Thrift<'_>, wanted: i64) -> Option<Option<i64>> {
    let mut found = None;
    thrift.structure(|id, kind, thrift| {
        if (id, kind) == (wanted, I32) {
            found = Some(thrift.signed()?);
            return Some(true);
        }
        Some(false)
    })?;
    Some(found)
}
