//! What the Delta kernel says, as errors of this crate: what is gone, what is not understood, what cannot be read.

use crate::error::{Error, ErrorKind, Result};
use crate::source::caught::caught;
use delta_kernel::{KernelError, KernelResult, object_store};
use std::error::Error as _;

/// What to do where a part of the history is gone.
const GONE: &str = "what VACUUM or the log's retention removed cannot be read again: fill an empty store with --start \
                    latest, or go on behind the gap with --from-version and --allow-gap and verify the mirror";

/// The table that an error is about.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// As the caller named it.
    pub(super) place: String,
}

impl Table {
    pub(super) fn named(place: &str) -> Table {
        Table { place: place.to_owned() }
    }

    /// Calls the kernel, which may panic. `what` says what is read.
    pub(super) fn read<T>(&self, what: &str, read: impl FnOnce() -> KernelResult<T>) -> Result<T> {
        match caught(read) {
            Ok(read) => read.map_err(|error| self.fault(&error, what)),
            Err(why) => Err(Error::new(ErrorKind::InvalidInput, format!("the Delta kernel gave up on {what}: {why}"))
                .at(self.place.clone())
                .advice("nothing of it was applied; read the table with another program to see whether it is damaged")),
        }
    }

    fn fault(&self, error: &KernelError, what: &str) -> Error {
        let error = error.without_backtrace();
        let new = |kind, text: String| Error::new(kind, text).at(self.place.clone());
        if let Some(file) = missing_file(error) {
            return gone(format!("{what} cannot be read any more: the file {file} is gone"), self);
        }
        match error {
            KernelError::ChangeDataFeedUnsupported(version) => feed_is_off(*version, self),
            KernelError::MissingVersion(version) => gone(format!("version {version} of the table's log is gone"), self),
            KernelError::StartVersionNotFound { requested, earliest } => {
                gone(format!("version {requested} of the table's log is gone; the earliest is {earliest}"), self)
            }
            KernelError::MissingMetadata | KernelError::MissingProtocol | KernelError::MissingMetadataAndProtocol => {
                gone(format!("{what} cannot be read: the beginning of the table's log is gone"), self)
            }
            KernelError::EmptyLog => new(ErrorKind::InvalidInput, "there is no Delta table".to_owned())
                .advice("give the folder that has _delta_log in it"),
            KernelError::MaxCatalogVersion(why) => {
                new(ErrorKind::Unsupported, format!("{what} cannot be read: its commits are kept by a catalog ({why})"))
                    .advice("export table_changes() to files, and apply those")
            }
            KernelError::Unsupported(why) => new(ErrorKind::Unsupported, format!("{what} cannot be read: {why}"))
                .advice("export table_changes() to files, and apply those"),
            KernelError::ObjectStore(_) | KernelError::IOError(_) | KernelError::Reqwest(_) => {
                new(ErrorKind::Io, format!("{what} cannot be read: {error}"))
            }
            _ => new(ErrorKind::InvalidInput, format!("{what} cannot be read: {error}")),
        }
    }
}

/// The file that is not there, where that is what went wrong.
pub(super) fn missing_file(error: &KernelError) -> Option<String> {
    if let KernelError::FileNotFound(path) = error.without_backtrace() {
        return Some(path.clone());
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(object_store::Error::NotFound { path, .. }) = error.downcast_ref() {
            return Some(path.clone());
        }
        cause = error.source();
    }
    None
}

/// The table recorded no changes at a version.
pub(super) fn feed_is_off(version: u64, table: &Table) -> Error {
    Error::new(ErrorKind::HistoryGap, format!("the table's change feed is off at version {version}"))
        .at(table.place.clone())
        .advice(
            "set delta.enableChangeDataFeed = true on the table; then fill an empty store with --start latest, or go on \
             from the first version that has it with --from-version and --allow-gap and verify the mirror",
        )
}

/// A part of the history cannot be read any more.
pub(super) fn gone(text: String, table: &Table) -> Error {
    Error::new(ErrorKind::HistoryGap, text).at(table.place.clone()).advice(GONE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use delta_kernel::parquet::errors::ParquetError;

    fn fault(error: KernelError) -> Error {
        Table::named("lake/t").read("version 3", || Err::<(), _>(error)).unwrap_err()
    }

    #[test]
    fn a_panic_of_the_kernel_is_an_error() {
        let panics = || -> KernelResult<()> { panic!("no such column") };
        let error = Table::named("lake/t").read("version 3", panics).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(["version 3", "no such column", "lake/t"].iter().all(|part| text.contains(part)), "{text}");
    }

    #[test]
    fn a_file_that_is_gone_is_found_however_deep_the_error_is() {
        let not_found = || object_store::Error::NotFound { path: "a/b.parquet".to_owned(), source: "404".into() };
        for error in [not_found().into(), KernelError::Parquet(ParquetError::External(Box::new(not_found())))] {
            let error = fault(error);
            assert_eq!(error.kind(), ErrorKind::HistoryGap);
            assert!(error.to_string().contains("a/b.parquet"), "{error}");
        }
    }

    #[test]
    fn kinds_tell_what_to_do() {
        for (error, kind) in [
            (KernelError::MissingVersion(3), ErrorKind::HistoryGap),
            (KernelError::MissingMetadata, ErrorKind::HistoryGap),
            (KernelError::ChangeDataFeedUnsupported(3), ErrorKind::HistoryGap),
            (KernelError::EmptyLog, ErrorKind::InvalidInput),
            (KernelError::unsupported("Feature 'x'"), ErrorKind::Unsupported),
            (KernelError::MaxCatalogVersion("it is required".to_owned()), ErrorKind::Unsupported),
            (std::io::Error::other("the disk").into(), ErrorKind::Io),
            (KernelError::generic("what"), ErrorKind::InvalidInput),
        ] {
            let (text, found) = (error.to_string(), fault(error));
            assert_eq!(found.kind(), kind, "{text}");
            assert_eq!(found.place(), Some("lake/t"));
        }
    }
}
