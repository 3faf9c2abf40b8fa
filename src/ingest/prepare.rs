//! Rows of a part into encoded keys and rows, refused where a rule forbids them.

use super::columns::{self, EncodedColumn};
use super::halves::Pair;
use super::{IdRules, Rules};
use crate::error::{Error, ErrorKind, Result};
use crate::model::arena::{Arena, Pool};
use crate::model::change::{self, ChangePart, Operation, RowPlace};
use crate::model::counts::{Counter, Counts};
use crate::model::rejection::{Rejected, Rule};
use crate::model::schema::{ColumnId, Schema};
use crate::model::{event_json, hash, key};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int32Type};
use parking_lot::Mutex;
use std::collections::HashMap;

/// An accepted change record. Key and row stand one behind the other in the arena of its [`PreparedRows`].
#[derive(Debug, Clone, Copy)]
pub struct PreparedRow {
    /// Hash of the key.
    pub key_hash: u128,
    /// Hash of the row; 0 for deletes.
    pub row_hash: u128,
    /// Order of the change within its batch.
    pub sequence: u64,
    /// Order of the row within its batch, which breaks ties.
    pub order: u64,
    /// Where it stood.
    pub place: RowPlace,
    /// Where the key begins in the arena.
    pub offset: u32,
    /// Bytes of the key.
    pub key_length: u32,
    /// Bytes of the row.
    pub row_length: u32,
    /// Nanoseconds that the store's precision cut off the event time.
    pub cut_off: u32,
    /// Bucket of the key.
    pub bucket: u16,
    /// What the record asks for.
    pub operation: Operation,
}

/// The rows of a part, encoded, with what was refused.
#[derive(Debug, Default)]
pub struct PreparedRows {
    /// Bytes of keys and rows.
    pub arena: Arena,
    /// The accepted change records in their order.
    pub rows: Vec<PreparedRow>,
    /// Whether one of the records is the old half of an update.
    pub has_old_halves: bool,
    /// Halves of updates, where the dialect names them.
    pub pairs: Vec<Pair>,
    /// What was read, skipped and rejected.
    pub counts: Counts,
    /// The rejected rows.
    pub rejections: Vec<Rejected>,
    /// Types of values seen, by column.
    pub types: Vec<(ColumnId, u16)>,
}

impl PreparedRows {
    /// Bytes of memory that the rows hold.
    pub fn bytes(&self) -> usize {
        self.arena.capacity() + self.rows.capacity() * size_of::<PreparedRow>()
    }
}

/// Encodes the rows of a part. New columns get their ids from `schema`; `first_order` is the number of rows of the
/// batch before this part; `scratch` is kept from part to part.
pub fn prepare(
    part: &ChangePart,
    first_order: u64,
    schema: &Mutex<Schema>,
    rules: &Rules,
    scratch: &mut Scratch,
) -> Result<PreparedRows> {
    let count = part.rows.num_rows();
    let mut sums = vec![0u128; count];
    let columns = encode_columns(part, schema, &mut sums, scratch)?;
    let bytes = columns.iter().map(EncodedColumn::bytes).sum::<usize>() + 64 * count;
    let arena = scratch.pool.arena(bytes.max(scratch.last_bytes));
    scratch.buckets.make_room(count);
    let mut preparer = Preparer {
        part,
        rules,
        columns: &columns,
        sums: &sums,
        user_ids: Ids::new(&part.user_id)?,
        insert_ids: Ids::new(&part.insert_id)?,
        buckets: &mut scratch.buckets,
        keeps_rows: scratch.keeps_rows,
        next_note: 0,
        out: PreparedRows { arena, rows: Vec::with_capacity(count), ..PreparedRows::default() },
    };
    let mut refused = part.refused.iter().peekable();
    for row in 0..count {
        let refused = refused.next_if(|refused| refused.row == row);
        match refused {
            _ if preparer.was_applied_before(row) => preparer.skip(Counter::AlreadyApplied),
            Some(refused) => preparer.reject(row, refused.rule, refused.detail.clone()),
            None => preparer.row(row, first_order + row as u64),
        }
    }
    let mut out = preparer.out;
    scratch.last_bytes = out.arena.len();
    out.counts.read = count as u64;
    out.types = columns.iter().map(|column| (column.id, column.types)).collect();
    if u32::try_from(out.arena.len()).is_err() {
        return Err(Error::new(ErrorKind::InvalidInput, "a part of the input has more than 4 GiB of rows"));
    }
    Ok(out)
}

fn encode_columns(
    part: &ChangePart,
    schema: &Mutex<Schema>,
    sums: &mut [u128],
    scratch: &mut Scratch,
) -> Result<Vec<EncodedColumn>> {
    let arrow_schema = part.rows.schema();
    let mut wanted: Vec<(ColumnId, u128, usize)> = {
        let mut schema = schema.lock();
        let mut bind = |&index: &usize| {
            let id = schema.id_or_add(change::column_name(arrow_schema.field(index)));
            (id, schema.constant(id).unwrap_or_default(), index)
        };
        part.payload.iter().map(&mut bind).collect()
    };
    wanted.sort_unstable_by_key(|(id, ..)| *id);
    if let Some(twice) = wanted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let name = change::column_name(arrow_schema.field(twice[0].2));
        return Err(Error::new(ErrorKind::InvalidInput, format!("the input has two columns named {name:?}")));
    }
    let encode = |(id, constant, index): (ColumnId, u128, usize)| {
        let last_bytes = scratch.column_bytes.entry(id).or_default();
        let arena = scratch.keeps_rows.then(|| scratch.pool.arena(*last_bytes));
        let column = columns::encode(arrow_schema.field(index), part.rows.column(index), (id, constant, arena), sums)?;
        *last_bytes = column.bytes();
        Ok(column)
    };
    wanted.into_iter().map(encode).collect()
}

struct Preparer<'a> {
    part: &'a ChangePart,
    rules: &'a Rules,
    columns: &'a [EncodedColumn],
    sums: &'a [u128],
    user_ids: Ids<'a>,
    insert_ids: Ids<'a>,
    buckets: &'a mut Buckets,
    keeps_rows: bool,
    /// The first of the part's notes that is of no row before the one at hand.
    next_note: usize,
    out: PreparedRows,
}

impl<'a> Preparer<'a> {
    fn was_applied_before(&self, row: usize) -> bool {
        let sequence = self.part.sequence.as_ref().and_then(|sequence| sequence.get(row));
        self.rules.applied_up_to.zip(sequence).is_some_and(|(applied, sequence)| *sequence <= applied)
    }

    fn row(&mut self, row: usize, order: u64) {
        let operation = self.part.operations.get(row);
        let key_time = self.key_time(row);
        // Before every other rule: rows out of scope might as well not be in the source.
        if let Some(time) = key_time
            && !self.rules.scope.contains(time, self.rules.precision)
        {
            self.note_half_out_of_scope(row, operation, time);
            return self.skip(Counter::OutOfScope);
        }
        if operation == Operation::Unknown {
            return self.reject(row, Rule::BadMutationType, "the operation is none of the dialect's".into());
        }
        if operation == Operation::Ignored {
            return self.skip(Counter::EventIgnored);
        }
        if !self.rules.operations.allows(operation) {
            return self.skip(Counter::OpDisabled);
        }
        // `Ids` borrows from the part, not from `self`, so that `reject` can take `self` whole.
        let (part, rules) = (self.part, self.rules);
        let Some(user_id) = self.user_ids.get(row).filter(|id| !id.is_empty()) else {
            return self.reject(row, Rule::MissingUserId, "user_id is null, absent or empty".into());
        };
        let Some(insert_id) = self.insert_ids.get(row).filter(|id| !id.is_empty()) else {
            return self.reject(row, Rule::MissingInsertId, "insert_id is null, absent or empty".into());
        };
        let Some(key_time) = key_time else {
            return self.reject(row, Rule::MissingEventTime, "the event time is null or absent".into());
        };
        if let Err((rule, detail)) = check_id(user_id, rules.id_rules) {
            return self.reject(row, rule, detail);
        }
        if !rules.suppressed.is_empty() && rules.suppressed.contains(user_id) {
            return self.reject(row, Rule::SuppressedUser, "the user was forgotten".into());
        }
        let sub_micros = part.sub_micros.get(row).copied().unwrap_or_default();
        let micros = part.event_time.value(row).rem_euclid(rules.precision.micros());
        let cut_off = micros as u32 * 1_000 + u32::from(sub_micros);
        if cut_off > 0 {
            self.out.counts.count(Counter::TimeTruncated, 1);
        }
        self.accept(row, order, operation, (user_id, insert_id, key_time), cut_off);
    }

    /// The event time of a row as the store keeps it.
    fn key_time(&self, row: usize) -> Option<i64> {
        let times = &self.part.event_time;
        times.is_valid(row).then(|| times.value(row).div_euclid(self.rules.precision.micros()))
    }

    /// An update that moves an event out of the scope deletes its old key, and is counted as what it is.
    fn note_half_out_of_scope(&mut self, row: usize, operation: Operation, time: i64) {
        let (Some(pairs), Operation::Update) = (&self.part.pair, operation) else { return };
        let id = |ids: &Ids<'a>| ids.get(row).filter(|id| !id.is_empty());
        if let (Some(user_id), Some(insert_id)) = (id(&self.user_ids), id(&self.insert_ids)) {
            let mut encoded = Vec::new();
            key::encode(0, user_id, insert_id, time, &mut encoded);
            let key_hash = hash::key_hash(&encoded[key::BUCKET_BYTES..]);
            self.out.pairs.push(Pair { id: pairs[row], key_hash, is_preimage: false });
        }
    }

    fn accept(&mut self, row: usize, order: u64, operation: Operation, key: (&str, &str, i64), cut_off: u32) {
        let (part, arena) = (self.part, &mut self.out.arena);
        let offset = arena.len();
        let bucket = self.buckets.of(key.0);
        key::encode(bucket, key.0, key.1, key.2, arena);
        let key_length = arena.len() - offset;
        let key_hash = hash::key_hash(&arena[offset + key::BUCKET_BYTES..]);
        let is_put = matches!(operation, Operation::Insert | Operation::Update);
        self.out.has_old_halves |= operation == Operation::PreImage;
        while let Some((of, counter)) = part.notes.get(self.next_note).filter(|(of, _)| *of <= row) {
            self.out.counts.count(*counter, u64::from(*of == row));
            self.next_note += 1;
        }
        let mut row_hash = 0;
        if is_put {
            if self.keeps_rows {
                self.columns.iter().for_each(|column| arena.extend_from_slice(column.field(row)));
            }
            row_hash = hash::row_hash(key_hash, self.sums[row]);
        }
        // An insert or a delete of its own is no half of an update, though warehouses give its row an id too.
        if let Some(pairs) = &part.pair
            && matches!(operation, Operation::PreImage | Operation::Update)
        {
            self.out.pairs.push(Pair { id: pairs[row], key_hash, is_preimage: !is_put });
        }
        self.out.rows.push(PreparedRow {
            key_hash,
            row_hash,
            sequence: part.sequence.as_ref().map_or(order, |sequence| sequence[row]),
            order,
            place: part.place(row),
            // The arena stays below 4 GiB: `prepare` checks it.
            offset: offset as u32,
            key_length: key_length as u32,
            row_length: (arena.len() - offset - key_length) as u32,
            cut_off,
            bucket,
            operation,
        });
    }

    fn skip(&mut self, why: Counter) {
        self.out.counts.skipped += 1;
        self.out.counts.count(why, 1);
    }

    fn reject(&mut self, row: usize, rule: Rule, detail: String) {
        self.out.counts.reject(rule, 1);
        let text = event_json::arrow_row(&self.part.rows, row);
        self.out.rejections.push(Rejected { rule, place: self.part.place(row), detail, row: text });
    }
}

/// Literals that the vendor refuses as a user id (`spec/amplitude.md` section 6.3).
const FORBIDDEN_IDS: [&str; 14] = [
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "",
    "00000000-0000-0000-0000-000000000000",
    "{}",
    "lmy47d",
    "0",
    "-1",
];
const SHORTEST_ID: usize = 5;

fn check_id(user_id: &str, rules: IdRules) -> Result<(), (Rule, String)> {
    if rules == IdRules::Any {
        return Ok(());
    }
    if FORBIDDEN_IDS.contains(&user_id) {
        return Err((Rule::UserIdForbidden, format!("the vendor refuses the user id {user_id:?}")));
    }
    let length = user_id.chars().take(SHORTEST_ID).count();
    if length < SHORTEST_ID {
        return Err((Rule::UserIdTooShort, format!("the user id has {length} characters, the vendor asks for 5")));
    }
    Ok(())
}

/// Ids of a part, whatever Arrow type holds their text.
enum Ids<'a> {
    Utf8(&'a arrow::array::StringArray),
    LargeUtf8(&'a arrow::array::LargeStringArray),
    View(&'a arrow::array::StringViewArray),
    Dictionary(&'a arrow::array::DictionaryArray<Int32Type>, &'a arrow::array::StringArray),
}

impl<'a> Ids<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self> {
        match array.data_type() {
            DataType::Utf8 => Ok(Ids::Utf8(array.as_string())),
            DataType::LargeUtf8 => Ok(Ids::LargeUtf8(array.as_string())),
            DataType::Utf8View => Ok(Ids::View(array.as_string_view())),
            DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => {
                let dictionary = array.as_dictionary::<Int32Type>();
                Ok(Ids::Dictionary(dictionary, dictionary.values().as_string()))
            }
            other => {
                Err(Error::new(ErrorKind::Unsupported, format!("ids cannot be read from a column of type {other}")))
            }
        }
    }

    fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Ids::Utf8(array) => (!array.is_null(row)).then(|| array.value(row)),
            Ids::LargeUtf8(array) => (!array.is_null(row)).then(|| array.value(row)),
            Ids::View(array) => (!array.is_null(row)).then(|| array.value(row)),
            Ids::Dictionary(keys, values) => {
                let key = keys.key(row)?;
                (!values.is_null(key)).then(|| values.value(key))
            }
        }
    }
}

/// What a thread that prepares keeps from part to part.
#[derive(Debug)]
pub struct Scratch {
    buckets: Buckets,
    pool: Pool,
    /// Bytes that the last part took, in all and by column: the next one takes about as many.
    last_bytes: usize,
    column_bytes: HashMap<ColumnId, usize>,
    keeps_rows: bool,
}

impl Scratch {
    /// An empty one; rows are put into memory of the pool.
    pub fn new(pool: &Pool) -> Self {
        Scratch {
            buckets: Buckets::default(),
            pool: pool.clone(),
            last_bytes: 0,
            column_bytes: HashMap::new(),
            keeps_rows: true,
        }
    }

    /// One for rows of which just the hashes are wanted: their keys are encoded, their columns are not.
    pub fn of_hashes(pool: &Pool) -> Self {
        Scratch { keeps_rows: false, ..Scratch::new(pool) }
    }
}

/// Buckets of users seen lately: MD5 costs more than everything else about a key, and users come again.
#[derive(Debug, Default)]
struct Buckets {
    slots: Vec<(String, u16)>,
}

impl Buckets {
    const MOST_SLOTS: usize = 1 << 14;

    /// Makes ready for the users of a part with so many rows: a small one is done sooner than many slots are made.
    fn make_room(&mut self, rows: usize) {
        let slots = rows.next_power_of_two().min(Self::MOST_SLOTS);
        if slots > self.slots.len() {
            self.slots = vec![(String::new(), 0); slots];
        }
    }

    fn of(&mut self, user_id: &str) -> u16 {
        let slot = xxhash_rust::xxh3::xxh3_64(user_id.as_bytes()) as usize % self.slots.len();
        let (user, bucket) = &mut self.slots[slot];
        if user != user_id {
            *bucket = key::bucket(user_id);
            user.clear();
            user.push_str(user_id);
        }
        *bucket
    }
}
