//! Operators on texts: `concat`, `replace_with`, `split`, `lowercase`, `typeof`, `parse_json_element`.

use super::call::{Call, Site};
use super::expression::{Expression, Outcome};
use super::java_regex::{Pattern, Replacement};
use super::json::{compact, quoted};
use super::node::Mistake;
use super::run::{Context, Failure};
use super::value::{Kind, Value};
use crate::model::json::validate;
use std::borrow::Cow;

/// Their names.
pub(super) const OPERATORS: &[&str] =
    &["concat", "replace_with", "split", "lowercase", "lower", "typeof", "parse_json_element", "parse_json_object"];

#[derive(Debug)]
pub(super) enum TextOperator {
    /// All texts, one behind the other.
    Concat(Vec<Expression>, Site),
    /// The text with all matches replaced.
    Replace { pattern: Box<Pattern>, with: Replacement, of: Box<Expression>, site: Site },
    /// The pieces between a separator, as an array.
    Split { separator: String, of: Box<Expression>, site: Site },
    /// The text in lower case.
    Lower(Box<Expression>, Site),
    /// The name of the value's type.
    TypeOf(Box<Expression>),
    /// The JSON value that a text holds.
    ParseJson(Box<Expression>, Site),
}

impl TextOperator {
    pub(super) fn read(call: &mut Call<'_, '_>) -> Result<Option<Self>, Mistake> {
        Ok(Some(match call.name() {
            "concat" => {
                call.takes_at_least(1)?;
                TextOperator::Concat(call.sources()?, call.site())
            }
            "replace_with" => {
                call.takes(3)?;
                let pattern = Pattern::new(&call.text(0)?).map_err(|what| call.mistake_in(0, what))?;
                let with = pattern.replacement(&call.text(1)?).map_err(|what| call.mistake_in(1, what))?;
                let of = Box::new(call.source(2)?);
                TextOperator::Replace { pattern: Box::new(pattern), with, of, site: call.site() }
            }
            "split" => {
                call.takes(2)?;
                let separator = call.text(0)?;
                if separator.is_empty() {
                    return Err(call.mistake_in(0, "an empty text separates nothing"));
                }
                TextOperator::Split { separator, of: Box::new(call.source(1)?), site: call.site() }
            }
            "lowercase" | "lower" => TextOperator::Lower(one(call)?, call.site()),
            "typeof" => TextOperator::TypeOf(one(call)?),
            "parse_json_element" | "parse_json_object" => TextOperator::ParseJson(one(call)?, call.site()),
            _ => return Ok(None),
        }))
    }

    pub(super) fn evaluate<'r>(&'r self, at: Context<'r>) -> Outcome<'r> {
        match self {
            TextOperator::Concat(sources, site) => concat(sources, at, site),
            TextOperator::Replace { pattern, with, of, site } => on_text(of, at, site, |text| {
                let mut out = String::new();
                pattern.replace_all(text, with, &mut out, &|bytes| at.run.make(bytes))?;
                Ok(Value::Text(Cow::Owned(out)))
            }),
            TextOperator::Split { separator, of, site } => on_text(of, at, site, |text| {
                let mut array = String::from("[");
                for piece in text.split(separator.as_str()) {
                    at.run.make(piece.len() + 3)?;
                    if array.len() > 1 {
                        array.push(',');
                    }
                    array.push_str(&quoted(piece));
                }
                array.push(']');
                Ok(Value::made(array))
            }),
            TextOperator::Lower(of, site) => on_text(of, at, site, |text| {
                at.run.make(text.len())?;
                Ok(Value::Text(Cow::Owned(text.to_lowercase())))
            }),
            TextOperator::TypeOf(of) => {
                let name = match of.evaluate(at)?.map(|value| value.kind()) {
                    None => "null",
                    Some(Kind::Text) => "string",
                    Some(Kind::List) => "list",
                    Some(Kind::Dict) => "dict",
                    Some(Kind::Bool) => "bool",
                    Some(Kind::Number) => "number",
                };
                Ok(Some(Value::Text(Cow::Borrowed(name))))
            }
            TextOperator::ParseJson(of, site) => match of.evaluate(at)? {
                None => Ok(None),
                Some(value) if value.as_container().is_some() => Ok(Some(value)),
                Some(value) => parse_json(&value, at).map_err(|what| site.failure(what)),
            },
        }
    }
}

fn one(call: &mut Call<'_, '_>) -> Result<Box<Expression>, Mistake> {
    call.takes(1)?;
    Ok(Box::new(call.source(0)?))
}

/// What a function makes of an expression's text; no value stays none.
fn on_text<'r>(
    of: &'r Expression,
    at: Context<'r>,
    site: &Site,
    make: impl FnOnce(&str) -> Result<Value<'r>, String>,
) -> Outcome<'r> {
    let Some(value) = of.evaluate(at)? else { return Ok(None) };
    let made = value.as_text().and_then(|text| make(&text));
    made.map(Some).map_err(|what| site.failure(what))
}

/// One part without a value leaves the whole without one: a key out of half of its parts could be another row's.
fn concat<'r>(sources: &'r [Expression], at: Context<'r>, site: &Site) -> Outcome<'r> {
    let wrong = |what: String| -> Failure { site.failure(what) };
    let mut whole = String::new();
    for source in sources {
        let Some(value) = source.evaluate(at)? else { return Ok(None) };
        at.run.make(value.len()).map_err(wrong)?;
        whole.push_str(&value.as_any_text().map_err(wrong)?);
    }
    Ok(Some(Value::Text(Cow::Owned(whole))))
}

fn parse_json<'r>(value: &Value<'_>, at: Context<'r>) -> Result<Option<Value<'r>>, String> {
    let text = value.as_text()?;
    validate(text.as_bytes()).map_err(|error| format!("{} is no JSON: {error}", value.shown()))?;
    at.run.make(text.len())?;
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    Ok(match text {
        "null" => None,
        // Rows are written as lines.
        _ if text.contains(['\n', '\r']) => Some(Value::made(compact(text))),
        _ => Some(Value::made(text.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, gives, mistake};

    const ROW: &str = r#"{"s":"A,b,,C\u00c9","i":62.0,"t":true,"o":{"k" : "v,w"},"l":[1,2],"n":null,"half":"\ud800"}"#;

    #[test]
    fn concat_takes_everything_as_text() {
        assert_eq!(
            gives(r#"["concat","s",["value","-"],"i","t","o"]"#, ROW),
            "\"A,b,,CÉ-62.0true{\\\"k\\\" : \\\"v,w\\\"}\""
        );
        assert_eq!(gives(r#"["concat","s","none"]"#, ROW), "-");
        assert!(fails(r#"["concat","half"]"#, ROW).contains("surrogate"));
        assert!(mistake(r#"["concat"]"#).what.contains("concat takes 1 argument or more"));
    }

    #[test]
    fn replace_with_replaces_all_matches_of_a_java_regex() {
        assert_eq!(gives(r#"["replace_with","[A-Z]+","<$0>","s"]"#, ROW), "\"<A>,b,,<C>É\"");
        assert_eq!(gives(r#"["replace_with","(\\d+)\\.(\\d)","$2_$1","i"]"#, ROW), "\"0_62\"");
        assert_eq!(gives(r#"["replace_with","x","y","none"]"#, ROW), "-");
        assert!(fails(r#"["replace_with","x","y","l"]"#, ROW).contains("[1,2] is no text"));
        let wrong = mistake(r#"["replace_with","a(b","y","s"]"#);
        assert_eq!(wrong.place, "convertToAmplitudeFunc.x[1]");
        assert!(wrong.what.contains("a(b"), "{}", wrong.what);
        assert_eq!(mistake(r#"["replace_with","a","$1","s"]"#).place, "convertToAmplitudeFunc.x[2]");
        assert!(mistake(r#"["replace_with","a","b"]"#).what.contains("3 arguments"));
    }

    #[test]
    fn split_gives_all_pieces() {
        assert_eq!(gives(r#"["split",",","s"]"#, ROW), r#"["A","b","","CÉ"]"#);
        assert_eq!(gives(r#"["path",["split",",","s"],"1"]"#, ROW), "\"b\"");
        assert_eq!(gives(r#"["split","|","s"]"#, ROW), r#"["A,b,,CÉ"]"#);
        assert_eq!(gives(r#"["split",",","n"]"#, ROW), "-");
        assert!(fails(r#"["split",",","o"]"#, ROW).contains("is no text"));
        assert_eq!(mistake(r#"["split","","s"]"#).place, "convertToAmplitudeFunc.x[1]");
    }

    #[test]
    fn lower_is_lower_case_in_any_script() {
        assert_eq!(gives(r#"["lowercase","s"]"#, ROW), "\"a,b,,cé\"");
        assert_eq!(gives(r#"["lower",["value","ÀÞ"]]"#, ROW), "\"àþ\"");
        assert_eq!(gives(r#"["lower","n"]"#, ROW), "-");
        assert!(fails(r#"["lower","l"]"#, ROW).contains("is no text"));
    }

    #[test]
    fn typeof_names_the_six_types() {
        for (field, expected) in [
            ("s", "string"),
            ("i", "number"),
            ("t", "bool"),
            ("o", "dict"),
            ("l", "list"),
            ("n", "null"),
            ("none", "null"),
        ] {
            assert_eq!(gives(&format!("[\"typeof\",\"{field}\"]"), ROW), format!("\"{expected}\""));
        }
        assert!(mistake(r#"["typeof"]"#).what.contains("1 argument"));
    }

    #[test]
    fn parsed_json_is_the_value_that_the_text_holds() {
        for (text, expected) in [
            (r#" {\"a\":62.00} "#, r#"{"a":62.00}"#),
            (r#"[1,\n 2]"#, "[1,2]"),
            ("5", "5"),
            ("null", "-"),
            (r#"\"x\""#, "\"x\""),
        ] {
            let row = format!("{{\"p\":\"{text}\"}}");
            assert_eq!(gives(r#"["parse_json_element","p"]"#, &row), expected);
            assert_eq!(gives(r#"["parse_json_object","p"]"#, &row), expected);
        }
        assert_eq!(gives(r#"["parse_json_element","o"]"#, ROW), r#"{"k" : "v,w"}"#);
        assert_eq!(gives(r#"["parse_json_element","n"]"#, ROW), "-");
        let what = fails(r#"["parse_json_element",["value","{\"a\":"]]"#, ROW);
        assert!(what.contains("is no JSON") && what.contains("ends too early"), "{what}");
    }

    #[test]
    fn a_text_cannot_grow_without_end() {
        let row = format!("{{\"s\":\"{}\"}}", "x".repeat(600_000));
        assert!(gives(r#"["concat","s"]"#, &row).len() > 600_000);
        for expression in [
            r#"["concat","s","s"]"#,
            r#"["replace_with","x","yy","s"]"#,
            r#"["split","x","s"]"#,
            r#"["array","s","s"]"#,
            r#"{"a":"s","b":"s"}"#,
            r#"["merge_dicts",{"a":"s"},{"b":["lower","s"]}]"#,
        ] {
            assert!(fails(expression, &row).contains("needs more than"), "{expression}");
        }
    }
}
