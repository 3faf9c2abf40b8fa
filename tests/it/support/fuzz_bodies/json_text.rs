//! Any bytes as a JSON text. serde_json says what is JSON, and splits the text to write it anew in another form.

use eventmirror::model::canonical;
use eventmirror::model::json::{JsonError, validate};
use eventmirror::model::text::{append_json, append_plain, parse_token};
use eventmirror::model::value::ValueRef;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The first canonical byte of a text that is not JSON; see `src/docs/canonical.md`.
const MALFORMED: u8 = 13;

pub fn json_text(bytes: &[u8]) {
    let valid = validate(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return assert!(matches!(valid, Err(JsonError::Utf8(_))), "no UTF-8: {valid:?}");
    };
    let canonical = canonical_bytes(ValueRef::Json(text));
    assert_eq!(canonical[0] == MALFORMED, valid.is_err(), "the canonical form and the check disagree about {text:?}");
    let token = serde_json::from_str::<&RawValue>(text).map(RawValue::get);
    match (valid, token) {
        (Ok(()), Ok(token)) => valid_token(token, &canonical),
        (Err(JsonError::TooDeep(_)), Ok(_)) | (Err(_), Err(_)) => invalid_token(text),
        (valid, token) => panic!("we say {valid:?}, serde_json says {token:?} of {text:?}"),
    }
}

fn valid_token(token: &str, canonical: &[u8]) {
    let mut scratch = String::new();
    let value = parse_token(token, &mut scratch);
    assert_eq!(json(value), token, "a token must come back as it was");
    assert_eq!(canonical_bytes(value), canonical, "{value:?} must mean the same as {token:?}");
    append_plain(value, &mut String::new());
    let mut other_form = String::new();
    write_anew(token, &mut other_form);
    assert_eq!(canonical_bytes(ValueRef::Json(&other_form)), canonical, "{other_form:?} means the same as {token:?}");
}

fn invalid_token(text: &str) {
    let mut scratch = String::new();
    let value = parse_token(text, &mut scratch);
    // Containers are not looked into: a token is valid by contract.
    assert_eq!(value, ValueRef::Json(text), "what is no JSON is no value of another type");
    assert_eq!(json(value), text);
    let mut quoted = String::new();
    append_json(ValueRef::Text(text), &mut quoted);
    assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text, "any text can be written as JSON and read back");
}

/// The same value in another form: members in the reverse order of their names and once each, strings without
/// superfluous escapes, plain numbers with a decimal more, no white space.
fn write_anew(token: &str, out: &mut String) {
    match token.as_bytes()[0] {
        b'{' => match serde_json::from_str::<BTreeMap<String, &RawValue>>(token) {
            Ok(members) => list(out, ['{', '}'], members.iter().rev(), |(name, value), out| {
                out.push_str(&serde_json::to_string(name).unwrap());
                out.push(':');
                write_anew(value.get(), out);
            }),
            // A name with a lone surrogate, which serde_json's strings cannot hold.
            Err(_) => out.push_str(token),
        },
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(token).unwrap();
            list(out, ['[', ']'], elements.into_iter(), |element, out| write_anew(element.get(), out));
        }
        b'"' => match serde_json::from_str::<String>(token) {
            Ok(text) => out.push_str(&serde_json::to_string(&text).unwrap()),
            Err(_) => out.push_str(token),
        },
        b'-' | b'0'..=b'9' => {
            out.push_str(token);
            out.push_str(match (token.contains(['e', 'E']), token.contains('.')) {
                (true, _) => "",
                (_, true) => "0",
                _ => ".0",
            });
        }
        _ => out.push_str(token),
    }
}

fn list<T>(out: &mut String, [begin, end]: [char; 2], items: impl Iterator<Item = T>, write: impl Fn(T, &mut String)) {
    out.push(begin);
    for (index, item) in items.enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        write(item, out);
    }
    out.push(end);
}

fn canonical_bytes(value: ValueRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    canonical::append(value, &mut out);
    out
}

fn json(value: ValueRef<'_>) -> String {
    let mut out = String::new();
    append_json(value, &mut out);
    out
}
