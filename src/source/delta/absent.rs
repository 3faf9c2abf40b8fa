//! Delta tables in a build without the feature `delta`: they are recognised, and refused.

use super::SourceOptions;
use super::table::Feed;
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::{ChangeBatch, Parts};
use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::path::Path;

/// A Delta table, which this build cannot open.
pub struct DeltaTable(Infallible);

impl DeltaTable {
    /// Whether an input is a folder with the log of a Delta table in it.
    pub fn is_table(input: &str) -> Result<bool> {
        Ok(Path::new(input).join("_delta_log").is_dir())
    }

    /// Always an error of kind `Unsupported`.
    pub fn open(input: &str, _: &SourceOptions) -> Result<DeltaTable> {
        Err(Error::new(ErrorKind::Unsupported, "this build of eventmirror cannot read Delta tables")
            .at(input)
            .advice("build it with the feature `delta`"))
    }

    /// Never called.
    pub fn latest(&self) -> u64 {
        match self.0 {}
    }

    /// Never called.
    pub fn feed(&self, _: RangeInclusive<u64>, _: &SourceOptions) -> Result<Feed> {
        match self.0 {}
    }

    /// Never called.
    pub fn backfill(&self, _: u64, _: &SourceOptions) -> Result<ChangeBatch> {
        match self.0 {}
    }

    /// Never called.
    pub fn rows(&self, _: u64, _: &SourceOptions) -> Result<Parts> {
        match self.0 {}
    }
}
