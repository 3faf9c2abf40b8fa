//! What all expressions promise, and what the tests of the operators share: one expression on one row.

#![allow(clippy::unwrap_used)]

use super::columns::{self, Limits};
use super::config::Config;
use super::node::Mistake;
use crate::model::rejection::Rule;
use crate::model::value::TimeUnit;
use crate::source::files::{Rows, json_rows};
use crate::source::time::TimeRules;
use arrow::array::{Array, AsArray};

/// What the clock of the tests shows.
pub(super) const NOW: i64 = 1_762_214_400_000;
/// Bytes that an event of the tests may have.
const LONGEST: usize = 1_000_000;

fn config(expression: &str) -> Result<Config, Mistake> {
    let targets = format!(r#"{{"user_id":"u","insert_id":"i","time":"t","x":{expression}}}"#);
    Config::read(&format!(r#"{{"converterConfig":{{"convertToAmplitudeFunc":{targets}}}}}"#))
}

fn converted(config: &Config, row: &str) -> Rows {
    let times = TimeRules::new(TimeUnit::Millisecond, &jiff::tz::TimeZone::UTC);
    let limits = Limits { times, now: Some(NOW), longest: LONGEST, most_bytes: LONGEST };
    let mut pieces = columns::convert(config, &limits, &json_rows(row)).unwrap();
    assert_eq!(pieces.len(), 1);
    pieces.remove(0)
}

/// What an expression gives for a row, as JSON; `-` for no value.
#[track_caller]
pub(super) fn gives(expression: &str, row: &str) -> String {
    let rows = converted(&config(expression).unwrap(), row);
    assert_eq!(rows.verdicts.refused, [], "{expression}");
    let column = rows.batch.column_by_name("x").unwrap().as_string::<i32>();
    if column.is_null(0) { "-".to_owned() } else { column.value(0).to_owned() }
}

/// Why an expression fails on a row.
#[track_caller]
pub(super) fn fails(expression: &str, row: &str) -> String {
    let rows = converted(&config(expression).unwrap(), row);
    let refused = rows.verdicts.refused.first().unwrap_or_else(|| panic!("{expression} did not fail"));
    assert_eq!((refused.row, refused.rule), (0, Rule::ConversionFailed));
    refused.detail.clone()
}

/// What is wrong with an expression.
#[track_caller]
pub(super) fn mistake(expression: &str) -> Mistake {
    match config(expression) {
        Ok(_) => panic!("{expression} is no mistake"),
        Err(mistake) => mistake,
    }
}

/// The converted rows of a text, each as `number: target=token …`, `number: ignored` or `number: rule: detail`.
fn events(config: &Config, text: &str, most_bytes: usize) -> Vec<String> {
    let times = TimeRules::new(TimeUnit::Millisecond, &jiff::tz::TimeZone::UTC);
    let limits = Limits { times, now: Some(NOW), longest: LONGEST, most_bytes };
    let mut lines = Vec::new();
    for rows in columns::convert(config, &limits, &json_rows(text)).unwrap() {
        assert!(rows.not_objects.is_empty());
        for row in 0..rows.batch.num_rows() {
            let number = rows.numbers.get(row);
            let shown = |column: usize| {
                let array = rows.batch.column(column).as_string::<i32>();
                array
                    .is_valid(row)
                    .then(|| format!(" {}={}", rows.batch.schema().field(column).name(), array.value(row)))
            };
            let columns: String = (0..rows.batch.num_columns()).filter_map(shown).collect();
            let verdict = match rows.verdicts.refused.iter().find(|refused| refused.row == row) {
                Some(refused) => format!(" {}: {}", refused.rule.name(), refused.detail),
                None if rows.verdicts.ignored.contains(&row) => " ignored".to_owned(),
                None => String::new(),
            };
            lines.push(format!("{number}{verdict}{columns}"));
        }
    }
    lines
}

const LINES: &str = r#"{"u":"ann","i":1,"t":1762214400000,"kind":"a","n":62.0}
{"u":"bob","i":2,"t":1762214400001,"kind":"page_view"}

[1, 2]
{"u":"cem","i":3,"t":1762214400002,"kind":"$identify"}
{"u":"dan","i":4,"t":1762214400003,"kind":"a","n":"x"}
{"u":"eve","i":5,"t":1762214400004,"kind":"$groupidentify"}
{"u":"fay","i":6,"t":1762214400005,"kind":"b","skip":"TRUE"}
{"u":"gus","i":7,"t":1762214400006,"kind":"b","skip":7}
"#;

const EVENTS: [&str; 8] = [
    r#"1 user_id="ann" insert_id=1 time=1762214400000 event_type="a" n=62"#,
    "2 ignored",
    "4 not_an_object: the line is JSON, but no object (row)=[1, 2]",
    r#"5 identify_event: an event of type "$identify" changes a user or group (row)={"u":"cem","i":3,"t":1762214400002,"kind":"$identify"}"#,
    r#"6 conversion_failed: convertToAmplitudeFunc.n[3]: round: "x" is no number that can be calculated with (row)={"u":"dan","i":4,"t":1762214400003,"kind":"a","n":"x"}"#,
    r#"7 identify_event: an event of type "$groupidentify" changes a user or group (row)={"u":"eve","i":5,"t":1762214400004,"kind":"$groupidentify"}"#,
    "8 ignored",
    r#"9 conversion_failed: convertToAmplitudeFunc.$ignore: or: 7 is no boolean (row)={"u":"gus","i":7,"t":1762214400006,"kind":"b","skip":7}"#,
];

#[test]
fn every_row_becomes_an_event_or_says_why_not() {
    let config = Config::read(
        r#"{"converterConfig":{"ignoreEventFlag":"$ignore","convertToAmplitudeFunc":{"user_id":"u","insert_id":"i","time":"t",
            "event_type":"kind","n":["ifelse",["eq","n",["value",null]],"n",["round","n"]],
            "$ignore":["or",["eq","kind",["value","page_view"]],"skip"]}}}"#,
    )
    .unwrap();
    let expected = EVENTS.map(str::to_owned);
    assert_eq!(events(&config, LINES, LONGEST), expected);
    assert_eq!(events(&config, LINES, 1), expected, "one row a piece");
    assert_eq!(events(&config, LINES, 300), expected);
}

#[test]
fn a_flag_that_is_no_boolean_is_told_with_its_name() {
    let text = r#"{"converterConfig":{"ignoreEventFlag":"f","convertToAmplitudeFunc":{"user_id":"u","insert_id":"i","time":"t","f":"skip"}}}"#;
    let config = Config::read(text).unwrap();
    let found = events(&config, "{\"skip\":\"false\"}\n{\"skip\":true}\n{\"skip\":5}\n{}", LONGEST);
    assert_eq!(found[..2], ["1", "2 ignored"]);
    assert_eq!(
        found[2],
        "3 conversion_failed: convertToAmplitudeFunc.f: ignoreEventFlag: 5 is no boolean (row)={\"skip\":5}"
    );
    assert_eq!(found[3], "4");
}

#[test]
fn what_merely_passes_through_stays_as_it_was() {
    let digits = "1234567890".repeat(40);
    for token in ["62.0", "1E5", "-0", "\"\\u00e9\\/\"", "\"\\ud800\"", "{\"b\" : 1,  \"a\":[ 1.50 ]}", &digits] {
        for expression in
            [r#""a""#, r#"["path","o","a"]"#, r#"["any","none","a"]"#, r#"["ifelse",["bool",true],"a","none"]"#]
        {
            assert_eq!(gives(expression, &format!("{{\"a\":{token},\"o\":{{\"a\":{token}}}}}")), token, "{expression}");
        }
        let row = format!("{{\"a\":{token}}}");
        assert_eq!(gives(r#"{"x":"a"}"#, &row), format!("{{\"x\":{token}}}"));
        assert_eq!(gives(r#"["array","a"]"#, &row), format!("[{token}]"));
        assert_eq!(gives(r#"["merge_dicts",["path"],{"y":"a"}]"#, &row), format!("{{\"a\":{token},\"y\":{token}}}"));
        assert_eq!(
            gives(r#"["flatten_dict",".",["int",9],{"y":{"z":["array","a"]}}]"#, &row),
            format!("{{\"y.z\":[{token}]}}")
        );
    }
}

mod no_panic {
    //! Any converter of the grammar on any row: an event, or a reason; never a panic.
    use super::*;
    use crate::source::converter::expression::OPERATORS;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const NAMES: [&str; 6] = ["a", "b", "0", "list", "none", "é"];

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![5 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,3}"]
    }

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-3i64..30).prop_map(Value::from),
            any::<f64>().prop_map(|f| json!(f)),
            "\\PC{0,6}".prop_map(Value::from),
            prop::sample::select(vec![
                "2021-01-01T05:06:07",
                "1/1/2021 5:06:07",
                "AP6qCz41AAAwhCUA",
                "true",
                "12.5",
                "{\"a\":[1]}"
            ])
            .prop_map(Value::from),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        scalar().prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(name(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Mostly right calls, so that evaluating is reached; `wrong` makes calls with any arguments.
    fn expression() -> impl Strategy<Value = Value> {
        name().prop_map(Value::from).prop_recursive(4, 40, 4, |inner| {
            let operators: Vec<&str> = OPERATORS.iter().flat_map(|names| names.iter().copied()).collect();
            let call = |operator: String, arguments: Vec<Value>| Value::Array([vec![operator.into()], arguments].concat());
            let raw = prop::sample::select(vec!["", ".", "a", "[a-z]+", "(\\d)", "M/d/yyyy H:mm:ss", "yyyyMMdd", "$1"]);
            let one = |operators: &'static [&'static str]| (prop::sample::select(operators.to_vec()), inner.clone());
            let many = |operators: &'static [&'static str]| {
                (prop::sample::select(operators.to_vec()), prop::collection::vec(inner.clone(), 1..4))
            };
            prop_oneof![
                4 => one(&["iso_time_to_ms", "ms_to_iso_time", "int96_time_to_ms", "parse_json_element", "lower", "typeof", "not", "round"])
                    .prop_map(|(operator, of)| json!([operator, of])),
                4 => many(&["path", "any", "array", "merge_dicts", "concat", "and", "or", "+", "*"])
                    .prop_map(move |(operator, of)| call(operator.to_owned(), of)),
                3 => (prop::sample::select(vec!["eq", "-", "/", "cond", "sample_md5"]), inner.clone(), inner.clone())
                    .prop_map(|(operator, one, two)| json!([operator, one, two])),
                1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| json!(["ifelse", a, b, c])),
                1 => value().prop_map(|value| json!(["value", value])),
                1 => (raw.clone(), inner.clone(), -1i64..600).prop_map(|(raw, of, levels)| json!(["flatten_dict", raw, ["int", levels], of])),
                1 => (inner.clone(), name()).prop_map(|(of, name)| json!(["exclude_keys", of, name])),
                1 => (raw.clone(), raw.clone(), inner.clone()).prop_map(|(raw, with, of)| json!(["replace_with", raw, with, of])),
                2 => (prop::sample::select(vec!["split", "parse_time_to_ms", "contains"]), raw, inner.clone())
                    .prop_map(|(operator, raw, of)| json!([operator, raw, of])),
                2 => prop::collection::hash_map(name(), inner.clone(), 0..3).prop_map(|members| Value::Object(members.into_iter().collect())),
                1 => (prop::sample::select(operators), prop::collection::vec(prop_oneof![inner, value()], 0..4))
                    .prop_map(move |(operator, of)| call(operator.to_owned(), of)),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_converter_and_any_row(expression in expression(), rows in prop::collection::vec(prop::collection::hash_map(name(), value(), 0..5), 1..4)) {
            let text: String = rows.iter().map(|row| serde_json::to_string(row).unwrap() + "\n").collect();
            match config(&expression.to_string()) {
                Err(mistake) => prop_assert!(mistake.place.starts_with("convertToAmplitudeFunc.x"), "{mistake:?}"),
                Ok(config) => {
                    let lines = events(&config, &text, LONGEST);
                    prop_assert_eq!(lines.len(), rows.len());
                    for line in &lines {
                        // What comes out is JSON, or says where it failed.
                        if let Some((_, token)) = line.split_once(" x=") {
                            prop_assert!(crate::model::json::validate(token.as_bytes()).is_ok(), "{}: {}", expression, token);
                        }
                        if line.contains("conversion_failed") {
                            prop_assert!(line.contains("conversion_failed: convertToAmplitudeFunc.x"), "{}", line);
                        }
                    }
                    prop_assert_eq!(events(&config, &text, 1), lines);
                }
            }
        }

        #[test]
        fn any_text_as_a_converter(text in "[{}\\[\\]\":,a-z$0-9 ]{0,80}") {
            let _ = Config::read(&text);
            let _ = Config::read(&format!(r#"{{"converterConfig":{{"convertToAmplitudeFunc":{text}}}}}"#));
        }
    }
}
