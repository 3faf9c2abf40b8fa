//! Typed values of event columns, and the event that a caller gives or gets.

use super::key::EventKey;

/// The unit of a [`Value::Timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeUnit {
    /// Whole seconds.
    Second,
    /// Milliseconds, 10⁻³ s.
    Millisecond,
    /// Microseconds, 10⁻⁶ s.
    Microsecond,
    /// Nanoseconds, 10⁻⁹ s.
    Nanosecond,
}

impl TimeUnit {
    /// How many of this unit make a second.
    pub fn per_second(self) -> i64 {
        match self {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        }
    }
}

/// A value of a column, kept as it was given. Null is the absence of a value: an event has no entry for it.
///
/// `==` compares what was given (`Int(20)` is not `Float(20.0)`); whether two values *mean* the same is decided by their
/// [canonical form](crate::docs::canonical).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number that fits 64 bits with sign.
    Int(i64),
    /// A whole number above `i64::MAX`.
    UInt(u64),
    /// A binary floating-point number.
    Float(f64),
    /// A number kept as its text, in JSON's number syntax: a decimal column, or a JSON number that no other variant
    /// gives back as it was written (`62.0`, `1e5`, 400 digits).
    Decimal(String),
    /// Text.
    Text(String),
    /// Bytes without a character set.
    Bytes(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// An instant: units since 1970-01-01T00:00:00Z.
    Timestamp(i64, TimeUnit),
    /// A JSON text, white space, key order and escapes as given. Objects and arrays, and strings whose escapes differ
    /// from the usual ones.
    Json(String),
}

/// An event: its key, and a value for each column that is not null.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What identifies the event.
    pub key: EventKey,
    /// Column name and value, in the order of the store's column ids.
    pub columns: Vec<(String, Value)>,
}

impl Event {
    /// An event without columns.
    pub fn new(key: EventKey) -> Self {
        Event { key, columns: Vec::new() }
    }

    /// Adds a column.
    pub fn with(mut self, column: impl Into<String>, value: Value) -> Self {
        self.columns.push((column.into(), value));
        self
    }

    /// The value of a column, `None` where it is null.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }
}

/// A borrowed [`Value`], as codecs read it out of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// See [`Value::Bool`].
    Bool(bool),
    /// See [`Value::Int`].
    Int(i64),
    /// See [`Value::UInt`].
    UInt(u64),
    /// See [`Value::Float`].
    Float(f64),
    /// See [`Value::Decimal`].
    Decimal(&'a str),
    /// See [`Value::Text`].
    Text(&'a str),
    /// See [`Value::Bytes`].
    Bytes(&'a [u8]),
    /// See [`Value::Date`].
    Date(i32),
    /// See [`Value::Timestamp`].
    Timestamp(i64, TimeUnit),
    /// See [`Value::Json`].
    Json(&'a str),
}

impl Value {
    /// This value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::Int(v) => ValueRef::Int(*v),
            Value::UInt(v) => ValueRef::UInt(*v),
            Value::Float(v) => ValueRef::Float(*v),
            Value::Decimal(v) => ValueRef::Decimal(v),
            Value::Text(v) => ValueRef::Text(v),
            Value::Bytes(v) => ValueRef::Bytes(v),
            Value::Date(v) => ValueRef::Date(*v),
            Value::Timestamp(v, unit) => ValueRef::Timestamp(*v, *unit),
            Value::Json(v) => ValueRef::Json(v),
        }
    }
}

impl ValueRef<'_> {
    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Bool(v) => Value::Bool(v),
            ValueRef::Int(v) => Value::Int(v),
            ValueRef::UInt(v) => Value::UInt(v),
            ValueRef::Float(v) => Value::Float(v),
            ValueRef::Decimal(v) => Value::Decimal(v.to_owned()),
            ValueRef::Text(v) => Value::Text(v.to_owned()),
            ValueRef::Bytes(v) => Value::Bytes(v.to_owned()),
            ValueRef::Date(v) => Value::Date(v),
            ValueRef::Timestamp(v, unit) => Value::Timestamp(v, unit),
            ValueRef::Json(v) => Value::Json(v.to_owned()),
        }
    }
}
