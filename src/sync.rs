//! Verb 1: source → ingest → store, batch by batch.

mod ahead;
mod table;

use crate::error::{Error, ErrorKind, Result};
use crate::event_store::EventStore;
use crate::ingest::{
    self, Coalesced, Coalescing, EnabledOperations, IdRules, LoneHalves, PreparedRows, Rules, Scratch,
};
use crate::model::change::{ChangeBatch, ChangePart, Parts, WindowKind};
use crate::model::counts::{Counter, Counts};
use crate::model::ledger::Applied;
use crate::model::mutation::Policies;
use crate::model::schema::Schema;
use crate::model::scope::Scope;
use crate::source::{self, Dialect, InputWindow, Known, Listed, SourceOptions, Windows};
use crate::store::{BatchWriter, Guards, NameRecord, Origin, Start};
use crate::window::{Noted, Records, Window};
use ahead::{Ahead, Prepared};
use crossbeam::channel;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rejected rows wait in memory for the end of the batch up to this many bytes; more are written as they come.
const REJECTION_BYTES: usize = 4 << 20;

/// How change records are applied: design section 3's options.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApplyOptions {
    /// The operations that are switched on; others are skipped and counted.
    pub operations: EnabledOperations,
    /// Optional rules for ids.
    pub id_rules: IdRules,
    /// What to do with rows that contradict the store.
    pub policies: Policies,
    /// What may stop a batch.
    pub guards: Guards,
    /// The event times that the source is responsible for; rows of others are skipped and counted.
    pub scope: Scope,
}

/// What happens while files are applied.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Objects that a listing left out, because they were applied before and are as they were.
    Known(u64),
    /// The inputs are listed.
    Found {
        /// How many windows.
        windows: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// The names of inputs that the converter's `filterPattern` leaves out, where there are any.
    LeftOut(&'a [String]),
    /// A window is begun.
    Window {
        /// Its name.
        name: &'a str,
        /// Its bytes.
        bytes: u64,
    },
    /// Rows read since the last call.
    Rows(u64),
    /// Something that people should know.
    Notice(&'a str),
    /// A batch is committed, or was applied before.
    Done(&'a Applied),
}

/// Applies files window by window, each as one batch: in the byte order of the windows' names, or in the order of their
/// commit versions where they have them. A Delta table is read from its change feed instead, see
/// [`DeltaTable`](crate::source::DeltaTable). `stop` ends it between two rows: the batch at hand leaves nothing, those
/// before it stay.
///
/// # Errors
/// `Interrupted` where `stop` was set; `Usage` where options contradict each other or the files; otherwise those of
/// [`EventStore::apply`], with the file's or window's name. Windows before the one that failed are applied.
pub fn apply_files(
    store: &EventStore,
    inputs: &[String],
    source: &SourceOptions,
    options: &ApplyOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Applied>> {
    source.check()?;
    if let Some(input) = table::table_among(inputs, source)? {
        return table::apply_table(store, input, source, options, stop, progress);
    }
    let names = AppliedNames { store, source, stop };
    let Windows { mut windows, known, listings, left_out } = source::windows(inputs, source, Some(&names))?;
    if known > 0 {
        progress(Progress::Known(known));
    }
    if !left_out.is_empty() {
        progress(Progress::LeftOut(&left_out));
    }
    let sizes: Vec<u64> = windows.iter().map(|window| Ok(window.stat()?.0)).collect::<Result<_>>()?;
    progress(Progress::Found { windows: windows.len(), bytes: sizes.iter().sum() });
    if source.dialect == Dialect::Databricks {
        windows = source::number_by_version(windows, source, &mut || check_stop(stop))?;
    }
    let all = apply_windows(store, &windows, source, options, stop, progress)?;
    if !options.guards.dry_run {
        for (input, newest) in &listings {
            store.0.note_listed(source.source_name(), input, *newest)?;
        }
    }
    Ok(all)
}

/// Applies windows one after the other. Each is opened, and prepared if it is small, while the one before it is applied.
fn apply_windows(
    store: &EventStore,
    windows: &[InputWindow],
    source: &SourceOptions,
    options: &ApplyOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Applied>> {
    let (sender, receiver) = channel::bounded(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for (index, window) in windows.iter().enumerate() {
                // Before the first one there is nothing to do meanwhile.
                let parts = if index == 0 { 0 } else { ahead::PARTS };
                if sender.send(Ahead::open(store, window, parts, source, options)).is_err() {
                    // A window could not be applied.
                    return;
                }
            }
        });
        let mut all = Vec::with_capacity(windows.len());
        for (window, ahead) in windows.iter().zip(receiver) {
            progress(Progress::Window { name: &window.name, bytes: window.stat()?.0 });
            let applied = match ahead? {
                Ahead::Applied(applied) => Ok(applied),
                Ahead::Opened(batch) => apply_batch(store, batch, options, stop, progress),
                Ahead::Prepared(batch, prepared) => {
                    let again = || Ok(source::open_window(window, source)?.parts);
                    apply(store, batch, Some((prepared, &again)), options, stop, progress)
                }
            };
            let applied = applied.map_err(|error| error.at(window.name.clone()))?;
            progress(Progress::Done(&applied));
            all.push(applied);
        }
        Ok(all)
    })
}

/// What the store knows of a source's names, for listings.
struct AppliedNames<'a> {
    store: &'a EventStore,
    source: &'a SourceOptions,
    stop: &'a AtomicBool,
}

impl Known for AppliedNames<'_> {
    fn listed(&self, input: &str) -> Result<Listed> {
        let source = self.source.source_name();
        let Some(newest) = self.store.0.listed(source, input)? else { return Ok(Listed::default()) };
        let look_back = i64::try_from(self.source.inputs.look_back.as_nanos()).unwrap_or(i64::MAX);
        let behind = match newest {
            Some(newest) => self.store.0.name_before(source, newest.saturating_sub(look_back))?,
            None => None,
        };
        Ok(Listed { is_complete: true, newest, behind })
    }

    fn is_applied(&self, name: &str, size: u64, modified: Option<i64>) -> Result<bool> {
        check_stop(self.stop)?;
        let record = self.store.0.name(self.source.source_name(), name)?;
        let is_same = |record: NameRecord| record.named.size == size && record.named.modified == modified;
        Ok(modified.is_some() && record.is_some_and(is_same))
    }
}

/// What became of a window that was applied before. Size and time tell whether its content is another one now; it is
/// read just where the time alone is another.
fn applied_before(
    store: &EventStore,
    window: &InputWindow,
    source: &SourceOptions,
    is_dry_run: bool,
) -> Result<Option<Applied>> {
    if !window.is_named() {
        return Ok(None);
    }
    let source = source.source_name();
    let Some(record) = store.0.name(source, &window.name)? else { return Ok(None) };
    let (size, modified) = window.stat()?;
    let is_same_time = modified.is_some() && record.named.modified == modified;
    let is_changed = record.named.size != size || !is_same_time && window.hash()? != record.named.hash;
    if !(is_changed || is_same_time || is_dry_run) {
        store.0.note_modified(source, &window.name, modified)?;
    }
    store.0.known(record.sequence, is_changed).map(Some)
}

/// Applies one batch; see [`EventStore::apply`].
pub(crate) fn apply_batch(
    store: &EventStore,
    batch: ChangeBatch,
    options: &ApplyOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Applied> {
    apply(store, batch, None, options, stop, progress)
}

/// Rows that were prepared ahead, and how the batch is read where they are no longer what they would be now.
type PreparedOr<'a> = (Prepared, &'a dyn Fn() -> Result<Parts>);

/// Applies a batch from its parts, or from rows that were prepared ahead.
fn apply(
    store: &EventStore,
    batch: ChangeBatch,
    prepared: Option<PreparedOr<'_>>,
    options: &ApplyOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Applied> {
    let ChangeBatch { source, position, window: kind, first, files, parts } = batch;
    let mut writer = match store.0.begin(Origin { source, position, first, files }, options.guards.clone())? {
        Start::Known(applied) => return Ok(*applied),
        Start::Ready(writer) => writer,
    };
    let rules = rules(store, options, writer.applied_up_to()?);
    let memory = store.0.options().window_memory();
    let window = Window::new(store.0.path(), memory, store.0.pool());
    let mut read_rows = |rows| {
        check_stop(stop)?;
        progress(Progress::Rows(rows));
        writer.reject(window.take_rejections(REJECTION_BYTES))
    };
    let schema = match prepared {
        Some((prepared, _)) if prepared.is_current(store, &rules) => {
            for rows in prepared.rows {
                read_rows(rows.counts.read)?;
                window.add(rows)?;
            }
            prepared.schema
        }
        not_current => {
            let parts = not_current.map_or(Ok(parts), |(_, again)| again())?;
            let schema = Mutex::new(Schema::clone(&store.0.schema()));
            read(parts, &rules, &schema, &window, &mut read_rows)?;
            schema.into_inner()
        }
    };
    let closing = write(&mut writer, kind, window, &rules, schema, stop)?;
    writer.commit(&closing.counts, &closing.hazards, closing.schema)
}

fn rules(store: &EventStore, options: &ApplyOptions, applied_up_to: Option<u64>) -> Rules {
    Rules {
        operations: options.operations,
        id_rules: options.id_rules,
        precision: store.0.precision(),
        suppressed: store.0.suppressed(),
        policies: options.policies,
        scope: options.scope,
        applied_up_to,
    }
}

/// What a commit needs beside the mutations.
struct Closing {
    counts: Counts,
    hazards: Vec<u128>,
    schema: Schema,
}

/// Mutations of the window into the store, a partition at a time.
fn write(
    writer: &mut BatchWriter<'_>,
    kind: WindowKind,
    window: Window,
    rules: &Rules,
    mut schema: Schema,
    stop: &AtomicBool,
) -> Result<Closing> {
    let named_key_changes = window.key_changes()?;
    let (Noted { mut counts, rejections, has_old_halves, types }, records) = window.finish()?;
    for (column, types) in types {
        schema.note_types(column, types);
    }
    writer.reject(rejections)?;
    if records.is_spilled() {
        writer.expect_bulk();
    }
    let how = Coalescing {
        window: kind,
        mode: rules.policies.update_mode,
        notes_halves: kind == WindowKind::Net && has_old_halves && named_key_changes.is_none(),
    };
    let (mut hazards, mut lone_halves) = (Vec::new(), LoneHalves::default());
    let mut write = |mut coalesced: Coalesced| {
        check_stop(stop)?;
        counts.add(&coalesced.counts);
        hazards.append(&mut coalesced.hazards);
        lone_halves.append(std::mem::take(&mut coalesced.lone_halves));
        writer.reject(coalesced.rejections)?;
        writer.write(coalesced.set, &rules.policies, &schema)
    };
    if records.is_spilled() {
        coalesce_ahead(records, |parts| ingest::coalesce(parts, how, &schema), &mut write)?;
    } else {
        records.drain(&mut |parts| write(ingest::coalesce(parts, how, &schema)))?;
    }
    check_stop(stop)?;
    counts.count(Counter::KeyChange, named_key_changes.unwrap_or_else(|| lone_halves.key_changes()));
    Ok(Closing { counts, hazards, schema })
}

/// Reads and coalesces each partition while the one before it is written.
fn coalesce_ahead(
    records: Records,
    coalesce: impl Fn(Vec<PreparedRows>) -> Coalesced + Send,
    write: &mut dyn FnMut(Coalesced) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = channel::bounded(1);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            records.drain(&mut |parts| {
                // Sending fails once writing has, and the caller finds that error.
                let is_taken = sender.send(coalesce(parts)).is_ok();
                if is_taken { Ok(()) } else { Err(Error::new(ErrorKind::Interrupted, "the batch was given up")) }
            })
        });
        let written = receiver.iter().try_for_each(write);
        drop(receiver);
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.and(read)
    })
}

fn check_stop(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::new(ErrorKind::Interrupted, "stopped before the batch was committed")
            .advice("run it again: what was committed is not applied twice")),
        false => Ok(()),
    }
}

/// Reads and prepares all parts: the source decodes on this thread while others encode and hash. `read_rows` hears of
/// the rows of each part, and may stop it.
fn read(
    parts: Box<dyn Iterator<Item = Result<ChangePart>> + Send>,
    rules: &Rules,
    schema: &Mutex<Schema>,
    window: &Window,
    read_rows: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    let mut parts = parts.peekable();
    let Some(first) = parts.next().transpose()? else { return Ok(()) };
    if parts.peek().is_none() {
        read_rows(first.rows.num_rows() as u64)?;
        return window.add(ingest::prepare(&first, 0, schema, rules, &mut Scratch::new(window.pool()))?);
    }
    let (sender, receiver) = channel::bounded::<(ChangePart, u64)>(2);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..std::thread::available_parallelism().map_or(1, usize::from))
            .map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || prepare_all(&receiver, schema, rules, window))
            })
            .collect();
        // When every worker is gone, so is the channel, and sending fails instead of waiting for ever.
        drop(receiver);
        let decoded = send_all(std::iter::once(Ok(first)).chain(parts), sender, read_rows);
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        decoded
    })
}

fn prepare_all(
    parts: &channel::Receiver<(ChangePart, u64)>,
    schema: &Mutex<Schema>,
    rules: &Rules,
    window: &Window,
) -> Result<()> {
    let mut scratch = Scratch::new(window.pool());
    for (part, order) in parts {
        let rows = ingest::prepare(&part, order, schema, rules, &mut scratch)?;
        window.add(rows)?;
    }
    Ok(())
}

fn send_all(
    parts: impl Iterator<Item = Result<ChangePart>>,
    sender: channel::Sender<(ChangePart, u64)>,
    read_rows: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    let mut order = 0;
    for part in parts {
        let part = part?;
        let rows = part.rows.num_rows() as u64;
        read_rows(rows)?;
        if sender.send((part, order)).is_err() {
            // The workers met an error, which the caller finds when it joins them.
            break;
        }
        order += rows;
    }
    Ok(())
}
