//! What must hold for the canonical form of any value, tried against an oracle that is slow and plain: serde_json
//! splits the text, maps sort the members, numbers are compared as strings of all their digits.

use super::canonical::{Canonical, append};
use super::text::{append_json, parse_token};
use super::value::{TimeUnit, ValueRef};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

// The oracle.

/// What a JSON text means.
#[derive(Debug, PartialEq)]
enum Meaning {
    Null,
    Bool(bool),
    /// Sign, digits before and behind the point without superfluous zeros.
    Number(bool, String, String),
    Text(String),
    Array(Vec<Meaning>),
    Object(BTreeMap<String, Meaning>),
}

fn meaning(text: &str) -> Meaning {
    match text.as_bytes()[0] {
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
            let members = members.into_iter().map(|(name, value)| (name, meaning(value.get())));
            Meaning::Object(members.filter(|(_, value)| *value != Meaning::Null).collect())
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            Meaning::Array(elements.into_iter().map(|element| meaning(element.get())).collect())
        }
        b'"' => Meaning::Text(serde_json::from_str(text).unwrap()),
        b't' | b'f' => Meaning::Bool(text == "true"),
        b'n' => Meaning::Null,
        _ => plain_decimal(text),
    }
}

fn plain_decimal(text: &str) -> Meaning {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (mut whole, mut part) = (whole.to_owned(), part.to_owned());
    let exponent: i32 = exponent.parse().unwrap();
    for _ in 0..exponent {
        whole.push(if part.is_empty() { '0' } else { part.remove(0) });
    }
    for _ in exponent..0 {
        part.insert(0, whole.pop().unwrap_or('0'));
    }
    let (whole, part) = (whole.trim_start_matches('0').to_owned(), part.trim_end_matches('0').to_owned());
    Meaning::Number(negative && !(whole.is_empty() && part.is_empty()), whole, part)
}

fn bytes_of(value: ValueRef<'_>) -> Vec<u8> {
    let mut out = vec![];
    append(value, &mut out);
    out
}

/// What canonical bytes mean, read back. That this can be done shows that no two meanings share their bytes.
fn read(bytes: &[u8]) -> Meaning {
    match bytes[0] {
        7 => Meaning::Text(String::from_utf8(bytes[1..].to_vec()).unwrap()),
        6 => plain_decimal(std::str::from_utf8(&bytes[1..]).unwrap()),
        _ => {
            let mut rest = bytes;
            let meaning = read_nested(&mut rest);
            assert!(rest.is_empty(), "bytes are left");
            meaning
        }
    }
}

fn read_nested(rest: &mut &[u8]) -> Meaning {
    let (tag, length) = (rest[0], rest.iter().position(|&byte| byte == 0xff));
    *rest = &rest[1..];
    match tag {
        1 => Meaning::Null,
        2 | 3 => Meaning::Bool(tag == 3),
        4 => plain_decimal(&i64::from_be_bytes(cut(rest, 8).try_into().unwrap()).to_string()),
        5 => plain_decimal(&format!("{:e}", f64::from_be_bytes(cut(rest, 8).try_into().unwrap()))),
        6 | 7 => {
            let text = cut(rest, length.unwrap() - 1).to_vec();
            cut(rest, 1);
            read(&[vec![tag], text].concat())
        }
        11 => {
            let mut elements = vec![];
            while rest[0] != 0xff {
                elements.push(read_nested(rest));
            }
            cut(rest, 1);
            Meaning::Array(elements)
        }
        12 => {
            let mut members = BTreeMap::new();
            while cut(rest, 1)[0] != 0xff {
                let length = rest.iter().position(|&byte| byte == 0xff).unwrap();
                let name = String::from_utf8(cut(rest, length).to_vec()).unwrap();
                cut(rest, 1);
                assert!(members.last_key_value().is_none_or(|(last, _)| *last < name), "names rise");
                members.insert(name, read_nested(rest));
            }
            Meaning::Object(members)
        }
        other => panic!("tag {other}"),
    }
}

fn cut<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (head, tail) = rest.split_at(length);
    *rest = tail;
    head
}

// The generators.

/// A JSON document as it is meant, before it is written down in one of many ways.
#[derive(Debug, Clone)]
enum Tree {
    Word(&'static str),
    Number(String),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// Few texts, some the beginnings of others, around the eight bytes that names are first compared by.
fn texts() -> impl Strategy<Value = String> {
    const FEW: [&str; 12] =
        ["", "a", "b", "ab", "a\0", "\0", "é", "\u{1f600}", "\"\\/\n", "12345678", "123456789", "12345678\0"];
    prop_oneof![8 => select(FEW.as_slice()).prop_map(String::from), 1 => any::<String>()]
}

fn numbers() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(["0", "1", "-1", "20", "0.1", "9007199254740993", "9223372036854775807"].as_slice())
            .prop_map(String::from),
        1 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?",
        1 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?[eE][-+]?[0-9]{1,3}",
        1 => any::<i64>().prop_map(|value| value.to_string()),
        2 => any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| format!("{value:e}")),
        1 => (0u64..1 << 54).prop_map(|value| format!("{:?}", value as f64 / 1024.0)),
    ]
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        select(["null", "true", "false"].as_slice()).prop_map(Tree::Word),
        numbers().prop_map(Tree::Number),
        texts().prop_map(Tree::Text),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Tree::Array),
            2 => vec((texts(), inner), 0..5).prop_map(Tree::Object),
        ]
    })
}

/// The decisions that a writer of JSON is free to take, one after the other.
struct Style<'a> {
    choices: &'a [u8],
    at: usize,
}

impl Style<'_> {
    fn choose(&mut self, options: usize) -> usize {
        self.at += 1;
        self.choices.get(self.at % self.choices.len().max(1)).map_or(0, |&choice| usize::from(choice) % options)
    }

    fn space(&mut self) -> &'static str {
        ["", "", " ", "\n\t", "\r "][self.choose(5)]
    }
}

/// Writes a document down. Members keep their order where a name occurs twice, for then the order matters.
fn write(tree: &Tree, style: &mut Style<'_>) -> String {
    let before = style.space();
    let text = match tree {
        Tree::Word(word) => (*word).to_owned(),
        Tree::Number(number) => write_number(number, style),
        Tree::Text(text) => write_text(text, style),
        Tree::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(|element| write(element, style)).collect();
            format!("[{}{}]", elements.join(","), style.space())
        }
        Tree::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let distinct = members.iter().map(|(name, _)| name).collect::<std::collections::BTreeSet<_>>().len();
            if distinct == members.len() && !members.is_empty() {
                let middle = style.choose(members.len());
                members.rotate_left(middle);
            }
            let mut members: Vec<_> = (members.iter())
                .map(|(name, value)| format!("{}{}:{}", write_text(name, style), style.space(), write(value, style)))
                .collect();
            if style.choose(3) == 0 {
                members.insert(0, r#""only null": null"#.to_owned());
            }
            format!("{{{}{}}}", style.space(), members.join(" ,"))
        }
    };
    format!("{before}{text}{}", style.space())
}

fn write_text(text: &str, style: &mut Style<'_>) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        let must = character < ' ' || matches!(character, '"' | '\\');
        match style.choose(4) {
            0 => character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}")),
            1 => character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04X}")),
            _ if must => {
                let quoted = serde_json::to_string(&character).unwrap();
                out += &quoted[1..quoted.len() - 1];
            }
            2 if character == '/' => out += "\\/",
            _ => out.push(character),
        }
    }
    out + "\""
}

/// The same number with its point moved, or with zeros added.
fn write_number(number: &str, style: &mut Style<'_>) -> String {
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i64 = exponent.parse().unwrap();
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    match style.choose(5) {
        0 => format!("{whole}.{part}0e{exponent}"),
        1 => format!("{whole}.{part}000E{exponent:+}"),
        2 if whole.trim_start_matches('-') != "0" => format!("{whole}{part}00e{}", exponent - 2 - part.len() as i64),
        3 => {
            let sign = if whole.starts_with('-') { "-" } else { "" };
            let whole = whole.trim_start_matches('-');
            format!(
                "{sign}0.00{}{part}e{}",
                whole.trim_start_matches('-'),
                exponent + 2 + whole.trim_start_matches('-').len() as i64
            )
        }
        _ => number.to_owned(),
    }
}

fn styles() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

/// Any JSON text that has a lone surrogate, a number beyond doubles, or anything else that is valid.
fn tokens() -> impl Strategy<Value = String> {
    let odd = select([r#""\ud800""#, r#"["\udc00\ud800"]"#, "1e400", "-0", "0.10", "1E5", r#""\/""#].as_slice());
    prop_oneof![
        1 => odd.prop_map(String::from),
        4 => numbers(),
        2 => texts().prop_map(|text| serde_json::to_string(&text).unwrap()),
        4 => (trees(), styles()).prop_map(|(tree, choices)| {
            write(&tree, &mut Style { choices: &choices, at: 0 }).trim_matches([' ', '\t', '\n', '\r']).to_owned()
        }).prop_filter("null is no token", |token| token != "null"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_way_a_document_is_written_does_not_matter(tree in trees(), one in styles(), other in styles()) {
        let one = write(&tree, &mut Style { choices: &one, at: 0 });
        let other = write(&tree, &mut Style { choices: &other, at: 0 });
        prop_assert_eq!(bytes_of(ValueRef::Json(&one)), bytes_of(ValueRef::Json(&other)), "{} {}", one, other);
    }

    #[test]
    fn canonical_bytes_say_what_the_oracle_says(tree in trees(), choices in styles(), token in tokens()) {
        let text = write(&tree, &mut Style { choices: &choices, at: 0 });
        for text in [&text, &token] {
            // The oracle knows no lone surrogates.
            if !text.contains("\\ud800") {
                prop_assert_eq!(read(&bytes_of(ValueRef::Json(text))), meaning(text.trim()), "{}", text);
            }
        }
    }

    #[test]
    fn documents_are_equal_exactly_where_the_oracle_says_so(one in trees(), other in trees(), choices in styles()) {
        let one = write(&one, &mut Style { choices: &[4], at: 0 });
        let other = write(&other, &mut Style { choices: &choices, at: 0 });
        prop_assert_eq!(
            bytes_of(ValueRef::Json(&one)) == bytes_of(ValueRef::Json(&other)),
            meaning(one.trim()) == meaning(other.trim()), "{} {}", one, other
        );
    }

    /// One place of a document is changed, so that most pairs are nearly equal and some are equal.
    #[test]
    fn a_small_change_is_seen_exactly_where_the_oracle_sees_it(
        tree in trees(), choices in styles(), place: Index, put in select(vec!["0", "1", "9", "null", "a", "b", ""])
    ) {
        let text = write(&tree, &mut Style { choices: &choices, at: 0 });
        let places: Vec<_> = text.match_indices(['0', '1', '2', '5', '8', 'a', 'b']).map(|(place, _)| place).collect();
        if places.is_empty() {
            return Ok(());
        }
        let place = places[place.index(places.len())];
        let changed = format!("{}{put}{}", &text[..place], &text[place + 1..]);
        if serde_json::from_str::<serde_json::Value>(&changed).is_err() {
            return Ok(());
        }
        prop_assert_eq!(
            bytes_of(ValueRef::Json(&text)) == bytes_of(ValueRef::Json(&changed)),
            meaning(text.trim()) == meaning(changed.trim()), "{} {}", text, changed
        );
    }

    #[test]
    fn numbers_are_equal_exactly_where_all_their_digits_are(one in numbers(), other in numbers(), choices in styles()) {
        let mut style = Style { choices: &choices, at: 0 };
        let spelled = write_number(&one, &mut style);
        prop_assert_eq!(bytes_of(ValueRef::Decimal(&one)), bytes_of(ValueRef::Json(&spelled)), "{} {}", one, spelled);
        let other = write_number(&other, &mut style);
        prop_assert_eq!(
            bytes_of(ValueRef::Decimal(&one)) == bytes_of(ValueRef::Decimal(&other)),
            plain_decimal(&one) == plain_decimal(&other), "{} {}", one, other
        );
    }

    /// The last digit of a number near a double decides between FLOAT and DECIMAL.
    #[test]
    fn the_last_digit_of_a_number_is_seen(bits: u64, digit in 0u8..10, more in 0usize..3) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let given = format!("{value:.*e}", 14 + more);
        let (digits, exponent) = given.split_once('e').unwrap();
        let changed = format!("{}{digit}e{exponent}", &digits[..digits.len() - 1]);
        prop_assert_eq!(
            bytes_of(ValueRef::Decimal(&given)) == bytes_of(ValueRef::Decimal(&changed)),
            plain_decimal(&given) == plain_decimal(&changed), "{} {}", given, changed
        );
        let shortest = format!("{value:e}");
        prop_assert_eq!(
            bytes_of(ValueRef::Float(value)) == bytes_of(ValueRef::Decimal(&changed)),
            plain_decimal(&shortest) == plain_decimal(&changed), "{} {}", shortest, changed
        );
    }

    #[test]
    fn a_number_is_the_same_in_every_type(int: i64, uint: u64, bits: u64, small in -1000i64..1000) {
        let float = Some(f64::from_bits(bits)).filter(|float| float.is_finite()).unwrap_or(0.5);
        for (value, text) in [
            (ValueRef::Int(int), int.to_string()),
            (ValueRef::UInt(uint), uint.to_string()),
            (ValueRef::UInt(small.unsigned_abs()), format!("{}.0", small.unsigned_abs())),
            (ValueRef::Float(small as f64), small.to_string()),
            (ValueRef::Float(small as f64 / 8.0), format!("{}e0", small as f64 / 8.0)),
            (ValueRef::Float(int as f64), format!("{:e}", int as f64)),
            (ValueRef::Float(float), format!("{float:e}")),
        ] {
            prop_assert_eq!(bytes_of(value), bytes_of(ValueRef::Decimal(&text)), "{:?}", value);
            prop_assert_eq!(bytes_of(value), bytes_of(ValueRef::Json(&text)), "{:?}", value);
        }
    }

    #[test]
    fn an_instant_is_the_same_in_every_unit(seconds in -9_000_000_000i64..9_000_000_000, part in 0i64..1000) {
        let units = [(TimeUnit::Millisecond, 1), (TimeUnit::Microsecond, 1000), (TimeUnit::Nanosecond, 1_000_000)];
        for (unit, factor) in units {
            let instant = ValueRef::Timestamp((seconds * 1000 + part) * factor, unit);
            let milliseconds = bytes_of(ValueRef::Timestamp(seconds * 1000 + part, TimeUnit::Millisecond));
            prop_assert_eq!(bytes_of(instant), milliseconds);
            let whole = bytes_of(ValueRef::Timestamp(seconds, TimeUnit::Second));
            prop_assert_eq!(bytes_of(instant) == whole, part == 0);
        }
    }

    #[test]
    fn different_instants_differ(one: i64, other: i64, near in -2000i64..2000) {
        for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
            for (one, other) in [(one, other), (near, -near), (near, near + 1000)] {
                let equal = bytes_of(ValueRef::Timestamp(one, unit)) == bytes_of(ValueRef::Timestamp(other, unit));
                prop_assert_eq!(equal, one == other);
            }
        }
    }

    #[test]
    fn tokens_come_back_to_the_byte(token in tokens()) {
        let mut scratch = String::from("left over");
        let mut printed = String::new();
        let value = parse_token(&token, &mut scratch);
        append_json(value, &mut printed);
        prop_assert_eq!(&printed, &token, "{:?}", value);
        prop_assert_eq!(bytes_of(value), bytes_of(ValueRef::Json(&token)), "{:?} does not mean {}", value, token);
    }

    #[test]
    fn floats_are_written_as_tokens_that_read_back(bits: u64, quarters in -4_000_000i64..4_000_000) {
        for value in [f64::from_bits(bits), quarters as f64 / 4.0, quarters as f64 / 1e9] {
            prop_assume!(value.is_finite());
            let mut token = String::new();
            append_json(ValueRef::Float(value), &mut token);
            prop_assert_eq!(token.parse::<f64>().unwrap().to_bits(), value.to_bits());
            let read = format!("{:?}", parse_token(&token, &mut String::new()));
            prop_assert_eq!(read, format!("Float({value:?})"), "{}", token);
        }
    }

    /// Memory that is used again, after a document that broke off too, changes nothing.
    #[test]
    fn what_was_written_before_does_not_matter(texts in vec((tokens(), any::<Index>(), any::<bool>()), 1..6)) {
        let mut canonical = Canonical::default();
        for (text, cut, whole) in &texts {
            let length = text.char_indices().map(|(at, _)| at).nth(cut.index(text.chars().count())).unwrap_or(0);
            let text = if *whole { text } else { &text[..length] };
            let mut out = vec![7];
            canonical.append(ValueRef::Json(text), &mut out);
            prop_assert_eq!(&out[1..], bytes_of(ValueRef::Json(text)));
        }
    }

    #[test]
    fn no_text_is_a_reason_to_panic(text: String, shape in r#"[\[\]{},:"\\0-9eE.+u-]{0,12}"#) {
        for text in [text.as_str(), shape.as_str()] {
            for value in [ValueRef::Json(text), ValueRef::Decimal(text), parse_token(text, &mut String::new())] {
                prop_assert!(!bytes_of(value).is_empty());
                append_json(value, &mut String::new());
            }
        }
    }
}

#[test]
fn lone_surrogates_stay_apart() {
    let texts =
        [r#""\ud800""#, r#""\udc00""#, r#""\ud800\ud800""#, r#""\ud800\udc00""#, r#""\udc00\ud800""#, r#""\ufffd""#];
    let bytes: std::collections::BTreeSet<_> = texts.iter().map(|text| bytes_of(ValueRef::Json(text))).collect();
    assert_eq!(bytes.len(), texts.len());
    assert_eq!(bytes_of(ValueRef::Json(texts[3])), bytes_of(ValueRef::Text("\u{10000}")));
}

/// Without something before each name these two would have the same bytes.
#[test]
fn an_empty_name_is_not_the_end_of_its_object() {
    let one = r#"{"\u0001": {}, "\u0003": ["", {}, true]}"#;
    let other = r#"{"\u0001": {"": true}, "\u000b\u0007": {"": true}}"#;
    assert_ne!(bytes_of(ValueRef::Json(one)), bytes_of(ValueRef::Json(other)));
}

#[test]
fn documents_too_deep_are_text_and_no_stack_overflow() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    assert_eq!(bytes_of(ValueRef::Json(&deep))[1..], *deep.as_bytes());
    let nested = "[".repeat(500) + &"]".repeat(500);
    assert_eq!(bytes_of(ValueRef::Json(&nested)), [vec![11; 500], vec![0xff; 500]].concat());
}

#[test]
fn a_wide_object_is_sorted() {
    let member = |index: u32| format!(r#""{}":{index}"#, index.wrapping_mul(2_654_435_761));
    let forward: Vec<_> = (0..5000).map(member).collect();
    let backward: Vec<_> = (0..5000).rev().map(member).collect();
    let text = |members: &[String]| format!("{{{}}}", members.join(","));
    assert_eq!(bytes_of(ValueRef::Json(&text(&forward))), bytes_of(ValueRef::Json(&text(&backward))));
}
