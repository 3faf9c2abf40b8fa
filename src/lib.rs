//! eventmirror keeps an exact local mirror of a warehouse event table, and proves that it is exact.
//!
//! ```text
//! change files ──source──▶ ChangeBatch ──ingest──▶ MutationSet ──store──▶ commit ──▶ Snapshot ──▶ query / export
//! ```
//!
//! Start at [`EventStore`]. The pages of [`docs`] say how it is built, what the bytes on disk mean, when two values are
//! equal, and what the words mean.

#[cfg(feature = "cli")]
pub mod cli;
pub mod diff;
pub mod digest;
mod error;
mod event_store;
pub mod ingest;
pub mod model;
pub mod query;
#[cfg(feature = "report")]
pub mod report;
pub mod source;
pub mod store;
mod sync;
pub mod verify;
mod window;

pub use error::{Error, ErrorKind, Result};
pub use event_store::EventStore;
pub use ingest::{EnabledOperations, IdRules};
pub use model::change::{ChangeBatch, ChangePart, Operation};
pub use model::changes::Change;
pub use model::counts::{Counter, Counts};
pub use model::key::{EventKey, TimePrecision};
pub use model::ledger::{Applied, LedgerEntry, NearMatch};
pub use model::mutation::{Policies, Policy, UpdateMode};
pub use model::position::{Named, Position};
pub use model::rejection::{Rejection, Rule};
pub use model::schema::{Column, Schema};
pub use model::scope::Scope;
pub use model::value::{Event, TimeUnit, Value};
pub use source::{
    ColumnNames, Converter, CsvForm, DeltaTable, Dialect, Feed, FileFormat, InputFile, InputOptions, Mapping,
    SourceOptions, TableStart, WindowFiles,
};
pub use store::{
    Collected, GcOptions, GcProgress, Guards, Horizon, Keep, Reader, Scan, ScanRange, Snapshot, SourceStatus, Status,
    StoreOptions,
};
pub use sync::{ApplyOptions, Progress, apply_files};
pub use verify::{
    Cause, Columns, Comparison, DigestComparison, Extract, StoreDifference, Verdict, Verification, VerifyOptions,
    verify,
};

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
mod readme {}

pub mod docs {
    //! How eventmirror is built, what its bytes mean, and what its words mean.
    #[doc = include_str!("docs/architecture.md")]
    pub mod architecture {}
    #[doc = include_str!("docs/format.md")]
    pub mod format {}
    #[doc = include_str!("docs/canonical.md")]
    pub mod canonical {}
    #[doc = include_str!("docs/converter.md")]
    pub mod converter {}
    #[doc = include_str!("docs/glossary.md")]
    pub mod glossary {}
}
