//! The converter file as a tree of JSON texts that know their places.

use super::json;
use crate::error::{Error, ErrorKind};
use std::collections::HashSet;

/// What is wrong in a converter file, and where.
#[derive(Debug)]
pub(super) struct Mistake {
    /// Such as `convertToAmplitudeFunc.time[1]`.
    pub(super) place: String,
    pub(super) what: String,
    pub(super) advice: Option<String>,
}

impl Mistake {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Mistake { place: place.into(), what: what.into(), advice: None }
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// As an error of how the program was called. `file` goes in front of the place.
    pub(super) fn into_error(self, file: Option<&str>) -> Error {
        let place = match (file, self.place.as_str()) {
            (Some(file), "") => file.to_owned(),
            (Some(file), place) => format!("{file}, {place}"),
            (None, place) => place.to_owned(),
        };
        let error = Error::new(ErrorKind::Usage, self.what);
        let error = if place.is_empty() { error } else { error.at(place) };
        match self.advice {
            Some(advice) => error.advice(advice),
            None => error,
        }
    }
}

/// One JSON value of the file.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) text: &'a str,
    pub(super) place: String,
}

impl<'a> Node<'a> {
    /// The whole file.
    pub(super) fn root(text: &'a str) -> Result<Self, Mistake> {
        let text = text.trim_start_matches('\u{feff}').trim_matches([' ', '\t', '\n', '\r']);
        match serde_json::from_str::<&serde_json::value::RawValue>(text) {
            Ok(value) => Ok(Node { text: value.get(), place: String::new() }),
            Err(error) => Err(Mistake::new("", format!("the converter is not JSON: {error}"))),
        }
    }

    pub(super) fn is_object(&self) -> bool {
        self.text.starts_with('{')
    }

    pub(super) fn is_array(&self) -> bool {
        self.text.starts_with('[')
    }

    /// The characters of a string; `None` for another type.
    pub(super) fn string(&self) -> Result<Option<String>, Mistake> {
        if !self.text.starts_with('"') {
            return Ok(None);
        }
        let wrong = |_| self.mistake("the string holds half of a surrogate pair");
        serde_json::from_str(self.text).map(Some).map_err(wrong)
    }

    /// The members of an object, each name once.
    pub(super) fn members(&self) -> Result<Vec<(String, Node<'a>)>, Mistake> {
        let members = json::members(self.text).map_err(|error| self.mistake(format!("no object: {error}")))?;
        let mut names = HashSet::new();
        let mut nodes = Vec::with_capacity(members.len());
        for (name, text) in members {
            let place = member_place(&self.place, &name);
            note_name(&mut names, &name).map_err(|what| Mistake::new(place.clone(), what))?;
            nodes.push((name.into_owned(), Node { text, place }));
        }
        Ok(nodes)
    }

    /// The elements of an array.
    pub(super) fn elements(&self) -> Result<Vec<Node<'a>>, Mistake> {
        let elements = json::elements(self.text).map_err(|error| self.mistake(format!("no array: {error}")))?;
        let node = |(index, text)| Node { text, place: format!("{}[{index}]", self.place) };
        Ok(elements.into_iter().enumerate().map(node).collect())
    }

    pub(super) fn mistake(&self, what: impl Into<String>) -> Mistake {
        Mistake::new(self.place.clone(), what)
    }
}

/// Notes a name of an object; what is wrong, where it came before.
pub(super) fn note_name(names: &mut HashSet<String>, name: &str) -> Result<(), String> {
    match names.insert(name.to_owned()) {
        true => Ok(()),
        false => Err(format!("{name:?} stands twice in one object")),
    }
}

/// `place.name`, or `place["a name"]` where the name is no word.
fn member_place(place: &str, name: &str) -> String {
    let is_word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'));
    match (is_word, place) {
        (false, _) => format!("{place}[{}]", json::quoted(name)),
        // What is in it is what these files are about; its own place would stand in front of everything.
        (true, "" | "converterConfig") if name == "convertToAmplitudeFunc" => name.to_owned(),
        (true, "") => name.to_owned(),
        (true, _) => format!("{place}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_node_knows_its_place() {
        let root = Node::root("{\"converterConfig\": {\"convertToAmplitudeFunc\": {\"time\": [\"a\", {\"x y\": 1}]}}}")
            .unwrap();
        let targets = root.members().unwrap()[0].1.members().unwrap()[0].1.members().unwrap();
        let time = targets[0].1.elements().unwrap();
        assert_eq!(time[0].place, "convertToAmplitudeFunc.time[0]");
        assert_eq!(time[1].members().unwrap()[0].1.place, "convertToAmplitudeFunc.time[1][\"x y\"]");
        assert_eq!(root.members().unwrap()[0].1.place, "converterConfig");
    }

    #[test]
    fn what_is_no_json_or_stands_twice_is_a_mistake() {
        assert!(Node::root("{\"a\":").unwrap_err().what.contains("not JSON"));
        let twice = Node::root("{\"a\": 1, \"a\": 2}").unwrap().members().unwrap_err();
        assert_eq!((twice.place.as_str(), twice.what.contains("twice")), ("a", true));
        let error = twice.into_error(Some("c.json"));
        assert_eq!((error.kind(), error.place()), (ErrorKind::Usage, Some("c.json, a")));
    }
}
