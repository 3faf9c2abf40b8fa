//! Reading an operator of the converter file: its name, how many arguments it takes, and of which kind each is.

use super::expression::{Expression, OPERATORS};
use super::json::compact;
use super::node::{Mistake, Node};
use super::run::Failure;

/// Expressions may stand in each other this deep; both reading and evaluating them use the stack once a level.
const MOST_NESTED: usize = 100;

/// What is gathered while expressions are read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The names of all fields, by slot.
    pub(super) fields: Vec<String>,
    slots: std::collections::HashMap<String, usize>,
    /// Whether some expression takes the row as a whole.
    pub(super) whole_row: bool,
    /// How many operators read the clock.
    pub(super) clocks: usize,
    depth: usize,
}

impl Reader {
    /// The number of a field.
    pub(super) fn slot(&mut self, name: &str) -> usize {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        self.fields.push(name.to_owned());
        self.slots.insert(name.to_owned(), self.fields.len() - 1);
        self.fields.len() - 1
    }

    pub(super) fn enter(&mut self, node: &Node<'_>) -> Result<(), Mistake> {
        self.depth += 1;
        match self.depth > MOST_NESTED {
            true => Err(node.mistake(format!("expressions stand in each other more than {MOST_NESTED} deep"))),
            false => Ok(()),
        }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}

/// Where an operator stands, for messages about its rows.
#[derive(Debug, Clone)]
pub(super) struct Site {
    place: String,
    operator: String,
}

impl Site {
    pub(super) fn new(place: &str, operator: &str) -> Self {
        Site { place: place.to_owned(), operator: operator.to_owned() }
    }

    /// The operator cannot be evaluated.
    #[cold]
    pub(super) fn failure(&self, what: impl AsRef<str>) -> Failure {
        Failure::at(&self.place, &self.operator, what.as_ref())
    }
}

/// An operator with its arguments, as they stand in the file.
pub(super) struct Call<'a, 'r> {
    node: &'r Node<'a>,
    name: String,
    arguments: Vec<Node<'a>>,
    reader: &'r mut Reader,
}

impl<'a, 'r> Call<'a, 'r> {
    pub(super) fn new(node: &'r Node<'a>, reader: &'r mut Reader) -> Result<Self, Mistake> {
        let mut arguments = node.elements()?;
        if arguments.is_empty() {
            return Err(node.mistake("an empty list names no operator"));
        }
        let first = arguments.remove(0);
        match first.string()? {
            Some(name) => Ok(Call { node, name, arguments, reader }),
            None => Err(first.mistake(format!("{} is no operator's name", first.text))),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn count(&self) -> usize {
        self.arguments.len()
    }

    pub(super) fn site(&self) -> Site {
        Site::new(&self.node.place, &self.name)
    }

    pub(super) fn note_whole_row(&mut self) {
        self.reader.whole_row = true;
    }

    pub(super) fn note_clock(&mut self) {
        self.reader.clocks += 1;
    }

    /// The operator takes exactly so many arguments.
    pub(super) fn takes(&self, count: usize) -> Result<(), Mistake> {
        self.check(self.count() == count, &plural(count))
    }

    /// The operator takes so many arguments or more.
    pub(super) fn takes_at_least(&self, count: usize) -> Result<(), Mistake> {
        self.check(self.count() >= count, &format!("{} or more", plural(count)))
    }

    /// The operator takes pairs of arguments, one or more.
    pub(super) fn takes_pairs(&self) -> Result<(), Mistake> {
        self.check(self.count() > 0 && self.count().is_multiple_of(2), "pairs of arguments, at least one pair")
    }

    fn check(&self, is_right: bool, wanted: &str) -> Result<(), Mistake> {
        match is_right {
            true => Ok(()),
            false => Err(self.mistake(format!("{} takes {wanted}, {} are given", self.name, self.count()))),
        }
    }

    /// The argument as an expression. The caller has checked that there is one.
    pub(super) fn source(&mut self, index: usize) -> Result<Expression, Mistake> {
        match self.arguments.get(index) {
            Some(node) => Expression::read(node, self.reader),
            None => Err(self.mistake("an argument is missing")),
        }
    }

    /// All arguments as expressions.
    pub(super) fn sources(&mut self) -> Result<Vec<Expression>, Mistake> {
        (0..self.count()).map(|index| self.source(index)).collect()
    }

    /// The argument as it stands: a string.
    pub(super) fn text(&self, index: usize) -> Result<String, Mistake> {
        let node = self.arguments.get(index).ok_or_else(|| self.mistake("an argument is missing"))?;
        node.string()?.ok_or_else(|| {
            node.mistake(format!("{} of {} is a string as it stands, not {}", ordinal(index), self.name, node.text))
        })
    }

    /// The argument as a JSON value; null is `None`.
    pub(super) fn literal(&self, index: usize) -> Option<String> {
        let text = self.arguments.get(index)?.text;
        (text != "null").then(|| compact(text))
    }

    /// What is wrong with the operator as a whole.
    pub(super) fn mistake(&self, what: impl Into<String>) -> Mistake {
        self.node.mistake(what)
    }

    /// What is wrong with one argument.
    pub(super) fn mistake_in(&self, index: usize, what: impl Into<String>) -> Mistake {
        self.arguments.get(index).unwrap_or(self.node).mistake(what)
    }

    pub(super) fn unknown(&self) -> Mistake {
        let known: Vec<&str> = OPERATORS.iter().flat_map(|names| names.iter().copied()).collect();
        self.mistake(format!("{:?} is no operator", self.name))
            .advice(format!("the operators are {}", known.join(", ")))
    }
}

fn plural(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        _ => format!("{count} arguments"),
    }
}

fn ordinal(index: usize) -> &'static str {
    match index {
        0 => "the first argument",
        1 => "the second argument",
        _ => "an argument",
    }
}
