//! Inputs behind URLs: objects of S3, Google Cloud Storage and Azure, and single files of web servers.
//!
//! ```text
//! URL ──location──▶ store, key ──connect──▶ Connection ──listing──▶ Object ──fetch──▶ bytes
//! ```
//!
//! Requests are made on one thread, [`runtime`]; everything else of eventmirror stays blocking.

mod connect;
mod fault;
mod fetch;
mod listing;
mod location;
mod runtime;

use super::{Found, InputOptions, Known};
use crate::error::Result;
use connect::Connection;
use location::Location;
use object_store::path::Path;
use runtime::Runtime;
use std::ops::Range;
use std::sync::Arc;

/// An object as its listing told it.
#[derive(Debug, Clone)]
pub(super) struct Object {
    connection: Arc<Connection>,
    path: Path,
    pub(super) size: u64,
    /// Nanoseconds since 1970, in whole seconds: some listings tell fractions that the object itself does not tell.
    pub(super) modified: Option<i64>,
    /// What the store calls this content.
    etag: Option<Box<str>>,
}

impl Object {
    /// The bytes of a range, in their order, read ahead.
    pub(super) fn stream(&self, range: Range<u64>) -> fetch::Stream {
        fetch::Stream::begin(self.clone(), range)
    }

    /// Its URL, as errors name it.
    pub(super) fn url(&self) -> String {
        self.connection.location.url_of(&self.path)
    }
}

/// The URLs of one call, which share a thread for requests.
pub(super) struct Urls<'a> {
    options: &'a InputOptions,
    runtime: Option<Arc<Runtime>>,
}

impl<'a> Urls<'a> {
    pub(super) fn new(options: &'a InputOptions) -> Self {
        Urls { options, runtime: None }
    }

    /// Adds the objects of a URL. `true` where it was listed completely before.
    pub(super) fn list(&mut self, input: &str, known: Option<&dyn Known>, found: &mut Found) -> Result<bool> {
        let location = Location::parse(input)?;
        let runtime = match &self.runtime {
            Some(runtime) => runtime.clone(),
            None => self.runtime.insert(Runtime::start()?).clone(),
        };
        let connection = Arc::new(connect::connect(location, runtime, self.options)?);
        listing::list(&connection, (input, self.options), known, found)
    }
}
