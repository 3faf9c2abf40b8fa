//! The objects of a URL: one object, those of a folder, or those that match a pattern.
//!
//! A folder may have millions of objects, of which all but the last were applied long ago. Stores list by name only, so
//! a listing goes on behind a name that [`Known`] tells; and what comes is looked up object by object, so that memory
//! grows with the objects that are new, not with those that are listed.

use super::connect::Connection;
use super::fault::{self, Doing};
use super::location::Service;
use super::{Object, runtime};
use crate::error::{Error, ErrorKind, Result};
use crate::source::inputs::{At, Found, InputFile, InputOptions, Known, Listed, is_left_out};
use futures::TryStreamExt;
use futures::executor::block_on;
use futures::future::select;
use glob::{MatchOptions, Pattern};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Objects that are handed over at a time: a page of S3.
const PAGE: usize = 1_000;
/// A listing that fails after a page is gone on with so often in a row.
const ATTEMPTS: usize = 3;
/// `*` does not match `/`, as in local patterns.
const RULES: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// Adds the objects of a location. `true` where it is a listing that was complete before.
pub(super) fn list(
    connection: &Arc<Connection>,
    (input, options): (&str, &InputOptions),
    known: Option<&dyn Known>,
    found: &mut Found,
) -> Result<bool> {
    let location = &connection.location;
    let may_be_one = !(location.key.is_empty() || location.key.ends_with('/') || location.key.contains('*'));
    if location.service == Service::Web {
        let object = head(connection, &Path::ROOT)?.ok_or_else(|| no_object(connection))?;
        add(found, location.file_name(), object);
        return Ok(false);
    }
    if may_be_one && let Some(object) = head(connection, &location.path(&location.key)?)? {
        add(found, location.file_name(), object);
        return Ok(false);
    }
    let listed = match known {
        Some(known) if !options.relist => known.listed(input)?,
        _ => Listed::default(),
    };
    let listing = Listing::new(connection, listed.newest)?;
    let newest = listing.run(listed.behind.as_deref(), known, found)?;
    found.listings.push((input.to_owned(), newest));
    Ok(listed.is_complete)
}

fn add(found: &mut Found, name: String, object: Object) {
    found.files.push(InputFile { name, at: At::Object(object) });
}

fn no_object(connection: &Connection) -> Error {
    Error::new(ErrorKind::InvalidInput, "there is no such file").at(connection.location.url())
}

/// An object by its name, where there is one.
fn head(connection: &Arc<Connection>, path: &Path) -> Result<Option<Object>> {
    let (store, at) = (connection.store.clone(), path.clone());
    match connection.runtime.run(async move { store.head(&at).await })? {
        Ok(meta) => Ok(Some(object(connection, meta))),
        Err(object_store::Error::NotFound { source, .. }) if !source.to_string().contains("NoSuchBucket") => Ok(None),
        Err(error) => {
            let location = &connection.location;
            Err(fault::error(error, location, &location.url_of(path), Doing::Read))
        }
    }
}

fn object(connection: &Arc<Connection>, meta: ObjectMeta) -> Object {
    let modified = modified(&meta);
    let etag = meta.e_tag.map(String::into_boxed_str);
    Object { connection: connection.clone(), path: meta.location, size: meta.size, modified, etag }
}

/// Time of last modification in nanoseconds since 1970, in whole seconds; none where the store told none.
pub(super) fn modified(meta: &ObjectMeta) -> Option<i64> {
    meta.last_modified.timestamp().checked_mul(1_000_000_000).filter(|time| *time != 0)
}

/// What of a location is listed.
struct Listing<'a> {
    connection: &'a Arc<Connection>,
    /// The folder, without the pattern.
    folder: Path,
    /// What names below the folder must match.
    pattern: Option<Pattern>,
    newest: Option<i64>,
}

impl<'a> Listing<'a> {
    fn new(connection: &'a Arc<Connection>, newest: Option<i64>) -> Result<Self> {
        let location = &connection.location;
        let parts: Vec<&str> = location.key.split('/').collect();
        let fixed = parts.iter().take_while(|part| !part.contains(['*', '?', '['])).count();
        let (folder, rest) = parts.split_at(fixed);
        let pattern = match rest {
            [] => None,
            rest => Some(Pattern::new(&rest.join("/")).map_err(|e| {
                Error::new(ErrorKind::Usage, "the input is no pattern for names").at(location.url()).because(e)
            })?),
        };
        Ok(Listing { connection, folder: location.path(&folder.join("/"))?, pattern, newest })
    }

    /// Adds what is listed behind a name; the time of the newest object.
    fn run(mut self, behind: Option<&str>, known: Option<&dyn Known>, found: &mut Found) -> Result<Option<i64>> {
        // A name that an object cannot have was no object's: then the listing begins at the first.
        let behind = behind.and_then(|name| Path::parse(format!("{}/{name}", self.folder)).ok());
        let mut pages = Pages::begin(self.connection, self.folder.clone(), behind);
        let mut marker: Option<(String, Object)> = None;
        while let Some(page) = pages.next_page()? {
            for meta in page {
                let Some(name) = self.name(&meta.location) else { continue };
                let object = object(self.connection, meta);
                self.newest = self.newest.max(object.modified);
                // Some tools write an empty object for a folder. It stands right before what is in the folder.
                if let Some((folder, object)) = marker.take()
                    && !name.strip_prefix(&folder).is_some_and(|rest| rest.starts_with('/'))
                {
                    note(found, known, folder, object)?;
                }
                match object.size {
                    0 => marker = Some((name, object)),
                    _ => note(found, known, name, object)?,
                }
            }
        }
        if let Some((name, object)) = marker {
            note(found, known, name, object)?;
        }
        Ok(self.newest)
    }

    /// The name of an object below the folder, unless it is left out.
    fn name(&self, path: &Path) -> Option<String> {
        let name = path.as_ref().strip_prefix(self.folder.as_ref())?.trim_start_matches('/');
        let is_wanted = !name.is_empty() && !name.split('/').any(is_left_out);
        (is_wanted && self.pattern.as_ref().is_none_or(|pattern| matches(pattern, name))).then(|| name.to_owned())
    }
}

/// Whether a name matches, or one of the folders above it, whose objects all belong to the input then.
fn matches(pattern: &Pattern, name: &str) -> bool {
    let ends = name.match_indices('/').map(|(end, _)| end).chain([name.len()]);
    ends.into_iter().any(|end| name.get(..end).is_some_and(|above| pattern.matches_with(above, RULES)))
}

fn note(found: &mut Found, known: Option<&dyn Known>, name: String, object: Object) -> Result<()> {
    match known {
        Some(known) if known.is_applied(&name, object.size, object.modified)? => found.known += 1,
        _ => add(found, name, object),
    }
    Ok(())
}

/// The pages of a listing, one of them read ahead. An empty page is the end.
struct Pages {
    pages: mpsc::Receiver<Result<Vec<ObjectMeta>>>,
}

impl Pages {
    fn begin(connection: &Arc<Connection>, folder: Path, behind: Option<Path>) -> Self {
        let (sender, pages) = mpsc::channel(1);
        let own = connection.clone();
        let taker = sender.clone();
        connection.runtime.spawn(async move {
            select(pin!(send_pages(&own, folder, behind, sender)), pin!(taker.closed())).await;
        });
        Pages { pages }
    }

    fn next_page(&mut self) -> Result<Option<Vec<ObjectMeta>>> {
        let page = block_on(self.pages.recv()).unwrap_or_else(|| Err(runtime::gone()))?;
        Ok((!page.is_empty()).then_some(page))
    }
}

async fn send_pages(
    connection: &Connection,
    folder: Path,
    mut behind: Option<Path>,
    sender: mpsc::Sender<Result<Vec<ObjectMeta>>>,
) {
    let mut failures = 0;
    loop {
        let objects = match &behind {
            Some(behind) => connection.store.list_with_offset(Some(&folder), behind),
            None => connection.store.list(Some(&folder)),
        };
        let mut pages = objects.try_chunks(PAGE);
        let error = loop {
            match pages.try_next().await {
                Ok(None) => return drop(sender.send(Ok(Vec::new())).await),
                Ok(Some(page)) => {
                    failures = 0;
                    behind = page.last().map(|meta| meta.location.clone());
                    if sender.send(Ok(page)).await.is_err() {
                        return;
                    }
                }
                // What came before the failure is listed again.
                Err(error) => break error.1,
            }
        };
        failures += 1;
        // Directory buckets list in no order: there is no name to go on behind.
        let is_sorted = !connection.location.store.ends_with("--x-s3");
        let is_worth_it = matches!(error, object_store::Error::Generic { .. }) && behind.is_some() && is_sorted;
        if !is_worth_it || failures > ATTEMPTS {
            let location = &connection.location;
            drop(sender.send(Err(fault::error(error, location, &location.url(), Doing::List))).await);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pattern_matches_names_and_the_folders_above_them() {
        for (pattern, name, expected) in [
            ("*.json", "a.json", true),
            ("*.json", "x/a.json", false),
            ("*/*.json", "x/a.json", true),
            ("**/*.json", "x/y/a.json", true),
            ("2025-*", "2025-01/x/a.json", true),
            ("2025-0[12]", "2025-03/a.json", false),
            ("?.csv", "b.csv", true),
        ] {
            assert_eq!(matches(&Pattern::new(pattern).unwrap(), name), expected, "{pattern} {name}");
        }
    }
}
