//! What evaluating an expression has at hand: the rows of a part, the row or value it looks at, and its limits.

use super::cells::Cells;
use super::json;
use super::value::Value;
use crate::source::time::TimeRules;
use std::cell::Cell;

/// Why a row has no value where one is needed, with the place in the converter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure(pub(super) Box<str>);

impl Failure {
    #[cold]
    pub(super) fn at(place: &str, operator: &str, what: &str) -> Self {
        Failure(format!("{place}: {operator}: {what}").into())
    }
}

/// The rows of one part, and what holds for all of them.
pub(super) struct Run<'r> {
    /// The columns that the converter names, by slot.
    pub(super) cells: Vec<Cells<'r>>,
    /// All columns with their names as JSON strings, where some expression takes the row as a whole.
    pub(super) all: Vec<(String, Cells<'r>)>,
    pub(super) times: &'r TimeRules,
    /// What the clock operators give, in milliseconds since 1970.
    pub(super) now: Option<i64>,
    /// Bytes that an event may have, and that may be made for one.
    pub(super) longest: usize,
    /// Bytes that were made for the row at hand.
    pub(super) made: Cell<usize>,
}

impl<'r> Run<'r> {
    /// The value of a field of the row.
    #[inline]
    pub(super) fn cell(&'r self, slot: usize, row: usize) -> Result<Option<Value<'r>>, String> {
        self.cells.get(slot).map_or(Ok(None), |cells| cells.get(row))
    }

    /// Notes that `bytes` are made for the row: operators nest, so texts could grow without end.
    pub(super) fn make(&self, bytes: usize) -> Result<(), String> {
        let made = self.made.get().saturating_add(bytes);
        self.made.set(made);
        match made > self.longest {
            true => Err(format!("the event needs more than {} bytes", self.longest)),
            false => Ok(()),
        }
    }
}

/// What an expression looks at.
#[derive(Clone, Copy)]
pub(super) enum Root<'r> {
    /// The fields of a row.
    Row(usize),
    /// A JSON value.
    Token(&'r str),
    /// Text that is no JSON, which has no fields.
    Plain,
}

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
pub(super) struct Context<'r> {
    pub(super) run: &'r Run<'r>,
    pub(super) root: Root<'r>,
}

impl<'r> Context<'r> {
    /// The same with another root.
    pub(super) fn on<'s>(self, root: Root<'s>) -> Context<'s>
    where
        'r: 's,
    {
        Context { run: self.run, root }
    }

    /// What is at hand as one value: the row as an object.
    pub(super) fn whole(self) -> Result<Option<Value<'r>>, Failure> {
        match self.root {
            Root::Token(token) => Ok(Value::of_token(token)),
            Root::Plain => Ok(None),
            Root::Row(row) => self.row_object(row).map(Some).map_err(|what| Failure::at("the row", "path", &what)),
        }
    }

    fn row_object(self, row: usize) -> Result<Value<'r>, String> {
        let mut object = String::from("{");
        for (name, cells) in &self.run.all {
            if let Some(value) = cells.get(row)? {
                json::push_name(name, &mut object);
                value.append_json(&mut object);
            }
        }
        object.push('}');
        self.run.make(object.len())?;
        Ok(Value::made(object))
    }
}
