//! The values that expressions pass on: texts as they stood in the file, so that nothing is lost on the way.

use super::json;
use crate::model::canonical::Canonical;
use crate::model::text::{append_json, parse_token};
use crate::model::value::ValueRef;
use crate::source::text::{excerpt, unescape};
use std::borrow::Cow;

/// A value. Null is none: it is the absence of a value, as everywhere in eventmirror.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    /// The text of one JSON value other than null, valid, without white space around it: `62.0`, `"a"`, `{"b": 1}`.
    Token(Cow<'a, str>),
    /// Text that is no JSON: a CSV cell, or what an operator made.
    Text(Cow<'a, str>),
}

/// The types that `typeof` tells, but for null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    List,
    Dict,
    Bool,
    Number,
}

impl<'a> Value<'a> {
    /// The value of a JSON text.
    pub(super) fn of_token(token: &'a str) -> Option<Self> {
        (token != "null").then_some(Value::Token(Cow::Borrowed(token)))
    }

    pub(super) fn of_bool(value: bool) -> Self {
        Value::Token(Cow::Borrowed(if value { "true" } else { "false" }))
    }

    /// A value of JSON's syntax that was made here.
    pub(super) fn made(token: String) -> Self {
        Value::Token(Cow::Owned(token))
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Value::Text(_) => Kind::Text,
            Value::Token(token) => match token.as_bytes().first() {
                Some(b'"') => Kind::Text,
                Some(b'[') => Kind::List,
                Some(b'{') => Kind::Dict,
                Some(b't' | b'f') => Kind::Bool,
                _ => Kind::Number,
            },
        }
    }

    /// The value as text: a string's characters, a number or a boolean as written. Objects and arrays are no text.
    pub(super) fn as_text(&self) -> Result<Cow<'_, str>, String> {
        match (self, self.kind()) {
            (_, Kind::List | Kind::Dict) => Err(format!("{} is no text", self.shown())),
            _ => self.as_any_text(),
        }
    }

    /// As [`as_text`](Self::as_text), but objects and arrays are their JSON.
    pub(super) fn as_any_text(&self) -> Result<Cow<'_, str>, String> {
        match self {
            Value::Text(text) => Ok(Cow::Borrowed(text)),
            Value::Token(token) if token.starts_with('"') => {
                unescape(token).ok_or_else(|| format!("{} holds half of a surrogate pair", self.shown()))
            }
            Value::Token(token) => Ok(Cow::Borrowed(token)),
        }
    }

    /// The text of an object or array.
    pub(super) fn as_container(&self) -> Option<&str> {
        match self {
            Value::Token(token) if token.starts_with(['{', '[']) => Some(token),
            _ => None,
        }
    }

    /// The members of an object.
    pub(super) fn members(&self) -> Result<Vec<json::Member<'_>>, String> {
        match self.as_container().filter(|text| text.starts_with('{')) {
            Some(text) => {
                json::members(text).map_err(|_| format!("{} has a name with half of a surrogate pair", self.shown()))
            }
            None => Err(format!("{} is no object", self.shown())),
        }
    }

    /// Booleans, and the texts `true` and `false` in any case.
    pub(super) fn truth(&self) -> Result<bool, String> {
        let wrong = || format!("{} is no boolean", self.shown());
        let text = self.as_text().map_err(|_| wrong())?;
        match () {
            () if text.eq_ignore_ascii_case("true") => Ok(true),
            () if text.eq_ignore_ascii_case("false") => Ok(false),
            () => Err(wrong()),
        }
    }

    /// Whether two values mean the same: 20 and 20.0 do, 20 and "20" do not, the order of an object's members does not
    /// matter.
    pub(super) fn means(&self, other: &Value<'_>) -> bool {
        match (self.plain(), other.plain()) {
            (Some(one), Some(other)) => one == other,
            _ => {
                let (mut one, mut two) = (Vec::new(), Vec::new());
                self.append_canonical(&mut one);
                other.append_canonical(&mut two);
                one == two
            }
        }
    }

    /// The characters of a text, where they stand as they are.
    fn plain(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Token(token) => {
                token.strip_prefix('"')?.strip_suffix('"').filter(|inner| !inner.as_bytes().contains(&b'\\'))
            }
        }
    }

    fn append_canonical(&self, out: &mut Vec<u8>) {
        let mut scratch = String::new();
        let value = match self {
            Value::Text(text) => ValueRef::Text(text),
            Value::Token(token) => parse_token(token, &mut scratch),
        };
        Canonical::default().append(value, out);
    }

    /// Appends the value as JSON.
    pub(super) fn append_json(&self, out: &mut String) {
        match self {
            Value::Text(text) => append_json(ValueRef::Text(text), out),
            Value::Token(token) => out.push_str(token),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Value::Text(text) | Value::Token(text) => text.len(),
        }
    }

    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Token(text) => Value::Token(Cow::Owned(text.into_owned())),
        }
    }

    /// The value as messages show it.
    pub(super) fn shown(&self) -> String {
        match self {
            Value::Text(text) => json::quoted(&excerpt(text)),
            Value::Token(token) => excerpt(token),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn token(text: &str) -> Value<'_> {
        Value::of_token(text).unwrap()
    }

    #[test]
    fn values_are_told_apart_by_their_first_byte() {
        use Kind::*;
        for (text, kind) in [
            ("\"a\"", Text),
            ("[]", List),
            ("{}", Dict),
            ("true", Bool),
            ("false", Bool),
            ("-1", Number),
            ("0", Number),
        ] {
            assert_eq!(token(text).kind(), kind, "{text}");
        }
        assert!(Value::of_token("null").is_none());
    }

    #[test]
    fn scalars_are_texts_and_containers_are_not() {
        assert_eq!(token("\"\\u00e9\\n\"").as_text().unwrap(), "é\n");
        assert_eq!(token("62.0").as_text().unwrap(), "62.0");
        assert_eq!(token("true").as_text().unwrap(), "true");
        assert_eq!(Value::Text("a\"b".into()).as_text().unwrap(), "a\"b");
        for text in ["{\"a\": 1}", "[1]", "\"\\ud800\""] {
            assert!(token(text).as_text().unwrap_err().contains(text), "{text}");
        }
        assert_eq!(token("[1, 2]").as_any_text().unwrap(), "[1, 2]");
    }

    #[test]
    fn truth_is_told_by_booleans_and_their_names() {
        assert_eq!(token("true").truth(), Ok(true));
        assert_eq!(token("\"False\"").truth(), Ok(false));
        assert_eq!(Value::Text("TRUE".into()).truth(), Ok(true));
        for text in ["1", "\"\"", "{}", "\"yes\""] {
            assert!(token(text).truth().is_err(), "{text}");
        }
    }

    #[test]
    fn equal_is_what_means_the_same() {
        for (one, other) in
            [("20", "20.0"), ("\"a\\u0062\"", "\"ab\""), ("{\"a\":1,\"b\":[2]}", "{\"b\": [2.0], \"a\":1}")]
        {
            assert!(token(one).means(&token(other)), "{one} {other}");
        }
        for (one, other) in [("20", "\"20\""), ("\"a\"", "\"A\""), ("[1,2]", "[2,1]"), ("true", "\"true\"")] {
            assert!(!token(one).means(&token(other)), "{one} {other}");
        }
        assert!(Value::Text("a\"".into()).means(&token("\"a\\\"\"")));
        assert!(!Value::Text("20".into()).means(&token("20")));
    }
}
