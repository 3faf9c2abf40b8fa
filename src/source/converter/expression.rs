//! Expressions: what the vendor's page calls a SOURCE_DESCRIPTION, read once at the start and evaluated for each row.
//!
//! | in the file | expression |
//! |---|---|
//! | `"name"` | a field of the row, or of the object at hand; `"1"` is the second element of an array |
//! | `["operator", …]` | an operator with its arguments |
//! | `{"key": …, …}` | short for `["dict", "key", …, …]` |
//!
//! # What an expression gives
//!
//! A value, *no value*, or a failure. Null and what is absent are one thing, no value, as everywhere in eventmirror.
//! An operator of no value gives no value, except where the vendor's page says what null is to it: `false` to the
//! boolean operators, 0 to the arithmetic ones, `'null'` to `typeof`. A failure (a text that is no time, a `cond` of
//! which nothing is true) is caught by `any` and `array`, and refuses the row everywhere else.

use super::booleans::Boolean;
use super::call::{Call, Reader};
use super::choices::Choice;
use super::node::{Mistake, Node};
use super::numbers::Number;
use super::objects::Object;
use super::run::{Context, Failure, Root};
use super::texts::TextOperator;
use super::times::Time;
use super::value::Value;
use super::{booleans, choices, numbers, objects, texts, times};
use std::borrow::Cow;

/// A value, no value, or why there is none.
pub(super) type Outcome<'r> = Result<Option<Value<'r>>, Failure>;

/// What gives a value for a row.
#[derive(Debug)]
pub(super) enum Expression {
    /// A name of the row, or of the object or array at hand.
    Field(Field),
    /// Each expression on what the one before it gives.
    Path(Vec<Expression>),
    /// The text of a JSON value; `None` is null.
    Literal(Option<String>),
    Choice(Choice),
    Object(Object),
    Text(TextOperator),
    Time(Time),
    Boolean(Boolean),
    Number(Number),
}

/// The vendor's BASIC_PATH.
#[derive(Debug)]
pub(super) struct Field {
    /// Its number among the fields of the converter.
    slot: usize,
    name: String,
    /// As an index into an array.
    index: Option<usize>,
    place: String,
}

/// Every operator's names, for messages.
pub(super) const OPERATORS: [&[&str]; 7] = [
    &["path", "value"],
    choices::OPERATORS,
    objects::OPERATORS,
    texts::OPERATORS,
    times::OPERATORS,
    booleans::OPERATORS,
    numbers::OPERATORS,
];

impl Expression {
    /// Reads an expression.
    pub(super) fn read(node: &Node<'_>, reader: &mut Reader) -> Result<Expression, Mistake> {
        reader.enter(node)?;
        let expression = match node.string()? {
            Some(name) => Expression::Field(Field {
                slot: reader.slot(&name),
                index: name.parse().ok().filter(|_| name.bytes().all(|b| b.is_ascii_digit())),
                name,
                place: node.place.clone(),
            }),
            None if node.is_object() => Expression::Object(Object::of_members(node, reader)?),
            None if node.is_array() => Expression::operator(Call::new(node, reader)?)?,
            None => {
                return Err(node
                    .mistake(format!("{} stands where a field or an operator is wanted", node.text))
                    .advice(format!("a fixed value is written [\"value\", {}]", node.text)));
            }
        };
        reader.leave();
        Ok(expression)
    }

    fn operator(mut call: Call<'_, '_>) -> Result<Expression, Mistake> {
        match call.name() {
            "path" => {
                if call.count() == 0 {
                    call.note_whole_row();
                }
                return Ok(Expression::Path(call.sources()?));
            }
            "value" => {
                call.takes(1)?;
                return Ok(Expression::Literal(call.literal(0)));
            }
            _ => {}
        }
        if let Some(literal) = booleans::literal(&mut call)?.or(numbers::literal(&mut call)?) {
            return Ok(Expression::Literal(Some(literal)));
        }
        if let Some(choice) = Choice::read(&mut call)? {
            return Ok(Expression::Choice(choice));
        }
        if let Some(object) = Object::read(&mut call)? {
            return Ok(Expression::Object(object));
        }
        if let Some(text) = TextOperator::read(&mut call)? {
            return Ok(Expression::Text(text));
        }
        if let Some(time) = Time::read(&mut call)? {
            return Ok(Expression::Time(time));
        }
        if let Some(boolean) = Boolean::read(&mut call)? {
            return Ok(Expression::Boolean(boolean));
        }
        if let Some(number) = Number::read(&mut call)? {
            return Ok(Expression::Number(number));
        }
        Err(call.unknown())
    }

    /// Evaluates the expression on what is at hand.
    pub(super) fn evaluate<'r>(&'r self, at: Context<'r>) -> Outcome<'r> {
        match self {
            Expression::Field(field) => field.evaluate(at),
            Expression::Path(steps) => follow(steps, at),
            Expression::Literal(token) => Ok(token.as_deref().map(|token| Value::Token(Cow::Borrowed(token)))),
            Expression::Choice(choice) => choice.evaluate(at),
            Expression::Object(object) => object.evaluate(at),
            Expression::Text(text) => text.evaluate(at),
            Expression::Time(time) => time.evaluate(at),
            Expression::Boolean(boolean) => boolean.evaluate(at).map(|truth| Some(Value::of_bool(truth))),
            Expression::Number(number) => number.evaluate(at).map(Some),
        }
    }
}

impl Field {
    fn evaluate<'r>(&self, at: Context<'r>) -> Outcome<'r> {
        match at.root {
            Root::Row(row) => at.run.cell(self.slot, row).map_err(|what| Failure::at(&self.place, &self.name, &what)),
            Root::Plain => Ok(None),
            Root::Token(text) if text.starts_with('{') => {
                let found = super::json::member(text, &self.name).map_err(|_| {
                    Failure::at(&self.place, &self.name, "a name of the object holds half of a surrogate pair")
                })?;
                Ok(found.and_then(Value::of_token))
            }
            Root::Token(text) if text.starts_with('[') => {
                let Some(index) = self.index else { return Ok(None) };
                // The array was checked when its file or its text was read.
                let elements = super::json::elements(text).unwrap_or_default();
                Ok(elements.get(index).copied().and_then(Value::of_token))
            }
            Root::Token(_) => Ok(None),
        }
    }
}

/// Evaluates each step on what the one before it gave. Without steps: what is at hand.
fn follow<'r>(steps: &'r [Expression], at: Context<'r>) -> Outcome<'r> {
    let Some((first, rest)) = steps.split_first() else { return at.whole() };
    match first.evaluate(at)? {
        None => Ok(None),
        found if rest.is_empty() => Ok(found),
        Some(Value::Token(Cow::Borrowed(token))) => follow(rest, at.on(Root::Token(token))),
        Some(Value::Token(Cow::Owned(token))) => {
            follow(rest, at.on(Root::Token(&token))).map(|found| found.map(Value::into_owned))
        }
        Some(Value::Text(_)) => follow(rest, at.on(Root::Plain)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, gives, mistake};

    #[test]
    fn fields_and_paths() {
        let row = r#"{"foo":{"bar":62.0,"list":["a",{"x":null}],"e\u0301":1},"n":null,"a.b":7,"s":"text","1":"one"}"#;
        for (expression, expected) in [
            (r#""n""#, "-"),
            (r#""none""#, "-"),
            (r#""a.b""#, "7"),
            (r#""1""#, "\"one\""),
            (r#"["path","foo","bar"]"#, "62.0"),
            (r#"["path","foo","list","0"]"#, "\"a\""),
            (r#"["path","foo","list","1"]"#, r#"{"x":null}"#),
            (r#"["path","foo","list","2"]"#, "-"),
            (r#"["path","foo","list","-1"]"#, "-"),
            (r#"["path","foo","list","1","x"]"#, "-"),
            (r#"["path","foo","list","x"]"#, "-"),
            ("[\"path\",\"foo\",\"e\u{301}\"]", "1"),
            (r#"["path","foo","none","bar"]"#, "-"),
            (r#"["path","s","bar"]"#, "-"),
            (r#"["path",["concat","s"],"bar"]"#, "-"),
            (r#"["path","n","bar"]"#, "-"),
            (r#"["path",["path","foo"],["path","list","1"]]"#, r#"{"x":null}"#),
            (r#"["path",["parse_json_object",["value","{\"a\":[1,2.50]}"]],"a","1"]"#, "2.50"),
            (r#"["path","foo",["dict","copy","bar"],"copy"]"#, "62.0"),
        ] {
            assert_eq!(gives(expression, row), expected, "{expression}");
        }
        assert_eq!(gives(r#"["path"]"#, r#"{"b":1.0,"n":null,"a":"x"}"#), r#"{"b":1.0,"a":"x"}"#);
        assert_eq!(gives(r#"["path","foo",["path"]]"#, r#"{"foo":[1]}"#), "[1]");
        let what = fails(r#"["path","foo","a"]"#, r#"{"foo":{"\ud800":1}}"#);
        assert!(what.contains("convertToAmplitudeFunc.x[2]") && what.contains("surrogate"), "{what}");
    }

    #[test]
    fn literals_come_back_as_written_but_for_white_space() {
        for (literal, expected) in [
            ("null", "-"),
            ("\"amplitude-vacuum\"", "\"amplitude-vacuum\""),
            ("62.00", "62.00"),
            ("{ \"a\" : [ 1, null ] }", "{\"a\":[1,null]}"),
        ] {
            assert_eq!(gives(&format!("[\"value\", {literal}]"), "{}"), expected);
        }
        let many = "9".repeat(400);
        assert_eq!(gives(&format!("[\"value\",{many}]"), "{}"), many);
    }

    #[test]
    fn what_is_no_expression_is_a_mistake_with_its_place() {
        for (expression, place, what) in [
            ("[]", "convertToAmplitudeFunc.x", "names no operator"),
            ("[1]", "convertToAmplitudeFunc.x[0]", "is no operator's name"),
            ("5", "convertToAmplitudeFunc.x", "5 stands where"),
            ("null", "convertToAmplitudeFunc.x", "null stands where"),
            ("[\"uppercase\",\"a\"]", "convertToAmplitudeFunc.x", "\"uppercase\" is no operator"),
            ("[\"concat\",[\"lower\",[\"nope\"]]]", "convertToAmplitudeFunc.x[1][1]", "\"nope\" is no operator"),
            ("[\"value\"]", "convertToAmplitudeFunc.x", "value takes 1 argument, 0 are given"),
            ("[\"value\",1,2]", "convertToAmplitudeFunc.x", "value takes 1 argument, 2 are given"),
            ("[\"path\",[\"x y\"]]", "convertToAmplitudeFunc.x[1]", "\"x y\" is no operator"),
            ("{\"a\":{\"b\":[\"value\"]}}", "convertToAmplitudeFunc.x.a.b", "value takes"),
            ("\"\\ud800\"", "convertToAmplitudeFunc.x", "surrogate"),
        ] {
            let mistake = mistake(expression);
            assert!(mistake.place == place && mistake.what.contains(what), "{expression}: {mistake:?}");
        }
        let deep = "[\"lower\",".repeat(200) + "\"a\"" + &"]".repeat(200);
        assert!(mistake(&deep).what.contains("deep"));
    }
}
