//! A file as it is read in any order.

use super::{At, InputFile, local};
use crate::error::Result;
#[cfg(feature = "vendor-export")]
use crate::error::{Error, ErrorKind};
use std::fs::File;
use std::io::Read;
use std::ops::Range;

/// A file as it is read in any order.
pub(in crate::source) enum Scattered {
    File(File),
    /// Each range costs a request at least.
    #[cfg_attr(not(feature = "object-store"), allow(dead_code))]
    Ranges(Ranges),
}

/// Bytes of an object by their range.
pub(in crate::source) struct Ranges {
    pub(in crate::source) size: u64,
    pub(in crate::source) read: Box<dyn Fn(Range<u64>) -> Box<dyn Read + Send> + Send>,
}

impl InputFile {
    /// The file as it is read in any order.
    pub(in crate::source) fn scattered(&self) -> Result<Scattered> {
        Ok(match &self.at {
            At::Path(path) => Scattered::File(local::open(path)?),
            At::Copy(copied) => Scattered::File(local::open(&copied.path)?),
            #[cfg(feature = "object-store")]
            At::Object(object) => {
                let (size, object) = (object.size, object.clone());
                Scattered::Ranges(Ranges { size, read: Box::new(move |range| Box::new(object.stream(range))) })
            }
            #[cfg(feature = "vendor-export")]
            At::Entry(_) => {
                return Err(Error::new(ErrorKind::Unsupported, "a file of an archive is no Parquet file")
                    .at(self.place())
                    .advice("leave --format out"));
            }
        })
    }
}
