//! The store: the only folder that names RocksDB.
//!
//! A row version is never overwritten by a later batch: it is written beside it, under the batch's commit sequence. The
//! commit is one small synced write that carries the ledger entry, the position and the fingerprints; until it is
//! there, nothing of the batch is visible, however many writes it took.

mod applied_names;
mod apply;
mod begin;
mod beside;
mod classify;
mod codec;
mod fingerprints;
mod gc;
mod history;
mod index;
mod keyspace;
mod lock;
mod options;
mod recover;
mod snapshot;
mod sorted_files;
mod status;
mod superseded;
mod touched;
mod write_rows;
mod writer;

pub use apply::{BatchWriter, Guards};
pub use begin::{Origin, Start};
pub use gc::{Collected, GcOptions, GcProgress, Keep};
pub use keyspace::meta::Horizon;
pub use keyspace::names::NameRecord;
pub use options::StoreOptions;
pub(crate) use snapshot::StoredRow;
pub use snapshot::{Reader, Rows, Scan, ScanRange, Snapshot};
pub use status::{SourceStatus, Status};
pub(crate) use touched::Histories;

use crate::error::{Error, ErrorKind, Result};
use crate::model::arena::Pool;
use crate::model::key::TimePrecision;
use crate::model::ledger::LedgerEntry;
use crate::model::rejection::Rejection;
use crate::model::schema::Schema;
use history::{History, Hold};
use keyspace::{FAMILIES, ledger, meta, rejections, suppressions, watermarks};
use parking_lot::{Mutex, RwLock};
use rocksdb::{ColumnFamily, DB, DBRawIterator, IteratorMode};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl From<rocksdb::Error> for Error {
    fn from(error: rocksdb::Error) -> Self {
        match error.kind() {
            rocksdb::ErrorKind::Corruption => Error::new(ErrorKind::Corrupt, "the store's files are damaged")
                .advice("restore the store from a backup, or build it again from its sources"),
            _ => Error::new(ErrorKind::Io, "the store cannot read or write its files"),
        }
        .because(error.into_string())
    }
}

/// The column families of an open database. Opening checks that all of them are there.
#[derive(Clone, Copy)]
pub(super) struct Families<'a>(&'a DB);

macro_rules! families {
    ($($name:ident),*) => {
        impl<'a> Families<'a> {
            $(pub(super) fn $name(self) -> &'a ColumnFamily {
                // Opening listed every family; RocksDB hands out a handle for each of them.
                #[allow(clippy::expect_used)]
                self.0.cf_handle(stringify!($name)).expect("the family was opened with the database")
            })*
        }
    };
}
families!(rows, pages, deltas, fingerprints, ledger, watermarks, names, rejections, suppressions, meta);

/// What the last commit left.
#[derive(Debug, Clone, Default)]
pub(super) struct Committed {
    pub(super) sequence: u64,
    pub(super) rows: u64,
    pub(super) schema: Arc<Schema>,
}

/// What all handles of a store share.
pub(super) struct Inner {
    pub(super) db: DB,
    path: PathBuf,
    pub(super) options: StoreOptions,
    format: meta::Format,
    pub(super) committed: RwLock<Committed>,
    /// Locked before `committed` where both are.
    history: Mutex<History>,
    suppressed: RwLock<Arc<HashSet<String>>>,
    pool: Pool,
    writer: Mutex<writer::Writer>,
    /// Held by the one collection that runs.
    collecting: Mutex<()>,
}

impl Inner {
    pub(super) fn families(&self) -> Families<'_> {
        Families(&self.db)
    }
}

/// An open store. Cheap to clone; all clones are one store. See [`EventStore`](crate::EventStore) for what users call.
#[derive(Clone)]
pub struct Store(pub(super) Arc<Inner>);

impl Store {
    /// Opens a store, or makes one where there is none and the options allow it. After a crash, what an unfinished
    /// batch left behind is taken away first.
    ///
    /// # Errors
    /// `Usage` where there is no store and none is made, or the folder holds something else; `Locked` where another
    /// process has it open; `Unsupported` for another format version; `Corrupt` for damaged files.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Store> {
        let is_new = check_folder(path, &options)?;
        let db = match options.read_only {
            true => beside::open(path, &options)?,
            false => DB::open_cf_descriptors(&options::database(&options), path, options::families(&options))
                .map_err(|error| open_error(path, error))?,
        };
        let mut format = match is_new {
            true => finish_new(&db, path, &options)?,
            false => read_format(&db)?,
        };
        if options.precision.is_some_and(|wanted| wanted != format.precision) {
            let text = format!("the store keeps event times in {}", format.precision.name());
            return Err(Error::new(ErrorKind::Usage, text).advice("leave the precision out; it is fixed at creation"));
        }
        let history = Mutex::new(History::new(read_horizon(&db)?));
        let committed = read_committed(&db)?;
        if !options.read_only {
            upgrade(&db, &mut format, committed.sequence)?;
        }
        let suppressed = RwLock::new(Arc::new(read_suppressed(&db)?));
        let pool = Pool::new(options.pool_memory());
        let inner = Inner {
            db,
            path: path.to_owned(),
            options,
            format,
            committed: RwLock::new(committed),
            history,
            suppressed,
            pool,
            writer: Mutex::default(),
            collecting: Mutex::default(),
        };
        if !inner.options.read_only {
            beside::remove_views(path)?;
            recover::take_unfinished_away(&inner)?;
        }
        Ok(Store(Arc::new(inner)))
    }

    /// Precision of event times.
    pub fn precision(&self) -> TimePrecision {
        self.0.format.precision
    }

    /// How the store was opened.
    pub fn options(&self) -> &StoreOptions {
        &self.0.options
    }

    /// A folder of the store for temporary files, on the same file system as its data.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Memory for the rows of batches.
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// The columns known so far.
    pub fn schema(&self) -> Arc<Schema> {
        self.0.committed.read().schema.clone()
    }

    /// Forgotten users.
    pub fn suppressed(&self) -> Arc<HashSet<String>> {
        self.0.suppressed.read().clone()
    }

    /// An unchanging view of the table as the last commit left it.
    pub fn snapshot(&self) -> Snapshot {
        let mut history = self.0.history.lock();
        let committed = self.0.committed.read().clone();
        let hold = Hold::new(&self.0, &mut history, committed.sequence);
        Snapshot::new(self.clone(), hold, committed.rows, committed.schema)
    }

    /// An unchanging view of the table as the commit `sequence` left it; 0 is the empty table before the first.
    ///
    /// # Errors
    /// `Usage` where the store has no such commit, or a collection removed what it shows.
    pub fn snapshot_at(&self, sequence: u64) -> Result<Snapshot> {
        let rows = match sequence {
            0 => 0,
            _ => self.ledger_entry(sequence)?.ok_or_else(|| self.no_such_commit(sequence))?.rows,
        };
        let schema = self.schema();
        let mut history = self.0.history.lock();
        history.check(sequence)?;
        let hold = Hold::new(&self.0, &mut history, sequence);
        Ok(Snapshot::new(self.clone(), hold, rows, schema))
    }

    fn no_such_commit(&self, sequence: u64) -> Error {
        let last = self.0.committed.read().sequence;
        let text = format!("the store has no commit {sequence}; its last one is {last}");
        Error::new(ErrorKind::Usage, text).advice("`eventmirror log` lists the commits")
    }

    /// The ledger entry of a commit.
    pub fn ledger_entry(&self, sequence: u64) -> Result<Option<LedgerEntry>> {
        if sequence > self.0.committed.read().sequence {
            return Ok(None);
        }
        let key = ledger::key(sequence, ledger::Part::Entry);
        let value = self.0.db.get_pinned_cf(self.0.families().ledger(), key)?;
        value.map(|value| ledger::decode(&value)).transpose()
    }

    /// The ledger, oldest entry first.
    pub fn log(&self) -> impl Iterator<Item = Result<LedgerEntry>> + '_ {
        let last = self.0.committed.read().sequence;
        (1..=last).filter_map(|sequence| self.ledger_entry(sequence).transpose())
    }

    /// All rejected rows with the commit that rejected them, oldest first.
    pub fn rejections(&self) -> impl Iterator<Item = Result<(u64, Rejection)>> + '_ {
        let last = self.0.committed.read().sequence;
        let entries = self.0.db.iterator_cf(self.0.families().rejections(), IteratorMode::Start);
        let decode = |key: &[u8], value: &[u8]| {
            let sequence =
                rejections::sequence(key).ok_or_else(|| codec::corrupt("key of a rejected row", "its length"))?;
            Ok((sequence, rejections::decode(value)?))
        };
        entries
            .map(move |entry| entry.map_err(Error::from).and_then(|(key, value)| decode(&key, &value)))
            .filter(move |entry| entry.as_ref().map_or(true, |(sequence, _)| *sequence <= last))
    }

    /// The watermark of a source with numbered positions, and the commit that set it.
    pub fn watermark(&self, source: &str) -> Result<Option<(u64, u64)>> {
        let value = self.0.db.get_pinned_cf(self.0.families().watermarks(), source)?;
        value.map(|value| watermarks::decode(&value)).transpose()
    }

    /// Rejects every row of a user from now on, until [`lift_suppression`](Store::lift_suppression).
    pub fn suppress(&self, user_id: &str) -> Result<()> {
        self.change_suppression(user_id, Some(now()))
    }

    /// Lets rows of a forgotten user in again.
    pub fn lift_suppression(&self, user_id: &str) -> Result<()> {
        self.change_suppression(user_id, None)
    }

    pub(super) fn check_writable(&self) -> Result<()> {
        match self.0.options.read_only {
            true => Err(Error::new(ErrorKind::Usage, "the store was opened read-only").advice("open it for writing")),
            false => Ok(()),
        }
    }

    fn change_suppression(&self, user_id: &str, since: Option<i64>) -> Result<()> {
        self.check_writable()?;
        let mut suppressed = self.0.suppressed.write();
        let family = self.0.families().suppressions();
        let mut changed = HashSet::clone(&suppressed);
        match since {
            Some(since) => {
                self.0.db.put_cf_opt(family, user_id, suppressions::encode(since)?, &synced())?;
                changed.insert(user_id.to_owned());
            }
            None => {
                self.0.db.delete_cf_opt(family, user_id, &synced())?;
                changed.remove(user_id);
            }
        }
        *suppressed = Arc::new(changed);
        Ok(())
    }
}

/// Write options of everything that a caller is told has happened.
pub(super) fn synced() -> rocksdb::WriteOptions {
    let mut options = rocksdb::WriteOptions::default();
    options.set_sync(true);
    options
}

/// Runs two tasks on both cores.
pub(super) fn both<T: Send>(
    one: impl FnOnce() -> Result<T>,
    other: impl FnOnce() -> Result<T> + Send,
) -> Result<(T, T)> {
    std::thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((one?, other?))
    })
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// A file that stands in the folder of a store while the store is being made. A process that is killed then leaves it,
/// and the next one finishes the work.
const BEGUN: &str = "unfinished-store";

/// Checks that the folder holds a store, or nothing; true where a store is to be made.
fn check_folder(path: &Path, options: &StoreOptions) -> Result<bool> {
    let place = path.display().to_string();
    let is_begun = path.join(BEGUN).exists();
    if path.join("CURRENT").exists() && !is_begun {
        return check_database(path, options).map(|()| false);
    }
    let is_empty = match std::fs::read_dir(path) {
        Ok(mut entries) => is_begun || entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(Error::from(error).at(place)),
    };
    match (is_empty, options.create && !options.read_only) {
        (true, true) => {
            let begin =
                || std::fs::create_dir_all(path).and_then(|()| std::fs::File::create(path.join(BEGUN))?.sync_all());
            begin().map_err(|error| Error::from(error).at(place))?;
            Ok(true)
        }
        (true, false) => {
            Err(Error::new(ErrorKind::Usage, "there is no store").at(place).advice("`eventmirror apply` makes one"))
        }
        (false, _) => Err(Error::new(ErrorKind::Usage, "the folder holds something that is no store")
            .at(place)
            .advice("name another folder, or one that is empty or absent")),
    }
}

/// Refuses another program's database before it is opened for writing, which would change it. Opening for reading
/// changes nothing, and finds out by itself.
fn check_database(path: &Path, options: &StoreOptions) -> Result<()> {
    if options.read_only {
        return Ok(());
    }
    let found = DB::list_cf(&rocksdb::Options::default(), path).map_err(|error| open_error(path, error))?;
    match FAMILIES.iter().all(|family| found.iter().any(|found| found == family)) {
        true => Ok(()),
        false => Err(foreign(path)),
    }
}

fn foreign(path: &Path) -> Error {
    Error::new(ErrorKind::Usage, "the folder holds a RocksDB database that is no eventmirror store")
        .at(path.display().to_string())
        .advice("name another folder, or one that is empty or absent")
}

fn open_error(path: &Path, error: rocksdb::Error) -> Error {
    let text = error.as_ref();
    let is_lock = text.contains("LOCK") && (text.contains("lock hold") || text.contains("While lock file"));
    if is_lock {
        return lock::locked(path);
    }
    let is_foreign = text.contains("Column families not opened") || text.contains("Column family not found");
    if is_foreign {
        return foreign(path);
    }
    Error::from(error).at(path.display().to_string())
}

/// Stamps a new store. One that was killed right behind the stamp has it already.
fn finish_new(db: &DB, path: &Path, options: &StoreOptions) -> Result<meta::Format> {
    if db.get_pinned_cf(Families(db).meta(), meta::FORMAT)?.is_none() {
        let precision = options.precision.unwrap_or_default();
        let format = meta::Format { version: meta::FORMAT_VERSION, precision, created_at: now() };
        db.put_cf_opt(Families(db).meta(), meta::FORMAT, format.encode()?, &synced())?;
    }
    std::fs::remove_file(path.join(BEGUN))?;
    read_format(db)
}

/// Brings an earlier format to the one that is written.
fn upgrade(db: &DB, format: &mut meta::Format, committed: u64) -> Result<()> {
    if format.version == meta::FORMAT_VERSION {
        return Ok(());
    }
    let mut batch = rocksdb::WriteBatch::default();
    fingerprints::upgrade(db, Families(db), committed, &mut batch)?;
    format.version = meta::FORMAT_VERSION;
    batch.put_cf(Families(db).meta(), meta::FORMAT, format.encode()?);
    Ok(db.write_opt(batch, &synced())?)
}

fn read_format(db: &DB) -> Result<meta::Format> {
    match db.get_pinned_cf(Families(db).meta(), meta::FORMAT)? {
        Some(value) => meta::Format::decode(&value),
        None => Err(codec::corrupt("format stamp", "it is missing")),
    }
}

fn read_horizon(db: &DB) -> Result<Option<Horizon>> {
    let value = db.get_pinned_cf(Families(db).meta(), meta::HORIZON)?;
    value.map(|value| Horizon::decode(&value)).transpose()
}

fn read_committed(db: &DB) -> Result<Committed> {
    let families = Families(db);
    let schema = match db.get_pinned_cf(families.meta(), meta::SCHEMA)? {
        Some(value) => meta::decode_schema(&value)?,
        None => Schema::default(),
    };
    let mut committed = Committed { schema: Arc::new(schema), ..Committed::default() };
    let mut iterator: DBRawIterator<'_> = db.raw_iterator_cf(families.ledger());
    iterator.seek_to_last();
    while let Some((key, value)) = iterator.item() {
        let (sequence, is_entry) =
            ledger::split_key(key).ok_or_else(|| codec::corrupt("key of a ledger entry", "its length"))?;
        if is_entry {
            (committed.sequence, committed.rows) = (sequence, ledger::decode(value)?.rows);
            break;
        }
        iterator.prev();
    }
    iterator.status()?;
    Ok(committed)
}

fn read_suppressed(db: &DB) -> Result<HashSet<String>> {
    let mut users = HashSet::new();
    for entry in db.iterator_cf(Families(db).suppressions(), IteratorMode::Start) {
        let (key, value) = entry?;
        suppressions::decode(&value)?;
        let user = String::from_utf8(key.into_vec());
        users.insert(user.map_err(|_| codec::corrupt("suppression", "its user id is no text"))?);
    }
    Ok(users)
}
