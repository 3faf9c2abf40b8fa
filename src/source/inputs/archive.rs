//! The archive of the vendor's Export API: a ZIP file of gzip files of JSON lines, one or more an hour.
//!
//! Hours that overlap, and the export itself, give some events twice. `uuid` tells them (`spec/amplitude.md` section 7): each
//! event is one line, where it stands first; later ones are blank. An event takes about 50 bytes of memory.

use super::{At, InputFile, local};
use crate::error::{Error, ErrorKind, Result};
use crate::model::hash;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use parking_lot::Mutex;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::{CompressionMethod, ZipArchive};

const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
const ENDINGS: [&str; 2] = [".json.gz", ".json"];
/// The vendor takes no event of more than a few megabytes.
const LONGEST_LINE: u64 = 64 << 20;

/// A file of an archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    archive: PathBuf,
    name: String,
    start: u64,
    compressed: u64,
    is_deflated: bool,
    /// Its place among all files.
    number: u64,
    firsts: Arc<Mutex<Firsts>>,
}

/// Where each event stands first: file and line, by the hash of its `uuid`.
type Firsts = HashMap<u128, (u64, u64)>;

/// Puts the files of archives in the place of the archives; whether there was one.
///
/// # Errors
/// `InvalidInput` for a damaged archive, or one without files of events; `Unsupported` for a way of packing that the vendor
/// does not use.
pub fn open_archives(files: Vec<InputFile>) -> Result<(Vec<InputFile>, bool)> {
    let (mut all, mut has_archive) = (Vec::with_capacity(files.len()), false);
    let firsts = Arc::new(Mutex::new(Firsts::new()));
    for file in files {
        let Some(path) = archive_path(&file)? else {
            all.push(file);
            continue;
        };
        has_archive = true;
        let before = all.len();
        let mut entries = entries(&path, &firsts).map_err(|error| error.at(file.place()))?;
        entries.sort_by_cached_key(|entry| natural(&entry.name));
        all.extend(entries.into_iter().map(|entry| InputFile { name: entry.name.clone(), at: At::Entry(entry) }));
        if all.len() == before {
            return Err(Error::new(ErrorKind::InvalidInput, "the archive has no file of events")
                .at(file.place())
                .advice("an export has files that end in .json.gz"));
        }
    }
    let names = all.iter_mut().zip(0..).filter_map(|(file, number)| match &mut file.at {
        At::Entry(entry) => Some((entry, number)),
        _ => None,
    });
    names.for_each(|(entry, number)| entry.number = number);
    Ok((all, has_archive))
}

/// The path of a local file that begins as archives do.
fn archive_path(file: &InputFile) -> Result<Option<PathBuf>> {
    let path = match &file.at {
        At::Path(path) => path.clone(),
        At::Copy(copied) => copied.path.to_path_buf(),
        _ => return Ok(None),
    };
    let mut start = Vec::with_capacity(ZIP_MAGIC.len());
    let read = local::open(&path)?.take(ZIP_MAGIC.len() as u64).read_to_end(&mut start);
    read.map_err(|error| Error::from(error).at(file.place()))?;
    Ok((start == ZIP_MAGIC).then_some(path))
}

fn entries(path: &Path, firsts: &Arc<Mutex<Firsts>>) -> Result<Vec<Entry>> {
    let damaged = |error: zip::result::ZipError| {
        Error::new(ErrorKind::InvalidInput, "the archive is damaged or cut short").because(error)
    };
    let mut archive = ZipArchive::new(BufReader::new(local::open(path)?)).map_err(damaged)?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(damaged)?;
        let name = file.name().map_err(damaged)?.into_owned();
        if !file.is_file() || !ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        let is_deflated = match file.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => return Err(packed(&name, &other.to_string())),
        };
        if file.encrypted() {
            return Err(packed(&name, "encrypted"));
        }
        let (start, compressed) = (file.data_start().unwrap_or_default(), file.compressed_size());
        let firsts = firsts.clone();
        entries.push(Entry { archive: path.to_owned(), name, start, compressed, is_deflated, number: 0, firsts });
    }
    Ok(entries)
}

fn packed(name: &str, how: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{name:?} is {how}, which is not how the vendor packs it"))
        .advice("unpack the archive and name its files")
}

/// A name in an order in which hour 9 comes before hour 10: the vendor writes no leading zeros.
fn natural(name: &str) -> Vec<(Option<u64>, String)> {
    let mut parts: Vec<(Option<u64>, String)> = Vec::new();
    for part in name.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        parts.push((digits.parse().ok(), part.to_owned()));
    }
    parts
}

impl Entry {
    pub(super) fn stat(&self) -> Result<(u64, Option<i64>)> {
        Ok((self.compressed, local::stat(&self.archive)?.1))
    }

    pub(super) fn place(&self) -> String {
        format!("{}, {}", self.archive.display(), self.name)
    }

    /// The lines, those of events that stand somewhere else first blank.
    pub(super) fn stream(&self) -> Result<Box<dyn Read + Send>> {
        let mut file = local::open(&self.archive)?;
        file.seek(SeekFrom::Start(self.start))?;
        let stored: std::io::Take<File> = file.take(self.compressed);
        let bytes: Box<dyn Read + Send> = match self.is_deflated {
            true => Box::new(DeflateDecoder::new(stored)),
            false => Box::new(stored),
        };
        let text: Box<dyn Read + Send> = match self.name.ends_with(".gz") {
            true => Box::new(MultiGzDecoder::new(bytes)),
            false => bytes,
        };
        let (line, read) = (Vec::new(), 0);
        Ok(Box::new(Lines { text: BufReader::new(text), entry: self.clone(), number: 0, line, read }))
    }
}

/// The part of an event that tells it from others.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    uuid: Option<Cow<'a, str>>,
}

struct Lines {
    text: BufReader<Box<dyn Read + Send>>,
    entry: Entry,
    /// The number of the line at hand.
    number: u64,
    line: Vec<u8>,
    /// Bytes of the line that were given away.
    read: usize,
}

impl Lines {
    fn next_line(&mut self) -> std::io::Result<()> {
        let wrong = |what: &str| Error::new(ErrorKind::InvalidInput, what).at(self.entry.place());
        self.line.clear();
        self.read = 0;
        self.number += 1;
        let read = (&mut self.text).take(LONGEST_LINE).read_until(b'\n', &mut self.line);
        read.map_err(|error| std::io::Error::other(wrong("the data is damaged or cut short").because(error)))?;
        if self.line.len() as u64 == LONGEST_LINE {
            return Err(std::io::Error::other(wrong("a line is longer than any event")));
        }
        // A line that is no event is told by whoever reads it.
        let uuid = serde_json::from_slice::<Named<'_>>(&self.line).ok().and_then(|named| named.uuid);
        let Some(uuid) = uuid.map(|uuid| hash::value_hash(uuid.as_bytes())) else { return Ok(()) };
        let here = (self.entry.number, self.number);
        let is_first = match self.entry.firsts.lock().entry(uuid) {
            hash_map::Entry::Occupied(first) => *first.get() == here,
            hash_map::Entry::Vacant(first) => *first.insert(here) == here,
        };
        if !is_first {
            self.line.clear();
            self.line.push(b'\n');
        }
        Ok(())
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.read == self.line.len() {
            self.next_line()?;
        }
        let read = self.line.get(self.read..).unwrap_or_default().read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use flate2::write::GzEncoder;
    use std::io::Write;
    use std::path::Path;
    use zip::write::SimpleFileOptions;

    fn archive(path: &Path, entries: &[(&str, &str)], method: CompressionMethod) {
        let mut out = zip::ZipWriter::new(File::create(path).unwrap());
        for (name, text) in entries {
            out.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
            gzip.write_all(text.as_bytes()).unwrap();
            out.write_all(&gzip.finish().unwrap()).unwrap();
        }
        out.finish().unwrap();
    }

    fn read(file: &InputFile) -> String {
        let mut text = String::new();
        file.stream().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn hours_come_in_their_order_and_each_event_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.zip");
        let line = |uuid: &str, n: u8| format!("{{\"uuid\":\"{uuid}\",\"n\":{n}}}\n");
        let nine = line("a", 1) + "no event\n" + &line("b", 2) + &line("a", 3);
        let ten = line("b", 4) + &line("c", 5);
        let names = ["7/7_2025-11-03_10#0.json.gz", "7/7_2025-11-03_9#0.json.gz"];
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            archive(&path, &[(names[0], &ten), ("7/complete", "x"), (names[1], &nine)], method);
            let files = vec![InputFile::new(&path, "export.zip")];
            let (files, has_archive) = open_archives(files).unwrap();
            assert!(has_archive);
            assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), [names[1], names[0]]);
            for _ in 0..2 {
                assert_eq!(read(&files[0]), line("a", 1) + "no event\n" + &line("b", 2) + "\n", "again the same");
                assert_eq!(read(&files[1]), "\n".to_owned() + &line("c", 5));
            }
        }
    }

    #[test]
    fn what_is_no_export_is_refused_or_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let open = |path: &Path| open_archives(vec![InputFile::new(path, "a.zip")]);
        archive(&path, &[("readme", "x")], CompressionMethod::Stored);
        assert!(open(&path).unwrap_err().to_string().contains("no file of events"));
        archive(&path, &[("a.json.gz", &"{\"uuid\":\"a\"}\n".repeat(99))], CompressionMethod::Stored);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::InvalidInput);
        let mut damaged = whole.clone();
        let middle = whole.len() / 3;
        damaged[middle] ^= 0x55;
        std::fs::write(&path, damaged).unwrap();
        if let Ok((files, _)) = open(&path) {
            assert!(files[0].stream().unwrap().read_to_end(&mut Vec::new()).is_err());
        }
        std::fs::write(&path, "{}\n").unwrap();
        assert!(!open(&path).unwrap().1);
    }
}
