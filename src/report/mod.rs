//! A verification for people, as one HTML page, and for CI systems, as JUnit XML. Pure: text out, no file, no clock.

mod charts;
mod html;
mod junit;
mod parts;
pub(crate) mod words;

pub use html::html;
pub use junit::junit;

use crate::model::key::TimePrecision;
use crate::verify::Verification;

/// What a report says beside the verification.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The verification.
    pub verification: &'a Verification,
    /// The store, as the caller names it.
    pub store: &'a str,
    /// The extract, as the caller names it.
    pub extract: &'a [String],
    /// The store's precision.
    pub precision: TimePrecision,
    /// When the report is made, milliseconds since 1970.
    pub now: i64,
    /// Whether the differences, if there are any, are those that were accepted.
    pub is_accepted: bool,
    /// The repair file, where one was written.
    pub repair: Option<&'a str>,
}
