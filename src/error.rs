//! The one public error. Its kind says what the caller can do next; its text says what, where and why.

use std::fmt;

/// What a failed call means for the caller. The command line turns a kind into its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call, an option or a map is wrong: correct it. Exit code 2.
    Usage,
    /// An input cannot be read as what it claims to be, or a guard refused it: mend the input. Exit code 3.
    InvalidInput,
    /// The operating system refused to read or write: try again when the cause is gone. Exit code 3.
    Io,
    /// Bytes of the store are not what was written: restore a backup. Exit code 4.
    Corrupt,
    /// Another process holds the store: wait for it, or open read-only. Exit code 5.
    Locked,
    /// Change history between the store's position and the input is missing. Exit code 6.
    HistoryGap,
    /// The caller asked to stop; what was committed stays, the rest can be resumed. Exit code 7.
    Interrupted,
    /// The store or the input needs a newer or older eventmirror. Exit code 2.
    Unsupported,
}

/// An error of eventmirror: a [kind](ErrorKind), a sentence for people, and where it happened.
///
/// ```
/// use eventmirror::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::InvalidInput, "the line is not JSON").at("changes/0001.json.gz, line 7");
/// assert_eq!(error.to_string(), "the line is not JSON (changes/0001.json.gz, line 7)");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    place: Option<String>,
    advice: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A new error: what happened and why, as a sentence without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), place: None, advice: None, source: None }
    }

    /// Adds where it happened: a file, a line or row, a column. The innermost place stays.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert_with(|| place.into());
        self
    }

    /// Adds what to do next.
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice.get_or_insert_with(|| advice.into());
        self
    }

    /// Adds the error underneath, shown once at the end.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller can do next.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where it happened, if that is known.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        if let Some(advice) = &self.advice {
            write!(f, "; {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for Error {
    /// An error of eventmirror that came through a reader stays itself.
    fn from(error: std::io::Error) -> Self {
        error
            .downcast::<Error>()
            .unwrap_or_else(|error| Error::new(ErrorKind::Io, "reading or writing failed").because(error))
    }
}
