//! Compressed files, told by their first bytes and never by their names.

use crate::error::Result;
use std::io::{BufReader, Read};

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// How a text file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 8878, one or more frames.
    Zstd,
}

impl Compression {
    pub(super) fn of(start: &[u8]) -> Self {
        if start.starts_with(GZIP_MAGIC) {
            Compression::Gzip
        } else if start.starts_with(ZSTD_MAGIC) {
            Compression::Zstd
        } else {
            Compression::None
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Compression::None => "plain",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }

    /// The decompressed bytes. A zstd file may ask for a window of half of `memory`, and for 128 MiB in any case (what
    /// `zstd --long` asks for).
    pub(super) fn decode<R: Read + Send + 'static>(
        self,
        input: BufReader<R>,
        memory: usize,
    ) -> Result<Box<dyn Read + Send>> {
        Ok(match self {
            Compression::None => Box::new(input),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max((memory / 2).max(1).ilog2().clamp(27, 31))?;
                Box::new(decoder)
            }
        })
    }
}
