//! A look at a closed store's files past the crate's own reading: what is there that should not be, and whether the
//! things that are kept twice (rows, existence index, fingerprints, ledger) tell the same.

use eventmirror::Schema;
use eventmirror::model::fingerprint::Fingerprint;
use eventmirror::model::{hash, key, row};
use rocksdb::{DB, IteratorMode, Options};
use std::collections::BTreeMap;
use std::path::Path;

type Pairs = Vec<(Box<[u8]>, Box<[u8]>)>;

struct Files {
    db: DB,
}

impl Files {
    fn open(path: &Path) -> Files {
        let families = DB::list_cf(&Options::default(), path).unwrap();
        Files { db: DB::open_cf_for_read_only(&Options::default(), path, families, false).unwrap() }
    }

    fn all(&self, family: &str) -> Pairs {
        let family = self.db.cf_handle(family).unwrap();
        self.db.iterator_cf(family, IteratorMode::Start).map(Result::unwrap).collect()
    }
}

fn inverted_sequence(key: &[u8]) -> (Vec<u8>, u64) {
    let (head, sequence) = key.split_last_chunk::<8>().unwrap();
    (head.to_vec(), !u64::from_be_bytes(*sequence))
}

/// Whether a batch was begun in several writes and not ended. Not in a store that was killed while it was made.
pub fn has_intent(path: &Path) -> bool {
    let families = DB::list_cf(&Options::default(), path).unwrap_or_default();
    let has_meta = families.iter().any(|family| family == "meta");
    has_meta && Files::open(path).all("meta").iter().any(|(key, _)| key.as_ref() == b"intent")
}

/// What is wrong with a store that no process has open; empty where nothing is.
pub fn faults(path: &Path, schema: &Schema) -> Vec<String> {
    let files = Files::open(path);
    let ledger = files.all("ledger");
    let committed = ledger.last().map_or(0, |(key, _)| u64::from_be_bytes(*key.first_chunk::<8>().unwrap()));
    let mut faults = Vec::new();
    if path.join("unfinished").exists() {
        faults.push("temporary files are left".to_owned());
    }
    if files.all("meta").iter().any(|(key, _)| key.as_ref() == b"intent") {
        faults.push("an intent is left".to_owned());
    }
    let rows = newest(&files.all("rows"), committed, "rows", &mut faults);
    let pages = newest(&files.all("pages"), committed, "pages", &mut faults);
    for (key, _) in files.all("rejections") {
        let sequence = u64::from_be_bytes(*key.first_chunk::<8>().unwrap());
        if sequence > committed {
            faults.push(format!("a rejection of sequence {sequence} is left behind {committed}"));
        }
    }
    let mut index = BTreeMap::new();
    let mut fingerprints: BTreeMap<u16, Fingerprint> = BTreeMap::new();
    for (encoded, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        let (row_hash, fields) = value.split_first_chunk::<16>().unwrap();
        let row_hash = u128::from_le_bytes(*row_hash);
        let key_hash = hash::key_hash(&encoded[key::BUCKET_BYTES..]);
        if row::hash_fields(key_hash, fields, schema) != Ok(row_hash) {
            faults.push(format!("the hash of {:?} is not that of its row", key::decode(encoded)));
        }
        index.insert(key_hash, row_hash);
        fingerprints.entry(key::encoded_bucket(encoded).unwrap()).or_default().add(row_hash);
    }
    if stored_index(&pages, &files.all("deltas"), committed) != index {
        faults.push("the existence index is not that of the rows".to_owned());
    }
    if stored_fingerprints(&files.all("fingerprints"), &ledger) != fingerprints {
        faults.push("the fingerprints are not those of the rows".to_owned());
    }
    if summed_changes(BTreeMap::new(), &ledger, 0) != fingerprints {
        faults.push("the ledger's changes do not add up to the fingerprints".to_owned());
    }
    faults
}

/// The newest version of each key, and complaints about versions behind the last commit.
fn newest(pairs: &Pairs, committed: u64, family: &str, faults: &mut Vec<String>) -> BTreeMap<Vec<u8>, Box<[u8]>> {
    let mut newest = BTreeMap::new();
    for (stored, value) in pairs {
        let (key, sequence) = inverted_sequence(stored);
        if sequence > committed {
            faults.push(format!("a version of sequence {sequence} is left in {family} behind {committed}"));
            continue;
        }
        // Newer versions come first.
        newest.entry(key).or_insert_with(|| value.clone());
    }
    newest
}

fn stored_index(pages: &BTreeMap<Vec<u8>, Box<[u8]>>, deltas: &Pairs, committed: u64) -> BTreeMap<u128, u128> {
    let mut index = BTreeMap::new();
    for (page, entries) in pages {
        for entry in entries.chunks(30) {
            let key_hash = [page.as_slice(), &entry[..14]].concat();
            let key_hash = u128::from_be_bytes(key_hash.try_into().unwrap());
            index.insert(key_hash, u128::from_le_bytes(entry[14..].try_into().unwrap()));
        }
    }
    for (sequence, entries) in deltas {
        assert!(u64::from_be_bytes(sequence.as_ref().try_into().unwrap()) <= committed);
        for entry in entries.chunks(32) {
            let key_hash = u128::from_be_bytes(entry[..16].try_into().unwrap());
            match u128::from_le_bytes(entry[16..].try_into().unwrap()) {
                0 => index.remove(&key_hash),
                row_hash => index.insert(key_hash, row_hash),
            };
        }
    }
    index
}

fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let rows = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    Fingerprint { rows, sum: u128::from_le_bytes(bytes[8..24].try_into().unwrap()) }
}

/// The list, with the changes of later commits.
fn stored_fingerprints(lists: &Pairs, ledger: &Pairs) -> BTreeMap<u16, Fingerprint> {
    assert!(lists.len() <= 1, "one list takes the place of another");
    let Some((key, list)) = lists.first() else { return summed_changes(BTreeMap::new(), ledger, 0) };
    let fingerprints = list.chunks(26).map(|one| (u16::from_be_bytes([one[0], one[1]]), fingerprint(&one[2..])));
    summed_changes(fingerprints.collect(), ledger, u64::from_be_bytes(key.as_ref().try_into().unwrap()))
}

/// What commits behind one make of fingerprints.
fn summed_changes(mut sums: BTreeMap<u16, Fingerprint>, ledger: &Pairs, behind: u64) -> BTreeMap<u16, Fingerprint> {
    let sequence = |key: &[u8]| u64::from_be_bytes(*key.first_chunk::<8>().unwrap());
    for (_, changes) in ledger.iter().filter(|(key, _)| key.last() == Some(&1) && sequence(key) > behind) {
        for change in changes.chunks(26) {
            let sum = sums.entry(u16::from_be_bytes([change[0], change[1]])).or_default();
            *sum = sum.plus(fingerprint(&change[2..]));
        }
    }
    sums.retain(|_, sum| *sum != Fingerprint::default());
    sums
}
