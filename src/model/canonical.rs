//! The canonical bytes of a value: two values mean the same exactly when these bytes are equal.
//!
//! The form is described, with its reasons and test vectors, in [the documentation](crate::docs::canonical). It is
//! hashed and compared, never stored and never read back.

use super::escape;
use super::json::{self, ObjectMark, Sink};
use super::number::{self, Number};
use super::value::{TimeUnit, ValueRef};

/// The first byte of each canonical value. Fingerprints in every store depend on these numbers: never change one,
/// never reuse one, add at the end. Zero is left out so that unwritten bytes are noticed.
pub(super) mod tag {
    pub(in crate::model) const NULL: u8 = 1;
    pub(in crate::model) const FALSE: u8 = 2;
    pub(in crate::model) const TRUE: u8 = 3;
    pub(in crate::model) const INT: u8 = 4;
    pub(in crate::model) const FLOAT: u8 = 5;
    pub(in crate::model) const DECIMAL: u8 = 6;
    pub(in crate::model) const TEXT: u8 = 7;
    pub(in crate::model) const BYTES: u8 = 8;
    pub(in crate::model) const DATE: u8 = 9;
    pub(in crate::model) const TIMESTAMP: u8 = 10;
    pub(in crate::model) const ARRAY: u8 = 11;
    pub(in crate::model) const OBJECT: u8 = 12;
    /// Text that claims to be JSON, or a number, and is not.
    pub(in crate::model) const MALFORMED: u8 = 13;
    /// Ends texts and decimals inside containers, and the containers. No tag, and no byte of UTF-8 or WTF-8.
    pub(in crate::model) const END: u8 = 0xff;
}

/// Appends the canonical bytes of one value to `out`.
///
/// For many values keep a [`Canonical`]: it reuses the memory that sorting JSON objects takes.
///
/// ```
/// use eventmirror::model::{canonical::append, value::ValueRef};
/// let (mut given, mut other) = (Vec::new(), Vec::new());
/// append(ValueRef::Json(r#"{"a": 20.0, "b": null}"#), &mut given);
/// append(ValueRef::Json(r#"{"a":2e1}"#), &mut other);
/// assert_eq!(given, other);
/// ```
pub fn append(value: ValueRef<'_>, out: &mut Vec<u8>) {
    Canonical::default().append(value, out);
}

/// Appends canonical bytes, value after value, with memory of its own that it uses again.
#[derive(Debug, Default)]
pub struct Canonical {
    members: Vec<Member>,
    sorted: Vec<u8>,
}

impl Canonical {
    /// Appends the canonical bytes of one value to `out`.
    #[inline]
    pub fn append(&mut self, value: ValueRef<'_>, out: &mut Vec<u8>) {
        match value {
            ValueRef::Bool(value) => out.push(if value { tag::TRUE } else { tag::FALSE }),
            ValueRef::Int(value) => number::put_int(value, out),
            ValueRef::UInt(value) => number::append_uint(value, out),
            ValueRef::Float(value) => number::append_float(value, out),
            ValueRef::Decimal(text) => match Number::whole(text) {
                Some(number) => number.append(out),
                None => tagged(tag::MALFORMED, text.as_bytes(), out),
            },
            ValueRef::Text(text) => tagged(tag::TEXT, text.as_bytes(), out),
            ValueRef::Bytes(bytes) => tagged(tag::BYTES, bytes, out),
            ValueRef::Date(days) => tagged(tag::DATE, &days.to_be_bytes(), out),
            ValueRef::Timestamp(count, unit) => append_timestamp(count, unit, out),
            ValueRef::Json(text) => self.append_json(text, out),
        }
    }

    fn append_json(&mut self, text: &str, out: &mut Vec<u8>) {
        if !self.try_append_json(text, out) {
            tagged(tag::MALFORMED, text.as_bytes(), out);
        }
    }

    /// Appends the canonical bytes of a JSON text; false, and nothing appended, where the text is no JSON.
    pub fn try_append_json(&mut self, text: &str, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        self.members.clear();
        let mut writer = Writer { out, members: &mut self.members, sorted: &mut self.sorted };
        if json::scan(text, &mut writer).is_err() {
            out.truncate(start);
            return false;
        }
        // A JSON scalar is the plain scalar, and that needs no end mark.
        if matches!(out[start], tag::TEXT | tag::DECIMAL) {
            out.pop();
        }
        true
    }
}

fn tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// Seconds and nanoseconds, so that an instant has one form whatever unit it came in.
fn append_timestamp(count: i64, unit: TimeUnit, out: &mut Vec<u8>) {
    let per_second = unit.per_second();
    let nanoseconds = count.rem_euclid(per_second) * (1_000_000_000 / per_second);
    out.push(tag::TIMESTAMP);
    out.extend_from_slice(&count.div_euclid(per_second).to_be_bytes());
    out.extend_from_slice(&(nanoseconds as u32).to_be_bytes());
}

/// A member of an object that is being written: `TEXT name END value`. Without the tag an empty name would look like
/// the object's end.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// The first eight bytes of the name, most significant first, zeros behind a shorter one: orders most names.
    prefix: u64,
    start: usize,
    name_end: usize,
    end: usize,
}

impl Member {
    fn name<'a>(&self, out: &'a [u8]) -> &'a [u8] {
        &out[self.start + 1..self.name_end]
    }

    fn before(&self, other: &Member, out: &[u8]) -> std::cmp::Ordering {
        self.prefix.cmp(&other.prefix).then_with(|| self.name(out).cmp(other.name(out)))
    }

    fn is_null(&self, out: &[u8]) -> bool {
        out[self.name_end + 1] == tag::NULL
    }
}

/// Writes what the scanner reads. `members` is a stack: the open objects' members, outermost first.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    members: &'a mut Vec<Member>,
    sorted: &'a mut Vec<u8>,
}

impl Writer<'_> {
    #[inline]
    fn characters(&mut self, raw: &[u8], escaped: bool) {
        if escaped {
            escape::unescape(raw, self.out);
        } else {
            self.out.extend_from_slice(raw);
        }
    }

    /// Brings an object's members into the order of their names, keeps the last of several with one name, and leaves
    /// out those that are null.
    fn sort(&mut self, mark: ObjectMark) {
        let out = &mut *self.out;
        let members = &mut self.members[mark.members..];
        members.sort_unstable_by(|a, b| a.before(b, out).then(a.start.cmp(&b.start)));
        self.sorted.clear();
        for (index, member) in members.iter().enumerate() {
            let superseded = members.get(index + 1).is_some_and(|next| member.before(next, out).is_eq());
            if !superseded && !member.is_null(out) {
                self.sorted.extend_from_slice(&out[member.start..member.end]);
            }
        }
        out.truncate(mark.bytes);
        out.extend_from_slice(self.sorted);
    }
}

impl Sink for Writer<'_> {
    fn null(&mut self) {
        self.out.push(tag::NULL);
    }

    fn boolean(&mut self, value: bool) {
        self.out.push(if value { tag::TRUE } else { tag::FALSE });
    }

    #[inline]
    fn number(&mut self, number: &Number<'_>) {
        let start = self.out.len();
        number.append(self.out);
        if self.out[start] == tag::DECIMAL {
            self.out.push(tag::END);
        }
    }

    #[inline]
    fn string(&mut self, raw: &[u8], escaped: bool) {
        self.out.push(tag::TEXT);
        self.characters(raw, escaped);
        self.out.push(tag::END);
    }

    fn begin_array(&mut self) {
        self.out.push(tag::ARRAY);
    }

    fn end_array(&mut self) {
        self.out.push(tag::END);
    }

    fn begin_object(&mut self) -> ObjectMark {
        self.out.push(tag::OBJECT);
        ObjectMark { bytes: self.out.len(), members: self.members.len() }
    }

    #[inline]
    fn begin_member(&mut self, raw: &[u8], escaped: bool) {
        let start = self.out.len();
        self.out.push(tag::TEXT);
        self.characters(raw, escaped);
        let name_end = self.out.len();
        self.out.push(tag::END);
        self.members.push(Member { prefix: 0, start, name_end, end: 0 });
    }

    #[inline]
    fn end_member(&mut self) {
        if let Some(member) = self.members.last_mut() {
            member.end = self.out.len();
            member.prefix = prefix(&self.out[member.start + 1..], member.name_end - member.start - 1);
        }
    }

    fn end_object(&mut self, mark: ObjectMark) {
        let out = &*self.out;
        let members = &self.members[mark.members..];
        let rising = members.windows(2).all(|pair| pair[0].before(&pair[1], out).is_lt());
        if !rising || members.iter().any(|member| member.is_null(out)) {
            self.sort(mark);
        }
        self.members.truncate(mark.members);
        self.out.push(tag::END);
    }
}

/// See [`Member::prefix`]; the name is the first `length` bytes.
#[inline]
fn prefix(bytes: &[u8], length: usize) -> u64 {
    match bytes.first_chunk() {
        Some(chunk) if length >= 8 => u64::from_be_bytes(*chunk),
        Some(chunk) => u64::from_be_bytes(*chunk) & !(u64::MAX >> (8 * length)),
        // The last member of a short object.
        None => bytes[..length].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)) << (8 * (8 - length) % 64),
    }
}
