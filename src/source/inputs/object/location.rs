//! A URL taken apart.
//!
//! ```text
//! s3://bucket/changes/2025-*/x.json      store s3://bucket · key changes/2025-*/x.json
//! abfss://files@account.dfs.core.windows.net/changes/
//! https://host/exports/day.csv?sig=…     store: all of it · no key; its query may be a secret and is not shown
//! ```
//!
//! What stands behind the bucket is taken as it is: nothing in it is percent-decoded, `?` is a wildcard there.

use crate::error::{Error, ErrorKind, Result};
use crate::source::inputs::shown;
use object_store::path::Path;

/// Whose objects they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    S3,
    Google,
    Azure,
    /// A web server: single files.
    Web,
}

impl Service {
    /// How people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Service::S3 => "S3",
            Service::Google => "Google Cloud Storage",
            Service::Azure => "Azure",
            Service::Web => "the web server",
        }
    }
}

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) service: Service,
    /// What the store is built from: scheme and bucket, or the whole URL of a file on the web.
    pub(super) store: String,
    /// What stands behind the bucket.
    pub(super) key: String,
    /// The URL of the store as it may be shown.
    shown: String,
}

impl Location {
    pub(super) fn parse(input: &str) -> Result<Self> {
        let wrong = |message: &str| Error::new(ErrorKind::Usage, message).at(shown(input));
        let (scheme, rest) = input.split_once("://").ok_or_else(|| wrong("the input is no URL"))?;
        let scheme = scheme.to_ascii_lowercase();
        let service = match scheme.as_str() {
            "s3" | "s3a" => Service::S3,
            "gs" => Service::Google,
            "az" | "abfs" | "abfss" => Service::Azure,
            "http" | "https" => {
                url::Url::parse(input).map_err(|e| wrong("the input is no URL").because(e))?;
                let (store, shown) = (input.to_owned(), shown(input));
                return Ok(Location { service: Service::Web, store, key: String::new(), shown });
            }
            _ => {
                return Err(wrong("URLs of this kind cannot be read")
                    .advice("an input is a path, or begins with s3://, gs://, az://, abfss://, http:// or https://"));
            }
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['*', '?', '[', ':']) {
            return Err(wrong("the URL names no bucket").advice("write it as s3://bucket/folder/ or s3://bucket/file"));
        }
        let store = format!("{scheme}://{bucket}");
        Ok(Location { service, shown: store.clone(), store, key: key.to_owned() })
    }

    /// The URL of an object, as it may be shown.
    pub(super) fn url_of(&self, path: &Path) -> String {
        match self.service {
            Service::Web => self.shown.clone(),
            _ => format!("{}/{path}", self.shown),
        }
    }

    /// The URL as it may be shown.
    pub(super) fn url(&self) -> String {
        match self.service {
            Service::Web => self.shown.clone(),
            _ => format!("{}/{}", self.shown, self.key),
        }
    }

    /// A part of the key as a path.
    pub(super) fn path(&self, key: &str) -> Result<Path> {
        Path::parse(key).map_err(|e| {
            Error::new(ErrorKind::Usage, "the URL has a part that no object of a store can have")
                .at(self.url())
                .because(e)
        })
    }

    /// The name of a single file.
    pub(super) fn file_name(&self) -> String {
        let name = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
        match self.service {
            Service::Web => {
                let path = url::Url::parse(&self.store).map(|url| url.path().to_owned()).unwrap_or_default();
                Path::from_url_path(&path).map_or_else(|_| name(&path), |path| name(path.as_ref()))
            }
            _ => name(&self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (input, service, store, key) in [
            ("s3://bucket", Service::S3, "s3://bucket", ""),
            ("s3://bucket/", Service::S3, "s3://bucket", ""),
            ("S3://my-bucket/a b/ü?.json", Service::S3, "s3://my-bucket", "a b/ü?.json"),
            ("gs://bucket/folder/", Service::Google, "gs://bucket", "folder/"),
            ("az://container/a%20b", Service::Azure, "az://container", "a%20b"),
            ("abfss://c@a.dfs.core.windows.net/x", Service::Azure, "abfss://c@a.dfs.core.windows.net", "x"),
            ("https://h/a/b.csv?sig=1", Service::Web, "https://h/a/b.csv?sig=1", ""),
        ] {
            let found = Location::parse(input).unwrap();
            assert_eq!((found.service, found.store.as_str(), found.key.as_str()), (service, store, key), "{input}");
        }
        for input in ["ftp://host/file", "s3:///key", "s3://*/key", "s3://a:b/c", "https://", "file:///a"] {
            assert_eq!(Location::parse(input).unwrap_err().kind(), ErrorKind::Usage, "{input}");
        }
    }

    #[test]
    fn a_file_is_named_by_its_last_part() {
        for (input, name) in [
            ("s3://bucket/folder/a%20b.json", "a%20b.json"),
            ("https://host/x/a%20b.csv?sig=c/d.json", "a b.csv"),
            ("http://host/x/", "x"),
        ] {
            assert_eq!(Location::parse(input).unwrap().file_name(), name);
        }
    }
}
