//! JSON texts cut into the texts of their parts, so that nothing in them is changed on the way.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A member of an object: its name, and the text of its value.
pub(super) type Member<'a> = (Cow<'a, str>, &'a str);

/// The members of an object in their order, names that come twice included. An error where the text is no object, or
/// a name has half of a surrogate pair, which no text can hold.
pub(super) fn members(text: &str) -> serde_json::Result<Vec<Member<'_>>> {
    let mut members = Vec::new();
    each_member(text, |name, value| members.push((name, value)))?;
    Ok(members)
}

/// The value of a member; of a name that comes twice the last one, as in the rows of a file.
pub(super) fn member<'a>(text: &'a str, wanted: &str) -> serde_json::Result<Option<&'a str>> {
    let mut found = None;
    each_member(text, |name, value| {
        if name == wanted {
            found = Some(value);
        }
    })?;
    Ok(found)
}

/// The elements of an array.
pub(super) fn elements(text: &str) -> serde_json::Result<Vec<&str>> {
    Ok(serde_json::from_str::<Vec<&RawValue>>(text)?.into_iter().map(RawValue::get).collect())
}

/// Appends the start of a member to an object that is being written: its name, as a JSON string, and the colon.
pub(super) fn push_name(name_token: &str, out: &mut String) {
    push_comma(out);
    out.push_str(name_token);
    out.push(':');
}

/// Appends a member to an object that is being written.
pub(super) fn push_member(name: &str, value: &str, out: &mut String) {
    push_comma(out);
    append_quoted(name, out);
    out.push(':');
    out.push_str(value);
}

fn push_comma(out: &mut String) {
    if out.len() > 1 {
        out.push(',');
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    append_quoted(text, &mut out);
    out
}

fn append_quoted(text: &str, out: &mut String) {
    crate::model::text::append_json(crate::model::value::ValueRef::Text(text), out);
}

/// A JSON text without the white space between its parts.
pub(super) fn compact(text: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    let kept = text.chars().filter(|c| {
        if in_string {
            in_string = is_escaped || *c != '"';
            is_escaped = !is_escaped && *c == '\\';
            return true;
        }
        in_string = *c == '"';
        !matches!(c, ' ' | '\t' | '\n' | '\r')
    });
    kept.collect()
}

fn each_member<'a>(text: &'a str, each: impl FnMut(Cow<'a, str>, &'a str)) -> serde_json::Result<()> {
    let mut parser = serde_json::Deserializer::from_str(text);
    parser.deserialize_map(Members(each))?;
    parser.end()
}

struct Members<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de str)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = members.next_key()? {
            (self.0)(name, members.next_value::<&'de RawValue>()?.get());
        }
        Ok(())
    }
}

/// A name, borrowed from the text unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn objects_and_arrays_are_cut_into_texts() {
        let text = r#"{"a" : 62.0, "b\u0062":[1, {"x":null}], "a":1e400}"#;
        let parts = members(text).unwrap();
        assert_eq!(
            parts.iter().map(|(name, value)| (&**name, *value)).collect::<Vec<_>>(),
            [("a", "62.0"), ("bb", r#"[1, {"x":null}]"#), ("a", "1e400")]
        );
        assert_eq!(member(text, "a").unwrap(), Some("1e400"));
        assert_eq!(member(text, "bb").unwrap(), Some(r#"[1, {"x":null}]"#));
        assert_eq!(member(text, "c").unwrap(), None);
        assert_eq!(elements("[ 1 , \"a b\" ]").unwrap(), ["1", "\"a b\""]);
        assert!(members("[]").is_err() && elements("{}").is_err() && member(r#"{"\ud800":1}"#, "a").is_err());
    }

    #[test]
    fn white_space_goes_outside_of_strings_only() {
        assert_eq!(compact("{ \"a b\\\" \" :\n [ 1,\t\"\\\\\" , 2 ] }"), "{\"a b\\\" \":[1,\"\\\\\",2]}");
    }
}
