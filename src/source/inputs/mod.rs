//! What the caller names as INPUT, listed as files with names: a file, a folder, a glob, a URL, or standard input.
//!
//! ```text
//! INPUT ──┬─ local    path, folder, glob, - ──┐
//!         └─ object   s3://, gs://, az://, ───┴──▶ InputFile ──▶ bytes from the first to the last, hashed on the way
//!                     http://, https://                     └──▶ bytes in any order (Parquet)
//! ```

#[cfg(feature = "vendor-export")]
mod archive;
#[cfg(feature = "parquet")]
pub(super) mod beside;
pub(super) mod content;
mod local;
#[cfg(feature = "object-store")]
mod object;
#[cfg(feature = "parquet")]
pub(super) mod scattered;

#[cfg(feature = "vendor-export")]
pub use archive::open_archives;

use crate::error::{Error, ErrorKind, Result};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a pattern has and a name has not.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// How inputs behind URLs are listed and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputOptions {
    /// List all objects of a folder or pattern, also those whose names sort far before what was applied last.
    pub relist: bool,
    /// A listing begins so much before the newest object that it has seen, by time of last modification: objects that
    /// come late under a name of these days are found.
    pub look_back: Duration,
    /// How long a request that fails is tried again.
    pub retry_for: Duration,
}

impl Default for InputOptions {
    fn default() -> Self {
        InputOptions {
            relist: false,
            look_back: Duration::from_secs(2 * 24 * 60 * 60),
            retry_for: Duration::from_secs(3 * 60),
        }
    }
}

/// What tells a file's content apart without reading it: size, and time of last modification in nanoseconds since 1970
/// where the system tells one.
pub(super) type Stat = (u64, Option<i64>);

/// A file to read, and the name under which it is applied exactly once.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Its path below the folder or below the glob's fixed part, its file name where it was given alone; with `/`.
    /// `stdin-` and 16 hexadecimal digits of its hash for standard input.
    pub name: String,
    at: At,
}

/// Where a file is.
#[derive(Debug, Clone)]
enum At {
    Path(PathBuf),
    Copy(local::Copied),
    #[cfg(feature = "object-store")]
    Object(object::Object),
    #[cfg(feature = "vendor-export")]
    Entry(archive::Entry),
}

impl InputFile {
    /// A local file under a name of the caller's choice.
    pub fn new(path: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        InputFile { name: name.into(), at: At::Path(path.into()) }
    }

    /// Size in bytes, and time of last modification in nanoseconds since 1970 where the system tells one. Cheap: those
    /// of an object are what its listing told.
    pub fn stat(&self) -> Result<Stat> {
        match &self.at {
            At::Path(path) => local::stat(path),
            At::Copy(copied) => local::stat(&copied.path),
            #[cfg(feature = "object-store")]
            At::Object(object) => Ok((object.size, object.modified)),
            #[cfg(feature = "vendor-export")]
            At::Entry(entry) => entry.stat(),
        }
    }

    /// BLAKE3 of the content. Reads the whole file, but for standard input, which was hashed when it was copied.
    pub fn hash(&self) -> Result<[u8; 32]> {
        if let Some(hash) = self.known_hash() {
            return Ok(hash);
        }
        let mut hasher = blake3::Hasher::new();
        content::for_each_chunk(&mut self.stream()?, |bytes| {
            hasher.update(bytes);
            Ok(())
        })
        .map_err(|e| e.at(self.place()))?;
        Ok(*hasher.finalize().as_bytes())
    }

    /// The hash where it is known without reading.
    pub(super) fn known_hash(&self) -> Option<[u8; 32]> {
        match &self.at {
            At::Copy(copied) => Some(copied.hash),
            _ => None,
        }
    }

    /// All bytes in their order.
    pub(super) fn stream(&self) -> Result<Box<dyn Read + Send>> {
        Ok(match &self.at {
            At::Path(path) => Box::new(local::open(path)?),
            At::Copy(copied) => Box::new(local::open(&copied.path)?),
            #[cfg(feature = "object-store")]
            At::Object(object) => Box::new(object.stream(0..object.size)),
            #[cfg(feature = "vendor-export")]
            At::Entry(entry) => entry.stream()?,
        })
    }

    /// Rows of a file that changed while it was read are rows of no file at all. Each read of an object checks that by
    /// itself.
    pub(super) fn check_unchanged(&self, stat: Stat) -> Result<()> {
        match self.stat()? == stat {
            true => Ok(()),
            false => Err(changed().at(self.place())),
        }
    }

    /// The same file under another name.
    pub(super) fn renamed(&self, name: String) -> InputFile {
        InputFile { name, ..self.clone() }
    }

    /// Whether it is a copy of standard input, which is in no folder.
    pub(super) fn is_copy(&self) -> bool {
        matches!(self.at, At::Copy(_))
    }

    /// The path of a local file; where an object stands, as if its URL were one.
    pub(super) fn path(&self) -> PathBuf {
        match &self.at {
            At::Path(path) => path.clone(),
            _ => PathBuf::from(self.place()),
        }
    }

    /// How errors name the file: its path, its URL, or `standard input`.
    pub(super) fn place(&self) -> String {
        match &self.at {
            At::Path(path) => path.display().to_string(),
            At::Copy(_) => "standard input".to_owned(),
            #[cfg(feature = "object-store")]
            At::Object(object) => object.url(),
            #[cfg(feature = "vendor-export")]
            At::Entry(entry) => entry.place(),
        }
    }
}

/// This build reads no archives: they are files like others.
#[cfg(not(feature = "vendor-export"))]
pub fn open_archives(files: Vec<InputFile>) -> Result<(Vec<InputFile>, bool)> {
    Ok((files, false))
}

fn changed() -> Error {
    Error::new(ErrorKind::InvalidInput, "the file changed while it was read")
        .advice("apply it again when it is complete")
}

/// What is known of the names of a source. A folder of objects may be long: what was applied before is left out.
pub trait Known {
    /// How far an input was listed before.
    fn listed(&self, input: &str) -> Result<Listed>;

    /// Whether a name was applied when it had this size and time of last modification.
    fn is_applied(&self, name: &str, size: u64, modified: Option<i64>) -> Result<bool>;
}

/// How far an input was listed before, by [`Known::listed`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// It was, and all that it listed was applied.
    pub is_complete: bool,
    /// The time of last modification of the newest object, in nanoseconds since 1970.
    pub newest: Option<i64>,
    /// The name behind which the listing goes on; from the first where there is none.
    pub behind: Option<String>,
}

/// What the inputs are.
#[derive(Debug, Default)]
pub struct Found {
    /// The files in byte order of their names; without the objects of folders and patterns that are known.
    pub files: Vec<InputFile>,
    /// How many objects were left out because they were applied before and are as they were.
    pub known: u64,
    /// The listings, which are [complete](Listed::is_complete) once all files are applied: the input as it was given,
    /// and the time of its newest object.
    pub listings: Vec<(String, Option<i64>)>,
}

/// Lists the files of all inputs in byte order of their names. Each input is a file, a folder (with its folders; names
/// that begin with `.` or `_` are left out), a glob, a URL of one of these, or `-` for standard input, which is copied
/// to a temporary file.
///
/// Errors: `Usage` where two files would have one name, `InvalidInput` where an input has no file, `Unsupported` for a
/// URL in a build that reads none.
pub fn list(inputs: &[String]) -> Result<Vec<InputFile>> {
    find(inputs, &InputOptions::default(), None).map(|found| found.files)
}

/// [`list`] with other options; objects that are known are counted only.
pub fn find(inputs: &[String], options: &InputOptions, known: Option<&dyn Known>) -> Result<Found> {
    if inputs.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "no input was given").advice("name a file, a folder, a glob, or -"));
    }
    let mut found = Found::default();
    let mut urls = Urls::new(options);
    for input in inputs {
        let before = found.files.len() as u64 + found.known;
        let was_listed = match is_url(input) {
            true => urls.list(input, known, &mut found)?,
            false => local::list(input, &mut found.files).map(|()| false)?,
        };
        if found.files.len() as u64 + found.known == before && !was_listed {
            return Err(Error::new(ErrorKind::InvalidInput, "no change file was found")
                .at(shown(input))
                .advice("names that begin with '.' or '_' are left out"));
        }
    }
    found.files.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()).then_with(|| a.place().cmp(&b.place())));
    refuse_equal_names(&found.files)?;
    Ok(found)
}

fn refuse_equal_names(files: &[InputFile]) -> Result<()> {
    let mut seen: HashMap<&str, &InputFile> = HashMap::new();
    for file in files {
        if let Some(other) = seen.insert(&file.name, file) {
            let both = format!("{} and {}", other.place(), file.place());
            return Err(Error::new(ErrorKind::Usage, format!("two files have the name {:?}", file.name))
                .at(both)
                .advice("a file is applied once per name: give their common folder instead"));
        }
    }
    Ok(())
}

/// The folders of an input with the files below each: those directly below a folder, or those that a pattern matches.
/// What lies beside them and is no folder is refused, as it would be left out.
///
/// Errors: `Usage` where the input is neither a folder nor a pattern, or a file lies beside the folders.
pub(super) fn folders(input: &str, options: &InputOptions) -> Result<Vec<(String, Vec<InputFile>)>> {
    let folders = match is_url(input) {
        true => folders_of_url(input, find(&[input.to_owned()], options, None)?.files)?,
        false => local::folders(input)?,
    };
    match folders.is_empty() {
        true => Err(Error::new(ErrorKind::InvalidInput, "no folder of a window was found").at(shown(input))),
        false => Ok(folders),
    }
}

/// Files by as many first parts of their names as the URL has parts from its first wildcard on; by one where it is no
/// pattern.
fn folders_of_url(url: &str, files: Vec<InputFile>) -> Result<Vec<(String, Vec<InputFile>)>> {
    let parts = url.split('/').skip_while(|part| !part.contains(WILDCARDS));
    let depth = parts.filter(|part| !part.is_empty()).count().max(1);
    let mut folders: BTreeMap<String, Vec<InputFile>> = BTreeMap::new();
    for mut file in files {
        let end = file.name.match_indices('/').nth(depth - 1).map(|(end, _)| end);
        let Some((folder, name)) = end.and_then(|end| file.name.split_at_checked(end)) else {
            return Err(beside_folders(file.place()));
        };
        let (folder, name) = (folder.to_owned(), name.trim_start_matches('/').to_owned());
        file.name = name;
        folders.entry(folder).or_default().push(file);
    }
    Ok(folders.into_iter().collect())
}

/// The name of the folder that an input is; none where it is no folder. `files` are those of the input.
pub(super) fn folder_name(input: &str, files: &[InputFile]) -> Option<String> {
    match is_url(input) {
        // A URL of an object names this object.
        true if input.contains(WILDCARDS) || files.iter().any(|file| file.place() == shown(input)) => None,
        true => input.trim_end_matches('/').rsplit('/').next().map(str::to_owned),
        false => local::folder_name(Path::new(input)),
    }
}

fn beside_folders(place: String) -> Error {
    Error::new(ErrorKind::Usage, "a file lies beside the folders of windows")
        .at(place)
        .advice("--window-per-folder takes folders of folders, and patterns")
}

/// Marker files of other tools (`_SUCCESS`), their logs (`_delta_log`), and hidden files hold no changes.
fn is_left_out(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

/// Whether an input is a URL: a scheme of two letters or more, so that it is no drive of Windows.
fn is_url(input: &str) -> bool {
    input.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

/// An input as errors name it: what may be a secret in a URL, its query and who asks, is left out.
fn shown(input: &str) -> String {
    let Some((scheme, rest)) = input.split_once("://").filter(|_| is_url(input)) else { return input.to_owned() };
    let (rest, query) = match (scheme.starts_with("http"), rest.split_once('?')) {
        (true, Some((rest, _))) => (rest, "?…"),
        _ => (rest, ""),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = match host.rsplit_once('@') {
        Some((who, host)) if who.contains(':') || scheme.starts_with("http") => format!("…@{host}"),
        _ => host.to_owned(),
    };
    format!("{scheme}://{host}{path}{query}")
}

#[cfg(feature = "object-store")]
use object::Urls;

/// The URLs of a build that reads none.
#[cfg(not(feature = "object-store"))]
struct Urls;

#[cfg(not(feature = "object-store"))]
impl Urls {
    fn new(_: &InputOptions) -> Self {
        Urls
    }

    fn list(&mut self, input: &str, _: Option<&dyn Known>, _: &mut Found) -> Result<bool> {
        Err(Error::new(ErrorKind::Unsupported, "this build of eventmirror reads no URLs")
            .at(shown(input))
            .advice("build it with the feature `object-store`, or copy the files first"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn names(inputs: &[String]) -> Vec<String> {
        list(inputs).unwrap().into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn a_folder_is_listed_in_byte_order_without_hidden_and_marker_files() {
        let folder = folder(&["b.json", "a/2.json", "a/10.json", "_SUCCESS", ".hidden", "_delta_log/0.json", "a/Z"]);
        assert_eq!(names(&[folder.path().display().to_string()]), ["a/10.json", "a/2.json", "a/Z", "b.json"]);
    }

    #[test]
    fn a_glob_names_files_below_its_fixed_folder() {
        let folder = folder(&["x/2025/01.csv", "x/2025/02.json", "x/2026/01.csv", "x/_old/01.csv"]);
        let pattern = format!("{}/x/*/*.csv", folder.path().display());
        assert_eq!(names(&[pattern]), ["2025/01.csv", "2026/01.csv"]);
        let everything = format!("{}/x/**", folder.path().display());
        assert_eq!(names(&[everything]), ["2025/01.csv", "2025/02.json", "2026/01.csv"]);
    }

    #[test]
    fn folders_of_a_url_are_as_deep_as_its_pattern() {
        let folders = |url: &str, names: &[&str]| {
            let files = names.iter().map(|name| InputFile::new("x", *name)).collect();
            let line = |(folder, files): (String, Vec<InputFile>)| {
                format!("{folder}: {}", files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(" "))
            };
            folders_of_url(url, files).map(|folders| folders.into_iter().map(line).collect::<Vec<_>>())
        };
        let names = ["03/a/1.csv", "03/b/1.csv", "04/a/1.csv"];
        assert_eq!(folders("s3://b/2025/", &names).unwrap(), ["03: a/1.csv b/1.csv", "04: a/1.csv"]);
        assert_eq!(folders("s3://b/2025/*/*", &names).unwrap(), ["03/a: 1.csv", "03/b: 1.csv", "04/a: 1.csv"]);
        let error = folders("s3://b/2025/*/*", &["03/a/1.csv", "03/1.csv"]).unwrap_err();
        assert!(error.kind() == ErrorKind::Usage && error.to_string().contains("beside the folders"), "{error}");
    }

    #[test]
    fn two_files_of_one_name_are_refused_with_the_way_out() {
        let folder = folder(&["a/1.csv", "b/1.csv"]);
        let inputs = ["a", "b"].map(|f| folder.path().join(f).join("1.csv").display().to_string());
        let error = list(&inputs).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("common folder"), "{error}");
    }

    #[test]
    fn an_input_without_files_is_an_error() {
        let folder = folder(&["_SUCCESS"]);
        let path = folder.path().display().to_string();
        for input in [path.clone(), format!("{path}/*.csv"), format!("{path}/none.csv")] {
            let error = list(std::slice::from_ref(&input)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains(&path), "{error}");
        }
    }

    #[test]
    fn a_file_tells_size_and_hash() {
        let folder = folder(&["1.csv"]);
        let file = list(&[folder.path().join("1.csv").display().to_string()]).unwrap().remove(0);
        let (size, modified) = file.stat().unwrap();
        assert_eq!((file.name.as_str(), size), ("1.csv", 5));
        assert!(modified.is_some());
        assert_eq!(file.hash().unwrap(), *blake3::hash(b"1.csv").as_bytes());
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for (input, expected) in [
            ("s3://bucket/a?b.json", "s3://bucket/a?b.json"),
            ("https://host/a.json?X-Amz-Signature=secret", "https://host/a.json?…"),
            ("http://ann:secret@host:80/a@b.json", "http://…@host:80/a@b.json"),
            ("https://token@host/a", "https://…@host/a"),
            ("abfss://files@account.dfs.core.windows.net/a", "abfss://files@account.dfs.core.windows.net/a"),
            ("some/folder?", "some/folder?"),
        ] {
            assert_eq!(shown(input), expected);
        }
    }

    #[test]
    fn a_url_has_a_scheme() {
        for url in ["s3://b/k", "S3://b", "abfss://c@a/b", "nonsense://x", "file:///a"] {
            assert!(is_url(url), "{url}");
        }
        for path in ["-", "a/b", "c:\\a", "c://a", "./s3://b", "a b://c", "://x"] {
            assert!(!is_url(path), "{path}");
        }
    }

    #[cfg(not(feature = "object-store"))]
    #[test]
    fn a_build_without_urls_says_so() {
        let error = list(&["s3://bucket/folder/".to_owned()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("reads no URLs"), "{error}");
    }
}
